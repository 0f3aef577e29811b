//! The measurements, as a table.

use comfy_table::{Table, presets};
use std::time::Duration;

/// The measurements of one cluster.
#[derive(Clone, Debug)]
pub(super) struct Figures {
    pub(super) name: String,
    /// Time from the loss of power to the first resource started elsewhere.
    pub(super) start: Vec<Duration>,
    /// The longest time for which the client got no page.
    pub(super) outage: Vec<Duration>,
    /// KiB of the cluster's daemons on each machine; a shared page counts proportionally.
    pub(super) memory: Vec<u64>,
}

/// A table of all measurements.
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
