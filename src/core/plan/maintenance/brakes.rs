//! Brakes: counts of the work under way, and room that is booked.
//!
//! A start and a stop are under way while their order is open. An LPAR boots from its start until it reads Running, or its
//! `start_timeout` has passed: the bound keeps one that hangs from holding up the rest. Actions for safety (fences, and stops of copies without a tenure) are
//! counted and never held up.

use super::super::Planner;
use crate::{
    Command, GroupName, HmcName, Ledger, Refusal, ResourceName, ServerName, Span, Time,
    ledger::{GroupState, Phase},
    note::{Brake, Wait},
    order::{Action, Order},
};
use std::{collections::BTreeMap, sync::Arc};

/// Interval of readings of a server while starts wait for boots on it.
const BOOT_WATCH: Span = Span::seconds(1);

/// Counts of the work under way: taken once for each plan, and kept up while it is made.
#[derive(Default)]
pub(in super::super) struct Stock {
    starts: BTreeMap<ServerName, u32>,
    /// LPARs that boot on each server, and those that are about to.
    boots: BTreeMap<ServerName, u32>,
    stops: BTreeMap<ServerName, u32>,
    /// Orders to move an LPAR from or to each server.
    moves: BTreeMap<ServerName, u32>,
    /// Groups that are being moved, while they run, from or to each server.
    migrating: BTreeMap<ServerName, u32>,
    managers: BTreeMap<HmcName, u32>,
    /// Time at which the next boot on a server no longer counts.
    booted: BTreeMap<ServerName, Time>,
    /// Groups on their way from each server.
    pub(super) leaving: BTreeMap<ServerName, u32>,
    /// Groups on their way to each server, and starting on it.
    pub(super) arriving: BTreeMap<ServerName, u32>,
    /// Room on a server that is booked for a group without a tenure there yet; and whether the group is on its way.
    booked: BTreeMap<GroupName, (ServerName, bool)>,
}

/// An order to which the brakes apply, and its servers.
enum Braked {
    Start(ServerName),
    Stop(ServerName),
    Move(ServerName, ServerName),
}

impl Braked {
    /// The server whose HMC carries it out.
    fn server(&self) -> &ServerName {
        match self {
            Braked::Start(server) | Braked::Stop(server) | Braked::Move(server, _) => server,
        }
    }
}

impl Planner<'_> {
    /// Counts the work under way.
    pub(in super::super) fn take_stock(&mut self) {
        let mut stock = Stock::default();
        for order in self.scratch.orders.values() {
            // It needs no HMC, and is no boot.
            if order.action.resource().is_some_and(|resource| self.scratch.is_inside(resource)) {
                continue;
            }
            match &order.action {
                Action::Start { .. } => {
                    add(&mut stock.starts, &order.server);
                    add(&mut stock.boots, &order.server);
                }
                Action::Stop { .. } => add(&mut stock.stops, &order.server),
                Action::Migrate { to, .. } => {
                    add(&mut stock.moves, &order.server);
                    add(&mut stock.moves, to);
                }
                Action::StopMigration { .. } | Action::Fence | Action::FenceNode { .. } => {}
                // It needs no HMC.
                Action::Hook { .. } => continue,
            }
            if let Some(hmc) = manager_of(&self.scratch, &order.server) {
                add(&mut stock.managers, hmc);
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
                Phase::Starting if !group.frozen => add(&mut stock.arriving, &tenure.server),
                Phase::Leaving { .. } if !group.frozen => add(&mut stock.leaving, &tenure.server),
                Phase::Starting | Phase::Leaving { .. } => {}
                Phase::Migrating(migration) => {
                    add(&mut stock.migrating, &tenure.server);
                    add(&mut stock.migrating, &migration.to);
                }
            }
            for (resource, until) in boots(&self.scratch, group, &tenure.server) {
                let ordered = group.copies.get(resource).and_then(|copies| copies.get(&tenure.server));
                if until > self.scratch.now && ordered.is_some_and(|copy| !copy.is_ordered()) {
                    add(&mut stock.boots, &tenure.server);
                    let next = stock.booted.entry(tenure.server.clone()).or_insert(until);
                    *next = until.min(*next);
                }
            }
        }
        self.stock = stock;
        for (name, group) in bound {
            self.book_what_is_bound(&name, &group);
        }
    }

    /// Whether a command may be proposed now. If not, its group gets the wait.
    pub(in super::super) fn may_go_out(&mut self, command: &Command) -> Result<(), Refusal> {
        if let Err(refusal) = self.scratch.permits(command) {
            let Some((decision, Some(group))) = self.scratch.decision(command).filter(|_| refusal == Refusal::Disarmed)
            else {
                return Err(refusal);
            };
            let (group, why) = (group.clone(), Wait::Disarmed { decision });
            self.held_back = Some(why.clone());
            return Err(Refusal::Waits { group, why });
        }
        let Some((group, order)) = self.braked(command) else { return Ok(()) };
        let Some(brake) = self.brake(&order) else { return Ok(()) };
        if let Brake::Boots { server, .. } = &brake
            && let Some(until) = self.stock.booted.get(server).copied()
        {
            self.follow(server);
            self.wake(until.min(self.now().after(BOOT_WATCH)));
        }
        let why = Wait::Queue { brake };
        self.held_back = Some(why.clone());
        Err(Refusal::Waits { group, why })
    }

    /// Counts a proposed command.
    pub(in super::super) fn count_order(&mut self, command: &Command) {
        if let Command::Grant { server, .. } = command {
            add(&mut self.stock.arriving, server);
        }
        let Some((_, order)) = self.braked(command) else { return };
        match &order {
            Braked::Start(server) => {
                add(&mut self.stock.starts, server);
                add(&mut self.stock.boots, server);
            }
            Braked::Stop(server) => add(&mut self.stock.stops, server),
            Braked::Move(from, to) => {
                add(&mut self.stock.moves, from);
                add(&mut self.stock.moves, to);
            }
        }
        if let Some(hmc) = manager_of(&self.scratch, order.server()) {
            add(&mut self.stock.managers, hmc);
        }
    }

    /// The group and the servers of an order to which the brakes apply. `None` for any other command.
    fn braked(&self, command: &Command) -> Option<(GroupName, Braked)> {
        if let Command::Start { resource, .. } | Command::Stop { resource, .. } = command
            && self.scratch.is_inside(resource)
        {
            return None;
        }
        if let Command::Start { resource, .. } = command {
            let (name, group) = self.owner(resource)?;
            return Some((name.clone(), Braked::Start(group.tenure.as_ref()?.server.clone())));
        }
        if let Command::Move { resource, .. } = command {
            let (name, group) = self.owner(resource)?;
            let tenure = group.tenure.as_ref()?;
            return Some((name.clone(), Braked::Move(tenure.server.clone(), tenure.migration()?.to.clone())));
        }
        let Command::Stop { resource, server, .. } = command else { return None };
        let (name, group) = self.owner(resource)?;
        let by_right = group.tenure.as_ref().is_some_and(|tenure| tenure.covers(server));
        by_right.then(|| (name.clone(), Braked::Stop(server.clone())))
    }

    fn owner(&self, resource: &ResourceName) -> Option<(&GroupName, &GroupState)> {
        let name = self.scratch.group_of(resource)?;
        Some((name, self.scratch.groups.get(name)?))
    }

    fn brake(&self, order: &Braked) -> Option<Brake> {
        let (brakes, stock) = (&self.scratch.config.brakes, &self.stock);
        let full = match order {
            Braked::Start(server) => is_full(stock.starts.get(server), brakes.starts)
                .then(|| Brake::Starts { server: server.clone(), limit: brakes.starts })
                .or_else(|| {
                    is_full(stock.boots.get(server), brakes.boots)
                        .then(|| Brake::Boots { server: server.clone(), limit: brakes.boots })
                }),
            Braked::Stop(server) => is_full(stock.stops.get(server), brakes.stops)
                .then(|| Brake::Stops { server: server.clone(), limit: brakes.stops }),
            Braked::Move(from, to) => [from, to]
                .into_iter()
                .find(|server| is_full(stock.moves.get(*server), brakes.migrations))
                .map(|server| Brake::Migrations { server: server.clone(), limit: brakes.migrations }),
        };
        full.or_else(|| {
            let hmc = manager_of(&self.scratch, order.server())?;
            is_full(stock.managers.get(hmc), brakes.per_manager)
                .then(|| Brake::Manager { manager: hmc.clone(), limit: brakes.per_manager })
        })
    }

    /// Whether one more group may leave a server, and go to another.
    pub(super) fn may_set_out(&self, from: &ServerName, to: Option<&ServerName>) -> bool {
        let brakes = &self.scratch.config.brakes;
        let full = |to: &ServerName| is_full(self.stock.arriving.get(to), brakes.starts);
        !is_full(self.stock.leaving.get(from), brakes.stops) && !to.is_some_and(full)
    }

    /// Whether one more group may be moved between two servers while it runs.
    pub(super) fn may_migrate_more(&self, from: &ServerName, to: &ServerName) -> bool {
        let full =
            |server: &ServerName| is_full(self.stock.migrating.get(server), self.scratch.config.brakes.migrations);
        !full(from) && !full(to)
    }

    pub(super) fn count_migration(&mut self, from: &ServerName, to: &ServerName) {
        add(&mut self.stock.migrating, from);
        add(&mut self.stock.migrating, to);
    }

    pub(super) fn count_departure(&mut self, name: &GroupName, from: &ServerName, to: Option<&ServerName>) {
        add(&mut self.stock.leaving, from);
        if let Some(to) = to {
            self.book(name, to, true);
        }
    }

    /// Books room for a group that was sent to a server and is not there yet, so that no other takes it meanwhile.
    pub(super) fn book_what_is_bound(&mut self, name: &GroupName, group: &GroupState) {
        if let Some(to) = self.scratch.bound_for(group).cloned() {
            self.book(name, &to, true);
        }
    }

    /// Books room for a group on a server, in the books of this plan alone: for a group on its way there, or one that
    /// may leave for it.
    pub(super) fn book(&mut self, name: &GroupName, to: &ServerName, on_its_way: bool) {
        if self.stock.booked.contains_key(name) {
            return;
        }
        self.stock.booked.insert(name.clone(), (to.clone(), on_its_way));
        self.scratch.keep_books(name, to, true);
        if on_its_way {
            add(&mut self.stock.arriving, to);
        }
    }

    pub(super) fn unbook(&mut self, name: &GroupName) {
        let Some((to, on_its_way)) = self.stock.booked.remove(name) else { return };
        self.scratch.keep_books(name, &to, false);
        if let Some(count) = self.stock.arriving.get_mut(&to).filter(|_| on_its_way) {
            *count = count.saturating_sub(1);
        }
    }
}

impl Ledger {
    /// Time by which something ends for which a brake makes others wait.
    pub fn next_turn(&self, brake: &Brake) -> Option<Time> {
        let starts =
            |order: &Order, at: &ServerName| matches!(order.action, Action::Start { .. }) && order.server == *at;
        let ends = |counts: &dyn Fn(&Order) -> bool| {
            self.orders.values().filter(|order| counts(order)).map(|order| self.expiry(order)).min()
        };
        match brake {
            Brake::Starts { server, .. } => ends(&|order| starts(order, server)),
            Brake::Stops { server, .. } => {
                ends(&|order| matches!(order.action, Action::Stop { .. }) && order.server == *server)
            }
            Brake::Migrations { server, .. } => ends(&|order| {
                let to = if let Action::Migrate { to, .. } = &order.action { Some(to) } else { None };
                to.is_some_and(|to| order.server == *server || to == server)
            }),
            Brake::Manager { manager, .. } => ends(&|order| manager_of(self, &order.server) == Some(manager)),
            Brake::Boots { server, .. } => {
                let here =
                    |group: &&Arc<GroupState>| group.tenure.as_ref().is_some_and(|tenure| tenure.server == *server);
                let groups = self.groups.values().filter(here);
                let booted = groups.flat_map(|group| boots(self, group, server)).map(|(_, until)| until);
                booted.filter(|until| *until > self.now).chain(ends(&|order| starts(order, server))).min()
            }
            // Nothing bounds how long a group may take to leave.
            Brake::Moves { .. } => None,
        }
    }
}

/// LPARs of a group that are booting, and the time until which each counts.
fn boots<'a>(
    ledger: &'a Ledger,
    group: &'a GroupState,
    server: &'a ServerName,
) -> impl Iterator<Item = (&'a ResourceName, Time)> {
    group.runs.iter().filter_map(move |(resource, run)| {
        let started = run.starts_since().filter(|_| !ledger.is_inside(resource))?;
        let patience = ledger.config.resources.get(resource)?.start_timeout;
        ledger.is_booting(group, resource, server).then(|| (resource, started.after(patience)))
    })
}

fn manager_of<'a>(ledger: &'a Ledger, server: &ServerName) -> Option<&'a HmcName> {
    ledger.config.servers.get(server).and_then(|declared| declared.managers.first())
}

fn is_full(under_way: Option<&u32>, limit: u32) -> bool {
    limit > 0 && under_way.is_some_and(|count| *count >= limit)
}

fn add<K: Ord + Clone>(counts: &mut BTreeMap<K, u32>, key: &K) {
    let count = counts.entry(key.clone()).or_default();
    *count = count.saturating_add(1);
}
