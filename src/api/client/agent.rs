//! Requests about agents and their resources.

use super::{Client, ClientError, Kind, decode, escape, freshness};
use crate::api::{
    backend::Read,
    wire::{ActionBody, AgentDetailView, AgentsView, CheckBody, CheckView, ResourceDetailView, SaidView},
};
use reqwest::Method;

impl Client {
    /// Checks a cluster file against the agents of the nodes.
    pub async fn check(&self, text: &str) -> Result<CheckView, ClientError> {
        let body = CheckBody { text: text.to_owned() };
        decode(&self.ask(Kind::Question, &|url| self.http.post(url).json(&body), "/v1/check").await?)
    }

    /// All details of one resource.
    pub async fn resource(&self, resource: &str, read: Read) -> Result<ResourceDetailView, ClientError> {
        self.question(&format!("/v1/resources/{}?{}", escape(resource), freshness(read))).await
    }

    /// An agent's description of a resource, on a server or, without one, where its group is.
    pub async fn info(&self, resource: &str, on: Option<&str>) -> Result<SaidView, ClientError> {
        self.hard_question(&format!("/v1/resources/{}/info{}", escape(resource), query("on", on))).await
    }

    /// Has an agent run an action on a resource.
    pub async fn action(&self, resource: &str, body: &ActionBody) -> Result<SaidView, ClientError> {
        self.change(Method::POST, &format!("/v1/resources/{}/actions", escape(resource)), body).await
    }

    /// The agents of a node; without a name, of the node that answers.
    pub async fn agents(&self, node: Option<&str>) -> Result<AgentsView, ClientError> {
        self.question(&format!("/v1/agents{}", query("node", node))).await
    }

    /// The attributes and actions of an agent.
    pub async fn agent(&self, agent: &str, node: Option<&str>) -> Result<AgentDetailView, ClientError> {
        self.question(&format!("/v1/agents/{}{}", escape(agent), query("node", node))).await
    }
}

/// A query string with one value; empty without one.
fn query(name: &str, value: Option<&str>) -> String {
    value.map(|value| format!("?{name}={}", escape(value))).unwrap_or_default()
}
