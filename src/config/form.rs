//! Forms of single values: how each is read, written, and named in the documentation.

use crate::{fields::Log, problem::Found, quantity, words::instead};
use tenure_core::{Span, foreign::is_harmful};
use toml::{Spanned, de::DeValue};

/// The notation of a value in the file.
pub(crate) trait Form<V> {
    /// Its name in the documentation.
    fn kind(&self) -> String;
    /// The value; `None` after a mistake, which is noted.
    fn read(&self, log: &mut Log, place: &[String], value: &Spanned<DeValue<'_>>) -> Option<V>;
    /// Its text, which `read` reads back; `None` if the key is to be left out.
    fn write(&self, value: &V) -> Option<String>;
}

/// The key that a place belongs to. An item of a list goes by the key of its list.
pub(crate) fn key(place: &[String]) -> &str {
    place.iter().rev().find(|step| step.parse::<usize>().is_err()).map_or("", String::as_str)
}

/// Whether the place is an item of a list.
fn is_item(place: &[String]) -> bool {
    place.last().is_some_and(|step| step.parse::<usize>().is_ok())
}

/// Reports an unreadable value.
pub(crate) fn refuse<V>(log: &mut Log, place: &[String], value: &Spanned<DeValue<'_>>, help: &str) -> Option<V> {
    let what = if is_item(place) {
        format!("{} holds {}", key(place), kind(value.get_ref()))
    } else {
        format!("{} is {}", key(place), shown(value.get_ref()))
    };
    log.wrong(place, Found::new(value.span(), what).help(help));
    None
}

/// Text: a name, or any text. Holds the word for it in the documentation.
pub(crate) struct Name(pub(crate) &'static str);

impl<V: From<String> + ToString> Form<V> for Name {
    fn kind(&self) -> String {
        self.0.to_owned()
    }
    fn read(&self, log: &mut Log, place: &[String], value: &Spanned<DeValue<'_>>) -> Option<V> {
        match value.get_ref().as_str() {
            Some(text) => Some(V::from(text.to_owned())),
            None if is_item(place) => refuse(log, place, value, "write names in quotes"),
            None => refuse(log, place, value, &format!("write {} = \"…\"", key(place))),
        }
    }
    fn write(&self, value: &V) -> Option<String> {
        Some(quoted(&value.to_string()))
    }
}

/// An optional value.
pub(crate) struct Maybe<F>(pub(crate) F);

impl<V, F: Form<V>> Form<Option<V>> for Maybe<F> {
    fn kind(&self) -> String {
        self.0.kind()
    }
    fn read(&self, log: &mut Log, place: &[String], value: &Spanned<DeValue<'_>>) -> Option<Option<V>> {
        self.0.read(log, place, value).map(Some)
    }
    fn write(&self, value: &Option<V>) -> Option<String> {
        value.as_ref().and_then(|value| self.0.write(value))
    }
}

/// A boolean.
pub(crate) struct Flag;

impl Form<bool> for Flag {
    fn kind(&self) -> String {
        "true or false".to_owned()
    }
    fn read(&self, log: &mut Log, place: &[String], value: &Spanned<DeValue<'_>>) -> Option<bool> {
        let help = || format!("write {0} = true or {0} = false", key(place));
        value.get_ref().as_bool().or_else(|| refuse(log, place, value, &help()))
    }
    fn write(&self, value: &bool) -> Option<String> {
        Some(value.to_string())
    }
}

/// A whole number that is not negative.
pub(crate) struct Number;

/// The largest whole number of TOML.
const LARGEST: u64 = i64::MAX as u64;

fn whole(value: &DeValue<'_>) -> Option<u64> {
    let number = value.as_integer()?;
    u64::from_str_radix(number.as_str(), number.radix()).ok().filter(|number| *number <= LARGEST)
}

impl Form<u32> for Number {
    fn kind(&self) -> String {
        "number".to_owned()
    }
    fn read(&self, log: &mut Log, place: &[String], value: &Spanned<DeValue<'_>>) -> Option<u32> {
        let number = whole(value.get_ref()).and_then(|number| u32::try_from(number).ok());
        number.or_else(|| refuse(log, place, value, &format!("write a whole number from 0 to {}", u32::MAX)))
    }
    fn write(&self, value: &u32) -> Option<String> {
        Some(value.to_string())
    }
}

impl Form<u64> for Number {
    fn kind(&self) -> String {
        "number".to_owned()
    }
    fn read(&self, log: &mut Log, place: &[String], value: &Spanned<DeValue<'_>>) -> Option<u64> {
        whole(value.get_ref()).or_else(|| refuse(log, place, value, "write a whole number that is not negative"))
    }
    fn write(&self, value: &u64) -> Option<String> {
        Some(value.to_string())
    }
}

/// A time span.
pub(crate) struct Time;

impl Form<Span> for Time {
    fn kind(&self) -> String {
        "time".to_owned()
    }
    fn read(&self, log: &mut Log, place: &[String], value: &Spanned<DeValue<'_>>) -> Option<Span> {
        let span = quantity_of(value.get_ref(), quantity::span);
        span.or_else(|| refuse(log, place, value, quantity::TIME_HELP))
    }
    fn write(&self, value: &Span) -> Option<String> {
        Some(quoted(&value.to_string()))
    }
}

/// Memory in MiB.
pub(crate) struct Memory;

impl Form<u64> for Memory {
    fn kind(&self) -> String {
        "memory".to_owned()
    }
    fn read(&self, log: &mut Log, place: &[String], value: &Spanned<DeValue<'_>>) -> Option<u64> {
        let size = quantity_of(value.get_ref(), quantity::mebibytes);
        size.or_else(|| refuse(log, place, value, quantity::MEMORY_HELP))
    }
    fn write(&self, value: &u64) -> Option<String> {
        Some(quoted(&quantity::memory(*value)))
    }
}

/// Processing units in hundredths; a bare number will do.
pub(crate) struct Processors;

impl Form<u64> for Processors {
    fn kind(&self) -> String {
        "processing units".to_owned()
    }
    fn read(&self, log: &mut Log, place: &[String], value: &Spanned<DeValue<'_>>) -> Option<u64> {
        let units = quantity_of(value.get_ref(), quantity::processors);
        units.or_else(|| refuse(log, place, value, quantity::PROCESSORS_HELP))
    }
    fn write(&self, value: &u64) -> Option<String> {
        Some(quoted(&quantity::units(*value)))
    }
}

fn quantity_of<T>(value: &DeValue<'_>, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
    match value {
        DeValue::String(text) => parse(text),
        DeValue::Integer(number) if number.radix() == 10 => parse(number.as_str()),
        DeValue::Float(number) => parse(number.as_str()),
        DeValue::Integer(_) | DeValue::Boolean(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
            None
        }
    }
}

/// One word of a fixed set.
pub(crate) struct Word<V: 'static>(pub(crate) &'static [(&'static str, V)]);

impl<V: Clone + PartialEq> Form<V> for Word<V> {
    fn kind(&self) -> String {
        let words: Vec<String> = self.0.iter().map(|(word, _)| format!("`\"{word}\"`")).collect();
        words.join(", ")
    }
    fn read(&self, log: &mut Log, place: &[String], value: &Spanned<DeValue<'_>>) -> Option<V> {
        let words: Vec<&str> = self.0.iter().map(|(word, _)| *word).collect();
        let Some(text) = value.get_ref().as_str() else {
            return refuse(log, place, value, &format!("write one of {}", words.join(", ")));
        };
        let meant = self.0.iter().find(|(word, _)| *word == text).map(|(_, meaning)| meaning.clone());
        meant.or_else(|| refuse(log, place, value, &instead(text, &words)))
    }
    fn write(&self, value: &V) -> Option<String> {
        self.0.iter().find(|(_, meaning)| meaning == value).map(|(word, _)| quoted(word))
    }
}

/// A value, as shown in messages.
fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => kind(value).to_owned(),
    }
}

/// The kind of a value, for messages.
pub(crate) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// Writes a basic TOML string.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if is_harmful(c) => out.push_str(&format!("\\U{:08X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Writes a key of a TOML table, quoted if necessary.
pub(crate) fn bare(name: &str) -> String {
    let bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if bare { name.to_owned() } else { quoted(name) }
}
