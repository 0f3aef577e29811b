//! Following events across broken connections and changing nodes, without gap and without repetition.

use super::{Client, ClientError, decode};
use crate::api::{
    client::error::{Tried, bottom},
    wire::{ErrorView, RecordView},
};
use reqwest::Response;
use std::{collections::VecDeque, time::Duration};
use tokio::time::{Instant, sleep, timeout};

/// A silent connection is given up after this: the server sends an empty line more often.
const SILENCE: Duration = Duration::from_secs(15);
/// Pause between two rounds over the nodes.
const PAUSE: Duration = Duration::from_millis(300);
/// Longest line accepted, in bytes.
const LINE_LIMIT: usize = 1 << 20;

/// A stream of records.
#[derive(Debug)]
pub struct Follow {
    client: Client,
    /// Index of the last record, and the number of records with that index so far: one log entry makes several.
    last: (u64, usize),
    /// Which records, as a query.
    which: String,
    /// Number of records of the last index that will come again after a reconnection.
    skip: usize,
    connection: Option<Connection>,
}

#[derive(Debug)]
struct Connection {
    response: Response,
    partial: Vec<u8>,
    ready: VecDeque<RecordView>,
}

impl Follow {
    pub(super) fn new(client: Client, since: u64, which: String) -> Self {
        Follow { client, last: (since, 0), which, skip: 0, connection: None }
    }

    /// The next record. Fails when no node could be reached for the client's timeout, or when a node answers with an
    /// error, which another one would give too. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Result<RecordView, ClientError> {
        loop {
            let record = match self.connection.as_mut() {
                Some(connection) => connection.next().await,
                None => {
                    self.connection = Some(self.connect().await?);
                    continue;
                }
            };
            match record {
                Some(record) if record.index == self.last.0 && self.skip > 0 => self.skip -= 1,
                Some(record) => {
                    let seen = if record.index == self.last.0 { self.last.1 + 1 } else { 1 };
                    self.last = (record.index, seen);
                    return Ok(record);
                }
                None => self.connection = None,
            }
        }
    }

    async fn connect(&mut self) -> Result<Connection, ClientError> {
        let (index, seen) = self.last;
        let since = if seen == 0 { index } else { index.saturating_sub(1) };
        let path = format!("/v1/events?follow=true&since={since}{}", self.which);
        let until = Instant::now() + self.client.timeout;
        let mut tried = Tried::default();
        loop {
            let nodes: Vec<String> = self.client.best_first().await.into_iter().cloned().collect();
            for node in nodes {
                let request = self.client.http.get(format!("https://{node}{path}"));
                match timeout(self.client.timeout, request.send()).await {
                    Ok(Ok(response)) if response.status().is_success() => {
                        self.skip = seen;
                        return Ok(Connection { response, partial: Vec::new(), ready: VecDeque::new() });
                    }
                    Ok(Ok(response)) => {
                        let body = response.bytes().await.unwrap_or_default();
                        let error: ErrorView = decode(&body)?;
                        return Err(ClientError::Answered(error));
                    }
                    Ok(Err(why)) => tried.failed(&node, bottom(&why)),
                    Err(_) => tried.failed(&node, "no answer in time".to_owned()),
                }
            }
            if Instant::now() >= until {
                return Err(tried.into_error());
            }
            tried = Tried::default();
            sleep(PAUSE).await;
        }
    }
}

impl Connection {
    /// The next record, or `None` when the connection is of no more use.
    async fn next(&mut self) -> Option<RecordView> {
        loop {
            if let Some(record) = self.ready.pop_front() {
                return Some(record);
            }
            let chunk = timeout(SILENCE, self.response.chunk()).await.ok()?.ok()??;
            self.partial.extend_from_slice(&chunk);
            while let Some(end) = self.partial.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.partial.drain(..=end).collect();
                if line.len() > 1 {
                    self.ready.push_back(decode(&line).ok()?);
                }
            }
            if self.partial.len() > LINE_LIMIT {
                return None;
            }
        }
    }
}
