//! A majority is lost for ever: the cluster is founded anew, by the steps of the operations guide, and running
//! resources are adopted.

use super::{
    nodes::{path, said, tenure},
    restart::{settled, site, starts, stop},
};
use std::{
    fs::{self, File},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tenure::{
    api::{Client, Read},
    local::identity,
};

/// A process that does not outlive the test.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        // One that cannot be killed has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_founded_anew_adopts_what_runs_and_starts_nothing() {
    let (directory, mut site) = site(2).await;
    let before = settled(&site, "everything is online").await;
    let started = starts(&site, &before);
    let names = site.names().to_vec();
    let addresses: Vec<String> = site.api_addresses().map(|(_, address)| address.to_string()).collect();
    let nodes = addresses.join(",");
    let run = |identity: &str, args: &[&str]| {
        let output = tenure(&nodes, &directory.path().join(identity), args);
        assert!(output.status.success(), "{args:?}: {}", said(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let file = directory.path().join("exported.toml");
    fs::write(&file, run("admin", &["export"])).expect("a file");
    for name in &names {
        stop(&site, name).await;
        fs::rename(directory.path().join(name), directory.path().join(format!("{name}.lost"))).expect("moved away");
    }

    let began = Instant::now();
    let config = |name: &str| directory.path().join(format!("{name}.toml"));
    run("anew", &["cluster", "init", "--name", "anew", "--config", path(&config(&names[0]))]);
    let identity = identity::load(&directory.path().join("anew"), identity::USER).expect("an identity");
    site.client = Client::new(&identity, addresses.clone(), Duration::from_secs(8)).expect("a client");
    let mut daemons = Vec::new();
    for (number, name) in names.iter().enumerate() {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tenured"));
        command.arg("--config").arg(config(name));
        if number > 0 {
            let token = site.client.token(name).await.expect("a token").token;
            let file = directory.path().join(format!("{name}.token"));
            fs::write(&file, token).expect("a file");
            command.arg("--join-file").arg(file);
        }
        let log = File::create(directory.path().join(format!("{name}.anew.log"))).expect("a log file");
        daemons.push(Daemon(command.stdin(Stdio::null()).stderr(log).spawn().expect("tenured starts")));
        let one = Client::new(&identity, vec![addresses_of(&site, name)], Duration::from_secs(8)).expect("a client");
        let what = format!("{name} is back");
        let back = site.until(&what, Duration::from_secs(30), async || {
            one.members().await.is_ok_and(|members| members.leader.is_some())
        });
        back.await.expect("it comes back");
        if number > 0 {
            run("anew", &["node", "promote", name]);
        }
    }
    run("anew", &["apply", path(&file), "--yes"]);
    let after = settled(&site, "everything is online again").await;
    println!("founded anew, joined, declared and everything adopted after {:?}", began.elapsed());
    assert_eq!(starts(&site, &after), started, "nothing was started by it");
    let places = |status: &tenure::api::wire::StatusView| -> Vec<_> {
        status.groups.iter().map(|group| (group.name.clone(), group.server.clone())).collect()
    };
    assert_eq!(places(&after), places(&before), "every group is where it was");
    let events = site.client.events(0, Read::Linearizable).await.expect("the journal");
    let adopted = events.iter().filter(|record| record.kind == "adopted").count();
    assert_eq!(adopted, after.groups.len(), "every group was adopted");
}

fn addresses_of(site: &tenure_jepsen::lab::Site, name: &str) -> String {
    let mut all = site.api_addresses();
    all.find(|(node, _)| *node == name).map(|(_, address)| address.to_string()).expect("a node")
}
