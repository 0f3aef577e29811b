//! Step 7: a server loses all power, including its service processor: the HMC has no connection to it, and nothing
//! proves that it is off.

use crate::{
    lab::demo::{
        cluster::groups_on,
        figures::Figure,
        orders::{fault, server, start_ordered},
        story::{PATIENCE, Story, Told},
    },
    world::{Change, Fault},
};
use tenure::api::wire::{GroupStatus, Verb};

/// A group that is stopped first, so that in step 8 a server can start its LPAR by itself without a second copy.
pub(super) const RESTING: &str = "trial";

pub(super) async fn tell(story: &Story) -> Told {
    let cursor = story.cursor();
    story.operator(Verb::Offline { group: RESTING.into(), propagate: false }).await?;
    let off = story.state(|status| {
        let off = status.groups.iter().any(|group| group.name == RESTING && group.state == GroupStatus::Offline);
        off.then(|| status.clone())
    });
    let status = story.expect(format!("{RESTING} is offline"), PATIENCE, off).await?;
    let left = story.note(cursor, |note| note.kind == "vacated" && note.group.as_deref() == Some(RESTING));
    story.expect(format!("{RESTING} has left its server"), PATIENCE, left).await?;
    let leader = status.leader.clone().unwrap_or_default();
    let homes = status.servers.iter().map(|server| server.name.as_str()).filter(|name| *name != leader);
    let lost = homes.max_by_key(|name| groups_on(&status, name).len()).unwrap_or_default().to_owned();
    let groups = groups_on(&status, &lost);
    let at = server(story, &lost)?;

    let cursor = story.cursor();
    fault(
        story,
        format!("{lost} loses all its power, and its service processor with it; it holds {}", groups.join(", ")),
        Fault::CutPower(at),
    )?;
    let noticed =
        |change: &Change| matches!(change, Change::Connection { server, connected: false, .. } if *server == at);
    story.expect("the HMC reads No Connection", PATIENCE, story.change(cursor, noticed)).await?;
    for group in &groups {
        let waits = story.note(cursor, |note| {
            note.kind == "waiting" && note.group.as_ref() == Some(group) && note.text.contains("nothing proves")
        });
        story.expect(format!("{group} waits, and says why"), PATIENCE, waits).await?;
    }
    let lapsed = story.note(cursor, |note| note.kind == "node_lapsed");
    story.expect("the lease of its node is over", PATIENCE, lapsed).await?;
    story.check("nothing moved", story.nothing_moved(cursor, &[]))?;

    let cursor = story.cursor();
    let said = story.now();
    story.did(format!("an operator has seen that {lost} is dark"));
    story.operator(Verb::ConfirmOff { server: lost.as_str().into() }).await?;
    let proven = story.note(cursor, |note| note.kind == "proven_off" && note.server.as_deref() == Some(&lost));
    story
        .expect(format!("{lost} is proven off by an operator's word, and the record says whose"), PATIENCE, proven)
        .await?;
    if let Some(first) = groups.first() {
        let ordered = start_ordered(story, cursor, first);
        let ordered = story.expect(format!("{first} has a start order"), PATIENCE, ordered).await?;
        story.figures().take(Figure::ConfirmToOrder, said, ordered.at);
    }
    story.expect("all of them are online elsewhere", PATIENCE, story.online_elsewhere(&groups, &lost)).await?;
    Ok(())
}
