//! A whole cluster in virtual time, from one seed: same seed, same bytes.
//!
//! The node's state machine, consensus, log store, codec and replicated state machine are the product's own; only
//! TLS, SSH and real disks are left out. Around them are a simulated [network](net), [disks](disk), [machines with
//! clocks](runtime), and the model's [hardware]. A [nemesis] injects faults into all of it; then everything is
//! repaired, and must come to rest. The invariants are [judged](judge) at every entry and every moment of the world;
//! faults that take effect are [counted](coverage), queues and logs are [bounded](bounds), and a failing run is
//! [shrunk](shrink).

pub mod bounds;
pub mod cluster;
pub mod coverage;
pub mod disk;
mod effects;
pub mod hardware;
pub mod judge;
pub mod nemesis;
pub mod net;
pub mod operators;
pub mod plant;
pub mod rest;
pub mod run;
pub mod runtime;
pub mod seat;
mod shell;
pub mod shrink;
mod stillness;
pub mod trace;
mod waits;
