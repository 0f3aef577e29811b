//! Errors of making or reading certificates.

/// An operation on keys, certificates or TLS configurations failed.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A cluster or node name has characters that a certificate name must not have.
    #[error("use {0:?} as a name in a certificate: only letters, digits, '.', '_' and '-', 1 to 64 of them")]
    BadName(String),
    /// A key or certificate could not be made.
    #[error("make {what}")]
    Make {
        /// The object to be made.
        what: &'static str,
        /// The error.
        #[source]
        source: rcgen::Error,
    },
    /// PEM text does not hold the expected object.
    #[error("read {what}: {reason}")]
    Read {
        /// The object to be read.
        what: &'static str,
        /// The error.
        reason: String,
    },
    /// The certificate has no name of the form that this cluster uses.
    #[error("read the name in a certificate: {0}")]
    NoIdentity(String),
    /// The key of the authority is not here.
    #[error("this node does not hold the key of the authority")]
    NoKey,
    /// rustls refused the key or the certificates.
    #[error("build a TLS configuration")]
    Config(#[source] rustls::Error),
}

impl TlsError {
    pub(crate) fn make(what: &'static str) -> impl FnOnce(rcgen::Error) -> Self {
        move |source| Self::Make { what, source }
    }

    pub(crate) fn read(what: &'static str, reason: impl ToString) -> Self {
        Self::Read { what, reason: reason.to_string() }
    }
}
