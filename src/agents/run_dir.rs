//! The run directory of a node: what programs said, what is under way, and the state of agents. It is of one process at
//! a time, and nobody else may look into it.

use super::trust::{By, resolved};
use rustix::fs::{FlockOperation, flock};
use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

/// Modes of directories and files.
const FOLDER: u32 = 0o700;
const FILE: u32 = 0o600;

/// A run directory in use. It is free again when this is dropped, or the process ends.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    _lock: File,
}

impl RunDir {
    /// Takes a run directory, which is created unless it exists. The error says what to do.
    pub fn take(path: &Path) -> Result<RunDir, String> {
        let wrong = |error: io::Error| format!("run directory {}: {error}", path.display());
        private(path).map_err(wrong)?;
        resolved(path, By::Root).map_err(|why| {
            format!(
                "run directory {}: {why}; choose another one, `run_dir` of [agents] in tenured.toml",
                path.display()
            )
        })?;
        let lock = path.join("lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(FILE).open(lock).map_err(wrong)?;
        flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|error| match error {
            rustix::io::Errno::WOULDBLOCK => format!(
                "run directory {}: another tenured uses it; give each its own, `run_dir` of [agents] in tenured.toml",
                path.display()
            ),
            error => wrong(error.into()),
        })?;
        Ok(RunDir { path: path.to_owned(), _lock: file })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Creates a directory into which only its owner may look, with those above it. One that is there becomes so.
pub(crate) fn private(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(FOLDER).create(path)?;
    if fs::symlink_metadata(path)?.permissions().mode() & 0o777 != FOLDER {
        fs::set_permissions(path, Permissions::from_mode(FOLDER))?;
    }
    Ok(())
}

/// Writes a file anew that only its owner may read.
pub(crate) fn write(path: &Path, text: &str) -> io::Result<()> {
    let file = OpenOptions::new().create(true).truncate(true).write(true).mode(FILE).open(path);
    file?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_of_one_process_and_for_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run/n1");
        fs::create_dir_all(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o777)).unwrap();
        let taken = RunDir::take(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::metadata(path.join("lock")).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(RunDir::take(&path).unwrap_err().contains("another tenured uses it"));
        RunDir::take(&folder.path().join("run/n2")).unwrap();
        drop(taken);
        RunDir::take(&path).unwrap();
    }

    #[test]
    fn one_below_a_directory_of_others_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
        assert!(RunDir::take(&folder.path().join("run")).unwrap_err().contains("can be changed by anybody"));
    }
}
