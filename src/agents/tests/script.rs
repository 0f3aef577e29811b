//! Script agents with the VCS contract.

use crate::house::{House, LONG, again, name, pairs, power, reads, seen};
use std::{fs, os::unix::fs::PermissionsExt as _, sync::Arc, time::Duration};
use tenure_core::{Power, execution::Answer};
use tokio::time::Instant;

/// An entry point that logs its arguments, and exits with the status in the file of its name.
fn obedient(house: &House, entry: &str, usual: u8) {
    let text = format!(
        r#"printf '{entry}' >>$HERE/log; for word in "$@"; do printf ' [%s]' "$word" >>$HERE/log; done; echo >>$HERE/log
[ -f $HERE/say ] && cat $HERE/say
exit $(cat $HERE/{entry} 2>/dev/null || echo {usual})"#
    );
    house.script("Disk", entry, &text);
}

fn house() -> House {
    let mut house = House::new();
    for (entry, usual) in [
        ("monitor", 100),
        ("online", 0),
        ("offline", 0),
        ("clean", 0),
        ("action", 0),
        ("info", 0),
        ("open", 0),
        ("close", 0),
        ("attr_changed", 0),
    ] {
        obedient(&house, entry, usual);
    }
    house.write("scripts/Disk/arglist", "Device\nMissing\nOptions\n");
    house.resource("data", "script:Disk", &[("Device", "/dev/sdb"), ("Options", "rw,a b")]);
    house
}

/// The logged arguments of an entry point.
fn told(house: &House, entry: &str) -> Vec<String> {
    let lines = house.lines("log").into_iter().filter_map(|line| Some(line.strip_prefix(entry)?.trim().to_owned()));
    lines.collect()
}

const ARGUMENTS: &str = "[/dev/sdb] [] [rw,a b]";

#[tokio::test]
async fn an_exit_status_of_monitor_is_a_state() {
    let mut house = house();
    house.resource("shy", "script:Disk", &[]);
    house.agent("shy").intentional_offline = true;
    let runtime = house.runtime();
    let cases = [
        (99, Power::Unknown, 0),
        (100, Power::Off, 0),
        (101, Power::Running, 10),
        (105, Power::Running, 50),
        (110, Power::Running, 100),
        (200, Power::Off, 0),
        (0, Power::Unknown, 0),
        (1, Power::Unknown, 0),
        (111, Power::Unknown, 0),
    ];
    for (code, power, confidence) in cases {
        house.write("monitor", &code.to_string());
        let seen = runtime.probe(&name("data")).await;
        assert_eq!((seen.power, seen.confidence), (power, confidence), "{code}");
    }
    house.write("monitor", "200");
    assert_eq!(runtime.probe(&name("shy")).await.power, Power::OffOnPurpose);
    house.write("say", "the disk is slow\n");
    house.write("monitor", "103");
    assert_eq!(runtime.probe(&name("data")).await.said, "the disk is slow");
}

#[tokio::test]
async fn each_entry_point_is_told_what_the_contract_says() {
    let house = house();
    let runtime = house.runtime();
    let data = name("data");
    assert_eq!(runtime.start(&data, LONG).await, Answer::Accepted);
    assert_eq!(runtime.stop(&data, LONG).await, Answer::Accepted);
    assert_eq!(runtime.clean(&data, 4, LONG).await, Answer::Accepted);
    house.write("say", "done\n");
    assert_eq!(runtime.act(&data, "grow", &["10".to_owned()], LONG).await.unwrap(), "done");
    assert_eq!(runtime.info(&data).await.unwrap(), "done");
    for (entry, words) in [
        ("open", format!("[data] {ARGUMENTS}")),
        ("monitor", format!("[data] {ARGUMENTS}")),
        ("online", format!("[data] {ARGUMENTS}")),
        ("offline", format!("[data] {ARGUMENTS}")),
        ("clean", format!("[data] [4] {ARGUMENTS}")),
        ("action", format!("[data] [grow] [10] {ARGUMENTS}")),
        ("info", format!("[data] {ARGUMENTS}")),
    ] {
        assert_eq!(told(&house, entry).first(), Some(&words), "{entry}");
    }
    assert!(house.lines("log")[0].starts_with("open"), "it is opened before the first look");
    house.write("scripts/Disk/arglist", "# form: tuples\nDevice\nOptions[]\n");
    house.write("action", "1");
    let refused = runtime.act(&data, "grow", &[], LONG).await.unwrap_err();
    assert_eq!(refused, "exit status 1: done");
    assert_eq!(told(&house, "action")[1], "[data] [grow] [Device] [1] [/dev/sdb] [Options] [2] [rw,a] [b]");
}

#[tokio::test]
async fn what_appears_changes_and_goes_is_told() {
    let mut house = house();
    let runtime = house.runtime();
    reads(&runtime, "data", Power::Off).await;
    house.agent("data").attributes = pairs(&[("Device", "/dev/sdc"), ("Options", "rw,a b")]);
    house.write("monitor", "110");
    runtime.configure(&Arc::new(house.cluster.clone()));
    reads(&runtime, "data", Power::Running).await;
    assert_eq!(told(&house, "attr_changed"), ["[data] [data] [Device] [/dev/sdc] [/dev/sdc] [] [rw,a b]"]);
    assert_eq!(told(&house, "open").len(), 1, "it was open all the time");
    house.cluster.resources.clear();
    runtime.configure(&Arc::new(house.cluster.clone()));
    again("it is closed", || told(&house, "close").len() == 1).await;
    assert_eq!(power(&runtime, "data"), None);
}

#[tokio::test]
async fn the_seconds_of_online_pass_before_the_next_look() {
    let house = house();
    let runtime = house.runtime();
    reads(&runtime, "data", Power::Off).await;
    house.write("online", "2");
    let began = Instant::now();
    assert_eq!(runtime.start(&name("data"), LONG).await, Answer::Accepted);
    assert!(began.elapsed() < Duration::from_millis(1500), "the start itself does not wait");
    house.write("monitor", "110");
    assert_eq!(power(&runtime, "data"), Some(Power::Starting));
    let seen = runtime.probe(&name("data")).await;
    assert_eq!(seen.power, Power::Running);
    assert!(began.elapsed() >= Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_cleaning_that_fails_is_refused_and_without_one_it_is_stopped() {
    let house = house();
    let runtime = house.runtime();
    house.write("clean", "1");
    house.write("say", "device is busy\n");
    assert_eq!(runtime.clean(&name("data"), 1, LONG).await, Answer::Refused("exit status 1: device is busy".into()));
    fs::remove_file(house.path("scripts/Disk/clean")).unwrap();
    assert_eq!(runtime.clean(&name("data"), 1, LONG).await, Answer::Accepted);
    assert_eq!(told(&house, "offline").len(), 1);
}

#[tokio::test]
async fn its_environment_is_its_own() {
    let house = house();
    house.script("Disk", "online", "env | cut -d= -f1 | sort >$HERE/env; env >$HERE/values");
    let runtime = house.runtime();
    runtime.start(&name("data"), LONG).await;
    let names = house.lines("env").into_iter().filter(|name| !["PWD", "SHLVL", "_", "OLDPWD"].contains(&name.as_str()));
    let tenure = ["ENTRY_POINT", "GROUP", "NODE", "RESOURCE", "SERVER", "TIMEOUT", "TYPE"];
    let expected: Vec<String> = ["HOME", "LANG", "PATH"]
        .map(str::to_owned)
        .into_iter()
        .chain(tenure.map(|name| format!("TENURE_{name}")))
        .chain(["VCS_HOME".to_owned()])
        .collect();
    assert_eq!(names.collect::<Vec<_>>(), expected);
    assert!(house.lines("values").contains(&"TENURE_RESOURCE=data".to_owned()));
}

#[tokio::test]
async fn what_is_missing_says_where_it_was_looked_for() {
    let mut house = house();
    house.resource("lost", "script:Lost", &[]);
    house.script("Blind", "online", "exit 0");
    house.resource("blind", "script:Blind", &[]);
    let runtime = house.runtime();
    let lost = runtime.probe(&name("lost")).await;
    assert_eq!(lost.power, Power::Absent);
    assert!(lost.said.contains(&house.text("scripts")), "{}", lost.said);
    let blind = runtime.probe(&name("blind")).await;
    assert_eq!((blind.power, blind.said.as_str()), (Power::Unknown, "the type Blind has no monitor"));
    assert_eq!(runtime.stop(&name("blind"), LONG).await, Answer::Refused("the type Blind has no offline".into()));
    fs::set_permissions(house.path("scripts/Disk/monitor"), fs::Permissions::from_mode(0o644)).unwrap();
    let seen_now = runtime.probe(&name("data")).await;
    assert_eq!(seen_now.power, Power::Unknown, "{}", seen_now.said);
    assert!(seen(&runtime, "data").unwrap().said.contains("denied"), "{}", seen_now.said);
}

#[tokio::test]
async fn its_messages_reach_the_operator() {
    let house = house();
    let text = r#". "$VCS_HOME/bin/ag_i18n_inc.sh"
VCSAG_SET_ENVS "$1"
VCSAG_LOGDBG_MSG 1 "looking"
VCSAG_LOG_MSG "W" "the disk is slow" 1001 "$2"
VCSAG_LOGDBG_MSG 1 "done"
exit 105"#;
    house.script("Disk", "monitor", text);
    let runtime = house.runtime();
    let seen = runtime.probe(&name("data")).await;
    assert_eq!((seen.confidence, seen.said.as_str()), (50, "W: the disk is slow (/dev/sdb)"));
}
