//! Drills about lost disks: of one node, of most of them, of all.

use super::scene::{Missed, Scene};
use tenure::api::{Read, wire::GroupStatus, wire::StatusView};

/// The group that an operator has stopped on purpose, the one that was frozen, and the one that moves in the end.
const STOPPED: &str = "shop";
const FROZEN: &str = "database";
const MOVED: &str = "trial";

fn group<'a>(status: &'a StatusView, name: &str) -> Option<&'a tenure::api::wire::GroupView> {
    status.groups.iter().find(|group| group.name == name)
}

fn kept(status: &StatusView) -> bool {
    let stopped = group(status, STOPPED).is_some_and(|group| group.state == GroupStatus::Offline);
    stopped && group(status, FROZEN).is_some_and(|group| group.frozen)
}

/// What operators have said before the emergency.
async fn say_something(scene: &Scene, nodes: &[&str]) -> Result<(), Missed> {
    scene.tell("Before: an operator has stopped one group on purpose, and frozen another one.");
    scene.tenure_at(nodes, &format!("group offline {STOPPED} --propagate --wait")).await?;
    scene.tenure_at(nodes, &format!("group freeze {FROZEN}")).await.map(drop)
}

/// Everything but the stopped group is online, and was not started again.
async fn goes_on(scene: &Scene, at: &str, starts: u32) -> Result<(), Missed> {
    let client = scene.site.client_of(at)?;
    scene
        .until("what runs was found, and no group is started", async || {
            client.status(Read::Linearizable).await.is_ok_and(|status| {
                let mut others = status.groups.iter().filter(|group| group.name != STOPPED);
                kept(&status) && others.all(|group| group.state == GroupStatus::Online)
            })
        })
        .await?;
    scene.check("no LPAR was started meanwhile", total_starts(scene) == starts)
}

fn total_starts(scene: &Scene) -> u32 {
    scene.site.world.with(|world| world.lpars().map(|lpar| world.history().starts(lpar).total()).sum())
}

/// A moment after it has joined, a node counts as the new one of its name.
async fn accounted(scene: &Scene, at: &str) -> Result<(), Missed> {
    let client = scene.site.client_of(at)?;
    scene
        .until("no node that was given up is missing", async || {
            let status = client.status(Read::Linearizable).await;
            status.is_ok_and(|status| !status.standstills.iter().any(|text| text.contains("may still run")))
        })
        .await
}

/// The cluster works again: a group moves.
async fn works(scene: &Scene, nodes: &[&str]) -> Result<(), Missed> {
    scene.tell("The cluster works again: a group moves.");
    let status = scene.status().await.ok_or_else(|| Missed("nobody leads".to_owned()))?;
    let moved = group(&status, MOVED).ok_or_else(|| Missed(format!("there is no group {MOVED}")))?;
    let to = moved.system_list.iter().find(|server| Some(*server) != moved.server.as_ref());
    let to = to.ok_or_else(|| Missed(format!("{MOVED} has one server")))?;
    scene.tenure_at(nodes, &format!("group switch {MOVED} --to {to} --wait=2m")).await.map(drop)
}

/// Most voters are lost for ever.
pub async fn majority(scene: &Scene) -> Result<(), Missed> {
    let names = scene.site.names().to_vec();
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let [one, others @ ..] = &all[..] else { return Err(Missed("there are no nodes".to_owned())) };
    say_something(scene, &all).await?;
    let (starts, cluster) =
        (total_starts(scene), scene.status().await.map(|status| status.cluster).unwrap_or_default());

    scene.tell(&format!("The fault: {} are lost, with their disks.", others.join(" and ")));
    others.iter().try_for_each(|node| scene.lose(node))?;
    let (code, _) = scene.tenured(one, &["--recover-majority", "--by", "you", "--yes-i-checked", &cluster])?;
    scene.check(&format!("nothing is done while {one} runs"), code == Some(1))?;

    scene.tell(&format!("1. Stop {one}, and have it say what it would do."));
    scene.stop(one).await?;
    let (code, _) = scene.tenured(one, &["--recover-majority", "--by", "you"])?;
    scene.check("nothing is done without a confirmation", code == Some(2))?;
    scene.tell("2. You have checked that the others are lost, and that their disks cannot come back.");
    let (code, _) = scene.tenured(one, &["--recover-majority", "--by", "you", "--yes-i-checked", &cluster])?;
    scene.check("it is done", code == Some(0))?;
    scene.tell(&format!("3. Start {one}, and look."));
    scene.site.start_node(one)?;
    goes_on(scene, one, starts).await?;
    let said = scene.refused(&[one], "cluster arm").await?;
    scene.check("it cannot be armed while one that was given up may run", said.contains(others[0]))?;
    scene.tell("4. Nodes join in their place.");
    for node in others {
        scene.join(node, &[one]).await?;
    }
    accounted(scene, one).await?;
    scene.tell("5. Arm.");
    scene.tenure_at(&all, "cluster arm").await?;
    scene.check("what operators said is still so", scene.status().await.is_some_and(|status| kept(&status)))?;
    works(scene, &all).await?;
    voters(scene, &names).await
}

/// The disk of one node is lost.
pub async fn disk(scene: &Scene, number: usize) -> Result<(), Missed> {
    let names = scene.site.names().to_vec();
    let lost = names.get(number).ok_or_else(|| Missed("there is no such node".to_owned()))?;
    let others: Vec<&str> = names.iter().filter(|name| *name != lost).map(String::as_str).collect();
    for node in &others {
        let client = scene.site.client_of(node)?;
        scene
            .until(&format!("{node} holds the key of the authority"), async || {
                let view = client.authorities(Read::Linearizable).await;
                view.is_ok_and(|view| view.authorities.iter().any(|one| one.holders.iter().any(|held| held == node)))
            })
            .await?;
    }
    scene.tell(&format!("The fault: {lost} is lost, with its disk."));
    scene.lose(lost)?;
    scene.until("the others go on", async || scene.status().await.is_some()).await?;
    scene.tell("1. Remove it: it must not come back with an empty memory under its old number.");
    scene.tenure_at(&others, &format!("node remove {lost} --yes")).await?;
    scene.tell("2. It joins anew, with a token from any other node.");
    scene.join(lost, &others).await?;
    voters(scene, &names).await?;
    works(scene, &names.iter().map(String::as_str).collect::<Vec<_>>()).await
}

/// All nodes are lost, and a backup is left.
pub async fn all(scene: &Scene) -> Result<(), Missed> {
    let names = scene.site.names().to_vec();
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let [one, others @ ..] = &all[..] else { return Err(Missed("there are no nodes".to_owned())) };
    say_something(scene, &all).await?;
    let file = scene.site.directory().join("site.backup").display().to_string();
    scene.tenure_at(&all, &format!("backup save {file}")).await?;
    let (starts, cluster) =
        (total_starts(scene), scene.status().await.map(|status| status.cluster).unwrap_or_default());

    scene.tell("The fault: all nodes are lost, with their disks.");
    all.iter().try_for_each(|node| scene.lose(node))?;
    scene.tell(
        "1. Found a new cluster, and start its first node. The old administrator's directory is moved away first.",
    );
    scene.site.found_anew()?;
    scene.tell("2. Restore the backup before anything else is declared.");
    let client = scene.site.client_of(one)?;
    scene.until(&format!("{one} leads"), async || client.status(Read::Linearizable).await.is_ok()).await?;
    scene.tenure_at(&[one], &format!("backup show {file}")).await?;
    scene.tenure_at(&[one], &format!("backup restore {file} --yes-i-checked {cluster}")).await?;
    scene.tell("3. The other nodes join.");
    for node in others {
        scene.join(node, &[one]).await?;
    }
    goes_on(scene, one, starts).await?;
    accounted(scene, one).await?;
    scene.tell("4. Arm.");
    scene.tenure_at(&[one], "cluster arm").await?;
    scene
        .tenure_at(&[one], &format!("group switch {MOVED} --to {} --wait=2m", elsewhere(scene, one).await?))
        .await
        .map(drop)
}

async fn elsewhere(scene: &Scene, at: &str) -> Result<String, Missed> {
    let status = scene.site.client_of(at)?.status(Read::Linearizable).await;
    let status = status.map_err(|why| Missed(why.to_string()))?;
    let moved = group(&status, MOVED).ok_or_else(|| Missed(format!("there is no group {MOVED}")))?;
    let to = moved.system_list.iter().find(|server| Some(*server) != moved.server.as_ref());
    to.cloned().ok_or_else(|| Missed(format!("{MOVED} has one server")))
}

async fn voters(scene: &Scene, names: &[String]) -> Result<(), Missed> {
    let members = scene.site.members().await?.members;
    let voting = names.iter().all(|name| members.iter().any(|member| member.name == *name && member.voter));
    scene.check("all nodes vote", voting && members.len() == names.len())
}
