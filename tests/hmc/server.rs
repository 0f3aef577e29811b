//! A scripted HMC: a real SSH server on a loopback port, over a [`Site`], that can be told to misbehave.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use russh::keys::ssh_key::LineEnding;
use russh::keys::{Algorithm, HashAlg, PrivateKey};
use russh::server::{Auth, ChannelOpenHandle, Handle, Handler, Msg, Session, VerifiedPublicKey};
use russh::{Channel, ChannelId};
use tenure::hypervisor::ServerAddress;
use tenure::hypervisor::hmc::{HmcAddress, HmcDriver, HmcKey};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::{AbortHandle, JoinHandle};

use crate::site::{Answer, Site};

pub const MTMS: &str = "9009-42A*1234567";

/// More than any test needs; a test that waits this long has failed.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The behaviour for a command instead of the usual.
#[derive(Clone)]
pub enum Fault {
    /// Never answer, and carry out nothing.
    Hang,
    /// Cut the connection before carrying out anything.
    Cut,
    /// Carry it out, then cut the connection.
    DoAndCut,
    /// Carry out nothing, and answer this.
    Say(Answer),
    /// Answer with this many bytes.
    Flood(usize),
    /// Carry it out, and close the channel without an exit status.
    NoStatus,
    /// Carry it out, and report that the shell was killed by a signal.
    Killed,
    /// Refuse to run commands.
    RefuseExec,
    /// Wait for a permit, then carry it out.
    Gate(Arc<Semaphore>),
}

/// The reaction to an offered key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Login {
    Accept,
    Reject,
    /// The connection is cut instead of an answer.
    Cut,
    /// There is no answer until this changes.
    Wait,
}

/// A scripted HMC. Dropping it stops it.
pub struct ScriptedHmc {
    pub name: String,
    pub shared: Arc<Shared>,
    address: SocketAddr,
    accepting: Option<JoinHandle<()>>,
}

/// State that tests set and inspect.
pub struct Shared {
    site: Site,
    host_key: PrivateKey,
    client_key: Mutex<PrivateKey>,
    login: watch::Sender<Login>,
    connection: Mutex<String>,
    faults: Mutex<Vec<(String, Fault)>>,
    commands: Mutex<Vec<String>>,
    environment: Mutex<Vec<(String, String)>>,
    running: watch::Sender<usize>,
    most_running: AtomicUsize,
    pub logins: AtomicUsize,
    pub connections: AtomicUsize,
    sockets: Mutex<Vec<AbortHandle>>,
}

pub fn new_key() -> PrivateKey {
    PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519).unwrap()
}

impl ScriptedHmc {
    pub async fn start(name: &str, site: &Site) -> Self {
        let shared = Arc::new(Shared {
            site: site.clone(),
            host_key: new_key(),
            client_key: Mutex::new(new_key()),
            login: watch::channel(Login::Accept).0,
            connection: Mutex::new("Connected".to_owned()),
            faults: Mutex::default(),
            commands: Mutex::default(),
            environment: Mutex::default(),
            running: watch::channel(0).0,
            most_running: AtomicUsize::new(0),
            logins: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
            sockets: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepting = Some(tokio::spawn(accept(listener, Arc::clone(&shared))));
        Self { name: name.to_owned(), shared, address, accepting }
    }

    /// Expects another identity from now on.
    pub fn set_client_key(&self, key: PrivateKey) {
        *self.shared.client_key.lock().unwrap() = key;
    }

    /// Its address for the driver.
    pub fn configuration(&self) -> HmcAddress {
        let pem = self.shared.client_key.lock().unwrap().to_openssh(LineEnding::LF).unwrap();
        HmcAddress {
            name: self.name.clone(),
            address: self.address.to_string(),
            user: "tenure".to_owned(),
            key: HmcKey::Pem(pem.to_string()),
            host_key_fingerprint: self.shared.host_key.fingerprint(HashAlg::Sha256).to_string(),
        }
    }

    /// Stops listening and cuts every connection.
    pub async fn stop(&mut self) {
        if let Some(accepting) = self.accepting.take() {
            accepting.abort();
            let _ = accepting.await;
        }
        self.shared.cut();
    }

    /// Listens again on the same port.
    pub async fn restart(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.accepting = Some(tokio::spawn(accept(listener, Arc::clone(&self.shared))));
    }
}

impl Drop for ScriptedHmc {
    fn drop(&mut self) {
        if let Some(accepting) = &self.accepting {
            accepting.abort();
        }
        self.shared.cut();
    }
}

impl Shared {
    /// Waits until a login was tried this many times.
    pub async fn logins(&self, count: usize) {
        let logins = async {
            while self.logins.load(Ordering::SeqCst) < count {
                tokio::task::yield_now().await;
            }
        };
        soon(logins).await;
    }

    pub fn set_login(&self, login: Login) {
        self.login.send_replace(login);
    }

    /// The word in `lssysconn`, and with it whether the server's state is known.
    pub fn set_connection(&self, word: &str) {
        *self.connection.lock().unwrap() = word.to_owned();
    }

    /// Misbehaves on every command that contains this text, until [`Shared::behave`].
    pub fn misbehave(&self, needle: &str, fault: Fault) {
        self.faults.lock().unwrap().push((needle.to_owned(), fault));
    }

    pub fn behave(&self) {
        self.faults.lock().unwrap().clear();
    }

    /// The commands that arrived and contain this text, as they were sent.
    pub fn commands(&self, needle: &str) -> Vec<String> {
        let commands = self.commands.lock().unwrap();
        commands.iter().filter(|command| command.contains(needle)).cloned().collect()
    }

    pub fn environment(&self) -> Vec<(String, String)> {
        self.environment.lock().unwrap().clone()
    }

    pub fn most_running(&self) -> usize {
        self.most_running.load(Ordering::SeqCst)
    }

    /// Waits until exactly this many commands run.
    pub async fn running(&self, count: usize) {
        let mut running = self.running.subscribe();
        soon(running.wait_for(|running| *running == count)).await.unwrap();
    }

    /// Cuts every connection.
    pub fn cut(&self) {
        for socket in self.sockets.lock().unwrap().drain(..) {
            socket.abort();
        }
    }

    fn fault(&self, command: &str) -> Option<Fault> {
        let faults = self.faults.lock().unwrap();
        faults.iter().find(|(needle, _)| command.contains(needle)).map(|(_, fault)| fault.clone())
    }
}

/// Awaits a future that must complete.
pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("did not happen")
}

pub fn driver(hmcs: &[&ScriptedHmc]) -> HmcDriver {
    HmcDriver::new(hmcs.iter().map(|hmc| hmc.configuration()).collect())
}

/// The server of the tests, managed by these HMCs in this order.
pub fn server(hmcs: &[&ScriptedHmc]) -> ServerAddress {
    ServerAddress {
        name: "p1".to_owned(),
        mtms: MTMS.to_owned(),
        hmcs: hmcs.iter().map(|hmc| hmc.name.clone()).collect(),
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        socket.set_nodelay(true).unwrap();
        shared.connections.fetch_add(1, Ordering::SeqCst);
        let serving = tokio::spawn(serve(socket, Arc::clone(&shared)));
        shared.sockets.lock().unwrap().push(serving.abort_handle());
    }
}

/// Serves one connection through a pipe, so that aborting this task cuts the socket whatever the server is doing.
async fn serve(mut socket: TcpStream, shared: Arc<Shared>) {
    let config = russh::server::Config {
        keys: vec![shared.host_key.clone()],
        auth_rejection_time: Duration::ZERO,
        auth_rejection_time_initial: Some(Duration::ZERO),
        ..russh::server::Config::default()
    };
    let (mut near, far) = tokio::io::duplex(1 << 16);
    let handler = Connection { shared, tasks: Vec::new() };
    tokio::spawn(async move {
        if let Ok(session) = russh::server::run_stream(Arc::new(config), far, handler).await {
            let _ = session.await;
        }
    });
    let _ = copy_bidirectional(&mut socket, &mut near).await;
}

struct Connection {
    shared: Arc<Shared>,
    tasks: Vec<AbortHandle>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl Handler for Connection {
    type Error = russh::Error;

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        self.shared.logins.fetch_add(1, Ordering::SeqCst);
        let mut logins = self.shared.login.subscribe();
        let login = *logins.wait_for(|login| *login != Login::Wait).await.unwrap();
        let is_known = user == "tenure" && key.public_key == self.shared.client_key.lock().unwrap().public_key();
        match login {
            Login::Accept if is_known => Ok(Auth::Accept),
            Login::Cut => {
                self.shared.cut();
                std::future::pending().await
            }
            Login::Accept | Login::Reject | Login::Wait => Ok(Auth::reject()),
        }
    }

    async fn channel_open_session(
        &mut self,
        _channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        reply.accept().await;
        Ok(())
    }

    async fn env_request(
        &mut self,
        _channel: ChannelId,
        name: &str,
        value: &str,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.shared.environment.lock().unwrap().push((name.to_owned(), value.to_owned()));
        Ok(())
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let command = String::from_utf8(data.to_vec()).unwrap();
        let fault = self.shared.fault(&command);
        self.shared.commands.lock().unwrap().push(command.clone());
        if matches!(fault, Some(Fault::RefuseExec)) {
            return session.channel_failure(channel);
        }
        session.channel_success(channel)?;
        let answering = answer(Arc::clone(&self.shared), session.handle(), channel, command, fault);
        self.tasks.push(tokio::spawn(answering).abort_handle());
        Ok(())
    }
}

/// Counts a command while it runs.
struct Running(Arc<Shared>);

impl Running {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.running.send_modify(|running| *running += 1);
        shared.most_running.fetch_max(*shared.running.borrow(), Ordering::SeqCst);
        Self(Arc::clone(shared))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.send_modify(|running| *running -= 1);
    }
}

/// The way in which the end of a command is reported.
enum Ending {
    Status,
    Signal,
    Nothing,
}

async fn answer(shared: Arc<Shared>, handle: Handle, channel: ChannelId, command: String, fault: Option<Fault>) {
    let running = Running::new(&shared);
    let connection = shared.connection.lock().unwrap().clone();
    let run = || shared.site.run(&words(&command), &connection);
    let mut ending = Ending::Status;
    let answer = match fault {
        None | Some(Fault::RefuseExec) => run(),
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Cut) => return shared.cut(),
        Some(Fault::DoAndCut) => {
            run();
            return shared.cut();
        }
        Some(Fault::Say(answer)) => answer,
        Some(Fault::Flood(bytes)) => Answer::ok("x".repeat(bytes)),
        Some(Fault::NoStatus) => {
            ending = Ending::Nothing;
            run()
        }
        Some(Fault::Killed) => {
            ending = Ending::Signal;
            run()
        }
        Some(Fault::Gate(gate)) => {
            gate.acquire().await.unwrap().forget();
            run()
        }
    };
    drop(running);
    for part in answer.stdout.into_bytes().chunks(8192) {
        let _ = handle.data(channel, part.to_vec()).await;
    }
    if !answer.stderr.is_empty() {
        let _ = handle.extended_data(channel, 1, answer.stderr.into_bytes()).await;
    }
    let _ = handle.eof(channel).await;
    let _ = match ending {
        Ending::Status => handle.exit_status_request(channel, answer.status).await,
        Ending::Signal => {
            let (text, language) = (String::new(), String::new());
            handle.exit_signal_request(channel, russh::Sig::KILL, false, text, language).await
        }
        Ending::Nothing => Ok(()),
    };
    let _ = handle.close(channel).await;
}

/// Splits a command line as the HMC's shell does, and removes the assignment in front of it.
pub fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    let mut chars = command.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' => quoted = !quoted,
            '\\' if !quoted => words.last_mut().unwrap().extend(chars.next()),
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    assert_eq!(words.remove(0), "LANG=C", "{command}");
    words
}
