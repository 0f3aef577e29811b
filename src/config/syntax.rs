//! Mistakes in the grammar of TOML, in our words where the parser's own are misleading.

use crate::problem::Found;

/// What is wrong, where, and what to write instead.
pub(crate) fn syntax(error: &toml::de::Error) -> Found {
    let span = error.span().unwrap_or(0..0);
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
        "unclosed array, expected `]`" => Found::new(span, "a list without its closing ]").help("end it with ]"),
        "unclosed inline table, expected `}`" => {
            Found::new(span, "a table in braces without its closing }").help("end it with } on the same line")
        }
        _ => found,
    }
}
