//! States, as words on the wire. An unknown word from a newer node is kept as it is.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! states {
    ($(
        $(#[$about:meta])*
        $name:ident { $($(#[$doc:meta])* $state:ident = $word:literal,)+ }
    )+) => {$(
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        pub enum $name {
            $($(#[$doc])* $state,)+
            /// A word of a newer node.
            Other(String),
        }

        impl $name {
            /// The words of all states known to this build.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// Its word on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $($name::$state => $word,)+
                    $name::Other(word) => word,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl From<String> for $name {
            fn from(word: String) -> Self {
                match word.as_str() {
                    $($word => $name::$state,)+
                    _ => $name::Other(word),
                }
            }
        }

        impl From<$name> for String {
            fn from(state: $name) -> String {
                state.as_str().to_owned()
            }
        }
    )+};
}

states! {
    /// State of a server.
    ServerStatus {
        /// It takes work.
        Ready = "ready",
        /// It came back after it was proven off; what runs there is being checked.
        Dirty = "dirty",
        /// Proven off.
        Off = "off",
        /// It seems to be down, without a proof.
        Open = "open",
        /// Without a reading so far.
        Unread = "unread",
        /// Not read live, or not operating, or, without a manager, its node is not there.
        Doubtful = "doubtful",
    }

    /// State of an HMC.
    HmcStatus {
        /// It answers every node that asks it.
        Ok = "ok",
        /// It does not answer, or cannot be reached.
        Silent = "silent",
        /// It refuses the login of the nodes.
        Refused = "refused",
        /// It shows another host key than the declared one.
        HostKey = "host_key",
        /// Nodes cannot use their own key.
        OwnKey = "own_key",
    }

    /// The reason why a server takes no new work, though it could.
    Closed {
        /// It is being emptied, or is kept empty.
        Draining = "draining",
        /// An operator froze it.
        Frozen = "frozen",
        /// It came back too often.
        Quarantined = "quarantined",
    }

    /// The purpose of a drain.
    DrainPurpose {
        /// To be free of work.
        Drain = "drain",
        /// To be powered off.
        Shutdown = "shutdown",
    }

    /// The progress of a drain.
    DrainStatus {
        /// Groups are leaving.
        Draining = "draining",
        /// All groups that the drain moves or stops have left.
        Drained = "drained",
        /// A group cannot leave.
        Stuck = "stuck",
    }

    /// The role of a node in the consensus group.
    NodeRole {
        /// It leads.
        Leader = "leader",
        /// It votes.
        Voter = "voter",
        /// It follows the log and does not vote.
        Learner = "learner",
        /// Declared, but not a member.
        Absent = "absent",
    }

    /// The reason why a node is given no orders.
    NodeOut {
        /// The leader does not hear it.
        Silent = "silent",
        /// Its LPAR is being cut off.
        CutOff = "being cut off",
        /// Nothing runs inside it any more.
        ProvenOff = "proven off",
    }

    /// State of a group.
    GroupStatus {
        /// All of it runs that should.
        Online = "online",
        /// It was granted to a server and is not online there yet.
        Starting = "starting",
        /// It is being stopped.
        Leaving = "leaving",
        /// It is being moved while it runs.
        Migrating = "migrating",
        /// Without a tenure, and meant to be offline.
        Offline = "offline",
        /// Meant to be online, and without a tenure so far.
        Pending = "pending",
        /// Active where it has no tenure, or twice.
        Held = "held",
    }

    /// The goal for a group.
    Intent {
        /// It should be online.
        Online = "online",
        /// It should be offline.
        Offline = "offline",
    }

    /// State of a service.
    ServiceStatus {
        /// Every group is online.
        Online = "online",
        /// Some groups are online, and the others are meant to be offline.
        Partial = "partial",
        /// Some group is meant to be online and is not yet.
        Starting = "starting",
        /// No group is meant to be online, and some still are.
        Stopping = "stopping",
        /// No group has a tenure, and none is meant to be online.
        Offline = "offline",
        /// Some group is meant to be online, has failed, and no server can take it.
        Faulted = "faulted",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_of_a_newer_node_stays_as_it_came() {
        let read = |word: &str| serde_json::from_value::<GroupStatus>(word.into()).expect("a word");
        assert_eq!(read("held"), GroupStatus::Held);
        assert_eq!(read("suspended"), GroupStatus::Other("suspended".to_owned()));
        for word in GroupStatus::WORDS.iter().chain(&["suspended"]) {
            assert_eq!(serde_json::to_value(read(word)).expect("a word"), **word);
        }
    }
}
