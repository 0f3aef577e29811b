//! Small random problems, so tight that usually some items are left out.

use proptest::{collection::vec, prelude::*, sample::subsequence};
use tenure_core::placement::engine::{Candidate, Door, Item, Policy, Problem, Room, Rule, Weights, ZoneRule};

/// Up to so many rooms, and so many items.
pub fn problems(rooms: usize, items: usize) -> impl Strategy<Value = Problem> {
    prop_oneof![varied(rooms, items), tight(rooms, items)]
}

/// Few different values and little room, so that searches go deep and many items and rooms are alike.
fn tight(rooms: usize, items: usize) -> impl Strategy<Value = Problem> {
    let rooms = (2..=rooms.max(2), vec(2_u64..9, 2), vec(0_usize..2, rooms.max(2)), 2_u64..5);
    let item = (1_u64..5, vec(prop::bool::weighted(0.7), 5), 0_usize..8, 0_u64..3, 0_u32..3);
    let rules = vec((any::<bool>(), subsequence((0..items).collect::<Vec<_>>(), 2.min(items)..=items.min(3))), 0..3);
    (rooms, vec(item, items), rules, prop::bool::weighted(0.5), any::<bool>(), any::<bool>()).prop_map(
        |((count, sizes, kinds, limit), items, rules, limited, preempt, everywhere)| {
            let room = |kind: &usize| Room {
                capacity: [Some(sizes[*kind]), None, None],
                limits: vec![limit],
                counts: true,
                ..Room::default()
            };
            let item = |(memory, lists, at, tokens, importance): (u64, Vec<bool>, usize, u64, u32)| Item {
                at: if at < count { vec![at] } else { Vec::new() },
                candidates: (0..count)
                    .filter(|server| everywhere || lists[*server])
                    .map(|server| Candidate { server, rank: 0 })
                    .collect(),
                demand: [memory, 0, 0],
                prerequisites: if limited { vec![(0, tokens)] } else { Vec::new() },
                importance,
                preemptible: true,
                ..Item::default()
            };
            let rule = |(together, items)| match together {
                true => Rule::Together { items, strict: true },
                false => Rule::Apart { items, strict: true },
            };
            Problem {
                rooms: kinds.iter().take(count).map(room).collect(),
                items: items.into_iter().map(item).collect(),
                rules: rules.into_iter().map(rule).collect(),
                preempt,
                ..Problem::default()
            }
        },
    )
}

fn varied(rooms: usize, items: usize) -> impl Strategy<Value = Problem> {
    (1..=rooms, 0..=items).prop_flat_map(|(rooms, items)| {
        let rules = vec(rule(items, rooms), 0..4);
        (vec(room(), rooms), vec(item(rooms), items), rules, any::<bool>(), any::<bool>()).prop_map(
            |(rooms, items, rules, hard_units, preempt)| {
                let weights = Weights { memory: 2, processors: 3 };
                Problem { rooms, items, rules, hard_units, preempt, weights }
            },
        )
    })
}

fn door() -> impl Strategy<Value = Door> {
    prop_oneof![6 => Just(Door::Open), 2 => Just(Door::LastResort), 1 => Just(Door::Closed)]
}

fn room() -> impl Strategy<Value = Room> {
    let capacity = [0, 1, 2].map(|_| prop::option::weighted(0.8, 0_u64..9));
    (door(), 0_u32..2, capacity, [0_u64..2, 0..2, 0..2], vec(0_u64..4, 0..3), 0_u64..3, prop::bool::weighted(0.8))
        .prop_map(|(door, zone, capacity, used, limits, online, counts)| Room {
            door,
            zone,
            capacity,
            used,
            limits,
            online,
            counts,
        })
}

fn item(rooms: usize) -> impl Strategy<Value = Item> {
    let at = prop_oneof![
        6 => Just(Vec::new()),
        3 => (0..rooms).prop_map(|server| vec![server]),
        1 => (0..rooms, 0..rooms).prop_map(|(source, target)| vec![source, target]),
    ];
    let candidates =
        (subsequence((0..rooms).collect::<Vec<_>>(), 0..=rooms), vec(0_u32..3, rooms)).prop_map(|(servers, ranks)| {
            servers.into_iter().zip(ranks).map(|(server, rank)| Candidate { server, rank }).collect::<Vec<_>>()
        });
    let policy =
        prop::sample::select(vec![Policy::Priority, Policy::RoundRobin, Policy::Load, Policy::BiggestAvailable]);
    let zone = prop_oneof![
        4 => Just(ZoneRule::Any),
        1 => (0_u32..2).prop_map(ZoneRule::Prefer),
        1 => (0_u32..2).prop_map(ZoneRule::Stay),
    ];
    let prerequisites = prop_oneof![3 => Just(Vec::new()), 1 => (0_usize..3, 0_u64..3).prop_map(|need| vec![need])];
    (at, candidates, [0_u64..6, 0..4, 0..4], prerequisites, 0_u32..4, policy, zone, any::<bool>()).prop_map(
        |(mut at, candidates, demand, prerequisites, importance, policy, zone, preemptible)| {
            at.dedup();
            Item { at, candidates, demand, prerequisites, importance, policy, zone, preemptible }
        },
    )
}

/// One rule about some of the items and rooms.
pub fn rule(items: usize, rooms: usize) -> impl Strategy<Value = Rule> {
    let items = subsequence((0..items).collect::<Vec<_>>(), 0..=items.min(4));
    let servers = subsequence((0..rooms).collect::<Vec<_>>(), 0..=rooms);
    (0..4, items, servers, any::<bool>()).prop_map(|(kind, items, servers, strict)| match kind {
        0 => Rule::Together { items, strict },
        1 => Rule::Apart { items, strict },
        2 => Rule::Prefer { items, servers, strict },
        _ => Rule::Avoid { items, servers, strict },
    })
}
