//! Consensus as a library: a replicated state machine over mutual TLS.
//!
//! Promises: what [`Handle::propose`] acknowledges was committed by a majority, is durable there, and is applied on every
//! node in the same order; [`Handle::barrier`] makes a local read linearizable on any node; errors tell "certainly not
//! applied" from "unknown". Generic over a [`StateMachine`] and over the async runtime: the product runs on tokio, TLS and
//! sled ([`Raft::start`]), a simulator on virtual time, a simulated network and a simulated disk ([`Raft::assemble`]).
//!
//! Refuses to know what commands mean, who may administer the cluster, and how retries are told apart: a command that must
//! not be applied twice carries its own number.

mod admission;
mod backoff;
mod belief;
mod codec;
#[doc(hidden)]
pub mod fuzz;
mod handle;
mod incoming;
mod machine;
mod message;
mod network;
mod options;
mod pipeline;
mod recover;
mod service;
mod show;
mod start;
mod store;
mod stored;
pub mod tls;
mod trim;
pub mod wire;

pub use handle::{
    CallError, Changes, Ended, FeatureError, Handle, InitializeError, MAX_COMMAND, MemberError, Members, ProposeError,
    Proposed, ReadError, Refusal, Status, TransferError,
};
pub use machine::{AppHandler, RestoreError, StateMachine};
pub use options::{BadTimings, Options, Snapshots, Timings};
pub use recover::{RecoverError, Survivor};
pub use start::{Parts, Raft, StartError};
pub use store::Offload;
pub use stored::{StoredCommand, StoredEntry, StoredError, StoredLog, stored};
pub use tenure_storage::{OpenError, Peer, TokioTypes, Types, begin_witness};
