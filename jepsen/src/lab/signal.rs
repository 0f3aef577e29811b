//! Requests to end: Ctrl-C, SIGTERM or SIGHUP.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Resolves when such a signal arrives.
pub struct Interrupt(Vec<Signal>);

impl Interrupt {
    /// Starts listening.
    pub fn new() -> Self {
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        // A signal that cannot be caught ends the lab by default; nodes die with it in any case.
        Interrupt(kinds.into_iter().filter_map(|kind| signal(kind).ok()).collect())
    }
}

impl Future for Interrupt {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.0.iter_mut().any(|signal| signal.poll_recv(context).is_ready()) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}
