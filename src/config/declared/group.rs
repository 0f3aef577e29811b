//! Service groups, their links and hooks.

use super::{GROUP, SERVER};
use crate::{
    compound::{List, Map, Record, When, WordMap},
    form::{Flag, Maybe, Memory, Name, Number, Processors, Time, Word},
    schema::{Field, field},
};
use tenure_core::{
    GroupName, Span,
    config::{
        AutoRestart, AutostartPolicy, Failover, Group, GroupKind, Hook, Link, Load, Need, Policy, Rigidity, ServerDown,
        Shutdown, Trigger,
    },
};

const KINDS: Word<GroupKind> = Word(&[("failover", GroupKind::Failover), ("parallel", GroupKind::Parallel)]);
const POLICIES: Word<Policy> = Word(&[
    ("priority", Policy::Priority),
    ("round_robin", Policy::RoundRobin),
    ("load", Policy::Load),
    ("biggest_available", Policy::BiggestAvailable),
]);
const AUTOSTART_POLICIES: Word<AutostartPolicy> = Word(&[
    ("order", AutostartPolicy::Order),
    ("load", AutostartPolicy::Load),
    ("priority", AutostartPolicy::Priority),
]);
const FAILOVER: Word<Failover> = Word(&[("never", Failover::Never), ("any", Failover::Any), ("zone", Failover::Zone)]);
const SERVER_DOWN: Word<ServerDown> = Word(&[("failover", ServerDown::Failover), ("hold", ServerDown::Hold)]);
const SHUTDOWN: Word<Shutdown> =
    Word(&[("failover", Shutdown::Failover), ("migrate", Shutdown::Migrate), ("freeze", Shutdown::Freeze)]);
const AUTO_RESTART: Word<AutoRestart> =
    Word(&[("never", AutoRestart::Never), ("yes", AutoRestart::Yes), ("clear", AutoRestart::Clear)]);
const TRIGGERS: &[(&str, Trigger)] = &[
    (Trigger::PreOnline.word(), Trigger::PreOnline),
    (Trigger::PostOnline.word(), Trigger::PostOnline),
    (Trigger::PostOffline.word(), Trigger::PostOffline),
    (Trigger::ResourceFault.word(), Trigger::ResourceFault),
    (Trigger::ResourceRestart.word(), Trigger::ResourceRestart),
    (Trigger::ResourceNotOff.word(), Trigger::ResourceNotOff),
    (Trigger::AdminWait.word(), Trigger::AdminWait),
    (Trigger::NoFailover.word(), Trigger::NoFailover),
    (Trigger::Violation.word(), Trigger::Violation),
];
const RIGIDITY: Word<Rigidity> = Word(&[("soft", Rigidity::Soft), ("firm", Rigidity::Firm), ("hard", Rigidity::Hard)]);

pub(crate) fn group() -> Vec<Field<Group>> {
    let mut fields = placement();
    fields.extend(faults());
    fields.extend(relations());
    fields
}

/// Where it runs.
fn placement() -> Vec<Field<Group>> {
    vec![
        field!("kind", KINDS, Group, kind)
            .says("Online on one server at most, or on each of its list, independently. A parallel group has no LPARs.")
            .vcs("Parallel")
            .example("\"failover\""),
        field!("servers", List(SERVER), Group, servers)
            .says("The system list: servers on which the group may run, best first. At least one.")
            .vcs("SystemList")
            .example("[\"p1\", \"p2\"]"),
        field!("priority", Number, Group, priority)
            .says("Smaller is more important: it is placed first, and may push others aside where `preempt` is on.")
            .vcs("Priority")
            .example("10"),
        field!("autostart", Flag, Group, autostart)
            .says("Whether the group is started when the cluster starts.")
            .vcs("AutoStart")
            .example("false"),
        field!("autostart_servers", List(SERVER), Group, autostart_servers)
            .says("Servers preferred for the first start; the system list if empty.")
            .vcs("AutoStartList")
            .example("[\"p2\"]"),
        field!("autostart_policy", AUTOSTART_POLICIES, Group, autostart_policy)
            .says("How the server of the first start is chosen: the first of the autostart list that can take it, the one with the most units available, or the first of the system list.")
            .vcs("AutoStartPolicy")
            .example("\"load\""),
        field!("policy", POLICIES, Group, policy)
            .says("How the server is chosen after a fault: the first of the system list, the one with the fewest groups online, with the most units available, or with the largest share of memory and processors left.")
            .vcs("FailOverPolicy")
            .example("\"load\""),
        field!("failover", FAILOVER, Group, failover)
            .says("Whether the group moves after a fault: never by itself, to any server (those of the same zone first), or within the zone only.")
            .vcs("AutoFailOver")
            .example("\"zone\""),
        field!("failback", When, Group, failback)
            .says("Whether it moves back to the first server of its list that can take it: as soon as possible, or within a window of each day that may pass midnight.")
            .example("\"22:00-04:00\""),
        field!("server_down", SERVER_DOWN, Group, server_down)
            .says("What becomes of it when its server is proven off: it fails over, or waits for an administrator to enable it again.")
            .vcs("SysDownPolicy (AutoDisableNoOffline)")
            .example("\"hold\""),
        field!("shutdown", SHUTDOWN, Group, shutdown)
            .says("What becomes of it when its server is shut down on purpose: stopped and started elsewhere, moved while it runs where it can be, or stopped until the server is back.")
            .example("\"migrate\""),
        field!("evacuate", Flag, Group, evacuate)
            .says("Whether a drain moves it from a server; otherwise a drain leaves it alone.")
            .vcs("Evacuate")
            .example("false"),
    ]
}

/// What is done about faults.
fn faults() -> Vec<Field<Group>> {
    vec![
        field!("restart_limit", Number, Group, restart_limit)
            .says("Restarts in place of one resource within the window, where the resource does not say otherwise.")
            .vcs("RestartLimit of the type")
            .example("3"),
        field!("restart_window", Time, Group, restart_window)
            .says("The window in which restarts are counted, where the resource does not say otherwise.")
            .vcs("ConfInterval of the type")
            .example("\"15m\""),
        field!("online_retry_limit", Number, Group, online_retry_limit)
            .says("How many times the whole group is started again on the same server after a fault, before it moves.")
            .vcs("OnlineRetryLimit")
            .example("1"),
        field!("online_retry_interval", Time, Group, online_retry_interval)
            .says("A fault this soon after such a start moves it all the same; zero: however soon.")
            .vcs("OnlineRetryInterval")
            .example("\"15m\""),
        field!("auto_restart", AUTO_RESTART, Group, auto_restart)
            .says("What happens after a fault of a persistent resource is over: nothing, the group is started again where only that fault kept it off, or also the other faults are cleared there.")
            .vcs("AutoRestart")
            .example("\"clear\""),
        field!("manage_faults", Flag, Group, manage_faults)
            .says("Whether a faulted resource is cleaned and acted upon, or left for an administrator.")
            .vcs("ManageFaults")
            .example("false"),
        field!("propagate_faults", Flag, Group, propagate_faults)
            .says("Whether what depends on a faulted resource is taken offline.")
            .vcs("FaultPropagation")
            .example("false"),
        field!("clear_parents", Flag, Group, clear_parents)
            .says("Whether bringing this group online clears the faults of the groups that depend on it.")
            .vcs("OnlineClearParent")
            .example("true"),
        field!("frozen", Flag, Group, frozen)
            .says("Declared frozen: nothing is done to it.")
            .vcs("Frozen")
            .example("true"),
        field!("managed", Flag, Group, managed)
            .says("Whether it is managed at all: if not, it is watched and shown, and counts for capacity where it runs.")
            .example("false"),
    ]
}

/// What it needs, and what happens with it.
fn relations() -> Vec<Field<Group>> {
    vec![
        field!("load", load_record(), Group, load)
            .says("What it adds to its resources' needs.")
            .vcs("Load")
            .example("{ memory = \"2GiB\", processors = \"0.5\", units = 10 }"),
        field!("prerequisites", Map("name", Number), Group, prerequisites)
            .says("Named amounts that it takes of a server's `limits`. Hard.")
            .vcs("Prerequisites")
            .example("{ licences = 2 }"),
        field!("requires", List(link_record()), Group, requires)
            .says("Groups that it depends on.")
            .vcs("requires group")
            .example("[{ group = \"db\", online = \"global\", rigidity = \"firm\" }]"),
        field!("hooks", WordMap(TRIGGERS, hook_record()), Group, hooks)
            .says("Programs run on events: `preonline` (its failure keeps the group from that server), `postonline`, `postoffline`, `resource_fault`, `resource_restart`, `resource_not_off`, `admin_wait`, `no_failover`, `violation`.")
            .vcs("TriggersEnabled, PreOnline")
            .example("{ preonline = { program = \"/etc/tenure/programs/may-start\", timeout = \"30s\" } }"),
    ]
}

pub(crate) fn load() -> Vec<Field<Load>> {
    vec![
        field!("memory", Memory, Load, memory).says("Memory.").vcs("Load (Mem)"),
        field!("processors", Processors, Load, processors).says("Processing units.").vcs("Load (CPU)"),
        field!("units", Number, Load, units).says("Abstract units.").vcs("Load (Units)"),
    ]
}

fn load_record() -> Record<Load, Load> {
    Record {
        kind: "load",
        example: "{ memory = \"8GiB\" }",
        fields: load,
        blank: Load::default,
        finish: Ok,
        draft: |load| *load,
    }
}

pub(crate) fn hook() -> Vec<Field<Hook>> {
    vec![
        field!("program", Name("path"), Hook, program)
            .says("Absolute path of the program, the same on every node.")
            .vcs("TriggerPath")
            .example("\"/usr/local/bin/…\"")
            .required(),
        field!("timeout", Time, Hook, timeout).says("How long it may take.").vcs("PreOnlineTimeout"),
    ]
}

fn hook_record() -> Record<Hook, Hook> {
    let blank = || Hook { program: String::new(), timeout: Span::seconds(60) };
    Record {
        kind: "hook",
        example: "{ program = \"/usr/local/bin/…\" }",
        fields: hook,
        blank,
        finish: Ok,
        draft: Hook::clone,
    }
}

/// A link as it stands in the file.
pub(crate) struct Draft {
    group: GroupName,
    online: Option<Place>,
    offline: Option<Place>,
    rigidity: Option<Rigidity>,
}

/// Where a child must be, as seen from its parent.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Local,
    Global,
    Remote,
}

const ONLINE: Word<Place> = Word(&[("local", Place::Local), ("global", Place::Global), ("remote", Place::Remote)]);
const OFFLINE: Word<Place> = Word(&[("local", Place::Local)]);

pub(crate) fn link() -> Vec<Field<Draft>> {
    vec![
        field!("group", GROUP, Draft, group)
            .says("The group that is depended on: the child.")
            .vcs("child")
            .example("\"db\"")
            .required(),
        field!("online", Maybe(ONLINE), Draft, online)
            .says("It must be online on the same server, anywhere, or on another server.")
            .vcs("online local, global, remote"),
        field!("offline", Maybe(OFFLINE), Draft, offline)
            .says("It must not be online on the same server. In place of `online`.")
            .vcs("offline local"),
        field!("rigidity", Maybe(RIGIDITY), Draft, rigidity)
            .says("Soft: the parent stays when the child faults. Firm: the parent is taken offline. Hard: as firm, and the child is taken offline when the parent faults. If absent, soft; always firm for `offline`.")
            .vcs("soft, firm, hard"),
    ]
}

fn link_record() -> Record<Draft, Link> {
    Record {
        kind: "link",
        example: "{ group = \"db\", online = \"global\" }",
        fields: link,
        blank: blank_link,
        finish: finish_link,
        draft: draft_link,
    }
}

/// A link before its fields are read.
pub(crate) fn blank_link() -> Draft {
    Draft { group: GroupName::from(""), online: None, offline: None, rigidity: None }
}

fn finish_link(draft: Draft) -> Result<Link, (String, String)> {
    let (need, usual) = match (draft.online, draft.offline) {
        (Some(Place::Local), None) => (Need::OnlineLocal, Rigidity::Soft),
        (Some(Place::Global), None) => (Need::OnlineGlobal, Rigidity::Soft),
        (Some(Place::Remote), None) => (Need::OnlineRemote, Rigidity::Soft),
        (None, Some(_)) => (Need::OfflineLocal, Rigidity::Firm),
        (None, None) => {
            let what = format!("a link to {} that asks nothing", draft.group);
            return Err((
                what,
                "write online = \"local\", \"global\" or \"remote\", or offline = \"local\"".to_owned(),
            ));
        }
        (Some(_), Some(_)) => {
            let what = format!("{} cannot be needed online and offline", draft.group);
            return Err((what, "write online or offline".to_owned()));
        }
    };
    Ok(Link { child: draft.group, need, rigidity: draft.rigidity.unwrap_or(usual) })
}

fn draft_link(link: &Link) -> Draft {
    let (online, offline) = match link.need {
        Need::OnlineLocal => (Some(Place::Local), None),
        Need::OnlineGlobal => (Some(Place::Global), None),
        Need::OnlineRemote => (Some(Place::Remote), None),
        Need::OfflineLocal => (None, Some(Place::Local)),
    };
    let silent = link.need == Need::OfflineLocal && link.rigidity == Rigidity::Firm;
    Draft { group: link.child.clone(), online, offline, rigidity: (!silent).then_some(link.rigidity) }
}
