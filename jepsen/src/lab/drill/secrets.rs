//! Drills about keys: that of the HMC's user, and that of the authority.

use super::scene::{Missed, Scene};
use tenure::api::{
    Client, Read,
    wire::{AuthorityState, ConfigureBody},
};

/// The HMC refuses the login of the nodes.
pub async fn account(scene: &Scene) -> Result<(), Missed> {
    let names = scene.site.names().to_vec();
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    scene.tell(
        "The fault: the cluster file names another user of the HMC, whom it does not let in. (`tenure apply` tries that first; --no-check skipped it.)",
    );
    let wrong = scene.site.cluster_file.replace("user = \"tenure\"", "user = \"tenrue\"");
    // `tenure apply` would try the user first, and refuse the file; it is applied with --no-check here.
    let request_id = format!("{:032x}", Client::request_id().0);
    let body = ConfigureBody { request_id, text: wrong, strand: false, expect: None, no_check: true };
    scene.site.client.configure_as(&body).await.map_err(|why| Missed(why.to_string()))?;
    let refuses = async || {
        let status = scene.status().await;
        status.is_some_and(|status| status.standstills.iter().any(|text| text.contains("refuses our login")))
    };
    scene.until("an alarm says that the HMC refuses our login", refuses).await?;
    scene.tell(
        "1. Look: which HMC, which node, and its words. One node tries at a time, so that the account is not locked.",
    );
    scene.tenure_at(&all, "status").await?;
    scene.tell("2. The cause is mended: the right user is declared. Where it was the key: `mkauthkeys`, then `tenure hmc retry`.");
    scene.site.declare().await?;
    let clear = async || scene.status().await.is_some_and(|status| status.standstills.is_empty());
    scene.until("the nodes are let in again", clear).await?;
    let read = async || {
        let status = scene.status().await;
        status.is_some_and(|status| !status.servers.is_empty() && status.servers.iter().all(|server| server.live))
    };
    scene.until("every server is read again", read).await
}

/// The key of the authority is in other hands.
pub async fn certificates(scene: &Scene) -> Result<(), Missed> {
    let names = scene.site.names().to_vec();
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let signing = async || {
        let view = scene.site.client.authorities(Read::Linearizable).await.ok()?;
        let signs = view.authorities.iter().find(|one| one.state == AuthorityState::Signs)?;
        Some((signs.fingerprint.clone(), signs.nodes.len(), view.authorities.len()))
    };
    scene
        .until("the ledger knows the authority, and every node shows a certificate", async || {
            signing().await.is_some_and(|(_, nodes, _)| nodes == names.len())
        })
        .await?;
    let (old, _, _) = signing().await.ok_or_else(|| Missed("nobody leads".to_owned()))?;
    scene.tell("The fault: somebody may have read the key of the authority.");
    scene.tell("1. Have another one take its place. Nothing stops for it.");
    scene.tenure_at(&all, "authority rotate").await?;
    scene
        .until("the new one signs, and every node has a certificate of it", async || {
            signing().await.is_some_and(|(new, nodes, _)| new != old && nodes == names.len())
        })
        .await?;
    scene.tenure_at(&all, "authority show").await?;
    scene.tell("2. Your own certificate is renewed with your next command; then nothing uses the old one any more.");
    scene.tenure_at(&all, "whoami").await?;
    let first = old.get(..16).unwrap_or(&old).to_owned();
    let admin = scene.site.admin_dir();
    scene
        .until("nothing that the old one has signed is accepted", async || {
            let known = signing().await;
            if known.is_some_and(|(_, _, count)| count == 1) {
                return true;
            }
            // The client of this drill has the identity with which it began; the directory has the renewed one.
            let identity = tenure::local::identity::load(&admin, tenure::local::identity::USER).ok();
            let addresses = scene.site.api_addresses().map(|(_, address)| address.to_string()).collect();
            let client = identity.and_then(|one| Client::new(&one, addresses, std::time::Duration::from_secs(5)).ok());
            match client {
                Some(client) => {
                    let _ = client.authority_retire(&first, true).await;
                    let view = client.authorities(Read::Linearizable).await;
                    view.is_ok_and(|view| view.authorities.len() == 1)
                }
                None => false,
            }
        })
        .await?;
    scene.tenure_at(&all, "authority show").await.map(drop)
}
