//! The board: the occupation of the rooms at one moment of a placement, and the obstacles to one more item.

use super::{Candidate, Dimension, Door, Item, Obstacle, Problem, Room, Rule, ZoneRule};

/// Steps that may still be taken. One step checks whether an item can go to a server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    pub left: u64,
    pub used: u64,
}

impl Budget {
    pub fn new(steps: u64) -> Self {
        Budget { left: steps, used: 0 }
    }

    /// Takes one step, if there is one.
    pub fn step(&mut self) -> bool {
        let may = self.left > 0;
        self.left = self.left.saturating_sub(1);
        self.used = self.used.saturating_add(u64::from(may));
        may
    }

    /// A share of the rest, so that one hard question cannot use up the budget of those after it.
    pub fn share(&self, parts: u64) -> Budget {
        Budget::new(self.left.div_ceil(parts.max(1)))
    }

    pub fn charge(&mut self, spent: &Budget) {
        self.left = self.left.saturating_sub(spent.used);
        self.used = self.used.saturating_add(spent.used);
    }
}

/// The occupied part of a room. Sums of `u64` in `u128` cannot overflow, so that an added item can be removed again.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fill {
    pub used: [u128; 3],
    pub taken: Vec<u128>,
    pub online: u128,
}

impl Fill {
    fn add(&mut self, item: &Item) {
        for (used, need) in self.used.iter_mut().zip(item.demand) {
            *used = used.saturating_add(need.into());
        }
        for (limit, need) in &item.prerequisites {
            if let Some(taken) = self.taken.get_mut(*limit) {
                *taken = taken.saturating_add((*need).into());
            }
        }
        self.online = self.online.saturating_add(1);
    }

    fn remove(&mut self, item: &Item) {
        for (used, need) in self.used.iter_mut().zip(item.demand) {
            *used = used.saturating_sub(need.into());
        }
        for (limit, need) in &item.prerequisites {
            if let Some(taken) = self.taken.get_mut(*limit) {
                *taken = taken.saturating_sub((*need).into());
            }
        }
        self.online = self.online.saturating_sub(1);
    }
}

/// The occupants that count: a search may still move items that it has not decided.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// All occupants.
    All,
    /// Running items, and those that the search has decided.
    Firm,
}

/// The places of all items. Running ones are fixed; placed ones may be moved by searches until the end.
pub(super) struct Board<'a> {
    pub problem: &'a Problem,
    /// Occupation by all items.
    pub now: Vec<Fill>,
    /// Occupation by running items and by those that the search under way has decided.
    pub firm: Vec<Fill>,
    /// The room on which this placement put each item.
    pub placed: Vec<Option<usize>>,
    /// Items put on each room by this placement.
    pub here: Vec<Vec<usize>>,
    /// Running items that were lifted off the board: stopped or lost.
    pub lifted: Vec<bool>,
    /// Items that the search under way decided.
    pub decided: Vec<bool>,
    /// Rooms that are lost.
    pub lost: Vec<bool>,
    /// The rules that name an item. Empty altogether if there are none, which is the common case in large clusters.
    rules: Vec<Vec<usize>>,
}

impl<'a> Board<'a> {
    pub fn new(problem: &'a Problem) -> Self {
        let fill = |room: &Room| Fill {
            used: room.used.map(u128::from),
            taken: vec![0; room.limits.len()],
            online: room.online.into(),
        };
        let mut firm: Vec<Fill> = problem.rooms.iter().map(fill).collect();
        for item in &problem.items {
            for server in &item.at {
                if let Some(fill) = firm.get_mut(*server) {
                    fill.add(item);
                }
            }
        }
        let (items, rooms) = (problem.items.len(), problem.rooms.len());
        let mut rules = vec![Vec::new(); if problem.rules.is_empty() { 0 } else { items }];
        for (index, rule) in problem.rules.iter().enumerate() {
            for item in rule.items() {
                if let Some(named) = rules.get_mut(*item).filter(|named| named.last() != Some(&index)) {
                    named.push(index);
                }
            }
        }
        Board {
            problem,
            now: firm.clone(),
            firm,
            placed: vec![None; items],
            here: vec![Vec::new(); rooms],
            lifted: vec![false; items],
            decided: vec![false; items],
            lost: vec![false; rooms],
            rules,
        }
    }

    pub fn item(&self, item: usize) -> Option<&'a Item> {
        self.problem.items.get(item)
    }

    pub fn candidates(&self, item: usize) -> &'a [Candidate] {
        self.item(item).map_or(&[], |item| &item.candidates)
    }

    /// The rooms that an item occupies, if it is among the occupants that count.
    pub fn places(&self, item: usize, seen: Seen) -> &[usize] {
        if let Some(Some(server)) = self.placed.get(item) {
            let counts = seen == Seen::All || self.is_decided(item);
            return if counts { std::slice::from_ref(server) } else { &[] };
        }
        let runs = !self.lifted.get(item).copied().unwrap_or_default();
        self.item(item).filter(|_| runs).map_or(&[], |item| &item.at)
    }

    pub fn is_decided(&self, item: usize) -> bool {
        self.decided.get(item).copied().unwrap_or_default()
    }

    pub fn put(&mut self, item: usize, server: usize) {
        let Some(what) = self.item(item) else { return };
        if let (Some(placed), Some(here), Some(fill)) =
            (self.placed.get_mut(item), self.here.get_mut(server), self.now.get_mut(server))
        {
            *placed = Some(server);
            here.push(item);
            fill.add(what);
        }
    }

    /// Takes an item from the room on which this placement put it, and returns that room.
    pub fn take(&mut self, item: usize) -> Option<usize> {
        let what = self.item(item)?;
        let server = self.placed.get_mut(item)?.take()?;
        self.here.get_mut(server)?.retain(|other| *other != item);
        self.now.get_mut(server)?.remove(what);
        Some(server)
    }

    /// Marks the place of a placed item as decided, or as open again.
    pub fn decide(&mut self, item: usize, decided: bool) {
        let (Some(what), Some(Some(server))) = (self.item(item), self.placed.get(item)) else { return };
        let (Some(mark), Some(fill)) = (self.decided.get_mut(item), self.firm.get_mut(*server)) else { return };
        if *mark == decided {
            return;
        }
        *mark = decided;
        if decided { fill.add(what) } else { fill.remove(what) }
    }

    /// Lifts a running item off the board, or puts it back to where it runs.
    pub fn lift(&mut self, item: usize, lifted: bool) {
        let (Some(what), Some(mark)) = (self.item(item), self.lifted.get_mut(item)) else { return };
        *mark = lifted;
        for server in &what.at {
            for fill in [self.now.get_mut(*server), self.firm.get_mut(*server)].into_iter().flatten() {
                if lifted { fill.remove(what) } else { fill.add(what) }
            }
        }
    }

    /// The rules that name an item.
    pub fn rules_of(&self, item: usize) -> impl Iterator<Item = (usize, &'a Rule)> {
        let named = self.rules.get(item).map_or(&[][..], Vec::as_slice);
        named.iter().filter_map(|index| Some((*index, self.problem.rules.get(*index)?)))
    }

    /// The obstacle to an item on a server. The first of: the door, the zone, rules on servers, room, rules on items.
    pub fn obstacle(&self, item: usize, server: usize, seen: Seen) -> Option<Obstacle> {
        let Some(what) = self.item(item) else { return Some(Obstacle::Closed) };
        if let Some(obstacle) = self.standing(item, server) {
            return Some(obstacle);
        }
        if let Some(obstacle) = self.short(what, server, seen) {
            return Some(obstacle);
        }
        let strict = self.rules_of(item).filter(|(_, rule)| rule.is_strict());
        let mut broken = strict.filter_map(|(index, rule)| Some((index, self.against(item, server, rule, seen)?)));
        broken.next().map(|(rule, with)| Obstacle::Rule { rule, with: Some(with) })
    }

    /// The obstacle to an item on a server, whichever other items are there.
    pub fn standing(&self, item: usize, server: usize) -> Option<Obstacle> {
        let (Some(what), Some(room)) = (self.item(item), self.problem.rooms.get(server)) else {
            return Some(Obstacle::Closed);
        };
        if room.door == Door::Closed || self.lost.get(server).copied().unwrap_or_default() {
            return Some(Obstacle::Closed);
        }
        if matches!(what.zone, ZoneRule::Stay(zone) if zone != room.zone) {
            return Some(Obstacle::Zone);
        }
        let strict = self.rules_of(item).filter(|(_, rule)| rule.is_strict());
        let mut broken = strict.filter(|(_, rule)| is_misplaced(rule, server));
        broken.next().map(|(rule, _)| Obstacle::Rule { rule, with: None })
    }

    fn short(&self, what: &Item, server: usize, seen: Seen) -> Option<Obstacle> {
        let fills = if seen == Seen::All { &self.now } else { &self.firm };
        let (room, fill) = (self.problem.rooms.get(server)?, fills.get(server)?);
        for (((dimension, need), capacity), used) in
            Dimension::ALL.into_iter().zip(what.demand).zip(room.capacity).zip(fill.used)
        {
            let hard = self.problem.hard_units || dimension != Dimension::Units;
            let free = capacity.map_or(u128::MAX, |capacity| u128::from(capacity).saturating_sub(used));
            if hard && need > 0 && u128::from(need) > free {
                return Some(Obstacle::Short { dimension, need, free: u64::try_from(free).unwrap_or(u64::MAX) });
            }
        }
        for (limit, need) in what.prerequisites.iter().copied().filter(|(_, need)| *need > 0) {
            let (has, taken) = (room.limits.get(limit).copied(), fill.taken.get(limit).copied());
            let left = u128::from(has.unwrap_or_default()).saturating_sub(taken.unwrap_or_default());
            if u128::from(need) > left {
                return Some(Obstacle::Limit { limit, need, left: u64::try_from(left).unwrap_or(u64::MAX) });
            }
        }
        None
    }

    /// The first other item with which this item would break a rule if it went to the server.
    pub fn against(&self, item: usize, server: usize, rule: &Rule, seen: Seen) -> Option<usize> {
        let mut others = rule.items().iter().copied().filter(|other| *other != item);
        match rule {
            Rule::Together { .. } => others.find(|other| {
                let places = self.places(*other, seen);
                !places.is_empty() && !places.contains(&server)
            }),
            Rule::Apart { .. } => others.find(|other| self.places(*other, seen).contains(&server)),
            Rule::Prefer { .. } | Rule::Avoid { .. } => None,
        }
    }
}

/// Whether the rule's items would break it on this server.
pub(super) fn is_misplaced(rule: &Rule, server: usize) -> bool {
    match rule {
        Rule::Prefer { servers, .. } => !servers.contains(&server),
        Rule::Avoid { servers, .. } => servers.contains(&server),
        Rule::Together { .. } | Rule::Apart { .. } => false,
    }
}
