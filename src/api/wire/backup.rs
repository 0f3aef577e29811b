//! Wire types of backups.

use serde::{Deserialize, Serialize};

/// Asks for a backup.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BackupBody {
    /// Identity of the request, 32 hexadecimal digits.
    pub request_id: String,
}

/// A backup.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BackupView {
    /// The bytes of the file, base64url.
    pub backup: String,
}

/// Has a backup restored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RestoreBody {
    /// Identity of the request, 32 hexadecimal digits.
    pub request_id: String,
    /// The bytes of the file, base64url.
    pub backup: String,
}

/// The backups that a node writes by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupsView {
    /// When the newest one was written, RFC 3339 in UTC; `None` if there is none.
    pub newest: Option<String>,
    /// Why the last attempt has failed.
    pub failed: Option<String>,
}
