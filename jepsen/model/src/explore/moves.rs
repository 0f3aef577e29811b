//! The actions that may happen in a state. Some turn out to change nothing.

use super::{
    action::Action,
    faults::{leases_may_end, time_may_pass},
    model::{Life, Power, SERVERS, State},
    site::Site,
};

/// The actions that may happen, those that continue pending work first.
pub(super) fn moves(site: &Site, state: &State, found: &mut Vec<Action>) {
    found.clear();
    progress(site, state, found);
    messages(state, found);
    nodes(state, found);
    servers(site, state, found);
    requests(site, state, found);
    if leases_may_end(state) {
        found.push(Action::LeasesEnd);
    }
    if state.left.hushes > 0 && state.stalled.is_none() && state.nodes.iter().any(|node| node.life != Life::Up) {
        found.push(Action::Hush);
    }
    if state.left.ticks > 0 && time_may_pass(state, false) {
        found.push(Action::Tick);
    }
    if state.left.waits > 0 && time_may_pass(state, true) {
        found.push(Action::LongWait);
    }
}

/// The actions that happen without faults.
pub(super) fn progress(site: &Site, state: &State, found: &mut Vec<Action>) {
    for place in 0..state.flights.len() {
        found.push(Action::Effect(small(place)));
    }
    if let Some(transit) = state.transit.filter(|transit| !transit.stuck) {
        let crashed = !state.servers[transit.from].copies[0].is_active();
        found.push(if transit.switched || crashed { Action::TransitEnds } else { Action::SwitchOver });
    }
    for (place, mail) in state.mail.iter().enumerate() {
        if mail.sent && state.majority() {
            found.push(Action::Deliver(small(place)));
        }
    }
    for (n, node) in state.nodes.iter().enumerate() {
        for (j, job) in node.jobs.iter().enumerate() {
            if job.ask.is_some() && !job.sent {
                found.push(Action::Work { node: small(n), job: small(j) });
            }
        }
    }
    if state.majority() {
        found.extend((0..SERVERS).map(|server| Action::Read(small(server))));
    }
    if site.scope.inside {
        found.extend((0..SERVERS).map(|node| Action::Look(small(node))));
    }
    for (n, node) in state.nodes.iter().enumerate() {
        if node.life != Life::Dead && !node.standing_down.is_empty() {
            found.push(Action::StandDown(small(n)));
        }
    }
}

fn messages(state: &State, found: &mut Vec<Action>) {
    let may = |kind: u8| kind > 0 && state.left.faults > 0;
    let left = &state.left;
    for place in 0..state.flights.len() {
        if may(left.refusals) {
            found.push(Action::Refuse(small(place)));
        }
    }
    for (place, mail) in state.mail.iter().enumerate() {
        if mail.sent && may(left.doubles) && !mail.again && state.majority() {
            found.push(Action::DeliverTwice(small(place)));
        }
        if mail.sent && may(left.losses) && !mail.again {
            found.push(Action::Lose(small(place)));
        }
    }
    for (n, node) in state.nodes.iter().enumerate() {
        for (j, job) in node.jobs.iter().enumerate() {
            let (node, job_at) = (small(n), small(j));
            let in_flight = state.is_pending(n, job.order.id);
            if job.sent && (may(left.doubts) || !in_flight) {
                found.push(Action::Doubt { node, job: job_at });
            }
            if job.ask.is_some() && !job.sent && may(left.losses) && !job.order.action.is_start() {
                found.push(Action::WorkLost { node, job: job_at });
            }
        }
    }
    if let Some(transit) = state.transit.filter(|transit| !transit.stuck && may(left.moves)) {
        found.push(Action::TransitSticks);
        if !transit.switched {
            found.push(Action::TransitEnds);
        }
    }
    match &state.held {
        Some(_) if state.majority() => found.push(Action::Commit),
        None if state.stalled.is_some() && state.majority() => found.extend([Action::Wake, Action::Decide]),
        None if may(left.delays) && state.majority() => found.push(Action::Stall),
        Some(_) | None => {}
    }
    if may(left.leaders) && state.majority() {
        found.push(Action::NewLeader);
    }
}

fn nodes(state: &State, found: &mut Vec<Action>) {
    let may = |kind: u8| kind > 0 && state.left.faults > 0;
    for (n, node) in state.nodes.iter().enumerate() {
        let at = small(n);
        match node.life {
            Life::Up => {
                if may(state.left.cuts) {
                    found.push(Action::Cut(at));
                }
                if node.behind {
                    found.push(Action::CatchUp(at));
                }
            }
            Life::Cut => found.push(Action::Heal(at)),
            Life::Dead => {
                if state.servers.get(n).is_none_or(|server| server.power == Power::On) {
                    found.push(Action::Restart(at));
                }
            }
        }
        if node.life != Life::Dead && may(state.left.kills) {
            found.push(Action::Kill(at));
        }
    }
}

fn servers(site: &Site, state: &State, found: &mut Vec<Action>) {
    let may = |kind: u8| kind > 0 && state.left.faults > 0;
    for (s, server) in state.servers.iter().enumerate() {
        let at = small(s);
        for group in 0..site.scope.groups {
            if may(state.left.crashes) && server.copies[group].is_active() {
                found.push(Action::Crash { server: at, group: small(group) });
            }
        }
        if site.scope.inside && may(state.left.crashes) && server.guest {
            found.push(Action::NodeCrash(at));
        }
        match server.power {
            Power::On => {
                if may(state.left.powers) {
                    found.extend([Action::PowerLost(at), Action::Sick(at)]);
                }
            }
            Power::Off => found.extend([true, false].map(|autostart| Action::PowerBack { server: at, autostart })),
            Power::Sick => {}
        }
        if !server.link {
            found.push(Action::LinkBack(at));
        } else if may(state.left.links) {
            found.push(Action::LinkLost(at));
        }
    }
}

fn requests(site: &Site, state: &State, found: &mut Vec<Action>) {
    if state.left.drains > 0 && state.majority() {
        for (server, drained) in state.drained.iter().enumerate() {
            let at = small(server);
            found.push(if *drained { Action::Undrain(at) } else { Action::Drain(at) });
        }
    }
    if state.left.asks == 0 || !state.majority() {
        return;
    }
    for group in 0..site.scope.groups {
        let at = small(group);
        found.extend([Action::AskSwitch(at), Action::AskOffline(at), Action::AskOnline(at)]);
        if site.scope.mobile {
            found.extend([Action::AskMigrate(at), Action::AskAbort(at)]);
        }
    }
    found.extend((0..SERVERS).map(|server| Action::AskConfirm(small(server))));
}

fn small(place: usize) -> u8 {
    u8::try_from(place).unwrap_or(u8::MAX)
}
