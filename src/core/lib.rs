//! The core of Tenure: the replicated state, and the decisions about it.
//!
//! Two pure functions carry everything that matters: [`Ledger::apply`] is the only way the replicated state changes and
//! enforces the invariants; [`plan`](plan::plan) decides what to propose next. The crate promises to be total and
//! deterministic: no I/O, no clock, no randomness, no hash iteration, no floats, no panics. It refuses to know how facts
//! arrive and how orders are carried out on a wire.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::float_arithmetic,
    clippy::wildcard_enum_match_arm
)]

pub mod audit;
pub mod authority;
pub mod budget;
pub mod codec;
pub mod command;
pub mod config;
pub mod contacts;
pub mod event;
pub mod execution;
pub mod foreign;
pub mod invariants;
pub mod ledger;
pub mod level;
pub mod listing;
pub mod name;
pub mod node;
pub mod note;
pub mod order;
pub mod pace;
pub mod placement;
pub mod plan;
pub mod reach;
pub mod reading;
pub mod refusal;
mod row;
pub mod terms;
pub mod time;
pub mod trust;
pub mod verb;
pub mod view;
pub mod what_if;
pub mod words;

#[cfg(feature = "next-level")]
#[path = "next/rehearsal.rs"]
mod rehearsal;

pub use command::{Author, Command, Entry, Outcome, Request, RequestId};
pub use event::{Event, Rejection, Reply, Subject};
pub use foreign::{ForeignLines, ForeignText, Sentence};
pub use ledger::Ledger;
pub use level::Level;
pub use name::{GroupName, HmcName, NodeName, ResourceName, RuleName, ServerName, ServiceName, UserName};
pub use note::{Note, Record};
pub use order::{Action, Order, OrderId, Report};
pub use reading::{Inside, Power, Reading, Seen, SystemState};
pub use refusal::Refusal;
pub use terms::Terms;
pub use time::{Moment, Span, Time};
pub use trust::Caller;
pub use verb::Verb;
pub use view::View;
