//! Founding a cluster, and joining one with a token.
//!
//! The founder creates the cluster's authority. A token is a permission signed with the authority's key: the node,
//! the expiry, the addresses to ask, and the authority's fingerprint, so that the new node can authenticate the
//! cluster before it has a certificate. Nothing about a token is stored; it is self-contained.

use crate::{
    api::{
        Client,
        wire::{JoinRequest, TokenView},
    },
    local::{
        LocalConfig,
        identity::{self, ADMIN, IdentityError, NODE},
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use rand::RngExt;
use ring::hmac;
use serde::{Deserialize, Serialize};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use tenure_core::Rejection;
use tenure_raft::{
    begin_witness,
    tls::{ClusterAuthority, Identity, Role, Signed, TlsError, Trust},
};

/// Validity of a token.
pub const TOKEN_LASTS: SignedDuration = SignedDuration::from_hours(1);
/// Time that one attempt to join may take.
const JOIN_DEADLINE: Duration = Duration::from_secs(30);
/// The file in the node's `cluster` directory that tells what it has acknowledged: see `tenure_raft::begin_witness`.
pub const WITNESS: &str = "acknowledged";
/// The file of the authority's private key, in the founder's `cluster` directory.
const AUTHORITY_KEY: &str = "ca.key";
/// Raft id of the founder.
pub const FOUNDER: u64 = 1;

/// The reason why a cluster was not founded or joined.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // what a name says is not said again
pub enum FoundingError {
    /// There is an identity here already.
    #[error("{0} holds a node's identity already")]
    Exists(PathBuf),
    /// A file could not be read or written.
    #[error("keep the identity")]
    Files(#[source] IdentityError),
    /// The node could not be recorded as new.
    #[error("note that node {node} has acknowledged nothing yet")]
    Witness {
        node: String,
        /// The error.
        #[source]
        source: std::io::Error,
    },
    /// A key or certificate could not be created or used.
    #[error("make the identity")]
    Tls(#[source] TlsError),
    /// The token is malformed, or not valid any more.
    #[error("the token is not usable: {0}")]
    Token(String),
    /// The cluster did not admit the node.
    #[error("join the cluster")]
    Refused(#[source] crate::api::ClientError),
}

impl FoundingError {
    /// The remedy, if one is known.
    pub fn advice(&self) -> Option<String> {
        match self {
            FoundingError::Refused(crate::api::ClientError::Answered(error)) => error.suggestion.clone(),
            FoundingError::Exists(_) => Some("to start over, move the directory away".to_owned()),
            FoundingError::Token(_) => Some("make a new one with `tenure node token NODE`".to_owned()),
            FoundingError::Refused(_)
            | FoundingError::Files(_)
            | FoundingError::Witness { .. }
            | FoundingError::Tls(_) => None,
        }
    }

    /// The same as an answer to the operator or node that asked.
    pub fn rejection(&self) -> Rejection {
        let code = match self {
            FoundingError::Exists(_) => "identity_exists",
            FoundingError::Files(_) | FoundingError::Witness { .. } => "files",
            FoundingError::Tls(_) => "certificate",
            FoundingError::Token(_) => "token",
            FoundingError::Refused(_) => "not_let_in",
        };
        Rejection { advice: self.advice(), ..Rejection::new(code, self.to_string()) }
    }
}

/// The content of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Permission {
    cluster: String,
    node: String,
    expires: i64,
    api: Vec<String>,
    fingerprint: String,
}

/// Founds a cluster: the authority, the founder's identity in its data directory, and an administrator's in `admin_dir`.
pub fn found(name: &str, node: &str, data_dir: &Path, admin_dir: &Path) -> Result<String, FoundingError> {
    let directory = data_dir.join("cluster");
    if directory.join(format!("{NODE}.key")).exists() {
        return Err(FoundingError::Exists(directory));
    }
    // Two sites may choose the same name; their clusters must still refuse each other.
    let cluster = format!("{name}-{:08x}", rand::rng().random::<u32>());
    let authority = ClusterAuthority::create(&cluster).map_err(FoundingError::Tls)?;
    let founder = authority.issue(node, Role::Node { id: FOUNDER }).map_err(FoundingError::Tls)?;
    let admin = authority.issue(ADMIN, Role::Admin).map_err(FoundingError::Tls)?;
    identity::save(admin_dir, ADMIN, &admin).map_err(FoundingError::Files)?;
    begin(&directory, node)?;
    identity::save(&directory, NODE, &founder).map_err(FoundingError::Files)?;
    identity::write_secret(&directory.join(AUTHORITY_KEY), &authority.key_pem).map_err(FoundingError::Files)?;
    Ok(cluster)
}

/// The authority, if this node holds its key.
pub fn authority(config: &LocalConfig, identity: &Identity) -> Result<Option<ClusterAuthority>, FoundingError> {
    let file = config.cluster_dir().join(AUTHORITY_KEY);
    match std::fs::read_to_string(&file) {
        Ok(key) => ClusterAuthority::from_pem(&identity.ca_pem, &key).map(Some).map_err(FoundingError::Tls),
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(FoundingError::Files(IdentityError::Read { file, source })),
    }
}

/// A token for `node`, valid for an hour, to be shown at one of these addresses.
pub fn token(authority: &ClusterAuthority, node: &str, api: Vec<String>) -> Result<TokenView, FoundingError> {
    let expires = Timestamp::now() + TOKEN_LASTS;
    let permission = Permission {
        cluster: authority.cluster().to_owned(),
        node: node.to_owned(),
        expires: expires.as_second(),
        api,
        fingerprint: authority.fingerprint().map_err(FoundingError::Tls)?,
    };
    let says = serde_json::to_vec(&permission).map_err(|why| FoundingError::Token(why.to_string()))?;
    let seal = hmac::sign(&seal_key(authority), &says);
    let token = format!("{}.{}", URL_SAFE_NO_PAD.encode(&says), URL_SAFE_NO_PAD.encode(seal));
    Ok(TokenView { token, node: node.to_owned(), expires: expires.to_string() })
}

/// Checks the token that a node shows to the authority.
pub fn check_token(authority: &ClusterAuthority, token: &str, node: &str) -> Result<(), FoundingError> {
    let bad = |why: &str| FoundingError::Token(why.to_owned());
    let (says, seal) = parts(token)?;
    hmac::verify(&seal_key(authority), &says, &seal).map_err(|_| bad("this cluster did not make it"))?;
    let permission: Permission = serde_json::from_slice(&says).map_err(|why| bad(&why.to_string()))?;
    if permission.node != node {
        return Err(bad(&format!("it is for node {}, not {node}", permission.node)));
    }
    if permission.expires < Timestamp::now().as_second() {
        return Err(bad("it has expired"));
    }
    Ok(())
}

/// Certifies a node whose token is valid.
pub fn sign(authority: &ClusterAuthority, csr_pem: &str, node: &str, id: u64) -> Result<Signed, FoundingError> {
    authority.sign(csr_pem, node, Role::Node { id }).map_err(FoundingError::Tls)
}

/// Joins the cluster that issued the token, and stores the identity that it gives.
pub async fn join(config: &LocalConfig, token: &str) -> Result<String, FoundingError> {
    let directory = config.cluster_dir();
    if directory.join(format!("{NODE}.key")).exists() {
        return Err(FoundingError::Exists(directory));
    }
    let (says, _) = parts(token)?;
    let permission: Permission = serde_json::from_slice(&says).map_err(|why| FoundingError::Token(why.to_string()))?;
    if permission.node != config.node.as_str() {
        let why = format!("it is for node {}, this is {}", permission.node, config.node);
        return Err(FoundingError::Token(why));
    }
    let request = Identity::request(config.node.as_str()).map_err(FoundingError::Tls)?;
    let client = Client::anonymous(&Trust::Fingerprint(permission.fingerprint), permission.api, JOIN_DEADLINE)
        .map_err(FoundingError::Refused)?;
    let ask = JoinRequest {
        token: token.to_owned(),
        node: config.node.to_string(),
        csr_pem: request.csr_pem.clone(),
        address: config.advertise.clone(),
        api_address: config.api_advertise.clone(),
    };
    let reply = client.join(&ask).await.map_err(FoundingError::Refused)?;
    let signed = Signed { cert_pem: reply.cert_pem, ca_pem: reply.ca_pem };
    let identity = request.complete(signed).map_err(FoundingError::Tls)?;
    begin(&directory, config.node.as_str())?;
    identity::save(&directory, NODE, &identity).map_err(FoundingError::Files)?;
    Ok(reply.cluster)
}

/// Records that a node is new, before it has an identity: only such a node may start from nothing.
fn begin(directory: &Path, node: &str) -> Result<(), FoundingError> {
    let noted = std::fs::create_dir_all(directory).and_then(|()| begin_witness(&directory.join(WITNESS)));
    noted.map_err(|source| FoundingError::Witness { node: node.to_owned(), source })
}

fn parts(token: &str) -> Result<(Vec<u8>, Vec<u8>), FoundingError> {
    let bad = || FoundingError::Token("it is not a token, or not all of it".to_owned());
    let (says, seal) = token.trim().split_once('.').ok_or_else(bad)?;
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| bad());
    Ok((decode(says)?, decode(seal)?))
}

/// For the fuzzer: any text as a token. What a token says is read as the same again.
#[doc(hidden)]
pub fn fuzz(text: &[u8]) -> Result<(), String> {
    let Ok((says, seal)) = parts(&String::from_utf8_lossy(text)) else { return Ok(()) };
    let again = format!("{}.{}", URL_SAFE_NO_PAD.encode(&says), URL_SAFE_NO_PAD.encode(&seal));
    match parts(&again) {
        Ok(read) if read == (says.clone(), seal) => {}
        Ok(_) | Err(_) => return Err(format!("{again} is not read as it was written")),
    }
    let Ok(permission) = serde_json::from_slice::<Permission>(&says) else { return Ok(()) };
    let written = serde_json::to_vec(&permission).map_err(|why| why.to_string())?;
    match serde_json::from_slice::<Permission>(&written) {
        Ok(read) if read == permission => Ok(()),
        read => Err(format!("{permission:?} is read as {read:?}")),
    }
}

fn seal_key(authority: &ClusterAuthority) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, authority.key_pem.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authority() -> ClusterAuthority {
        ClusterAuthority::create("site-1").expect("an authority can be made")
    }

    #[test]
    fn a_token_is_good_for_its_node_at_its_cluster_only() {
        let (ours, theirs) = (authority(), authority());
        let made = token(&ours, "p2", vec!["127.0.0.1:7101".to_owned()]).expect("made");
        assert!(check_token(&ours, &made.token, "p2").is_ok());
        assert!(check_token(&ours, &made.token, "p3").is_err());
        assert!(check_token(&theirs, &made.token, "p2").is_err());
    }

    #[test]
    fn a_token_that_was_changed_or_cut_is_refused() {
        let ours = authority();
        let made = token(&ours, "p2", Vec::new()).expect("made");
        let (says, seal) = made.token.split_once('.').expect("two parts");
        let other = URL_SAFE_NO_PAD
            .encode(r#"{"cluster":"site-1","node":"p2","expires":9999999999,"api":[],"fingerprint":""}"#);
        assert!(check_token(&ours, &format!("{other}.{seal}"), "p2").is_err());
        assert!(check_token(&ours, says, "p2").is_err());
        assert!(check_token(&ours, "", "p2").is_err());
    }

    #[test]
    fn a_directory_with_an_identity_is_not_founded_again() {
        let directory = tempfile::tempdir().expect("a directory");
        let (data, admin) = (directory.path().join("p1"), directory.path().join("admin"));
        found("site", "p1", &data, &admin).expect("founded");
        assert!(matches!(found("site", "p1", &data, &admin), Err(FoundingError::Exists(_))));
    }
}
