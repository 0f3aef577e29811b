//! Bugs that are put in on purpose. None of them lives in the product: each changes what goes into the machine of a node or what
//! comes out of it, or rewrites the ledger after an entry as if a check in it were missing.

use std::fmt;

/// A planted bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// A node goes on with an order that its ledger no longer holds.
    VoidOrderCarriedOut,
    /// A node that restarts takes up its open orders as if it had not begun them.
    RestartForgets,
    /// A node acts without a lease.
    LeaseIgnored,
    /// A lease counts before the log that was committed when it was granted is applied.
    LeaseBeforeLog,
    /// An unknown outcome is reported as certainly not done.
    UnknownAsNotDone,
    /// A start whose outcome is unknown is forgotten at once (bar 2).
    NoSettling,
    /// A start does not read the other servers (bar 3).
    NoReadElsewhere,
    /// A group that is to leave loses its tenure without a proof.
    NoProofToLeave,
    /// Readings count as new whenever they arrive.
    OldReadingAsNew,
    /// `No Connection` is taken for `Power Off`.
    NoConnectionAsOff,
    /// A server is reported off because its witness accepted the command.
    FenceNotReadBack,
    /// A server that comes back is taken for clean.
    DirtyNotCleaned,
    /// A report closes its order again when it arrives again.
    ReportAppliedTwice,
    /// A move without a known outcome is reported as certainly not done.
    LostMoveAsFailed,
    /// A group has migrated as soon as its target lists it, without a look at the source.
    ArrivedUnread,
    /// A tenure that covers two servers ends when one of them is proven off.
    HalfProofToLeave,
    /// A drained server takes work again as soon as it is empty.
    DrainForgotten,
    /// A group that needs another is placed as if it did not, once it has been online.
    LinkForgotten,
    /// The planner does not see who needs a group when it stops that.
    ChildFirst,
    /// What a process has said before its node began anew is believed after that.
    OlderProcessBelieved,
    /// A node whose lease has ended counts as off.
    SilenceAsProof,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Mutant; 21] = [
        Mutant::VoidOrderCarriedOut,
        Mutant::RestartForgets,
        Mutant::LeaseIgnored,
        Mutant::LeaseBeforeLog,
        Mutant::UnknownAsNotDone,
        Mutant::NoSettling,
        Mutant::NoReadElsewhere,
        Mutant::NoProofToLeave,
        Mutant::OldReadingAsNew,
        Mutant::NoConnectionAsOff,
        Mutant::FenceNotReadBack,
        Mutant::DirtyNotCleaned,
        Mutant::ReportAppliedTwice,
        Mutant::LostMoveAsFailed,
        Mutant::ArrivedUnread,
        Mutant::HalfProofToLeave,
        Mutant::DrainForgotten,
        Mutant::LinkForgotten,
        Mutant::ChildFirst,
        Mutant::OlderProcessBelieved,
        Mutant::SilenceAsProof,
    ];

    /// The scope in which it is looked for.
    pub fn scope(self) -> &'static str {
        match self {
            Mutant::VoidOrderCarriedOut
            | Mutant::LeaseIgnored
            | Mutant::LeaseBeforeLog
            | Mutant::UnknownAsNotDone
            | Mutant::NoSettling
            | Mutant::OldReadingAsNew => "late",
            Mutant::RestartForgets | Mutant::ReportAppliedTwice | Mutant::OlderProcessBelieved => "again",
            Mutant::NoConnectionAsOff => "power",
            Mutant::FenceNotReadBack => "fence",
            Mutant::DirtyNotCleaned => "return",
            Mutant::NoProofToLeave => "asks",
            Mutant::NoReadElsewhere => "pair",
            Mutant::LostMoveAsFailed | Mutant::ArrivedUnread => "move",
            Mutant::HalfProofToLeave => "parted",
            Mutant::DrainForgotten => "drain",
            Mutant::LinkForgotten | Mutant::ChildFirst => "link",
            Mutant::SilenceAsProof => "inside",
        }
    }

    /// How the words of the check that catches it begin.
    pub fn caught_by(self) -> &'static str {
        match self {
            Mutant::NoReadElsewhere => "S2",
            Mutant::DirtyNotCleaned => "dirty",
            Mutant::DrainForgotten => "drain",
            Mutant::LinkForgotten | Mutant::ChildFirst => "link",
            Mutant::ReportAppliedTwice => "order",
            Mutant::VoidOrderCarriedOut
            | Mutant::RestartForgets
            | Mutant::LeaseIgnored
            | Mutant::LeaseBeforeLog
            | Mutant::UnknownAsNotDone
            | Mutant::NoSettling
            | Mutant::NoProofToLeave
            | Mutant::OldReadingAsNew
            | Mutant::NoConnectionAsOff
            | Mutant::FenceNotReadBack
            | Mutant::LostMoveAsFailed
            | Mutant::ArrivedUnread
            | Mutant::HalfProofToLeave
            | Mutant::OlderProcessBelieved
            | Mutant::SilenceAsProof => "S3",
        }
    }

    /// Its name in `jepsen/model/mutants.md`.
    pub fn name(self) -> &'static str {
        match self {
            Mutant::VoidOrderCarriedOut => "void-order-carried-out",
            Mutant::RestartForgets => "restart-forgets",
            Mutant::LeaseIgnored => "lease-ignored",
            Mutant::LeaseBeforeLog => "lease-before-log",
            Mutant::UnknownAsNotDone => "unknown-as-not-done",
            Mutant::NoSettling => "no-settling",
            Mutant::NoReadElsewhere => "no-read-elsewhere",
            Mutant::NoProofToLeave => "no-proof-to-leave",
            Mutant::OldReadingAsNew => "old-reading-as-new",
            Mutant::NoConnectionAsOff => "no-connection-as-off",
            Mutant::FenceNotReadBack => "fence-not-read-back",
            Mutant::DirtyNotCleaned => "dirty-not-cleaned",
            Mutant::ReportAppliedTwice => "report-applied-twice",
            Mutant::LostMoveAsFailed => "lost-move-as-failed",
            Mutant::ArrivedUnread => "arrived-unread",
            Mutant::HalfProofToLeave => "half-proof-to-leave",
            Mutant::DrainForgotten => "drain-forgotten",
            Mutant::LinkForgotten => "link-forgotten",
            Mutant::ChildFirst => "child-first",
            Mutant::OlderProcessBelieved => "older-process-believed",
            Mutant::SilenceAsProof => "silence-as-proof",
        }
    }
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
