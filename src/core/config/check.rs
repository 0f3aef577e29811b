//! Checks a cluster before it is applied: a setting that would make no sense at run time is a mistake, with its
//! place.

mod graph;
mod groups;
mod links;
mod placement;
mod resources;
mod rule;
mod services;
mod site;
mod text;
mod whole;

pub use rule::Rule;
pub use text::{excerpt, is_name};

use text::NAME_LIMIT;

use super::Cluster;
use crate::{Level, ServerName};
use std::fmt;

/// One rule that the cluster breaks, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Path to the value: `["groups", "web", "servers", "2"]`.
    pub place: Vec<String>,
    /// The rule that is broken.
    pub rule: Rule,
}

impl Cluster {
    /// Every rule that this cluster breaks; empty if it may be applied under the newest level of this build.
    pub fn mistakes(&self) -> Vec<Mistake> {
        self.mistakes_at(Level::NEWEST)
    }

    /// The same, by the rules of a level.
    pub fn mistakes_at(&self, level: Level) -> Vec<Mistake> {
        let mut found = Found(Vec::new());
        site::check(self, &mut found);
        groups::check(self, &mut found);
        links::check(self, &mut found);
        resources::check(self, &mut found);
        services::check(self, &mut found);
        placement::check(self, &mut found);
        whole::check(self, level, &mut found);
        found.0
    }
}

struct Found(Vec<Mistake>);

impl Found {
    /// Whether some rule was found broken already.
    fn any(&self, rule: impl Fn(&Rule) -> bool) -> bool {
        self.0.iter().any(|mistake| rule(&mistake.rule))
    }
    fn add(&mut self, place: &[&str], rule: Rule) {
        let place = place.iter().map(|step| (*step).to_owned()).collect();
        self.0.push(Mistake { place, rule });
    }
    fn name(&mut self, place: &[&str], name: &str) {
        if !is_name(name) {
            self.add(place, Rule::Name { name: name.to_owned() });
        }
    }
    /// Checks free text, such as a name that somebody else gave.
    fn text(&mut self, place: &[&str], what: &'static str, text: &str) {
        if !text::is_text(text) {
            self.add(place, Rule::Text { what });
        }
    }
    /// Checks the name of a partition.
    fn partition(&mut self, place: &[&str], name: &str) {
        if !text::is_partition(name) {
            self.add(place, Rule::Partition { partition: name.to_owned() });
        }
    }
    fn unknown_server(&mut self, place: &[&str], server: &ServerName, cluster: &Cluster) {
        let known = list(cluster.servers.keys());
        self.add(place, Rule::UnknownServer { server: server.to_string(), known });
    }
    fn unknown_group(&mut self, place: &[&str], group: &str, cluster: &Cluster) {
        let known = list(cluster.groups.keys());
        self.add(place, Rule::UnknownGroup { group: group.to_owned(), known });
    }
}

fn list<T: fmt::Display>(names: impl Iterator<Item = T>) -> String {
    let names: Vec<String> = names.map(|name| name.to_string()).collect();
    if names.is_empty() { "none is declared".to_owned() } else { names.join(", ") }
}

/// Names as a path: `web → db → web`.
fn path<T: fmt::Display>(names: impl Iterator<Item = T>) -> String {
    names.map(|name| name.to_string()).collect::<Vec<_>>().join(" → ")
}

/// Hundredths as text: `150` as `1.50`.
pub fn hundredths(units: u64) -> String {
    format!("{}.{:02}", units / 100, units % 100)
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place: Vec<_> = self.place.iter().map(|step| excerpt(step, NAME_LIMIT)).collect();
        write!(f, "{}: {}", place.join("."), self.rule)
    }
}
