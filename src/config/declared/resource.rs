//! LPARs and other resources.

use super::GROUP;
use crate::{
    compound::{List, Map, Record, Short},
    form::{Flag, Maybe, Memory, Name, Number, Processors, Time, Word},
    schema::{Field, field},
};
use tenure_core::{
    ResourceName,
    config::{Agent, Lpar, OperatingSystem, Operations, Requirement, Resource},
};

const OPERATIONS: Word<Operations> =
    Word(&[("on-off", Operations::OnOff), ("on-only", Operations::OnOnly), ("none", Operations::None)]);

const OS: Word<OperatingSystem> = Word(&[("aix-linux", OperatingSystem::AixLinux), ("ibmi", OperatingSystem::IbmI)]);

/// What all resources have.
pub(crate) fn resource() -> Vec<Field<Resource>> {
    vec![
        field!("group", GROUP, Resource, group)
            .says("The group that it belongs to.")
            .vcs("Group")
            .example("\"web\"")
            .required(),
        field!("requires", List(requirements()), Resource, requires)
            .says("What must be online before it, and offline after it: resources of the same group.")
            .vcs("requires, requires atleast")
            .example("[\"web2\"]"),
        field!("critical", Flag, Resource, critical)
            .says("Whether its fault, or that of something it requires, faults the group.")
            .vcs("Critical")
            .example("false"),
        field!("enabled", Flag, Resource, enabled)
            .says("Whether it is started, stopped and watched at all.")
            .vcs("Enabled")
            .example("false"),
        field!("monitor_only", Flag, Resource, monitor_only)
            .says("Only watched.")
            .vcs("MonitorOnly")
            .example("true"),
        field!("autostart", Flag, Resource, autostart)
            .says("Whether it is started with its group, and counts for the group being online.")
            .vcs("AutoStart")
            .example("false"),
        field!("start_timeout", Time, Resource, start_timeout)
            .says("How long from the start order to Running.")
            .vcs("OnlineTimeout")
            .example("\"10m\""),
        field!("stop_timeout", Time, Resource, stop_timeout)
            .says("How long it may take to stop before it is cut off.")
            .vcs("OfflineTimeout")
            .example("\"5m\""),
        field!("restart_limit", Maybe(Number), Resource, patience.restart_limit)
            .says("Restarts in place within the window; the group's if absent.")
            .vcs("RestartLimit")
            .example("1"),
        field!("restart_window", Maybe(Time), Resource, patience.restart_window)
            .says("Uninterrupted time online after which restarts are forgotten, and the window in which they count; the group's if absent.")
            .vcs("ConfInterval")
            .example("\"30m\""),
        field!("tolerance", Number, Resource, patience.tolerance)
            .says("Readings of Off that are borne before one counts.")
            .vcs("ToleranceLimit")
            .example("1"),
        field!("online_retries", Number, Resource, patience.online_retries)
            .says("Tries to start it again, after cleaning, when it did not come online at first.")
            .vcs("OnlineRetryLimit of the type")
            .example("2"),
        field!("online_wait", Number, Resource, patience.online_wait)
            .says("Readings after a start was done before it counts as ineffective.")
            .vcs("OnlineWaitLimit")
            .example("3"),
        field!("monitor_timeouts", Number, Resource, patience.monitor_timeouts)
            .says("Readings that time out, in a row, before it counts as failed; zero: never.")
            .vcs("FaultOnMonitorTimeouts")
            .example("0"),
        field!("clean_retries", Number, Resource, patience.clean_retries)
            .says("Cleanings that may fail before it waits for an administrator; zero: tried for ever.")
            .vcs("CleanRetryLimit")
            .example("3"),
    ]
}

/// What an LPAR has besides.
pub(crate) fn lpar() -> Vec<Field<Lpar>> {
    vec![
        field!("partition", Name("text"), Lpar, partition)
            .says("What it is called where its servers are managed.")
            .vcs("LPARName")
            .example("\"web1\"")
            .required(),
        field!("profile", Maybe(Name("text")), Lpar, profile)
            .says("Profile to activate; the current configuration if absent.")
            .example("\"default\""),
        field!("profiles", Map("server", Name("text")), Lpar, profiles)
            .says("Profiles that differ by server.")
            .vcs("ProfileFile, set per system")
            .example("{ p1 = \"large\", p2 = \"small\" }"),
        field!("vios", List(Name("text")), Lpar, vios)
            .says("VIO servers that serve it, of all servers together: it counts as failed on a server that has some of them when all of those are down.")
            .vcs("VIOSName")
            .example("[\"p1-vios1\", \"p1-vios2\"]"),
        field!("memory", Memory, Lpar, memory).says("Memory that it takes.").vcs("Load (Mem)").example("\"8GiB\""),
        field!("processors", Processors, Lpar, processors)
            .says("Processing units that it takes.")
            .vcs("Load (CPU)")
            .example("\"0.5\""),
        field!("mobile", Flag, Lpar, mobile)
            .says("Defined on one server at a time, so that it can be moved while it runs; otherwise defined on each of the list.")
            .vcs("SupportedOperations (migrate)")
            .example("true"),
        field!("migrate_timeout", Time, Lpar, migrate_timeout)
            .says("How long a move may take.")
            .vcs("MigrateTimeout")
            .example("\"15m\""),
        field!("os", OS, Lpar, os)
            .says("What runs in it: AIX or Linux, or IBM i, which is asked to shut down, and never cut off while it runs.")
            .example("\"ibmi\""),
    ]
}

/// What something that an agent keeps has besides.
pub(crate) fn agent() -> Vec<Field<Agent>> {
    vec![
        field!("type", Name("type"), Agent, agent)
            .says("Which agent keeps it, and what its attributes mean.")
            .vcs("type")
            .example("\"ocf:heartbeat:IPaddr2\"")
            .required(),
        field!("operations", OPERATIONS, Agent, operations)
            .says("What may be done with it: started and stopped, started only, or nothing (persistent: it is there or it is not).")
            .vcs("Operations")
            .example("\"on-only\""),
        field!("attributes", Map("name", Name("text")), Agent, attributes)
            .says("For its agent.")
            .vcs("attributes of the type")
            .example("{ ip = \"10.1.1.7\", cidr_netmask = \"24\" }"),
        field!("on", Map("server", Map("name", Name("text"))), Agent, on)
            .says("Attributes that differ by server.")
            .vcs("attributes @system")
            .example("{ p1 = { nic = \"eth1\" } }"),
        field!("intentional_offline", Flag, Agent, intentional_offline)
            .says("Whether its agent can tell that an administrator stopped it on purpose.")
            .vcs("IntentionalOffline")
            .example("true"),
        field!("monitor_interval", Maybe(Time), Agent, watch.interval)
            .says("How often it is looked at where it should be up; the cluster's `monitor` if absent.")
            .vcs("MonitorInterval")
            .example("\"10s\""),
        field!("offline_monitor_interval", Maybe(Time), Agent, watch.offline_interval)
            .says("How often it is looked at where it should not be up; one minute if absent.")
            .vcs("OfflineMonitorInterval")
            .example("\"5m\""),
        field!("monitor_timeout", Maybe(Time), Agent, watch.timeout)
            .says("How long one look may take; what its agent advises, or one minute, if absent.")
            .vcs("MonitorTimeout")
            .example("\"30s\""),
        field!("depths", Map("depth", Time), Agent, watch.depths)
            .says("Deeper looks at what is up: how often, by depth (`OCF_CHECK_LEVEL`).")
            .vcs("LevelTwoMonitorFreq")
            .example("{ 10 = \"1m\" }"),
    ]
}

pub(crate) fn requirement() -> Vec<Field<Requirement>> {
    vec![
        field!("at_least", Number, Requirement, at_least)
            .says("How many of them must be online.")
            .vcs("atleast")
            .example("1")
            .required(),
        field!("of", List(Name("resource")), Requirement, of).says("Which.").vcs("from").example("[\"…\"]").required(),
    ]
}

fn requirements() -> Short<Requirement, Record<Requirement, Requirement>> {
    Short {
        from: |name| Requirement { of: vec![ResourceName::from(name)], at_least: 1 },
        into: |requirement| match requirement.of.as_slice() {
            [only] if requirement.at_least == 1 => Some(only.to_string()),
            _ => None,
        },
        long: Record {
            kind: "{ at_least, of }",
            example: "{ at_least = 1, of = [\"…\"] }",
            fields: requirement,
            blank: || Requirement { of: Vec::new(), at_least: 1 },
            finish: Ok,
            draft: Requirement::clone,
        },
    }
}
