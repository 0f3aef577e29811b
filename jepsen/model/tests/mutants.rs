//! Bugs put into the sources themselves, one at a time (`mutants.toml`), each in a scratch copy of the tree, and the
//! test that finds it. A bug that does not compile, or a test that does not exist, proves nothing and counts as not
//! found.
//!
//! `MUTANTS=all cargo test --workspace --test mutants each_bug -- --nocapture` tries all; a list of names, only
//! those.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Directories that are not copied.
const LEFT_OUT: [&str; 3] = ["target", ".git", "docs"];

struct Mutant {
    name: String,
    what: String,
    file: String,
    old: String,
    new: String,
    /// Package, test binary (`lib`: unit tests), test.
    test: [String; 3],
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the root")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

fn mutants() -> Vec<Mutant> {
    let table: toml::Table = read(&root().join("jepsen/model/mutants.toml")).parse().expect("the list can be read");
    let list = table["mutant"].as_array().expect("a list of mutants");
    let one = |value: &toml::Value| {
        let text = |key: &str| value[key].as_str().expect("a text").to_owned();
        let test: Vec<String> = text("test").split('/').map(str::to_owned).collect();
        let test = test.try_into().expect("a test is package/binary/name");
        Mutant { name: text("name"), what: text("what"), file: text("file"), old: text("old"), new: text("new"), test }
    };
    list.iter().map(one).collect()
}

/// The directories of a package's unit tests and of its other tests.
fn tests_of(package: &str) -> [&'static str; 2] {
    match package {
        "tenure" => ["src", "tests"],
        "tenure-core" => ["src/core", "src/core/tests"],
        "tenure-fuzz" => ["jepsen/fuzz/src", "jepsen/fuzz/tests"],
        "tenure-model" => ["jepsen/model/src", "jepsen/model/tests"],
        "tenure-raft" => ["raft/src", "raft/tests"],
        "tenure-storage" => ["storage/src", "storage/tests"],
        other => panic!("no tests of {other} are known here"),
    }
}

/// Whether a test binary contains a test.
fn has_test([package, binary, test]: &[String; 3]) -> bool {
    let [unit, others] = tests_of(package).map(|path| root().join(path));
    let paths = match binary.as_str() {
        "lib" => vec![unit],
        // In the binary's own file, below its directory, or in the module with which the test's name begins.
        name => {
            let module = test.split("::").next().unwrap_or(name);
            [name, module].iter().flat_map(|name| [others.join(format!("{name}.rs")), others.join(name)]).collect()
        }
    };
    let name = test.rsplit("::").next().unwrap_or(test);
    let is_there = |path: &PathBuf| path.exists() && has_function(path, &format!("fn {name}()"));
    paths.iter().any(is_there)
}

/// Whether a file, or one below a directory, contains this text.
fn has_function(path: &Path, text: &str) -> bool {
    if path.is_dir() {
        let entries = fs::read_dir(path).expect("a directory").map(|entry| entry.expect("an entry").path());
        return entries.into_iter().any(|path| has_function(&path, text));
    }
    path.extension().is_some_and(|extension| extension == "rs") && read(path).contains(text)
}

#[test]
fn each_bug_can_be_put_in_and_names_a_test() {
    let mut findings = Vec::new();
    let mut names = BTreeSet::new();
    for mutant in mutants() {
        let places = read(&root().join(&mutant.file)).matches(&mutant.old).count();
        if places != 1 {
            findings.push(format!("{}: {places} places in {}", mutant.name, mutant.file));
        }
        if !has_test(&mutant.test) {
            findings.push(format!("{}: there is no test {}", mutant.name, mutant.test.join("/")));
        }
        if mutant.old == mutant.new || !names.insert(mutant.name.clone()) {
            findings.push(format!("{}: changes nothing, or is there twice", mutant.name));
        }
    }
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory can be made");
    for entry in fs::read_dir(from).expect("a directory").map(|entry| entry.expect("an entry")) {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            if !LEFT_OUT.iter().any(|name| entry.file_name() == *name) {
                copy(&source, &target);
            }
        } else if fs::read(&target).ok() != fs::read(&source).ok() {
            // Unchanged files keep their time, or everything would be rebuilt.
            fs::copy(&source, &target).expect("a file can be copied");
        }
    }
}

fn cargo(tree: &Path, arguments: &[&str]) -> std::process::Output {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(tree).args(["test", "--offline"]);
    // Built once and run once: most of the time goes to the compiler.
    for package in ["tenure-core", "tenure-fuzz", "tenure-model", "tenure-raft", "tenure-storage"] {
        command.arg("--config").arg(format!("profile.dev.package.{package}.opt-level=0"));
    }
    command.args(arguments).env("CARGO_TARGET_DIR", tree.join("target")).output().expect("cargo runs")
}

/// Whether the bug compiles and its test fails.
fn is_found(tree: &Path, mutant: &Mutant) -> Result<(), String> {
    let [package, binary, test] = &mutant.test;
    let place = match binary.as_str() {
        "lib" => vec!["-p", package, "--lib"],
        binary => vec!["-p", package, "--test", binary],
    };
    let path = tree.join(&mutant.file);
    let whole = read(&path);
    fs::write(&path, whole.replacen(&mutant.old, &mutant.new, 1)).expect("a file can be written");
    let built = cargo(tree, &[&place[..], &["--no-run"]].concat());
    let ran = cargo(tree, &[&place[..], &["--", "--exact", test]].concat());
    fs::write(&path, whole).expect("a file can be written");
    if !built.status.success() {
        return Err(format!("does not compile: {}", String::from_utf8_lossy(&built.stderr)));
    }
    let said = String::from_utf8_lossy(&ran.stdout);
    let failed = !ran.status.success() && said.contains("1 failed");
    if failed { Ok(()) } else { Err(format!("is not found by {test}")) }
}

/// Rebuilds the core for each bug, so it runs only on request.
#[test]
fn each_bug_in_the_sources_is_found() {
    let Ok(asked) = std::env::var("MUTANTS") else {
        println!("each_bug_in_the_sources_is_found: none is put in, for MUTANTS names none; `just mutants` tries all");
        return;
    };
    let asked: BTreeSet<&str> = asked.split(',').collect();
    let list: Vec<Mutant> = mutants();
    let chosen = list.iter().filter(|mutant| asked.contains("all") || asked.contains(mutant.name.as_str()));
    let tree = root().join("target/mutants");
    copy(&root(), &tree);
    let mut missed = Vec::new();
    let mut tried = 0;
    for mutant in chosen {
        tried += 1;
        let found = is_found(&tree, mutant);
        let verdict = found.as_ref().map_or_else(|why| format!("NOT FOUND: {why}"), |()| mutant.test[2].clone());
        println!("{:<20} {:<90} {verdict}", mutant.name, mutant.what);
        missed.extend(found.err().map(|why| format!("{} {why}", mutant.name)));
    }
    assert!(tried > 0, "there is no mutant of that name");
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}
