//! Founding a cluster, and joining one with a token.
//!
//! The founder creates the cluster's authority. A token names who may use it, the addresses to ask, and the authority's
//! fingerprint, so that its holder can authenticate the cluster before it has a certificate; and it bears a secret, of
//! which the ledger knows the hash. What the token is good for, and whether it still is, only the ledger says.

use super::certificates;
use crate::{
    api::{
        Client,
        wire::{EnrolRequest, JoinRequest, TokenView},
    },
    local::{
        LocalConfig,
        identity::{self, IdentityError, NODE},
        private,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    io::Read,
    path::{Path, PathBuf},
    time::Duration,
};
use tenure_core::{
    Rejection, Span,
    authority::USER_CERTIFICATE_LASTS,
    trust::{FIRST_USER, Hash},
};
use tenure_raft::{
    Peer, begin_witness,
    tls::{CertificateRequest, ClusterAuthority, Identity, Role, Signed, TlsError, Trust, Validity},
};

/// Validity of a token with which a key is certified.
pub const TOKEN_LASTS: Span = Span::seconds(3600);
/// Validity of a token for a browser: a day's work.
pub const SESSION_LASTS: Span = Span::seconds(8 * 3600);
/// The members that let this node in, in the node's `cluster` directory.
const INTRODUCED: &str = "members.json";
/// The key and the certificate request with which this node asks to be let in, in the same directory, until it is.
const REQUEST_KEY: &str = "request.key";
const REQUEST: &str = "request.csr";
/// Time that one attempt to join may take.
const JOIN_DEADLINE: Duration = Duration::from_secs(30);
/// The file in the node's `cluster` directory that tells what it has acknowledged: see `tenure_raft::begin_witness`.
pub const WITNESS: &str = "acknowledged";
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
    /// The certificate belongs to another node.
    #[error("the certificate is that of {found}, and tenured.toml says node {expected}")]
    NotMine {
        /// The holder named in the certificate.
        found: String,
        /// The node named in `tenured.toml`.
        expected: String,
    },
    /// A file of the identity is there and unusable.
    #[error("{} cannot be used: {why}", .file.display())]
    Damaged { file: PathBuf, why: String, remedy: &'static str },
    /// This node cannot sign.
    #[error("this node does not hold the key of the authority")]
    NoAuthority {
        /// The nodes that do.
        holders: String,
    },
    /// There is no such user.
    #[error("there is no user {0} in the copy that this node keeps")]
    NoUser(String),
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
            FoundingError::Token(_) => {
                Some("have a new one made: `tenure node token NODE`, or `tenure user token NAME`".to_owned())
            }
            FoundingError::Files(why) => why.advice(),
            FoundingError::NoAuthority { holders } if holders.is_empty() => {
                Some("no node holds it: make another authority with `tenure authority rotate`".to_owned())
            }
            FoundingError::NoAuthority { holders } => Some(format!(
                "ask one that does, with --node ({holders}); it is passed on within seconds, see `tenure authority show`"
            )),
            FoundingError::Damaged { remedy, .. } => Some((*remedy).to_owned()),
            FoundingError::NoUser(_) => {
                Some("it knows the users of now when it has run since; see `tenure user list`".to_owned())
            }
            FoundingError::Refused(_)
            | FoundingError::Witness { .. }
            | FoundingError::NotMine { .. }
            | FoundingError::Tls(_) => None,
        }
    }

    /// The same as an answer to the operator or node that asked.
    pub fn rejection(&self) -> Rejection {
        let code = match self {
            FoundingError::Exists(_) => "identity_exists",
            FoundingError::Files(_) | FoundingError::Witness { .. } | FoundingError::Damaged { .. } => "files",
            FoundingError::Tls(_) | FoundingError::NotMine { .. } => "certificate",
            FoundingError::NoAuthority { .. } => crate::api::ELSEWHERE,
            FoundingError::NoUser(_) => "no_user",
            FoundingError::Token(_) => "token",
            FoundingError::Refused(_) => "not_let_in",
        };
        Rejection { advice: self.advice().map(Into::into), ..Rejection::new(code, self.to_string()) }
    }
}

/// The content of a token, beside its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Invitation {
    cluster: String,
    #[serde(rename = "for")]
    whose: String,
    api: Vec<String>,
    /// Fingerprints of the authorities: one of them is enough.
    fingerprints: Vec<String>,
}

/// Founds a cluster: the authority, the founder's identity in its data directory, and an administrator's in `admin_dir`. The
/// authority's key is kept sealed; what opens it is the key in the file `seal_key`, which is made.
pub fn found(
    name: &str,
    node: &str,
    data_dir: &Path,
    seal_key: &Path,
    admin_dir: &Path,
) -> Result<String, FoundingError> {
    let directory = data_dir.join("cluster");
    if directory.join(format!("{NODE}.key")).exists() {
        return Err(FoundingError::Exists(directory));
    }
    private::check_directory(data_dir).map_err(|why| FoundingError::Files(IdentityError::Exposed(why)))?;
    // Two sites may choose the same name; their clusters must still refuse each other.
    let cluster = format!("{name}-{:08x}", rand::rng().random::<u32>());
    let authority = ClusterAuthority::create(&cluster).map_err(FoundingError::Tls)?;
    let valid = Validity::from_now(certificates::lasts());
    let founder = authority.issue_for(node, Role::Node { id: FOUNDER }, valid).map_err(FoundingError::Tls)?;
    let valid = Validity::from_now(Duration::from_millis(USER_CERTIFICATE_LASTS.0));
    let admin = authority.issue_for(FIRST_USER, Role::User { id: 0 }, valid).map_err(FoundingError::Tls)?;
    identity::save(admin_dir, identity::USER, &admin).map_err(FoundingError::Files)?;
    begin(&directory, node)?;
    identity::save(&directory, NODE, &founder).map_err(FoundingError::Files)?;
    certificates::found(&directory, seal_key, &authority, valid.until)?;
    Ok(cluster)
}

/// A token for a node or a user, to be shown at one of these addresses; what the ledger remembers of it, and for how long.
pub fn token(
    cluster: &str,
    fingerprints: Vec<String>,
    whose: &str,
    api: Vec<String>,
) -> Result<(TokenView, Hash, Span), FoundingError> {
    let invitation = Invitation { cluster: cluster.to_owned(), whose: whose.to_owned(), api, fingerprints };
    let says = serde_json::to_vec(&invitation).map_err(|why| FoundingError::Token(why.to_string()))?;
    let secret = secret();
    let token = format!("{}.{secret}", URL_SAFE_NO_PAD.encode(&says));
    Ok((view(token, whose, TOKEN_LASTS), Hash::of(secret.as_bytes()), TOKEN_LASTS))
}

/// A token for a browser of a user: nothing but a secret.
pub fn session(user: &str) -> (TokenView, Hash, Span) {
    let secret = secret();
    let hash = Hash::of(secret.as_bytes());
    (view(secret, user, SESSION_LASTS), hash, SESSION_LASTS)
}

fn view(token: String, whose: &str, lasts: Span) -> TokenView {
    let lasts = SignedDuration::from_millis(i64::try_from(lasts.0).unwrap_or(i64::MAX));
    TokenView { token, whose: whose.to_owned(), expires: (Timestamp::now() + lasts).to_string() }
}

/// Bytes as text.
pub(crate) fn as_text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads them again.
pub(crate) fn from_text(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// 256 random bits, as text.
fn secret() -> String {
    let mut bytes = [0; 32];
    rand::rng().fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The longest token file that is read, in bytes.
const LONGEST_TOKEN: u64 = 16 << 10;

/// Reads a token from a file, or from standard input for `-`: its first line, for what prints it says below what it is good
/// for. It is never an argument, for every user of a machine sees those.
pub fn read_token(file: &Path) -> std::io::Result<String> {
    let mut token = String::new();
    if file == Path::new("-") {
        std::io::stdin().take(LONGEST_TOKEN).read_to_string(&mut token)?;
    } else {
        std::fs::File::open(file)?.take(LONGEST_TOKEN).read_to_string(&mut token)?;
    }
    Ok(token.trim_start().lines().next().unwrap_or_default().to_owned())
}

/// What the ledger knows of a token that a node or a user shows.
pub fn hash(token: &str) -> Result<Hash, FoundingError> {
    parts(token).map(|(_, secret)| Hash::of(secret.as_bytes()))
}

/// Joins the cluster that issued the token, and stores the identity that it gives.
pub async fn join(config: &LocalConfig, token: &str) -> Result<String, FoundingError> {
    let directory = config.cluster_dir();
    if directory.join(format!("{NODE}.key")).exists() {
        return Err(FoundingError::Exists(directory));
    }
    let (invitation, _) = parts(token)?;
    if invitation.whose != config.node.as_str() {
        let why = format!("it is for node {}, this is {}", invitation.whose, config.node);
        return Err(FoundingError::Token(why));
    }
    let request = begun(&directory).map_err(FoundingError::Files)?;
    let request = request.map_or_else(|| Identity::request(config.node.as_str()).map_err(FoundingError::Tls), Ok)?;
    keep(&directory, &request).map_err(FoundingError::Files)?;
    let client = Client::anonymous(&Trust::Fingerprints(invitation.fingerprints), invitation.api, JOIN_DEADLINE)
        .map_err(FoundingError::Refused)?;
    let ask = JoinRequest {
        token: token.trim().to_owned(),
        node: config.node.to_string(),
        csr_pem: request.csr_pem.clone(),
        address: config.advertise.clone(),
        api_address: config.api_advertise.clone(),
    };
    let reply = client.join(&ask).await.map_err(FoundingError::Refused)?;
    let signed = Signed { cert_pem: reply.cert_pem, ca_pem: reply.ca_pem };
    let identity = request.complete(signed).map_err(FoundingError::Tls)?;
    begin(&directory, config.node.as_str())?;
    let members: BTreeMap<u64, Introduced> =
        reply.members.into_iter().map(|member| (member.id, (member.name, member.address))).collect();
    let members = serde_json::to_string(&members).map_err(|why| FoundingError::Token(why.to_string()))?;
    identity::write_secret(&directory.join(INTRODUCED), &members).map_err(FoundingError::Files)?;
    identity::save(&directory, NODE, &identity).map_err(FoundingError::Files)?;
    for file in [REQUEST_KEY, REQUEST] {
        // They are of no use any more, and do no harm.
        let _ = std::fs::remove_file(directory.join(file));
    }
    Ok(reply.cluster)
}

/// Keeps the key with which a token is shown: a token is good for one key only, and the answer may be lost.
fn keep(directory: &Path, request: &CertificateRequest) -> Result<(), IdentityError> {
    let made = std::fs::create_dir_all(directory);
    made.map_err(|source| IdentityError::Write { file: directory.to_owned(), source })?;
    identity::write_secret(&directory.join(REQUEST_KEY), &request.key_pem)?;
    identity::write_secret(&directory.join(REQUEST), &request.csr_pem)
}

/// The request of an earlier attempt.
fn begun(directory: &Path) -> Result<Option<CertificateRequest>, IdentityError> {
    let read = |name: &str| {
        let file = directory.join(name);
        match std::fs::read_to_string(&file) {
            Ok(text) => Ok(Some(text)),
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(IdentityError::Read { file, source }),
        }
    };
    let (csr_pem, key_pem) = (read(REQUEST)?, read(REQUEST_KEY)?);
    Ok(csr_pem.zip(key_pem).map(|(csr_pem, key_pem)| CertificateRequest { csr_pem, key_pem }))
}

/// Name and address of a member.
type Introduced = (String, String);

/// The members that let this node in: until it has stored a membership it hears nobody else. The founder was let in by nobody.
pub fn introduced(config: &LocalConfig) -> Result<BTreeMap<u64, Peer>, FoundingError> {
    let file = config.cluster_dir().join(INTRODUCED);
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(source) => return Err(FoundingError::Files(IdentityError::Read { file, source })),
    };
    let members: BTreeMap<u64, Introduced> = serde_json::from_str(&text).map_err(|why| {
        FoundingError::Files(IdentityError::Read { file, source: std::io::Error::other(why.to_string()) })
    })?;
    Ok(members.into_iter().map(|(id, (name, address))| (id, Peer { name, address })).collect())
}

/// Has a key of this machine certified for the user for whom the token is, and saves it in a directory. Returns the user, and
/// the addresses in the token.
pub async fn enrol(token: &str, directory: &Path) -> Result<(String, Vec<String>), FoundingError> {
    if directory.join(format!("{}.key", identity::USER)).exists() {
        return Err(FoundingError::Exists(directory.to_owned()));
    }
    let (invitation, _) = parts(token)?;
    let request = Identity::request(&invitation.whose).map_err(FoundingError::Tls)?;
    let client =
        Client::anonymous(&Trust::Fingerprints(invitation.fingerprints), invitation.api.clone(), JOIN_DEADLINE)
            .map_err(FoundingError::Refused)?;
    let ask = EnrolRequest { token: token.trim().to_owned(), csr_pem: request.csr_pem.clone() };
    let reply = client.enrol(&ask).await.map_err(FoundingError::Refused)?;
    let signed = Signed { cert_pem: reply.cert_pem, ca_pem: reply.ca_pem };
    let mine = request.complete(signed).map_err(FoundingError::Tls)?;
    identity::save(directory, identity::USER, &mine).map_err(FoundingError::Files)?;
    Ok((reply.user, invitation.api))
}

/// Records that a node is new, before it has an identity: only such a node may start from nothing.
fn begin(directory: &Path, node: &str) -> Result<(), FoundingError> {
    let noted = private::make_directory(directory).and_then(|()| begin_witness(&directory.join(WITNESS)));
    noted.map_err(|source| FoundingError::Witness { node: node.to_owned(), source })
}

/// What a token says, and its secret.
fn parts(token: &str) -> Result<(Invitation, &str), FoundingError> {
    let bad = || FoundingError::Token("it is not a token, or not all of it".to_owned());
    let (says, secret) = token.trim().split_once('.').ok_or_else(bad)?;
    let says = URL_SAFE_NO_PAD.decode(says).map_err(|_| bad())?;
    let whole = URL_SAFE_NO_PAD.decode(secret).is_ok_and(|bytes| bytes.len() == 32);
    let invitation = serde_json::from_slice(&says).map_err(|_| bad())?;
    if whole { Ok((invitation, secret)) } else { Err(bad()) }
}

/// For the fuzzer: any text as a token. What a token says is read as the same again.
#[doc(hidden)]
pub fn fuzz(text: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(text);
    let Ok((invitation, secret)) = parts(&text) else { return Ok(()) };
    let says = serde_json::to_vec(&invitation).map_err(|why| why.to_string())?;
    let again = format!("{}.{secret}", URL_SAFE_NO_PAD.encode(&says));
    match parts(&again) {
        Ok(read) if read == (invitation.clone(), secret) => Ok(()),
        read => Err(format!("{invitation:?} is read as {read:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(api: Vec<String>) -> TokenView {
        super::token("site-1", vec!["ab".repeat(32)], "p2", api).expect("made").0
    }

    #[test]
    fn a_token_says_whose_it_is_and_hides_what_is_remembered() {
        let api = vec!["127.0.0.1:7101".to_owned()];
        let (made, hash, _) = super::token("site-1", Vec::new(), "p2", api).expect("made");
        let (invitation, secret) = parts(&made.token).expect("read");
        assert_eq!((invitation.whose.as_str(), invitation.api.len()), ("p2", 1));
        assert_eq!(super::hash(&made.token).expect("a hash"), hash);
        assert!(!made.token.contains(&hash.to_string()) && secret.len() >= 43);
        assert!(token(Vec::new()).token != token(Vec::new()).token);
    }

    #[test]
    fn a_token_that_is_cut_is_none() {
        let made = token(Vec::new());
        let (says, secret) = made.token.split_once('.').expect("two parts");
        for bad in ["", says, &format!("{says}."), &format!("{says}.{}", &secret[1..]), &format!(".{secret}")] {
            assert!(hash(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_directory_with_an_identity_is_not_founded_again() {
        let directory = tempfile::tempdir().expect("a directory");
        let (data, admin) = (directory.path().join("p1"), directory.path().join("admin"));
        let seal = directory.path().join("p1.seal");
        found("site", "p1", &data, &seal, &admin).expect("founded");
        assert!(matches!(found("site", "p1", &data, &seal, &admin), Err(FoundingError::Exists(_))));
    }
}
