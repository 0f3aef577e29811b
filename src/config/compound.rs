//! Forms of composite values: lists, tables, and shorthands.

use crate::{
    fields::{Fields, Log},
    form::{Form, bare, key, kind, quoted, refuse},
    problem::Found,
    schema::{self, Field},
    words::instead,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
};
use tenure_core::config::Failback;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// A list.
pub(crate) struct List<F>(pub(crate) F);

impl<V, F: Form<V>> Form<Vec<V>> for List<F> {
    fn kind(&self) -> String {
        format!("list: {}", self.0.kind())
    }
    fn read(&self, log: &mut Log, place: &[String], value: &Spanned<DeValue<'_>>) -> Option<Vec<V>> {
        let Some(items) = value.get_ref().as_array() else {
            let what = format!("{} is {}, not a list", key(place), kind(value.get_ref()));
            let help = match value.get_ref().as_str() {
                Some(text) => format!("write {} = [\"{text}\"]", key(place)),
                None => format!("write {} = [\"…\"]", key(place)),
            };
            log.wrong(place, Found::new(value.span(), what).help(help));
            return None;
        };
        let mut read = Vec::new();
        for (n, item) in items.iter().enumerate() {
            match self.0.read(log, &within(place, &n.to_string()), item) {
                Some(item) => read.push(item),
                None => drop(log.broken.insert(place.to_vec())),
            }
        }
        Some(read)
    }
    fn write(&self, value: &Vec<V>) -> Option<String> {
        let items: Vec<String> = value.iter().filter_map(|item| self.0.write(item)).collect();
        Some(format!("[{}]", items.join(", ")))
    }
}

impl<V: Ord + Clone + Display, F: Form<V>> Form<BTreeSet<V>> for List<F> {
    fn kind(&self) -> String {
        format!("list: {}", self.0.kind())
    }
    fn read(&self, log: &mut Log, place: &[String], value: &Spanned<DeValue<'_>>) -> Option<BTreeSet<V>> {
        let items: Vec<V> = self.read(log, place, value)?;
        let mut read = BTreeSet::new();
        for item in items {
            if let Some(twice) = read.replace(item) {
                let what = format!("{twice} stands twice in {}", key(place));
                log.wrong(place, Found::new(value.span(), what).help("name it once"));
            }
        }
        Some(read)
    }
    fn write(&self, value: &BTreeSet<V>) -> Option<String> {
        self.write(&value.iter().cloned().collect::<Vec<V>>())
    }
}

/// A table from names to values, with a word for the names.
pub(crate) struct Map<F>(pub(crate) &'static str, pub(crate) F);

impl<K: From<String> + Ord + Display, V, F: Form<V>> Form<BTreeMap<K, V>> for Map<F> {
    fn kind(&self) -> String {
        format!("table: {} = {}", self.0, self.1.kind())
    }
    fn read(&self, log: &mut Log, place: &[String], value: &Spanned<DeValue<'_>>) -> Option<BTreeMap<K, V>> {
        let table = table(log, place, value, self.0)?;
        let mut read = BTreeMap::new();
        for (name, value) in table {
            if let Some(value) = self.1.read(log, &within(place, name.get_ref()), value) {
                read.insert(K::from(name.get_ref().to_string()), value);
            }
        }
        Some(read)
    }
    fn write(&self, value: &BTreeMap<K, V>) -> Option<String> {
        braces(value.iter().filter_map(|(name, value)| Some((bare(&name.to_string()), self.1.write(value)?))))
    }
}

/// A table from words of a closed set to values.
pub(crate) struct WordMap<K: 'static, F>(pub(crate) &'static [(&'static str, K)], pub(crate) F);

impl<K: Ord + Clone, V, F: Form<V>> Form<BTreeMap<K, V>> for WordMap<K, F> {
    fn kind(&self) -> String {
        format!("table: event = {}", self.1.kind())
    }
    fn read(&self, log: &mut Log, place: &[String], value: &Spanned<DeValue<'_>>) -> Option<BTreeMap<K, V>> {
        let table = table(log, place, value, "…")?;
        let mut read = BTreeMap::new();
        for (word, value) in table {
            let Some((_, meant)) = self.0.iter().find(|(known, _)| *known == word.get_ref().as_ref()) else {
                let words: Vec<&str> = self.0.iter().map(|(word, _)| *word).collect();
                let what = format!("{} knows no {:?}", key(place), word.get_ref());
                log.wrong(place, Found::new(word.span(), what).help(instead(word.get_ref(), &words)));
                continue;
            };
            if let Some(value) = self.1.read(log, &within(place, word.get_ref()), value) {
                read.insert(meant.clone(), value);
            }
        }
        Some(read)
    }
    fn write(&self, value: &BTreeMap<K, V>) -> Option<String> {
        let word = |meant: &K| self.0.iter().find(|(_, known)| known == meant).map(|(word, _)| (*word).to_owned());
        braces(value.iter().filter_map(|(meant, value)| Some((word(meant)?, self.1.write(value)?))))
    }
}

/// A table of fields, read into a draft that is then converted to the value.
#[allow(missing_docs)] // what a name says is not said again
pub(crate) struct Record<D, V> {
    /// Its name in the documentation.
    pub(crate) kind: &'static str,
    /// An example of the written value.
    pub(crate) example: &'static str,
    pub(crate) fields: fn() -> Vec<Field<D>>,
    /// The draft before anything was read.
    pub(crate) blank: fn() -> D,
    /// Converts the draft; the error is what is wrong and what to write instead.
    pub(crate) finish: fn(D) -> Result<V, (String, String)>,
    /// The draft of a value, for writing it.
    pub(crate) draft: fn(&V) -> D,
}

impl<D, V> Record<D, V> {
    /// Reads an open table.
    pub(crate) fn open(&self, log: &mut Log, mut fields: Fields<'_>) -> Option<V> {
        let mut draft = (self.blank)();
        let before = log.found.len();
        schema::read(log, &mut fields, &(self.fields)(), &mut draft);
        let (place, span) = (fields.place.clone(), fields.key.clone());
        fields.close(log);
        // With a field that is unreadable or unknown, the draft may make no sense.
        if log.found.len() > before {
            return None;
        }
        let finished = (self.finish)(draft);
        finished.map_err(|(what, help)| log.wrong(&place, Found::new(span, what).help(help))).ok()
    }
}

impl<D, V> Form<V> for Record<D, V> {
    fn kind(&self) -> String {
        self.kind.to_owned()
    }
    fn read(&self, log: &mut Log, place: &[String], value: &Spanned<DeValue<'_>>) -> Option<V> {
        let Some(table) = value.get_ref().as_table() else {
            return refuse(log, place, value, &format!("write {}", self.example));
        };
        self.open(log, Fields::inline(table, place.to_vec(), value.span()))
    }
    fn write(&self, value: &V) -> Option<String> {
        let fields = (self.fields)();
        let lines = schema::lines(&fields, &(self.draft)(value), &(self.blank)());
        braces(lines.into_iter().map(|(key, value)| (key.to_owned(), value)))
    }
}

/// A value with two notations: a name as shorthand, or the long form.
pub(crate) struct Short<V, F> {
    /// The meaning of a name alone.
    pub(crate) from: fn(String) -> V,
    /// The name, if it is the whole value.
    pub(crate) into: fn(&V) -> Option<String>,
    /// The long form.
    pub(crate) long: F,
}

impl<V, F: Form<V>> Form<V> for Short<V, F> {
    fn kind(&self) -> String {
        format!("name, or {}", self.long.kind())
    }
    fn read(&self, log: &mut Log, place: &[String], value: &Spanned<DeValue<'_>>) -> Option<V> {
        match value.get_ref().as_str() {
            Some(name) => Some((self.from)(name.to_owned())),
            None => self.long.read(log, place, value),
        }
    }
    fn write(&self, value: &V) -> Option<String> {
        (self.into)(value).map(|name| quoted(&name)).or_else(|| self.long.write(value))
    }
}

/// The times of failback: `"never"`, `"at once"`, or a daily window such as `"22:00-04:00"`.
pub(crate) struct When;

impl Form<Failback> for When {
    fn kind(&self) -> String {
        "`\"never\"`, `\"at once\"`, or a daily window in UTC such as `\"22:00-04:00\"`".to_owned()
    }
    fn read(&self, log: &mut Log, place: &[String], value: &Spanned<DeValue<'_>>) -> Option<Failback> {
        let help = "write \"never\", \"at once\", or a window of each day in UTC such as \"22:00-04:00\"";
        let read = match value.get_ref().as_str() {
            Some("never") => Some(Failback::Never),
            Some("at once") => Some(Failback::AtOnce),
            Some(text) => text
                .split_once('-')
                .and_then(|(from, to)| Some(Failback::Window { from: minute(from.trim())?, to: minute(to.trim())? })),
            None => None,
        };
        read.or_else(|| refuse(log, place, value, help))
    }
    fn write(&self, value: &Failback) -> Option<String> {
        let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        Some(quoted(&match value {
            Failback::Never => "never".to_owned(),
            Failback::AtOnce => "at once".to_owned(),
            Failback::Window { from, to } => format!("{}-{}", clock(*from), clock(*to)),
        }))
    }
}

/// `22:00` as minutes after midnight; `24:00` is the end of the day.
fn minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let digits = |text: &str| text.len() == 2 && text.chars().all(|c| c.is_ascii_digit());
    if !digits(hours) || !digits(minutes) {
        return None;
    }
    let (hours, minutes) = (hours.parse::<u16>().ok()?, minutes.parse::<u16>().ok()?);
    (minutes < 60).then_some(hours * 60 + minutes).filter(|minute| *minute <= 24 * 60)
}

fn within(place: &[String], step: &str) -> Vec<String> {
    let mut place = place.to_vec();
    place.push(step.to_owned());
    place
}

fn table<'t>(log: &mut Log, place: &[String], value: &'t Spanned<DeValue<'t>>, names: &str) -> Option<&'t DeTable<'t>> {
    let table = value.get_ref().as_table();
    table.or_else(|| refuse(log, place, value, &format!("write {} = {{ {names} = … }}", key(place))))
}

/// Writes an inline table.
fn braces(lines: impl Iterator<Item = (String, String)>) -> Option<String> {
    let lines: Vec<String> = lines.map(|(key, value)| format!("{key} = {value}")).collect();
    Some(if lines.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", lines.join(", ")) })
}
