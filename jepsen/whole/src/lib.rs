//! A whole cluster in virtual time, from one seed: same seed, same bytes.
//!
//! Node machine, consensus, log store, codec and state machine are the product's own; only TLS, SSH and real disks are left
//! out. Around them stand a simulated [network](net), [disks](disk), [machines with clocks](runtime), and the model's
//! [hardware]. A [nemesis] breaks all of it; then all is mended, and everything must come to rest. What must hold is
//! [judged](judge) at every entry and every moment of the world; what really happened is [counted](coverage), what
//! must stay small is [bounded](bounds), and a run that goes wrong is [shrunk](shrink).

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
