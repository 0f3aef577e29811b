//! What a request is about.

use super::Asked;
use crate::GroupName;

impl Asked {
    /// The group that was asked for, if one was.
    pub fn group(&self) -> Option<&GroupName> {
        match self {
            Asked::Online { group, .. }
            | Asked::Offline { group }
            | Asked::Switch { group, .. }
            | Asked::Freeze { group }
            | Asked::Unfreeze { group }
            | Asked::Clear { group, .. }
            | Asked::Restart { group, .. }
            | Asked::ResourceOnline { group, .. }
            | Asked::ResourceOffline { group, .. }
            | Asked::Flush { group }
            | Asked::ClearAdminWait { group, .. }
            | Asked::Migrate { group, .. }
            | Asked::Enable { group }
            | Asked::AbortMigration { group } => Some(group),
            Asked::Drain { .. }
            | Asked::Shutdown { .. }
            | Asked::Undrain { .. }
            | Asked::FreezeServer { .. }
            | Asked::UnfreezeServer { .. }
            | Asked::ReleaseServer { .. }
            | Asked::Resume
            | Asked::Disarm
            | Asked::Arm
            | Asked::RetryHmc { .. } => None,
        }
    }
}
