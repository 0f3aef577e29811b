//! What an HMC says is shown, and nothing obeys it: neither a terminal, nor a log, nor the comparison of names.

use tenure::hypervisor::{CommandError, LparState, ReadError};
use tenure_core::{Power, foreign::is_harmful, words::Told};

use crate::server::{Fault, MTMS, PATIENCE, ScriptedHmc, driver, server};
use crate::site::{Answer, Site};

const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}ok\rgroup database: all is well\u{202e}\u{9b}31m\u{2028}\u{200b}";

fn assert_harmless(text: &str) {
    assert!(!text.chars().any(is_harmful), "{text:?}");
    assert!(text.contains("\\u{1b}[2J\\u{1b}]0;owned\\u{7}ok\\rgroup database"), "it is kept to be read: {text}");
}

#[tokio::test]
async fn the_message_of_a_refusal_is_harmless() {
    let site = Site::with_server(MTMS, &["web"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let (driver, server) = (driver(&[&hmc]), server(&[&hmc]));
    for message in [format!("HSCL05DF {HOSTILE}\n"), format!("An invalid {HOSTILE}\n")] {
        hmc.shared.behave();
        hmc.shared.misbehave("chsysstate", Fault::Say(Answer::refusal(message)));
        let error = driver.start_lpar(&server, "web", None, PATIENCE).await.unwrap_err();
        assert!(matches!(error, CommandError::Refused { .. }), "{error}");
        assert_harmless(&error.to_string());
        let Told::Refused { why, .. } = CommandError::told(Err(error)) else { panic!("it was refused") };
        assert_harmless(&why);
    }
}

#[tokio::test]
async fn an_answer_that_is_none_is_quoted_harmlessly() {
    let site = Site::with_server(MTMS, &["web"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let (driver, server) = (driver(&[&hmc]), server(&[&hmc]));
    hmc.shared.misbehave("lssyscfg", Fault::Say(Answer::ok(format!("{HOSTILE}\n"))));
    let error = driver.read_server(&server, PATIENCE).await.unwrap_err();
    assert!(matches!(error, ReadError::NoAnswer { .. }));
    let text = error.to_string();
    assert!(!text.chars().any(is_harmful) && text.contains(r#"the header is "\u{1b}[2J\u{1b}]0;owned"#), "{text:?}");
}

#[tokio::test]
async fn a_name_with_what_nobody_sees_is_another_name() {
    let site = Site::with_server(MTMS, &["web\u{200b}", "web\u{1b}[2K", "\u{202e}bew", "w\u{ad}eb"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let (driver, server) = (driver(&[&hmc]), server(&[&hmc]));
    let reading = driver.read_server(&server, PATIENCE).await.unwrap();
    assert_eq!(reading.lpars().map(<[_]>::len), Some(4), "they are LPARs of the server all the same");
    assert_eq!(reading.lpar("web"), None);
    assert_eq!(reading.lpar("web\\u{1b}[2K"), None, "an escape is no name");
}

#[tokio::test]
async fn a_state_that_nobody_knows_is_unknown_and_harmless() {
    let site = Site::with_server(MTMS, &["web"]);
    site.set_lpar(MTMS, "web", HOSTILE);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let (driver, server) = (driver(&[&hmc]), server(&[&hmc]));
    let reading = driver.read_server(&server, PATIENCE).await.unwrap();
    let lpar = reading.lpar("web").unwrap();
    assert!(matches!(lpar.state, LparState::Unknown(_)) && tenure_core::words::power(&lpar.state) == Power::Unknown);
    assert_harmless(&lpar.state.to_string());
}

#[test]
fn a_declared_lpar_is_found_by_what_was_read_and_shown_harmlessly() {
    use tenure_core::listing::{Environment, Known, Line, find};
    let line = |name: &str, uuid: &str| Line {
        name: name.to_owned(),
        uuid: Some(uuid.to_owned()),
        environment: Environment::AixLinux,
        power: Power::Off,
        ..Line::default()
    };
    let cluster = tenure_core::config::Cluster::default();
    let group = "group".into();
    let resource = tenure_core::config::Resource::lpar(group, "web");
    let declared = resource.as_lpar().unwrap();
    let known = Known { uuid: Some("u1".to_owned()), listed: true };
    // Its own LPAR was renamed to what looks the same: it is neither off nor absent.
    let (power, listed) = find(&cluster, declared, &known, &[line(&format!("web{HOSTILE}"), "u1")]);
    assert_eq!(power, Power::Unknown);
    assert_harmless(&listed.remark.unwrap().to_string());
    // Another one looks the same: that says nothing of it.
    let (power, listed) = find(&cluster, declared, &known, &[line("web\u{200b}", "u2")]);
    assert_eq!((power, listed.uuid), (Power::Missing, None));
}

#[tokio::test]
async fn a_list_with_a_uuid_that_cannot_be_shown_is_not_believed() {
    let site = Site::with_server(MTMS, &["web"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let (driver, server) = (driver(&[&hmc]), server(&[&hmc]));
    driver.read_server(&server, PATIENCE).await.unwrap();
    let header = "name,lpar_id,uuid,lpar_env,state,rmc_state";
    let list = format!("{header}\nweb,1,\"{HOSTILE}\",aixlinux,Not Activated,none\n");
    hmc.shared.misbehave("lssyscfg -r 'lpar'", Fault::Say(Answer::ok(list)));
    let error = driver.read_server(&server, PATIENCE).await.unwrap_err();
    assert_harmless(&error.to_string());
    assert!(error.to_string().contains("a UUID is not visible characters"), "{error}");
}
