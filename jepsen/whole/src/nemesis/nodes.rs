//! Faults of the nodes' processes and machines.

use super::Nemesis;
use crate::{
    cluster::{Death, Site},
    runtime::{WORLD, spawn_in},
};
use openraft::async_runtime::AsyncRuntime;
use openraft_rt_sim::SimRuntime;
use rand::RngExt;
use std::{sync::Arc, time::Duration};

impl Nemesis {
    pub(super) fn hit_node(&mut self) {
        let seat = Arc::clone(&self.site.seats[self.rng.random_range(0..self.site.seats.len())]);
        let (counts, trace) = (self.site.counts.clone(), self.site.trace.clone());
        let did = |what: &'static str| {
            counts.count(what);
            trace.tell(format!("{what}: {}", seat.name));
        };
        match self.roll(24) {
            0..=2 => {
                did("node: killed");
                self.site.kill(&seat, Death::Killed);
            }
            3 | 4 => {
                did("node: dies at some await");
                if let Some(process) = seat.now().process {
                    process.light_fuse(self.rng.random_range(1..4_000));
                }
            }
            5 => {
                did("node: killed for good");
                seat.with(|state| state.wanted = false);
                self.site.kill(&seat, Death::Killed);
                self.later(|site| start_all(site));
            }
            6 => start_all(&self.site),
            7..=10 => {
                did("node: power lost");
                self.site.kill(&seat, Death::PowerLost);
            }
            11 => {
                did("node: power lost everywhere");
                let seats = self.site.seats.clone();
                seats.iter().for_each(|seat| self.site.kill(seat, Death::PowerLost));
            }
            12 | 13 => {
                did("node: stopped for a while");
                self.for_a_while(&seat, false);
            }
            14 | 15 => {
                did("node: machine suspended for a while");
                self.for_a_while(&seat, true);
            }
            16 => {
                did("clock: another rate");
                // Nodes tolerate clock rates that differ by this much.
                seat.machine.set_rate(self.rng.random_range(-20_000..20_000));
            }
            17 => {
                did("clock: wall clock jumps");
                let ahead = [0, 7_200_000, 90_000_000][self.roll(3)];
                seat.with(|state| state.ahead = ahead);
            }
            18 | 19 => {
                did("node: reaches no HMC");
                seat.with(|state| state.blind = true);
                let seat = Arc::clone(&seat);
                self.later(move |_| seat.with(|state| state.blind = false));
            }
            20 | 21 => {
                did("node: reaches no HMC");
                let all = self.site.seats.clone();
                all.iter().for_each(|seat| seat.with(|state| state.blind = true));
                self.later(move |_| all.iter().for_each(|seat| seat.with(|state| state.blind = false)));
            }
            _ => self.spoil_disk(),
        }
    }

    fn for_a_while(&mut self, seat: &Arc<crate::seat::Seat>, suspended: bool) {
        let long = [80, 900, 2_500, 5_000, 20_000, 70_000][self.roll(6)];
        let (site, seat) = (Arc::clone(&self.site), Arc::clone(seat));
        let set = move |on: bool| {
            seat.with(|state| if suspended { state.suspended = on } else { state.paused = on });
            site.hold(&seat);
        };
        set(true);
        drop(spawn_in(WORLD, async move {
            SimRuntime::sleep(Duration::from_millis(long)).await;
            set(false);
        }));
    }
}

fn start_all(site: &Site) {
    for seat in &site.seats {
        seat.with(|state| state.wanted = true);
        seat.changed.notify_one();
    }
}
