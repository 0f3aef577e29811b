//! HMCs that do not answer as they should: what nodes say of them, how often, and what the cluster makes of it.

use crate::site;
use std::sync::Arc;
use tenure_core::{
    Author, Command, Entry, Ledger, Moment, NodeName, Refusal, Request, RequestId, ServerName, Span, Time,
    config::{Cluster, Hmc, Manager},
    contacts::{Contacts, Seen},
    ledger::Trouble,
    note::{ClusterWait, Level},
};

fn apply(ledger: &mut Ledger, at: u64, author: Author, command: Command) -> Option<Refusal> {
    let entry = Entry { at: Time(at), wall: Time(at), author, commands: vec![command] };
    ledger.apply(ledger.index + 1, &entry).refusal().cloned()
}

fn says(ledger: &mut Ledger, at: u64, node: &str, hmc: &str, trouble: Option<Trouble>) -> Option<Refusal> {
    apply(ledger, at, Author::Agent(node.into()), Command::HmcContact { hmc: hmc.into(), trouble })
}

fn silent() -> Trouble {
    Trouble::Silent { why: "connection refused".into() }
}

fn stranger(shown: &str) -> Trouble {
    Trouble::HostKey { shown: shown.into() }
}

/// Three servers of hmc1, of which p1 and p2 have hmc2 besides; each is watched by its own node.
fn cluster() -> Cluster {
    let mut cluster = site::site(3);
    let host_key = format!("SHA256:{}", "y".repeat(43));
    let hmc = Hmc { address: "hmc2:22".to_owned(), user: "tenure".to_owned(), host_key };
    cluster.managers.insert("hmc2".into(), hmc.into());
    for server in ["p1", "p2"] {
        cluster.servers.get_mut(server).unwrap().managers.push("hmc2".into());
    }
    cluster
}

fn configure(ledger: &mut Ledger, request: u128, cluster: Cluster) {
    let configure = Request::Configure { cluster: Arc::new(cluster), strand: false };
    assert_eq!(apply(ledger, 1_000, Author::first_user(RequestId(request)), Command::Request(configure)), None);
}

fn ledger() -> Ledger {
    let mut ledger = Ledger::default();
    configure(&mut ledger, 1, cluster());
    for (server, node) in [("p1", "n1"), ("p2", "n2"), ("p3", "n3")] {
        ledger.servers.get_mut(server).unwrap().watcher = Some(node.into());
    }
    ledger
}

fn kinds(ledger: &Ledger) -> Vec<&str> {
    ledger.journal.iter().map(|event| event.kind.as_ref()).filter(|kind| kind.starts_with("hmc_")).collect()
}

fn texts(ledger: &Ledger) -> Vec<String> {
    ledger.hmc_waits().iter().map(ToString::to_string).collect()
}

#[test]
fn a_change_is_a_fact_and_what_is_known_is_none() {
    let mut ledger = ledger();
    assert_eq!(says(&mut ledger, 2_000, "n1", "hmc1", None), Some(Refusal::NoChange), "it answers, as it should");
    assert_eq!(says(&mut ledger, 2_000, "n1", "hmc9", Some(silent())), Some(Refusal::NoHmc("hmc9".into())));
    assert_eq!(says(&mut ledger, 2_000, "n1", "hmc1", Some(silent())), None);
    let other = Trouble::Silent { why: "no route to host".into() };
    assert_eq!(says(&mut ledger, 3_000, "n1", "hmc1", Some(other)), Some(Refusal::NoChange), "silent all the same");
    assert_eq!(says(&mut ledger, 3_000, "n1", "hmc1", Some(stranger("key A"))), None);
    assert_eq!(says(&mut ledger, 4_000, "n1", "hmc1", Some(stranger("key A"))), Some(Refusal::NoChange));
    assert_eq!(says(&mut ledger, 4_000, "n1", "hmc1", Some(stranger("key B"))), None, "a third key is news");
    assert_eq!(says(&mut ledger, 5_000, "n1", "hmc1", None), None);
    assert_eq!(kinds(&ledger), ["hmc_silent", "hmc_host_key", "hmc_host_key", "hmc_answers"]);
    assert!(ledger.contacts.is_empty());
}

#[test]
fn one_of_two_down_is_a_warning_and_the_only_one_an_alarm() {
    let mut ledger = ledger();
    for node in ["n1", "n2"] {
        assert_eq!(says(&mut ledger, 2_000, node, "hmc1", Some(silent())), None);
    }
    assert_eq!(
        texts(&ledger),
        [
            "HMC hmc1 does not answer n1, n2 (connection refused); if another one fails too, no HMC serves p1, p2; `tenure hmc \
         check hmc1`"
        ]
    );
    assert_eq!(ledger.hmc_waits()[0].level(), Level::Warning);
    assert_eq!(ledger.standstills(), []);
    assert_eq!(says(&mut ledger, 2_000, "n3", "hmc1", Some(silent())), None);
    let levels: Vec<Level> =
        ledger.journal.iter().filter(|one| one.kind == "hmc_silent").map(|one| one.level).collect();
    assert_eq!(levels, [Level::Warning, Level::Warning, Level::Alarm], "p3 has no other");
    let ClusterWait::HmcSilent { blind, left, .. } = &ledger.hmc_waits()[0] else { panic!("{:?}", ledger.hmc_waits()) };
    assert_eq!(blind.iter().map(ServerName::as_str).collect::<Vec<_>>(), ["p3"]);
    assert_eq!(left.iter().map(ServerName::as_str).collect::<Vec<_>>(), ["p1", "p2"]);
    assert_eq!(ledger.standstills(), ledger.hmc_waits());

    assert_eq!(says(&mut ledger, 3_000, "n1", "hmc2", Some(silent())), None);
    let (blind, left) = ledger.unserved(&"hmc2".into());
    assert_eq!((blind.len(), left.len()), (1, 0), "nobody reads p1 now");
    ledger.servers.get_mut("p1").unwrap().watcher = Some("n2".into());
    assert_eq!(ledger.unserved(&"hmc2".into()).0.len(), 0, "its surrogate reaches hmc2");
}

#[test]
fn a_host_key_that_has_changed_may_be_an_attack() {
    let mut ledger = ledger();
    assert_eq!(says(&mut ledger, 2_000, "n2", "hmc1", Some(stranger("ssh-ed25519 SHA256:abc"))), None);
    assert_eq!(ledger.standstills().len(), 1);
    let text = &texts(&ledger)[0];
    for part in ["hmc1", "n2", "SHA256:abc", "somebody may pretend to be it", "nothing is sent", "tenure apply"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn what_a_silent_node_said_and_what_is_refused_does_not_count() {
    let mut ledger = ledger();
    assert_eq!(says(&mut ledger, 2_000, "n1", "hmc1", Some(silent())), None);
    let refuses = Command::HmcRefuses { hmc: "hmc1".into(), why: "the key was rejected".into() };
    assert_eq!(apply(&mut ledger, 3_000, Author::Agent("n1".into()), refuses), None);
    assert_eq!(texts(&ledger), Vec::<String>::new(), "it answers: it refuses");
    assert_eq!(ledger.standstills().len(), 1);
    let mut same = cluster();
    let Manager::Hmc(hmc) = same.managers.get_mut("hmc1").unwrap();
    hmc.user = "other".to_owned();
    configure(&mut ledger, 2, same);
    assert!(ledger.contacts.is_empty() && ledger.hmcs.is_empty(), "another entry is another HMC");
}

/// A node and its world: what it sees, what it says, and the log.
struct Bench {
    ledger: Ledger,
    contacts: Contacts,
    said: Vec<(u64, bool)>,
}

impl Bench {
    fn new() -> Self {
        Bench { ledger: ledger(), contacts: Contacts::default(), said: Vec::new() }
    }

    /// From one second to another it sees this of hmc1 four times a second; what it says is written down.
    fn sees(&mut self, from: u64, to: u64, trouble: Option<Trouble>) {
        let seen = Seen::from([("hmc1".into(), trouble)]);
        for now in (from * 1_000..to * 1_000).step_by(250) {
            let me = NodeName::from("n1");
            for command in self.contacts.follow(&me, &self.ledger, &seen, Moment(now)) {
                let Command::HmcContact { trouble, .. } = &command else { panic!("{command:?}") };
                self.said.push((now, trouble.is_some()));
                assert_eq!(apply(&mut self.ledger, now, Author::Agent(me.clone()), command), None);
            }
        }
    }
}

#[test]
fn nothing_is_said_of_an_hmc_that_answers_nor_of_one_lost_answer() {
    let mut bench = Bench::new();
    bench.sees(0, 3_600, None);
    bench.sees(3_600, 3_607, Some(silent()));
    bench.sees(3_607, 7_200, None);
    assert_eq!(bench.said, []);
    bench.sees(7_200, 7_300, Some(silent()));
    bench.sees(7_300, 7_400, None);
    assert_eq!(bench.said, [(7_207_500, true), (7_300_000, false)]);
}

#[test]
fn a_wrong_host_key_is_said_at_once() {
    let mut bench = Bench::new();
    bench.sees(100, 200, Some(stranger("key A")));
    assert_eq!(bench.said, [(100_000, true)]);
}

#[test]
fn an_hmc_that_comes_and_goes_does_not_fill_the_log() {
    let mut bench = Bench::new();
    for second in (0..86_400).step_by(40) {
        bench.sees(second, second + 20, Some(silent()));
        bench.sees(second + 20, second + 40, None);
    }
    // Once in ten minutes at most, after the first few.
    assert!(bench.said.len() <= 86_400 / 600 + 10, "{}", bench.said.len());
    bench.said.clear();
    bench.sees(86_400, 90_000, None);
    assert!(bench.said.len() <= 1 && bench.ledger.contacts.is_empty(), "the last word is the truth: {:?}", bench.said);
    bench.said.clear();
    bench.sees(90_000, 90_100, Some(silent()));
    bench.sees(90_100, 90_200, None);
    assert_eq!(bench.said, [(90_007_500, true), (90_100_000, false)], "it was calm for long enough");
}

#[test]
fn what_the_log_does_not_know_is_said_again_but_not_all_the_time() {
    let (mut contacts, ledger) = (Contacts::default(), ledger());
    let seen = Seen::from([("hmc1".into(), Some(stranger("key A")))]);
    let said =
        (0..60_000).step_by(250).filter(|now| !contacts.follow(&"n1".into(), &ledger, &seen, Moment(*now)).is_empty());
    assert_eq!(said.count(), 12);
    assert!(ledger.config.timings.monitor <= Span::seconds(5));
}
