//! The verdict on a cluster: one line on top, and one for each cause.

use super::{Style, Tone, detail::level_tone, moment, status::now};
use crate::api::wire::{Cause, Level, StatusView, Verdict};

/// The first line, and the causes.
pub fn verdict(view: &StatusView, style: Style) -> String {
    let none = Verdict { ok: false, summary: "not judged".to_owned(), problems: Vec::new() };
    let verdict = view.verdict.as_ref().unwrap_or(&none);
    let mut out = head(view, verdict, style);
    out.extend(verdict.problems.iter().map(|cause| line(cause, style)));
    out
}

fn head(view: &StatusView, verdict: &Verdict, style: Style) -> String {
    let name = if view.cluster.is_empty() { "(no cluster file applied)" } else { &view.cluster };
    let tone = match verdict.level() {
        None => Tone::Good,
        Some(Level::Alarm) => Tone::Bad,
        Some(Level::Info | Level::Warning) => Tone::Busy,
    };
    let word = if verdict.ok { "OK" } else { "ATTENTION" };
    let mut parts = vec![(Tone::Head, format!("cluster {name}"))];
    if view.configured > 0 {
        parts.push((tone, format!("{word}: {}", verdict.summary)));
    }
    parts.extend(quorum(view));
    parts.push(match &view.leader {
        Some(leader) => (Tone::Plain, format!("{leader} leads")),
        None => (Tone::Bad, "nobody leads".to_owned()),
    });
    if view.configured > 0 {
        let time = moment(now(view));
        parts.push((Tone::Plain, format!("{} UTC", time.split_once(' ').map_or(time.as_str(), |(_, time)| time))));
    }
    if view.stale {
        parts.push((Tone::Busy, format!("STALE, as read on {}", view.answered_by)));
    }
    let (mut out, mut used) = (String::new(), 0);
    for (tone, text) in parts {
        let length = text.chars().count();
        let gap = match used {
            0 => "",
            used if used + 2 + length > style.width => "\n  ",
            _ => "  ",
        };
        used = if gap.starts_with('\n') { 2 + length } else { used + gap.len() + length };
        out.push_str(gap);
        out.push_str(&style.paint(tone, &text));
    }
    if view.configured == 0 {
        out.push_str("\nnext: describe the site in a cluster file, then `tenure apply FILE`");
    }
    out + "\n"
}

/// `quorum 3 of 3 (1 may fail)`.
fn quorum(view: &StatusView) -> Option<(Tone, String)> {
    let quorum = view.quorum.as_ref().filter(|quorum| quorum.voters > 0)?;
    let may_fail = match quorum.may_fail() {
        _ if view.heard.is_some() || quorum.answer < quorum.needed => format!("{} needed", quorum.needed),
        0 => "none may fail".to_owned(),
        spare => format!("{spare} may fail"),
    };
    let weak = quorum.answer < quorum.voters || view.heard.is_some();
    let tone = if weak { Tone::Busy } else { Tone::Plain };
    Some((tone, format!("quorum {} of {} ({may_fail})", quorum.answer, quorum.voters)))
}

fn line(cause: &Cause, style: Style) -> String {
    let mark = match cause.level {
        Level::Alarm => "ALARM  ",
        Level::Warning => "WARN   ",
        Level::Info => "       ",
    };
    let lines = wrapped(&cause.text, style.width, mark.len());
    let tone = level_tone(cause.level);
    let painted: Vec<String> = lines
        .iter()
        .enumerate()
        .map(|(at, line)| {
            let lead = if at == 0 { mark.to_owned() } else { " ".repeat(mark.len()) };
            style.paint(tone, &format!("{lead}{line}"))
        })
        .collect();
    painted.join("\n") + "\n"
}

/// Text in lines that leave room for a mark of this length, broken between words, and not within a command.
pub(super) fn wrapped(text: &str, width: usize, mark: usize) -> Vec<String> {
    let room = width.saturating_sub(mark).max(20);
    let mut words: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match words.last_mut().filter(|open| open.matches('`').count() % 2 == 1) {
            Some(command) => {
                command.push(' ');
                command.push_str(word);
            }
            None => words.push(word.to_owned()),
        }
    }
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= room => {
                line.push(' ');
                line.push_str(&word);
            }
            Some(_) | None => lines.push(word),
        }
    }
    lines
}
