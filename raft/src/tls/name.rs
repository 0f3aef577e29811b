//! The name inside a certificate: who holds it, of which cluster, in which role.

use std::fmt;

use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::TlsError;

const SCHEME: &str = "tenure://";
const MAX_NAME: usize = 64;

/// The role to which a certificate entitles its holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A cluster node with this Raft id.
    Node {
        /// The node's Raft id.
        id: u64,
    },
    /// A person or a program that uses the admin API. What they may do is not in the certificate.
    User {
        /// The number with which the user was let in.
        id: u64,
    },
    /// The authority itself; never accepted as a peer.
    Authority,
}

/// The holder of a certificate, as its URI subject alternative name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerIdentity {
    /// Cluster id.
    pub cluster: String,
    /// Node or user name.
    pub name: String,
    /// The holder's role.
    pub role: Role,
}

impl PeerIdentity {
    /// A checked name.
    pub(crate) fn new(cluster: &str, name: &str, role: Role) -> Result<Self, TlsError> {
        for part in [cluster, name] {
            if !is_plain(part) {
                return Err(TlsError::BadName(part.to_owned()));
            }
        }
        Ok(Self { cluster: cluster.to_owned(), name: name.to_owned(), role })
    }

    /// Reads the one `tenure://` URI of a DER certificate.
    pub fn from_certificate(der: &[u8]) -> Result<Self, TlsError> {
        let (_, certificate) =
            X509Certificate::from_der(der).map_err(|e| TlsError::NoIdentity(format!("not a certificate: {e}")))?;
        let names = certificate
            .subject_alternative_name()
            .map_err(|e| TlsError::NoIdentity(e.to_string()))?
            .ok_or_else(|| TlsError::NoIdentity("no subject alternative name".to_owned()))?;
        let mut uris = names.value.general_names.iter().filter_map(|name| match name {
            GeneralName::URI(uri) if uri.starts_with(SCHEME) => Some(*uri),
            _ => None,
        });
        match (uris.next(), uris.next()) {
            (Some(uri), None) => Self::parse(uri),
            (None, _) => Err(TlsError::NoIdentity("no tenure:// name".to_owned())),
            (Some(_), Some(_)) => Err(TlsError::NoIdentity("more than one tenure:// name".to_owned())),
        }
    }

    fn parse(uri: &str) -> Result<Self, TlsError> {
        let bad = || TlsError::NoIdentity(format!("{uri:?} is not a name of this product"));
        let path = uri.strip_prefix(SCHEME).ok_or_else(bad)?;
        let mut parts = path.split('/');
        let (Some(cluster), Some(kind), Some(rest), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(bad());
        };
        let (name, role) = match (kind, rest.split_once("?id=")) {
            ("node", Some((name, id))) => (name, Role::Node { id: id.parse().map_err(|_| bad())? }),
            ("user", Some((name, id))) => (name, Role::User { id: id.parse().map_err(|_| bad())? }),
            ("authority", None) => (rest, Role::Authority),
            _ => return Err(bad()),
        };
        Self::new(cluster, name, role)
    }
}

/// The URI, as it stands in the certificate.
impl fmt::Display for PeerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cluster, name, role } = self;
        match role {
            Role::Node { id } => write!(f, "{SCHEME}{cluster}/node/{name}?id={id}"),
            Role::User { id } => write!(f, "{SCHEME}{cluster}/user/{name}?id={id}"),
            Role::Authority => write!(f, "{SCHEME}{cluster}/authority/{name}"),
        }
    }
}

fn is_plain(text: &str) -> bool {
    (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uri_round_trips_and_refuses_what_it_did_not_write() {
        for role in [Role::Node { id: 7 }, Role::User { id: 0 }, Role::Authority] {
            let name = PeerIdentity::new("site-a", "p1.lab", role).unwrap();
            assert_eq!(PeerIdentity::parse(&name.to_string()).unwrap(), name);
        }
        for bad in [
            "tenure://c/node/a",
            "tenure://c/node/a?id=x",
            "tenure://c/node/a/b?id=1",
            "tenure://c/root/a",
            "tenure://c/user/a",
            "tenure://c/user/a?id=-1",
            "tenure://c/admin/a",
            "tenure:///node/a?id=1",
            "http://c/node/a?id=1",
        ] {
            assert!(PeerIdentity::parse(bad).is_err(), "{bad}");
        }
        assert!(PeerIdentity::new("c", "a/b", Role::User { id: 1 }).is_err());
        assert!(PeerIdentity::new("", "a", Role::User { id: 1 }).is_err());
    }
}
