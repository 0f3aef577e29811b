//! The HMC driver against scripted HMCs: real SSH, a little state, and every way to fail that we could think of.

mod commands;
mod faults;
mod identity;
mod limits;
mod logins;
mod marks;
mod moving;
mod server;
mod site;
