//! Acknowledged appends per second, beside what the disk itself can do.
//!
//! `cargo bench -p tenure-storage [-- <directory>]`. The rounds of all cases are interleaved, so that a change of the
//! machine's mood hits all of them; read the ratios, and the spread before them.

use std::env;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use futures::executor::block_on;
use futures::stream::{FuturesUnordered, StreamExt};
use openraft::storage::{IOFlushed, RaftLogStorage};
use openraft::type_config::TypeConfigExt;
use tempfile::TempDir;
use tenure_storage::{Command, Entry, Identity, LeaderId, LogId, LogStore, Payload, TokioTypes, fdatasync_rate, open};

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(2);
const APPENDERS: [usize; 3] = [1, 16, 256];
const COMMAND_BYTES: usize = 200;
const PROBE_SYNCS: u32 = 2_000;

struct Round {
    per_second: f64,
    p50: Duration,
    p99: Duration,
}

fn main() {
    // The test harness's own arguments, like `--bench`, are not ours.
    let chosen = env::args().skip(1).find(|argument| !argument.starts_with("--")).map(PathBuf::from);
    let root = chosen.map_or_else(TempDir::new, TempDir::new_in).expect("a directory to measure in");
    let mut disk = Vec::new();
    let mut cases: Vec<Vec<Round>> = APPENDERS.iter().map(|_| Vec::new()).collect();
    for _ in 0..ROUNDS {
        let rate = fdatasync_rate(root.path(), PROBE_SYNCS).expect("the disk can be measured");
        disk.push(Round { per_second: rate.per_second, p50: rate.p50, p99: rate.p99 });
        for (case, appenders) in cases.iter_mut().zip(APPENDERS) {
            case.push(block_on(round(root.path(), appenders)));
        }
    }
    println!("{ROUNDS} rounds of {ROUND:?}, {COMMAND_BYTES} B per entry; median (lowest to highest)");
    report("fdatasync of 4 KiB", &disk);
    for (case, appenders) in cases.iter().zip(APPENDERS) {
        report(&format!("appends, {appenders} at a time"), case);
    }
}

/// Keeps `appenders` appends of one entry under way.
async fn round(root: &Path, appenders: usize) -> Round {
    let dir = TempDir::new_in(root).expect("a directory for one round");
    let identity = Identity { cluster: "bench".to_owned(), node: 1 };
    let (mut log, _snapshots) = open::<TokioTypes>(dir.path(), &identity, None).expect("a new directory opens");
    let mut under_way = FuturesUnordered::new();
    let mut times = Vec::new();
    let start = Instant::now();
    for index in 0.. {
        under_way.push(append(&mut log, index).await);
        if under_way.len() == appenders {
            times.push(under_way.next().await.expect("some append is under way"));
        }
        if start.elapsed() >= ROUND {
            break;
        }
    }
    while let Some(time) = under_way.next().await {
        times.push(time);
    }
    let per_second = times.len() as f64 / start.elapsed().as_secs_f64();
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    Round { per_second, p50: at(50), p99: at(99) }
}

/// Begins an append; the future it returns ends when the entry is durable, with the time that took.
async fn append(log: &mut LogStore<TokioTypes>, index: u64) -> impl Future<Output = Duration> + use<> {
    let (done, flushed) = TokioTypes::oneshot();
    let begun = Instant::now();
    let log_id = LogId::new(LeaderId { term: 1, node_id: 1 }, index);
    let entry = Entry { log_id, payload: Payload::Normal(Command(vec![index as u8; COMMAND_BYTES])) };
    log.append([entry], IOFlushed::signal(done)).await.expect("the store takes the entry");
    async move {
        let outcome: std::io::Result<()> = flushed.await.expect("every append is answered");
        outcome.expect("the entry is durable");
        begun.elapsed()
    }
}

fn report(what: &str, rounds: &[Round]) {
    let mut rates: Vec<f64> = rounds.iter().map(|round| round.per_second).collect();
    rates.sort_unstable_by(f64::total_cmp);
    let median = |of: fn(&Round) -> Duration| {
        let mut times: Vec<Duration> = rounds.iter().map(of).collect();
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64() * 1e3
    };
    println!(
        "{what:<24} {:>8.0}/s ({:.0} to {:.0})  p50 {:.2} ms  p99 {:.2} ms",
        rates[rates.len() / 2],
        rates[0],
        rates[rates.len() - 1],
        median(|round| round.p50),
        median(|round| round.p99),
    );
}
