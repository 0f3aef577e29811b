//! What strangers cause, as sums: nobody without a certificate can fill a log.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::Instant;

/// The time that one line sums up.
const PERIOD: Duration = Duration::from_secs(60);
/// The most reasons that are told apart at a time; a stranger may be able to vary the words of one.
const REASONS: usize = 16;
/// The reason of all others.
const OTHER: &str = "for other reasons";
/// Number of addresses that a line names.
const ADDRESSES: usize = 4;
/// Length of a reason, in characters.
const LONGEST: usize = 200;

/// Sums of one port.
#[derive(Debug)]
pub(super) struct Tally {
    port: &'static str,
    sums: Mutex<BTreeMap<String, Sum>>,
}

/// What has happened since the last line about one reason.
#[derive(Debug)]
struct Sum {
    since: Instant,
    count: u64,
    from: BTreeSet<IpAddr>,
    /// Whether there were more addresses than those in `from`.
    others: bool,
}

impl Sum {
    fn begun(since: Instant) -> Self {
        Self { since, count: 0, from: BTreeSet::new(), others: false }
    }

    fn from(&self) -> String {
        let mut from: Vec<String> = self.from.iter().map(IpAddr::to_string).collect();
        if self.others {
            from.push("others".to_owned());
        }
        from.join(", ")
    }
}

impl Tally {
    pub(super) fn new(port: &'static str) -> Self {
        Self { port, sums: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Sum>> {
        self.sums.lock().expect("no code panics while it holds the sums")
    }

    /// Counts one. The first for its reason after a quiet minute is logged at once.
    pub(super) fn note(&self, reason: &str, from: Option<IpAddr>, now: Instant) {
        let port = self.port;
        let mut sums = self.lock();
        // One line of the log, whatever words the reason has from outside.
        let mut reason = one_line(reason);
        if !sums.contains_key(&reason) && sums.len() >= REASONS {
            reason = OTHER.to_owned();
        }
        let Some(sum) = sums.get_mut(&reason) else {
            match from {
                Some(from) => tracing::warn!(port, %from, "connection dropped: {reason}"),
                None => tracing::warn!(port, "connection dropped: {reason}"),
            }
            sums.insert(reason, Sum::begun(now));
            return;
        };
        sum.count += 1;
        if let Some(from) = from.filter(|from| !sum.from.contains(from)) {
            if sum.from.len() < ADDRESSES {
                sum.from.insert(from);
            } else {
                sum.others = true;
            }
        }
    }

    /// Logs the sums whose minute is over, and forgets reasons that did not occur in it.
    pub(super) fn tell(&self, now: Instant) {
        let port = self.port;
        self.lock().retain(|reason, sum| {
            if now < sum.since + PERIOD {
                return true;
            }
            if sum.count == 0 {
                return false;
            }
            let (count, from) = (sum.count, sum.from());
            tracing::warn!(port, count, from, "connections dropped within a minute: {reason}");
            *sum = Sum::begun(now);
            true
        });
    }

    /// When [`tell`](Self::tell) is next of use.
    pub(super) fn next(&self, now: Instant) -> Instant {
        self.lock().values().map(|sum| sum.since).min().unwrap_or(now) + PERIOD
    }
}

fn one_line(reason: &str) -> String {
    let mut line = String::new();
    for character in reason.chars().take(LONGEST) {
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Arc;

    use super::*;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// The lines that `work` has logged.
    fn lines(work: impl FnOnce(&Tally)) -> Vec<String> {
        let log = Log::default();
        let writer = log.clone();
        let subscriber =
            tracing_subscriber::fmt().without_time().with_ansi(false).with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, || work(&Tally::new("peers")));
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    fn from(n: u8) -> Option<IpAddr> {
        Some([10, 0, 0, n].into())
    }

    #[test]
    fn one_line_at_first_and_then_one_a_minute() {
        let start = Instant::now();
        let lines = lines(|tally| {
            for n in 0..=200 {
                tally.note("it was silent", from(n), start);
            }
            tally.note("no certificate", from(7), start);
            tally.tell(start + PERIOD / 2);
            tally.tell(start + PERIOD);
            tally.note("it was silent", from(3), start + PERIOD);
            tally.tell(start + PERIOD * 2);
            // A quiet minute: what comes after it is told at once.
            tally.tell(start + PERIOD * 3);
            tally.note("it was silent", from(3), start + PERIOD * 3);
        });
        let found: Vec<&str> =
            lines.iter().filter_map(|line| line.split_once("tally: ")).map(|(_, said)| said).collect();
        let all = "10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4, others";
        assert_eq!(
            found,
            [
                "connection dropped: it was silent port=\"peers\" from=10.0.0.0".to_owned(),
                "connection dropped: no certificate port=\"peers\" from=10.0.0.7".to_owned(),
                format!("connections dropped within a minute: it was silent port=\"peers\" count=200 from=\"{all}\""),
                "connections dropped within a minute: it was silent port=\"peers\" count=1 from=\"10.0.0.3\""
                    .to_owned(),
                "connection dropped: it was silent port=\"peers\" from=10.0.0.3".to_owned(),
            ]
        );
    }

    #[test]
    fn varied_words_are_bounded_and_stay_on_one_line() {
        let start = Instant::now();
        let lines = lines(|tally| {
            for n in 0..1000 {
                tally.note(&format!("it says\n\u{1b}[2J {n} {}", "x".repeat(4096)), from(1), start);
            }
            tally.tell(start + PERIOD);
        });
        assert_eq!(lines.len(), REASONS + 2, "{lines:#?}");
        assert!(lines.iter().all(|line| line.len() < 400 && !line.contains('\u{1b}')), "{lines:#?}");
        assert!(lines[0].contains("it says\\n"), "{}", lines[0]);
        assert!(lines[REASONS + 1].contains("count=983"), "{}", lines[REASONS + 1]);
    }
}
