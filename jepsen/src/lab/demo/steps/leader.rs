//! Step 6: the leader is killed.

use crate::lab::demo::{
    figures::Figure,
    story::{PATIENCE, Story, Told},
};
use tenure::api::{Client, wire::Verb};

pub(super) async fn tell(story: &Story) -> Told {
    let leader = story.status().await.leader.unwrap_or_default();
    let (cursor, before) = (story.cursor(), story.tenures().await);
    let acknowledged = story.operator(Verb::Freeze { group: "night".into(), terms: Default::default() }).await?;
    story.did(format!(
        "the leader, {leader}, is killed; freezing night was acknowledged at log index {}",
        acknowledged.index
    ));
    let killed = story.now();
    story.must("the kill", story.site.kill_node(&leader))?;
    let others: Vec<&Client> =
        story.clients.iter().filter(|(name, _)| **name != leader).map(|(_, client)| client).collect();
    story.did("operator: tenure group freeze trial");
    let next = story.ask_all(others, Verb::Freeze { group: "trial".into(), terms: Default::default() });
    let next = story.expect("the next request is committed", PATIENCE, next).await?;
    story.figures().take(Figure::LeaderKilledToCommit, killed, story.now());
    story.must("tenure group freeze trial", next)?;
    let led = story.state(|status| status.leader.clone().filter(|node| *node != leader));
    let new = story.expect("another one leads", PATIENCE, led).await?;
    let status = story.status().await;
    let frozen: Vec<&str> =
        status.groups.iter().filter(|group| group.frozen).map(|group| group.name.as_str()).collect();
    let kept = ["night", "trial"].iter().all(|group| frozen.contains(group));
    story.check(
        format!("{new} knows both: what was acknowledged is still there"),
        if kept { Ok(()) } else { Err(format!("frozen: {}", frozen.join(", "))) },
    )?;
    for group in ["night", "trial"] {
        story.operator(Verb::Unfreeze { group: group.into() }).await?;
    }
    story.check("nothing moved", story.nothing_moved(cursor, &[]))?;
    let after = story.tenures().await;
    story.check("every group holds the tenure that it held", super::management::same(&before, &after))?;
    story.must("the start", story.site.start_node(&leader))?;
    story.did(format!("node {leader} is started again"));
    story.expect(format!("{leader} follows, and has caught up"), PATIENCE, story.caught_up(&leader)).await
}
