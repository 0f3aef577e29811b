//! One command on an open connection.
//!
//! Promises: both streams are read, an exit status is required, the answer is bounded. The two kinds of failure are
//! kept apart: *before* the command was sent (it will never run) and *after* (it may have run, or still run). The
//! channel of a command that is given up is closed; the HMC may nevertheless finish it.

use std::time::Duration;

use russh::client::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use tokio::time::{Instant, timeout, timeout_at};

use super::link::Session;
use crate::hypervisor::Failure;

/// Longest answer accepted. A server with a thousand LPARs answers in about a tenth of this.
pub const MAX_ANSWER_BYTES: usize = 1 << 20;

/// Longest standard error kept. It only ever holds a message; the rest is read and dropped.
const MAX_STDERR_BYTES: usize = 16 << 10;

/// Time to close the channel of a command that was given up.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

/// A command that ended by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Its exit status.
    pub status: u32,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error, cut at a limit.
    pub stderr: Vec<u8>,
}

/// The error of a command without output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExecError {
    /// The command was not sent: it will never run.
    Before(Failure),
    /// It was sent, or may have been: it may have run, or still run.
    After(Failure),
}

/// A channel that is ready to take a command. Dropping it closes it.
pub struct Slot {
    read: ChannelReadHalf,
    write: Option<ChannelWriteHalf<Msg>>,
}

/// Opens a channel. Nothing runs yet.
pub async fn open(session: &Session) -> Result<Slot, russh::Error> {
    let (read, write) = session.channel_open_session().await?.split();
    Ok(Slot { read, write: Some(write) })
}

impl Slot {
    /// Runs the command and waits for its end.
    pub async fn run(mut self, line: &str, deadline: Instant) -> Result<Output, ExecError> {
        self.hand_over(line, deadline).await?;
        let result = match timeout_at(deadline, self.collect()).await {
            Ok(result) => result,
            Err(_) => Err(ExecError::After(Failure::Timeout)),
        };
        if result.is_ok() {
            self.close_now().await;
        }
        result
    }

    async fn hand_over(&mut self, line: &str, deadline: Instant) -> Result<(), ExecError> {
        let Some(write) = &self.write else {
            return Err(ExecError::Before(lost("the channel is closed")));
        };
        // Without a reply: a server that ignores environment requests does not reply to them either.
        let prepared = timeout_at(deadline, write.set_env(false, "LANG", "C")).await;
        match prepared {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(ExecError::Before(lost(error))),
            Err(_) => return Err(ExecError::Before(Failure::TimeoutBeforeSending)),
        }
        match timeout_at(deadline, write.exec(true, line)).await {
            Ok(Ok(())) => Ok(()),
            // The connection's task is gone, so it did not take the request.
            Ok(Err(error)) => Err(ExecError::Before(lost(error))),
            Err(_) => Err(ExecError::After(Failure::Timeout)),
        }
    }

    async fn collect(&mut self) -> Result<Output, ExecError> {
        let mut output = Output { status: 0, stdout: Vec::new(), stderr: Vec::new() };
        let mut is_accepted = false;
        let mut status = None;
        let mut is_complete = false;
        while let Some(message) = self.read.wait().await {
            match message {
                ChannelMsg::Data { data } => {
                    if output.stdout.len() + data.len() > MAX_ANSWER_BYTES {
                        return Err(ExecError::After(Failure::AnswerTooLong { limit: MAX_ANSWER_BYTES }));
                    }
                    output.stdout.extend_from_slice(&data);
                }
                ChannelMsg::ExtendedData { data, .. } => {
                    let room = MAX_STDERR_BYTES.saturating_sub(output.stderr.len()).min(data.len());
                    output.stderr.extend_from_slice(&data[..room]);
                }
                ChannelMsg::Success => is_accepted = true,
                // The reply to the request itself: the server will not run it.
                ChannelMsg::Failure if !is_accepted => {
                    return Err(ExecError::Before(lost("the server does not run commands for us")));
                }
                ChannelMsg::ExitStatus { exit_status } => status = Some(exit_status),
                ChannelMsg::ExitSignal { signal_name, .. } => {
                    let reason = format!("the command was killed by signal {signal_name:?}");
                    return Err(ExecError::After(Failure::NotUnderstood { reason: reason.into() }));
                }
                ChannelMsg::Eof => is_complete = true,
                ChannelMsg::Close => {
                    is_complete = true;
                    break;
                }
                _ => {}
            }
            if is_complete && status.is_some() {
                break;
            }
        }
        match status {
            Some(status) if is_complete => Ok(Output { status, ..output }),
            None if is_complete => {
                let reason = "the command ended without an exit status".to_owned();
                Err(ExecError::After(Failure::NotUnderstood { reason: reason.into() }))
            }
            _ => Err(ExecError::After(Failure::ConnectionLost)),
        }
    }

    async fn close_now(&mut self) {
        if let Some(write) = self.write.take() {
            // A channel that cannot be closed belongs to a connection that is ending anyway.
            let _ = timeout(CLOSE_LIMIT, write.close()).await;
        }
    }
}

impl Drop for Slot {
    /// Closes the channel of a caller that gave up, by deadline or by being dropped: the HMC allows few per
    /// connection.
    fn drop(&mut self) {
        let (Some(write), Ok(runtime)) = (self.write.take(), tokio::runtime::Handle::try_current()) else {
            return;
        };
        runtime.spawn(async move {
            let _ = timeout(CLOSE_LIMIT, write.close()).await;
        });
    }
}

fn lost(reason: impl ToString) -> Failure {
    Failure::Unreachable { reason: reason.to_string().into() }
}
