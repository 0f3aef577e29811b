//! Whether a node reaches HMCs: what makes another node watch its server.

use crate::HmcName;
use std::collections::BTreeMap;

/// Which HMCs answered a node the last time that it asked them. What they answered does not matter: an HMC that knows nothing
/// of a server is there all the same, and another node would learn no more from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    answered: BTreeMap<HmcName, bool>,
}

impl Reach {
    /// An HMC was asked, and answered or did not.
    pub fn asked(&mut self, hmc: HmcName, answered: bool) {
        self.answered.insert(hmc, answered);
    }

    /// Whether none of those that were asked answered. Who has asked none is taken to reach them.
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
