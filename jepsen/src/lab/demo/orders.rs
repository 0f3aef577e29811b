//! Actions and conditions shared by several steps.

use super::{
    figures::Figure,
    story::{PATIENCE, Story, Told},
};
use crate::world::{Change, Entry, Fault, LparId, LparState, ServerId, Time};

/// A start order that the lab has observed.
#[allow(missing_docs)] // what a name says is not said again
pub struct StartOrder {
    pub at: Time,
    /// The node that has to carry it out.
    pub node: String,
}

/// A server of the world.
pub fn server(story: &Story, name: &str) -> Told<ServerId> {
    let found = story.world(|world| world.server(name));
    found.map_or_else(|| story.check("the server exists", Err(name.to_owned())).and(Err(super::story::Missed)), Ok)
}

/// An LPAR of the world.
pub fn lpar(story: &Story, name: &str) -> Told<LparId> {
    let found = story.world(|world| world.lpar(name));
    found.map_or_else(|| story.check("the LPAR exists", Err(name.to_owned())).and(Err(super::story::Missed)), Ok)
}

/// Injects a fault. Returns its time.
pub fn fault(story: &Story, words: impl std::fmt::Display, fault: Fault) -> Told<Time> {
    story.did(words);
    let done = story.world(|world| world.inject(fault).map(|()| world.now()));
    story.must("it happens", done)
}

/// Crashes an LPAR.
pub fn crash(story: &Story, name: &str, on: &str) -> Told<Time> {
    let crash = Fault::Crash(server(story, on)?, lpar(story, name)?);
    fault(story, format!("LPAR {name} crashes on {on}"), crash)
}

/// Waits for the first start order for a group.
pub async fn start_ordered(story: &Story, cursor: usize, group: &str) -> StartOrder {
    let look = |note: &tenure::api::wire::RecordView| {
        note.kind == "ordered" && note.group.as_deref() == Some(group) && note.text.starts_with("start ")
    };
    let (at, note) = story.note(cursor, look).await;
    let node = note.text.split("ordered from ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or_default();
    StartOrder { at, node: node.to_owned() }
}

/// Waits until an LPAR is truly Running, on this server or on any.
pub async fn running(story: &Story, cursor: usize, name: &str, on: Option<&str>) -> Entry {
    let (id, place) = story.world(|world| (world.lpar(name), on.and_then(|on| world.server(on))));
    let look = |change: &Change| match change {
        Change::Lpar { server, lpar, state: LparState::Running, .. } => {
            Some(*lpar) == id && place.is_none_or(|place| place == *server)
        }
        _ => false,
    };
    story.change(cursor, look).await
}

/// The LPAR of the most important group on a server, among those without a restart so far.
pub async fn fresh_lpar(story: &Story, on: &str) -> Told<(String, String)> {
    let status = story.status().await;
    let order = |name: &String| status.groups.iter().position(|group| group.name == *name);
    let here = status.lpars.iter().filter(|lpar| lpar.server.as_deref() == Some(on) && lpar.restarts == 0);
    let found = here.min_by_key(|lpar| order(&lpar.group)).map(|lpar| (lpar.name.clone(), lpar.group.clone()));
    found.map_or_else(|| story.check("an LPAR runs there", Err(on.to_owned())).and(Err(super::story::Missed)), Ok)
}

/// Crashes an LPAR on a server that is watched by a surrogate, and waits until the surrogate has restarted it there.
pub async fn crash_under_surrogate(story: &Story, on: &str) -> Told<String> {
    let (name, group) = fresh_lpar(story, on).await?;
    let cursor = story.cursor();
    let crashed = crash(story, &name, on)?;
    let ordered = start_ordered(story, cursor, &group);
    let ordered = story.expect("the surrogate is ordered to start it again", PATIENCE, ordered).await?;
    story.figures().take(Figure::CrashToOrder, crashed, ordered.at);
    let by = ordered.node;
    let other = if by == on { Err(format!("{by} was")) } else { Ok(()) };
    story.check(format!("{by} does it, not {on}"), other)?;
    story.expect(format!("{name} is Running again on {on}"), PATIENCE, running(story, cursor, &name, Some(on))).await?;
    Ok(name)
}
