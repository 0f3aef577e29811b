//! The two clocks of a simulated machine, read as the daemon reads those of its own.

use crate::runtime::Machine;
use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};
use tenure::performer::moment::Stillness;
use tenure_core::{Moment, Span};

/// The base of all instants: only differences between instants are used.
static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Now, on the clock that never stands still.
pub fn moment(machine: Machine) -> Moment {
    Moment(machine.always() / 1_000_000)
}

/// Now, on the clock that stands still while its machine is suspended.
fn instant(machine: Machine) -> Instant {
    *EPOCH + Duration::from_nanos(machine.awake())
}

/// Starts detecting suspensions of a machine.
pub fn watch(machine: Machine) -> Stillness {
    Stillness::from(instant(machine), moment(machine))
}

/// Whether the machine was suspended since the last call.
pub fn has_woken(still: &mut Stillness, machine: Machine) -> bool {
    still.look(instant(machine), moment(machine))
}

/// Time since an event that was `age` ago on the clock that stands still.
pub fn age(still: &Stillness, machine: Machine, age: Duration) -> Option<Span> {
    still.age_at(instant(machine), age)
}
