//! `tenure debug bundle`: what somebody needs who is to find out what happened, in files.
//!
//! Promises: what cannot be had is said in `missing.txt`, and keeps nothing else from being collected; no key, no token and no
//! value of an attribute that looks like a password gets in.

use super::{Context, Exit, Fault, Terminal, args::Debug};
use crate::{
    api::{Client, ClientError, Read},
    local::identity,
};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    process::Command,
};
use tenure_core::config::looks_secret;

/// Lines of the log of each node: all that it keeps.
const LINES: usize = 2000;
/// Records about each group.
const RECORDS: usize = 200;
/// What stands in place of a secret.
const LEFT_OUT: &str = "(left out)";

/// A directory being filled.
struct Bundle {
    at: PathBuf,
    missing: Vec<String>,
}

impl Bundle {
    fn text(&self, name: &str, text: &str) -> std::io::Result<()> {
        let file = self.at.join(name);
        file.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(file, without_secrets(text))
    }

    /// Writes an answer, or why there is none.
    fn answer<T: Serialize>(&mut self, name: &str, answer: Result<T, ClientError>) -> std::io::Result<Option<T>> {
        match answer {
            Ok(value) => {
                let text = serde_json::to_string_pretty(&value).map_err(std::io::Error::other)?;
                self.text(name, &text)?;
                Ok(Some(value))
            }
            Err(why) => {
                self.missing.push(format!("{name}: {}", why.view().message));
                Ok(None)
            }
        }
    }
}

pub(super) async fn debug(command: Debug, context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let Debug::Bundle { out } = command;
    let name = out.to_string_lossy();
    let packed = name.strip_suffix(".tar.gz").map(PathBuf::from);
    let at = packed.clone().unwrap_or_else(|| out.clone());
    for there in [&out, &at] {
        if there.exists() {
            return Err(Fault::usage(format!("{} is there already", there.display()), "name another with --out"));
        }
    }
    // What is in it is for those alone who may see it.
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&at)?;
    let mut bundle = Bundle { at: at.clone(), missing: Vec::new() };
    collect(&mut bundle, context).await?;
    let missing = bundle.missing.iter().map(|line| format!("{line}\n")).collect::<String>();
    bundle.text("missing.txt", &missing)?;
    if packed.is_some() {
        pack(&at, &out)?;
    }
    if context.json() {
        terminal.json(&serde_json::json!({ "out": name, "missing": bundle.missing }))?;
        return Ok(Exit::Done);
    }
    for line in &bundle.missing {
        terminal.line(format!("not had: {line}"))?;
    }
    terminal.line(format!("{name}: look through it before you send it to anybody"))?;
    Ok(Exit::Done)
}

async fn collect(bundle: &mut Bundle, context: &Context) -> Result<(), Fault> {
    let (client, global) = (&context.client, &context.global);
    let nodes = global.nodes()?;
    let about =
        format!("tenure {}\ncollected {}\nasked {}\n", crate::VERSION, jiff::Timestamp::now(), nodes.join(", "));
    bundle.text("about.txt", &about)?;
    let mut read = context.read();
    let status = match client.status(read).await {
        Err(why) if read == Read::Linearizable => {
            bundle.missing.push(format!("the state with everything acknowledged: {}", why.view().message));
            read = Read::Stale;
            client.status(read).await
        }
        other => other,
    };
    let status = bundle.answer("status.json", status)?;
    bundle.answer("capacity.json", client.capacity(read).await)?;
    bundle.answer("events.json", client.events(0, read).await)?;
    bundle.answer("users.json", client.users(read).await)?;
    bundle.answer("authority.json", client.authorities(read).await)?;
    match client.config(read).await {
        Ok(config) => bundle.text("cluster.toml", &config.text)?,
        Err(why) => bundle.missing.push(format!("cluster.toml: {}", why.view().message)),
    }
    for group in status.iter().flat_map(|status| &status.groups) {
        let file = format!("why/{}.json", plain(&group.name));
        bundle.answer(&file, client.why(&group.name, RECORDS, read).await)?;
    }
    // Those that were named or are known, and then the members among which none of them was.
    let (mut heard, mut silent) = (BTreeSet::new(), BTreeMap::new());
    for address in &nodes {
        match node(bundle, context, address).await? {
            Ok(name) => drop(heard.insert(name)),
            Err(why) => drop(silent.insert(address.clone(), why)),
        }
    }
    let members = client.members().await.map(|view| view.members).unwrap_or_default();
    for member in members.into_iter().filter(|member| !heard.contains(&member.name)) {
        let name = &member.name;
        let Some(address) = &member.api_address else {
            bundle.missing.push(format!("nodes/{name}: the address of its admin API is not known"));
            continue;
        };
        let why = match silent.remove(address) {
            Some(why) => Some(why),
            None => node(bundle, context, address).await?.err(),
        };
        bundle.missing.extend(why.map(|why| format!("nodes/{name}: {why}")));
    }
    bundle.missing.extend(silent.into_values().map(|why| format!("nodes/: {why}")));
    bundle
        .missing
        .push("replay: on a stopped node, or with a copy of its data directory: `tenure replay DIR`".to_owned());
    Ok(())
}

/// What one node says for itself, and its name; or why it says nothing.
async fn node(bundle: &mut Bundle, context: &Context, address: &str) -> Result<Result<String, String>, Fault> {
    let global = &context.global;
    let identity = identity::load(&global.identity_dir(), identity::USER).map_err(Fault::Identity)?;
    let one = Client::new(&identity, vec![address.to_owned()], global.timeout).map_err(Fault::Client)?;
    let members = match one.members().await {
        Ok(members) => members,
        Err(why) => return Ok(Err(why.view().message)),
    };
    let name = members.answered_by.clone();
    let at = format!("nodes/{}", plain(&name));
    bundle.answer(&format!("{at}/members.json"), Ok(members))?;
    bundle.answer(&format!("{at}/status.json"), one.status(Read::Stale).await)?;
    bundle.answer(&format!("{at}/agents.json"), one.agents(None).await)?;
    match one.log(LINES).await {
        Ok(log) => {
            let head = format!("node {}, tenured {}, its log tells {}\n", log.node, log.version, log.filter);
            bundle.text(&format!("{at}/log.txt"), &(head + &log.lines.join("\n") + "\n"))?;
        }
        Err(why) => bundle.missing.push(format!("{at}/log.txt: {}", why.view().message)),
    }
    Ok(Ok(name))
}

/// A name as that of a file: it comes from outside.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

/// Packs a directory, and removes it.
fn pack(directory: &Path, file: &Path) -> Result<(), Fault> {
    let (above, name) = (directory.parent().unwrap_or(Path::new("")), directory.file_name().unwrap_or_default());
    let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
    let ended = Command::new("tar").arg("-czf").arg(file).arg("-C").arg(above).arg(name).output();
    match ended {
        Ok(ended) if ended.status.success() => Ok(fs::remove_dir_all(directory)?),
        Ok(ended) => {
            let why = String::from_utf8_lossy(&ended.stderr).trim().to_owned();
            Err(Fault::usage(format!("tar: {why}"), format!("the files are in {}", directory.display())))
        }
        Err(why) => Err(Fault::usage(format!("tar: {why}"), format!("the files are in {}", directory.display()))),
    }
}

/// The text without private keys, and without values of what looks like a password by its name.
fn without_secrets(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_key = false;
    for line in text.lines() {
        if line.contains("-----BEGIN") && line.contains("PRIVATE KEY") {
            in_key = !line.contains("-----END");
            out.push_str(LEFT_OUT);
        } else if in_key {
            in_key = !line.contains("-----END");
            continue;
        } else {
            out.push_str(&without_values(line));
        }
        out.push('\n');
    }
    out
}

/// The line with each value left out whose name says that it is a secret: `password = "x"`, `"password": "x"`.
fn without_values(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some((before, name, value, after)) = next_pair(rest) {
        out.push_str(before);
        let secret = looks_secret(name, value);
        out.push_str(if secret { LEFT_OUT } else { value });
        rest = after;
    }
    out + rest
}

/// The next quoted value with the name before it: the text up to the value, the name, the value, and the text behind it.
fn next_pair(text: &str) -> Option<(&str, &str, &str, &str)> {
    let mut from = 0;
    loop {
        let sign = text.get(from..)?.find(['=', ':'])? + from;
        let behind = text.get(sign + 1..)?;
        let gap = behind.len() - behind.trim_start().len();
        let name = text.get(..sign)?.trim_end().trim_end_matches(['"', '\\']);
        let name = name.rsplit(|c: char| !c.is_alphanumeric() && c != '_' && c != '-').next().unwrap_or_default();
        let quoted = behind.get(gap..)?.strip_prefix('"').or_else(|| behind.get(gap..)?.strip_prefix("\\\""));
        if let Some(quoted) = quoted.filter(|_| !name.is_empty()) {
            let start = text.len() - quoted.len();
            let end = quoted.find(['"', '\\']).unwrap_or(quoted.len());
            return Some((text.get(..start)?, name, quoted.get(..end)?, quoted.get(end..)?));
        }
        from = sign + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_secret_is_left_in() {
        let text = concat!(
            "attributes = { ip = \"10.1.1.7\", password = \"hunter2\", key_file = \"/etc/k\" }\n",
            "\"passwd\": \"hunter2\",\n",
            "user = \"u\", db_password=\"hunter2\", secret = \"secret://db\"\n",
            "said: {\\\"token\\\":\\\"hunter2\\\"}\n",
            "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n",
            "at 13:00:01 node p1: fine\n",
        );
        let shown = without_secrets(text);
        assert!(!shown.contains("hunter2"), "{shown}");
        for kept in ["10.1.1.7", "/etc/k", "secret://db", "user = \"u\"", "at 13:00:01 node p1: fine"] {
            assert!(shown.contains(kept), "{kept}: {shown}");
        }
        assert_eq!(shown.matches(LEFT_OUT).count(), 5, "{shown}");
    }
}
