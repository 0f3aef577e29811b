//! Ends processes found by their traces, and waits until they are gone.

use super::super::{
    machine::Call,
    processes::{self, Number},
    result::ActionResult,
};
use rustix::process::Signal;
use std::{collections::BTreeSet, time::Duration};
use tokio::time::sleep;

/// Interval at which the processes are searched for again.
const PAUSE: Duration = Duration::from_millis(20);
/// Part of the stop timeout that is kept for killing processes that ignore SIGTERM.
const RESERVE: Duration = Duration::from_secs(2);

/// The way to end processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// SIGTERM, and SIGKILL when the time is nearly over.
    InOrder,
    /// SIGKILL at once.
    ByForce,
}

/// Signals all processes found, and searches again until none is left.
pub(super) async fn end<F>(call: &Call<'_>, manner: Manner, find: F) -> ActionResult
where
    F: Fn() -> BTreeSet<Number> + Clone + Send + 'static,
{
    let reserve = RESERVE.min(call.left() / 4);
    let mut told: BTreeSet<Number> = BTreeSet::new();
    let mut first = true;
    loop {
        let left = call.left();
        let force = manner == Manner::ByForce || left < reserve;
        let find = find.clone();
        let Ok(found) = call.aside(find).await else { return ActionResult::unknown("its processes were not found") };
        if found.is_empty() {
            return if first { ActionResult::already() } else { ActionResult::done() };
        }
        first = false;
        if left.is_zero() {
            return ActionResult::unknown(format!("{} of its processes do not end", found.len()));
        }
        for process in &found {
            if force {
                processes::signal(*process, Signal::KILL);
            } else if told.insert(*process) {
                processes::signal(*process, Signal::TERM);
            }
        }
        sleep(PAUSE).await;
    }
}
