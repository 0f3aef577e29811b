//! The emulated HMC over real SSH.

use super::{HmcOptions, HmcServer, generate_key};
use crate::world::{Change, DemoOptions, Fault, HmcId, LiveWorld, LparState, Span, Ticker, World, WorldSpec};
use russh::ChannelMsg;
use russh::client::{self, AuthResult, Handle};
use russh::keys::{HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKeyOrCertificate};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Maximum duration of every wait here.
const PATIENCE: Duration = Duration::from_secs(20);

struct Client {
    seen: Arc<Mutex<Seen>>,
}

/// The server's fingerprint and banner.
#[derive(Default)]
struct Seen {
    fingerprint: String,
    banner: String,
}

impl client::Handler for Client {
    type Error = russh::Error;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        if let PublicKeyOrCertificate::PublicKey { key, .. } = key {
            self.seen.lock().unwrap().fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        }
        Ok(true)
    }

    async fn auth_banner(&mut self, banner: &str, _session: &mut client::Session) -> Result<(), Self::Error> {
        self.seen.lock().unwrap().banner = banner.to_owned();
        Ok(())
    }
}

struct Bench {
    world: LiveWorld,
    hmc: HmcServer,
    key: PrivateKey,
    seen: Arc<Mutex<Seen>>,
    _ticker: Ticker,
}

impl Bench {
    async fn start(edit: impl FnOnce(&mut WorldSpec), lockout: Duration) -> Self {
        let mut spec = WorldSpec::demo(DemoOptions { servers: 2, lpars: 2, hmcs: 1 });
        spec.hmcs[0].latency = Span::millis(5);
        spec.hmcs[0].answer_latency = Span::millis(5);
        edit(&mut spec);
        let (world, ticker) = LiveWorld::start(World::new(spec, 1).unwrap());
        let key = generate_key();
        let options = HmcOptions { lockout, ..HmcOptions::new("hmc1", key.public_key().clone()) };
        let hmc = HmcServer::start(world.clone(), options).await.unwrap();
        Bench { world, hmc, key, seen: Arc::default(), _ticker: ticker }
    }

    async fn connect(&self) -> Result<Handle<Client>, russh::Error> {
        let config = Arc::new(client::Config::default());
        client::connect(config, self.hmc.address(), Client { seen: self.seen.clone() }).await
    }

    /// Logs in on a new connection.
    async fn login(&self, key: &PrivateKey) -> (Handle<Client>, bool) {
        let mut client = self.connect().await.unwrap();
        let key = PrivateKeyWithHashAlg::new(Arc::new(key.clone()), None);
        let result = client.authenticate_publickey("tenure", key).await.unwrap();
        (client, matches!(result, AuthResult::Success))
    }

    async fn client(&self) -> Handle<Client> {
        let (client, accepted) = self.login(&self.key).await;
        assert!(accepted);
        client
    }

    /// Waits until the history contains a change.
    async fn until(&self, happened: impl Fn(&Change) -> bool) {
        let mut length = self.world.history_length();
        let waiting = async {
            while !self.world.history_since(0).iter().any(|entry| happened(&entry.change)) {
                length.changed().await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap();
    }
}

/// Standard output, standard error and exit status of a command.
async fn exec(client: &Handle<Client>, line: &str) -> (String, String, Option<u32>) {
    let mut channel = client.channel_open_session().await.unwrap();
    channel.exec(true, line).await.unwrap();
    let (mut stdout, mut stderr, mut status) = (Vec::new(), Vec::new(), None);
    while let Some(message) = channel.wait().await {
        match message {
            ChannelMsg::Data { data } => stdout.extend_from_slice(&data),
            ChannelMsg::ExtendedData { data, .. } => stderr.extend_from_slice(&data),
            ChannelMsg::ExitStatus { exit_status } => status = Some(exit_status),
            _ => {}
        }
    }
    (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap(), status)
}

#[tokio::test]
async fn commands_run_over_ssh_on_a_known_host_key() {
    let bench = Bench::start(|_| {}, PATIENCE).await;
    let client = bench.client().await;
    let seen = bench.seen.lock().unwrap().fingerprint.clone();
    assert_eq!(seen, bench.hmc.fingerprint());
    assert!(seen.starts_with("SHA256:"), "{seen}");
    let listed = exec(&client, "LANG=C lssyscfg -r sys -F name,state").await;
    assert_eq!(listed, ("p1,Operating\np2,Operating\n".into(), String::new(), Some(0)));
    let refused = exec(&client, "chsysstate -m p1 -r lpar -o shutdown -n db").await;
    assert!(refused.0.starts_with("HSCL1558 "), "{refused:?}");
    assert_eq!((refused.1.as_str(), refused.2), ("", Some(1)));
    let unknown = exec(&client, "reboot").await;
    assert_eq!(unknown, (String::new(), "hmcbash: reboot: command not found\n".into(), Some(127)));
}

#[tokio::test]
async fn there_is_no_shell_but_an_environment() {
    let bench = Bench::start(|_| {}, PATIENCE).await;
    let client = bench.client().await;
    let mut channel = client.channel_open_session().await.unwrap();
    channel.set_env(true, "LANG", "C").await.unwrap();
    assert!(matches!(channel.wait().await, Some(ChannelMsg::Success)));
    channel.request_shell(true).await.unwrap();
    assert!(matches!(channel.wait().await, Some(ChannelMsg::Failure)));
}

#[tokio::test]
async fn three_refused_keys_lock_the_account_until_the_time_is_over() {
    let lockout = Duration::from_millis(1_500);
    let bench = Bench::start(|_| {}, lockout).await;
    let wrong = generate_key();
    for _ in 0..3 {
        assert!(!bench.login(&wrong).await.1);
    }
    assert_eq!(bench.seen.lock().unwrap().banner, "");
    assert!(!bench.login(&bench.key).await.1, "the right key is refused too");
    let banner = bench.seen.lock().unwrap().banner.clone();
    assert_eq!(banner, "The account is locked due to 3 failed logins.\n(1 minutes left to unlock)\n");
    let unlocked = async { while !bench.login(&bench.key).await.1 {} };
    tokio::time::timeout(PATIENCE, unlocked).await.unwrap();
}

#[tokio::test]
async fn a_command_whose_client_is_gone_still_takes_effect() {
    let bench = Bench::start(|spec| spec.hmcs[0].latency = Span::millis(300), PATIENCE).await;
    let client = bench.client().await;
    let channel = client.channel_open_session().await.unwrap();
    channel.exec(true, "chsysstate -m p1 -r lpar -o on -n db").await.unwrap();
    let sent = async {
        while bench.world.with(|world| world.under_way()) == 0 {
            tokio::task::yield_now().await
        }
    };
    tokio::time::timeout(PATIENCE, sent).await.unwrap();
    drop(channel);
    client.disconnect(russh::Disconnect::ByApplication, "", "").await.unwrap();
    drop(client);
    let (p1, db) = bench.world.with(|world| (world.server("p1").unwrap(), world.lpar("db").unwrap()));
    assert_eq!(bench.world.with(|world| world.activity(p1, db)), Some(LparState::NotActivated));
    bench.until(|change| matches!(change, Change::Lpar { lpar, state: LparState::Running, .. } if *lpar == db)).await;
}

#[tokio::test]
async fn an_hmc_that_goes_down_breaks_connections_and_comes_back_at_its_address() {
    let mut bench = Bench::start(|_| {}, PATIENCE).await;
    let client = bench.client().await;
    bench.hmc.stop().await;
    let broken = async {
        while !client.is_closed() {
            tokio::time::sleep(Duration::from_millis(5)).await
        }
    };
    tokio::time::timeout(PATIENCE, broken).await.unwrap();
    assert!(bench.connect().await.is_err());
    bench.hmc.resume().await;
    let (version, _, status) = exec(&bench.client().await, "lshmc -V").await;
    assert!(version.contains("base_version=V11R2") && status == Some(0));
}

#[tokio::test]
async fn an_answer_can_be_lost_and_a_system_locked() {
    let bench = Bench::start(|spec| spec.timings.lock = Span::millis(300), PATIENCE).await;
    let client = bench.client().await;
    bench.world.with(|world| world.inject(Fault::LoseAnswers(HmcId(0), 1)).unwrap());
    let lost = exec(&client, "chsysstate -m p1 -r lpar -o on -n db").await;
    assert_eq!(lost, (String::new(), String::new(), None));
    // Waits for the lock of the previous change, and is then accepted.
    let waited = exec(&client, "chsysstate -m p1 -r lpar -o on -n app").await;
    assert_eq!(waited, (String::new(), String::new(), Some(0)));
    let listed = exec(&client, "lssyscfg -r lpar -m p1 --filter lpar_names=db,app -F state").await;
    assert!(!listed.0.contains("Not Activated"), "{listed:?}");
}
