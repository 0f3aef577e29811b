//! The output of a program: read from a pipe until the program ends, or left in a file.
//!
//! A daemon started by a program inherits its output. If that were a pipe, the daemon would be killed by its first
//! output after the reader is gone: so programs that may leave a process behind write into a file. Decides nothing.

use std::{
    collections::VecDeque,
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};
use tenure_core::ForeignText;
use tokio::net::unix::pipe::Receiver;

/// Bytes of a program's output that are kept, from its end, unless more is asked for.
pub const KEPT: usize = 4096;
/// Size in bytes at which an output file is cut, while a daemon may still write into it.
pub const LONGEST_FILE: u64 = 64 * 1024;

/// The destination of a program's output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// A pipe that is read until the program ends: for programs that leave no process behind.
    Pipe,
    /// Only standard output, through a pipe; at most so many bytes from its end are kept.
    Words(usize),
    /// This file, which is emptied first: for programs that may start a daemon.
    File(PathBuf),
}

/// The last part of a program's output, as it was written: it is read by code alone, and becomes
/// [`ForeignText`] or [`ForeignLines`](tenure_core::ForeignLines) before it is shown or kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said(pub(crate) String);

impl Said {
    /// All that was kept.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The last line that is not empty.
    pub fn last_line(&self) -> Option<&str> {
        self.0.lines().map(str::trim).rfind(|line| !line.is_empty())
    }

    /// `what`, followed by the last line of output if there is one.
    pub fn after(&self, what: &str) -> ForeignText {
        self.last_line().map_or_else(|| what.into(), |line| format!("{what}: {line}").into())
    }
}

/// The reading end of a program's output.
pub(crate) enum Source {
    Pipe(Receiver, Tail),
    File(PathBuf),
}

impl Source {
    /// Reads the output that is there now.
    pub(crate) fn take_in(&mut self) {
        match self {
            Source::Pipe(pipe, tail) => tail.take_in(pipe),
            Source::File(_) => {}
        }
    }

    /// Waits until there is output to read; for ever if there will be none.
    pub(crate) async fn readable(&mut self) {
        match self {
            Source::Pipe(pipe, tail) if !tail.ended => tail.ended = pipe.readable().await.is_err(),
            Source::Pipe(..) | Source::File(_) => std::future::pending().await,
        }
    }

    pub(crate) fn finish(mut self) -> Said {
        self.take_in();
        match self {
            Source::Pipe(_, tail) => tail.said(),
            Source::File(path) => Said(last_of(&path).unwrap_or_default()),
        }
    }
}

/// The last part of a program's output into a pipe.
pub(crate) struct Tail {
    kept: VecDeque<u8>,
    most: usize,
    ended: bool,
}

impl Tail {
    pub(crate) fn new(most: usize) -> Self {
        Tail { kept: VecDeque::new(), most, ended: false }
    }

    /// Reads the output that is there now, as much as a pipe can hold.
    fn take_in(&mut self, output: &Receiver) {
        let mut piece = [0; KEPT];
        for _ in 0..32 {
            match output.try_read(&mut piece) {
                Ok(0) => {
                    self.ended = true;
                    return;
                }
                Ok(count) => {
                    self.kept.extend(&piece[..count]);
                    let over = self.kept.len().saturating_sub(self.most);
                    self.kept.drain(..over);
                }
                Err(error) => {
                    self.ended |= error.kind() != io::ErrorKind::WouldBlock;
                    return;
                }
            }
        }
    }

    fn said(self) -> Said {
        let bytes: Vec<u8> = self.kept.into();
        Said(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// Opens and empties a file for the output of a program. A process that already writes into it goes on at its end.
pub(crate) fn emptied(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    file.set_len(0)?;
    Ok(file)
}

/// The last [`KEPT`] bytes of a file.
fn last_of(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(KEPT as u64)))?;
    let mut bytes = Vec::new();
    file.take(KEPT as u64).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Cuts a file that grew too long down to its last part. Its writers append, and so go on after that.
pub(crate) fn cut(path: &Path) {
    if fs::metadata(path).map_or(0, |entry| entry.len()) <= LONGEST_FILE {
        return;
    }
    let last = last_of(path).unwrap_or_default();
    if let Ok(mut file) = OpenOptions::new().append(true).open(path) {
        let cut = file.set_len(0).and_then(|()| file.write_all(last.as_bytes()));
        if let Err(error) = cut {
            tracing::warn!(path = %path.display(), %error, "what a daemon says cannot be cut");
        }
    }
}
