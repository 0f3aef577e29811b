//! The clerk: answers calls of other nodes that do not need the node's loop, concurrently with it.

use super::{
    Machine,
    about::About,
    known, log, managers, member,
    pause::{self, Leave},
    peer::{Answer, Asked, Call},
    permit::{self, Extra},
    suitability,
};
use crate::performer::Performer;
use std::sync::Arc;
use tenure_core::NodeName;
use tenure_raft::Handle;
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What it answers from.
pub struct Clerk {
    /// The node.
    pub me: NodeName,
    /// Its log.
    pub raft: Handle<Machine>,
    /// What it performs with: its agents, and its connections to HMCs.
    pub performer: Arc<Performer>,
    /// What it says of itself.
    pub about: About,
    /// Whom it tells that it was asked to stop.
    pub leave: Leave,
}

/// Answers until the node stops.
pub async fn serve(mut calls: mpsc::Receiver<Asked>, clerk: Clerk, tasks: TaskTracker, stop: CancellationToken) {
    let Clerk { me, raft, performer, about, leave } = clerk;
    loop {
        let asked = tokio::select! {
            () = stop.cancelled() => return,
            asked = calls.recv() => asked,
        };
        let Some(Asked { call, reply, .. }) = asked else { return };
        let (raft, performer, me) = (raft.clone(), Arc::clone(&performer), me.clone());
        let (about, leave) = (about.clone(), leave.clone());
        tasks.spawn(async move {
            let agents = performer.agents();
            let answer = match call {
                Call::Check { permit, cluster } => match permit::check(&raft, permit, &cluster).await {
                    Ok(()) => {
                        let found = suitability::check_here(agents, &me, &cluster).await;
                        Answer::Checked { errors: found.errors, warnings: found.warnings }
                    }
                    Err(why) => {
                        Answer::Checked { errors: Vec::new(), warnings: vec![format!("node {me}: {why}").into()] }
                    }
                },
                Call::Extra(act) => Answer::Said(match permit::extra(&raft, act, &me).await {
                    Ok(Extra::Agent(call)) => suitability::extra(agents, &call).await,
                    Ok(Extra::Log(level, lasts)) => log::set_here(level, lasts),
                    Err(why) => Err(why.into()),
                }),
                Call::Agents => Answer::Agents(known::list_here(agents, &me).await),
                Call::Agent(agent) => Answer::Agent(known::one_here(agents, &me, &agent).await),
                Call::Managers { knock } => {
                    Answer::Managers(managers::heard_here(performer.registry(), knock.as_ref()).await)
                }
                Call::Try { permit, cluster, hmcs } => {
                    Answer::Tried(managers::try_permitted(&raft, &performer, &me, (permit, &cluster, &hmcs)).await)
                }
                Call::Overview(which) => Answer::Overview(performer.registry().tell(&which).await),
                Call::Member(call) => member::change(raft, call).await,
                Call::About => Answer::About(about),
                Call::Stop(permit) => pause::stop(&raft, &me, permit, &leave).await,
                // The inbox sends these to the loop.
                Call::Node(_) => Answer::Node(tenure_core::node::Answer::NotLeader),
            };
            // The caller may have given up.
            let _ = reply.send(answer);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        peer::{Inbox, MemberCall, Spoken, incarnation},
        propose::level,
    };
    use super::*;
    use crate::{
        hypervisor::Registry,
        performer::{AgentPaths, Agents, watchdog::Armed},
    };
    use std::{collections::BTreeMap, time::Duration};
    use tenure_core::{
        Command, Entry, Level, Reply, RequestId, Time,
        audit::digest,
        codec,
        command::{Author, Request},
        config::Cluster,
        trust::{Act, Hash},
    };
    use tenure_raft::{
        AppHandler, Options, Raft, Snapshots, Timings,
        tls::{ClusterAuthority, Credentials, Role},
    };

    const SOON: Duration = Duration::from_secs(20);

    /// The leader of a cluster of one, p1, with its clerk.
    struct Bench {
        raft: Handle<Machine>,
        inbox: Arc<Inbox>,
        requests: u128,
        _run_dir: tempfile::TempDir,
    }

    impl Bench {
        async fn new() -> Bench {
            let authority = ClusterAuthority::create("lab").unwrap();
            let options = Options {
                id: 1,
                name: "p1".to_owned(),
                cluster: "lab".to_owned(),
                data_dir: None,
                witness: None,
                introduced: BTreeMap::new(),
                listen: "127.0.0.1:0".parse().unwrap(),
                advertise: String::new(),
                credentials: Credentials::new(authority.issue("p1", Role::Node { id: 1 }).unwrap()).unwrap(),
                timings: Timings::default(),
                snapshots: Snapshots::default(),
                feature_level_max: 1,
            };
            let ((events, _), (clerk, calls)) = (mpsc::channel(1), mpsc::channel(8));
            let inbox = Arc::new(Inbox { events, clerk });
            let raft =
                Raft::start(options, Machine::default(), Arc::clone(&inbox) as Arc<dyn AppHandler>).await.unwrap();
            raft.initialize([(1, raft.peer().unwrap())].into()).await.unwrap();
            raft.barrier(SOON).await.unwrap();
            let run_dir = tempfile::tempdir().unwrap();
            let places = AgentPaths { run_dir: run_dir.path().to_owned(), ..AgentPaths::default() };
            let agents = Agents::new("p1".into(), places, Armed::default(), Arc::new(|| 0), Arc::new(|| None));
            let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
            let known = |_: &tenure_core::ServerName| tenure_core::listing::KnownOn::default();
            let performer = Performer::new("p1".into(), Registry::new(None), Arc::new(agents), || 0, known);
            let leave = tokio::sync::watch::channel(None).0;
            let about = About::me("127.0.0.1:7101");
            let me = "p1".into();
            let clerk = Clerk { me, raft: raft.clone(), performer: Arc::new(performer), about, leave };
            tokio::spawn(serve(calls, clerk, tasks, stop));
            Bench { raft, inbox, requests: 0, _run_dir: run_dir }
        }

        async fn commit(&mut self, command: Command) -> u64 {
            self.requests += 1;
            let by_user = matches!(command, Command::Request(_));
            let author =
                if by_user { Author::first_user(RequestId(self.requests)) } else { Author::Agent("p1".into()) };
            let entry = Entry { at: Time(1), wall: Time(1), author, commands: vec![command] };
            let done = self.raft.propose(codec::encode(&entry, level(&self.raft)), SOON).await.unwrap();
            let reply: Reply = codec::decode(&done.reply).unwrap();
            assert!(reply.refused.is_empty(), "{:?}", reply.refused);
            done.index
        }

        /// What becomes of a call of another node, on its way from the wire.
        async fn call(&self, call: Call) -> Answer {
            let spoken = Spoken { by: incarnation(), call };
            let bytes = self.inbox.call(2, codec::encode(&spoken, level(&self.raft))).await.unwrap();
            codec::decode(&bytes).unwrap()
        }
    }

    /// Whether the node began with what it was asked to do.
    fn is_begun(answer: &Answer) -> bool {
        match answer {
            Answer::Said(said) => !said.as_ref().is_err_and(|why| why.contains("permitted")),
            Answer::Checked { warnings, .. } => !warnings.iter().any(|line| line.to_string().contains("permitted")),
            Answer::MemberRefused(why) => !["not_permitted", "bad_token"].contains(&&*why.code),
            Answer::StaysUp(why) => why.code != "not_permitted",
            Answer::Agents(_)
            | Answer::Agent(_)
            | Answer::Member(_)
            | Answer::Managers(_)
            | Answer::About(_)
            | Answer::Overview(_)
            | Answer::Stops => true,
            Answer::Tried(tried) => !matches!(tried, managers::Tried::NotPermitted(_)),
            Answer::Node(_) | Answer::MemberUnknown(_) | Answer::NotLeader => panic!("{answer:?}"),
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_call_does_what_the_log_permits_to_it_and_nothing_else() {
        let mut bench = Bench::new().await;
        let (cluster, other) = (Cluster::default(), Cluster { name: "other".to_owned(), ..Cluster::default() });
        let describe = |node: &str| Act::Describe { node: node.into(), resource: "ip".into() };
        let stop = |node: &str| Act::StopNode { node: node.into(), frozen: Default::default() };
        let check = |cluster: &Cluster| Act::Check { config: digest(cluster), programs: false };
        let acts = [
            ("describe here", describe("p1"), "extra"),
            ("describe elsewhere", describe("p2"), ""),
            ("check", check(&cluster), "check"),
            ("check another", check(&other), ""),
            ("remove", Act::RemoveNode { node: "p9".into() }, "member"),
            ("certify", Act::Certify { key: Hash([7; 32]) }, ""),
            ("raise", Act::Raise { level: Level::FIRST }, "member"),
            ("stop elsewhere", stop("p2"), ""),
            ("stop here", stop("p1"), "stop"),
        ];
        let calls = |permit| {
            let check = Call::Check { permit, cluster: Arc::new(cluster.clone()) };
            let tries = Call::Try { permit, cluster: Arc::new(cluster.clone()), hmcs: vec!["hmc1".into()] };
            let member = Call::Member(MemberCall::Permitted(permit));
            [
                ("extra", Call::Extra(permit)),
                ("check", check),
                ("check", tries),
                ("member", member),
                ("stop", Call::Stop(permit)),
            ]
        };
        for (act, permitted, good_for) in acts {
            let permit = bench.commit(Command::Request(Request::Act(permitted))).await;
            for (kind, call) in calls(permit) {
                let answer = bench.call(call).await;
                assert_eq!(is_begun(&answer), kind == good_for, "{kind}, permitted to {act}: {answer:?}");
            }
            bench.commit(Command::Ended { act: permit, failed: None }).await;
            for (kind, call) in calls(permit).into_iter().chain(calls(permit + 1000)) {
                let answer = bench.call(call).await;
                assert!(!is_begun(&answer), "{kind}, when {act} is done: {answer:?}");
            }
        }
        let admit = MemberCall::Admit { token: Hash([1; 32]), key: Hash([2; 32]), address: "127.0.0.1:1".to_owned() };
        let answer = bench.call(Call::Member(admit)).await;
        assert!(!is_begun(&answer), "a token that nobody made: {answer:?}");
        for call in [Call::Agents, Call::About, Call::Agent("script:none".to_owned()), Call::Managers { knock: None }] {
            assert!(is_begun(&bench.call(call).await), "any member may ask for these");
        }
        bench.raft.shutdown().await;
    }
}
