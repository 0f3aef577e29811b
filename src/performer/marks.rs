//! The owner marks, as this node last read them: which LPARs are to be marked before they are started, and warnings
//! about the others.
//!
//! Decides nothing about starts: the reading itself reports foreign marks.

use crate::hypervisor::{CommandError, RefusalKind, ServerReading};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tenure_core::{ResourceName, ServerName, config::Cluster, listing::Mark, words};

/// Time for which an LPAR is not marked again after a failure: each attempt costs its start some of its patience.
const PAUSE: Duration = Duration::from_secs(600);

/// The result of the last reading of marks.
#[derive(Default)]
pub struct Marks(Mutex<Read>);

#[derive(Default)]
struct Read {
    /// The marks of LPARs whose description was printed.
    marks: BTreeMap<(ServerName, ResourceName), Mark>,
    /// Servers for whose LPARs the HMC prints no descriptions.
    silent: BTreeSet<ServerName>,
    /// Time of the last failed marking.
    failed: BTreeMap<(ServerName, ResourceName), Instant>,
}

impl Marks {
    /// Takes over the marks of a reading, and logs each warning once.
    pub fn see(&self, cluster: &Cluster, server: &ServerName, seen: &ServerReading) {
        let mut read = self.lock();
        if !cluster.owner_mark {
            *read = Read::default();
            return;
        }
        let Some(listed) = seen.lpars().filter(|_| seen.is_live()) else { return };
        if listed.iter().any(|lpar| lpar.description.is_some()) {
            read.silent.remove(server);
        } else if !listed.is_empty() && read.silent.insert(server.clone()) {
            let via = &seen.via;
            tracing::warn!(%server, via, "the HMC prints no descriptions of LPARs: owner_mark does nothing here");
        }
        for (name, declared) in words::managed(cluster, server) {
            let line = listed.iter().find(|lpar| lpar.name == declared.partition);
            let mark = line.and_then(|lpar| lpar.description.as_deref()).map(|text| Mark::of(text, &cluster.name));
            let key = (server.clone(), name.clone());
            let known = read.marks.remove(&key);
            if mark == Some(Mark::Words) && known != mark {
                tracing::warn!(%server, lpar = %name, "it has a description that is no mark: it is left as it is, and not marked");
            }
            mark.into_iter().for_each(|mark| drop(read.marks.insert(key.clone(), mark)));
        }
    }

    /// Whether an LPAR is to be marked before it is started.
    pub fn is_due(&self, server: &ServerName, name: &ResourceName) -> bool {
        let read = self.lock();
        let key = (server.clone(), name.clone());
        let failed = read.failed.get(&key).is_some_and(|at| at.elapsed() < PAUSE);
        read.marks.get(&key) == Some(&Mark::Free) && !failed
    }

    /// Takes over the outcome of marking.
    pub fn told(&self, server: &ServerName, name: &ResourceName, told: &Result<(), CommandError>) {
        let mut read = self.lock();
        let key = (server.clone(), name.clone());
        let Err(error) = told else {
            read.failed.remove(&key);
            read.marks.insert(key, Mark::Ours);
            return;
        };
        read.failed.insert(key, Instant::now());
        let lpar = name;
        if error.refusal_kind() == Some(RefusalKind::NoAuthority) {
            tracing::warn!(%server, %lpar, %error, "not marked: owner_mark needs a right that the HMC's user lacks, lpar:ChangeLPARProperty");
        } else {
            tracing::warn!(%server, %lpar, %error, "not marked");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Read> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
