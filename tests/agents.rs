//! The examples of `docs/agents.md`: each is parsed and checked by the agents on this machine, and started and
//! stopped if its agent needs nothing but a directory.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tenure_agents::{PROGRAMS, Rights, Runtime, Settings, Severity};
use tenure_core::{
    Power, ResourceName,
    config::{Cluster, Operations},
    execution::Answer,
};
use tenure_jepsen::needs;

/// The common beginning of the cluster files.
const BASE: &str = r#"
name = "site"
[managers.hmc1]
kind = "hmc"
address = "hmc1:22"
user = "tenure"
host_key = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
[servers.p1]
managers = ["hmc1"]
address = { system = "p1", mtms = "9105-22A*0000001" }
[servers.p2]
managers = ["hmc1"]
address = { system = "p2", mtms = "9105-22A*0000002" }
[nodes.n2]
server = "p2"
"#;
const NODE: &str = "[nodes.n1]\nserver = \"p1\"\n";
const WITHIN: Duration = Duration::from_secs(20);

/// A fenced block: its words after the fence, and its text.
struct Block {
    words: Vec<String>,
    text: String,
}

fn blocks() -> Vec<Block> {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/agents.md")).unwrap();
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(words) = line.strip_prefix("```") else { continue };
        let words = words.split_whitespace().map(str::to_owned).collect();
        let text = lines.by_ref().take_while(|line| *line != "```").map(|line| format!("{line}\n")).collect();
        blocks.push(Block { words, text });
    }
    blocks
}

/// The examples, with their files in a directory, and with its paths in place of those of a real machine.
struct Examples {
    folder: tempfile::TempDir,
    blocks: Vec<Block>,
}

impl Examples {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut blocks = blocks();
        let own = folder.path().to_str().unwrap().to_owned();
        for block in &mut blocks {
            block.text = block.text.replace(PROGRAMS, &format!("{own}/programs")).replace("/run/tenure", &own);
        }
        for block in &blocks {
            let [kind, path] = &block.words[..] else { continue };
            if kind != "sh" && kind != "text" {
                continue;
            }
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &block.text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Examples { folder, blocks }
    }

    fn of(&self, words: &[&str]) -> impl Iterator<Item = &str> {
        self.blocks.iter().filter(move |block| block.words == words).map(|block| block.text.as_str())
    }

    fn clusters(&self) -> Vec<Cluster> {
        let whole = |piece: &str| {
            let node = if piece.contains("[nodes.n1]") { "" } else { NODE };
            // An example of a whole site needs no common beginning.
            let text = if piece.starts_with("name = ") { piece.to_owned() } else { format!("{BASE}{node}{piece}") };
            tenure_config::cluster::parse("cluster.toml", &text).unwrap_or_else(|why| panic!("{why:?}\n{text}"))
        };
        self.of(&["toml"]).map(whole).collect()
    }

    /// The settings of a node on p1, with the agents of this page, or with those of the system.
    fn settings(&self, system: bool) -> Settings {
        let ocf_root = if system { PathBuf::from("/usr/lib/ocf") } else { self.folder.path().join("ocf") };
        let run_dir = self.folder.path().join("work");
        fs::create_dir_all(&run_dir).unwrap();
        Settings {
            node: "n1".into(),
            server: "p1".into(),
            ocf_root,
            scripts: vec![self.folder.path().join("agents")],
            systemctl: PathBuf::from("systemctl"),
            run_dir,
            cgroup: None,
            rights: Rights { programs: vec![self.folder.path().join("programs")], ..Rights::default() },
            secrets: self.folder.path().join("secrets"),
        }
    }
}

#[test]
fn every_cluster_file_is_one() {
    let examples = Examples::new();
    let clusters = examples.clusters();
    assert!(clusters.len() >= 9, "{} examples", clusters.len());
    for cluster in clusters {
        assert_eq!(cluster.mistakes(), Vec::new(), "{:?}", cluster.groups.keys());
    }
}

#[test]
fn every_tenured_toml_is_one_and_says_the_defaults() {
    let examples = Examples::new();
    let pieces: Vec<&str> = examples.of(&["toml", "tenured"]).collect();
    assert_eq!(pieces.len(), 2);
    let base =
        "node = \"n1\"\ndata_dir = \"/var/lib/tenure\"\nlisten = \"10.0.0.1:7100\"\napi_listen = \"10.0.0.1:7101\"\n";
    let plain = tenure::local::LocalConfig::parse("tenured.toml", base).unwrap();
    // The page has the default where the example has the directory of this test.
    let own = examples.folder.path().to_str().unwrap();
    let piece = pieces[0].replace(&format!("{own}/programs"), PROGRAMS).replace(own, "/run/tenure");
    let places = tenure::local::LocalConfig::parse("tenured.toml", &format!("{base}{piece}"));
    assert_eq!(places.unwrap().agents, plain.agents);
    let watched = tenure::local::LocalConfig::parse("tenured.toml", &format!("{base}{}", pieces[1])).unwrap();
    assert_eq!(watched.watchdog.unwrap().device, Path::new("/dev/watchdog0"));
}

/// Checks every example with the agents on this machine. The standard agents are included where they are installed.
#[tokio::test]
async fn agents_find_nothing_wrong() {
    let examples = Examples::new();
    let lacking = needs::file(Path::new("/usr/lib/ocf/resource.d/heartbeat/IPaddr2"), "resource-agents");
    let installed = needs::met("agents_find_nothing_wrong, with the standard agents", "OCF", lacking);
    for cluster in examples.clusters() {
        let uses = |prefix: &str| {
            cluster.resources.values().any(|one| one.as_agent().is_some_and(|a| a.agent.starts_with(prefix)))
        };
        // There is no such unit here, and perhaps no systemd.
        if uses("systemd:") || (uses("ocf:heartbeat:") && !installed) {
            continue;
        }
        let found = tenure_agents::check(&examples.settings(uses("ocf:heartbeat:")), &cluster).await;
        let errors: Vec<_> = found.iter().filter(|finding| finding.severity == Severity::Error).collect();
        assert!(errors.is_empty(), "{errors:?}");
    }
}

/// Resources that need nothing but a directory are started, looked at and stopped, in order.
#[tokio::test(flavor = "multi_thread")]
async fn what_can_run_here_runs() {
    let examples = Examples::new();
    let mut ran = BTreeSet::new();
    for cluster in examples.clusters() {
        let tried =
            |agent: &str| !agent.starts_with("ocf:heartbeat:") && !agent.starts_with("systemd:") && agent != "FileNone";
        let all_tried = cluster.resources.values().filter_map(|one| one.as_agent()).all(|agent| tried(&agent.agent));
        if !all_tried {
            continue;
        }
        let runtime = Runtime::new(examples.settings(false), || 1);
        let cluster = Arc::new(cluster);
        runtime.configure(&cluster);
        let inside = cluster.resources.iter().filter(|(_, one)| one.as_agent().is_some());
        let mut order: Vec<&ResourceName> = inside.map(|(name, _)| name).collect();
        order.sort_by_key(|name| cluster.resources[*name].requires.len());
        for name in &order {
            assert_eq!(cluster.resources[*name].operations(), Operations::OnOff);
            assert_eq!(runtime.probe(name).await.power, Power::Off, "{name}");
            assert_eq!(runtime.start(name, WITHIN).await, Answer::Accepted, "{name}");
            assert_eq!(runtime.probe(name).await.power, Power::Running, "{name}");
            ran.insert(cluster.resources[*name].as_agent().unwrap().agent.clone());
        }
        for name in order.iter().rev() {
            assert_eq!(runtime.stop(name, WITHIN).await, Answer::Accepted, "{name}");
            assert_eq!(runtime.probe(name).await.power, Power::Off, "{name}");
        }
    }
    let expected = ["Application", "FileOnOff", "Process", "ocf:site:flag", "script:Flag"];
    assert_eq!(ran.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}
