//! House rules that a test can check: permitted dependencies, the owner of each external crate, names forbidden in
//! the core, and small habits that keep the code easy to read. Each finding names the file, the line and the rule, so
//! that it can be mended without reading this file.

#[path = "tidy/quoted.rs"]
mod quoted;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};
use toml::Table;

/// Packages: directory, and the packages of this workspace on which they may depend.
const ARROWS: [(&str, &str, &[&str]); 11] = [
    ("src/core", "tenure-core", &[]),
    (NEXT, "tenure-core-next", &[]),
    ("src/config", "tenure-config", &["tenure-core"]),
    ("src/agents", "tenure-agents", &["tenure-core"]),
    ("storage", "tenure-storage", &[]),
    ("raft", "tenure-raft", &["tenure-storage"]),
    ("", "tenure", &["tenure-config", "tenure-core", "tenure-agents", "tenure-raft", "tenure-storage"]),
    ("jepsen/model", "tenure-model", &["tenure-config", "tenure-core"]),
    ("jepsen/whole", "tenure-whole", &["tenure", "tenure-core", "tenure-model", "tenure-raft", "tenure-storage"]),
    (
        "jepsen/fuzz",
        "tenure-fuzz",
        &[
            "tenure",
            "tenure-agents",
            "tenure-config",
            "tenure-core",
            "tenure-core-next",
            "tenure-raft",
            "tenure-storage",
        ],
    ),
    (
        "jepsen",
        "tenure-jepsen",
        &["tenure", "tenure-config", "tenure-core", "tenure-model", "tenure-raft", "tenure-storage"],
    ),
];

/// The core once more, with a rule of a level that no release knows: built from the sources of `src/core`.
const NEXT: &str = "src/core/next";

/// All that the core may depend on.
const CORE: [&str; 4] = ["bincode", "serde", "sha2", "thiserror"];

/// External crates with an owner: the paths that may name them. Crates that are not listed may be used anywhere.
const OWNERS: [(&str, &[&str]); 29] = [
    ("openraft", &["raft", "storage", "jepsen/whole/src"]),
    ("openraft-rt-sim", &["raft/tests", "jepsen/whole/src"]),
    ("sled", &["storage"]),
    ("rcgen", &["raft/src/tls"]),
    ("x509-parser", &["raft/src/tls"]),
    ("sha2", &["raft/src/tls", "src/core/trust.rs"]),
    ("rustls", &["raft", "src/api"]),
    ("tokio-rustls", &["raft", "src/api", "jepsen/src/lab/flood.rs", "tests/cli"]),
    ("rustls-pki-types", &["raft"]),
    (
        "russh",
        &[
            "src/hypervisor/hmc",
            "jepsen/src/hmc",
            "jepsen/src/lab",
            "jepsen/src/machines",
            "tests/hmc",
            "tests/hmc_emulator.rs",
            "tests/hmc_starts.rs",
        ],
    ),
    ("csv", &["src/hypervisor/hmc"]),
    ("axum", &["src/api"]),
    ("hyper", &["src/api"]),
    ("hyper-util", &["src/api"]),
    ("reqwest", &["src/api", "tests/cli"]),
    ("toml", &["src/config", "src/cli", "jepsen/model/src", "jepsen/model/tests", "tests"]),
    ("miette", &["src/config"]),
    (
        "clap",
        &[
            "src/cli",
            "src/node/main.rs",
            "src/bin",
            "jepsen/src/lab",
            "jepsen/src/compare",
            "jepsen/src/bin",
            "tests/cli",
            "tests/binaries",
        ],
    ),
    ("clap_complete", &["src/cli/generated.rs"]),
    ("clap_mangen", &["src/cli/generated.rs"]),
    ("comfy-table", &["src/cli", "jepsen/src/lab", "jepsen/src/compare"]),
    ("anstyle", &["src/cli", "jepsen/src/lab"]),
    ("anstream", &["src/cli", "jepsen/src/lab", "tests/cli"]),
    ("indicatif", &["jepsen/src/lab"]),
    ("nix", &["src/agents/user.rs"]),
    ("roxmltree", &["src/agents/ocf"]),
    ("strsim", &["src/agents/check.rs"]),
    ("base64", &["src/node/founding.rs", "tests/cluster"]),
    ("peak_alloc", &["jepsen/fuzz"]),
];

/// Names forbidden in the core: clocks, the world outside, chance, hash order, floats, output.
const NOT_IN_CORE: [&str; 18] = [
    "std::time",
    "std::net",
    "std::fs",
    "std::io",
    "std::env",
    "std::process",
    "std::thread",
    "Instant",
    "SystemTime",
    "rand",
    "HashMap",
    "HashSet",
    "f32",
    "f64",
    "println",
    "eprintln",
    "print",
    "dbg",
];

/// Functions in tests that may sleep: they wait for a condition, with a deadline.
const MAY_SLEEP: [&str; 1] = ["again"];

/// Paths in which a sleep is one of simulated time.
const SIMULATED: [&str; 2] = ["raft/tests/sim", "jepsen/whole"];

const LONGEST_FILE: usize = 700;
const LONGEST_BINARY: usize = 60;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file of the house, with its path from the root.
struct File {
    path: String,
    text: String,
}

impl File {
    fn is_under(&self, places: &[&str]) -> bool {
        places.iter().any(|place| Path::new(&self.path).starts_with(place))
    }

    /// The lines without comments, numbered from 1.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let strip = |line: &'_ str| line.find("//").map_or(line.len(), |at| at);
        self.text.lines().enumerate().map(move |(n, line)| (n + 1, &line[..strip(line)]))
    }

    /// Places of a word that stands by itself.
    fn mentions(&self, word: &str) -> Vec<String> {
        let part = |c: char| c.is_alphanumeric() || c == '_';
        let alone = |line: &str| {
            line.match_indices(word)
                .any(|(at, _)| !line[..at].ends_with(part) && !line[at + word.len()..].starts_with(part))
        };
        self.code().filter(|(_, line)| alone(line)).map(|(n, _)| format!("{}:{n}", self.path)).collect()
    }

    /// Places that name a crate: `name::…` or `use name;`, not as the end of another path.
    fn names_crate(&self, name: &str) -> Vec<String> {
        let (path, import) = (format!("{name}::"), format!("use {name};"));
        let part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
        let starts = |line: &str| line.match_indices(&path).any(|(at, _)| !line[..at].ends_with(part));
        let hits = self.code().filter(|(_, line)| starts(line) || line.contains(&import));
        hits.map(|(n, _)| format!("{}:{n}", self.path)).collect()
    }
}

/// All files with this ending.
fn files(ending: &str) -> Vec<File> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> =
        ["src", "storage", "raft", "jepsen", "tests", "docs"].map(|top| root().join(top)).into();
    for entry in fs::read_dir(root()).expect("the root can be read") {
        open.extend(entry.ok().map(|entry| entry.path()).filter(|path| path.is_file()));
    }
    while let Some(path) = open.pop() {
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            open.extend(fs::read_dir(&path).expect("a directory").map(|entry| entry.expect("an entry").path()));
        } else if path.is_file() && path.to_string_lossy().ends_with(ending) {
            let Ok(text) = fs::read_to_string(&path) else { continue };
            let path = path.strip_prefix(root()).expect("it is in the house").to_string_lossy().into_owned();
            found.push(File { path, text });
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    assert!(!found.is_empty() || ending != ".rs", "there are no {ending} files");
    found
}

fn manifest(directory: &str) -> Table {
    let file = root().join(directory).join("Cargo.toml");
    let text = fs::read_to_string(&file).unwrap_or_else(|why| panic!("{}: {why}", file.display()));
    text.parse().unwrap_or_else(|why| panic!("{}: {why}", file.display()))
}

fn dependencies(manifest: &Table, kind: &str) -> BTreeSet<String> {
    let table = manifest.get(kind).and_then(toml::Value::as_table);
    table.map(|table| table.keys().cloned().collect()).unwrap_or_default()
}

/// Fails with all findings at once.
fn none(rule: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{rule}:\n  {}\n", findings.join("\n  "));
}

#[test]
fn the_rules_have_eyes() {
    let file = |text: &str| File { path: "src/core/x.rs".to_owned(), text: text.to_owned() };
    let seen = file("//! HashMap\nuse std::collections::HashMap; // f64\nlet my_rand = operand;");
    assert_eq!(seen.mentions("HashMap"), ["src/core/x.rs:2"]);
    assert!(seen.mentions("f64").is_empty() && seen.mentions("rand").is_empty());
    let seen = file("use zebra::Stripe;\nlet x = hmc::zebra::read();\nuse zebra;\nlet y = myzebra::z();");
    assert_eq!(seen.names_crate("zebra"), ["src/core/x.rs:1", "src/core/x.rs:3"]);
    assert!(seen.is_under(&["src/core"]) && !seen.is_under(&["src/cor"]));
    assert_eq!(package(&seen), "src/core");
}

#[test]
fn arrows_between_packages() {
    let mut findings = Vec::new();
    for (directory, name, allowed) in ARROWS {
        let manifest = manifest(directory);
        let declared = manifest["package"]["name"].as_str().unwrap_or_default();
        assert_eq!(declared, name, "the package in {directory:?}");
        for dependency in dependencies(&manifest, "dependencies").iter().filter(|name| name.starts_with("tenure")) {
            if !allowed.contains(&dependency.as_str()) {
                findings.push(format!("{name} depends on {dependency}"));
            }
        }
    }
    for dependency in dependencies(&manifest("src/core"), "dependencies") {
        if !CORE.contains(&dependency.as_str()) {
            findings.push(format!("tenure-core depends on {dependency}"));
        }
    }
    let members = manifest("")["workspace"]["members"].as_array().map_or(0, Vec::len);
    assert_eq!(members, ARROWS.len(), "a package was added: say in tests/tidy.rs what it may depend on");
    none(
        "arrows go one way: core ← config ← model; core ← agents; config, agents, storage ← raft ← tenure; model, tenure ← whole, jepsen",
        &findings,
    );
}

#[test]
fn versions_and_lints_are_in_one_place() {
    let mut findings = Vec::new();
    for (directory, name, _) in ARROWS {
        let manifest = manifest(directory);
        if manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(toml::Value::as_bool) != Some(true) {
            findings.push(format!("{name} does not take the workspace's lints"));
        }
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(table) = manifest.get(kind).and_then(toml::Value::as_table) else { continue };
            for (dependency, value) in table {
                if value.get("workspace").and_then(toml::Value::as_bool) != Some(true) {
                    findings.push(format!("{name}: {dependency} has a version of its own"));
                }
            }
        }
    }
    none("versions and lints are those of the workspace", &findings);
}

#[test]
fn every_dependency_says_why() {
    let text = fs::read_to_string(root().join("Cargo.toml")).expect("the manifest");
    let start = text.find("[workspace.dependencies]").expect("the table");
    let table = text[start..].lines().skip(1).take_while(|line| !line.starts_with('['));
    let reasonless = table.filter(|line| {
        let Some((name, rest)) = line.split_once(" = ") else { return false };
        !name.starts_with('#') && !name.starts_with("tenure") && !rest.contains(" # ")
    });
    none("a dependency's line ends with its reason", &reasonless.map(str::to_owned).collect::<Vec<_>>());
}

/// The external crates, each with the packages that declare it.
fn declared() -> BTreeMap<String, Vec<&'static str>> {
    let mut declared: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (directory, _, _) in ARROWS.into_iter().filter(|(directory, _, _)| *directory != NEXT) {
        let manifest = manifest(directory);
        for kind in ["dependencies", "dev-dependencies"] {
            for dependency in dependencies(&manifest, kind) {
                declared.entry(dependency).or_default().push(directory);
            }
        }
    }
    declared
}

/// The package that a file belongs to.
fn package(file: &File) -> &'static str {
    let directories = ARROWS.iter().map(|(directory, _, _)| *directory);
    directories
        .filter(|directory| Path::new(&file.path).starts_with(directory))
        .max_by_key(|name| name.len())
        .unwrap_or("")
}

#[test]
fn each_outside_crate_has_one_owner() {
    let (files, declared) = (files(".rs"), declared());
    let mut findings = Vec::new();
    for (name, owners) in OWNERS {
        let word = name.replace('-', "_");
        let Some(users) = declared.get(name) else {
            findings.push(format!("{name} has an owner in tests/tidy.rs and nobody depends on it"));
            continue;
        };
        for file in files.iter().filter(|file| users.contains(&package(file)) && !file.is_under(owners)) {
            findings.extend(file.names_crate(&word).into_iter().map(|place| format!("{place} names {name}")));
        }
    }
    none("an outside crate is named by its owner only", &findings);
}

#[test]
fn what_is_declared_is_used() {
    let (files, mut findings) = (files(".rs"), Vec::new());
    for (name, users) in declared() {
        let word = name.replace('-', "_");
        for user in users {
            let mut own = files.iter().filter(|file| package(file) == user);
            if !own.any(|file| !file.names_crate(&word).is_empty()) {
                findings.push(format!("{}/Cargo.toml declares {name}", if user.is_empty() { "." } else { user }));
            }
        }
    }
    none("what is declared is used", &findings);
}

#[test]
fn the_core_knows_no_world() {
    let mut findings = Vec::new();
    // Benches are not part of the core, and use a clock.
    let inside = |file: &&File| file.is_under(&["src/core"]) && !file.is_under(&["src/core/benches"]);
    for file in files(".rs").iter().filter(inside) {
        for word in NOT_IN_CORE {
            findings.extend(file.mentions(word).into_iter().map(|place| format!("{place} names {word}")));
        }
    }
    none("the core does no I/O and knows no clock, chance, hash order or floats", &findings);
}

#[test]
fn every_module_says_what_it_is_for() {
    let silent = files(".rs").into_iter().filter(|file| !file.text.starts_with("//! "));
    none("a module begins with //!", &silent.map(|file| file.path).collect::<Vec<_>>());
}

#[test]
fn files_are_short() {
    let mut findings = Vec::new();
    for file in files(".rs") {
        let lines = file.text.lines().count();
        let limit = if file.is_under(&["src/bin"]) { LONGEST_BINARY } else { LONGEST_FILE };
        if lines > limit {
            findings.push(format!("{} has {lines} lines, {limit} are allowed", file.path));
        }
    }
    none("files are short", &findings);
}

/// The only file besides the drivers themselves that may name a driver.
const REGISTRY: &str = "src/hypervisor/registry.rs";

#[test]
fn drivers_are_named_by_the_registry_alone() {
    let elsewhere = files(".rs").into_iter().filter(|file| file.path.starts_with("src/") && file.path != REGISTRY);
    let mut findings = Vec::new();
    for file in elsewhere.filter(|file| !file.path.starts_with("src/hypervisor/hmc/")) {
        let named = file.code().filter(|(_, line)| line.contains(concat!("Hmc", "Driver")));
        findings.extend(named.map(|(n, _)| format!("{}:{n}", file.path)));
    }
    none("the daemon holds a hypervisor, and the registry alone knows which", &findings);
}

#[test]
fn nothing_is_put_off() {
    // In two pieces, so that this file does not find itself.
    let put_off = [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("#[", "ignore"), concat!("TO", "DO")];
    let mut findings = Vec::new();
    for file in files(".rs") {
        for (n, line) in file.text.lines().enumerate() {
            findings.extend(
                put_off
                    .iter()
                    .filter(|word| line.contains(*word))
                    .map(|word| format!("{}:{}: {word}", file.path, n + 1)),
            );
        }
    }
    none("nothing is put off", &findings);
}

#[test]
fn tests_wait_for_conditions() {
    let mut findings = Vec::new();
    for file in files(".rs") {
        let is_test = Path::new(&file.path).components().any(|part| part.as_os_str() == "tests");
        if !is_test || file.is_under(&SIMULATED) {
            continue;
        }
        let mut within = "";
        for (n, line) in file.code() {
            if let Some((_, rest)) = line.split_once("fn ") {
                within = rest.split(['(', '<']).next().unwrap_or_default();
            }
            if line.contains(concat!("sle", "ep(")) && !MAY_SLEEP.contains(&within) {
                findings.push(format!("{}:{n}: {within} sleeps", file.path));
            }
        }
    }
    none(&format!("tests wait for a condition; only {} may sleep", MAY_SLEEP.join(", ")), &findings);
}

#[test]
fn links_lead_somewhere() {
    let mut findings = Vec::new();
    for file in files(".md") {
        let here = root().join(&file.path).parent().expect("a directory").to_owned();
        for (n, line) in file.text.lines().enumerate() {
            for (_, rest) in line.match_indices("](").map(|(at, open)| (at, &line[at + open.len()..])) {
                let target = rest.split(')').next().unwrap_or_default();
                let path = target.split('#').next().unwrap_or_default();
                let is_relative = !path.is_empty() && !path.contains("://") && !path.starts_with("mailto:");
                if is_relative && !here.join(path).exists() {
                    findings.push(format!("{}:{}: {target}", file.path, n + 1));
                }
            }
        }
    }
    none("a link leads somewhere", &findings);
}

#[test]
fn records_of_decisions_are_numbered_without_gaps_and_listed() {
    let Ok(directory) = fs::read_dir(root().join("docs/adr")) else { return };
    let names = directory.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    let index = fs::read_to_string(root().join("docs/adr/README.md")).expect("an index of the records");
    let mut numbers: Vec<usize> = Vec::new();
    for name in names.filter(|name| name != "README.md") {
        let text = fs::read_to_string(root().join("docs/adr").join(&name)).expect("a record");
        let title = text.lines().next().and_then(|line| line.strip_prefix("# ")).and_then(|line| line.split_once(". "));
        let line = title.map(|(number, title)| format!("| {number} | [{title}]({name}) |"));
        assert!(line.is_some_and(|line| index.contains(&line)), "docs/adr/README.md does not list {name} by its title");
        let number = name.get(..4).and_then(|number| number.parse().ok());
        let good = name.get(4..5) == Some("-") && name.ends_with(".md");
        numbers.push(number.filter(|_| good).unwrap_or_else(|| panic!("docs/adr/{name} is not NNNN-title.md")));
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=numbers.len()).collect::<Vec<_>>(), "docs/adr");
}

#[test]
fn nothing_is_tied_to_one_machine() {
    // In two pieces, so that this file does not find itself.
    let tied = [concat!("/ho", "me/"), concat!("/wo", "rk/"), concat!("/Us", "ers/")];
    let mut findings = Vec::new();
    for ending in [".rs", ".md", ".toml", ".txt", "justfile", ".json", ".snap"] {
        for file in files(ending) {
            for (n, line) in file.text.lines().enumerate() {
                let words = tied.iter().filter(|word| line.contains(*word));
                findings.extend(words.map(|word| format!("{}:{}: {word}", file.path, n + 1)));
            }
        }
    }
    none("no path of one machine", &findings);
}
