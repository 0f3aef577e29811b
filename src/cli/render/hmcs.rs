//! HMCs: whether they answer, whom, and how fast.

use super::{
    Style, Tone,
    detail::level_tone,
    moment,
    table::{Field, maybe, names, plain, table, toned},
};
use crate::api::wire::{HmcHeardView, HmcStatus, HmcView, HmcsView, StatusView};
use tenure_core::Span;

/// The table of the HMCs of a status.
pub fn hmcs(view: &StatusView, style: Style) -> String {
    rows(&view.hmcs, view.heard.is_none(), style)
}

/// The same for all HMCs, with what is wrong below it.
pub fn hmcs_whole(view: &HmcsView, style: Style) -> String {
    if view.hmcs.is_empty() {
        return "no HMCs are declared\n".to_owned();
    }
    let mut out = rows(&view.hmcs, true, style);
    out.extend(view.hmcs.iter().map(|hmc| problems(hmc, style)));
    if !view.silent.is_empty() {
        out.push_str(&format!("does not say what it heard: {}\n", view.silent.join(", ")));
    }
    out
}

/// What a node knows that has lost touch is not sure.
fn rows(all: &[HmcView], live: bool, style: Style) -> String {
    if all.is_empty() {
        return String::new();
    }
    let row = |hmc: &HmcView| {
        let answered = hmc.heard.iter().filter_map(|heard| heard.answered_ago).min();
        let took = hmc.heard.iter().filter_map(|heard| heard.took).max();
        let asked: Vec<String> = hmc.heard.iter().map(|heard| heard.node.clone()).collect();
        let (state, tone) = if live { state(hmc) } else { ("not known".to_owned(), Tone::Busy) };
        vec![
            plain(&hmc.name),
            toned(state, tone),
            ago(answered),
            names(&asked),
            maybe(took.map(|took| Span(took).to_string()).as_ref()),
            names(&hmc.servers),
        ]
    };
    let head = ["HMC", "STATE", "LAST ANSWER", "ASKED BY", "ANSWER TIME>", "SERVERS"];
    table(&head, all.iter().map(row).collect(), style)
}

/// Its state in words, and whom it concerns.
fn state(hmc: &HmcView) -> (String, Tone) {
    let nodes = hmc.nodes.join(", ");
    let text = match &hmc.state {
        HmcStatus::Ok => return ("ok".to_owned(), Tone::Good),
        HmcStatus::Silent => format!("does not answer {nodes}"),
        HmcStatus::Refused => format!("refuses user {}", hmc.user),
        HmcStatus::HostKey => format!("shows {nodes} another host key"),
        HmcStatus::OwnKey => format!("no key on {nodes}"),
        HmcStatus::Other(word) => word.clone(),
    };
    (text, level_tone(hmc.level))
}

fn ago(time: Option<u64>) -> Field {
    maybe(time.map(|ms| format!("{} ago", Span::seconds(ms / 1_000))).as_ref())
}

/// Everything about one.
pub fn hmc(view: &HmcView, style: Style) -> String {
    let (state, tone) = state(view);
    let mut out = String::new();
    let mut line = |name: &str, value: &str| out.push_str(&format!("{name:<11} {value}\n"));
    line("HMC", &view.name);
    line("state", &style.paint(tone, &state));
    if let Some(since) = &view.since {
        line("since", &format!("{} UTC", moment(since)));
    }
    if let Some(next) = &view.next_login {
        line(
            "next login",
            &format!("{} UTC, by one node, once; at once with `tenure hmc retry {}`", moment(next), view.name),
        );
    }
    line("address", &view.address);
    line("user", &view.user);
    line("host key", &view.host_key);
    line("servers", &if view.servers.is_empty() { "none".to_owned() } else { view.servers.join(", ") });
    if let Some(every) = &view.read_every {
        line("read every", every);
    }
    if let Some(asker) = &view.asker {
        line("asked by", &format!("{asker}, for all nodes, for the states of all servers at rest"));
    }
    out.push_str(&problems(view, style));
    if !view.heard.is_empty() {
        let row = |heard: &HmcHeardView| {
            let says = match &heard.failure {
                Some(failure) => toned(failure, Tone::Busy),
                None => toned("ok", Tone::Good),
            };
            let took = heard.took.map(|took| Span(took).to_string());
            vec![plain(&heard.node), ago(Some(heard.asked_ago)), ago(heard.answered_ago), maybe(took.as_ref()), says]
        };
        out.push('\n');
        let head = ["NODE", "LAST ASKED", "LAST ANSWER", "ANSWER TIME>", "OUTCOME"];
        out.push_str(&table(&head, view.heard.iter().map(row).collect(), style));
    }
    out
}

fn problems(view: &HmcView, style: Style) -> String {
    view.problems.iter().map(|text| style.paint(level_tone(view.level), text) + "\n").collect()
}
