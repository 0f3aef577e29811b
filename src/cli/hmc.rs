//! `tenure hmc`.

use super::{Context, Exit, Fault, Terminal, args::Hmc, group::request, names, render};
use crate::api::{
    Read,
    wire::{HmcStatus, HmcView, HmcsView},
};
use tenure_core::{HmcName, Verb};

pub(super) async fn hmc(command: Hmc, context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    match command {
        Hmc::List => {
            let view = context.client.hmcs(context.read()).await?;
            if context.json() {
                terminal.json(&view)?;
            } else {
                terminal.print(&render::hmcs_whole(&view, terminal.style))?;
            }
            Ok(Exit::Done)
        }
        Hmc::Show { hmc } => {
            let view = context.client.hmcs(context.read()).await?;
            let found = find(&hmc, view, context).await?;
            show(&found, context, terminal)?;
            Ok(Exit::Done)
        }
        Hmc::Check { hmc } => {
            let found = context.client.hmc_check(hmc.as_str()).await?;
            show(&found, context, terminal)?;
            let well = found.state == HmcStatus::Ok && found.heard.iter().all(|heard| heard.failure.is_none());
            Ok(if well { Exit::Done } else { Exit::Wrong })
        }
        Hmc::Retry { hmc } => request(context, terminal, Verb::RetryHmc { hmc }, None).await,
    }
}

async fn find(name: &HmcName, view: HmcsView, context: &Context) -> Result<HmcView, Fault> {
    if let Some(found) = view.hmcs.into_iter().find(|one| one.name == name.as_str()) {
        return Ok(found);
    }
    names::known("hmc", name.as_str(), &context.client.status(Read::Stale).await?)?;
    Err(Fault::usage(format!("there is no HMC {name}"), "see `tenure hmc list`"))
}

fn show(view: &HmcView, context: &Context, terminal: &mut Terminal) -> Result<(), Fault> {
    if context.json() { terminal.json(view) } else { terminal.print(&render::hmc(view, terminal.style)) }
}
