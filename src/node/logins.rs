//! Logins to HMCs, as a node minds them: it tells the cluster when it was refused, keeps away while the ledger says so, and
//! tries when it is its turn. Who may try, and when, is the ledger's to say.

use super::{event_loop::EventLoop, propose::level};
use crate::hypervisor::{Accounts, Login, Turns};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};
use tenure_core::{Command, Entry, HmcName, Ledger, NodeName, Time, codec, command::Author};

/// Nodes log in no closer to each other than this, by cluster time: the next one hears first whether this one was refused.
const APART: Duration = Duration::from_secs(1);
/// Longest time that saying so may take before it is said again.
const SAYING: Duration = Duration::from_secs(5);

/// What a node has made of logins so far.
#[derive(Default)]
pub struct Logins {
    /// HMCs at which it keeps away.
    away: BTreeSet<HmcName>,
    /// The last turn that it took at each, by its log index.
    taken: BTreeMap<HmcName, u64>,
    /// When it last told the cluster of each.
    told: BTreeMap<HmcName, Instant>,
}

/// What a node is to do about logins.
#[derive(Debug, PartialEq, Eq)]
pub enum Deed {
    /// Tell the cluster.
    Say(Command),
    /// Log in once to this HMC.
    LogIn(HmcName),
}

impl Logins {
    /// What follows from what the cluster knows of logins, and from what came of this node's own. The drivers are told at once
    /// when, and whether, it may log in.
    pub fn follow(&mut self, me: &NodeName, ledger: &Ledger, accounts: &dyn Accounts, now: Time) -> Vec<Deed> {
        accounts.take_turns(turns(me, ledger, now));
        let mut deeds = Vec::new();
        for (name, login) in accounts.logins() {
            let hmc = HmcName::from(name.as_str());
            let lockout = ledger.hmcs.get(&hmc);
            let away = lockout.filter(|lockout| lockout.keeps_away(me));
            accounts.hold(&name, away.map(|lockout| format!("{} was refused: {}", lockout.by, lockout.why)));
            if away.is_some() {
                self.away.insert(hmc);
                continue;
            }
            let turn = lockout.and_then(|lockout| lockout.turn_of(me));
            let begins = turn.is_some_and(|turn| self.taken.insert(hmc.clone(), turn.index) != Some(turn.index));
            // Whoever was kept away and is no longer logs in at once, to be connected before it is needed.
            if self.away.remove(&hmc) || begins {
                // What came of an earlier try says nothing of this one.
                accounts.forget_login(&name);
                self.told.remove(&hmc);
                deeds.push(Deed::LogIn(hmc));
                continue;
            }
            let news = match login {
                Some(Login::Refused(why)) => Command::HmcRefuses { hmc: hmc.clone(), why },
                Some(Login::Accepted) if turn.is_some() => Command::HmcAccepts(hmc.clone()),
                Some(Login::Accepted) | None => continue,
            };
            // Until the ledger knows, but not all the time.
            if self.told.get(&hmc).is_none_or(|at| at.elapsed() >= SAYING) {
                self.told.insert(hmc, Instant::now());
                deeds.push(Deed::Say(news));
            }
        }
        deeds
    }
}

/// When this node may log in: each has its turn in the order of their names.
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
    /// Follows what the cluster knows of logins, and tells it what is new.
    pub(super) fn mind_logins(&mut self, ledger: &Ledger) {
        for deed in self.logins.follow(&self.me, ledger, self.performer.registry(), self.clock.now()) {
            match deed {
                Deed::Say(command) => self.say(command),
                Deed::LogIn(hmc) => {
                    let performer = Arc::clone(&self.performer);
                    self.tasks.spawn(async move { performer.registry().try_login(hmc.as_str()).await });
                }
            }
        }
    }

    fn say(&self, command: Command) {
        let (raft, now) = (self.raft.clone(), self.clock.now());
        let entry = Entry { at: now, wall: now, author: Author::Agent(self.me.clone()), commands: vec![command] };
        self.tasks.spawn(async move {
            if let Err(why) = raft.propose(codec::encode(&entry, level(&raft)), SAYING).await {
                tracing::debug!(%why, "what came of a login was not told; it will be told again");
            }
        });
    }
}
