//! The binary itself: its exit codes, and help texts with examples.

use std::process::{Command, Output};

fn tenure(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tenure")).args(args).env_remove("TENURE_NODES").output().unwrap()
}

#[test]
fn exit_codes() {
    let site = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/config/site.toml");
    assert_eq!(tenure(&["validate", site]).status.code(), Some(0));
    assert_eq!(tenure(&["validate", "/nonexistent"]).status.code(), Some(2));
    assert_eq!(tenure(&["explode"]).status.code(), Some(2));
    assert_eq!(tenure(&["status", "--identity", "/nonexistent"]).status.code(), Some(2));
    let directory = tempfile::tempdir().unwrap();
    let (config, admin) = (directory.path().join("tenured.toml"), directory.path().join("admin"));
    let text = "node = \"p1\"\ndata_dir = \"data\"\nlisten = \"127.0.0.1:7100\"\napi_listen = \"127.0.0.1:7101\"\n";
    std::fs::write(&config, text).unwrap();
    let (config, admin) = (config.to_str().unwrap(), admin.to_str().unwrap());
    let init = ["cluster", "init", "--name", "s", "--config", config, "--identity", admin];
    assert_eq!(tenure(&init).status.code(), Some(0));
    let status = tenure(&["status", "--identity", admin, "--node", "127.0.0.1:1"]);
    assert_eq!(status.status.code(), Some(3));
    assert!(String::from_utf8(status.stderr).unwrap().contains("next: "));
}

#[test]
fn a_usage_line_has_no_options_that_need_not_be_given() {
    for place in ["/nowhere", ""] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tenure"));
        command.arg("why").env("TENURE_NODES", "127.0.0.1:1").env("TENURE_IDENTITY", place);
        let words = String::from_utf8(command.output().unwrap().stderr).unwrap();
        assert!(words.contains("Usage: tenure why <GROUP>\n"), "{words}");
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_tenure"));
    let wrong = command.arg("status").env("TENURE_NODES", "127.0.0.1").env("TENURE_IDENTITY", "/").output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn every_command_shows_an_example() {
    let commands: &[&str] = &[
        "",
        "validate",
        "apply",
        "export",
        "status",
        "why",
        "why-not",
        "plan",
        "capacity",
        "completions",
        "replay",
        "events",
        "group list",
        "group online",
        "group offline",
        "group switch",
        "group migrate",
        "group abort",
        "group flush",
        "group enable",
        "group clear-admin-wait",
        "group freeze",
        "group unfreeze",
        "group clear",
        "resource list",
        "resource show",
        "resource info",
        "resource action",
        "resource online",
        "resource offline",
        "resource restart",
        "lpar list",
        "agent list",
        "agent show",
        "service list",
        "service show",
        "service online",
        "service offline",
        "server list",
        "server show",
        "server drain",
        "server undrain",
        "server freeze",
        "server unfreeze",
        "server shutdown",
        "server release",
        "server rolling",
        "fence confirm",
        "fence confirm-node",
        "leader show",
        "leader transfer",
        "node list",
        "node add",
        "node remove",
        "node promote",
        "node token",
        "node stop",
        "cluster init",
        "cluster upgrade",
        "cluster disarm",
        "cluster arm",
        "cluster resume",
    ];
    for command in commands {
        let mut args: Vec<&str> = command.split_whitespace().collect();
        args.push("--help");
        let help = String::from_utf8(tenure(&args).stdout).unwrap();
        assert!(help.contains("Example: tenure "), "{command:?}: {help}");
    }
}
