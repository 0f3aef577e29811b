//! Identities of the HMC and of the driver: host keys, authentication, and changes of the configuration.

use std::sync::atomic::Ordering;

use russh::keys::key::safe_rng;
use russh::keys::{Algorithm, EcdsaCurve, PrivateKey};
use tenure::hypervisor::hmc::{HmcDriver, HmcKey};
use tenure::hypervisor::{Attempt, CommandError, ConsoleHealth, Failure, ReadError};

use crate::server::{Login, MTMS, PATIENCE, ScriptedHmc, driver, server};
use crate::site::Site;

/// A key that opens nothing.
const RSA_KEY: &str = include_str!("rsa_key");

fn attempts(error: ReadError) -> Vec<Attempt> {
    match error {
        ReadError::NoAnswer { attempts, .. } => attempts,
        ReadError::NoConsole { .. } | ReadError::NoTurn { .. } => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_wrong_host_key_is_refused_before_anything_is_said() {
    let site = Site::with_server(MTMS, &["web"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let mut configuration = hmc.configuration();
    let right = configuration.host_key_fingerprint.clone();
    configuration.host_key_fingerprint = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned();
    let driver = HmcDriver::new(vec![configuration]);
    let error = driver.read_server(&server(&[&hmc]), PATIENCE).await.unwrap_err();
    let Failure::HostKeyMismatch { presented, .. } = &attempts(error)[0].failure else { panic!() };
    assert!(presented.contains(&right) && presented.contains("ed25519"), "{presented}");
    let error = driver.start_lpar(&server(&[&hmc]), "web", None, PATIENCE).await.unwrap_err();
    assert!(matches!(error, CommandError::NotSent { .. }), "{error}");
    assert!(matches!(driver.check(PATIENCE).await[0].health, ConsoleHealth::HostKeyMismatch { .. }));
    assert_eq!(hmc.shared.logins.load(Ordering::SeqCst), 0, "no identity was offered");
    assert!(hmc.shared.commands("").is_empty());
}

#[tokio::test]
async fn one_rejected_login_stops_all_further_ones_until_it_is_reset() {
    let site = Site::with_server(MTMS, &["web"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    hmc.shared.set_login(Login::Reject);
    let (driver, server) = (driver(&[&hmc]), server(&[&hmc]));
    let callers = (0..10).map(|_| driver.read_server(&server, PATIENCE));
    for result in futures::future::join_all(callers).await {
        let attempts = attempts(result.unwrap_err());
        assert!(matches!(attempts[0].failure, Failure::AuthenticationFailed { .. }), "{attempts:?}");
    }
    for _ in 0..10 {
        let error = driver.start_lpar(&server, "web", None, PATIENCE).await.unwrap_err();
        assert!(matches!(error, CommandError::NotSent { .. }), "{error}");
    }
    assert_eq!(hmc.shared.logins.load(Ordering::SeqCst), 1);
    assert!(matches!(driver.check(PATIENCE).await[0].health, ConsoleHealth::AuthenticationFailed { .. }));

    hmc.shared.set_login(Login::Accept);
    assert!(driver.read_server(&server, PATIENCE).await.is_err(), "it does not try again by itself");
    assert!(!driver.reset_auth("hmc9").await);
    assert!(driver.reset_auth("hmc1").await);
    driver.read_server(&server, PATIENCE).await.unwrap();
    assert_eq!(hmc.shared.logins.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn logins_that_are_cut_off_stop_before_the_account_can_lock() {
    let site = Site::with_server(MTMS, &["web"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    hmc.shared.set_login(Login::Cut);
    let (driver, server) = (driver(&[&hmc]), server(&[&hmc]));
    let stopped = async {
        loop {
            let error = driver.read_server(&server, PATIENCE).await.unwrap_err();
            if matches!(attempts(error)[0].failure, Failure::AuthenticationFailed { .. }) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    crate::server::soon(stopped).await;
    assert_eq!(hmc.shared.logins.load(Ordering::SeqCst), 2, "three lock the account");
}

#[tokio::test]
async fn a_caller_that_gives_up_during_a_login_does_not_cost_another_one() {
    let site = Site::with_server(MTMS, &["web"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let (driver, server) = (driver(&[&hmc]), server(&[&hmc]));
    hmc.shared.set_login(Login::Wait);
    tokio::select! {
        result = driver.read_server(&server, PATIENCE) => panic!("{result:?}"),
        () = hmc.shared.logins(1) => {}
    }
    hmc.shared.set_login(Login::Accept);
    driver.read_server(&server, PATIENCE).await.unwrap();
    assert_eq!(hmc.shared.logins.load(Ordering::SeqCst), 1);
    assert_eq!(hmc.shared.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_rsa_identity_does_not_reach_the_hmc() {
    let site = Site::with_server(MTMS, &["web"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    for pem in [RSA_KEY, "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n"] {
        let mut configuration = hmc.configuration();
        configuration.key = HmcKey::Pem(pem.to_owned());
        let error = HmcDriver::new(vec![configuration]).read_server(&server(&[&hmc]), PATIENCE).await.unwrap_err();
        let Failure::IdentityUnusable { reason } = &attempts(error)[0].failure else { panic!() };
        assert!(reason.contains("RSA") && reason.contains("ssh-keygen -t ed25519"), "{reason}");
    }
    assert_eq!(hmc.shared.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_ecdsa_identity_is_accepted() {
    let site = Site::with_server(MTMS, &["web"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let curve = Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 };
    hmc.set_client_key(PrivateKey::random(&mut safe_rng(), curve).unwrap());
    driver(&[&hmc]).read_server(&server(&[&hmc]), PATIENCE).await.unwrap();
    assert_eq!(hmc.shared.logins.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_unusable_key_does_not_reach_the_hmc() {
    let site = Site::with_server(MTMS, &["web"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let mut configuration = hmc.configuration();
    configuration.key = HmcKey::File("/nowhere/key".into());
    let error = HmcDriver::new(vec![configuration]).read_server(&server(&[&hmc]), PATIENCE).await.unwrap_err();
    assert!(matches!(attempts(error)[0].failure, Failure::IdentityUnusable { .. }));
    assert_eq!(hmc.shared.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_key_is_read_from_its_file() {
    let site = Site::with_server(MTMS, &["web"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let mut configuration = hmc.configuration();
    let HmcKey::Pem(pem) = &configuration.key else { panic!() };
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), pem).unwrap();
    configuration.key = HmcKey::File(file.path().to_owned());
    HmcDriver::new(vec![configuration]).read_server(&server(&[&hmc]), PATIENCE).await.unwrap();
}

#[tokio::test]
async fn a_new_configuration_keeps_what_did_not_change() {
    let site = Site::with_server(MTMS, &["web"]);
    let first = ScriptedHmc::start("hmc1", &site).await;
    let second = ScriptedHmc::start("hmc2", &site).await;
    let (driver, server) = (driver(&[&first, &second]), server(&[&first, &second]));
    driver.read_server(&server, PATIENCE).await.unwrap();
    second.shared.set_login(Login::Reject);
    driver.check(PATIENCE).await;

    let mut changed = second.configuration();
    driver.replace(vec![first.configuration(), changed.clone()]);
    driver.check(PATIENCE).await;
    assert_eq!(first.shared.connections.load(Ordering::SeqCst), 1, "its connection is kept");
    assert_eq!(second.shared.logins.load(Ordering::SeqCst), 1, "it stays stopped");

    second.shared.set_login(Login::Accept);
    changed.user = "somebody".to_owned();
    driver.replace(vec![first.configuration(), changed]);
    driver.check(PATIENCE).await;
    assert_eq!(second.shared.logins.load(Ordering::SeqCst), 2, "a changed one is tried anew");

    driver.replace(vec![second.configuration()]);
    let reading = driver.read_server(&server, PATIENCE).await.unwrap();
    assert_eq!(reading.via, "hmc2", "one that is no longer configured is passed over");
}

#[tokio::test]
async fn a_private_key_is_not_printed() {
    let site = Site::default();
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let text = format!("{:?}", hmc.configuration());
    assert!(!text.contains("PRIVATE"), "{text}");
}
