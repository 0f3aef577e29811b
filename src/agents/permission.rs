//! What this node runs, as `tenured.toml` says, which root alone writes on it: the cluster file is written by
//! administrators of the cluster, who need not be root on its nodes. The one place for this: the check of a
//! configuration asks it, and so does every entry point before it runs.
//!
//! Agents that are installed run as root, if nobody else can change their files. What the cluster file names by a command
//! line runs as root only if it is a program in one of the permitted directories; as another user, any program runs.

use super::{
    Settings,
    builtin::{Builtin, split},
    contract::Contract,
    machine::Call,
    result::{ActionResult, MonitorResult},
    spec::Spec,
    trust::{By, resolved},
    user::{self, Account},
};
use std::path::{Component, Path, PathBuf};
use tenure_core::{NodeName, Power};
use tokio::task::spawn_blocking;

/// The directory of programs that may run as root, unless `tenured.toml` names others.
pub const PROGRAMS: &str = "/etc/tenure/programs";
/// OCF agents, of any provider, that do whatever their parameters say: command lines, links anywhere, containers that see
/// the whole machine. They have to be named.
const ARBITRARY: [&str; 6] = ["anything", "docker", "docker-compose", "podman", "rkt", "symlink"];

/// What may run on this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rights {
    /// Types of agents, as in the cluster file; a final `*` stands for any ending. An agent that runs whatever its
    /// parameters say has to be named in full.
    pub types: Vec<String>,
    /// Directories of programs that may run as root from a command line in the cluster file, also as a hook.
    pub programs: Vec<PathBuf>,
}

impl Default for Rights {
    fn default() -> Self {
        Rights { types: vec!["*".to_owned()], programs: vec![PathBuf::from(PROGRAMS)] }
    }
}

/// Something that this node does not run, or of which it is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Denied {
    pub attribute: Option<&'static str>,
    pub what: String,
    pub help: String,
    /// Whether it could be found out at all.
    known: bool,
}

impl Denied {
    fn new(attribute: Option<&'static str>, what: String, help: String) -> Denied {
        Denied { attribute, what, help, known: true }
    }

    fn unclear(attribute: Option<&'static str>, what: String) -> Denied {
        Denied { known: false, ..Denied::new(attribute, what, String::new()) }
    }

    pub(crate) fn words(&self) -> String {
        if self.help.is_empty() { self.what.clone() } else { format!("{}; {}", self.what, self.help) }
    }

    /// A look that was denied. What may not run here was not started here, unless it was before this was so.
    pub(crate) fn look(&self, probe: bool) -> MonitorResult {
        let power = if self.known && probe { Power::Absent } else { Power::Unknown };
        MonitorResult::new(power, self.words())
    }

    pub(crate) fn refusal(&self) -> ActionResult {
        ActionResult::refused(self.words())
    }
}

impl Rights {
    /// Whether a type of agents may run here.
    fn kind(&self, agent: &str, node: &NodeName) -> Result<(), Denied> {
        let arbitrary = match Contract::of(agent) {
            Contract::Ocf(ocf) => ARBITRARY.contains(&ocf.kind.as_str()),
            Contract::Script(_) | Contract::Systemd(_) | Contract::Builtin(_) | Contract::Nobody(_) => false,
        };
        let fits = |pattern: &String| match pattern.strip_suffix('*') {
            Some(begins) => !arbitrary && agent.starts_with(begins),
            None => agent == pattern,
        };
        if self.types.iter().any(fits) {
            return Ok(());
        }
        let why = if arbitrary { ": it does as root whatever its parameters say" } else { "" };
        let what = format!("node {node} does not run agents of type {agent}{why}");
        Err(Denied::new(None, what, format!("name \"{agent}\" in `types` of [agents] in tenured.toml there")))
    }

    /// Whether a file that the cluster file names may be run, or read, as root. One that is not there may come later,
    /// with a file system.
    fn file(&self, attribute: Option<&'static str>, path: &Path, node: &NodeName) -> Result<(), Denied> {
        let remedy = if attribute.is_some() { ", or set User" } else { "" };
        let help = format!(
            "put it into {PROGRAMS} on {node}, or name its directory in `programs` of [agents] in tenured.toml there{remedy}"
        );
        let denied = |why: &str| {
            let what = format!("{} may not run as root on {node}{why}", path.display());
            Denied::new(attribute, what, help.clone())
        };
        if !path.is_absolute() || path.components().any(|part| part == Component::ParentDir) {
            return Err(denied(": it is not named by its whole path"));
        }
        let is_in = |path: &Path| self.programs.iter().any(|place| path.starts_with(place));
        if !path.exists() {
            return if is_in(path) { Ok(()) } else { Err(denied("")) };
        }
        let real = resolved(path, By::Root).map_err(|why| {
            Denied::new(attribute, denied("").what + ": " + &why, format!("let only root write there{remedy}"))
        })?;
        let is_really_in =
            || self.programs.iter().filter_map(|place| place.canonicalize().ok()).any(|place| real.starts_with(place));
        if is_in(path) || is_really_in() { Ok(()) } else { Err(denied("")) }
    }

    /// Whether a hook may run here; the error says why not, and what to do.
    pub async fn hook(&self, path: &str, node: &NodeName) -> Result<(), (String, String)> {
        let (rights, path, node) = (self.clone(), PathBuf::from(path), node.clone());
        let found = spawn_blocking(move || if user::is_root() { rights.file(None, &path, &node) } else { Ok(()) });
        let found = found.await.unwrap_or_else(|_| Err(Denied::unclear(None, "it was not looked at".to_owned())));
        found.map_err(|denied| (denied.what, denied.help))
    }
}

/// Whether this node runs the agent of a resource with these attributes; returns the user for its programs.
pub(crate) async fn admit(call: &Call<'_>, contract: &Contract) -> Result<Option<Account>, Denied> {
    let settings = &call.machine.settings;
    settings.rights.kind(&call.spec.agent, &settings.node)?;
    let account = match (contract, call.spec.attribute("User")) {
        (Contract::Builtin(Builtin::Application | Builtin::Process), Some(name)) => {
            let found = user::account(name, call.left()).await;
            Some(found.map_err(|why| Denied::unclear(Some("User"), why))?)
        }
        _ => None,
    };
    if user::is_root() {
        let as_root = account.as_ref().is_none_or(|account| account.id == 0);
        let (settings, spec, contract) = (settings.clone(), call.spec.clone(), contract.clone());
        let looked = call.aside(move || files(&settings, &spec, &contract, as_root)).await;
        looked.unwrap_or_else(|why| Err(Denied::unclear(None, why)))?;
    }
    Ok(account)
}

/// Whether an agent that is installed may run at all, also when it is only asked about itself.
pub(crate) async fn trusted(settings: &Settings, agent: &str, path: PathBuf) -> Result<(), String> {
    let node = settings.node.clone();
    settings.rights.kind(agent, &node).map_err(|denied| denied.words())?;
    let found = spawn_blocking(move || if user::is_root() { installed(&path, &node) } else { Ok(()) });
    let found = found.await.unwrap_or_else(|_| Err(Denied::unclear(None, "it was not looked at".to_owned())));
    found.map_err(|denied| denied.words())
}

/// Whether nobody but root can change a file of an agent. One that is not there is reported as such elsewhere.
fn installed(path: &Path, node: &NodeName) -> Result<(), Denied> {
    match resolved(path, By::Root) {
        Err(why) if path.exists() => {
            let what = format!("{} may not run as root on {node}: {why}", path.display());
            Err(Denied::new(None, what, "let only root write there".to_owned()))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Whether nobody but root can change what would run as root.
fn files(settings: &Settings, spec: &Spec, contract: &Contract, as_root: bool) -> Result<(), Denied> {
    let installed = |path: &Path| installed(path, &settings.node);
    match contract {
        Contract::Ocf(agent) => installed(&agent.path(&settings.ocf_root)),
        Contract::Script(agent) => {
            let Ok(folder) = agent.folder(&settings.scripts) else { return Ok(()) };
            installed(&folder)?;
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            entries.map(|entry| entry.path()).try_for_each(|path| installed(&path))
        }
        Contract::Builtin(Builtin::Application | Builtin::Process) if as_root => {
            command_lines(settings, spec, contract)
        }
        Contract::Builtin(_) | Contract::Systemd(_) | Contract::Nobody(_) => Ok(()),
    }
}

/// Whether all that an application without a user names may run, or be read, as root.
fn command_lines(settings: &Settings, spec: &Spec, contract: &Contract) -> Result<(), Denied> {
    let has = |name: &str| matches!(contract, Contract::Builtin(agent) if agent.attributes().contains(&name));
    let given = |name: &'static str| spec.attribute(name).filter(|_| has(name)).map(|value| (name, value));
    for (name, line) in ["StartProgram", "StopProgram", "CleanProgram", "MonitorProgram"].into_iter().filter_map(given)
    {
        // A line that cannot be read is reported where it would be run.
        if let Some(path) = split(line).ok().and_then(|words| words.into_iter().next()) {
            settings.rights.file(Some(name), Path::new(&path), &settings.node)?;
        }
    }
    for (name, path) in ["PathName", "EnvFile"].into_iter().filter_map(given) {
        settings.rights.file(Some(name), Path::new(path), &settings.node)?;
    }
    if given("Environment").is_some() {
        let what = "variables of the cluster file may not reach a program that runs as root".to_owned();
        let help = format!("write them into a file in {PROGRAMS} and name it in EnvFile, or set User");
        return Err(Denied::new(Some("Environment"), what, help));
    }
    for (name, paths) in ["PidFiles", "PidFile"].into_iter().filter_map(given) {
        for path in paths.split([';', '\n']).map(str::trim).filter(|path| !path.is_empty()) {
            let Some(folder) = Path::new(path).parent().filter(|folder| folder.exists()) else { continue };
            resolved(folder, By::Root).map_err(|why| {
                let what = format!("{path} may name any process: {why}");
                Denied::new(Some(name), what, "let only root write there, or set User".to_owned())
            })?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_named_or_begin_so() {
        let rights =
            |types: &[&str]| Rights { types: types.iter().map(|t| (*t).to_owned()).collect(), ..Rights::default() };
        let may = |types: &[&str], agent| rights(types).kind(agent, &"p1".into()).is_ok();
        assert!(may(&["*"], "ocf:heartbeat:IPaddr2") && may(&["*"], "Application"));
        assert!(!may(&["*"], "ocf:heartbeat:anything") && !may(&["ocf:*"], "ocf:other:symlink"));
        assert!(may(&["*", "ocf:heartbeat:anything"], "ocf:heartbeat:anything"));
        assert!(may(&["script:*"], "script:Disk") && !may(&["script:*"], "systemd:nginx.service"));
        assert!(!may(&["Process"], "Process2") && !may(&[], "FileNone"));
        let denied = rights(&["*"]).kind("ocf:heartbeat:anything", &"p1".into()).unwrap_err();
        assert_eq!(
            denied.words(),
            "node p1 does not run agents of type ocf:heartbeat:anything: it does as root whatever its parameters say; \
             name \"ocf:heartbeat:anything\" in `types` of [agents] in tenured.toml there"
        );
    }
}
