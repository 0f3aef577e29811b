//! The output of a program: a pipe that is read until the program ends. How much it writes costs time and no room.
//!
//! A daemon started by a program inherits its output, and would be killed by its first output after the reader is gone.
//! So what may leave a process behind has a file: if somebody still holds the pipe when the program ends, a small
//! process goes on reading as long as anybody writes, also when this process is gone, and keeps the last of it in that
//! file. Decides nothing.

use super::{
    launch,
    run_dir::{self, private},
};
use std::{
    collections::VecDeque,
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::Stdio,
};
use tenure_core::ForeignText;
use tokio::{net::unix::pipe::Receiver, task::spawn_blocking};

/// Bytes of a program's output that are kept, from its end, unless more is asked for.
pub const KEPT: usize = 4096;
/// Size in bytes of an output file at which a new one is begun; the one before is kept beside it. A file grows by at
/// most 256 KiB beyond that.
pub const LONGEST_FILE: u64 = 64 * 1024;
/// Reads standard input to its end into the file `$1`, a part at a time. Where nothing can be written, it reads all
/// the same.
const KEEP: &str = r#"umask 077; cd /
while before=$(wc -c <"$1"); dd bs=4096 count=64 >>"$1" 2>/dev/null; after=$(wc -c <"$1")
[ "${after:-0}" -gt "${before:-0}" ]; do
[ "$after" -le "$2" ] || { mv -f "$1" "$1.before"; : >"$1"; }
done
exec cat >/dev/null 2>&1"#;

/// The destination of a program's output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// A pipe that is read until the program ends: for programs that leave no process behind.
    Pipe,
    /// Only standard output, through a pipe; at most so many bytes from its end are kept.
    Words(usize),
    /// As a pipe; the last part is put into this file as well: for programs that may start a daemon.
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

/// The reading ends of a program's output.
pub(crate) struct Source {
    out: Pipe,
    /// Standard error, where it is not read with standard output.
    err: Option<Pipe>,
    file: Option<PathBuf>,
}

struct Pipe(Receiver, Tail);

impl Pipe {
    fn new(most: usize) -> io::Result<(OwnedFd, Pipe)> {
        let (reader, writer) = io::pipe()?;
        Ok((writer.into(), Pipe(Receiver::from_owned_fd(reader.into())?, Tail::new(most))))
    }

    fn take_in(&mut self) {
        self.1.take_in(&self.0);
    }

    async fn readable(&mut self) {
        if self.1.ended {
            std::future::pending::<()>().await;
        }
        self.1.ended = self.0.readable().await.is_err();
    }
}

/// The program's standard output and standard error, and the ends to read them from.
pub(crate) fn ends(output: &Output) -> io::Result<(Stdio, Stdio, Source)> {
    let (most, file) = match output {
        Output::Pipe => (KEPT, None),
        Output::Words(most) => (*most, None),
        Output::File(path) => (KEPT, Some(path.clone())),
    };
    let (writer, out) = Pipe::new(most)?;
    let (error_writer, err) = match output {
        Output::Words(_) => Pipe::new(KEPT).map(|(writer, pipe)| (writer, Some(pipe)))?,
        Output::Pipe | Output::File(_) => (writer.try_clone()?, None),
    };
    Ok((writer.into(), error_writer.into(), Source { out, err, file }))
}

impl Source {
    /// Reads the output that is there now.
    pub(crate) fn take_in(&mut self) {
        self.out.take_in();
        if let Some(err) = &mut self.err {
            err.take_in();
        }
    }

    /// Waits until there is output to read; for ever if there will be none.
    pub(crate) async fn readable(&mut self) {
        match &mut self.err {
            Some(err) => tokio::select! {
                () = self.out.readable() => {}
                () = err.readable() => {}
            },
            None => self.out.readable().await,
        }
    }

    /// What was said, and what was said on standard error. Whoever still writes will find a reader.
    pub(crate) async fn finish(mut self) -> (Said, Said) {
        self.take_in();
        let Source { out: Pipe(pipe, tail), err, file } = self;
        let ended = tail.ended;
        let said = tail.said();
        let complaint = err.map_or_else(|| said.clone(), |Pipe(_, tail)| tail.said());
        if let Some(path) = file {
            let text = said.0.clone();
            let written = spawn_blocking(move || {
                let written = write(&path, &text);
                if !ended {
                    keep(pipe, &path);
                }
                written.map_err(|error| (path, error))
            });
            if let Ok(Err((path, error))) = written.await {
                // A full disk must not keep anything from being started or stopped.
                tracing::warn!(path = %path.display(), %error, "what a program says is lost");
            }
        }
        (said, complaint)
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

/// Writes the file of a program's output anew.
fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        private(folder)?;
    }
    run_dir::write(path, text)
}

/// Leaves a pipe to a process that reads it to its end. Its own end is noticed by the runtime.
fn keep(pipe: Receiver, path: &Path) {
    let begun = pipe.into_blocking_fd().and_then(|pipe| {
        let mut command = launch::shell(KEEP);
        command.arg("tenure-output").arg(path).arg(LONGEST_FILE.to_string());
        command.env_clear().env("PATH", launch::PATH).stdin(pipe).stdout(Stdio::null()).stderr(Stdio::null());
        command.process_group(0).spawn()
    });
    if let Err(error) = begun {
        tracing::error!(path = %path.display(), %error, "nobody reads what a daemon says: it may be ended by that");
    }
}
