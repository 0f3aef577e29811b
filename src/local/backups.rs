//! The table `[backup]` of `tenured.toml`: backups that a node writes by itself.

use std::{path::PathBuf, time::Duration};
use tenure_config::fields::{Fields, Log};

/// The schedule of backups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backups {
    /// The directory; it is not the data directory, which is lost with what it is a backup of.
    pub directory: PathBuf,
    /// Interval between two of them.
    pub every: Duration,
    /// How many of them stay.
    pub keep: usize,
}

/// The shortest interval.
const LEAST: Duration = Duration::from_secs(60);

pub(super) fn read(log: &mut Log, mut fields: Fields<'_>) -> Backups {
    let directory = fields.required(log, "directory", "/var/backups/tenure");
    let every = fields.span(log, "every").map_or(Duration::from_secs(3600), |every| Duration::from_millis(every.0));
    let keep = fields.number(log, "keep").unwrap_or(48);
    if every < LEAST {
        let help = format!("write at least {}m", LEAST.as_secs() / 60);
        fields.refuse(log, "every", "that is too often for a backup".to_owned(), help);
    }
    if keep == 0 {
        fields.refuse(log, "keep", "no backup would be kept".to_owned(), "write 1 or more".to_owned());
    }
    fields.close(log);
    let keep = usize::try_from(keep).unwrap_or(usize::MAX);
    Backups { directory: PathBuf::from(directory), every, keep }
}
