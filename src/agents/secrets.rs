//! Secrets: an attribute `secret://NAME` stands for the content of the file NAME in a directory of this node. It is put in its
//! place here, when an entry point of the agent is called, and nowhere else: so neither the ledger nor a log nor the
//! cluster file holds it, and what the agent says is told without it.

use super::{machine::Call, spec::Spec};
use rustix::{fs::OFlags, process::geteuid};
use std::{
    fs::OpenOptions,
    io::{self, Read as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::Path,
};
use tenure_core::config::{is_name, secret_name};

/// Maximum length of a secret in bytes: that of the value of an attribute.
const LONGEST: u64 = 4 << 10;
/// A shorter secret is not looked for in what an agent says: it would be found in words that have nothing to do with it.
const SHORTEST_HIDDEN: usize = 4;

/// The secrets that an entry point was given, each with the text that stands for it.
#[derive(Default)]
pub(crate) struct Secrets(Vec<(String, String)>);

impl Secrets {
    /// A text of the agent, with the names of secrets in their places.
    pub(crate) fn hide<T: From<String>>(&self, text: T) -> T
    where
        String: From<T>,
    {
        let long = self.0.iter().filter(|(secret, _)| secret.len() >= SHORTEST_HIDDEN);
        long.fold(String::from(text), |text, (secret, reference)| text.replace(secret, reference)).into()
    }
}

/// A declaration with all secrets in their places. `Err` names the file that is missing or not private.
pub(crate) fn resolve(spec: &Spec, directory: &Path, node: &str) -> Result<(Spec, Secrets), (String, String)> {
    let (mut spec, mut secrets) = (spec.clone(), Secrets::default());
    for (attribute, value) in &mut spec.attributes {
        let Some(name) = secret_name(value) else { continue };
        let secret = read(directory, name).map_err(|why| {
            let file = directory.join(name);
            (attribute.clone(), format!("secret {name}: {} on node {node}: {why}", file.display()))
        })?;
        let reference = std::mem::replace(value, secret.clone());
        secrets.0.push((secret, reference));
    }
    Ok((spec, secrets))
}

/// Calls an entry point with all secrets in their places. `Err` if one of them cannot be read: then nothing was called.
pub(crate) async fn given<T>(call: &Call<'_>, entry: impl AsyncFnOnce(&Call<'_>) -> T) -> Result<(T, Secrets), String> {
    if !call.spec.attributes.values().any(|value| secret_name(value).is_some()) {
        return Ok((entry(call).await, Secrets::default()));
    }
    let (spec, settings) = (call.spec.clone(), call.machine.settings.clone());
    let resolved = call.aside(move || resolve(&spec, &settings.secrets, settings.node.as_str())).await?;
    let (spec, secrets) = resolved.map_err(|(_, why)| why)?;
    let done = entry(&Call { spec: &spec, ..*call }).await;
    Ok((done, secrets))
}

fn read(directory: &Path, name: &str) -> Result<String, String> {
    if !is_name(name) {
        return Err("it has no usable name".to_owned());
    }
    let failed = |why: io::Error| why.to_string();
    let mut open = OpenOptions::new();
    let open = open.read(true).custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed());
    let file = open.open(directory.join(name)).map_err(failed)?;
    let entry = file.metadata().map_err(failed)?;
    if !entry.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    if entry.mode() & 0o077 != 0 {
        return Err(format!("others can use it (its mode is {:04o}); chmod 600 it", entry.mode() & 0o7777));
    }
    if ![0, geteuid().as_raw()].contains(&entry.uid()) {
        return Err(format!("it belongs to user {}, not to root", entry.uid()));
    }
    let mut bytes = Vec::new();
    file.take(LONGEST + 2).read_to_end(&mut bytes).map_err(failed)?;
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())?;
    let secret = text.strip_suffix('\n').unwrap_or(&text);
    if secret.contains('\0') {
        return Err("it holds a NUL character, which no program can be given".to_owned());
    }
    if secret.len() as u64 > LONGEST {
        return Err(format!("it is longer than {LONGEST} bytes"));
    }
    Ok(secret.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt as _};

    fn write(directory: &Path, name: &str, bytes: &[u8], mode: u32) {
        fs::write(directory.join(name), bytes).unwrap();
        fs::set_permissions(directory.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_secret_is_a_private_file_of_one_value() {
        let folder = tempfile::TempDir::new().unwrap();
        let at = folder.path();
        write(at, "db", b"S3cr3t\n", 0o600);
        write(at, "two", b"a\nb\n\n", 0o400);
        assert_eq!(read(at, "db"), Ok("S3cr3t".to_owned()));
        assert_eq!(read(at, "two"), Ok("a\nb\n".to_owned()), "one line end is cut");
        write(at, "longest", &[b'x'; 4096], 0o600);
        assert_eq!(read(at, "longest").map(|secret| secret.len()), Ok(4096));
        write(at, "open", b"x", 0o640);
        write(at, "nul", b"a\0b", 0o600);
        write(at, "long", &[b'x'; 4097], 0o600);
        write(at, "bytes", &[0xff], 0o600);
        std::os::unix::fs::symlink(at.join("db"), at.join("link")).unwrap();
        fs::create_dir(at.join("folder")).unwrap();
        for (name, why) in [
            ("open", "its mode is 0640"),
            ("nul", "NUL"),
            ("long", "longer than 4096"),
            ("bytes", "UTF-8"),
            ("link", "symbolic link"),
            ("folder", "not a regular file"),
            ("missing", "No such file"),
            ("../secrets/db", "no usable name"),
        ] {
            let refused = read(at, name).expect_err(name);
            assert!(refused.contains(why), "{name}: {refused}");
        }
    }

    #[test]
    fn what_an_agent_says_is_told_without_secrets() {
        let secrets = Secrets(vec![
            ("S3cr3t".to_owned(), "secret://db".to_owned()),
            ("no".to_owned(), "secret://short".to_owned()),
        ]);
        let said = secrets.hide("login failed: S3cr3t is not it".to_owned());
        assert_eq!(said, "login failed: secret://db is not it");
    }
}
