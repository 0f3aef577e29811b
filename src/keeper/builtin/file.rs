//! A file as a resource: it runs while the file is there.

use super::{
    super::{
        look::{Deed, Look},
        machine::Call,
    },
    lacks,
};
use std::{io, path::PathBuf};
use tenure_core::Power;
use tokio::fs;

const PATH: &str = "PathName";

fn path(call: &Call<'_>) -> Option<PathBuf> {
    call.spec.attribute(PATH).map(PathBuf::from)
}

pub(crate) async fn look(call: &Call<'_>) -> Look {
    let Some(path) = path(call) else { return Look::new(Power::Absent, lacks(PATH)) };
    match fs::try_exists(&path).await {
        Ok(true) => Look::new(Power::Running, ""),
        Ok(false) => Look::new(Power::Off, ""),
        Err(error) => Look::unknown(format!("{}: {error}", path.display())),
    }
}

pub(crate) async fn start(call: &Call<'_>) -> Deed {
    let Some(path) = path(call) else { return Deed::refused(lacks(PATH)) };
    let made = fs::OpenOptions::new().create(true).append(true).open(&path).await;
    answer(made.map(drop), &path)
}

pub(crate) async fn stop(call: &Call<'_>) -> Deed {
    let Some(path) = path(call) else { return Deed::refused(lacks(PATH)) };
    match fs::remove_file(&path).await {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Deed::already(),
        done => answer(done, &path),
    }
}

fn answer(done: io::Result<()>, path: &std::path::Path) -> Deed {
    match done {
        Ok(()) => Deed::done(),
        Err(error) => Deed::refused(format!("{}: {error}", path.display())),
    }
}
