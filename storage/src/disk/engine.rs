//! The database of one directory, opened, locked and known to be ours; and the one way to make it durable.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::error::OpenError;
use super::lock::DirectoryLock;
use super::mark::Mark;
use super::private::make;
use super::witness::Witness;
use super::write_through::write_through;
use crate::backend::LoadError;
use crate::format::{self, Fault, v1};

/// The layout of trees and keys that this build writes and reads.
const LAYOUT: u32 = 1;
/// Size of sled's page cache. The log is read only at start, so a small one suffices.
const CACHE_BYTES: u64 = 16 << 20;
/// Time for a database that this process closed to release its file: sled finishes its last write on a thread of its
/// own.
const CLOSING_LIMIT: Duration = Duration::from_secs(5);
/// Interval at which that is checked.
const CLOSING_POLL: Duration = Duration::from_millis(5);

const MANIFEST: &str = "manifest";
const SYNCS: &str = "syncs";

/// The owner of the data.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Identity {
    pub cluster: String,
    /// The node in it.
    pub node: u64,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {} of cluster {}", self.node, self.cluster)
    }
}

/// An open database.
pub struct Engine {
    pub(super) db: sled::Db,
    pub(super) meta: sled::Tree,
    pub(super) log: sled::Tree,
    pub(super) snapshot: sled::Tree,
    file: File,
    /// Every write of the database is durable when it returns.
    through: bool,
    syncs: Mutex<Syncs>,
    /// A vote was written that no sync has covered yet.
    voted: AtomicBool,
    // Last, so that the directory is freed only when the database is closed.
    _lock: DirectoryLock,
}

/// State of the last sync, for the next one.
struct Syncs {
    mark: Mark,
    witness: Option<Witness>,
    last: u64,
    failed: Option<String>,
}

impl Engine {
    /// Opens or makes the database, and checks that it belongs to this node and is complete. A witness, where one is
    /// kept, tells whether the directory may be blank.
    pub fn open(dir: &Path, identity: &Identity, witness: Option<&Path>) -> Result<Self, OpenError> {
        let failed = |action| move |source| OpenError::Io { action, dir: dir.to_owned(), source };
        let unopened = |error| unopened(dir, error);
        make(dir).map_err(failed("make"))?;
        let lock = DirectoryLock::take(dir)?;
        let witness = witness.map(open_witness).transpose()?;
        let mark = Mark::open(&dir.join("mark")).map_err(failed("open the mark file in"))?;
        // Before sled writes its first byte, or repairs its tail.
        let through = write_through(&dir.join("db")).map_err(failed("open the database in"))?;
        if !through {
            tracing::warn!(
                dir = %dir.display(),
                "this file system does not write through on request: after a loss of power this node may have to be \
                 rebuilt from the others, unless its drives have no volatile cache"
            );
        }
        let db = open_database(dir).map_err(unopened)?;
        let tree = |name| db.open_tree(name).map_err(unopened);
        let (meta, log, snapshot) = (tree("meta")?, tree("log")?, tree("snapshot")?);
        // A process that was killed leaves writes that only the operating system has. They are read here as if they were
        // durable, and answered for: a vote that is held, an entry that need not be sent again.
        db.flush().map_err(unopened)?;
        let file = File::open(dir.join("db")).map_err(failed("open the database in"))?;
        file.sync_data().map_err(failed("open the database in"))?;
        #[cfg(test)]
        super::power::synced(&file);

        let unusable = |source| OpenError::Load { dir: dir.to_owned(), source };
        let last = check_syncs(&meta, mark.as_ref()).map_err(unusable)?;
        let ours = check_manifest(&meta, dir, identity)?;
        let empty = meta.is_empty() && log.is_empty() && snapshot.is_empty();
        if !ours && !empty {
            return Err(OpenError::Anonymous { dir: dir.to_owned() });
        }
        if let Some(witness) = &witness {
            check_witness(witness, ours.then_some(last), dir, identity)?;
        }
        let mark = match mark {
            Some(mark) => mark,
            None if ours => {
                return Err(unusable(mark_fault(Fault::Place("is missing".to_owned()))));
            }
            None => Mark::create(&dir.join("mark")).map_err(failed("make the mark file in"))?,
        };
        let syncs = Mutex::new(Syncs { mark, witness, last, failed: None });
        let engine =
            Engine { db, meta, log, snapshot, file, through, syncs, voted: AtomicBool::new(false), _lock: lock };
        if !ours {
            engine.write_manifest(identity).map_err(failed("write the manifest of"))?;
        }
        // From here on writes may be acknowledged, and the directory may not be blank again.
        engine.witness_all().map_err(failed("witness the use of"))?;
        // Opening made files or renamed some.
        sync_names(dir).map_err(failed("sync the names in"))?;
        Ok(engine)
    }

    /// Opens a database that is there already, whoever's it is, as its node would.
    pub fn existing(dir: &Path) -> Result<(Self, Identity), OpenError> {
        let failed = |action| move |source| OpenError::Io { action, dir: dir.to_owned(), source };
        let unopened = |error| unopened(dir, error);
        if !dir.join("db").is_file() || !dir.join("mark").is_file() {
            return Err(OpenError::NoData { dir: dir.to_owned() });
        }
        let lock = DirectoryLock::take(dir)?;
        let mark = Mark::open(&dir.join("mark")).map_err(failed("open the mark file in"))?;
        let mark = mark.ok_or_else(|| OpenError::NoData { dir: dir.to_owned() })?;
        let db = open_database(dir).map_err(unopened)?;
        let tree = |name| db.open_tree(name).map_err(unopened);
        let (meta, log, snapshot) = (tree("meta")?, tree("log")?, tree("snapshot")?);
        let unusable = |source| OpenError::Load { dir: dir.to_owned(), source };
        let last = check_syncs(&meta, Some(&mark)).map_err(unusable)?;
        let identity = read_manifest(&meta, dir)?.ok_or_else(|| OpenError::Anonymous { dir: dir.to_owned() })?;
        let file = File::open(dir.join("db")).map_err(failed("open the database in"))?;
        let syncs = Mutex::new(Syncs { mark, witness: None, last, failed: None });
        let (through, voted) = (false, AtomicBool::new(false));
        Ok((Engine { db, meta, log, snapshot, file, through, syncs, voted, _lock: lock }, identity))
    }

    /// Makes everything written so far durable. After a failure it fails for ever: the kernel may have dropped the pages that
    /// it could not write, and would report success the next time.
    pub fn sync(&self) -> io::Result<()> {
        let mut syncs = self.syncs.lock().expect("no code panics while it syncs");
        if let Some(failed) = &syncs.failed {
            return Err(io::Error::other(format!("an earlier sync failed: {failed}")));
        }
        let synced = self.sync_as(syncs.last + 1, &mut syncs);
        match &synced {
            Ok(()) => syncs.last += 1,
            Err(error) => syncs.failed = Some(error.to_string()),
        }
        synced
    }

    /// Witnesses every sync so far.
    fn witness_all(&self) -> io::Result<()> {
        let mut syncs = self.syncs.lock().expect("no code panics while it syncs");
        if syncs.failed.is_some() {
            return Ok(());
        }
        let last = syncs.last;
        if let Some(witness) = &mut syncs.witness {
            witness.covers(last, true)?;
        }
        syncs.mark.settle()
    }

    /// The next sync covers a vote, which is witnessed at once.
    pub fn voted(&self) {
        self.voted.store(true, Ordering::Release);
    }

    /// First the database, then the number: a crash in between leaves a database that is ahead, which is no loss. What sled has
    /// written through needs no sync of ours: it would flush the drive's cache once more.
    fn sync_as(&self, number: u64, syncs: &mut Syncs) -> io::Result<()> {
        let voted = self.voted.swap(false, Ordering::AcqRel);
        self.meta.insert(SYNCS, format::seal(&v1::Mark { syncs: number }))?;
        self.db.flush()?;
        if !self.through {
            self.file.sync_data()?;
        }
        #[cfg(test)]
        super::power::synced(&self.file);
        if let Some(witness) = &mut syncs.witness {
            witness.covers(number, voted)?;
        }
        syncs.mark.note(number, voted)
    }

    /// Reads one record of the `meta` tree.
    pub fn read_meta<B: format::Body>(&self, key: &str) -> Result<Option<B>, LoadError> {
        read_record(&self.meta, key)
    }

    fn write_manifest(&self, identity: &Identity) -> io::Result<()> {
        let manifest = v1::Manifest { layout: LAYOUT, cluster: identity.cluster.clone(), node: identity.node };
        self.meta.insert(MANIFEST, format::seal(&manifest))?;
        self.sync()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Err(error) = self.witness_all() {
            tracing::warn!("what was acknowledged is witnessed less exactly than it might be: {error}");
        }
    }
}

/// Opens the witness of what this node has acknowledged; without it the node must not start.
fn open_witness(path: &Path) -> Result<Witness, OpenError> {
    let unwitnessed = |reason: String| OpenError::Unwitnessed { file: path.to_owned(), reason };
    match Witness::open(path).map_err(|error| unwitnessed(error.to_string()))? {
        Some(Ok(witness)) => Ok(witness),
        Some(Err(fault)) => Err(unwitnessed(fault.to_string())),
        None => Err(unwitnessed("is missing".to_owned())),
    }
}

/// Refuses a directory that holds less than was acknowledged. `held` is the last sync of one that is not blank.
fn check_witness(witness: &Witness, held: Option<u64>, dir: &Path, identity: &Identity) -> Result<(), OpenError> {
    let (dir, node, acknowledged) = (dir.to_owned(), identity.node, witness.bound());
    match held {
        None if acknowledged > 0 => Err(OpenError::Blank { dir, node }),
        Some(held) if held < acknowledged => Err(OpenError::Older { dir, node, held, acknowledged }),
        None | Some(_) => Ok(()),
    }
}

fn read_record<B: format::Body>(meta: &sled::Tree, key: &str) -> Result<Option<B>, LoadError> {
    let record = || match key {
        MANIFEST => MANIFEST.to_owned(),
        key => format!("{key} record"),
    };
    let stored = meta.get(key).map_err(|error| unreadable(record(), error))?;
    stored.map(|bytes| format::open(&bytes).map_err(|fault| LoadError::Record { record: record(), fault })).transpose()
}

fn mark_fault(fault: Fault) -> LoadError {
    LoadError::Record { record: "mark file".to_owned(), fault }
}

/// The last sync that the database holds, which must not be older than the last one that was acknowledged.
fn check_syncs(meta: &sled::Tree, mark: Option<&Mark>) -> Result<u64, LoadError> {
    let held = read_record::<v1::Mark>(meta, SYNCS)?.map_or(0, |mark| mark.syncs);
    let Some(mark) = mark else { return Ok(held) };
    let read = mark.read().map_err(|source| LoadError::Read { what: "the mark file".to_owned(), source })?;
    let acknowledged = read.map_err(mark_fault)?;
    if held < acknowledged {
        return Err(LoadError::LostSyncs { held, acknowledged });
    }
    Ok(held)
}

/// Whether there is a manifest, which must be ours.
fn check_manifest(meta: &sled::Tree, dir: &Path, identity: &Identity) -> Result<bool, OpenError> {
    let Some(found) = read_manifest(meta, dir)? else { return Ok(false) };
    if found != *identity {
        return Err(OpenError::Foreign { dir: dir.to_owned(), found, wanted: identity.clone() });
    }
    Ok(true)
}

/// The owner of the data; `None` without a manifest.
fn read_manifest(meta: &sled::Tree, dir: &Path) -> Result<Option<Identity>, OpenError> {
    let unusable = |source| OpenError::Load { dir: dir.to_owned(), source };
    let Some(manifest) = read_record::<v1::Manifest>(meta, MANIFEST).map_err(unusable)? else {
        return Ok(None);
    };
    if manifest.layout != LAYOUT {
        return Err(OpenError::Layout { dir: dir.to_owned(), written: manifest.layout, reads: LAYOUT });
    }
    Ok(Some(Identity { cluster: manifest.cluster, node: manifest.node }))
}

/// A new file is found after a power cut only if its name is durable too: in its directory, and that in its parent.
fn sync_names(dir: &Path) -> io::Result<()> {
    let dir = dir.canonicalize()?;
    File::open(&dir)?.sync_all()?;
    match dir.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

/// The error of a database that does not open, in words that say what it means.
fn unopened(dir: &Path, error: sled::Error) -> OpenError {
    let reason = match error {
        sled::Error::Io(source) => {
            return OpenError::Io { action: "open the database in", dir: dir.to_owned(), source };
        }
        sled::Error::Corruption { at: Some(at), .. } => format!("what is stored at {at} does not check out"),
        sled::Error::Corruption { at: None, .. } => "a part of it does not check out".to_owned(),
        sled::Error::Unsupported(_) => "it does not begin as a database of this version does".to_owned(),
        sled::Error::CollectionNotFound(_) => "a part of it is missing".to_owned(),
        sled::Error::ReportableBug(what) => what,
    };
    OpenError::Damaged { dir: dir.to_owned(), reason }
}

fn open_database(dir: &Path) -> sled::Result<sled::Db> {
    clear_unfinished(dir)?;
    let config = sled::Config::new()
        .path(dir)
        .cache_capacity(CACHE_BYTES)
        // No thread that flushes on its own: this code decides when data becomes durable.
        .flush_every_ms(None);
    let start = Instant::now();
    loop {
        match open_or_panic(&config) {
            // Our own lock is held, so only a database that this process is still closing can hold sled's.
            Err(sled::Error::Io(error))
                if error.to_string().contains("could not acquire lock") && start.elapsed() < CLOSING_LIMIT =>
            {
                thread::sleep(CLOSING_POLL);
            }
            opened => return opened,
        }
    }
}

/// Removes what a start that was cut short (by a kill, a full disk) leaves half-written, over which sled would never open again.
/// It notes at each start how far it has read, in `snap.N.generating`, and calls it `snap.N` when that is durable; it takes the
/// first for the second. And it writes its `conf` before anything is stored.
fn clear_unfinished(dir: &Path) -> io::Result<()> {
    let stored = fs::metadata(dir.join("db"))?.len() > 0;
    for file in fs::read_dir(dir)? {
        let path = file?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if (name.starts_with("snap.") && name.ends_with(".generating")) || (name == "conf" && !stored) {
            tracing::info!(file = %path.display(), "an earlier start was cut short: what it left is removed");
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// sled panics over some kinds of damage. To an operator that is a refusal like any other.
fn open_or_panic(config: &sled::Config) -> sled::Result<sled::Db> {
    panic::catch_unwind(AssertUnwindSafe(|| config.open())).unwrap_or_else(|reason| {
        let reason = reason.downcast_ref::<String>().map_or("for no stated reason", String::as_str);
        Err(sled::Error::ReportableBug(format!("the database gave up: {reason}")))
    })
}

/// The engine could not read `what`.
pub fn unreadable(what: String, error: sled::Error) -> LoadError {
    LoadError::Read { what, source: error.into() }
}
