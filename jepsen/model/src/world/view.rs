//! One HMC's view of one server: a connection whose loss may go unnoticed, and a picture that may be old.

use super::server::ListAs;
use super::state::{Connection, LparState, SystemState};
use super::time::Time;
use std::collections::VecDeque;
use std::sync::Arc;

/// An HMC's picture of a server.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Picture {
    pub(super) system: SystemState,
    /// In the order of the server's slots; `None` where none is defined.
    pub(super) lpars: Arc<[Option<LparState>]>,
    /// Kind of the LPARs' listing, true or false.
    pub(super) list: ListAs,
    /// Time at which it was true.
    pub(super) taken: Time,
}

/// The path to the service processor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Link {
    Up,
    /// Down, but the HMC notices only at `until`.
    Unnoticed {
        until: Time,
    },
    Lost,
    Reconnecting {
        until: Time,
    },
}

#[derive(Clone, Debug)]
pub(super) struct View {
    /// Whether the path from this HMC is cut, whatever the state of the server.
    pub(super) cut: bool,
    pub(super) link: Link,
    pub(super) shown: Picture,
    /// Newer pictures, each with the time from which it is shown. Bounded: only changes within the view delay.
    pub(super) coming: VecDeque<(Time, Picture)>,
}

/// Maximum number of waiting pictures; when a server changes faster, the oldest are skipped.
const COMING_LIMIT: usize = 256;

impl View {
    pub(super) fn connection(&self) -> Connection {
        match self.link {
            Link::Up | Link::Unnoticed { .. } => Connection::Connected,
            Link::Lost => Connection::NoConnection,
            Link::Reconnecting { .. } => Connection::Connecting,
        }
    }

    /// Time of the next change by itself.
    pub(super) fn due(&self) -> Option<Time> {
        let link = match self.link {
            Link::Unnoticed { until } | Link::Reconnecting { until } => Some(until),
            Link::Up | Link::Lost => None,
        };
        [link, self.coming.front().map(|(at, _)| *at)].into_iter().flatten().min()
    }

    /// Adds a newer picture, to be shown from `at` on.
    pub(super) fn learn(&mut self, now: Time, at: Time, picture: Picture) {
        if at <= now {
            self.coming.clear();
            self.shown = picture;
            return;
        }
        if self.coming.len() >= COMING_LIMIT {
            self.coming.pop_front();
        }
        self.coming.push_back((at, picture));
    }

    /// Shows the pictures that are due.
    pub(super) fn refresh(&mut self, now: Time) {
        while self.coming.front().is_some_and(|(at, _)| *at <= now) {
            if let Some((_, picture)) = self.coming.pop_front() {
                self.shown = picture;
            }
        }
    }
}
