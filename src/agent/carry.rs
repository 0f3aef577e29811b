//! Putting what an order asks to the world. The machine has looked at the order and at the lease a moment ago; nothing is
//! decided here.

use super::{Hands, Reader, hook};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tenure_core::{
    carry::{Answer, Ask, Deed},
    order::{Action, Order},
};

/// Carries out what an order asks.
pub async fn carry(hands: Arc<Hands>, reader: Reader, order: &Order, ask: &Ask) -> Answer {
    match ask {
        Ask::Read(server) => match reader.read(server).await {
            Some(reading) => Answer::Read(reading),
            None => Answer::NotSent("the node stops".to_owned()),
        },
        Ask::Pause(span) => {
            tokio::time::sleep(Duration::from_millis(span.0)).await;
            Answer::Paused
        }
        Ask::Look(resource) => Answer::Looked(hands.agents().look(resource).await),
        Ask::Do(Deed::Hypervisor(change)) => hands.change(&order.server, change).await,
        Ask::Do(Deed::Local(resource, deed)) => hands.agents().act(&hands.cluster(), resource, *deed).await,
        Ask::Do(Deed::Program(program)) => hook::run(program, variables(&hands, order)).await,
    }
}

/// What a program finds in its environment.
fn variables(hands: &Hands, order: &Order) -> BTreeMap<&'static str, String> {
    let Action::Hook { group, trigger, .. } = &order.action else { return BTreeMap::new() };
    BTreeMap::from([
        ("TENURE_CLUSTER", hands.cluster().name.clone()),
        ("TENURE_GROUP", group.to_string()),
        ("TENURE_SERVER", order.server.to_string()),
        ("TENURE_TRIGGER", trigger.word().to_owned()),
    ])
}
