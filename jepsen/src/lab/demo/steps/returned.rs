//! Step 8: a server that was off comes back and starts an LPAR by itself.

use super::processor::RESTING;
use crate::{
    lab::demo::{
        figures::Figure,
        orders::{fault, lpar, server},
        story::{PATIENCE, Story, Told},
    },
    world::{Cause, Change, Fault, LparState, ServerId},
};
use std::time::Duration;
use tenure::api::wire::{GroupStatus, ServerStatus, Verb};

/// Pause between two attempts to switch the server on.
const LOOK: Duration = Duration::from_millis(150);

pub(super) async fn tell(story: &Story) -> Told {
    let status = story.status().await;
    let off = status.servers.iter().find(|server| server.state == ServerStatus::Off).map(|server| server.name.clone());
    let Some(name) = off else { return story.check("a server is off", Err("none is".to_owned())) };
    let stray =
        status.lpars.iter().find(|lpar| lpar.group == RESTING).map(|lpar| lpar.name.clone()).unwrap_or_default();
    let (at, id) = (server(story, &name)?, lpar(story, &stray)?);
    let cursor = story.cursor();
    let words = format!("somebody has set auto_start=1 for {stray} on {name}, and gives {name} power again");
    fault(story, words, Fault::SetAutoStart(at, id, true))?;
    let by_itself = story.change(cursor, |change| {
        matches!(change, Change::Lpar { server, lpar, cause: Cause::Autostart, .. } if (*server, *lpar) == (at, id))
    });
    let started = async {
        tokio::select! {
            entry = by_itself => entry,
            never = keep_switching_on(story, at) => never,
        }
    };
    story.expect(format!("{name} comes up and starts {stray} by itself"), PATIENCE, started).await?;
    let on = story.change(cursor, |change| matches!(change, Change::Power { server, .. } if *server == at)).await;
    let dirty = story.note(cursor, |note| note.kind == "reappeared" && note.server.as_deref() == Some(&name));
    story.expect(format!("{name} counts as dirty"), PATIENCE, dirty).await?;
    let stopped = story.change(cursor, |change| {
        let off = matches!(
            change,
            Change::Lpar { state: LparState::NotActivated, cause: Cause::Command(_) | Cause::Progress, .. }
        );
        off && matches!(change, Change::Lpar { server, lpar, .. } if (*server, *lpar) == (at, id))
    });
    story.expect(format!("{stray} is stopped there: nothing gave it the right to run"), PATIENCE, stopped).await?;
    let clean = story.note(cursor, |note| note.kind == "cleaned" && note.server.as_deref() == Some(&name));
    let (clean, _) = story.expect(format!("{name} is clean"), PATIENCE, clean).await?;
    story.figures().take(Figure::ReturnToClean, on.at, clean);
    story.check("nothing moved meanwhile", story.nothing_moved(cursor, &[(&stray, &name)]))?;
    story.world(|world| world.inject(Fault::SetAutoStart(at, id, false))).ok();
    story.release(&name).await?;
    let server = Some(name.as_str().into());
    story.operator(Verb::Online { group: RESTING.into(), server, propagate: false }).await?;
    let there = story.state(|status| {
        let there = |group: &tenure::api::wire::GroupView| {
            group.name == RESTING && group.state == GroupStatus::Online && group.server.as_deref() == Some(&name)
        };
        status.groups.iter().any(there).then_some(())
    });
    story.expect(format!("{RESTING} is online on {name}: it takes work again"), PATIENCE, there).await
}

/// Switches a server on as soon as its HMC allows it, and never ends.
async fn keep_switching_on<T>(story: &Story, at: ServerId) -> T {
    loop {
        story.switch_on(at);
        tokio::time::sleep(LOOK).await;
    }
}
