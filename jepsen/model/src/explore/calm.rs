//! Calm: from any state, once faults cease, every group reaches its intended state (L1).
//!
//! Everything is repaired; then the world takes any step that continues pending work, and lets time pass if there is
//! none. Held groups wait for an administrator by design, and so do those that failed everywhere: their faults are
//! cleared.

use super::{
    act::{Step, Stepper, step},
    action::Action,
    model::{CHILD, Copy, Life, PARENT, Power, SERVERS, State},
    moves::progress,
    scope::Bounds,
    site::Site,
};
use tenure_core::{
    GroupName, Verb,
    ledger::{Intent, Phase},
};

/// The maximum number of steps; far more than any recovery needs.
const STEPS: usize = 400;
/// Number of times that time may pass with nothing to do: longer than the expiry of orders.
const IDLE: usize = 12;

/// Lets a state calm down. If it does not, returns what is still wrong.
pub(super) fn calm(site: &Site, from: &State) -> Result<(), String> {
    let mut state = from.clone();
    state.left = Bounds { ticks: u8::MAX, asks: u8::MAX, drains: u8::MAX, ..Bounds::default() };
    mend(site, &mut state)?;
    let (mut idle, mut found) = (0, Vec::new());
    for _ in 0..STEPS {
        if rests(site, &state) {
            return Ok(());
        }
        found.clear();
        progress(site, &state, &mut found);
        unanswered(&state, &mut found);
        if advance(site, &mut state, &found)? {
            idle = 0;
        } else if idle < IDLE {
            idle += 1;
            clear_faults(site, &mut state);
            advance(site, &mut state, &[Action::Tick])?;
        } else {
            break;
        }
    }
    Err(format!("L1: nothing goes wrong any more, and this is where it ends: {}", picture(site, &state)))
}

/// Restores power, links and nodes.
fn mend(site: &Site, state: &mut State) -> Result<(), String> {
    let mut actions = Vec::new();
    if state.held.is_some() {
        actions.push(Action::Commit);
    }
    if state.stalled.is_some() {
        actions.push(Action::Wake);
    }
    for (server, _) in state.drained.iter().enumerate().filter(|(_, drained)| **drained) {
        actions.push(Action::Undrain(u8::try_from(server).unwrap_or_default()));
    }
    for server in 0..SERVERS {
        let at = u8::try_from(server).unwrap_or_default();
        if state.servers[server].power == Power::Sick {
            state.servers[server].power = Power::On;
        }
        if state.servers[server].power == Power::Off {
            actions.extend([Action::LeasesEnd, Action::PowerBack { server: at, autostart: false }]);
        }
        if !state.servers[server].link {
            actions.push(Action::LinkBack(at));
        }
    }
    for (node, known) in state.nodes.iter().enumerate() {
        let at = u8::try_from(node).unwrap_or_default();
        match known.life {
            Life::Up => {}
            Life::Cut => actions.push(Action::Heal(at)),
            Life::Dead => actions.push(Action::Restart(at)),
        }
    }
    // An administrator clears up a stuck move.
    if let Some(transit) = state.transit.filter(|transit| transit.stuck) {
        state.end_transit(transit);
    }
    // A server returns only while nobody has a start in progress there.
    for action in actions {
        let mut found = Vec::new();
        for _ in 0..STEPS {
            if advance(site, state, &[action])? {
                break;
            }
            found.clear();
            progress(site, state, &mut found);
            unanswered(state, &mut found);
            if !advance(site, state, &found)? && !advance(site, state, &[Action::LeasesEnd])? {
                break;
            }
        }
    }
    Ok(())
}

/// Takes the first of these steps that changes anything.
fn advance(site: &Site, state: &mut State, actions: &[Action]) -> Result<bool, String> {
    for action in actions {
        match step(site, state, *action, None) {
            Step::Moved(next) => {
                *state = next;
                return Ok(true);
            }
            Step::Same => {}
            Step::Wrong(wrong) => return Err(format!("on the way to calm: {}", wrong.join("; "))),
        }
    }
    Ok(false)
}

/// Activations whose command is gone time out.
fn unanswered(state: &State, found: &mut Vec<Action>) {
    for (n, node) in state.nodes.iter().enumerate() {
        for (j, job) in node.jobs.iter().enumerate() {
            let gone = !state.is_pending(n, job.order.id);
            if job.sent && gone {
                let (node, job) = (u8::try_from(n).unwrap_or_default(), u8::try_from(j).unwrap_or_default());
                found.push(Action::Doubt { node, job });
            }
        }
    }
}

/// An operator clears the faults of groups that have no server left. A linked group may have only one possible
/// server: there one fault is enough.
fn clear_faults(site: &Site, state: &mut State) {
    let many = if site.scope.link { 1 } else { SERVERS };
    let groups: Vec<GroupName> = state.ledger.groups.keys().cloned().collect();
    for group in groups {
        let known = &state.ledger.groups[&group];
        if known.tenure.is_none() && known.faults.len() >= many {
            let mut stepper = Stepper::new(site, state.clone(), None);
            stepper.ask(Verb::Clear { group, server: None });
            stepper.plan_until_rest();
            *state = stepper.state;
        }
    }
}

/// Every group is in its intended state, in the ledger and in the world, and nothing is in progress.
fn rests(site: &Site, state: &State) -> bool {
    let child = state.ledger.groups.get(&site.groups[CHILD]);
    let childless = site.scope.link && child.is_some_and(|child| child.intent == Intent::Offline);
    state.ledger.groups.iter().all(|(name, group)| {
        if group.hold.is_some() {
            return true;
        }
        let place = site.group(name);
        let active = |server: usize| state.servers[server].copies[place].is_active();
        match (&group.tenure, group.intent) {
            (Some(tenure), Intent::Online) => {
                let here = site.server(&tenure.server);
                tenure.phase == Phase::Online && (0..SERVERS).all(|server| active(server) == (server == here))
            }
            // The parent waits for the child.
            (None, Intent::Online) if childless && place == PARENT => !(0..SERVERS).any(active),
            (None, Intent::Offline) => !(0..SERVERS).any(active),
            (Some(_), Intent::Offline) | (None, Intent::Online) => false,
        }
    })
}

fn picture(site: &Site, state: &State) -> String {
    let groups = state.ledger.groups.iter().map(|(name, group)| {
        let copies: Vec<Copy> = state.servers.iter().map(|server| server.copies[site.group(name)]).collect();
        format!(
            "{name} is {:?} and {:?}, waits: {:?}, faults {:?}; in the world {copies:?}: {:?}",
            group.intent, group.tenure, group.wait, group.faults, group.copies
        )
    });
    let servers = state.ledger.servers.iter().zip(&state.servers).map(|((name, known), server)| {
        format!(
            "{name} is {:?} and waits: {:?}, off {}, dirty {}",
            server.power,
            known.wait,
            known.off.is_some(),
            known.dirty.is_some()
        )
    });
    let servers = servers.collect::<Vec<_>>().join("; ");
    format!("{}; {servers}; orders {:?}", groups.collect::<Vec<_>>().join("; "), state.ledger.orders)
}
