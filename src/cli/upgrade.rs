//! `tenure cluster upgrade` and `tenure node stop`: another version on one node after the other, and then its feature level.

use super::{Context, Exit, Fault, Terminal, args::Upgrade, members::list, render};
use crate::api::wire::{MemberView, MembersView, NodeView};
use serde::Serialize;

/// The order in which nodes get another version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UpgradePlan {
    /// The feature level of the cluster.
    pub level: u32,
    /// The highest one that every member understands; `None` if one of them does not say.
    pub common: Option<u32>,
    /// The versions that run, each once, in order.
    pub versions: Vec<String>,
    /// The steps: learners, other voters, the leader.
    pub steps: Vec<Step>,
    /// Why no voter can be stopped now.
    pub not_now: Option<String>,
}

/// One node's turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The node.
    pub node: String,
    /// `leader`, `voter` or `learner`.
    pub role: &'static str,
    /// Its version, if known.
    pub version: Option<String>,
    /// Whether it runs the newest version that is known already: the newest of all nodes and of this client.
    pub done: bool,
    /// Groups that live inside it: they run on while it is stopped.
    pub inside: Vec<String>,
    /// Those of them for which it would be cut off if it were simply stopped.
    pub would_cut_off: Vec<String>,
    /// Time without `tenured` after which its watchdog resets the machine, if something lives inside that it is for.
    pub watchdog: Option<String>,
}

impl UpgradePlan {
    /// By what the members say, and the version of this client.
    pub fn of(view: &MembersView, mine: &str) -> Self {
        let newest = view
            .members
            .iter()
            .filter_map(|member| member.version.as_deref())
            .chain([mine])
            .max_by_key(|one| parts(one));
        let mut versions: Vec<String> = view.members.iter().filter_map(|member| member.version.clone()).collect();
        versions.sort_by_key(|one| parts(one));
        versions.dedup();
        let rank = |member: &MemberView| match role(view, member) {
            "learner" => 0,
            "voter" => 1,
            _ => 2,
        };
        let mut members: Vec<&MemberView> = view.members.iter().collect();
        members.sort_by_key(|member| (rank(member), member.name.clone()));
        let differ = versions.iter().any(|version| version != mine);
        let step = |member: &&MemberView| {
            let node = view.nodes.iter().find(|node| node.name == member.name);
            let inside = node.map(|node| node.inside.clone()).unwrap_or_default();
            Step {
                node: member.name.clone(),
                role: role(view, member),
                version: member.version.clone(),
                done: differ && member.version.as_deref() == newest,
                would_cut_off: node.map(|node| node.would_cut_off.clone()).unwrap_or_default(),
                watchdog: node.filter(|_| !inside.is_empty()).and_then(|node| node.watchdog.clone()),
                inside,
            }
        };
        let levels: Option<Vec<u32>> = view.members.iter().map(|member| member.level).collect();
        UpgradePlan {
            level: view.level,
            common: levels.and_then(|levels| levels.into_iter().min()),
            versions,
            steps: members.iter().map(step).collect(),
            not_now: not_now(view),
        }
    }
}

/// A version, as it is compared: numbers as numbers.
fn parts(version: &str) -> Vec<(u64, String)> {
    version.split(['.', '-', '+']).map(|part| (part.parse().unwrap_or_default(), part.to_owned())).collect()
}

fn role(view: &MembersView, member: &MemberView) -> &'static str {
    match (view.leader.as_ref() == Some(&member.name), member.voter) {
        (true, _) => "leader",
        (false, true) => "voter",
        (false, false) => "learner",
    }
}

/// A voter that is away already leaves no room for another one.
fn not_now(view: &MembersView) -> Option<String> {
    let voters: Vec<&MemberView> = view.members.iter().filter(|member| member.voter).collect();
    let away = |member: &&&MemberView| {
        let node = view.nodes.iter().find(|node| node.name == member.name);
        node.is_some_and(|node| node.out.is_some()) || member.version.is_none()
    };
    let out: Vec<&str> = voters.iter().filter(away).map(|member| member.name.as_str()).collect();
    let left = voters.len().saturating_sub(out.len() + 1);
    if out.is_empty() || left > voters.len() / 2 {
        return None;
    }
    let out = out.join(", ");
    Some(format!("bring back {out} first: without another voter fewer would be left than decide"))
}

pub(super) async fn upgrade(what: &Upgrade, context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let view = list(context).await?;
    let plan = UpgradePlan::of(&view, crate::VERSION);
    if what.raise {
        return raise(&plan, &view, what.yes, context, terminal).await;
    }
    if context.json() {
        terminal.json(&plan)?;
    } else {
        terminal.print(&render::upgrade(&plan, terminal.style))?;
    }
    Ok(if plan.not_now.is_some() { Exit::Refused } else { Exit::Done })
}

async fn raise(
    plan: &UpgradePlan,
    view: &MembersView,
    yes: bool,
    context: &Context,
    terminal: &mut Terminal,
) -> Result<Exit, Fault> {
    let Some(common) = plan.common else {
        let silent = view.members.iter().filter(|member| member.level.is_none());
        let silent: Vec<&str> = silent.map(|member| member.name.as_str()).collect();
        let silent = silent.join(", ");
        return Err(Fault::NoSuch {
            message: format!("it is not known what {silent} understands"),
            suggestion: format!("bring {silent} back, or remove it: `tenure node remove`"),
        });
    };
    let mut now = view.level;
    if common > view.level {
        if !yes {
            sure(common, context, terminal)?;
        }
        now = context.client.raise(common).await?.level.max(common);
    }
    let behind: Vec<&MemberView> = view.members.iter().filter(|member| member.level == Some(common)).collect();
    let further = view.members.iter().any(|member| member.level > Some(common));
    if context.json() {
        terminal.json(&serde_json::json!({ "level": now, "raised": common > view.level }))?;
        return Ok(Exit::Done);
    }
    if common > view.level {
        terminal.line(format!("the cluster is at feature level {now} now"))?;
    } else {
        terminal.line(format!("nothing to do: the cluster is at feature level {now}"))?;
    }
    if further {
        let behind: Vec<&str> = behind.iter().map(|member| member.name.as_str()).collect();
        terminal.line(format!("{} understands no higher one: `tenure cluster upgrade --plan`", behind.join(", ")))?;
    }
    Ok(Exit::Done)
}

fn sure(level: u32, context: &Context, terminal: &mut Terminal) -> Result<(), Fault> {
    let warning = format!("At feature level {level} no older version can run any more: there is no way back.");
    if !terminal.interactive || context.json() {
        let message = format!("nobody is here to confirm it. {warning}");
        return Err(Fault::usage(message, "repeat it with --yes: `tenure cluster upgrade --raise --yes`"));
    }
    terminal.line(render::warning(&warning, terminal.style))?;
    match terminal.ask(&format!("Raise it to {level}? [y/N] "))?.as_str() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(Fault::Declined),
    }
}

/// Stops a node for another version.
pub(super) async fn stop(name: &str, context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let view = list(context).await?;
    let stopped = context.client.node_stop(name).await?;
    if context.json() {
        terminal.json(&stopped)?;
        return Ok(Exit::Done);
    }
    terminal.line(format!("node {name} stops"))?;
    let node = view.nodes.iter().find(|node| node.name == name);
    terminal.print(&after(&stopped.frozen, node, voters(&view)))?;
    Ok(Exit::Done)
}

fn voters(view: &MembersView) -> usize {
    view.members.iter().filter(|member| member.voter).count()
}

/// What is so while a node is stopped, and what comes next.
fn after(frozen: &[String], node: Option<&NodeView>, voters: usize) -> String {
    let mut text = String::new();
    if !frozen.is_empty() {
        text.push_str(&format!("frozen until it is back: {}\n", frozen.join(", ")));
    }
    if let Some(node) = node.filter(|node| !node.inside.is_empty())
        && let Some(watchdog) = &node.watchdog
    {
        text.push_str(&format!("its watchdog resets the machine after {watchdog} without `tenured`\n"));
    }
    if voters < 3 {
        text.push_str("until it is back, nobody decides: what runs, runs on\n");
    }
    let name = node.map_or("it", |node| node.name.as_str());
    text.push_str(&format!(
        "next: install the new version there, then `systemctl start tenured`; `tenure node list` says when {name} is back\n"
    ));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{api::wire::NodeRole, cli::render::Style};

    fn member(id: u64, name: &str, voter: bool, version: Option<&str>, level: Option<u32>) -> MemberView {
        MemberView {
            id,
            name: name.to_owned(),
            address: format!("{name}:7100"),
            api_address: None,
            voter,
            version: version.map(str::to_owned),
            level,
        }
    }

    fn node(name: &str, inside: &[&str], cut: &[&str]) -> NodeView {
        NodeView {
            name: name.to_owned(),
            server: Some(name.to_owned()),
            role: NodeRole::Voter,
            address: None,
            api_address: None,
            stopped: false,
            inside: inside.iter().map(|one| (*one).to_owned()).collect(),
            would_cut_off: cut.iter().map(|one| (*one).to_owned()).collect(),
            declared: true,
            lapsed: None,
            out: None,
            proof: None,
            lpar: None,
            lpar_reads: None,
            watchdog: None,
            reset_by: None,
        }
    }

    fn site(members: Vec<MemberView>, nodes: Vec<NodeView>) -> MembersView {
        MembersView {
            answered_by: "p1".to_owned(),
            leader: Some("p1".to_owned()),
            term: 1,
            index: 9,
            members,
            level: 1,
            nodes,
            at: String::new(),
            now: String::new(),
            heard: None,
            unreached: Default::default(),
        }
    }

    fn text(plan: &UpgradePlan) -> String {
        render::upgrade(plan, Style { colour: false, width: 120 })
    }

    #[test]
    fn followers_come_first_and_the_leader_last() {
        let all = vec![
            member(1, "p1", true, Some("0.9.0"), Some(1)),
            member(2, "p2", true, Some("0.10.0"), Some(2)),
            member(3, "p3", true, Some("0.9.0"), Some(1)),
            member(4, "p4", false, Some("0.9.0"), Some(1)),
        ];
        let mut nodes = vec![node("p1", &["db"], &[]), node("p3", &["web", "shop"], &["web"])];
        nodes[1].watchdog = Some("2m".to_owned());
        let plan = UpgradePlan::of(&site(all, nodes), "0.10.0");
        let order: Vec<(&str, &str, bool)> =
            plan.steps.iter().map(|step| (step.node.as_str(), step.role, step.done)).collect();
        let expected =
            [("p4", "learner", false), ("p2", "voter", true), ("p3", "voter", false), ("p1", "leader", false)];
        assert_eq!(order, expected);
        assert_eq!(
            (plan.versions.clone(), plan.common, plan.not_now.clone()),
            (vec!["0.9.0".into(), "0.10.0".into()], Some(1), None)
        );
        insta::assert_snapshot!(text(&plan), @r"
        4 nodes run 0.9.0 and 0.10.0, at feature level 1.

        STEP  NODE  ROLE     VERSION  INSIDE                                       COMMAND
           1  p4    learner  0.9.0    -                                            tenure node stop p4 --for upgrade
           2  p2    voter    0.10.0   -                                            done
           3  p3    voter    0.9.0    web (frozen by the stop), shop; watchdog 2m  tenure node stop p3 --for upgrade
           4  p1    leader   0.9.0    db                                           tenure node stop p1 --for upgrade

        After each: install the new version there, `systemctl start tenured`, and go on when `tenure node list` says ok.
        Never two at a time. The leader hands over when it is stopped. What lives inside a node runs on meanwhile.
        A watchdog goes on counting while its node is stopped: be quicker than it, or drain the server first.
        Last, when all run it: `tenure cluster upgrade --raise`
        ");
    }

    #[test]
    fn all_of_one_version_are_all_still_to_come() {
        let all = ["p1", "p2", "p3"].iter().zip(1..).map(|(name, id)| member(id, name, true, Some("0.1.0"), Some(1)));
        let plan = UpgradePlan::of(&site(all.collect(), Vec::new()), "0.1.0");
        assert!(plan.steps.iter().all(|step| !step.done) && plan.steps.last().is_some_and(|step| step.node == "p1"));
        insta::assert_snapshot!(text(&plan), @r"
        3 nodes run 0.1.0, at feature level 1.

        STEP  NODE  ROLE    VERSION  INSIDE  COMMAND
           1  p2    voter   0.1.0    -       tenure node stop p2 --for upgrade
           2  p3    voter   0.1.0    -       tenure node stop p3 --for upgrade
           3  p1    leader  0.1.0    -       tenure node stop p1 --for upgrade

        After each: install the new version there, `systemctl start tenured`, and go on when `tenure node list` says ok.
        Never two at a time. The leader hands over when it is stopped. What lives inside a node runs on meanwhile.
        Last, when all run it: `tenure cluster upgrade --raise`
        ");
    }

    #[test]
    fn a_voter_that_is_away_is_brought_back_first() {
        let all = |third| {
            vec![
                member(1, "p1", true, Some("0.1.0"), Some(1)),
                member(2, "p2", true, Some("0.1.0"), Some(1)),
                member(3, "p3", true, third, Some(1)),
            ]
        };
        let plan = UpgradePlan::of(&site(all(None), Vec::new()), "0.1.0");
        let why = "bring back p3 first: without another voter fewer would be left than decide";
        assert_eq!(plan.not_now.as_deref(), Some(why));
        assert_eq!(UpgradePlan::of(&site(all(Some("0.1.0")), Vec::new()), "0.1.0").not_now, None);
        let mut alone = all(Some("0.1.0"));
        alone.truncate(1);
        assert_eq!(UpgradePlan::of(&site(alone, Vec::new()), "0.1.0").not_now, None, "nobody else is missing");
    }
}
