//! HMCs that cannot be used, on a site of real nodes: what is declared is tried once and before it is proposed; what goes
//! wrong is in the log and in the status; and what is mended works again without a command.

use crate::{
    logins::unseen,
    restart::{options, settled, site},
};
use std::{fs, time::Duration};
use tenure::api::{
    Client, Read,
    wire::{HmcStatus, HmcView, Level, ServerStatus},
};
use tenure_core::Verb;
use tenure_jepsen::{hmc::generate_key, lab::Site, world::Fault};

const PATIENCE: Duration = Duration::from_secs(60);

async fn hmc(site: &Site, name: &str) -> Option<HmcView> {
    let status = site.client.status(Read::Linearizable).await.ok()?;
    status.hmcs.into_iter().find(|hmc| hmc.name == name)
}

/// Waits until an HMC is in this state.
async fn until(site: &Site, name: &str, state: HmcStatus) -> HmcView {
    let mut last = None;
    let why = format!("{name} is {state}");
    let found = site.until(&why, PATIENCE, async || {
        last = hmc(site, name).await;
        last.as_ref().is_some_and(|hmc| hmc.state == state)
    });
    if let Err(late) = found.await {
        panic!("{late}: {last:#?}");
    }
    last.expect("just seen")
}

async fn configured(site: &Site) -> u64 {
    site.client.config(Read::Linearizable).await.expect("a configuration").configured
}

/// Asks for the log of events of this kind.
async fn events(site: &Site, kind: &str) -> usize {
    let events = site.client.events(0, Read::Linearizable).await.expect("events");
    events.iter().filter(|event| event.kind == kind).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_that_the_hmc_does_not_know_is_found_by_one_login_before_anything_is_proposed() {
    let (_directory, site) = site(3).await;
    settled(&site, "everything is online").await;
    let before = configured(&site).await;
    // Each node counts its own trials.
    let client = site.client_of("p1").expect("a client");
    let wrong = site.cluster_file.replace("user = \"tenure\"", "user = \"tenrue\"");
    for (refused, said) in [(1, "refuses user tenrue"), (2, "refuses user tenrue"), (2, "a third time would lock")] {
        let answer = client.configure(Client::request_id(), wrong.clone(), false, None).await;
        let error = answer.expect_err("it is refused").view();
        assert_eq!(error.code.as_deref(), Some("hmc_check"), "{error:?}");
        assert!(error.message.contains("HMC hmc1") && error.message.contains(said), "{error:?}");
        assert!(error.suggestion.is_some(), "{error:?}");
        assert_eq!(site.refused_logins(), refused, "one try, and none that would lock the account");
    }
    let error = client.check_managers(&wrong).await.expect_err("it is refused").view();
    assert_eq!((error.code.as_deref(), site.refused_logins()), (Some("hmc_check"), 2));
    client.check_managers(&site.cluster_file).await.expect("what is in use is asked through its connection");
    assert_eq!(configured(&site).await, before, "nothing was proposed");

    let other = format!("SHA256:{}", "A".repeat(43));
    let present = site.cluster_file.lines().find(|line| line.starts_with("host_key")).expect("a host key");
    let stranger = site.cluster_file.replace(present, &format!("host_key = \"{other}\""));
    let error = client.configure(Client::request_id(), stranger, false, None).await.expect_err("refused").view();
    assert!(error.message.contains("shows node") && error.message.contains(&other), "{error:?}");
    assert_eq!(site.refused_logins(), 2, "nothing was sent to a stranger");
    settled(&site, "nothing has changed").await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_host_key_is_an_alarm_and_the_right_one_works_without_a_command() {
    let (_directory, site) = site(3).await;
    settled(&site, "everything is online").await;
    let present = site.cluster_file.lines().find(|line| line.starts_with("host_key")).expect("a host key").to_owned();
    let other = format!("host_key = \"SHA256:{}\"", "A".repeat(43));
    unseen(&site, site.cluster_file.replace(&present, &other)).await;
    let seen = until(&site, "hmc1", HmcStatus::HostKey).await;
    assert_eq!(seen.level, Level::Alarm);
    let status = site.client.status(Read::Linearizable).await.expect("a status");
    let said = status.standstills.iter().find(|text| text.contains("another host key")).expect("it is said");
    assert!(said.contains("somebody may pretend to be it") && said.contains("tenure apply"), "{said}");
    assert!(events(&site, "hmc_host_key").await > 0);
    assert_eq!(site.refused_logins(), 0, "nothing was sent");

    site.declare().await.expect("declared");
    settled(&site, "everything is read again").await;
    // A node that others have read for says a little later that it gets in again.
    until(&site, "hmc1", HmcStatus::Ok).await;
    let status = site.client.status(Read::Linearizable).await.expect("a status");
    assert_eq!(status.standstills, Vec::<String>::new());
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_exchanged_costs_one_refused_login_and_the_old_one_works_after_a_retry() {
    let (directory, site) = site(3).await;
    settled(&site, "everything is online").await;
    let file = directory.path().join("hmc_key");
    let right = fs::read(&file).expect("the key");
    let wrong = generate_key().to_openssh(Default::default()).expect("a key");
    fs::write(&file, wrong.as_bytes()).expect("written");
    let id = site.world.with(|world| world.hmc("hmc1")).expect("an HMC");
    // Connections break, and all nodes have to log in again.
    for fault in [Fault::HmcDown(id), Fault::HmcUp(id)] {
        site.world.with(|world| world.inject(fault)).expect("injected");
        let asked = site.until("the port follows", PATIENCE, async || match fault {
            Fault::HmcDown(_) => hmc(&site, "hmc1").await.is_some_and(|hmc| hmc.state == HmcStatus::Silent),
            _ => site.refused_logins() > 0,
        });
        asked.await.expect("it has followed");
    }
    let seen = until(&site, "hmc1", HmcStatus::Refused).await;
    assert!(seen.next_login.is_some());
    fs::write(&file, &right).expect("written");
    let before = site.refused_logins();
    assert_eq!(before, 1, "one node tried, for all of them");
    site.client.request(Client::request_id(), Verb::RetryHmc { hmc: "hmc1".into() }).await.expect("asked");
    settled(&site, "everything is read again").await;
    let status = until(&site, "hmc1", HmcStatus::Ok).await;
    assert_eq!((status.nodes, site.refused_logins()), (Vec::<String>::new(), 1));
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_loss_of_one_hmc_of_two_is_seen_while_everything_runs() {
    let directory = tempfile::tempdir().expect("a directory");
    let options = tenure_jepsen::lab::SiteOptions {
        hmcs: 2,
        ..options(directory.path(), 3, env!("CARGO_BIN_EXE_tenured").into())
    };
    let site = Site::start(options, &mut |_| {}).await.expect("a site");
    settled(&site, "everything is online").await;
    let live = site.until("both were asked by every node", PATIENCE, async || {
        let Ok(view) = site.client.hmcs(Read::Linearizable).await else { return false };
        view.hmcs.len() == 2
            && view.hmcs.iter().all(|hmc| hmc.heard.len() == 3 && hmc.heard.iter().all(|one| one.took.is_some()))
    });
    live.await.expect("they are");
    // The second one, of which no node needs anything.
    let second = site.world.with(|world| world.hmc("hmc2")).expect("an HMC");
    site.world.with(|world| world.inject(Fault::HmcDown(second))).expect("injected");
    for node in ["p1", "p2", "p3"] {
        let why = format!("{node} says so");
        let told = site.until(&why, PATIENCE, async || {
            hmc(&site, "hmc2").await.is_some_and(|hmc| hmc.nodes.iter().any(|one| one == node))
        });
        told.await.expect("it does");
    }
    let seen = until(&site, "hmc2", HmcStatus::Silent).await;
    assert_eq!(seen.level, Level::Warning);
    assert!(seen.problems[0].contains("if another one fails too, no HMC serves p1, p2, p3"), "{:?}", seen.problems);
    let status = settled(&site, "nothing has stopped").await;
    assert_eq!(status.standstills, Vec::<String>::new());
    assert_eq!(events(&site, "hmc_silent").await, 3, "one for each node");

    let first = site.world.with(|world| world.hmc("hmc1")).expect("an HMC");
    site.world.with(|world| world.inject(Fault::HmcDown(first))).expect("injected");
    let alarm = site.until("no HMC is left", PATIENCE, async || {
        let Ok(status) = site.client.status(Read::Linearizable).await else { return false };
        status.standstills.iter().any(|text| text.contains("no HMC serves p1, p2, p3"))
    });
    alarm.await.expect("it is said");
    let status = site.client.status(Read::Linearizable).await.expect("a status");
    assert!(status.servers.iter().all(|server| server.state != ServerStatus::Off), "and nothing is concluded from it");
    for one in [first, second] {
        site.world.with(|world| world.inject(Fault::HmcUp(one))).expect("injected");
    }
    for one in ["hmc1", "hmc2"] {
        until(&site, one, HmcStatus::Ok).await;
    }
    settled(&site, "everything is read again").await;
    site.stop().await;
}
