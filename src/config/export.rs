//! [`Cluster`] → the text of a cluster file: canonical, readable, defaults left out.

use crate::{
    declared,
    form::bare,
    schema::{Field, lines},
};
use std::collections::BTreeMap;
use tenure_core::{
    GroupName, ResourceName,
    config::{Brakes, Cluster, Group, Kind, Node, PlacementRule, Resource, Service, Timings, Tolerance},
};

/// The text of a cluster file that [`crate::cluster::parse`] reads back as the same cluster.
pub fn export(cluster: &Cluster) -> String {
    let mut page = Page(String::new());
    page.lines(&declared::whole(), cluster, &Cluster::default());
    let blank = declared::blank_manager();
    for (name, manager) in &cluster.managers {
        let draft = declared::ManagerDraft::of(manager);
        page.table("managers", name.as_str(), &declared::manager(), &draft, &blank);
    }
    for (name, server) in &cluster.servers {
        page.table("servers", name.as_str(), &declared::server(), server, &declared::blank_server());
    }
    let blank = Node { server: None, lpar: None, watchdog: None };
    for (name, node) in &cluster.nodes {
        page.table("nodes", name.as_str(), &declared::node(), node, &blank);
    }
    write_groups(&mut page, cluster);
    for (name, service) in &cluster.services {
        let blank = Service { tiers: Vec::new() };
        page.table("services", name.as_str(), &declared::service(), service, &blank);
    }
    for (name, rule) in &cluster.rules {
        write_rule(&mut page, name.as_str(), rule);
    }
    page.single("tolerance", &declared::tolerance(), &cluster.tolerance, &Tolerance::default());
    page.single("brakes", &declared::brakes(), &cluster.brakes, &Brakes::default());
    page.single("timings", &declared::timings(), &cluster.timings, &Timings::default());
    page.0
}

/// Writes each group, followed by its resources.
fn write_groups(page: &mut Page, cluster: &Cluster) {
    let mut contents: BTreeMap<&GroupName, Vec<(&ResourceName, &Resource)>> = BTreeMap::new();
    for (name, resource) in &cluster.resources {
        contents.entry(&resource.group).or_default().push((name, resource));
    }
    let (fields, usual) = (declared::group(), Group::new(Vec::new()));
    let (common, lpars, agents) = (declared::resource(), declared::lpar(), declared::agent());
    for (name, group) in &cluster.groups {
        page.table("groups", name.as_str(), &fields, group, &usual);
        for (name, resource) in contents.remove(name).unwrap_or_default() {
            page.section(resource.table(), name.as_str());
            match &resource.kind {
                Kind::Lpar(lpar) => {
                    let usual = Resource::lpar(GroupName::from(""), "");
                    page.lines(&common, resource, &usual);
                    usual.as_lpar().into_iter().for_each(|usual| page.lines(&lpars, lpar, usual));
                }
                Kind::Agent(agent) => {
                    let usual = Resource::agent(GroupName::from(""), "");
                    page.lines(&common, resource, &usual);
                    usual.as_agent().into_iter().for_each(|usual| page.lines(&agents, agent, usual));
                }
            }
        }
    }
}

fn write_rule(page: &mut Page, name: &str, rule: &PlacementRule) {
    let draft = (declared::RULE.draft)(rule);
    page.table("rules", name, &declared::rule(), &draft, &(declared::RULE.blank)());
}

struct Page(String);

impl Page {
    fn line(&mut self, key: &str, value: &str) {
        self.0.push_str(&format!("{key} = {value}\n"));
    }
    fn section(&mut self, section: &str, name: &str) {
        self.0.push_str(&format!("\n[{section}.{}]\n", bare(name)));
    }
    fn lines<T>(&mut self, fields: &[Field<T>], value: &T, usual: &T) {
        for (key, value) in lines(fields, value, usual) {
            self.line(key, &value);
        }
    }
    fn table<T>(&mut self, section: &str, name: &str, fields: &[Field<T>], value: &T, usual: &T) {
        self.section(section, name);
        self.lines(fields, value, usual);
    }
    /// A table without a name, left out if it equals the default.
    fn single<T: PartialEq>(&mut self, section: &str, fields: &[Field<T>], value: &T, usual: &T) {
        if value != usual {
            self.0.push_str(&format!("\n[{section}]\n"));
            self.lines(fields, value, usual);
        }
    }
}
