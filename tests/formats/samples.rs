//! One value of everything that is written to the log and sent between nodes.

use super::{
    named::{Named, by_name, whole},
    reasons::{admin, conflict, faults, leaves, server_waits, troubles, waits},
    trust,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use tenure_core::{
    Command, Entry, GroupName, Inside, NodeName, OrderId, Power, Reading, Report, Request, RequestId, ResourceName,
    RuleName, Seen, ServerName, ServiceName, Span, SystemState, Terms, Time, Verb,
    authority::Sealed,
    command::Author,
    config::{
        Address, Asks, AutoRestart, AutostartPolicy, Brakes, Cluster, Failback, Failover, Group, GroupKind, Hmc, Hook,
        Kind, Link, Load, Lpar, Need, Node, OperatingSystem, Operations, Patience, PlacementRule, Policy, Requirement,
        Resource, Rigidity, Server, ServerDown, Service, Shutdown, Tier, TierLink, Timings, Tolerance, Trigger, Watch,
    },
    ledger::Incarnation,
    listing::{Environment, Listed, Remark},
    note::NotHere,
    order::{Ending, Epoch},
    placement::tolerance::Weakness,
    terms::Keep,
    trust::Hash,
};

pub fn g() -> GroupName {
    GroupName::from("web")
}
pub fn g2() -> GroupName {
    GroupName::from("db")
}
pub fn s() -> ServerName {
    ServerName::from("p1")
}
pub fn s2() -> ServerName {
    ServerName::from("p2")
}
pub fn n() -> NodeName {
    NodeName::from("node1")
}
pub fn r() -> ResourceName {
    ResourceName::from("web1")
}
pub fn r2() -> ResourceName {
    ResourceName::from("web2")
}
pub fn shop() -> ServiceName {
    ServiceName::from("shop")
}
pub fn rule() -> RuleName {
    RuleName::from("apart")
}
pub fn o() -> OrderId {
    OrderId { index: 300, ordinal: 2 }
}
pub fn set<T: Ord>(one: T) -> BTreeSet<T> {
    BTreeSet::from([one])
}
pub fn weakness() -> Weakness {
    Weakness { servers: set(s()), groups: set(g()) }
}
pub const E: Epoch = Epoch(70_000);
pub const T: Time = Time(1_700_000_000_000);

pub fn triggers() -> Vec<Trigger> {
    whole(vec![
        Trigger::PreOnline,
        Trigger::PostOnline,
        Trigger::PostOffline,
        Trigger::ResourceFault,
        Trigger::ResourceRestart,
        Trigger::ResourceNotOff,
        Trigger::AdminWait,
        Trigger::NoFailover,
        Trigger::Violation,
    ])
}

pub fn reading() -> Reading {
    let powers = whole(vec![
        Power::Off,
        Power::Starting,
        Power::Running,
        Power::Stopping,
        Power::Absent,
        Power::OffOnPurpose,
        Power::Unknown,
        Power::Moving,
        Power::Missing,
        Power::Error,
    ]);
    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"].map(ResourceName::from);
    Reading {
        server: s(),
        by: n(),
        since: 41,
        serial: 1_700_000_000_123,
        system: SystemState::Operating,
        live: true,
        copies: names.into_iter().zip(powers).collect(),
        node: Power::Running,
        node_listed: tenure_core::listing::Listed { uuid: Some("A".to_owned()), remark: None },
        vios: BTreeMap::from([("vios1".to_owned(), true), ("vios2".to_owned(), false)]),
        listed: listed(),
    }
}

/// Remarks about an LPAR in a list, besides its state.
fn listed() -> BTreeMap<ResourceName, Listed> {
    let remarks = [
        Remark::Word("Suspended".into()),
        Remark::Renamed { uuid: "0D5E".into(), name: "web9".into() },
        Remark::Another { known: "0D5E".into(), found: "1F00".into() },
        Remark::Environment(Environment::Vios),
        Remark::Owner { cluster: "west".into() },
    ];
    let listed = |remark| Listed { uuid: Some("0D5E".into()), remark: Some(remark) };
    ["a", "b", "c", "d", "e"].map(ResourceName::from).into_iter().zip(remarks.map(listed)).collect()
}

pub fn inside() -> Inside {
    Inside { seen: seen(), watchdog: Some(Span::seconds(60)) }
}

fn seen() -> BTreeMap<ResourceName, Seen> {
    let seen = Seen { power: Power::Running, since: 41, serial: 12, confidence: 40, said: "pid 41".into() };
    BTreeMap::from([(r(), seen), (r2(), Seen::default())])
}

pub fn cluster() -> Cluster {
    let hmc =
        Hmc { address: "hmc1.site:22".into(), user: "tenure".into(), host_key: format!("SHA256:{}", "A".repeat(43)) };
    let server = Server {
        managers: vec!["hmc1".into()],
        address: Some(Address::Hmc { system: "Server-9009-42A-SN1111111".into(), mtms: "9009-42A*1111111".into() }),
        surrogate: true,
        memory: Some(65_536),
        processors: None,
        units: Some(300),
        limits: BTreeMap::from([("licences".into(), 4)]),
        zone: Some("east".into()),
    };
    Cluster {
        name: "site".into(),
        owner_mark: true,
        managers: BTreeMap::from([("hmc1".into(), hmc.into())]),
        servers: BTreeMap::from([(s(), server)]),
        nodes: BTreeMap::from([
            (n(), Node { server: Some(s()), lpar: Some("mgmt1".into()), watchdog: Some(Span::seconds(60)) }),
            ("arb".into(), Node { server: None, lpar: None, watchdog: None }),
        ]),
        groups: groups(),
        resources: resources(),
        services: BTreeMap::from([(shop(), service())]),
        rules: rules(),
        tolerance: Tolerance { servers: 1, within_zone: true, warn: true },
        brakes: Brakes { storm: 3, preempt: true, ..Brakes::default() },
        timings: Timings { heartbeat: Span(200), ..Timings::default() },
    }
}

fn groups() -> BTreeMap<GroupName, Group> {
    let link = |need, rigidity| Link { child: g2(), need, rigidity };
    let hook = Hook { program: "/opt/hook".into(), timeout: Span::seconds(60) };
    let first = Group {
        priority: 7,
        autostart: false,
        autostart_servers: vec![s()],
        autostart_policy: AutostartPolicy::Priority,
        policy: Policy::BiggestAvailable,
        failover: Failover::Zone,
        failback: Failback::Window { from: 60, to: 300 },
        server_down: ServerDown::Hold,
        shutdown: Shutdown::Freeze,
        evacuate: false,
        auto_restart: AutoRestart::Clear,
        online_retry_limit: 1,
        online_retry_interval: Span::seconds(3600),
        clear_parents: true,
        manage_faults: false,
        propagate_faults: false,
        frozen: true,
        managed: false,
        load: Load { memory: 8192, processors: 150, units: 20 },
        prerequisites: BTreeMap::from([("licences".into(), 1)]),
        requires: vec![
            link(Need::OnlineLocal, Rigidity::Hard),
            link(Need::OnlineGlobal, Rigidity::Firm),
            link(Need::OnlineRemote, Rigidity::Soft),
            link(Need::OfflineLocal, Rigidity::Firm),
        ],
        hooks: triggers().into_iter().map(|trigger| (trigger, hook.clone())).collect(),
        ..Group::new(vec![s()])
    };
    let second = Group {
        kind: GroupKind::Parallel,
        autostart_policy: AutostartPolicy::Load,
        policy: Policy::Load,
        failover: Failover::Never,
        failback: Failback::AtOnce,
        shutdown: Shutdown::Migrate,
        auto_restart: AutoRestart::Never,
        ..Group::new(vec![s(), s2()])
    };
    let third = Group { policy: Policy::RoundRobin, ..Group::new(vec![s2()]) };
    BTreeMap::from([(g(), first), (g2(), second), ("app".into(), third)])
}

fn resources() -> BTreeMap<ResourceName, Resource> {
    let mut first = Resource::lpar(g(), "web1");
    if let Kind::Lpar(lpar) = &mut first.kind {
        *lpar = Lpar {
            profile: Some("normal".into()),
            profiles: BTreeMap::from([(s2(), "small".into())]),
            vios: vec!["vios1".into()],
            memory: 8192,
            mobile: true,
            os: OperatingSystem::IbmI,
            ..lpar.clone()
        };
    }
    let agent = |operations| {
        let mut resource = Resource::agent(g(), "Application");
        if let Kind::Agent(agent) = &mut resource.kind {
            agent.operations = operations;
            agent.attributes.insert("start".into(), "/opt/start".into());
            agent.on.insert(s2(), BTreeMap::from([("start".into(), "/opt/other".into())]));
            agent.intentional_offline = true;
            agent.watch = Watch {
                interval: Some(Span::seconds(5)),
                offline_interval: Some(Span::seconds(60)),
                timeout: Some(Span::seconds(20)),
                depths: BTreeMap::from([("10".into(), Span::seconds(60))]),
            };
        }
        resource
    };
    let second = Resource {
        requires: vec![Requirement { of: vec![r()], at_least: 1 }],
        critical: false,
        enabled: false,
        monitor_only: true,
        autostart: false,
        patience: Patience {
            restart_limit: Some(1),
            restart_window: Some(Span::seconds(90)),
            tolerance: 1,
            online_retries: 1,
            ..Patience::default()
        },
        ..agent(Operations::OnOff)
    };
    let (third, fourth) = (agent(Operations::OnOnly), agent(Operations::None));
    BTreeMap::from([(r(), first), (r2(), second), ("web3".into(), third), ("web4".into(), fourth)])
}

fn service() -> Service {
    let tier = |link| Tier { groups: vec![g()], link };
    Service { tiers: [TierLink::Soft, TierLink::Firm, TierLink::Restart].map(tier).into() }
}

fn rules() -> BTreeMap<RuleName, PlacementRule> {
    let asks = [Asks::Together, Asks::Apart, Asks::On(set(s())), Asks::NotOn(set(s2()))];
    let rule = |(n, asks): (usize, Asks)| {
        (RuleName::from(format!("rule{n}")), PlacementRule { asks, groups: set(g()), strict: n == 1 })
    };
    asks.into_iter().enumerate().map(rule).collect()
}

pub fn verbs() -> Vec<Verb> {
    vec![
        Verb::Online { group: g(), server: Some(s()), propagate: true },
        Verb::Offline { group: g(), propagate: false },
        Verb::Switch { group: g(), server: s() },
        Verb::Migrate { group: g(), server: s2() },
        Verb::AbortMigration { group: g() },
        Verb::Freeze { group: g(), terms: Terms { reason: Some("patching".into()), lasts: Some(Span::seconds(60)) } },
        Verb::Unfreeze { group: g() },
        Verb::Clear { group: g(), server: None },
        Verb::Acknowledge { group: g() },
        Verb::ConfirmOff { server: s() },
        Verb::ConfirmNodeOff { node: n() },
        Verb::Restart { resource: r() },
        Verb::ServiceOnline { service: shop() },
        Verb::ServiceOffline { service: shop() },
        Verb::Enable { group: g() },
        Verb::Drain { server: s(), terms: Default::default() },
        Verb::Shutdown { server: s(), terms: Default::default() },
        Verb::Undrain { server: s(), bring_back: true },
        Verb::FreezeServer { server: s(), terms: Default::default() },
        Verb::UnfreezeServer { server: s() },
        Verb::ReleaseServer { server: s() },
        Verb::Resume,
        Verb::Disarm { terms: Default::default() },
        Verb::Arm,
        Verb::RetryHmc { hmc: "hmc1".into() },
        Verb::ResourceOnline { resource: r() },
        Verb::ResourceOffline { resource: r(), propagate: true },
        Verb::Flush { group: g() },
        Verb::ClearAdminWait { group: g(), fault: true },
    ]
}

pub fn endings() -> Vec<Ending> {
    vec![
        Ending::Done,
        Ending::Refused("HSCL1558 no".into()),
        Ending::NotDone("not reached".into()),
        Ending::Unknown("no answer".into()),
    ]
}

/// Each sample as a command.
fn each<T: Named>(word: &str, samples: Vec<T>, command: impl Fn(T) -> Command) -> Vec<(String, Command)> {
    by_name(&format!("{word}-"), samples).into_iter().map(|(name, sample)| (name, command(sample))).collect()
}

fn commands() -> Vec<(String, Command)> {
    let report = |ending| Command::Report(Report { order: o(), ending, readings: vec![reading()], seen: seen() });
    let plain = [
        Command::Request(Request::Configure { cluster: Arc::new(cluster()), strand: true }),
        Command::Observe(reading()),
        Command::Sense { node: n(), inside: inside() },
        Command::SuspendLeases(n()),
        Command::NodeOff(n()),
        Command::FenceNode(n()),
        Command::LapseNode(n()),
        Command::TakeBackNode(n()),
        Command::Assign { server: s(), node: n() },
        Command::Adopt { group: g(), server: s() },
        Command::Grant { group: g(), server: s() },
        Command::Start { resource: r(), epoch: E, restart: true },
        Command::Stop { resource: r(), server: s(), grace: Span::seconds(120) },
        Command::Fence(s()),
        Command::PreOnline { group: g(), epoch: E },
        Command::Online { group: g(), epoch: E },
        Command::FaultResource { resource: r(), epoch: E, reason: faults()[0].clone() },
        Command::Recycle { resource: r(), epoch: E, reason: faults()[1].clone() },
        Command::Forgive { resource: r(), server: s() },
        Command::Vacate { group: g(), epoch: E },
        Command::Migrate { group: g(), epoch: E, to: s2(), reason: leaves()[0].clone() },
        Command::Move { resource: r(), epoch: E },
        Command::StopMigration { resource: r(), epoch: E },
        Command::Recover { resource: r(), server: s() },
        Command::Arrive { group: g(), epoch: E },
        Command::StayGroup { group: g(), epoch: E },
        Command::Settle { resource: r(), server: s() },
        Command::Expire(o()),
        Command::HoldGroup { group: g(), conflict: conflict() },
        Command::ReleaseGroup(g()),
        Command::CallOff(s()),
        Command::ReappearServer(s()),
        Command::CleanServer(s()),
        Command::Storm(set(s())),
        Command::EndQuarantine(s()),
        Command::TimeOver(Keep::Group(g())),
        Command::Forgo { group: g(), server: s(), why: NotHere::Dirty },
        Command::HmcRefuses { hmc: "hmc1".into(), why: "the key was rejected".into() },
        Command::HmcAccepts("hmc1".into()),
        Command::TryHmc { hmc: "hmc1".into(), node: n() },
        Command::Warn(weakness()),
        Command::Enlist { node: n(), incarnation: Incarnation(u64::MAX - 3) },
        Command::SpokenBy { node: n(), incarnation: Incarnation(5) },
        Command::Twice { node: n(), older: Incarnation(5) },
        Command::Diverged { nodes: BTreeSet::from([n()]), at: 4096, stop: true },
    ];
    let mut all: Vec<(String, Command)> = plain.map(|command| (command.name().to_owned(), command)).into();
    all.extend(each("request", verbs(), |verb| Command::Request(verb.into())));
    all.extend(each("report", endings(), report));
    all.extend(each("fault", faults(), |reason| Command::Fault { group: g(), epoch: E, reason }));
    all.extend(each("leave", leaves(), |reason| Command::Leave { group: g(), epoch: E, reason }));
    all.extend(each("admin-wait", admin(), |reason| Command::AdminWait { resource: r(), epoch: E, reason }));
    all.extend(each("wait", waits(), |wait| Command::Wait { group: g(), wait: Some(wait) }));
    all.push(("wait-over".into(), Command::Wait { group: g(), wait: None }));
    all.extend(each("server-wait", server_waits(), |wait| Command::ServerWait { server: s(), wait: Some(wait) }));
    all.push(("server-wait-over".into(), Command::ServerWait { server: s(), wait: None }));
    all.extend(each("request-trust", trust::changes(), |change| Command::Request(change.into())));
    all.extend(each("request-act", trust::acts(), |act| Command::Request(act.into())));
    let (token, key) = (Hash([7; 32]), Hash([1; 32]));
    all.push(("spend".into(), Command::Spend { token, key }));
    all.push(("ended".into(), Command::Ended { act: 300, failed: None }));
    all.push(("ended-badly".into(), Command::Ended { act: 300, failed: Some("p4 does not answer".into()) }));
    let (what, code) = ("GET /v1/status".to_owned(), "not_a_user".to_owned());
    all.push(("denied".into(), Command::Denied { caller: trust::caller(), what, code, times: 40 }));
    let first_user = Time(1_800_000_000_000);
    all.push(("found-authority".into(), Command::FoundAuthority { authority: trust::authority(5), first_user }));
    all.push(("certified".into(), Command::Certified { node: n(), credential: trust::credential() }));
    let contact = |trouble| Command::HmcContact { hmc: "hmc1".into(), trouble };
    all.push(("hmc-contact".into(), contact(None)));
    all.extend(each("hmc-contact", troubles(), |trouble| contact(Some(trouble))));
    let key = Sealed(vec![1, 2, 3]);
    all.push(("entrust".into(), Command::Entrust { authority: Hash([5; 32]), node: n(), key }));
    all.push(("give-up-majority".into(), Command::GiveUpMajority { by: "root".into(), survivor: n() }));
    let kept = std::sync::Arc::new(super::ledger::ledgers().remove(1).1.kept());
    let restore = tenure_core::Request::Restore { kept, image: Hash([4; 32]) };
    all.push(("request-restore".into(), Command::Request(restore)));
    whole(all.iter().map(|(_, command)| command.clone()).collect());
    all
}

/// An entry with each command, and with each author.
pub fn entries() -> Vec<(String, Entry)> {
    let planned = |(name, command)| (name, Entry::planned(T, n(), vec![command]));
    let mut all: Vec<(String, Entry)> = commands().into_iter().map(planned).collect();
    let asked = Author::first_user(RequestId(u128::MAX - 7));
    all.push(("by-agent".into(), Entry { at: T, wall: T, author: Author::Agent(n()), commands: vec![] }));
    all.push((
        "by-operator".into(),
        Entry { at: T, wall: T, author: asked, commands: vec![Command::CleanServer(s()), Command::LapseNode(n())] },
    ));
    let from = trust::caller().author(RequestId(9), Some(n()));
    all.push(("by-user".into(), Entry { at: T, wall: T, author: from, commands: vec![] }));
    all
}
