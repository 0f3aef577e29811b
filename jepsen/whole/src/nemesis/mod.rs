//! The nemesis: draws faults, repairs and requests from its seed, for every part of the run.

mod member;
mod nodes;
mod paths;
mod world;

pub use member::{complete, rejoin};

use crate::{
    cluster::Site,
    operators::Operators,
    runtime::{Runtime, WORLD, spawn_in},
    seat::Seat,
};
use openraft::async_runtime::AsyncRuntime;
use openraft_rt_sim::SimRuntime;
use rand::{RngExt, SeedableRng, rngs::SmallRng};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tenure_core::Verb;

/// The steps of the nemesis in a run, by number.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub enum Steps {
    /// All steps within its duration.
    #[default]
    All,
    /// Only these; it ends after the last of them. Their times are the same as if all steps were taken.
    Only(BTreeSet<u64>),
}

/// A step taken.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Step {
    pub number: u64,
    /// Its action, with the time; `None` if it had nothing to do.
    pub what: Option<String>,
}

/// Draws faults and requests.
pub struct Nemesis {
    seed: u64,
    pub(crate) rng: SmallRng,
    pub(crate) site: Arc<Site>,
    pub(crate) operators: Operators,
    pub(crate) groups: Vec<String>,
    pub(crate) resources: Vec<String>,
    /// Weight of each part.
    weights: [u32; 5],
    taken: Vec<Step>,
}

impl Nemesis {
    /// The nemesis of a run.
    pub fn new(seed: u64, site: Arc<Site>, operators: Operators, groups: Vec<String>, resources: Vec<String>) -> Self {
        let seed = seed ^ 0x6E65_6D65_7369_7321;
        let mut rng = SmallRng::seed_from_u64(seed);
        // Each run stresses some parts more than others.
        let weights = std::array::from_fn(|_| [1, 1, 3, 8][rng.random_range(0..4)]);
        Nemesis { seed, rng, site, operators, groups, resources, weights, taken: Vec::new() }
    }

    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.rng.random_range(0..sides)
    }

    pub(crate) fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.roll(choices.len())]
    }

    pub(crate) fn one_of(&mut self, names: &[String]) -> String {
        names[self.roll(names.len())].clone()
    }

    /// Undoes a fault after a while: early repair leaves room for many faults.
    pub(crate) fn later(&mut self, undo: impl FnOnce(&Arc<Site>) + Send + 'static) {
        let site = Arc::clone(&self.site);
        let wait = self.a_while();
        drop(spawn_in(WORLD, async move {
            SimRuntime::sleep(wait).await;
            undo(&site);
        }));
    }

    /// Makes an operator's request after a while.
    pub(crate) fn ask_later(&mut self, seat: &Arc<Seat>, verb: Verb) {
        let (site, operators, seat) = (Arc::clone(&self.site), self.operators.clone(), Arc::clone(seat));
        let wait = self.a_while();
        drop(spawn_in(WORLD, async move {
            SimRuntime::sleep(wait).await;
            operators.request(&site, &seat, verb).await;
        }));
    }

    fn a_while(&mut self) -> Duration {
        let most = [2_000, 8_000, 20_000, 45_000, 90_000][self.roll(5)];
        Duration::from_millis(self.rng.random_range(500..most))
    }

    /// Runs for this time, or until a fault is found.
    pub async fn rage(&mut self, long: Duration, steps: &Steps) {
        let over = crate::hardware::now() + u64::try_from(long.as_millis()).unwrap_or_default();
        let last = match steps {
            Steps::All => u64::MAX,
            Steps::Only(these) => these.last().copied().unwrap_or_default(),
        };
        for number in 1..=last {
            // A step is the same whichever others are taken.
            self.rng = SmallRng::seed_from_u64(self.seed.wrapping_add(number.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
            let pause = [1, 40, 150, 700, 1_500, 3_000, 6_000, 15_000][self.roll(8)];
            let pause = Duration::from_micros(pause * 1_000 + self.rng.random_range(0..1_000));
            if matches!(steps, Steps::All) || matches!(steps, Steps::Only(these) if these.contains(&number)) {
                let told = self.site.trace.told();
                self.strike().await;
                self.taken.push(Step { number, what: self.site.trace.tale(told) });
            }
            <Runtime as AsyncRuntime>::sleep(pause).await;
            if crate::hardware::now() >= over || self.site.judge.is_wrong() {
                return;
            }
        }
    }

    /// Takes the steps so far.
    pub fn take_steps(&mut self) -> Vec<Step> {
        std::mem::take(&mut self.taken)
    }

    async fn strike(&mut self) {
        let all: u32 = self.weights.iter().sum();
        let mut drawn = self.rng.random_range(0..all);
        let part = self.weights.iter().position(|weight| {
            let hit = drawn < *weight;
            drawn = drawn.saturating_sub(*weight);
            hit
        });
        match part.unwrap_or_default() {
            0 => self.hit_paths(),
            1 => self.hit_node(),
            2 => self.hit_world(),
            3 => self.hit_members().await,
            _ => self.ask().await,
        }
    }
}
