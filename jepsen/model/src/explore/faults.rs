//! Faults of the world, and their repair.

use super::{
    act::Stepper,
    model::{Copy, Flight, Life, Power, SERVERS, State, What},
    mutant::Mutant,
    shell::birth,
};
use tenure_core::{
    Span,
    node::{Input, Taken},
    order::Action,
};

impl Stepper<'_> {
    pub fn cut(&mut self, node: usize) -> bool {
        self.spend(|left| &mut left.cuts);
        self.state.nodes[node].life = Life::Cut;
        self.elect();
        true
    }

    /// The node is connected again: it applies the log, and asks for a lease at its next heartbeat.
    pub fn heal(&mut self, node: usize) -> bool {
        self.state.nodes[node].life = Life::Up;
        for mail in self.state.mail.iter_mut().filter(|mail| mail.node == node) {
            mail.sent = true;
        }
        self.elect();
        let behind = self.state.nodes[node].ledger.index < self.state.ledger.index;
        if behind && self.site.has(Mutant::LeaseBeforeLog) {
            self.state.nodes[node].behind = true;
        } else {
            self.follow(node);
        }
        self.run();
        self.state.moment = self.state.moment.after(self.site.cluster.timings.heartbeat);
        self.feed(node, Input::Woken);
        true
    }

    pub fn catch_up_late(&mut self, node: usize) -> bool {
        self.follow(node);
        true
    }

    pub fn kill(&mut self, node: usize) -> bool {
        self.spend(|left| &mut left.kills);
        self.die(node);
        true
    }

    /// A process ends. Commands it sent may still take effect, and resources inside its node go on.
    pub fn die(&mut self, node: usize) {
        let (now, settle) = (self.state.moment, self.site.cluster.timings.settle);
        let body = &mut self.state.nodes[node];
        body.life = Life::Dead;
        body.behind = false;
        body.jobs.clear();
        body.standing_down.clear();
        body.inside = None;
        let (process, until) = (body.process, now.after(settle));
        let mine = |flight: &&mut Flight| flight.node == node && flight.process == process && flight.until.is_none();
        for flight in self.state.flights.iter_mut().filter(mine) {
            flight.until = Some(until);
        }
        self.state.mail.retain(|mail| mail.node != node || mail.sent);
        self.elect();
    }

    /// A new process begins, in a new incarnation, knowing only the contents of the disk. Work of its predecessor
    /// inside the node is ended first.
    pub fn restart(&mut self, node: usize) -> bool {
        self.state.flights.retain(|flight| flight.node != node || flight.what != What::Agent);
        if let Some(server) = self.state.servers.get_mut(node) {
            server.guest = true;
        }
        let body = &mut self.state.nodes[node];
        body.process += 1;
        body.brain = birth(self.site, node, body.process, &body.ledger, self.state.moment);
        // It runs before it is connected.
        body.life = Life::Cut;
        self.feed(node, Input::Woken);
        self.run();
        self.state.nodes[node].life = Life::Up;
        self.elect();
        self.follow(node);
        self.run();
        self.state.moment = self.state.moment.after(self.site.cluster.timings.heartbeat);
        self.feed(node, Input::Woken);
        true
    }

    /// A report is lost; its sender is told that the outcome is unknown.
    pub fn lose(&mut self, place: usize) -> bool {
        self.spend(|left| &mut left.losses);
        let mail = self.state.mail.remove(place);
        let body = &self.state.nodes[mail.node];
        if body.process == mail.process && body.life == Life::Up {
            self.feed(mail.node, Input::Reported { order: mail.order.id, taken: Taken::No });
        }
        true
    }

    pub fn crash(&mut self, server: usize, group: usize) -> bool {
        self.spend(|left| &mut left.crashes);
        self.state.goes_off(server, group);
        true
    }

    /// The LPAR of a node crashes, with everything inside.
    pub fn node_crash(&mut self, server: usize) -> bool {
        self.spend(|left| &mut left.crashes);
        self.guest_goes(server);
        true
    }

    /// The LPAR of a node goes down: everything inside goes down with it, and agents' work in progress has no effect.
    pub fn guest_goes(&mut self, server: usize) {
        self.state.servers[server].guest = false;
        self.state.flights.retain(|flight| flight.node != server || flight.what != What::Agent);
        if self.site.scope.inside {
            (0..self.site.scope.groups).for_each(|group| self.state.goes_off(server, group));
        }
        if self.state.nodes[server].life != Life::Dead {
            self.die(server);
        }
    }

    pub fn power_lost(&mut self, server: usize) -> bool {
        self.spend(|left| &mut left.powers);
        self.goes_dark(server);
        true
    }

    /// A server loses its power, and so does its node.
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
        self.guest_goes(server);
    }

    pub fn sick(&mut self, server: usize) -> bool {
        self.spend(|left| &mut left.powers);
        self.state.servers[server].power = Power::Sick;
        true
    }

    /// A server returns. That takes minutes: longer than a lease, and longer than a start needs from reading to
    /// sending.
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
        let now = self.state.moment;
        let leased = self.state.nodes[server].brain.lease().left(now) > Span(0);
        let mut under_way = self.state.nodes.iter().filter(|node| node.is_leased(now)).flat_map(|node| &node.jobs);
        if leased || under_way.any(|job| starts_here(&job.order)) {
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
                // The remnant of an LPAR that was made anew elsewhere is cleared up.
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

/// Whether enough time can pass for leases to end: an unheard node is not known to have none.
pub(super) fn leases_may_end(state: &State) -> bool {
    let open = |lapsed: Option<tenure_core::Time>| lapsed.is_none();
    let mut known = state.ledger.nodes.values().zip(&state.nodes);
    state.stalled.is_none()
        && known.any(|(known, node)| {
            node.life != Life::Up && (open(known.lapsed()) || node.brain.lease().left(state.moment) > Span(0))
        })
}

/// Whether a settling time can pass: every unheard node has lost its lease, every connected one has its answers, and
/// before a `long` time it is done with its orders.
pub(super) fn time_may_pass(state: &State, long: bool) -> bool {
    let done = |job: &std::sync::Arc<super::model::Job>| !(job.sent || (long && job.ask.is_some()));
    state.stalled.is_none()
        && !(state.majority() && leases_may_end(state))
        && state.nodes.iter().all(|node| match node.life {
            Life::Cut | Life::Dead => node.brain.lease().left(state.moment) == Span(0),
            Life::Up => !node.behind && node.jobs.iter().all(done),
        })
}
