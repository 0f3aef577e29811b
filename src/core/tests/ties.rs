//! The allowed dependencies: rules of links and tiers, and the priority of groups that others depend on.

use crate::site;
use std::{collections::BTreeMap, sync::Arc};
use tenure_core::{
    Author, Command, Entry, GroupName, Ledger, Refusal, Request, RequestId, Time, Verb,
    config::{Cluster, Group, GroupKind, Link, Need, Resource, Rigidity, Service, Tier, TierLink},
};

/// Groups `a` to `h`, each with one LPAR, and the parallel groups `p` and `q`, all on two servers.
fn cluster(links: &[(&str, &str, Need, Rigidity)]) -> Cluster {
    let mut cluster = site::site(2);
    for name in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        let mut group = Group::new(vec!["p1".into(), "p2".into()]);
        group.autostart = false;
        cluster.groups.insert(name.into(), group);
        cluster.resources.insert(format!("{name}1").as_str().into(), Resource::lpar(name.into(), &format!("{name}1")));
    }
    for name in ["p", "q"] {
        let mut group = Group::new(vec!["p1".into(), "p2".into()]);
        group.kind = GroupKind::Parallel;
        cluster.groups.insert(name.into(), group);
        let agent = Resource::agent(name.into(), "Application");
        cluster.resources.insert(format!("{name}1").as_str().into(), agent);
    }
    for (parent, child, need, rigidity) in links {
        let link = Link { child: (*child).into(), need: *need, rigidity: *rigidity };
        if let Some(group) = cluster.groups.get_mut(*parent) {
            group.requires.push(link);
        }
    }
    cluster
}

fn service(tiers: &[(&[&str], TierLink)]) -> Service {
    let tier = |(groups, link): &(&[&str], TierLink)| Tier {
        groups: groups.iter().map(|group| GroupName::from(*group)).collect(),
        link: *link,
    };
    Service { tiers: tiers.iter().map(tier).collect() }
}

fn mistakes(cluster: &Cluster) -> Vec<String> {
    cluster.mistakes().iter().map(ToString::to_string).collect()
}

const GLOBAL: (Need, Rigidity) = (Need::OnlineGlobal, Rigidity::Soft);

fn chain(names: &'static [&'static str]) -> Vec<(&'static str, &'static str, Need, Rigidity)> {
    names.windows(2).map(|pair| (pair[0], pair[1], GLOBAL.0, GLOBAL.1)).collect()
}

#[test]
fn links_that_cannot_be_are_refused_with_what_to_write() {
    let one = |parent, child, need, rigidity| mistakes(&cluster(&[(parent, child, need, rigidity)]));
    assert_eq!(mistakes(&cluster(&chain(&["a", "b", "c", "d", "e"]))), Vec::<String>::new());
    assert_eq!(
        mistakes(&cluster(&chain(&["a", "b", "c", "d", "e", "f"]))),
        [
            "groups.a.requires: links are more than 5 levels deep: a → b → c → d → e → f; link fewer groups one after another"
        ]
    );
    assert_eq!(
        mistakes(&cluster(&chain(&["d", "b", "c", "b"]))),
        ["groups.b.requires.0: these groups wait for each other: b → c → b; remove one of the links or tiers"]
    );
    assert_eq!(
        one("a", "a", Need::OfflineLocal, Rigidity::Firm),
        ["groups.a.requires.0: a depends on itself; remove this link"]
    );
    assert_eq!(
        one("a", "z", Need::OnlineLocal, Rigidity::Soft),
        ["groups.a.requires.0.group: there is no group z; declared: a, b, c, d, e, f, g, h, p, q"]
    );
    let twice = [("a", "b", Need::OnlineGlobal, Rigidity::Soft), ("a", "b", Need::OfflineLocal, Rigidity::Firm)];
    assert_eq!(mistakes(&cluster(&twice)), ["groups.a.requires.1: b is linked twice; two groups have one link"]);
    let hard = [("a", "c", Need::OnlineLocal, Rigidity::Hard), ("b", "c", Need::OnlineLocal, Rigidity::Hard)];
    assert_eq!(
        mistakes(&cluster(&hard)),
        ["groups.b.requires.0: c has a hard link from a already; write rigidity = \"firm\" for one of them"]
    );
}

#[test]
fn what_a_link_may_be_depends_on_the_kinds_of_its_groups() {
    let fits = |parent, child, need, rigidity| mistakes(&cluster(&[(parent, child, need, rigidity)])).is_empty();
    for need in [Need::OnlineGlobal, Need::OnlineRemote, Need::OfflineLocal] {
        assert!(!fits("a", "b", need, Rigidity::Hard), "hard is online local");
    }
    assert!(fits("a", "b", Need::OnlineLocal, Rigidity::Hard));
    assert!(!fits("a", "p", Need::OnlineLocal, Rigidity::Hard) && !fits("p", "q", Need::OnlineLocal, Rigidity::Hard));
    for rigidity in [Rigidity::Soft, Rigidity::Firm] {
        for need in [Need::OnlineLocal, Need::OnlineGlobal, Need::OnlineRemote, Need::OfflineLocal] {
            // A link that needs a group offline is always firm.
            let may = need != Need::OfflineLocal || rigidity == Rigidity::Firm;
            let local = matches!(need, Need::OnlineLocal | Need::OfflineLocal);
            assert_eq!(fits("a", "b", need, rigidity), may);
            assert_eq!(fits("a", "p", need, rigidity), may);
            assert_eq!(fits("p", "a", need, rigidity), may && need != Need::OnlineLocal);
            assert_eq!(fits("p", "q", need, rigidity), may && local);
        }
    }
}

#[test]
fn tiers_count_as_dependencies() {
    let mut cluster = cluster(&[("a", "b", Need::OnlineGlobal, Rigidity::Soft)]);
    cluster.services.insert("shop".into(), service(&[(&["a"], TierLink::Soft), (&["b", "c"], TierLink::Soft)]));
    assert_eq!(
        mistakes(&cluster),
        ["services.shop.tiers: shop starts a before b, and a requires b to be online; put b into an earlier tier"]
    );
    cluster.services.insert("shop".into(), service(&[(&["b", "z"], TierLink::Soft), (&["b"], TierLink::Soft)]));
    let found = mistakes(&cluster);
    assert!(found[0].starts_with("services.shop.tiers.0.groups.1: there is no group z"), "{found:?}");
    assert_eq!(found[1], "services.shop.tiers.1.groups.0: b stands twice in shop; name it in one tier");
    cluster.services.insert("shop".into(), service(&[(&[], TierLink::Soft)]));
    assert_eq!(mistakes(&cluster), ["services.shop.tiers.0: a tier of shop without a group; write groups = [\"…\"]"]);
}

#[test]
fn what_others_depend_on_is_as_important_and_comes_first() {
    let mut cluster = cluster(&chain(&["a", "b", "c"]));
    for (name, priority) in [("a", 1), ("b", 50), ("c", 9), ("d", 5)] {
        if let Some(group) = cluster.groups.get_mut(name) {
            group.priority = priority;
        }
    }
    cluster.services.insert("shop".into(), service(&[(&["d"], TierLink::Soft), (&["c", "e"], TierLink::Firm)]));
    let mut ledger = Ledger::default();
    let author = Author::Operator { name: "alice".into(), request: RequestId(1) };
    let configure = Command::Request(Request::Configure { cluster: Arc::new(cluster), strand: false });
    let outcome = ledger.apply(1, &Entry { at: Time(1), wall: Time(1), author, commands: vec![configure] });
    assert_eq!(outcome.refusal(), None);
    let ties: BTreeMap<&str, (u32, u32)> = ledger
        .groups
        .iter()
        .filter(|(_, group)| !group.ties.links.is_empty() || !group.ties.parents.is_empty())
        .map(|(name, group)| (name.as_str(), (group.ties.priority, group.ties.depth)))
        .collect();
    // A firm tier is a dependency too: c and e need d.
    assert_eq!(ties, BTreeMap::from([("a", (1, 3)), ("b", (1, 2)), ("c", (1, 1)), ("d", (1, 0)), ("e", (100, 1))]));
}

/// A request that is refused half-way changes nothing.
#[test]
fn a_request_that_is_refused_half_way_changes_nothing() {
    let mut ledger = Ledger::default();
    let ask = |ledger: &mut Ledger, request| {
        let id = RequestId(u128::from(ledger.index) + 1);
        let author = Author::Operator { name: "alice".into(), request: id };
        let entry = Entry { at: Time(1), wall: Time(1), author, commands: vec![Command::Request(request)] };
        ledger.apply(ledger.index + 1, &entry)
    };
    let cluster = cluster(&chain(&["a", "b", "c"]));
    let configured = ask(&mut ledger, Request::Configure { cluster: Arc::new(cluster), strand: false });
    assert_eq!(configured.refusal(), None);
    let a = ledger.groups.get_mut("a").expect("it is there");
    Arc::make_mut(a).upkeep.disabled = Some("p1".into());
    let before = ledger.clone();
    // Its children are brought online first, and only then it turns out that the group itself may not be.
    let online = ask(&mut ledger, Verb::Online { group: "a".into(), server: None, propagate: true }.into());
    assert!(matches!(online.refusal(), Some(Refusal::AutoDisabled { .. })), "{online:?}");
    assert_eq!((&ledger.groups, online.records.len()), (&before.groups, 0));
}
