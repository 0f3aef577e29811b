//! The cluster's certificate authority: made by whoever founds the cluster, and again when it is rotated; asked whenever
//! somebody joins or a certificate is renewed.

use std::fmt;
use std::time::{Duration, SystemTime};

use rand::RngExt;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PublicKeyData, SanType,
};

use super::identity::{certificate, common_name};
use super::verifier::NODE_DNS_NAME;
use super::{Identity, PeerIdentity, Role, TlsError, details};

/// Management networks have wrong clocks: a certificate must be valid on a machine that is behind, be it by a time zone.
const BACKDATE: Duration = Duration::from_secs(25 * 3600);
/// Life of the authority itself: nothing that it signs outlives it.
const AUTHORITY_LASTS: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// Life of a certificate that is issued on the spot.
const ISSUED_FOR: Duration = Duration::from_secs(365 * 24 * 3600);

/// The authority's certificate and key, as PEM text.
#[derive(Clone)]
pub struct ClusterAuthority {
    /// Its certificate; public.
    pub cert_pem: String,
    /// Its private key (PKCS#8).
    pub key_pem: String,
    cluster: String,
    until: SystemTime,
    /// Goes with every certificate: this authority, certified by the one before it.
    chain_pem: String,
    /// The authorities that holders of its certificates trust.
    roots_pem: String,
}

/// A certificate signed by the authority, with the authorities to trust.
#[derive(Debug, Clone)]
pub struct Signed {
    /// The new certificate, and what leads from it to an older authority.
    pub cert_pem: String,
    /// The certificates of the authorities.
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
    /// Makes an authority of the cluster with this id.
    pub fn create(cluster: &str) -> Result<Self, TlsError> {
        // Two authorities of a cluster have different names, so that programs can tell which one has signed.
        let name = format!("root-{:08x}", rand::rng().random::<u32>());
        let name = PeerIdentity::new(cluster, &name, Role::Authority)?;
        let key = KeyPair::generate().map_err(TlsError::make("the authority's key"))?;
        let certificate = authority_params(&name, Validity::from_now(AUTHORITY_LASTS))?.self_signed(&key);
        let certificate = certificate.map_err(TlsError::make("the authority's certificate"))?;
        Self::from_pem(&certificate.pem(), &key.serialize_pem())
    }

    /// Takes up an authority that was saved as PEM.
    pub fn from_pem(cert_pem: &str, key_pem: &str) -> Result<Self, TlsError> {
        let der = certificate(cert_pem)?;
        let name = PeerIdentity::from_certificate(&der)?;
        if name.role != Role::Authority {
            return Err(TlsError::read("authority certificate", format!("it belongs to {name}")));
        }
        let key = KeyPair::from_pem(key_pem).map_err(|e| TlsError::read("authority key", e))?;
        let details = details(&der)?;
        if details.key != key.public_key_raw() {
            return Err(TlsError::read("authority key", "it is not the key of the certificate"));
        }
        Ok(Self {
            cert_pem: cert_pem.to_owned(),
            key_pem: key_pem.to_owned(),
            cluster: name.cluster,
            until: details.valid.until,
            chain_pem: String::new(),
            roots_pem: cert_pem.to_owned(),
        })
    }

    /// The same, beside other authorities: with what leads from it to an older one, and with all that are trusted.
    pub fn beside(self, chain_pem: &str, roots_pem: &str) -> Self {
        Self { chain_pem: chain_pem.to_owned(), roots_pem: roots_pem.to_owned(), ..self }
    }

    /// Certifies the next authority, for those who trust only this one as yet.
    pub fn certify_next(&self, next: &ClusterAuthority) -> Result<String, TlsError> {
        let name = PeerIdentity::from_certificate(&certificate(&next.cert_pem)?)?;
        let valid = Validity { until: self.until.min(next.until), ..Validity::from_now(AUTHORITY_LASTS) };
        let key = KeyPair::from_pem(&next.key_pem).map_err(|e| TlsError::read("authority key", e))?;
        let signed = authority_params(&name, valid)?.signed_by(&key, &self.issuer()?);
        Ok(signed.map_err(TlsError::make("the next authority's certificate"))?.pem())
    }

    /// The cluster this authority speaks for.
    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// The time until which its own certificate is valid.
    pub fn until(&self) -> SystemTime {
        self.until
    }

    /// SHA-256 of the authority's certificate, lower-case hex.
    pub fn fingerprint(&self) -> Result<String, TlsError> {
        super::fingerprint(&self.cert_pem)
    }

    /// Makes a key and certifies it at once, for a year.
    pub fn issue(&self, name: &str, role: Role) -> Result<Identity, TlsError> {
        self.issue_for(name, role, Validity::from_now(ISSUED_FOR))
    }

    /// Makes a key and certifies it.
    pub fn issue_for(&self, name: &str, role: Role, valid: Validity) -> Result<Identity, TlsError> {
        let key = KeyPair::generate().map_err(TlsError::make("a private key"))?;
        let signed = self.certify(&key, name, role, valid)?;
        Ok(Identity { cert_pem: signed.cert_pem, key_pem: key.serialize_pem(), ca_pem: signed.ca_pem })
    }

    /// Certifies the key in a request. Name and role are the authority's word, nothing else of the request is used.
    pub fn sign(&self, csr_pem: &str, name: &str, role: Role, valid: Validity) -> Result<Signed, TlsError> {
        let request =
            CertificateSigningRequestParams::from_pem(csr_pem).map_err(|e| TlsError::read("certificate request", e))?;
        self.certify(&request.public_key, name, role, valid)
    }

    fn certify(&self, key: &impl PublicKeyData, name: &str, role: Role, valid: Validity) -> Result<Signed, TlsError> {
        let name = PeerIdentity::new(&self.cluster, name, role)?;
        let mut params = params_for(&name, Validity { until: valid.until.min(self.until), ..valid })?;
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
        let certificate = params.signed_by(key, &self.issuer()?).map_err(TlsError::make("a certificate"))?;
        Ok(Signed { cert_pem: certificate.pem() + &self.chain_pem, ca_pem: self.roots_pem.clone() })
    }

    fn issuer(&self) -> Result<Issuer<'static, KeyPair>, TlsError> {
        let key = KeyPair::from_pem(&self.key_pem).map_err(|e| TlsError::read("authority key", e))?;
        Issuer::from_ca_cert_pem(&self.cert_pem, key).map_err(|e| TlsError::read("authority certificate", e))
    }
}

/// The key stays out of logs.
impl fmt::Debug for ClusterAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterAuthority").field("cluster", &self.cluster).finish_non_exhaustive()
    }
}

fn authority_params(name: &PeerIdentity, valid: Validity) -> Result<CertificateParams, TlsError> {
    let mut params = params_for(name, valid)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
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
        let signed =
            authority.sign(&request.csr_pem, "p2", Role::User { id: 4 }, Validity::from_now(ISSUED_FOR)).unwrap();
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
    fn nothing_outlives_the_authority() {
        let authority = ClusterAuthority::create("lab").unwrap();
        let long = Validity::from_now(2 * AUTHORITY_LASTS);
        let node = authority.issue_for("p1", Role::Node { id: 1 }, long).unwrap();
        assert_eq!(details(&certificate(&node.cert_pem).unwrap()).unwrap().valid.until, authority.until());
    }

    #[test]
    fn a_node_certificate_is_no_authority() {
        let node = ClusterAuthority::create("lab").unwrap().issue("p1", Role::Node { id: 1 }).unwrap();
        assert!(ClusterAuthority::from_pem(&node.cert_pem, &node.key_pem).is_err());
        let (one, other) = (ClusterAuthority::create("lab").unwrap(), ClusterAuthority::create("lab").unwrap());
        assert!(ClusterAuthority::from_pem(&one.cert_pem, &other.key_pem).is_err(), "the key of another one");
    }
}
