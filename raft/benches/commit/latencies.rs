//! Latencies counted in buckets of about 3 % width, so that runs of several processes can be added up.

use std::collections::BTreeMap;
use std::time::Duration;

/// Buckets per doubling.
const STEPS: f64 = 24.0;

#[derive(Default)]
pub struct Latencies(BTreeMap<u32, u64>);

impl Latencies {
    pub fn add(&mut self, latency: Duration) {
        let micros = latency.as_secs_f64() * 1e6;
        let bucket = (micros.max(1.0).log2() * STEPS).round() as u32;
        *self.0.entry(bucket).or_default() += 1;
    }

    pub fn merge(&mut self, other: &Self) {
        for (bucket, count) in &other.0 {
            *self.0.entry(*bucket).or_default() += count;
        }
    }

    pub fn count(&self) -> u64 {
        self.0.values().sum()
    }

    pub fn quantile(&self, quantile: f64) -> Duration {
        let wanted = (self.count() as f64 * quantile) as u64;
        let mut seen = 0;
        for (bucket, count) in &self.0 {
            seen += count;
            if seen > wanted {
                return Duration::from_secs_f64((f64::from(*bucket) / STEPS).exp2() / 1e6);
            }
        }
        Duration::ZERO
    }

    /// One line, for [`read`](Self::read).
    pub fn write(&self) -> String {
        let pairs: Vec<String> = self.0.iter().map(|(bucket, count)| format!("{bucket}:{count}")).collect();
        format!("latencies {}", pairs.join(" "))
    }

    pub fn read(line: &str) -> Self {
        let pairs = line.strip_prefix("latencies").expect("a line of latencies").split_whitespace();
        let pair = |pair: &str| {
            let (bucket, count) = pair.split_once(':').expect("bucket:count");
            (bucket.parse().expect("a bucket"), count.parse().expect("a count"))
        };
        Self(pairs.map(pair).collect())
    }
}
