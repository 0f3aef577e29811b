//! One HMC: its limit of concurrent commands, and whether it answers.
//!
//! Promises: a bounded number of commands at once; an error always tells whether the command was sent. A connection
//! without any answers is replaced.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};
use tracing::warn;

use super::address::HmcAddress;
use super::command::Command;
use super::connection::Connection;
use super::exec::{self, ExecError, Output, Slot};
use super::link::Session;
use super::time::Time;
use crate::hypervisor::{Failure, ManagerContact};

/// Limit of commands running on one HMC at the same time. HMCs slow down badly beyond two to four.
pub const MAX_COMMANDS_PER_HMC: usize = 3;

/// Limit of LPAR moves running on one HMC at the same time, besides the other commands: each takes minutes, and short
/// commands must not wait for one. Together they stay below the ten channels that an SSH server allows on a
/// connection.
pub const MAX_MOVES_PER_HMC: usize = 4;

/// Limit of questions among the commands, so that a command to stop something never queues behind slow questions.
pub const MAX_QUESTIONS_PER_HMC: usize = 2;

/// Limit of questions of the rounds that run, or stand in the queue of all questions: those of orders wait behind no
/// more than these, however many servers there are. The other ones of the rounds wait before that queue.
const MAX_ROUTINE_PER_HMC: usize = MAX_QUESTIONS_PER_HMC;

/// Time after an unanswered command for which other HMCs are asked first.
const SUSPICION: Duration = Duration::from_secs(30);

/// A live connection opens a channel at once. A connection that takes longer is dead or as good as dead.
const OPEN_LIMIT: Duration = Duration::from_secs(5);

/// A caller with less time than [`OPEN_LIMIT`] drops a connection if it waited at least this long.
const SUSPICIOUS_OPEN: Duration = Duration::from_millis(500);

/// Number of unanswered commands in a row after which a connection is replaced. An SSH server can be wedged and still
/// answer keepalive probes.
const MAX_UNANSWERED: u32 = 3;

/// The purpose of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It changes nothing, and an order or a person waits for the answer.
    Question,
    /// The same, of the rounds over the servers: it goes after all others.
    Routine,
    /// It changes something.
    Mutation,
    /// It moves an LPAR to another server, or asks whether that is possible. Takes minutes, so that its silence
    /// proves nothing about the HMC.
    Move,
}

/// The deadlines of a change.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The command must have its turn and be sent by then.
    pub send_by: Instant,
    /// It must have ended by then.
    pub end_by: Instant,
}

/// Permission to run: for a question of the rounds one of those, for any question one of the questions, and for all one
/// of the commands or moves.
type Permits<'a> = ([Option<SemaphorePermit<'a>>; 2], SemaphorePermit<'a>);

/// One HMC.
pub struct Console {
    commands: Semaphore,
    questions: Semaphore,
    routine: Semaphore,
    moves: Semaphore,
    connection: Connection,
    unanswered: Mutex<Unanswered>,
    /// Whether the last command was answered; `None` before the first.
    answers: Mutex<Option<bool>>,
    contact: Mutex<Option<ManagerContact>>,
    /// Whether this HMC release does not know one of the attributes needed, so that all attributes are listed.
    lists_everything: AtomicBool,
}

/// The unanswered commands since the last answer.
#[derive(Default)]
struct Unanswered {
    last: Option<Instant>,
    in_a_row: u32,
}

impl Console {
    /// An HMC that was not contacted yet.
    pub fn new(address: HmcAddress) -> Self {
        Self {
            commands: Semaphore::new(MAX_COMMANDS_PER_HMC),
            questions: Semaphore::new(MAX_QUESTIONS_PER_HMC),
            routine: Semaphore::new(MAX_ROUTINE_PER_HMC),
            moves: Semaphore::new(MAX_MOVES_PER_HMC),
            connection: Connection::new(address),
            unanswered: Mutex::default(),
            answers: Mutex::default(),
            contact: Mutex::default(),
            lists_everything: AtomicBool::new(false),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.connection.name()
    }

    /// Its configuration.
    pub fn address(&self) -> &HmcAddress {
        self.connection.address()
    }

    /// Whether a command was left unanswered a short while ago.
    pub fn is_suspect(&self) -> bool {
        let unanswered = self.unanswered.lock().unwrap_or_else(PoisonError::into_inner);
        unanswered.last.is_some_and(|last| last.elapsed() < SUSPICION)
    }

    /// Whether the last command was answered, even by a refusal; `None` before the first.
    pub fn answers(&self) -> Option<bool> {
        *self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether list commands must run without `-F` here.
    pub fn lists_everything(&self) -> bool {
        self.lists_everything.load(Ordering::Relaxed)
    }

    /// Notes that one of the attributes needed is unknown here.
    pub fn list_everything(&self) {
        self.lists_everything.store(true, Ordering::Relaxed);
    }

    /// Forgets a rejected authentication and any pause; the next command connects anew.
    pub async fn reset(&self) {
        self.connection.reset().await;
        self.note_answer();
    }

    /// The connection, for setting login turns and for the outcome of logins.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Ends the connection.
    pub async fn close(&self) {
        self.connection.close().await;
    }

    /// Asks one question.
    pub async fn ask(&self, command: &Command, purpose: Purpose, time: &mut Time) -> Result<Output, ExecError> {
        let Ok(permits) = timeout_at(time.turn_by(), self.permits(purpose)).await else {
            return Err(ExecError::Before(Failure::NoTurn));
        };
        let end_by = time.begins();
        let result = self.run(command, (purpose, permits), Limits { send_by: end_by, end_by }).await;
        time.ends();
        result
    }

    /// Makes one change.
    pub async fn change(&self, command: &Command, purpose: Purpose, limits: Limits) -> Result<Output, ExecError> {
        match timeout_at(limits.send_by, self.permits(purpose)).await {
            Ok(permits) => self.run(command, (purpose, permits), limits).await,
            Err(_) => Err(ExecError::Before(Failure::NoTurn)),
        }
    }

    /// Runs one command whose turn it is. Until then nothing was asked, and nothing follows for the HMC.
    async fn run(
        &self,
        command: &Command,
        (purpose, _permits): (Purpose, Permits<'_>),
        limits: Limits,
    ) -> Result<Output, ExecError> {
        let result = self.run_once(command, purpose, limits).await;
        *self.answers.lock().unwrap_or_else(PoisonError::into_inner) = Some(result.is_ok());
        // A move is answered when it is over, and tells nothing of the HMC until then.
        if purpose != Purpose::Move {
            self.note_contact(result.as_ref().err());
        }
        result
    }

    /// The last contact; `None` before the first.
    pub fn contact(&self) -> Option<ManagerContact> {
        self.contact.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note_contact(&self, error: Option<&ExecError>) {
        let now = Instant::now();
        let mut contact = self.contact.lock().unwrap_or_else(PoisonError::into_inner);
        let known = contact.get_or_insert_with(|| self.first_contact(now));
        known.asked = now;
        let failure = |error: &ExecError| {
            let (ExecError::Before(failure) | ExecError::After(failure)) = error;
            failure.clone()
        };
        known.failure = error.map(failure);
        if known.failure.is_none() {
            known.answered = Some(now);
        }
    }

    fn note_time(&self, took: Duration) {
        let mut contact = self.contact.lock().unwrap_or_else(PoisonError::into_inner);
        contact.get_or_insert_with(|| self.first_contact(Instant::now())).took = Some(took);
    }

    fn first_contact(&self, asked: Instant) -> ManagerContact {
        ManagerContact { name: self.name().to_owned(), asked, answered: None, took: None, failure: None }
    }

    async fn run_once(&self, command: &Command, purpose: Purpose, limits: Limits) -> Result<Output, ExecError> {
        let (session, slot) = match self.open_slot(limits.send_by).await {
            Ok(ready) => ready,
            Err(failure) => {
                if failure == Failure::TimeoutBeforeSending && purpose != Purpose::Move {
                    self.note_silence();
                }
                return Err(ExecError::Before(failure));
            }
        };
        let began = Instant::now();
        let result = slot.run(command.line(), limits.end_by).await;
        if result.is_ok() && matches!(purpose, Purpose::Question | Purpose::Routine) {
            self.note_time(began.elapsed());
        }
        match result {
            Err(ExecError::After(Failure::Timeout)) if purpose == Purpose::Move => {}
            Err(ExecError::After(Failure::Timeout)) if self.note_silence() >= MAX_UNANSWERED => {
                warn!(hmc = self.name(), "no command is answered, connecting anew");
                self.note_new_connection();
                self.connection.discard(&session).await;
            }
            Err(ExecError::After(Failure::Timeout)) => {}
            Ok(_) | Err(_) => self.note_answer(),
        }
        result
    }

    fn note_answer(&self) {
        *self.unanswered.lock().unwrap_or_else(PoisonError::into_inner) = Unanswered::default();
    }

    /// Counts an unanswered command, and returns the number of them in a row.
    fn note_silence(&self) -> u32 {
        let mut unanswered = self.unanswered.lock().unwrap_or_else(PoisonError::into_inner);
        unanswered.last = Some(Instant::now());
        unanswered.in_a_row = unanswered.in_a_row.saturating_add(1);
        unanswered.in_a_row
    }

    fn note_new_connection(&self) {
        self.unanswered.lock().unwrap_or_else(PoisonError::into_inner).in_a_row = 0;
    }

    async fn permits(&self, purpose: Purpose) -> Permits<'_> {
        const NEVER_CLOSED: &str = "the semaphores of a console are never closed";
        let routine = match purpose {
            Purpose::Routine => Some(self.routine.acquire().await.expect(NEVER_CLOSED)),
            Purpose::Question | Purpose::Mutation => None,
            Purpose::Move => return ([None, None], self.moves.acquire().await.expect(NEVER_CLOSED)),
        };
        let question = match purpose {
            Purpose::Question | Purpose::Routine => Some(self.questions.acquire().await.expect(NEVER_CLOSED)),
            Purpose::Mutation | Purpose::Move => None,
        };
        ([routine, question], self.commands.acquire().await.expect(NEVER_CLOSED))
    }

    /// Opens a channel, connecting if need be. A dead connection is replaced once; that is safe since nothing was
    /// sent on it.
    async fn open_slot(&self, send_by: Instant) -> Result<(Arc<Session>, Slot), Failure> {
        let too_late = |_| Failure::TimeoutBeforeSending;
        let session = timeout_at(send_by, self.connection.session()).await.map_err(too_late)??;
        let began = Instant::now();
        match timeout_at(send_by.min(began + OPEN_LIMIT), exec::open(&session)).await {
            Ok(Ok(slot)) => return Ok((session, slot)),
            Ok(Err(russh::Error::ChannelOpenFailure(reason))) => {
                return Err(Failure::Unreachable { reason: format!("the server opens no channel: {reason:?}").into() });
            }
            Ok(Err(_)) => self.connection.discard(&session).await,
            Err(_) if began.elapsed() >= SUSPICIOUS_OPEN => self.connection.discard(&session).await,
            Err(_) => return Err(Failure::TimeoutBeforeSending),
        }
        let session = timeout_at(send_by, self.connection.session()).await.map_err(too_late)??;
        let opened = timeout_at(send_by, exec::open(&session)).await.map_err(too_late)?;
        match opened {
            Ok(slot) => Ok((session, slot)),
            Err(error) => Err(Failure::Unreachable { reason: error.to_string().into() }),
        }
    }
}
