//! A part of the status: what is asked for, and what of it one answer may hold. A large site has thousands of groups.
//!
//! Groups are walked in their order, the most important first, each with all that belongs to it: its resources, its wait, its
//! alarms. A page ends after a group, and the next one begins behind it. What there are few of (servers, nodes, HMCs, services,
//! orders, the waits and alarms of these) is on the first page.

use super::{
    verdict::{is_amiss_group, is_amiss_hmc, is_amiss_node, is_amiss_resource, is_amiss_server, is_amiss_service},
    wire::{
        AlarmView, GroupView, HmcView, LparView, NodeView, ResourceView, ServerView, ServiceView, StatusView, WaitView,
    },
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt, str::FromStr};

/// Most rows of groups and resources on a page, but for a single group that has more.
pub const PAGE: usize = 5000;

/// A part of the status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Part {
    /// Only what is on this server.
    pub on: Option<String>,
    /// Only what is in this state.
    pub state: Option<String>,
    /// Only this group, and what belongs to it.
    pub group: Option<String>,
    /// Only what is not as it should be.
    pub problems: bool,
    /// Only this list.
    pub only: Option<Only>,
    /// Most rows of groups and resources on one page: 0 for no list at all, [`PAGE`] at most. Without it, everything is one page.
    pub limit: Option<usize>,
    /// Begin behind the end of this page: the `next` of the answer before.
    pub after: Option<String>,
}

/// A list of the status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // what a name says is not said again
pub enum Only {
    Groups,
    Resources,
    Servers,
    Nodes,
    Services,
}

impl Only {
    fn word(self) -> &'static str {
        match self {
            Only::Groups => "groups",
            Only::Resources => "resources",
            Only::Servers => "servers",
            Only::Nodes => "nodes",
            Only::Services => "services",
        }
    }
}

/// The end of a page: the last group on it, and the configuration in which it has that place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// Log index of the configuration.
    pub configured: u64,
    /// Its priority.
    pub priority: u32,
    /// Its name.
    pub group: String,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.configured, self.priority, self.group)
    }
}

impl FromStr for End {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = || {
            let mut parts = text.splitn(3, '.');
            let (configured, priority) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
            let group = parts.next().filter(|group| !group.is_empty())?.to_owned();
            Some(End { configured, priority, group })
        };
        parsed().ok_or_else(|| {
            let shown: String = text.chars().take(80).collect();
            format!(
                "after={shown:?} is not the end of a page: take the `next` of the page before, or leave it out to begin"
            )
        })
    }
}

impl Part {
    /// No list at all: the head, the verdict and the totals.
    pub fn head() -> Self {
        Part { limit: Some(0), ..Part::default() }
    }

    /// Only one list.
    pub fn list(only: Only) -> Self {
        Part { only: Some(only), ..Part::default() }
    }

    /// Whether a list belongs to it.
    pub(super) fn has(&self, list: Only) -> bool {
        self.limit != Some(0) && self.only.is_none_or(|only| only == list)
    }

    /// Whether it holds what is no list of its own: HMCs, waits, alarms, orders, LPARs.
    pub(super) fn has_rest(&self) -> bool {
        self.limit != Some(0) && self.only.is_none()
    }

    /// As a query, behind another one.
    pub(super) fn query(&self, escape: impl Fn(&str) -> String) -> String {
        let texts = [("on", &self.on), ("state", &self.state), ("group", &self.group), ("after", &self.after)];
        let mut all: String =
            texts.into_iter().filter_map(|(key, value)| Some(format!("&{key}={}", escape(value.as_ref()?)))).collect();
        if self.problems {
            all.push_str("&problems=true");
        }
        if let Some(only) = self.only {
            all.push_str(&format!("&only={}", only.word()));
        }
        if let Some(limit) = self.limit {
            all.push_str(&format!("&limit={limit}"));
        }
        all
    }

    fn is_of(&self, name: &str) -> bool {
        self.group.as_ref().is_none_or(|group| {
            name == group || name.strip_prefix(group.as_str()).is_some_and(|at| at.starts_with('@'))
        })
    }

    fn is_on(&self, server: Option<&String>) -> bool {
        self.on.is_none() || self.on.as_ref() == server
    }

    fn is_in<'a>(&self, mut words: impl Iterator<Item = &'a str>) -> bool {
        self.state.as_ref().is_none_or(|state| words.any(|word| word.eq_ignore_ascii_case(state)))
    }

    /// Whether a group belongs to it.
    pub(super) fn takes_group(&self, one: &GroupView) -> bool {
        let words = std::iter::once(one.state.as_str()).chain(one.flags.iter().map(String::as_str));
        self.is_on(one.server.as_ref())
            && self.is_of(&one.name)
            && self.is_in(words)
            && (!self.problems || is_amiss_group(one))
    }

    /// Whether a resource belongs to it.
    pub(super) fn takes_resource(&self, one: &ResourceView) -> bool {
        self.is_on(one.server.as_ref())
            && self.is_of(&one.group)
            && self.is_in([one.state.as_str()].into_iter())
            && (!self.problems || is_amiss_resource(one))
    }

    /// Whether what only LPARs have belongs to it, of one of these resources.
    pub(super) fn takes_lpar(&self, one: &LparView, resources: &[ResourceView]) -> bool {
        self.is_on(one.server.as_ref())
            && self.is_of(&one.group)
            && self.is_in([one.state.as_str()].into_iter())
            && (!self.problems || resources.iter().any(|resource| resource.name == one.name))
    }

    /// Leaves of the lists that there are few of what belongs to it, all else as it is.
    pub(super) fn take_few(&self, view: &mut StatusView) {
        let kept = |one: &HmcView| self.has_rest() && (!self.problems || is_amiss_hmc(one));
        view.hmcs.retain(kept);
        let kept = |one: &ServerView| {
            self.has(Only::Servers)
                && self.group.is_none()
                && self.is_on(Some(&one.name))
                && self.is_in([one.state.as_str()].into_iter())
                && (!self.problems || is_amiss_server(one))
        };
        view.servers.retain(kept);
        let kept = |one: &NodeView| {
            let words = one.out.iter().map(|out| out.as_str()).chain([one.role.as_str()]);
            self.has(Only::Nodes)
                && self.group.is_none()
                && self.is_on(one.server.as_ref())
                && self.is_in(words)
                && (!self.problems || is_amiss_node(one))
        };
        view.nodes.retain(kept);
        let kept = |one: &ServiceView| {
            self.has(Only::Services)
                && self.on.is_none()
                && (self.group.is_none() || one.tiers.iter().flatten().any(|member| self.is_of(&member.group)))
                && self.is_in([one.state.as_str()].into_iter())
                && (!self.problems || is_amiss_service(&one.state))
        };
        view.services.retain(kept);
        if !self.has_rest() {
            view.orders.clear();
        }
    }

    /// The same of everything, for a node of an older build, which sends everything.
    pub fn taken_of(&self, mut view: StatusView) -> StatusView {
        self.take_few(&mut view);
        view.groups.retain(|one| self.takes_group(one));
        view.resources.retain(|one| self.takes_resource(one));
        view.lpars.retain(|one| self.takes_lpar(one, &view.resources));
        let of: BTreeSet<&str> = view
            .groups
            .iter()
            .map(|one| one.name.as_str())
            .chain(view.resources.iter().map(|one| one.group.as_str()))
            .collect();
        view.waits.retain(|wait| self.has_rest() && (!is_groups(wait) || of.contains(wait.name.as_str())));
        view.alarms.retain(|alarm| self.has_rest() && alarm.group.as_deref().is_none_or(|group| of.contains(group)));
        if !self.has(Only::Groups) {
            view.groups.clear();
        }
        if !self.has(Only::Resources) {
            view.resources.clear();
        }
        if !self.has_rest() {
            view.lpars.clear();
        }
        view
    }
}

/// Whether a group waits, and not a server.
pub(super) fn is_groups(wait: &WaitView) -> bool {
    wait.what == "group"
}

/// Adds a page to the ones before, in the order that the whole has.
pub(super) fn add(whole: &mut StatusView, page: StatusView) {
    whole.groups.extend(page.groups);
    whole.resources.extend(page.resources);
    whole.lpars.extend(page.lpars);
    whole.waits.extend(page.waits);
    whole.alarms.extend(page.alarms);
    whole.next = page.next;
}

/// The order that the whole has, for what is not in the order of groups.
pub(super) fn put_in_order(whole: &mut StatusView) {
    whole.resources.sort_by(|a, b| a.name.cmp(&b.name));
    whole.lpars.sort_by(|a, b| a.name.cmp(&b.name));
    let place = |wait: &WaitView| (std::cmp::Reverse(wait.level), is_groups(wait), wait.name.clone());
    whole.waits.sort_by_cached_key(place);
    // Of servers, of groups, and of neither.
    let place = |alarm: &AlarmView| match (&alarm.server, &alarm.group) {
        (Some(_), _) => (0, None),
        (None, Some(group)) => (1, Some(group.clone())),
        (None, None) => (2, None),
    };
    whole.alarms.sort_by_cached_key(place);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_page_is_read_as_it_was_written_and_nothing_else_is() {
        let end = End { configured: 55, priority: 10, group: "net@p1.example".to_owned() };
        assert_eq!(end.to_string().parse(), Ok(end));
        for wrong in ["", "web", "55.10.", "55..web", "x.10.web", "55.-1.web", "18446744073709551616.1.web"] {
            let why = wrong.parse::<End>().expect_err(wrong);
            assert!(why.contains("is not the end of a page"), "{why}");
        }
        assert!("y".repeat(1000).parse::<End>().expect_err("long").len() < 300);
    }

    #[test]
    fn a_query_has_what_was_asked_for() {
        let part = Part {
            on: Some("p1".to_owned()),
            state: None,
            group: Some("a b".to_owned()),
            problems: true,
            only: Some(Only::Groups),
            limit: Some(7),
            after: Some("1.2.x".to_owned()),
        };
        let query = part.query(|text| text.replace(' ', "%20"));
        assert_eq!(query, "&on=p1&group=a%20b&after=1.2.x&problems=true&only=groups&limit=7");
        assert_eq!(Part::default().query(str::to_owned), "");
    }
}
