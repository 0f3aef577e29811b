//! The check of a configuration against the agents of the nodes: each node checks the resources that may live inside
//! it.

use super::{
    Machine,
    peer::{Answer, Call, ask, incarnation},
    standing::id_of,
};
use crate::{api::Failure, performer::Agents};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tenure_agents::{Finding, Severity};
use tenure_core::{ForeignLines, ForeignText, NodeName, Rejection, ResourceName, Sentence, config::Cluster};
use tenure_raft::Handle;

/// Time that one node may take: agents are run for it.
const WITHIN: Duration = Duration::from_secs(12);
/// Time that another node may take for an operation of an agent.
const EXTRA: Duration = Duration::from_secs(15);

/// An operation of an agent other than start, stop and monitor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtraCall {
    /// The resource.
    pub resource: ResourceName,
    /// The name of an action with its arguments; `None` for the agent's description for people.
    pub action: Option<(String, Vec<String>)>,
}

/// The findings of nodes about a configuration, one line each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Findings that make it unusable.
    pub errors: Vec<Sentence>,
    /// Findings that deserve a look.
    pub warnings: Vec<Sentence>,
}

/// The findings of this node's agents about a configuration.
pub async fn check_here(agents: &Agents, me: &NodeName, cluster: &Cluster) -> Findings {
    let mut found = Findings::default();
    let Some(server) = cluster.nodes.get(me).and_then(|node| node.server.as_ref()) else { return found };
    let instances = cluster.instances();
    let expanded = instances.as_ref().unwrap_or(cluster);
    for finding in tenure_agents::check(&agents.settings(server), expanded).await {
        let list = match finding.severity {
            Severity::Error => &mut found.errors,
            Severity::Warning => &mut found.warnings,
        };
        list.push(line(me, &finding));
    }
    found
}

fn line(me: &NodeName, finding: &Finding) -> Sentence {
    let attribute = finding.attribute.as_ref().map(|name| format!(".{name}")).unwrap_or_default();
    let help = if finding.help.is_empty() { String::new() } else { format!("; {}", finding.help) };
    format!("{}{attribute} on {me}: {}{help}", finding.place, finding.what).into()
}

/// The findings of all nodes' agents about a configuration. Nodes that do not answer are named: the configuration may
/// be applied without them, and their problems show when something is started there.
pub async fn check_everywhere(
    raft: &Handle<Machine>,
    agents: &Arc<Agents>,
    me: &NodeName,
    permit: u64,
    cluster: &Cluster,
) -> Findings {
    let servers: BTreeSet<_> = cluster
        .resources
        .values()
        .filter(|resource| resource.as_agent().is_some())
        .filter_map(|resource| cluster.groups.get(&resource.group))
        .chain(cluster.groups.values().filter(|group| !group.hooks.is_empty()))
        .flat_map(|group| &group.servers)
        .collect();
    let nodes = cluster.nodes.iter().filter(|(_, node)| node.server.as_ref().is_some_and(|at| servers.contains(at)));
    let status = raft.status();
    let asked = nodes.map(|(name, _)| {
        let (raft, status) = (raft.clone(), &status);
        async move {
            if name == me {
                return check_here(agents, me, cluster).await;
            }
            let silent = |why: &str| Findings {
                errors: Vec::new(),
                warnings: vec![format!("node {name} was not asked what its agents make of it: {why}").into()],
            };
            let Some(id) = id_of(status, name) else {
                return silent("it is not a member yet");
            };
            match ask(&raft, incarnation(), id, &Call::Check { permit, cluster: Arc::new(cluster.clone()) }, WITHIN)
                .await
            {
                Ok(Answer::Checked { errors, warnings }) => Findings { errors, warnings },
                Ok(_) => silent("it answered something else"),
                Err(why) => silent(&why),
            }
        }
    });
    let mut all = Findings::default();
    for found in futures::future::join_all(asked).await {
        all.errors.extend(found.errors);
        all.warnings.extend(found.warnings);
    }
    all
}

/// The id of a member, for calling it.
pub fn peer(raft: &Handle<Machine>, node: &NodeName) -> Result<u64, Failure> {
    id_of(&raft.status(), node).ok_or_else(|| {
        Rejection::new("no_node", format!("node {node} is not a member")).advise("see `tenure node list`").into()
    })
}

/// Has an agent of a node carry out a call. An action whose answer is missing may have been done.
pub async fn extra_at(
    raft: &Handle<Machine>,
    agents: &Agents,
    me: &NodeName,
    node: &NodeName,
    permit: u64,
    call: ExtraCall,
) -> Result<ForeignLines, Failure> {
    let resource = call.resource.clone();
    let lost = |why: String| {
        if call.action.is_some() { Failure::Unknown(why) } else { Failure::Unreachable(why) }
    };
    let said = if node == me {
        extra(agents, &call).await
    } else {
        match ask(raft, incarnation(), peer(raft, node)?, &Call::Extra(permit), EXTRA).await {
            Ok(Answer::Said(said)) => said,
            Ok(_) => return Err(lost(format!("node {node} answered something else"))),
            Err(why) => return Err(lost(format!("node {node}: {why}"))),
        }
    };
    said.map_err(|why| Rejection::new("agent", why).advise(format!("see `tenure resource show {resource}`")).into())
}

/// Has an agent of this node carry out a call.
pub async fn extra(agents: &Agents, call: &ExtraCall) -> Result<ForeignLines, ForeignText> {
    match &call.action {
        Some((token, arguments)) => agents.extra(&call.resource, token, arguments, WITHIN).await,
        None => agents.info(&call.resource).await,
    }
}
