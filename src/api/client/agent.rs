//! What is asked of agents.

use super::{Client, ClientError, Kind, decode, escape, freshness};
use crate::api::{
    backend::Read,
    wire::{ActionBody, AgentDetailView, AgentsView, CheckBody, CheckView, ResourceDetailView, SaidView},
};
use reqwest::Method;

impl Client {
    /// What the agents of the nodes make of a cluster file.
    pub async fn check(&self, text: &str) -> Result<CheckView, ClientError> {
        let body = CheckBody { text: text.to_owned() };
        decode(&self.ask(Kind::Question, &|url| self.http.post(url).json(&body), "/v1/check").await?)
    }

    /// Everything about one resource.
    pub async fn resource(&self, resource: &str, read: Read) -> Result<ResourceDetailView, ClientError> {
        self.question(&format!("/v1/resources/{}?{}", escape(resource), freshness(read))).await
    }

    /// What an agent tells people of a resource, on a server or where its group is.
    pub async fn info(&self, resource: &str, on: Option<&str>) -> Result<SaidView, ClientError> {
        self.question(&format!("/v1/resources/{}/info{}", escape(resource), query("on", on))).await
    }

    /// Has an agent do something else to a resource.
    pub async fn action(&self, resource: &str, body: &ActionBody) -> Result<SaidView, ClientError> {
        self.change(Method::POST, &format!("/v1/resources/{}/actions", escape(resource)), body).await
    }

    /// The agents that a node has; the one that answers, if none is named.
    pub async fn agents(&self, node: Option<&str>) -> Result<AgentsView, ClientError> {
        self.question(&format!("/v1/agents{}", query("node", node))).await
    }

    /// What an agent can be told.
    pub async fn agent(&self, agent: &str, node: Option<&str>) -> Result<AgentDetailView, ClientError> {
        self.question(&format!("/v1/agents/{}{}", escape(agent), query("node", node))).await
    }
}

/// A question mark and one value, if there is one.
fn query(name: &str, value: Option<&str>) -> String {
    value.map(|value| format!("?{name}={}", escape(value))).unwrap_or_default()
}
