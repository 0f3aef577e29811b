//! Attributes of groups and brakes of the cluster, as text: `failback=at_once`, `starts=1`.

use super::site::{SiteError, number, span, unknown};
use tenure_core::config::{Brakes, Failback, Group, ServerDown, Shutdown};

/// Sets an attribute of a group that concerns maintenance.
pub(super) fn set_attribute(group: &mut Group, key: &str, value: &str) -> Result<(), SiteError> {
    match (key, value) {
        ("failback", "never") => group.failback = Failback::Never,
        ("failback", "at_once") => group.failback = Failback::AtOnce,
        ("failback", window) => {
            let (from, to) = window.split_once('-').ok_or_else(|| unknown(window))?;
            group.failback = Failback::Window { from: minute(from)?, to: minute(to)? };
        }
        ("server_down", "hold") => group.server_down = ServerDown::Hold,
        ("server_down", "failover") => group.server_down = ServerDown::Failover,
        ("shutdown", "failover") => group.shutdown = Shutdown::Failover,
        ("shutdown", "migrate") => group.shutdown = Shutdown::Migrate,
        ("shutdown", "freeze") => group.shutdown = Shutdown::Freeze,
        ("evacuate", value) => group.evacuate = value == "yes",
        ("frozen", value) => group.frozen = value == "yes",
        ("managed", value) => group.managed = value == "yes",
        _ => return Err(unknown(key)),
    }
    Ok(())
}

/// Sets one of the brakes.
pub(super) fn set_brake(brakes: &mut Brakes, key: &str, value: &str) -> Result<(), SiteError> {
    match key {
        "starts" => brakes.starts = number(value)?,
        "boots" => brakes.boots = number(value)?,
        "stops" => brakes.stops = number(value)?,
        "per_manager" => brakes.per_manager = number(value)?,
        "storm" => brakes.storm = number(value)?,
        "storm_window" => brakes.storm_window = span(value)?,
        "flaps" => brakes.flaps = number(value)?,
        "flap_window" => brakes.flap_window = span(value)?,
        "quarantine" => brakes.quarantine = span(value)?,
        _ => return Err(unknown(key)),
    }
    Ok(())
}

/// `23:30` as minutes after midnight.
fn minute(text: &str) -> Result<u16, SiteError> {
    let (hours, minutes) = text.split_once(':').ok_or_else(|| unknown(text))?;
    Ok(number::<u16>(hours)? * 60 + number::<u16>(minutes)?)
}
