//! Earlier processes under the same name: they may have begun every order that was there before a leader first
//! answered this process.

use super::Recall;
use crate::order::{Action, Ending, Order, Report};
use std::collections::BTreeMap;

/// The orders that earlier processes may have begun.
///
/// Two log indexes bound them. One is the last entry that the node's own disk held when this process began: read
/// before consensus starts, never taken from what consensus reports of itself, which may be nothing yet. The other is
/// the index at which a leader beyond doubt first answered this process: an earlier process may have acted on entries
/// that it had applied and its disk does not hold, but not on entries that were committed after this one was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Past {
    stored: u64,
    first_heard: Option<u64>,
}

impl Past {
    /// The bounds for a process that begins now; its disk holds the log up to `stored`.
    pub fn new(stored: u64) -> Self {
        Past { stored, first_heard: None }
    }

    /// Records that a leader beyond doubt answered, at this log index.
    pub fn heard(&mut self, index: u64) {
        self.first_heard = self.first_heard.or(Some(index));
    }

    /// Gives its state to `to`, field by field.
    pub(super) fn recall(&self, to: &mut impl Recall) {
        let Past { stored, first_heard } = self;
        to.word(u64::from(first_heard.is_some()));
        to.past(first_heard.unwrap_or_default().max(*stored));
    }

    /// Whether an earlier process may have taken up an order: any order, as long as no leader has answered this
    /// process.
    pub fn covers(&self, order: &Order) -> bool {
        self.first_heard.is_none_or(|index| order.id.index <= index.max(self.stored))
    }

    /// The report on an order that must not be carried out twice, and that an earlier process may have run.
    pub fn not_again(&self, order: &Order) -> Option<Report> {
        let ending = Ending::Unknown("an earlier process of this node may have run it".into());
        let report = Report { order: order.id, ending, readings: Vec::new(), seen: BTreeMap::new() };
        let once = matches!(order.action, Action::Hook { .. });
        (once && self.covers(order)).then_some(report)
    }

    /// Turns the ending of an order into unknown, if an earlier process may have sent something for the order and the
    /// ending denies that: this process cannot know it.
    pub fn doubt(&self, order: &Order, ending: Ending) -> Ending {
        match ending {
            Ending::Refused(why) | Ending::NotDone(why) if self.covers(order) => {
                Ending::Unknown(format!("{why}; and an earlier process of this node may have sent it").into())
            }
            Ending::Done | Ending::Unknown(_) | Ending::Refused(_) | Ending::NotDone(_) => ending,
        }
    }
}
