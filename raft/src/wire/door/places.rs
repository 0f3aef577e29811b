//! The places of a port, and who has to go when there is none left.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio_util::sync::CancellationToken;

use super::Limits;

/// Number of addresses that are remembered because somebody showed a certificate from there.
const REMEMBERED: usize = 32;

/// The part of an address that one party holds: an IPv4 address, or the first 64 bits of an IPv6 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Origin(IpAddr);

impl Origin {
    fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(four) => four.into(),
            IpAddr::V6(six) => {
                let [a, b, c, d, ..] = six.segments();
                Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
            }
        })
    }
}

/// How far a stranger has come. Each step costs it more than the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// It has sent no whole client hello.
    Silent,
    /// It has.
    Hello,
    /// The handshake is done. On the port of the admin API such a client may stay one without a certificate.
    Shaken,
}

/// The place of this connection was given to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Displaced;

#[derive(Debug)]
struct Stranger {
    origin: Origin,
    stage: Stage,
    displaced: CancellationToken,
}

#[derive(Debug)]
struct Guest {
    identity: String,
    displaced: CancellationToken,
}

/// Numbers are given in order of arrival, so the smallest is the oldest.
#[derive(Debug, Default)]
struct State {
    last: u64,
    strangers: BTreeMap<u64, Stranger>,
    guests: BTreeMap<u64, Guest>,
    expected: BTreeSet<Origin>,
    /// The latest at the end.
    remembered: VecDeque<Origin>,
}

/// All places of a port.
#[derive(Debug)]
pub(super) struct Places {
    limits: Limits,
    state: Mutex<State>,
}

/// The place of one connection, until it is dropped.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    number: u64,
    from: SocketAddr,
    displaced: CancellationToken,
}

impl Places {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no code panics while it holds the places")
    }

    /// A stranger comes in. Another one may have to go.
    pub(super) fn enter(places: &Arc<Self>, from: SocketAddr) -> Place {
        let mut state = places.lock();
        let (origin, displaced) = (Origin::of(from.ip()), CancellationToken::new());
        state.make_room(origin, places.limits);
        state.last += 1;
        let number = state.last;
        state.strangers.insert(number, Stranger { origin, stage: Stage::Silent, displaced: displaced.clone() });
        Place { places: Arc::clone(places), number, from, displaced }
    }

    pub(super) fn expect(&self, addresses: impl IntoIterator<Item = IpAddr>) {
        self.lock().expected = addresses.into_iter().map(Origin::of).collect();
    }

    pub(super) fn open(&self) -> (usize, usize) {
        let state = self.lock();
        (state.strangers.len(), state.guests.len())
    }
}

impl State {
    fn knows(&self, origin: Origin) -> bool {
        self.expected.contains(&origin) || self.remembered.contains(&origin)
    }

    /// Displaces strangers until there is room for one more from this origin: its own if they are too many, else of the
    /// same kind, known or not, one from the origin that has the most.
    fn make_room(&mut self, origin: Origin, limits: Limits) {
        let known = self.knows(origin);
        let from_here = || self.strangers.iter().filter(|(_, one)| one.origin == origin);
        if !known && from_here().count() >= limits.strangers_per_address {
            let victim = from_here().min_by_key(|(number, one)| (one.stage, **number)).map(|(number, _)| *number);
            self.displace_stranger(victim);
        }
        loop {
            let mut crowd = BTreeMap::<Origin, usize>::new();
            for one in self.strangers.values().filter(|one| self.knows(one.origin) == known) {
                *crowd.entry(one.origin).or_default() += 1;
            }
            if crowd.values().sum::<usize>() < limits.strangers {
                return;
            }
            let in_crowd = self.strangers.iter().filter_map(|(number, one)| {
                let count = crowd.get(&one.origin)?;
                Some((Reverse(*count), one.stage, *number))
            });
            let victim = in_crowd.min().map(|(_, _, number)| number);
            self.displace_stranger(victim);
        }
    }

    fn displace_stranger(&mut self, victim: Option<u64>) {
        if let Some(stranger) = victim.and_then(|number| self.strangers.remove(&number)) {
            stranger.displaced.cancel();
        }
    }

    fn remember(&mut self, origin: Origin) {
        self.remembered.retain(|one| *one != origin);
        self.remembered.push_back(origin);
        if self.remembered.len() > REMEMBERED {
            self.remembered.pop_front();
        }
    }

    /// A guest has to go: the oldest of this identity if it has used up its own places, else, if all places are taken,
    /// the oldest of the identity that has the most.
    fn make_room_for_guest(&mut self, identity: &str, limits: Limits) {
        let mut counts = BTreeMap::<&str, usize>::new();
        for guest in self.guests.values() {
            *counts.entry(&guest.identity).or_default() += 1;
        }
        let busiest = counts.iter().max_by_key(|(_, count)| **count).map(|(name, _)| *name);
        let loser = if counts.get(identity).is_some_and(|count| *count >= limits.per_identity) {
            Some(identity)
        } else if self.guests.len() >= limits.guests {
            busiest
        } else {
            None
        };
        let victim = self.guests.iter().find(|(_, guest)| Some(guest.identity.as_str()) == loser);
        let victim = victim.map(|(number, _)| *number);
        if let Some(guest) = victim.and_then(|number| self.guests.remove(&number)) {
            guest.displaced.cancel();
        }
    }
}

impl Place {
    /// The other side's address.
    pub fn from(&self) -> SocketAddr {
        self.from
    }

    /// Waits until the place is given to another connection.
    pub async fn displaced(&self) {
        self.displaced.cancelled().await;
    }

    pub(super) fn reaches(&self, stage: Stage) {
        if let Some(stranger) = self.places.lock().strangers.get_mut(&self.number) {
            stranger.stage = stage;
        }
    }

    /// The other side has shown a certificate of the cluster: its place is one of `identity` from now on, and its address
    /// is known.
    pub fn admit(&mut self, identity: &str) -> Result<(), Displaced> {
        let mut state = self.places.lock();
        let stranger = state.strangers.remove(&self.number).ok_or(Displaced)?;
        state.remember(stranger.origin);
        state.make_room_for_guest(identity, self.places.limits);
        let guest = Guest { identity: identity.to_owned(), displaced: self.displaced.clone() };
        state.guests.insert(self.number, guest);
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.places.lock();
        state.strangers.remove(&self.number);
        state.guests.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Arc<Places> {
        let stall = super::super::STALL;
        let limits = Limits { strangers: 6, strangers_per_address: 3, per_identity: 2, guests: 5, stall };
        Arc::new(Places::new(limits))
    }

    fn enter(places: &Arc<Places>, from: &str) -> Place {
        Places::enter(places, SocketAddr::new(from.parse().unwrap(), 5))
    }

    /// Numbers of those that had to go, counted from 1.
    fn gone(all: &[Place]) -> Vec<usize> {
        (1..).zip(all).filter(|(_, place)| place.displaced.is_cancelled()).map(|(number, _)| number).collect()
    }

    #[test]
    fn the_oldest_goes_first() {
        let places = places();
        let all: Vec<Place> = (1..=8).map(|n| enter(&places, &format!("10.0.0.{n}"))).collect();
        assert_eq!((gone(&all), places.open()), (vec![1, 2], (6, 0)));
        drop(all);
        assert_eq!(places.open(), (0, 0), "places are given back");
    }

    #[test]
    fn an_address_has_few_places_and_its_own_go_first() {
        let places = places();
        let mut all: Vec<Place> = (0..5).map(|_| enter(&places, "10.0.0.1")).collect();
        assert_eq!((gone(&all), places.open()), (vec![1, 2], (3, 0)));
        // Three more addresses fill the room; the next newcomer costs the address that has the most.
        all.extend(["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"].map(|from| enter(&places, from)));
        assert_eq!(gone(&all), [1, 2, 3]);
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_address_and_mapped_ipv4_as_ipv4() {
        let places = places();
        let all: Vec<Place> = (0..4).map(|n| enter(&places, &format!("fd00:1:2:3:{n}::1"))).collect();
        assert_eq!(gone(&all), [1]);
        let other = enter(&places, "fd00:1:2:4::1");
        assert_eq!((gone(&all), gone(&[other])), (vec![1], vec![]));
        let four: Vec<Place> =
            ["10.0.0.1", "::ffff:10.0.0.1", "10.0.0.1", "::ffff:10.0.0.1"].map(|from| enter(&places, from)).into();
        assert!(gone(&four).contains(&1), "{four:?}");
    }

    #[test]
    fn who_has_said_nothing_goes_before_who_has() {
        let places = places();
        let first = enter(&places, "10.0.0.1");
        first.reaches(Stage::Hello);
        let flood: Vec<Place> = (0..20).map(|_| enter(&places, "10.0.0.1")).collect();
        assert!(!first.displaced.is_cancelled());
        assert_eq!(gone(&flood).len(), 18);
        for place in &flood {
            place.reaches(Stage::Hello);
        }
        let _last = enter(&places, "10.0.0.1");
        assert!(first.displaced.is_cancelled(), "among equals the oldest goes");
    }

    #[test]
    fn strangers_elsewhere_do_not_displace_those_from_known_addresses() {
        let places = places();
        places.expect(["10.0.0.1".parse().unwrap()]);
        let mut member = enter(&places, "10.0.0.1");
        let mut guest = enter(&places, "10.0.0.2");
        guest.admit("alice").unwrap();
        let again = enter(&places, "10.0.0.2");
        let flood: Vec<Place> = (0..200).map(|n| enter(&places, &format!("10.9.0.{n}"))).collect();
        assert_eq!(gone(&flood).len(), 194);
        assert!(!member.displaced.is_cancelled() && !again.displaced.is_cancelled());
        member.admit("node 2").unwrap();
        assert_eq!(places.open(), (7, 2), "and guests count apart");
        // One known address displaces its own, and no other that is known.
        let flood: Vec<Place> = (0..200).map(|_| enter(&places, "10.0.0.1")).collect();
        assert_eq!((gone(&flood).len(), again.displaced.is_cancelled()), (195, false));
    }

    #[test]
    fn no_more_addresses_are_remembered_than_are_worth_it() {
        let places = places();
        for n in 0..REMEMBERED + 9 {
            enter(&places, &format!("10.1.0.{n}")).admit("alice").unwrap();
        }
        assert_eq!(places.lock().remembered.len(), REMEMBERED);
        assert!(!places.lock().knows(Origin::of("10.1.0.0".parse().unwrap())));
    }

    #[test]
    fn the_newest_guest_takes_the_place_of_the_oldest_of_its_identity() {
        let places = places();
        let guest = |identity: &str| {
            let mut place = enter(&places, "10.0.0.1");
            place.admit(identity).unwrap();
            place
        };
        let of_one: Vec<Place> = (0..3).map(|_| guest("one")).collect();
        assert_eq!(gone(&of_one), [1]);
        let others = ["two", "two", "three"].map(guest);
        assert_eq!((gone(&of_one), gone(&others)), (vec![1], vec![]));
        let _newest = guest("four");
        assert_eq!(gone(&of_one).len() + gone(&others).len(), 2, "all places are taken: one of who has two goes");
        assert!(!others[2].displaced.is_cancelled());
    }

    #[test]
    fn who_was_displaced_is_not_admitted() {
        let places = places();
        let mut all: Vec<Place> = (0..4).map(|_| enter(&places, "10.0.0.1")).collect();
        assert_eq!(all[0].admit("alice"), Err(Displaced));
        assert_eq!(all[1].admit("alice"), Ok(()));
    }
}
