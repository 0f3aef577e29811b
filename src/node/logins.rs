//! A node's part in logins to HMCs: it reports its refused logins to the cluster, does not log in while the ledger
//! forbids it, and tries when the ledger gives it the turn. The ledger decides which node may try, and when.

use super::{event_loop::EventLoop, propose::level};
use crate::hypervisor::{Accounts, Login, Turns};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};
use tenure_core::{Command, Entry, HmcName, Ledger, NodeName, Time, codec, command::Author};

/// Least time between the logins of two nodes, by cluster time: the next one learns first whether this one was
/// refused.
const APART: Duration = Duration::from_secs(1);
/// Pause after which connections that have ended are opened again, if nobody needed them.
const KEEP: Duration = Duration::from_secs(5);
/// Time that a report may take; it is repeated after that.
const SAYING: Duration = Duration::from_secs(5);

/// The state of a node's logins.
#[derive(Default)]
pub struct Logins {
    /// HMCs at which it may not log in.
    away: BTreeSet<HmcName>,
    /// Log index of its last turn at each HMC.
    taken: BTreeMap<HmcName, u64>,
    /// Time of its last report about each HMC.
    told: BTreeMap<HmcName, Instant>,
}

/// An action about logins.
#[derive(Debug, PartialEq, Eq)]
pub enum LoginAction {
    /// Report to the cluster.
    Say(Command),
    /// Log in once to this HMC.
    LogIn(HmcName),
}

impl Logins {
    /// The actions that follow from the ledger's lockouts and the outcomes of this node's logins. The drivers are
    /// told at once whether, and when, it may log in.
    pub fn follow(&mut self, me: &NodeName, ledger: &Ledger, accounts: &dyn Accounts, now: Time) -> Vec<LoginAction> {
        accounts.take_turns(turns(me, ledger, now));
        let mut actions = Vec::new();
        for (name, login) in accounts.logins() {
            let hmc = HmcName::from(name.as_str());
            let lockout = ledger.hmcs.get(&hmc);
            let away = lockout.filter(|lockout| lockout.keeps_away(me));
            accounts.hold(&name, away.map(|lockout| format!("{} was refused: {}", lockout.by, lockout.why).into()));
            if away.is_some() {
                self.away.insert(hmc);
                continue;
            }
            let turn = lockout.and_then(|lockout| lockout.turn_of(me));
            let begins = turn.is_some_and(|turn| self.taken.insert(hmc.clone(), turn.index) != Some(turn.index));
            // A node whose lockout has ended logs in at once, so that it is connected before that is needed.
            if self.away.remove(&hmc) || begins {
                // The outcome of an earlier try must not count for this one.
                accounts.forget_login(&name);
                self.told.remove(&hmc);
                actions.push(LoginAction::LogIn(hmc));
                continue;
            }
            let news = match login {
                Some(Login::Refused(why)) => Command::HmcRefuses { hmc: hmc.clone(), why },
                Some(Login::Accepted) if turn.is_some() => Command::HmcAccepts(hmc.clone()),
                Some(Login::Accepted) | None => continue,
            };
            // Repeated until the ledger knows, but not all the time.
            if self.told.get(&hmc).is_none_or(|at| at.elapsed() >= SAYING) {
                self.told.insert(hmc, Instant::now());
                actions.push(LoginAction::Say(news));
            }
        }
        actions
    }
}

/// The times at which this node may log in: the nodes take turns in the order of their names.
fn turns(me: &NodeName, ledger: &Ledger, now: Time) -> Option<Turns> {
    let nodes = u32::try_from(ledger.config.nodes.len()).unwrap_or(u32::MAX);
    let rank = ledger.config.nodes.keys().position(|node| node == me)?;
    let every = APART.saturating_mul(nodes);
    if nodes < 2 {
        return None;
    }
    let mine = APART.saturating_mul(u32::try_from(rank).unwrap_or(u32::MAX));
    let past = Duration::from_millis(now.0 % u64::try_from(every.as_millis()).unwrap_or(u64::MAX));
    let wait = if mine >= past { mine - past } else { every + mine - past };
    Some(Turns { one: (Instant::now() + wait).into(), every })
}

impl EventLoop {
    /// Applies the ledger's lockouts, reports the outcomes of logins to the cluster, and keeps the connections to all HMCs
    /// up.
    pub(super) fn mind_logins(&mut self, ledger: &Ledger) {
        for action in self.logins.follow(&self.me, ledger, self.performer.registry(), self.clock.now()) {
            match action {
                LoginAction::Say(command) => self.say(command),
                LoginAction::LogIn(hmc) => {
                    let performer = Arc::clone(&self.performer);
                    self.tasks.spawn(async move { performer.registry().try_login(hmc.as_str()).await });
                }
            }
        }
        // Whoever is not declared has no turn.
        let connects =
            self.connecting.as_ref().is_some_and(|(task, begun)| !task.is_finished() || begun.elapsed() < KEEP);
        if !connects && ledger.config.nodes.contains_key(&self.me) {
            let performer = Arc::clone(&self.performer);
            let task = self.tasks.spawn(async move { performer.registry().keep_up().await });
            self.connecting = Some((task, Instant::now()));
        }
    }

    pub(super) fn say(&self, command: Command) {
        let (raft, now) = (self.raft.clone(), self.clock.now());
        let entry = Entry { at: now, wall: now, author: Author::Agent(self.me.clone()), commands: vec![command] };
        self.tasks.spawn(async move {
            if let Err(why) = raft.propose(codec::encode(&entry, level(&raft)), SAYING).await {
                tracing::debug!(%why, "what came of an HMC was not told; it will be told again");
            }
        });
    }
}
