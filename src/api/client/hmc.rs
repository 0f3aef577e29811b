//! Requests about HMCs.

use super::{Client, ClientError, Kind, decode, escape, freshness};
use crate::api::{
    backend::Read,
    wire::{CheckBody, CheckView, HmcView, HmcsView},
};
use reqwest::Method;

impl Client {
    /// All HMCs, with what each node last heard of them.
    pub async fn hmcs(&self, read: Read) -> Result<HmcsView, ClientError> {
        self.question(&format!("/v1/hmcs?{}", freshness(read))).await
    }

    /// Has every node that uses an HMC ask it something now.
    pub async fn hmc_check(&self, hmc: &str) -> Result<HmcView, ClientError> {
        self.change(Method::POST, &format!("/v1/hmcs/{}/check", escape(hmc)), &()).await
    }

    /// Has a node log in to the HMCs of a cluster file.
    pub async fn check_managers(&self, text: &str) -> Result<CheckView, ClientError> {
        let body = CheckBody { text: text.to_owned() };
        decode(&self.ask(Kind::Question, &|url| self.http.post(url).json(&body), "/v1/check-managers").await?)
    }
}
