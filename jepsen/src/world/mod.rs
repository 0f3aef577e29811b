//! The physical world.
