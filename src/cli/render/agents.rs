//! Agents: the list of a node's agents, the details of one, and warnings about a cluster file.

use super::{
    Style, Tone,
    table::{maybe, plain, table, toned},
};
use crate::api::wire::{AgentDetailView, AgentsView, ParameterView};
use tenure_core::Span;

/// The agents of a node.
pub fn agents(view: &AgentsView, style: Style) -> String {
    let rows = view.agents.iter().map(|agent| {
        let at = (!agent.at.is_empty()).then_some(&agent.at);
        vec![plain(&agent.agent), plain(&agent.kind), maybe(at)]
    });
    let head = format!("agents of node {}; what one can be told: `tenure agent show AGENT`\n\n", view.node);
    head + &table(&["AGENT", "KIND", "WHERE"], rows.collect(), style)
}

/// The attributes and actions of an agent.
pub fn agent(view: &AgentDetailView, style: Style) -> String {
    let what = if view.short.is_empty() { String::new() } else { format!(": {}", view.short) };
    let mut out = format!("{} on node {}{what}\n", style.paint(Tone::Head, &view.agent), view.node);
    if !view.parameters.is_empty() {
        let row = |parameter: &ParameterView| {
            let must = match (parameter.required, parameter.deprecated) {
                (true, _) => toned("required", Tone::Busy),
                (false, true) => toned("deprecated", Tone::Dim),
                (false, false) => maybe(None),
            };
            let default = parameter.default.as_ref().filter(|default| !default.is_empty());
            vec![plain(&parameter.name), must, plain(&parameter.value), maybe(default), plain(&parameter.short)]
        };
        let head = ["ATTRIBUTE", "MUST", "VALUE", "DEFAULT", "WHAT IT IS"];
        out.push('\n');
        out.push_str(&table(&head, view.parameters.iter().map(row).collect(), style));
    }
    if !view.actions.is_empty() {
        let time = |ms: Option<u64>| ms.map(|ms| Span(ms).to_string());
        let rows = view.actions.iter().map(|action| {
            let (timeout, interval) = (time(action.timeout), time(action.interval));
            vec![plain(&action.name), maybe(timeout.as_ref()), maybe(interval.as_ref()), maybe(action.depth.as_ref())]
        });
        out.push('\n');
        out.push_str(&table(&["ACTION", "TIMEOUT>", "EVERY>", "DEPTH>"], rows.collect(), style));
    }
    out
}

/// Warnings, one line each.
pub fn warnings(warnings: &[String], style: Style) -> String {
    warnings.iter().map(|text| format!("{} {text}\n", style.paint(Tone::Busy, "warning:"))).collect()
}
