//! `lab drill NAME`: the emergencies of `docs/operations.md`, practised against real processes.
//!
//! A drill says what it is about, lets the fault happen, enters the commands of the document one by one, shows their answers,
//! and checks what came of them. Exit code 0: everything was as the document says.

mod lost;
mod scene;
mod secrets;

use super::{Site, SiteOptions, signal::Interrupt};
use clap::ValueEnum;
use scene::{Missed, Scene};
use std::{path::PathBuf, process::ExitCode};

/// Number of servers in a drill, each with its node.
const SERVERS: usize = 3;

/// `lab drill`.
#[derive(Clone, Debug, clap::Args)]
pub struct DrillArgs {
    /// The emergency.
    #[arg(value_enum)]
    which: Which,
}

/// The emergencies.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Which {
    /// Two of three voters are lost for ever, with their disks: the third one goes on alone.
    MajorityLost,
    /// The disk of a node is lost: it is removed, and joins anew.
    DiskLost,
    /// The same with the node that has founded the cluster.
    FounderLost,
    /// All nodes are lost: a new cluster takes up a backup.
    AllLost,
    /// The HMC refuses the login of the nodes: its cause is mended, and the login is tried again.
    AccountLocked,
    /// The key of the authority is in other hands: another one takes its place.
    Certificates,
}

/// Runs a drill. Its files are kept in `directory`, or else in a temporary one that is removed after success. Call it on the main
/// thread: it starts processes.
pub async fn run(args: &DrillArgs, directory: Option<PathBuf>) -> ExitCode {
    let temporary = match directory {
        Some(_) => None,
        None => match tempfile::Builder::new().prefix("tenure-drill-").tempdir() {
            Ok(directory) => Some(directory),
            Err(why) => return fail(&why),
        },
    };
    let directory = directory.or_else(|| temporary.as_ref().map(|directory| directory.path().to_owned()));
    let directory = directory.unwrap_or_default();
    let options = SiteOptions {
        servers: SERVERS,
        arbiter: false,
        hmcs: 1,
        directory: directory.clone(),
        cluster_file: None,
        world: None,
        program: None,
    };
    let site = match Site::prepare(options).await {
        Ok(site) => site,
        Err(why) => return fail(&why),
    };
    let scene = Scene::new(site);
    let ended = tokio::select! {
        ended = practise(&scene, args.which) => ended,
        why = scene.site.keep_following() => Err(Missed(why.to_string())),
        () = Interrupt::new() => Err(Missed("interrupted".to_owned())),
    };
    let code = scene.conclude(ended);
    scene.site.stop().await;
    match temporary {
        Some(kept) if code != ExitCode::SUCCESS => println!("Logs and data are kept in {}", kept.keep().display()),
        Some(_) => {}
        None => println!("Logs and data are in {}", directory.display()),
    }
    code
}

async fn practise(scene: &Scene, which: Which) -> Result<(), Missed> {
    scene.begin().await?;
    match which {
        Which::MajorityLost => lost::majority(scene).await,
        Which::DiskLost => lost::disk(scene, 1).await,
        Which::FounderLost => lost::disk(scene, 0).await,
        Which::AllLost => lost::all(scene).await,
        Which::AccountLocked => secrets::account(scene).await,
        Which::Certificates => secrets::certificates(scene).await,
    }
}

fn fail(why: &dyn std::error::Error) -> ExitCode {
    eprintln!("lab: {}", super::demo::chain(why));
    ExitCode::FAILURE
}
