//! Tests of the cluster file: reading, writing, mistakes, and the documentation.

mod damage;
mod edit;
mod mistakes;
mod reference;
mod round_trip;
