//! A world in real time: a lock, a monotonic clock, and a task that keeps the one up with the other.

use super::history::Entry;
use super::time::{Span, Time};
use super::world::World;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// A shared world in which virtual time is real time since [`LiveWorld::start`].
#[derive(Clone, Debug)]
pub struct LiveWorld {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    world: Mutex<World>,
    origin: Instant,
    origin_time: Time,
    length: watch::Sender<usize>,
    touched: Notify,
}

/// Lets time pass in a live world for as long as it lives.
#[derive(Debug)]
pub struct Ticker(JoinHandle<()>);

impl Drop for Ticker {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl LiveWorld {
    /// Sets a world going. Must be called within a tokio runtime with time.
    pub fn start(world: World) -> (LiveWorld, Ticker) {
        let shared = Arc::new(Shared {
            origin: Instant::now(),
            origin_time: world.now(),
            length: watch::channel(world.history().len()).0,
            world: Mutex::new(world),
            touched: Notify::new(),
        });
        let live = LiveWorld { shared };
        let ticker = tokio::spawn(live.clone().tick());
        (live, Ticker(ticker))
    }

    /// The present.
    pub fn now(&self) -> Time {
        self.shared.origin_time + Span::from(self.shared.origin.elapsed())
    }

    /// Does something with the world as it is now. Keep it short: everyone else waits.
    pub fn with<R>(&self, act: impl FnOnce(&mut World) -> R) -> R {
        let result = self.step(act);
        // What was done may have brought the next event nearer than the ticker sleeps.
        self.shared.touched.notify_one();
        result
    }

    /// Changes when the history grows: a watch of its length. With [`LiveWorld::history_since`] nothing is missed,
    /// however slow the reader.
    pub fn history_length(&self) -> watch::Receiver<usize> {
        self.shared.length.subscribe()
    }

    /// Entries of the history after the first `cursor` ones. The next cursor is `cursor` plus their number.
    pub fn history_since(&self, cursor: usize) -> Vec<Entry> {
        self.step(|world| world.history().since(cursor).to_vec())
    }

    fn step<R>(&self, act: impl FnOnce(&mut World) -> R) -> R {
        let mut world = self.shared.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.advance_to(self.now());
        let result = act(&mut world);
        let length = world.history().len();
        drop(world);
        self.shared.length.send_if_modified(|known| std::mem::replace(known, length) != length);
        result
    }

    async fn tick(self) {
        loop {
            let next = self.step(|world| world.next_event());
            let due = next.map(|next| {
                let wait = Duration::from(next.since(self.shared.origin_time));
                tokio::time::sleep_until(self.shared.origin + wait)
            });
            match due {
                Some(due) => tokio::select! {
                    () = due => {}
                    () = self.shared.touched.notified() => {}
                },
                None => self.shared.touched.notified().await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{Change, Command, DemoOptions, LparState, WorldSpec};

    #[tokio::test]
    async fn time_passes_by_itself_and_nothing_of_it_is_missed() {
        let world = World::new(WorldSpec::demo(DemoOptions::default()), 1).unwrap();
        let (live, _ticker) = LiveWorld::start(world);
        let mut length = live.history_length();
        let cursor = *length.borrow_and_update();
        let (hmc, p1, db) =
            live.with(|world| (world.hmc("hmc1").unwrap(), world.server("p1").unwrap(), world.lpar("db").unwrap()));
        live.with(|world| world.execute(hmc, &Command::start(p1, db)).unwrap());
        length.wait_for(|&length| length >= cursor + 2).await.unwrap();
        let entries = live.history_since(cursor);
        let states: Vec<LparState> = entries
            .iter()
            .filter_map(|entry| match entry.change {
                Change::Lpar { state, .. } => Some(state),
                _ => None,
            })
            .collect();
        assert_eq!(states, [LparState::Starting, LparState::Running]);
        assert_eq!(entries[1].at.since(entries[0].at), live.with(|world| world.lpar_spec(db).boot));
    }
}
