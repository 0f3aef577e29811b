//! What is known of a cluster in which no leader is found, by the answers of all nodes that could be asked. Pure.

use crate::api::{Answers, Heard, wire::StatusView};
use serde::Serialize;
use std::collections::BTreeMap;

/// A cluster without a leader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Apart {
    /// Cluster time now, by the clock of a node that answered.
    pub now: String,
    /// The last time at which a node that answered knew of a leader.
    pub since: Option<String>,
    /// Number of voters.
    pub voters: usize,
    /// Voters that answer, or are reached by a node that answers.
    pub answer: usize,
    /// Voters that are needed to decide anything.
    pub needed: usize,
    /// Each member, and each address that is no known member's.
    pub members: Vec<Member>,
    /// The next step.
    pub next: String,
    /// The newest state that a node knows.
    pub known: Option<StatusView>,
}

/// A member, or an address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Member {
    /// Its name; empty if an address does not answer and is no known member's.
    pub name: String,
    /// Whether it votes.
    pub voter: bool,
    /// Whether it answers.
    pub answers: bool,
    /// The reason why it does not; `None` if its address is not known.
    pub why: Option<String>,
    /// The last time at which it knew of a leader.
    pub heard: Option<String>,
    /// What it says of the others.
    pub says: Option<String>,
}

impl Apart {
    /// What the answers show; `None` without any.
    pub fn of(heard: &[Heard]) -> Option<Self> {
        let answers: BTreeMap<&str, &Answers> = heard
            .iter()
            .filter_map(|one| one.answer.as_ref().ok())
            .map(|answers| (answers.members.answered_by.as_str(), answers))
            .collect();
        let newest = answers.values().max_by_key(|answers| answers.members.index)?;
        let mut members: Vec<Member> = Vec::new();
        let mut named: Vec<&str> = Vec::new();
        let all = &newest.members.members;
        let alone = |address: &str| all.iter().filter(|one| host(&one.address) == host(address)).count() == 1;
        for member in all {
            let answered = answers.get(member.name.as_str());
            // An address that does not answer belongs to the member that lives at the same place.
            let silent = heard.iter().find(|one| {
                one.answer.is_err()
                    && (member.api_address.as_ref() == Some(&one.address)
                        || (alone(&member.address) && host(&member.address) == host(&one.address)))
            });
            named.extend(silent.map(|one| one.address.as_str()));
            let why = silent.and_then(|one| one.answer.as_ref().err());
            members.push(Member {
                name: member.name.clone(),
                voter: member.voter,
                answers: answered.is_some(),
                why: why.filter(|_| answered.is_none()).map(|why| brief(why)),
                heard: answered.and_then(|answers| answers.members.heard.clone()),
                says: answered.map(|answers| says(answers)),
            });
        }
        let strange = heard.iter().filter(|one| !named.contains(&one.address.as_str()));
        let strange: Vec<(&str, String)> =
            strange.filter_map(|one| Some((one.address.as_str(), brief(one.answer.as_ref().err()?)))).collect();
        let open = members.iter_mut().filter(|member| !member.answers && member.why.is_none());
        let open: Vec<&mut Member> = open.collect();
        if open.len() == strange.len() {
            // Whichever is whose: all were asked.
            let why = strange.first().map(|(_, why)| why).filter(|first| strange.iter().all(|(_, why)| why == *first));
            for member in open {
                member.why = Some(why.cloned().unwrap_or_else(|| "no answer".to_owned()));
            }
        } else {
            let row =
                |(address, why): (&str, String)| Member { why: Some(format!("{address}: {why}")), ..Member::default() };
            members.extend(strange.into_iter().map(row));
        }
        let voters: Vec<&Member> = members.iter().filter(|member| member.voter).collect();
        let reached = |member: &&&Member| {
            let sees = |answers: &&Answers| {
                answers.members.heard.is_some() && !answers.members.unreached.contains_key(&member.name)
            };
            member.answers || answers.values().any(sees)
        };
        let (count, answer) = (voters.len(), voters.iter().filter(reached).count());
        let needed = count / 2 + 1;
        let next = next(&voters, answer, needed);
        Some(Apart {
            now: newest.members.now.clone(),
            since: answers.values().filter_map(|answers| answers.members.heard.clone()).max(),
            voters: count,
            answer,
            needed,
            next,
            known: Some(newest.status.clone()),
            members,
        })
    }
}

/// A reason without the number that the system has for it.
fn brief(why: &str) -> String {
    why.split(" (os error").next().unwrap_or(why).to_owned()
}

fn says(answers: &Answers) -> String {
    let members = &answers.members;
    let mut reasons: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (node, why) in &members.unreached {
        reasons.entry(brief(why)).or_default().push(node);
    }
    match (&members.leader, reasons.is_empty()) {
        (Some(leader), _) => format!("{leader} leads"),
        (None, true) => "reaches every other node".to_owned(),
        (None, false) => {
            let words = reasons.iter().map(|(why, nodes)| format!("cannot reach {} ({why})", nodes.join(", ")));
            words.collect::<Vec<_>>().join("; ")
        }
    }
}

fn next(voters: &[&Member], answer: usize, needed: usize) -> String {
    let names = |of: &dyn Fn(&Member) -> bool| {
        let names: Vec<&str> = voters.iter().filter(|one| of(one)).map(|one| one.name.as_str()).collect();
        names.join(" or ")
    };
    if answer >= needed {
        return "enough voters answer: an election takes a moment; look again, and if it lasts, at the log of `tenured`"
            .to_owned();
    }
    let unasked = names(&|one| !one.answers && one.why.is_none());
    if !unasked.is_empty() {
        return format!("ask {unasked}, too: name them with --node, or in TENURE_NODES");
    }
    let silent = names(&|one| !one.answers);
    format!(
        "bring back {silent}. If their disks are lost for ever: docs/operations.md, \"A majority is lost for ever\""
    )
}

fn host(address: &str) -> &str {
    address.rsplit_once(':').map_or(address, |(host, _)| host)
}
