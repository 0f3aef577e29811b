//! Memory and processors: the free capacity of a server for another activation.

use super::command::Refusal;
use super::id::{LparId, ServerId};
use super::reading::Capacity;
use super::world::World;

impl World {
    /// The capacity of a server, total and free.
    pub fn capacity(&self, server: ServerId) -> Capacity {
        let spec = self.server_spec(server);
        let held = self.servers[server.index()].slots.iter().filter(|slot| slot.partition.holds_resources());
        let (mut memory, mut processors) = (0_u64, 0_u32);
        for lpar in held.map(|slot| self.lpar_spec(slot.lpar)) {
            memory += lpar.memory;
            processors += lpar.processors;
        }
        Capacity {
            memory: spec.memory,
            memory_free: spec.memory.saturating_sub(memory),
            processors: spec.processors,
            processors_free: spec.processors.saturating_sub(processors),
        }
    }

    /// Whether a copy takes memory and processors: it is active, or one side of a live migration or remote restart.
    pub fn holds_resources(&self, server: ServerId, lpar: LparId) -> bool {
        let slot = self.servers.get(server.index()).and_then(|server| Some(&server.slots[server.slot_of(lpar)?]));
        slot.is_some_and(|slot| slot.partition.holds_resources())
    }

    pub(super) fn fits(&self, server: ServerId, lpar: LparId) -> Result<(), Refusal> {
        let (free, need) = (self.capacity(server), self.lpar_spec(lpar));
        if need.memory > free.memory_free {
            return Err(Refusal::NotEnoughMemory);
        }
        if need.processors > free.processors_free {
            return Err(Refusal::NotEnoughProcessors);
        }
        Ok(())
    }
}
