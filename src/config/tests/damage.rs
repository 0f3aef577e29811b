//! Damaged files: any text is read to its end, and the messages point into it.

use crate::{cluster::parse, reference::SAMPLE};
use proptest::prelude::*;

#[test]
fn columns_count_characters_and_a_terminal_sees_the_line() {
    let problems = parse("ä.toml", "name = \"süß\" öäü\n").unwrap_err();
    assert!(problems.to_string().starts_with("ä.toml:1:14: "), "{problems}");
    let problems = parse("x.toml", &SAMPLE.replace("priority = 10", "priority = \"high\"")).unwrap_err();
    let fancy = problems.fancy(false);
    assert!(fancy.contains("priority = \"high\""), "{fancy}");
    assert!(fancy.contains("x.toml:47:12"), "{fancy}");
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
