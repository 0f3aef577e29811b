//! Services: groups in tiers.

use super::{
    Style, Tone, age,
    table::{maybe, plain, table, toned},
};
use crate::api::wire::{GroupStatus, ServiceMemberView, ServiceStatus, ServiceView, StatusView};

/// The services.
pub fn services(view: &StatusView, style: Style) -> String {
    if view.services.is_empty() {
        return String::new();
    }
    let row = |service: &ServiceView| {
        let names = |tier: &Vec<ServiceMemberView>| {
            tier.iter().map(|member| member.group.as_str()).collect::<Vec<_>>().join(", ")
        };
        let known = |member: &ServiceMemberView| {
            view.groups.iter().find(|group| group.name == member.group).is_none_or(|group| group.live)
        };
        let live = view.heard.is_none() && service.tiers.iter().flatten().all(known);
        let (state, tone) = age::unsure(service.state.as_str(), tone(&service.state), live);
        let online = service.tiers.iter().flatten().filter(|member| member.state == GroupStatus::Online).count();
        let all = service.tiers.iter().map(Vec::len).sum::<usize>();
        let tiers: Vec<String> = service.tiers.iter().map(names).collect();
        vec![plain(&service.name), toned(state, tone), plain(format!("{online} of {all}")), plain(tiers.join(" > "))]
    };
    table(&["SERVICE", "STATE", "ONLINE", "TIERS"], view.services.iter().map(row).collect(), style)
}

/// The tiers of a service.
pub fn service(view: &ServiceView, style: Style) -> String {
    let tiers = view.tiers.iter().zip(1..);
    let rows = tiers.flat_map(|(tier, place)| {
        tier.iter().map(move |member| {
            let wait = member.wait.as_ref().map_or_else(|| maybe(None), |wait| toned(wait, Tone::Busy));
            vec![
                plain(place),
                plain(&member.group),
                toned(&member.state, member_tone(&member.state)),
                maybe(member.server.as_ref()),
                wait,
            ]
        })
    });
    let head = format!("service {} is {}\n\n", view.name, style.paint(tone(&view.state), view.state.as_str()));
    head + &table(&["TIER>", "GROUP", "STATE", "SERVER", "WAITS"], rows.collect(), style)
}

fn tone(state: &ServiceStatus) -> Tone {
    match state {
        ServiceStatus::Online => Tone::Good,
        ServiceStatus::Offline => Tone::Dim,
        ServiceStatus::Faulted => Tone::Bad,
        ServiceStatus::Partial | ServiceStatus::Starting | ServiceStatus::Stopping | ServiceStatus::Other(_) => {
            Tone::Busy
        }
    }
}

fn member_tone(state: &GroupStatus) -> Tone {
    match state {
        GroupStatus::Online => Tone::Good,
        GroupStatus::Offline => Tone::Dim,
        GroupStatus::Held => Tone::Bad,
        GroupStatus::Starting
        | GroupStatus::Leaving
        | GroupStatus::Migrating
        | GroupStatus::Pending
        | GroupStatus::Other(_) => Tone::Busy,
    }
}
