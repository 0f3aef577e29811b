//! Views of servers, and the order in which all of them can be drained.

use super::{Index, kept, shown};
use crate::api::wire::{
    CapacityView, Closed, DrainPurpose, DrainStatus, DrainView, RollingView, ServerStatus, ServerView, TurnView,
};
use tenure_core::{
    Ledger, NodeName, ServerName, SystemState,
    config::Server,
    ledger::{self, Drain, Purpose, ServerState},
    note::ServerWait,
    plan,
};

/// The server order for a rolling maintenance, or the reason why there is none.
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
    let seen = index.sight.server(name);
    ServerView {
        name: name.to_string(),
        managers: server.managers.iter().map(ToString::to_string).collect(),
        system: server.system().unwrap_or_default().to_owned(),
        state: server_status(index.ledger, name, state),
        reads: state.system.to_string(),
        live: seen.live && (state.live || state.off.is_some() || server.managers.is_empty()),
        read_at: seen.at.map(|at| index.sight.shown(at)),
        read_every: index.ledger.manager_in_use(name).map(|hmc| index.sight.budget.says(hmc)),
        watcher: state.watcher.as_ref().map(NodeName::to_string),
        surrogate: state.watcher.is_some() && state.watcher.as_ref() != home,
        node: home.map(NodeName::to_string),
        node_out: home.and_then(|home| super::node::out(index.ledger, home)),
        node_proof: index.ledger.node_off_on(name).map(|(_, off)| off.how.to_string()),
        proof: state.off.as_ref().map(|off| off.how.to_string()),
        vios_down: state.vios.iter().filter(|(_, up)| !**up).map(|(vios, _)| vios.clone()).collect(),
        groups: groups.iter().map(|group| group.to_string()).collect(),
        closed: state.closed().map(closed),
        freeze: state.upkeep.freeze.as_ref().map(|freeze| kept::kept(index.ledger, freeze)),
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

/// The state of a server, in one word.
pub(in super::super) fn server_status(ledger: &Ledger, name: &ServerName, state: &ServerState) -> ServerStatus {
    if state.off.is_some() {
        ServerStatus::Off
    } else if state.dirty.is_some() {
        ServerStatus::Dirty
    } else if state.wait.as_ref().is_some_and(is_open) {
        ServerStatus::Open
    } else if !ledger.config.has_manager(name) {
        if ledger.is_attended(name, state) { ServerStatus::Ready } else { ServerStatus::Doubtful }
    } else if state.since.is_none() {
        ServerStatus::Unread
    } else if state.system == SystemState::Operating && state.live {
        ServerStatus::Ready
    } else {
        ServerStatus::Doubtful
    }
}

fn drain_view(ledger: &Ledger, drain: &Drain, progress: Option<&ServerWait>) -> DrainView {
    DrainView {
        purpose: match drain.purpose {
            Purpose::Drain => DrainPurpose::Drain,
            Purpose::Shutdown => DrainPurpose::Shutdown,
        },
        since: shown(ledger, drain.kept.since),
        kept: kept::kept(ledger, &drain.kept),
        state: drain_status(progress),
        progress: progress.map_or_else(String::new, ToString::to_string),
        moved: drain.moved.iter().map(ToString::to_string).collect(),
    }
}

/// Whether a wait means that it is unknown if the server is down.
fn is_open(wait: &ServerWait) -> bool {
    match wait {
        ServerWait::NoProof { .. } | ServerWait::Fencing | ServerWait::Disarmed { .. } => true,
        ServerWait::Cleaning { .. }
        | ServerWait::Draining { .. }
        | ServerWait::DrainStuck { .. }
        | ServerWait::Drained { .. } => false,
    }
}

fn drain_status(progress: Option<&ServerWait>) -> DrainStatus {
    match progress {
        Some(ServerWait::Drained { .. }) => DrainStatus::Drained,
        Some(ServerWait::DrainStuck { .. }) => DrainStatus::Stuck,
        Some(
            ServerWait::Draining { .. }
            | ServerWait::NoProof { .. }
            | ServerWait::Fencing
            | ServerWait::Cleaning { .. }
            | ServerWait::Disarmed { .. },
        )
        | None => DrainStatus::Draining,
    }
}

fn closed(why: ledger::Closed) -> Closed {
    match why {
        ledger::Closed::Draining => Closed::Draining,
        ledger::Closed::Frozen => Closed::Frozen,
        ledger::Closed::Quarantined { .. } => Closed::Quarantined,
    }
}

/// Advice for a server that waits. Only a server without a proof may ever be confirmed off.
pub(super) fn advice(name: &ServerName, wait: &ServerWait) -> String {
    match wait {
        ServerWait::NoProof { .. } => format!("; see the server, then `tenure fence confirm {name}`"),
        ServerWait::Disarmed { .. } => "; `tenure cluster arm`, or see the server".to_owned(),
        ServerWait::Cleaning { .. } => "; see what runs there at its manager".to_owned(),
        ServerWait::DrainStuck { .. } => "; see `tenure status` for what holds them there".to_owned(),
        ServerWait::Fencing | ServerWait::Draining { .. } | ServerWait::Drained { .. } => String::new(),
    }
}
