//! Checks of incoming messages of consensus. openraft trusts every caller, so messages from the network are checked
//! first.
//!
//! A message of consensus is believed only from the node in whose name it speaks. An entry that could not be applied is not stored: a node that has stored it could never start again.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use tenure_storage::{Entry, LogId, Membership, Payload, Vote};
use tokio::sync::watch;

use crate::store::{Content, content};
use crate::wire::{Malformed, Sender};

/// A vote must be that of its sender, and no other node may vote in this node's name.
pub(crate) fn check_vote(me: u64, sender: &Sender, vote: &Vote) -> Result<(), Malformed> {
    let of = vote.leader_id.node_id;
    if of == me {
        return Err(Malformed(format!(
            "{} speaks with this node's own vote of term {}",
            sender.name, vote.leader_id.term
        )));
    }
    if of != sender.id {
        return Err(Malformed(format!("{} ({}) speaks with the vote of node {of}", sender.name, sender.id)));
    }
    Ok(())
}

/// Entries must continue the log that they claim to continue, be no newer than their leader, and be storable,
/// readable and applicable by this program.
pub(crate) fn check_entries(
    previous: Option<&LogId>,
    vote: &Vote,
    entries: &[Entry],
    ability: u32,
) -> Result<(), Malformed> {
    let mut last = previous.copied();
    for entry in entries {
        let id = entry.log_id;
        let wrong = |what: String| Malformed(format!("log entry {}: {what}", id.index));
        let expected = last.map_or(Some(0), |last| last.index.checked_add(1));
        if expected != Some(id.index) || id.index == u64::MAX {
            return Err(wrong(format!("does not follow {last:?}")));
        }
        if last.is_some_and(|last| last.leader_id > id.leader_id) || id.leader_id > vote.leader_id {
            return Err(wrong(format!("its term is not between that of {last:?} and that of {vote}")));
        }
        check_entry(entry, ability).map_err(wrong)?;
        last = Some(id);
    }
    Ok(())
}

/// Whether this program can store the entry, read it again and apply it; why not.
pub(crate) fn check_entry(entry: &Entry, ability: u32) -> Result<(), String> {
    match &entry.payload {
        Payload::Blank => Ok(()),
        Payload::Membership(membership) => check_membership(membership),
        Payload::Normal(command) if command.0.len() > tenure_storage::MAX_COMMAND_BYTES => {
            Err(format!("a command of {} bytes", command.0.len()))
        }
        Payload::Normal(command) => match content(command)? {
            Content::Application(_) => Ok(()),
            Content::RaiseLevel(level) => check_level(level, ability),
        },
    }
}

/// Whether this program understands what the cluster has agreed on.
pub(crate) fn check_level(level: u32, ability: u32) -> Result<(), String> {
    if level <= ability {
        return Ok(());
    }
    Err(format!("the cluster is at feature level {level}, this program understands {ability}"))
}

/// There must be voters, and an address for each.
pub(crate) fn check_membership(membership: &Membership) -> Result<(), String> {
    let voters = membership.get_joint_config();
    if voters.is_empty() || voters.iter().any(|voters| voters.is_empty()) {
        return Err("a membership without voters".to_owned());
    }
    match membership.voter_ids().find(|id| membership.get_node(id).is_none()) {
        Some(id) => Err(format!("a membership whose voter {id} has no address")),
        None => Ok(()),
    }
}

/// The latest candidacy of this process, so that it notices when another process speaks in its name.
pub(crate) struct Own {
    id: u64,
    term: AtomicU64,
    usurped: watch::Sender<Option<String>>,
    /// The last leader, and its term, that another node has named.
    rumour: Mutex<Option<(u64, u64)>>,
}

impl Own {
    /// `stored` is the vote that this node had given before consensus started.
    pub(crate) fn new(id: u64, stored: Option<Vote>) -> Self {
        let term = stored.filter(|vote| vote.leader_id.node_id == id).map_or(0, |vote| vote.leader_id.term);
        Own { id, term: AtomicU64::new(term), usurped: watch::channel(None).0, rumour: Mutex::default() }
    }

    /// Notes that this process sends this vote.
    pub(crate) fn says(&self, vote: &Vote) {
        if vote.leader_id.node_id == self.id {
            self.term.fetch_max(vote.leader_id.term, Ordering::AcqRel);
        }
    }

    /// Notes that another node answers with this vote.
    pub(crate) fn hears(&self, vote: &Vote, from: u64) {
        let leader = vote.leader_id;
        if vote.committed && leader.node_id != self.id {
            let mut rumour = self.rumour.lock().expect("no code panics while it holds a rumour");
            *rumour = (*rumour).max(Some((leader.term, leader.node_id)));
        }
        if leader.node_id == self.id && leader.term > self.term.load(Ordering::Acquire) {
            let what = if vote.committed { "led" } else { "stood for election" };
            let why = format!(
                "node {from} has heard this node {what} in term {}, which this process never did: another process runs \
                 under its identity",
                leader.term
            );
            self.usurped.send_if_modified(|usurped| {
                let first = usurped.is_none();
                if first {
                    *usurped = Some(why);
                }
                first
            });
        }
    }

    /// Term and id of the leader that other nodes have named.
    pub(crate) fn rumour(&self) -> Option<(u64, u64)> {
        *self.rumour.lock().expect("no code panics while it holds a rumour")
    }

    /// Waits until another process has spoken in this node's name; how that is known.
    pub(crate) async fn usurped(&self) -> String {
        let mut changes = self.usurped.subscribe();
        let known = changes.wait_for(Option::is_some).await.map(|known| known.clone());
        match known {
            Ok(Some(why)) => why,
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }
}

/// A leader whose heartbeats this node does not take for a sign of life any more, as it has decided nothing for too long.
#[derive(Default)]
pub(crate) struct Distrust {
    /// Leaders of this term and before are distrusted; 0 for none.
    upto: AtomicU64,
}

impl Distrust {
    pub(crate) fn set(&self, term: u64) {
        self.upto.store(term, Ordering::Release);
    }

    /// Whether this vote's leader is not believed to lead.
    pub(crate) fn covers(&self, term: u64) -> bool {
        term <= self.upto.load(Ordering::Acquire) && term > 0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use futures::FutureExt;
    use proptest::prelude::*;
    use tenure_storage::{Command, LeaderId, Peer, format};

    use super::*;
    use crate::codec;
    use crate::message::{AppendIn, fields};

    fn id(term: u64, index: u64) -> LogId {
        LogId::new(LeaderId { term, node_id: 1 }, index)
    }

    fn command(term: u64, index: u64, bytes: &[u8]) -> Entry {
        Entry { log_id: id(term, index), payload: Payload::Normal(Command(bytes.to_vec())) }
    }

    fn sender(id: u64) -> Sender {
        Sender { id, name: format!("p{id}") }
    }

    #[test]
    fn a_vote_is_believed_of_its_own_node_alone() {
        assert!(check_vote(1, &sender(2), &Vote::new(9, 2)).is_ok());
        assert!(check_vote(1, &sender(2), &Vote::new(9, 3)).is_err());
        assert!(check_vote(1, &sender(2), &Vote::new(9, 1)).is_err(), "the receiver's own");
        assert!(check_vote(1, &sender(1), &Vote::new(9, 1)).is_err(), "nobody else is this node");
    }

    #[test]
    fn entries_follow_each_other_and_their_leader() {
        let vote = Vote::new_committed(3, 1);
        let check =
            |previous: Option<LogId>, entries: &[Entry]| check_entries(previous.as_ref(), &vote, entries, 1).is_ok();
        let good = [command(2, 5, &[0]), command(3, 6, &[0])];
        assert!(check(Some(id(2, 4)), &good));
        assert!(!check(Some(id(2, 3)), &good), "a hole");
        assert!(!check(None, &good), "a log begins at 0");
        assert!(!check(Some(id(3, 4)), &good), "the term falls");
        assert!(!check(Some(id(2, 4)), &[command(4, 5, &[0])]), "newer than the leader");
        assert!(!check(Some(id(2, u64::MAX)), &[command(3, 0, &[0])]));
        assert!(!check(Some(id(2, u64::MAX - 1)), &[command(3, u64::MAX, &[0])]));
    }

    #[test]
    fn what_cannot_be_applied_is_refused() {
        let entry = |payload| Entry { log_id: id(1, 0), payload };
        for bad in [vec![], vec![9], vec![1, 7], vec![1, 9, 0, 0, 0]] {
            assert!(check_entry(&entry(Payload::Normal(Command(bad.clone()))), 1).is_err(), "{bad:?}");
        }
        let nodes = BTreeMap::from([(1_u64, Peer::default())]);
        for voters in [vec![], vec![BTreeSet::new()], vec![BTreeSet::from([1_u64]), BTreeSet::from([1, 7])]] {
            // As the wire brings it: nothing has checked it yet.
            let bytes = codec::encode(&(&voters, &nodes));
            let membership = codec::decode::<Membership>(&bytes).expect("it can be read");
            assert!(check_entry(&entry(Payload::Membership(membership)), 1).is_err(), "{voters:?}");
        }
    }

    #[test]
    fn a_vote_of_ones_own_that_was_not_given_is_another_process() {
        let own = Own::new(2, Some(Vote::new(4, 2)));
        own.hears(&Vote::new(4, 2), 1);
        own.hears(&Vote::new(9, 3), 1);
        assert_eq!(own.rumour(), None, "it only stands for election");
        own.hears(&Vote::new_committed(8, 3), 1);
        own.hears(&Vote::new_committed(7, 1), 1);
        assert_eq!(own.rumour(), Some((8, 3)));
        own.says(&Vote::new(5, 2));
        own.hears(&Vote::new_committed(5, 2), 3);
        assert!(own.usurped().now_or_never().is_none());
        own.hears(&Vote::new_committed(6, 2), 3);
        assert!(own.usurped().now_or_never().is_some_and(|why| why.contains("node 3") && why.contains("term 6")));
    }

    #[test]
    fn the_vote_of_another_that_is_stored_is_not_ones_own() {
        let own = Own::new(2, Some(Vote::new(7, 3)));
        own.hears(&Vote::new(1, 2), 1);
        assert!(own.usurped().now_or_never().is_some());
    }

    #[test]
    fn a_leader_is_distrusted_up_to_its_term() {
        let distrust = Distrust::default();
        assert!(!distrust.covers(0) && !distrust.covers(1));
        distrust.set(4);
        assert!(distrust.covers(4) && !distrust.covers(5));
        distrust.set(0);
        assert!(!distrust.covers(4));
    }

    /// Entries as a peer may send them: sound ones, and such as no leader makes.
    fn hostile_entries() -> impl Strategy<Value = Vec<u8>> {
        let voters = proptest::collection::vec(proptest::collection::btree_set(1..5_u64, 0..4), 0..3);
        let nodes = proptest::collection::btree_map(1..5_u64, Just(Peer::default()), 0..5);
        let membership = (voters, nodes).prop_map(|body| [vec![2], codec::encode(&body)].concat());
        let command = proptest::collection::vec(any::<u8>(), 0..6)
            .prop_map(|bytes| [vec![1], codec::encode(&crate::codec::Blob(bytes))].concat());
        let payload = prop_oneof![Just(vec![0]), command, membership];
        proptest::collection::vec((0..3_u64, payload), 0..4).prop_map(|entries| {
            let vote = codec::encode(&Vote::new_committed(2, 1));
            let mut bytes = [vote, vec![0, 0, u8::try_from(entries.len()).expect("few")]].concat();
            for (index, (skip, payload)) in (0_u64..).zip(entries) {
                bytes.extend(codec::encode(&id(1, index + skip / 2)));
                bytes.extend(payload);
            }
            bytes
        })
    }

    proptest! {
        #[test]
        fn what_is_believed_can_be_stored_read_again_and_applied(bytes in hostile_entries()) {
            let mut append: AppendIn = fields(&bytes).expect("it is well formed");
            let vote = append.vote;
            let entries = append.take_entries();
            prop_assume!(check_entries(None, &vote, &entries, 1).is_ok());
            for entry in entries {
                let sealed = format::seal(&format::v1::Entry::from(&entry));
                let opened = format::open::<format::v1::Entry>(&sealed).expect("what is sealed can be opened");
                prop_assert_eq!(Entry::try_from(opened).expect("and taken up"), entry.clone());
                prop_assert!(check_entry(&entry, 1).is_ok());
            }
        }
    }
}
