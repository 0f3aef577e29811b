//! A task of a process: it runs while the process runs, pauses while it is held, and is dropped at once when it is
//! killed.

use super::machines::{self, Process, Turn};
use std::{
    any::Any,
    fmt,
    future::Future,
    panic::AssertUnwindSafe,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::sync::oneshot;

/// Reason why a task has no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It panicked.
    Panicked(String),
    /// Its process was killed, or the run is over.
    Killed,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ended::Panicked(why) => write!(f, "the task panicked: {why}"),
            Ended::Killed => f.write_str("the task's process was killed"),
        }
    }
}

pub(super) struct Gate<F> {
    process: Process,
    key: u64,
    future: Option<Pin<Box<F>>>,
}

impl<F: Future> Gate<F> {
    pub(super) fn new(process: Process, future: F) -> Self {
        Gate { process, key: process.admit(), future: Some(Box::pin(future)) }
    }
}

impl<F> Gate<F> {
    /// Drops the future in the context of its process.
    fn close(&mut self) {
        if let Some(future) = self.future.take() {
            self.process.act(|| drop(future));
            self.process.dismiss(self.key);
        }
    }
}

impl<F: Future> Future for Gate<F> {
    type Output = Result<F::Output, Ended>;

    fn poll(mut self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.process.enter(self.key, ctx.waker()) {
            Turn::Go => {}
            Turn::Wait => return Poll::Pending,
            Turn::End => {
                self.close();
                return Poll::Ready(Err(Ended::Killed));
            }
        }
        let process = self.process;
        let Some(future) = self.future.as_mut() else { return Poll::Ready(Err(Ended::Killed)) };
        let polled = process.act(|| std::panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(ctx))));
        let output = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => Ok(output),
            Err(payload) => {
                let why = message(payload.as_ref());
                machines::panicked(process, &why);
                Err(Ended::Panicked(why))
            }
        };
        self.close();
        Poll::Ready(output)
    }
}

impl<F> Drop for Gate<F> {
    fn drop(&mut self) {
        if let Some(future) = self.future.take() {
            drop(future);
            self.process.dismiss(self.key);
        }
    }
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a word".to_owned())
}

/// Handle to the result of a task. Dropping it does not stop the task.
pub struct JoinHandle<T>(oneshot::Receiver<Result<T, Ended>>);

impl<T> JoinHandle<T> {
    pub(super) fn new(told: oneshot::Receiver<Result<T, Ended>>) -> Self {
        JoinHandle(told)
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, Ended>;

    fn poll(mut self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(ctx).map(|told| told.unwrap_or(Err(Ended::Killed)))
    }
}
