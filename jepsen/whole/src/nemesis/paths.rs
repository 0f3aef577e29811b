//! Faults of the network and of disks.

use super::Nemesis;
use crate::{
    cluster::Death,
    disk::Disk,
    net::Line,
    runtime::{WORLD, spawn_in},
};
use openraft::async_runtime::AsyncRuntime;
use openraft_rt_sim::SimRuntime;
use rand::{RngExt, rngs::SmallRng};
use std::{sync::Arc, time::Duration};

impl Nemesis {
    pub(super) fn hit_paths(&mut self) {
        let places = self.site.seats.len();
        let (one, other) = (self.roll(places), self.roll(places));
        match self.roll(20) {
            0..=3 => self.cut_off(one),
            4 | 5 => self.cut(one, other, "net: cut one way", false),
            6 | 7 => self.cut(one, other, "net: cut partially", true),
            8 => self.flap(one),
            9 => self.everywhere("net: lossy", |rng, line| line.loss = rng.random_range(20..300)),
            10 => self.everywhere("net: slow", |rng, line| line.slow = rng.random_range(1_000..400_000)),
            11 => self.everywhere("net: repeats", |rng, line| line.twice = rng.random_range(10..200)),
            12 => self.everywhere("net: out of order", |rng, line| line.late = rng.random_range(10..200)),
            13 => {
                self.site.net.heal();
                self.site.trace.tell("the network is whole");
            }
            14 => self.disk(one, "disk: full", |_, disk| disk.fill(true)),
            15 | 16 => self.disk(one, "disk: slow", |rng, disk| {
                disk.slow(Duration::from_millis(rng.random_range(5..2_500)));
            }),
            _ => self.site.seats[one].now().disk.copy(),
        }
    }

    fn cut_off(&mut self, one: usize) {
        self.site.counts.count("net: one cut off");
        self.site.trace.tell(format!("{} is cut off", self.site.seats[one].name));
        for other in (0..self.site.seats.len()).filter(|other| *other != one) {
            self.site.net.change(one, other, |line| line.cut = true);
            self.site.net.change(other, one, |line| line.cut = true);
        }
        self.later(move |site| {
            for other in 0..site.seats.len() {
                site.net.change(one, other, |line| line.cut = false);
                site.net.change(other, one, |line| line.cut = false);
            }
        });
    }

    fn cut(&mut self, one: usize, other: usize, what: &'static str, both: bool) {
        if one == other {
            return;
        }
        self.site.counts.count(what);
        self.site.trace.tell(format!("{what}: {} to {}", self.site.seats[one].name, self.site.seats[other].name));
        self.site.net.change(one, other, |line| line.cut = true);
        if both {
            self.site.net.change(other, one, |line| line.cut = true);
        }
        self.later(move |site| {
            site.net.change(one, other, |line| line.cut = false);
            site.net.change(other, one, |line| line.cut = false);
        });
    }

    /// Cuts a node off and reconnects it, many times.
    fn flap(&mut self, one: usize) {
        self.site.counts.count("net: one comes and goes");
        self.site.trace.tell(format!("{} comes and goes", self.site.seats[one].name));
        let (site, pause) = (Arc::clone(&self.site), self.rng.random_range(50..2_500));
        drop(spawn_in(WORLD, async move {
            for turn in 0..20 {
                for other in (0..site.seats.len()).filter(|other| *other != one) {
                    site.net.change(one, other, |line| line.cut = turn % 2 == 0);
                    site.net.change(other, one, |line| line.cut = turn % 2 == 0);
                }
                SimRuntime::sleep(Duration::from_millis(pause)).await;
            }
        }));
    }

    fn everywhere(&mut self, what: &'static str, change: impl Fn(&mut SmallRng, &mut Line)) {
        self.site.counts.count(what);
        self.site.trace.tell(what);
        for from in 0..self.site.seats.len() {
            for to in (0..self.site.seats.len()).filter(|to| *to != from) {
                let rng = &mut self.rng;
                self.site.net.change(from, to, |line| change(rng, line));
            }
        }
        self.later(|site| site.net.calm());
    }

    fn disk(&mut self, one: usize, what: &'static str, change: impl Fn(&mut SmallRng, &Disk)) {
        let seat = Arc::clone(&self.site.seats[one]);
        self.site.counts.count(what);
        self.site.trace.tell(format!("{what}: {}", seat.name));
        change(&mut self.rng, &seat.now().disk);
        self.later(move |_| {
            let disk = seat.now().disk;
            disk.fill(false);
            disk.slow(Duration::ZERO);
        });
    }

    /// Loses a disk, or resets it to an older state. All others must be intact: a majority that has lost data cannot
    /// be helped.
    pub(super) fn spoil_disk(&mut self) {
        let one = self.roll(self.site.seats.len());
        let whole = self.site.seats.iter().all(|seat| seat.now().refused.is_none() && !seat.now().spoiled);
        if self.site.seats.len() < 3 || !whole || !self.is_voters_whole() {
            return;
        }
        let seat = Arc::clone(&self.site.seats[one]);
        let old = self.roll(2) == 0;
        self.site.kill(&seat, Death::Killed);
        let disk = seat.now().disk;
        if old {
            if disk.restore_copy() {
                seat.with(|state| state.spoiled = true);
                self.site.trace.tell(format!("{} has its disk of a while ago", seat.name));
            }
        } else {
            self.site.trace.tell(format!("{} has lost its disk", seat.name));
            disk.lose();
            seat.with(|state| state.spoiled = true);
        }
    }

    /// Whether the leader has all nodes as voters.
    fn is_voters_whole(&self) -> bool {
        let Some((_, process, raft)) = self.site.leader() else { return false };
        let status = process.act(|| raft.status());
        let ids: Vec<u64> = self.site.seats.iter().map(|seat| seat.now().id).collect();
        !status.members.joint
            && status.members.voters.len() == ids.len()
            && ids.iter().all(|id| status.members.voters.contains_key(id))
    }
}
