//! Where a broken rule stands in the file, and whether it is worth saying.

use crate::{fields::Log, problem::Found, words::nearest};
use std::ops::Range;
use tenure_core::{
    GroupName, HmcName, ResourceName, ServerName,
    config::{Cluster, Mistake, Rule},
};
use toml::de::{DeTable, DeValue};

/// Names shorter than this are not guessed.
const SHORT_NAME: usize = 4;

/// Whether a rule is only broken because a value could not be read, which was reported already.
pub(crate) fn is_consequence(log: &Log, cluster: &Cluster, mistake: &Mistake) -> bool {
    let broken = |places: &[&str]| {
        let place: Vec<String> = places.iter().map(|step| (*step).to_owned()).collect();
        log.is_broken(&place)
    };
    let under = |section: &str, field: &str| {
        let ends = |place: &Vec<String>| place.len() == 1 || place.last().is_some_and(|last| last == field);
        log.broken.iter().any(|place| place.first().is_some_and(|first| first == section) && ends(place))
    };
    if log.is_broken(&mistake.place) {
        return true;
    }
    match &mistake.rule {
        Rule::EmptySystemList { group } => broken(&["groups", group.as_str(), "servers"]),
        Rule::NoManager { server, .. } | Rule::LparWithoutManager { server, .. } => {
            broken(&["servers", server.as_str(), "managers"])
        }
        // What is wrong with it was said of a part of it.
        Rule::NoAddress { server } => {
            let within =
                |place: &Vec<String>| place.starts_with(&["servers", server.as_str(), "address"].map(String::from));
            log.broken.iter().any(within)
        }
        Rule::EmptyGroup { .. } => under("lpars", "group") || under("resources", "group"),
        Rule::AutostartOutsideList { server } => {
            let list_is_broken = mistake.place.get(1).is_some_and(|group| broken(&["groups", group, "servers"]));
            list_is_broken || !cluster.servers.contains_key(server)
        }
        Rule::Unmanaged { .. } => under("nodes", "server"),
        Rule::TooShort { .. } => log.broken.iter().any(|place| place.first().is_some_and(|one| one == "timings")),
        Rule::UnknownManager { .. } => under("managers", ""),
        Rule::UnknownServer { .. } => under("servers", ""),
        Rule::UnknownGroup { .. } => under("groups", ""),
        Rule::UnknownResource { .. } => under("lpars", "") || under("resources", ""),
        // All others are about values that were read.
        _ => false,
    }
}

/// A broken rule with its place in the file.
pub(crate) fn place_mistake(table: &DeTable<'_>, cluster: &Cluster, mistake: &Mistake) -> Found {
    // Where a key itself is wrong, its value has nothing to do with it.
    let key = match &mistake.rule {
        Rule::UnknownServer { server: name, .. } | Rule::Name { name } => mistake.place.last() == Some(name),
        Rule::OutsideList { .. } => true,
        _ => false,
    };
    let span = locate(table, &mistake.place, key);
    let found = Found { span, message: mistake.rule.message(), help: mistake.rule.advice() };
    // Short names differ little from each other: there, all of them are more help than a guess.
    let near = |word: &str, known: Vec<&str>| {
        let near = nearest(word, known.into_iter()).filter(|_| word.len() >= SHORT_NAME);
        near.map(|near| format!("did you mean {near:?}?"))
    };
    let meant = match &mistake.rule {
        Rule::UnknownManager { manager, .. } => near(manager, cluster.managers.keys().map(HmcName::as_str).collect()),
        Rule::UnknownServer { server, .. } => near(server, cluster.servers.keys().map(ServerName::as_str).collect()),
        Rule::UnknownResource { resource, .. } => {
            near(resource, cluster.resources.keys().map(ResourceName::as_str).collect())
        }
        Rule::UnknownGroup { group, .. } => near(group, cluster.groups.keys().map(GroupName::as_str).collect()),
        _ => None,
    };
    match meant {
        Some(meant) => found.help(meant),
        None => found,
    }
}

/// Where the value at this place stands: the value, or the key if the place is a table. If it is not written down, what
/// it would stand in. With `key`, the last step's key in any case.
fn locate(table: &DeTable<'_>, place: &[String], key: bool) -> Range<usize> {
    let mut span = 0..0;
    let mut table = Some(table);
    let mut list = None;
    for (n, step) in place.iter().enumerate() {
        if let Some((name, value)) = table.and_then(|table| table.get_key_value(step.as_str())) {
            let value_is_table = matches!(value.get_ref(), DeValue::Table(_));
            let wants_key = key && n + 1 == place.len();
            span = if value_is_table || wants_key { name.span() } else { value.span() };
            table = value.get_ref().as_table();
            list = value.get_ref().as_array();
        } else if let Some(item) = list.and_then(|list| list.get(step.parse::<usize>().ok()?)) {
            span = item.span();
            table = item.get_ref().as_table();
            list = item.get_ref().as_array();
        } else {
            break;
        }
    }
    span
}
