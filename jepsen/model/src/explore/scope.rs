//! Scopes: the start of a search, its depth, and the maximum number of each fault in one history.

/// The limits of one search.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Scope {
    pub name: &'static str,
    /// Description in one sentence.
    pub about: &'static str,
    /// Number of groups, of one resource each: one or two.
    pub groups: usize,
    /// Whether the LPARs are mobile.
    pub mobile: bool,
    /// Whether the resources live inside nodes, and are not LPARs.
    pub inside: bool,
    /// Whether the second group needs the first online on its own server, by a hard link.
    pub link: bool,
    /// Starting state.
    pub start: Start,
    /// Maximum length of a history.
    pub depth: usize,
    /// Maximum number of each fault in one history.
    pub bounds: Bounds,
    /// The assumptions.
    pub assume: Assumptions,
}

/// Starting state of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Configured, nothing read.
    Fresh,
    /// Everything was read, and the first start order is out.
    Ordered,
    /// Every group is online.
    Online,
    /// The first group is migrating, and the order to move its LPAR is out.
    Moving,
}

/// Maximum number of each fault in one history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Bounds {
    /// All faults of a history together: all of the following except operators' requests and passing time.
    pub faults: u8,
    /// A node is cut off from the others. Its reconnection is free.
    pub cuts: u8,
    /// A node is killed. Its restart is free.
    pub kills: u8,
    /// An LPAR crashes.
    pub crashes: u8,
    /// A server loses its power, or reads `Error`. Its return is free.
    pub powers: u8,
    /// A service processor becomes unreachable. Its return is free.
    pub links: u8,
    /// A report or a command is lost.
    pub losses: u8,
    /// A report is delivered twice.
    pub doubles: u8,
    /// The outcome of an activation is unknown; it may take effect later.
    pub doubts: u8,
    /// The hypervisor refuses an activation.
    pub refusals: u8,
    /// A migration fails before its switchover, or gets stuck.
    pub moves: u8,
    /// Another node becomes leader, without any readings.
    pub leaders: u8,
    /// The leader stalls, or its plan is committed after something else was.
    pub delays: u8,
    /// An operator makes a request.
    pub asks: u8,
    /// An operator drains or undrains a server.
    pub drains: u8,
    /// Silent nodes become suspect while their leases may still be valid.
    pub hushes: u8,
    /// A settling time passes.
    pub ticks: u8,
    /// Time passes until unanswered orders are given up.
    pub waits: u8,
}

/// Assumptions on the world; `docs/fault-model.md` justifies them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assumptions {
    /// An activation takes effect at most one settling time after the lease of its node ended, or after its outcome
    /// was reported unknown.
    pub late_within_settle: bool,
    /// A server that lost its power does not, after its return, carry out earlier commands.
    pub power_ends_commands: bool,
    /// An operator's statement that a server is off is true.
    pub operators_are_right: bool,
}

impl Default for Assumptions {
    fn default() -> Self {
        Assumptions { late_within_settle: true, power_ends_commands: true, operators_are_right: true }
    }
}

const NONE: Bounds = Bounds {
    faults: 0,
    cuts: 0,
    kills: 0,
    crashes: 0,
    powers: 0,
    links: 0,
    losses: 0,
    doubles: 0,
    doubts: 0,
    refusals: 0,
    moves: 0,
    leaders: 0,
    delays: 0,
    asks: 0,
    drains: 0,
    hushes: 0,
    ticks: 0,
    waits: 0,
};

/// The scopes that the correct core passes, in the order of the search.
pub fn scopes() -> Vec<Scope> {
    let scope = |name, about, start, depth, bounds| {
        let link = name == "link";
        let groups = if name == "pair" || link { 2 } else { 1 };
        let mobile = start == Start::Moving;
        let inside = name == "inside";
        Scope { name, about, groups, mobile, inside, link, start, depth, bounds, assume: Assumptions::default() }
    };
    vec![
        scope(
            "late",
            "a start is out; its node is cut off, and its command or its report comes late",
            Start::Ordered,
            10,
            Bounds { faults: 2, cuts: 1, doubts: 1, ticks: 1, asks: 1, ..NONE },
        ),
        scope(
            "again",
            "a start is out; processes end and others begin that have forgotten, reports come twice or from one that is gone",
            Start::Ordered,
            9,
            Bounds { faults: 2, cuts: 1, kills: 2, doubles: 1, refusals: 1, ticks: 1, ..NONE },
        ),
        scope(
            "power",
            "a server loses its power or its service processor while its group is online, and comes back",
            Start::Online,
            7,
            Bounds { faults: 2, cuts: 1, powers: 1, links: 1, losses: 1, ticks: 1, asks: 1, ..NONE },
        ),
        scope(
            "fence",
            "a server fails while its node is cut off; commands and reports of the fence are lost or come twice",
            Start::Online,
            9,
            Bounds { faults: 3, cuts: 1, powers: 1, losses: 1, doubles: 1, ticks: 1, ..NONE },
        ),
        scope(
            "return",
            "a server loses its power, is fenced, comes back with or without its LPARs, is cleaned and takes work again",
            Start::Online,
            9,
            Bounds { faults: 1, powers: 1, asks: 1, ticks: 2, ..NONE },
        ),
        scope(
            "asks",
            "an operator moves and stops a group while LPARs crash and leaders change with old plans in hand",
            Start::Online,
            10,
            Bounds { faults: 2, crashes: 2, doubts: 1, leaders: 1, delays: 1, asks: 2, ticks: 1, ..NONE },
        ),
        scope(
            "silence",
            "reports and commands are lost, LPARs crash, and orders are given up",
            Start::Online,
            24,
            Bounds { faults: 2, crashes: 1, losses: 2, refusals: 1, asks: 1, waits: 2, ..NONE },
        ),
        scope(
            "move",
            "a migration is under way; it fails or gets stuck, its answer is lost, its node is cut off or killed",
            Start::Moving,
            8,
            Bounds {
                faults: 2,
                cuts: 1,
                kills: 1,
                losses: 1,
                doubles: 1,
                doubts: 1,
                moves: 1,
                ticks: 1,
                asks: 1,
                ..NONE
            },
        ),
        scope(
            "parted",
            "a migration is under way, and one of its servers fails or is no longer seen, before or after it has changed sides",
            Start::Moving,
            8,
            Bounds { faults: 2, powers: 1, links: 1, crashes: 1, doubts: 1, ticks: 1, asks: 1, ..NONE },
        ),
        scope(
            "pair",
            "two groups on two servers, from the first reading on",
            Start::Fresh,
            8,
            Bounds { faults: 2, cuts: 1, powers: 1, crashes: 1, ticks: 1, ..NONE },
        ),
        scope(
            "drain",
            "an operator drains a server and takes that back, while LPARs crash and plans come late",
            Start::Online,
            8,
            Bounds { faults: 1, powers: 1, crashes: 1, delays: 1, drains: 2, asks: 1, ..NONE },
        ),
        scope(
            "link",
            "a group needs another on its server; either fails, moves or is stopped",
            Start::Online,
            8,
            Bounds { faults: 2, crashes: 1, cuts: 1, refusals: 1, doubts: 1, asks: 1, ticks: 1, ..NONE },
        ),
        scope(
            "inside",
            "what lives inside a node: its process ends, its LPAR crashes, it is cut off and gives up what it keeps",
            Start::Online,
            6,
            Bounds { faults: 2, cuts: 1, kills: 1, crashes: 1, losses: 1, hushes: 1, asks: 1, ..NONE },
        ),
    ]
}

/// Scopes that lack one assumption each, so that a promise is broken: every assumption is needed.
pub fn unsafe_scopes() -> Vec<(&'static str, Scope)> {
    let right = Assumptions::default();
    let scope = |name, about, start, depth, bounds, assume| Scope {
        name,
        about,
        groups: 1,
        mobile: false,
        inside: false,
        link: false,
        start,
        depth,
        bounds,
        assume,
    };
    vec![
        (
            "late_within_settle",
            scope(
                "slow",
                "an activation takes effect after the settling time",
                Start::Ordered,
                12,
                Bounds { faults: 2, cuts: 1, doubts: 1, ticks: 1, ..NONE },
                Assumptions { late_within_settle: false, ..right },
            ),
        ),
        (
            "power_ends_commands",
            scope(
                "reborn",
                "an activation that was sent before a server lost its power takes effect after its return",
                Start::Ordered,
                11,
                Bounds { faults: 1, powers: 1, ..NONE },
                Assumptions { power_ends_commands: false, ..right },
            ),
        ),
        (
            "operators_are_right",
            scope(
                "wrong",
                "an operator asserts that a server is off while it runs on",
                Start::Online,
                9,
                Bounds { faults: 2, cuts: 1, links: 1, asks: 1, ..NONE },
                Assumptions { operators_are_right: false, ..right },
            ),
        ),
    ]
}
