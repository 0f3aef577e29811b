//! Services: groups in tiers.

use super::{
    Style, Tone,
    table::{Field, maybe, plain, table, toned},
};
use crate::api::wire::{ServiceMemberView, ServiceView, StatusView};

/// The services.
pub fn services(view: &StatusView, style: Style) -> String {
    if view.services.is_empty() {
        return String::new();
    }
    let row = |service: &ServiceView| {
        let names = |tier: &Vec<ServiceMemberView>| {
            tier.iter().map(|member| member.group.as_str()).collect::<Vec<_>>().join(", ")
        };
        let online = service.tiers.iter().flatten().filter(|member| member.state == "online").count();
        let all = service.tiers.iter().map(Vec::len).sum::<usize>();
        let tiers: Vec<String> = service.tiers.iter().map(names).collect();
        vec![plain(&service.name), word(&service.state), plain(format!("{online} of {all}")), plain(tiers.join(" > "))]
    };
    table(&["SERVICE", "STATE", "ONLINE", "TIERS"], view.services.iter().map(row).collect(), style)
}

/// The tiers of a service.
pub fn service(view: &ServiceView, style: Style) -> String {
    let tiers = view.tiers.iter().zip(1..);
    let rows = tiers.flat_map(|(tier, place)| {
        tier.iter().map(move |member| {
            let wait = member.wait.as_ref().map_or_else(|| maybe(None), |wait| toned(wait, Tone::Busy));
            vec![plain(place), plain(&member.group), word(&member.state), maybe(member.server.as_ref()), wait]
        })
    });
    let head = format!("service {} is {}\n\n", view.name, style.paint(tone(&view.state), &view.state));
    head + &table(&["TIER>", "GROUP", "STATE", "SERVER", "WAITS"], rows.collect(), style)
}

fn word(state: &str) -> Field {
    toned(state, tone(state))
}

fn tone(state: &str) -> Tone {
    match state {
        "online" => Tone::Good,
        "offline" => Tone::Dim,
        "faulted" | "held" => Tone::Bad,
        _ => Tone::Busy,
    }
}
