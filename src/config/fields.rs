//! Reading a TOML table field by field, collecting all mistakes instead of stopping at the first.
//!
//! A wrong value is reported and replaced by a harmless one. Its place is remembered as *broken*, so that rules
//! broken only as a consequence are not reported too.

use crate::{
    Problems,
    compound::List,
    form::{Flag, Form, Memory, Name, Number, Time, kind},
    problem::Found,
    syntax::mistakes,
    words::instead,
};
use std::{collections::BTreeSet, ops::Range};
use tenure_core::Span;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// Reads a document: `read` converts its fields, and returns `None` only after a mistake. `file` is its name in
/// messages.
///
/// # Errors
/// All mistakes in it.
pub fn document<T>(
    file: &str,
    text: &str,
    read: impl FnOnce(&mut Log, Fields<'_>) -> Option<T>,
) -> Result<T, Problems> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return Err(Problems::new(file, text, mistakes(text, &errors)));
    }
    let mut log = Log::default();
    match read(&mut log, Fields::root(table.get_ref())) {
        Some(value) if log.found.is_empty() => Ok(value),
        Some(_) | None => Err(Problems::new(file, text, log.found)),
    }
}

/// Former names of sections and settings: the section, the old name, and the advice.
const RENAMED: [(&str, &str, &str); 6] = [
    ("", "hmcs", "it is called managers now: write [managers.NAME], with kind = \"hmc\""),
    ("servers", "hmcs", "it is called managers now: write managers = [\"…\"]"),
    ("servers", "system", "it is part of the address now: write address = { system = \"…\", mtms = \"…\" }"),
    ("servers", "mtms", "it is part of the address now: write address = { system = \"…\", mtms = \"…\" }"),
    ("brakes", "per_hmc", "it is called per_manager now"),
    ("timings", "concede", "it is called stand_down now"),
];

/// A place in the file, as a path of keys and indexes.
pub(crate) type Place = Vec<String>;

/// The mistakes found so far.
#[derive(Default)]
pub struct Log {
    pub(crate) found: Vec<Found>,
    pub(crate) broken: BTreeSet<Place>,
}

impl Log {
    /// Reports the value at this place as wrong.
    pub(crate) fn wrong(&mut self, place: &[String], found: Found) {
        self.found.push(found);
        self.broken.insert(place.to_vec());
    }

    /// Whether the value at this place, or one that contains it, was wrong.
    pub(crate) fn is_broken(&self, place: &[String]) -> bool {
        (0..=place.len()).any(|n| self.broken.contains(&place[..n]))
    }
}

/// A table being read.
pub struct Fields<'t> {
    pub(crate) table: Option<&'t DeTable<'t>>,
    pub(crate) place: Place,
    /// The place to point at when a field is missing: the key of the table.
    pub(crate) key: Range<usize>,
    known: Vec<&'static str>,
}

impl<'t> Fields<'t> {
    /// The whole document.
    pub(crate) fn root(table: &'t DeTable<'t>) -> Self {
        Fields { table: Some(table), place: Vec::new(), key: 0..0, known: Vec::new() }
    }

    /// A table behind a key; another value is a mistake, and reads as a table without fields.
    fn open(log: &mut Log, place: Place, key: Range<usize>, value: &'t Spanned<DeValue<'t>>) -> Self {
        let table = value.get_ref().as_table();
        if table.is_none() {
            let name = place.join(".");
            let what = format!("{name} is {}, not a table", kind(value.get_ref()));
            log.wrong(&place, Found::new(value.span(), what).help(format!("write [{name}] on a line of its own")));
        }
        Fields { table, place, key, known: Vec::new() }
    }

    /// An inline table.
    pub(crate) fn inline(table: &'t DeTable<'t>, place: Place, span: Range<usize>) -> Self {
        Fields { table: Some(table), place, key: span, known: Vec::new() }
    }

    /// The table's name in messages.
    pub(crate) fn name(&self) -> &str {
        // An item of a list goes by the name of its list.
        self.place.iter().rev().find(|step| step.parse::<usize>().is_err()).map_or("the file", String::as_str)
    }

    pub(crate) fn get(&mut self, field: &'static str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.known.push(field);
        self.table?.get(field)
    }

    pub(crate) fn at(&self, field: &str) -> Place {
        let mut place = self.place.clone();
        place.push(field.to_owned());
        place
    }

    /// A value in a given form; `None` if it is absent or wrong.
    pub(crate) fn read<V>(&mut self, log: &mut Log, field: &'static str, form: &impl Form<V>) -> Option<V> {
        let value = self.get(field)?;
        form.read(log, &self.at(field), value)
    }

    /// Refuses the value of a field.
    pub fn refuse(&self, log: &mut Log, field: &str, message: String, help: String) {
        let span = self.table.and_then(|table| table.get(field)).map_or(self.key.clone(), Spanned::span);
        log.wrong(&self.at(field), Found::new(span, message).help(help));
    }

    /// Reports that a field is missing.
    pub fn missing(&self, log: &mut Log, field: &str, help: &str) {
        if self.table.is_some() {
            let found = Found::new(self.key.clone(), format!("{} has no {field}", self.name()));
            log.wrong(&self.at(field), found.help(help));
        }
    }

    /// Optional text.
    pub fn text(&mut self, log: &mut Log, field: &'static str) -> Option<String> {
        self.read(log, field, &Name("text"))
    }

    /// Mandatory text; empty if it is absent. `example` is for the advice.
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

    /// A list of texts.
    pub fn texts(&mut self, log: &mut Log, field: &'static str) -> Option<Vec<String>> {
        self.read(log, field, &List(Name("text")))
    }

    /// A boolean.
    pub fn flag(&mut self, log: &mut Log, field: &'static str) -> Option<bool> {
        self.read(log, field, &Flag)
    }

    /// A number that is not negative.
    pub fn number(&mut self, log: &mut Log, field: &'static str) -> Option<u32> {
        self.read(log, field, &Number)
    }

    /// A time span.
    pub fn span(&mut self, log: &mut Log, field: &'static str) -> Option<Span> {
        self.read(log, field, &Time)
    }

    /// Memory, in MiB.
    pub fn memory(&mut self, log: &mut Log, field: &'static str) -> Option<u64> {
        self.read(log, field, &Memory)
    }

    /// The tables within a table, each with its name: `[groups.web]`.
    pub(crate) fn tables(&mut self, log: &mut Log, field: &'static str) -> Vec<(String, Fields<'t>)> {
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

    /// Reports the fields that were not asked for. Returns whether there were any.
    pub fn close(self, log: &mut Log) -> bool {
        let Some(table) = self.table else { return false };
        let mut any = false;
        for key in table.keys().filter(|key| !self.known.contains(&key.get_ref().as_ref())) {
            any = true;
            let word = key.get_ref();
            let what = match self.place.as_slice() {
                [] => format!("the file has no part called {word:?}"),
                [section, _] => format!("{section} have no setting {word:?}"),
                _ => format!("{} has no setting {word:?}", self.name()),
            };
            let section = self.place.first().map_or("", String::as_str);
            let renamed = RENAMED.iter().find(|(place, old, _)| *place == section && old == word);
            let help = renamed.map_or_else(|| instead(word, &self.known), |(.., now)| (*now).to_owned());
            log.found.push(Found::new(key.span(), what).help(help));
        }
        any
    }
}
