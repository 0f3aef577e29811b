//! The cluster's certificate authority: made once by whoever founds the cluster, asked whenever somebody joins.

use std::fmt;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PublicKeyData, SanType,
};

use super::identity::{certificate, common_name};
use super::verifier::NODE_DNS_NAME;
use super::{Identity, PeerIdentity, Role, TlsError};

/// Management networks have wrong clocks: a certificate must be valid on a machine that is behind.
const BACKDATE: Duration = Duration::from_secs(2 * 3600);
/// Long, because a cluster whose certificates ran out overnight protects nothing.
const VALID_FOR: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// The authority's certificate and key, as PEM text.
#[derive(Clone)]
pub struct ClusterAuthority {
    /// Its certificate; public.
    pub cert_pem: String,
    /// Its private key (PKCS#8).
    pub key_pem: String,
    cluster: String,
}

/// A certificate signed by the authority, with the authority's own.
#[derive(Debug, Clone)]
pub struct Signed {
    /// The new certificate.
    pub cert_pem: String,
    /// The authority's certificate.
    pub ca_pem: String,
}

/// The time in which a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// From then on.
    pub from: SystemTime,
    /// Until then.
    pub until: SystemTime,
}

impl Validity {
    /// For a time that starts now.
    pub fn from_now(lasts: Duration) -> Self {
        let now = SystemTime::now();
        Self { from: now - BACKDATE, until: now + lasts }
    }
}

impl ClusterAuthority {
    /// Founds the authority of a cluster with this id.
    pub fn create(cluster: &str) -> Result<Self, TlsError> {
        let name = PeerIdentity::new(cluster, "root", Role::Authority)?;
        let key = KeyPair::generate().map_err(TlsError::make("the authority's key"))?;
        let mut params = params_for(&name, Validity::from_now(VALID_FOR))?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages =
            vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
        let certificate = params.self_signed(&key).map_err(TlsError::make("the authority's certificate"))?;
        Ok(Self { cert_pem: certificate.pem(), key_pem: key.serialize_pem(), cluster: name.cluster })
    }

    /// Takes up an authority that was saved as PEM.
    pub fn from_pem(cert_pem: &str, key_pem: &str) -> Result<Self, TlsError> {
        let name = PeerIdentity::from_certificate(&certificate(cert_pem)?)?;
        if name.role != Role::Authority {
            return Err(TlsError::read("authority certificate", format!("it belongs to {name}")));
        }
        KeyPair::from_pem(key_pem).map_err(|e| TlsError::read("authority key", e))?;
        Ok(Self { cert_pem: cert_pem.to_owned(), key_pem: key_pem.to_owned(), cluster: name.cluster })
    }

    /// The cluster this authority speaks for.
    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// SHA-256 of the authority's certificate, lower-case hex.
    pub fn fingerprint(&self) -> Result<String, TlsError> {
        super::fingerprint(&self.cert_pem)
    }

    /// Makes a key and certifies it at once, where the authority itself sets up its first nodes.
    pub fn issue(&self, name: &str, role: Role) -> Result<Identity, TlsError> {
        self.issue_for(name, role, Validity::from_now(VALID_FOR))
    }

    /// The same with another time of validity.
    pub fn issue_for(&self, name: &str, role: Role, valid: Validity) -> Result<Identity, TlsError> {
        let key = KeyPair::generate().map_err(TlsError::make("a private key"))?;
        let signed = self.certify(&key, name, role, valid)?;
        Ok(Identity { cert_pem: signed.cert_pem, key_pem: key.serialize_pem(), ca_pem: signed.ca_pem })
    }

    /// Certifies the key in a request. Name and role are the authority's word, nothing else of the request is used.
    pub fn sign(&self, csr_pem: &str, name: &str, role: Role) -> Result<Signed, TlsError> {
        let request =
            CertificateSigningRequestParams::from_pem(csr_pem).map_err(|e| TlsError::read("certificate request", e))?;
        self.certify(&request.public_key, name, role, Validity::from_now(VALID_FOR))
    }

    fn certify(&self, key: &impl PublicKeyData, name: &str, role: Role, valid: Validity) -> Result<Signed, TlsError> {
        let name = PeerIdentity::new(&self.cluster, name, role)?;
        let mut params = params_for(&name, valid)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        params.extended_key_usages = match role {
            Role::Node { .. } => {
                let dns = NODE_DNS_NAME.try_into().map_err(TlsError::make("a certificate name"))?;
                params.subject_alt_names.push(SanType::DnsName(dns));
                vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth]
            }
            Role::User { .. } => vec![ExtendedKeyUsagePurpose::ClientAuth],
            Role::Authority => {
                return Err(TlsError::read("role", "an authority signs no second authority"));
            }
        };
        let own_key = KeyPair::from_pem(&self.key_pem).map_err(|e| TlsError::read("authority key", e))?;
        let issuer = Issuer::from_ca_cert_pem(&self.cert_pem, own_key)
            .map_err(|e| TlsError::read("authority certificate", e))?;
        let certificate = params.signed_by(key, &issuer).map_err(TlsError::make("a certificate"))?;
        Ok(Signed { cert_pem: certificate.pem(), ca_pem: self.cert_pem.clone() })
    }
}

/// The key stays out of logs.
impl fmt::Debug for ClusterAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterAuthority").field("cluster", &self.cluster).finish_non_exhaustive()
    }
}

fn params_for(name: &PeerIdentity, valid: Validity) -> Result<CertificateParams, TlsError> {
    let mut params = CertificateParams::default();
    params.not_before = valid.from.into();
    params.not_after = valid.until.into();
    params.distinguished_name = common_name(&format!("{} of {}", name.name, name.cluster));
    let uri = name.to_string().try_into().map_err(TlsError::make("a certificate name"))?;
    params.subject_alt_names = vec![SanType::URI(uri)];
    Ok(params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issued_and_signed_identities_carry_their_names() {
        let authority = ClusterAuthority::create("lab").unwrap();
        let again = ClusterAuthority::from_pem(&authority.cert_pem, &authority.key_pem).unwrap();
        assert_eq!(again.cluster(), "lab");
        let node = again.issue("p1", Role::Node { id: 3 }).unwrap();
        assert_eq!(node.name().unwrap().to_string(), "tenure://lab/node/p1?id=3");
        assert!(!format!("{node:?}").contains("PRIVATE"));

        let request = Identity::request("p2").unwrap();
        let signed = authority.sign(&request.csr_pem, "p2", Role::User { id: 4 }).unwrap();
        let other = Identity::request("p2").unwrap();
        assert!(other.complete(signed.clone()).is_err(), "a certificate for another key is refused");
        assert_eq!(request.complete(signed).unwrap().name().unwrap().role, Role::User { id: 4 });
    }

    #[test]
    fn fingerprint_is_64_hex_digits() {
        let print = ClusterAuthority::create("lab").unwrap().fingerprint().unwrap();
        assert_eq!(print.len(), 64);
        assert!(print.bytes().all(|b| b.is_ascii_hexdigit()));
    }

    #[test]
    fn a_node_certificate_is_no_authority() {
        let node = ClusterAuthority::create("lab").unwrap().issue("p1", Role::Node { id: 1 }).unwrap();
        assert!(ClusterAuthority::from_pem(&node.cert_pem, &node.key_pem).is_err());
    }
}
