//! What must be so of every ledger, and of every step from one to the next. Checked after every command by the scenario
//! runner, the explorer and the simulator; the ledger itself never relies on it.

use crate::{
    Ledger, ServerName,
    ledger::{Phase, StartRisk},
    note::Note,
    order::Action,
};

/// Everything that is wrong with this ledger, in words. Empty if nothing is.
pub fn state(ledger: &Ledger) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, group) in &ledger.groups {
        if let Some(tenure) = &group.tenure {
            if tenure.epoch > ledger.epoch {
                wrong.push(format!("group {name} holds epoch {}, never granted", tenure.epoch));
            }
            let covered = std::iter::once(&tenure.server).chain(tenure.migration().map(|migration| &migration.to));
            for server in covered {
                if !group.copies.values().all(|copies| copies.contains_key(server)) {
                    wrong.push(format!("group {name} holds a tenure on {server}, outside its list"));
                }
            }
            if tenure.migration().is_some_and(|migration| migration.to == tenure.server) {
                wrong.push(format!("group {name} migrates from {} to itself", tenure.server));
            }
        }
        for (resource, copies) in &group.copies {
            let ordered: Vec<_> =
                copies.iter().filter(|(_, copy)| matches!(copy.risk, StartRisk::Ordered(_))).collect();
            for (server, copy) in &ordered {
                let StartRisk::Ordered(id) = copy.risk else { continue };
                if !ledger.orders.contains_key(&id) {
                    wrong.push(format!("{resource} on {server} waits for order {id}, which does not exist"));
                }
            }
            let able = ordered.iter().filter(|(server, _)| !carries_out_nothing(ledger, server)).count();
            if able > 1 {
                wrong.push(format!("{resource} has start orders on {able} servers"));
            }
        }
    }
    for order in ledger.orders.values() {
        if let Action::Migrate { group, epoch, resource, .. } = &order.action {
            let tenure = ledger.groups.get(group).and_then(|group| group.tenure.as_ref());
            let right = tenure.is_some_and(|tenure| tenure.epoch == *epoch && tenure.migration().is_some());
            if !carries_out_nothing(ledger, &order.server) && !right {
                wrong.push(format!("order {} moves {resource}, which does not migrate under tenure {epoch}", order.id));
            }
        }
        if let Action::Start { group, epoch, resource, .. } = &order.action {
            let tenure = ledger.groups.get(group).and_then(|group| group.tenure.as_ref());
            if tenure.is_some_and(|tenure| tenure.epoch == *epoch && tenure.migration().is_some()) {
                wrong.push(format!("order {} starts {resource} in the middle of a migration", order.id));
            }
            if !carries_out_nothing(ledger, &order.server) && tenure.is_none_or(|tenure| tenure.epoch != *epoch) {
                wrong.push(format!("order {} starts {resource} without its tenure {epoch}", order.id));
            }
        }
    }
    wrong
}

/// A server that is off carries out nothing, so a tenure may end there with an order still out.
fn carries_out_nothing(ledger: &Ledger, server: &ServerName) -> bool {
    ledger.servers.get(server).is_none_or(|state| state.off.is_some() || state.dirty.is_some())
}

/// Everything that is wrong with the step from `before` to `after`, one entry later.
pub fn step(before: &Ledger, after: &Ledger) -> Vec<String> {
    let mut wrong = Vec::new();
    if after.epoch < before.epoch || after.now < before.now || after.index <= before.index {
        wrong.push("epoch, time or index went back".to_owned());
    }
    for (name, group) in &after.groups {
        let Some(old) = before.groups.get(name) else { continue };
        let (was, is) = (old.tenure.as_ref(), group.tenure.as_ref());
        if let (Some(was), Some(is)) = (was, is) {
            if is.epoch < was.epoch {
                wrong.push(format!("group {name} went from epoch {} back to {}", was.epoch, is.epoch));
            }
            if is.epoch == was.epoch && is.server != was.server {
                wrong.push(format!("group {name} changed its server within tenure {}", was.epoch));
            }
        }
        let ended = was.is_some_and(|was| is.is_none_or(|is| is.epoch != was.epoch));
        if ended && !has_proof(before, after, name.as_str()) {
            wrong.push(format!("group {name} lost its tenure without a proof"));
        }
        let leaving = was.is_some_and(|was| matches!(was.phase, Phase::Leaving { .. }));
        let back = is.is_some_and(|is| !matches!(is.phase, Phase::Leaving { .. }));
        if leaving && back && !ended {
            wrong.push(format!("group {name} no longer leaves, within one tenure"));
        }
    }
    wrong
}

fn has_proof(before: &Ledger, after: &Ledger, group: &str) -> bool {
    after.journal.iter().rev().take_while(|record| record.index > before.index).any(|record| {
        matches!(&record.note, Note::Vacated { group: left, .. } | Note::Migrated { group: left, .. }
                if left.as_str() == group)
    })
}
