//! `tenure hmc`, HMCs in `tenure status`, and the trial of HMCs before a cluster file is applied.

use super::{
    commands::Desk,
    fake::{SITE, Site},
};
use std::time::Duration;
use tenure::{
    api::{Client, Read, wire::UserBody},
    cli::Exit,
};
use tenure_core::{
    ForeignText, HmcName, NodeName, Time,
    ledger::{Contact, Lockout, Trouble},
    trust::Role as UserRole,
};
use tenure_raft::tls::Role;

const PATIENCE: Duration = Duration::from_secs(10);

/// A site whose hmc1 gives this trouble to these nodes.
fn troubled(nodes: &[&str], trouble: &Trouble) -> Site {
    let mut site = Site::running();
    let since = site.ledger.now;
    let contact = |node: &&str| (NodeName::from(*node), Contact { trouble: trouble.clone(), since });
    site.ledger.contacts.insert("hmc1".into(), nodes.iter().map(contact).collect());
    site
}

fn silent() -> Trouble {
    Trouble::Silent { why: "connection refused".into() }
}

#[tokio::test]
async fn hmcs_are_listed_with_the_time_of_their_answers() {
    let desk = Desk::new(Site::running()).await;
    insta::assert_snapshot!(desk.run("hmc list").await.out);
    insta::assert_snapshot!(desk.run("hmc show hmc1").await.out);
    let json = desk.run("hmc list --output json").await.json();
    assert_eq!(json["hmcs"][0]["state"], "ok");
    assert_eq!(json["hmcs"][0]["heard"][0]["took"], 380);
    assert_eq!(json["silent"][0], "arb");
    let checked = desk.run("hmc check hmc1").await;
    assert_eq!((checked.exit, checked.out.contains("0s ago")), (Exit::Done, true), "{}", checked.out);
    let unknown = desk.run("hmc show hmc2").await;
    assert_eq!(unknown.exit, Exit::Refused);
    assert!(
        unknown.err.contains("there is no HMC hmc2") && unknown.err.contains("did you mean hmc1?"),
        "{}",
        unknown.err
    );
    assert_eq!(desk.run("hmc check hmc2").await.exit, Exit::Refused);
    // It is in the status of what is as it should be only if that is asked for.
    assert!(!desk.run("status").await.out.contains("ANSWER TIME"));
    assert!(desk.run("status --all").await.out.contains("ANSWER TIME"));
    desk.served.stop().await;
}

#[tokio::test]
async fn an_hmc_that_does_not_answer_is_in_the_status_with_what_that_means() {
    let mut site = troubled(&["p1"], &silent());
    site.ledger.servers.get_mut("p1").unwrap().live = false;
    let desk = Desk::new(site).await;
    insta::assert_snapshot!(desk.run("status").await.out);
    assert_eq!(desk.run("status --check").await.exit, Exit::Wrong);
    let json = desk.run("status --output json").await.json();
    assert_eq!((&json["hmcs"][0]["state"], &json["hmcs"][0]["level"]), (&"silent".into(), &"alarm".into()));
    assert_eq!(json["verdict"]["ok"], false);
    let checked = desk.run("hmc check hmc1").await;
    assert_eq!(checked.exit, Exit::Wrong);
    insta::assert_snapshot!(checked.out);
    desk.served.stop().await;
}

#[tokio::test]
async fn one_hmc_of_two_is_a_warning() {
    let mut site = troubled(&["p1", "p2"], &silent());
    let mut config = (*site.ledger.config).clone();
    let second = config.managers[&HmcName::from("hmc1")].clone();
    config.managers.insert("hmc2".into(), second);
    config.servers.values_mut().for_each(|server| server.managers.push("hmc2".into()));
    site.ledger.config = config.into();
    let desk = Desk::new(site).await;
    let json = desk.run("status --output json").await.json();
    assert_eq!(json["standstills"].as_array().unwrap().len(), 0);
    assert_eq!(json["verdict"]["problems"].as_array().unwrap().len(), 1, "{json}");
    assert_eq!(json["verdict"]["problems"][0]["level"], "warning");
    let out = desk.run("status").await.out;
    assert!(out.contains("if another one fails too, no HMC serves p1, p2"), "{out}");
    assert!(out.contains("1 HMC not usable"), "{out}");
    desk.served.stop().await;
}

#[tokio::test]
async fn a_changed_host_key_and_a_refused_login_are_alarms_with_a_remedy() {
    let desk = Desk::new(troubled(&["p1"], &Trouble::HostKey { shown: "ssh-ed25519 SHA256:BBBB".into() })).await;
    insta::assert_snapshot!(desk.run("status").await.out);
    desk.served.stop().await;
    let mut site = Site::running();
    let why = ForeignText::from("the key was rejected");
    let next = Time(site.ledger.now.0 + 150_000);
    let lockout = Lockout { why, by: "p1".into(), alone: false, tries: 0, next, turn: None };
    site.ledger.hmcs.insert("hmc1".into(), lockout);
    let desk = Desk::new(site).await;
    insta::assert_snapshot!(desk.run("hmc show hmc1").await.out);
    assert!(desk.run("status").await.out.contains("refuses user tenure"));
    desk.served.stop().await;
}

#[tokio::test]
async fn an_hmc_that_is_declared_otherwise_is_tried_before_anything_is_proposed() {
    let desk = Desk::new(Site::running()).await;
    let index = || desk.served.fake.site().ledger.configured;
    let before = index();
    let wrong = SITE.replace("user = \"tenure\"", "user = \"nobody\"");
    let file = desk.write(&wrong);
    let refused = desk.run(&format!("apply --yes {file}")).await;
    assert_eq!((refused.exit, index()), (Exit::Refused, before), "{}", refused.err);
    for part in ["HMC hmc1 refuses user nobody", "mend `user`"] {
        assert!(refused.err.contains(part), "{}", refused.err);
    }
    let audit = || desk.served.fake.audit.lock().unwrap().clone();
    assert_eq!(audit(), ["admin: log in to hmc1 as nobody"], "once, and nothing was asked of the log");
    let invalid = desk.run(&format!("validate --managers {file}")).await;
    assert_eq!((invalid.exit, index()), (Exit::Refused, before));
    assert_eq!(desk.run(&format!("apply --yes --no-check {file}")).await.exit, Exit::Done);
    assert!(index() > before);

    let right = desk.write(SITE);
    let valid = desk.run(&format!("validate --managers {right}")).await;
    assert_eq!(valid.exit, Exit::Done);
    assert!(valid.out.contains("is valid, and its HMCs let a node in"), "{}", valid.out);
    assert_eq!(desk.run(&format!("apply --yes {right}")).await.exit, Exit::Done);
    let tried = audit().len();
    let same = desk.write(&SITE.replace("\"5m\"", "\"6m\""));
    assert_eq!(desk.run(&format!("apply --yes {same}")).await.exit, Exit::Done);
    assert!(audit()[tried..].iter().all(|line| !line.contains("log in")), "no HMC has changed: {:?}", audit());
    desk.served.stop().await;
}

#[tokio::test]
async fn who_may_not_declare_hmcs_has_none_tried() {
    let desk = Desk::new(Site::running()).await;
    let served = &desk.served;
    let nodes = vec![served.address.to_string()];
    let admin = Client::new(&served.admin, nodes.clone(), PATIENCE).unwrap();
    let groups = Some(vec!["web".to_owned()]);
    let body = UserBody { name: "bob".to_owned(), role: UserRole::Administrator, groups, programs: true };
    admin.user_add(&body).await.unwrap();
    let id = admin.user("bob", Read::Stale).await.unwrap().id;
    let bob = Client::new(&served.authority.issue("bob", Role::User { id }).unwrap(), nodes, PATIENCE).unwrap();
    let refused = bob.check_managers(SITE).await.unwrap_err().view();
    assert_eq!(refused.code.as_deref(), Some("not_allowed"), "{refused:?}");
    assert!(served.fake.audit.lock().unwrap().iter().all(|line| !line.contains("log in")));
    admin.check_managers(SITE).await.unwrap();
    desk.served.stop().await;
}
