//! The time of the next look: each resource at its own point of the interval, so that not all are looked at at once.

use std::time::Duration;

/// The first time after `now` that belongs to a name, counted from the same beginning.
pub(crate) fn next(name: &str, interval: Duration, now: Duration) -> Duration {
    let interval = nanos(interval).max(1);
    let phase = phase(name) % interval;
    let now = nanos(now);
    let past = now.saturating_sub(phase);
    let turns = if now < phase { 0 } else { past / interval + 1 };
    Duration::from_nanos(phase.saturating_add(turns.saturating_mul(interval)))
}

/// The share of a time span that belongs to a name, for delays that differ by name.
pub(crate) fn share(name: &str, of: Duration) -> Duration {
    Duration::from_nanos(phase(name) % nanos(of).max(1))
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// FNV-1a, with its bits mixed: names that differ only in their last letter must not get neighbouring values.
fn phase(name: &str) -> u64 {
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_moment_and_keeps_it() {
        let interval = Duration::from_secs(5);
        let first = next("web", interval, Duration::ZERO);
        assert!(first <= interval);
        let second = next("web", interval, first);
        assert_eq!(second - first, interval);
        assert_eq!(next("web", interval, first + Duration::from_secs(11)) - first, Duration::from_secs(15));
    }

    #[test]
    fn a_hundred_are_spread_over_the_interval() {
        let interval = Duration::from_secs(10);
        let mut tenths = [0; 10];
        for n in 0..100 {
            let at = next(&format!("app{n}"), interval, Duration::ZERO);
            tenths[usize::try_from(at.as_secs()).unwrap() % 10] += 1;
        }
        assert!(tenths.iter().all(|count| (3..=20).contains(count)), "{tenths:?}");
    }
}
