//! Brakes: how much is under way at once, and what is spoken for.
//!
//! A start is under way while its order is open, and then until the LPAR reads Running or its `start_timeout` has passed:
//! what makes a start heavy is the boot. The bound on time keeps what hangs from holding up the rest. A stop is under way
//! while its order is open. What safety asks for (fences, and stops of what runs without a tenure) is counted and never
//! held up.

use super::super::Planner;
use crate::{
    Command, GroupName, HmcName, Ledger, Refusal, ResourceName, ServerName, Span, Time,
    ledger::{GroupState, Phase},
    note::{Brake, Wait},
    order::Action,
};
use std::{collections::BTreeMap, sync::Arc};

/// How often a server is read while starts wait for boots on it.
const BOOT_WATCH: Span = Span::seconds(1);

/// What is under way, counted once for each plan and kept up while it is made.
#[derive(Default)]
pub(in super::super) struct Stock {
    starts: BTreeMap<ServerName, u32>,
    stops: BTreeMap<ServerName, u32>,
    /// Groups that migrate from or to each server.
    moves: BTreeMap<ServerName, u32>,
    hmcs: BTreeMap<HmcName, u32>,
    /// When the next boot on a server no longer counts.
    boots: BTreeMap<ServerName, Time>,
    /// Groups on their way from each server.
    pub(super) leaving: BTreeMap<ServerName, u32>,
    /// Groups on their way to each server, and up on it.
    pub(super) arriving: BTreeMap<ServerName, u32>,
    /// Room on a server that is kept for a group that has no tenure there yet.
    booked: BTreeMap<GroupName, ServerName>,
}

impl Planner<'_> {
    /// Counts what is under way.
    pub(in super::super) fn take_stock(&mut self) {
        let mut stock = Stock::default();
        for order in self.scratch.orders.values() {
            match &order.action {
                Action::Start { .. } => add(&mut stock.starts, &order.server),
                Action::Stop { .. } => add(&mut stock.stops, &order.server),
                Action::Migrate { .. } | Action::StopMigration { .. } | Action::Fence => {}
            }
            if let Some(hmc) = hmc_of(&self.scratch, &order.server) {
                add(&mut stock.hmcs, hmc);
            }
        }
        let mut bound = Vec::new();
        for (name, group) in &self.scratch.groups {
            if self.scratch.bound_for(group).is_some() {
                bound.push((name.clone(), Arc::clone(group)));
            }
            let Some(tenure) = &group.tenure else { continue };
            match &tenure.phase {
                Phase::Online => {}
                Phase::Migrating(migration) => {
                    add(&mut stock.moves, &tenure.server);
                    add(&mut stock.moves, &migration.to);
                }
                Phase::Starting if !group.frozen => add(&mut stock.arriving, &tenure.server),
                Phase::Leaving { .. } if !group.frozen => add(&mut stock.leaving, &tenure.server),
                Phase::Starting | Phase::Leaving { .. } => {}
            }
            for (resource, until) in boots(&self.scratch, group, &tenure.server) {
                let ordered = group.copies.get(resource).and_then(|copies| copies.get(&tenure.server));
                if until > self.scratch.now && ordered.is_some_and(|copy| !copy.is_ordered()) {
                    add(&mut stock.starts, &tenure.server);
                    let next = stock.boots.entry(tenure.server.clone()).or_insert(until);
                    *next = until.min(*next);
                }
            }
        }
        self.stock = stock;
        for (name, group) in bound {
            self.book_what_is_bound(&name, &group);
        }
    }

    /// Whether a command may be proposed now. If not, the group that it is for is told why.
    pub(in super::super) fn may_go_out(&mut self, command: &Command) -> Result<(), Refusal> {
        if let Err(refusal) = self.scratch.permits(command) {
            let Some((deed, Some(group))) = self.scratch.deed(command).filter(|_| refusal == Refusal::Disarmed) else {
                return Err(refusal);
            };
            let (group, why) = (group.clone(), Wait::Disarmed { deed });
            self.held_back = Some(why.clone());
            return Err(Refusal::Waits { group, why });
        }
        let Some((group, server, starts)) = self.braked(command) else { return Ok(()) };
        let Some(brake) = self.brake(&server, starts) else { return Ok(()) };
        if let Brake::Starts { server, .. } = &brake
            && let Some(until) = self.stock.boots.get(server).copied()
        {
            self.plan.probe.insert(server.clone());
            self.wake(until.min(self.now().after(BOOT_WATCH)));
        }
        let why = Wait::Queue { brake };
        self.held_back = Some(why.clone());
        Err(Refusal::Waits { group, why })
    }

    /// Counts what was proposed.
    pub(in super::super) fn went_out(&mut self, command: &Command) {
        if let Command::Grant { server, .. } = command {
            add(&mut self.stock.arriving, server);
        }
        let Some((_, server, starts)) = self.braked(command) else { return };
        add(if starts { &mut self.stock.starts } else { &mut self.stock.stops }, &server);
        if let Some(hmc) = hmc_of(&self.scratch, &server) {
            add(&mut self.stock.hmcs, hmc);
        }
    }

    /// The group and the server of an order that waits for its turn, and whether it is a start. `None` for whatever does not.
    fn braked(&self, command: &Command) -> Option<(GroupName, ServerName, bool)> {
        if let Command::Start { resource, .. } = command {
            let (name, group) = self.owner(resource)?;
            return Some((name.clone(), group.tenure.as_ref()?.server.clone(), true));
        }
        let Command::Stop { resource, server, .. } = command else { return None };
        let (name, group) = self.owner(resource)?;
        let by_right = group.tenure.as_ref().is_some_and(|tenure| &tenure.server == server);
        by_right.then(|| (name.clone(), server.clone(), false))
    }

    fn owner(&self, resource: &ResourceName) -> Option<(&GroupName, &GroupState)> {
        let name = self.scratch.group_of(resource)?;
        Some((name, self.scratch.groups.get(name)?))
    }

    fn brake(&self, server: &ServerName, starts: bool) -> Option<Brake> {
        let brakes = &self.scratch.config.brakes;
        let (under_way, limit) =
            if starts { (&self.stock.starts, brakes.starts) } else { (&self.stock.stops, brakes.stops) };
        if is_full(under_way.get(server), limit) {
            let server = server.clone();
            return Some(if starts { Brake::Starts { server, limit } } else { Brake::Stops { server, limit } });
        }
        let hmc = hmc_of(&self.scratch, server)?;
        let limit = brakes.per_hmc;
        is_full(self.stock.hmcs.get(hmc), limit).then(|| Brake::Hmc { hmc: hmc.clone(), limit })
    }

    /// Whether one more group may set out from a server, and to another.
    pub(super) fn may_set_out(&self, from: &ServerName, to: Option<&ServerName>) -> bool {
        let brakes = &self.scratch.config.brakes;
        let full = |to: &ServerName| is_full(self.stock.arriving.get(to), brakes.starts);
        !is_full(self.stock.leaving.get(from), brakes.stops) && !to.is_some_and(full)
    }

    /// Whether one more group may migrate from a server to another.
    pub(super) fn may_migrate(&self, from: &ServerName, to: &ServerName) -> bool {
        let limit = self.scratch.config.brakes.migrations;
        [from, to].into_iter().all(|server| !is_full(self.stock.moves.get(server), limit))
    }

    pub(super) fn has_begun_to_migrate(&mut self, from: &ServerName, to: &ServerName) {
        add(&mut self.stock.moves, from);
        add(&mut self.stock.moves, to);
    }

    pub(super) fn has_set_out(&mut self, from: &ServerName, to: Option<&ServerName>) {
        add(&mut self.stock.leaving, from);
        if let Some(to) = to {
            add(&mut self.stock.arriving, to);
        }
    }

    /// Keeps room for a group that was sent somewhere and is not there yet, so that nobody else takes it meanwhile.
    pub(super) fn book_what_is_bound(&mut self, name: &GroupName, group: &GroupState) {
        let Some(to) = self.scratch.bound_for(group).cloned() else { return };
        if self.book(name, &to) {
            add(&mut self.stock.arriving, &to);
        }
    }

    /// Keeps room for a group on a server, in the books of this plan alone. `false` if it is kept already.
    pub(super) fn book(&mut self, name: &GroupName, to: &ServerName) -> bool {
        if self.stock.booked.contains_key(name) {
            return false;
        }
        self.stock.booked.insert(name.clone(), to.clone());
        self.scratch.keep_books(name, to, true);
        true
    }

    pub(super) fn unbook(&mut self, name: &GroupName) {
        if let Some(to) = self.stock.booked.remove(name) {
            self.scratch.keep_books(name, &to, false);
            if let Some(count) = self.stock.arriving.get_mut(&to) {
                *count = count.saturating_sub(1);
            }
        }
    }
}

/// LPARs of a group that are on their way up, and until when they count.
fn boots<'a>(
    ledger: &'a Ledger,
    group: &'a GroupState,
    server: &'a ServerName,
) -> impl Iterator<Item = (&'a ResourceName, Time)> {
    group.runs.iter().filter_map(move |(resource, run)| {
        let started = run.started.filter(|_| !run.ran)?;
        let patience = ledger.config.resources.get(resource)?.start_timeout;
        ledger.is_booting(group, resource, server).then(|| (resource, started.after(patience)))
    })
}

fn hmc_of<'a>(ledger: &'a Ledger, server: &ServerName) -> Option<&'a HmcName> {
    ledger.config.servers.get(server).and_then(|declared| declared.hmcs.first())
}

fn is_full(under_way: Option<&u32>, limit: u32) -> bool {
    limit > 0 && under_way.is_some_and(|count| *count >= limit)
}

fn add<K: Ord + Clone>(counts: &mut BTreeMap<K, u32>, key: &K) {
    let count = counts.entry(key.clone()).or_default();
    *count = count.saturating_add(1);
}
