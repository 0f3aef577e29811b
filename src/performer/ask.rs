//! Carrying out the steps of an order. The machine has just checked the order and the lease; nothing is decided here.

use super::{Performer, Reader, reader::After};
use crate::hypervisor::Urgency;
use futures::future::join_all;
use std::time::Duration;
use tenure_core::{
    ServerName,
    execution::{Answer, Ask},
    order::Order,
};

/// Carries out one step of an order, and tells each answer as it comes. Only [`Ask::ReadAll`] has more than one.
pub async fn ask<F>(performer: &Performer, reader: &Reader, order: &Order, ask: &Ask, tell: impl Fn(Answer) -> F)
where
    F: Future<Output = ()>,
{
    let answer = match ask {
        Ask::ReadAll(servers) => {
            let each = async |server| tell(read(reader, server, After::Order(order.id)).await).await;
            join_all(servers.iter().map(each)).await;
            return;
        }
        Ask::Read(server) => read(reader, server, After::Request).await,
        Ask::Pause(span) => {
            tokio::time::sleep(Duration::from_millis(span.0)).await;
            Answer::Paused
        }
        Ask::Probe(resource) => Answer::Probed(performer.agents().probe(resource).await),
        Ask::Do(operation) => performer.act(order, operation).await,
    };
    tell(answer).await;
}

async fn read(reader: &Reader, server: &ServerName, after: After) -> Answer {
    match reader.read(server, after, Urgency::Order).await {
        Some(reading) => Answer::Read(reading),
        None => Answer::Unread(server.clone()),
    }
}
