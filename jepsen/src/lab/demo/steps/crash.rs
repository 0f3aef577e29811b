//! Step 2: an LPAR crashes and is restarted in place; beyond its restart limit its group moves.

use crate::lab::demo::{
    figures::Figure,
    orders::{crash, running, start_ordered},
    story::{PATIENCE, Story, Told},
};

const GROUP: &str = "office";
const LPAR: &str = "mail";

pub(super) async fn tell(story: &Story) -> Told {
    let home = home(story).await;
    let cursor = story.cursor();
    let crashed = crash(story, LPAR, &home)?;
    let restarting = story.note(cursor, |note| note.kind == "restarting" && note.group.as_deref() == Some(GROUP));
    story.expect("it is restarted in place", PATIENCE, restarting).await?;
    let ordered = story.expect("a start order goes out", PATIENCE, start_ordered(story, cursor, GROUP)).await?;
    story.figures().take(Figure::CrashToOrder, crashed, ordered.at);
    story
        .expect(format!("{LPAR} is Running again on {home}"), PATIENCE, running(story, cursor, LPAR, Some(&home)))
        .await?;
    story.check("nothing moved", story.nothing_moved(cursor, &[(LPAR, &home)]))?;
    let online = story
        .state(|status| status.groups.iter().any(|group| group.name == GROUP && group.wait.is_none()).then_some(()));
    story.expect("the cluster has seen it Running", PATIENCE, online).await?;

    let cursor = story.cursor();
    let crashed = crash(story, LPAR, &home)?;
    let faulted = story.note(cursor, |note| note.kind == "faulted" && note.group.as_deref() == Some(GROUP));
    story.expect("its restarts are used up: the group leaves", PATIENCE, faulted).await?;
    let vacated = story.note(cursor, |note| note.kind == "vacated" && note.group.as_deref() == Some(GROUP));
    story.expect("it has left, with a proof", PATIENCE, vacated).await?;
    let again = running(story, cursor, LPAR, None);
    let found = story.expect(format!("{LPAR} is Running elsewhere"), PATIENCE, again).await?;
    story.figures().take(Figure::CrashToElsewhere, crashed, found.at);
    let groups = [GROUP.to_owned()];
    story.expect("the group is online there", PATIENCE, story.online_elsewhere(&groups, &home)).await?;
    Ok(())
}

async fn home(story: &Story) -> String {
    let tenures = story.state(|status| {
        let group = status.groups.iter().find(|group| group.name == GROUP)?;
        group.server.clone()
    });
    tenures.await
}
