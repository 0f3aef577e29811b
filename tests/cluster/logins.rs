//! A user that the HMC does not know is declared for a site of real nodes: the account is not locked, and the right
//! user works as soon as it is declared. And the end of the pause after a refused login: one node tries, once.

use crate::restart::{options, settled, site};
use std::time::{Duration, Instant};
use tenure::api::{
    Client, Read,
    wire::{ConfigureBody, StatusView},
};
use tenure_core::Verb;
use tenure_jepsen::{lab::Site, world::Fault};
use tokio::net::TcpStream;

const PATIENCE: Duration = Duration::from_secs(60);
/// The pause after the first refused login of an HMC; the rule is in `src/core/ledger/logins.rs`.
const PAUSE: Duration = Duration::from_secs(150);

/// Declares this without having a node log in first.
pub async fn unseen(site: &Site, text: String) {
    let request_id = format!("{:032x}", Client::request_id().0);
    let body = ConfigureBody { request_id, text, strand: false, expect: None, no_check: true };
    site.client.configure_as(&body).await.expect("declared");
}

fn refused_at(status: &StatusView) -> Option<&str> {
    status.standstills.iter().map(String::as_str).find(|text| text.contains("refuses our login"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_user_is_refused_once_for_all_nodes_and_the_right_one_works_at_once() {
    let (_directory, site) = site(3).await;
    settled(&site, "everything is online").await;
    let wrong = site.cluster_file.replace("user = \"tenure\"", "user = \"tenrue\"");
    assert_ne!(wrong, site.cluster_file);
    unseen(&site, wrong).await;

    let mut first = String::new();
    let refused = site.until("the HMC refuses our login", PATIENCE, async || {
        let status = site.client.status(Read::Linearizable).await;
        first = status.ok().and_then(|status| refused_at(&status).map(ToOwned::to_owned)).unwrap_or_default();
        !first.is_empty()
    });
    refused.await.expect("it is said");
    assert_eq!(site.refused_logins(), 1, "one node tried, for all of them");
    site.client.request(Client::request_id(), Verb::RetryHmc { hmc: "hmc1".into() }).await.expect("asked");
    let again = site.until("another node is refused", PATIENCE, async || {
        let status = site.client.status(Read::Linearizable).await;
        status.is_ok_and(|status| refused_at(&status).is_some_and(|text| text != first))
    });
    again.await.expect("it has tried");

    assert_eq!(site.refused_logins(), 2);
    // A third refused login would have locked the account for five minutes.
    site.declare().await.expect("declared");
    let status = settled(&site, "everything is read again").await;
    assert_eq!(status.standstills, Vec::<String>::new());
    assert_eq!(site.refused_logins(), 2);
    site.stop().await;
}

/// The node that was refused, in the words of the event.
fn who(refused: &str) -> &str {
    refused.split_once("our login (").and_then(|(_, rest)| rest.split_once(':')).expect("a node").0
}

/// The events of this kind that name this HMC.
async fn told(site: &Site, kind: &str, hmc: &str) -> Vec<String> {
    let events = site.client.events(0, Read::Linearizable).await.unwrap_or_default();
    let these = events.into_iter().filter(|event| event.kind == kind && event.text.contains(hmc));
    these.map(|event| event.text).collect()
}

/// No configuration shortens the pause, so this test takes as long as that, and waits for both ends at once: at one HMC
/// the account is well again by then, at the other it is not.
#[tokio::test(flavor = "multi_thread")]
async fn after_the_pause_one_node_tries_once_and_the_others_follow_only_if_it_was_let_in() {
    let directory = tempfile::tempdir().expect("a directory");
    let options = tenure_jepsen::lab::SiteOptions {
        hmcs: 2,
        ..options(directory.path(), 3, env!("CARGO_BIN_EXE_tenured").into())
    };
    let site = Site::start(options, &mut |_| {}).await.expect("a site");
    settled(&site, "everything is online").await;
    let (mended, lost) = (&site.hmcs()[0], &site.hmcs()[1]);
    let used = site
        .until("every node has logged in at both", PATIENCE, async || mended.accepted() >= 3 && lost.accepted() >= 3);
    used.await.expect("they do");

    // The key is taken from the account at both, and connections break: all nodes have to log in again.
    let ids = ["hmc1", "hmc2"].map(|name| site.world.with(|world| world.hmc(name)).expect("an HMC"));
    for (hmc, id) in site.hmcs().iter().zip(ids) {
        hmc.bar(true);
        site.world.with(|world| world.inject(Fault::HmcDown(id))).expect("injected");
    }
    for hmc in site.hmcs() {
        let closed = site.until("its port closes", PATIENCE, async || TcpStream::connect(hmc.address()).await.is_err());
        closed.await.expect("it does");
    }
    let accepted = [mended.accepted(), lost.accepted()];
    for id in ids {
        site.world.with(|world| world.inject(Fault::HmcUp(id))).expect("injected");
    }
    let refused = site.until("both refuse a login", PATIENCE, async || {
        !told(&site, "login_refused", "hmc1").await.is_empty() && !told(&site, "login_refused", "hmc2").await.is_empty()
    });
    refused.await.expect("they do");
    let began = Instant::now();
    assert_eq!([mended.refused(), lost.refused()], [1, 1], "one node tried, for all of them");
    mended.bar(false);

    // Nobody knows that the account is well again before somebody has tried; and only one may.
    let end = site.until("one node tries each", PAUSE + PATIENCE, async || {
        let tried = mended.accepted() > accepted[0] || lost.refused() > 1;
        assert!(!tried || began.elapsed() >= PAUSE - Duration::from_secs(10), "tried after {:?}", began.elapsed());
        mended.accepted() > accepted[0] && lost.refused() > 1
    });
    let took = end.await.expect("they are tried again");
    println!("tried again {took:?} after the refusals were known");
    settled(&site, "everything is read again").await;
    let all = site.until("every node has logged in where it may", PATIENCE, async || {
        mended.accepted() >= accepted[0] + 3 && told(&site, "login_refused", "hmc2").await.len() == 2
    });
    all.await.expect("they do");
    let [first, second] = ["hmc1", "hmc2"].map(|hmc| told(&site, "login_refused", hmc));
    let (first, second) = (first.await, second.await);
    assert_eq!((first.len(), second.len()), (1, 2), "{first:?} {second:?}");
    assert_ne!(who(&second[0]), who(&second[1]), "another node tried the second time");

    // Nobody was refused besides, and nobody is let in where the cluster holds back.
    assert_eq!([mended.refused(), lost.refused()], [1, 2]);
    assert_eq!([mended.accepted(), lost.accepted()], [accepted[0] + 3, accepted[1]]);
    let status = site.client.status(Read::Linearizable).await.expect("a status");
    let held: Vec<_> = status.hmcs.iter().map(|hmc| (hmc.name.as_str(), hmc.next_login.is_some())).collect();
    assert_eq!(held, [("hmc1", false), ("hmc2", true)]);
    site.stop().await;
}
