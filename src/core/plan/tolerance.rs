//! Tolerance in planning: no group is started if the cluster could then not lose as many servers as it should.

use super::Planner;
use crate::{Command, GroupName, ServerName, note::Wait, placement::tolerance::weakness_now};

impl Planner<'_> {
    /// The wait of a group that did not run before, if a loss would be intolerable once it ran there.
    pub(super) fn intolerable(&mut self, name: &GroupName, server: &ServerName) -> Option<Wait> {
        let asked = self.scratch.config.tolerance.clone();
        // A group on its way from one server to another is not left between them.
        let ran = self
            .scratch
            .groups
            .get(name)
            .is_none_or(|group| group.fall.is_some() || (group.last.is_some() && group.prefer.is_some()));
        if asked.servers == 0 || ran {
            return None;
        }
        let mut trial = self.scratch.scratch();
        let grant = Command::Grant { group: name.clone(), server: server.clone() };
        trial.attempt(&self.author, &grant, &mut 0).ok()?;
        let weak = weakness_now(&trial)?;
        if weakness_now(&self.scratch).is_some() {
            return None;
        }
        if asked.warn {
            let _ = self.emit(Command::Warn(weak));
            return None;
        }
        Some(Wait::Tolerance { servers: weak.servers, groups: weak.groups })
    }
}
