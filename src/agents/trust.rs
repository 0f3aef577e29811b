//! Who could change a file: what a step with many rights reads or runs must be out of reach of everybody with fewer.
//!
//! A path is walked name by name, through its symbolic links: each directory on the way could replace what is in it.
//! Decides nothing.

use rustix::process::geteuid;
use std::{
    collections::VecDeque,
    ffi::OsString,
    fs::{self, Metadata},
    os::unix::fs::MetadataExt as _,
    path::{Component, Path, PathBuf},
};

/// Symbolic links followed on one way, as in the kernel.
const MOST_LINKS: u32 = 40;
/// Mode bits: may be written by the group, by others; only owners may remove entries.
const BY_GROUP: u32 = 0o020;
const BY_OTHERS: u32 = 0o002;
const STICKY: u32 = 0o1000;

/// Who may be able to change a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// Only root, and who runs this process.
    Root,
    /// This user as well, and groups of whoever owns it.
    User(u32),
}

impl By {
    fn owns(self, owner: u32) -> bool {
        let user = match self {
            By::Root => None,
            By::User(user) => Some(user),
        };
        owner == 0 || owner == geteuid().as_raw() || Some(owner) == user
    }

    /// Says who else could change it, if anybody can.
    fn objection(self, path: &Path, about: &Metadata) -> Result<(), String> {
        let can = |who: String| Err(format!("{} can be changed by {who}", path.display()));
        if !self.owns(about.uid()) {
            return can(format!("user {}", about.uid()));
        }
        // What is in a sticky directory can be removed by its owner alone, and that one is looked at next.
        if about.is_symlink() || (about.is_dir() && about.mode() & STICKY != 0) {
            return Ok(());
        }
        if about.mode() & BY_OTHERS != 0 {
            return can("anybody".to_owned());
        }
        // Without the rights of root there are none to be got at, and people's own files are often of their own group.
        if about.mode() & BY_GROUP != 0 && self == By::Root && geteuid().is_root() {
            return can(format!("group {}", about.gid()));
        }
        Ok(())
    }
}

/// The path without symbolic links, provided that nobody else can change what it leads to. A path that does not exist,
/// or that is not absolute, is an error as well.
pub(crate) fn resolved(path: &Path, by: By) -> Result<PathBuf, String> {
    let wrong = |path: &Path, why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
    if !path.is_absolute() {
        return Err(wrong(path, &"it is not an absolute path"));
    }
    if path.components().any(|part| part == Component::ParentDir) {
        return Err(wrong(path, &"write it without \"..\""));
    }
    let mut open = names(path);
    let mut done = PathBuf::from("/");
    let mut links = 0;
    by.objection(&done, &fs::symlink_metadata(&done).map_err(|why| wrong(&done, &why))?)?;
    while let Some(name) = open.pop_front() {
        if name == ".." {
            done.pop();
            continue;
        }
        let next = done.join(&name);
        let about = fs::symlink_metadata(&next).map_err(|why| wrong(&next, &why))?;
        by.objection(&next, &about)?;
        if !about.is_symlink() {
            done = next;
            continue;
        }
        links += 1;
        if links > MOST_LINKS {
            return Err(wrong(path, &"too many symbolic links"));
        }
        let target = fs::read_link(&next).map_err(|why| wrong(&next, &why))?;
        if target.is_absolute() {
            done = PathBuf::from("/");
        }
        let mut target = names(&target);
        target.append(&mut open);
        open = target;
    }
    Ok(done)
}

/// The names in a path, and each "..".
fn names(path: &Path) -> VecDeque<OsString> {
    let names = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
    });
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_way_is_as_good_as_the_worst_directory_on_it() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let at = |name: &str| root.join(name);
        for name in ["good", "open", "open/inner"] {
            fs::create_dir(at(name)).unwrap();
            mode(&at(name), 0o755);
        }
        for name in ["good/program", "open/inner/program"] {
            fs::write(at(name), "").unwrap();
            mode(&at(name), 0o755);
        }
        mode(&at("open"), 0o777);
        symlink("../open/inner/program", at("good/away")).unwrap();
        symlink("program", at("good/near")).unwrap();
        symlink("loop", at("good/loop")).unwrap();
        let root = |name: &str| resolved(&at(name), By::Root);
        assert_eq!(root("good/program"), Ok(at("good/program")));
        assert_eq!(root("good/near"), Ok(at("good/program")));
        let open = Err(format!("{} can be changed by anybody", at("open").display()));
        assert_eq!(root("open/inner/program"), open);
        assert_eq!(root("good/away"), open, "a link is no better than its target");
        assert!(root("good/loop").unwrap_err().ends_with("too many symbolic links"));
        assert!(root("good/../good/program").unwrap_err().ends_with("write it without \"..\""));
        assert!(root("good/missing").unwrap_err().contains("No such file"));
        // As in /tmp: who may put something there cannot replace what is another's.
        mode(&at("open"), 0o1777);
        assert_eq!(root("open/inner/program"), Ok(at("open/inner/program")));
        mode(&at("good/program"), 0o757);
        assert!(root("good/program").is_err());
    }
}
