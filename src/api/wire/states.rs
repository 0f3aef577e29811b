//! States, as words on the wire. A word that only a newer node knows stays as it came.

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
            /// Of a newer node.
            Other(String),
        }

        impl $name {
            /// The words of all that this build knows.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The word for it.
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
    /// How a server is.
    ServerStatus {
        /// It takes work.
        Ready = "ready",
        /// It came back, and what runs there is checked.
        Dirty = "dirty",
        /// Proven off.
        Off = "off",
        /// It seems to be down, and nothing proves it.
        Open = "open",
        /// Not read yet.
        Unread = "unread",
        /// Not read live, or not operating, or its node is not there.
        Doubtful = "doubtful",
    }

    /// Why a server takes no new work, though it could.
    Closed {
        /// It is being emptied, or is kept empty.
        Draining = "draining",
        /// An operator froze it.
        Frozen = "frozen",
        /// It came back too often.
        Quarantined = "quarantined",
    }

    /// What a server is emptied for.
    DrainPurpose {
        /// To be free of work.
        Drain = "drain",
        /// To be powered off.
        Shutdown = "shutdown",
    }

    /// How far a drain is.
    DrainStatus {
        /// Groups are leaving.
        Draining = "draining",
        /// Done.
        Drained = "drained",
        /// Something cannot leave.
        Stuck = "stuck",
    }

    /// What a node is in the consensus group.
    NodeRole {
        /// It leads.
        Leader = "leader",
        /// It votes.
        Voter = "voter",
        /// It follows the log and does not vote.
        Learner = "learner",
        /// It is declared and no member.
        Absent = "absent",
    }

    /// Why a node is given no orders.
    NodeOut {
        /// It is not heard.
        Silent = "silent",
        /// Its LPAR is being cut off.
        CutOff = "being cut off",
        /// Nothing runs inside it any more.
        ProvenOff = "proven off",
    }

    /// How a group is.
    GroupStatus {
        /// All that is to run of it does.
        Online = "online",
        /// It was granted to a server and is not online there yet.
        Starting = "starting",
        /// It is being stopped.
        Leaving = "leaving",
        /// It is on its way while it runs.
        Migrating = "migrating",
        /// Nowhere, and to be so.
        Offline = "offline",
        /// To run, and nowhere yet.
        Pending = "pending",
        /// Active where it has no tenure.
        Held = "held",
    }

    /// What is wanted of a group.
    Intent {
        /// To be online.
        Online = "online",
        /// To be offline.
        Offline = "offline",
    }

    /// How a service is.
    ServiceStatus {
        /// Every group is online.
        Online = "online",
        /// Some groups are online, and the others are to be offline.
        Partial = "partial",
        /// Some group is to be online and is not yet.
        Starting = "starting",
        /// No group is to be online, and some still are.
        Stopping = "stopping",
        /// No group is online or to be.
        Offline = "offline",
        /// Some group has failed, and no server can take it.
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
