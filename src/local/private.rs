//! Files and directories that belong to this node alone: how they are made, and the check that nobody else can reach them.
//!
//! Promises: whatever umask the caller has, directories are made with mode 0700 and files with 0600; nothing is written
//! through a symbolic link; a private key or a directory that others can use is refused, with the command that mends it.

use rustix::{
    fs::{FlockOperation, Mode, flock},
    process::{geteuid, umask},
};
use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// The longest private file that is read: a key of any kind is shorter, and so is the copy of the authorities.
const LONGEST: u64 = 512 * 1024;
/// Permissions of others than the owner.
const OTHERS: u32 = 0o077;

/// Something that must be private and is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Exposed {
    /// Others than its owner can read or write it.
    #[error("{} can be used by others (its mode is {mode:04o})", .path.display())]
    Mode {
        /// The file or directory.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
        /// Whether it is a directory.
        directory: bool,
    },
    /// Another user owns it.
    #[error("{} belongs to user {owner}, and this process runs as user {me}", .path.display())]
    Owner {
        /// The file or directory.
        path: PathBuf,
        /// The number of its owner.
        owner: u32,
        /// The number of the user that runs this process.
        me: u32,
        /// Whether it is a directory.
        directory: bool,
    },
    /// It is a symbolic link, or no file at all.
    #[error("{} is not a regular file", .path.display())]
    NotAFile {
        /// The place.
        path: PathBuf,
    },
}

impl Exposed {
    /// The command that mends it.
    pub fn advice(&self) -> String {
        match self {
            Exposed::Mode { path, directory: true, .. } => format!("chmod 700 {}", path.display()),
            Exposed::Mode { path, directory: false, .. } => format!("chmod 600 {}", path.display()),
            Exposed::Owner { path, me, directory, .. } => {
                let whole = if *directory { "-R " } else { "" };
                format!("chown {whole}{me} {}", path.display())
            }
            Exposed::NotAFile { path } => format!("put the file itself at {}, not a link to it", path.display()),
        }
    }
}

/// Sets the umask of this process: what it makes is for its own user, whatever umask it was started with.
pub fn set_umask() {
    umask(Mode::from_raw_mode(OTHERS));
}

/// Makes a directory, and those above it that are missing, for this user alone.
pub fn make_directory(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

/// Checks a directory that must be private, if it is there.
pub fn check_directory(directory: &Path) -> Result<(), Exposed> {
    match fs::metadata(directory) {
        Ok(entry) => check(directory, &entry),
        // That it cannot be looked at is told by whoever uses it.
        Err(_) => Ok(()),
    }
}

/// Checks a private file that is read elsewhere, if it is there. A link to it is followed.
pub fn check_file(file: &Path) -> Result<(), Exposed> {
    match fs::metadata(file) {
        Ok(entry) => check(file, &entry),
        Err(_) => Ok(()),
    }
}

/// Reads a private file, whoever owns it: root may use the key of another user. The outer error is that of the file system; the inner one says that others can reach it.
pub fn read(file: &Path) -> io::Result<Result<String, Exposed>> {
    let exposed = || Ok(Err(Exposed::NotAFile { path: file.to_owned() }));
    let opened = OpenOptions::new().read(true).custom_flags(no_follow()).open(file);
    let opened = match opened {
        Err(why) if why.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => return exposed(),
        opened => opened?,
    };
    // What was opened is looked at, not what has the name by now.
    let entry = opened.metadata()?;
    if !entry.is_file() {
        return exposed();
    }
    if let Err(why) = check_mode(file, &entry) {
        return Ok(Err(why));
    }
    if entry.len() > LONGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("it is longer than {LONGEST} bytes")));
    }
    let mut text = String::new();
    opened.take(LONGEST).read_to_string(&mut text)?;
    Ok(Ok(text))
}

/// Writes a file anew: under another name first, so that it is whole or as before, and a link in its place is replaced and
/// not followed.
pub fn write(file: &Path, text: &str) -> io::Result<()> {
    write_bytes(file, text.as_bytes())
}

/// The same for bytes.
pub fn write_bytes(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut unnamed = file.as_os_str().to_owned();
    unnamed.push(".new");
    let unnamed = PathBuf::from(unnamed);
    match fs::remove_file(&unnamed) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => return Err(why),
        Ok(()) | Err(_) => {}
    }
    let mut open = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unnamed)?;
    open.write_all(bytes)?;
    open.sync_all()?;
    rename(&unnamed, file)
}

/// Keeps other processes that take the same lock out of a directory until the file is dropped. Waits for them.
pub fn lock(directory: &Path) -> io::Result<File> {
    let opened = File::open(directory)?;
    flock(&opened, FlockOperation::LockExclusive)?;
    Ok(opened)
}

/// Gives a file another name, and makes that durable.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    // The name is durable when its directory is.
    match to.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        Some(_) | None => Ok(()),
    }
}

fn check(path: &Path, entry: &fs::Metadata) -> Result<(), Exposed> {
    let me = geteuid().as_raw();
    if entry.uid() != me {
        let (path, owner, directory) = (path.to_owned(), entry.uid(), entry.is_dir());
        return Err(Exposed::Owner { path, owner, me, directory });
    }
    check_mode(path, entry)
}

fn check_mode(path: &Path, entry: &fs::Metadata) -> Result<(), Exposed> {
    let mode = entry.mode() & 0o7777;
    if mode & OTHERS != 0 {
        return Err(Exposed::Mode { path: path.to_owned(), mode, directory: entry.is_dir() });
    }
    Ok(())
}

fn no_follow() -> i32 {
    rustix::fs::OFlags::NOFOLLOW.bits().cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use tenure_jepsen::needs;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).expect("it is there").mode() & 0o7777
    }

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
    }

    #[test]
    fn what_is_made_is_private_and_replaces_a_link() {
        let folder = tempfile::tempdir().expect("a directory");
        let (inner, victim) = (folder.path().join("a/b"), folder.path().join("victim"));
        make_directory(&inner).expect("made");
        assert_eq!((mode(&inner), mode(&folder.path().join("a"))), (0o700, 0o700));
        fs::write(&victim, "as before").expect("written");
        let file = inner.join("ca.pem");
        symlink(&victim, &file).expect("linked");
        symlink(&victim, inner.join("ca.pem.new")).expect("linked");
        write(&file, "new").expect("written");
        assert_eq!(fs::read_to_string(&victim).expect("read"), "as before");
        assert_eq!((fs::read_to_string(&file).expect("read"), mode(&file)), ("new".to_owned(), 0o600));
    }

    #[test]
    fn a_file_that_others_can_use_is_refused_with_the_command_that_mends_it() {
        let folder = tempfile::tempdir().expect("a directory");
        let file = folder.path().join("node.key");
        write(&file, "key").expect("written");
        assert_eq!(read(&file).expect("read"), Ok("key".to_owned()));
        for bits in [0o640, 0o604, 0o620, 0o666] {
            chmod(&file, bits);
            let exposed = read(&file).expect("read").expect_err("refused");
            assert_eq!(exposed.advice(), format!("chmod 600 {}", file.display()), "{bits:o}");
            assert_eq!(check_file(&file), Err(exposed));
        }
        chmod(folder.path(), 0o755);
        let exposed = check_directory(folder.path()).expect_err("refused");
        assert_eq!(exposed.advice(), format!("chmod 700 {}", folder.path().display()));
        chmod(folder.path(), 0o700);
        assert_eq!(check_directory(folder.path()), Ok(()));
        assert_eq!(check_directory(&folder.path().join("missing")), Ok(()));
    }

    #[test]
    fn a_link_in_place_of_a_key_is_not_read() {
        let folder = tempfile::tempdir().expect("a directory");
        let (file, link) = (folder.path().join("other"), folder.path().join("node.key"));
        write(&file, "key").expect("written");
        symlink(&file, &link).expect("linked");
        assert!(matches!(read(&link), Ok(Err(Exposed::NotAFile { .. }))));
        assert!(matches!(read(folder.path()), Ok(Err(Exposed::NotAFile { .. }))));
    }

    #[test]
    fn what_another_user_owns_is_refused() {
        let folder = tempfile::tempdir().expect("a directory");
        // Only root can give a file away.
        if !needs::met("what_another_user_owns_is_refused", "RIGHTS", needs::root()) {
            return;
        }
        std::os::unix::fs::chown(folder.path(), Some(65_534), None).expect("given away");
        let exposed = check_directory(folder.path()).expect_err("refused");
        let me = geteuid().as_raw();
        assert_eq!(exposed.advice(), format!("chown -R {me} {}", folder.path().display()));
    }
}
