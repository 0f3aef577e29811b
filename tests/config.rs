//! `tenured.toml`: reading it, and mistakes with their places. The cluster file is tested in `src/config/tests`.

use std::time::Duration;
use tenure::local::LocalConfig;
use tenure_core::Span;

const LOCAL: &str = r#"node = "p1"
data_dir = "data"
listen = "127.0.0.1:7100"
api_listen = "0.0.0.0:7101"
api_advertise = "p1.site:7101"
hmc_key = "/etc/tenure/hmc_ed25519"
log_format = "json"

[raft]
heartbeat = "100ms"
election_min = "300ms"
election_max = "600ms"
snapshot_every = 1000
snapshot_keep = 100
snapshot_size = "4MiB"
voter_gone = "90s"
"#;

#[test]
fn the_local_file_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("tenured.toml");
    std::fs::write(&file, LOCAL).unwrap();
    let local = LocalConfig::load(&file).unwrap();
    assert_eq!(local.node.as_str(), "p1");
    assert_eq!(local.data_dir, directory.path().join("data"));
    assert_eq!(local.hmc_key.as_deref(), Some("/etc/tenure/hmc_ed25519".as_ref()));
    assert_eq!(local.advertise, "127.0.0.1:7100");
    assert_eq!(local.api_advertise, "p1.site:7101");
    assert_eq!(local.raft.election_min, Duration::from_millis(300));
    assert_eq!(local.voter_gone, Span::seconds(90));
    assert_eq!((local.snapshots.every, local.snapshots.keep, local.snapshots.size), (1000, 100, 4 << 20));
    assert_eq!(local.agents.secrets, directory.path().join("secrets"));

    let left = |line: &str| LocalConfig::parse("tenured.toml", &LOCAL.replace(line, "")).unwrap().snapshots;
    let keep = "snapshot_keep = 100\n";
    assert_eq!((left(keep).every, left(keep).keep), (1000, 500), "half of a small one");
    let every = ["snapshot_every = 1000\n", keep].concat();
    assert_eq!((left(&every).every, left(&every).keep), (5000, 2000), "the defaults, with a table or without");

    assert_eq!(left("snapshot_size = \"4MiB\"\n").size, 16 << 20);

    let missing = LocalConfig::load(&directory.path().join("none.toml")).unwrap_err().to_string();
    assert!(missing.contains("none.toml:1:1: the file cannot be read: No such file"), "{missing}");
}

#[test]
fn mistakes_of_the_local_file() {
    let cases = [
        ("node = \"p1\"", "", "1:1: the file has no node; write node = \"p1\""),
        (
            "\"p1\"",
            "\"p 1\"",
            "1:8: \"p 1\" is not a usable name; write the node's name as the cluster file has it: A-Z a-z 0-9 - _ . and neither - nor . at its front",
        ),
        ("data_dir = \"data\"", "", "1:1: the file has no data_dir; write data_dir = \"/var/lib/tenure\""),
        ("\"90s\"", "\"1s\"", "16:14: a voter would be replaced while it restarts; write at least 2s"),
        (
            "\"127.0.0.1:7100\"",
            "\"localhost:7100\"",
            "3:10: \"localhost:7100\" is not an address to listen on; write a numeric address and a port, such as listen = \
             \"0.0.0.0:7100\"",
        ),
        (
            "api_advertise = \"p1.site:7101\"",
            "",
            "1:1: the file has no api_advertise; others cannot reach 0.0.0.0:7101; write api_advertise = \"p1.site:7101\"",
        ),
        ("p1.site:7101", "p1.site", "5:17: \"p1.site\" is not host:port; write api_advertise = \"p1.site:7101\""),
        (
            "0.0.0.0:7101",
            "127.0.0.1:7100",
            "4:14: 127.0.0.1:7100 is the address of listen already; choose another port",
        ),
        ("\"json\"", "\"jsn\"", "7:14: \"jsn\" is not a log format; did you mean \"json\"?"),
        (
            "\"300ms\"",
            "\"250ms\"",
            "11:16: election_min of 250ms is shorter than three heartbeats; write at least 300ms, or a shorter heartbeat",
        ),
        (
            "\"600ms\"",
            "\"400ms\"",
            "12:16: election_max of 400ms is less than one and a half election_min; write at least 450ms, so that candidates do \
             not collide",
        ),
        ("\"100ms\"", "\"1ms\"", "10:13: heartbeat of 1ms is shorter than 10ms; write at least 10ms"),
        ("1000", "10", "13:18: a snapshot every 10 entries is too often; write at least 50"),
        (
            "snapshot_keep = 100",
            "snapshot_keep = 1001",
            "14:17: snapshot_keep of 1001 is more than snapshot_every; write at most 1000",
        ),
        ("hmc_key", "hmc_kye", "6:1: the file has no part called \"hmc_kye\"; did you mean \"hmc_key\"?"),
    ];
    for (from, to, expected) in cases {
        assert_eq!(LOCAL.matches(from).count(), 1, "{from}");
        let problems = LocalConfig::parse("tenured.toml", &LOCAL.replace(from, to)).unwrap_err();
        assert_eq!(problems.to_string(), format!("tenured.toml:{expected}"));
    }
}

#[test]
fn what_a_node_runs_is_said_in_the_local_file() {
    let parse = |lines: &str| LocalConfig::parse("tenured.toml", &format!("{LOCAL}[agents]\n{lines}"));
    let agents =
        parse("types = [\"ocf:*\"]\nprograms = [\"/opt/bin\"]\nmemory_percent = 50\npids_max = 100\n").unwrap().agents;
    assert_eq!(agents.rights.types, ["ocf:*"]);
    assert_eq!(agents.rights.programs, [std::path::Path::new("/opt/bin")]);
    assert_eq!((agents.limits.memory_percent, agents.limits.pids), (50, 100));
    for (line, expected) in [
        ("programs = [\"bin\"]", "18:12: bin is not an absolute path; write programs = [\"/etc/tenure/programs\"]"),
        ("types = \"ocf:*\"", "18:9: types is text, not a list; write types = [\"ocf:*\"]"),
        ("memory_percent = 0", "18:18: memory_percent of 0 is no part of the memory; write a number from 1 to 100"),
        ("pids_max = 2", "18:12: pids_max of 2 is too few for any program; write at least 64"),
    ] {
        assert_eq!(parse(line).unwrap_err().to_string(), format!("tenured.toml:{expected}"));
    }
}

#[test]
fn two_nodes_of_a_machine_have_run_directories_of_their_own() {
    let directory = tempfile::tempdir().unwrap();
    let run_dir = |place: &str, more: &str| {
        let folder = directory.path().join(place);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("tenured.toml"), format!("{LOCAL}{more}")).unwrap();
        let local = LocalConfig::load(&folder.join("tenured.toml")).unwrap();
        local.agents.run_dir_of(&local.node)
    };
    let (one, other) = (run_dir("one", ""), run_dir("other", ""));
    assert!(one.starts_with("/run/tenure") && one.ends_with("p1"), "{}", one.display());
    assert_ne!(one, other, "they are called p1 both");
    assert_eq!(one, run_dir("one", ""), "and after a restart it is the same");
    assert_eq!(run_dir("one", "[agents]\nrun_dir = \"/run/mine\"\n"), std::path::Path::new("/run/mine/p1"));
}
