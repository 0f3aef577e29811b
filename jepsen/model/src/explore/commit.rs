//! Committing: an entry is applied to the ledger, checked, and applied by the nodes that are connected.

use super::{act::Stepper, model::SERVERS, mutant::Mutant};
use std::sync::Arc;
use tenure_core::{
    Author, Entry, Ledger, Note, Record, ServerName, Span, Time,
    command::Command,
    invariants,
    ledger::{Leases, Phase, StartRisk, Tenure},
    note::Proof,
    refusal::Refusal,
};

impl Stepper<'_> {
    /// Commits an entry. Returns the first refusal.
    pub fn commit(&mut self, author: Author, mut commands: Vec<Command>) -> Option<Refusal> {
        let before = Arc::clone(&self.state.ledger);
        if self.site.has(Mutant::OldReadingAsNew) {
            renew(&mut commands, before.index);
        }
        let mut after = (*before).clone();
        let (index, at) = (before.index.saturating_add(1), self.cluster_time());
        let entry = Entry { at, wall: at, author, commands };
        let outcome = after.apply(index, &entry);
        self.wrong.extend(invariants::refused(&before, &entry, &after, &outcome.reply));
        let refusal = outcome.refusal().cloned();
        let mut records = outcome.records;
        self.tamper(&mut after, &mut records);
        self.wrong.extend(invariants::state(&after));
        self.wrong.extend(invariants::step(&before, &after));
        self.check_records(&records);
        self.check_servers(&before, &after);
        self.check_link(&before, &after);
        if let Some(lines) = &mut self.lines {
            lines.extend(records.iter().map(|record| record.note.to_string()));
        }
        after.journal.clear();
        after.requests.clear();
        after.request_order.clear();
        self.state.ledger = Arc::new(after);
        self.follow_all();
        refusal
    }

    /// Commits a report, perhaps one that was committed before.
    pub fn deliver(&mut self, place: usize, keep: bool) -> bool {
        if !self.state.majority() {
            return false;
        }
        let mut mail = self.state.mail.remove(place);
        let author = Author::Agent(self.site.nodes[mail.node].clone());
        let (node, process, order) = (mail.node, mail.process, mail.report.order);
        let commands = (*mail.commands).clone();
        if mail.again && self.site.has(Mutant::ReportAppliedTwice) {
            Arc::make_mut(&mut self.state.ledger).orders.insert(order, (*mail.order).clone());
        }
        if keep {
            self.spend(|left| &mut left.doubles);
            mail.again = true;
            self.state.mail.push(mail);
        }
        let refusal = self.commit(author, commands);
        self.reported(node, process, order, refusal.as_ref());
        true
    }

    /// Rewrites the ledger as if a check in it were missing.
    fn tamper(&self, after: &mut Ledger, records: &mut Vec<Record>) {
        if self.site.has(Mutant::NoSettling) {
            forget_loose(after);
        }
        if self.site.has(Mutant::NoProofToLeave) {
            vacate_leaving(after, records);
        }
        if self.site.has(Mutant::ArrivedUnread) {
            arrive_listed(after, records);
        }
        if self.site.has(Mutant::HalfProofToLeave) {
            vacate_lost(after, records);
        }
        if self.site.has(Mutant::DrainForgotten) {
            for server in after.servers.values_mut().filter(|server| server.groups == 0) {
                server.upkeep.drain = None;
            }
        }
        if self.site.has(Mutant::LinkForgotten) {
            for group in after.groups.values_mut().filter(|group| group.last.is_some()) {
                Arc::make_mut(group).ties.links.clear();
            }
        }
        if self.site.has(Mutant::SilenceAsProof) {
            for node in after.nodes.values_mut().filter(|node| node.lapsed().is_some() && node.off().is_none()) {
                // Stands for any kind of proof: nothing examines it again.
                node.watchdog = Some(Span(0));
                if let Leases::Lapsed { at, .. } = &mut node.leases {
                    *at = Time(0);
                }
            }
        }
        if self.site.has(Mutant::DirtyNotCleaned) {
            for server in after.servers.values_mut() {
                server.dirty = None;
            }
        }
    }

    /// Checks a returned server when the ledger first records it as clean.
    fn check_servers(&mut self, before: &Ledger, after: &Ledger) {
        for server in 0..SERVERS {
            let name = &self.site.servers[server];
            let doubtful = |ledger: &Ledger| {
                ledger.servers.get(name).is_some_and(|state| state.off.is_some() || state.dirty.is_some())
            };
            if doubtful(before) && !doubtful(after) {
                self.check_clean(server, after);
            }
        }
    }
}

fn renew(commands: &mut [Command], index: u64) {
    for command in commands {
        match command {
            Command::Observe(reading) => reading.since = index,
            Command::Report(report) => report.readings.iter_mut().for_each(|reading| reading.since = index),
            _ => {}
        }
    }
}

fn forget_loose(after: &mut Ledger) {
    let index = after.index;
    for group in after.groups.values_mut() {
        let loose = group.copies.values().flat_map(|copies| copies.values());
        if !loose.clone().any(|copy| matches!(copy.risk, StartRisk::Loose(_))) {
            continue;
        }
        for copy in Arc::make_mut(group).copies.values_mut().flat_map(|copies| copies.values_mut()) {
            if matches!(copy.risk, StartRisk::Loose(_)) {
                copy.risk = StartRisk::None;
                copy.quiet_from = index;
            }
        }
    }
}

/// A planted bug: groups arrive as soon as their target lists them.
fn arrive_listed(after: &mut Ledger, records: &mut Vec<Record>) {
    let (index, at) = (after.index, after.now);
    for (name, group) in &mut after.groups {
        let Some(tenure) = group.tenure.clone() else { continue };
        let Some(to) = tenure.migration().map(|migration| migration.to.clone()) else { continue };
        let listed = group.copies.values().all(|copies| copies.get(&to).is_some_and(|copy| copy.is_active()));
        if !listed {
            continue;
        }
        after.epoch.0 += 1;
        let epoch = after.epoch;
        let began = Tenure { epoch, server: to.clone(), since: at, phase: Phase::Online };
        Arc::make_mut(group).tenure = Some(began);
        let proof = Proof::ReadOff { since: index, undefined: Default::default() };
        let note = Note::Migrated { group: name.clone(), from: tenure.server, to, epoch, proof };
        let record = Record { index, at, note };
        after.journal.push_back((&record).into());
        records.push(record);
    }
}

fn vacate_leaving(after: &mut Ledger, records: &mut Vec<Record>) {
    vacate_where(after, records, |_, tenure| matches!(tenure.phase, Phase::Leaving { .. }));
}

/// A planted bug: migrating groups leave as soon as their source is proven off.
fn vacate_lost(after: &mut Ledger, records: &mut Vec<Record>) {
    vacate_where(after, records, |off, tenure| tenure.migration().is_some() && off.contains(&tenure.server));
}

fn vacate_where(after: &mut Ledger, records: &mut Vec<Record>, which: fn(&[ServerName], &Tenure) -> bool) {
    let (index, at) = (after.index, after.now);
    let off: Vec<ServerName> =
        after.servers.iter().filter(|(_, state)| state.off.is_some()).map(|(name, _)| name.clone()).collect();
    for (name, group) in &mut after.groups {
        if !group.tenure.as_ref().is_some_and(|tenure| which(&off, tenure)) {
            continue;
        }
        let group = Arc::make_mut(group);
        let Some(tenure) = group.tenure.take() else { continue };
        group.last = Some(tenure.server.clone());
        group.runs.clear();
        let proof = Proof::ReadOff { since: index, undefined: Default::default() };
        let note = Note::Vacated { group: name.clone(), server: tenure.server, epoch: tenure.epoch, proof };
        let record = Record { index, at, note };
        after.journal.push_back((&record).into());
        records.push(record);
    }
}
