//! The physical world: servers with power, service processors, VIO servers, LPARs, and the HMCs that observe them.
//!
//! A [`World`] is a pure, synchronous, deterministic model in milliseconds of virtual time. It does nothing by
//! itself: [`World::advance_to`] lets time pass, [`World::execute`] and [`World::submit`] execute an HMC's commands,
//! [`World::inject`] injects faults, [`World::read`] returns an HMC's reading. The same seed and the same calls give
//! the same world. The lab runs it in real time.
//!
//! An HMC never shows more than a real one could know: readings can be late, lost or meaningless, and acceptance of a
//! command is not its result. The model knows nothing of the product: its terms are those of the hardware.

mod advance;
mod capacity;
pub mod check;
mod cleanup;
mod command;
mod demo;
mod execute;
mod fault;
mod fingerprint;
mod history;
mod id;
mod message;
mod migrate;
mod moving;
mod partition;
mod reading;
mod render;
mod rng;
mod server;
mod spec;
mod spec_check;
mod state;
mod submit;
mod time;
mod timings;
mod view;
#[allow(clippy::module_inception)]
mod world;

pub use command::{Command, OffAlready, Profile, Refusal, Stop};
pub use demo::DemoOptions;
pub use execute::DEFAULT_PROFILE;
pub use fault::{Fault, FaultError};
pub use history::{Cause, Change, Entry, History, MoveStep, StartCounts};
pub use id::{CommandId, HmcId, LparId, ServerId};
pub use moving::{Move, MoveKind};
pub use partition::{Guest, Line};
pub use reading::{Capacity, LparReading, Reading, RmcState};
pub use server::{ListAs, Power};
pub use spec::{BusyPolicy, HmcSpec, LostView, LparKind, LparSpec, ServerSpec, StartPolicy, WorldSpec};
pub use spec_check::SpecError;
pub use state::{Connection, LparState, SystemState};
pub use submit::Answer;
pub use time::{ParseSpanError, Span, Time};
pub use timings::Timings;
pub use world::World;

#[cfg(test)]
mod moving_tests;
#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod tests;
