//! Ends processes found by their traces, and waits until they are gone.

use super::super::{machine::Call, processes::Found, result::ActionResult};
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

/// Signals all processes found, and searches again until none is left. Nothing is signalled while it is not known
/// which ones they are.
pub(super) async fn end<F>(call: &Call<'_>, manner: Manner, find: F) -> ActionResult
where
    F: Fn() -> Result<BTreeSet<Found>, String> + Clone + Send + 'static,
{
    let reserve = RESERVE.min(call.left() / 4);
    let mut told: BTreeSet<Found> = BTreeSet::new();
    let mut first = true;
    loop {
        let left = call.left();
        let force = manner == Manner::ByForce || left < reserve;
        let find = find.clone();
        let found = match call.aside(find).await {
            Ok(Ok(found)) => found,
            Ok(Err(why)) if first => return ActionResult::refused(why),
            Ok(Err(why)) | Err(why) => return ActionResult::unknown(why),
        };
        if found.is_empty() {
            return if first { ActionResult::already() } else { ActionResult::done() };
        }
        first = false;
        if left.is_zero() {
            return ActionResult::unknown(format!("{} of its processes do not end", found.len()));
        }
        for process in &found {
            if force {
                process.signal(Signal::KILL);
            } else if told.insert(*process) {
                process.signal(Signal::TERM);
            }
        }
        sleep(PAUSE).await;
    }
}
