//! Verification of a node's certificate by a client.
//!
//! The chain must end at an authority of the cluster, the holder must be a node, and of the expected cluster where that is
//! known. The host name is no criterion: nodes are reached by changing addresses, and are known by their URI name.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::identity::fingerprint_der;
use super::{PeerIdentity, Role};

/// Every node certificate carries this DNS name beside its own, so that the standard chain check has a name to check.
pub(super) const NODE_DNS_NAME: &str = "node.tenure.internal";

/// The client's trust anchors.
#[derive(Debug)]
pub(super) enum Root {
    /// The authorities' certificates are at hand.
    Known(Vec<CertificateDer<'static>>),
    /// Only their fingerprints are (a join token): the server sends the certificates along.
    Pinned(Vec<String>),
}

#[derive(Debug)]
pub(super) struct NodeVerifier {
    pub(super) root: Root,
    pub(super) cluster: Option<String>,
    pub(super) provider: Arc<CryptoProvider>,
}

impl NodeVerifier {
    fn roots(&self, sent: &[CertificateDer<'_>]) -> Result<RootCertStore, Error> {
        let mut roots = RootCertStore::empty();
        match &self.root {
            Root::Known(known) => known.iter().try_for_each(|root| roots.add(root.clone()))?,
            Root::Pinned(prints) => {
                let pinned = sent.iter().filter(|certificate| prints.contains(&fingerprint_der(certificate)));
                pinned.into_iter().try_for_each(|root| roots.add(root.clone().into_owned()))?;
            }
        }
        if roots.is_empty() { Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)) } else { Ok(roots) }
    }
}

impl ServerCertVerifier for NodeVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let roots = self.roots(intermediates)?;
        let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), self.provider.clone())
            .build()
            .map_err(|e| Error::General(e.to_string()))?;
        let fixed = ServerName::try_from(NODE_DNS_NAME).map_err(|e| Error::General(e.to_string()))?;
        chain.verify_server_cert(end_entity, intermediates, &fixed, ocsp_response, now)?;

        let name = PeerIdentity::from_certificate(end_entity).map_err(|e| Error::General(e.to_string()))?;
        if !matches!(name.role, Role::Node { .. }) {
            return Err(Error::General(format!("{name} is not a node")));
        }
        match &self.cluster {
            Some(cluster) if *cluster != name.cluster => {
                Err(Error::General(format!("{name} is not of cluster {cluster}")))
            }
            _ => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.2 is not spoken here".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
