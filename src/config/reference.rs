//! The documentation of the cluster file, generated from the tables that read it.

use crate::{declared, schema::Field};
use tenure_core::{
    GroupName, Span,
    config::{
        Brakes, Cluster, Group, Hook, Load, Node, Requirement, Resource, Service, Tier, TierLink, Timings, Tolerance,
    },
};

/// A cluster file that uses most sections and keys.
pub const SAMPLE: &str = include_str!("sample.toml");

const OPENING: &str = "\
# The cluster file

One TOML file declares the whole cluster. `tenure validate FILE` says everything that is wrong with it, `tenure apply FILE`
shows what it changes and makes it so, and `tenure export` writes what is declared now. What is not written is as by default.

Times are written as `\"250ms\"`, `\"1.5s\"`, `\"10m\"`, `\"1h\"`, memory as `\"512MiB\"`, `\"8GiB\"`, `\"1.5TiB\"`, processing units
as `\"0.5\"` or `16`, in steps of 0.01. Names consist of 1 to 64 of A-Z a-z 0-9 - _ . and begin
with neither - nor .; two dots never follow each other. The name of a partition has at most 31 characters, as on the HMC. The value of
an attribute has at most 4 KiB, all attributes of a resource 64 KiB; a value may [stand for a secret](agents.md#secrets). A file has at
most 24 MiB, and the cluster that it declares 8 MiB in the log: 50,000 LPARs on 1,000 servers, with lists of four, fit
([limits](adr/0051-sizes-have-limits-in-bytes.md)).

The words are explained in the [glossary](glossary.md); the last column has those of VCS.
";

/// One section of the documentation.
struct Part {
    heading: &'static str,
    says: &'static str,
    /// The table of the sample that contains its examples; `None` for the parts of a value.
    at: Option<&'static [&'static str]>,
    rows: Vec<Row>,
}

/// The row of one key.
struct Row {
    key: &'static str,
    kind: String,
    required: bool,
    /// The default value; `None` if the key is absent by default.
    default: Option<String>,
    says: &'static str,
    vcs: &'static str,
    example: &'static str,
}

/// A value shown in the documentation, and the table of the sample that it fits into.
pub struct Example {
    /// Path of the table: `["groups", "web"]`; empty for the keys before all tables.
    pub table: Vec<&'static str>,
    /// The line: `priority = 10`.
    pub line: String,
}

/// The text of `docs/configuration.md`.
pub fn reference() -> String {
    let mut page = format!("{OPENING}\n## A sample\n\n```toml\n{SAMPLE}```\n");
    for part in parts() {
        page.push_str(&format!("\n## {}\n\n{}\n\n", part.heading, part.says));
        let examples = part.at.is_some();
        page.push_str("| key | value | default | meaning |");
        page.push_str(if examples { " example | in VCS |\n" } else { " in VCS |\n" });
        page.push_str(if examples { "|---|---|---|---|---|---|\n" } else { "|---|---|---|---|---|\n" });
        for row in &part.rows {
            let default = match &row.default {
                _ if row.required => "required".to_owned(),
                Some(value) => format!("`{value}`"),
                None => "–".to_owned(),
            };
            page.push_str(&format!("| `{}` | {} | {default} | {} |", row.key, row.kind, row.says));
            if examples {
                page.push_str(&format!(" `{}` |", row.example));
            }
            page.push_str(&format!(" {} |\n", if row.vcs.is_empty() { "–" } else { row.vcs }));
        }
    }
    page
}

/// All values shown in the documentation.
pub fn examples() -> Vec<Example> {
    let mut all = Vec::new();
    for part in parts() {
        let Some(table) = part.at else { continue };
        for row in part.rows {
            all.push(Example { table: table.to_vec(), line: format!("{} = {}", row.key, row.example) });
        }
    }
    all
}

fn rows<T>(fields: &[Field<T>], default: &T) -> Vec<Row> {
    let row = |field: &Field<T>| {
        let Field { key, says, vcs, example, required, .. } = field;
        Row { key, kind: field.kind(), required: *required, default: field.write(default), says, vcs, example }
    };
    fields.iter().map(row).collect()
}

fn parts() -> Vec<Part> {
    let part = |heading, says, at, rows| Part { heading, says, at, rows };
    let mut parts = site();
    parts.extend(groups());
    parts.extend(resources());
    parts.push(part(
        "`[services.NAME]`",
        "Groups in tiers, started and stopped as one.",
        Some(&["services", "shop"]),
        rows(&declared::service(), &Service { tiers: Vec::new() }),
    ));
    parts.push(part(
        "A tier",
        "An item of `tiers` of a service.",
        None,
        rows(&declared::tier(), &Tier { groups: Vec::new(), link: TierLink::default() }),
    ));
    parts.push(part(
        "`[rules.NAME]`",
        "Where groups may stand to each other. A rule has one of `apart`, `together`, or `groups` with `on` or `not_on`.",
        Some(&["rules", "spread"]),
        rows(&declared::rule(), &(declared::RULE.blank)()),
    ));
    parts.push(part(
        "`[tolerance]`",
        "How many failures must be survived.",
        Some(&["tolerance"]),
        rows(&declared::tolerance(), &Tolerance::default()),
    ));
    parts.push(part(
        "`[brakes]`",
        "What keeps the cluster from doing too much at once.",
        Some(&["brakes"]),
        rows(&declared::brakes(), &Brakes::default()),
    ));
    parts.push(part(
        "`[timings]`",
        "Times that rule detection and patience.",
        Some(&["timings"]),
        rows(&declared::timings(), &Timings::default()),
    ));
    parts
}

fn site() -> Vec<Part> {
    vec![
        Part {
            heading: "Before all tables",
            says: "What the cluster is as a whole.",
            at: Some(&[]),
            rows: rows(&declared::whole(), &Cluster::default()),
        },
        Part {
            heading: "`[managers.NAME]`",
            says: "What servers are read and commanded through from outside.",
            at: Some(&["managers", "hmc1"]),
            rows: rows(&declared::manager(), &declared::blank_manager()),
        },
        Part {
            heading: "`[servers.NAME]`",
            says: "A physical server (\"managed system\").",
            at: Some(&["servers", "p1"]),
            rows: rows(&declared::server(), &declared::blank_server()),
        },
        Part {
            heading: "The address of a server",
            says: "As its managers know it.",
            at: None,
            rows: rows(&declared::address(), &declared::blank_address()),
        },
        Part {
            heading: "`[nodes.NAME]`",
            says: "A management LPAR that runs `tenured`; at most one on each server.",
            at: Some(&["nodes", "n1"]),
            rows: rows(&declared::node(), &Node { server: None, lpar: None, watchdog: None }),
        },
    ]
}

fn groups() -> Vec<Part> {
    let hook = Hook { program: String::new(), timeout: Span::seconds(60) };
    vec![
        Part {
            heading: "`[groups.NAME]`",
            says: "A service group: resources that start, stop and move together.",
            at: Some(&["groups", "web"]),
            rows: rows(&declared::group(), &Group::new(Vec::new())),
        },
        Part {
            heading: "A link",
            says: "An item of `requires` of a group. It has `online` or `offline`.",
            at: None,
            rows: rows(&declared::link(), &declared::blank_link()),
        },
        Part {
            heading: "A load",
            says: "The value of `load` of a group.",
            at: None,
            rows: rows(&declared::load(), &Load::default()),
        },
        Part {
            heading: "A hook",
            says: "A value within `hooks` of a group.",
            at: None,
            rows: rows(&declared::hook(), &hook),
        },
    ]
}

fn resources() -> Vec<Part> {
    let (lpar, agent) = (Resource::lpar(GroupName::from(""), ""), Resource::agent(GroupName::from(""), ""));
    let mut parts = vec![Part {
        heading: "`[lpars.NAME]` and `[resources.NAME]`",
        says: "What a group contains: managed LPARs, and what agents keep inside nodes. Both have these keys, and share one \
               set of names.",
        at: Some(&["lpars", "web1"]),
        rows: rows(&declared::resource(), &lpar),
    }];
    if let (Some(lpar), Some(agent)) = (lpar.as_lpar(), agent.as_agent()) {
        parts.push(Part {
            heading: "`[lpars.NAME]`",
            says: "A managed LPAR, commanded through a manager, has besides:",
            at: Some(&["lpars", "web1"]),
            rows: rows(&declared::lpar(), lpar),
        });
        parts.push(Part {
            heading: "`[resources.NAME]`",
            says: "Something inside a node, commanded through that node's agent, has besides:",
            at: Some(&["resources", "ip1"]),
            rows: rows(&declared::agent(), agent),
        });
    }
    parts.push(Part {
        heading: "A requirement",
        says: "An item of `requires` of a resource: the name of another, or this.",
        at: None,
        rows: rows(&declared::requirement(), &Requirement { of: Vec::new(), at_least: 1 }),
    });
    parts
}
