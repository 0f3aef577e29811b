//! Checks the resources of a cluster against the agents on this machine.
//!
//! Another machine may have other agents: a type that no group of this server needs is not reported as missing.
//! Changes nothing.

mod builtin;
mod ocf;
mod script;

use super::{
    Metadata, Settings,
    builtin::Builtin,
    contract::{Contract, FORMS},
    machine::{Call, Machine},
    ocf::prepare,
    permission::admit,
    secrets,
    spec::Spec,
};
use std::{sync::Arc, time::Duration};
use tenure_core::{
    ForeignText, Sentence,
    config::{Cluster, Resource},
};
use tokio::{
    task::{JoinSet, spawn_blocking},
    time::Instant,
};

/// Number of resources checked at the same time.
const AT_ONCE: usize = 8;
/// Time that looking up a user may take.
const LOOKED_UP: Duration = Duration::from_secs(5);
/// Least similarity (Jaro-Winkler) of a known name that is suggested for a misspelt one.
const LIKE: f64 = 0.7;
/// Number of names suggested for a misspelt one.
const NEAR: usize = 3;

/// A problem of a resource, or of a hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where it is in the cluster file: `resources.web`.
    pub place: String,
    /// The attribute; `None` if the problem is of the whole resource.
    pub attribute: Option<String>,
    /// Error or warning.
    pub severity: Severity,
    /// The problem.
    pub what: Sentence,
    /// The remedy.
    pub help: Sentence,
}

/// Severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The resource cannot work.
    Error,
    /// The resource may not do what was intended.
    Warning,
}

/// The metadata of an OCF resource agent of this machine; `agent` is a type as in `ocf:heartbeat:IPaddr2`.
pub async fn metadata(settings: &Settings, agent: &str) -> Result<Arc<Metadata>, ForeignText> {
    prepare(&settings.run_dir);
    match Contract::of(agent) {
        Contract::Ocf(ocf) => ocf.metadata(&Machine::new(settings.clone())).await,
        Contract::Script(_) | Contract::Systemd(_) | Contract::Builtin(_) | Contract::Nobody(_) => {
            Err(format!("{agent} is no OCF resource agent").into())
        }
    }
}

/// The resource types available on this machine, in the form of the cluster file. Units of systemd are not listed.
pub async fn kinds(settings: &Settings) -> Vec<String> {
    let mut kinds = ocf::installed(&settings.ocf_root).await;
    for place in &settings.scripts {
        kinds.extend(names_in(place).await.into_iter().map(|kind| format!("script:{kind}")));
    }
    kinds.sort();
    kinds.dedup();
    kinds.extend(Builtin::ALL.map(|builtin| builtin.name().to_owned()));
    kinds
}

/// The problems of the resources that this server may have to run, sorted by resource. Resources that run only on
/// other servers are checked there: attributes differ by server, and agents need not be installed everywhere.
pub async fn check(settings: &Settings, cluster: &Cluster) -> Vec<Finding> {
    prepare(&settings.run_dir);
    let machine = Arc::new(Machine::new(settings.clone()));
    let (mut findings, mut tasks) = (Vec::new(), JoinSet::new());
    for (name, resource) in &cluster.resources {
        let Some(agent) = resource.as_agent() else { continue };
        if !cluster.groups.get(&resource.group).is_some_and(|group| group.servers.contains(&settings.server)) {
            continue;
        }
        let item = Item {
            spec: Spec::new(name, resource, agent, &settings.server, cluster.timings.monitor),
            resource: resource.clone(),
        };
        if tasks.len() >= AT_ONCE {
            findings.extend(tasks.join_next().await.into_iter().flatten().flatten());
        }
        let machine = Arc::clone(&machine);
        tasks.spawn(async move { one(&machine, &item).await });
    }
    findings.extend(tasks.join_all().await.into_iter().flatten());
    findings.extend(hooks(settings, cluster).await);
    findings.sort_by(|one: &Finding, other| {
        (&one.place, one.severity, &one.attribute).cmp(&(&other.place, other.severity, &other.attribute))
    });
    findings
}

/// A resource to be checked.
struct Item {
    spec: Spec,
    resource: Resource,
}

impl Item {
    fn error(&self, attribute: Option<&str>, what: impl Into<Sentence>, help: impl Into<Sentence>) -> Finding {
        Finding {
            place: format!("resources.{}", self.spec.resource),
            attribute: attribute.map(str::to_owned),
            severity: Severity::Error,
            what: what.into(),
            help: help.into(),
        }
    }

    fn warning(&self, attribute: Option<&str>, what: impl Into<Sentence>, help: impl Into<Sentence>) -> Finding {
        Finding { severity: Severity::Warning, ..self.error(attribute, what, help) }
    }

    /// The finding for an attribute that the type does not know.
    fn unknown<'a>(&self, attribute: &str, known: impl Iterator<Item = &'a str>) -> Finding {
        let what = format!("{} has no attribute {attribute}", self.spec.agent);
        self.error(Some(attribute), what, meant(attribute, known, "leave it out"))
    }
}

/// Hooks of groups of this server that may not run here.
async fn hooks(settings: &Settings, cluster: &Cluster) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, group) in cluster.groups.iter().filter(|(_, group)| group.servers.contains(&settings.server)) {
        for (trigger, hook) in &group.hooks {
            if let Err((what, help)) = settings.rights.hook(&hook.program, &settings.node).await {
                let (place, attribute) = (format!("groups.{name}.hooks"), Some(trigger.word().to_owned()));
                findings.push(Finding {
                    place,
                    attribute,
                    severity: Severity::Error,
                    what: what.into(),
                    help: help.into(),
                });
            }
        }
    }
    findings
}

async fn one(machine: &Machine, item: &Item) -> Vec<Finding> {
    let contract = Contract::of(&item.spec.agent);
    let deadline = Instant::now() + LOOKED_UP;
    let call = Call { machine, spec: &item.spec, deadline, probe: true, place: None };
    if let Err(denied) = admit(&call, &contract).await
        && !matches!(contract, Contract::Nobody(_))
    {
        return vec![item.error(denied.attribute, denied.what, denied.help)];
    }
    let (spec, settings) = (item.spec.clone(), machine.settings.clone());
    let resolved = spawn_blocking(move || secrets::resolve(&spec, &settings.secrets, settings.node.as_str()).err());
    let missing = resolved.await.unwrap_or_default();
    let missing = missing.map(|(attribute, why)| {
        let directory = machine.settings.secrets.display();
        item.error(Some(&attribute), why, format!("write the secret there, for root alone, below {directory}"))
    });
    let mut findings: Vec<Finding> = missing.into_iter().collect();
    findings.extend(by_contract(machine, item).await);
    findings
}

async fn by_contract(machine: &Machine, item: &Item) -> Vec<Finding> {
    match Contract::of(&item.spec.agent) {
        Contract::Ocf(agent) => ocf::check(machine, item, &agent).await,
        Contract::Script(agent) => script::check(machine, item, &agent).await,
        Contract::Systemd(unit) => match unit.name(item.spec.attribute("unit")) {
            Ok(_) => Vec::new(),
            Err(why) => vec![item.error(Some("unit"), why, "name it in the type, systemd:NAME.service")],
        },
        Contract::Builtin(agent) => builtin::check(item, agent),
        Contract::Nobody(_) => {
            let names = Builtin::ALL.map(Builtin::name);
            let what = format!("there is no type {}", item.spec.agent);
            let help = meant(&item.spec.agent, names.into_iter(), &format!("a type is {FORMS}"));
            vec![item.error(None, what, help)]
        }
    }
}

/// A hint: the known names similar to `name`, or else the text `otherwise`.
fn meant<'a>(name: &str, known: impl Iterator<Item = &'a str>, otherwise: &str) -> String {
    let likeness = |other: &str| strsim::jaro_winkler(&name.to_lowercase(), &other.to_lowercase());
    let mut near: Vec<(f64, &str)> = known.map(|other| (likeness(other), other)).collect();
    near.retain(|(likeness, _)| *likeness >= LIKE);
    near.sort_by(|one, other| other.0.total_cmp(&one.0));
    let near: Vec<&str> = near.into_iter().take(NEAR).map(|(_, name)| name).collect();
    if near.is_empty() { otherwise.to_owned() } else { format!("did you mean {}?", near.join(", or ")) }
}

/// The sorted names in a directory; none if it cannot be read.
async fn names_in(folder: &std::path::Path) -> Vec<String> {
    let mut names = Vec::new();
    let Ok(mut entries) = tokio::fs::read_dir(folder).await else { return names };
    while let Ok(Some(entry)) = entries.next_entry().await {
        names.extend(entry.file_name().into_string());
    }
    names.sort();
    names
}
