//! Services, placement rules, and what holds for the whole cluster.

use super::{GROUP, SERVER};
use crate::{
    compound::{List, Record},
    form::{Flag, Maybe, Number, Time, Word},
    schema::{Field, field},
};
use std::collections::BTreeSet;
use tenure_core::{
    GroupName, ServerName,
    config::{Asks, Brakes, PlacementRule, Service, Tier, TierLink, Timings, Tolerance},
};

const TIER_LINKS: Word<TierLink> =
    Word(&[("soft", TierLink::Soft), ("firm", TierLink::Firm), ("restart", TierLink::Restart)]);

pub(crate) fn service() -> Vec<Field<Service>> {
    let tiers = Record {
        kind: "tier",
        example: "{ groups = [\"db\"] }",
        fields: tier,
        blank: || Tier { groups: Vec::new(), link: TierLink::Soft },
        finish: Ok,
        draft: Tier::clone,
    };
    vec![
        field!("tiers", List(tiers), Service, tiers)
            .says("The tiers, the one that starts first (the data base, say) first.")
            .vcs("tiers of a Virtual Business Service")
            .example("[{ groups = [\"db\"] }, { groups = [\"web\"], link = \"firm\" }]")
            .required(),
    ]
}

/// A table that declares a service.
pub(crate) const SERVICE: Record<Service, Service> = Record {
    kind: "service",
    example: "{ tiers = [{ groups = [\"db\"] }] }",
    fields: service,
    blank: || Service { tiers: Vec::new() },
    finish: Ok,
    draft: Service::clone,
};

pub(crate) fn tier() -> Vec<Field<Tier>> {
    vec![
        field!("groups", List(GROUP), Tier, groups).says("Its groups.").example("[\"db\"]").required(),
        field!("link", TIER_LINKS, Tier, link)
            .says("What a fault of the tier below does to it: nothing; it is stopped, and started when the tier below is online again; or it runs on, and is restarted then. Of no meaning for the first.")
            .vcs("soft, firm, restart"),
    ]
}

/// A rule as it stands in the file.
pub(crate) struct Draft {
    apart: Option<BTreeSet<GroupName>>,
    together: Option<BTreeSet<GroupName>>,
    groups: Option<BTreeSet<GroupName>>,
    on: Option<BTreeSet<ServerName>>,
    not_on: Option<BTreeSet<ServerName>>,
    strict: bool,
}

pub(crate) fn rule() -> Vec<Field<Draft>> {
    vec![
        field!("apart", Maybe(List(GROUP)), Draft, apart)
            .says("Each of these groups on a server of its own.")
            .example("[\"web\", \"batch\"]"),
        field!("together", Maybe(List(GROUP)), Draft, together)
            .says("All of these groups on one server.")
            .example("[\"web\", \"db\"]"),
        field!("groups", Maybe(List(GROUP)), Draft, groups)
            .says("The groups that `on` or `not_on` is about.")
            .example("[\"web\"]"),
        field!("on", Maybe(List(SERVER)), Draft, on)
            .says("The groups run on one of these servers.")
            .example("[\"p1\", \"p2\"]"),
        field!("not_on", Maybe(List(SERVER)), Draft, not_on)
            .says("The groups run on none of these servers.")
            .example("[\"p3\"]"),
        field!("strict", Flag, Draft, strict)
            .says("Never broken by a move of the cluster's own; otherwise kept where that leaves nothing stopped.")
            .example("true"),
    ]
}

/// A table that declares a placement rule.
pub(crate) const RULE: Record<Draft, PlacementRule> = Record {
    kind: "rule",
    example: "{ apart = [\"web\", \"db\"] }",
    fields: rule,
    blank,
    finish: finish_rule,
    draft: draft_rule,
};

fn blank() -> Draft {
    Draft { apart: None, together: None, groups: None, on: None, not_on: None, strict: false }
}

fn finish_rule(draft: Draft) -> Result<PlacementRule, (String, String)> {
    let strict = draft.strict;
    let rule = |asks, groups| Ok(PlacementRule { asks, groups, strict });
    match (draft.apart, draft.together, draft.groups, draft.on, draft.not_on) {
        (Some(groups), None, None, None, None) => rule(Asks::Apart, groups),
        (None, Some(groups), None, None, None) => rule(Asks::Together, groups),
        (None, None, Some(groups), Some(servers), None) => rule(Asks::On(servers), groups),
        (None, None, Some(groups), None, Some(servers)) => rule(Asks::NotOn(servers), groups),
        (None, None, _, None, None) => Err((
            "a rule that asks nothing".to_owned(),
            "write apart = […], together = […], or groups = […] with on = […] or not_on = […]".to_owned(),
        )),
        (None, None, None, _, _) => {
            Err(("a rule that is about no group".to_owned(), "write groups = [\"…\"] too".to_owned()))
        }
        (None, None, Some(_), Some(_), Some(_)) => Err((
            "a rule that asks two things".to_owned(),
            "leave not_on away, or write a rule of its own for it".to_owned(),
        )),
        (_, _, _, _, _) => Err((
            "a rule that asks two things".to_owned(),
            "write one of apart, together, or groups with on or not_on, and a rule of its own for the other".to_owned(),
        )),
    }
}

fn draft_rule(rule: &PlacementRule) -> Draft {
    let groups = Some(rule.groups.clone());
    let strict = rule.strict;
    match &rule.asks {
        Asks::Apart => Draft { apart: groups, strict, ..blank() },
        Asks::Together => Draft { together: groups, strict, ..blank() },
        Asks::On(servers) => Draft { groups, on: Some(servers.clone()), strict, ..blank() },
        Asks::NotOn(servers) => Draft { groups, not_on: Some(servers.clone()), strict, ..blank() },
    }
}

pub(crate) fn tolerance() -> Vec<Field<Tolerance>> {
    vec![
        field!("servers", Number, Tolerance, servers)
            .says("Any so many servers may be lost, and all that is online still fits.")
            .example("1"),
        field!("within_zone", Flag, Tolerance, within_zone).says("All those servers within one zone.").example("true"),
        field!("warn", Flag, Tolerance, warn)
            .says("Only warn when the proof fails, instead of refusing.")
            .example("true"),
    ]
}

pub(crate) fn brakes() -> Vec<Field<Brakes>> {
    vec![
        field!("starts", Number, Brakes, starts)
            .says("Starts under way on one server, each until its manager has carried it out.")
            .example("2"),
        field!("boots", Number, Brakes, boots)
            .says("LPARs that boot at the same time on one server; zero: any number.")
            .example("16"),
        field!("stops", Number, Brakes, stops).says("Stops under way on one server.").example("4"),
        field!("migrations", Number, Brakes, migrations)
            .says("Moves of running LPARs under way from or to one server.")
            .example("1"),
        field!("per_manager", Number, Brakes, per_manager)
            .says("Orders of all kinds under way through one manager.")
            .example("8"),
        field!("storm", Number, Brakes, storm)
            .says("So many servers proven off within `storm_window` stop all failover until an administrator says go on; zero: never.")
            .example("3"),
        field!("storm_window", Time, Brakes, storm_window)
            .says("The time in which they are counted.")
            .example("\"10m\""),
        field!("flaps", Number, Brakes, flaps)
            .says("So many returns of one server within `flap_window` keep it in quarantine; zero: never.")
            .example("5"),
        field!("flap_window", Time, Brakes, flap_window)
            .says("The time in which returns are counted.")
            .example("\"2h\""),
        field!("quarantine", Time, Brakes, quarantine)
            .says("How long a server stays in quarantine.")
            .example("\"10m\""),
        field!("preempt", Flag, Brakes, preempt)
            .says("Whether more important groups may push less important ones off a server.")
            .vcs("evacuation by Priority")
            .example("true"),
    ]
}

pub(crate) fn timings() -> Vec<Field<Timings>> {
    vec![
        field!("heartbeat", Time, Timings, heartbeat)
            .says("How often a node is heard.")
            .vcs("LLT heartbeat")
            .example("\"200ms\""),
        field!("suspect", Time, Timings, suspect)
            .says("Silence after which a node is suspect and its server is read through the witness. At least three heartbeats.")
            .vcs("peerinact")
            .example("\"2s\""),
        field!("lease", Time, Timings, lease)
            .says("How long a node may act without hearing the leader. At least `suspect` and one heartbeat.")
            .example("\"4s\""),
        field!("monitor", Time, Timings, monitor)
            .says("How often each server is read; at rest more seldom where an HMC has more than 25.")
            .vcs("MonitorInterval")
            .example("\"10s\""),
        field!("stand_down", Time, Timings, stand_down)
            .says("How long a node that has lost its lease keeps what lives inside it before it stops what must not run twice.")
            .example("\"30s\""),
        field!("settle", Time, Timings, settle)
            .says("How long a start whose outcome is unknown may still take effect after the lease of its node ended; and how long a server that came up may go on starting LPARs by itself. At least the lease.")
            .example("\"1m\""),
        field!("fence", Time, Timings, fence)
            .says("How long one fence (power off and read back) may take.")
            .example("\"3m\""),
    ]
}
