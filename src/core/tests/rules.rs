//! The tests of the core, as one program, so that it is linked once.

mod execution;
mod hooks;
mod inside;
mod ledger;
mod listing;
mod logins;
mod loss;
mod machine;
mod maintenance;
mod migration;
mod node;
mod nodes;
mod place;
mod processes;
mod properties;
mod sending;
mod site;
mod state;
mod ties;
mod upkeep;
mod verbs;
mod vouch;
mod what_if;
mod words;
