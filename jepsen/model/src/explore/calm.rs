//! Calm: from any state, once nothing goes wrong any more, every group gets to where it is wanted (L1).
//!
//! Everything is mended, then the world takes whatever step goes on with what was begun, and lets time pass when there is
//! none. Groups that are held wait for a person by design, and so do those that failed everywhere: their faults are cleared.

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

/// Far more than any way back needs.
const STEPS: usize = 400;
/// How often time may pass with nothing to do: longer than the expiry of orders.
const IDLE: usize = 12;

/// Lets a state calm down. Says what is not as it should be if it does not.
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

/// Power, links and nodes are brought back.
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
    // Somebody clears up a move that is stuck.
    if let Some(transit) = state.transit.filter(|transit| transit.stuck) {
        state.end_transit(transit);
    }
    // A server comes back when nobody is in the middle of starting something there.
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

/// Activations whose command is gone are answered at last.
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

/// An operator clears the faults of groups that found no server any more. What is linked may have only one left that it can
/// be on.
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

/// Every group is where it is wanted, in the ledger and in the world, and nothing is under way.
fn rests(site: &Site, state: &State) -> bool {
    let child = state.ledger.groups.get(&site.groups[CHILD]);
    let childless = site.scope.link && child.is_some_and(|child| child.intent == Intent::Offline);
    state.ledger.groups.iter().all(|(name, group)| {
        if group.conflict.is_some() {
            return true;
        }
        let place = site.group(name);
        let active = |server: usize| state.servers[server].copies[place].is_active();
        match (&group.tenure, group.intent) {
            (Some(tenure), Intent::Online) => {
                let here = site.server(&tenure.server);
                tenure.phase == Phase::Online && (0..SERVERS).all(|server| active(server) == (server == here))
            }
            // It waits for what it needs.
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
