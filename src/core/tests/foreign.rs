//! Text of others is harmless, whatever it was.

use crate::{
    scene::{ORDER, Scene},
    site,
};
use proptest::prelude::*;
use tenure_core::{
    Action, Author, Command, Entry, Ledger, Level, Power, Report, Seen, codec,
    foreign::{ForeignLines, ForeignText, LINES, TEXT, escape, escape_lines, identity, is_harmful, is_identity},
    listing::{Listed, Remark},
    order::{Ending, Epoch},
};

/// Characters that a terminal, a log or a reader's eye would fall for, by their names.
const HARMFUL: &[(&str, char)] = &[
    ("NUL", '\0'),
    ("BEL", '\u{7}'),
    ("BS", '\u{8}'),
    ("TAB", '\t'),
    ("LF", '\n'),
    ("CR", '\r'),
    ("ESC", '\u{1b}'),
    ("DEL", '\u{7f}'),
    ("NEL", '\u{85}'),
    ("CSI", '\u{9b}'),
    ("OSC", '\u{9d}'),
    ("APC", '\u{9f}'),
    ("soft hyphen", '\u{ad}'),
    ("ALM", '\u{61c}'),
    ("ZWSP", '\u{200b}'),
    ("ZWNJ", '\u{200c}'),
    ("ZWJ", '\u{200d}'),
    ("LRM", '\u{200e}'),
    ("RLM", '\u{200f}'),
    ("LS", '\u{2028}'),
    ("PS", '\u{2029}'),
    ("LRE", '\u{202a}'),
    ("RLE", '\u{202b}'),
    ("PDF", '\u{202c}'),
    ("LRO", '\u{202d}'),
    ("RLO", '\u{202e}'),
    ("WJ", '\u{2060}'),
    ("LRI", '\u{2066}'),
    ("RLI", '\u{2067}'),
    ("FSI", '\u{2068}'),
    ("PDI", '\u{2069}'),
    ("Hangul filler", '\u{3164}'),
    ("VS16", '\u{fe0f}'),
    ("BOM", '\u{feff}'),
    ("tag", '\u{e0041}'),
];

fn hostile() -> impl Strategy<Value = String> {
    let harmful = prop::sample::select(HARMFUL).prop_map(|(_, character)| character);
    let character = prop_oneof![harmful, any::<char>(), prop::char::range(' ', '~')];
    prop::collection::vec(character, 0..500).prop_map(String::from_iter)
}

#[test]
fn each_is_escaped() {
    for (name, character) in HARMFUL {
        assert!(is_harmful(*character), "{name}");
        let text = ForeignText::from(format!("a{character}b").as_str());
        assert_eq!(text, format!("a{}b", character.escape_default()).as_str(), "{name}");
    }
    assert_eq!(ForeignText::from("ok\r\u{1b}[2J\u{7}"), "ok\\r\\u{1b}[2J\\u{7}");
    assert_eq!(ForeignLines::from("a\tb\r\nc\u{9b}2J\n"), "a\tb\\r\nc\\u{9b}2J\n");
}

#[test]
fn what_is_only_seen_stays() {
    let text = "exit status 3: „Größe“ 100 %, C:\\data, 日本, é, 'x' \"y\" <z> 🙂";
    assert_eq!(ForeignText::from(text), text);
    assert!(matches!(escape(text), std::borrow::Cow::Borrowed(_)));
}

#[test]
fn what_is_cut_says_so_and_no_escape_is_cut_in_two() {
    let exactly = "ä".repeat(TEXT);
    assert_eq!(ForeignText::from(exactly.as_str()), exactly.as_str());
    let longer = ForeignText::from("ä".repeat(TEXT + 1));
    assert_eq!(longer, format!("{}…", "ä".repeat(TEXT - 1)).as_str());
    for before in TEXT - 8..TEXT {
        let text = ForeignText::from(format!("{}\u{1b}", "x".repeat(before)));
        let whole = before + "\\u{1b}".len() <= TEXT;
        let end = if whole { "x\\u{1b}" } else { "x…" };
        assert!(text.ends_with(end), "{before}: {text}");
    }
}

#[test]
fn what_is_read_is_made_harmless() {
    let mut bytes = Vec::new();
    codec::write_body(&"all is well\u{1b}[2J\n".repeat(100), &mut bytes);
    let text = codec::read_body::<ForeignText>(&bytes).unwrap();
    assert!(!text.chars().any(is_harmful) && text.chars().count() <= TEXT, "{text}");
    assert!(text.starts_with("all is well\\u{1b}[2J\\nall"), "{text}");
    // The bytes of harmless text are those of a string.
    let (mut ours, mut string) = (Vec::new(), Vec::new());
    codec::write_body(&text, &mut ours);
    codec::write_body(&text.as_str(), &mut string);
    assert_eq!(ours, string);
}

#[test]
fn an_identity_is_refused_rather_than_changed() {
    #[derive(Debug, serde::Deserialize)]
    struct Thing {
        #[serde(deserialize_with = "identity")]
        id: Option<String>,
    }
    let read = |id: Option<&str>| {
        let mut bytes = Vec::new();
        codec::write_body(&id, &mut bytes);
        codec::read_body::<Thing>(&bytes).map(|thing| thing.id)
    };
    assert_eq!(read(Some("3F1A-77")), Ok(Some("3F1A-77".to_owned())));
    assert_eq!(read(None), Ok(None));
    for wrong in ["", "a b", "a\n", "\u{1b}", "ä", &"x".repeat(129)] {
        assert!(!is_identity(wrong) && read(Some(wrong)).is_err(), "{wrong:?}");
    }
}

/// Stands in an entry where a hostile node writes the bytes of [`RAW`], of which there are as many.
const MARK: &str = "words-of-others";
const RAW: &str = "a\r\n\u{1b}[2Jb\u{202e}\u{9b}c\u{7}";

/// The entry as a hostile node would send it.
fn raw(ledger: &Ledger, author: Author, command: Command) -> Vec<u8> {
    assert_eq!(MARK.len(), RAW.len());
    let entry = Entry { at: ledger.now, wall: ledger.now, author, commands: vec![command] };
    let mut bytes = codec::encode(&entry, Level::FIRST);
    let marks: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(MARK.as_bytes())).collect();
    assert!(!marks.is_empty(), "no words of others are in {entry:?}");
    for at in marks {
        bytes[at..at + RAW.len()].copy_from_slice(RAW.as_bytes());
    }
    bytes
}

fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn no_entrance_of_the_ledger_lets_raw_text_in() {
    let cluster = site::with_web(site::site(3), "web1", site::web1());
    let scene = Scene::new(cluster).with(|scene| {
        let (group, resource) = ("web".into(), "web1".into());
        scene.owes("p1", Action::Start { group, resource, epoch: Epoch(1), vouched: Default::default(), home: None });
    });
    let agent = || Author::Agent("n1".into());
    let report =
        |ending| Command::Report(Report { order: ORDER, ending, readings: Vec::new(), seen: Default::default() });
    let reading = |remark: Option<Remark>, uuid: Option<&str>| {
        let mut reading = site::reading("p1");
        (reading.since, reading.serial) = (20, 20);
        reading.copies.insert("web1".into(), Power::Unknown);
        reading.listed.insert("web1".into(), Listed { uuid: uuid.map(str::to_owned), remark });
        Command::Observe(reading)
    };
    let entrances = [
        ("a refusal of a hypervisor", agent(), report(Ending::Refused(MARK.into()))),
        ("an operation that was not done", agent(), report(Ending::NotDone(MARK.into()))),
        ("an operation without an outcome", agent(), report(Ending::Unknown(MARK.into()))),
        ("a refused login", agent(), Command::HmcRefuses { hmc: "hmc1".into(), why: MARK.into() }),
        ("a word for a state", agent(), reading(Some(Remark::Word(MARK.into())), None)),
        ("a new name", agent(), reading(Some(Remark::Renamed { uuid: "u1".into(), name: MARK.into() }), None)),
        ("another cluster", agent(), reading(Some(Remark::Owner { cluster: MARK.into() }), None)),
    ];
    for (entrance, author, command) in entrances {
        let mut ledger = scene.ledger.clone();
        let entry: Entry = codec::decode(&raw(&ledger, author, command)).unwrap();
        let outcome = ledger.apply(ledger.index + 1, &entry);
        assert_eq!(outcome.refusal(), None, "{entrance}");
        let kept = codec::encode(&ledger, Level::FIRST);
        let answer = codec::encode(&outcome.reply, Level::FIRST);
        let said: String = outcome.reply.events.iter().map(|event| event.text.to_string()).collect();
        assert!(has(&kept, &escape(RAW)), "{entrance}: it is kept as what it is, to be read");
        assert!(!has(&kept, RAW) && !has(&kept, "\u{1b}[2J") && !has(&kept, "\u{202e}"), "{entrance}");
        assert!(!has(&answer, "\u{1b}[2J") && !said.chars().any(is_harmful), "{entrance}: {said:?}");
    }
    // An identity is not changed, or it might be another thing's.
    let bytes = raw(&scene.ledger, agent(), reading(None, Some(MARK)));
    assert!(codec::decode::<Entry>(&bytes).unwrap_err().to_string().contains("an identity is not"));
}

#[test]
fn no_look_of_an_agent_lets_raw_text_in() {
    let mut cluster = site::site(3);
    let agent = tenure_core::config::Resource::agent("web".into(), "script:Web");
    cluster = site::with_web(cluster, "inside", agent);
    let mut ledger = Scene::new(cluster).ledger;
    let seen = Seen { power: Power::Running, since: 20, serial: 1, confidence: 100, said: MARK.into() };
    let inside = tenure_core::Inside { seen: [("inside".into(), seen)].into(), watchdog: None };
    let sense = Command::Sense { node: "n1".into(), inside };
    let entry: Entry = codec::decode(&raw(&ledger, Author::Agent("n1".into()), sense)).unwrap();
    assert_eq!(ledger.apply(ledger.index + 1, &entry).refusal(), None);
    let kept = codec::encode(&ledger, Level::FIRST);
    assert!(has(&kept, &escape(RAW)) && !has(&kept, RAW) && !has(&kept, "\u{1b}[2J"));
    // A snapshot of a build that kept what it was told is read as harmless, too.
    let mut older = kept.clone();
    let (ours, theirs) = (escape(RAW), "\u{1b}".repeat(escape(RAW).len()));
    while let Some(at) = older.windows(ours.len()).position(|window| window == ours.as_bytes()) {
        older[at..at + ours.len()].copy_from_slice(theirs.as_bytes());
    }
    let again: Ledger = codec::decode(&older).unwrap();
    assert!(has(&older, "\u{1b}\u{1b}") && !has(&codec::encode(&again, Level::FIRST), "\u{1b}\u{1b}"));
    assert!(again.journal.iter().all(|event| !event.text.chars().any(is_harmful)));
}

proptest! {
    #[test]
    fn no_text_is_harmful_or_long(raw in hostile()) {
        let text = ForeignText::from(raw.as_str());
        prop_assert!(!text.chars().any(is_harmful), "{text}");
        prop_assert!(text.chars().count() <= TEXT);
        prop_assert!(!escape(&raw).chars().any(is_harmful));
        let lines = ForeignLines::from(raw.repeat(200).as_str());
        prop_assert!(!lines.chars().any(|character| is_harmful(character) && !"\n\t".contains(character)));
        prop_assert!(lines.chars().count() <= LINES);
    }

    #[test]
    fn to_do_it_again_changes_nothing(raw in hostile()) {
        let text = ForeignText::from(raw.as_str());
        prop_assert_eq!(&ForeignText::from(text.as_str()), &text);
        prop_assert_eq!(&ForeignText::from(raw.clone()), &text);
        let lines = ForeignLines::from(raw.as_str());
        prop_assert_eq!(&ForeignLines::from(lines.as_str()), &lines);
        let once = escape(&raw);
        prop_assert_eq!(escape(&once), &*once);
        let once = escape_lines(&raw);
        prop_assert_eq!(escape_lines(&once), &*once);
    }
}
