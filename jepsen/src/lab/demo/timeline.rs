//! The timeline: everything that happened in a demonstration, in the order in which the lab learned of it.
//!
//! One clock for all of it: the world's, which is real time since the lab was started. Who waits for something looks
//! through the lines from a cursor on, so nothing is missed between two looks.

use super::screen::Screen;
use crate::world::{Change, Entry, Time};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tenure::api::wire::RecordView;
use tokio::sync::watch;

/// One thing that happened.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Line {
    /// When: time since the lab was started.
    pub at: Time,
    /// In which step of the story.
    pub step: usize,
    pub event: Event,
}

/// What can happen.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // what a name says is not said again
pub enum Event {
    /// A step begins.
    Step {
        /// What is done.
        title: &'static str,
        /// What should come of it.
        expected: &'static str,
    },
    /// The lab did something.
    Did(String),
    /// The world changed.
    World {
        entry: Entry,
        /// In words.
        text: String,
        /// Whether it concerns a VIO server, which hardly anybody wants to read of.
        vios: bool,
    },
    /// The cluster wrote something down.
    Note(RecordView),
    /// An expectation was met.
    Met {
        /// What was expected.
        text: String,
        /// How long after the lab last did something, if it was waited for.
        after: Option<Duration>,
    },
    /// An expectation was not met.
    Missed {
        /// What was expected.
        text: String,
        /// What happened instead.
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

/// The lines, shared by who writes and who waits.
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
    /// An empty timeline that is shown on this screen.
    pub fn new(screen: Screen) -> Self {
        Timeline(Arc::new(Shared { inner: Mutex::default(), length: watch::channel(0).0, screen }))
    }

    /// Adds what happened at once, and shows it.
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

    /// Where the next line will be.
    pub fn cursor(&self) -> usize {
        self.lock().lines.len()
    }

    /// The lines from a cursor on.
    pub fn since(&self, cursor: usize) -> Vec<Line> {
        self.lock().lines.get(cursor..).unwrap_or_default().to_vec()
    }

    /// The first line from `cursor` on that is looked for, waiting for it if need be.
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

    /// Where it is shown.
    pub fn screen(&self) -> &Screen {
        &self.0.screen
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
