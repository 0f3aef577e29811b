//! A canonical fingerprint of a world: equal for two worlds with the same future behaviour, whatever their past.
//! Times are relative to now, expired times are all equal, and history is left out.

use super::moving::{Mobility, Move};
use super::partition::{Activity, Boot, Definition, Partition};
use super::server::{Power, Server};
use super::submit::Stage;
use super::time::{Span, Time};
use super::view::{Link, View};
use super::world::World;
use std::hash::{Hash, Hasher};

/// FNV-1a over 128 bits: the same on every machine and in every build, and wide enough for millions of states.
struct Fnv(u128);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        (self.0 >> 64) as u64 ^ self.0 as u64
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013B);
        }
    }
}

/// Maximum age that is distinguished for a server's clock that stands still.
const AGE_LIMIT: Span = Span::seconds(3_600);

impl World {
    /// The fingerprint. Collisions are possible but very unlikely.
    pub fn fingerprint(&self) -> u128 {
        let mut hash = Fnv(0x6C62_272E_07BB_0142_62B8_2175_6295_C58D);
        if self.spec.timings.jitter_percent > 0 {
            self.rng.state().hash(&mut hash);
        }
        for server in &self.servers {
            self.hash_server(server, &mut hash);
        }
        for console in &self.hmcs {
            (console.up, console.slow, console.late, console.may_not_describe).hash(&mut hash);
            (console.lose_answers, console.lose_commands, console.off_already).hash(&mut hash);
            for view in &console.views {
                self.hash_view(view, &mut hash);
            }
        }
        for mobility in &self.mobility {
            self.hash_mobility(mobility, &mut hash);
        }
        for flight in &self.flights.under_way {
            flight.hmc.hash(&mut hash);
            match &flight.stage {
                Stage::Arriving { at, command } => (0_u8, self.until(*at), command).hash(&mut hash),
                Stage::Answering { at, answer } => (1_u8, self.until(*at), answer).hash(&mut hash),
                Stage::Moving { lpar, unheard } => (2_u8, lpar, unheard).hash(&mut hash),
            }
        }
        for (_, _, answer) in &self.flights.answers {
            answer.hash(&mut hash);
        }
        hash.0
    }

    fn until(&self, at: Time) -> Span {
        at.since(self.now)
    }

    fn hash_server(&self, server: &Server, hash: &mut Fnv) {
        match server.power {
            Power::Dead => 0_u8.hash(hash),
            Power::Off => 1_u8.hash(hash),
            Power::Initializing { until } => (2_u8, self.until(until)).hash(hash),
            Power::Operating => 3_u8.hash(hash),
            Power::PoweringOff { until, restart } => (4_u8, self.until(until), restart).hash(hash),
            Power::Dumping { until } => (5_u8, self.until(until)).hash(hash),
            Power::Failed => 6_u8.hash(hash),
        }
        (server.was_on, server.processor_hung, server.shown_as, self.until(server.locked_until)).hash(hash);
        (server.list_as, server.vmi_lost.map(|since| self.now.since(since).min(AGE_LIMIT))).hash(hash);
        for slot in &server.slots {
            self.hash_partition(&slot.partition, hash);
        }
    }

    fn hash_partition(&self, partition: &Partition, hash: &mut Fnv) {
        match partition.activity {
            Activity::NotActivated => 0_u8.hash(hash),
            Activity::Starting { until, outcome } => {
                (1_u8, self.until(until), outcome == Boot::Error).hash(hash);
            }
            Activity::Running => 2_u8.hash(hash),
            Activity::OpenFirmware => 3_u8.hash(hash),
            Activity::ShuttingDown { until, restart } => {
                (4_u8, until.map(|until| self.until(until)), restart).hash(hash);
            }
            Activity::Error => 5_u8.hash(hash),
        }
        (partition.hung, partition.auto_start, partition.failing_starts, partition.was_on, partition.line).hash(hash);
        partition.description.hash(hash);
        partition.autostart_at.map(|at| self.until(at)).hash(hash);
        // Most copies are in this plain state, and explorers take millions of fingerprints.
        let is_plain = (partition.definition, partition.moving, partition.cleanup_at) == (Definition::Here, None, None);
        is_plain.hash(hash);
        if !is_plain {
            (partition.definition, partition.moving, partition.cleanup_at.map(|at| self.until(at))).hash(hash);
        }
        let talk = partition.talk;
        let settled = talk.talking == self.rmc_active(partition);
        let held = if settled { None } else { Some(self.now.since(talk.since)) };
        (talk.talking, held).hash(hash);
    }

    fn hash_mobility(&self, mobility: &Mobility, hash: &mut Fnv) {
        (mobility.doom, mobility.slow).hash(hash);
        if let Some(current) = &mobility.current {
            let Move { kind, from, to, switched, stuck, hmc, orphaned, switch_at, until, flight } = *current;
            (kind, from, to, switched, stuck, hmc, orphaned, flight.is_some()).hash(hash);
            (self.until(switch_at), self.until(until)).hash(hash);
        }
    }

    fn hash_view(&self, view: &View, hash: &mut Fnv) {
        (view.cut, view.shown.system, view.shown.list, &view.shown.lpars).hash(hash);
        match view.link {
            Link::Up => 0_u8.hash(hash),
            Link::Unnoticed { until } => (1_u8, self.until(until)).hash(hash),
            Link::Lost => 2_u8.hash(hash),
            Link::Reconnecting { until } => (3_u8, self.until(until)).hash(hash),
        }
        if view.link != Link::Up {
            self.now.since(view.shown.taken).min(AGE_LIMIT).hash(hash);
        }
        for (at, picture) in &view.coming {
            (self.until(*at), picture.system, picture.list, &picture.lpars).hash(hash);
        }
    }
}
