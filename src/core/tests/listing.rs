//! What a list of LPARs says of one that is managed, as a table: by name, by UUID, and by what is known of it.

use tenure_core::{
    Power,
    config::{Kind, Lpar, OperatingSystem, Resource},
    listing::{Environment, Known, Line, Listed, Remark, find, of_node},
};

fn declared(os: OperatingSystem) -> Lpar {
    match Resource::lpar("web".into(), "web1").kind {
        Kind::Lpar(lpar) => Lpar { os, ..lpar },
        Kind::Agent(_) => unreachable!("an LPAR is declared"),
    }
}

fn line(name: &str, uuid: &str, power: Power) -> Line {
    let uuid = (!uuid.is_empty()).then(|| uuid.to_owned());
    Line { name: name.to_owned(), uuid, power, word: format!("word of {power}"), ..Line::default() }
}

fn known(uuid: &str, listed: bool) -> Known {
    Known { uuid: (!uuid.is_empty()).then(|| uuid.to_owned()), listed }
}

#[test]
fn a_line_counts_for_what_it_is_about() {
    let renamed = Remark::Renamed { uuid: "A".to_owned(), name: "web9".to_owned() };
    let another = Remark::Another { known: "A".to_owned(), found: "B".to_owned() };
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
            Some(Remark::Word("word of Unknown".to_owned())),
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
    let renamed = Remark::Renamed { uuid: "A".to_owned(), name: "old".to_owned() };
    let another = Remark::Another { known: "A".to_owned(), found: "B".to_owned() };
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
