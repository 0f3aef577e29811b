//! Tests of the HMC driver with scripted HMCs: real SSH, a little state, and all known ways to fail.

mod commands;
mod faults;
mod identity;
mod limits;
mod logins;
mod marks;
mod moving;
mod rounds;
mod server;
mod sharing;
mod site;
mod trial;
mod words;
