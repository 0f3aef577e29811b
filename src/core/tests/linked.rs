//! Links between groups, placement rules and services: what holds by where the other groups are, as tables.

use crate::{
    scene::{NOW, Scene, migration},
    site,
};
use std::sync::Arc;
use tenure_core::{
    Author, Command, GroupName, Refusal, Request, ServerName, ServiceName, Verb,
    config::{Asks, Cluster, Group, GroupKind, Link, Need, PlacementRule, Resource, Rigidity, Service, Tier, TierLink},
    ledger::{GroupState, Intent, Phase, Tenure},
    note::{FaultReason, LeaveReason, NotHere, Note, Wait},
    order::Epoch,
};

const NEEDS: [Need; 4] = [Need::OnlineLocal, Need::OnlineGlobal, Need::OnlineRemote, Need::OfflineLocal];

/// Three servers, and groups db and web with an LPAR each; web has this link to db, if any.
fn cluster(link: Option<(Need, Rigidity)>) -> Cluster {
    let mut cluster = site::with_web(site::site(3), "web1", site::web1());
    cluster.groups.insert("db".into(), Group::new(vec!["p1".into(), "p2".into(), "p3".into()]));
    cluster.resources.insert("db1".into(), Resource::lpar("db".into(), "db1"));
    let requires = link.map(|(need, rigidity)| Link { child: "db".into(), need, rigidity });
    cluster.groups.get_mut("web").expect("declared").requires.extend(requires);
    cluster
}

fn scene(need: Need, rigidity: Rigidity) -> Scene {
    Scene::new(cluster(Some((need, rigidity))))
}

fn leaving(reason: LeaveReason) -> Phase {
    Phase::Leaving { reason, index: 8 }
}

fn migrating(to: &str) -> Phase {
    Phase::Migrating(migration(to))
}

/// The servers of p1, p2 and p3 for which it holds.
fn on(holds: impl Fn(&ServerName) -> bool) -> String {
    ["p1", "p2", "p3"].into_iter().filter(|server| holds(&(*server).into())).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_link_is_met_by_where_the_child_is_online_or_is() {
    // The phase of the child's tenure on p1; and where each need is met.
    for (phase, met) in [
        (None, ["", "", "", "p1 p2 p3"]),
        (Some(Phase::Starting), ["", "", "", "p2 p3"]),
        (Some(Phase::Online), ["p1", "p1 p2 p3", "p2 p3", "p2 p3"]),
        (Some(leaving(LeaveReason::Offline)), ["", "", "", "p2 p3"]),
        (Some(migrating("p2")), ["p1", "p1 p2 p3", "p2 p3", "p3"]),
    ] {
        for (need, met) in NEEDS.into_iter().zip(met) {
            let mut scene = scene(need, Rigidity::Firm);
            if let Some(phase) = &phase {
                scene.holds("db", "p1", phase.clone());
            }
            let ledger = &scene.ledger;
            let link = &ledger.config.groups["web"].requires[0];
            assert_eq!(on(|server| ledger.is_met(link, server)), met, "{phase:?} {need:?}");
            assert_eq!(on(|server| ledger.is_met_without(link, server, Some(&"web".into()))), met);
            let alone = if need == Need::OfflineLocal { "p1 p2 p3" } else { "" };
            assert_eq!(on(|server| ledger.is_met_without(link, server, Some(&"db".into()))), alone);
            let forbids = |server: &ServerName| ledger.link_forbids(&"web".into(), &ledger.groups["web"], server);
            assert_eq!(on(|server| forbids(server).is_none()), met, "{phase:?} {need:?}");
            let why = NotHere::Link { child: "db".into(), need };
            assert!(["p1", "p2", "p3"].iter().filter_map(|server| forbids(&(*server).into())).all(|said| said == why));
        }
    }
}

#[test]
fn the_links_to_a_group_are_those_that_name_it() {
    let mut cluster = cluster(Some((Need::OnlineGlobal, Rigidity::Soft)));
    cluster.groups.insert("cache".into(), Group::new(vec!["p1".into(), "p2".into(), "p3".into()]));
    cluster.resources.insert("c1".into(), Resource::lpar("cache".into(), "c1"));
    let to_cache = Link { child: "cache".into(), need: Need::OnlineRemote, rigidity: Rigidity::Firm };
    cluster.groups.get_mut("web").expect("declared").requires.push(to_cache);
    let scene = Scene::new(cluster);
    let links = |name: &str| {
        let name = GroupName::from(name);
        let links = scene.ledger.links_to(&name);
        links.iter().map(|(parent, _, link)| (parent.to_string(), link.need)).collect::<Vec<_>>()
    };
    assert_eq!(links("db"), [("web".to_owned(), Need::OnlineGlobal)]);
    assert_eq!(links("cache"), [("web".to_owned(), Need::OnlineRemote)]);
    assert_eq!((links("web"), links("other")), (vec![], vec![]));
}

#[test]
fn a_group_is_online_or_leaves_or_stays_by_its_phase() {
    for (phase, online, stays, by_hand) in [
        (Phase::Starting, false, true, false),
        (Phase::Online, true, true, false),
        (migrating("p2"), true, true, false),
        (leaving(LeaveReason::Offline), false, false, true),
        (leaving(LeaveReason::Service("shop".into())), false, false, true),
        (leaving(LeaveReason::Fault), false, false, false),
    ] {
        let tenure = Tenure { epoch: Epoch(1), server: "p1".into(), since: NOW, phase };
        let group = GroupState { tenure: Some(tenure.clone()), ..GroupState::default() };
        assert_eq!((tenure.is_online(), tenure.stays()), (online, stays), "{tenure:?}");
        assert_eq!((group.is_online(), group.staying().is_some()), (online, stays), "{tenure:?}");
        assert_eq!(group.is_stopped_by_hand(), by_hand, "{tenure:?}");
        let last = Some(ServerName::from("p1"));
        assert!(!group.is_new() && !GroupState { last: last.clone(), ..group }.is_new());
        assert!(!GroupState { last, ..GroupState::default() }.is_new());
    }
    let new = GroupState::default();
    assert!(new.is_new() && !new.is_online() && !new.is_stopped_by_hand() && new.staying().is_none());
    let scene = Scene::new(cluster(None)).with(|scene| scene.off("p1"));
    assert_eq!(on(|server| scene.ledger.is_proven_off(server)), "p1");
}

#[test]
fn a_firm_link_is_added_to_a_group_that_runs_once_it_is_met() {
    let asked = |known: bool, rigidity, met: bool, phase: Option<Phase>| {
        let link = Some((Need::OnlineGlobal, rigidity));
        let mut scene = Scene::new(cluster(link.filter(|_| known)));
        if met {
            scene.holds("db", "p2", Phase::Online);
        }
        if let Some(phase) = phase {
            scene.holds("web", "p1", phase);
        }
        let mut new = cluster(link);
        new.timings.monitor = tenure_core::Span::seconds(6);
        scene.ask(Request::Configure { cluster: Arc::new(new), strand: false })
    };
    let unmet = Some(Refusal::LinkUnmet { group: "web".into(), child: "db".into(), need: Need::OnlineGlobal });
    assert_eq!(asked(false, Rigidity::Firm, false, Some(Phase::Online)), unmet);
    assert_eq!(asked(false, Rigidity::Firm, false, Some(Phase::Starting)), unmet);
    assert_eq!(asked(false, Rigidity::Firm, true, Some(Phase::Online)), None);
    assert_eq!(asked(false, Rigidity::Soft, false, Some(Phase::Online)), None);
    assert_eq!(asked(false, Rigidity::Firm, false, Some(leaving(LeaveReason::Offline))), None);
    assert_eq!(asked(false, Rigidity::Firm, false, None), None);
    assert_eq!(asked(true, Rigidity::Firm, false, Some(Phase::Online)), None, "it has it already");
}

#[test]
fn every_instance_of_a_parallel_group_is_a_parent() {
    let mut cluster = cluster(None);
    let mut net = Group::new(vec!["p1".into(), "p2".into()]);
    net.kind = GroupKind::Parallel;
    net.requires.push(Link { child: "db".into(), need: Need::OnlineGlobal, rigidity: Rigidity::Soft });
    cluster.groups.insert("net".into(), net);
    cluster.resources.insert("ip".into(), Resource::agent("net".into(), "Application"));
    let scene = Scene::new(cluster);
    let parents: Vec<String> = scene.ledger.groups["db"].ties.parents.iter().map(ToString::to_string).collect();
    assert!(parents.contains(&"net@p1".to_owned()) && parents.contains(&"net@p2".to_owned()), "{parents:?}");
    assert!(!parents.contains(&"web".to_owned()), "{parents:?}");
    assert_eq!(scene.ledger.links_to(&"db".into()).len(), 2);
}

#[test]
fn a_group_is_queued_no_more_for_a_service_that_it_is_not_part_of() {
    let mut scene = Scene::new(shop());
    scene.group("web").queued = ["shop".into(), "other".into()].into();
    let mut new = shop();
    new.timings.monitor = tenure_core::Span::seconds(6);
    assert_eq!(scene.ask(Request::Configure { cluster: Arc::new(new), strand: false }), None);
    assert_eq!(scene.group("web").queued, ["shop".into()].into());
}

#[test]
fn a_group_that_comes_online_clears_the_faults_of_its_parents_if_it_is_declared_so() {
    let cleared = |declared: bool, faulted: bool| {
        let mut scene = scene(Need::OnlineGlobal, Rigidity::Soft);
        scene.config().groups.get_mut("db").expect("declared").clear_parents = declared;
        scene.holds("db", "p1", Phase::Starting);
        if faulted {
            let reason = FaultReason::PersistentDown { resource: "web1".into() };
            scene.web().faults.insert("p2".into(), (NOW, reason));
        }
        let online = Command::Online { group: "db".into(), epoch: Epoch(1) };
        let outcome = scene.apply(Author::Planner("n1".into()), online);
        assert_eq!(outcome.refusal(), None);
        let told = outcome.notes().filter(|note| matches!(note, Note::FaultsCleared { .. })).count();
        (scene.web().faults.len(), told)
    };
    assert_eq!(cleared(true, true), (0, 1));
    assert_eq!(cleared(true, false), (0, 0));
    assert_eq!(cleared(false, true), (1, 0));
}

#[test]
fn a_strict_rule_keeps_a_group_from_servers_by_where_the_others_are() {
    let one = || ["p1".into()].into();
    // Where db is; and the servers that the rule forbids to web.
    for (asks, at_p1, nowhere, with) in [
        (Asks::Together, "p2 p3", "", Some("db")),
        (Asks::Apart, "p1", "", Some("db")),
        (Asks::On(one()), "p2 p3", "p2 p3", None),
        (Asks::NotOn(one()), "p1", "p1", None),
    ] {
        for strict in [true, false] {
            let mut cluster = cluster(None);
            let groups = ["db".into(), "web".into()].into();
            cluster.rules.insert("rule".into(), PlacementRule { asks: asks.clone(), groups, strict });
            let mut scene = Scene::new(cluster);
            let forbids = |scene: &Scene| {
                let rule = |server: &ServerName| {
                    let found = scene.ledger.rule_forbids(&"web".into(), &scene.ledger.groups["web"], server);
                    let with = with.map(GroupName::from);
                    assert!(
                        found.iter().all(|said| *said == NotHere::Rule { rule: "rule".into(), with: with.clone() })
                    );
                    found.is_some()
                };
                on(rule)
            };
            assert_eq!(forbids(&scene), if strict { nowhere } else { "" }, "{asks:?}");
            scene.holds("web", "p3", Phase::Online);
            assert_eq!(forbids(&scene), if strict { nowhere } else { "" }, "{asks:?}: where it is itself says nothing");
            scene.holds("db", "p1", Phase::Online);
            assert_eq!(forbids(&scene), if strict { at_p1 } else { "" }, "{asks:?}");
        }
    }
}

/// Service shop: db below web.
fn shop() -> Cluster {
    let mut cluster = cluster(None);
    let tier = |group: &str| Tier { groups: vec![group.into()], link: TierLink::Soft };
    cluster.services.insert("shop".into(), Service { tiers: vec![tier("db"), tier("web")] });
    cluster
}

#[derive(Clone, Copy, Debug)]
enum Is {
    /// To be online, and it is.
    Up,
    /// To be online, and on its way.
    Starts,
    /// To be online, and has no tenure.
    Waits,
    /// The same; it has failed, and no server can take it.
    Lost,
    /// The same, but it has not failed.
    Homeless,
    /// It has failed, and waits for something else.
    Failed,
    /// It has failed elsewhere, waits for a server that can take it, and runs.
    Troubled,
    /// Not to be online, and it is on its way off.
    Leaves,
    /// Not to be online, and it is not.
    Down,
    /// Not to be online, has failed, and no server can take it.
    Gone,
}

impl Is {
    fn set(self, scene: &mut Scene, name: &str) {
        use Is::*;
        let wanted = !matches!(self, Leaves | Down | Gone);
        scene.group(name).intent = if wanted { Intent::Online } else { Intent::Offline };
        match self {
            Up => scene.holds(name, "p1", Phase::Online),
            Starts | Troubled => scene.holds(name, "p1", Phase::Starting),
            Leaves => scene.holds(name, "p1", leaving(LeaveReason::Offline)),
            Waits | Lost | Homeless | Failed | Down | Gone => {}
        }
        if matches!(self, Lost | Failed | Troubled | Gone) {
            let reason = FaultReason::PersistentDown { resource: "x".into() };
            scene.group(name).faults.insert("p3".into(), (NOW, reason));
        }
        if matches!(self, Lost | Homeless | Troubled | Gone) {
            scene.group(name).wait = Some(Wait::NoTarget { why: Default::default() });
        }
    }
}

#[test]
fn the_state_of_a_service_follows_from_its_groups() {
    use Is::*;
    for (db, web, word) in [
        (Up, Up, "online"),
        (Down, Down, "offline"),
        (Down, Gone, "offline"),
        (Leaves, Down, "stopping"),
        (Up, Down, "partial"),
        (Up, Leaves, "partial"),
        (Up, Gone, "partial"),
        (Up, Waits, "starting"),
        (Up, Starts, "starting"),
        (Waits, Down, "starting"),
        (Up, Homeless, "starting"),
        (Up, Failed, "starting"),
        (Up, Troubled, "starting"),
        (Up, Lost, "faulted"),
        (Lost, Down, "faulted"),
    ] {
        let mut scene = Scene::new(shop());
        db.set(&mut scene, "db");
        web.set(&mut scene, "web");
        let view = scene.ledger.service(&"shop".into()).expect("it is declared");
        assert_eq!(view.state.to_string(), word, "{db:?} {web:?}");
        let tiers: Vec<Vec<&str>> =
            view.tiers.iter().map(|tier| tier.iter().map(|member| member.group.as_str()).collect()).collect();
        assert_eq!(tiers, [["db"], ["web"]]);
        assert!(scene.ledger.service(&"other".into()).is_none());
    }
}

#[test]
fn a_group_waits_for_the_tiers_below_it_and_goes_after_those_above_it() {
    let mut scene = Scene::new(shop());
    let names = |names: &[&str]| names.iter().map(|name| GroupName::from(*name)).collect::<Vec<_>>();
    let below = |scene: &Scene, group: &str| {
        scene.ledger.tiers_below(&"shop".into(), &group.into()).into_iter().collect::<Vec<_>>()
    };
    let above = |scene: &Scene, group: &str| {
        let above = scene.ledger.tiers_above(&GroupName::from(group), &scene.ledger.groups[group]);
        above.into_iter().map(|(name, _)| name.clone()).collect::<Vec<_>>()
    };
    assert_eq!((below(&scene, "db"), below(&scene, "web")), (names(&[]), names(&["db"])));
    assert_eq!((above(&scene, "db"), above(&scene, "web")), (names(&["web"]), names(&[])));
    scene.holds("db", "p1", Phase::Online);
    assert_eq!(below(&scene, "web"), names(&[]), "it is online");
    assert_eq!(scene.ledger.tiers_below(&"other".into(), &"web".into()), [].into());
}

/// The intents of db and web after the request, whether each is queued for the service, and whether each leaves.
fn after_service(db: Is, web: Is, online: bool) -> Result<[(Intent, bool, bool); 2], Refusal> {
    let mut scene = Scene::new(shop());
    db.set(&mut scene, "db");
    web.set(&mut scene, "web");
    let service = || ServiceName::from("shop");
    let verb =
        if online { Verb::ServiceOnline { service: service() } } else { Verb::ServiceOffline { service: service() } };
    let of_service = Phase::Leaving { reason: LeaveReason::Service(service()), index: scene.ledger.index + 1 };
    match scene.ask(verb) {
        Some(refused) => Err(refused),
        None => Ok(["db", "web"].map(|name| {
            let group = scene.group(name);
            let leaves = group.tenure.as_ref().is_some_and(|tenure| tenure.phase == of_service);
            (group.intent, group.queued.contains("shop"), leaves)
        })),
    }
}

#[test]
fn a_service_is_started_where_it_is_down_and_stopped_where_it_is_to_be_up() {
    use Is::*;
    let (up, queued) = ((Intent::Online, false, false), (Intent::Online, true, false));
    let already = |online| Err(Refusal::ServiceAlready { service: "shop".into(), online });
    assert_eq!(after_service(Up, Up, true), already(true));
    assert_eq!(after_service(Up, Starts, true), already(true));
    assert_eq!(after_service(Down, Down, true), Ok([queued, queued]));
    assert_eq!(after_service(Up, Down, true), Ok([up, queued]));
    assert_eq!(after_service(Up, Waits, true), Ok([up, queued]));
    assert_eq!(after_service(Leaves, Up, true), Ok([queued, up]));
    let (down, leaves) = ((Intent::Offline, false, false), (Intent::Offline, false, true));
    assert_eq!(after_service(Down, Down, false), already(false));
    assert_eq!(after_service(Leaves, Down, false), already(false));
    assert_eq!(after_service(Up, Up, false), Ok([leaves, leaves]));
    assert_eq!(after_service(Up, Down, false), Ok([leaves, down]));
    assert_eq!(after_service(Waits, Starts, false), Ok([down, leaves]));
}

#[test]
fn a_service_does_not_take_the_ground_from_a_group_that_is_not_part_of_it() {
    let asked = |rigidity| {
        let mut cluster = shop();
        cluster.groups.insert("other".into(), Group::new(vec!["p1".into(), "p2".into(), "p3".into()]));
        cluster.resources.insert("o1".into(), Resource::lpar("other".into(), "o1"));
        let link = Link { child: "db".into(), need: Need::OnlineGlobal, rigidity };
        cluster.groups.get_mut("other").expect("declared").requires.push(link);
        let mut scene = Scene::new(cluster);
        for group in ["db", "web", "other"] {
            Is::Up.set(&mut scene, group);
        }
        scene.ask(Verb::ServiceOffline { service: "shop".into() })
    };
    let parents = ["other".into()].into();
    assert_eq!(asked(Rigidity::Firm), Some(Refusal::ParentsOnline { group: "db".into(), parents }));
    assert_eq!(asked(Rigidity::Soft), None);
}
