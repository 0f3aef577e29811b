//! Watchers: copy changes of the world and notes of the nodes to the timeline as they happen.

use super::timeline::{Event, Timeline};
use crate::{
    lab::{Site, SiteError},
    world::{Change, Entry, LiveWorld, LparKind, World},
};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tenure::api::Client;
use tokio_util::task::AbortOnDropHandle;

/// Pause before a node that does not answer is asked again.
const AGAIN: Duration = Duration::from_millis(100);
/// Maximum gap between notes that belong together.
const TOGETHER: Duration = Duration::from_millis(3);
/// Maximum number of notes shown together.
const MOST_TOGETHER: usize = 32;

/// The watching tasks; they end when this is dropped.
pub struct Watchers {
    _tasks: Vec<AbortOnDropHandle<()>>,
}

/// The position up to which any node has delivered the journal: an index, and the number of its records.
type Progress = Arc<Mutex<(u64, usize)>>;

impl Watchers {
    /// Watches a site. Every node is followed separately: one that is cut off has no news, and gives no error.
    pub fn start(site: &Site, timeline: &Timeline) -> Result<Self, SiteError> {
        let mut tasks = vec![tokio::spawn(world(site.world.clone(), timeline.clone()))];
        let progress = Progress::default();
        for node in site.names() {
            let client = site.client_of(node)?;
            tasks.push(tokio::spawn(notes(client, site.world.clone(), timeline.clone(), Arc::clone(&progress))));
        }
        Ok(Watchers { _tasks: tasks.into_iter().map(AbortOnDropHandle::new).collect() })
    }
}

async fn world(world: LiveWorld, timeline: Timeline) {
    let mut length = world.history_length();
    let mut cursor = 0;
    loop {
        length.borrow_and_update();
        let entries = world.history_since(cursor);
        cursor += entries.len();
        // Entries of one instant belong together.
        for together in entries.chunk_by(|one, other| one.at == other.at) {
            let events = world.with(|world| together.iter().map(|entry| event(world, entry)).collect());
            timeline.push(together[0].at, events);
        }
        if length.changed().await.is_err() {
            return;
        }
    }
}

fn event(world: &World, entry: &Entry) -> Event {
    let vios = match entry.change {
        Change::Lpar { lpar, .. } | Change::Hang { lpar, .. } => world.lpar_spec(lpar).kind == LparKind::Vios,
        Change::Power { .. }
        | Change::Definition { .. }
        | Change::Move { .. }
        | Change::Connection { .. }
        | Change::Hmc { .. } => false,
    };
    Event::World { entry: *entry, text: world.describe(entry), vios }
}

async fn notes(client: Client, world: LiveWorld, timeline: Timeline, progress: Progress) {
    let mut follow = client.follow(0);
    // Position of this node: it delivers all records from the beginning, in the same order as all others.
    let mut here = (0, 0);
    loop {
        let first = match follow.next().await {
            Ok(record) => record,
            Err(_) => {
                tokio::time::sleep(AGAIN).await;
                continue;
            }
        };
        let at = world.now();
        let mut together = vec![first];
        // The records of one log entry arrive together, in pieces.
        while let Ok(Ok(record)) = tokio::time::timeout(TOGETHER, follow.next()).await {
            together.push(record);
            if together.len() >= MOST_TOGETHER {
                break;
            }
        }
        let mut known = progress.lock().unwrap_or_else(PoisonError::into_inner);
        let news = together.into_iter().filter(|record| {
            here = if record.index == here.0 { (here.0, here.1 + 1) } else { (record.index, 1) };
            let new = *known < here;
            *known = here.max(*known);
            new
        });
        let news: Vec<Event> = news.map(Event::Note).collect();
        if !news.is_empty() {
            timeline.push(at, news);
        }
    }
}
