//! A node that stops for a while, such as for another version: how it is asked to, and what it does when it is back.
//!
//! The permission in the log froze what would be cut off while the node is silent, and remembers it. The process that runs the
//! node next reports that it is back, and with that the ledger ends what it had frozen.

use super::{
    Machine,
    ending::Ending,
    member,
    peer::{Answer, incarnation},
    permit,
    propose::{PROPOSAL, level},
};
use std::time::Duration;
use tenure_core::{
    Command, Entry, Ledger, NodeName, Rejection, Time, codec, command::Author, ledger::Incarnation, trust::Act,
};
use tenure_raft::Handle;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Time in which the answer leaves before the node stops.
const ANSWERED: Duration = Duration::from_millis(300);
/// Time between two attempts to say that this node is back.
const AGAIN: Duration = Duration::from_secs(1);

/// Whom the process tells that it ends.
pub type Leave = watch::Sender<Option<Ending>>;

/// Stops this node if the log permits it: the leadership goes to another voter first.
pub async fn stop(raft: &Handle<Machine>, me: &NodeName, permit: u64, leave: &Leave) -> Answer {
    match permit::act(raft, permit).await {
        Ok(Act::StopNode { node, .. }) if node == *me => {}
        Ok(other) => {
            let why = format!("what was permitted is another thing: {other}");
            return Answer::StaysUp(Rejection::new("not_permitted", why));
        }
        Err(why) => return Answer::StaysUp(Rejection::new("not_permitted", why)),
    }
    let status = raft.status();
    if status.is_leader && status.members.voters.len() > 1 {
        match member::transfer(raft, None).await {
            // Somebody else leads now.
            Answer::Member(_) | Answer::NotLeader => {}
            Answer::MemberRefused(why) => return Answer::StaysUp(why),
            other => {
                let why = format!("the leadership could not be handed over: {other:?}");
                return Answer::StaysUp(
                    Rejection::new("leader_stays", why).advise("`tenure leader transfer`, then again"),
                );
            }
        }
    }
    let leave = leave.clone();
    tokio::spawn(async move {
        tokio::time::sleep(ANSWERED).await;
        leave.send_if_modified(|known| {
            let first = known.is_none();
            known.get_or_insert(Ending::Asked);
            first
        });
    });
    Answer::Stops
}

/// What a process has to do about stops of its node before it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    /// It is not known yet.
    Later,
    /// To report that the node is back from the stop that was permitted at this index.
    Back(u64),
    /// Nothing, and there never will be.
    Nothing,
}

fn due(ledger: &Ledger, me: &NodeName, incarnation: Incarnation) -> Due {
    let Some(process) = ledger.processes.get(me).filter(|process| process.incarnation == incarnation) else {
        return Due::Later;
    };
    match ledger.stops(me).filter(|index| *index < process.since) {
        None => Due::Nothing,
        // What lives inside it is frozen until it may act again.
        Some(_) if ledger.nodes.get(me).is_some_and(|node| node.is_out()) => Due::Later,
        Some(index) => Due::Back(index),
    }
}

/// Reports that the node is back, if it was stopped for a while.
pub async fn come_back(raft: Handle<Machine>, me: NodeName, stop: CancellationToken, now: impl Fn() -> Time) {
    let mut changes = raft.changed();
    loop {
        let wait = match raft.state(|machine| due(&machine.ledger(), &me, incarnation())) {
            Due::Nothing => return,
            Due::Later => None,
            Due::Back(act) => {
                let (at, command) = (now(), Command::Ended { act, failed: None });
                let entry = Entry { at, wall: at, author: Author::Agent(me.clone()), commands: vec![command] };
                match raft.propose(codec::encode(&entry, level(&raft)), PROPOSAL).await {
                    Ok(_) => {
                        tracing::info!("this node is back: what was frozen while it was stopped is frozen no more")
                    }
                    Err(why) => tracing::warn!(%why, "that this node is back is not written down yet"),
                }
                Some(AGAIN)
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            changed = changes.changed(), if wait.is_none() => {
                if changed.is_err() {
                    return;
                }
            }
            () = tokio::time::sleep(wait.unwrap_or_default()), if wait.is_some() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use tenure_core::ledger::{Leases, NodeState, Process};

    /// The process that is asked to stop does not take itself for the one that comes back.
    #[test]
    fn the_next_process_reports_that_the_node_is_back() {
        let me = NodeName::from("p2");
        let (old, new) = (Incarnation(1), Incarnation(2));
        let process = |incarnation, since| Process { incarnation, since, older: None };
        let mut ledger = Ledger::default();
        ledger.processes.insert(me.clone(), process(old, 5));
        assert_eq!(due(&ledger, &me, old), Due::Nothing);
        ledger.trust.acts.insert(9, Act::StopNode { node: me.clone(), frozen: BTreeSet::from(["web".into()]) });
        assert_eq!(due(&ledger, &me, old), Due::Nothing);
        assert_eq!(due(&ledger, &me, new), Due::Later, "it is not entered yet");
        assert_eq!(due(&ledger, &"p3".into(), new), Due::Later);
        ledger.processes.insert(me.clone(), process(new, 12));
        let out = NodeState { leases: Leases::Suspended { from: 10 }, ..NodeState::default() };
        ledger.nodes.insert(me.clone(), out);
        assert_eq!(due(&ledger, &me, new), Due::Later, "it may not act yet");
        ledger.nodes.insert(me.clone(), NodeState { leases: Leases::Granted, ..NodeState::default() });
        assert_eq!(due(&ledger, &me, new), Due::Back(9));
        ledger.trust.acts.clear();
        assert_eq!(due(&ledger, &me, new), Due::Nothing);
    }
}
