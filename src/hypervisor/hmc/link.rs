//! Making one SSH connection to an HMC: reach it, check its host key, authenticate once.
//!
//! Promises: nothing is said to a host whose key is not the configured one. Exactly one identity is offered, exactly
//! once, with no other method before or after: the HMC counts every refused offer, and locks the account after three.
//! The answer tells apart a rejected authentication and one that was cut off before its answer.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use russh::client::{self, AuthResult, DisconnectReason, Handle, connect_stream};
use russh::keys::{HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKeyOrCertificate, decode_secret_key};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::address::{HmcAddress, HmcKey};
use tenure_core::ForeignText;

/// Time for TCP and the key exchange together.
const REACH_LIMIT: Duration = Duration::from_secs(5);

/// Time for the answer to the authentication. HMCs that ask a directory server take a while.
const AUTHENTICATION_LIMIT: Duration = Duration::from_secs(10);

/// Time to close a connection in order.
const FAREWELL_LIMIT: Duration = Duration::from_secs(1);

/// Characters of its banner that are looked at.
const BANNER: usize = 1024;

/// Interval of probes on a silent connection. It is given up after [`KEEPALIVE_TRIES`] probes without an answer.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_TRIES: usize = 2;

/// An authenticated connection.
pub type Session = Handle<Peer>;

/// The reason why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkError {
    /// This node's key cannot be read or used; the HMC was not contacted.
    Identity(ForeignText),
    /// It could not be reached, or the key exchange failed.
    Unreachable(ForeignText),
    /// Its host key is not the configured one.
    HostKey { expected: String, presented: ForeignText },
    /// It rejected this node's key.
    Rejected(ForeignText),
    /// The connection ended after the key was offered and before an answer. It may have counted as a failure.
    Unfinished(ForeignText),
    /// The key was not offered, because logins are held.
    Held(ForeignText),
}

/// Connects, and authenticates if `may` permits that once the HMC is reached. Apart from waiting for `may`, bounded
/// by the limits above.
pub async fn connect(
    address: &HmcAddress,
    may: impl Future<Output = Result<(), ForeignText>>,
) -> Result<Session, LinkError> {
    // An HMC is not contacted without a key.
    load_key(&address.key).await?;
    let notes = Arc::new(Mutex::new(Notes::default()));
    let peer = Peer { expected: address.host_key_fingerprint.clone(), notes: Arc::clone(&notes) };
    let reached = timeout(REACH_LIMIT, reach(address, peer)).await;
    let presented = notes.lock().unwrap_or_else(PoisonError::into_inner).wrong_key.take();
    if let Some(presented) = presented {
        return Err(LinkError::HostKey { expected: address.host_key_fingerprint.clone(), presented });
    }
    let session = match reached {
        Ok(Ok(session)) => session,
        Ok(Err(error)) => return Err(LinkError::Unreachable(error.to_string().into())),
        Err(_) => {
            return Err(LinkError::Unreachable(format!("no SSH key exchange within {REACH_LIMIT:?}").into()));
        }
    };
    if let Err(why) = may.await {
        disconnect(&session).await;
        return Err(LinkError::Held(why));
    }
    // It may have been exchanged while this waited for its turn.
    match load_key(&address.key).await {
        Ok(key) => authenticate(session, address, key, &notes).await,
        Err(error) => {
            disconnect(&session).await;
            Err(error)
        }
    }
}

/// Closes the session in order, so that the HMC need not wait for its own timeout to free it.
pub async fn disconnect(session: &Session) {
    let farewell = session.disconnect(russh::Disconnect::ByApplication, "done", "");
    // The farewell need not arrive: the socket is closed in any case.
    let _ = timeout(FAREWELL_LIMIT, farewell).await;
}

async fn load_key(key: &HmcKey) -> Result<PrivateKey, LinkError> {
    let pem = match key {
        HmcKey::Pem(pem) => pem.clone(),
        HmcKey::File(path) => tokio::fs::read_to_string(path)
            .await
            .map_err(|error| LinkError::Identity(format!("read {}: {error}", path.display()).into()))?,
    };
    // No RSA: the one implementation that there is leaks its private key through timing.
    let rsa = || LinkError::Identity("it is an RSA key: make another with `ssh-keygen -t ed25519`".into());
    match decode_secret_key(&pem, None) {
        Ok(key) if key.algorithm().is_rsa() => Err(rsa()),
        Ok(key) => Ok(key),
        Err(russh::keys::Error::UnsupportedKeyType { key_type_string, .. }) if key_type_string == "RSA" => Err(rsa()),
        Err(error) => Err(LinkError::Identity(error.to_string().into())),
    }
}

async fn reach(address: &HmcAddress, peer: Peer) -> Result<Session, russh::Error> {
    let config = client::Config {
        keepalive_interval: Some(KEEPALIVE_INTERVAL),
        keepalive_max: KEEPALIVE_TRIES,
        nodelay: true,
        ..client::Config::default()
    };
    let socket = TcpStream::connect(&address.address).await?;
    socket.set_nodelay(true)?;
    connect_stream(Arc::new(config), socket, peer).await
}

async fn authenticate(
    mut session: Session,
    address: &HmcAddress,
    key: PrivateKey,
    notes: &Mutex<Notes>,
) -> Result<Session, LinkError> {
    let offer = PrivateKeyWithHashAlg::new(Arc::new(key), None);
    let user = address.user.as_str();
    let answer = timeout(AUTHENTICATION_LIMIT, session.authenticate_publickey(user, offer)).await;
    match answer {
        Ok(Ok(AuthResult::Success)) => Ok(session),
        Ok(Ok(AuthResult::Failure { partial_success: true, .. })) => Err(LinkError::Rejected(
            format!("the key of user {user} is not enough, another method is wanted as well").into(),
        )),
        Ok(Ok(AuthResult::Failure { remaining_methods, .. })) if !remaining_methods.is_empty() => {
            Err(LinkError::Rejected(rejected(user, notes)))
        }
        // The library reports a lost connection as a failure without further methods.
        Ok(Ok(AuthResult::Failure { .. })) => Err(cut_off(session, user, notes).await),
        Ok(Err(error)) => Err(LinkError::Unfinished(error.to_string().into())),
        Err(_) => Err(LinkError::Unfinished(format!("no answer within {AUTHENTICATION_LIMIT:?}").into())),
    }
}

/// The words for a rejected key, with those of the HMC if it says that the account is locked.
fn rejected(user: &str, notes: &Mutex<Notes>) -> ForeignText {
    let banner = notes.lock().unwrap_or_else(PoisonError::into_inner).banner.take().unwrap_or_default();
    let locked: Vec<&str> = banner.lines().map(str::trim).filter(|line| line.contains("lock")).collect();
    let locked = if locked.is_empty() { String::new() } else { format!(": {}", locked.join(" ")) };
    format!("the key of user {user} was rejected{locked}").into()
}

/// Determines how a connection ended during authentication.
async fn cut_off(session: Session, user: &str, notes: &Mutex<Notes>) -> LinkError {
    let end = timeout(FAREWELL_LIMIT, session).await;
    let farewell = notes.lock().unwrap_or_else(PoisonError::into_inner).farewell.take();
    match (end, farewell) {
        (Ok(Err(russh::Error::NoAuthMethod)), _) => LinkError::Rejected(rejected(user, notes)),
        (_, Some(Farewell { is_authentication: true, message })) => LinkError::Rejected(message),
        (_, Some(Farewell { message, .. })) => LinkError::Unfinished(message),
        _ => LinkError::Unfinished("connection lost during authentication".into()),
    }
}

/// The callbacks of the connection.
pub struct Peer {
    expected: String,
    notes: Arc<Mutex<Notes>>,
}

/// Facts from the connection's own task, for the code that waits for it.
#[derive(Default)]
struct Notes {
    wrong_key: Option<ForeignText>,
    /// What it says before a login.
    banner: Option<String>,
    farewell: Option<Farewell>,
}

struct Farewell {
    is_authentication: bool,
    message: ForeignText,
}

impl client::Handler for Peer {
    type Error = russh::Error;

    async fn check_server_key(&mut self, presented: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        let wrong = match presented {
            PublicKeyOrCertificate::PublicKey { key, .. } => {
                let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
                (fingerprint != self.expected).then(|| format!("{} {fingerprint}", key.algorithm()))
            }
            PublicKeyOrCertificate::Certificate(_) => Some("a host certificate".to_owned()),
        };
        let is_right = wrong.is_none();
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).wrong_key = wrong.map(ForeignText::from);
        Ok(is_right)
    }

    async fn auth_banner(&mut self, banner: &str, _: &mut client::Session) -> Result<(), Self::Error> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).banner = Some(banner.chars().take(BANNER).collect());
        Ok(())
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Self::Error>) -> Result<(), Self::Error> {
        match reason {
            DisconnectReason::ReceivedDisconnect(info) => {
                let is_authentication = matches!(info.reason_code, russh::Disconnect::NoMoreAuthMethodsAvailable)
                    || info.message.to_ascii_lowercase().contains("authentication");
                let farewell = Farewell { is_authentication, message: info.message.into() };
                self.notes.lock().unwrap_or_else(PoisonError::into_inner).farewell = Some(farewell);
                Ok(())
            }
            DisconnectReason::Error(error) => Err(error),
        }
    }
}
