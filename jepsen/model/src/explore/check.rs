//! Invariants of the world. Those of the ledger are checked by `tenure_core::invariants`.

use super::{
    act::Stepper,
    model::{CHILD, Copy, Flight, PARENT, Power, SERVERS, What},
};
use tenure_core::{
    GroupName, Ledger, NodeName, Note, Record, ServerName,
    ledger::Phase,
    note::{OffHow, Proof},
    order::Action,
};

impl Stepper<'_> {
    /// The server of the group's tenure, by the committed ledger.
    fn tenured(&self, group: usize) -> Option<usize> {
        let state = self.state.ledger.groups.get(&self.site.groups[group])?;
        state.tenure.as_ref().map(|tenure| self.site.server(&tenure.server))
    }

    /// An activation takes effect: the LPAR must not be active through us on any other server, nor have been ever
    /// since the order was taken up; and the tenure under which it was ordered must still stand.
    pub fn check_effect(&mut self, flight: &Flight) {
        let (server, group) = (flight.server, flight.group);
        let tenured = self.tenured(group);
        let here = &self.site.servers[server];
        for other in (0..SERVERS).filter(|other| *other != server) {
            let there = &self.site.servers[other];
            let ours = match self.state.servers[other].copies[group] {
                Copy::Absent | Copy::Off => false,
                Copy::Ours => true,
                Copy::Itself => tenured == Some(other),
            };
            if ours {
                self.wrong.push(format!("S2: {} becomes active on {here} and is active on {there}", self.lpar(group)));
            } else if flight.elsewhere[other] {
                let lpar = self.lpar(group);
                self.wrong.push(format!("S2: {lpar} is started on {here} and was seen to be active on {there}"));
            }
        }
        if !self.site.scope.assume.late_within_settle {
            return;
        }
        let held = self.state.ledger.groups.get(&self.site.groups[group]).and_then(|group| group.tenure.as_ref());
        if held.is_none_or(|tenure| tenure.epoch != flight.epoch) {
            let (lpar, epoch) = (self.lpar(group), flight.epoch);
            self.wrong.push(format!("bar: {lpar} becomes active on {here} under tenure {epoch}, which is over"));
        }
    }

    /// Conclusions of the ledger must be true in the world.
    pub fn check_records(&mut self, records: &[Record]) {
        for record in records {
            match &record.note {
                Note::Vacated { group, server, proof, .. } => self.check_vacated(group, server, proof),
                Note::Granted { group, server, .. } => {
                    self.check_granted(group, server);
                    self.check_open(group, server);
                }
                Note::Adopted { group, server, .. } => {
                    self.check_granted(group, server);
                }
                Note::Migrated { group, from, to, .. } => {
                    self.check_granted(group, to);
                    self.check_left(group, from, "the group has migrated from there");
                }
                Note::Stayed { group, to, .. } => self.check_left(group, to, "the group stays elsewhere"),
                Note::ProvenOff { server, how } => self.check_off(server, how),
                Note::NodeProvenOff { node, .. } => self.check_node_off(node),
                _ => {}
            }
        }
    }

    /// S3: a group that leaves is inactive, and stays so.
    fn check_vacated(&mut self, group: &GroupName, server: &ServerName, proof: &Proof) {
        if matches!(proof, Proof::ServerOff(OffHow::Operator { .. })) && !self.site.scope.assume.operators_are_right {
            return;
        }
        let (group, at) = (self.site.group(group), self.site.server(server));
        if self.state.servers[at].copies[group] == Copy::Ours {
            self.wrong.push(format!("S3: the tenure on {server} ended, and {} is active there", self.lpar(group)));
        }
        // The tenure may have covered the other server, too.
        if self.site.scope.mobile {
            for other in
                (0..SERVERS).filter(|other| *other != at && self.state.servers[*other].copies[group] == Copy::Ours)
            {
                let (lpar, there) = (self.lpar(group), &self.site.servers[other]);
                self.wrong.push(format!("S3: the tenure on {server} ended, and {lpar} is active on {there}"));
            }
        }
        // If activations may come at any time, none can be ruled out: then only two active copies are an error.
        let knows = self.site.scope.assume.late_within_settle && self.state.servers[at].power != Power::Off;
        if knows && self.state.flights.iter().any(|flight| flight.server == at && flight.group == group) {
            self.wrong.push(format!("S3: the tenure on {server} ended, and a start is on its way there"));
        }
    }

    fn check_granted(&mut self, group: &GroupName, server: &ServerName) {
        let (group, at) = (self.site.group(group), self.site.server(server));
        for other in (0..SERVERS).filter(|other| *other != at) {
            if self.state.servers[other].copies[group] == Copy::Ours {
                let (lpar, there) = (self.lpar(group), &self.site.servers[other]);
                self.wrong.push(format!("S3: a tenure began on {server}, and {lpar} is active on {there}"));
            }
        }
    }

    /// A drained server gets no work.
    fn check_open(&mut self, group: &GroupName, server: &ServerName) {
        if self.state.drained[self.site.server(server)] {
            self.wrong.push(format!("drain: a tenure of {group} began on {server}, which is drained"));
        }
    }

    /// Linked groups: the parent begins only where the child is online, and the child is stopped only after the parent
    /// has left.
    pub fn check_link(&mut self, before: &Ledger, after: &Ledger) {
        if !self.site.scope.link {
            return;
        }
        let tenure = |ledger: &'_ Ledger, group: usize| {
            ledger.groups.get(&self.site.groups[group]).and_then(|group| group.tenure.clone())
        };
        let (child, parent) = (tenure(after, CHILD), tenure(after, PARENT));
        let (upper, lower) = (&self.site.groups[PARENT], &self.site.groups[CHILD]);
        if let Some(began) =
            parent.as_ref().filter(|now| tenure(before, PARENT).is_none_or(|old| old.epoch != now.epoch))
            // An adopted parent is exempt: it was found running, and will be stopped.
            && began.phase == Phase::Starting
            && !child.as_ref().is_some_and(|child| child.is_online() && child.server == began.server)
        {
            self.wrong
                .push(format!("link: a tenure of {upper} began on {}, and {lower} is not online there", began.server));
        }
        let (Some(child), Some(parent)) = (child, parent) else { return };
        let new = after.orders.values().filter(|order| !before.orders.contains_key(&order.id));
        let stops = new.into_iter().any(|order| {
            let stop = matches!(&order.action, Action::Stop { resource, .. } if *resource == self.site.lpars[CHILD]);
            stop && order.server == child.server
        });
        if stops && !child.stays() && parent.server == child.server {
            self.wrong.push(format!("link: {lower} is stopped on {}, and {upper} has not left", child.server));
        }
    }

    /// A migration has ended: no LPAR of the group is on the other server, and no command is in flight.
    fn check_left(&mut self, group: &GroupName, server: &ServerName, why: &str) {
        let (group, at) = (self.site.group(group), self.site.server(server));
        let lpar = self.lpar(group);
        if self.state.servers[at].copies[group] == Copy::Ours {
            self.wrong.push(format!("S3: {lpar} is active on {server}, and {why}"));
        }
        let moves = self.state.flights.iter().any(|flight| matches!(flight.what, What::Move(_)));
        if moves && self.state.servers[at].power != Power::Off && self.site.scope.assume.late_within_settle {
            self.wrong.push(format!("S3: a move is on its way to or from {server}, and {why}"));
        }
    }

    /// A server is recorded as off by a fence: nothing that we started runs there.
    fn check_off(&mut self, server: &ServerName, how: &OffHow) {
        let at = self.site.server(server);
        let active = self.state.servers[at].copies.contains(&Copy::Ours);
        if matches!(how, OffHow::Fenced { .. }) && active {
            self.wrong.push(format!("S3: {server} counts as off by a fence, and LPARs are active there"));
        }
    }

    /// A node is proven off: no resource inside it is active.
    fn check_node_off(&mut self, node: &NodeName) {
        let at = self.site.node(node);
        let lives = self.state.servers.get(at).is_some_and(|server| server.copies.contains(&Copy::Ours));
        if self.site.scope.inside && lives {
            self.wrong.push(format!("S3: node {node} counts as off, and what lives inside it runs"));
        }
    }

    /// A server that was proven off is recorded as clean: nothing runs there without a tenure.
    pub fn check_clean(&mut self, server: usize, after: &Ledger) {
        for group in 0..self.site.scope.groups {
            let tenure = after.groups.get(&self.site.groups[group]).and_then(|group| group.tenure.as_ref());
            let by_right = tenure.is_some_and(|tenure| tenure.covers(&self.site.servers[server]));
            if !by_right && self.state.servers[server].copies[group].is_active() {
                let (lpar, name) = (self.lpar(group), &self.site.servers[server]);
                self.wrong.push(format!("dirty: {name} counts as clean, and {lpar} is active there without a tenure"));
            }
        }
    }

    fn lpar(&self, group: usize) -> String {
        self.site.lpars[group].to_string()
    }
}
