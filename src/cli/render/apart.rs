//! A cluster in which no leader is found: who answers, how many are needed, and what is known from before.

use super::{
    Style, Tone, age, moment, short_moment,
    status::{groups, resources, servers_known},
    table::{maybe, plain, table, toned},
    verdict::wrapped,
};
use crate::cli::apart::{Apart, Member};

/// The whole screen.
pub fn apart(apart: &Apart, style: Style) -> String {
    let now = apart.now.as_str();
    let since = match &apart.since {
        Some(since) => {
            let passed = age::passed(since, now).map(|passed| format!(" ({passed})")).unwrap_or_default();
            format!(" since {} UTC{passed}", short_moment(since, now))
        }
        None => String::new(),
    };
    let head = style.paint(Tone::Bad, &format!("NO LEADER{since}."));
    let answer = if apart.answer == 1 { "voters answers" } else { "voters answer" };
    let count = format!("{} of {} {answer}; {} are needed.", apart.answer, apart.voters, apart.needed);
    let mut out = format!("{head} {count}\n");
    let runs = "What runs, runs on. Nothing is started, stopped or moved, unless the nodes that do not answer lead without \
                these.";
    out.extend(wrapped(runs, style.width, 0).into_iter().map(|line| line + "\n"));
    out.push('\n');
    out.push_str(&table(&["NODE", "ANSWERS", "LEADER LAST HEARD", "SAYS"], rows(apart), style));
    out.push('\n');
    let next = wrapped(&apart.next, style.width, 6);
    for (at, line) in next.iter().enumerate() {
        let lead = if at == 0 { style.paint(Tone::Head, "next:") + " " } else { " ".repeat(6) };
        out.push_str(&format!("{lead}{line}\n"));
    }
    if let Some(view) = &apart.known {
        let known =
            format!("as last known on {} at {} UTC; nothing below is sure:", view.answered_by, moment(&view.at));
        out.push_str(&format!("\n{}\n", style.paint(Tone::Busy, &known)));
        for part in [servers_known(view, style), groups(view, style), resources(view, style)] {
            if !part.is_empty() {
                out.push('\n');
                out.push_str(&part);
            }
        }
    }
    out
}

fn rows(apart: &Apart) -> Vec<Vec<super::table::Field>> {
    let row = |member: &Member| {
        let name = if member.name.is_empty() { "?" } else { &member.name };
        let role = if member.voter || member.name.is_empty() { "" } else { " (learner)" };
        let answers = match (&member.answers, &member.why) {
            (true, _) => toned("yes", Tone::Good),
            (false, Some(why)) => toned(format!("no ({why})"), Tone::Bad),
            (false, None) => toned("not asked", Tone::Busy),
        };
        let heard = member.heard.as_ref().map(|at| short_moment(at, &apart.now));
        vec![plain(format!("{name}{role}")), answers, maybe(heard.as_ref()), maybe(member.says.as_ref())]
    };
    apart.members.iter().map(row).collect()
}
