//! Events, page by page, and as they come.

use super::{Asked, Bounds, By, DEADLINE, Failed, Failure, Freshness, KEEP_ALIVE, Shared, Stopping, view, who};
use axum::{
    Extension,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use futures::{StreamExt, future, stream};
use serde::{Deserialize, Serialize};
use std::{convert::Infallible, sync::Arc};
use tenure_core::{Event, GroupName, ServerName};

/// Most records on a page, but for one entry of the log that has more.
const PAGE: usize = 1000;

#[derive(Deserialize)]
pub(super) struct EventsQuery {
    since: Option<u64>,
    #[serde(default)]
    follow: bool,
    #[serde(default)]
    stale: bool,
    /// Most records, [`PAGE`] at the most; more only if the last entry of the log has several. Fewer mean that there are no more.
    limit: Option<usize>,
}

/// Which records.
#[derive(Deserialize)]
pub(super) struct Which {
    /// Only those about this group, or an instance of it.
    group: Option<GroupName>,
    /// Only those about this server.
    on: Option<ServerName>,
}

impl Which {
    fn takes(&self, event: &Event) -> bool {
        let of = |group: &GroupName| {
            event.group.as_ref().is_some_and(|one| one == group || one.declared() == group.as_str())
        };
        self.group.as_ref().is_none_or(of) && (self.on.is_none() || self.on == event.server)
    }
}

/// Lines of JSON, one record each; empty lines keep the connection alive. Without `since`, all records kept. A follower is
/// told nothing more once the backend admits it no longer, which is asked before each line.
pub(super) async fn events(
    State(backend): Shared,
    By(by): By,
    Extension(Stopping(stop)): Extension<Stopping>,
    Extension(bounds): Extension<Arc<Bounds>>,
    Asked(query): Asked<EventsQuery>,
    Asked(which): Asked<Which>,
) -> Result<Response, Failed> {
    let share = bounds.stream(&by)?;
    let after = query.since.unwrap_or(0);
    // Followers get new records from this node's own log anyway; only a single answer can be linearizable.
    let read = Freshness { stale: query.stale || query.follow }.read();
    let ledger = tokio::time::timeout(DEADLINE, who::seen(&*backend, &by, read)).await;
    let ledger = ledger.map_err(|_| Failed(Failure::Unreachable(format!("no answer within {DEADLINE:?}"))))??;
    let gap = stream::iter(view::gap(&ledger, after)).map(|gap| line(&gap));
    let lines = if query.follow {
        drop(ledger);
        let records = backend.events(after).filter(move |event| future::ready(which.takes(event)));
        let records = records.map(|event| line(&view::event(&event)));
        let ticks = stream::unfold((), async |()| {
            tokio::time::sleep(KEEP_ALIVE).await;
            Some(("\n".to_owned(), ()))
        });
        let admitted = move |_: &String| future::ready(backend.still_admitted(&by));
        gap.chain(stream::select(records, ticks).take_while(admitted).take_until(stop.cancelled_owned())).boxed()
    } else {
        let kept = ledger.journal.iter().filter(|event| event.index > after && which.takes(event));
        let limit = query.limit.map_or(usize::MAX, |limit| limit.clamp(1, PAGE));
        let lines: Vec<String> = page(kept, limit).map(|event| line(&view::event(event))).collect();
        gap.chain(stream::iter(lines)).boxed()
    };
    let body = Body::from_stream(lines.map(move |line| {
        // It is given back when the stream ends.
        let _ = &share;
        Ok::<_, Infallible>(line)
    }));
    Ok(([("content-type", "application/x-ndjson")], body).into_response())
}

/// So many records, and those that the last one's entry has besides: a page begins after a whole entry.
fn page<'a>(all: impl Iterator<Item = &'a Event>, limit: usize) -> impl Iterator<Item = &'a Event> {
    let mut taken = 0;
    let mut last = None;
    all.take_while(move |event| {
        let within = taken < limit || last == Some(event.index);
        (taken, last) = (taken + 1, Some(event.index));
        within
    })
}

fn line(value: &impl Serialize) -> String {
    // These types hold nothing that JSON cannot represent.
    let mut line = serde_json::to_string(value).unwrap_or_default();
    line.push('\n');
    line
}
