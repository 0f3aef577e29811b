//! An upgrade, rehearsed: a node of this build and one of a later build (`src/core/next/rehearsal.rs`) are one cluster, and
//! hand each other nothing but bytes. As long as one of them is older, both write what the older one reads, and lead to the
//! same ledgers. Then the older one is replaced, the level is raised, and what is new comes in.
//!
//! The nodes, the ledgers and the codec are the product's. Consensus is a list of entries, the network a function call, and the
//! hardware one LPAR that runs.

use std::{collections::BTreeMap, fs, path::Path};
use tenure_core::codec::{CodecError, Kind};

/// What one process makes of something: what it tells others, and what it wants in the log.
#[derive(Default)]
struct Made {
    /// Whom, and a call's bytes.
    calls: Vec<(String, Vec<u8>)>,
    /// Entries.
    proposed: Vec<Vec<u8>>,
}

/// A process of a node, of whichever build.
trait Process {
    fn tick(&mut self, at: u64) -> Made;
    fn called(&mut self, at: u64, from: &str, by: u64, call: &[u8]) -> Result<(Vec<u8>, Made), String>;
    fn answered(&mut self, at: u64, from: &str, asked: u64, answer: &[u8]) -> Result<Made, String>;
    fn apply(&mut self, index: u64, entry: &[u8]) -> Result<Vec<u8>, String>;
    fn raise(&mut self, level: u32);
    fn image(&self) -> Vec<u8>;
    fn restore(&mut self, image: &[u8]) -> Result<(), String>;
    fn leads(&mut self, term: u64, leader: &str);
    fn incarnation(&self) -> u64;
    /// The tenure of group web, as an operator is shown it.
    fn tenure(&self) -> String;
}

macro_rules! build {
    ($name:ident, $core:ident) => {
        mod $name {
            use super::{Made, Process};
            use serde::{Deserialize, Serialize};
            use std::{collections::BTreeMap, sync::Arc};
            use $core::{
                Author, Entry, Ledger, Level, Moment, Power, Reading, ServerName, Span, SystemState, Time,
                codec::{Format, Kind, decode, decode_versioned, encode, encode_as},
                ledger::Incarnation,
                node::{Answer, Birth, Call, Effect, Input, Node, Now, Proposal, Standing},
            };

            /// A call with its caller, as the daemon sends them.
            #[derive(Serialize, Deserialize)]
            struct Sent(Call);

            impl Format for Sent {
                const KIND: Kind = Kind::Call;
            }

            #[derive(Serialize, Deserialize)]
            struct Said(Answer);

            impl Format for Said {
                const KIND: Kind = Kind::Answer;
            }

            pub struct Running {
                me: String,
                by: u64,
                pub node: Node,
                pub ledger: Arc<Ledger>,
                standing: Standing,
                readings: u64,
            }

            impl Running {
                pub fn new(me: &str, by: u64, at: u64) -> Self {
                    let birth = Birth {
                        me: me.into(),
                        incarnation: Incarnation(by),
                        stored: 0,
                        known: Time(0),
                        wall: Time(1_000_000),
                        fresh: Span(1_000),
                        moment: Moment(at),
                    };
                    let voters = Arc::new(["n1", "n2"].map(Into::into).into());
                    let standing = Standing { voters, ..Standing::default() };
                    let ledger = Arc::default();
                    Running { me: me.to_owned(), by, node: Node::new(birth), ledger, standing, readings: 0 }
                }

                fn feed(&mut self, at: u64, input: Input) -> Made {
                    let (ledger, standing) = (Arc::clone(&self.ledger), self.standing.clone());
                    let now = Now { moment: Moment(at), ledger: &ledger, standing: &standing };
                    let effects = self.node.handle(now, input);
                    self.carry_out(at, effects)
                }

                fn carry_out(&mut self, at: u64, effects: Vec<Effect>) -> Made {
                    let mut made = Made::default();
                    for effect in effects {
                        match effect {
                            Effect::Call { to, call, .. } => {
                                made.calls.push((to.to_string(), encode(&Sent(call), self.ledger.level)));
                            }
                            Effect::Propose { of, commands, at: time } => {
                                let me = self.me.as_str().into();
                                let author = match of {
                                    Proposal::Plan(_) | Proposal::Finding => Author::Planner(me),
                                    Proposal::Report(_) | Proposal::Enlist => Author::Agent(me),
                                };
                                let entry = Entry { at: time, wall: time, author, commands };
                                made.proposed.push(encode(&entry, self.ledger.level));
                                let input = match of {
                                    Proposal::Plan(term) => {
                                        Some(Input::Planned { term, fate: $core::node::Fate::Committed })
                                    }
                                    Proposal::Enlist => Some(Input::Enlisted(Some(self.ledger.index + 1))),
                                    Proposal::Report(_) | Proposal::Finding => None,
                                };
                                let more = input.map(|input| self.feed(at, input)).unwrap_or_default();
                                made.calls.extend(more.calls);
                                made.proposed.extend(more.proposed);
                            }
                            Effect::CatchUp(term) => {
                                let more = self.feed(at, Input::CaughtUp(term));
                                made.calls.extend(more.calls);
                                made.proposed.extend(more.proposed);
                            }
                            Effect::Read(server) => {
                                let reading = Some(self.reading(&server));
                                let more = self.feed(at, Input::Read { server, reading, blind: false });
                                made.calls.extend(more.calls);
                                made.proposed.extend(more.proposed);
                            }
                            Effect::Plan(job) => {
                                let more = self.feed(at, Input::PlanMade(Box::new(job.run())));
                                made.calls.extend(more.calls);
                                made.proposed.extend(more.proposed);
                            }
                            other => assert!(!matches!(other, Effect::Stop { .. }), "{other:?}"),
                        }
                    }
                    made
                }

                /// The LPAR of group web runs on p1.
                fn reading(&mut self, server: &ServerName) -> Reading {
                    self.readings += 1;
                    let power = if server.as_str() == "p1" { Power::Running } else { Power::Absent };
                    Reading {
                        server: server.clone(),
                        by: self.me.as_str().into(),
                        since: self.ledger.index,
                        serial: self.readings,
                        system: SystemState::Operating,
                        live: true,
                        copies: BTreeMap::from([("web1".into(), power)]),
                        node: Power::Unknown,
                        node_listed: Default::default(),
                        vios: BTreeMap::new(),
                        listed: BTreeMap::new(),
                    }
                }
            }

            impl Process for Running {
                fn tick(&mut self, at: u64) -> Made {
                    self.feed(at, Input::Woken)
                }

                fn called(&mut self, at: u64, from: &str, by: u64, call: &[u8]) -> Result<(Vec<u8>, Made), String> {
                    let (Sent(call), version) = decode_versioned(call).map_err(|why| why.to_string())?;
                    let (ledger, standing) = (Arc::clone(&self.ledger), self.standing.clone());
                    let now = Now { moment: Moment(at), ledger: &ledger, standing: &standing };
                    let (answer, effects) = self.node.called(now, Some(&from.into()), Incarnation(by), call);
                    let made = self.carry_out(at, effects);
                    Ok((encode_as(&Said(answer), version.min(Kind::Answer.newest())), made))
                }

                fn answered(&mut self, at: u64, from: &str, asked: u64, answer: &[u8]) -> Result<Made, String> {
                    let Said(answer) = decode(answer).map_err(|why| why.to_string())?;
                    let (to, asked) = (from.into(), Moment(asked));
                    Ok(self.feed(at, Input::Beaten { to, asked, answer: Some(answer) }))
                }

                fn apply(&mut self, index: u64, entry: &[u8]) -> Result<Vec<u8>, String> {
                    let entry: Entry = decode(entry).map_err(|why| why.to_string())?;
                    let reply = Arc::make_mut(&mut self.ledger).apply(index, &entry).reply;
                    (self.standing.last_log, self.standing.applied) = (index, index);
                    Ok(encode(&reply, self.ledger.level))
                }

                fn raise(&mut self, level: u32) {
                    Arc::make_mut(&mut self.ledger).raise(Level(level));
                }

                fn image(&self) -> Vec<u8> {
                    encode(&*self.ledger, self.ledger.level)
                }

                fn restore(&mut self, image: &[u8]) -> Result<(), String> {
                    self.ledger = Arc::new(decode(image).map_err(|why| why.to_string())?);
                    (self.standing.last_log, self.standing.applied) = (self.ledger.index, self.ledger.index);
                    Ok(())
                }

                fn leads(&mut self, term: u64, leader: &str) {
                    let leads = leader == self.me;
                    let quorum = leads.then_some(Span(0));
                    let leader = Some(leader.into());
                    self.standing = Standing { term, leads, leader, quorum, ..self.standing.clone() };
                }

                fn incarnation(&self) -> u64 {
                    self.by
                }

                fn tenure(&self) -> String {
                    let tenure = self.ledger.groups.get("web").and_then(|group| group.tenure.as_ref());
                    tenure.map(|it| format!("{:?} on {}", it.phase, it.server)).unwrap_or_default()
                }
            }
        }
    };
}

build!(present, tenure_core);
build!(later, tenure_core_next);

/// Two nodes, and the log that they share.
struct Pair {
    nodes: BTreeMap<String, Box<dyn Process>>,
    log: Vec<Vec<u8>>,
    at: u64,
    /// Calls by version.
    versions: BTreeMap<u16, u32>,
}

fn version(bytes: &[u8]) -> u16 {
    u16::from_le_bytes([bytes[1], bytes[2]])
}

impl Pair {
    /// Appends an entry, has each apply it, and compares what they make of it.
    fn commit(&mut self, entry: Vec<u8>) {
        self.log.push(entry.clone());
        let index = self.log.len() as u64;
        let mut replies = self.nodes.values_mut().map(|node| node.apply(index, &entry).expect("it can be read"));
        let (one, other) = (replies.next(), replies.next());
        assert_eq!(one, other, "entry {index}: the same answer");
        drop(replies);
        let images: Vec<Vec<u8>> = self.nodes.values().map(|node| node.image()).collect();
        assert_eq!(images[0], images[1], "entry {index}: the same ledger");
    }

    fn deliver(&mut self, from: &str, made: Made) {
        for entry in made.proposed {
            self.commit(entry);
        }
        for (to, call) in made.calls {
            *self.versions.entry(version(&call)).or_default() += 1;
            let (at, by) = (self.at, self.nodes[from].incarnation());
            let node = self.nodes.get_mut(&to).expect("a member");
            let (answer, more) = node.called(at, from, by, &call).expect("a call that it reads");
            self.deliver(&to, more);
            let node = self.nodes.get_mut(from).expect("a member");
            let more = node.answered(at, &to, at, &answer).expect("an answer that it reads");
            self.deliver(from, more);
        }
    }

    fn run(&mut self, ms: u64) {
        for _ in 0..ms / 100 {
            self.at += 100;
            for name in ["n1", "n2"] {
                let made = self.nodes.get_mut(name).expect("a member").tick(self.at);
                self.deliver(name, made);
            }
        }
    }

    fn lead(&mut self, term: u64, leader: &str) {
        self.nodes.values_mut().for_each(|node| node.leads(term, leader));
    }
}

fn configure() -> Vec<u8> {
    use tenure_core::{
        Author, Command, Entry, HmcName, Level, Request, RequestId, Time, codec,
        config::{Cluster, Group, Hmc, Node, Resource, Server},
    };
    let mut cluster = Cluster { name: "site".to_owned(), ..Cluster::default() };
    let host_key = format!("SHA256:{}", "x".repeat(43));
    let hmc = Hmc { address: "hmc1:22".to_owned(), user: "tenure".to_owned(), host_key };
    cluster.managers.insert(HmcName::from("hmc1"), hmc.into());
    for n in 1..=2 {
        let server = Server::new(&format!("p{n}"), &format!("9009-42A*{n:07}"), vec!["hmc1".into()]);
        cluster.servers.insert(format!("p{n}").into(), server);
        let node = Node { server: Some(format!("p{n}").into()), lpar: None, watchdog: None };
        cluster.nodes.insert(format!("n{n}").into(), node);
    }
    cluster.groups.insert("web".into(), Group::new(vec!["p1".into(), "p2".into()]));
    cluster.resources.insert("web1".into(), Resource::lpar("web".into(), "web1"));
    let request = Request::Configure { cluster: cluster.into(), strand: false };
    let author = Author::first_user(RequestId(1));
    let (at, commands) = (Time(1_000_000), vec![Command::Request(request)]);
    codec::encode(&Entry { at, wall: at, author, commands }, Level::FIRST)
}

#[test]
fn a_mixed_pair_lives_together_and_what_is_new_comes_with_the_level() {
    let mut pair = Pair { nodes: BTreeMap::new(), log: Vec::new(), at: 50_000, versions: BTreeMap::new() };
    pair.nodes.insert("n1".into(), Box::new(present::Running::new("n1", 11, 50_000)));
    pair.nodes.insert("n2".into(), Box::new(later::Running::new("n2", 22, 50_000)));
    pair.commit(configure());

    // The earlier build leads, then the later one: they tell and grant each other what they need.
    pair.lead(1, "n1");
    pair.run(20_000);
    assert_eq!(pair.nodes["n2"].tenure(), "Online on p1", "found running, and adopted");
    pair.lead(2, "n2");
    pair.run(20_000);
    assert_eq!(pair.nodes["n1"].tenure(), "Online on p1");
    assert_eq!(pair.versions.keys().collect::<Vec<_>>(), [&2], "no call that the earlier build cannot read");
    assert!(pair.versions[&2] > 50, "heartbeats and readings went both ways: {:?}", pair.versions);
    assert!(pair.log.iter().all(|entry| version(entry) == 2));
    assert_eq!(version(&pair.nodes["n2"].image()), 2, "a snapshot of the later build is one for both");

    // The earlier one is replaced, and goes on from its own snapshot.
    let image = pair.nodes["n1"].image();
    let mut upgraded = later::Running::new("n1", 33, pair.at);
    upgraded.restore(&image).expect("an image of the version before");
    pair.nodes.insert("n1".into(), Box::new(upgraded));
    pair.lead(3, "n1");
    pair.run(10_000);
    assert!(pair.log.iter().all(|entry| version(entry) == 2), "being able to is not enough");
    assert_eq!(version(&pair.nodes["n1"].image()), 2);

    // The level is raised, as an entry of the log.
    pair.nodes.values_mut().for_each(|node| node.raise(2));
    pair.run(10_000);
    let known: tenure_core_next::Ledger =
        tenure_core_next::codec::decode(&pair.nodes["n2"].image()).expect("its own image");
    let builds: Vec<(&str, u32)> = known.processes.iter().map(|(node, it)| (node.as_str(), it.build)).collect();
    assert_eq!(builds, [("n1", 3), ("n2", 3)], "each has told, the leader by itself and the other by a call");
    assert_eq!(version(pair.log.last().expect("entries")), 3);
    assert!(pair.versions[&3] > 0);
    assert_eq!(pair.nodes["n1"].tenure(), "Online on p1", "all the while");

    // An earlier build that comes back by mistake names what it cannot read, and takes nothing of it.
    let mut earlier = present::Running::new("n1", 44, pair.at);
    let image = pair.nodes["n2"].image();
    let newer = CodecError::Newer { kind: Kind::Ledger, found: 3, known: 2 };
    assert_eq!(earlier.restore(&image), Err(newer.to_string()));
    let refused = earlier.apply(1, pair.log.last().expect("entries"));
    assert_eq!(refused, Err("read a Entry: written in version 3, this build reads 2".to_owned()));
    assert_eq!(*earlier.ledger, tenure_core::Ledger::default());
}

/// The log that the pair wrote below the level is read by a build of its own time and by a later one, from the first entry.
#[test]
fn a_log_of_the_version_before_is_replayed_by_a_later_build() {
    let mut pair = Pair { nodes: BTreeMap::new(), log: Vec::new(), at: 50_000, versions: BTreeMap::new() };
    pair.nodes.insert("n1".into(), Box::new(present::Running::new("n1", 11, 50_000)));
    pair.nodes.insert("n2".into(), Box::new(present::Running::new("n2", 22, 50_000)));
    pair.commit(configure());
    pair.lead(1, "n1");
    pair.run(20_000);
    let mut replayed = later::Running::new("n1", 33, pair.at);
    for (index, entry) in (1..).zip(&pair.log) {
        replayed.apply(index, entry).expect("an entry of the version before");
    }
    assert_eq!(replayed.image(), pair.nodes["n1"].image());
    assert_eq!(replayed.tenure(), "Online on p1");
}

/// The golden samples of version 2 are what the present build writes (`tests/formats`). A later one reads each of them, and writes
/// the same bytes as long as the level is not reached.
#[test]
fn samples_of_the_version_before_are_read_and_written_by_a_later_build() {
    use tenure_core_next::{Entry, Ledger, Level, codec};
    let unhex = |text: &str| -> Vec<u8> {
        let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal");
        (0..text.len()).step_by(2).map(byte).collect()
    };
    let samples = |kind: &str| -> Vec<(String, Vec<u8>)> {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../tests/golden/node/v2-{kind}.hex"));
        let text = fs::read_to_string(file).expect("golden samples");
        let lines = text.lines().filter_map(|line| line.split_once(" = "));
        lines.map(|(name, bytes)| (name.to_owned(), unhex(bytes))).collect()
    };
    let (entries, ledgers) = (samples("entry"), samples("ledger"));
    assert!(entries.len() > 100 && ledgers.len() > 1, "{} entries, {} ledgers", entries.len(), ledgers.len());
    for (name, bytes) in entries {
        let entry: Entry = codec::decode(&bytes).unwrap_or_else(|why| panic!("{name}: {why}"));
        assert_eq!(codec::encode(&entry, Level::FIRST), bytes, "{name}");
    }
    for (name, bytes) in ledgers {
        let ledger: Ledger = codec::decode(&bytes).unwrap_or_else(|why| panic!("{name}: {why}"));
        assert!(ledger.processes.values().all(|process| process.build == 0), "{name}");
        assert_eq!(codec::encode(&ledger, Level::FIRST), bytes, "{name}: an earlier build reads it");
        let raised = codec::encode(&ledger, Level(2));
        assert_eq!((version(&raised), codec::decode(&raised)), (3, Ok(ledger)), "{name}");
    }
}
