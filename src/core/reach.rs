//! Reachability of the HMCs from a node: if it reaches none, another node watches its server.

use crate::HmcName;
use std::collections::BTreeMap;

/// The HMCs that a node has asked, and whether each answered the last time. The content of the answer does not
/// matter: an HMC that knows nothing of a server is reachable all the same, and another node would learn no more from
/// it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    answered: BTreeMap<HmcName, bool>,
}

impl Reach {
    /// Records whether an HMC that was asked answered.
    pub fn asked(&mut self, hmc: HmcName, answered: bool) {
        self.answered.insert(hmc, answered);
    }

    /// Whether HMCs were asked and none answered the last time. A node that has asked none counts as reaching them.
    pub fn is_blind(&self) -> bool {
        !self.answered.is_empty() && !self.answered.values().any(|answered| *answered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_gets_no_answer_from_any_is_blind() {
        let mut reach = Reach::default();
        assert!(!reach.is_blind(), "nothing was asked yet");
        reach.asked("hmc1".into(), false);
        assert!(reach.is_blind());
        reach.asked("hmc2".into(), true);
        assert!(!reach.is_blind(), "one of them answers");
        reach.asked("hmc2".into(), false);
        assert!(reach.is_blind());
        reach.asked("hmc1".into(), true);
        assert!(!reach.is_blind());
    }
}
