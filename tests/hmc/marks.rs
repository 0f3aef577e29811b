//! The mark of the cluster that manages an LPAR: requested only if the configuration says so, set before the LPAR is
//! started, never in place of another description, and never in the way of a start.

use std::io::Write as _;
use std::sync::{Arc, Mutex};

use tempfile::NamedTempFile;
use tenure::hypervisor::hmc::HmcKey;
use tenure::hypervisor::{Registry, Urgency};
use tenure::performer::{AgentPaths, Agents, Performer, Reader, ask, moment, watchdog::Armed};
use tenure_core::{
    Author, Command, Entry, Ledger, Power, Request, RequestId, ServerName, Span, Time, Verb,
    config::{Cluster, Group, Hmc, Node, Resource, Server},
    ledger::Incarnation,
    listing::KnownOn,
    node::{self, Effect, Orders, Owing},
    order::{Ending, Report},
};

use crate::server::{Fault, MTMS, PATIENCE, ScriptedHmc, driver, server, soon};
use crate::site::{Answer, Site};

const SETS: &str = "chsyscfg";
const STARTS: &str = "chsysstate";

/// One server with its node, and group web with an LPAR on it.
fn cluster(hmc: &ScriptedHmc, owner_mark: bool) -> Cluster {
    let mut cluster = Cluster { name: "east".to_owned(), owner_mark, ..Cluster::default() };
    let reached = hmc.configuration();
    let declared = Hmc { address: reached.address, user: reached.user, host_key: reached.host_key_fingerprint };
    cluster.managers.insert("hmc1".into(), declared.into());
    cluster.servers.insert("p1".into(), Server::new("p1", MTMS, vec!["hmc1".into()]));
    let (server, lpar) = (Some("p1".into()), Some("node-p1".to_owned()));
    cluster.nodes.insert("n1".into(), Node { server, lpar, watchdog: None });
    cluster.groups.insert("web".into(), Group::new(vec!["p1".into()]));
    cluster.resources.insert("web".into(), Resource::lpar("web".into(), "web"));
    cluster
}

/// A node that acts on one HMC.
struct Bench {
    site: Site,
    hmc: ScriptedHmc,
    cluster: Arc<Cluster>,
    performer: Arc<Performer>,
    _key: NamedTempFile,
}

impl Bench {
    async fn with(owner_mark: bool) -> Self {
        let site = Site::with_server(MTMS, &["web", "node-p1"]);
        site.set_lpar(MTMS, "node-p1", "Running");
        let hmc = ScriptedHmc::start("hmc1", &site).await;
        let HmcKey::Pem(pem) = hmc.configuration().key else { panic!("the key is text") };
        let mut key = NamedTempFile::new().unwrap();
        key.write_all(pem.as_bytes()).unwrap();
        let agents = Agents::new(
            "n1".into(),
            AgentPaths::default(),
            Armed::default(),
            Arc::new(|| u64::MAX),
            Arc::new(|| Some(0)),
        );
        let path = Some(key.path().to_owned());
        let performer = Arc::new(Performer::new(
            "n1".into(),
            Registry::new(path),
            Arc::new(agents),
            || u64::MAX,
            |_| KnownOn::default(),
        ));
        let cluster = Arc::new(cluster(&hmc, owner_mark));
        performer.configure(&cluster);
        Self { site, hmc, cluster, performer, _key: key }
    }

    /// A ledger that orders the start of the LPAR, with its present reading.
    async fn ordered(&self) -> Ledger {
        let mut ledger = Ledger::default();
        let ann = Author::first_user(RequestId(1));
        let planner = Author::Planner("n1".into());
        let mut apply = |author: &Author, command: Command| {
            let entry = Entry { at: Time(1_000), wall: Time(1_000), author: author.clone(), commands: vec![command] };
            let outcome = ledger.apply(ledger.index + 1, &entry);
            assert_eq!(outcome.refusal(), None, "{entry:?}");
            ledger.epoch
        };
        let (server, group): (ServerName, _) = ("p1".into(), "web".into());
        apply(&ann, Command::Request(Request::Configure { cluster: Arc::clone(&self.cluster), strand: false }));
        apply(&planner, Command::Assign { server: server.clone(), node: "n1".into() });
        let reading = self.performer.read(&server, Urgency::Order).await.expect("it has a turn");
        assert_eq!(reading.power(&"web".into()), Power::Off, "{reading:?}");
        apply(&planner, Command::Observe(tenure_core::Reading { since: 2, ..reading }));
        let online = Verb::Online { group: "web".into(), server: None, propagate: false };
        apply(&Author::first_user(RequestId(2)), Command::Request(online.into()));
        let epoch = apply(&planner, Command::Grant { group, server });
        apply(&planner, Command::Start { resource: "web".into(), epoch, restart: false });
        ledger
    }

    /// Starts the LPAR as a node does.
    async fn start(&self) -> Report {
        self.carry_out(self.ordered().await).await
    }

    /// The node's own machine decides, its own performer acts.
    async fn carry_out(&self, ledger: Ledger) -> Report {
        let (mut lease, mut past) = (node::Lease::over(moment::now()), node::Past::new(0));
        lease.renew(moment::now(), Span::seconds(3600), 0);
        past.heard(0);
        let mut orders = Orders::new("n1".into(), Incarnation(1));
        let reader = Reader::new(Arc::clone(&self.performer));
        let owing = || Owing { moment: moment::now(), at: Time(2_000), ledger: &ledger, lease: &lease, past: &past };
        let mut effects = Vec::new();
        orders.follow(&owing(), &mut effects);
        loop {
            orders.go_on(&owing(), &mut effects);
            for effect in std::mem::take(&mut effects) {
                match effect {
                    Effect::Carry { order, ask } => {
                        let answers = Mutex::new(Vec::new());
                        let tell = |answer| {
                            answers.lock().unwrap().push(answer);
                            std::future::ready(())
                        };
                        soon(ask::ask(&self.performer, &reader, &order, &ask, tell)).await;
                        for answer in answers.into_inner().unwrap() {
                            orders.answered(order.id, answer, &owing(), &mut effects);
                        }
                    }
                    Effect::Mark { order, server, resource } => {
                        self.performer.mark(&server, &resource).await;
                        orders.marked(order, &owing(), &mut effects);
                    }
                    Effect::Propose { commands, .. } => {
                        let report = commands.into_iter().find_map(|command| {
                            if let Command::Report(report) = command { Some(report) } else { None }
                        });
                        return report.expect("a report is told");
                    }
                    other => panic!("{other:?}"),
                }
            }
            // A pause of the order, or nothing: the next turn of the loop tells.
            soon(tokio::task::yield_now()).await;
        }
    }

    /// The commands that changed something, in order.
    fn changes(&self) -> Vec<&'static str> {
        let sent = self.hmc.shared.commands("chsys");
        sent.iter().map(|command| if command.contains(SETS) { SETS } else { STARTS }).collect()
    }

    fn description(&self) -> String {
        self.site.description(MTMS, "web")
    }
}

#[tokio::test]
async fn descriptions_are_asked_for_only_where_they_are_wanted() {
    let site = Site::with_server(MTMS, &["web"]);
    site.describe(MTMS, "web", "one, \"two\"");
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let (driver, server) = (driver(&[&hmc]), server(&[&hmc]));
    let reading = driver.read_server(&server, PATIENCE).await.unwrap();
    assert_eq!(
        (reading.lpar("web").unwrap().description.as_deref(), hmc.shared.commands("description").len()),
        (None, 0)
    );
    driver.ask_descriptions(true);
    let reading = driver.read_server(&server, PATIENCE).await.unwrap();
    assert_eq!(reading.lpar("web").unwrap().description.as_deref(), Some("one, \"two\""));
    site.describe(MTMS, "web", "");
    let reading = driver.read_server(&server, PATIENCE).await.unwrap();
    assert_eq!(reading.lpar("web").unwrap().description.as_deref(), Some(""));
}

#[tokio::test]
async fn an_lpar_is_marked_before_it_is_started() {
    let bench = Bench::with(true).await;
    assert_eq!(bench.start().await.ending, Ending::Done);
    assert_eq!(bench.changes(), [SETS, STARTS]);
    assert_eq!(bench.description(), "tenure:east");
    let sent = bench.hmc.shared.commands(SETS);
    assert_eq!(sent, [format!("LANG=C chsyscfg -r 'lpar' -m '{MTMS}' -i 'name=web,description=tenure:east'")]);
    bench.site.set_lpar(MTMS, "web", "Not Activated");
    assert_eq!(bench.start().await.ending, Ending::Done);
    assert_eq!(bench.changes(), [SETS, STARTS, STARTS], "it is marked once");
}

#[tokio::test]
async fn nothing_is_marked_unless_it_is_wanted() {
    let bench = Bench::with(false).await;
    bench.site.describe(MTMS, "web", "tenure:west");
    assert_eq!(bench.start().await.ending, Ending::Done);
    assert_eq!((bench.changes(), bench.description().as_str()), (vec![STARTS], "tenure:west"));
    assert!(bench.hmc.shared.commands("description").is_empty());
}

#[tokio::test]
async fn what_somebody_has_written_is_left_as_it_is() {
    let bench = Bench::with(true).await;
    bench.site.describe(MTMS, "web", "web shop, ask Ann");
    assert_eq!(bench.start().await.ending, Ending::Done);
    assert_eq!((bench.changes(), bench.description().as_str()), (vec![STARTS], "web shop, ask Ann"));
}

#[tokio::test]
async fn what_another_cluster_has_marked_is_not_started() {
    let bench = Bench::with(true).await;
    let ledger = bench.ordered().await;
    bench.site.describe(MTMS, "web", "tenure:west");
    let report = bench.carry_out(ledger).await;
    let Ending::NotDone(why) = &report.ending else { panic!("{report:?}") };
    assert!(why.contains("cluster west"), "{why}");
    assert_eq!(report.readings[0].power(&"web".into()), Power::Unknown);
    assert!(bench.changes().is_empty() && bench.description() == "tenure:west");
}

#[tokio::test]
async fn a_mark_that_is_refused_keeps_nothing_from_being_started() {
    let refusals = [
        Fault::Say(Answer::refusal("HSCL350B The user does not have the appropriate authority.\n")),
        Fault::Say(Answer::refusal("HSCLFFFF (synthetic) Something else.\n")),
        Fault::Hang,
    ];
    for fault in refusals {
        let bench = Bench::with(true).await;
        bench.hmc.shared.misbehave(SETS, fault);
        assert_eq!(bench.start().await.ending, Ending::Done);
        assert_eq!((bench.changes(), bench.description().as_str()), (vec![SETS, STARTS], ""));
        bench.site.set_lpar(MTMS, "web", "Not Activated");
        assert_eq!(bench.start().await.ending, Ending::Done);
        assert_eq!(bench.changes(), [SETS, STARTS, STARTS], "it is not tried again soon");
    }
}

#[tokio::test]
async fn an_hmc_that_knows_no_descriptions_is_used_all_the_same() {
    let bench = Bench::with(true).await;
    bench.site.knows_no_descriptions(MTMS);
    assert_eq!(bench.start().await.ending, Ending::Done);
    assert_eq!(bench.changes(), [STARTS]);
    assert_eq!(bench.hmc.shared.commands("description").len(), 1, "it is asked once");
}

#[tokio::test]
async fn a_mark_is_one_item_of_a_list_or_not_sent() {
    let site = Site::with_server(MTMS, &["web"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let (driver, server) = (driver(&[&hmc]), server(&[&hmc]));
    for (lpar, mark) in
        [("a,b", "x"), ("a\"b", "x"), ("web", "x,profile=y"), ("web", "\"x"), ("web", "ünlesbar"), ("web", "a\nb")]
    {
        let told = driver.mark_lpar(&server, lpar, mark, PATIENCE).await;
        assert!(told.as_ref().is_err_and(|error| error.is_definite()), "{lpar} {mark}: {told:?}");
    }
    assert!(hmc.shared.commands("").is_empty());
}
