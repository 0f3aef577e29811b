//! Carrying out the steps of an order. The machine has just checked the order and the lease; nothing is decided here.

use super::{Performer, Reader};
use std::{sync::Arc, time::Duration};
use tenure_core::{
    execution::{Answer, Ask},
    order::Order,
};

/// Carries out one step of an order.
pub async fn ask(performer: Arc<Performer>, reader: Reader, order: &Order, ask: &Ask) -> Answer {
    match ask {
        Ask::Read(server) => match reader.read(server).await {
            Some(reading) => Answer::Read(reading),
            None => Answer::NotSent("the node stops".into()),
        },
        Ask::Pause(span) => {
            tokio::time::sleep(Duration::from_millis(span.0)).await;
            Answer::Paused
        }
        Ask::Probe(resource) => Answer::Probed(performer.agents().probe(resource).await),
        Ask::Do(operation) => performer.act(order, operation).await,
    }
}
