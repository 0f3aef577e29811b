//! Which actions may happen in a state. Some turn out to change nothing.

use super::{
    action::Action,
    faults::time_may_pass,
    model::{Copy, Life, NODES, Power, SERVERS, State},
    mutant::Mutant,
    site::Site,
};

/// Actions that may happen, those that go on with what was begun first.
pub(super) fn moves(site: &Site, state: &State, found: &mut Vec<Action>) {
    found.clear();
    progress(site, state, found);
    messages(state, found);
    nodes(state, found);
    servers(site, state, found);
    requests(site, state, found);
    if state.left.ticks > 0 && time_may_pass(state, false) {
        found.push(Action::Tick);
    }
    if state.left.waits > 0 && time_may_pass(state, true) {
        found.push(Action::LongWait);
    }
}

/// What happens when nothing goes wrong.
pub(super) fn progress(site: &Site, state: &State, found: &mut Vec<Action>) {
    for place in 0..state.flights.len() {
        found.push(Action::Effect(small(place)));
    }
    for (place, mail) in state.mail.iter().enumerate() {
        if mail.sent && state.majority() {
            found.push(Action::Deliver(small(place)));
        }
    }
    for (n, node) in state.nodes.iter().enumerate() {
        let acts = node.life != Life::Dead && (node.lease || site.has(Mutant::LeaseIgnored));
        for (j, job) in node.jobs.iter().enumerate() {
            if acts && !job.sent {
                found.push(Action::Work { node: small(n), job: small(j) });
            }
        }
    }
    if state.majority() {
        found.extend((0..SERVERS).map(|server| Action::Read(small(server))));
    }
}

fn messages(state: &State, found: &mut Vec<Action>) {
    let left = &state.left;
    for place in 0..state.flights.len() {
        if left.refusals > 0 {
            found.push(Action::Refuse(small(place)));
        }
    }
    for (place, mail) in state.mail.iter().enumerate() {
        if mail.sent && left.doubles > 0 && !mail.again && state.majority() {
            found.push(Action::DeliverTwice(small(place)));
        }
        if mail.sent && left.losses > 0 && !mail.again {
            found.push(Action::Lose(small(place)));
        }
    }
    for (n, node) in state.nodes.iter().enumerate() {
        for (j, job) in node.jobs.iter().enumerate() {
            let (node, job_at) = (small(n), small(j));
            let in_flight = state.flights.iter().any(|flight| flight.order == job.exec.order().id);
            if job.sent && (left.doubts > 0 || !in_flight) {
                found.push(Action::Doubt { node, job: job_at });
            }
            if state.nodes[n].lease && left.losses > 0 && !job.exec.order().action.is_start() {
                found.push(Action::WorkLost { node, job: job_at });
            }
        }
    }
    match &state.held {
        Some(_) if state.majority() => found.push(Action::Commit),
        None if state.stalled && state.majority() => found.extend([Action::Wake, Action::Decide]),
        None if left.delays > 0 => found.push(Action::Stall),
        Some(_) | None => {}
    }
    if left.leaders > 0 && state.majority() && state.view.iter().any(Option::is_some) {
        found.push(Action::NewLeader);
    }
}

fn nodes(state: &State, found: &mut Vec<Action>) {
    for (n, node) in state.nodes.iter().enumerate() {
        let at = small(n);
        match node.life {
            Life::Up => {
                if state.left.cuts > 0 {
                    found.push(Action::Cut(at));
                }
                if node.behind {
                    found.push(Action::CatchUp(at));
                }
            }
            Life::Cut => found.push(Action::Heal(at)),
            Life::Dead => {
                if n >= SERVERS || state.servers[n].power == Power::On {
                    found.push(Action::Restart(at));
                }
            }
        }
        if node.life != Life::Dead && state.left.kills > 0 {
            found.push(Action::Kill(at));
        }
        if node.life != Life::Up && node.lease {
            found.push(Action::LeaseEnds(at));
        }
    }
    debug_assert!(state.nodes.len() == NODES);
}

fn servers(site: &Site, state: &State, found: &mut Vec<Action>) {
    for (s, server) in state.servers.iter().enumerate() {
        let at = small(s);
        for group in 0..site.scope.groups {
            if state.left.crashes > 0 && server.copies[group] != Copy::Off {
                found.push(Action::Crash { server: at, group: small(group) });
            }
        }
        match server.power {
            Power::On => {
                if state.left.powers > 0 {
                    found.extend([Action::PowerLost(at), Action::Sick(at)]);
                }
            }
            Power::Off => found.extend([true, false].map(|autostart| Action::PowerBack { server: at, autostart })),
            Power::Sick => {}
        }
        if !server.link {
            found.push(Action::LinkBack(at));
        } else if state.left.links > 0 {
            found.push(Action::LinkLost(at));
        }
    }
}

fn requests(site: &Site, state: &State, found: &mut Vec<Action>) {
    if state.left.asks == 0 || !state.majority() {
        return;
    }
    for group in 0..site.scope.groups {
        let at = small(group);
        found.extend([Action::AskSwitch(at), Action::AskOffline(at), Action::AskOnline(at)]);
    }
    found.extend((0..SERVERS).map(|server| Action::AskConfirm(small(server))));
}

fn small(place: usize) -> u8 {
    u8::try_from(place).unwrap_or(u8::MAX)
}
