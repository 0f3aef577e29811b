//! What notes and reasons are about: which group, which server, which resource.

use super::{FaultReason, LeaveReason, Note};
use crate::{GroupName, ResourceName, ServerName};

impl Note {
    /// The group that the note is about.
    #[rustfmt::skip]
    pub fn group(&self) -> Option<&GroupName> {
        match self {
            Note::CopyChanged { group, .. } => Some(group),
            Note::NotItself { group, .. } => Some(group),
            Note::Adopted { group, .. } => Some(group),
            Note::Granted { group, .. } => Some(group),
            Note::Restarting { group, .. } => Some(group),
            Note::OnlineNow { group, .. } => Some(group),
            Note::ResourceFaulted { group, .. } => Some(group),
            Note::ResourceBack { group, .. } => Some(group),
            Note::Recycling { group, .. } => Some(group),
            Note::Retrying { group, .. } => Some(group),
            Note::NeedsAdmin { group, .. } => Some(group),
            Note::StoppedOnPurpose { group, .. } | Note::SomebodyElse { group, .. } => Some(group),
            Note::Faulted { group, .. } => Some(group),
            Note::Leaving { group, .. } => Some(group),
            Note::Vacated { group, .. } => Some(group),
            Note::Loose { group, .. } => Some(group),
            Note::Settled { group, .. } => Some(group),
            Note::Held { group, .. } => Some(group),
            Note::Released { group } => Some(group),
            Note::Waiting { group, .. } => Some(group),
            Note::WaitOver { group } => Some(group),
            Note::Removed { group } => Some(group),
            Note::Migrating { group, .. } => Some(group),
            Note::Migrated { group, .. } => Some(group),
            Note::Stayed { group, .. } | Note::MoveSettled { group, .. } => Some(group),
            Note::WrongCopy { group, .. } => Some(group),
            Note::HookNotRun { group, .. } => Some(group),
            Note::FaultsCleared { group, .. } => Some(group),
            Note::Ordered { group, .. } => group.as_ref(),
            Note::Ended { group, .. } => group.as_ref(),
            Note::Requested { what, group, .. } => group.as_ref().or_else(|| what.group()),
            Note::Configured { .. } => None,
            Note::SystemChanged { .. } => None,
            Note::ViosChanged { .. } => None,
            Note::NodeLapsed { .. } | Note::LoginRefused { .. } | Note::LoginAccepted { .. } => None,
            Note::Fragile { .. } => None,
            Note::NodeReturned { .. } => None,
            Note::NodeProvenOff { .. } => None,
            Note::WrongLpar { .. } | Note::NotItsLpar { .. } => None,
            Note::RunsTwice { .. } | Note::OlderStops { .. } | Note::Diverged { .. } => None,
            Note::WatcherChanged { .. } => None,
            Note::ProvenOff { .. } => None,
            Note::Reappeared { .. } => None,
            Note::Cleaned { .. } => None,
            Note::ServerWaiting { .. } => None,
            Note::NotBroughtBack { group, .. } => Some(group),
            Note::Storm { .. } => None,
            Note::Quarantined { .. } => None,
            Note::QuarantineOver { .. } => None,
        }
    }

    /// The server that the note is about.
    #[rustfmt::skip]
    pub fn server(&self) -> Option<&ServerName> {
        match self {
            Note::SystemChanged { server, .. } => Some(server),
            Note::ViosChanged { server, .. } => Some(server),
            Note::CopyChanged { server, .. } => Some(server),
            Note::NotItself { server, .. } => Some(server),
            Note::WatcherChanged { server, .. } => Some(server),
            Note::Adopted { server, .. } => Some(server),
            Note::Granted { server, .. } => Some(server),
            Note::Ordered { server, .. } => Some(server),
            Note::Ended { server, .. } => Some(server),
            Note::Restarting { server, .. } => Some(server),
            Note::OnlineNow { server, .. } => Some(server),
            Note::ResourceFaulted { server, .. } => Some(server),
            Note::ResourceBack { server, .. } => Some(server),
            Note::Recycling { server, .. } => Some(server),
            Note::Retrying { server, .. } => Some(server),
            Note::NeedsAdmin { server, .. } => Some(server),
            Note::StoppedOnPurpose { server, .. } | Note::SomebodyElse { server, .. } => Some(server),
            Note::Faulted { server, .. } => Some(server),
            Note::Leaving { server, .. } => Some(server),
            Note::Vacated { server, .. } => Some(server),
            Note::Loose { server, .. } => Some(server),
            Note::Settled { server, .. } => Some(server),
            Note::ProvenOff { server, .. } => Some(server),
            Note::Reappeared { server } => Some(server),
            Note::Cleaned { server } => Some(server),
            Note::ServerWaiting { server, .. } => Some(server),
            Note::Stayed { server, .. } | Note::MoveSettled { server, .. } => Some(server),
            Note::WrongCopy { server, .. } => Some(server),
            Note::HookNotRun { server, .. } => Some(server),
            Note::Migrating { from, .. } => Some(from),
            Note::Migrated { to, .. } => Some(to),
            Note::Configured { .. } => None,
            Note::Requested { .. } => None,
            Note::NodeLapsed { .. } | Note::LoginRefused { .. } | Note::LoginAccepted { .. } => None,
            Note::Fragile { .. } => None,
            Note::NodeReturned { .. } => None,
            Note::NodeProvenOff { .. } => None,
            Note::WrongLpar { server, .. } | Note::NotItsLpar { server, .. } => Some(server),
            Note::RunsTwice { .. } | Note::OlderStops { .. } | Note::Diverged { .. } => None,
            Note::Held { .. } => None,
            Note::Released { .. } => None,
            Note::Waiting { .. } => None,
            Note::WaitOver { .. } => None,
            Note::FaultsCleared { .. } => None,
            Note::Removed { .. } => None,
            Note::Quarantined { server, .. } => Some(server),
            Note::QuarantineOver { server } => Some(server),
            Note::NotBroughtBack { server, .. } => Some(server),
            Note::Storm { .. } => None,
        }
    }
}

impl FaultReason {
    /// The resource that failed, if it was one.
    pub fn resource(&self) -> Option<&ResourceName> {
        match self {
            FaultReason::Crashed { resource, .. }
            | FaultReason::StartFailed { resource, .. }
            | FaultReason::StartTimeout { resource, .. }
            | FaultReason::Panicked { resource, .. }
            | FaultReason::ViosDown { resource, .. }
            | FaultReason::MonitorTimeout { resource, .. }
            | FaultReason::PersistentDown { resource } => Some(resource),
            FaultReason::PreOnline { .. } => None,
        }
    }
}

impl LeaveReason {
    /// Where a group that leaves this server is to go first of all, if that matters.
    pub fn heads_for<'a>(&'a self, from: &'a ServerName) -> Option<&'a ServerName> {
        match self {
            LeaveReason::Switch(to) | LeaveReason::Follow { to, .. } | LeaveReason::ParentFaulted { to, .. } => {
                Some(to)
            }
            // It is restarted, not moved.
            LeaveReason::TierReturned { .. } => Some(from),
            LeaveReason::Fault
            | LeaveReason::Offline
            | LeaveReason::OnPurpose
            | LeaveReason::NodeOff(_)
            | LeaveReason::Evicted(_)
            | LeaveReason::Service(_)
            | LeaveReason::Unmet { .. }
            | LeaveReason::Drain(_)
            | LeaveReason::Return(_)
            | LeaveReason::Failback(_)
            | LeaveReason::Park => None,
        }
    }

    /// The server that the group is sent to, if it is sent to one.
    pub fn destination(&self) -> Option<&ServerName> {
        match self {
            LeaveReason::Drain(to) | LeaveReason::Return(to) | LeaveReason::Failback(to) | LeaveReason::Switch(to) => {
                Some(to)
            }
            LeaveReason::Fault
            | LeaveReason::Offline
            | LeaveReason::Service(_)
            | LeaveReason::Unmet { .. }
            | LeaveReason::Follow { .. }
            | LeaveReason::ParentFaulted { .. }
            | LeaveReason::TierReturned { .. }
            | LeaveReason::Park
            | LeaveReason::OnPurpose
            | LeaveReason::NodeOff(_)
            | LeaveReason::Evicted(_) => None,
        }
    }
}
