//! Resources inside nodes: their agents look at them, and an isolated node stops them.

use super::{
    act::Stepper,
    model::{Life, State},
    site::Site,
};
use std::sync::Arc;
use tenure_core::{Inside, Ledger, Power, Seen, execution::Answer, node::Input};

impl Stepper<'_> {
    /// The agents of a node look at its resources, and the leader receives the result. `false` if that is no news.
    pub fn sense(&mut self, node: usize) -> bool {
        if self.state.nodes[node].life == Life::Dead {
            return false;
        }
        let mut inside = Inside::default();
        for group in 0..self.site.scope.groups {
            inside.seen.insert(self.site.lpars[group].clone(), self.see(node, node, group));
        }
        let body = &self.state.nodes[node];
        let heard = body.life == Life::Up && self.state.leader.is_some();
        let known = if heard { self.state.told.inside[node].as_deref() } else { body.inside.as_deref() };
        let same = known.is_some_and(|known| says_the_same(known, &inside));
        let since = |inside: &Inside| inside.seen.values().map(|seen| seen.since).max();
        let fresher = known.is_some_and(|known| since(known) < since(&inside));
        if same && !(heard && fresher && look_matters(self.site, &self.state, node)) {
            return false;
        }
        let inside = Arc::new(inside);
        if let Some(lines) = &mut self.lines {
            let seen = inside.seen.iter().map(|(resource, seen)| format!("{resource} {}", seen.power));
            lines.push(format!("{} sees {}", self.site.nodes[node], seen.collect::<Vec<_>>().join(", ")));
        }
        self.state.nodes[node].inside = Some(Arc::clone(&inside));
        self.feed(node, Input::Inside(Some((*inside).clone())));
        self.run();
        if self.state.leader == Some(node) {
            self.state.told.inside[node] = Some(inside);
        }
        true
    }

    /// The state of a resource inside, as an agent of a node sees it.
    pub fn see(&mut self, node: usize, server: usize, group: usize) -> Seen {
        let active = self.state.servers[server].copies[group].is_active();
        let body = &mut self.state.nodes[node];
        body.serial += 1;
        let power = if active { Power::Running } else { Power::Off };
        Seen { power, since: body.ledger.index, serial: body.serial, confidence: 100, said: String::new().into() }
    }

    /// An isolated node continues to stop its resources: an agent stops one, and looks whether it did.
    pub fn stand_down(&mut self, node: usize) -> bool {
        for _ in 0..2 {
            if self.state.nodes[node].standing_down.is_empty() {
                break;
            }
            let (resource, operation) = self.state.nodes[node].standing_down.remove(0);
            let place = self.site.lpar(&resource);
            let answer = if operation.is_none() {
                let seen = self.see(node, node, place);
                if let Some(inside) = &mut self.state.nodes[node].inside {
                    Arc::make_mut(inside).seen.insert(resource.clone(), seen.clone());
                }
                Answer::Probed(seen)
            } else {
                self.state.goes_off(node, place);
                Answer::Accepted
            };
            self.feed(node, Input::StoodDown { resource, answer });
            self.run();
        }
        true
    }
}

fn says_the_same(one: &Inside, two: &Inside) -> bool {
    one.seen.values().map(|seen| seen.power).eq(two.seen.values().map(|seen| seen.power))
}

/// Whether the ledger waits for a look that is at least as recent as one of its entries.
fn look_matters(site: &Site, state: &State, node: usize) -> bool {
    let ledger: &Ledger = &state.ledger;
    let (name, server) = (&site.nodes[node], &site.servers[node]);
    let unmet = ledger.nodes.get(name).is_some_and(|known| !known.met || known.is_out());
    let waits = ledger.groups.values().any(|group| {
        let leaving = group.tenure.as_ref().filter(|tenure| tenure.server == *server).and_then(|tenure| {
            let tenure_core::ledger::Phase::Leaving { index, .. } = tenure.phase else { return None };
            Some(index)
        });
        let mark = leaving.unwrap_or_default();
        let mut copies = group.copies.values().filter_map(|copies| copies.get(server));
        let place = group.copies.keys().next().map(|resource| site.lpar(resource)).unwrap_or_default();
        let power = if state.servers[node].copies[place].is_active() { Power::Running } else { Power::Off };
        copies.any(|copy| {
            let loose = matches!(copy.risk, tenure_core::ledger::StartRisk::Loose(_));
            let old = copy.since.is_none_or(|since| since < copy.quiet_from.max(mark));
            loose || old || copy.power != power
        })
    });
    unmet || waits
}
