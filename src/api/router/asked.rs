//! What the query of a path says.

use super::{Failed, Failure};
use axum::{
    extract::{FromRequestParts, Query},
    http::request::Parts,
};
use serde::de::DeserializeOwned;

/// A query; a mistake in it is answered as an [`ErrorView`](crate::api::wire::ErrorView).
pub(super) struct Asked<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failed> {
        let asked = Query::<T>::try_from_uri(&parts.uri);
        let wrong = |why: axum::extract::rejection::QueryRejection| {
            Failed(Failure::Usage(format!("the query of {}: {}", parts.uri.path(), why.body_text())))
        };
        asked.map(|Query(asked)| Asked(asked)).map_err(wrong)
    }
}
