//! Actions: one step of a history.

use std::fmt;

/// One step of a history. Numbers are indexes: server 0 is p1, node 0 is n1, group 0 is g1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // fields are places, as said above
pub enum Action {
    /// The watcher of a server reads it, and the leader receives the reading.
    Read(u8),
    /// The leader stalls: it plans nothing until it wakes.
    Stall,
    /// The leader wakes and plans.
    Wake,
    /// The leader wakes and plans; its commands are delayed.
    Decide,
    /// The delayed commands are committed.
    Commit,
    /// Another node becomes leader, without any readings.
    NewLeader,
    /// A node continues one of its orders.
    Work { node: u8, job: u8 },
    /// A node continues one of its orders, and the command is lost.
    WorkLost { node: u8, job: u8 },
    /// An activation that was sent takes effect.
    Effect(u8),
    /// An activation that was sent is refused.
    Refuse(u8),
    /// The activation gets no answer; it may still take effect.
    Doubt { node: u8, job: u8 },
    /// A report arrives.
    Deliver(u8),
    /// A report arrives, and will arrive again.
    DeliverTwice(u8),
    /// A report is lost.
    Lose(u8),
    /// A node is cut off from the others.
    Cut(u8),
    /// The node is connected again.
    Heal(u8),
    /// A node with a new lease applies the log that it missed.
    CatchUp(u8),
    /// A node is killed.
    Kill(u8),
    /// The node starts again.
    Restart(u8),
    /// Time passes until every lease of an unheard node has ended.
    LeasesEnd,
    /// Time passes until unheard nodes are suspect; their leases may still be valid.
    Hush,
    /// The agents of a node look at its resources, and the leader receives the result.
    Look(u8),
    /// An isolated node continues to stop its resources.
    StandDown(u8),
    /// The LPAR of a node crashes.
    NodeCrash(u8),
    /// An LPAR crashes.
    Crash { server: u8, group: u8 },
    /// A server loses its power.
    PowerLost(u8),
    /// A server reads `Error`, and its LPARs run on.
    Sick(u8),
    /// A server returns; `autostart`: it starts its LPARs.
    PowerBack { server: u8, autostart: bool },
    /// The witness loses the service processor of a server.
    LinkLost(u8),
    /// The witness reaches the service processor again.
    LinkBack(u8),
    /// One settling time passes.
    Tick,
    /// Time passes until unanswered orders are given up.
    LongWait,
    /// An operator moves a group to the other server.
    AskSwitch(u8),
    /// The LPAR of a migration switches over to the target.
    SwitchOver,
    /// A migration ends: completed, or failed before the switchover.
    TransitEnds,
    /// A migration fails half-way and is stuck.
    TransitSticks,
    /// An operator migrates a group to the other server.
    AskMigrate(u8),
    /// An operator aborts a migration.
    AskAbort(u8),
    /// An operator stops a group.
    AskOffline(u8),
    /// An operator starts a group.
    AskOnline(u8),
    /// An operator asserts that a server is off.
    AskConfirm(u8),
    /// An operator drains a server.
    Drain(u8),
    /// An operator undrains a server, and the moved groups come back.
    Undrain(u8),
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (p, n, g) = (|i: u8| format!("p{}", i + 1), |i: u8| format!("n{}", i + 1), |i: u8| format!("g{}", i + 1));
        match *self {
            Action::Read(s) => write!(f, "the watcher of {} reads it, and the leader hears of it", p(s)),
            Action::Stall => f.write_str("the leader stalls"),
            Action::Wake => f.write_str("the leader wakes and plans"),
            Action::Decide => f.write_str("the leader wakes and plans; its commands are on their way"),
            Action::Commit => f.write_str("the commands that were on their way are committed"),
            Action::NewLeader => f.write_str("another node leads, and has read nothing"),
            Action::Work { node, .. } => write!(f, "{} goes on with its order", n(node)),
            Action::WorkLost { node, .. } => write!(f, "{} goes on with its order, and the command is lost", n(node)),
            Action::Effect(i) => write!(f, "activation {i} takes effect"),
            Action::Refuse(i) => write!(f, "activation {i} is refused"),
            Action::Doubt { node, .. } => write!(f, "{} gets no answer to its activation", n(node)),
            Action::Deliver(i) => write!(f, "report {i} arrives"),
            Action::DeliverTwice(i) => write!(f, "report {i} arrives, and will arrive again"),
            Action::Lose(i) => write!(f, "report {i} is lost"),
            Action::Cut(i) => write!(f, "{} is cut off", n(i)),
            Action::Heal(i) => write!(f, "{} is heard again", n(i)),
            Action::CatchUp(i) => write!(f, "{} applies the log that it missed", n(i)),
            Action::Kill(i) => write!(f, "{} is killed", n(i)),
            Action::Restart(i) => write!(f, "{} starts again", n(i)),
            Action::LeasesEnd => f.write_str("leases end"),
            Action::Hush => f.write_str("who is silent becomes suspect"),
            Action::Look(i) => write!(f, "{} looks at what lives inside it", n(i)),
            Action::StandDown(i) => write!(f, "{} is alone, and stops what it keeps", n(i)),
            Action::NodeCrash(i) => write!(f, "the LPAR of {} crashes", n(i)),
            Action::Crash { server, group } => write!(f, "the LPAR of {} crashes on {}", g(group), p(server)),
            Action::PowerLost(s) => write!(f, "{} loses its power", p(s)),
            Action::Sick(s) => write!(f, "{} reads Error, and its LPARs run on", p(s)),
            Action::PowerBack { server, autostart: true } => write!(f, "{} is back, with its LPARs", p(server)),
            Action::PowerBack { server, autostart: false } => write!(f, "{} is back", p(server)),
            Action::LinkLost(s) => write!(f, "the witness loses the service processor of {}", p(s)),
            Action::LinkBack(s) => write!(f, "the witness finds the service processor of {} again", p(s)),
            Action::Tick => f.write_str("a settling time passes"),
            Action::LongWait => f.write_str("a long time passes"),
            Action::AskSwitch(i) => write!(f, "an operator moves {} to the other server", g(i)),
            Action::SwitchOver => f.write_str("the LPAR on its way changes sides"),
            Action::TransitEnds => f.write_str("the move is over"),
            Action::TransitSticks => f.write_str("the move gets stuck"),
            Action::AskMigrate(i) => write!(f, "an operator migrates {} to the other server", g(i)),
            Action::AskAbort(i) => write!(f, "an operator gives up the migration of {}", g(i)),
            Action::AskOffline(i) => write!(f, "an operator stops {}", g(i)),
            Action::AskOnline(i) => write!(f, "an operator starts {}", g(i)),
            Action::AskConfirm(s) => write!(f, "an operator asserts that {} is off", p(s)),
            Action::Drain(s) => write!(f, "an operator drains {}", p(s)),
            Action::Undrain(s) => write!(f, "an operator lets {} take work again", p(s)),
        }
    }
}
