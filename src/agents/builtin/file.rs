//! A file as a resource: online while the file exists.

use super::{
    super::{
        look::{Deed, Look},
        machine::Call,
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

pub(crate) async fn look(call: &Call<'_>) -> Look {
    let Some(path) = path(call) else { return Look::new(Power::Absent, lacks(PATH)) };
    let file = path.clone();
    match call.aside(move || file.try_exists()).await {
        Ok(Ok(true)) => Look::new(Power::Running, ""),
        Ok(Ok(false)) => Look::new(Power::Off, ""),
        Ok(Err(error)) => Look::unknown(format!("{}: {error}", path.display())),
        Err(why) => Look::unknown(why),
    }
}

pub(crate) async fn start(call: &Call<'_>) -> Deed {
    let Some(path) = path(call) else { return Deed::refused(lacks(PATH)) };
    let file = path.clone();
    let made = call.aside(move || fs::OpenOptions::new().create(true).append(true).open(file).map(drop));
    answer(made.await, &path)
}

pub(crate) async fn stop(call: &Call<'_>) -> Deed {
    let Some(path) = path(call) else { return Deed::refused(lacks(PATH)) };
    let file = path.clone();
    match call.aside(move || fs::remove_file(file)).await {
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => Deed::already(),
        done => answer(done, &path),
    }
}

fn answer(done: Result<io::Result<()>, String>, path: &Path) -> Deed {
    match done {
        Err(why) => Deed::unknown(why),
        Ok(Ok(())) => Deed::done(),
        Ok(Err(error)) => Deed::refused(format!("{}: {error}", path.display())),
    }
}
