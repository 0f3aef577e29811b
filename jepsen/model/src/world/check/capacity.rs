//! Invariant: no server carries more memory or processors than it has. Only a fault of the model could violate it.

use crate::world::{ServerId, World};

/// A server that is overloaded now.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Overload {
    /// The server.
    pub server: ServerId,
    /// MiB of its active LPARs, and of those moving to or from it.
    pub memory: u64,
    /// Processing units of its active LPARs, in hundredths.
    pub processors: u64,
}

/// Finds every server that is overloaded now.
pub fn capacity(world: &World) -> Vec<Overload> {
    let load = |server: ServerId| {
        let active = world.lpars().filter(|&lpar| world.holds_resources(server, lpar));
        let add = |sum: Overload, lpar| {
            let spec = world.lpar_spec(lpar);
            Overload {
                memory: sum.memory + spec.memory,
                processors: sum.processors + u64::from(spec.processors),
                ..sum
            }
        };
        active.fold(Overload { server, memory: 0, processors: 0 }, add)
    };
    let fits = |load: &Overload| {
        let spec = world.server_spec(load.server);
        load.memory <= spec.memory && load.processors <= u64::from(spec.processors)
    };
    world.servers().map(load).filter(|load| !fits(load)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{DemoOptions, LparSpec, WorldSpec};

    #[test]
    fn a_planted_overload_is_found() {
        // LPARs that run when the world begins are not checked for room.
        let mut spec = WorldSpec::demo(DemoOptions { servers: 1, lpars: 0, hmcs: 1 });
        let giant = LparSpec { memory: 1 << 40, running_on: Some("p1".into()), ..LparSpec::new("giant", ["p1"]) };
        assert_eq!(capacity(&World::new(spec.clone(), 1).unwrap()), []);
        spec.lpars.push(giant);
        assert_eq!(capacity(&World::new(spec, 1).unwrap()).len(), 1);
    }
}
