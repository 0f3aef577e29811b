//! The certificates of this node, kept up to date by itself: what the ledger says of the authorities becomes the files that it
//! trusts, and its own certificate is renewed in good time. Nothing has to be restarted for it.
//!
//! The key of an authority stands in the ledger, sealed for each node. So every member can sign, and what is written on the
//! disks of all of them is of no use without a seal key, which is kept elsewhere.

use super::{
    Machine, clock,
    founding::{FoundingError, as_text, from_text},
    propose::level,
};
use crate::local::{
    LocalConfig,
    identity::{self, IdentityError, NODE},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Mutex,
    time::{Duration, SystemTime},
};
use tenure_core::{
    Command, Entry, Ledger, NodeName, Refusal, Reply, Time, UserName,
    authority::{Authority, Certificate, Credential, NODE_CERTIFICATE_LASTS, Sealed},
    codec,
    command::Author,
    ledger::Trust,
    trust::Hash,
};
use tenure_raft::{
    Handle,
    tls::{ClusterAuthority, Credentials, Identity, Role, SealFor, SealKey, TlsError, TrustedRoot, Validity, roots},
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Interval at which files and ledger are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// The same until the ledger knows with which authority the cluster began.
const FOUNDING: Duration = Duration::from_millis(100);
/// Time that an entry may take to be stored.
const DEADLINE: Duration = Duration::from_secs(5);
/// What this node knows of the authorities, in its `cluster` directory: a copy of what the ledger says.
const AUTHORITIES: &str = "authorities.json";

/// A copy of the authorities and of the users' numbers, for when there is no ledger to be asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    /// Log index of the ledger that it was copied from.
    index: u64,
    /// Place of the authority that signs.
    signs: usize,
    authorities: Vec<KeptAuthority>,
    /// Until when the certificate of the first user is good: of the founder alone, until the ledger knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_user: Option<u64>,
    /// The numbers that users' certificates must bear.
    users: BTreeMap<String, u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct KeptAuthority {
    certificate: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    chain: Option<String>,
    /// Its key, sealed for this node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

/// The certificates of this node.
pub struct Certificates {
    node: NodeName,
    cluster: String,
    id: u64,
    directory: PathBuf,
    seal: SealKey,
    credentials: Credentials,
    kept: Mutex<Kept>,
    /// When the files were last changed, as far as they were read.
    read: Mutex<Option<SystemTime>>,
    /// Wakes the loop.
    hurry: Notify,
}

impl Certificates {
    /// Takes up what is in the node's directory. A certificate that has expired meanwhile is renewed before it is used.
    pub fn open(config: &LocalConfig) -> Result<Certificates, FoundingError> {
        let certificates = Certificates::load(config)?;
        if let Err(why) = certificates.renew(&certificates.kept_trust()?) {
            tracing::warn!(why = chain(&why), "the certificate is due to be renewed");
        }
        Ok(certificates)
    }

    fn load(config: &LocalConfig) -> Result<Certificates, FoundingError> {
        let directory = config.cluster_dir();
        let found = config.identity().map_err(FoundingError::Files)?;
        let unusable = |why: TlsError| FoundingError::Damaged {
            file: directory.join(format!("{NODE}.pem")),
            why: why.to_string(),
            remedy: "put it back; or remove the node at another one, move its data directory away, and join it anew",
        };
        let name = found.name().map_err(unusable)?;
        let Role::Node { id } = name.role else {
            return Err(FoundingError::NotMine { found: name.to_string(), expected: config.node.to_string() });
        };
        if name.name != config.node.as_str() {
            return Err(FoundingError::NotMine { found: name.to_string(), expected: config.node.to_string() });
        }
        Ok(Certificates {
            node: config.node.clone(),
            cluster: name.cluster,
            id,
            seal: seal_key(&config.seal_key)?,
            credentials: Credentials::new(found).map_err(FoundingError::Tls)?,
            kept: Mutex::new(read_kept(&directory)?),
            read: Mutex::new(changed_at(&directory)),
            directory,
            hurry: Notify::new(),
        })
    }

    /// The identity in use.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// The id of this node, by its certificate.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The id of the cluster.
    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// Whether this node has founded the cluster, and the ledger does not know it yet.
    pub fn is_founder(&self) -> bool {
        self.kept().first_user.is_some()
    }

    /// Has files and ledger looked at now.
    pub fn hurry(&self) {
        self.hurry.notify_one();
    }

    /// What is known of the authorities: by the ledger, or by what is kept here until the founder has told it.
    pub fn known(&self, ledger: &Ledger) -> Result<Trust, FoundingError> {
        if ledger.trust.authorities.is_empty() { self.kept_trust() } else { Ok(ledger.trust.clone()) }
    }

    /// The authority that signs, beside the others.
    pub fn signing(&self, trust: &Trust) -> Result<ClusterAuthority, FoundingError> {
        let signing = trust.signing().ok_or(FoundingError::NoAuthority { holders: String::new() })?;
        let opened = self.opened(signing).map_err(|_| {
            let holders: Vec<&str> = trust.holders(&signing.fingerprint).into_iter().map(NodeName::as_str).collect();
            FoundingError::NoAuthority { holders: holders.join(", ") }
        })?;
        Ok(opened.beside(signing.chain.as_deref().unwrap_or_default(), &bundle(trust)))
    }

    /// A new authority, to sign after the present one, sealed for every node.
    pub fn next(&self, trust: &Trust) -> Result<Authority, FoundingError> {
        let next = ClusterAuthority::create(&self.cluster).map_err(FoundingError::Tls)?;
        // Without the key of the present one there is no chain: then users need the new certificate by hand.
        let present = trust.signing().and_then(|signing| self.opened(signing).ok());
        let chain = present.map(|present| present.certify_next(&next)).transpose().map_err(FoundingError::Tls)?;
        let keys =
            trust.nodes.iter().map(|(node, credential)| Ok((node.clone(), self.sealed(&next, credential.seal)?)));
        describe(&next, chain, keys.collect::<Result<_, TlsError>>().map_err(FoundingError::Tls)?)
    }

    fn sealed(&self, authority: &ClusterAuthority, seal: Hash) -> Result<Sealed, TlsError> {
        SealFor(seal.0).seal(&purpose(&self.cluster), authority.key_pem.as_bytes()).map(Sealed)
    }

    fn opened(&self, authority: &Authority) -> Result<ClusterAuthority, TlsError> {
        let sealed = authority.keys.get(&self.node).ok_or(TlsError::NoKey)?;
        let key = self.seal.open(&purpose(&self.cluster), &sealed.0)?;
        let key = String::from_utf8(key).map_err(|_| TlsError::NoKey)?;
        let opened = ClusterAuthority::from_pem(&authority.certificate, &key)?;
        if opened.cluster() == self.cluster { Ok(opened) } else { Err(TlsError::NoKey) }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The authorities as they are kept here, for this node alone.
    fn kept_trust(&self) -> Result<Trust, FoundingError> {
        let kept = self.kept().clone();
        let mut trust = Trust { signs: kept.signs, ..Trust::default() };
        for one in kept.authorities {
            let key = one.key.and_then(|key| from_text(&key)).map(|key| (self.node.clone(), Sealed(key)));
            let root = only(&one.certificate).map_err(FoundingError::Tls)?;
            trust.authorities.push(Authority {
                fingerprint: Hash(root.fingerprint),
                expires: time(root.until),
                certificate: one.certificate,
                chain: one.chain,
                keys: key.into_iter().collect(),
            });
        }
        Ok(trust)
    }

    /// Keeps a copy of what the ledger says.
    fn keep(&self, ledger: &Ledger) -> Result<(), IdentityError> {
        let trust = &ledger.trust;
        let authorities = trust.authorities.iter().map(|one| KeptAuthority {
            certificate: one.certificate.clone(),
            chain: one.chain.clone(),
            key: one.keys.get(&self.node).map(|key| as_text(&key.0)),
        });
        let new = Kept {
            index: ledger.index,
            signs: trust.signs,
            authorities: authorities.collect(),
            first_user: None,
            users: trust.users.iter().map(|(name, user)| (name.to_string(), user.id)).collect(),
        };
        let mut kept = self.kept();
        // What changes with every entry is no reason to write.
        if (Kept { index: kept.index, ..new.clone() }) != *kept {
            write_kept(&self.directory, &new)?;
            *kept = new;
        }
        Ok(())
    }

    /// Reads the files again if somebody has replaced them.
    fn reread(&self) {
        let now = changed_at(&self.directory);
        let mut read = self.read.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if *read == now {
            return;
        }
        let found = identity::load(&self.directory, NODE).map_err(FoundingError::Files);
        match found.and_then(|found| self.credentials.replace(found).map_err(FoundingError::Tls)) {
            Ok(()) => tracing::info!("the certificate was read again"),
            Err(why) => {
                tracing::warn!(why = %chain(&why), "the files of the certificate have changed and are not usable; \
                                       what was read before stays in use")
            }
        }
        *read = now;
    }

    fn save(&self, identity: Identity) -> Result<(), FoundingError> {
        // The files first: what is in use must be there after a restart.
        identity::save(&self.directory, NODE, &identity).map_err(FoundingError::Files)?;
        *self.read.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = changed_at(&self.directory);
        self.credentials.replace(identity).map_err(FoundingError::Tls)
    }

    /// Trusts the authorities of the ledger. That which has signed the own certificate stays until that is renewed.
    fn trust(&self, trust: &Trust) -> Result<(), FoundingError> {
        let identity = self.credentials.identity();
        let mine = identity.authority().map_err(FoundingError::Tls)?;
        let present = roots(&identity.ca_pem).map_err(FoundingError::Tls)?;
        let own = present.iter().filter(|root| Some(root.fingerprint) == mine);
        let own = own.filter(|root| trust.authority(&Hash(root.fingerprint)).is_none());
        let ca_pem: String = own.map(|root| root.cert_pem.as_str()).chain([bundle(trust).as_str()]).collect();
        let wanted: BTreeSet<[u8; 32]> = prints(&ca_pem)?;
        if wanted == present.iter().map(|root| root.fingerprint).collect() {
            return Ok(());
        }
        tracing::info!(authorities = wanted.len(), "the authorities that are trusted have changed");
        self.save(Identity { ca_pem, ..identity })
    }

    /// Renews the own certificate if half of its life is over, if another authority signs now, or if it is not valid yet.
    fn renew(&self, trust: &Trust) -> Result<(), FoundingError> {
        let identity = self.credentials.identity();
        let valid = identity.details().map_err(FoundingError::Tls)?.valid;
        let signed = identity.authority().map_err(FoundingError::Tls)?;
        let signing = trust.signing().map(|signing| signing.fingerprint.0);
        let now = SystemTime::now();
        let half = valid.until - lasts() / 2;
        if signing.is_none() || (signed == signing && (valid.from..half).contains(&now)) {
            return Ok(());
        }
        let authority = self.signing(trust)?;
        if signed == signing && authority.until() <= valid.until && (valid.from..valid.until).contains(&now) {
            return Ok(()); // It ends with its authority.
        }
        let role = Role::Node { id: self.id };
        let new = authority.issue_for(self.node.as_str(), role, Validity::from_now(lasts()));
        self.save(new.map_err(FoundingError::Tls)?)?;
        tracing::info!("the certificate was renewed");
        Ok(())
    }

    /// What this node has to show, and whom it trusts.
    fn credential(&self, trust: &Trust) -> Result<Credential, FoundingError> {
        let identity = self.credentials.identity();
        let until = identity.details().map_err(FoundingError::Tls)?.valid.until;
        let authority = identity.authority().map_err(FoundingError::Tls)?.unwrap_or_default();
        let holds = trust.authorities.iter().filter(|one| self.opened(one).is_ok()).map(|one| one.fingerprint);
        Ok(Credential {
            seal: Hash(self.seal.public().0),
            certificate: Certificate { authority: Hash(authority), expires: time(until) },
            trusts: prints(&identity.ca_pem)?.into_iter().map(Hash).collect(),
            holds: holds.collect(),
        })
    }

    /// Entries that are due: what is new here, and keys for nodes that hold none. `leads` is whether this node leads.
    fn due(&self, ledger: &Ledger, leads: Option<&NodeName>) -> Result<Vec<Command>, FoundingError> {
        let trust = &ledger.trust;
        if trust.authorities.is_empty() {
            let (mine, kept) = (self.kept_trust()?, self.kept().clone());
            let first = kept.first_user.zip(mine.authorities.into_iter().next());
            return Ok(first.map(|(until, authority)| Command::FoundAuthority { authority, first_user: Time(until) }))
                .map(|first| first.into_iter().collect());
        }
        let credential = self.credential(trust)?;
        let mut due = Vec::new();
        if trust.nodes.get(&self.node) != Some(&credential) {
            due.push(Command::Certified { node: self.node.clone(), credential });
        }
        for authority in &trust.authorities {
            let holders = trust.holders(&authority.fingerprint);
            // The leader does it; another one if the leader cannot.
            if !holders.contains(&self.node)
                || leads.is_some_and(|leads| *leads != self.node && holders.contains(leads))
            {
                continue;
            }
            let Ok(opened) = self.opened(authority) else { continue };
            for (node, known) in &trust.nodes {
                if !known.holds.contains(&authority.fingerprint) && !authority.keys.contains_key(node) {
                    let key = self.sealed(&opened, known.seal).map_err(FoundingError::Tls)?;
                    due.push(Command::Entrust { authority: authority.fingerprint, node: node.clone(), key });
                }
            }
        }
        Ok(due)
    }

    fn step(&self, raft: &Handle<Machine>) -> Result<Vec<Command>, FoundingError> {
        self.reread();
        let ledger = raft.state(Machine::ledger);
        // After a restart the ledger may be older than what is kept.
        if ledger.index < self.kept().index {
            return Ok(Vec::new());
        }
        if !ledger.trust.authorities.is_empty() {
            self.keep(&ledger).map_err(FoundingError::Files)?;
            self.trust(&ledger.trust)?;
            self.renew(&ledger.trust)?;
            self.trust(&ledger.trust)?;
        }
        let status = raft.status();
        let leads =
            status.leader.and_then(|id| status.members.voters.get(&id)).map(|peer| NodeName::from(peer.name.as_str()));
        if leads.is_none() { Ok(Vec::new()) } else { self.due(&ledger, leads.as_ref()) }
    }

    /// Keeps the certificates up to date until `stop`.
    pub async fn run(&self, raft: Handle<Machine>, stop: CancellationToken) {
        let mut told = String::new();
        loop {
            let stepped = tokio::task::block_in_place(|| self.step(&raft));
            let result = match stepped {
                Ok(due) => self.propose(&raft, due).await,
                Err(why) => Err(chain(&why)),
            };
            // One line for a reason, not one for an attempt.
            if let Err(why) = &result
                && *why != told
            {
                tracing::warn!(%why, "the certificates of this node are not up to date");
            }
            told = result.err().unwrap_or_default();
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(if self.is_founder() { FOUNDING } else { LOOK_EVERY }) => {}
                () = self.hurry.notified() => {}
            }
        }
    }

    async fn propose(&self, raft: &Handle<Machine>, due: Vec<Command>) -> Result<(), String> {
        for command in due {
            let at = raft.state(|machine| machine.ledger().now);
            let author = Author::Agent(self.node.clone());
            let entry = Entry { at, wall: clock::wall(), author, commands: vec![command] };
            let stored =
                raft.propose(codec::encode(&entry, level(raft)), DEADLINE).await.map_err(|why| why.to_string())?;
            let reply: Reply = codec::decode(&stored.reply).map_err(|why| why.to_string())?;
            if let Some((_, why)) = reply.refused.into_iter().find(|(_, why)| why.code != Refusal::NoChange.code()) {
                return Err(why.message.to_string());
            }
        }
        Ok(())
    }
}

/// Founds the authority of a cluster, with its key sealed for the founder alone, and keeps it in the founder's directory.
pub(super) fn found(
    directory: &Path,
    seal_file: &Path,
    authority: &ClusterAuthority,
    first_user: SystemTime,
) -> Result<(), FoundingError> {
    let seal = seal_key(seal_file)?;
    let sealed = seal.public().seal(&purpose(authority.cluster()), authority.key_pem.as_bytes());
    let key = as_text(&sealed.map_err(FoundingError::Tls)?);
    let kept = Kept {
        authorities: vec![KeptAuthority { certificate: authority.cert_pem.clone(), chain: None, key: Some(key) }],
        first_user: Some(time(first_user).0),
        users: BTreeMap::from([(tenure_core::trust::FIRST_USER.to_owned(), 0)]),
        ..Kept::default()
    };
    write_kept(directory, &kept).map_err(FoundingError::Files)
}

/// A short certificate for a user, signed by what this node keeps: for root on this machine, when no user can get in.
pub fn recover(config: &LocalConfig, user: &UserName, lasts: Duration) -> Result<Identity, FoundingError> {
    let certificates = Certificates::load(config)?;
    let id = certificates.kept().users.get(user.as_str()).copied();
    let id = id.ok_or_else(|| FoundingError::NoUser(user.to_string()))?;
    let authority = certificates.signing(&certificates.kept_trust()?)?;
    authority.issue_for(user.as_str(), Role::User { id }, Validity::from_now(lasts)).map_err(FoundingError::Tls)
}

fn describe(
    authority: &ClusterAuthority,
    chain: Option<String>,
    keys: BTreeMap<NodeName, Sealed>,
) -> Result<Authority, FoundingError> {
    let root = only(&authority.cert_pem).map_err(FoundingError::Tls)?;
    let (fingerprint, expires) = (Hash(root.fingerprint), time(root.until));
    Ok(Authority { fingerprint, certificate: authority.cert_pem.clone(), chain, expires, keys })
}

fn only(cert_pem: &str) -> Result<TrustedRoot, TlsError> {
    roots(cert_pem)?.into_iter().next().ok_or(TlsError::NoKey)
}

/// The certificates of all authorities, the one that signs first.
pub(super) fn bundle(trust: &Trust) -> String {
    let others = (0..).zip(&trust.authorities).filter(|(place, _)| *place != trust.signs).map(|(_, one)| one);
    trust.signing().into_iter().chain(others).map(|one| one.certificate.as_str()).collect()
}

fn prints(ca_pem: &str) -> Result<BTreeSet<[u8; 32]>, FoundingError> {
    Ok(roots(ca_pem).map_err(FoundingError::Tls)?.into_iter().map(|root| root.fingerprint).collect())
}

/// What is sealed for one cluster cannot be passed off in another.
fn purpose(cluster: &str) -> String {
    format!("tenure authority of {cluster}")
}

/// Life of a node's certificate.
pub(super) fn lasts() -> Duration {
    Duration::from_millis(NODE_CERTIFICATE_LASTS.0)
}

/// A validity from now until then.
pub(super) fn until(at: Time) -> Validity {
    Validity { until: SystemTime::UNIX_EPOCH + Duration::from_millis(at.0), ..Validity::from_now(Duration::ZERO) }
}

fn time(at: SystemTime) -> Time {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Time(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// The node's seal key; a new one is made if there is none.
fn seal_key(file: &Path) -> Result<SealKey, FoundingError> {
    match identity::read_secret(file) {
        Ok(text) => SealKey::from_text(&text).map_err(|why| FoundingError::Damaged {
            file: file.to_owned(),
            why: why.to_string(),
            remedy: "put the key back; or move the file away: a new key is made, and another member seals for it",
        }),
        Err(IdentityError::Read { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            let key = SealKey::create();
            identity::write_secret(file, &key.to_text()).map_err(FoundingError::Files)?;
            Ok(key)
        }
        Err(why) => Err(FoundingError::Files(why)),
    }
}

fn read_kept(directory: &Path) -> Result<Kept, FoundingError> {
    let file = directory.join(AUTHORITIES);
    let text = match identity::read_secret(&file) {
        Ok(text) => text,
        Err(IdentityError::Read { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Kept::default());
        }
        Err(why) => return Err(FoundingError::Files(why)),
    };
    serde_json::from_str(&text).map_err(|why| FoundingError::Damaged {
        file,
        why: why.to_string(),
        remedy: "move it away: it is a copy of what the ledger says, and is written anew",
    })
}

fn write_kept(directory: &Path, kept: &Kept) -> Result<(), IdentityError> {
    let file = directory.join(AUTHORITIES);
    let text = serde_json::to_string_pretty(kept).map_err(|why| {
        let source = std::io::Error::other(why.to_string());
        IdentityError::Write { file: file.clone(), source }
    })?;
    identity::write_secret(&file, &text)
}

/// The latest change of the files of the certificate.
fn changed_at(directory: &Path) -> Option<SystemTime> {
    let files = [format!("{NODE}.pem"), format!("{NODE}.key"), "ca.pem".to_owned()];
    files.iter().filter_map(|file| std::fs::metadata(directory.join(file)).ok()?.modified().ok()).max()
}

fn chain(why: &dyn std::error::Error) -> String {
    let mut text = why.to_string();
    let mut next = why.source();
    while let Some(cause) = next {
        text.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::founding;
    use std::fs;

    const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

    struct Founded {
        directory: tempfile::TempDir,
        config: LocalConfig,
    }

    impl Founded {
        fn new() -> Founded {
            let directory = tempfile::tempdir().unwrap();
            let file = directory.path().join("tenured.toml");
            let text =
                "node = \"p1\"\ndata_dir = \"p1\"\nlisten = \"127.0.0.1:7100\"\napi_listen = \"127.0.0.1:7101\"\n";
            fs::write(&file, text).unwrap();
            let config = LocalConfig::load(&file).unwrap();
            let admin = directory.path().join("admin");
            founding::found("site", "p1", &config.data_dir, &config.seal_key, &admin).unwrap();
            Founded { directory, config }
        }

        fn load(&self) -> Certificates {
            Certificates::load(&self.config).unwrap()
        }

        /// Gives the node a certificate for this time.
        fn certify(&self, valid: Validity) {
            let certificates = self.load();
            let authority = certificates.signing(&certificates.kept_trust().unwrap()).unwrap();
            let other = authority.issue_for("p1", Role::Node { id: 1 }, valid).unwrap();
            identity::save(&self.config.cluster_dir(), NODE, &other).unwrap();
        }
    }

    fn end(certificates: &Certificates) -> SystemTime {
        certificates.credentials().identity().details().unwrap().valid.until
    }

    fn soon(at: SystemTime) -> bool {
        let wanted = SystemTime::now() + lasts();
        at > wanted - Duration::from_secs(60) && at <= wanted
    }

    #[test]
    fn a_certificate_is_renewed_when_half_of_it_is_over_and_after_its_end() {
        let now = SystemTime::now();
        let site = Founded::new();
        assert!(soon(end(&site.load())));
        let (day, long_ago) = (Duration::from_secs(24 * 3600), now - YEAR);
        for (until, renewed) in [
            (now + lasts() / 2 + day, false),
            (now + lasts() / 2 - day, true),
            (now + day, true),
            (now - day, true),
            (long_ago + day, true),
        ] {
            site.certify(Validity { from: long_ago, until });
            assert!(!soon(end(&site.load())));
            assert_eq!(soon(end(&Certificates::open(&site.config).unwrap())), renewed, "{until:?}");
            assert_eq!(soon(end(&site.load())), renewed, "on disk");
        }
        // A clock that was ahead has made one that is not valid yet.
        site.certify(Validity { from: now + day, until: now + YEAR });
        assert!(soon(end(&Certificates::open(&site.config).unwrap())));
    }

    #[test]
    fn files_that_were_replaced_are_read_again_and_bad_ones_are_not_used() {
        let site = Founded::new();
        let certificates = site.load();
        let until = SystemTime::now() + YEAR;
        site.certify(Validity { until, ..Validity::from_now(YEAR) });
        *certificates.read.lock().unwrap() = None;
        certificates.reread();
        let replaced = certificates.credentials().identity().cert_pem;
        assert_eq!(replaced, site.load().credentials().identity().cert_pem);
        fs::write(site.config.cluster_dir().join("node.pem"), "nothing").unwrap();
        *certificates.read.lock().unwrap() = None;
        certificates.reread();
        assert_eq!(certificates.credentials().identity().cert_pem, replaced);
    }

    #[test]
    fn without_the_seal_key_nothing_is_signed() {
        let site = Founded::new();
        let kept = fs::read_to_string(site.config.cluster_dir().join(AUTHORITIES)).unwrap();
        assert!(!kept.contains("PRIVATE"), "{kept}");
        let signs = |site: &Founded| {
            let certificates = site.load();
            certificates.signing(&certificates.kept_trust().unwrap()).is_ok()
        };
        assert!(signs(&site));
        fs::remove_file(&site.config.seal_key).unwrap();
        assert!(!signs(&site), "a new seal key opens nothing");
        assert!(site.directory.path().join("p1.seal").exists());
    }

    #[test]
    fn what_is_damaged_is_named_with_a_remedy() {
        let site = Founded::new();
        let cluster = site.config.cluster_dir();
        let files = [site.config.seal_key.clone(), cluster.join(AUTHORITIES), cluster.join("node.pem")];
        for file in files {
            let good = fs::read_to_string(&file).unwrap();
            fs::write(&file, "{").unwrap();
            let Err(why) = Certificates::open(&site.config) else { panic!("{} is used", file.display()) };
            assert!(why.to_string().contains(&file.display().to_string()) && why.advice().is_some(), "{why}");
            fs::write(&file, good).unwrap();
        }
        assert!(Certificates::open(&site.config).is_ok());
    }

    #[test]
    fn root_on_a_node_gets_a_user_in() {
        let site = Founded::new();
        let admin = recover(&site.config, &"admin".into(), Duration::from_secs(60)).unwrap();
        assert_eq!(admin.name().unwrap().role, Role::User { id: 0 });
        let nobody = recover(&site.config, &"nobody".into(), Duration::from_secs(60));
        assert!(matches!(nobody, Err(FoundingError::NoUser(_))));
    }
}
