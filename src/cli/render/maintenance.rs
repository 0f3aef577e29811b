//! Servers, maintenance in progress, and the order in which all can be drained.

use super::{
    Style, Tone, count, short_moment,
    table::{Field, maybe, names, plain, table, toned},
};
use crate::api::wire::{
    CapacityView, Closed, DrainPurpose, DrainStatus, RollingView, ServerStatus, ServerView, StatusView,
};

/// The servers, and below them those with maintenance in progress.
pub fn servers(view: &StatusView, style: Style) -> String {
    let mut parts = vec![machines(view, style), closed(view, style)];
    parts.retain(|part| !part.is_empty());
    parts.join("\n")
}

fn machines(view: &StatusView, style: Style) -> String {
    if view.servers.is_empty() {
        return String::new();
    }
    // Without any manager, a column of readings would only raise questions.
    let read = view.servers.iter().any(|server| !server.managers.is_empty());
    let out = !read || view.servers.iter().any(|server| server.node_out.is_some());
    // The same holds for capacities that are neither declared nor used.
    let counts = |of: fn(&ServerView) -> &CapacityView| {
        view.servers.iter().map(of).any(|capacity| capacity.used > 0 || capacity.total.is_some())
    };
    let (memory, processors) = (counts(|server| &server.memory), counts(|server| &server.processors));
    let row = |server: &ServerView| {
        let tone = server_tone(&server.state);
        let is_read = !server.managers.is_empty();
        let live = if server.live { "" } else { " (not live)" };
        let reads = maybe(is_read.then(|| format!("{}{live}", server.reads)).as_ref());
        let watcher = match &server.watcher {
            _ if !is_read => maybe(None),
            Some(watcher) if server.surrogate => toned(format!("{watcher} (surrogate)"), Tone::Busy),
            Some(watcher) => plain(watcher),
            None => toned("nobody", Tone::Busy),
        };
        let vios =
            if server.vios_down.is_empty() { maybe(None) } else { toned(server.vios_down.join(", "), Tone::Bad) };
        let cells = [
            (true, plain(&server.name)),
            (true, toned(&server.state, tone)),
            (read, reads),
            (read, watcher),
            (out, node(server)),
            (memory, plain(capacity(&server.memory, tenure_config::memory))),
            (processors, plain(capacity(&server.processors, tenure_core::config::hundredths))),
            (read, vios),
            (true, names(&server.groups)),
        ];
        cells.into_iter().filter_map(|(shown, cell)| shown.then_some(cell)).collect()
    };
    let head = [
        (true, "SERVER"),
        (true, "STATE"),
        (read, "READS"),
        (read, "WATCHED BY"),
        (out, "NODE"),
        (memory, "MEMORY>"),
        (processors, "CPU>"),
        (read, "VIOS DOWN"),
        (true, "GROUPS"),
    ];
    let head: Vec<&str> = head.into_iter().filter_map(|(shown, name)| shown.then_some(name)).collect();
    table(&head, view.servers.iter().map(row).collect(), style)
}

/// The node of a server, and the reason why it may not act; proofs are shown with the nodes.
fn node(server: &ServerView) -> Field {
    match (&server.node, &server.node_out) {
        (Some(node), Some(out)) => toned(format!("{node}: {out}"), Tone::Bad),
        (node, _) => maybe(node.as_ref()),
    }
}

fn capacity(capacity: &CapacityView, show: fn(u64) -> String) -> String {
    match capacity.total {
        Some(total) => format!("{} of {}", show(capacity.used), show(total)),
        None => show(capacity.used),
    }
}

fn closed(view: &StatusView, style: Style) -> String {
    let kept = |server: &&ServerView| server.closed.is_some() || !server.returning.is_empty();
    let row = |server: &ServerView| {
        let left = if server.drain.is_some() { names(&server.groups) } else { maybe(None) };
        let away = server.drain.as_ref().map_or(&server.returning, |drain| &drain.moved);
        let since = server.drain.as_ref().map(|drain| short_moment(&drain.since, &view.at));
        vec![plain(&server.name), why_closed(server, view), maybe(since.as_ref()), left, names(away)]
    };
    let rows: Vec<_> = view.servers.iter().filter(kept).map(row).collect();
    if rows.is_empty() {
        return String::new();
    }
    table(&["MAINTENANCE", "HOW IT IS", "SINCE", "LEFT", "TAKEN AWAY"], rows, style)
}

fn why_closed(server: &ServerView, view: &StatusView) -> Field {
    let mut all = Vec::new();
    if let Some(drain) = &server.drain {
        let what = if drain.purpose == DrainPurpose::Shutdown { "to be powered off: " } else { "" };
        all.push(format!("{what}{}", drain.progress));
    }
    if server.closed == Some(Closed::Frozen) {
        all.push("frozen".to_owned());
    }
    if let Some(until) = &server.quarantine {
        all.push(format!("in quarantine until {}", short_moment(until, &view.at)));
    }
    if server.closed.is_none() {
        all.push("bringing back what the drain took away".to_owned());
    }
    let stuck = server.drain.as_ref().is_some_and(|drain| drain.state == DrainStatus::Stuck);
    toned(all.join("; "), if stuck { Tone::Bad } else { Tone::Busy })
}

/// The tone of a server's state.
pub(super) fn server_tone(state: &ServerStatus) -> Tone {
    match state {
        ServerStatus::Ready => Tone::Good,
        ServerStatus::Dirty | ServerStatus::Unread | ServerStatus::Doubtful | ServerStatus::Other(_) => Tone::Busy,
        ServerStatus::Off | ServerStatus::Open => Tone::Bad,
    }
}

/// The server order for a rolling maintenance, or the reason why there is none.
pub fn rolling(view: &RollingView, style: Style) -> String {
    if let Some(why) = &view.why_not {
        return format!("{}: {why}\n", style.paint(Tone::Bad, "there is no such order"));
    }
    let rows = view.turns.iter().zip(1..).map(|(turn, place)| {
        let why = match turn.moves {
            0 => "nothing moves".to_owned(),
            moves => format!("{} can go elsewhere", count(moves, "group")),
        };
        vec![plain(place), plain(&turn.server), plain(why)]
    });
    let table = table(&["TURN>", "SERVER", "WHY IT CAN"], rows.collect(), style);
    table + "each: `tenure server drain SERVER`, your work, `tenure server undrain SERVER --bring-back`, wait\n"
}
