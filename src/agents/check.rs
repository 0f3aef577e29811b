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
    machine::Machine,
    ocf::prepare,
    spec::Spec,
};
use std::sync::Arc;
use tenure_core::{
    ForeignText, ResourceName, Sentence,
    config::{Cluster, Resource},
};
use tokio::task::JoinSet;

/// Number of resources checked at the same time.
const AT_ONCE: usize = 8;
/// Least similarity (Jaro-Winkler) of a known name that is suggested for a misspelt one.
const LIKE: f64 = 0.7;
/// Number of names suggested for a misspelt one.
const NEAR: usize = 3;

/// A problem of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The resource.
    pub resource: ResourceName,
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
    findings.sort_by(|one: &Finding, other| {
        (&one.resource, one.severity, &one.attribute).cmp(&(&other.resource, other.severity, &other.attribute))
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
            resource: self.spec.resource.clone(),
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

async fn one(machine: &Machine, item: &Item) -> Vec<Finding> {
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
