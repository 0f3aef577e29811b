//! Damaged files: any text is read to its end, and the messages point into it.

use crate::{
    cluster::{TEXT_LIMIT, parse},
    reference::SAMPLE,
};
use proptest::prelude::*;
use tenure_core::command::DECLARATION_LIMIT;

#[test]
fn columns_count_characters_and_a_terminal_sees_the_line() {
    let problems = parse("ä.toml", "name = \"süß\" öäü\n").unwrap_err();
    assert!(problems.to_string().starts_with("ä.toml:1:14: "), "{problems}");
    let problems = parse("x.toml", &SAMPLE.replace("priority = 10", "priority = \"high\"")).unwrap_err();
    let fancy = problems.fancy(false);
    assert!(fancy.contains("priority = \"high\""), "{fancy}");
    assert!(fancy.contains("x.toml:47:12"), "{fancy}");
}

/// Each mistake is shown with the lines around it alone: with the whole file, these took minutes.
#[test]
fn many_mistakes_in_a_long_file_are_shown_as_in_a_short_one() {
    let group = |n: usize, priority: &str| format!("\n[groups.g{n}]\npriority = {priority}\nservers = [\"p1\"]\n");
    let of = |wrong: usize| {
        let groups = (0..wrong).map(|n| group(n, if n % 40 == 0 { "\"high\"" } else { "10" }));
        format!("name = \"site\"\n{}", groups.collect::<String>())
    };
    let (short, long) = (of(1), of(20_000));
    let problems = parse("x.toml", &long).unwrap_err();
    let high: Vec<_> = problems.list().iter().filter(|one| one.message.contains("high")).collect();
    assert_eq!(high.len(), 500);
    assert!(high.iter().zip(0..).all(|(one, n)| (one.line, one.column) == (4 + n * 160, 12)), "{:?}", high[1]);
    let fancy = problems.fancy(false);
    assert!(fancy.contains("╭─[x.toml:164:12]\n 163 │ [groups.g40]\n 164 │ priority = \"high\"\n"), "{fancy:.3000}");
    let alone = parse("x.toml", &short).unwrap_err().fancy(false);
    assert!(fancy.starts_with(alone.split("servers").next().unwrap()), "{alone}\n{fancy:.2000}");
}

#[test]
fn a_mistake_is_said_once_and_not_its_consequences() {
    // The unreadable list gives one message and none about its items; the missing group is reported once.
    let text = SAMPLE.replace("tiers = [{ groups = [\"db\"] }", "tiers = [{ groups = \"db\" }");
    let problems = parse("x", &text).unwrap_err();
    assert_eq!(problems.list().len(), 1, "{problems}");
    let text = SAMPLE.replace("[groups.batch]", "[group.batch]");
    let problems = parse("x", &text).unwrap_err();
    assert_eq!(problems.list().len(), 1, "{problems}");
}

#[test]
fn a_file_that_is_no_text_is_told_by_its_line_and_byte() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("site.toml");
    std::fs::write(&file, b"name = \"site\"\nowner = \"J\xf6rg\"\n").unwrap();
    let problems = crate::cluster::load(&file).unwrap_err();
    let place = format!("{}:2:11: the file is not UTF-8 text: byte 25 of it is 0xf6; ", file.display());
    assert!(problems.to_string().starts_with(&place), "{problems}");
    assert!(problems.fancy(false).contains("not UTF-8"));
}

#[test]
fn what_is_nested_too_deep_is_told_by_its_place() {
    for deep in [
        format!("{} = 1", vec!["a"; 2_000].join(".")),
        format!("[{}]", vec!["a"; 2_000].join(".")),
        format!("a = {}", "[".repeat(2_000)),
        format!("a = {}1", "{ a = ".repeat(2_000)),
    ] {
        let problems = parse("x", &format!("name = \"site\"\n\n{deep}\n")).unwrap_err();
        let [first, ..] = problems.list() else { panic!("something is said") };
        assert!(first.line == 3 && first.column > 1, "{deep:.20}: {problems:.200}");
        assert!(first.message.contains("nested too deep"), "{deep:.20}: {problems:.200}");
    }
}

#[test]
fn a_secret_that_is_written_out_is_a_warning_and_is_not_shown() {
    let with = |value: &str| SAMPLE.replace("ip = \"10.1.1.7\"", &format!("ip = \"10.1.1.7\", passwd = \"{value}\""));
    let warnings = |text: &str| crate::cluster::warnings(&parse("x", text).unwrap());
    assert_eq!(warnings(SAMPLE), Vec::<String>::new());
    assert_eq!(warnings(&with("secret://ip")), Vec::<String>::new());
    let [warning] = &warnings(&with("S3cr3t"))[..] else { panic!("one warning") };
    assert!(warning.starts_with("resources.ip1.attributes.passwd: ") && !warning.contains("S3cr3t"), "{warning}");
    let on = SAMPLE.replace("nic = \"eth2\"", "nic = \"eth2\", token = \"S3cr3t\"");
    let [warning] = &warnings(&on)[..] else { panic!("one warning") };
    assert!(warning.starts_with("resources.ip1.on.p2.token: "), "{warning}");
}

#[test]
fn a_value_of_any_length_makes_a_short_message() {
    let long = "x".repeat(1_000_000);
    for text in [
        SAMPLE.replace("name = \"site\"", &format!("name = \"{long}\"")),
        SAMPLE.replace("[groups.web]", &format!("[groups.{long}]")),
        SAMPLE.replace("[groups.web]", &format!("[{long}.web]")),
        SAMPLE.replace("group = \"web\"", &format!("group = \"{long}\"")),
        SAMPLE.replace("priority = 10", &format!("priority = \"{long}\"")),
        SAMPLE.replace("priority = 10", &format!("{long} = 10")),
        SAMPLE.replace("\"10.1.1.7\"", &format!("\"{long}\"")),
        SAMPLE.replace("priority = 10", &long),
    ] {
        let problems = parse("x", &text).unwrap_err();
        let most = 2_100 * problems.list().len();
        assert!(
            problems.to_string().len() < most && problems.fancy(false).len() < 3 * most,
            "{:.300}",
            problems.to_string()
        );
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[\\[\\]a-z0-9.\"= \n{},äß#]{0,200}") {
        let _ = parse("x", &text).map_err(|problems| (problems.to_string(), problems.fancy(true)));
    }

    #[test]
    fn no_damage_to_a_file_makes_it_panic(
        at in 0_usize..SAMPLE.len(), length in 0_usize..40, with in "[\\[\\]\"=.,{}\n ]{0,3}",
    ) {
        let mut text = SAMPLE.to_owned();
        text.replace_range(at..(at + length).min(SAMPLE.len()), &with);
        let _ = parse("x", &text).map_err(|problems| (problems.to_string(), problems.fancy(false)));
    }
}

/// A resource with as many values as it may have.
fn large(n: usize) -> String {
    let mut text = format!("\n[resources.r{n}]\ngroup = \"g\"\ntype = \"Process\"\n[resources.r{n}.attributes]\n");
    for value in 0..15 {
        text.push_str(&format!("a{value} = \"{}\"\n", "x".repeat(4_000)));
    }
    text
}

#[test]
fn what_is_too_long_for_the_log_or_to_be_read_is_refused_with_the_limit() {
    let servers: String = (0..2).map(|n| format!("\n[servers.s{n}]\n[nodes.n{n}]\nserver = \"s{n}\"\n")).collect();
    let start = format!("name = \"site\"\n{servers}\n[groups.g]\nservers = [\"s0\", \"s1\"]\n");
    let cluster = |resources: usize| start.clone() + &(0..resources).map(large).collect::<String>();
    let fits = parse("x", &cluster(130)).unwrap();
    assert!(fits.length() > 7 << 20 && fits.length() <= DECLARATION_LIMIT);
    let refused = parse("x", &cluster(150)).unwrap_err().to_string();
    assert!(refused.contains("bytes, at most 8388608 are allowed; declare"), "{refused}");
    let refused = parse("x", &(start + &"# nothing\n".repeat(TEXT_LIMIT / 10))).unwrap_err().to_string();
    assert!(refused.contains("bytes, at most 25165824 are allowed; declare"), "{refused}");
}
