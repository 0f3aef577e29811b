//! What goes wrong in the world, and what mends.

use super::{
    act::Stepper,
    model::{Copy, Life, NODES, Node, Power, SERVERS, State, What},
    mutant::Mutant,
};
use tenure_core::order::Action;

impl Stepper<'_> {
    pub fn cut(&mut self, node: usize) -> bool {
        self.spend(|left| &mut left.cuts);
        self.state.nodes[node].life = Life::Cut;
        true
    }

    /// The node hears the others again: it applies the log, then gets a lease.
    pub fn heal(&mut self, node: usize) -> bool {
        self.state.nodes[node].life = Life::Up;
        self.state.nodes[node].lease = true;
        for mail in self.state.mail.iter_mut().filter(|mail| mail.node == node) {
            mail.sent = true;
        }
        let behind = self.state.nodes[node].index < self.state.ledger.index;
        if behind && self.site.has(Mutant::LeaseBeforeLog) {
            self.state.nodes[node].behind = true;
        } else {
            self.catch_up(node);
        }
        true
    }

    pub fn catch_up_late(&mut self, node: usize) -> bool {
        self.catch_up(node);
        true
    }

    pub fn kill(&mut self, node: usize) -> bool {
        self.spend(|left| &mut left.kills);
        self.die(node);
        true
    }

    fn die(&mut self, node: usize) {
        let known = &mut self.state.nodes[node];
        known.life = Life::Dead;
        known.behind = false;
        known.jobs.clear();
        known.done.clear();
        self.state.mail.retain(|mail| mail.node != node || mail.sent);
    }

    pub fn restart(&mut self, node: usize) -> bool {
        self.state.nodes[node].life = Life::Up;
        self.state.nodes[node].lease = true;
        if !self.site.has(Mutant::RestartForgets) {
            self.answer_unknown(node);
        }
        self.catch_up(node);
        true
    }

    pub fn lease_ends(&mut self, node: usize) -> bool {
        self.state.nodes[node].lease = false;
        true
    }

    pub fn crash(&mut self, server: usize, group: usize) -> bool {
        self.spend(|left| &mut left.crashes);
        self.state.goes_off(server, group);
        true
    }

    pub fn power_lost(&mut self, server: usize) -> bool {
        self.spend(|left| &mut left.powers);
        self.goes_dark(server);
        true
    }

    /// A server has no power any more, and its node neither.
    pub fn goes_dark(&mut self, server: usize) {
        self.state.servers[server].power = Power::Off;
        for group in 0..self.site.scope.groups {
            self.state.goes_off(server, group);
        }
        if let Some(transit) = self.state.transit.filter(|transit| [transit.from, transit.to].contains(&server)) {
            self.state.end_transit(transit);
        }
        if self.site.scope.assume.power_ends_commands {
            self.state.flights.retain(|flight| flight.server != server && flight.what != What::Move(server));
        }
        if server < NODES && self.state.nodes[server].life != Life::Dead {
            self.die(server);
        }
    }

    pub fn sick(&mut self, server: usize) -> bool {
        self.spend(|left| &mut left.powers);
        self.state.servers[server].power = Power::Sick;
        true
    }

    /// A server returns. That takes minutes: longer than a lease, and longer than a start needs from reading to sending.
    pub fn power_back(&mut self, server: usize, autostart: bool) -> bool {
        let starts_here = |order: &tenure_core::Order| {
            let place = |name| self.site.server(name);
            match &order.action {
                Action::Start { .. } => place(&order.server) == server,
                Action::Migrate { to, .. } => place(&order.server) == server || place(to) == server,
                Action::Stop { .. }
                | Action::StopMigration { .. }
                | Action::Hook { .. }
                | Action::Fence
                | Action::FenceNode { .. } => false,
            }
        };
        let leased = |node: &Node| node.lease && node.life != Life::Dead;
        let under_way = self.state.nodes.iter().filter(|node| leased(node)).flat_map(|node| &node.jobs);
        if self.state.nodes[server].lease || under_way.into_iter().any(|job| starts_here(job.exec.order())) {
            return false;
        }
        self.state.servers[server].power = Power::On;
        for group in 0..self.site.scope.groups {
            let elsewhere =
                (0..SERVERS).any(|other| other != server && self.state.servers[other].copies[group] != Copy::Absent);
            let copy = &mut self.state.servers[server].copies[group];
            if *copy == Copy::Absent {
                continue;
            }
            if autostart {
                *copy = Copy::Itself;
            } else if self.site.scope.mobile && elsewhere {
                // What is left of an LPAR that was made anew elsewhere is cleared up.
                *copy = Copy::Absent;
            }
        }
        true
    }

    pub fn link_lost(&mut self, server: usize) -> bool {
        self.spend(|left| &mut left.links);
        self.state.servers[server].link = false;
        true
    }

    pub fn link_back(&mut self, server: usize) -> bool {
        self.state.servers[server].link = true;
        true
    }
}

/// Whether time can pass: whoever does not hear the others has lost its lease, whoever does has its answers, and before a
/// long time passes it is done with its orders.
pub(super) fn time_may_pass(state: &State, long: bool) -> bool {
    state.nodes.iter().all(|node| match node.life {
        Life::Cut | Life::Dead => !node.lease,
        Life::Up => !node.behind && node.jobs.iter().all(|job| !job.sent && !long),
    })
}
