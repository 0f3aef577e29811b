//! Questions that take long: bounded in time, one after the other, and away from the async threads.

use super::{
    backend::Failure,
    convert, view,
    wire::{
        DecisionView, EndingView, ForeseenGroup, ForeseenRecord, LargestView, RefusedView, RollingView,
        ServerCapacityView, ServerStatus, SiteCapacityView, SubjectView, WeakView, WhatIf, WhatIfBody, WhatIfView,
        WhyNotView,
    },
};
use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};
use tenure_core::{
    GroupName, Ledger, Rejection, Request, ServerName,
    placement::tolerance,
    what_if::{self, Ending, Foreseen, Foresight, Instead, Loss, Place, Room, Standing, Survival},
};
use tokio::sync::Semaphore;

/// Limit of what-ifs in one question.
const MOST: usize = 64;
/// Limit of records in one answer.
const RECORDS: usize = 5000;
/// Time to work on one question, shorter than a client waits.
const WORK: Duration = Duration::from_secs(10);
/// Time that a question waits for the one before it.
const QUEUE: Duration = Duration::from_secs(3);

/// Admits one question at a time: a node has more important work.
static DESK: Semaphore = Semaphore::const_new(1);

/// Runs `job` on a blocking thread, when no other question is worked on. It must end by itself at the given instant.
async fn work<T: Send + 'static>(job: impl FnOnce(Instant) -> T + Send + 'static) -> Result<T, Failure> {
    let busy = |_| Failure::Unreachable("this node is busy with another such question".to_owned());
    let turn = tokio::time::timeout(QUEUE, DESK.acquire()).await.map_err(busy)?;
    let turn = turn.map_err(|why| Failure::Unreachable(why.to_string()))?;
    let job = move || {
        let _turn = turn;
        job(Instant::now() + WORK)
    };
    tokio::task::spawn_blocking(job).await.map_err(|why| Failure::Unreachable(why.to_string()))
}

/// The effects of hypothetical events.
pub(super) async fn foreseen(ledger: Arc<Ledger>, body: WhatIfBody) -> Result<WhatIfView, Failure> {
    if body.what_if.len() > MOST {
        return Err(Failure::Usage(format!("more than {MOST} what-ifs in one question")));
    }
    let what: Result<Vec<what_if::WhatIf>, Failure> = body.what_if.into_iter().map(what_if).collect();
    let what = what?;
    work(move |until| {
        let mut foresight = Foresight::new(&ledger, what);
        while Instant::now() < until && foresight.step() {}
        show(&ledger, &foresight.finish(), body.brief)
    })
    .await
}

/// The server order for a rolling maintenance, or the reason why there is none.
pub(super) async fn rolling(ledger: Arc<Ledger>) -> Result<RollingView, Failure> {
    work(move |_| view::rolling(&ledger)).await
}

/// Refuses a new configuration if the cluster would no longer tolerate the loss of servers that it demands.
pub(super) async fn admit(ledger: Arc<Ledger>, request: &Request) -> Result<(), Failure> {
    let Request::Configure { cluster, .. } = request else { return Ok(()) };
    // Without a demanded tolerance nobody waits for the proof.
    if cluster.tolerance.servers == 0 {
        return Ok(());
    }
    let request = request.clone();
    work(move |_| tolerance::admit(&ledger, &request)).await?.map_err(|why| Failure::from(&why))
}

fn what_if(what: WhatIf) -> Result<what_if::WhatIf, Failure> {
    Ok(match what {
        WhatIf::Lose { servers } => what_if::WhatIf::Lose(servers.into_iter().map(ServerName::from).collect()),
        WhatIf::Ask(verb) => what_if::WhatIf::Ask(verb.into()),
        WhatIf::Configure { text } => {
            what_if::WhatIf::Ask(Request::Configure { cluster: convert::cluster(&text)?, strand: false })
        }
    })
}

fn show(ledger: &Ledger, foreseen: &Foreseen, brief: bool) -> WhatIfView {
    let unserved: BTreeSet<&GroupName> = foreseen.unserved().map(|(name, _)| name).collect();
    let moved = foreseen.moved().map(|(name, _, _)| name);
    let concerned: BTreeSet<&GroupName> = moved.chain(unserved.iter().copied()).collect();
    let group = |name: &GroupName| {
        let unknown = Place::default();
        let after = foreseen.after.get(name).unwrap_or(&unknown);
        let before = foreseen.before.get(name).unwrap_or(&unknown);
        ForeseenGroup {
            name: name.to_string(),
            priority: ledger.config.groups.get(name).map_or(0, |group| group.priority),
            from: before.server.as_ref().map(ServerName::to_string),
            to: after.server.as_ref().map(ServerName::to_string),
            runs: after.runs,
            unserved: unserved.contains(name),
            wait: after.wait.as_ref().map(ToString::to_string),
            after_ms: after.after.map(|span| span.0),
        }
    };
    let mut groups: Vec<ForeseenGroup> = concerned.iter().map(|name| group(name)).collect();
    groups.sort_by(|a, b| (a.priority, &a.name).cmp(&(b.priority, &b.name)));
    let kept = if brief { 0 } else { RECORDS };
    let record = |record: &tenure_core::Record| ForeseenRecord {
        after_ms: record.at.since(foreseen.began).0,
        record: view::event(&record.into()),
    };
    WhatIfView {
        index: foreseen.index,
        ending: foreseen.ending.into(),
        unchanged: foreseen.after.len().saturating_sub(groups.len()),
        groups,
        refused: foreseen
            .refused
            .iter()
            .map(|(number, why)| (*number, Rejection::from(why)))
            .map(|(number, Rejection { code, subject, message, advice })| RefusedView {
                number,
                code: code.into_owned(),
                subject: subject.map(SubjectView::from),
                message: message.into(),
                suggestion: advice.map(String::from),
            })
            .collect(),
        records: foreseen.records.iter().take(kept).map(record).collect(),
        left_out: foreseen.records.len().saturating_sub(kept),
    }
}

impl From<Ending> for EndingView {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Rest => EndingView::Rest,
            Ending::Unsettled => EndingView::Unsettled,
            Ending::NoMajority => EndingView::NoMajority,
        }
    }
}

/// The free capacity of each server, and the losses that would be survived.
pub(super) async fn capacity(ledger: Arc<Ledger>) -> Result<SiteCapacityView, Failure> {
    work(move |until| {
        let rooms = what_if::capacity(&ledger);
        let mut losses: Vec<Loss> = Vec::new();
        for loss in what_if::lose_each(&ledger) {
            losses.push(loss);
            if Instant::now() >= until {
                break;
            }
        }
        let looked_at = |server: &ServerName| losses.iter().any(|loss| loss.server == *server);
        let standing = ledger.servers.iter().filter(|(_, state)| state.off.is_none()).map(|(name, _)| name);
        let not_looked_at: Vec<String> = standing.filter(|name| !looked_at(name)).map(ServerName::to_string).collect();
        let weak: Vec<WeakView> = losses.iter().filter(|loss| !loss.is_survived()).map(weak).collect();
        let survival = match (losses.is_empty(), weak.is_empty(), not_looked_at.is_empty()) {
            (false, true, true) => what_if::survival_beyond_one(&ledger),
            (_, weak, _) => Survival { servers: 0, exact: !weak },
        };
        SiteCapacityView {
            index: ledger.index,
            servers: rooms.iter().map(|(name, room)| server(&ledger, name, room)).collect(),
            survives: u32::try_from(survival.servers).unwrap_or(u32::MAX),
            exact: survival.exact,
            weak,
            not_looked_at,
        }
    })
    .await
}

fn weak(loss: &Loss) -> WeakView {
    WeakView {
        server: loss.server.to_string(),
        ending: loss.ending.into(),
        groups: loss.unserved.iter().map(|(name, _)| name.to_string()).collect(),
    }
}

fn server(ledger: &Ledger, name: &ServerName, room: &what_if::ServerRoom) -> ServerCapacityView {
    let show = |room: Room| super::wire::CapacityView { used: room.used, total: room.total };
    ServerCapacityView {
        name: name.to_string(),
        state: ledger.servers.get(name).map_or(ServerStatus::Unread, |state| view::server_status(ledger, name, state)),
        memory: show(room.memory),
        processors: show(room.processors),
        units: show(room.units),
        limits: room.limits.iter().map(|(limit, room)| (limit.clone(), show(*room))).collect(),
        groups: room.groups,
        largest: room.largest.as_ref().map(|(group, load)| LargestView {
            group: group.to_string(),
            memory: load.memory,
            processors: load.processors,
        }),
    }
}

/// The reasons why a group does not run on a server. `None` if there is no such group.
pub fn why_not(ledger: &Ledger, group: &GroupName, server: &ServerName) -> Option<WhyNotView> {
    let why = what_if::why_not(ledger, group, server)?;
    let (standing, text, reasons) = match &why.standing {
        Standing::Here(phase) => ("here", format!("group {group} is {} on {server}", phase.word()), Vec::new()),
        Standing::NotListed => {
            ("not_listed", format!("{server} is not in the system list of group {group}"), Vec::new())
        }
        Standing::Barred(reasons) => {
            let reasons = reasons.iter().map(ToString::to_string).collect();
            ("barred", format!("group {group} cannot run on {server} now"), reasons)
        }
        Standing::Could(instead) if instead.iter().any(|one| matches!(one, Instead::Waits(_))) => {
            let reasons = instead.iter().map(in_words).collect();
            ("waits", format!("group {group} cannot run on {server} now"), reasons)
        }
        Standing::Could(instead) => {
            let reasons = instead.iter().map(in_words).collect();
            ("could", format!("group {group} could run on {server} now"), reasons)
        }
    };
    let decision = why.decision.map(|decision| DecisionView {
        record: view::event(&decision.event),
        to: decision.to.to_string(),
        why: decision.why.map(String::from),
    });
    Some(WhyNotView {
        group: group.to_string(),
        server: server.to_string(),
        standing: standing.to_owned(),
        text,
        reasons,
        decision,
    })
}

fn in_words(instead: &Instead) -> String {
    match instead {
        Instead::Elsewhere(server) => format!("it is on {server}"),
        Instead::Unwanted => "it is to be offline".to_owned(),
        Instead::Frozen => "it is frozen".to_owned(),
        Instead::Held => "it is held: more than one copy is active, or one without right".to_owned(),
        Instead::Waits(wait) => wait.to_string(),
    }
}
