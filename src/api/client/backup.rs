//! Requests about backups.

use super::{Client, ClientError};
use crate::{
    api::wire::{BackupBody, BackupView, OutcomeView, RestoreBody},
    node::founding::{as_text, from_text},
};
use reqwest::Method;
use tenure_core::RequestId;

impl Client {
    /// A backup of now: the bytes of the file, or text that is no base64 as it came.
    pub async fn backup(&self, id: RequestId) -> Result<Vec<u8>, ClientError> {
        let body = BackupBody { request_id: format!("{:032x}", id.0) };
        let sent = self.change::<BackupView>(Method::POST, "/v1/backup", &body).await;
        let backup = sent.map_err(|error| error.with_request(&body.request_id))?.backup;
        Ok(from_text(&backup).unwrap_or_else(|| backup.into_bytes()))
    }

    /// Has a backup restored.
    pub async fn restore(&self, id: RequestId, backup: &[u8]) -> Result<OutcomeView, ClientError> {
        let body = RestoreBody { request_id: format!("{:032x}", id.0), backup: as_text(backup) };
        let sent = self.change(Method::POST, "/v1/backup/restore", &body).await;
        sent.map_err(|error| error.with_request(&body.request_id))
    }
}
