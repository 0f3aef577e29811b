//! Step 1: the cluster forms, LPARs are probed, started and placed.

use crate::{
    lab::demo::{
        cluster::unrest,
        figures::resident,
        story::{PATIENCE, Story, Told},
    },
    world::{Change, LparState},
};
use tenure::api::wire::NodeRole;

pub(super) async fn tell(story: &Story) -> Told {
    let cursor = story.cursor();
    story.did("an HMC with three physical servers, each with two VIO servers and a management LPAR; its command line is served over SSH");
    let formed = story.site.form(&mut |what| story.did(what)).await;
    story.must("the cluster forms", formed)?;
    story.expect("three nodes vote, and one of them leads", PATIENCE, voters(story)).await?;
    story.did("operator: tenure apply cluster.toml (6 groups, 7 LPARs, 3 servers)");
    let declared = story.site.declare().await;
    story.must("the cluster file is applied", declared)?;
    let started = |change: &Change| matches!(change, Change::Lpar { state: LparState::Starting, .. });
    story.expect("the first LPAR is started", PATIENCE, story.change(cursor, started)).await?;
    story.check("every LPAR was read on every server before", probed(story, cursor))?;
    let rest = story.state(|status| unrest(status).is_none().then(|| status.clone()));
    let status = story.expect("every group is online on the first server of its list", PATIENCE, rest).await?;
    let misplaced: Vec<String> = status
        .groups
        .iter()
        .filter(|group| group.server.as_ref() != group.system_list.first())
        .map(|group| format!("{} is on {}", group.name, group.server.as_deref().unwrap_or("no server")))
        .collect();
    story.check("no group is anywhere else", if misplaced.is_empty() { Ok(()) } else { Err(misplaced.join(", ")) })?;
    story.check("every LPAR was started once", started_once(story))?;
    story.figures().memory = story.site.pids().values().filter_map(|pid| resident(*pid)).max();
    Ok(())
}

async fn voters(story: &Story) {
    let expected = story.site.names().len();
    story
        .state(|status| {
            let voters =
                status.nodes.iter().filter(|node| matches!(node.role, NodeRole::Leader | NodeRole::Voter)).count();
            (voters == expected && status.leader.is_some()).then_some(())
        })
        .await;
}

/// Whether every server was read before the first start order.
fn probed(story: &Story, cursor: usize) -> Result<(), String> {
    let lines = story.timeline.since(cursor);
    let notes = lines.iter().filter_map(|line| line.note());
    let before = notes.take_while(|note| note.kind != "ordered").filter(|note| note.kind == "system_changed");
    let read: Vec<&str> = before.filter_map(|note| note.server.as_deref()).collect();
    let unread: Vec<&str> = story.site.names().iter().map(String::as_str).filter(|name| !read.contains(name)).collect();
    if unread.is_empty() { Ok(()) } else { Err(format!("not on {}", unread.join(", "))) }
}

fn started_once(story: &Story) -> Result<(), String> {
    let odd = story.world(|world| {
        let work = world.lpars().filter(|&lpar| world.lpar_spec(lpar).kind == crate::world::LparKind::Client);
        let counts = work.map(|lpar| (world.lpar_name(lpar).to_owned(), world.history().starts(lpar).total()));
        counts.filter(|(_, count)| *count != 1).map(|(name, count)| format!("{name}: {count}")).collect::<Vec<_>>()
    });
    if odd.is_empty() { Ok(()) } else { Err(odd.join(", ")) }
}
