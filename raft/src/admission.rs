//! Who is heard: a member of the membership in force, in its own name, and nobody else. A certificate only says who
//! somebody is.
//!
//! A node may be behind: a member that joined, or was given a vote, later than anything stored here is not known here yet,
//! and may be the very leader that would tell. So the members that are known here are asked about such a sender. It is refused
//! if one of them knows that it was removed, or if so many voters have no newer membership than this node that there is none:
//! a membership is in force only with most of the voters before it. Otherwise it is heard, for a short time. That nobody can
//! tell is no reason to refuse it: all members that are known here may have been replaced. A node that has no membership at
//! all, since it has just joined, knows the members that let it in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use openraft::alias::InstantOf;
use openraft::type_config::TypeConfigExt;
use serde::{Deserialize, Serialize};
use tenure_storage::{LogId, Membership, Peer, StoredMembership, Types};

use crate::message::{Kind, read_answer};
use crate::wire::{Lane, Sender, Wire};

/// Time for which the answers count.
const GOOD_FOR: Duration = Duration::from_secs(10);
/// The same if there was no newer membership: there may be one at any moment.
const GOOD_FOR_NO_NEWER: Duration = Duration::from_secs(1);
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

impl Standing {
    fn name(self) -> &'static str {
        match self {
            Self::Stranger | Self::Learner => "a member",
            Self::Voter => "a voter",
        }
    }
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

/// What a member knows of a sender, for a node whose membership may be too old.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Word {
    /// It was removed. A number is never given twice, so that is final.
    Removed,
    /// There is a newer membership than the one of the node that asks.
    Newer,
    /// There is none here.
    NoNewer,
}

/// What is known here of a sender, for a node whose membership is of this log entry.
pub(crate) fn word(id: u64, name: &str, theirs: Option<LogId>, membership: &StoredMembership) -> Word {
    let sender = Sender { id, name: name.to_owned() };
    if standing(id, name, membership) == Standing::Stranger && !may_have_changed(&sender, membership) {
        return Word::Removed;
    }
    if *membership.log_id() > theirs { Word::Newer } else { Word::NoNewer }
}

/// Whether no newer membership can be in force, as these nodes have none: every later one needs most of these voters.
fn is_in_force(membership: &Membership, none_newer: &BTreeSet<u64>) -> bool {
    let configs = membership.get_joint_config();
    let holds = |voters: &BTreeSet<u64>| voters.intersection(none_newer).count() + voters.len() / 2 + 1 > voters.len();
    !configs.is_empty() && configs.iter().all(holds)
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

/// What follows from the words of members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// The sender was removed.
    Removed,
    /// It is what it is here.
    AsKnown,
    /// It may be what it says.
    Heard,
}

fn verdict(me: u64, words: &BTreeMap<u64, Word>, known: &StoredMembership) -> Verdict {
    if words.values().any(|word| *word == Word::Removed) {
        return Verdict::Removed;
    }
    let none_newer = words.iter().filter(|(_, word)| **word == Word::NoNewer).map(|(id, _)| *id).chain([me]).collect();
    if is_in_force(known.membership(), &none_newer) { Verdict::AsKnown } else { Verdict::Heard }
}

enum Asked<C: Types> {
    NotAnswered,
    /// Until when it counts.
    Answered(Verdict, InstantOf<C>),
}

/// The senders about which members were asked, by id and name.
type Senders<C> = BTreeMap<(u64, String), Asked<C>>;

/// Judges senders.
pub(crate) struct Admission<C: Types> {
    me: u64,
    /// The members that let this node in; of use until it has a membership of its own.
    introduced: BTreeMap<u64, Peer>,
    wire: Arc<dyn Wire>,
    asked: Arc<Mutex<Senders<C>>>,
}

impl<C: Types> Admission<C> {
    pub(crate) fn new(me: u64, introduced: BTreeMap<u64, Peer>, wire: Arc<dyn Wire>) -> Self {
        Self { me, introduced, wire, asked: Arc::default() }
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
        let mut asked = lock(&self.asked);
        match asked.get(&key) {
            Some(Asked::Answered(verdict, until)) if C::now() < *until => {
                return match (verdict, here) {
                    (Verdict::Heard, _) => Ok(()),
                    (Verdict::Removed, _) => {
                        Err(format!("{} ({}) is not a member of this cluster any more", sender.name, sender.id))
                    }
                    (Verdict::AsKnown, Standing::Stranger) => {
                        Err(format!("{} ({}) is not a member of this cluster", sender.name, sender.id))
                    }
                    (Verdict::AsKnown, Standing::Learner | Standing::Voter) => {
                        Err(format!("{} ({}) has no vote", sender.name, sender.id))
                    }
                };
            }
            Some(Asked::NotAnswered) => {}
            Some(Asked::Answered(..)) | None => {
                asked.retain(|_, asked| match asked {
                    Asked::NotAnswered => true,
                    Asked::Answered(_, until) => C::now() < *until,
                });
                if asked.len() < MAX_ASKED {
                    asked.insert(key.clone(), Asked::NotAnswered);
                    self.ask(key, known.clone());
                }
            }
        }
        Err(format!("{} ({}) is not known here as {}; other members are asked", sender.name, sender.id, needed.name()))
    }

    /// Asks all members known here at once.
    fn ask(&self, key: (u64, String), known: StoredMembership) {
        let (wire, asked, me) = (Arc::clone(&self.wire), Arc::clone(&self.asked), self.me);
        let peers = if known.log_id().is_some() { members(&known) } else { self.introduced.clone() };
        let others: Vec<_> = peers.into_iter().filter(|(id, _)| *id != me && *id != key.0).collect();
        let question = Kind::Stranger.request(&(key.0, &key.1, *known.log_id()));
        // Detached on purpose: each question has its deadline.
        drop(C::spawn(async move {
            let answers = others.iter().map(|(id, peer)| {
                let sent = wire.send(*id, peer, Lane::Urgent, question.clone(), ASK);
                async move { Some((*id, read_answer::<Word>(sent.await).ok()?)) }
            });
            let words = futures::future::join_all(answers).await.into_iter().flatten().collect();
            let verdict = verdict(me, &words, &known);
            let lasts = match verdict {
                Verdict::Removed | Verdict::Heard => GOOD_FOR,
                Verdict::AsKnown => GOOD_FOR_NO_NEWER,
            };
            lock(&asked).insert(key, Asked::Answered(verdict, C::now() + lasts));
        }));
    }
}

fn lock<T>(asked: &Mutex<T>) -> MutexGuard<'_, T> {
    asked.lock().expect("no code panics while it holds the words of members")
}

fn members(known: &StoredMembership) -> BTreeMap<u64, Peer> {
    known.membership().nodes().map(|(id, peer)| (*id, peer.clone())).collect()
}

#[cfg(test)]
mod tests {
    use tenure_storage::LeaderId;

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

    fn at(term: u64, index: u64) -> Option<LogId> {
        Some(LogId::new(LeaderId { term, node_id: 1 }, index))
    }

    #[test]
    fn it_is_known_who_was_removed_and_who_may_have_joined() {
        let of = |id, name: &str| word(id, name, at(1, 20), &known());
        assert_eq!([of(1, "p1"), of(4, "p4"), of(21, "p21")], [Word::NoNewer; 3]);
        assert_eq!([of(2, "p2"), of(20, "p20"), of(1, "p9")], [Word::Removed; 3]);
        let asked = |theirs| word(21, "p21", theirs, &known());
        assert_eq!([asked(at(1, 19)), asked(at(0, 90)), asked(None)], [Word::Newer; 3]);
        assert_eq!(asked(at(2, 3)), Word::NoNewer, "a later leader's is newer");
    }

    #[test]
    fn a_membership_is_in_force_if_too_few_are_left_for_a_newer_one() {
        let of = |configs: &[&[u64]], none_newer: &[u64]| {
            let nodes: BTreeMap<u64, Peer> =
                configs.iter().flat_map(|ids| ids.iter().map(|id| (*id, Peer::default()))).collect();
            let configs = configs.iter().map(|ids| ids.iter().copied().collect()).collect();
            is_in_force(&Membership::new(configs, nodes).expect("it is sound"), &none_newer.iter().copied().collect())
        };
        assert!(of(&[&[1, 2, 3]], &[1, 2]) && of(&[&[1, 2, 3, 4]], &[1, 2]) && of(&[&[1]], &[1]));
        assert!(!of(&[&[1, 2, 3]], &[1, 7]) && !of(&[&[1, 2, 3, 4, 5]], &[1, 2]) && !of(&[&[1, 2, 3]], &[]));
        assert!(of(&[&[1, 2, 3], &[3, 4, 5]], &[1, 3, 4]));
        assert!(!of(&[&[1, 2, 3], &[3, 4, 5]], &[1, 2, 3]), "either half may have gone on");
        assert!(!is_in_force(StoredMembership::default().membership(), &[1].into()), "there is none");
    }

    #[test]
    fn the_word_of_a_removal_comes_first_and_silence_refuses_nobody() {
        let nodes: BTreeMap<u64, Peer> = (1..=3).map(|id| (id, Peer::default())).collect();
        let membership = Membership::new(vec![BTreeSet::from([1, 2, 3])], nodes).expect("it is sound");
        let known = StoredMembership::new(at(1, 20), membership);
        let of = |words: &[(u64, Word)]| verdict(1, &words.iter().copied().collect(), &known);
        assert_eq!(of(&[]), Verdict::Heard, "all others may have been replaced");
        assert_eq!(of(&[(2, Word::Newer)]), Verdict::Heard);
        assert_eq!(of(&[(2, Word::Newer), (3, Word::Removed)]), Verdict::Removed);
        assert_eq!(of(&[(2, Word::NoNewer)]), Verdict::AsKnown);
        assert_eq!(of(&[(2, Word::NoNewer), (3, Word::Newer)]), Verdict::AsKnown, "it is not in force yet");
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
