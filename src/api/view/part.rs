//! A part of the status, page by page.

use super::{Index, Sight, alarms_of, group, group_wait, head, resource, status};
use crate::api::{
    backend::{Failure, Members, Read},
    part::{End, Only, PAGE, Part, is_groups, put_in_order},
    wire::StatusView,
};
use tenure_core::{GroupName, Ledger, Refusal, Rejection, ServerName, ledger::GroupState};

/// A part of the status of the whole cluster. The first page says what is wrong with the whole cluster, and how much there is
/// of everything.
///
/// # Errors
/// A name that is not declared (an empty answer would pass for good news), and an end of a page that is none, or none any more.
pub(in super::super) fn part(
    ledger: &Ledger,
    members: &Members,
    read: Read,
    part: &Part,
) -> Result<StatusView, Failure> {
    declared(ledger, part)?;
    let end = part.after.as_deref().map(str::parse::<End>).transpose().map_err(Failure::Usage)?;
    if let Some(end) = end.as_ref().filter(|end| end.configured != ledger.configured) {
        let (then, now) = (end.configured, ledger.configured);
        let what =
            format!("the page before is of the configuration of log index {then}, and the present one is of {now}");
        return Err(Rejection::new("page_outdated", what).advise("begin again, without `after`").into());
    }
    let mut view = match end {
        Some(_) => head(ledger, members, read),
        None => status(ledger, members, read),
    };
    if *part == Part::default() {
        return Ok(view);
    }
    part.take_few(&mut view);
    view.groups.clear();
    view.resources.clear();
    view.lpars.clear();
    view.waits.retain(|wait| part.has_rest() && !is_groups(wait));
    view.alarms.retain(|alarm| part.has_rest() && alarm.group.is_none());
    let sight = Sight::new(ledger, members, read);
    rows(&Index::new(sight), part, end.as_ref(), &mut view);
    put_in_order(&mut view);
    Ok(view)
}

fn declared(ledger: &Ledger, part: &Part) -> Result<(), Failure> {
    if let Some(server) = part.on.as_deref().map(ServerName::from)
        && !ledger.config.servers.contains_key(&server)
    {
        return Err(Failure::from(&Refusal::NoServer(server)));
    }
    if let Some(group) = part.group.as_deref().map(GroupName::from)
        && !ledger.config.groups.contains_key(&group)
        && ledger.instances(&group).next().is_none()
    {
        return Err(Failure::from(&Refusal::NoGroup(group)));
    }
    Ok(())
}

/// Adds the groups behind the end of the page before, with what belongs to each.
fn rows(index: &Index<'_>, part: &Part, end: Option<&End>, view: &mut StatusView) {
    let (has_groups, has_resources, has_rest) = (part.has(Only::Groups), part.has(Only::Resources), part.has_rest());
    if !has_groups && !has_resources {
        return;
    }
    let limit = part.limit.map_or(usize::MAX, |limit| limit.min(PAGE));
    let (ledger, sight) = (index.ledger, &index.sight);
    let mut order: Vec<_> = ledger.config.groups.iter().map(|(name, group)| (group.priority, name, group)).collect();
    order.sort_unstable_by_key(|(priority, name, _)| (*priority, *name));
    let behind = |(priority, name): (u32, &GroupName)| {
        end.is_none_or(|end| (priority, name.as_str()) > (end.priority, end.group.as_str()))
    };
    let mut last = None;
    for (priority, name, declared) in order.into_iter().filter(|(priority, name, _)| behind((*priority, *name))) {
        if view.groups.len() + view.resources.len() >= limit {
            let end = |(priority, group): (u32, &GroupName)| {
                End { configured: ledger.configured, priority, group: group.to_string() }.to_string()
            };
            view.next = last.map(end);
            return;
        }
        last = Some((priority, name));
        let own = index.lpars_of(name);
        let of = own.iter().filter(|_| has_resources || has_rest || part.problems);
        let mut resources: Vec<_> = of.map(|(name, declared)| resource::view(sight, name, declared)).collect();
        resources.retain(|one| part.takes_resource(one));
        let group = group::view(index, name, declared);
        let taken = part.takes_group(&group);
        if has_rest {
            let lpars = own.iter().filter_map(|(name, declared)| resource::lpar(sight, name, declared));
            view.lpars.extend(lpars.filter(|one| part.takes_lpar(one, &resources)));
        }
        if has_rest && (taken || !resources.is_empty()) {
            let unknown = GroupState::default();
            let state = ledger.groups.get(name).map_or(&unknown, |state| &**state);
            view.waits.extend(state.wait.as_ref().map(|wait| group_wait(ledger, name, wait, &index.turns)));
            view.alarms.extend(alarms_of(ledger, name, state));
        }
        if has_groups && taken {
            view.groups.push(group);
        }
        if has_resources {
            view.resources.append(&mut resources);
        }
    }
}
