//! Hooks: programs of the administrators that run on events. Each is ordered where the event is noted, and only once;
//! nothing waits for it, except that the start of a group waits for its preonline hook.

use super::{GroupState, Ledger, PreOnline, apply::Applying};
use crate::{
    GroupName, NodeName, Note, OrderId, Refusal, ServerName,
    config::{Hook, Trigger},
    note::{FaultReason, Wait},
    order::{Action, Ending, Epoch},
};

impl Ledger {
    /// Whether nothing of the group may be started yet, because its preonline hook has not passed.
    pub fn awaits_hook(&self, name: &GroupName, group: &GroupState) -> bool {
        group.pre_online != PreOnline::Passed && self.hook(name, Trigger::PreOnline).is_some()
    }

    fn hook(&self, name: &GroupName, trigger: Trigger) -> Option<&Hook> {
        self.config.groups.get(name)?.hooks.get(&trigger)
    }

    /// The watcher of the server if its lease is good, otherwise the first node whose lease is.
    fn hook_node(&self, server: &ServerName) -> Option<NodeName> {
        let watcher = self.servers.get(server).filter(|state| self.is_watched(state));
        let able = || self.nodes.iter().find(|(_, node)| node.lapsed().is_none()).map(|(name, _)| name.clone());
        watcher.and_then(|state| state.watcher.clone()).or_else(able)
    }
}

impl Applying<'_> {
    /// Orders the group's hook for an event on that server, if it has one. `about` follows the event, the group and
    /// the server among the arguments.
    pub(super) fn fire(&mut self, name: &GroupName, trigger: Trigger, server: &ServerName, about: Vec<String>) {
        if self.ledger.hook(name, trigger).is_none() {
            return;
        }
        match self.ledger.hook_node(server) {
            Some(node) => drop(self.order_hook(name, trigger, node, server, about)),
            None => self.note(Note::HookNotRun { group: name.clone(), trigger, server: server.clone() }),
        }
    }

    /// Fires the hook for a failed resource.
    pub(super) fn fire_fault(&mut self, name: &GroupName, server: &ServerName, reason: &FaultReason) {
        if let Some(resource) = reason.resource() {
            let about = vec![resource.to_string(), reason.to_string()];
            self.fire(name, Trigger::ResourceFault, server, about);
        }
    }

    /// Fires the hook for a group that fell from its server and finds no other, once.
    pub(super) fn fire_no_failover(&mut self, name: &GroupName, wait: &Wait) {
        if !matches!(wait, Wait::NoTarget { .. }) {
            return;
        }
        let Ok(group) = self.group_mut(name) else { return };
        let Some(fall) = group.fall.as_mut().filter(|fall| !fall.told) else { return };
        fall.told = true;
        let from = fall.from.clone();
        self.fire(name, Trigger::NoFailover, &from, vec![wait.to_string()]);
    }

    /// Makes the preonline hook of a group that was just granted due: nothing of the group is started before it passes.
    pub(super) fn owe_hook(&mut self, name: &GroupName) -> Result<(), Refusal> {
        if self.ledger.hook(name, Trigger::PreOnline).is_some() {
            self.group_mut(name)?.pre_online = PreOnline::Due;
        }
        Ok(())
    }

    /// Orders a node to run the preonline hook of a group.
    pub(super) fn pre_online(&mut self, name: &GroupName, epoch: Epoch) -> Result<(), Refusal> {
        let server = self.tenure(name, epoch)?.server.clone();
        let group = self.group(name)?;
        if group.frozen {
            return Err(Refusal::Frozen { group: name.clone() });
        }
        if group.pre_online != PreOnline::Due {
            return Err(Refusal::NoChange);
        }
        let node = self.watcher(&server)?;
        let order = self.order_hook(name, Trigger::PreOnline, node, &server, Vec::new()).ok_or(Refusal::NoChange)?;
        self.group_mut(name)?.pre_online = PreOnline::Ordered(order);
        Ok(())
    }

    fn order_hook(
        &mut self,
        name: &GroupName,
        trigger: Trigger,
        node: NodeName,
        server: &ServerName,
        about: Vec<String>,
    ) -> Option<OrderId> {
        let hook = self.ledger.hook(name, trigger)?.clone();
        let mut arguments = vec![trigger.word().to_owned(), name.to_string(), server.to_string()];
        arguments.extend(about);
        let action = Action::Hook { group: name.clone(), trigger, program: hook.program, arguments };
        Some(self.issue(node, server, action, hook.timeout, Some(name.clone())))
    }

    /// Takes the ending of a hook, which matters for a preonline hook.
    pub(super) fn close_hook(&mut self, name: &GroupName, id: OrderId, ending: &Ending) {
        let Ok(group) = self.group_mut(name) else { return };
        if group.pre_online == PreOnline::Ordered(id) {
            group.pre_online = match ending {
                Ending::Done => PreOnline::Passed,
                Ending::Refused(why) | Ending::NotDone(why) | Ending::Unknown(why) => PreOnline::Failed(why.clone()),
            };
        }
    }
}
