//! OCF resource agents: their arguments and environment, and the meaning of their exit statuses.

use crate::house::{House, LONG, again, name, power, reads, seen};
use std::{collections::BTreeSet, time::Duration};
use tenure_agents::{Metadata, ValueType};
use tenure_core::{Power, Span, execution::Answer};

/// An agent controlled by files: the exit status of an action is in the file of its name.
const OBEDIENT: &str = r#"
echo "$1 ${OCF_CHECK_LEVEL:-0} $OCF_RESKEY_CRM_meta_interval" >>$HERE/log
[ -f $HERE/say ] && cat $HERE/say >&2
exit $(cat $HERE/$1${OCF_CHECK_LEVEL} 2>/dev/null || echo 0)
"#;

fn house() -> House {
    let mut house = House::new();
    house.ocf("Obedient", OBEDIENT);
    house.resource("app", "ocf:test:Obedient", &[]);
    house
}

fn up(names: &[&str]) -> BTreeSet<tenure_core::ResourceName> {
    names.iter().map(|text| name(text)).collect()
}

#[tokio::test]
async fn an_exit_status_is_a_state() {
    let house = house();
    let runtime = house.runtime();
    let cases = [
        (0, Power::Running, Power::Running),
        (1, Power::Unknown, Power::Unknown),
        (2, Power::Unknown, Power::Unknown),
        (3, Power::Unknown, Power::Unknown),
        (4, Power::Unknown, Power::Unknown),
        // An agent that is not installed can run nothing where it should not be online; elsewhere its file may just
        // be gone.
        (5, Power::Absent, Power::Unknown),
        (6, Power::Unknown, Power::Unknown),
        (7, Power::Off, Power::Off),
        (8, Power::Running, Power::Running),
        (9, Power::Unknown, Power::Unknown),
        (42, Power::Unknown, Power::Unknown),
    ];
    for (code, at_rest, expected) in cases {
        house.write("monitor", &code.to_string());
        runtime.expect(BTreeSet::new());
        assert_eq!(runtime.probe(&name("app")).await.power, at_rest, "{code}, not expected");
        runtime.expect(up(&["app"]));
        assert_eq!(runtime.probe(&name("app")).await.power, expected, "{code}, expected");
    }
}

#[tokio::test]
async fn a_look_at_what_should_not_be_up_is_a_probe() {
    let house = house();
    let runtime = house.runtime();
    // The metadata are asked for as well.
    let looks = || house.lines("log").into_iter().filter(|line| line.starts_with("monitor")).collect::<Vec<_>>();
    runtime.probe(&name("app")).await;
    assert!(looks().iter().all(|line| line == "monitor 0 0"), "{:?}", looks());
    runtime.expect(up(&["app"]));
    runtime.probe(&name("app")).await;
    assert_eq!(looks().last().unwrap(), "monitor 0 200");
}

#[tokio::test]
async fn the_reason_of_its_exit_is_told() {
    let house = house();
    let runtime = house.runtime();
    house.write("monitor", "1");
    house.write("say", "INFO: looking\nocf-exit-reason:no answer on port 80\nINFO: done\n");
    let seen = runtime.probe(&name("app")).await;
    assert_eq!((seen.power, seen.said.as_str()), (Power::Unknown, "no answer on port 80"));
    house.write("say", "just a word\n");
    assert_eq!(runtime.probe(&name("app")).await.said, "failed: just a word");
}

#[tokio::test]
async fn a_start_that_fails_is_refused_only_if_nothing_of_it_runs() {
    let house = house();
    let runtime = house.runtime();
    house.write("start", "1");
    house.write("monitor", "7");
    house.write("say", "ocf-exit-reason:no address\n");
    assert_eq!(runtime.start(&name("app"), LONG).await, Answer::Refused("no address".into()));
    house.write("monitor", "1");
    let Answer::Unknown(why) = runtime.start(&name("app"), LONG).await else { panic!("nobody knows") };
    assert_eq!(why, "no address; and then it reads Unknown");
    house.write("start", "0");
    assert_eq!(runtime.start(&name("app"), LONG).await, Answer::Accepted);
    house.write("stop", "1");
    assert_eq!(runtime.stop(&name("app"), LONG).await, Answer::Refused("no address".into()));
    house.write("stop", "0");
    assert_eq!(runtime.clean(&name("app"), 4, LONG).await, Answer::Accepted);
}

#[tokio::test]
async fn it_finds_what_the_standard_promises() {
    let mut house = House::new();
    house.ocf("Env", "env | sort >$HERE/env.$1; exit 0");
    house.resource("app", "ocf:test:Env", &[("ip", "10.0.0.1"), ("nic", "eth0")]);
    house.agent("app").on.insert("p1".into(), crate::house::pairs(&[("nic", "eth1")]));
    let runtime = house.runtime();
    assert_eq!(runtime.start(&name("app"), Duration::from_secs(20)).await, Answer::Accepted);
    let found = house.lines("env.start");
    let scratch = format!("HA_RSCTMP={}", house.text("run/rsctmp"));
    let root = format!("OCF_ROOT={}", house.text("ocf"));
    for line in [
        "OCF_EXIT_REASON_PREFIX=ocf-exit-reason:",
        "OCF_RA_VERSION_MAJOR=1",
        "OCF_RA_VERSION_MINOR=1",
        "OCF_RESKEY_CRM_meta_interval=0",
        "OCF_RESKEY_CRM_meta_on_node=n1",
        "OCF_RESKEY_ip=10.0.0.1",
        "OCF_RESKEY_nic=eth1",
        "OCF_RESOURCE_INSTANCE=app",
        "OCF_RESOURCE_PROVIDER=test",
        "OCF_RESOURCE_TYPE=Env",
        &scratch,
        &root,
    ] {
        assert!(found.iter().any(|found| found == line), "{line} is missing in {found:#?}");
    }
    let timeout = found.iter().find_map(|line| line.strip_prefix("OCF_RESKEY_CRM_meta_timeout=")).unwrap();
    assert!((19_000..=20_000).contains(&timeout.parse::<u64>().unwrap()), "{timeout}");
}

#[tokio::test]
async fn what_a_deeper_look_finds_stays_until_it_is_started_again() {
    let mut house = house();
    house.agent("app").watch.depths.insert("10".to_owned(), Span(300));
    house.write("monitor10", "1");
    let runtime = house.runtime();
    runtime.expect(up(&["app"]));
    reads(&runtime, "app", Power::Unknown).await;
    let looks = |house: &House| house.lines("log").iter().filter(|line| line.starts_with("monitor 0")).count();
    let before = looks(&house);
    again("shallow looks go on", || looks(&house) > before + 1).await;
    assert_eq!(power(&runtime, "app"), Some(Power::Unknown), "a shallow look does not heal it");
    house.write("monitor10", "0");
    reads(&runtime, "app", Power::Running).await;
}

#[tokio::test]
async fn an_agent_that_is_not_here_keeps_nothing() {
    let mut house = House::new();
    house.resource("app", "ocf:test:Missing", &[]);
    house.resource("what", "other:thing", &[]);
    let runtime = house.runtime();
    let seen = runtime.probe(&name("app")).await;
    assert_eq!(seen.power, Power::Absent);
    assert!(seen.said.contains(&house.text("ocf/resource.d/test/Missing")), "{}", seen.said);
    assert!(matches!(runtime.start(&name("app"), LONG).await, Answer::Refused(_)));
    let seen = runtime.probe(&name("what")).await;
    assert_eq!(seen.power, Power::Absent);
    assert!(seen.said.contains("ocf:PROVIDER:TYPE"), "{}", seen.said);
    let seen = runtime.probe(&name("unheard-of")).await;
    assert_eq!((seen.power, seen.said.as_str()), (Power::Unknown, "unheard-of is not kept by n1"));
}

const METADATA: &str = r#"<?xml version="1.0"?>
<!DOCTYPE resource-agent SYSTEM "ra-api-1.dtd">
<resource-agent name="Web" version="1.0">
<shortdesc lang="en">A web
 server</shortdesc>
<parameters>
<parameter name="port" required="1" unique="0"><shortdesc>Where it listens</shortdesc><content type="integer"/></parameter>
<parameter name="ssl" required="0"><content type="boolean" default="false"/></parameter>
<parameter name="old"><deprecated>port</deprecated><content type="string"/></parameter>
</parameters>
<actions>
<action name="start" timeout="40s"/><action name="stop" timeout="2min"/>
<action name="monitor" timeout="500ms" interval="10" depth="0"/><action name="monitor" timeout="30s" depth="10"/>
<action name="reload" timeout="20"/><action name="meta-data" timeout="5"/>
</actions>
</resource-agent>"#;

#[test]
fn metadata_is_read_totally() {
    let read = Metadata::parse(METADATA).unwrap();
    assert_eq!((read.name.as_str(), read.short.as_str()), ("Web", "A web server"));
    let port = read.parameter("port").unwrap();
    assert!(port.required && !port.unique && !port.deprecated && port.value == ValueType::Integer);
    assert_eq!(read.parameter("ssl").unwrap().default.as_deref(), Some("false"));
    assert!(read.parameter("old").unwrap().deprecated);
    assert_eq!(read.timeout("start"), Some(Duration::from_secs(40)));
    assert_eq!(read.timeout("stop"), Some(Duration::from_secs(120)));
    assert_eq!(read.timeout("monitor"), Some(Duration::from_secs(30)));
    for end in 0..METADATA.len() {
        let _ = Metadata::parse(&METADATA[..end]);
    }
    let bomb = r#"<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
        <!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><resource-agent name="&c;&c;&c;&c;&c;&c;"/>"#;
    assert_eq!(Metadata::parse(bomb).unwrap_err(), "it declares an entity");
    // At depth 0 any number of references is allowed: 124 KB expanded to 1.5 GiB.
    let flat = format!(
        "<!DOCTYPE x [<!ENTITY a \"{}\">]><resource-agent name=\"{}\"/>",
        "x".repeat(100_000),
        "&a;".repeat(8_000)
    );
    assert_eq!(Metadata::parse(&flat).unwrap_err(), "it declares an entity");
    assert!(Metadata::parse(&"<a>".repeat(100_000)).is_err());
    assert!(Metadata::parse("<html/>").unwrap_err().contains("html"));
}

#[tokio::test]
async fn it_does_what_it_lists_besides() {
    let mut house = House::new();
    house.ocf(
        "Web",
        "[ $1 = meta-data ] && exec cat $HERE/metadata; [ $1 = monitor ] && exit 7; echo did $1 $OCF_RESOURCE_INSTANCE",
    );
    house.write("metadata", METADATA);
    house.resource("app", "ocf:test:Web", &[]);
    let runtime = house.runtime();
    assert_eq!(runtime.act(&name("app"), "reload", &[], LONG).await.unwrap(), "did reload app");
    let refused = runtime.act(&name("app"), "stop", &[], LONG).await.unwrap_err();
    assert_eq!(refused, "ocf:test:Web has these actions: reload");
    assert!(runtime.info(&name("app")).await.is_err());
}

#[tokio::test]
async fn the_advice_of_its_agent_ends_a_look() {
    let mut house = House::new();
    house.ocf("Web", "[ $1 = meta-data ] && exec cat $HERE/metadata; [ -f $HERE/hang ] && exec sleep 600; exit 7");
    house.write("metadata", &METADATA.replace("\"30s\"", "\"700ms\""));
    house.resource("app", "ocf:test:Web", &[]);
    let runtime = house.runtime();
    reads(&runtime, "app", Power::Off).await;
    // An action waits for the agent's metadata, which list its actions.
    runtime.act(&name("app"), "unheard-of", &[], LONG).await.unwrap_err();
    house.write("hang", "");
    let seen = runtime.probe(&name("app")).await;
    assert_eq!(seen.power, Power::Unknown);
    assert!(seen.said.starts_with("it did not end within"), "{}", seen.said);
}

#[tokio::test]
async fn every_look_carries_what_was_applied_before_it() {
    let house = house();
    let runtime = house.runtime();
    house.applied.store(7, std::sync::atomic::Ordering::SeqCst);
    let one = runtime.probe(&name("app")).await;
    let two = runtime.probe(&name("app")).await;
    assert_eq!((one.since, two.since), (7, 7));
    assert!(one.serial < two.serial);
    house.applied.store(9, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(runtime.probe(&name("app")).await.since, 9);
    assert_eq!(seen(&runtime, "app").unwrap().since, 9);
}
