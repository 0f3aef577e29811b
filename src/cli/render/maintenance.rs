//! Servers, maintenance in progress, and the order in which all can be drained.

use super::{
    Style, Tone, age, count, kept, short_moment,
    status::now,
    table::{Field, maybe, names, plain, table, toned},
};
use crate::api::wire::{
    CapacityView, Closed, DrainPurpose, DrainStatus, RollingView, ServerStatus, ServerView, StatusView,
};

/// Fewer columns than this are too few for all that is known of a server.
const NARROW: usize = 100;

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
    // They are shown by `tenure capacity`, too, and narrow terminals have better use for the room.
    let wide = style.width >= NARROW;
    let (memory, processors) = (wide && counts(|server| &server.memory), wide && counts(|server| &server.processors));
    let vios = wide || view.servers.iter().any(|server| !server.vios_down.is_empty());
    let row = |server: &ServerView| {
        let is_read = !server.managers.is_empty();
        let (state, tone) = server_state(server, view.heard.is_some());
        let reads = maybe(is_read.then(|| reads(server, now(view))).as_ref());
        let watcher = match &server.watcher {
            _ if !is_read => maybe(None),
            Some(watcher) if server.surrogate => toned(format!("{watcher} (surrogate)"), Tone::Busy),
            Some(watcher) => plain(watcher),
            None => toned("nobody", Tone::Busy),
        };
        let down =
            if server.vios_down.is_empty() { maybe(None) } else { toned(server.vios_down.join(", "), Tone::Bad) };
        let cells = [
            (true, plain(&server.name)),
            (true, toned(state, tone)),
            (read, reads),
            (read, watcher),
            (out, node(server)),
            (memory, plain(capacity(&server.memory, tenure_config::memory))),
            (processors, plain(capacity(&server.processors, tenure_core::config::hundredths))),
            (read && vios, down),
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
        (read && vios, "VIOS DOWN"),
        (true, "GROUPS"),
    ];
    let head: Vec<&str> = head.into_iter().filter_map(|(shown, name)| shown.then_some(name)).collect();
    table(&head, view.servers.iter().map(row).collect(), style)
}

/// Its state; in doubt on a node that has lost touch with the others (`apart`).
fn server_state(server: &ServerView, apart: bool) -> (String, Tone) {
    let ready = server.state == ServerStatus::Ready;
    age::unsure(server.state.as_str(), server_tone(&server.state), !apart && (server.live || !ready))
}

/// Its reading, with the time at which it was last read live, unless that is now.
pub(super) fn reads(server: &ServerView, now: &str) -> String {
    let last = server.read_at.as_ref().and_then(|at| age::ago(at, now));
    match last {
        _ if server.live => server.reads.clone(),
        Some(ago) => format!("{}, last read {ago}", server.reads),
        None => format!("{} (not live)", server.reads),
    }
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
        let since = server.drain.as_ref().map(|drain| short_moment(&drain.since, now(view)));
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
        let by = kept::short(Some(&drain.kept), now(view));
        let by = if by.is_empty() { by } else { format!(" (asked{by})") };
        all.push(format!("{what}{}{by}", drain.progress));
    }
    if server.closed == Some(Closed::Frozen) {
        all.push(format!("frozen{}", kept::short(server.freeze.as_ref(), now(view))));
    }
    if let Some(until) = &server.quarantine {
        all.push(format!("in quarantine until {}", short_moment(until, now(view))));
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
