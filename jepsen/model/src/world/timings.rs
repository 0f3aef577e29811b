//! Durations in a world. The defaults suit a demonstration; real hardware takes minutes where these take seconds.

use super::time::Span;
use serde::{Deserialize, Serialize};

/// Durations that belong to servers and service processors rather than to one LPAR or one HMC.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timings {
    /// From power-on to the hypervisor being up.
    pub power_on: Span,
    /// From an immediate power-off order to power being off.
    pub power_off: Span,
    /// Maximum time that a delayed power-off waits for operating systems to stop.
    pub power_off_grace: Span,
    /// Length of a platform dump after a checkstop.
    pub dump: Span,
    /// From `shutdown --immed` to the LPAR being off.
    pub hard_off: Span,
    /// Boot of a VIO server.
    pub vios_boot: Span,
    /// From a running operating system to `rmc_state=active`.
    pub rmc_up: Span,
    /// From a silent operating system to `rmc_state=inactive`.
    pub rmc_down: Span,
    /// Time that an HMC waits for an operating system that does not answer `osshutdown`.
    pub rmc_timeout: Span,
    /// From the loss of a service processor to an HMC noticing.
    pub link_detect: Span,
    /// From the return of a service processor to an HMC being connected again.
    pub reconnect: Span,
    /// From the beginning of a live migration to its end.
    pub migration: Span,
    /// The last part of it, after the switchover.
    pub migration_tail: Span,
    /// Migration of an LPAR that is off.
    pub inactive_migration: Span,
    /// From the beginning of a remote restart to the LPAR being activated on the target.
    pub remote_restart: Span,
    /// Time that HMCs need to clean up a remnant on a server that is up and connected again.
    pub cleanup: Span,
    /// Time for which a change locks its managed system against other changes.
    pub lock: Span,
    /// Boot, stop, power and move times are lengthened by up to this many percent of themselves, drawn from the seed.
    pub jitter_percent: u8,
}

impl Default for Timings {
    fn default() -> Self {
        Timings {
            power_on: Span::millis(2_500),
            power_off: Span::millis(600),
            power_off_grace: Span::seconds(5),
            dump: Span::seconds(2),
            hard_off: Span::millis(200),
            vios_boot: Span::millis(700),
            rmc_up: Span::millis(500),
            rmc_down: Span::seconds(3),
            rmc_timeout: Span::seconds(4),
            link_detect: Span::millis(800),
            reconnect: Span::millis(700),
            migration: Span::seconds(8),
            migration_tail: Span::seconds(1),
            inactive_migration: Span::seconds(2),
            remote_restart: Span::seconds(2),
            cleanup: Span::millis(300),
            lock: Span::millis(60),
            jitter_percent: 0,
        }
    }
}

impl Timings {
    /// Zero durations where possible: for exhaustive exploration, where the order of events is chosen outside and
    /// every duration only multiplies states.
    pub fn instant() -> Self {
        Timings {
            power_on: Span::ZERO,
            power_off: Span::ZERO,
            power_off_grace: Span::ZERO,
            dump: Span::ZERO,
            hard_off: Span::ZERO,
            vios_boot: Span::ZERO,
            rmc_up: Span::ZERO,
            rmc_down: Span::ZERO,
            rmc_timeout: Span::ZERO,
            link_detect: Span::ZERO,
            reconnect: Span::ZERO,
            migration: Span::ZERO,
            migration_tail: Span::ZERO,
            inactive_migration: Span::ZERO,
            remote_restart: Span::ZERO,
            cleanup: Span::ZERO,
            lock: Span::ZERO,
            jitter_percent: 0,
        }
    }
}
