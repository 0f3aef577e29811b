//! The emulated HMC as an SSH server. It follows its world: when the HMC goes down there, the port closes and every
//! connection breaks; when it comes up, the port opens again.

use super::account::Account;
use super::session::{Session, Shared};
use crate::world::{Fault, HmcId, LiveWorld};
use russh::keys::{Algorithm, HashAlg, PrivateKey, PublicKey};
use russh::server::{Config, run_stream};
use russh::{MethodKind, MethodSet};
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

/// Maximum number of connections; more wait in the backlog of the port.
const CONNECTION_LIMIT: usize = 64;

/// Maximum number of running commands; more are refused.
const COMMAND_LIMIT: usize = 32;

/// Pause between attempts to open the port again.
const REOPEN_INTERVAL: Duration = Duration::from_millis(20);

/// Options of an emulated HMC.
#[derive(Clone, Debug)]
pub struct HmcOptions {
    /// Its name in the world.
    pub hmc: String,
    /// Its listening address; port 0 selects a free one.
    pub listen: SocketAddr,
    /// Its host key.
    pub host_key: PrivateKey,
    /// Its only user.
    pub user: String,
    /// That user's key.
    pub authorized_key: PublicKey,
    /// Time for which three failed logins lock the user out.
    pub lockout: Duration,
}

impl HmcOptions {
    /// An HMC on a free port of the loopback address with a new host key, a user `tenure`, and the real lockout time.
    pub fn new(hmc: impl Into<String>, authorized_key: PublicKey) -> Self {
        HmcOptions {
            hmc: hmc.into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            host_key: generate_key(),
            user: "tenure".into(),
            authorized_key,
            lockout: Duration::from_secs(300),
        }
    }
}

/// A new ed25519 key, for a host or for a user.
pub fn generate_key() -> PrivateKey {
    let mut seed = [0_u8; 32];
    rand::fill(&mut seed);
    PrivateKey::from(russh::keys::ssh_key::private::Ed25519Keypair::from_seed(&seed))
}

/// Reason why an emulated HMC does not start.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // what a name says is not said again
pub enum HmcServerError {
    /// Its name is not in the world.
    #[error("start HMC {0:?}: there is none of that name in this world")]
    NoSuchHmc(String),
    /// The host key is of a kind that real HMCs do not have.
    #[error("start HMC: the host key is not ed25519")]
    HostKey,
    /// Its port cannot be opened.
    #[error("start HMC: open {address}")]
    Listen {
        address: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
}

/// A running emulated HMC. Dropping it ends it and breaks its connections.
#[derive(Debug)]
pub struct HmcServer {
    world: LiveWorld,
    hmc: HmcId,
    shared: Arc<Shared>,
    address: SocketAddr,
    fingerprint: String,
    open: watch::Receiver<bool>,
    connections: CancellationToken,
    task: JoinHandle<()>,
}

impl HmcServer {
    /// Opens the port and serves.
    ///
    /// # Errors
    /// When the world has no such HMC, the key is of the wrong kind, or the port cannot be opened.
    pub async fn start(world: LiveWorld, options: HmcOptions) -> Result<Self, HmcServerError> {
        let hmc = world.with(|world| world.hmc(&options.hmc));
        let hmc = hmc.ok_or(HmcServerError::NoSuchHmc(options.hmc))?;
        if options.host_key.algorithm() != Algorithm::Ed25519 {
            return Err(HmcServerError::HostKey);
        }
        let fingerprint = options.host_key.public_key().fingerprint(HashAlg::Sha256).to_string();
        let listen = |source| HmcServerError::Listen { address: options.listen, source };
        let listener = TcpListener::bind(options.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let account = Account::new(options.user, options.authorized_key, options.lockout);
        let shared = Arc::new(Shared {
            world: world.clone(),
            hmc,
            account: Mutex::new(account),
            commands: Arc::new(Semaphore::new(COMMAND_LIMIT)),
            asked: AtomicU64::new(0),
        });
        let questions = shared.clone();
        let (opened, open) = watch::channel(true);
        let connections = CancellationToken::new();
        let port = Port { shared, config: config(options.host_key), opened, broken: connections.clone() };
        let task = tokio::spawn(port.serve(listener, address));
        Ok(HmcServer { world, hmc, shared: questions, address, fingerprint, open, connections, task })
    }

    /// Its listening address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Fingerprint of its host key, in OpenSSH's format: `SHA256:…`.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Number of commands it was asked to run, ever.
    pub fn asked(&self) -> u64 {
        self.shared.asked.load(Ordering::Relaxed)
    }

    /// Number of logins that it refused, ever.
    pub fn refused(&self) -> u64 {
        self.shared.account().refused()
    }

    /// Number of logins that it accepted, ever.
    pub fn accepted(&self) -> u64 {
        self.shared.account().accepted()
    }

    /// Takes the user's key away from the account, or gives it back. Open connections stay open.
    pub fn bar(&self, barred: bool) {
        self.shared.account().bar(barred);
    }

    /// Takes the HMC down, and returns when its port is closed and its connections are broken.
    pub async fn stop(&mut self) {
        self.switch(Fault::HmcDown(self.hmc), false).await;
    }

    /// Brings the HMC up again, at the same address, and returns when its port is open.
    pub async fn resume(&mut self) {
        self.switch(Fault::HmcUp(self.hmc), true).await;
    }

    async fn switch(&mut self, fault: Fault, open: bool) {
        // Refused if it is already in that state.
        let _ = self.world.with(|world| world.inject(fault));
        // Also ends when the serving task is gone, which only `drop` can cause.
        let _ = self.open.wait_for(|&now| now == open).await;
    }
}

impl Drop for HmcServer {
    fn drop(&mut self) {
        self.connections.cancel();
        self.task.abort();
    }
}

fn config(host_key: PrivateKey) -> Arc<Config> {
    Arc::new(Config {
        keys: vec![host_key],
        methods: MethodSet::from([MethodKind::PublicKey, MethodKind::Password].as_slice()),
        auth_rejection_time: Duration::from_millis(50),
        auth_rejection_time_initial: Some(Duration::ZERO),
        max_auth_attempts: 6,
        nodelay: true,
        ..Config::default()
    })
}

/// The port and its connections.
struct Port {
    shared: Arc<Shared>,
    config: Arc<Config>,
    opened: watch::Sender<bool>,
    /// Cancelled when the server ends.
    broken: CancellationToken,
}

impl Port {
    async fn serve(self, listener: TcpListener, address: SocketAddr) {
        let mut listener = Some(listener);
        loop {
            let period = self.broken.child_token();
            let _breaks = period.clone().drop_guard();
            if let Some(listener) = listener.take() {
                let mut connections = JoinSet::new();
                tokio::select! {
                    () = self.accept(&listener, &period, &mut connections) => {}
                    () = self.wait_until(false) => {}
                }
                drop(listener);
                period.cancel();
                connections.join_all().await;
            }
            self.opened.send_replace(false);
            self.wait_until(true).await;
            match TcpListener::bind(address).await {
                Ok(bound) => listener = Some(bound),
                Err(error) => {
                    tracing::warn!(%address, %error, "the port of the HMC cannot be opened again yet");
                    tokio::time::sleep(REOPEN_INTERVAL).await;
                    continue;
                }
            }
            self.opened.send_replace(true);
        }
    }

    /// Never ends by itself; the caller drops it.
    async fn accept(&self, listener: &TcpListener, period: &CancellationToken, connections: &mut JoinSet<()>) {
        loop {
            while connections.len() >= CONNECTION_LIMIT {
                connections.join_next().await;
            }
            while connections.try_join_next().is_some() {}
            match listener.accept().await {
                Ok((stream, _)) => {
                    let (config, session) = (self.config.clone(), Session::new(self.shared.clone()));
                    connections.spawn(connection(config, stream, session, period.clone()));
                }
                // Caused by the client's haste or the system's limits: neither lasts long.
                Err(_) => tokio::time::sleep(REOPEN_INTERVAL).await,
            }
        }
    }

    async fn wait_until(&self, up: bool) {
        let mut changes = self.shared.world.history_length();
        while self.shared.world.with(|world| world.is_up(self.shared.hmc)) != up {
            if changes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

/// Serves one connection, until it or the HMC ends. In the latter case it breaks without a message, as when a machine
/// dies.
async fn connection(config: Arc<Config>, stream: TcpStream, session: Session, period: CancellationToken) {
    let Ok((stream, breaker)) = breakable(stream) else {
        return;
    };
    let served = async {
        if let Ok(running) = run_stream(config, stream, session).await {
            // The result is the client's affair.
            let _ = running.await;
        }
    };
    tokio::select! {
        () = served => {}
        () = period.cancelled() => {
            // Fails if the client was faster.
            let _ = breaker.shutdown(Shutdown::Both);
        }
    }
}

/// A stream, and a second handle with which it can be broken while another owner uses it.
fn breakable(stream: TcpStream) -> io::Result<(TcpStream, std::net::TcpStream)> {
    let stream = stream.into_std()?;
    let breaker = stream.try_clone()?;
    Ok((TcpStream::from_std(stream)?, breaker))
}
