//! Any cluster reads back from its written text as the same, whether its rules hold or not.

use crate::{cluster, export, fields::Log};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use tenure_core::{Span, config::*};
use toml::de::DeTable;

/// A source of choices from a list of numbers: proptest shrinks the numbers.
struct Dice(Vec<u32>, usize);

impl Dice {
    fn roll(&mut self, sides: u32) -> u32 {
        self.1 += 1;
        self.0.get(self.1 - 1).copied().unwrap_or_default() % sides
    }
    fn flag(&mut self) -> bool {
        self.roll(2) == 1
    }
    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.roll(u32::try_from(all.len()).unwrap()) as usize].clone()
    }
    fn word(&mut self) -> String {
        self.of(&["web", "p1", "p2", "a.b", "ü \"quoted\" \\", "line\nbreak", "5", "", "db"]).to_owned()
    }
    fn name<T: From<String>>(&mut self) -> T {
        T::from(self.word())
    }
    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.roll(4)).map(|_| item(self)).collect()
    }
    fn map<T>(&mut self, mut value: impl FnMut(&mut Self) -> T) -> BTreeMap<String, T> {
        self.list(|dice| (dice.word(), value(dice))).into_iter().collect()
    }
    fn number(&mut self) -> u64 {
        self.of(&[0, 1, 7, 50, 1024, 8192, 1 << 40, i64::MAX as u64 / 100])
    }
    fn span(&mut self) -> Span {
        Span(self.of(&[0, 1, 250, 1500, 60_000, 3_600_000, 86_400_001]))
    }
    fn maybe<T>(&mut self, mut value: impl FnMut(&mut Self) -> T) -> Option<T> {
        self.flag().then(|| value(self))
    }
}

fn any_server(dice: &mut Dice) -> Server {
    Server {
        surrogate: dice.flag(),
        memory: dice.maybe(Dice::number),
        processors: dice.maybe(Dice::number),
        units: dice.maybe(Dice::number),
        limits: dice.map(Dice::number),
        zone: dice.maybe(Dice::word),
        ..Server::new(&format!("s{}", dice.word()), "9009-42A*1234567", dice.list(Dice::name))
    }
}

fn any_link(dice: &mut Dice) -> Link {
    Link {
        child: format!("g{}", dice.word()).into(),
        need: dice.of(&[Need::OnlineLocal, Need::OnlineGlobal, Need::OnlineRemote, Need::OfflineLocal]),
        rigidity: dice.of(&[Rigidity::Soft, Rigidity::Firm, Rigidity::Hard]),
    }
}

fn any_hooks(dice: &mut Dice) -> BTreeMap<Trigger, Hook> {
    let all = [
        Trigger::PreOnline,
        Trigger::PostOnline,
        Trigger::PostOffline,
        Trigger::ResourceFault,
        Trigger::ResourceRestart,
        Trigger::ResourceNotOff,
        Trigger::AdminWait,
        Trigger::NoFailover,
        Trigger::Violation,
    ];
    let hook = |dice: &mut Dice| Hook { program: format!("/bin/{}", dice.word()), timeout: dice.span() };
    dice.list(|dice| (dice.of(&all), hook(dice))).into_iter().collect()
}

fn any_group(dice: &mut Dice) -> Group {
    let minute = [0, 61, 1439, 1440];
    Group {
        kind: dice.of(&[GroupKind::Failover, GroupKind::Parallel]),
        priority: dice.roll(u32::MAX),
        servers: dice.list(Dice::name),
        autostart: dice.flag(),
        autostart_servers: dice.list(Dice::name),
        autostart_policy: dice.of(&[AutostartPolicy::Order, AutostartPolicy::Load, AutostartPolicy::Priority]),
        policy: dice.of(&[Policy::Priority, Policy::RoundRobin, Policy::Load, Policy::BiggestAvailable]),
        failover: dice.of(&[Failover::Never, Failover::Any, Failover::Zone]),
        failback: match dice.roll(3) {
            0 => Failback::Never,
            1 => Failback::AtOnce,
            _ => Failback::Window { from: dice.of(&minute), to: dice.of(&minute) },
        },
        server_down: dice.of(&[ServerDown::Failover, ServerDown::Hold]),
        shutdown: dice.of(&[Shutdown::Failover, Shutdown::Migrate, Shutdown::Freeze]),
        evacuate: dice.flag(),
        auto_restart: dice.of(&[AutoRestart::Never, AutoRestart::Yes, AutoRestart::Clear]),
        restart_limit: dice.roll(9),
        restart_window: dice.span(),
        online_retry_limit: dice.roll(9),
        online_retry_interval: dice.span(),
        clear_parents: dice.flag(),
        manage_faults: dice.flag(),
        propagate_faults: dice.flag(),
        frozen: dice.flag(),
        managed: dice.flag(),
        load: Load { memory: dice.number(), processors: dice.number(), units: dice.number() },
        prerequisites: dice.map(Dice::number),
        requires: dice.list(any_link),
        hooks: any_hooks(dice),
    }
}

fn any_resource(dice: &mut Dice, group: &str) -> Resource {
    let kind = if dice.flag() {
        Kind::Lpar(Lpar {
            partition: format!("l{}", dice.word()),
            profile: dice.maybe(Dice::word),
            profiles: dice.map(Dice::word).into_iter().map(|(server, name)| (server.into(), name)).collect(),
            vios: dice.list(Dice::word),
            memory: dice.number(),
            processors: dice.number(),
            mobile: dice.flag(),
            migrate_timeout: dice.span(),
            os: if dice.roll(2) == 0 { OperatingSystem::AixLinux } else { OperatingSystem::IbmI },
        })
    } else {
        let on = dice.map(|dice| dice.map(Dice::word));
        Kind::Agent(Agent {
            agent: format!("T{}", dice.word()),
            operations: dice.of(&[Operations::OnOff, Operations::OnOnly, Operations::None]),
            attributes: dice.map(Dice::word),
            on: on.into_iter().map(|(server, attributes)| (server.into(), attributes)).collect(),
            intentional_offline: dice.flag(),
            watch: Watch {
                interval: dice.maybe(Dice::span),
                offline_interval: dice.maybe(Dice::span),
                timeout: dice.maybe(Dice::span),
                depths: dice.map(Dice::span),
            },
        })
    };
    Resource {
        group: group.into(),
        kind,
        requires: dice.list(|dice| Requirement { of: dice.list(Dice::name), at_least: dice.roll(4) }),
        critical: dice.flag(),
        enabled: dice.flag(),
        monitor_only: dice.flag(),
        autostart: dice.flag(),
        start_timeout: dice.span(),
        stop_timeout: dice.span(),
        patience: Patience {
            restart_limit: dice.maybe(|dice| dice.roll(4)),
            restart_window: dice.maybe(Dice::span),
            tolerance: dice.roll(4),
            online_retries: dice.roll(4),
            online_wait: dice.roll(4),
            monitor_timeouts: dice.roll(6),
            clean_retries: dice.roll(4),
        },
    }
}

fn any_rule(dice: &mut Dice) -> PlacementRule {
    let servers = |dice: &mut Dice| dice.list(Dice::name).into_iter().collect::<BTreeSet<_>>();
    PlacementRule {
        asks: match dice.roll(4) {
            0 => Asks::Apart,
            1 => Asks::Together,
            2 => Asks::On(servers(dice)),
            _ => Asks::NotOn(servers(dice)),
        },
        groups: dice.list(Dice::name).into_iter().collect(),
        strict: dice.flag(),
    }
}

fn any_cluster(dice: &mut Dice) -> Cluster {
    let hmc = Hmc { address: "h:22".to_owned(), user: "u".to_owned(), host_key: "k".to_owned() };
    let mut cluster = Cluster { name: "site".to_owned(), owner_mark: dice.flag(), ..Cluster::default() };
    cluster.managers = dice.list(|dice| (dice.name(), hmc.clone().into())).into_iter().collect();
    cluster.servers = dice.list(|dice| (dice.name(), any_server(dice))).into_iter().collect();
    let node = |dice: &mut Dice| Node {
        server: dice.maybe(Dice::name),
        lpar: dice.maybe(Dice::word),
        watchdog: dice.maybe(Dice::span),
    };
    cluster.nodes = dice.list(|dice| (dice.name(), node(dice))).into_iter().collect();
    for n in 0..dice.roll(3) {
        cluster.groups.insert(format!("g{n}").into(), any_group(dice));
        for r in 0..dice.roll(3) {
            cluster.resources.insert(format!("r{n}{r}").into(), any_resource(dice, &format!("g{n}")));
        }
    }
    let tier = |dice: &mut Dice| Tier {
        groups: dice.list(Dice::name),
        link: dice.of(&[TierLink::Soft, TierLink::Firm, TierLink::Restart]),
    };
    let service = |dice: &mut Dice| Service { tiers: dice.list(tier) };
    cluster.services = dice.list(|dice| (dice.name(), service(dice))).into_iter().collect();
    cluster.rules = dice.list(|dice| (dice.name(), any_rule(dice))).into_iter().collect();
    cluster.tolerance = Tolerance { servers: dice.roll(3), within_zone: dice.flag(), warn: dice.flag() };
    let (starts, stops, migrations, per_manager) = (dice.roll(9), dice.roll(9), dice.roll(9), dice.roll(20));
    let boots = dice.roll(9);
    let (storm, flaps, preempt) = (dice.roll(5), dice.roll(5), dice.flag());
    let (storm_window, flap_window, quarantine) = (dice.span(), dice.span(), dice.span());
    cluster.brakes = Brakes {
        starts,
        boots,
        stops,
        migrations,
        per_manager,
        storm,
        storm_window,
        flaps,
        flap_window,
        quarantine,
        preempt,
    };
    cluster.timings.heartbeat = dice.span();
    cluster.timings.suspect = dice.span();
    cluster.timings.lease = dice.span();
    cluster.timings.monitor = dice.span();
    cluster.timings.stand_down = dice.span();
    cluster.timings.settle = dice.span();
    cluster.timings.fence = dice.span();
    cluster
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn what_is_written_reads_back_as_the_same(rolls in proptest::collection::vec(any::<u32>(), 0..900)) {
        let cluster = any_cluster(&mut Dice(rolls, 0));
        let text = export(&cluster);
        let table = DeTable::parse(&text).map_err(|why| TestCaseError::fail(format!("{why}\n{text}")))?;
        let mut log = Log::default();
        let (back, strange) = cluster::read(&mut log, table.get_ref());
        let said: Vec<&String> = log.found.iter().map(|found| &found.message).collect();
        prop_assert!(said.is_empty() && !strange, "{:?}\n{}", said, text);
        prop_assert_eq!(&back, &cluster, "{}", text);
        prop_assert_eq!(export(&back), text);
    }
}
