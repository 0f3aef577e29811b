//! OCF resource agents, API 1.1.
//!
//! An exit status other than "cleanly stopped" never becomes Off: after "error", half of the resource may still run,
//! and only a stop that succeeds shows that nothing does.

mod metadata;

pub(crate) use metadata::Library;
pub use metadata::{Advice, Metadata, Parameter, ValueType};

use super::{
    machine::{Call, Entry, Machine},
    permission::trusted,
    program::{Ended, Outcome},
    result::{ActionResult, MonitorResult},
    run_dir::private,
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};
use tenure_core::{ForeignLines, ForeignText, Power};

/// The prefix of the reason of a failure in an agent's output.
const REASON: &str = "ocf-exit-reason:";
/// The revision of Pacemaker's interface; agents ask for it by number.
const FEATURES: &str = "3.15.0";
/// Entry points that only the cluster may run, or that do not concern this resource.
const NOT_ACTIONS: [&str; 9] =
    ["start", "stop", "monitor", "status", "promote", "demote", "notify", "meta-data", "validate-all"];

/// The agent of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ocf {
    pub provider: String,
    pub kind: String,
}

impl Ocf {
    pub(crate) fn new(provider: &str, kind: &str) -> Self {
        Ocf { provider: provider.to_owned(), kind: kind.to_owned() }
    }

    pub(crate) fn path(&self, root: &Path) -> PathBuf {
        root.join("resource.d").join(&self.provider).join(&self.kind)
    }

    /// The agent's metadata; the agent is asked unless they are known.
    pub(crate) async fn metadata(&self, machine: &Machine) -> Result<std::sync::Arc<Metadata>, ForeignText> {
        let (path, variables) = (self.path(&machine.settings.ocf_root), self.machine_variables(machine));
        let kind = format!("ocf:{}:{}", self.provider, self.kind);
        trusted(&machine.settings, &kind, path.clone()).await?;
        machine.library.of(machine, &path, variables).await
    }

    /// The timeout that it advises for one of its entry points, if its metadata are known already.
    pub(crate) fn advised(&self, machine: &Machine, action: &str) -> Option<Duration> {
        machine.library.known(&self.path(&machine.settings.ocf_root))?.timeout(action)
    }

    pub(crate) async fn monitor(&self, call: &Call<'_>, depth: Option<&str>) -> MonitorResult {
        let path = self.path(&call.machine.settings.ocf_root);
        if !call.is_there(&path).await {
            return MonitorResult::new(Power::Absent, missing(&path));
        }
        let interval = depth.and_then(|depth| call.spec.depths.get(depth)).unwrap_or(&call.spec.interval);
        let interval = if call.probe { Duration::ZERO } else { *interval };
        let mut variables = self.variables(call, interval);
        if let Some(depth) = depth {
            variables.insert("OCF_CHECK_LEVEL".to_owned(), depth.to_owned());
        }
        let outcome = call.run(self.entry("monitor", &path, variables)).await;
        let Ended::Exited(code) = outcome.ended else { return MonitorResult::without_status(&outcome) };
        let said = reason(&outcome);
        match code {
            0 | 8 => MonitorResult::new(Power::Running, ""),
            // Running, but degraded or likely to fail soon.
            190 | 191 => MonitorResult::new(Power::Running, said.unwrap_or_else(|| "degraded".into())),
            7 => MonitorResult::new(Power::Off, said.unwrap_or_default()),
            // An agent that is not installed can run nothing here; but a resource just seen to run may outlive its
            // own files.
            5 if call.probe => MonitorResult::new(Power::Absent, said.unwrap_or_else(|| words(5).into())),
            code => MonitorResult::unknown(said.unwrap_or_else(|| outcome.said.after(&words(code)))),
        }
    }

    /// Runs an entry point that changes something.
    pub(crate) async fn act(&self, call: &Call<'_>, action: &str) -> ActionResult {
        let path = self.path(&call.machine.settings.ocf_root);
        if !call.is_there(&path).await {
            return ActionResult::refused(missing(&path));
        }
        let outcome = call.run(self.entry(action, &path, self.variables(call, Duration::ZERO))).await;
        match outcome.ended {
            Ended::Exited(0) => ActionResult::done(),
            Ended::Exited(code) => {
                ActionResult::failed(reason(&outcome).unwrap_or_else(|| outcome.said.after(&words(code))))
            }
            Ended::Missing(_) | Ended::NoRoom(_) | Ended::Broken(_) | Ended::TimeOver(_) => ActionResult::of(&outcome),
        }
    }

    /// Runs another entry point that the agent lists, such as `reload`.
    pub(crate) async fn action(&self, call: &Call<'_>, token: &str) -> Result<ForeignLines, ForeignText> {
        let metadata = self.metadata(call.machine).await?;
        let listed = |name: &str| !NOT_ACTIONS.contains(&name) && !name.starts_with("migrate");
        let actions: Vec<&str> =
            metadata.actions.iter().map(|action| action.name.as_str()).filter(|name| listed(name)).collect();
        if !actions.contains(&token) {
            return Err(format!("ocf:{}:{} has these actions: {}", self.provider, self.kind, actions.join(", ")).into());
        }
        let path = self.path(&call.machine.settings.ocf_root);
        let outcome = call.run(self.entry(token, &path, self.variables(call, Duration::ZERO))).await;
        match outcome.ended {
            Ended::Exited(0) => Ok(outcome.said.text().trim_end().into()),
            Ended::Exited(_) | Ended::Missing(_) | Ended::NoRoom(_) | Ended::Broken(_) | Ended::TimeOver(_) => {
                Err(reason(&outcome).unwrap_or_else(|| outcome.words()))
            }
        }
    }

    /// Whether the agent accepts the attributes.
    pub(crate) async fn validate(&self, call: &Call<'_>) -> Result<(), ForeignText> {
        let path = self.path(&call.machine.settings.ocf_root);
        let mut entry = self.entry("validate-all", &path, self.variables(call, Duration::ZERO));
        entry.leaves = false;
        let outcome = call.run(entry).await;
        match outcome.ended {
            // Not every agent that lists the action has it.
            Ended::Exited(0 | 3) => Ok(()),
            Ended::Exited(code) => Err(reason(&outcome).unwrap_or_else(|| outcome.said.after(&words(code)))),
            Ended::Missing(_) | Ended::NoRoom(_) | Ended::Broken(_) | Ended::TimeOver(_) => Err(outcome.words()),
        }
    }

    fn entry<'a>(&self, name: &'a str, path: &'a Path, variables: BTreeMap<String, String>) -> Entry<'a> {
        Entry { name, path, arguments: vec![name.to_owned()], variables, user: None, leaves: name != "monitor" }
    }

    fn machine_variables(&self, machine: &Machine) -> BTreeMap<String, String> {
        let root = &machine.settings.ocf_root;
        [
            ("HA_RSCTMP", scratch(machine).display().to_string()),
            ("HA_debug", "0".to_owned()),
            ("HOME", "/".to_owned()),
            ("LC_ALL", "C".to_owned()),
            ("OCF_EXIT_REASON_PREFIX", REASON.to_owned()),
            ("OCF_RA_VERSION_MAJOR", "1".to_owned()),
            ("OCF_RA_VERSION_MINOR", "1".to_owned()),
            ("OCF_RESKEY_crm_feature_set", FEATURES.to_owned()),
            ("OCF_RESOURCE_PROVIDER", self.provider.clone()),
            ("OCF_RESOURCE_TYPE", self.kind.clone()),
            ("OCF_ROOT", root.display().to_string()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }

    fn variables(&self, call: &Call<'_>, interval: Duration) -> BTreeMap<String, String> {
        let mut variables = self.machine_variables(call.machine);
        let (spec, node) = (call.spec, &call.machine.settings.node);
        let mut set = |name: &str, value: String| variables.insert(name.to_owned(), value);
        set("HA_LOGTAG", format!("{}({})", self.kind, spec.resource));
        set("OCF_RESKEY_CRM_meta_interval", interval.as_millis().to_string());
        set("OCF_RESKEY_CRM_meta_on_node", node.to_string());
        set("OCF_RESKEY_CRM_meta_timeout", call.left().as_millis().to_string());
        set("OCF_RESOURCE_INSTANCE", spec.resource.to_string());
        for (name, value) in &spec.attributes {
            set(&format!("OCF_RESKEY_{name}"), value.clone());
        }
        variables
    }
}

/// The directory for agents' state files: below the run directory, so that two nodes on one machine do not share it.
fn scratch(machine: &Machine) -> PathBuf {
    machine.settings.run_dir.join("rsctmp")
}

/// Creates the directory for agents' state files.
pub(crate) fn prepare(run_dir: &Path) {
    let scratch = run_dir.join("rsctmp");
    if let Err(error) = private(&scratch) {
        tracing::error!(path = %scratch.display(), %error, "agents have no place to remember anything");
    }
}

fn missing(path: &Path) -> String {
    format!("the agent is not installed here: there is no {}", path.display())
}

/// The last reason given by the agent.
pub(crate) fn reason(outcome: &Outcome) -> Option<ForeignText> {
    let reasons = outcome.said.text().lines().filter_map(|line| line.trim().strip_prefix(REASON));
    reasons.map(str::trim).rfind(|line| !line.is_empty()).map(ForeignText::from)
}

/// An exit status in the words of the standard.
fn words(code: i32) -> String {
    match code {
        1 => "failed".to_owned(),
        2 => "invalid argument".to_owned(),
        3 => "the agent does not do this".to_owned(),
        4 => "insufficient permissions".to_owned(),
        5 => "not installed".to_owned(),
        6 => "not configured".to_owned(),
        7 => "not running".to_owned(),
        9 => "promoted, and failed".to_owned(),
        code => format!("exit status {code}"),
    }
}
