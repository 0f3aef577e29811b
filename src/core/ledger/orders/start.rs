//! Starts of resources: only under a tenure, and only where nothing can be active elsewhere.

use super::{COMMAND_BUDGET, READ_BACK};
use crate::{
    GroupName, Note, Refusal, ResourceName, ServerName, Time,
    config::Trigger,
    ledger::{Phase, Progress, StartRisk, apply::Applying},
    order::{Action, Ending, Epoch, Order},
};
use std::collections::BTreeSet;

impl Applying<'_> {
    /// Orders a node to start a resource.
    pub(in super::super) fn start(
        &mut self,
        resource: &ResourceName,
        epoch: Epoch,
        restart: bool,
    ) -> Result<(), Refusal> {
        let name = self.ledger.group_of(resource).cloned().ok_or_else(|| Refusal::NoResource(resource.clone()))?;
        let server = self.tenure(&name, epoch)?.server.clone();
        if restart {
            self.restarts_left(&name, resource)?;
        }
        self.may_start(&name, resource, &server)?;
        let node = self.hand(resource, &server)?;
        let vouched = self.vouched(&name, &server)?;
        if restart {
            self.count_restart(&name, resource, &server)?;
        }
        let home = self.ledger.home(self.group(&name)?, resource, &server);
        // Bringing its definition first takes as long as a move.
        let budget = match &home {
            None if self.ledger.is_inside(resource) => {
                let declared = self.ledger.config.resources.get(resource);
                declared.map(|declared| declared.start_timeout).unwrap_or_default().plus(READ_BACK)
            }
            Some(_) => COMMAND_BUDGET.plus(self.ledger.migrate_timeout(resource)),
            None => COMMAND_BUDGET,
        };
        let action = Action::Start { group: name.clone(), resource: resource.clone(), epoch, vouched, home };
        let id = self.issue(node, &server, action, budget, Some(name.clone()));
        let now = self.ledger.now;
        let group = self.group_mut(&name)?;
        let run = group.runs.entry(resource.clone()).or_default();
        run.progress = Progress::Ordered(now);
        (run.refused, run.restart, run.lost_since) = (None, false, None);
        if let Some(copy) = group.copies.get_mut(resource).and_then(|copies| copies.get_mut(&server)) {
            (copy.risk, copy.idle) = (StartRisk::Ordered(id), false);
        }
        Ok(())
    }

    fn may_start(&self, name: &GroupName, resource: &ResourceName, server: &ServerName) -> Result<(), Refusal> {
        let group = self.group(name)?;
        if group.frozen {
            return Err(Refusal::Frozen { group: name.clone() });
        }
        if group.hold.is_some() {
            return Err(Refusal::Held { group: name.clone() });
        }
        if group.tenure.as_ref().is_some_and(|tenure| matches!(tenure.phase, Phase::Leaving { .. })) {
            return Err(Refusal::Moving { group: name.clone(), server: server.clone() });
        }
        self.not_migrating(name)?;
        if self.ledger.awaits_hook(name, group) {
            return Err(Refusal::HookFirst { group: name.clone() });
        }
        if self.server(server)?.off.is_some() {
            return Err(Refusal::AlreadyOff { server: server.clone() });
        }
        let copies = group.copies.get(resource).ok_or_else(|| Refusal::NoResource(resource.clone()))?;
        let copy = copies.get(server).ok_or_else(|| Refusal::NoServer(server.clone()))?;
        if copy.stop.is_some() {
            return Err(Refusal::HasOrder { resource: resource.clone(), server: server.clone() });
        }
        if copy.is_active() {
            return Err(Refusal::AlreadyActive { resource: resource.clone(), server: server.clone() });
        }
        copies.keys().try_for_each(|place| {
            // On the server of its tenure, the hypervisor itself lets it start only once.
            let here = place == server;
            if here {
                self.ledger.reads_off(group, resource, place)
            } else {
                let vouched = self.ledger.vouches(group, resource, place);
                let stands_by = self.ledger.is_inside(resource) && self.ledger.stands_by(copies, place);
                if stands_by { Ok(()) } else { vouched }
            }
        })
    }

    /// The number of the next restart within the window, and the limit.
    pub(in super::super) fn restarts_left(
        &self,
        name: &GroupName,
        resource: &ResourceName,
    ) -> Result<(u32, u32), Refusal> {
        let now = self.ledger.now;
        let (limit, window) = self.ledger.restart_limit(resource);
        let run = self.group(name)?.runs.get(resource);
        let before =
            run.map(|run| run.restarts.iter().filter(|at| now.since(**at) < window).count()).unwrap_or_default();
        let count = u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1);
        if count > limit {
            return Err(Refusal::RestartsUsedUp { resource: resource.clone(), limit });
        }
        Ok((count, limit))
    }

    fn count_restart(&mut self, name: &GroupName, resource: &ResourceName, server: &ServerName) -> Result<(), Refusal> {
        let (count, limit) = self.restarts_left(name, resource)?;
        let now = self.ledger.now;
        let run = self.group_mut(name)?.runs.entry(resource.clone()).or_default();
        run.counts_restart(now, limit);
        let ran = run.ran();
        let (group, place) = (name.clone(), server.clone());
        let note = Note::Restarting { group, resource: resource.clone(), server: place, count, limit, ran };
        self.note(note);
        let about = vec![resource.to_string(), format!("restart {count} of {limit}")];
        self.fire(name, Trigger::ResourceRestart, server, about);
        Ok(())
    }

    /// Servers that the executor need not see off again if it cannot read them. A proof that a server is off always
    /// excuses. The last live reading excuses only where the ledger itself knows that the server cannot be read, and
    /// decides with that: where it believes that the server can be read, a failure to read it is news, and earlier
    /// readings prove nothing any more.
    fn vouched(&self, name: &GroupName, server: &ServerName) -> Result<BTreeSet<ServerName>, Refusal> {
        let group = self.group(name)?;
        let places: BTreeSet<&ServerName> = group.copies.values().flat_map(|copies| copies.keys()).collect();
        let known = |place: &&ServerName| {
            self.ledger.servers.get(*place).is_none_or(|state| state.off.is_some() || !state.tells_lpars())
        };
        let off = |place: &&ServerName| {
            *place != server
                && known(place)
                && group.copies.keys().all(|resource| self.ledger.vouches(group, resource, place).is_ok())
        };
        Ok(places.into_iter().filter(off).cloned().collect())
    }

    /// Closes an order to start something. If its outcome is unknown, it may still take effect.
    pub(super) fn close_start(
        &mut self,
        order: &Order,
        resource: &ResourceName,
        epoch: Epoch,
        ending: &Ending,
        from: Time,
    ) {
        let loose = matches!(ending, Ending::Unknown(_));
        let (settles_from, index) = (self.ledger.settles_from(order).max(from), self.ledger.index);
        let given_up = self.ledger.nodes.get(&order.node).is_none_or(|node| node.lapsed().is_some());
        let Some(copy) = self.ordered_copy(order, resource, ending) else { return };
        copy.risk = if loose { StartRisk::Loose(settles_from) } else { StartRisk::None };
        copy.quiet_from = index;
        let Some(name) = self.ledger.group_of(resource).cloned() else { return };
        let Ok(group) = self.group_mut(&name) else { return };
        if group.tenure.as_ref().is_some_and(|tenure| tenure.epoch == epoch) {
            let run = group.runs.entry(resource.clone()).or_default();
            match ending {
                Ending::Refused(why) => run.refused = Some(why.clone()),
                Ending::NotDone(_) => run.forget_order(),
                // A start that was lost with its node says nothing of the resource: the next start is its first.
                Ending::Unknown(_) if given_up => run.forget_order(),
                Ending::Done | Ending::Unknown(_) => {}
            }
        }
        if loose {
            self.note(Note::Loose { group: name, resource: resource.clone(), server: order.server.clone() });
        }
    }
}
