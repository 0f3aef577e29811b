//! What nodes do for a user outside the ledger: only what the log permits, and once. Each node reads the permission in its own
//! ledger, whoever passes it on.

use super::{Machine, suitability::ExtraCall};
use std::time::Duration;
use tenure_core::{
    NodeName, Span,
    audit::digest,
    config::Cluster,
    trust::{Act, Hash, LogLevel, Purpose},
};
use tenure_raft::Handle;

/// Time for this node to apply the permission.
const WITHIN: Duration = Duration::from_secs(5);

/// What is permitted at a log index, and not reported as done.
pub async fn act(raft: &Handle<Machine>, permit: u64) -> Result<Act, String> {
    raft.barrier(WITHIN).await.map_err(|why| why.to_string())?;
    let act = raft.state(|machine| machine.ledger().trust.acts.get(&permit).cloned());
    act.ok_or_else(|| format!("nothing that is still to be done was permitted at log index {permit}"))
}

/// Whether agents may look at this configuration.
pub async fn check(raft: &Handle<Machine>, permit: u64, cluster: &Cluster) -> Result<(), String> {
    match act(raft, permit).await? {
        Act::Check { config, programs } if config == digest(cluster) => {
            let chooses = raft.state(|machine| machine.ledger().chooses_programs(cluster));
            if chooses && !programs { Err("it chooses programs, which was not permitted".to_owned()) } else { Ok(()) }
        }
        other => Err(format!("what was permitted is another thing: {other}")),
    }
}

/// What this node is to do besides, that is permitted.
pub enum Extra {
    /// A call of an agent.
    Agent(ExtraCall),
    /// Its log tells more, or less, for a time.
    Log(LogLevel, Span),
}

/// What this node is to do besides, that is permitted.
pub async fn extra(raft: &Handle<Machine>, permit: u64, me: &NodeName) -> Result<Extra, String> {
    match act(raft, permit).await? {
        Act::Action { node, resource, action, arguments } if node == *me => {
            Ok(Extra::Agent(ExtraCall { resource, action: Some((action, arguments)) }))
        }
        Act::Describe { node, resource } if node == *me => Ok(Extra::Agent(ExtraCall { resource, action: None })),
        Act::LogLevel { node, level, lasts } if node == *me => Ok(Extra::Log(level, lasts)),
        other => Err(format!("what was permitted is another thing: {other}")),
    }
}

/// The node that joins with a token, if the token was spent with this key.
pub async fn joins(raft: &Handle<Machine>, token: &Hash, key: &Hash) -> Result<NodeName, String> {
    raft.barrier(WITHIN).await.map_err(|why| why.to_string())?;
    let ledger = raft.state(Machine::ledger);
    let spent = ledger.trust.tokens.get(token).is_some_and(|token| token.spent.as_ref() == Some(key));
    match ledger.trust.purpose(token, Some(key), ledger.now) {
        Ok(Purpose::Join(node)) if spent => Ok(node.clone()),
        Ok(Purpose::Join(_) | Purpose::Enrol(_) | Purpose::Session(_)) => {
            Err("the token is for something else".to_owned())
        }
        Err(why) => Err(why.to_string()),
    }
}
