//! Converts between the ledger and a problem of placement: names to indexes, and declared needs to amounts.
//!
//! The planner, the proof of tolerance and the forecasts all ask through here, so that they see the same servers, needs
//! and rules. The search itself is in [`engine`], the question whether servers could still be lost in [`tolerance`].

pub mod engine;
pub mod tolerance;

use crate::{
    GroupName, Ledger, RuleName, ServerName,
    config::{Asks, Load, Policy as Declared},
    ledger::GroupState,
    note::NotHere,
    placement::engine::{Amounts, Candidate, Dimension, Door, Item, Obstacle, Policy, Problem, Room, Rule, ZoneRule},
};
use std::collections::{BTreeMap, BTreeSet};

/// Maximum number of steps of a search for one plan: some tens of milliseconds.
pub const SEARCH_BUDGET: u64 = 100_000;

/// A problem of placement, with the names behind its indexes.
pub struct Frame<'a> {
    ledger: &'a Ledger,
    /// The servers, by the index of their rooms.
    pub servers: Vec<&'a ServerName>,
    /// The groups, by the index of their items.
    pub groups: Vec<GroupName>,
    /// The rules, by their index in the problem.
    pub rules: Vec<&'a RuleName>,
    /// The problem itself.
    pub problem: Problem,
    at: BTreeMap<&'a ServerName, usize>,
    items: BTreeMap<GroupName, usize>,
    /// The preferred servers of items.
    likes: Vec<(usize, Vec<usize>)>,
    limits: BTreeMap<&'a str, usize>,
    zones: BTreeMap<&'a str, u32>,
}

/// The wishes of a group that waits for a server.
#[derive(Default)]
pub struct Wish {
    /// Servers that can take it if they have room, best first.
    pub candidates: Vec<ServerName>,
    /// Policy by which the server is chosen.
    pub policy: Declared,
    /// Servers that come before the others, whatever the policy.
    pub likes: Vec<ServerName>,
    /// The server whose zone it should not, or must not, leave.
    pub zone_of: Option<ServerName>,
    /// Whether it must not leave that zone; otherwise it only should not.
    pub stays: bool,
}

impl<'a> Frame<'a> {
    /// A frame with all servers and their bookings, and no groups yet.
    pub fn new(ledger: &'a Ledger, door: impl Fn(&ServerName) -> Door) -> Self {
        let mut frame = Frame {
            ledger,
            servers: Vec::new(),
            groups: Vec::new(),
            rules: Vec::new(),
            problem: Problem::default(),
            at: BTreeMap::new(),
            items: BTreeMap::new(),
            likes: Vec::new(),
            limits: BTreeMap::new(),
            zones: BTreeMap::new(),
        };
        let names = ledger.config.groups.values().flat_map(|group| group.prerequisites.keys());
        for name in names.map(String::as_str).collect::<BTreeSet<_>>() {
            let index = frame.limits.len();
            frame.limits.insert(name, index);
        }
        for (name, declared) in &ledger.config.servers {
            let Some(state) = ledger.servers.get(name) else { continue };
            let zone = declared.zone.as_deref().unwrap_or_default();
            let next = u32::try_from(frame.zones.len()).unwrap_or(u32::MAX);
            let zone = *frame.zones.entry(zone).or_insert(next);
            let left = |limit: &&str| {
                let has = declared.limits.get(*limit).copied().unwrap_or_default();
                has.saturating_sub(state.limits_used.get(*limit).copied().unwrap_or_default())
            };
            frame.at.insert(name, frame.servers.len());
            frame.servers.push(name);
            frame.problem.rooms.push(Room {
                door: door(name),
                zone,
                capacity: [declared.memory, declared.processors, declared.units],
                used: amounts(state.used),
                limits: frame.limits.keys().map(left).collect(),
                online: u64::from(state.groups),
                counts: true,
            });
        }
        frame
    }

    /// Adds a group that is to be placed.
    pub fn add_waiting(&mut self, name: &GroupName, group: &GroupState, wish: &Wish) {
        let mut item = self.item(name, group);
        let seats = (0_u32..).zip(&wish.candidates).filter_map(|(rank, server)| {
            let server = *self.at.get(server)?;
            Some(Candidate { server, rank })
        });
        item.candidates = seats.collect();
        item.policy = match wish.policy {
            Declared::Priority => Policy::Priority,
            Declared::RoundRobin => Policy::RoundRobin,
            Declared::Load => Policy::Load,
            Declared::BiggestAvailable => Policy::BiggestAvailable,
        };
        if let Some(zone) = wish.zone_of.as_ref().and_then(|server| self.zone(server)) {
            item.zone = if wish.stays { ZoneRule::Stay(zone) } else { ZoneRule::Prefer(zone) };
        }
        let likes: Vec<usize> = wish.likes.iter().filter_map(|server| self.room(server)).collect();
        if !likes.is_empty() {
            self.likes.push((self.groups.len(), likes));
        }
        self.add(name, item);
    }

    /// Adds a running group: its load is taken out of its servers' bookings, and counted for it alone. `may_go`:
    /// servers that could take it if it had to leave.
    pub fn add_running(&mut self, name: &GroupName, group: &GroupState, may_go: &[ServerName], preemptible: bool) {
        let Some(tenure) = &group.tenure else { return };
        if self.items.contains_key(name) {
            return;
        }
        let mut item = self.item(name, group);
        let target = tenure.migration().map(|migration| &migration.to);
        item.at =
            [Some(&tenure.server), target].into_iter().flatten().filter_map(|at| self.at.get(at).copied()).collect();
        let seats = (0_u32..).zip(may_go).filter_map(|(rank, server)| {
            let server = *self.at.get(server)?;
            Some(Candidate { server, rank })
        });
        item.candidates = seats.collect();
        item.preemptible = preemptible;
        for at in &item.at {
            let Some(room) = self.problem.rooms.get_mut(*at) else { continue };
            for (used, need) in room.used.iter_mut().zip(item.demand) {
                *used = used.saturating_sub(need);
            }
            for (limit, need) in &item.prerequisites {
                if let Some(left) = room.limits.get_mut(*limit) {
                    *left = left.saturating_add(*need);
                }
            }
            room.online = room.online.saturating_sub(1);
        }
        if !item.at.is_empty() {
            self.add(name, item);
        }
    }

    /// Adds the rules about the groups of the problem, and the running groups that these rules also name.
    pub fn bind(&mut self) {
        let ledger = self.ledger;
        let named: BTreeSet<&RuleName> =
            self.groups.iter().filter_map(|name| ledger.groups.get(name)).flat_map(|group| &group.ties.rules).collect();
        for name in named {
            let Some((name, rule)) = ledger.config.rules.get_key_value(name) else { continue };
            for group in &rule.groups {
                if let Some(state) = ledger.groups.get(group) {
                    self.add_running(group, state, &[], false);
                }
            }
            let items: Vec<usize> = rule.groups.iter().filter_map(|group| self.items.get(group).copied()).collect();
            let rooms = |servers: &BTreeSet<ServerName>| -> Vec<usize> {
                servers.iter().filter_map(|server| self.at.get(server).copied()).collect()
            };
            let strict = rule.strict;
            let rule = match &rule.asks {
                Asks::Together => Rule::Together { items, strict },
                Asks::Apart => Rule::Apart { items, strict },
                Asks::On(servers) => Rule::Prefer { servers: rooms(servers), items, strict },
                Asks::NotOn(servers) => Rule::Avoid { servers: rooms(servers), items, strict },
            };
            self.rules.push(name);
            self.problem.rules.push(rule);
        }
        // They come after the rules with names: a preference never stands in the way, so its name is never asked for.
        let likes = std::mem::take(&mut self.likes).into_iter();
        self.problem.rules.extend(likes.map(|(item, servers)| Rule::Prefer {
            items: vec![item],
            servers,
            strict: false,
        }));
    }

    /// An obstacle to an item on a server, in the ledger's terms. `from`: the server whose zone may not be left.
    pub fn reason(&self, obstacle: Obstacle, from: Option<&ServerName>) -> NotHere {
        match obstacle {
            Obstacle::Closed => NotHere::NobodyWatches,
            Obstacle::Zone => from.map_or(NotHere::NobodyWatches, |from| NotHere::OtherZone { from: from.clone() }),
            Obstacle::Short { dimension: Dimension::Memory, need, free } => NotHere::NoMemory { need, free },
            Obstacle::Short { dimension: Dimension::Processors, need, free } => NotHere::NoProcessors { need, free },
            Obstacle::Short { dimension: Dimension::Units, need, free } => {
                NotHere::Limit { limit: "units".to_owned(), need, free }
            }
            Obstacle::Limit { limit, need, left } => {
                let name = self.limits.iter().find(|(_, index)| **index == limit).map(|(name, _)| (*name).to_owned());
                NotHere::Limit { limit: name.unwrap_or_default(), need, free: left }
            }
            Obstacle::Rule { rule, with } => {
                let rule = self.rules.get(rule).map(|name| (*name).clone()).unwrap_or_else(|| "".into());
                NotHere::Rule { rule, with: with.and_then(|item| self.groups.get(item).cloned()) }
            }
        }
    }

    /// The index of a server's room.
    pub fn room(&self, server: &ServerName) -> Option<usize> {
        self.at.get(server).copied()
    }

    fn zone(&self, server: &ServerName) -> Option<u32> {
        self.problem.rooms.get(self.room(server)?).map(|room| room.zone)
    }

    fn item(&self, name: &GroupName, group: &GroupState) -> Item {
        let prerequisites =
            self.ledger.config.groups.get(name).into_iter().flat_map(|declared| &declared.prerequisites);
        Item {
            demand: amounts(self.ledger.demand(name, group)),
            prerequisites: prerequisites
                .filter_map(|(limit, amount)| Some((*self.limits.get(limit.as_str())?, *amount)))
                .collect(),
            importance: group.ties.priority,
            ..Item::default()
        }
    }

    fn add(&mut self, name: &GroupName, item: Item) {
        self.items.insert(name.clone(), self.groups.len());
        self.groups.push(name.clone());
        self.problem.items.push(item);
    }
}

fn amounts(load: Load) -> Amounts {
    [load.memory, load.processors, load.units]
}
