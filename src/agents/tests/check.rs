//! Tests of the check of a configuration before anything is started.

use crate::house::House;
use tenure_agents::{Finding, Severity, check, kinds};
use tenure_core::config::Operations;

const METADATA: &str = r#"<resource-agent name="Web"><parameters>
<parameter name="port" required="1"><shortdesc>Where it listens</shortdesc><content type="integer"/></parameter>
<parameter name="secure"><content type="boolean" default="no"/></parameter>
<parameter name="conf"><deprecated/><content type="string"/></parameter>
</parameters><actions><action name="start" timeout="400s"/><action name="stop" timeout="20s"/>
<action name="monitor" timeout="30s"/><action name="validate-all" timeout="5s"/></actions></resource-agent>"#;

fn house() -> House {
    let house = House::new();
    house.write("metadata", METADATA);
    let says = r#"case $1 in meta-data) cat $HERE/metadata;;
validate-all) echo "ocf-exit-reason:port $OCF_RESKEY_port is taken" >&2; exit ${OCF_RESKEY_port#80};; esac"#;
    house.ocf("Web", says);
    house
}

async fn found(house: &House) -> Vec<(Severity, String, String)> {
    let all = check(&house.settings, &house.cluster).await;
    all.into_iter().map(|Finding { severity, what, help, .. }| (severity, what.into(), help.into())).collect()
}

fn error(what: &str, help: &str) -> (Severity, String, String) {
    (Severity::Error, what.to_owned(), help.to_owned())
}

fn warning(what: &str, help: &str) -> (Severity, String, String) {
    (Severity::Warning, what.to_owned(), help.to_owned())
}

#[tokio::test]
async fn attributes_are_held_against_the_metadata() {
    let mut house = house();
    house.resource("app", "ocf:test:Web", &[("prot", "80"), ("secure", "maybe"), ("conf", "/x")]);
    let found = found(&house).await;
    assert_eq!(
        found,
        [
            error("ocf:test:Web needs the attribute port", "Where it listens"),
            error("ocf:test:Web has no attribute prot", "did you mean port?"),
            error("secure is yes or no, and not \"maybe\"", ""),
            (
                Severity::Warning,
                "start_timeout is 300s, and ocf:test:Web advises at least 400s".to_owned(),
                "set start_timeout to that, or more".to_owned()
            ),
            (Severity::Warning, "conf is deprecated".to_owned(), String::new()),
        ]
    );
}

#[tokio::test]
async fn the_agent_is_asked_where_it_is() {
    let mut house = house();
    house.resource("app", "ocf:test:Web", &[("port", "801")]).start_timeout = tenure_core::Span::seconds(500);
    let wrong = warning("port 801 is taken", "ocf:test:Web says so on this node (validate-all)");
    assert_eq!(found(&house).await, [wrong]);
    // The attributes of this server are checked.
    house.agent("app").on.insert("p1".into(), crate::house::pairs(&[("port", "800")]));
    assert_eq!(found(&house).await, []);
}

#[tokio::test]
async fn a_type_that_is_missing_is_an_error_only_where_it_is_needed() {
    let mut house = house();
    house.resource("app", "ocf:test:Wbe", &[]);
    house.resource("disk", "script:Dsik", &[]);
    house.resource("file", "FileOnOf", &[]);
    house.script("Disk", "monitor", "exit 100");
    let folder = house.text("ocf/resource.d/test");
    let scripts = house.text("scripts");
    assert_eq!(
        found(&house).await,
        [
            error(
                &format!("ocf:test:Wbe is not installed on this node: looked in {folder}"),
                "did you mean ocf:test:Web?"
            ),
            error(&format!("the type Dsik is in none of these directories: {scripts}"), "did you mean Disk?"),
            error("there is no type FileOnOf", "did you mean FileOnOff, or FileNone?"),
        ]
    );
    house.cluster.groups.get_mut("web").unwrap().servers = vec!["p2".into()];
    assert_eq!(found(&house).await, [], "that is for p2 to say");
}

#[tokio::test]
async fn script_types_are_complete_and_told_everything() {
    let mut house = House::new();
    for entry in ["monitor", "online"] {
        house.script("Disk", entry, "exit 0");
    }
    house.write("scripts/Disk/arglist", "Device\nOptions\n");
    house.write("scripts/Disk/clean", "no program");
    house.resource("disk", "script:Disk", &[("Device", "/dev/sdb"), ("Option", "rw")]);
    let all = found(&house).await;
    let (offline, clean) = (house.text("scripts/Disk/offline"), house.text("scripts/Disk/clean"));
    assert!(all.contains(&error("the type Disk has no offline", &format!("write {offline}"))), "{all:#?}");
    assert!(all.contains(&error(&format!("{clean} cannot be run"), &format!("chmod 755 {clean}"))), "{all:#?}");
    let warnings: Vec<&str> =
        all.iter().filter(|found| found.0 == Severity::Warning).map(|found| found.1.as_str()).collect();
    assert_eq!(
        warnings,
        [
            "Option is not in the arglist of Disk: its scripts do not get it",
            "Options is in the arglist of Disk and not given: its scripts get it empty",
        ]
    );
    house.agent("disk").operations = Operations::OnOnly;
    assert!(!found(&house).await.iter().any(|found| found.1.contains("offline")));
}

#[tokio::test]
async fn what_is_built_in_knows_its_attributes() {
    let mut house = House::new();
    house.resource("app", "Application", &[("StartProgram", "/usr/bin/x 'y"), ("PidFile", "/x")]);
    house.resource("file", "FileOnOff", &[]);
    house.resource("good", "Process", &[("PathName", "/usr/bin/x"), ("Arguments", "-a")]);
    house.resource("unit", "systemd", &[]);
    let all = found(&house).await;
    let what: Vec<&str> = all.iter().map(|found| found.1.as_str()).collect();
    assert_eq!(
        what,
        [
            "nothing says whether it runs",
            "Application has no attribute PidFile",
            "a quote is not closed: /usr/bin/x 'y",
            "FileOnOff needs the attribute PathName",
            "it has no attribute unit",
        ]
    );
    assert_eq!(all[1].2, "did you mean PidFiles, or EnvFile?");
}

#[tokio::test]
async fn the_types_of_a_machine_are_listed() {
    let house = house();
    house.script("Disk", "monitor", "exit 100");
    let builtin = ["Application", "Process", "FileOnOff", "FileNone"];
    let expected: Vec<&str> = ["ocf:test:Web", "script:Disk"].into_iter().chain(builtin).collect();
    assert_eq!(kinds(&house.settings).await, expected);
}
