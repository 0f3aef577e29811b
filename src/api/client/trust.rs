//! Requests about users and tokens.

use super::{Client, ClientError, escape, freshness};
use crate::api::{
    backend::Read,
    wire::{
        AuditsView, AuthoritiesView, CertifyBody, EnrolReply, EnrolRequest, OutcomeView, TokenBody, TokenView,
        UserBody, UserView, UsersView,
    },
};
use reqwest::Method;

impl Client {
    /// The user for whom the cluster takes this client.
    pub async fn whoami(&self) -> Result<UserView, ClientError> {
        self.question("/v1/whoami").await
    }

    /// A page of the audit, as the first node that answers keeps it.
    pub async fn audit(&self, after: u64, read: Read) -> Result<AuditsView, ClientError> {
        self.question(&format!("/v1/audit?after={after}&{}", freshness(read))).await
    }

    /// All users.
    pub async fn users(&self, read: Read) -> Result<UsersView, ClientError> {
        self.question(&format!("/v1/users?{}", freshness(read))).await
    }

    /// One user.
    pub async fn user(&self, name: &str, read: Read) -> Result<UserView, ClientError> {
        self.question(&format!("/v1/users/{}?{}", escape(name), freshness(read))).await
    }

    /// Lets a user in.
    pub async fn user_add(&self, body: &UserBody) -> Result<OutcomeView, ClientError> {
        self.change(Method::POST, "/v1/users", body).await
    }

    /// Gives a user other rights.
    pub async fn user_set(&self, body: &UserBody) -> Result<OutcomeView, ClientError> {
        self.change(Method::PUT, &format!("/v1/users/{}", escape(&body.name)), body).await
    }

    /// Lets a user in no more.
    pub async fn user_remove(&self, name: &str) -> Result<OutcomeView, ClientError> {
        self.change(Method::DELETE, &format!("/v1/users/{}", escape(name)), &()).await
    }

    /// Voids the certificates of a user.
    pub async fn user_renew(&self, name: &str) -> Result<OutcomeView, ClientError> {
        self.change(Method::POST, &format!("/v1/users/{}/renew", escape(name)), &()).await
    }

    /// A token.
    pub async fn token_for(&self, body: &TokenBody) -> Result<TokenView, ClientError> {
        self.change(Method::POST, "/v1/tokens", body).await
    }

    /// The authorities and the certificates in use.
    pub async fn authorities(&self, read: Read) -> Result<AuthoritiesView, ClientError> {
        self.question(&format!("/v1/authority?{}", freshness(read))).await
    }

    /// Has another authority sign, once every node trusts it.
    pub async fn authority_rotate(&self) -> Result<OutcomeView, ClientError> {
        self.change(Method::POST, "/v1/authority", &()).await
    }

    /// Has an authority, by the first digits of its fingerprint, trusted no more.
    pub async fn authority_retire(&self, authority: &str, even_if_used: bool) -> Result<OutcomeView, ClientError> {
        let path = format!("/v1/authority/{}?even_if_used={even_if_used}", escape(authority));
        self.change(Method::DELETE, &path, &()).await
    }

    /// Has a key certified with a token.
    pub async fn enrol(&self, request: &EnrolRequest) -> Result<EnrolReply, ClientError> {
        self.change(Method::POST, "/v1/enrol", request).await
    }

    /// Has a new key of this client's user certified.
    pub async fn certify(&self, csr_pem: &str) -> Result<EnrolReply, ClientError> {
        self.change(Method::POST, "/v1/certificate", &CertifyBody { csr_pem: csr_pem.to_owned() }).await
    }
}
