//! A private key with its certificate and the authority that signed it, all as PEM text.

use std::fmt;

use rcgen::{CertificateParams, KeyPair};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateSigningRequestDer};
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, X509CertificationRequest};

use super::{PeerIdentity, TlsError};

/// The credentials of a node or an administrator: key, certificate, and the trusted authority's certificate.
#[derive(Clone)]
pub struct Identity {
    /// The holder's certificate.
    pub cert_pem: String,
    /// The holder's private key (PKCS#8).
    pub key_pem: String,
    /// The cluster authority's certificate.
    pub ca_pem: String,
}

impl Identity {
    /// Makes a key and a request to sign it, for a machine that does not hold the authority's key.
    pub fn request(name: &str) -> Result<CertificateRequest, TlsError> {
        let key = KeyPair::generate().map_err(TlsError::make("a private key"))?;
        let mut params = CertificateParams::default();
        params.distinguished_name = common_name(name);
        let csr = params.serialize_request(&key).map_err(TlsError::make("a certificate request"))?;
        let csr_pem = csr.pem().map_err(TlsError::make("a certificate request"))?;
        Ok(CertificateRequest { csr_pem, key_pem: key.serialize_pem() })
    }

    /// The holder of this identity.
    pub fn name(&self) -> Result<PeerIdentity, TlsError> {
        PeerIdentity::from_certificate(&certificate(&self.cert_pem)?)
    }
}

/// The key stays out of logs.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("name", &self.name().map(|n| n.to_string()).ok()).finish_non_exhaustive()
    }
}

/// A fresh key and the request that asks the authority to certify it.
#[derive(Clone)]
pub struct CertificateRequest {
    /// Goes to the authority.
    pub csr_pem: String,
    /// Stays here.
    pub key_pem: String,
}

impl CertificateRequest {
    /// Joins the key with the answer of the authority. Refuses a certificate for another key.
    pub fn complete(self, signed: super::Signed) -> Result<Identity, TlsError> {
        let key = KeyPair::from_pem(&self.key_pem).map_err(TlsError::make("a private key"))?;
        let der = certificate(&signed.cert_pem)?;
        let (_, parsed) =
            x509_parser::parse_x509_certificate(&der).map_err(|e| TlsError::read("signed certificate", e))?;
        if parsed.public_key().subject_public_key.data.as_ref() != key.public_key_raw() {
            return Err(TlsError::read("signed certificate", "it certifies another key"));
        }
        let identity = Identity { cert_pem: signed.cert_pem, key_pem: self.key_pem, ca_pem: signed.ca_pem };
        identity.name()?;
        Ok(identity)
    }
}

/// SHA-256 over the public key in a certificate request (SubjectPublicKeyInfo, DER).
pub fn key_of_request(csr_pem: &str) -> Result<[u8; 32], TlsError> {
    let bad = |why: &dyn std::fmt::Display| TlsError::read("certificate request", why.to_string());
    let der = CertificateSigningRequestDer::from_pem_slice(csr_pem.as_bytes()).map_err(|why| bad(&why))?;
    let (_, request) = X509CertificationRequest::from_der(&der).map_err(|why| bad(&why))?;
    Ok(Sha256::digest(request.certification_request_info.subject_pki.raw).into())
}

/// SHA-256 over the DER certificate, in lower-case hex. A join token carries that of the authority.
pub fn fingerprint(cert_pem: &str) -> Result<String, TlsError> {
    Ok(fingerprint_der(&certificate(cert_pem)?))
}

pub(crate) fn fingerprint_der(der: &[u8]) -> String {
    crate::show::hex(&Sha256::digest(der))
}

pub(crate) fn certificate(pem: &str) -> Result<CertificateDer<'static>, TlsError> {
    CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|e| TlsError::read("certificate", e))
}

pub(crate) fn common_name(name: &str) -> rcgen::DistinguishedName {
    let mut dn = rcgen::DistinguishedName::new();
    dn.push(rcgen::DnType::CommonName, name);
    dn
}
