//! [`Cluster`] → the text of a cluster file: canonical, pleasant, what is as by default left out.

use crate::quantity::{memory, units};
use std::{collections::BTreeMap, fmt::Display};
use tenure_core::config::{Cluster, Group, Resource, Server, Timings};
use tenure_core::{GroupName, ResourceName};

/// Text that [`crate::cluster::parse`] reads back as the same cluster.
pub fn export(cluster: &Cluster) -> String {
    let mut page = Page(String::new());
    page.text("name", &cluster.name);
    for (name, hmc) in &cluster.hmcs {
        page.section("hmcs", name.as_str());
        page.text("address", &hmc.address);
        page.text("user", &hmc.user);
        page.text("host_key", &hmc.host_key);
    }
    for (name, server) in &cluster.servers {
        page.section("servers", name.as_str());
        write_server(&mut page, server);
    }
    for (name, node) in &cluster.nodes {
        page.section("nodes", name.as_str());
        page.optional("server", node.server.as_ref());
        page.optional("lpar", node.lpar.as_ref());
    }
    let mut lpars: BTreeMap<&GroupName, Vec<(&ResourceName, &Resource)>> = BTreeMap::new();
    for (name, lpar) in &cluster.resources {
        lpars.entry(&lpar.group).or_default().push((name, lpar));
    }
    for (name, group) in &cluster.groups {
        page.section("groups", name.as_str());
        write_group(&mut page, group);
        for (name, lpar) in lpars.remove(name).unwrap_or_default() {
            page.section("lpars", name.as_str());
            write_lpar(&mut page, lpar);
        }
    }
    write_timings(&mut page, &cluster.timings);
    page.0
}

fn write_server(page: &mut Page, server: &Server) {
    page.text("system", &server.system);
    page.text("mtms", &server.mtms);
    page.list("hmcs", &server.hmcs);
    page.unless(server.surrogate, false, "surrogate", |on| on.to_string());
    page.optional("memory", server.memory.map(memory).as_ref());
    page.optional("processors", server.processors.map(units).as_ref());
}

fn write_group(page: &mut Page, group: &Group) {
    let usual = Group::new(Vec::new());
    page.list("servers", &group.servers);
    page.unless(group.priority, usual.priority, "priority", |n| n.to_string());
    page.unless(group.autostart, usual.autostart, "autostart", |on| on.to_string());
    page.list("autostart_servers", &group.autostart_servers);
    page.unless(group.restart_limit, usual.restart_limit, "restart_limit", |n| n.to_string());
    page.unless(group.restart_window, usual.restart_window, "restart_window", |span| quoted(&span.to_string()));
}

fn write_lpar(page: &mut Page, resource: &Resource) {
    let default = Resource::lpar(resource.group.clone(), "");
    let (Some(lpar), Some(usual)) = (resource.as_lpar(), default.as_lpar()) else { return };
    page.text("group", resource.group.as_str());
    page.text("partition", &lpar.partition);
    page.optional("profile", lpar.profile.as_ref());
    page.list("vios", &lpar.vios);
    page.unless(lpar.memory, usual.memory, "memory", |n| quoted(&memory(*n)));
    page.unless(lpar.processors, usual.processors, "processors", |n| quoted(&units(*n)));
    page.unless(resource.start_timeout, default.start_timeout, "start_timeout", |span| quoted(&span.to_string()));
    page.unless(resource.stop_timeout, default.stop_timeout, "stop_timeout", |span| quoted(&span.to_string()));
}

fn write_timings(page: &mut Page, timings: &Timings) {
    let usual = Timings::default();
    if *timings == usual {
        return;
    }
    page.0.push_str("\n[timings]\n");
    let all = [
        ("heartbeat", timings.heartbeat, usual.heartbeat),
        ("suspect", timings.suspect, usual.suspect),
        ("lease", timings.lease, usual.lease),
        ("monitor", timings.monitor, usual.monitor),
        ("settle", timings.settle, usual.settle),
        ("fence", timings.fence, usual.fence),
    ];
    for (key, value, usual) in all {
        page.unless(value, usual, key, |span| quoted(&span.to_string()));
    }
}

struct Page(String);

impl Page {
    fn line(&mut self, key: &str, value: &str) {
        self.0.push_str(&format!("{key} = {value}\n"));
    }
    fn section(&mut self, section: &str, name: &str) {
        let bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        let name = if bare { name.to_owned() } else { quoted(name) };
        self.0.push_str(&format!("\n[{section}.{name}]\n"));
    }
    fn text(&mut self, key: &str, text: &str) {
        self.line(key, &quoted(text));
    }
    fn optional(&mut self, key: &str, value: Option<&impl ToString>) {
        if let Some(value) = value {
            self.text(key, &value.to_string());
        }
    }
    fn list(&mut self, key: &str, items: &[impl Display]) {
        if !items.is_empty() {
            let items: Vec<String> = items.iter().map(|item| quoted(&item.to_string())).collect();
            self.line(key, &format!("[{}]", items.join(", ")));
        }
    }
    fn unless<T: PartialEq>(&mut self, value: T, usual: T, key: &str, show: impl Fn(&T) -> String) {
        if value != usual {
            self.line(key, &show(&value));
        }
    }
}

/// A basic TOML string.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push_str(&format!("\\U{:08X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
