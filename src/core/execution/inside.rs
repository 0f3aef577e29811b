//! Orders for resources inside a node: its agent acts, and looks again.
//!
//! No other server is read first: only the ledger knows what lives inside other nodes, and it holds the proofs. A
//! stop, or a start that succeeded and does not show, is looked at again for a while; an orderly stop without effect
//! is followed by a clean.

use super::{Answer, Ask, Execution, LONGEST_PAUSE, LocalOperation, Next, START_SHOWS, Stage, ran};
use crate::{
    ForeignText, Power, ResourceName, Seen, Span,
    note::CleanReason,
    order::{Action, Ending},
};

impl Execution {
    /// Sets whether the resource lives inside the node.
    #[must_use]
    pub fn inside(self, inside: bool) -> Self {
        let inside = inside && matches!(self.order.action, Action::Start { .. } | Action::Stop { .. });
        let stage = if inside { Stage::Before } else { self.stage.clone() };
        Execution { inside, stage, ..self }
    }

    /// The first action. Nothing is looked at before it: an agent may be asked for what is so already.
    pub(super) fn first_inside(&self) -> Option<(ResourceName, LocalOperation)> {
        match &self.order.action {
            Action::Start { resource, .. } => Some((resource.clone(), LocalOperation::Start)),
            Action::Stop { resource, grace: Span(0) } => {
                Some((resource.clone(), LocalOperation::Clean(CleanReason::UnexpectedOffline)))
            }
            Action::Stop { resource, .. } => Some((resource.clone(), LocalOperation::Stop)),
            Action::Fence
            | Action::FenceNode { .. }
            | Action::Migrate { .. }
            | Action::StopMigration { .. }
            | Action::Hook { .. } => None,
        }
    }

    /// The next step after an answer.
    pub(super) fn next_inside(&mut self, answer: Answer, elapsed: Span) -> Next {
        let Some(resource) = self.order.action.resource().cloned() else {
            return self.report(ran(answer));
        };
        match (self.stage.clone(), answer) {
            (
                Stage::Before | Stage::Told(..),
                Answer::Probed(_) | Answer::Paused | Answer::Read(_) | Answer::Unread(_),
            ) => self.report(Ending::Unknown("its agent was not answered for".into())),
            (Stage::Before, answer) => match self.first_inside() {
                Some((_, operation)) => self.answered_inside(resource, operation, answer, elapsed),
                None => self.report(ran(answer)),
            },
            (Stage::Told(_, operation), answer) => self.answered_inside(resource, operation, answer, elapsed),
            (Stage::Back { asked, forced, doubt }, Answer::Probed(seen)) => {
                let power = seen.power;
                self.seen.insert(resource.clone(), seen);
                self.probed(resource, power, elapsed, (asked, forced), doubt)
            }
            (Stage::Back { asked, forced, doubt }, Answer::Paused) => self.probe(resource, asked, forced, doubt),
            (_, answer) => self.report(ran(answer)),
        }
    }

    fn answered_inside(
        &mut self,
        resource: ResourceName,
        operation: LocalOperation,
        answer: Answer,
        elapsed: Span,
    ) -> Next {
        let forced = matches!(operation, LocalOperation::Clean(_));
        match answer {
            Answer::Accepted | Answer::Already => self.probe(resource, elapsed, forced, None),
            Answer::NotSent(why) => self.report(Ending::NotDone(why)),
            Answer::Refused(why) if self.order.action.is_start() => self.report(Ending::Refused(why)),
            Answer::Refused(_) if !forced => self.clean(resource, CleanReason::OfflineIneffective),
            Answer::Unknown(_) if !forced && !self.order.action.is_start() => {
                self.clean(resource, CleanReason::OfflineHung)
            }
            // Whether the action has taken effect all the same is looked at, not believed.
            Answer::Refused(why) | Answer::Unknown(why) => self.probe(resource, elapsed, forced, Some(why)),
            Answer::Read(_) | Answer::Unread(_) | Answer::Probed(_) | Answer::Paused => {
                self.report(Ending::Unknown("its agent was not answered for".into()))
            }
        }
    }

    fn probe(&mut self, resource: ResourceName, asked: Span, forced: bool, doubt: Option<ForeignText>) -> Next {
        self.stage = Stage::Back { asked, forced, doubt };
        Next::Ask(Ask::Probe(resource))
    }

    fn clean(&mut self, resource: ResourceName, reason: CleanReason) -> Next {
        let operation = LocalOperation::Clean(reason);
        self.stage = Stage::Told(resource.clone(), operation);
        Next::Ask(Ask::local(resource, operation))
    }

    fn probed(
        &mut self,
        resource: ResourceName,
        power: Power,
        elapsed: Span,
        (asked, forced): (Span, bool),
        doubt: Option<ForeignText>,
    ) -> Next {
        let said = self.seen.get(&resource).map(|seen: &Seen| seen.said.clone()).filter(|said| !said.is_empty());
        let told = |what: String| said.as_ref().map_or(what.clone(), |said| format!("{what}: {said}"));
        let out_of_time = elapsed >= self.order.budget;
        if self.order.action.is_start() {
            return match power {
                Power::Running | Power::Starting => self.report(Ending::Done),
                Power::Off
                | Power::Absent
                | Power::OffOnPurpose
                | Power::Unknown
                | Power::Stopping
                | Power::Moving
                | Power::Missing
                | Power::Error => {
                    if let Some(why) = doubt {
                        return self.report(Ending::Unknown(why));
                    }
                    if out_of_time || elapsed.0 >= asked.plus(START_SHOWS).0 {
                        return self.report(Ending::Unknown(told(format!("it was started, and reads {power}")).into()));
                    }
                    self.rest()
                }
            };
        }
        if power.is_inactive() {
            return self.report(Ending::Done);
        }
        let patience = elapsed.0 >= asked.plus(LONGEST_PAUSE).0;
        if out_of_time || (forced && patience) {
            let why = doubt.unwrap_or_else(|| told(format!("it still reads {power}")).into());
            return self.report(Ending::Unknown(why));
        }
        if !forced && patience && power != Power::Stopping {
            return self.clean(resource, CleanReason::OfflineIneffective);
        }
        self.rest()
    }
}
