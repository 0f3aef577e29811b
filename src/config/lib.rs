//! Configuration: text ⇄ types that can hold only valid values.
//!
//! Promises: all mistakes of a file are reported at once, each with its line and column, what is wrong and what to
//! write instead; what [`export()`] writes, [`cluster::parse`] reads back as the same cluster. Refuses to know what a
//! configuration is used for: the rules of a valid cluster are the core's.

pub mod cluster;
mod compound;
mod declared;
mod differences;
pub mod export;
pub mod fields;
mod form;
mod location;
mod problem;
mod quantity;
pub mod reference;
mod schema;
mod syntax;
#[cfg(test)]
mod tests;
mod words;

pub use differences::differences;
pub use export::export;
pub use problem::{Problem, Problems};
pub use quantity::{memory, span};
pub use words::{instead, nearest};
