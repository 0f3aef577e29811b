//! The program `tenured`: arguments, logging, signals.

use super::{Daemon, Ending, founding, log, recovery, service};
use crate::local::{LocalConfig, private};
use clap::Parser;
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};
use tenure_core::foreign::{escape, escape_lines};
use tokio::signal::unix::{SignalKind, signal};

/// Time that a failed node may take to stop.
const STOPPING: Duration = Duration::from_secs(10);

/// The cluster node of Tenure: runs in the management LPAR of a physical server, or on an arbiter.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "tenured",
    version = crate::VERSION,
    after_help = "Examples:\n  tenured --config /etc/tenure/tenured.toml\n  tenured --config tenured.toml --join-file token    join a cluster first (once)\n  tenured --config tenured.toml --recover-majority    go on alone when most voters are lost for ever\n\nThe log level is set by TENURE_LOG, such as TENURE_LOG=debug."
)]
pub struct Args {
    /// The node's own small configuration.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Join a cluster first, with the token of `tenure node token` in this file; `-` reads it from standard input. It is not
    /// an argument itself, for every user of the machine sees those.
    #[arg(long, value_name = "FILE")]
    pub join_file: Option<PathBuf>,
    /// Go on alone with what this node has stored, since a majority of the voters is lost for ever; says what that means, and asks.
    /// The node must be stopped, and is not started by it.
    #[arg(long, conflicts_with = "join_file")]
    pub recover_majority: bool,
    /// Who decides that, for the records; the login name by default.
    #[arg(long, value_name = "NAME", requires = "recover_majority")]
    pub by: Option<String>,
    /// You have checked that the other voters are lost for ever; names the cluster, and skips the question.
    #[arg(long, value_name = "CLUSTER", requires = "recover_majority")]
    pub yes_i_checked: Option<String>,
}

/// Runs `tenured` until it is stopped. Exit codes: 0 stopped, 1 failed, 2 usage, 3 must not be started again before
/// an administrator has looked.
pub fn run(args: &Args) -> ExitCode {
    private::set_umask();
    let config = match LocalConfig::load(&args.config) {
        Ok(config) => config,
        Err(problems) => {
            eprintln!("{}", escape_lines(&problems.to_string()));
            return ExitCode::from(2);
        }
    };
    log::start(config.log_format);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => return fail(&why),
    };
    let code = if args.recover_majority {
        runtime.block_on(recovery::recover(&config, args.by.as_deref(), args.yes_i_checked.as_deref()))
    } else {
        runtime.block_on(serve(config, args.join_file.as_deref()))
    };
    runtime.shutdown_timeout(STOPPING);
    code
}

async fn serve(config: LocalConfig, join: Option<&Path>) -> ExitCode {
    if let Err(why) = config.check_private() {
        let code = fail(&why);
        eprintln!("next: {}", why.advice());
        return code;
    }
    let held = config.cluster_dir().join("node.key").exists();
    if let Some(file) = join {
        // A service that is restarted with the same arguments has joined already.
        if held {
            tracing::info!("an identity is here already; the token is not used");
        } else {
            let token = match founding::read_token(file) {
                Ok(token) => token,
                Err(why) => {
                    eprintln!("tenured: read the token from {}: {why}", file.display());
                    eprintln!(
                        "next: this node is in no cluster yet: found one with `tenure cluster init`, or put into that file what \
                         `tenure node token {}` prints on a node of the cluster",
                        config.node
                    );
                    return ExitCode::from(2);
                }
            };
            match founding::join(&config, &token).await {
                Ok(cluster) => tracing::info!(%cluster, "joined"),
                Err(why) => {
                    let code = fail(&why);
                    if let Some(next) = why.advice() {
                        eprintln!("next: {}", escape(&next));
                    }
                    return code;
                }
            }
        }
    }
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()), signal(SignalKind::hangup()));
    let (Ok(mut terminate), Ok(mut interrupt), Ok(mut hangup)) = signals else {
        return fail(&std::io::Error::last_os_error());
    };
    let (node, listen, api) = (config.node.clone(), config.listen, config.api_listen);
    let daemon = match Daemon::start(config).await {
        Ok(daemon) => daemon,
        Err(why) => {
            let code = fail(&why);
            if let Some(next) = why.advice() {
                eprintln!("next: {}", escape(&next));
            }
            return if why.is_final() { ExitCode::from(3) } else { code };
        }
    };
    tracing::info!(%node, %listen, %api, version = crate::VERSION, "tenured runs");
    service::tell(service::READY);
    let failed = loop {
        tokio::select! {
            _ = terminate.recv() => break None,
            _ = interrupt.recv() => break None,
            _ = hangup.recv() => daemon.reload(),
            why = daemon.failed() => break Some(why),
        }
    };
    service::tell(service::STOPPING);
    let Some(why) = failed else {
        daemon.stop().await;
        tracing::info!("stopped");
        return ExitCode::SUCCESS;
    };
    if why == Ending::Asked {
        tracing::info!("{why}");
    } else {
        tracing::error!("{why}");
    }
    // A failed node may be unable to stop in order, and must not keep the process.
    if tokio::time::timeout(STOPPING, daemon.stop()).await.is_err() {
        tracing::error!("not everything has stopped in time; the process ends all the same");
    }
    why.code()
}

pub(super) fn fail(why: &dyn std::error::Error) -> ExitCode {
    let mut text = why.to_string();
    let mut cause = why.source();
    while let Some(why) = cause {
        text.push_str(&format!(": {why}"));
        cause = why.source();
    }
    eprintln!("tenured: {}", escape(&text));
    ExitCode::FAILURE
}
