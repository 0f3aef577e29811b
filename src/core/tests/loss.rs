//! Copies that a new configuration would lose sight of, as a table: by their state, and the change of declaration.

use crate::site;
use std::{collections::BTreeMap, sync::Arc};
use tenure_core::{
    Command, Power, Reading, Refusal, Request, ResourceName,
    config::{Cluster, Group, Resource},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// It is applied.
    Taken,
    /// Applied only with `strand`.
    Strands,
    /// Never applied.
    Loses,
}
use Verdict::{Loses, Strands, Taken};

/// Two servers, group web with LPARs web1 and web2, and another group.
fn cluster() -> Cluster {
    let mut cluster = site::with_web(site::site(2), "web1", site::web1());
    cluster.resources.insert("web2".into(), Resource::lpar("web".into(), "web2"));
    cluster.groups.insert("other".into(), Group::new(vec!["p1".into(), "p2".into()]));
    cluster.resources.insert("o1".into(), Resource::lpar("other".into(), "o1"));
    cluster
}

/// web1 reads so on this server, if it was read at all, and Off on the other; its group holds a tenure on p1, or none.
fn case(server: &str, power: Option<Power>, tenured: bool) -> site::Case {
    let mut case = site::Case::watched(cluster());
    let names = ["web1", "web2", "o1"].map(ResourceName::from);
    let read = |case: &mut site::Case, on: &str, power: Power| {
        let all = |name: &ResourceName| (name.clone(), if name.as_str() == "web1" { power } else { Power::Off });
        let copies: BTreeMap<ResourceName, Power> = names.iter().map(all).collect();
        let reading = Reading { copies, ..case.reading(on) };
        case.must(Command::Observe(reading));
    };
    if tenured {
        read(&mut case, "p1", Power::Running);
        read(&mut case, "p2", Power::Off);
        case.must(Command::Adopt { group: "web".into(), server: "p1".into() });
    }
    for on in ["p1", "p2"] {
        let power = if on == server { power } else { Some(Power::Off).filter(|_| !tenured) };
        if let Some(power) = power {
            read(&mut case, on, power);
        }
    }
    case
}

fn verdict(case: &site::Case, edit: &dyn Fn(&mut Cluster)) -> Verdict {
    let mut new = cluster();
    edit(&mut new);
    let ask = |strand| {
        let mut case = case.clone();
        let asked = case.ask(Request::Configure { cluster: Arc::new(new.clone()), strand });
        asked.refusal().cloned()
    };
    match (ask(false), ask(true)) {
        (None, None) => Taken,
        (Some(Refusal::Strands(_)), None) => Strands,
        (Some(Refusal::LosesSight(_)), Some(Refusal::LosesSight(_))) => Loses,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_a_declaration_leaves_behind_is_let_go_on_request_or_never() {
    let gone = |cluster: &mut Cluster| {
        cluster.groups.remove("web");
        cluster.resources.retain(|_, resource| resource.group.as_str() != "web");
    };
    let dropped = |cluster: &mut Cluster| drop(cluster.resources.remove("web1"));
    let disabled = |cluster: &mut Cluster| cluster.resources.get_mut("web1").expect("declared").enabled = false;
    let moved = |cluster: &mut Cluster| cluster.resources.get_mut("web1").expect("declared").group = "other".into();
    let unlisted = |server: &'static str| {
        move |cluster: &mut Cluster| {
            cluster.groups.get_mut("web").expect("declared").servers.retain(|one| one.as_str() != server);
        }
    };
    // The reading of web1 on the server in question, whether its group holds a tenure there, and the verdicts: if the
    // group or web1 is removed, if web1 is disabled or in another group, and if the server is off the list.
    for (power, tenured, expected) in [
        (Some(Power::Running), true, [Strands, Strands, Strands, Loses, Loses]),
        (Some(Power::Off), true, [Strands, Strands, Taken, Loses, Loses]),
        (Some(Power::Unknown), true, [Strands, Strands, Strands, Loses, Loses]),
        (Some(Power::Running), false, [Strands, Strands, Strands, Loses, Loses]),
        (Some(Power::Starting), false, [Strands, Strands, Strands, Loses, Loses]),
        (Some(Power::Unknown), false, [Strands, Strands, Strands, Strands, Strands]),
        (Some(Power::Error), false, [Strands, Strands, Strands, Strands, Strands]),
        (Some(Power::Off), false, [Taken, Taken, Taken, Taken, Taken]),
        (Some(Power::Absent), false, [Taken, Taken, Taken, Taken, Taken]),
        (None, false, [Taken, Strands, Taken, Strands, Strands]),
    ] {
        let server = if tenured { "p1" } else { "p2" };
        let case = case(server, power, tenured);
        let unlisted = unlisted(server);
        let edits: [&dyn Fn(&mut Cluster); 5] = [&gone, &dropped, &disabled, &moved, &unlisted];
        let verdicts = edits.map(|edit| verdict(&case, edit));
        assert_eq!(verdicts, expected, "{power:?}, tenured: {tenured}");
    }
}
