//! What a new configuration leaves of what was known, and what the ledger keeps of the past, as tables.

use crate::{
    scene::{NOW, ORDER, Scene, migration},
    site,
};
use std::sync::Arc;
use tenure_core::{
    Action, Author, Command, Ledger, Level, Power, Refusal, Request, RequestId, ServerName, Span, Time, Verb,
    config::{Cluster, Group, Kind, Resource, Server, Trigger},
    ledger::{CopyState, Intent, JOURNAL_LIMIT, Phase, REQUEST_LIMIT, Run},
    note::Note,
    order::Epoch,
};

/// Three servers with their nodes; group web with LPARs web1, which is mobile, and web2, and group other.
fn cluster() -> Cluster {
    let mut cluster = site::with_web(site::site(3), "web1", site::web1());
    if let Some(Kind::Lpar(lpar)) = cluster.resources.get_mut("web1").map(|resource| &mut resource.kind) {
        lpar.mobile = true;
    }
    cluster.resources.insert("web2".into(), Resource::lpar("web".into(), "web2"));
    cluster.groups.insert("other".into(), Group::new(vec!["p1".into(), "p2".into(), "p3".into()]));
    cluster.resources.insert("o1".into(), Resource::lpar("other".into(), "o1"));
    cluster
}

fn scene() -> Scene {
    Scene::new(cluster())
}

fn configure(edit: impl Fn(&mut Cluster)) -> Request {
    let mut cluster = cluster();
    edit(&mut cluster);
    Request::Configure { cluster: Arc::new(cluster), strand: true }
}

fn mobile(cluster: &mut Cluster, mobile: bool) {
    if let Some(Kind::Lpar(lpar)) = cluster.resources.get_mut("web1").map(|resource| &mut resource.kind) {
        lpar.mobile = mobile;
    }
}

fn slower(cluster: &mut Cluster) {
    cluster.timings.monitor = Span::seconds(6);
}

fn without_p3(cluster: &mut Cluster) {
    cluster.servers.remove("p3");
    cluster.nodes.remove("n3");
    cluster.groups.values_mut().for_each(|group| group.servers.retain(|server| server.as_str() != "p3"));
}

fn other_machine(cluster: &mut Cluster) {
    cluster.servers.insert("p1".into(), Server::new("p1", "9009-42A*7777777", vec!["hmc1".into()]));
}

fn to_p2() -> Phase {
    Phase::Migrating(migration("p2"))
}

#[test]
fn the_same_configuration_again_changes_nothing() {
    let mut scene = scene();
    assert_eq!(scene.ask(configure(|_| {})), Some(Refusal::NoChange));
    assert_eq!(scene.ask(configure(slower)), None);
}

#[test]
fn what_moves_is_not_made_immobile() {
    let asked = |phase: Phase, edit: fn(&mut Cluster)| {
        let mut scene = scene();
        scene.holds("web", "p1", phase);
        scene.ask(configure(edit))
    };
    let fixed: fn(&mut Cluster) = |cluster| mobile(cluster, false);
    assert!(matches!(asked(to_p2(), fixed), Some(Refusal::LosesSight(why)) if why.starts_with("web1, ")));
    assert_eq!(asked(Phase::Online, fixed), None);
    assert_eq!(asked(to_p2(), slower), None);
}

#[test]
fn groups_that_are_declared_no_more_are_told_of() {
    let mut scene = scene();
    let edit = |cluster: &mut Cluster| {
        cluster.groups.remove("other");
        cluster.resources.remove("o1");
    };
    let author = Author::first_user(RequestId(9));
    let outcome = scene.apply(author, Command::Request(configure(edit)));
    let removed = |note: &Note| if let Note::Removed { group } = note { Some(group.to_string()) } else { None };
    assert_eq!(outcome.notes().filter_map(removed).collect::<Vec<_>>(), ["other"]);
}

#[test]
fn what_was_granted_for_longer_lasts_as_long() {
    // The declared seconds of lease and settling time instead of 3 and 30; and whether old leases and old commands have
    // to be outlasted.
    for (lease, settle, leases, settles) in [
        (3, 30, false, false),
        (2, 30, true, false),
        (3, 29, false, true),
        (2, 29, true, true),
        (4, 31, false, false),
        (2, 31, true, false),
    ] {
        let mut scene = scene();
        let edit = |cluster: &mut Cluster| {
            slower(cluster);
            (cluster.timings.lease, cluster.timings.settle) = (Span::seconds(lease), Span::seconds(settle));
        };
        assert_eq!(scene.ask(configure(edit)), None);
        let (granted, settled) = (scene.ledger.leases_end, scene.ledger.settles_end);
        assert_eq!((granted > NOW, settled > NOW), (leases, settles), "{lease} {settle}");
        assert!(!leases || granted > NOW.after(Span::seconds(3)));
        assert!(!settles || settled > NOW.after(Span::seconds(33)));
    }
}

#[test]
fn orders_about_what_is_declared_otherwise_are_called_back() {
    let stop = |resource: &str| Action::Stop { resource: resource.into(), grace: Span(0) };
    let hook = |group: &str| Action::Hook {
        group: group.into(),
        trigger: Trigger::PostOnline,
        program: "/opt/hook".to_owned(),
        arguments: Vec::new(),
    };
    let renamed = |cluster: &mut Cluster| {
        if let Some(Kind::Lpar(lpar)) = cluster.resources.get_mut("web2").map(|resource| &mut resource.kind) {
            lpar.partition = "another".to_owned();
        }
    };
    let gone = |cluster: &mut Cluster| {
        cluster.groups.remove("other");
        cluster.resources.remove("o1");
    };
    let n3_gone = |cluster: &mut Cluster| {
        cluster.nodes.remove("n3");
        cluster.servers.get_mut("p3").expect("declared").surrogate = true;
    };
    // The server and the node of an order, the change, and whether the order stands.
    type Edit<'a> = &'a dyn Fn(&mut Cluster);
    let cases: [(&str, &str, Action, Edit<'_>, bool); 12] = [
        ("p1", "n1", stop("web2"), &slower, true),
        ("p1", "n1", stop("web2"), &renamed, false),
        ("p1", "n1", stop("web1"), &renamed, true),
        ("p3", "n3", Action::Fence, &slower, true),
        ("p3", "n3", Action::Fence, &without_p3, false),
        ("p1", "n3", Action::Fence, &n3_gone, false),
        ("p1", "n2", Action::Fence, &n3_gone, true),
        ("p1", "n2", Action::Fence, &other_machine, false),
        ("p2", "n1", Action::Fence, &other_machine, true),
        ("p1", "n1", hook("other"), &slower, true),
        ("p1", "n1", hook("other"), &gone, false),
        ("p1", "n1", hook("web"), &gone, true),
    ];
    for (server, node, action, edit, stands) in cases {
        let mut scene = scene();
        scene.owes(server, action.clone());
        scene.ledger.orders.get_mut(&ORDER).expect("it is there").node = node.into();
        let mut new = cluster();
        edit(&mut new);
        slower(&mut new);
        assert_eq!(scene.ask(Request::Configure { cluster: Arc::new(new), strand: true }), None);
        assert_eq!(scene.ledger.orders.contains_key(&ORDER), stands, "{server} {node} {action}");
    }
}

#[test]
fn another_machine_under_a_known_name_is_unread_and_is_maintained_as_before() {
    let mut scene = scene();
    scene.server("p1").upkeep.frozen = true;
    assert_eq!(scene.ask(configure(other_machine)), None);
    let index = scene.ledger.index;
    let state = scene.server("p1");
    assert_eq!((state.declared, state.since, state.live), (index, None, false));
    assert_eq!((state.watcher.as_ref().map(ToString::to_string).as_deref(), state.upkeep.frozen), (Some("n1"), true));
    let state = scene.server("p2");
    assert_eq!((state.since, state.live), (Some(8), true));
    assert!(state.declared < index);
}

#[test]
fn an_lpar_that_is_mobile_no_more_is_not_missed_where_it_went_away_from() {
    for (still, power, kept) in [
        (false, Power::Absent, false),
        (false, Power::Off, true),
        (true, Power::Absent, true),
        (true, Power::Off, true),
    ] {
        let mut scene = scene();
        *scene.copy("web1", "p1") = CopyState { power, since: Some(8), listed: Some(5), ..CopyState::default() };
        let edit = |cluster: &mut Cluster| {
            slower(cluster);
            mobile(cluster, still);
        };
        assert_eq!(scene.ask(configure(edit)), None);
        assert_eq!(scene.copy("web1", "p1").listed.is_some(), kept, "{still} {power}");
    }
}

#[test]
fn the_failures_of_a_thing_are_not_those_of_another_under_its_name() {
    let mut cluster = site::with_web(site::site(2), "httpd", Resource::agent("web".into(), "Application"));
    cluster.resources.insert("cron".into(), Resource::agent("web".into(), "Application"));
    let mut scene = Scene::new(cluster.clone());
    scene.holds("web", "p1", Phase::Online);
    for resource in ["httpd", "cron"] {
        *scene.run(resource) = Run { tries: 3, ..Run::default() };
    }
    if let Some(Kind::Agent(agent)) = cluster.resources.get_mut("httpd").map(|resource| &mut resource.kind) {
        agent.attributes.insert("port".to_owned(), "81".to_owned());
    }
    assert_eq!(scene.ask(Request::Configure { cluster: Arc::new(cluster), strand: true }), None);
    assert_eq!((scene.run("httpd").tries, scene.run("cron").tries), (0, 3));
}

#[test]
fn a_new_load_is_booked_where_the_group_is_and_where_it_goes() {
    for (phase, at_target) in [(Phase::Online, 0), (to_p2(), 20)] {
        let mut scene = scene();
        scene.holds("web", "p1", phase);
        assert_eq!(scene.ask(configure(|new| new.groups.get_mut("web").expect("declared").load.memory = 20)), None);
        let mut used = |server: &str| (scene.server(server).used.memory, scene.server(server).groups);
        assert_eq!((used("p1"), used("p2"), used("p3")), ((20, 1), (at_target, u32::from(at_target > 0)), (0, 0)));
    }
}

#[test]
fn so_many_requests_and_events_are_kept() {
    for (before, after) in
        [(REQUEST_LIMIT - 2, REQUEST_LIMIT - 1), (REQUEST_LIMIT - 1, REQUEST_LIMIT), (REQUEST_LIMIT, REQUEST_LIMIT)]
    {
        let mut scene = scene();
        let ids: Vec<RequestId> = (0..before).map(|n| RequestId(1_000_000 + n as u128)).collect();
        let reply = scene.ledger.requests.values().next().expect("it was configured").clone();
        scene.ledger.requests = ids.iter().map(|id| (*id, reply.clone())).collect();
        scene.ledger.request_order = ids.into();
        assert_eq!(scene.ask(Verb::Disarm { terms: Default::default() }), None);
        assert_eq!((scene.ledger.requests.len(), scene.ledger.request_order.len()), (after, after));
        let oldest = scene.ledger.request_order.front().expect("some are kept");
        assert_eq!(*oldest == RequestId(1_000_000), before < REQUEST_LIMIT);
    }
    for (before, after) in
        [(JOURNAL_LIMIT - 2, JOURNAL_LIMIT - 1), (JOURNAL_LIMIT - 1, JOURNAL_LIMIT), (JOURNAL_LIMIT, JOURNAL_LIMIT)]
    {
        let mut scene = scene();
        let event = scene.ledger.journal.back().expect("it was configured").clone();
        scene.ledger.journal = vec![event; before].into();
        assert_eq!(scene.ask(Verb::Disarm { terms: Default::default() }), None);
        assert_eq!(scene.ledger.journal.len(), after);
    }
}

#[test]
fn a_request_that_is_refused_half_way_leaves_the_past_as_it_was() {
    let mut scene = scene();
    assert_eq!(scene.ask(Verb::Disarm { terms: Default::default() }), None);
    let (requests, events) = (scene.ledger.requests.clone(), scene.ledger.journal.clone());
    assert_eq!(scene.ask(Verb::Disarm { terms: Default::default() }), Some(Refusal::AlreadyDisarmed));
    assert_eq!(scene.ledger.journal, events);
    assert_eq!(
        (scene.ledger.requests.len(), scene.ledger.request_order.len()),
        (requests.len() + 1, requests.len() + 1)
    );
    assert!(requests.iter().all(|(id, reply)| scene.ledger.requests.get(id) == Some(reply)));
}

#[test]
fn two_ledgers_are_compared_by_all_but_words() {
    let mut scene = scene();
    scene.holds("web", "p1", Phase::Online);
    let compared = scene.ledger.compared();
    assert_eq!((compared.groups.clone(), compared.index), (scene.ledger.groups.clone(), scene.ledger.index));
    assert_eq!(compared.request_order, scene.ledger.request_order);
    assert!(!compared.request_order.is_empty() && compared.requests.is_empty() && compared.journal.is_empty());
    assert_eq!(compared, Ledger { request_order: scene.ledger.request_order.clone(), ..scene.ledger.scratch() });
}

#[test]
fn the_level_is_raised_and_never_lowered() {
    let mut ledger = Ledger::default();
    for (to, level) in [(2, 2), (1, 2), (3, 3), (3, 3)] {
        ledger.raise(Level(to));
        assert_eq!(ledger.level, Level(level));
    }
}

#[test]
fn nodes_whose_ledgers_differ_are_told_of() {
    for stop in [true, false] {
        let mut scene = scene();
        let diverged = Command::Diverged { nodes: ["n1".into()].into(), at: 7, stop };
        let outcome = scene.apply(Author::Planner("n1".into()), diverged);
        let told: Vec<_> = outcome.notes().collect();
        assert!(matches!(told.as_slice(), [Note::Diverged { at: 7, .. }]), "{told:?}");
    }
}

#[test]
fn whatever_is_granted_has_a_number_of_its_own() {
    let mut scene = scene();
    (scene.ledger.epoch, scene.ledger.now) = (Epoch(6), Time(NOW.0 + 1));
    let grant = Command::Grant { group: "other".into(), server: ServerName::from("p1") };
    scene.group("other").intent = Intent::Online;
    assert_eq!(scene.plan(grant), None);
    assert_eq!(scene.group("other").tenure.as_ref().map(|tenure| tenure.epoch), Some(Epoch(7)));
}

#[test]
fn a_configuration_that_would_be_refused_is_refused_before_its_tolerance_is_proven() {
    let scene = scene();
    let admitted = |edit: fn(&mut Cluster)| {
        let request = configure(|cluster| {
            cluster.tolerance.servers = 1;
            edit(cluster);
        });
        tenure_core::placement::tolerance::admit(&scene.ledger, &request)
    };
    assert_eq!(admitted(|_| {}), Ok(()));
    assert!(matches!(admitted(|cluster| cluster.brakes.starts = 0), Err(Refusal::Invalid(_))));
}

#[test]
fn a_cluster_that_declares_nothing_is_no_configuration() {
    let mut scene = Scene { ledger: Ledger::default() };
    let nothing = Request::Configure { cluster: Arc::new(Cluster::default()), strand: false };
    assert!(matches!(scene.ask(nothing), Some(Refusal::Invalid(_))));
}

/// Not every configuration comes from a file that was checked: a node may propose what it likes.
#[test]
fn a_configuration_that_is_proposed_keeps_the_limits_of_names() {
    let named = |name: &str| {
        let request = configure(|cluster| name.clone_into(&mut cluster.name));
        scene().ask(request)
    };
    for name in ["-rf", "..", ".hidden", "a..b"] {
        assert!(matches!(named(name), Some(Refusal::Invalid(_))), "{name}");
    }
    let Some(Refusal::Invalid(why)) = named(&"x".repeat(1_000_000)) else { panic!("a book is no name") };
    assert!(why.len() < 2_000, "{} bytes", why.len());
    assert_eq!(named("another"), None);
}
