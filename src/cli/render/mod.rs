//! Rendering for people. Pure: views in, text out.

mod age;
mod agents;
mod apart;
mod audit;
mod authorities;
mod changes;
mod detail;
mod hmcs;
mod kept;
mod maintenance;
mod nodes;
mod replay;
mod services;
mod status;
mod table;
mod upgrade;
mod users;
mod verdict;
mod what_if;

pub use agents::{agent, agents, warnings};
pub use apart::apart;
pub use audit::audit;
pub use authorities::authorities;
pub use changes::changes;
pub use detail::{error, record, resource, server, server_groups, session, token, warning, why};
pub use hmcs::{hmc, hmcs, hmcs_whole};
pub use maintenance::{rolling, servers};
pub use nodes::members;
pub use replay::{replayed, replays};
pub use services::{service, services};
pub use status::{Rows, groups, resources, status, tables};
pub use upgrade::upgrade;
pub use users::{user, users};
pub use verdict::verdict;
pub use what_if::{capacity, foreseen, losses, why_not};

use anstyle::{AnsiColor, Style as Ansi};

/// Style of text output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether colours are used.
    pub colour: bool,
    /// Longest line, in characters.
    pub width: usize,
}

/// The meaning of a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tone {
    /// Normal operation.
    Good,
    /// In progress, or deserving a look.
    Busy,
    /// An operator has to act.
    Bad,
    /// Less important.
    Dim,
    /// Neutral.
    Plain,
    /// A heading.
    Head,
}

impl Style {
    fn paint(self, tone: Tone, text: &str) -> String {
        let ansi = match tone {
            Tone::Plain => return text.to_owned(),
            Tone::Good => AnsiColor::Green.on_default(),
            Tone::Busy => AnsiColor::Yellow.on_default(),
            Tone::Bad => AnsiColor::Red.on_default().bold(),
            Tone::Dim => Ansi::new().dimmed(),
            Tone::Head => Ansi::new().bold(),
        };
        if self.colour { format!("{ansi}{text}{ansi:#}") } else { text.to_owned() }
    }
}

/// `2026-11-22T03:12:09.120Z` as `2026-11-22 03:12:09`.
fn moment(rfc3339: &str) -> String {
    rfc3339.get(..19).unwrap_or(rfc3339).replace('T', " ")
}

/// A time, without its day if that is today.
fn short_moment(rfc3339: &str, now: &str) -> String {
    let full = moment(rfc3339);
    match (full.split_once(' '), now.get(..10)) {
        (Some((day, time)), Some(today)) if day == today => time.to_owned(),
        _ => full,
    }
}

/// `1 group`, `2 groups`.
fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
