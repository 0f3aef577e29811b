//! The cluster file from outside and inside: all that can be written, all that can be wrong, and the documentation.

mod damage;
mod edit;
mod mistakes;
mod reference;
mod round_trip;
