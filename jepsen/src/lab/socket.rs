//! The control socket of a running lab: a Unix socket in its directory. One request per connection, one line of JSON
//! each way.

use super::control::Control;
use serde::{Deserialize, Serialize};
use std::{
    io,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    time::timeout,
};

/// Time limit for a request to arrive on a new connection.
const REQUEST: Duration = Duration::from_secs(2);
/// Time limit for an answer: the lab may still be starting.
const ANSWER: Duration = Duration::from_secs(120);
/// Maximum length of a request.
const LINE_LIMIT: u64 = 64 << 10;

/// The lab's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// Exit code for the client.
    pub code: u8,
    /// Text for people.
    pub text: String,
}

/// Default directory of a lab.
pub fn default_directory() -> PathBuf {
    std::env::temp_dir().join("tenure-lab")
}

/// Path of the socket in a lab's directory.
pub fn path(directory: &Path) -> PathBuf {
    directory.join("lab.sock")
}

/// Opens the socket.
pub fn listen(directory: &Path) -> io::Result<UnixListener> {
    UnixListener::bind(path(directory))
}

/// A request that waits for its answer.
pub struct Request {
    /// The command.
    pub control: Control,
    stream: BufReader<UnixStream>,
}

impl Request {
    /// The next valid request. Others are dropped.
    pub async fn next(listener: &UnixListener) -> io::Result<Request> {
        loop {
            let (stream, _) = listener.accept().await?;
            if let Ok(Ok(request)) = timeout(REQUEST, Request::read(stream)).await {
                return Ok(request);
            }
        }
    }

    async fn read(stream: UnixStream) -> io::Result<Request> {
        use tokio::io::AsyncReadExt;
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        (&mut stream).take(LINE_LIMIT).read_line(&mut line).await?;
        let control = serde_json::from_str(&line)?;
        Ok(Request { control, stream })
    }

    /// Sends the answer. The client may be gone.
    pub async fn answer(self, reply: &Reply) {
        let Ok(mut line) = serde_json::to_vec(reply) else { return };
        line.push(b'\n');
        let mut stream = self.stream.into_inner();
        let _ = stream.write_all(&line).await;
        let _ = stream.shutdown().await;
    }
}

/// What a command to the lab of a directory has to say about where that is.
pub fn elsewhere(directory: &Path) -> String {
    match directory == default_directory() {
        true => String::new(),
        false => format!("--directory {} ", directory.display()),
    }
}

/// Whether a lab runs in a directory.
pub fn is_open(directory: &Path) -> bool {
    std::os::unix::net::UnixStream::connect(path(directory)).is_ok()
}

/// Sends a command to the lab of a directory, prints the answer, and returns the exit code.
pub async fn ask(directory: &Path, control: &Control) -> ExitCode {
    match timeout(ANSWER, exchange(directory, control)).await {
        Ok(Ok(reply)) => {
            // The lab does not know how it was called: commands that it names are for this directory.
            let text = reply.text.replace("`lab ", &format!("`lab {}", elsewhere(directory)));
            match reply.code {
                0 => println!("{text}"),
                _ => eprintln!("lab: {text}"),
            }
            ExitCode::from(reply.code)
        }
        Ok(Err(why)) if matches!(why.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            eprintln!("lab: no lab runs in {}; start one with `lab up`", directory.display());
            ExitCode::FAILURE
        }
        Ok(Err(why)) => {
            eprintln!("lab: ask the lab in {}: {why}", directory.display());
            ExitCode::FAILURE
        }
        Err(_) => {
            eprintln!("lab: the lab in {} does not answer", directory.display());
            ExitCode::FAILURE
        }
    }
}

async fn exchange(directory: &Path, control: &Control) -> io::Result<Reply> {
    let mut stream = BufReader::new(UnixStream::connect(path(directory)).await?);
    let mut line = serde_json::to_vec(control)?;
    line.push(b'\n');
    stream.get_mut().write_all(&line).await?;
    let mut answer = String::new();
    stream.read_line(&mut answer).await?;
    if answer.is_empty() {
        return Err(io::Error::other("it has ended"));
    }
    Ok(serde_json::from_str(&answer)?)
}
