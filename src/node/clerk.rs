//! The clerk: answers calls of other nodes that do not need the node's loop, concurrently with it.

use super::{
    Machine, known, member,
    peer::{Answer, Asked, Call},
    permit, suitability,
};
use crate::performer::Agents;
use std::sync::Arc;
use tenure_core::NodeName;
use tenure_raft::Handle;
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Answers until the node stops.
pub async fn serve(
    mut calls: mpsc::Receiver<Asked>,
    me: NodeName,
    raft: Handle<Machine>,
    agents: Arc<Agents>,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    loop {
        let asked = tokio::select! {
            () = stop.cancelled() => return,
            asked = calls.recv() => asked,
        };
        let Some(Asked { call, reply, .. }) = asked else { return };
        let (raft, agents, me) = (raft.clone(), Arc::clone(&agents), me.clone());
        tasks.spawn(async move {
            let answer = match call {
                Call::Check { permit, cluster } => match permit::check(&raft, permit, &cluster).await {
                    Ok(()) => {
                        let found = suitability::check_here(&agents, &me, &cluster).await;
                        Answer::Checked { errors: found.errors, warnings: found.warnings }
                    }
                    Err(why) => {
                        Answer::Checked { errors: Vec::new(), warnings: vec![format!("node {me}: {why}").into()] }
                    }
                },
                Call::Extra(act) => Answer::Said(match permit::extra(&raft, act, &me).await {
                    Ok(call) => suitability::extra(&agents, &call).await,
                    Err(why) => Err(why.into()),
                }),
                Call::Agents => Answer::Agents(known::list_here(&agents, &me).await),
                Call::Agent(agent) => Answer::Agent(known::one_here(&agents, &me, &agent).await),
                Call::Member(call) => member::change(raft, call).await,
                // The inbox sends these to the loop.
                Call::Node(_) => Answer::Node(tenure_core::node::Answer::NotLeader),
            };
            // The caller may have given up.
            let _ = reply.send(answer);
        });
    }
}
