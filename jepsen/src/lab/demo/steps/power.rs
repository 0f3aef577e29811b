//! Step 3: a physical server goes off while its service processor stays up; then the server of the leader. A server
//! that loses all power loses its service processor too: that is step 7.

use crate::{
    lab::demo::{
        cluster::{Tenures, groups_on},
        figures::Figure,
        orders::{fault, running, server, start_ordered},
        story::{PATIENCE, Story, Told},
    },
    world::{Change, Fault, Time},
};
use tenure::api::wire::StatusView;

/// The figures of one loss: order, first group, all groups.
type Measured = [Figure; 3];

pub(super) async fn tell(story: &Story, losses: usize) -> Told {
    for _ in 0..losses {
        let (lost, other) = choose(story, None).await;
        story.lead(&other).await?;
        lose(story, &lost, [Figure::LossToOrder, Figure::LossToRunning, Figure::LossToAll]).await?;
        back(story, &lost).await?;
        let (lost, _) = choose(story, Some(&lost)).await;
        story.lead(&lost).await?;
        let measured = [Figure::LeaderLossToOrder, Figure::LeaderLossToRunning, Figure::LeaderLossToAll];
        lose(story, &lost, measured).await?;
        back(story, &lost).await?;
        story.go_home().await?;
    }
    Ok(())
}

/// The server with most groups except `but`, and another server.
async fn choose(story: &Story, but: Option<&str>) -> (String, String) {
    let status = story.status().await;
    let mut servers: Vec<&String> = status.servers.iter().map(|server| &server.name).collect();
    servers.sort_by_key(|name| (but == Some(name.as_str()), std::cmp::Reverse(groups_on(&status, name).len())));
    let name = |at: usize| servers.get(at).map(|name| (*name).clone()).unwrap_or_default();
    (name(0), name(1))
}

async fn lose(story: &Story, lost: &str, [order, first_up, all_up]: Measured) -> Told {
    let status = story.status().await;
    let groups = groups_on(&status, lost);
    let leader = status.leader.clone().unwrap_or_default();
    let at = server(story, lost)?;
    let cursor = story.cursor();
    let words =
        format!("{lost} goes off, its service processor lives; it holds {}, and {leader} leads", groups.join(", "));
    let began = fault(story, words, Fault::TripPower(at))?;
    let proven = story.note(cursor, |note| note.kind == "proven_off" && note.server.as_deref() == Some(lost));
    story.expect(format!("{lost} is proven off"), PATIENCE, proven).await?;
    let Some(first) = groups.first() else {
        return story.check("there is something to move", Err("nothing".to_owned()));
    };
    let ordered = start_ordered(story, cursor, first);
    let ordered = story.expect(format!("{first}, the most important, has a start order"), PATIENCE, ordered).await?;
    story.figures().take(order, began, ordered.at);
    let up = group_runs(story, cursor, &status, first);
    let up = story.expect(format!("{first} runs elsewhere"), PATIENCE, up).await?;
    story.figures().take(first_up, began, up);
    let mut last = up;
    for group in groups.iter().skip(1) {
        let up = group_runs(story, cursor, &status, group);
        last = last.max(story.expect(format!("{group} runs elsewhere"), PATIENCE, up).await?);
    }
    story.figures().take(all_up, began, last);
    story.check("they were granted in order of priority", in_order(story, cursor, &groups))?;
    story.check("each has left with a proof that the server is off", with_proof(story, cursor, &groups))?;
    let moved: Tenures =
        story.expect("all of them are online", PATIENCE, story.online_elsewhere(&groups, lost)).await?;
    let again = moved.values().filter(|(on, _)| on == lost).count();
    story.check(
        format!("nothing is left on {lost}"),
        if again == 0 { Ok(()) } else { Err(format!("{again} groups are")) },
    )
}

/// Waits until every LPAR of a group is Running. Returns the time of the last.
async fn group_runs(story: &Story, cursor: usize, status: &StatusView, group: &str) -> Time {
    let mut last = Time::START;
    for lpar in status.lpars.iter().filter(|lpar| lpar.group == group) {
        last = last.max(running(story, cursor, &lpar.name, None).await.at);
    }
    last
}

fn in_order(story: &Story, cursor: usize, groups: &[String]) -> Result<(), String> {
    let granted: Vec<String> = noted(story, cursor, "granted").into_iter().map(|(group, _)| group).collect();
    if granted == groups { Ok(()) } else { Err(format!("the order was {}", granted.join(", "))) }
}

fn with_proof(story: &Story, cursor: usize, groups: &[String]) -> Result<(), String> {
    let proofs = noted(story, cursor, "vacated");
    let proven =
        |group: &&String| proofs.iter().any(|(of, text)| of == *group && text.contains("proof: the server is off"));
    let without: Vec<&str> = groups.iter().filter(|group| !proven(group)).map(String::as_str).collect();
    if without.is_empty() { Ok(()) } else { Err(format!("not {}", without.join(", "))) }
}

fn noted(story: &Story, cursor: usize, kind: &str) -> Vec<(String, String)> {
    let lines = story.timeline.since(cursor);
    let notes = lines.iter().filter_map(|line| line.note()).filter(|note| note.kind == kind);
    notes.filter_map(|note| Some((note.group.clone()?, note.text.clone()))).collect()
}

/// Waits until the server is on again, and clean.
async fn back(story: &Story, name: &str) -> Told {
    let at = server(story, name)?;
    let cursor = story.cursor();
    story.mend().await?;
    let on = story.change(cursor, |change| matches!(change, Change::Power { server, .. } if *server == at));
    let on = story.expect(format!("{name} was switched on"), PATIENCE, on).await?;
    let clean = story.note(cursor, |note| note.kind == "cleaned" && note.server.as_deref() == Some(name));
    let (clean, _) = story.expect(format!("{name} is clean and takes work again"), PATIENCE, clean).await?;
    story.figures().take(Figure::ReturnToClean, on.at, clean);
    story.release(name).await
}
