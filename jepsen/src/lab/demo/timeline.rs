//! The timeline: all events of a demonstration, in the order in which the lab received them.
//!
//! All times are of one clock: the world's, which is real time since the lab was started. A waiting task reads the
//! lines from a cursor on, so nothing is missed between two reads.

use super::screen::Screen;
use crate::world::{Change, Entry, Time};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tenure::api::wire::RecordView;
use tokio::sync::watch;

/// One event.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Line {
    /// Time since the lab was started.
    pub at: Time,
    /// Step of the story.
    pub step: usize,
    pub event: Event,
}

/// Kinds of events.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // what a name says is not said again
pub enum Event {
    /// A step begins.
    Step {
        /// Title of the step.
        title: &'static str,
        /// The expected result.
        expected: &'static str,
    },
    /// An action of the lab.
    Did(String),
    /// The world changed.
    World {
        entry: Entry,
        /// Description for people.
        text: String,
        /// Whether it concerns a VIO server, which is rarely of interest.
        vios: bool,
    },
    /// A note of the cluster.
    Note(RecordView),
    /// An expectation was met.
    Met {
        /// The expectation.
        text: String,
        /// Time since the lab's last action, if it was awaited.
        after: Option<Duration>,
    },
    /// An expectation was not met.
    Missed {
        /// The expectation.
        text: String,
        /// The actual result.
        why: String,
    },
}

impl Line {
    /// The note, if it is one.
    pub fn note(&self) -> Option<&RecordView> {
        match &self.event {
            Event::Note(record) => Some(record),
            Event::Step { .. } | Event::Did(_) | Event::World { .. } | Event::Met { .. } | Event::Missed { .. } => None,
        }
    }

    /// The change of the world, if it is one.
    pub fn change(&self) -> Option<&Change> {
        match &self.event {
            Event::World { entry, .. } => Some(&entry.change),
            Event::Step { .. } | Event::Did(_) | Event::Note(_) | Event::Met { .. } | Event::Missed { .. } => None,
        }
    }
}

/// The lines, shared by writers and waiters.
#[derive(Clone)]
pub struct Timeline(Arc<Shared>);

struct Shared {
    inner: Mutex<Inner>,
    length: watch::Sender<usize>,
    screen: Screen,
}

#[derive(Default)]
struct Inner {
    lines: Vec<Line>,
    step: usize,
}

impl Timeline {
    /// An empty timeline, shown on this screen.
    pub fn new(screen: Screen) -> Self {
        Timeline(Arc::new(Shared { inner: Mutex::default(), length: watch::channel(0).0, screen }))
    }

    /// Adds simultaneous events, and shows them.
    pub fn push(&self, at: Time, events: Vec<Event>) {
        let mut inner = self.lock();
        let step = inner.step;
        let fresh: Vec<Line> = events.into_iter().map(|event| Line { at, step, event }).collect();
        // Shown under the lock, so that the order on the screen is the order in the file.
        self.0.screen.show(&fresh);
        inner.lines.extend(fresh);
        let length = inner.lines.len();
        drop(inner);
        self.0.length.send_replace(length);
    }

    /// Begins the next step.
    pub fn begin(&self, at: Time, step: usize, title: &'static str, expected: &'static str) {
        self.lock().step = step;
        self.push(at, vec![Event::Step { title, expected }]);
    }

    /// Position of the next line.
    pub fn cursor(&self) -> usize {
        self.lock().lines.len()
    }

    /// The lines from a cursor on.
    pub fn since(&self, cursor: usize) -> Vec<Line> {
        self.lock().lines.get(cursor..).unwrap_or_default().to_vec()
    }

    /// The first matching line from `cursor` on; waits for it if necessary.
    pub async fn find<T>(&self, mut cursor: usize, mut look: impl FnMut(&Line) -> Option<T>) -> T {
        let mut length = self.0.length.subscribe();
        loop {
            length.borrow_and_update();
            {
                let inner = self.lock();
                let fresh = inner.lines.get(cursor..).unwrap_or_default();
                if let Some(found) = fresh.iter().find_map(&mut look) {
                    return found;
                }
                cursor = inner.lines.len();
            }
            if length.changed().await.is_err() {
                // The sender is part of this timeline.
                std::future::pending::<()>().await;
            }
        }
    }

    /// The screen on which it is shown.
    pub fn screen(&self) -> &Screen {
        &self.0.screen
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
