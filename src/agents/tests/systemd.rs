//! Tests of systemd units, through a fake `systemctl` that keeps its units in files.

use crate::house::{House, LONG, name, reads};
use tenure_core::{Power, execution::Answer};

const SYSTEMCTL: &str = r#"
echo "$*" >>$HERE/log
for unit in "$@"; do :; done
case "$*" in
show*) [ -f $HERE/$unit ] || { echo LoadState=not-found; echo ActiveState=inactive; exit 0; }
  echo LoadState=loaded; echo ActiveState=$(cat $HERE/$unit); echo SubState=x; echo Result=exit-code;;
*start*) [ -f $HERE/refuse ] && { echo "Job for $unit failed." >&2; exit 1; }; echo active >$HERE/$unit;;
*kill*) echo failed >$HERE/$unit;;
*stop*) echo inactive >$HERE/$unit;;
*status*) echo "* $unit - a unit"; exit 3;;
esac
"#;

fn house() -> House {
    let mut house = House::new();
    house.tool("systemctl", SYSTEMCTL);
    house.write("web.service", "inactive");
    house.resource("web", "systemd:web.service", &[]);
    house
}

#[tokio::test]
async fn a_unit_lives_and_dies() {
    let house = house();
    let runtime = house.runtime();
    let web = name("web");
    assert_eq!(runtime.probe(&web).await.power, Power::Off);
    assert_eq!(runtime.start(&web, LONG).await, Answer::Accepted);
    assert_eq!(runtime.probe(&web).await.power, Power::Running);
    assert_eq!(runtime.act(&web, "reload", &[], LONG).await.unwrap(), "");
    assert_eq!(runtime.info(&web).await.unwrap(), "* web.service - a unit");
    assert_eq!(runtime.clean(&web, 0, LONG).await, Answer::Accepted);
    let words: Vec<String> = house.lines("log").into_iter().filter(|line| !line.starts_with("show")).collect();
    assert_eq!(
        words,
        [
            "--no-ask-password start web.service",
            "--no-ask-password reload web.service",
            "--no-pager --full status web.service",
            "--no-ask-password --signal=SIGKILL kill web.service",
            "--no-ask-password stop web.service",
            "--no-ask-password reset-failed web.service",
        ]
    );
    reads(&runtime, "web", Power::Off).await;
    house.write("web.service", "failed");
    let seen = runtime.probe(&web).await;
    assert_eq!((seen.power, seen.said.as_str()), (Power::Off, "failed: exit-code"));
}

#[tokio::test]
async fn what_systemd_refuses_is_refused() {
    let mut house = house();
    house.resource("lost", "systemd:lost.service", &[]);
    house.resource("named", "systemd", &[("unit", "web.service")]);
    house.resource("nameless", "systemd", &[]);
    house.write("refuse", "");
    let runtime = house.runtime();
    let refused = runtime.start(&name("web"), LONG).await;
    assert_eq!(refused, Answer::Refused("exit status 1: Job for web.service failed.".into()));
    assert_eq!(runtime.probe(&name("lost")).await.power, Power::Absent);
    assert_eq!(runtime.probe(&name("named")).await.power, Power::Off);
    assert_eq!(runtime.probe(&name("nameless")).await.power, Power::Absent);
}

#[tokio::test]
async fn without_systemd_nothing_is_known() {
    let house = house();
    house.tool("systemctl", "echo 'System has not been booted with systemd as init system' >&2; exit 1");
    let runtime = house.runtime();
    let seen = runtime.probe(&name("web")).await;
    assert_eq!(seen.power, Power::Unknown);
    assert!(seen.said.contains("not been booted"), "{}", seen.said);
    std::fs::remove_file(house.path("systemctl")).unwrap();
    assert_eq!(runtime.probe(&name("web")).await.power, Power::Unknown);
}
