//! The two clocks of a simulated machine, as the daemon reads those of its own.

use crate::runtime::Machine;
use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};
use tenure::performer::moment::Stillness;
use tenure_core::{Moment, Span};

/// Instants are made from this one: only what lies between two of them is ever looked at.
static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Now, on the clock that never stands still.
pub fn moment(machine: Machine) -> Moment {
    Moment(machine.always() / 1_000_000)
}

/// Now, on the clock that stands still with its machine.
fn instant(machine: Machine) -> Instant {
    *EPOCH + Duration::from_nanos(machine.awake())
}

/// Begins to watch whether a machine stands still.
pub fn watch(machine: Machine) -> Stillness {
    Stillness::from(instant(machine), moment(machine))
}

/// Whether it has stood still since this was last asked.
pub fn has_woken(still: &mut Stillness, machine: Machine) -> bool {
    still.look(instant(machine), moment(machine))
}

/// How long ago something happened that the clock that stands still says was `age` ago.
pub fn age(still: &Stillness, machine: Machine, age: Duration) -> Option<Span> {
    still.age_at(instant(machine), age)
}
