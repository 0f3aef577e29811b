//! Planted bugs. None of them is in the product: each changes the inputs or outputs of a node's state machine, or
//! rewrites the ledger after an entry as if a check in it were missing.

use std::fmt;

/// A planted bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// A node continues an order that its ledger no longer holds.
    VoidOrderCarriedOut,
    /// A restarted node takes up its open orders as if it had not begun them.
    RestartForgets,
    /// A node acts without a lease.
    LeaseIgnored,
    /// A lease counts before the node has applied the log that was committed when the lease was granted.
    LeaseBeforeLog,
    /// An unknown outcome is reported as certainly not done.
    UnknownAsNotDone,
    /// A start with unknown outcome is forgotten at once (bar 2).
    NoSettling,
    /// A start does not read the other servers (bar 3).
    NoReadElsewhere,
    /// A leaving group loses its tenure without a proof.
    NoProofToLeave,
    /// Readings count as new whenever they arrive.
    OldReadingAsNew,
    /// `No Connection` is taken for `Power Off`.
    NoConnectionAsOff,
    /// A server is reported off because its witness accepted the command to power it off.
    FenceNotReadBack,
    /// A returned server is recorded as clean.
    DirtyNotCleaned,
    /// A report that arrives twice closes its order twice.
    ReportAppliedTwice,
    /// A move with unknown outcome is reported as certainly not done.
    LostMoveAsFailed,
    /// A group counts as migrated as soon as its target lists it, without a look at the source.
    ArrivedUnread,
    /// A tenure that covers two servers ends when one of them is proven off.
    HalfProofToLeave,
    /// A drained server takes work again as soon as it is empty.
    DrainForgotten,
    /// A group that has been online once is placed as if its links did not exist.
    LinkForgotten,
    /// The planner does not consider the parents of a group when it stops the group.
    ChildFirst,
    /// Reports of an earlier process are believed after its node has started again.
    OlderProcessBelieved,
    /// A node whose lease has ended counts as off.
    SilenceAsProof,
}

impl Mutant {
    /// All planted bugs.
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

    /// Name of the scope that finds it.
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

    /// First word of the failing check.
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
