//! A client of the machines' service: sends requests continuously, each over a new connection.

use super::{Machine, MachineError};
use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// Time from one request to the next.
const PACE: Duration = Duration::from_millis(15);
/// Maximum time for connecting, and for each piece of the answer.
const PATIENCE: Duration = Duration::from_millis(150);
/// Maximum size of an answer.
const LIMIT: u64 = 64 << 10;
/// The header with the name of the machine.
pub(super) const WHO: &str = "X-Machine";

/// Result of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // what a name says is not said again
pub enum Heard {
    /// The page, from this machine.
    Page {
        machine: String,
        /// Content of the page.
        body: String,
    },
    /// An answer that is not the page: its status line.
    Other(String),
    /// No answer.
    Nothing(io::ErrorKind),
}

/// A request and its result.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Time of the request.
    pub asked: Instant,
    /// Time at which it was answered or given up.
    pub heard: Instant,
    /// The result.
    pub what: Heard,
}

/// Requests `/` of an address every 15 ms, each time over a new connection that is given up after 150 ms, and keeps
/// all results. Ends when it is dropped.
#[derive(Debug)]
pub struct Asker {
    answers: Arc<Mutex<Vec<Answer>>>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Asker {
    /// Starts the requests, from within a machine.
    pub fn start(client: &Machine, address: Ipv4Addr) -> Result<Asker, MachineError> {
        let (answers, ended) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (kept, end) = (Arc::clone(&answers), Arc::clone(&ended));
        let thread = client.in_network(move || {
            while !end.load(Ordering::Relaxed) {
                let asked = Instant::now();
                let what = ask(address).unwrap_or_else(|why| Heard::Nothing(why.kind()));
                let heard = Instant::now();
                lock(&kept).push(Answer { asked, heard, what });
                std::thread::sleep(PACE.saturating_sub(heard - asked));
            }
        })?;
        Ok(Asker { answers, ended, thread: Some(thread) })
    }

    /// All results so far.
    pub fn answers(&self) -> Vec<Answer> {
        lock(&self.answers).clone()
    }

    /// The last result.
    pub fn last(&self) -> Option<Answer> {
        lock(&self.answers).last().cloned()
    }

    /// The machine that answered the last successful request made after an instant.
    pub fn served_since(&self, since: Instant) -> Option<String> {
        let answers = lock(&self.answers);
        answers.iter().rev().take_while(|answer| answer.asked > since).find_map(|answer| match &answer.what {
            Heard::Page { machine, .. } => Some(machine.clone()),
            Heard::Other(_) | Heard::Nothing(_) => None,
        })
    }

    /// The longest time without the page since an instant, including a gap that began before it: between two pages,
    /// or until now.
    pub fn outage_since(&self, since: Instant) -> Duration {
        let answers = lock(&self.answers);
        let pages =
            answers.iter().filter(|answer| matches!(answer.what, Heard::Page { .. })).map(|answer| answer.heard);
        let mut last_before = since;
        let mut longest = Duration::ZERO;
        for heard in pages.chain([Instant::now()]) {
            if heard > since {
                longest = longest.max(heard - last_before);
            }
            last_before = heard;
        }
        longest
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It does not panic, and there would be nothing left to lose.
            let _ = thread.join();
        }
    }
}

fn lock(answers: &Mutex<Vec<Answer>>) -> MutexGuard<'_, Vec<Answer>> {
    answers.lock().unwrap_or_else(PoisonError::into_inner)
}

fn ask(address: Ipv4Addr) -> io::Result<Heard> {
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from((address, 80)), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(format!("GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut text = String::new();
    stream.take(LIMIT).read_to_string(&mut text)?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let machine = head.lines().find_map(|line| line.strip_prefix(WHO)?.strip_prefix(": "));
    match (head.lines().next(), machine) {
        (Some(status), Some(machine)) if status.contains(" 200 ") => {
            Ok(Heard::Page { machine: machine.to_owned(), body: body.to_owned() })
        }
        (status, _) => Ok(Heard::Other(status.unwrap_or_default().to_owned())),
    }
}
