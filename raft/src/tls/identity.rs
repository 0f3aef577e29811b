//! A private key with its certificate and the authority that signed it, all as PEM text.

use std::fmt;
use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, KeyPair};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateSigningRequestDer};
use sha2::{Digest, Sha256};
use x509_parser::prelude::{ASN1Time, FromDer, ParsedExtension, X509Certificate, X509CertificationRequest};

use super::{PeerIdentity, TlsError, Validity};

/// The credentials of a node or an administrator: key, certificate, and the trusted authority's certificate.
#[derive(Clone)]
pub struct Identity {
    /// The holder's certificate, and what leads from it to an older authority.
    pub cert_pem: String,
    /// The holder's private key (PKCS#8).
    pub key_pem: String,
    /// The certificates of the cluster's authorities.
    pub ca_pem: String,
}

/// What a certificate says besides the name of its holder.
#[derive(Debug, Clone)]
pub struct Details {
    /// The time in which it is valid.
    pub valid: Validity,
    /// The public key, raw.
    pub key: Vec<u8>,
    /// Identifier of its own key, if it has one.
    own_id: Option<Vec<u8>>,
    /// Identifier of the key that signed it.
    signed_by: Option<Vec<u8>>,
}

/// Reads a DER certificate.
pub fn details(der: &[u8]) -> Result<Details, TlsError> {
    let (_, read) = X509Certificate::from_der(der).map_err(|why| TlsError::read("certificate", why))?;
    let time = |time: ASN1Time| SystemTime::UNIX_EPOCH + Duration::from_secs(time.timestamp().try_into().unwrap_or(0));
    let valid = Validity { from: time(read.validity().not_before), until: time(read.validity().not_after) };
    let (mut own_id, mut signed_by) = (None, None);
    for extension in read.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(id) => own_id = Some(id.0.to_vec()),
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                signed_by = id.key_identifier.as_ref().map(|id| id.0.to_vec());
            }
            _ => {}
        }
    }
    let key = read.public_key().subject_public_key.data.to_vec();
    Ok(Details { valid, key, own_id, signed_by })
}

/// An authority that is trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedRoot {
    /// SHA-256 over its DER certificate.
    pub fingerprint: [u8; 32],
    /// The certificate.
    pub cert_pem: String,
    /// The end of its validity.
    pub until: SystemTime,
}

/// The authorities in PEM text, in their order.
pub fn roots(ca_pem: &str) -> Result<Vec<TrustedRoot>, TlsError> {
    const END: &str = "-----END CERTIFICATE-----";
    let read = |text: &str| {
        let der = certificate(text)?;
        let (until, cert_pem) = (details(&der)?.valid.until, format!("{}\n", text.trim()));
        Ok(TrustedRoot { fingerprint: Sha256::digest(&der).into(), cert_pem, until })
    };
    let all: Result<Vec<_>, _> = ca_pem.split_inclusive(END).filter(|text| text.contains(END)).map(read).collect();
    all.and_then(|all| if all.is_empty() { Err(TlsError::read("certificate", "there is none")) } else { Ok(all) })
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

    /// What its certificate says.
    pub fn details(&self) -> Result<Details, TlsError> {
        details(&certificate(&self.cert_pem)?)
    }

    /// Fingerprint of the authority that signed its certificate, if that is one of those that it trusts.
    pub fn authority(&self) -> Result<Option<[u8; 32]>, TlsError> {
        let by = self.details()?.signed_by;
        for root in certificates(&self.ca_pem)? {
            if by.is_some() && details(&root)?.own_id == by {
                return Ok(Some(Sha256::digest(&root).into()));
            }
        }
        Ok(None)
    }

    /// Whether the key is that of the certificate.
    pub fn fits(&self) -> Result<bool, TlsError> {
        let key = KeyPair::from_pem(&self.key_pem).map_err(|why| TlsError::read("private key", why))?;
        Ok(self.details()?.key == key.public_key_raw())
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
        let identity = Identity { cert_pem: signed.cert_pem, key_pem: self.key_pem, ca_pem: signed.ca_pem };
        if !identity.fits()? {
            return Err(TlsError::read("signed certificate", "it certifies another key"));
        }
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

/// All certificates in PEM text; at least one.
pub(crate) fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let all = all.map_err(|e| TlsError::read("certificate", e))?;
    if all.is_empty() { Err(TlsError::read("certificate", "there is none")) } else { Ok(all) }
}

pub(crate) fn common_name(name: &str) -> rcgen::DistinguishedName {
    let mut dn = rcgen::DistinguishedName::new();
    dn.push(rcgen::DnType::CommonName, name);
    dn
}
