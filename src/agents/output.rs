//! What a program says: read from a pipe until it ends, or left in a file.
//!
//! A daemon that a program starts inherits its output. If that were a pipe, the daemon would be killed by the first thing
//! that it says after we stopped reading: so programs that may leave something behind write into a file. Decides nothing.

use std::{
    collections::VecDeque,
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};
use tokio::net::unix::pipe::Receiver;

/// How much of what a program says is kept, unless more is asked for: the last of it.
pub const KEPT: usize = 4096;
/// How long a file may grow into which something that was started still writes.
pub const LONGEST_FILE: u64 = 64 * 1024;

/// Where the output of a program goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Into a pipe that is read until the program ends: for what leaves nothing behind.
    Pipe,
    /// Only what it says on standard output, at most so many bytes from its end.
    Words(usize),
    /// Into this file, which is emptied first: for what may start a daemon.
    File(PathBuf),
}

/// What a program said last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said(pub(crate) String);

impl Said {
    /// All that was kept.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The last line that says anything.
    pub fn last_line(&self) -> Option<&str> {
        self.0.lines().map(str::trim).rfind(|line| !line.is_empty())
    }

    /// What became of the program, with the last line that it said.
    pub fn after(&self, what: &str) -> String {
        self.last_line().map_or_else(|| what.to_owned(), |line| format!("{what}: {line}"))
    }
}

/// The end of a program's output that we read.
pub(crate) enum Source {
    Pipe(Receiver, Tail),
    File(PathBuf),
}

impl Source {
    /// Takes in what is there now.
    pub(crate) fn take_in(&mut self) {
        match self {
            Source::Pipe(pipe, tail) => tail.take_in(pipe),
            Source::File(_) => {}
        }
    }

    /// Waits until there is something to take in; for ever if there will be nothing.
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

/// The last of what a program wrote into a pipe.
pub(crate) struct Tail {
    kept: VecDeque<u8>,
    most: usize,
    ended: bool,
}

impl Tail {
    pub(crate) fn new(most: usize) -> Self {
        Tail { kept: VecDeque::new(), most, ended: false }
    }

    /// Takes in what is there now, as much as a pipe can hold.
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

/// Opens a file for the output of a program. What wrote into it before and still does goes on at its end.
pub(crate) fn emptied(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    file.set_len(0)?;
    Ok(file)
}

/// The last of a file.
fn last_of(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(KEPT as u64)))?;
    let mut bytes = Vec::new();
    file.take(KEPT as u64).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Cuts a file that grew too long down to the last of it. Whoever writes into it appends, and so goes on after that.
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
