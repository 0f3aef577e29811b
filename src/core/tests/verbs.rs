//! Verbs: each is parsed as it is typed, and nothing else is.

use std::collections::BTreeSet;
use tenure_core::{
    Note, Refusal, Verb,
    name::Thing,
    note::{ServerWait, Wait},
    verb::NotAVerb,
};

/// Each verb with every field, and without any optional one.
const TYPED: [&str; 39] = [
    "group online web",
    "group online web --on p2 --propagate",
    "group offline web",
    "group offline web --propagate",
    "group switch web --to p2",
    "group migrate web --to p2",
    "group abort web",
    "group flush web",
    "group enable web",
    "group clear-admin-wait web",
    "group clear-admin-wait web --fault",
    "group freeze web",
    "group freeze web --reason \"new kernel: \\\"6.1\\\" \\\\o/\" --until 1.5s",
    "group unfreeze web",
    "group acknowledge web",
    "group clear web",
    "group clear web --on p2",
    "resource online web1",
    "resource offline web1",
    "resource offline web1 --propagate",
    "resource restart web1",
    "service online shop",
    "service offline shop",
    "server drain p1",
    "server drain p1 --until 2h",
    "server shutdown p1",
    "server undrain p1",
    "server undrain p1 --bring-back",
    "server freeze p1",
    "server freeze p1 --until 90m",
    "server unfreeze p1",
    "server release p1",
    "fence confirm p1",
    "fence confirm-node n1",
    "hmc retry hmc1",
    "cluster resume",
    "cluster disarm",
    "cluster disarm --reason \"migration\"",
    "cluster arm",
];

fn verb(typed: &str) -> Verb {
    typed.parse().unwrap_or_else(|why| panic!("{typed} {why}"))
}

#[test]
fn each_is_read_as_it_is_typed() {
    let verbs = TYPED.map(verb);
    assert_eq!(verbs.iter().map(Verb::typed).collect::<Vec<_>>(), TYPED);
    let kinds: BTreeSet<&str> = verbs.iter().map(Verb::kind).collect();
    assert_eq!(kinds, Verb::ALL.iter().copied().collect());
    let words: BTreeSet<String> = verbs.iter().map(ToString::to_string).collect();
    assert_eq!(words.len(), TYPED.len(), "no two say the same in a note");
    assert_eq!(verb("group online web --propagate --on p2"), verb("group online web --on p2 --propagate"));
    let odd = Verb::Freeze { group: "web\n--force".into(), terms: Default::default() };
    assert_eq!(odd.typed(), "group freeze \"web\\n--force\"", "nothing is made of a name but a word");
}

#[test]
fn what_says_too_much_or_too_little_is_none() {
    for typed in [
        "",
        "group",
        "group explode web",
        "group online",
        "group online --propagate",
        "group online web --on",
        "group online web --on --propagate",
        "group online web p2",
        "group switch web p2",
        "group switch web",
        "group switch web --on p2",
        "group freeze web --propagate",
        "group freeze web db",
        "cluster arm p1",
        "group freeze web --until",
        "group freeze web --until tomorrow",
        "group freeze web --reason",
    ] {
        assert_eq!(typed.parse::<Verb>(), Err(NotAVerb), "{typed}");
    }
}

#[test]
fn what_it_names_follows_from_its_fields() {
    let online = verb("group online web --on p2 --propagate");
    assert_eq!(online.things(), [Thing::Group(&"web".into()), Thing::Server(&"p2".into())]);
    assert_eq!((online.group(), online.resource()), (Some(&"web".into()), None));
    assert_eq!(verb("resource restart web1").resource(), Some(&"web1".into()));
    assert_eq!(verb("cluster arm").things(), []);
    // A verb for a parallel group is asked of its instances, as far as that makes sense.
    let at = |typed: &str| verb(typed).of_instance(&"net@p2".into()).map(|verb| verb.typed());
    assert_eq!(at("group online net --on p2").as_deref(), Some("group online net@p2 --on p2"));
    assert_eq!(at("group online net --on p1"), None);
    assert_eq!(at("group clear net").as_deref(), Some("group clear net@p2"));
    assert_eq!(at("group switch net --to p2"), None);
}

#[test]
fn programs_know_each_note_wait_and_refusal_by_a_word_of_its_own() {
    for (what, words) in [
        ("notes", Note::KINDS),
        ("waits of groups", Wait::KINDS),
        ("waits of servers", ServerWait::KINDS),
        ("refusals", Refusal::CODES),
    ] {
        let distinct: BTreeSet<&str> = words.iter().copied().collect();
        assert_eq!(distinct.len(), words.len(), "{what}: {words:?}");
        let snake = |word: &str| word.chars().all(|it| it.is_ascii_lowercase() || it == '_');
        assert!(words.iter().all(|word| snake(word)), "{what}: {words:?}");
    }
}
