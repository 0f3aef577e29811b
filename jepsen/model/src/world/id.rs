//! Identities of the parts of a world, as small integers: cheap to copy, ordered, and meaningless in another world.

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(pub $inner);

        impl $name {
            /// Position in the lists of the world's specification.
            pub fn index(self) -> usize {
                self.0 as usize
            }

            pub(super) fn from_index(index: usize) -> Self {
                // A specification is rejected long before it has this many entries (see `spec_check`).
                Self(<$inner>::try_from(index).unwrap_or(<$inner>::MAX))
            }
        }
    };
}

id!(
    /// A physical server ("managed system").
    ServerId(u16)
);
id!(
    /// An LPAR as an identity: its disks, addresses and UUID. Copies of it may be defined on several servers.
    LparId(u16)
);
id!(
    /// A management console.
    HmcId(u16)
);
/// A command handed to an HMC with [`World::submit`](super::World::submit).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CommandId(pub u32);
