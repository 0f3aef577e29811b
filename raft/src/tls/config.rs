//! TLS configurations of nodes and of admin clients.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::identity::certificates;
use super::verifier::{NodeVerifier, Root};
use super::{Identity, PeerIdentity, TlsError};

/// Whether a server talks to clients without a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuth {
    /// Nodes among themselves: always required.
    Required,
    /// The admin API: a join token or a certificate.
    Optional,
}

/// The trust anchor of a client without a certificate of its own.
#[derive(Debug, Clone)]
pub enum Trust {
    /// The authorities, as PEM.
    Authority(String),
    /// Fingerprints of authorities, as [`fingerprint`](super::fingerprint) gives them: one of them is enough.
    Fingerprints(Vec<String>),
}

/// What checks the certificates of clients: they must chain to the authorities that `identity` trusts.
pub(super) fn client_verifier(identity: &Identity, auth: ClientAuth) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    for root in certificates(&identity.ca_pem)? {
        roots.add(root).map_err(TlsError::Config)?;
    }
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
    let clients = match auth {
        ClientAuth::Required => clients,
        ClientAuth::Optional => clients.allow_unauthenticated(),
    };
    clients.build().map_err(|e| TlsError::read("authority certificate", e))
}

/// A server that shows `identity`. Clients' certificates, where shown, must chain to the authorities that it trusts.
pub(super) fn server_config(identity: &Identity, auth: ClientAuth) -> Result<Arc<ServerConfig>, TlsError> {
    let (chain, key) = chain_and_key(identity)?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(TlsError::Config)?
        .with_client_cert_verifier(client_verifier(identity, auth)?)
        .with_single_cert(chain, key)
        .map_err(TlsError::Config)?;
    // A session that is taken up again would not show its certificate again, which may have expired.
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// A client that shows `identity` and talks to nodes of the same cluster only, under whatever host name.
pub fn client_config(identity: &Identity) -> Result<Arc<ClientConfig>, TlsError> {
    let cluster = identity.name()?.cluster;
    let root = Root::Known(certificates(&identity.ca_pem)?);
    let (chain, key) = chain_and_key(identity)?;
    let config = client_builder(root, Some(cluster))?.with_client_auth_cert(chain, key).map_err(TlsError::Config)?;
    Ok(Arc::new(config))
}

/// A client without a certificate, such as one that joins with a token.
pub fn client_config_anonymous(trust: &Trust) -> Result<Arc<ClientConfig>, TlsError> {
    let root = match trust {
        Trust::Authority(pem) => Root::Known(certificates(pem)?),
        Trust::Fingerprints(prints) => Root::Pinned(prints.iter().map(|print| print.to_ascii_lowercase()).collect()),
    };
    Ok(Arc::new(client_builder(root, None)?.with_no_client_auth()))
}

/// The identity at the other end of a connection that this process accepted; `None` without a client certificate.
pub fn peer_identity_of_client(connection: &ServerConnection) -> Result<Option<PeerIdentity>, TlsError> {
    connection.peer_certificates().and_then(<[_]>::first).map(|c| PeerIdentity::from_certificate(c)).transpose()
}

/// The node at the other end of a connection that this process opened.
pub fn peer_identity_of_server(connection: &ClientConnection) -> Result<PeerIdentity, TlsError> {
    let first = connection.peer_certificates().and_then(<[_]>::first);
    PeerIdentity::from_certificate(first.ok_or_else(|| TlsError::NoIdentity("no certificate".to_owned()))?)
}

fn client_builder(
    root: Root,
    cluster: Option<String>,
) -> Result<rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>, TlsError> {
    let provider = provider();
    let verifier = NodeVerifier { root, cluster, provider: provider.clone() };
    Ok(ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(TlsError::Config)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier)))
}

/// The authorities are sent along, so that a client that knows only a fingerprint can check the chain.
fn chain_and_key(identity: &Identity) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
    let chain = [certificates(&identity.cert_pem)?, certificates(&identity.ca_pem)?].concat();
    let key =
        PrivateKeyDer::from_pem_slice(identity.key_pem.as_bytes()).map_err(|e| TlsError::read("private key", e))?;
    Ok((chain, key))
}

/// Named explicitly everywhere: the process default is ambiguous when a second provider is in the dependency graph.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
