//! The identity of this process as it is now: it can be replaced while connections are open, by a renewed certificate or by
//! other authorities to trust.
//!
//! New connections use the new one. An open connection ends when the certificate of the other side has expired, or is no
//! longer signed by an authority that is trusted.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::server::danger::ClientCertVerifier;
use rustls::{ClientConfig, ServerConfig};
use rustls_pki_types::{CertificateDer, UnixTime};
use tokio::sync::watch;

use super::config::{client_config, client_verifier, server_config};
use super::{ClientAuth, Identity, TlsError, details};

/// The longest wait for the end of a certificate: the wall clock may be set meanwhile.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// An identity and what is made of it. Clones are the same.
#[derive(Clone)]
pub struct Credentials {
    now: Arc<watch::Sender<Arc<Made>>>,
}

/// The key stays out of logs.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.identity().fmt(f)
    }
}

struct Made {
    identity: Identity,
    peers: Arc<ServerConfig>,
    admins: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
    verifier: Arc<dyn ClientCertVerifier>,
}

impl Made {
    fn of(identity: Identity) -> Result<Arc<Self>, TlsError> {
        Ok(Arc::new(Self {
            peers: server_config(&identity, ClientAuth::Required)?,
            admins: server_config(&identity, ClientAuth::Optional)?,
            client: client_config(&identity)?,
            verifier: client_verifier(&identity, ClientAuth::Required)?,
            identity,
        }))
    }
}

impl Credentials {
    /// Takes up an identity.
    pub fn new(identity: Identity) -> Result<Self, TlsError> {
        Ok(Self { now: Arc::new(watch::Sender::new(Made::of(identity)?)) })
    }

    /// Takes up another one of the same holder. If it is unusable the present one stays.
    pub fn replace(&self, identity: Identity) -> Result<(), TlsError> {
        let (old, new) = (self.identity().name()?, identity.name()?);
        if old != new {
            return Err(TlsError::read("certificate", format!("it belongs to {new}, this is {old}")));
        }
        self.now.send_replace(Made::of(identity)?);
        Ok(())
    }

    /// The present identity.
    pub fn identity(&self) -> Identity {
        self.now.borrow().identity.clone()
    }

    /// The configuration for a server.
    pub fn server(&self, auth: ClientAuth) -> Arc<ServerConfig> {
        let now = self.now.borrow();
        Arc::clone(match auth {
            ClientAuth::Required => &now.peers,
            ClientAuth::Optional => &now.admins,
        })
    }

    /// The configuration for a client.
    pub fn client(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.now.borrow().client)
    }

    /// Waits until the certificate that a client showed is void here: it has expired, or nobody that is trusted has signed
    /// it.
    pub async fn voided(&self, shown: Vec<CertificateDer<'static>>) -> Void {
        let mut changes = self.now.subscribe();
        let Some(until) = shown.first().and_then(|first| details(first).ok()).map(|details| details.valid.until) else {
            return Void("it is unreadable".to_owned());
        };
        loop {
            if let Err(why) = changes.borrow_and_update().good(&shown) {
                return Void(why);
            }
            let left = until.duration_since(SystemTime::now()).unwrap_or_default() + Duration::from_secs(1);
            tokio::select! {
                changed = changes.changed() => if changed.is_err() {
                    return Void("this node is shutting down".to_owned());
                },
                () = tokio::time::sleep(left.min(LOOK_EVERY)) => {}
            }
        }
    }
}

impl Made {
    fn good(&self, shown: &[CertificateDer<'_>]) -> Result<(), String> {
        let (first, others) = shown.split_first().ok_or("there is none")?;
        self.verifier.verify_client_cert(first, others, UnixTime::now()).map(drop).map_err(|why| why.to_string())
    }
}

/// Why a certificate counts no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Void(pub String);

impl fmt::Display for Void {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "its certificate is void: {}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::{ClusterAuthority, Role, Validity, roots};

    const P1: Role = Role::Node { id: 1 };
    const P2: Role = Role::Node { id: 2 };

    fn shown(identity: &Identity) -> Vec<CertificateDer<'static>> {
        super::super::identity::certificates(&identity.cert_pem).unwrap()
    }

    fn good(credentials: &Credentials, identity: &Identity) -> bool {
        credentials.now.borrow().good(&shown(identity)).is_ok()
    }

    #[tokio::test]
    async fn an_open_connection_ends_with_its_authority() {
        let (old, new) = (ClusterAuthority::create("lab").unwrap(), ClusterAuthority::create("lab").unwrap());
        let both = [old.cert_pem.clone(), new.cert_pem.clone()].concat();
        let cross = old.certify_next(&new).unwrap();
        let new = new.beside(&cross, &both);
        let (mine, other) = (old.issue("p1", P1).unwrap(), old.issue("p2", P2).unwrap());
        let renewed = new.issue("p2", P2).unwrap();
        assert_eq!(roots(&renewed.ca_pem).unwrap().len(), 2);

        // Before it knows the new authority, the old one leads to it.
        let credentials = Credentials::new(mine.clone()).unwrap();
        assert!(good(&credentials, &other) && good(&credentials, &renewed));
        credentials.replace(Identity { ca_pem: both, ..mine.clone() }).unwrap();
        assert!(good(&credentials, &other) && good(&credentials, &renewed));

        let voided = credentials.clone();
        let waiting = tokio::spawn(async move { voided.voided(shown(&other)).await });
        let alone = Identity { ca_pem: new.cert_pem.clone(), ..new.issue("p1", P1).unwrap() };
        credentials.replace(alone).unwrap();
        let Void(why) = waiting.await.unwrap();
        assert!(why.contains("UnknownIssuer"), "{why}");
        assert!(good(&credentials, &renewed));
    }

    #[tokio::test]
    async fn an_open_connection_ends_with_its_certificate() {
        let authority = ClusterAuthority::create("lab").unwrap();
        let credentials = Credentials::new(authority.issue("p1", P1).unwrap()).unwrap();
        let soon = Validity::from_now(Duration::from_secs(1));
        let short = authority.issue_for("p2", P2, soon).unwrap();
        let Void(why) = credentials.voided(shown(&short)).await;
        assert!(why.contains("expired"), "{why}");
    }

    #[test]
    fn nobody_becomes_another() {
        let authority = ClusterAuthority::create("lab").unwrap();
        let credentials = Credentials::new(authority.issue("p1", P1).unwrap()).unwrap();
        assert!(credentials.replace(authority.issue("p2", P2).unwrap()).is_err());
        let (one, other) = (authority.issue("p1", P1).unwrap(), authority.issue("p1", P1).unwrap());
        let mixed = Identity { key_pem: other.key_pem, ..one };
        assert!(credentials.replace(mixed).is_err(), "the key of another certificate");
        assert_eq!(credentials.identity().name().unwrap().name, "p1");
    }
}
