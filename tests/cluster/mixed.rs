//! Nodes of two versions in one cluster: another `tenured` on one node after the other, in the order of `tenure cluster upgrade
//! --plan`, with both at work in between, and the feature level raised at the end.
//!
//! The other version is a program that `.ci/mixed` builds: a later one, with the next feature level, or one of an earlier commit.
//! Without it a test says that it was not run.

use super::{
    nodes::{said, tenure},
    restart::{back, settled, site_with, starts},
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use tenure::api::{
    Client, Read,
    wire::{MembersView, StatusView},
};
use tenure_core::Verb;
use tenure_jepsen::{
    lab::{NodeRuns, Site},
    needs,
    world::Fault,
};

const PATIENCE: Duration = Duration::from_secs(60);
const GROUP: &str = "trial";
const LPAR: &str = "test";

/// The program that this variable names, if the test can run. `kind` ends its name.
fn other(test: &str, kind: &str, how: &str) -> Option<PathBuf> {
    let variable = format!("TENURE_{kind}");
    let program = std::env::var_os(&variable).map(PathBuf::from).filter(|program| program.is_file());
    let lacking =
        program.is_none().then(|| format!("another tenured, in {variable} (`{how}` builds it, and runs the test)"));
    needs::met(test, kind, lacking).then_some(program).flatten()
}

fn marker(directory: &Path, node: &str) -> PathBuf {
    directory.join(format!("{node}.new"))
}

/// Writes a script that runs the earlier program, or the later one where there is a file `NODE.new`, NODE being that of its
/// configuration.
fn either(directory: &Path, earlier: &Path, later: &Path) -> PathBuf {
    let program = directory.join("tenured.sh");
    let (earlier, later) = (earlier.display(), later.display());
    let text = format!(
        "#!/bin/sh\nif test -e \"${{2%.toml}}.new\"; then exec '{later}' \"$@\"; else exec '{earlier}' \"$@\"; fi\n"
    );
    fs::write(&program, text).expect("a file");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("its mode");
    program
}

/// A site in the middle of an upgrade.
struct Mixed {
    site: Site,
    /// Starts of each LPAR that there should have been.
    starts: BTreeMap<String, u32>,
}

impl Mixed {
    /// Runs `tenure`, which has to end with this exit code.
    fn tenure(&self, exit: i32, args: &[&str]) -> String {
        let nodes: Vec<String> = self.site.api_addresses().map(|(_, address)| address.to_string()).collect();
        let ended = tenure(&nodes.join(","), &self.site.admin_dir(), args);
        assert_eq!(ended.status.code(), Some(exit), "{args:?}: {}", said(&ended));
        said(&ended)
    }

    fn json(&self, args: &[&str]) -> Value {
        let said = self.tenure(0, &[args, &["--output", "json"]].concat());
        serde_json::from_str(&said).expect("it is JSON")
    }

    /// What the nodes say of themselves, once all of them do.
    async fn members(&self) -> MembersView {
        let mut last = None;
        let said = self.site.until("every node says what it is", PATIENCE, async || {
            last = self.site.client.members_asked().await.ok();
            last.as_ref()
                .is_some_and(|view| view.members.iter().all(|one| one.level.is_some() && one.version.is_some()))
        });
        said.await.expect("they do");
        last.expect("just seen")
    }

    /// The next node whose turn it is, by the plan.
    fn next(&self) -> Option<String> {
        let plan = self.json(&["cluster", "upgrade", "--plan"]);
        let steps = plan["steps"].as_array().expect("steps");
        let name = |step: &Value| step["node"].as_str().expect("a name").to_owned();
        steps.iter().map(name).find(|node| !marker(self.site.directory(), node).exists())
    }

    /// Stops a node as an operator does, and starts the later program there.
    async fn upgrade(&self, node: &str) {
        let began = Instant::now();
        self.tenure(0, &["node", "stop", node, "--for", "upgrade"]);
        let what = format!("{node} stops");
        let runs = async || self.site.node_runs(node).is_ok_and(|runs| runs == NodeRuns::Dead);
        self.site.until(&what, PATIENCE, runs).await.expect("it does");
        fs::write(marker(self.site.directory(), node), "").expect("a file");
        self.site.start_node(node).expect("started");
        back(&self.site, node).await;
        settled(&self.site, &format!("{node} is back")).await;
        println!("{node} runs the later program after {:?}", began.elapsed());
    }

    /// A switch and a crash are handled, and nothing else has happened to any LPAR.
    async fn works(&mut self, when: &str) {
        let status = settled(&self.site, when).await;
        self.nothing_else(&status, when);
        let group = status.groups.iter().find(|group| group.name == GROUP).expect("the group");
        let to = group.system_list.iter().find(|one| Some(*one) != group.server.as_ref()).expect("another").clone();
        let switch = Verb::Switch { group: GROUP.into(), server: to.as_str().into() };
        self.site.client.request(Client::request_id(), switch).await.expect("asked");
        self.started(1, when).await;
        self.site
            .world
            .with(|world| {
                let lpar = world.lpar(LPAR).expect("an LPAR");
                let server = world.server(&to).expect("a server");
                world.inject(Fault::Crash(server, lpar))
            })
            .expect("injected");
        let status = self.started(1, when).await;
        let group = status.groups.iter().find(|group| group.name == GROUP).expect("the group");
        assert_eq!(group.server.as_deref(), Some(to.as_str()), "{when}");
        self.nothing_else(&status, when);
    }

    async fn started(&mut self, more: u32, when: &str) -> StatusView {
        let expected = self.starts.get_mut(LPAR).expect("the LPAR");
        *expected += more;
        let expected = *expected;
        let why = format!("{LPAR} was started for the {expected}. time, {when}");
        let again = self.site.until(&why, PATIENCE, async || {
            let status = self.site.client.status(Read::Linearizable).await;
            status.is_ok_and(|status| starts(&self.site, &status)[LPAR] == expected)
        });
        again.await.expect("it is");
        settled(&self.site, when).await
    }

    fn nothing_else(&self, status: &StatusView, when: &str) {
        assert_eq!(starts(&self.site, status), self.starts, "{when}");
        // An alarm if the ledgers of two nodes differ.
        assert_eq!((&status.alarms, &status.standstills), (&Vec::new(), &Vec::new()), "{when}");
    }

    /// Has this node lead.
    async fn lead(&self, node: &str) {
        let why = format!("{node} leads");
        let leads = self.site.until(&why, PATIENCE, async || {
            let _ = self.site.client.transfer_leader(Some(node)).await;
            self.site.leader().await.as_deref() == Some(node)
        });
        leads.await.expect("it does");
    }
}

/// From one program to the other. Returns the site, in which all nodes run the later one, and the level that it understands.
async fn upgraded(directory: &Path, earlier: &Path, later: &Path) -> (Mixed, u32) {
    let site = site_with(directory, 3, either(directory, earlier, later)).await;
    let status = settled(&site, "everything is online").await;
    let starts = starts(&site, &status);
    let mut mixed = Mixed { site, starts };
    let before = mixed.members().await;
    let of = before.members[0].version.clone();
    assert!(before.members.iter().all(|member| member.version == of && member.level == Some(before.level)));

    let first = mixed.next().expect("a node");
    assert_ne!(before.leader.as_ref(), Some(&first), "the leader is the last");
    mixed.upgrade(&first).await;
    // The node that answers learns a moment later what the others run.
    let tells =
        async || mixed.members().await.members.iter().any(|member| member.name == first && member.level.is_some());
    mixed.site.until("the first tells its version", PATIENCE, tells).await.expect("it does");
    let members = mixed.members().await;
    let newer = members.members.iter().find(|member| member.name == first).expect("it is there").clone();
    let level = newer.level.expect("it says so");
    println!("{first} runs {:?}, at level {level}; the others {of:?}, at level {}", newer.version, before.level);
    assert_eq!((members.level, members.leader.as_ref() != Some(&first)), (before.level, true));
    mixed.works("an earlier version leads a later one").await;

    // Not before every node understands it, whoever leads.
    let refused = async |mixed: &Mixed| {
        if level > before.level {
            let why = mixed.site.client.raise(level).await.expect_err("it is refused").view();
            assert_eq!(why.code.as_deref(), Some("level_not_raised"), "{why:?}");
            assert!(why.message.ends_with(&format!("understands level {}, and not {level}", before.level)), "{why:?}");
            let said = mixed.tenure(0, &["cluster", "upgrade", "--raise", "--yes"]);
            assert!(said.contains("nothing to do") && said.contains("understands no higher one"), "{said}");
        }
    };
    refused(&mixed).await;
    mixed.lead(&first).await;
    mixed.works("a later version leads earlier ones").await;
    refused(&mixed).await;

    while let Some(node) = mixed.next() {
        mixed.upgrade(&node).await;
    }
    let all = async || {
        let members = mixed.members().await.members;
        members.iter().all(|member| (&member.version, member.level) == (&newer.version, newer.level))
    };
    mixed.site.until("all run the later version", PATIENCE, all).await.expect("they do");
    let members = mixed.members().await;
    assert_eq!(members.level, before.level, "nobody has raised it");
    mixed.works("all run the later version").await;
    (mixed, level)
}

#[tokio::test(flavor = "multi_thread")]
async fn to_the_next_feature_level_node_by_node_and_raised_at_the_end() {
    let Some(later) = other("to_the_next_feature_level_node_by_node_and_raised_at_the_end", "NEXT", ".ci/mixed") else {
        return;
    };
    let directory = tempfile::tempdir().expect("a directory");
    let (mut mixed, level) = upgraded(directory.path(), env!("CARGO_BIN_EXE_tenured").as_ref(), &later).await;
    let said = mixed.tenure(0, &["cluster", "upgrade", "--raise", "--yes"]);
    assert!(said.contains(&format!("the cluster is at feature level {level} now")), "{said}");
    assert_eq!(mixed.members().await.level, level);
    mixed.works("the level is raised").await;

    // There is no way back: the earlier program reads that in its log, and ends.
    let node = mixed.site.names().last().expect("a node").clone();
    fs::remove_file(marker(directory.path(), &node)).expect("it was there");
    mixed.site.kill_node(&node).expect("killed");
    mixed.site.start_node(&node).expect("started");
    let what = format!("{node} ends");
    let ended = async || mixed.site.node_runs(&node).is_ok_and(|runs| runs == NodeRuns::Dead);
    mixed.site.until(&what, PATIENCE, ended).await.expect("it does");
    let log = fs::read_to_string(directory.path().join(format!("{node}.log"))).expect("its log");
    let why = format!("the cluster is at feature level {level}, this program understands");
    assert!(log.lines().rev().take(3).any(|line| line.contains(&why)), "{log}");
    fs::write(marker(directory.path(), &node), "").expect("a file");
    mixed.site.start_node(&node).expect("started");
    back(&mixed.site, &node).await;
    mixed.works("the later version is back").await;
    mixed.site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_an_earlier_version_to_this_one_node_by_node() {
    let Some(earlier) = other("from_an_earlier_version_to_this_one_node_by_node", "PREVIOUS", ".ci/mixed REF") else {
        return;
    };
    let directory = tempfile::tempdir().expect("a directory");
    let (mut mixed, level) = upgraded(directory.path(), &earlier, env!("CARGO_BIN_EXE_tenured").as_ref()).await;
    if mixed.members().await.level < level {
        mixed.tenure(0, &["cluster", "upgrade", "--raise", "--yes"]);
    }
    assert_eq!(mixed.members().await.level, level);
    mixed.works("the level is the highest").await;
    mixed.site.stop().await;
}
