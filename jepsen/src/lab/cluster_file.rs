//! The cluster file of the lab: for the ready-made world, written to be read by people.

use super::site::{SiteOptions, layout::inside};
use crate::{
    hmc::HmcServer,
    world::{DemoOptions, WorldSpec},
};
use std::fmt::Write;

/// Groups of the ready-made world: name, LPARs, priority, and index of the first server in the system list.
const GROUPS: [(&str, &[&str], u32, usize); 6] = [
    ("database", &["db"], 10, 0),
    ("shop", &["app", "web"], 20, 0),
    ("office", &["mail"], 30, 1),
    ("erp", &["erp"], 15, 1),
    ("night", &["batch"], 80, 2),
    ("trial", &["test"], 90, 2),
];

/// Fills in the real addresses and keys of the emulated HMCs: `@hmc1.address@` and `@hmc1.host_key@`.
pub(super) fn with_hmcs(text: &str, hmcs: &[HmcServer]) -> String {
    (1..).zip(hmcs).fold(text.to_owned(), |text, (number, hmc)| {
        text.replace(&format!("@hmc{number}.address@"), &hmc.address().to_string())
            .replace(&format!("@hmc{number}.host_key@"), hmc.fingerprint())
    })
}

/// The cluster file for the ready-made world.
pub(super) fn ready_made(options: &SiteOptions) -> String {
    let mut text = String::from(
        "name = \"lab\"\n\n[timings]\n# All others are the defaults. What is started here shows within two seconds, so less patience is needed than\n# on real hardware.\nsettle = \"4s\"\n",
    );
    if options.hmcs == 0 {
        machines(&mut text, options);
    } else {
        consoles_and_servers(&mut text, options);
        nodes(&mut text, options);
        groups(&mut text, options);
    }
    text
}

fn consoles_and_servers(text: &mut String, options: &SiteOptions) {
    let consoles: Vec<String> = (1..=options.hmcs).map(|n| format!("\"hmc{n}\"")).collect();
    for n in 1..=options.hmcs {
        let _ = write!(
            text,
            "\n[managers.hmc{n}]\nkind = \"hmc\"\naddress = \"@hmc{n}.address@\"\nuser = \"tenure\"\nhost_key = \"@hmc{n}.host_key@\"\n"
        );
    }
    let size = DemoOptions { servers: options.servers, hmcs: options.hmcs, ..DemoOptions::default() };
    for spec in WorldSpec::demo(size).servers {
        let (server, mtms) = (&spec.name, spec.mtms());
        let _ = write!(
            text,
            "\n[servers.{server}]\nmanagers = [{}]\naddress = {{ system = \"{server}\", mtms = \"{mtms}\" }}\nmemory = \"128GiB\"\n",
            consoles.join(", ")
        );
    }
}

/// Servers without a manager; the resources inside their nodes are files, which exist or not.
fn machines(text: &mut String, options: &SiteOptions) {
    for n in 1..=options.servers {
        let _ = write!(text, "\n[servers.p{n}]\n\n[nodes.p{n}]\nserver = \"p{n}\"\n");
    }
    if options.arbiter {
        text.push_str("\n[nodes.arbiter]\n");
    }
    for (group, resources, priority, first) in GROUPS {
        group_of(text, options, group, priority, first);
        for resource in resources {
            let _ = write!(text, "\n[resources.{resource}]\ngroup = \"{group}\"\ntype = \"FileOnOff\"\n");
            for n in 1..=options.servers {
                let file = inside(&options.directory, &format!("p{n}")).join(resource);
                let _ = writeln!(text, "on.p{n} = {{ PathName = \"{}\" }}", file.display());
            }
        }
    }
}

fn nodes(text: &mut String, options: &SiteOptions) {
    for n in 1..=options.servers {
        let _ = write!(text, "\n[nodes.p{n}]\nserver = \"p{n}\"\nlpar = \"node-p{n}\"\n");
    }
    if options.arbiter {
        text.push_str("\n[nodes.arbiter]\n");
    }
}

fn group_of(text: &mut String, options: &SiteOptions, group: &str, priority: u32, first: usize) {
    let list: Vec<String> =
        (0..options.servers).map(|n| format!("\"p{}\"", (first + n) % options.servers + 1)).collect();
    let _ =
        write!(text, "\n[groups.{group}]\npriority = {priority}\nservers = [{}]\nrestart_limit = 1\n", list.join(", "));
}

fn groups(text: &mut String, options: &SiteOptions) {
    for (group, lpars, priority, first) in GROUPS {
        group_of(text, options, group, priority, first);
        for lpar in lpars {
            let _ = write!(
                text,
                "\n[lpars.{lpar}]\ngroup = \"{group}\"\npartition = \"{lpar}\"\nmemory = \"16GiB\"\nprocessors = \"1.0\"\nstop_timeout = \"10s\"\n"
            );
        }
    }
}
