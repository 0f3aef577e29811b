//! Side by side: the outage of a service when its machine loses power, and the memory use of the cluster, on Tenure
//! and on Pacemaker with Corosync, on the same machines with the same agents.
//!
//! Both are measured by the same code, which does not rely on either: a client and a watch on the machines determine
//! when the service was away and when it was started elsewhere. The results are reported, not judged.

mod figures;
mod measure;
mod pacemaker;
mod tenure;

use crate::machines::{SiteError, Web, missing};
use figures::Figures;
use pacemaker::Pacemaker;
use std::{path::PathBuf, process::ExitCode, time::Duration};
use tenure::Tenure;

/// Exit code if a requirement is missing.
const LACKS: u8 = 3;

/// Arguments of the comparison.
#[derive(Clone, Debug, clap::Args)]
pub struct CompareArgs {
    /// Number of measurements of each.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    runs: u16,
    /// Measure only this one.
    #[arg(long, value_enum)]
    only: Option<Which>,
    /// Corosync's tokens, in milliseconds; 3000 is its default.
    #[arg(long, value_delimiter = ',', default_value = "3000,1000,500")]
    tokens: Vec<u32>,
    /// First keep all processors busy for this many seconds without a fault, to see whether anything moves.
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=86_400))]
    steady: u64,
    /// The program of a Tenure node; this program if absent.
    #[arg(long, value_name = "FILE")]
    tenured: Option<PathBuf>,
}

/// One of the clusters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Which {
    Tenure,
    Pacemaker,
}

/// Measures and prints a table. 0: measured. 1: an error occurred. 3: a requirement is missing.
pub fn run(args: &CompareArgs) -> ExitCode {
    let with_pacemaker = args.only != Some(Which::Tenure);
    let lacks = missing().or_else(Web::missing).or_else(|| with_pacemaker.then(Pacemaker::missing).flatten());
    if let Some(what) = lacks {
        eprintln!("compare: not run, it lacks {what}");
        return ExitCode::from(LACKS);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => {
            eprintln!("compare: start the runtime: {why}");
            return ExitCode::FAILURE;
        }
    };
    let (measured, failed) = runtime.block_on(measure_all(args));
    println!("{}", figures::table(&measured));
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// A failure is reported, and does not keep the others from being measured.
async fn measure_all(args: &CompareArgs) -> (Vec<Figures>, bool) {
    let (mut measured, mut failed) = (Vec::new(), false);
    let mut keep = |what: &str, result: Result<Figures, SiteError>| match result {
        Ok(figures) => measured.push(figures),
        Err(why) => {
            failed = true;
            eprintln!("compare: {what}: {}", chain(&why));
        }
    };
    if args.only != Some(Which::Pacemaker) {
        for (name, raft, timings) in tenure::TIMINGS {
            keep(name, measure_tenure(args, name, raft, timings).await);
        }
    }
    if args.only != Some(Which::Tenure) {
        for &token in &args.tokens {
            let name = format!("Pacemaker, token {token}");
            keep(&name, measure_pacemaker(args, &name, token).await);
        }
    }
    (measured, failed)
}

async fn measure_tenure(args: &CompareArgs, name: &str, raft: &str, timings: &str) -> Result<Figures, SiteError> {
    let tenure = Tenure::start(args.tenured.as_deref(), raft, timings).await?;
    measure::failovers(name, &tenure, args.runs, Duration::from_secs(args.steady)).await
}

async fn measure_pacemaker(args: &CompareArgs, name: &str, token: u32) -> Result<Figures, SiteError> {
    let pacemaker = Pacemaker::start(token).await?;
    measure::failovers(name, &pacemaker, args.runs, Duration::from_secs(args.steady)).await
}

fn chain(why: &dyn std::error::Error) -> String {
    std::iter::successors(why.source(), |why| why.source()).fold(why.to_string(), |text, why| format!("{text}: {why}"))
}
