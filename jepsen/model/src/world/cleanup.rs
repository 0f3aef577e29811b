//! Remnants of moves on servers that were down or unreachable, and their cleanup by the HMCs
//! (`auto_cleanup_enabled`).

use super::history::{Cause, Change};
use super::id::{HmcId, LparId, ServerId};
use super::partition::{Definition, Partition};
use super::view::Link;
use super::world::World;

impl World {
    /// Whether a definition is a remnant of a move, to be cleaned up.
    pub fn is_remnant(&self, server: ServerId, lpar: LparId) -> bool {
        let place = self.servers.get(server.index()).and_then(|server| Some(&server.slots[server.slot_of(lpar)?]));
        place.is_some_and(|slot| slot.partition.definition == Definition::Remnant)
    }

    /// Plans the HMCs' cleanup of a remnant: some time after the server is up, the LPAR off there, and an HMC
    /// connected.
    pub(super) fn plan_cleanup(&mut self, server: ServerId) {
        if self.mobility.is_empty() {
            return;
        }
        let reached = self.hmcs().any(|hmc| self.can_clean_up(hmc, server));
        let at = self.now + self.spec.timings.cleanup;
        for slot in &mut self.servers[server.index()].slots {
            let place = &mut slot.partition;
            let possible = reached && place.definition == Definition::Remnant && !place.is_active();
            place.cleanup_at = possible.then_some(place.cleanup_at.unwrap_or(at));
        }
    }

    pub(super) fn undefine(&mut self, server: ServerId, lpar: LparId) {
        if let Some(place) = self.place_mut(server, lpar) {
            *place = Partition { definition: Definition::Absent, ..Partition::new(false) };
            let change = Change::Definition { server, lpar, defined: false, cause: Cause::Progress };
            self.history.push(self.now, change);
        }
    }

    /// Whether an HMC can reach a service processor.
    pub(super) fn can_reach(&self, hmc: HmcId, server: ServerId) -> bool {
        let console = &self.hmcs[hmc.index()];
        let view = &console.views[server.index()];
        console.up && view.link == Link::Up && !view.cut && self.servers[server.index()].answers()
    }

    /// Whether an HMC can remove a partition: that needs the hypervisor.
    pub(super) fn can_clean_up(&self, hmc: HmcId, server: ServerId) -> bool {
        self.can_reach(hmc, server) && self.power(server).runs_lpars()
    }
}
