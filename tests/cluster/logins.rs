//! A user that the HMC does not know is declared for a site of real nodes: the account is not locked, and the right
//! user works as soon as it is declared.

use crate::restart::{settled, site};
use std::time::Duration;
use tenure::api::{
    Client, Read,
    wire::{ConfigureBody, StatusView},
};
use tenure_core::Verb;
use tenure_jepsen::lab::Site;

const PATIENCE: Duration = Duration::from_secs(60);

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
