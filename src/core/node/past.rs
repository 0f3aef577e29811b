//! What a process knows of those before it under the same name: that they may have begun every order that was there before
//! a leader first answered it.

use super::Recall;
use crate::order::{Action, Ending, Order, Report};
use std::collections::BTreeMap;

/// What may have been done before this process began.
///
/// Two numbers bound it. What the node's own disk held when the process began: read before consensus starts, never from what
/// consensus reports of itself, which may be nothing yet. And the log index at which a leader beyond doubt first answered
/// this process: an earlier one may have acted on what it had applied and its disk does not hold, but not on what was
/// committed after this one was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Past {
    stored: u64,
    first_heard: Option<u64>,
}

impl Past {
    /// A process begins; its disk holds the log up to `stored`.
    pub fn new(stored: u64) -> Self {
        Past { stored, first_heard: None }
    }

    /// A leader beyond doubt answered, at this log index.
    pub fn heard(&mut self, index: u64) {
        self.first_heard = self.first_heard.or(Some(index));
    }

    /// Tells what it remembers.
    pub(super) fn recall(&self, to: &mut impl Recall) {
        let Past { stored, first_heard } = self;
        to.word(u64::from(first_heard.is_some()));
        to.past(first_heard.unwrap_or_default().max(*stored));
    }

    /// Whether an earlier process may have taken up an order. Of a process that no leader has answered, all of them.
    pub fn covers(&self, order: &Order) -> bool {
        self.first_heard.is_none_or(|index| order.id.index <= index.max(self.stored))
    }

    /// What a node says of an order that must not be carried out twice, and that an earlier process may have run.
    pub fn not_again(&self, order: &Order) -> Option<Report> {
        let ending = Ending::Unknown("an earlier process of this node may have run it".to_owned());
        let report = Report { order: order.id, ending, readings: Vec::new(), seen: BTreeMap::new() };
        let once = matches!(order.action, Action::Hook { .. });
        (once && self.covers(order)).then_some(report)
    }

    /// What an earlier process may have sent for an order, this one cannot know: "not done" is not its to say, whatever the
    /// order asks for.
    pub fn doubt(&self, order: &Order, ending: Ending) -> Ending {
        match ending {
            Ending::Refused(why) | Ending::NotDone(why) if self.covers(order) => {
                Ending::Unknown(format!("{why}; and an earlier process of this node may have sent it"))
            }
            Ending::Done | Ending::Unknown(_) | Ending::Refused(_) | Ending::NotDone(_) => ending,
        }
    }
}
