//! Side by side: how long a service is away when the machine that it runs on loses its power, and what the cluster takes of
//! memory, on Tenure and on Pacemaker with Corosync, on the same machines with the same agents.
//!
//! Promises: both are measured by the same code, which asks neither of them: a client and a look-out on the machines say
//! when the service was away and when it was started elsewhere. Says what it has measured, and judges nothing.

mod figures;
mod measure;
mod pacemaker;
mod tenure;

use crate::machines::{SiteError, Web, missing};
use figures::Figures;
use pacemaker::Pacemaker;
use std::{path::PathBuf, process::ExitCode, time::Duration};
use tenure::Tenure;

/// Exit code where something that is needed is not here.
const LACKS: u8 = 3;

/// What is compared.
#[derive(Clone, Debug, clap::Args)]
pub struct CompareArgs {
    /// How often each is measured.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    runs: u16,
    /// Only this one.
    #[arg(long, value_enum)]
    only: Option<Which>,
    /// Corosync's tokens, in milliseconds; 3000 is its default.
    #[arg(long, value_delimiter = ',', default_value = "3000,1000,500")]
    tokens: Vec<u32>,
    /// For so many seconds first, all processors are kept busy and nothing is cut: whether anything moves all the same.
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=86_400))]
    steady: u64,
    /// The program that is a node of Tenure; this very one if absent.
    #[arg(long, value_name = "FILE")]
    tenured: Option<PathBuf>,
}

/// One of the clusters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Which {
    Tenure,
    Pacemaker,
}

/// Measures and prints a table. 0: measured. 1: something went wrong. 3: something that is needed is not here.
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

/// One that fails is said so, and does not keep the others from being measured.
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
