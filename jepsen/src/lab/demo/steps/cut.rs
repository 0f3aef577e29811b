//! Step 5: a node is cut off from the others, and comes back.

use super::management::same;
use crate::lab::demo::{
    cluster::groups_on,
    figures::Figure,
    orders::crash_under_surrogate,
    story::{PATIENCE, Story, Told},
};
use tenure::api::Read;

pub(super) async fn tell(story: &Story) -> Told {
    let status = story.status().await;
    let leader = status.leader.clone().unwrap_or_default();
    // A node that has just returned has no lease yet, so the end of its lease could not be observed.
    let returned = last_returned(story);
    let homes = status.servers.iter().map(|server| server.name.as_str()).filter(|name| *name != leader);
    let home = homes.max_by_key(|name| (Some(*name) != returned.as_deref(), groups_on(&status, name).len()));
    let home = home.unwrap_or_default().to_owned();
    let (cursor, before) = (story.cursor(), story.tenures().await);
    story.did(format!("the network between {home} and the other nodes is cut; its HMC is still reached"));
    let cut = story.now();
    story.must("the cut", story.site.cut(&home))?;
    let lapsed = story.note(cursor, |note| note.kind == "node_lapsed" && note.text.contains(&format!("node {home}:")));
    let (lapsed, _) = story.expect(format!("the lease of {home} is over: it acts no more"), PATIENCE, lapsed).await?;
    story.figures().take(Figure::CutToLapse, cut, lapsed);
    let crashed = crash_under_surrogate(story, &home).await?;
    story.check("nothing moved", story.nothing_moved(cursor, &[(&crashed, &home)]))?;
    behind(story, &home).await?;

    let cursor = story.cursor();
    story.did("the network is mended");
    story.site.network.heal();
    let heard = story.note(cursor, |note| note.kind == "node_returned" && note.text.contains(&format!("node {home}:")));
    story.expect(format!("{home} is heard again"), PATIENCE, heard).await?;
    story.expect(format!("{home} has caught up"), PATIENCE, story.caught_up(&home)).await?;
    let own = story
        .state(|status| status.servers.iter().any(|server| server.name == home && !server.surrogate).then_some(()));
    story.expect(format!("{home} watches its own server again"), PATIENCE, own).await?;
    story.check("nothing moved", story.nothing_moved(cursor, &[]))?;
    let after = story.tenures().await;
    story.check("every group holds the tenure that it held", same(&before, &after))
}

/// The node that was silent most recently.
fn last_returned(story: &Story) -> Option<String> {
    let lines = story.timeline.since(0);
    let last = lines.iter().rev().filter_map(|line| line.note()).find(|note| note.kind == "node_returned")?;
    last.text.strip_prefix("node ")?.split(':').next().map(str::to_owned)
}

/// A node that is cut off is behind the others; only a stale read shows that.
async fn behind(story: &Story, home: &str) -> Told {
    let all = story.status().await.index;
    let own = story.clients[home].status(Read::Stale).await;
    let own = story.must("the node that is cut off still answers a stale read", own)?;
    let what = format!("{home} stands at log index {}, the others at {all}", own.index);
    story.check(what, if own.index < all { Ok(()) } else { Err("it is not behind".to_owned()) })
}
