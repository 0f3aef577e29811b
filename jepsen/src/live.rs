//! A world in real time: a lock, a monotonic clock, and a task that advances the world with the clock.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tenure_model::world::{Entry, Span, Time, World};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// A shared world in which virtual time is real time since [`LiveWorld::start`].
#[derive(Clone, Debug)]
pub struct LiveWorld {
    shared: Arc<Shared>,
}

/// A callback that receives a world's changes before they become visible to anybody else.
type Follow = dyn Fn(&World, &[Entry]) + Send + Sync;

struct Follower(Option<Box<Follow>>);

impl fmt::Debug for Follower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Follower" } else { "no Follower" })
    }
}

#[derive(Debug)]
struct Shared {
    world: Mutex<World>,
    follower: Follower,
    origin: Instant,
    origin_time: Time,
    length: watch::Sender<usize>,
    touched: Notify,
}

/// The task that lets time pass in a live world. Dropping it stops the time.
#[derive(Debug)]
pub struct Ticker(JoinHandle<()>);

impl Drop for Ticker {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl LiveWorld {
    /// Starts a world. Must be called within a tokio runtime with time.
    pub fn start(world: World) -> (LiveWorld, Ticker) {
        Self::set_going(world, Follower(None))
    }

    /// Starts a world, and passes every change to `follow` before an HMC or anybody else can read it: where something
    /// real represents a part of the world, it can be changed first. Everyone waits meanwhile. `follow` must not call
    /// the live world.
    pub fn start_followed(
        world: World,
        follow: impl Fn(&World, &[Entry]) + Send + Sync + 'static,
    ) -> (LiveWorld, Ticker) {
        Self::set_going(world, Follower(Some(Box::new(follow))))
    }

    fn set_going(world: World, follower: Follower) -> (LiveWorld, Ticker) {
        let shared = Arc::new(Shared {
            origin: Instant::now(),
            origin_time: world.now(),
            length: watch::channel(world.history().len()).0,
            world: Mutex::new(world),
            follower,
            touched: Notify::new(),
        });
        let live = LiveWorld { shared };
        let ticker = tokio::spawn(live.clone().tick());
        (live, Ticker(ticker))
    }

    /// Current time.
    pub fn now(&self) -> Time {
        self.shared.origin_time + Span::from(self.shared.origin.elapsed())
    }

    /// Calls `act` with the world as it is now. Keep it short: everyone else waits.
    pub fn with<R>(&self, act: impl FnOnce(&mut World) -> R) -> R {
        let result = self.step(act);
        // `act` may have made the next event earlier than the ticker's wake-up.
        self.shared.touched.notify_one();
        result
    }

    /// A watch of the history's length, which changes when the history grows. Together with
    /// [`LiveWorld::history_since`], even a slow reader misses nothing.
    pub fn history_length(&self) -> watch::Receiver<usize> {
        self.shared.length.subscribe()
    }

    /// Entries of the history after the first `cursor` ones. The next cursor is `cursor` plus their number.
    pub fn history_since(&self, cursor: usize) -> Vec<Entry> {
        self.step(|world| world.history().since(cursor).to_vec())
    }

    fn step<R>(&self, act: impl FnOnce(&mut World) -> R) -> R {
        let mut world = self.shared.world.lock().unwrap_or_else(PoisonError::into_inner);
        let told = world.history().len();
        world.advance_to(self.now());
        self.tell(&world, told);
        let told = world.history().len();
        let result = act(&mut world);
        self.tell(&world, told);
        let length = world.history().len();
        drop(world);
        self.shared.length.send_if_modified(|known| std::mem::replace(known, length) != length);
        result
    }

    fn tell(&self, world: &World, told: usize) {
        if let Some(follow) = &self.shared.follower.0
            && world.history().len() > told
        {
            follow(world, world.history().since(told));
        }
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
    use tenure_model::world::{Change, Command, DemoOptions, LparState, WorldSpec};

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

    #[tokio::test]
    async fn what_follows_a_world_is_shown_a_change_before_anybody_can_read_it() {
        let spec = WorldSpec::demo(DemoOptions::default());
        let followed = Arc::new(Mutex::new(Vec::new()));
        let shown = Arc::clone(&followed);
        let (live, _ticker) = LiveWorld::start_followed(World::new(spec, 1).unwrap(), move |world, entries| {
            let lpar = world.lpar("node-p1").unwrap();
            let state = world.activity(world.server("p1").unwrap(), lpar).unwrap();
            let cause = entries.iter().any(|entry| matches!(entry.change, Change::Lpar { lpar: of, .. } if of == lpar));
            shown.lock().unwrap().push((state, cause));
        });
        let (hmc, p1) = live.with(|world| (world.hmc("hmc1").unwrap(), world.server("p1").unwrap()));
        let node = live.with(|world| world.lpar("node-p1").unwrap());
        let stop = Command::stop(p1, node, crate::world::Stop::Immediate);
        live.with(|world| world.execute(hmc, &stop).unwrap());
        loop {
            let read = live.with(|world| world.activity(p1, node).unwrap());
            let seen = followed.lock().unwrap().contains(&(read, true));
            assert!(seen || read == LparState::Running, "{read} was read and not shown before");
            if read == LparState::NotActivated {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
}
