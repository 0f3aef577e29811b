//! Checks resources of OCF agents: against the agent's metadata, and with its `validate-all` action.

use super::{
    super::{
        machine::{Call, Machine},
        ocf::{Metadata, Ocf, ValueType},
        secrets::given,
        spec::{LOOK_TIMEOUT, duration},
    },
    Finding, Item, meant, names_in,
};
use std::{path::Path, time::Duration};
use tenure_core::config::secret_name;
use tokio::time::Instant;

/// Timeout of `validate-all` if the metadata give none.
const VALIDATES: Duration = Duration::from_secs(20);

pub(super) async fn check(machine: &Machine, item: &Item, agent: &Ocf) -> Vec<Finding> {
    let path = agent.path(&machine.settings.ocf_root);
    if !tokio::fs::try_exists(&path).await.unwrap_or(false) {
        return vec![not_installed(machine, item, agent).await];
    }
    let metadata = match agent.metadata(machine).await {
        Ok(metadata) => metadata,
        Err(why) => {
            return vec![item.warning(None, why, "nothing can be said of its attributes; ask who wrote the agent")];
        }
    };
    let mut findings = parameters(item, &metadata);
    findings.extend(times(item, &metadata));
    let validates = metadata.actions.iter().any(|action| action.name == "validate-all");
    if validates && findings.iter().all(|finding| finding.severity != super::Severity::Error) {
        let within = metadata.timeout("validate-all").unwrap_or(VALIDATES);
        let call = Call { machine, spec: &item.spec, deadline: Instant::now() + within, probe: true, place: None };
        let validated = match given(&call, async |call| agent.validate(call).await).await {
            Ok((validated, secrets)) => validated.map_err(|why| secrets.hide(why)),
            // A secret that is missing is a finding of its own.
            Err(_) => return findings,
        };
        if let Err(why) = validated {
            // Agents check more than their declared parameters: devices that are not there yet, say. So it is only a
            // warning.
            findings.push(item.warning(None, why, format!("{} says so on this node (validate-all)", item.spec.agent)));
        }
    }
    findings
}

async fn not_installed(machine: &Machine, item: &Item, agent: &Ocf) -> Finding {
    let known = installed(&machine.settings.ocf_root).await;
    let place = machine.settings.ocf_root.join("resource.d").join(&agent.provider);
    let what = format!("{} is not installed on this node: looked in {}", item.spec.agent, place.display());
    item.error(
        None,
        what,
        meant(&item.spec.agent, known.iter().map(String::as_str), "install it on every server of its group"),
    )
}

/// The types of all OCF agents installed on this machine.
pub(super) async fn installed(root: &Path) -> Vec<String> {
    let folder = root.join("resource.d");
    let mut known = Vec::new();
    for provider in names_in(&folder).await {
        let kinds = names_in(&folder.join(&provider)).await;
        known.extend(kinds.iter().map(|kind| format!("ocf:{provider}:{kind}")));
    }
    known
}

fn parameters(item: &Item, metadata: &Metadata) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, value) in &item.spec.attributes {
        // Pacemaker's meta attributes may be handed on to agents that ask for them.
        if name.starts_with("CRM_meta_") {
            continue;
        }
        let Some(parameter) = metadata.parameter(name) else {
            findings.push(item.unknown(name, metadata.parameters.iter().map(|known| known.name.as_str())));
            continue;
        };
        if secret_name(value).is_none() && !parameter.value.takes(value) {
            let kind = match parameter.value {
                ValueType::Integer => "a whole number",
                ValueType::Boolean => "yes or no",
                ValueType::Text => "text",
            };
            findings.push(item.error(
                Some(name),
                format!("{name} is {kind}, and not {value:?}"),
                parameter.short.clone(),
            ));
        }
        if parameter.deprecated {
            findings.push(item.warning(Some(name), format!("{name} is deprecated"), parameter.short.clone()));
        }
    }
    let lacking = metadata
        .parameters
        .iter()
        .filter(|known| known.required && known.default.as_deref().unwrap_or_default().is_empty());
    for parameter in lacking.filter(|known| !item.spec.attributes.contains_key(known.name.as_str())) {
        let what = format!("{} needs the attribute {}", item.spec.agent, parameter.name);
        findings.push(item.error(Some(&parameter.name), what, parameter.short.clone()));
    }
    findings
}

fn times(item: &Item, metadata: &Metadata) -> Vec<Finding> {
    let resource = &item.resource;
    let given = [
        ("start_timeout", "start", Some(duration(resource.start_timeout))),
        ("stop_timeout", "stop", Some(duration(resource.stop_timeout))),
        // Without a `monitor_timeout` the agent's advice is followed.
        ("monitor_timeout", "monitor", item.spec.timeout),
    ];
    let mut findings = Vec::new();
    for (key, action, given) in given {
        let (Some(given), Some(advised)) = (given, metadata.timeout(action)) else { continue };
        if given < advised {
            let what = format!("{key} is {given:?}, and {} advises at least {advised:?}", item.spec.agent);
            findings.push(item.warning(None, what, format!("set {key} to that, or more")));
        }
    }
    if item.spec.timeout.is_none() && metadata.timeout("monitor").is_none() {
        tracing::debug!(agent = item.spec.agent, within = ?LOOK_TIMEOUT, "no advice for how long a look may take");
    }
    findings
}
