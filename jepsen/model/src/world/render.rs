//! History as text, in one place, so that the demonstration, golden files and failed tests all read the same.

use super::check::Overlap;
use super::history::{Cause, Change, Entry, MoveStep};
use super::moving::MoveKind;
use super::state::SystemState;
use super::world::World;

impl World {
    /// An entry of this world's history in one line, without its time: `db on p1 Starting (hmc1)`.
    pub fn describe(&self, entry: &Entry) -> String {
        match entry.change {
            Change::Power { server, state, cause } => {
                let state = match state {
                    SystemState::NoConnection => "without power",
                    known => known.as_str(),
                };
                format!("{} {state}{}", self.server_name(server), self.because(cause))
            }
            Change::Lpar { server, lpar, state, cause } => {
                let (lpar, server) = (self.lpar_name(lpar), self.server_name(server));
                format!("{lpar} on {server} {state}{}", self.because(cause))
            }
            Change::Definition { server, lpar, defined, cause } => {
                let (lpar, server) = (self.lpar_name(lpar), self.server_name(server));
                let verb = if defined { "defined" } else { "no longer defined" };
                format!("{lpar} {verb} on {server}{}", self.because(cause))
            }
            Change::Move { lpar, kind, from, to, step, cause } => {
                let kind = match kind {
                    MoveKind::Live => "migration",
                    MoveKind::Inactive => "inactive migration",
                    MoveKind::Restart => "remote restart",
                };
                let verb = match step {
                    MoveStep::Begins => "begins",
                    MoveStep::Ends => "ends",
                    MoveStep::Fails => "fails",
                    MoveStep::Stops => "is stopped",
                    MoveStep::Sticks => "needs recovery",
                    MoveStep::Recovers => "is recovered",
                };
                let (from, to) = (self.server_name(from), self.server_name(to));
                format!("{kind} of {} from {from} to {to} {verb}{}", self.lpar_name(lpar), self.because(cause))
            }
            Change::Hang { server, lpar, hung } => {
                let (lpar, server) = (self.lpar_name(lpar), self.server_name(server));
                format!("{lpar} on {server} {}", if hung { "hangs" } else { "goes on" })
            }
            Change::Connection { hmc, server, connected } => {
                let (hmc, server) = (&self.spec.hmcs[hmc.index()].name, self.server_name(server));
                format!("{hmc} {} {server}", if connected { "reaches" } else { "lost" })
            }
            Change::Hmc { hmc, up } => {
                let name = &self.spec.hmcs[hmc.index()].name;
                format!("{name} {}", if up { "up" } else { "down" })
            }
        }
    }

    /// An overlap in one line: `db active on p1 and p2 from 1.200s until 3.400s`.
    pub fn describe_overlap(&self, overlap: &Overlap) -> String {
        let until = overlap.until.map_or("now".into(), |until| until.to_string());
        format!(
            "{} active on {} and {} from {} until {until}",
            self.lpar_name(overlap.lpar),
            self.server_name(overlap.first),
            self.server_name(overlap.second),
            overlap.from,
        )
    }

    fn because(&self, cause: Cause) -> String {
        let cause = match cause {
            Cause::Initial => "initial",
            Cause::Command(hmc) => &self.spec.hmcs[hmc.index()].name,
            Cause::Autostart => "autostart",
            Cause::Restart => "restart",
            Cause::Guest => "operating system",
            Cause::Fault => "fault",
            Cause::ServerDown => "server down",
            Cause::Migration => "migration",
            Cause::Progress => return String::new(),
        };
        format!(" ({cause})")
    }
}
