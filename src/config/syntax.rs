//! Syntax errors of TOML, reworded where the parser's messages are misleading.

use crate::problem::Found;
use std::ops::Range;

/// The errors with their places and advice.
pub(crate) fn mistakes(text: &str, errors: &[toml::de::Error]) -> Vec<Found> {
    let syntax = |error: &toml::de::Error| syntax(text, error);
    let unclosed = |error: &&toml::de::Error| UNCLOSED.iter().any(|(message, ..)| *message == error.message());
    let Some(end) = errors.iter().find(unclosed) else { return errors.iter().map(&syntax).collect() };
    // The parser takes the rest of the file for items of the list, and reports each of them.
    let stumbles = |error: &&toml::de::Error| error.message().starts_with("missing ") || unclosed(error);
    let first = errors.iter().filter(stumbles).filter_map(toml::de::Error::span).min_by_key(|span| span.start);
    let place = first.or_else(|| end.span()).unwrap_or(0..0);
    let before = errors.iter().filter(|error| error.span().is_some_and(|span| span.start < place.start));
    let mut found: Vec<Found> = before.map(&syntax).collect();
    for (_, what, help) in UNCLOSED.iter().filter(|(message, ..)| *message == end.message()) {
        found.push(Found::new(place.clone(), *what).help(*help));
    }
    found
}

/// Unclosed lists and tables: the parser's message, ours, and the advice.
const UNCLOSED: [(&str, &str, &str); 2] = [
    ("unclosed array, expected `]`", "the list before this has no closing ]", "end it with ]"),
    (
        "unclosed inline table, expected `}`",
        "the table in braces before this has no closing }",
        "end it with } on the same line",
    ),
];

/// Levels of tables and lists within each other that no cluster file needs.
const DEEP: usize = 32;

/// The first place in a file that lies deeper than that: the parser does not say where it gives up.
fn deepest(text: &str) -> Range<usize> {
    let (mut line, mut within, mut quote) = (0, 0_usize, None);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (_, '\n') => (line, quote) = (0, None),
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '.') => line += 1,
            // What comes after it is a value, and not part of a key any more.
            (None, '=') => line = 0,
            (None, '[' | '{') => within += 1,
            (None, ']' | '}') => within = within.saturating_sub(1),
            (None, _) => {}
        }
        if line + within > DEEP {
            return at..at + c.len_utf8();
        }
    }
    0..0
}

fn syntax(text: &str, error: &toml::de::Error) -> Found {
    let span = error.span().unwrap_or(0..0);
    if error.message().contains("recursion") || error.message().contains("recurse") {
        let help = "write the sections as the documentation shows them: none is more than four deep";
        return Found::new(deepest(text), "tables and lists are nested too deep here").help(help);
    }
    let found = Found::new(span.clone(), error.message().to_owned());
    match error.message() {
        "string values must be quoted, expected literal string" if span.is_empty() => {
            Found::new(span, "a value is missing").help("write it after the =")
        }
        "string values must be quoted, expected literal string" => {
            Found::new(span, "text must stand in quotes").help("write it as \"…\"")
        }
        "invalid boolean, expected `true`" | "invalid boolean, expected `false`" => {
            Found::new(span, "this is neither true nor false, nor text in quotes").help("write text as \"…\"")
        }
        "duplicate key" => Found::new(span, "this key stands twice").help("remove one of them"),
        "key with no value, expected `=`" => Found::new(span, "a key without a value").help("write key = value"),
        "invalid basic string, expected `\"`" => {
            Found::new(span, "text without its closing quote").help("end it with \" on the same line")
        }
        "unclosed table, expected `]`" => {
            Found::new(span, "a heading without its closing ]").help("write [section.name]")
        }
        "missing comma between array elements, expected `,`" => {
            Found::new(span, "a comma is missing").help("write [\"…\", \"…\"]")
        }
        _ => found,
    }
}
