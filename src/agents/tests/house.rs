//! A test machine in a directory: agents, resources and their runtime.

use crate::needs;
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tempfile::TempDir;
use tenure_agents::{Rights, Runtime, Settings};
use tenure_core::{
    Power, ResourceName, Seen, Span,
    config::{Agent, Cluster, Group, Kind, Resource},
};
use tokio::time::Instant;

/// More time than any operation takes that works.
pub const LONG: Duration = Duration::from_secs(30);

pub struct House {
    pub folder: TempDir,
    pub settings: Settings,
    pub cluster: Cluster,
    pub applied: Arc<AtomicU64>,
}

/// Waits until a condition holds.
pub async fn again(what: &str, mut is_so: impl FnMut() -> bool) {
    let limit = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < limit, "it never came true: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub fn name(text: &str) -> ResourceName {
    text.into()
}

/// Whether a process exists and is not a zombie.
pub fn is_alive(process: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.trim())).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

pub fn kill(process: &str) {
    let number: i32 = process.trim().parse().expect("the number of a process");
    let pid = rustix::process::Pid::from_raw(number).expect("not zero");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("it is there");
}

/// Whether programs can be run as another user here.
pub fn may_change_users(test: &str) -> bool {
    let lacking = needs::root().or_else(|| needs::user("nobody")).or_else(|| needs::programs(&["setpriv", "mkfifo"]));
    needs::met(test, "RIGHTS", lacking)
}

impl House {
    pub fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["ocf/resource.d/test", "scripts", "run", "secrets"] {
            fs::create_dir_all(at(name)).unwrap();
        }
        let settings = Settings {
            node: "n1".into(),
            server: "p1".into(),
            ocf_root: at("ocf"),
            scripts: vec![at("scripts")],
            systemctl: at("systemctl"),
            run_dir: at("run"),
            cgroup: None,
            rights: Rights { programs: vec![folder.path().to_owned(), "/usr/bin".into()], ..Rights::default() },
            secrets: at("secrets"),
        };
        let mut cluster = Cluster::default();
        cluster.timings.monitor = Span(200);
        cluster.groups.insert("web".into(), Group::new(vec!["p1".into(), "p2".into()]));
        House { folder, settings, cluster, applied: Arc::default() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The path of a file, as text.
    pub fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    pub fn lines(&self, name: &str) -> Vec<String> {
        self.read(name).lines().map(str::to_owned).collect()
    }

    fn program(&self, path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let text = format!("#!/bin/sh\nHERE={}\n{text}\n", self.folder.path().display());
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Writes an executable program; like all others, it has this directory in `$HERE`.
    pub fn tool(&self, name: &str, text: &str) -> String {
        self.program(&self.path(name), text);
        self.text(name)
    }

    /// An OCF resource agent of the provider `test`.
    pub fn ocf(&self, kind: &str, text: &str) {
        self.program(&self.path("ocf/resource.d/test").join(kind), text);
    }

    /// Writes an entry point of a script agent.
    pub fn script(&self, kind: &str, entry: &str, text: &str) {
        self.program(&self.path("scripts").join(kind).join(entry), text);
    }

    /// Declares a resource.
    pub fn resource(&mut self, name: &str, agent: &str, attributes: &[(&str, &str)]) -> &mut Resource {
        let mut resource = Resource::agent("web".into(), agent);
        if let Kind::Agent(agent) = &mut resource.kind {
            agent.attributes = pairs(attributes);
        }
        self.cluster.resources.insert(name.into(), resource);
        self.cluster.resources.get_mut(name).expect("it was put there")
    }

    pub fn agent(&mut self, name: &str) -> &mut Agent {
        match &mut self.cluster.resources.get_mut(name).expect("it is declared").kind {
            Kind::Agent(agent) => agent,
            Kind::Lpar(_) => panic!("{name} is an LPAR"),
        }
    }

    /// A runtime of all declared resources.
    pub fn runtime(&self) -> Runtime {
        let applied = Arc::clone(&self.applied);
        let runtime = Runtime::new(self.settings.clone(), move || applied.load(Ordering::SeqCst));
        runtime.configure(&Arc::new(self.cluster.clone()));
        runtime
    }
}

pub fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The last result for a resource.
pub fn seen(runtime: &Runtime, name: &str) -> Option<Seen> {
    runtime.inside().seen.remove(name)
}

pub fn power(runtime: &Runtime, name: &str) -> Option<Power> {
    seen(runtime, name).map(|seen| seen.power)
}

/// Waits until a resource reads `wanted`.
pub async fn reads(runtime: &Runtime, name: &str, wanted: Power) {
    again(&format!("{name} reads {wanted}"), || power(runtime, name) == Some(wanted)).await;
}
