//! The place of a broken rule in the file, and whether the rule is worth reporting.

use crate::{fields::Log, problem::Found, words::nearest};
use std::ops::Range;
use tenure_core::{
    GroupName, HmcName, ResourceName, ServerName,
    config::{Cluster, Mistake, Rule},
};
use toml::de::{DeTable, DeValue};

/// For names shorter than this no similar one is suggested.
const SHORT_NAME: usize = 4;

/// Whether a rule is broken only because a value could not be read, which was reported already.
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
        // The mistake was reported for a part of the address.
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
        // All other rules concern values that were read.
        _ => false,
    }
}

/// A broken rule, with its place in the file.
pub(crate) fn place_mistake(table: &DeTable<'_>, cluster: &Cluster, mistake: &Mistake) -> Found {
    // If the key itself is wrong, its value has nothing to do with it.
    let key = match &mistake.rule {
        Rule::UnknownServer { server: name, .. } | Rule::Name { name } => mistake.place.last() == Some(name),
        Rule::OutsideList { .. } => true,
        _ => false,
    };
    let span = locate(table, &mistake.place, key);
    let found = Found { span, message: mistake.rule.message(), help: mistake.rule.advice() };
    // Short names differ little from each other: for them, the whole list is more help than a guess.
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

/// The place of a value: the value itself, or the key if it is a table. If it is not in the file, the place that
/// would contain it. With `key`, always the key of the last step.
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
