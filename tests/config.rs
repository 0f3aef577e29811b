//! The cluster file and `tenured.toml`: every mistake at its place, and what is written is read back.

use proptest::prelude::*;
use std::{collections::BTreeMap, time::Duration};
use tenure::config::{LocalConfig, cluster, export};
use tenure_core::{
    Span,
    config::{Cluster, Group, Hmc, Lpar, Node, Server, Timings},
};

const SITE: &str = include_str!("fixtures/config/site.toml");

/// The messages for the site's file with one place replaced.
fn messages(from: &str, to: &str) -> Vec<String> {
    assert_eq!(SITE.matches(from).count(), 1, "{from:?} must stand once in the fixture");
    match cluster::parse("site.toml", &SITE.replace(from, to)) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.to_string().lines().map(str::to_owned).collect(),
    }
}

/// What is replaced, by what, and everything that is said about it.
type Case = (&'static str, &'static str, &'static [&'static str]);

fn check(cases: &[Case]) {
    let mut wrong = Vec::new();
    for (from, to, expected) in cases {
        let expected: Vec<String> = expected.iter().map(|text| format!("site.toml:{text}")).collect();
        let found = messages(from, to);
        if found != expected {
            wrong.push(format!("{from:?} -> {to:?}\n  found    {found:#?}\n  expected {expected:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_site_is_valid() {
    let site = cluster::parse("site.toml", SITE).unwrap();
    assert_eq!(site.groups["web"].restart_window, Span::seconds(300));
    assert_eq!(site.lpars["web1"].processors, 50);
    assert_eq!(site.servers["p1"].memory, Some(65536));
    assert_eq!(site.nodes["arb"], Node { server: None, lpar: None });
    assert_eq!(site.timings.heartbeat, Span(200));
    assert_eq!(site.timings.lease, Span::seconds(3));
}

#[test]
fn values_that_cannot_be_read() {
    check(&[
        (
            "heartbeat = \"200ms\"",
            "heartbeat = 200",
            &["60:13: heartbeat is 200; write a time such as \"250ms\", \"1.5s\", \"10m\" or \"1h\""],
        ),
        (
            "\"5m\"",
            "\"5 days\"",
            &["35:18: restart_window is \"5 days\"; write a time such as \"250ms\", \"1.5s\", \"10m\" or \"1h\""],
        ),
        (
            "\"16GiB\"",
            "\"16GB\"",
            &["56:10: memory is \"16GB\"; write memory such as \"512MiB\", \"8GiB\" or \"1.5TiB\""],
        ),
        (
            "\"2.0\"",
            "0.125",
            &["57:14: processors is 0.125; write processing units such as \"0.5\" or \"16\", in steps of 0.01"],
        ),
        ("priority = 10", "priority = -1", &["34:12: priority is -1; write a whole number from 0 to 4294967295"]),
        (
            "priority = 10",
            "priority = \"high\"",
            &["34:12: priority is \"high\"; write a whole number from 0 to 4294967295"],
        ),
        (
            "priority = 10",
            "autostart = \"yes\"",
            &["34:13: autostart is \"yes\"; write autostart = true or autostart = false"],
        ),
        ("[\"p2\", \"p1\"]", "\"p2\"", &["51:11: servers is text, not a list; write servers = [\"p2\"]"]),
        ("[\"p2\", \"p1\"]", "[\"p2\", 1]", &["51:18: servers holds a number; write names in quotes"]),
        ("name = \"site\"", "name = 5", &["1:8: name is 5; write name = \"…\""]),
        (
            "[nodes.arb]",
            "[nodes]\narb = 1",
            &["31:7: nodes.arb is a number, not a table; write [nodes.arb] on a line of its own"],
        ),
    ]);
}

#[test]
fn settings_that_do_not_exist() {
    check(&[
        ("priority = 10", "pirority = 10", &["34:1: groups have no setting \"pirority\"; did you mean \"priority\"?"]),
        (
            "priority = 10",
            "colour = \"red\"",
            &[
                "34:1: groups have no setting \"colour\"; write one of kind, servers, autostart_servers, priority, autostart, \
             restart_limit, restart_window",
            ],
        ),
        (
            "[timings]\nheartbeat",
            "[timings]\nhartbeat",
            &["60:1: timings has no setting \"hartbeat\"; did you mean \"heartbeat\"?"],
        ),
        ("[nodes.arb]", "[node.arb]", &["30:2: the file has no part called \"node\"; did you mean \"nodes\"?"]),
        ("priority = 10", "kind = \"parallel\"", &["34:8: \"parallel\" is not a kind of group; write one of failover"]),
        (
            "priority = 10",
            "kind = \"failovr\"",
            &["34:8: \"failovr\" is not a kind of group; did you mean \"failover\"?"],
        ),
    ]);
}

#[test]
fn things_that_are_missing() {
    check(&[
        ("name = \"site\"", "", &["1:1: the file has no name; write name = \"site\""]),
        ("user = \"tenure\"", "", &["3:7: hmc1 has no user; write user = \"tenure\""]),
        ("user = \"tenure\"", "user = \"\"", &["5:8: user is empty; write user = \"tenure\""]),
        (
            "system = \"Server-9009-42A-SN1111111\"",
            "",
            &["8:10: p1 has no system; write system = \"Server-9009-42A-SN1234567\""],
        ),
        ("group = \"db\"", "", &["53:8: db has no group; write group = \"web\""]),
        (
            "mtms = \"9009-42A*1111111\"\nhmcs = [\"hmc1\"]",
            "mtms = \"9009-42A*1111111\"",
            &["8:10: p1 has no HMC; write hmcs = [\"…\"]"],
        ),
        ("servers = [\"p2\", \"p1\"]", "", &["50:9: db may run nowhere; write servers = [\"…\"]"]),
        (
            "[groups.db]",
            "[groups.batch]\nservers = [\"p1\"]\n[groups.db]",
            &["50:9: batch has no LPAR; write group = \"batch\" in an LPAR"],
        ),
    ]);
}

#[test]
fn rules_of_a_valid_cluster() {
    check(&[
        (
            "group = \"web\"\npartition = \"web1\"",
            "group = \"wbe1\"\npartition = \"web1\"",
            &["38:9: there is no group wbe1; declared: db, web"],
        ),
        ("[\"p2\", \"p1\"]", "[\"p2\", \"p9\"]", &["51:18: there is no server p9; declared: p1, p2"]),
        ("[\"p2\", \"p1\"]", "[\"p2\", \"elsewhere\"]", &["51:18: there is no server elsewhere; declared: p1, p2"]),
        ("[\"p2\", \"p1\"]", "[\"p2\", \"p2\"]", &["51:18: p2 stands twice; name each server once"]),
        (
            "group = \"db\"",
            "group = \"dbs\"",
            &[
                "50:9: db has no LPAR; write group = \"db\" in an LPAR",
                "54:9: there is no group dbs; declared: db, web",
            ],
        ),
        (
            "partition = \"web2\"",
            "partition = \"web1\"",
            &["45:13: partition web1 is already LPAR web1; an LPAR belongs to exactly one group"],
        ),
        (
            "partition = \"db\"",
            "partition = \"mgmt1\"",
            &["55:13: partition mgmt1 is node p1 itself; a node cannot be a managed LPAR"],
        ),
        (
            "server = \"p2\"\nlpar",
            "server = \"p1\"\nlpar",
            &[
                "27:10: p1 already has node p1; at most one node lives on a server",
                "33:18: nobody can manage p2: it has no node; add one, or write surrogate = true for the server",
                "51:12: nobody can manage p2: it has no node; add one, or write surrogate = true for the server",
            ],
        ),
        (
            "[nodes.arb]",
            "[nodes.arb]\nlpar = \"arb\"",
            &["31:8: arb is an arbiter and has no LPAR; name its server too, or remove this line"],
        ),
        (
            "*2222222\"",
            "*1111111\"",
            &["17:8: 9009-42A*1111111 is already server p1; declare each physical server once"],
        ),
        (
            "9009-42A*2222222",
            "9009-42A-2222222",
            &["17:8: \"9009-42A-2222222\" is not a type, model and serial number; write it as 9009-42A*1234567"],
        ),
        ("hmc1.site:22", "hmc1.site", &["4:11: \"hmc1.site\" is not an address; write host:port, such as hmc1:22"]),
        (
            "SHA256:AAAA",
            "MD5:AAAA",
            &[
                "6:12: \"MD5:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\" is not a host key fingerprint; write the SHA256:… that \
             `ssh-keyscan HMC | ssh-keygen -lf -` prints",
            ],
        ),
        ("priority = 10", "autostart_servers = [\"p3\"]", &["34:22: there is no server p3; declared: p1, p2"]),
        (
            "[\"p2\", \"p1\"]",
            "[\"p2\"]\nautostart_servers = [\"p1\"]",
            &["52:22: p1 is not in the system list; add it to servers, or remove it here"],
        ),
        ("\"5m\"", "\"0s\"", &["35:18: restart_window is zero; write a time such as 10m"]),
        (
            "\"16GiB\"",
            "\"65GiB\"",
            &[
                "51:12: db needs 66560 MiB of memory and p2 has 65536 MiB; remove p2 or make it fit",
                "51:18: db needs 66560 MiB of memory and p1 has 65536 MiB; remove p1 or make it fit",
            ],
        ),
        (
            "heartbeat = \"200ms\"",
            "heartbeat = \"600ms\"\nlease = \"2s\"",
            &[
                "59:2: suspect of 1.5s is shorter than three heartbeats; write at least 1.8s",
                "61:9: lease of 2s is shorter than suspect and one heartbeat; write at least 2.1s",
            ],
        ),
        ("[lpars.db]", "[lpars.\"d b\"]", &["53:8: \"d b\" is not a usable name; write 1 to 64 of A-Z a-z 0-9 - _ ."]),
    ]);
}

#[test]
fn text_that_is_not_toml() {
    check(&[
        ("user = \"tenure\"", "user = ", &["5:8: a value is missing; write it after the ="]),
        (
            "user = \"tenure\"",
            "user = tenure",
            &["5:8: this is neither true nor false, nor text in quotes; write text as \"…\""],
        ),
        ("user = \"tenure\"", "user = \"tenure\"\nuser = \"me\"", &["6:1: this key stands twice; remove one of them"]),
        (
            "user = \"tenure\"",
            "user = \"tenure",
            &["5:15: text without its closing quote; end it with \" on the same line"],
        ),
        ("[groups.db]", "[groups.db", &["50:11: unclosed table, expected `]`"]),
    ]);
}

#[test]
fn all_mistakes_are_said_at_once_and_none_twice() {
    let text = SITE
        .replace("9009-42A*2222222", "wrong")
        .replace("user = \"tenure\"", "")
        .replace("[\"p2\", \"p1\"]", "[\"p9\", \"p9\"]")
        .replace("\"5m\"", "5");
    let problems = cluster::parse("site.toml", &text).unwrap_err();
    let places: Vec<(usize, usize)> = problems.list().iter().map(|one| (one.line, one.column)).collect();
    assert_eq!(places, [(3, 7), (17, 8), (35, 18), (51, 12), (51, 18), (51, 18)]);
}

#[test]
fn columns_count_characters_and_a_terminal_sees_the_line() {
    let problems = cluster::parse("ä.toml", "name = \"süß\" öäü\n").unwrap_err();
    assert!(problems.to_string().starts_with("ä.toml:1:14: "), "{problems}");
    let problems = cluster::parse("x.toml", &SITE.replace("\"5m\"", "\"5 days\"")).unwrap_err();
    let fancy = problems.fancy(false);
    assert!(fancy.contains("restart_window = \"5 days\""), "{fancy}");
    assert!(fancy.contains("x.toml:35:18"), "{fancy}");
}

#[test]
fn what_is_exported_is_canonical() {
    let site = cluster::parse("site.toml", SITE).unwrap();
    let once = export(&site);
    let again = cluster::parse("export", &once).unwrap();
    assert_eq!(again, site);
    assert_eq!(export(&again), once);
    assert!(
        once.contains("[groups.web]\nservers = [\"p1\", \"p2\"]\npriority = 10\nrestart_window = \"5m\"\n"),
        "{once}"
    );
    assert!(!once.contains("autostart"), "{once}");
}

fn name() -> impl Strategy<Value = String> {
    "[a-z0-9][A-Za-z0-9_.-]{0,11}"
}

fn names(most: usize) -> impl Strategy<Value = Vec<String>> {
    proptest::collection::btree_set(name(), 1..=most).prop_map(|names| names.into_iter().collect())
}

prop_compose! {
    fn any_lpar()(
        profile in proptest::option::of("[ -~]{1,12}"),
        vios in proptest::collection::vec("[a-z\"\\\\]{1,5}", 0..3),
        memory in 0_u64..10_000_000,
        processors in 0_u64..100_000,
        start in 1_u64..100_000_000,
        stop in 0_u64..100_000_000,
    ) -> Lpar {
        Lpar {
            group: "".into(), partition: String::new(), profile, vios, memory, processors,
            start_timeout: Span(start), stop_timeout: Span(stop),
        }
    }
}

prop_compose! {
    fn any_timings()(
        heartbeat in 10_u64..5_000, suspect in 0_u64..5_000, lease in 0_u64..5_000,
        monitor in 50_u64..100_000, extra in 0_u64..100_000, fence in 1_000_u64..1_000_000,
    ) -> Timings {
        let suspect = heartbeat * 3 + suspect;
        Timings {
            heartbeat: Span(heartbeat), suspect: Span(suspect), lease: Span(suspect + heartbeat + lease),
            monitor: Span(monitor), settle: Span(suspect + heartbeat + lease + extra), fence: Span(fence),
        }
    }
}

prop_compose! {
    /// A valid cluster: every server has a node, every group an LPAR, and nothing is too big.
    fn any_cluster()(
        cluster in name(),
        hmcs in names(2),
        servers in names(4),
        groups in names(3),
        lpars in proptest::collection::vec((name(), any_lpar(), 0_usize..3), 0..5),
        first in proptest::collection::vec(any_lpar(), 3),
        priority in any::<u32>(),
        flags in any::<[bool; 3]>(),
        limit in 0_u32..9,
        window in 1_u64..100_000_000,
        timings in any_timings(),
    ) -> Cluster {
        let hmc = Hmc {
            address: "h:22".to_owned(), user: "ü\n".to_owned(), host_key: format!("SHA256:{}", "k".repeat(43)),
        };
        let server = |i: usize, name: &String| (name.as_str().into(), Server {
            system: format!("Server \"{i}\""),
            mtms: format!("9009-42A*{i:07}"),
            hmcs: hmcs.iter().map(|hmc| hmc.as_str().into()).collect(),
            surrogate: flags[0],
            memory: flags[1].then_some(u64::MAX / 2),
            processors: flags[1].then_some(u64::MAX / 200),
        });
        let node = |name: &String| {
            (name.as_str().into(), Node { server: Some(name.as_str().into()), lpar: Some(format!("{name} mgmt")) })
        };
        let group = |name: &String| (name.as_str().into(), Group {
            priority,
            servers: servers.iter().map(|server| server.as_str().into()).collect(),
            autostart: flags[2],
            autostart_servers: servers.iter().take(usize::from(flags[0])).map(|server| server.as_str().into()).collect(),
            restart_limit: limit,
            restart_window: Span(window),
        });
        let mut all: BTreeMap<String, (Lpar, usize)> = BTreeMap::new();
        for (i, lpar) in first.iter().take(groups.len()).enumerate() {
            all.insert(format!("first{i}"), (lpar.clone(), i));
        }
        for (name, lpar, place) in &lpars {
            all.entry(format!("x{name}")).or_insert_with(|| (lpar.clone(), *place % groups.len()));
        }
        let lpar = |(name, (lpar, place)): (&String, &(Lpar, usize))| {
            let (group, partition) = (groups[*place].as_str().into(), format!("{name}'s"));
            (name.as_str().into(), Lpar { group, partition, ..lpar.clone() })
        };
        Cluster {
            name: cluster,
            hmcs: hmcs.iter().map(|name| (name.as_str().into(), hmc.clone())).collect(),
            servers: servers.iter().enumerate().map(|(i, name)| server(i, name)).collect(),
            nodes: servers.iter().map(node).collect(),
            groups: groups.iter().map(group).collect(),
            lpars: all.iter().map(lpar).collect(),
            timings,
        }
    }
}

proptest! {
    #[test]
    fn export_parses_back_to_the_same(cluster in any_cluster()) {
        prop_assert_eq!(cluster.mistakes(), vec![]);
        let text = export(&cluster);
        match cluster::parse("export", &text) {
            Ok(back) => prop_assert_eq!(back, cluster),
            Err(problems) => prop_assert!(false, "{}\n{}", problems, text),
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "[\\[\\]a-z0-9.\"= \n{},äß#]{0,200}") {
        let _ = cluster::parse("x", &text).map_err(|problems| (problems.to_string(), problems.fancy(true)));
        let _ = LocalConfig::parse("x", &text).map_err(|problems| problems.to_string());
    }

    #[test]
    fn no_damage_to_a_file_makes_it_panic(at in 0_usize..SITE.len(), length in 0_usize..40, with in "[\\[\\]\"=.,{}\n ]{0,3}") {
        let mut text = SITE.to_owned();
        text.replace_range(at..(at + length).min(SITE.len()), &with);
        let _ = cluster::parse("x", &text).map_err(|problems| (problems.to_string(), problems.fancy(false)));
    }
}

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
    assert_eq!((local.snapshots.every, local.snapshots.keep), (1000, 100));

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
            "1:8: \"p 1\" is not a usable name; write the node's name as the cluster file has it: A-Z a-z 0-9 - _ .",
        ),
        ("data_dir = \"data\"", "", "1:1: the file has no data_dir; write data_dir = \"/var/lib/tenure\""),
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
