//! Secrets in attributes: files of this machine, which only the programs of an agent are given.

use crate::house::{House, LONG, name, power, reads, seen};
use std::{fs, os::unix::fs::PermissionsExt as _};
use tenure_agents::{Severity, check};
use tenure_core::{Power, execution::Answer};

const AGENT: &str = r#"case $1 in
meta-data) cat <<END
<resource-agent name="Db"><parameters>
<parameter name="passwd" required="1"><shortdesc>Password</shortdesc><content type="string"/></parameter>
<parameter name="port"><shortdesc>Port</shortdesc><content type="integer"/></parameter>
</parameters><actions><action name="start" timeout="1s"/><action name="stop" timeout="1s"/>
<action name="monitor" timeout="1s"/><action name="validate-all" timeout="5s"/></actions></resource-agent>
END
;;
validate-all) [ "$OCF_RESKEY_passwd" = S3cr3t ] || { echo "ocf-exit-reason:not $OCF_RESKEY_passwd" >&2; exit 1; };;
monitor) echo "$OCF_RESKEY_passwd" >>$HERE/log; [ -f $HERE/up ] || exit 7;;
start) echo "ocf-exit-reason:$OCF_RESKEY_passwd is refused" >&2; exit 1;;
esac"#;

fn secret(house: &House, text: &str, mode: u32) {
    house.write("secrets/db", text);
    fs::set_permissions(house.path("secrets/db"), fs::Permissions::from_mode(mode)).unwrap();
}

fn house() -> House {
    let mut house = House::new();
    house.ocf("Db", AGENT);
    house.resource("db", "ocf:test:Db", &[("passwd", "secret://db"), ("port", "secret://port")]);
    house.write("secrets/port", "5432\n");
    fs::set_permissions(house.path("secrets/port"), fs::Permissions::from_mode(0o600)).unwrap();
    house
}

#[tokio::test]
async fn an_agent_is_given_the_secret_and_what_it_says_is_told_without_it() {
    let house = house();
    secret(&house, "S3cr3t\n", 0o600);
    let runtime = house.runtime();
    reads(&runtime, "db", Power::Off).await;
    assert_eq!(house.lines("log").first().map(String::as_str), Some("S3cr3t"));
    let refused = runtime.start(&name("db"), LONG).await;
    let Answer::Refused(why) = refused else { panic!("{refused:?}") };
    assert!(why.contains("secret://db is refused") && !why.contains("S3cr3t"), "{why}");
    assert_eq!(check(&house.settings, &house.cluster).await, Vec::new());
}

#[tokio::test]
async fn without_its_secret_nothing_is_known_of_a_resource_and_nothing_is_done_to_it() {
    let house = house();
    let runtime = house.runtime();
    reads(&runtime, "db", Power::Unknown).await;
    let said = seen(&runtime, "db").unwrap().said;
    let file = house.text("secrets/db");
    assert!(said.starts_with(&format!("secret db: {file} on node n1: ")), "{said}");
    for answer in [runtime.start(&name("db"), LONG).await, runtime.stop(&name("db"), LONG).await] {
        let Answer::Refused(why) = answer else { panic!("{answer:?}") };
        assert!(why.contains(&file), "{why}");
    }
    assert!(house.lines("log").is_empty(), "no program was run");
    let found = check(&house.settings, &house.cluster).await;
    let [missing] = &found[..] else { panic!("{found:?}") };
    assert_eq!((missing.severity, missing.attribute.as_deref()), (Severity::Error, Some("passwd")));
    assert!(missing.what.contains(&file) && missing.what.contains("node n1"), "{missing:?}");

    // One that others can read is none.
    secret(&house, "S3cr3t", 0o644);
    let [open] = &check(&house.settings, &house.cluster).await[..] else { panic!("one finding") };
    assert!(open.what.contains("0644") && open.what.contains("chmod 600"), "{open:?}");
    secret(&house, "S3cr3t", 0o600);
    reads(&runtime, "db", Power::Off).await;
    assert_eq!(power(&runtime, "db"), Some(Power::Off));
}
