//! The story: actions and expectations of the steps. Every expectation is a condition that is awaited, with a time
//! limit.

use super::{
    figures::Figures,
    timeline::{Event, Line, Timeline},
    watch::Watchers,
};
use crate::{
    lab::{Site, SiteError},
    world::{Change, Entry, Time, World},
};
use std::{
    collections::BTreeMap,
    fmt::Display,
    future::Future,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tenure::api::{Client, wire::RecordView};

/// An expectation was not met; the timeline shows which.
#[derive(Clone, Copy, Debug)]
pub struct Missed;

/// Result of an expectation.
pub type Told<T = ()> = Result<T, Missed>;

/// Default time limit of an expectation: far more than it should take, for slow machines.
pub const PATIENCE: Duration = Duration::from_secs(40);

/// A demonstration in progress.
pub struct Story {
    /// Its site.
    pub site: Site,
    /// The events so far.
    pub timeline: Timeline,
    /// A client for each node.
    pub(super) clients: BTreeMap<String, Client>,
    /// The node that answered last.
    pub(super) answered: Mutex<String>,
    /// Time of the lab's last action.
    acted: Mutex<Time>,
    figures: Mutex<Figures>,
    _watchers: Watchers,
}

impl Story {
    /// Starts the watchers of a site.
    pub fn new(site: Site, timeline: Timeline) -> Result<Self, SiteError> {
        let watchers = Watchers::start(&site, &timeline)?;
        let client = |name: &String| Ok((name.clone(), site.client_of(name)?));
        let clients = site.names().iter().map(client).collect::<Result<_, SiteError>>()?;
        Ok(Story {
            site,
            timeline,
            clients,
            answered: Mutex::default(),
            acted: Mutex::default(),
            figures: Mutex::default(),
            _watchers: watchers,
        })
    }

    /// Current time.
    pub fn now(&self) -> Time {
        self.site.world.now()
    }

    /// Position of the next line of the timeline.
    pub fn cursor(&self) -> usize {
        self.timeline.cursor()
    }

    /// The measurements.
    pub fn figures(&self) -> MutexGuard<'_, Figures> {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records an action of the lab.
    pub fn did(&self, what: impl Display) {
        let now = self.now();
        *self.acted.lock().unwrap_or_else(PoisonError::into_inner) = now;
        self.timeline.push(now, vec![Event::Did(what.to_string())]);
    }

    /// Waits for an expected result.
    pub async fn expect<T>(&self, what: impl Display, within: Duration, condition: impl Future<Output = T>) -> Told<T> {
        let what = what.to_string();
        self.timeline.screen().waiting(&what);
        match tokio::time::timeout(within, condition).await {
            Ok(found) => {
                let now = self.now();
                let after = now.since(*self.acted.lock().unwrap_or_else(PoisonError::into_inner));
                self.timeline.push(now, vec![Event::Met { text: what, after: Some(after.into()) }]);
                Ok(found)
            }
            Err(_) => {
                let why = format!("not within {} s", within.as_secs());
                self.timeline.push(self.now(), vec![Event::Missed { text: what, why }]);
                Err(Missed)
            }
        }
    }

    /// Records whether a check succeeded.
    pub fn check(&self, what: impl Display, found: Result<(), String>) -> Told {
        let text = what.to_string();
        let (event, told) = match found {
            Ok(()) => (Event::Met { text, after: None }, Ok(())),
            Err(why) => (Event::Missed { text, why }, Err(Missed)),
        };
        self.timeline.push(self.now(), vec![event]);
        told
    }

    /// Records the failure of an action that must not fail.
    pub fn must<T, E: std::error::Error>(&self, what: &str, result: Result<T, E>) -> Told<T> {
        result.map_err(|error| {
            let why = chain(&error);
            self.timeline.push(self.now(), vec![Event::Missed { text: what.to_owned(), why }]);
            Missed
        })
    }

    /// Calls a function with the world.
    pub fn world<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        self.site.world.with(act)
    }

    /// The first matching note from `cursor` on, with the time at which the lab received it.
    pub async fn note(&self, cursor: usize, look: impl Fn(&RecordView) -> bool) -> (Time, RecordView) {
        let found = |line: &Line| line.note().filter(|record| look(record)).map(|record| (line.at, record.clone()));
        self.timeline.find(cursor, found).await
    }

    /// The first matching change of the world from `cursor` on.
    pub async fn change(&self, cursor: usize, look: impl Fn(&Change) -> bool) -> Entry {
        let found = |line: &Line| {
            let change = line.change().filter(|change| look(change))?;
            Some(Entry { at: line.at, change: *change })
        };
        self.timeline.find(cursor, found).await
    }
}

/// An error with its causes in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text.push_str(&format!(": {said}"));
        }
        next = cause.source();
    }
    text
}
