//! What a node says of the HMCs that it asks, and how often.
//!
//! An HMC that answers is not spoken of. A silence is said when it has lasted for longer than the interval in which
//! servers are read, so that one lost answer is no news; a wrong host key and an unusable key of one's own are said at
//! once. An HMC that comes and goes is spoken of ever more seldom, so that it does not fill the log.

use crate::{Command, HmcName, Ledger, NodeName, Span, config::Manager, ledger::Trouble, time::Moment};
use std::collections::BTreeMap;

/// Least time between two changes of the same HMC that are said, after the first; doubled by each further one.
const FIRST_PAUSE: Span = Span::seconds(15);
const LONGEST_PAUSE: Span = Span::seconds(600);
/// An HMC that has not changed for so long has no pause any more.
const CALM: Span = Span::seconds(1800);
/// Time after which something is said again that the log does not know yet.
const AGAIN: Span = Span::seconds(5);

/// What a node knows of an HMC: its trouble, or `None` if it answers. An HMC that was not asked is left out.
pub type Seen = BTreeMap<HmcName, Option<Trouble>>;

/// What a node has seen and said of each HMC.
#[derive(Clone, Debug, Default)]
pub struct Contacts {
    hmcs: BTreeMap<HmcName, Known>,
}

#[derive(Clone, Debug)]
struct Known {
    declared: Manager,
    seen: Option<Trouble>,
    /// Time since which it has been so.
    since: Moment,
    /// The last change that was said, and when that was first said.
    said: Option<(Option<Trouble>, Moment)>,
    /// When something was said last.
    told: Option<Moment>,
    pause: Span,
}

impl Contacts {
    /// What is to be said now.
    pub fn follow(&mut self, me: &NodeName, ledger: &Ledger, seen: &Seen, now: Moment) -> Vec<Command> {
        let declared = &ledger.config.managers;
        self.hmcs.retain(|hmc, known| declared.get(hmc) == Some(&known.declared));
        let mut all = Vec::new();
        for (hmc, trouble) in seen {
            let Some(manager) = declared.get(hmc) else { continue };
            let known = self.hmcs.entry(hmc.clone()).or_insert_with(|| Known {
                declared: manager.clone(),
                seen: trouble.clone(),
                since: now,
                said: None,
                told: None,
                pause: Span(0),
            });
            if !is_like(known.seen.as_ref(), trouble.as_ref()) {
                known.since = now;
            }
            known.seen.clone_from(trouble);
            let logged = ledger.trouble(hmc, me);
            if !is_like(logged, trouble.as_ref()) && known.is_due(ledger, now) {
                known.says(now);
                all.push(Command::HmcContact { hmc: hmc.clone(), trouble: trouble.clone() });
            }
        }
        all
    }
}

impl Known {
    fn is_due(&self, ledger: &Ledger, now: Moment) -> bool {
        let lasts = match self.seen {
            Some(Trouble::Silent { .. }) => {
                Span(ledger.config.timings.monitor.0.saturating_mul(3).checked_div(2).unwrap_or_default())
            }
            Some(Trouble::HostKey { .. } | Trouble::OwnKey { .. }) | None => Span(0),
        };
        let same = self.said.as_ref().is_some_and(|(said, _)| is_like(said.as_ref(), self.seen.as_ref()));
        let lately = self.told.is_some_and(|at| now.since(at) < AGAIN);
        let calm = self.said.as_ref().is_none_or(|(_, at)| now.since(*at) >= self.pause);
        now.since(self.since) >= lasts && if same { !lately } else { calm }
    }

    fn says(&mut self, now: Moment) {
        self.told = Some(now);
        if self.said.as_ref().is_some_and(|(said, _)| is_like(said.as_ref(), self.seen.as_ref())) {
            return;
        }
        let rested = self.said.as_ref().is_none_or(|(_, at)| now.since(*at) >= CALM);
        self.pause = if rested { FIRST_PAUSE } else { self.pause.times(2).clamp(FIRST_PAUSE, LONGEST_PAUSE) };
        self.said = Some((self.seen.clone(), now));
    }
}

fn is_like(one: Option<&Trouble>, other: Option<&Trouble>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => one.is_like(other),
        (None, Some(_)) | (Some(_), None) => false,
    }
}
