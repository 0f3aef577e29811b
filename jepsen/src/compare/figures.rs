//! What was measured, as a table.

use comfy_table::{Table, presets};
use std::time::Duration;

/// What was measured of one cluster.
#[derive(Clone, Debug)]
pub(super) struct Figures {
    pub(super) name: String,
    /// From the loss of power to the first resource started elsewhere.
    pub(super) start: Vec<Duration>,
    /// The longest time in which the client had no page.
    pub(super) outage: Vec<Duration>,
    /// KiB of the cluster's daemons on each machine, each page shared among those that share it.
    pub(super) memory: Vec<u64>,
}

/// A table of all that was measured.
pub(super) fn table(measured: &[Figures]) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["cluster", "n", "start elsewhere", "outage of the client", "memory on a machine"]);
    for figures in measured {
        table.add_row([
            figures.name.clone(),
            figures.start.len().to_string(),
            spread(&figures.start, seconds),
            spread(&figures.outage, seconds),
            spread(&figures.memory, |kib| format!("{:.1} MiB", *kib as f64 / 1024.0)),
        ]);
    }
    format!("Medians (least .. most):\n{table}")
}

fn seconds(time: &Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

fn spread<T: Ord>(values: &[T], show: impl Fn(&T) -> String) -> String {
    let mut sorted: Vec<&T> = values.iter().collect();
    sorted.sort();
    match (sorted.first(), sorted.get(sorted.len() / 2), sorted.last()) {
        (Some(least), Some(median), Some(most)) => {
            format!("{} ({} .. {})", show(median), show(least), show(most))
        }
        _ => "-".to_owned(),
    }
}
