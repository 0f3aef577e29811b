//! Trying an HMC that is to be declared, and what a driver remembers of those that it has asked.

use std::sync::atomic::Ordering;

use tenure::hypervisor::hmc::{HmcAddress, HmcDriver, HmcKey};
use tenure::hypervisor::{Hypervisor, Unfit};
use tenure_core::config::{Hmc, Manager};
use tenure_core::ledger::Trouble;

use crate::server::{Login, MTMS, PATIENCE, ScriptedHmc, server};
use crate::site::Site;

/// The entry of this HMC in a cluster file.
fn entry(address: &HmcAddress) -> Manager {
    let HmcAddress { address, user, host_key_fingerprint: host_key, .. } = address.clone();
    Hmc { address, user, host_key }.into()
}

/// A driver that has the key for this HMC in a file, and knows no HMC yet.
fn driver(hmc: &ScriptedHmc) -> (tempfile::TempDir, HmcDriver) {
    let directory = tempfile::tempdir().unwrap();
    let HmcKey::Pem(pem) = hmc.configuration().key else { panic!("a key") };
    let file = directory.path().join("hmc_key");
    std::fs::write(&file, pem).unwrap();
    (directory, HmcDriver::with_key(Some(file)))
}

#[tokio::test]
async fn a_trial_is_one_login_and_never_the_third_that_is_refused() {
    let site = Site::with_server(MTMS, &["web"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let logins = || hmc.shared.logins.load(Ordering::SeqCst);
    let (_directory, driver) = driver(&hmc);
    let right = entry(&hmc.configuration());
    assert_eq!(driver.attempt("hmc1", &right).await, Ok(()));
    assert_eq!(logins(), 1);
    assert_eq!(driver.contacts(), [], "it is apart from the HMCs in use");

    hmc.shared.set_login(Login::Reject);
    for count in [2, 3] {
        let refused = driver.attempt("hmc1", &right).await;
        assert!(matches!(&refused, Err(Unfit::Refused(why)) if why.contains("rejected")), "{refused:?}");
        assert_eq!(logins(), count);
    }
    assert_eq!(driver.attempt("hmc1", &right).await, Err(Unfit::TooOften));
    assert_eq!(logins(), 3, "a third refusal would lock the account");
    let Manager::Hmc(other) = right.clone();
    let other = Hmc { user: "somebody".to_owned(), ..other };
    assert!(matches!(driver.attempt("hmc1", &other.clone().into()).await, Err(Unfit::Refused(_))), "another account");

    let stranger = Hmc { host_key: format!("SHA256:{}", "A".repeat(43)), user: "third".to_owned(), ..other };
    let before = logins();
    let seen = driver.attempt("hmc1", &stranger.into()).await;
    assert!(matches!(&seen, Err(Unfit::HostKey { shown }) if shown.contains("SHA256:")), "{seen:?}");
    assert_eq!(logins(), before, "nothing is sent to a stranger");
    assert_eq!(HmcDriver::with_key(None).attempt("hmc1", &right).await, Err(Unfit::NoKey));
}

#[tokio::test]
async fn the_last_answer_of_each_hmc_is_remembered_with_its_time() {
    let site = Site::with_server(MTMS, &["web"]);
    let mut hmc = ScriptedHmc::start("hmc1", &site).await;
    let driver = HmcDriver::new(vec![hmc.configuration()]);
    assert_eq!(driver.contacts(), [], "it was not asked yet");
    driver.read_server(&server(&[&hmc]), PATIENCE).await.unwrap();
    let first = driver.contacts().remove(0);
    assert_eq!((first.answered, first.failure.clone(), first.trouble()), (Some(first.asked), None, Some(None)));
    assert!(first.took.is_some());

    hmc.stop().await;
    hmc.shared.cut();
    driver.knock("hmc1", PATIENCE).await;
    let silent = driver.contacts().remove(0);
    assert!(silent.asked > first.asked && silent.answered == first.answered, "{silent:?}");
    assert!(matches!(silent.trouble(), Some(Some(Trouble::Silent { .. }))), "{silent:?}");
    hmc.restart().await;
    driver.reset_auth("hmc1").await;
    driver.knock("hmc1", PATIENCE).await;
    assert_eq!(driver.contacts().remove(0).trouble(), Some(None));

    hmc.shared.set_login(Login::Reject);
    hmc.shared.cut();
    driver.knock("hmc1", PATIENCE).await;
    assert_eq!(driver.contacts().remove(0).trouble(), None, "that it refuses is a matter of logins");
}
