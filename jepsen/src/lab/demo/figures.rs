//! Measurements: durations with their targets.

use crate::world::Time;
use serde::Serialize;
use std::time::Duration;

/// A measured duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// From the loss of a server's power to the start order of its first group; another node led.
    LossToOrder,
    /// From there to the group's LPARs all Running.
    LossToRunning,
    /// From a server's loss to all its groups Running elsewhere.
    LossToAll,
    /// Like `LossToOrder`, with the leader on that server.
    LeaderLossToOrder,
    /// Like `LossToRunning`, with the leader on that server.
    LeaderLossToRunning,
    /// Like `LossToAll`, with the leader on that server.
    LeaderLossToAll,
    /// From the crash of an LPAR to its restart order.
    CrashToOrder,
    /// From the crash of an LPAR beyond its restart limit to its Running elsewhere.
    CrashToElsewhere,
    /// From the death of a management LPAR to a surrogate for its server.
    NodeLostToSurrogate,
    /// From the cut of a node to the end of its lease.
    CutToLapse,
    /// From the death of the leader to the next committed command.
    LeaderKilledToCommit,
    /// From an operator's confirmation to the first start order.
    ConfirmToOrder,
    /// From a server's return to its being clean.
    ReturnToClean,
}

impl Figure {
    /// Description for people.
    pub fn words(self) -> &'static str {
        match self {
            Figure::LossToOrder => "server lost → start order of its first group",
            Figure::LossToRunning => "server lost → first group Running elsewhere",
            Figure::LossToAll => "server lost → all its groups Running elsewhere",
            Figure::LeaderLossToOrder => "server of the leader lost → start order",
            Figure::LeaderLossToRunning => "server of the leader lost → first group Running",
            Figure::LeaderLossToAll => "server of the leader lost → all groups Running",
            Figure::CrashToOrder => "LPAR crashed → restart order",
            Figure::CrashToElsewhere => "LPAR crashed past its limit → Running elsewhere",
            Figure::NodeLostToSurrogate => "management LPAR killed → surrogate watches",
            Figure::CutToLapse => "node cut off → its lease over for certain",
            Figure::LeaderKilledToCommit => "leader killed → next committed command",
            Figure::ConfirmToOrder => "operator confirms → start order",
            Figure::ReturnToClean => "server switched on → clean",
        }
    }

    /// Maximum target, at default timings.
    pub fn target(self) -> Option<Duration> {
        match self {
            Figure::LossToOrder => Some(Duration::from_secs(3)),
            Figure::LeaderLossToOrder => Some(Duration::from_secs(4)),
            // The monitor interval plus half a second.
            Figure::CrashToOrder => Some(Duration::from_millis(5_500)),
            Figure::LossToRunning
            | Figure::LossToAll
            | Figure::LeaderLossToRunning
            | Figure::LeaderLossToAll
            | Figure::CrashToElsewhere
            | Figure::NodeLostToSurrogate
            | Figure::CutToLapse
            | Figure::LeaderKilledToCommit
            | Figure::ConfirmToOrder
            | Figure::ReturnToClean => None,
        }
    }
}

/// Maximum target for the memory of an idle node, in bytes.
pub const MEMORY_TARGET: u64 = 40 << 20;

/// All measurements.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    samples: Vec<(Figure, Duration)>,
    /// Resident memory of the largest idle node, in bytes.
    pub memory: Option<u64>,
}

/// The spread of one figure.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Spread {
    pub figure: Figure,
    /// Description for people.
    pub words: &'static str,
    /// Maximum target.
    pub target_ms: Option<u128>,
    /// Minimum.
    pub min_ms: u128,
    /// Median.
    pub median_ms: u128,
    /// Maximum.
    pub max_ms: u128,
    /// All samples, in the order of measurement.
    pub samples_ms: Vec<u128>,
}

impl Figures {
    /// Adds a sample.
    pub fn take(&mut self, figure: Figure, from: Time, to: Time) {
        self.samples.push((figure, to.since(from).into()));
    }

    /// The spread of each figure that was measured.
    pub fn spreads(&self) -> Vec<Spread> {
        let mut figures: Vec<Figure> = self.samples.iter().map(|(figure, _)| *figure).collect();
        figures.sort_unstable();
        figures.dedup();
        figures.into_iter().filter_map(|figure| self.spread(figure)).collect()
    }

    fn spread(&self, figure: Figure) -> Option<Spread> {
        let samples: Vec<u128> =
            self.samples.iter().filter(|(of, _)| *of == figure).map(|(_, took)| took.as_millis()).collect();
        let mut sorted = samples.clone();
        sorted.sort_unstable();
        let (min_ms, max_ms) = (*sorted.first()?, *sorted.last()?);
        Some(Spread {
            figure,
            words: figure.words(),
            target_ms: figure.target().map(|target| target.as_millis()),
            min_ms,
            median_ms: sorted[sorted.len() / 2],
            max_ms,
            samples_ms: samples,
        })
    }
}

/// Resident memory of a process in bytes, as the kernel counts it.
pub fn resident(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_has_its_ends_and_its_middle() {
        let mut figures = Figures::default();
        for ms in [30, 10, 20] {
            figures.take(Figure::CrashToOrder, Time::from_millis(100), Time::from_millis(100 + ms));
        }
        let spreads = figures.spreads();
        assert_eq!(spreads.len(), 1);
        assert_eq!((spreads[0].min_ms, spreads[0].median_ms, spreads[0].max_ms), (10, 20, 30));
        assert_eq!(spreads[0].samples_ms, [30, 10, 20]);
    }

    #[test]
    fn this_process_takes_memory() {
        assert!(resident(std::process::id()).is_some_and(|bytes| bytes > 1 << 20));
    }
}
