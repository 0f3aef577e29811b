//! Who is heard: a member of the membership in force, in its own name, and nobody else. A certificate only says who
//! somebody is.
//!
//! A node may be behind: a member that joined, or was given a vote, later than anything applied here is not known here yet,
//! and may be the very leader that would tell. So the members that are known here are asked about such a sender, and it is
//! heard, for a short time, unless one of them knows that it was removed. That nobody can tell is no reason to refuse it: all
//! members that are known here may have been replaced. A node that has no membership at all, since it
//! has just joined, knows the members that let it in.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use openraft::alias::InstantOf;
use openraft::type_config::TypeConfigExt;
use tenure_storage::{Peer, StoredMembership, Types};

use crate::message::{Kind, read_answer};
use crate::wire::{Lane, Sender, Wire};

/// Time for which the answers count.
const GOOD_FOR: Duration = Duration::from_secs(10);
/// Time that a member may take to answer.
const ASK: Duration = Duration::from_secs(2);
/// The most senders that are asked about at a time: only holders of a certificate come this far.
const MAX_ASKED: usize = 64;

/// What a sender is in a membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// No member, or not under this name.
    Stranger,
    /// A member without a vote.
    Learner,
    /// A member with a vote: only such a one takes part in elections, and leads.
    Voter,
}

/// What a node is by a membership. Names are part of it: a node speaks in its own name only.
pub(crate) fn standing(id: u64, name: &str, membership: &StoredMembership) -> Standing {
    let membership = membership.membership();
    match membership.get_node(&id) {
        Some(peer) if peer.name == name => match membership.voter_ids().any(|voter| voter == id) {
            true => Standing::Voter,
            false => Standing::Learner,
        },
        Some(_) | None => Standing::Stranger,
    }
}

/// Whether a node was a member and is none any more, as far as is known here. A number is never given twice, so that is final.
pub(crate) fn is_removed(id: u64, name: &str, membership: &StoredMembership) -> bool {
    let sender = Sender { id, name: name.to_owned() };
    standing(id, name, membership) == Standing::Stranger && !may_have_changed(&sender, membership)
}

/// Whether the membership may be too old to know what this sender is now. The id of a new node is greater than the index of
/// every membership before it, so a node with a smaller id was known here, and is removed.
fn may_have_changed(sender: &Sender, membership: &StoredMembership) -> bool {
    match membership.log_id() {
        None => true,
        Some(known) => match membership.membership().get_node(&sender.id) {
            Some(peer) => peer.name == sender.name,
            None => sender.id > known.index,
        },
    }
}

enum Word<C: Types> {
    Asked,
    /// Whether it was removed, and until when that counts.
    Given(bool, InstantOf<C>),
}

/// What members have said of senders, by id and name.
type Words<C> = BTreeMap<(u64, String), Word<C>>;

/// Judges senders.
pub(crate) struct Admission<C: Types> {
    me: u64,
    /// The members that let this node in; of use until it has a membership of its own.
    introduced: BTreeMap<u64, Peer>,
    wire: Arc<dyn Wire>,
    words: Arc<Mutex<Words<C>>>,
}

impl<C: Types> Admission<C> {
    pub(crate) fn new(me: u64, introduced: BTreeMap<u64, Peer>, wire: Arc<dyn Wire>) -> Self {
        Self { me, introduced, wire, words: Arc::default() }
    }

    /// Whether this sender is at least `needed` now. If the membership known here may be too old to say so, other members are
    /// asked, and the answer counts for the sender's next attempt.
    pub(crate) fn judge(&self, sender: &Sender, needed: Standing, known: &StoredMembership) -> Result<(), String> {
        let founded = known.log_id().is_some();
        let here = match self.introduced.get(&sender.id) {
            Some(peer) if !founded && peer.name == sender.name => Standing::Voter,
            Some(_) | None => standing(sender.id, &sender.name, known),
        };
        if here >= needed {
            return Ok(());
        }
        if let Some(peer) = known.membership().get_node(&sender.id)
            && peer.name != sender.name
        {
            return Err(format!("{} comes as node {}, which is {}", sender.name, sender.id, peer.name));
        }
        if !may_have_changed(sender, known) {
            return Err(format!("{} ({}) is not a member of this cluster any more", sender.name, sender.id));
        }
        let key = (sender.id, sender.name.clone());
        let mut words = lock(&self.words);
        match words.get(&key) {
            Some(Word::Given(removed, until)) if C::now() < *until => match removed {
                true => {
                    return Err(format!("{} ({}) is not a member of this cluster any more", sender.name, sender.id));
                }
                false => return Ok(()),
            },
            Some(Word::Asked) => {}
            Some(Word::Given(..)) | None => {
                let peers = if founded { members(known) } else { self.introduced.clone() };
                words.retain(|_, word| match word {
                    Word::Asked => true,
                    Word::Given(_, until) => C::now() < *until,
                });
                if words.len() < MAX_ASKED {
                    words.insert(key.clone(), Word::Asked);
                    self.ask(key, peers);
                }
            }
        }
        Err(format!("{} ({}) is not known here as a member; other members are asked", sender.name, sender.id))
    }

    /// Asks all members known here at once.
    fn ask(&self, key: (u64, String), peers: BTreeMap<u64, Peer>) {
        let (wire, words) = (Arc::clone(&self.wire), Arc::clone(&self.words));
        let others: Vec<_> = peers.into_iter().filter(|(id, _)| *id != self.me && *id != key.0).collect();
        // Detached on purpose: each question has its deadline.
        drop(C::spawn(async move {
            let asked = others.iter().map(|(id, peer)| {
                let sent = wire.send(*id, peer, Lane::Urgent, Kind::Removed.request(&key), ASK);
                async move { read_answer::<bool>(sent.await).unwrap_or(false) }
            });
            let removed = futures::future::join_all(asked).await.contains(&true);
            lock(&words).insert(key, Word::Given(removed, C::now() + GOOD_FOR));
        }));
    }
}

fn lock<T>(words: &Mutex<T>) -> MutexGuard<'_, T> {
    words.lock().expect("no code panics while it holds the words of members")
}

fn members(known: &StoredMembership) -> BTreeMap<u64, Peer> {
    known.membership().nodes().map(|(id, peer)| (*id, peer.clone())).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use tenure_storage::{LeaderId, LogId, Membership};

    use super::*;

    fn known() -> StoredMembership {
        let peer = |name: &str| Peer { name: name.to_owned(), address: String::new() };
        let nodes = BTreeMap::from([(1, peer("p1")), (4, peer("p4"))]);
        let membership = Membership::new(vec![BTreeSet::from([1])], nodes).expect("it is sound");
        StoredMembership::new(Some(LogId::new(LeaderId { term: 1, node_id: 1 }, 20)), membership)
    }

    #[test]
    fn a_member_is_so_under_its_own_name() {
        let of = |id, name: &str| standing(id, name, &known());
        assert_eq!(of(1, "p1"), Standing::Voter);
        assert_eq!(of(4, "p4"), Standing::Learner);
        assert_eq!([of(1, "p4"), of(4, "p1"), of(2, "p2")], [Standing::Stranger; 3]);
    }

    #[test]
    fn it_is_known_who_was_removed_and_who_may_have_joined() {
        let of = |id, name: &str| is_removed(id, name, &known());
        assert_eq!([of(1, "p1"), of(4, "p4"), of(21, "p21")], [false, false, false]);
        assert_eq!([of(2, "p2"), of(20, "p20"), of(1, "p9")], [true, true, true]);
    }

    #[test]
    fn only_what_is_newer_than_the_membership_may_have_changed() {
        let may = |id, name: &str| may_have_changed(&Sender { id, name: name.to_owned() }, &known());
        assert!(may(4, "p4"), "a learner may have been given a vote");
        assert!(!may(4, "p9"), "a name is never given to another");
        assert!(!may(2, "p2") && !may(20, "p20"), "they were removed");
        assert!(may(21, "p21"));
        let none = StoredMembership::default();
        assert!(may_have_changed(&Sender { id: 2, name: "p2".to_owned() }, &none));
    }
}
