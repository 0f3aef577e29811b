//! Reading a TOML table field by field, and noting every mistake instead of stopping at the first.
//!
//! A value that is wrong is reported and replaced by a harmless one, and its place is remembered as *broken*, so that
//! rules that only break because of it are not reported too.

use crate::{Problems, problem::Found, quantity};
use std::{collections::BTreeSet, ops::Range};
use tenure_core::Span;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// Reads a document, and closes nothing: `read` returns what it made of the fields, and `None` only after a mistake.
/// `file` is its name in messages.
pub fn document<T>(
    file: &str,
    text: &str,
    read: impl FnOnce(&mut Log, Fields<'_>) -> Option<T>,
) -> Result<T, Problems> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return Err(Problems::new(file, text, errors.iter().map(syntax).collect()));
    }
    let mut log = Log::default();
    match read(&mut log, Fields::root(table.get_ref())) {
        Some(value) if log.found.is_empty() => Ok(value),
        Some(_) | None => Err(Problems::new(file, text, log.found)),
    }
}

/// An error of the TOML grammar in our words where the parser's own are misleading.
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
        _ => found,
    }
}

/// A place in the file as a path of keys and indexes.
pub(crate) type Place = Vec<String>;

/// What was found wrong so far.
#[derive(Default)]
pub struct Log {
    pub(crate) found: Vec<Found>,
    pub(crate) broken: BTreeSet<Place>,
}

impl Log {
    /// Whether the value at this place, or one that it lies in, was wrong.
    pub(crate) fn is_broken(&self, place: &[String]) -> bool {
        (0..=place.len()).any(|n| self.broken.contains(&place[..n]))
    }
}

/// One table that is being read.
pub struct Fields<'t> {
    table: Option<&'t DeTable<'t>>,
    place: Place,
    /// Where to point when something is missing: the key of the table.
    key: Range<usize>,
    known: Vec<&'static str>,
}

impl<'t> Fields<'t> {
    /// The whole document.
    pub(crate) fn root(table: &'t DeTable<'t>) -> Self {
        Fields { table: Some(table), place: Vec::new(), key: 0..0, known: Vec::new() }
    }

    /// A table behind a key; anything else is a mistake, and reads as a table without fields.
    fn open(log: &mut Log, place: Place, key: Range<usize>, value: &'t Spanned<DeValue<'t>>) -> Self {
        let table = value.get_ref().as_table();
        if table.is_none() {
            let name = place.join(".");
            let what = format!("{name} is {}, not a table", kind(value.get_ref()));
            log.found.push(Found::new(value.span(), what).help(format!("write [{name}] on a line of its own")));
            log.broken.insert(place.clone());
        }
        Fields { table, place, key, known: Vec::new() }
    }

    /// The last word of the place.
    fn name(&self) -> &str {
        self.place.last().map_or("the file", String::as_str)
    }

    fn get(&mut self, field: &'static str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.known.push(field);
        self.table?.get(field)
    }

    fn at(&self, field: &str) -> Place {
        let mut place = self.place.clone();
        place.push(field.to_owned());
        place
    }

    fn wrong(&self, log: &mut Log, field: &str, found: Found) {
        log.found.push(found);
        log.broken.insert(self.at(field));
    }

    /// A value of one kind; `None` if it is absent or wrong.
    fn read<T>(
        &mut self,
        log: &mut Log,
        field: &'static str,
        help: &str,
        convert: impl Fn(&DeValue<'t>) -> Option<T>,
    ) -> Option<T> {
        let value = self.get(field)?;
        let read = convert(value.get_ref());
        if read.is_none() {
            let found = Found::new(value.span(), format!("{field} is {}", shown(value.get_ref())));
            self.wrong(log, field, found.help(help));
        }
        read
    }

    /// Refuses the value of a field.
    pub fn refuse(&self, log: &mut Log, field: &str, message: String, help: String) {
        let span = self.table.and_then(|table| table.get(field)).map_or(self.key.clone(), Spanned::span);
        self.wrong(log, field, Found::new(span, message).help(help));
    }

    /// Reports that a field is missing.
    pub fn missing(&self, log: &mut Log, field: &str, help: &str) {
        if self.table.is_some() {
            let found = Found::new(self.key.clone(), format!("{} has no {field}", self.name()));
            self.wrong(log, field, found.help(help));
        }
    }

    /// Text that may be absent.
    pub fn text(&mut self, log: &mut Log, field: &'static str) -> Option<String> {
        let help = format!("write {field} = \"…\"");
        self.read(log, field, &help, |value| value.as_str().map(str::to_owned))
    }

    /// Text that must be there; empty if it is not. `example` is what to write.
    pub fn required(&mut self, log: &mut Log, field: &'static str, example: &str) -> String {
        let present = self.table.is_some_and(|table| table.contains_key(field));
        let text = self.text(log, field);
        let help = format!("write {field} = \"{example}\"");
        if !present {
            self.missing(log, field, &help);
        } else if text.as_deref() == Some("") {
            self.refuse(log, field, format!("{field} is empty"), help);
        }
        text.unwrap_or_default()
    }

    /// Yes or no.
    pub fn flag(&mut self, log: &mut Log, field: &'static str) -> Option<bool> {
        self.read(log, field, &format!("write {field} = true or {field} = false"), DeValue::as_bool)
    }

    /// A number that is not negative.
    pub fn number(&mut self, log: &mut Log, field: &'static str) -> Option<u32> {
        let help = format!("write a whole number from 0 to {}", u32::MAX);
        self.read(log, field, &help, |value| {
            let number = value.as_integer()?;
            u32::from_str_radix(number.as_str(), number.radix()).ok()
        })
    }

    /// A time.
    pub fn span(&mut self, log: &mut Log, field: &'static str) -> Option<Span> {
        self.quantity(log, field, quantity::TIME_HELP, quantity::span)
    }

    /// Memory in MiB.
    pub fn memory(&mut self, log: &mut Log, field: &'static str) -> Option<u64> {
        self.quantity(log, field, quantity::MEMORY_HELP, quantity::mebibytes)
    }

    /// Processing units in hundredths; a bare number will do.
    pub fn processors(&mut self, log: &mut Log, field: &'static str) -> Option<u64> {
        self.quantity(log, field, quantity::PROCESSORS_HELP, quantity::processors)
    }

    fn quantity<T>(
        &mut self,
        log: &mut Log,
        field: &'static str,
        help: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let value = self.get(field)?;
        let number = match value.get_ref() {
            DeValue::String(text) => parse(text),
            DeValue::Integer(number) if number.radix() == 10 => parse(number.as_str()),
            DeValue::Float(number) => parse(number.as_str()),
            DeValue::Integer(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => None,
        };
        if number.is_none() {
            let what = format!("{field} is {}", shown(value.get_ref()));
            self.wrong(log, field, Found::new(value.span(), what).help(help));
        }
        number
    }

    /// A list of texts; absent is empty.
    pub fn list(&mut self, log: &mut Log, field: &'static str) -> Vec<String> {
        let Some(value) = self.get(field) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            let what = format!("{field} is {}, not a list", kind(value.get_ref()));
            let help = match value.get_ref().as_str() {
                Some(text) => format!("write {field} = [\"{text}\"]"),
                None => format!("write {field} = [\"…\"]"),
            };
            self.wrong(log, field, Found::new(value.span(), what).help(help));
            return Vec::new();
        };
        let mut texts = Vec::new();
        for item in items.iter() {
            match item.get_ref().as_str() {
                Some(text) => texts.push(text.to_owned()),
                None => {
                    let what = format!("{field} holds {}", kind(item.get_ref()));
                    self.wrong(log, field, Found::new(item.span(), what).help("write names in quotes"));
                }
            }
        }
        texts
    }

    /// The tables within a table, each with its name: `[groups.web]`.
    pub fn tables(&mut self, log: &mut Log, field: &'static str) -> Vec<(String, Fields<'t>)> {
        let Some(value) = self.get(field) else { return Vec::new() };
        let section = Fields::open(log, self.at(field), value.span(), value);
        let Some(table) = section.table else { return Vec::new() };
        let mut all = Vec::new();
        for (key, value) in table {
            let place = section.at(key.get_ref());
            all.push((key.get_ref().to_string(), Fields::open(log, place, key.span(), value)));
        }
        all
    }

    /// One table: `[timings]`.
    pub fn table(&mut self, log: &mut Log, field: &'static str) -> Option<Fields<'t>> {
        let value = self.get(field)?;
        Some(Fields::open(log, self.at(field), value.span(), value))
    }

    /// Reports the fields that nobody asked for. Returns whether there were any.
    pub fn close(self, log: &mut Log) -> bool {
        let Some(table) = self.table else { return false };
        let mut any = false;
        for key in table.keys().filter(|key| !self.known.contains(&key.get_ref().as_ref())) {
            any = true;
            let word = key.get_ref();
            let what = match self.place.as_slice() {
                [] => format!("the file has no part called {word:?}"),
                [section] => format!("{section} has no setting {word:?}"),
                [section, ..] => format!("{} have no setting {word:?}", section),
            };
            log.found.push(Found::new(key.span(), what).help(instead(word, &self.known)));
        }
        any
    }
}

/// What may have been meant, or all that can be.
pub fn instead(word: &str, known: &[&str]) -> String {
    match nearest(word, known.iter().copied()) {
        Some(near) => format!("did you mean {near:?}?"),
        None => format!("write one of {}", known.join(", ")),
    }
}

/// The known word that differs least, if the difference is small enough for a slip of the fingers.
pub(crate) fn nearest<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let limit = (word.chars().count() / 3).clamp(1, 3);
    known.map(|other| (distance(word, other), other)).filter(|(far, _)| *far <= limit).min().map(|(_, other)| other)
}

/// How many characters must be changed, added, dropped or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let changed = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = changed.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

/// A value as a message names it.
fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => kind(value).to_owned(),
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_slips_of_the_fingers_only() {
        let known = ["servers", "priority", "autostart", "memory"];
        assert_eq!(nearest("server", known.into_iter()), Some("servers"));
        assert_eq!(nearest("pirority", known.into_iter()), Some("priority"));
        assert_eq!(nearest("colour", known.into_iter()), None);
        assert_eq!(distance("ab", "ba"), 1);
    }
}
