//! The documentation matches the code, and all of its examples are valid.

use super::edit::edited;
use crate::{
    cluster::{NAMED, SINGLE, parse},
    export,
    reference::{SAMPLE, examples, reference},
};
use std::{fs, path::Path};

#[test]
fn the_documentation_is_made_from_the_declarations() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let text = reference();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, &text).unwrap();
    }
    let written = fs::read_to_string(&file).unwrap_or_default();
    let line = text.lines().zip(written.lines()).find(|(made, written)| made != written);
    assert!(written == text, "docs/configuration.md differs, first in {line:?}; UPDATE_DOCS=1 writes it");
}

#[test]
fn the_sample_is_valid_and_comes_back() {
    let sample = parse("sample.toml", SAMPLE).unwrap_or_else(|problems| panic!("{problems}"));
    let text = export(&sample);
    assert_eq!(parse("export", &text).unwrap(), sample);
    assert_eq!(export(&parse("export", &text).unwrap()), text);
    assert!(text.contains("[lpars.web1]\ngroup = \"web\"\npartition = \"web1\"\nmemory = \"8GiB\"\n"), "{text}");
    assert!(!text.contains("autostart"), "{text}");
}

#[test]
fn every_example_is_valid_and_says_something() {
    let sample = parse("sample.toml", SAMPLE).unwrap();
    let mut wrong = Vec::new();
    let all = examples();
    assert!(all.len() > 90, "{} examples", all.len());
    for example in all {
        // A rule has one kind of demand: an example replaces the one in the sample's rule.
        let rest = match (example.table.first(), example.line.split(' ').next()) {
            (Some(&"rules"), Some("together" | "groups" | "on" | "not_on")) => "-apart\n",
            _ => "",
        };
        let partner = match (example.table.first(), example.line.split(' ').next()) {
            (Some(&"rules"), Some("on" | "not_on")) => "groups = [\"web\"]\n",
            (Some(&"rules"), Some("groups")) => "on = [\"p1\"]\n",
            (Some(&"tolerance"), Some("within_zone" | "warn")) => "servers = 1\n",
            (Some(&"groups"), Some("online_retry_interval")) => "online_retry_limit = 1\n",
            (Some(&"timings"), Some("lease")) => "settle = \"1m\"\n",
            _ => "",
        };
        let table = match example.table.is_empty() {
            true => String::new(),
            false => format!("[{}]\n", example.table.join(".")),
        };
        let edit = format!("{table}{rest}{partner}{}\n", example.line);
        match parse("example", &edited(&edit)) {
            Err(problems) => wrong.push(format!("{edit}{problems}")),
            Ok(cluster) if cluster == sample && !edit.contains("kind = ") && !SAMPLE.contains(&example.line) => {
                wrong.push(format!("{edit}says nothing"));
            }
            Ok(_) => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_tables_of_the_file_are_those_that_are_read_and_documented() {
    let said = parse("x", "zzzzzzzzz = 1").unwrap_err().to_string();
    let listed = said.lines().find_map(|line| line.split_once("write one of ")).unwrap_or_default().1;
    let known: Vec<&str> = ["name", "owner_mark"].into_iter().chain(NAMED).chain(SINGLE).collect();
    assert_eq!(listed.split(", ").collect::<Vec<_>>(), known, "{said}");
    let documented: Vec<&str> = examples().iter().filter_map(|example| example.table.first().copied()).collect();
    assert!(NAMED.iter().chain(&SINGLE).all(|table| documented.contains(table)), "{documented:?}");
}
