//! Step 4: a management LPAR dies while its server runs.

use crate::{
    lab::demo::{
        cluster::groups_on,
        figures::Figure,
        orders::{crash_under_surrogate, fault, lpar, server},
        story::{PATIENCE, Story, Told},
    },
    world::Fault,
};

pub(super) async fn tell(story: &Story) -> Told {
    let status = story.status().await;
    let leader = status.leader.clone().unwrap_or_default();
    // The server with most groups among those whose node is not the leader.
    let homes = status.servers.iter().map(|server| server.name.as_str()).filter(|name| *name != leader);
    let home = homes.max_by_key(|name| groups_on(&status, name).len()).unwrap_or_default().to_owned();
    let management = format!("node-{home}");
    let (cursor, before) = (story.cursor(), story.tenures().await);
    let killed = Fault::Crash(server(story, &home)?, lpar(story, &management)?);
    let words = format!(
        "management LPAR {management} is killed; {home} runs on, with {}",
        groups_on(&status, &home).join(", ")
    );
    let killed = fault(story, words, killed)?;
    let watched = story.note(cursor, |note| note.kind == "watcher_changed" && note.server.as_deref() == Some(&home));
    let watched = story.expect("another node watches the server as surrogate", PATIENCE, watched).await?;
    story.figures().take(Figure::NodeLostToSurrogate, killed, watched.0);
    let lapsed = story.note(cursor, |note| note.kind == "node_lapsed");
    story.expect("the lease of the dead node is over", PATIENCE, lapsed).await?;
    let crashed = crash_under_surrogate(story, &home).await?;
    story.check("nothing moved", story.nothing_moved(cursor, &[(&crashed, &home)]))?;
    let after = story.tenures().await;
    story.check("every group holds the tenure that it held", same(&before, &after))
}

/// Checks that every group has the same server and epoch as before.
pub(super) fn same<T: PartialEq + std::fmt::Debug>(before: &T, after: &T) -> Result<(), String> {
    if before == after { Ok(()) } else { Err(format!("{before:?} became {after:?}")) }
}
