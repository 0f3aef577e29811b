//! Checkers of a world's history. Each takes entries and returns violations; none looks at the product.

mod capacity;
mod defined;
mod powered;
mod single_active;

pub use capacity::{Overload, capacity};
pub use defined::{Lost, defined};
pub use powered::{Unpowered, powered};
pub use single_active::{Overlap, single_active};

use super::world::World;

/// All violations in the history of a world.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Verdict {
    /// LPARs that were active on two servers at once: the product's fault.
    pub overlaps: Vec<Overlap>,
    /// LPARs active without power: a fault of the model.
    pub unpowered: Vec<Unpowered>,
    /// Overloaded servers: a fault of the model.
    pub overloads: Vec<Overload>,
    /// Mobile LPARs that were defined nowhere: a fault of the model, since no command removes one.
    pub lost: Vec<Lost>,
}

impl Verdict {
    /// Whether there is no violation.
    pub fn is_clean(&self) -> bool {
        self.overlaps.is_empty() && self.unpowered.is_empty() && self.overloads.is_empty() && self.lost.is_empty()
    }
}

impl World {
    /// Checks the history so far.
    pub fn verdict(&self) -> Verdict {
        let entries = self.history().entries();
        Verdict {
            overlaps: self.violations(),
            unpowered: powered(entries),
            overloads: capacity(self),
            lost: defined(entries),
        }
    }

    /// The world's invariant: returns every time during which an LPAR was active on two servers.
    pub fn violations(&self) -> Vec<Overlap> {
        single_active(self.history().entries())
    }
}
