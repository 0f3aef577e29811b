//! The admin API and the admin client, over real TLS sockets, with a fake node that holds a real ledger.

mod agents;
mod api;
mod backup;
mod binary;
mod commands;
mod fake;
mod hmcs;
mod kept;
mod maintenance;
mod messages;
mod pages;
mod render;
mod replay;
mod status;
mod strangers;
mod trust;
mod upgrade;
mod what_if;
