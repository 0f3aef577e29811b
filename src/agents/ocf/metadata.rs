//! The metadata of an OCF resource agent: its parameters, its actions and their timeouts.
//!
//! Parsing is total and bounded: any output gives metadata or an error. An agent is asked again only when its file
//! changed.

use super::super::{machine::Machine, program::Ended};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};
use tenure_core::ForeignText;

/// Length in bytes at which metadata are cut.
const LONGEST: usize = 1024 * 1024;
/// Limit of XML nodes in metadata.
const MOST_NODES: u32 = 100_000;
/// Time that an agent may take to print its metadata.
const WITHIN: Duration = Duration::from_secs(20);
/// Time for which an agent that failed to print metadata is not asked again: many resources may have one agent.
const PAUSE: Duration = Duration::from_secs(30);

/// The metadata of an agent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Metadata {
    pub name: ForeignText,
    /// Its purpose, in a line.
    pub short: ForeignText,
    /// The attributes that it takes.
    pub parameters: Vec<Parameter>,
    /// The actions that it supports, and its advice for each.
    pub actions: Vec<Advice>,
}

/// A parameter of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Parameter {
    pub name: ForeignText,
    /// Its purpose, in a line.
    pub short: ForeignText,
    /// Whether it must be given.
    pub required: bool,
    /// Whether no two resources may have the same value.
    pub unique: bool,
    /// Whether it should not be used any more.
    pub deprecated: bool,
    /// The type of its value.
    pub value: ValueType,
    /// Its value if none is given.
    pub default: Option<ForeignText>,
}

/// The type of a parameter's value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ValueType {
    /// A whole number.
    Integer,
    /// Yes or no.
    Boolean,
    /// Any other type, including those unknown to the standard.
    #[default]
    Text,
}

/// An action of an agent, with the author's advice.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Advice {
    pub name: ForeignText,
    /// Least timeout that it needs.
    pub timeout: Option<Duration>,
    /// Interval at which it should run.
    pub interval: Option<Duration>,
    /// Depth of a look; only `monitor` actions have one.
    pub depth: Option<ForeignText>,
}

impl Metadata {
    /// Parses the output of the action `meta-data`.
    pub fn parse(text: &str) -> Result<Metadata, ForeignText> {
        let text = text.trim_start_matches('\u{feff}').trim_start();
        // No agent needs entities of its own, and a few kilobytes of them can stand for gigabytes.
        if text.contains("<!ENTITY") {
            return Err("it declares an entity".into());
        }
        let options = roxmltree::ParsingOptions { allow_dtd: true, nodes_limit: MOST_NODES, ..Default::default() };
        let document = roxmltree::Document::parse_with_options(text, options).map_err(|error| error.to_string())?;
        let root = document.root_element();
        if !root.has_tag_name("resource-agent") {
            return Err(format!("it begins with <{}>", root.tag_name().name()).into());
        }
        let all = |tag: &'static str| root.descendants().filter(move |node| node.has_tag_name(tag));
        Ok(Metadata {
            name: root.attribute("name").unwrap_or_default().into(),
            short: short(root),
            parameters: all("parameter").filter_map(parameter).collect(),
            actions: all("action").filter_map(advice).collect(),
        })
    }

    /// The longest timeout advised for an action; several `monitor` actions may differ.
    pub fn timeout(&self, action: &str) -> Option<Duration> {
        self.actions.iter().filter(|known| known.name == action).filter_map(|known| known.timeout).max()
    }

    /// A parameter by its name.
    pub fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|known| known.name == name)
    }
}

fn short(node: roxmltree::Node<'_, '_>) -> ForeignText {
    let text = node.children().find(|child| child.has_tag_name("shortdesc")).and_then(|child| child.text());
    text.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ").into()
}

fn parameter(node: roxmltree::Node<'_, '_>) -> Option<Parameter> {
    let content = node.children().find(|child| child.has_tag_name("content"));
    let content = |name| content.and_then(|content| content.attribute(name));
    let flag = |name| node.attribute(name).is_some_and(|value| is_true(value) == Some(true));
    let deprecated = node.children().any(|child| child.has_tag_name("deprecated")) || flag("deprecated");
    Some(Parameter {
        name: node.attribute("name")?.into(),
        short: short(node),
        required: flag("required"),
        unique: flag("unique"),
        deprecated,
        value: match content("type") {
            Some("integer") => ValueType::Integer,
            Some("boolean") => ValueType::Boolean,
            Some(_) | None => ValueType::Text,
        },
        default: content("default").map(ForeignText::from),
    })
}

fn advice(node: roxmltree::Node<'_, '_>) -> Option<Advice> {
    let time = |name| node.attribute(name).and_then(time);
    Some(Advice {
        name: node.attribute("name")?.into(),
        timeout: time("timeout").filter(|time| !time.is_zero()),
        interval: time("interval").filter(|time| !time.is_zero()),
        depth: node.attribute("depth").map(ForeignText::from),
    })
}

impl ValueType {
    /// Whether a value is of this type. Agents take any case and the usual words for a boolean.
    pub fn takes(self, value: &str) -> bool {
        match self {
            ValueType::Integer => value.trim().parse::<i64>().is_ok(),
            ValueType::Boolean => is_true(value).is_some(),
            ValueType::Text => true,
        }
    }
}

fn is_true(value: &str) -> Option<bool> {
    match value.trim().to_ascii_lowercase().as_str() {
        "1" | "yes" | "true" | "on" | "ja" | "y" => Some(true),
        "0" | "no" | "false" | "off" | "nein" | "n" => Some(false),
        _ => None,
    }
}

/// A time as agents write it: seconds, unless there is a unit behind the number.
fn time(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().ok()?;
    match text[digits..].trim() {
        "" | "s" | "sec" => Some(Duration::from_secs(number)),
        "ms" | "msec" => Some(Duration::from_millis(number)),
        "m" | "min" => Some(Duration::from_secs(number.checked_mul(60)?)),
        "h" | "hr" => Some(Duration::from_secs(number.checked_mul(3600)?)),
        _ => None,
    }
}

/// The metadata of this machine's agents, as far as they are known.
#[derive(Debug, Default)]
pub(crate) struct Library(Mutex<BTreeMap<PathBuf, Arc<Shelf>>>);

/// The metadata of one agent. A second request waits for the first.
#[derive(Debug, Default)]
struct Shelf {
    /// Time and reason of the last failed attempt.
    asking: tokio::sync::Mutex<Option<(Instant, ForeignText)>>,
    known: Mutex<Option<(Edition, Arc<Metadata>)>>,
}

/// Modification time and length of an agent's file.
type Edition = (SystemTime, u64);

impl Library {
    /// The metadata of an agent if they are known already, without asking it.
    pub(crate) fn known(&self, path: &Path) -> Option<Arc<Metadata>> {
        self.shelf(path)
            .known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .map(|(_, known)| Arc::clone(known))
    }

    /// The metadata of an agent; the agent is asked if its file changed, or if they are not known yet.
    pub(crate) async fn of(
        &self,
        machine: &Machine,
        path: &Path,
        variables: BTreeMap<String, String>,
    ) -> Result<Arc<Metadata>, ForeignText> {
        let shelf = self.shelf(path);
        let mut failed = shelf.asking.lock().await;
        if let Some((_, why)) = failed.as_ref().filter(|(when, _)| when.elapsed() < PAUSE) {
            return Err(why.clone());
        }
        let file = tokio::fs::metadata(path).await.map_err(|error| format!("{}: {error}", path.display()))?;
        let edition = (file.modified().unwrap_or(SystemTime::UNIX_EPOCH), file.len());
        let known = shelf.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, metadata)) = known.filter(|(of, _)| *of == edition) {
            return Ok(metadata);
        }
        let outcome = machine.ask(path, vec!["meta-data".to_owned()], variables, LONGEST, WITHIN).await;
        let metadata = match outcome.ended {
            Ended::Exited(0) => {
                let said = outcome.said;
                // A megabyte of XML takes a while to parse.
                let parsed = tokio::task::spawn_blocking(move || Metadata::parse(said.text())).await;
                parsed.unwrap_or_else(|error| Err(error.to_string().into()))
            }
            Ended::Exited(_) | Ended::Missing(_) | Ended::NoRoom(_) | Ended::Broken(_) | Ended::TimeOver(_) => {
                Err(outcome.words())
            }
        };
        let metadata = match metadata {
            Ok(metadata) => Arc::new(metadata),
            Err(why) => {
                let why = ForeignText::from(format!("{} meta-data: {why}", path.display()));
                *failed = Some((Instant::now(), why.clone()));
                return Err(why);
            }
        };
        *failed = None;
        *shelf.known.lock().unwrap_or_else(PoisonError::into_inner) = Some((edition, Arc::clone(&metadata)));
        Ok(metadata)
    }

    fn shelf(&self, path: &Path) -> Arc<Shelf> {
        let mut shelves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(shelves.entry(path.to_owned()).or_default())
    }
}
