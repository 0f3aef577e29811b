//! The state of a managed LPAR by a list, as a table: by name, by UUID, and by what is known of it.

use tenure_core::{
    Power,
    config::{Cluster, Kind, Lpar, OperatingSystem, Resource},
    listing::{self, Environment, Known, Line, Listed, Mark, Remark, of_node},
};

/// The function under test, in a cluster without marks.
fn find(declared: &Lpar, known: &Known, lines: &[Line]) -> (Power, Listed) {
    listing::find(&Cluster::default(), declared, known, lines)
}

fn declared(os: OperatingSystem) -> Lpar {
    match Resource::lpar("web".into(), "web1").kind {
        Kind::Lpar(lpar) => Lpar { os, ..lpar },
        Kind::Agent(_) => unreachable!("an LPAR is declared"),
    }
}

fn line(name: &str, uuid: &str, power: Power) -> Line {
    let uuid = (!uuid.is_empty()).then(|| uuid.to_owned());
    Line { name: name.to_owned(), uuid, power, word: format!("word of {power}").into(), ..Line::default() }
}

fn known(uuid: &str, listed: bool) -> Known {
    Known { uuid: (!uuid.is_empty()).then(|| uuid.to_owned()), listed }
}

#[test]
fn a_line_counts_for_what_it_is_about() {
    let renamed = Remark::Renamed { uuid: "A".into(), name: "web9".into() };
    let another = Remark::Another { known: "A".into(), found: "B".into() };
    let cases = [
        ("the first reading", known("", false), vec![line("web1", "A", Power::Off)], Power::Off, None),
        ("the same again", known("A", true), vec![line("web1", "A", Power::Running)], Power::Running, None),
        ("a console without UUIDs", known("A", true), vec![line("web1", "", Power::Off)], Power::Off, None),
        ("never listed", known("", false), vec![line("web2", "B", Power::Off)], Power::Absent, None),
        ("not listed any more", known("A", true), vec![line("web2", "B", Power::Off)], Power::Missing, None),
        ("gone elsewhere", known("A", false), vec![], Power::Absent, None),
        (
            "under another name",
            known("A", true),
            vec![line("web9", "A", Power::Off)],
            Power::Unknown,
            Some(renamed.clone()),
        ),
        (
            "under another name, and another in its place",
            known("A", true),
            vec![line("web1", "B", Power::Off), line("web9", "A", Power::Running)],
            Power::Unknown,
            Some(renamed),
        ),
        (
            "another under its name",
            known("A", true),
            vec![line("web1", "B", Power::Off)],
            Power::Unknown,
            Some(another),
        ),
        (
            "a word that says nothing",
            known("A", true),
            vec![line("web1", "A", Power::Unknown)],
            Power::Unknown,
            Some(Remark::Word("word of Unknown".into())),
        ),
    ];
    for (what, known, lines, power, remark) in cases {
        let (read, listed) = find(&declared(OperatingSystem::AixLinux), &known, &lines);
        assert_eq!((read, listed.remark), (power, remark), "{what}");
    }
}

#[test]
fn what_is_of_another_kind_is_left_alone() {
    let cases = [
        (Environment::AixLinux, OperatingSystem::AixLinux, Power::Off),
        (Environment::IbmI, OperatingSystem::IbmI, Power::Off),
        (Environment::IbmI, OperatingSystem::AixLinux, Power::Unknown),
        (Environment::AixLinux, OperatingSystem::IbmI, Power::Unknown),
        (Environment::Vios, OperatingSystem::AixLinux, Power::Unknown),
        (Environment::Other, OperatingSystem::AixLinux, Power::Unknown),
    ];
    for (environment, os, power) in cases {
        let lines = [Line { environment, ..line("web1", "A", Power::Off) }];
        let (read, listed) = find(&declared(os), &Known::default(), &lines);
        assert_eq!(read, power, "{environment:?} declared as {os:?}");
        assert_eq!(listed.remark.is_some_and(|remark| remark.is_alarm()), power == Power::Unknown);
    }
    let vios = [Line { environment: Environment::Vios, ..line("vios1", "A", Power::Off) }];
    assert_eq!(of_node("vios1", None, &vios).0, Power::Absent, "nor is a VIO server the LPAR of a node");
}

#[test]
fn the_lpar_of_a_node_is_the_one_that_it_has_read() {
    let renamed = Remark::Renamed { uuid: "A".into(), name: "old".into() };
    let another = Remark::Another { known: "A".into(), found: "B".into() };
    let cases = [
        ("nothing is known yet", "", vec![line("n1", "A", Power::Off)], Power::Off, Some("A"), None),
        ("its own", "A", vec![line("n1", "A", Power::Off)], Power::Off, Some("A"), None),
        ("a console without UUIDs", "A", vec![line("n1", "", Power::Off)], Power::Off, None, None),
        ("it is not listed", "A", vec![line("n2", "B", Power::Off)], Power::Absent, None, None),
        ("another under its name", "A", vec![line("n1", "B", Power::Off)], Power::Unknown, Some("B"), Some(another)),
        ("under another name", "A", vec![line("old", "A", Power::Off)], Power::Unknown, None, Some(renamed.clone())),
        (
            "under another name, and another in its place",
            "A",
            vec![line("n1", "B", Power::Off), line("old", "A", Power::Running)],
            Power::Unknown,
            Some("B"),
            Some(renamed),
        ),
    ];
    for (what, known, lines, power, uuid, remark) in cases {
        let listed = Listed { uuid: uuid.map(str::to_owned), remark };
        let known = (!known.is_empty()).then_some(known);
        assert_eq!(of_node("n1", known, &lines), (power, listed), "{what}");
    }
}

#[test]
fn what_bears_the_mark_of_another_cluster_is_left_alone() {
    let west = Some("west");
    let cases = [
        (None, Power::Off, None),
        (Some(""), Power::Off, None),
        (Some("  "), Power::Off, None),
        (Some("tenure:east"), Power::Off, None),
        (Some(" tenure:east "), Power::Off, None),
        (Some("the web shop"), Power::Off, None),
        (Some("tenure:"), Power::Off, None),
        (Some("not tenure:west"), Power::Off, None),
        (Some("tenure:west"), Power::Unknown, west),
        (Some("tenure: west\n"), Power::Unknown, west),
        (Some("tenure:East"), Power::Unknown, Some("East")),
    ];
    for (text, power, owner) in cases {
        let lines = [Line { description: text.map(str::to_owned), ..line("web1", "A", Power::Off) }];
        let remark = owner.map(|name| Remark::Owner { cluster: name.into() });
        for owner_mark in [true, false] {
            let cluster = Cluster { name: "east".to_owned(), owner_mark, ..Cluster::default() };
            let (read, listed) =
                listing::find(&cluster, &declared(OperatingSystem::AixLinux), &known("A", true), &lines);
            let expected = if owner_mark { (power, remark.clone()) } else { (Power::Off, None) };
            assert_eq!((read, listed.remark), expected, "{text:?}");
        }
    }
}

#[test]
fn only_what_says_nothing_is_marked() {
    for (text, mark) in [
        ("", Mark::Free),
        ("tenure:east", Mark::Ours),
        ("tenure:west", Mark::Another("west".into())),
        ("tenure:", Mark::Words),
        ("the web shop", Mark::Words),
    ] {
        assert_eq!(Mark::of(text, "east"), mark, "{text}");
    }
    assert_eq!(Mark::of(&Mark::text("east"), "east"), Mark::Ours);
}
