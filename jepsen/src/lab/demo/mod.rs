//! `lab demo`: the main task of the product, as a story on a site of three servers.

mod cluster;
mod figures;
mod mend;
mod orders;
mod paint;
mod report;
mod screen;
mod steps;
mod story;
mod timeline;
mod watch;

pub use figures::resident;
pub use mend::command;
pub use paint::styled;
pub use report::table;
pub use story::chain;

use self::{
    report::Report,
    screen::Screen,
    steps::{Pace, STEPS},
    story::Story,
    timeline::Timeline,
};
use super::{Site, SiteError, SiteOptions, signal::Interrupt};
use std::{path::PathBuf, process::ExitCode};
use tempfile::TempDir;

/// Number of servers in the story.
const SERVERS: usize = 3;

/// `lab demo`.
#[derive(Clone, Debug, clap::Args)]
pub struct DemoArgs {
    /// Write timeline, durations and verdict to this file as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Number of losses of each kind in step 3, for figures with a spread.
    #[arg(long, value_name = "TIMES", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=20))]
    losses: u8,
}

/// The directory of a demonstration's files.
enum Place {
    Kept(PathBuf),
    Temporary(TempDir),
}

/// Runs the story. Its files are kept in `directory`, or else in a temporary one that is removed after success. Call
/// it on the main thread: it starts processes.
pub async fn run(args: &DemoArgs, directory: Option<PathBuf>) -> ExitCode {
    let place = match directory {
        Some(directory) => Place::Kept(directory),
        None => match tempfile::Builder::new().prefix("tenure-demo-").tempdir() {
            Ok(directory) => Place::Temporary(directory),
            Err(why) => return fail("make a temporary directory", &why),
        },
    };
    let directory = match &place {
        Place::Kept(directory) => directory.clone(),
        Place::Temporary(directory) => directory.path().to_owned(),
    };
    let options = SiteOptions {
        servers: SERVERS,
        arbiter: false,
        hmcs: 1,
        directory,
        cluster_file: None,
        world: None,
        program: None,
    };
    let timeline = Timeline::new(Screen::standard());
    let story = match Site::prepare(options).await.and_then(|site| Story::new(site, timeline.clone())) {
        Ok(story) => story,
        Err(why) => return fail("set up the site", &why),
    };
    let ended = tokio::select! {
        good = steps::tell(&story, Pace { losses: usize::from(args.losses) }) => Ok(good),
        why = story.site.keep_following() => Err(End::Broken(why)),
        () = Interrupt::new() => Err(End::Interrupted),
    };
    timeline.screen().close();
    let code = match ended {
        Ok(good) => conclude(&story, good, args),
        Err(End::Broken(why)) => fail("keep nodes in step with the world", &why),
        Err(End::Interrupted) => {
            eprintln!("lab: interrupted; everything is ended");
            ExitCode::from(130)
        }
    };
    let Story { site, .. } = story;
    site.stop().await;
    put_away(place, code);
    code
}

/// Reason why a story ended early.
enum End {
    Broken(SiteError),
    Interrupted,
}

fn conclude(story: &Story, good: usize, args: &DemoArgs) -> ExitCode {
    let report = Report::new(story, good, STEPS.len());
    anstream::println!("{}", report.text());
    if let Some(file) = &args.json {
        let written = serde_json::to_vec_pretty(&report).map_err(std::io::Error::from);
        if let Err(why) = written.and_then(|text| std::fs::write(file, text)) {
            return fail(&format!("write {}", file.display()), &why);
        }
    }
    if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Keeps the files of a failed story for analysis.
fn put_away(place: Place, code: ExitCode) {
    match place {
        Place::Temporary(directory) if code == ExitCode::FAILURE => {
            println!("Logs and data are kept in {}", directory.keep().display());
        }
        // Removed when it is dropped.
        Place::Temporary(_) => {}
        Place::Kept(directory) => println!("Logs and data are in {}", directory.display()),
    }
}

fn fail(what: &str, why: &dyn std::error::Error) -> ExitCode {
    eprintln!("lab: {what}: {}", chain(why));
    ExitCode::FAILURE
}
