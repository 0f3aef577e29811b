//! What a test needs of this machine. It is looked for before the test begins: what is missing is named, with Debian's package
//! for it, and the test ends there. Where it has to run, as in CI (`TENURE_REQUIRE_…=1`), it fails instead.
//!
//! Packages below this one use this file as a module of their own tests.

#![allow(dead_code)] // each test program uses a part of it

use std::{
    fs,
    io::Write as _,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

/// Programs and files that tests use, each with Debian's package for it. `.ci/setup` installs these packages.
pub const PACKAGES: [(&str, &str); 22] = [
    ("ansible-playbook", "ansible-core"),
    ("arping", "iputils-arping"),
    ("hostname", "hostname"),
    ("ip", "iproute2"),
    ("libfaketime", "libfaketime"),
    ("losetup", "mount"),
    ("mkfifo", "coreutils"),
    ("mkfs.ext4", "e2fsprogs"),
    ("modprobe", "kmod"),
    ("mount", "mount"),
    ("nginx", "nginx-light"),
    ("nice", "coreutils"),
    ("nsenter", "util-linux"),
    ("ping", "iputils-ping"),
    ("pkill", "procps"),
    ("resource-agents", "resource-agents"),
    ("setpriv", "util-linux"),
    ("setsid", "util-linux"),
    ("strace", "strace"),
    ("systemd-analyze", "systemd"),
    ("timeout", "coreutils"),
    ("unshare", "util-linux"),
];

/// Directories of programs, besides those of `PATH`.
const USUAL: [&str; 4] = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

/// Whether a test can run, which lacks this. Otherwise that is said, past the captured output of tests: the message is for
/// whoever runs them. `kind` ends the name of the variable that makes it fail: `TENURE_REQUIRE_KIND`.
#[track_caller]
pub fn met(test: &str, kind: &str, lacking: Option<String>) -> bool {
    let Some(lacking) = lacking else { return true };
    let required = std::env::var_os(format!("TENURE_REQUIRE_{kind}")).is_some();
    assert!(!required, "{test} is required, and lacks {lacking}");
    let _ = writeln!(std::io::stderr(), "{test}: not run, it lacks {lacking}");
    false
}

/// The first of these programs that is missing here.
pub fn programs(names: &[&str]) -> Option<String> {
    names.iter().find(|name| find(name).is_none()).map(|name| named(&format!("the program {name}"), name))
}

/// A file that is missing here, and what it is a part of.
pub fn file(path: &Path, part_of: &str) -> Option<String> {
    (!path.exists()).then(|| named(&path.display().to_string(), part_of))
}

/// Root's rights, if this process does not have them.
pub fn root() -> Option<String> {
    let is_root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    (!is_root).then(|| "the rights of root".to_owned())
}

/// A user that this machine does not have.
pub fn user(name: &str) -> Option<String> {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let known = users.lines().any(|line| line.split(':').next() == Some(name));
    (!known).then(|| format!("the user {name}"))
}

/// Where a program is.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(USUAL.map(PathBuf::from));
    places.map(|place| place.join(program)).find(|file| file.is_file())
}

fn named(what: &str, part_of: &str) -> String {
    match PACKAGES.iter().find(|(name, _)| *name == part_of) {
        Some((_, package)) => format!("{what} (Debian's package {package}; `just setup` installs all of them)"),
        None => what.to_owned(),
    }
}
