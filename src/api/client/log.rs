//! Requests about the logs of nodes.

use super::{Client, ClientError, escape};
use crate::api::wire::{LogLevelBody, LogSetView, LogView};
use reqwest::Method;

impl Client {
    /// The log of the node that answers: what it tells, and its last lines.
    pub async fn log(&self, lines: usize) -> Result<LogView, ClientError> {
        self.hard_question(&format!("/v1/log?lines={lines}")).await
    }

    /// Has the log of a node tell more, or less, for a time.
    pub async fn log_level(&self, node: &str, body: &LogLevelBody) -> Result<LogSetView, ClientError> {
        self.change(Method::POST, &format!("/v1/nodes/{}/log", escape(node)), body).await
    }
}
