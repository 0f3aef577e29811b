//! The plan of an upgrade.

use super::{
    Style, Tone,
    table::{maybe, plain, table, toned},
};
use crate::cli::upgrade::UpgradePlan;

/// The order of an upgrade, and what lives inside each node.
pub fn upgrade(plan: &UpgradePlan, style: Style) -> String {
    let (nodes, versions) = (plan.steps.len(), plan.versions.join(" and "));
    let nodes = if nodes == 1 { "1 node runs".to_owned() } else { format!("{nodes} nodes run") };
    let mut out = format!("{nodes} {versions}, at feature level {}.\n", plan.level);
    if let Some(why) = &plan.not_now {
        out.push_str(&style.paint(Tone::Bad, &format!("Not now: {why}.")));
        out.push('\n');
    }
    out.push('\n');
    let rows = plan.steps.iter().zip(1..).map(|(step, number): (_, u32)| {
        let inside = step.inside.iter().map(|group| match step.would_cut_off.contains(group) {
            true => format!("{group} (frozen by the stop)"),
            false => group.clone(),
        });
        let inside = inside.collect::<Vec<String>>().join(", ");
        let inside = match &step.watchdog {
            Some(time) => format!("{inside}; watchdog {time}"),
            None => inside,
        };
        let stop = match step.done {
            true => toned("done", Tone::Good),
            false => plain(format!("tenure node stop {} --for upgrade", step.node)),
        };
        vec![
            plain(number),
            plain(&step.node),
            plain(step.role),
            maybe(step.version.as_ref()),
            maybe((!inside.is_empty()).then_some(&inside)),
            stop,
        ]
    });
    out.push_str(&table(&["STEP>", "NODE", "ROLE", "VERSION", "INSIDE", "COMMAND"], rows.collect(), style));
    out.push_str(
        "\nAfter each: install the new version there, `systemctl start tenured`, and go on when `tenure node list` says ok.\n\
         Never two at a time. The leader hands over when it is stopped. What lives inside a node runs on meanwhile.\n",
    );
    if plan.steps.iter().any(|step| step.watchdog.is_some()) {
        out.push_str(
            "A watchdog goes on counting while its node is stopped: be quicker than it, or drain the server first.\n",
        );
    }
    match plan.common {
        Some(common) if common > plan.level => {
            out.push_str(&format!("Then: `tenure cluster upgrade --raise`, to feature level {common}\n"));
        }
        Some(_) => out.push_str("Last, when all run it: `tenure cluster upgrade --raise`\n"),
        None => out.push_str("Not every node says what it understands.\n"),
    }
    out
}
