//! The admin API: HTTPS with client certificates, JSON in and out, events as lines of JSON. And its client.
//!
//! Promises: the wire carries only [`wire`] and the core's [`Verb`](tenure_core::Verb), so that the core may change
//! its other types; every request is bounded in size and time; a request that may have been carried out is never
//! reported as failed. Refuses to know how a node answers: that is behind [`Backend`].

pub mod wire;

mod backend;
mod client;
mod convert;
#[doc(hidden)]
pub mod fuzz;
pub mod part;
mod router;
mod serve;
mod verdict;
mod view;
mod what_if;

pub use backend::{Backend, Failure, HmcHeard, Member, Members, Read};
pub use client::{Answers, Client, ClientError, Heard, Look, Named, Signing, Which};
pub use part::{Only, Part};
pub use serve::{Limits, serve, serve_within};
pub use verdict::{is_amiss_hmc, totals};
pub(crate) use view::time;
pub use view::{Sight, event, group, resource, server, status, why};
pub use what_if::why_not;

/// The code of a refusal by a node that lacks what another one has, before anything was done.
pub(crate) const ELSEWHERE: &str = "not_here";
