//! Views of HMCs.

use super::shown;
use crate::api::{
    backend::HmcHeard,
    wire::{HmcHeardView, HmcStatus, HmcView, HmcsView},
};
use std::collections::BTreeSet;
use tenure_core::{
    HmcName, Ledger, NodeName, Time,
    budget::Budget,
    config::Manager,
    ledger::Trouble,
    note::{self, ClusterWait},
};

/// All HMCs.
pub(super) fn views(ledger: &Ledger) -> Vec<HmcView> {
    let (waits, budget) = (ledger.hmc_waits(), Budget::of(ledger));
    let all = ledger.config.managers.iter();
    all.map(|(name, manager)| HmcView {
        read_every: (budget.servers(name) > 0).then(|| budget.says(name)),
        asker: ledger.asker(name).map(ToString::to_string),
        ..view(ledger, &waits, name, manager)
    })
    .collect()
}

fn view(ledger: &Ledger, waits: &[ClusterWait], name: &HmcName, Manager::Hmc(declared): &Manager) -> HmcView {
    let servers = ledger.config.servers.iter().filter(|(_, server)| server.managers.contains(name));
    let lockout = ledger.hmcs.get(name);
    let refused = ledger.lockouts().find(|wait| is_about(wait, name));
    let mut nodes: BTreeSet<&NodeName> = BTreeSet::new();
    let mut state = if lockout.is_some() { HmcStatus::Refused } else { HmcStatus::Ok };
    let mut since: Option<Time> = None;
    if let Some(lockout) = lockout {
        nodes.extend(ledger.config.nodes.keys().filter(|node| lockout.keeps_away(node)));
    }
    for (node, contact) in ledger.troubles(name) {
        nodes.insert(node);
        since = Some(since.map_or(contact.since, |earlier| earlier.min(contact.since)));
        let worse = match (&contact.trouble, &state) {
            (Trouble::HostKey { .. }, _) => HmcStatus::HostKey,
            (_, HmcStatus::HostKey | HmcStatus::Refused) => continue,
            (Trouble::OwnKey { .. }, _) => HmcStatus::OwnKey,
            (Trouble::Silent { .. }, HmcStatus::OwnKey) => continue,
            (Trouble::Silent { .. }, _) => HmcStatus::Silent,
        };
        state = worse;
    }
    let of_it: Vec<&ClusterWait> = refused.iter().chain(waits.iter().filter(|wait| is_about(wait, name))).collect();
    let level = of_it.iter().map(|wait| wait.level()).max().unwrap_or(note::Level::Info);
    HmcView {
        name: name.to_string(),
        address: declared.address.clone(),
        user: declared.user.clone(),
        host_key: declared.host_key.clone(),
        servers: servers.map(|(server, _)| server.to_string()).collect(),
        read_every: None,
        asker: None,
        state,
        level: level.into(),
        problems: of_it.iter().map(ToString::to_string).collect(),
        nodes: nodes.into_iter().map(ToString::to_string).collect(),
        since: since.map(|at| shown(ledger, at)),
        next_login: lockout.map(|lockout| shown(ledger, lockout.due())),
        heard: Vec::new(),
    }
}

fn is_about(wait: &ClusterWait, name: &HmcName) -> bool {
    match wait {
        ClusterWait::Lockout { hmc, .. }
        | ClusterWait::HmcSilent { hmc, .. }
        | ClusterWait::HmcHostKey { hmc, .. }
        | ClusterWait::HmcOwnKey { hmc, .. } => hmc == name,
        ClusterWait::Disarmed | ClusterWait::GivenUp { .. } | ClusterWait::Storm { .. } => false,
    }
}

/// The same with what nodes heard.
pub(in super::super) fn live(ledger: &Ledger, heard: &[HmcHeard]) -> HmcsView {
    let with = |hmc: HmcView| {
        let heard = heard.iter().filter_map(|one| {
            let (_, heard) = one.heard.as_ref()?.iter().find(|(name, _)| name.as_str() == hmc.name)?;
            Some(heard.clone())
        });
        let heard: Vec<HmcHeardView> = heard.collect();
        HmcView { heard, ..hmc }
    };
    let silent = heard.iter().filter(|one| one.heard.is_none()).map(|one| one.node.to_string());
    HmcsView { hmcs: views(ledger).into_iter().map(with).collect(), silent: silent.collect() }
}
