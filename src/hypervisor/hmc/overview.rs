//! What one HMC says of all its systems at once: their states, and its links to them. Asked once for all readings that
//! need it then, not once for each server; and at rest, by one node [for all](crate::hypervisor::Neighbours).
//!
//! Promises: the answers that a reading gets began after it needed them, in this order: a link that is up proves that the
//! states before it were not left over. Readings of orders do not wait for those of the rounds, and neither for those at
//! rest. If no other node tells it, this node asks.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::answers::{SYSTEM_COLUMNS, unreadable};
use super::command::Command;
use super::console::Console;
use super::queries::{Wanted, ask, list};
use super::records::{Record, parse_records};
use super::shared;
use super::time::Time;
use crate::hypervisor::{Failure, Urgency};

/// Longest time for which readings that have their list of LPARs wait for others that will need an overview, too.
const HOLD: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(5)];

/// The states of all systems, and the links to them.
#[derive(Clone)]
pub struct Overview {
    pub systems: Arc<Vec<Record>>,
    pub links: Arc<Vec<Record>>,
    /// When the states were asked for, at the earliest and at the latest: another node has another clock.
    pub asked: [Instant; 2],
}

/// The overviews of one HMC, by urgency.
#[derive(Default)]
pub struct Overviews {
    lanes: [Lane; 3],
}

/// The last answer, and when it was asked for.
type Kept<T> = Option<(Instant, Result<T, Failure>)>;

struct Lane {
    /// Number of readings that list LPARs, or wait for that: each needs an overview after it.
    listing: watch::Sender<usize>,
    last: Mutex<Last>,
    states: Mutex<Kept<Arc<Vec<Record>>>>,
}

/// The last overview, and when this node last asked the HMC for one.
#[derive(Default)]
struct Last {
    kept: Kept<Overview>,
    began: Option<Instant>,
}

impl Default for Lane {
    fn default() -> Self {
        Lane { listing: watch::channel(0).0, last: Mutex::default(), states: Mutex::default() }
    }
}

/// A reading that lists LPARs, until this is dropped.
pub struct Listing<'a>(&'a Lane);

impl Drop for Listing<'_> {
    fn drop(&mut self) {
        self.0.listing.send_modify(|count| *count = count.saturating_sub(1));
    }
}

impl Overviews {
    /// A reading begins to list LPARs.
    pub fn lists(&self, urgency: Urgency) -> Listing<'_> {
        let lane = &self.lanes[urgency as usize];
        lane.listing.send_modify(|count| *count += 1);
        Listing(lane)
    }

    /// The states of all systems, asked for after this call.
    pub async fn states(&self, console: &Console, wanted: &mut Wanted) -> Result<Arc<Vec<Record>>, Failure> {
        let (lane, began) = (&self.lanes[wanted.urgency as usize], Instant::now());
        let mut last = timeout_at(wanted.time.turn_by(), lane.states.lock()).await.map_err(|_| Failure::NoTurn)?;
        if let Some((asked, states)) = &*last
            && *asked > began
        {
            return states.clone();
        }
        if let Some(told) = shared::told(console, wanted).await {
            *last = Some((told.asked[0], Ok(Arc::clone(&told.systems))));
            return Ok(told.systems);
        }
        let states = systems(console, wanted).await;
        keep(&mut last, wanted.time.sent(), (began, &wanted.time), &states);
        states
    }

    /// An overview, asked for after this call.
    pub async fn after(&self, console: &Console, wanted: &mut Wanted) -> Result<Overview, Failure> {
        let (lane, began) = (&self.lanes[wanted.urgency as usize], Instant::now());
        let mut last = timeout_at(wanted.time.turn_by(), lane.last.lock()).await.map_err(|_| Failure::NoTurn)?;
        if let Some((sent, overview)) = &last.kept
            && *sent > began
        {
            return overview.clone();
        }
        let hold = (began + HOLD[wanted.urgency as usize]).min(wanted.time.turn_by());
        // If some still list when it is over, they get the next one.
        let _ = timeout_at(hold, lane.listing.subscribe().wait_for(|count| *count == 0)).await;
        if let Some(told) = shared::told(console, wanted).await {
            last.kept = Some((told.asked[0], Ok(told.clone())));
            return Ok(told);
        }
        if let Some((before, sharing)) = last.began.zip(wanted.sharing.as_ref()) {
            let due = before + sharing.neighbours.gap(&console.name().into());
            sleep_until(due.min(wanted.time.turn_by())).await;
        }
        let states = systems(console, wanted).await;
        let sent = wanted.time.sent();
        last.began = sent.or(last.began);
        let overview = match states {
            Ok(systems) => {
                links(console, wanted).await.map(|links| Overview { systems, links, asked: [sent.unwrap_or(began); 2] })
            }
            Err(failure) => Err(failure),
        };
        keep(&mut last.kept, sent, (began, &wanted.time), &overview);
        overview
    }
}

/// Keeps the answer to what was `sent` for those who wait already. What had no turn is no answer; nor is the silence of an
/// HMC while there was hardly any time left to answer: those who wait may have more.
fn keep<T: Clone>(
    last: &mut Kept<T>,
    sent: Option<Instant>,
    (began, time): (Instant, &Time),
    answer: &Result<T, Failure>,
) {
    let is_answer = match answer {
        Err(Failure::NoTurn) => false,
        Err(Failure::Timeout | Failure::TimeoutBeforeSending) => sent.is_some_and(|sent| time.is_long(sent.elapsed())),
        Ok(_) | Err(_) => true,
    };
    if let Some(sent) = sent.filter(|sent| *sent > began && is_answer) {
        *last = Some((sent, answer.clone()));
    }
}

async fn systems(console: &Console, wanted: &mut Wanted) -> Result<Arc<Vec<Record>>, Failure> {
    list(console, "sys", &SYSTEM_COLUMNS, None, wanted).await.map(Arc::new)
}

async fn links(console: &Console, wanted: &mut Wanted) -> Result<Arc<Vec<Record>>, Failure> {
    let answer = ask(console, &Command::new("lssysconn").with("-r", "all"), wanted).await?;
    parse_records(&answer).map(Arc::new).map_err(unreadable)
}
