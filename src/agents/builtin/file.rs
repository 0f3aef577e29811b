//! A file as a resource: online while the file exists. Only an empty file is made, and removed: the path is chosen by
//! the cluster file, and this process may be root.

use super::{
    super::{
        machine::Call,
        result::{ActionResult, MonitorResult},
    },
    lacks,
};
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use tenure_core::Power;

const PATH: &str = "PathName";

fn path(call: &Call<'_>) -> Option<PathBuf> {
    call.spec.attribute(PATH).map(PathBuf::from)
}

pub(crate) async fn monitor(call: &Call<'_>) -> MonitorResult {
    let Some(path) = path(call) else { return MonitorResult::new(Power::Absent, lacks(PATH)) };
    let file = path.clone();
    match call.aside(move || file.try_exists()).await {
        Ok(Ok(true)) => MonitorResult::new(Power::Running, ""),
        Ok(Ok(false)) => MonitorResult::new(Power::Off, ""),
        Ok(Err(error)) => MonitorResult::unknown(format!("{}: {error}", path.display())),
        Err(why) => MonitorResult::unknown(why),
    }
}

pub(crate) async fn start(call: &Call<'_>) -> ActionResult {
    let Some(path) = path(call) else { return ActionResult::refused(lacks(PATH)) };
    let file = path.clone();
    let made = call.aside(move || match fs::OpenOptions::new().create_new(true).write(true).open(&file) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && file.exists() => Ok(()),
        made => made.map(drop),
    });
    answer(made.await, &path)
}

pub(crate) async fn stop(call: &Call<'_>) -> ActionResult {
    let Some(path) = path(call) else { return ActionResult::refused(lacks(PATH)) };
    let file = path.clone();
    match call.aside(move || removed(&file)).await {
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => ActionResult::already(),
        done => answer(done, &path),
    }
}

/// Removes an empty file: anything else was not made by a start.
fn removed(path: &Path) -> io::Result<()> {
    let about = fs::symlink_metadata(path)?;
    if !about.is_file() || about.len() > 0 {
        return Err(io::Error::other("it is not an empty file, and is not removed"));
    }
    fs::remove_file(path)
}

fn answer(done: Result<io::Result<()>, String>, path: &Path) -> ActionResult {
    match done {
        Err(why) => ActionResult::unknown(why),
        Ok(Ok(())) => ActionResult::done(),
        Ok(Err(error)) => ActionResult::refused(format!("{}: {error}", path.display())),
    }
}
