//! Servers, and the order in which all of them can be drained.

use super::{Index, shown};
use crate::api::wire::{CapacityView, DrainView, RollingView, ServerView, TurnView};
use tenure_core::{
    Ledger, NodeName, ServerName, SystemState,
    config::Server,
    ledger::{Drain, Purpose, ServerState},
    note::{NotHere, ServerWait},
    plan,
};

/// The order of a rolling maintenance, or why there is none.
pub(in super::super) fn rolling(ledger: &Ledger) -> RollingView {
    match plan::rolling(ledger) {
        Ok(turns) => {
            let turn = |turn: plan::Turn| TurnView { server: turn.server.to_string(), moves: turn.moves };
            RollingView { turns: turns.into_iter().map(turn).collect(), why_not: None }
        }
        Err(why) => RollingView { turns: Vec::new(), why_not: Some(why.to_string()) },
    }
}

pub(super) fn view(index: &Index<'_>, name: &ServerName, server: &Server) -> ServerView {
    let unknown = ServerState::default();
    let state = index.ledger.servers.get(name).unwrap_or(&unknown);
    let groups = index.groups_on(name);
    let home = index.ledger.config.node_on(name);
    ServerView {
        name: name.to_string(),
        managers: server.managers.iter().map(ToString::to_string).collect(),
        system: server.system().unwrap_or_default().to_owned(),
        state: server_word(index.ledger, name, state).to_owned(),
        reads: state.system.to_string(),
        live: state.live,
        watcher: state.watcher.as_ref().map(NodeName::to_string),
        surrogate: state.watcher.is_some() && state.watcher.as_ref() != home,
        node: home.map(NodeName::to_string),
        node_out: home.and_then(|home| super::node::out(index.ledger, home)).map(str::to_owned),
        node_proof: index.ledger.node_off_on(name).map(|(_, off)| off.how.to_string()),
        proof: state.off.as_ref().map(|off| off.how.to_string()),
        vios_down: state.vios.iter().filter(|(_, up)| !**up).map(|(vios, _)| vios.clone()).collect(),
        groups: groups.iter().map(|group| group.to_string()).collect(),
        closed: state.closed().and_then(|why| closed_word(&why)).map(str::to_owned),
        drain: state
            .upkeep
            .drain
            .as_ref()
            .map(|drain| drain_view(index.ledger, drain, index.ledger.drain_of(name).as_ref())),
        quarantine: state.upkeep.quarantine.map(|until| shown(index.ledger, until)),
        returning: state.upkeep.returning.iter().map(ToString::to_string).collect(),
        memory: CapacityView { used: state.used.memory, total: server.memory },
        processors: CapacityView { used: state.used.processors, total: server.processors },
    }
}

/// How a server is, in a word.
pub(in super::super) fn server_word(ledger: &Ledger, name: &ServerName, state: &ServerState) -> &'static str {
    if state.off.is_some() {
        "off"
    } else if state.dirty.is_some() {
        "dirty"
    } else if state.wait.as_ref().is_some_and(is_open) {
        "open"
    } else if !ledger.config.has_manager(name) {
        if ledger.is_attended(name, state) { "ready" } else { "doubtful" }
    } else if state.since.is_none() {
        "unread"
    } else if state.system == SystemState::Operating && state.live {
        "ready"
    } else {
        "doubtful"
    }
}

fn drain_view(ledger: &Ledger, drain: &Drain, progress: Option<&ServerWait>) -> DrainView {
    DrainView {
        purpose: match drain.purpose {
            Purpose::Drain => "drain".to_owned(),
            Purpose::Shutdown => "shutdown".to_owned(),
        },
        since: shown(ledger, drain.since),
        state: match progress {
            Some(ServerWait::Drained { .. }) => "drained".to_owned(),
            Some(ServerWait::DrainStuck { .. }) => "stuck".to_owned(),
            _ => "draining".to_owned(),
        },
        progress: progress.map_or_else(String::new, ToString::to_string),
        moved: drain.moved.iter().map(ToString::to_string).collect(),
    }
}

/// Whether a wait says that the server's fate is not known.
fn is_open(wait: &ServerWait) -> bool {
    match wait {
        ServerWait::NoProof { .. } | ServerWait::Fencing | ServerWait::Disarmed { .. } => true,
        ServerWait::Cleaning { .. }
        | ServerWait::Draining { .. }
        | ServerWait::DrainStuck { .. }
        | ServerWait::Drained { .. } => false,
    }
}

fn closed_word(why: &NotHere) -> Option<&'static str> {
    match why {
        NotHere::Draining => Some("draining"),
        NotHere::ServerFrozen => Some("frozen"),
        NotHere::Quarantined { .. } => Some("quarantined"),
        _ => None,
    }
}

/// What to do about a server that waits. Only one without a proof is ever to be asserted off.
pub(super) fn advice(name: &ServerName, wait: &ServerWait) -> String {
    match wait {
        ServerWait::NoProof { .. } => format!("; see the server, then `tenure fence confirm {name}`"),
        ServerWait::Disarmed { .. } => "; `tenure cluster arm`, or see the server".to_owned(),
        ServerWait::Cleaning { .. } => "; see what runs there at its manager".to_owned(),
        ServerWait::DrainStuck { .. } => "; see `tenure status` for what holds them there".to_owned(),
        ServerWait::Fencing | ServerWait::Draining { .. } | ServerWait::Drained { .. } => String::new(),
    }
}
