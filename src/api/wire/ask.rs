//! Requests of operators: verbs as the core defines them, and new configurations.

use serde::{Deserialize, Serialize, Serializer, ser::Error};
use serde_json::Value;
use tenure_core::Verb;

/// A request with its identity: one identity is applied once, however often it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestBody {
    /// 32 hexadecimal digits, chosen by the client.
    pub request_id: String,
    /// The request itself.
    #[serde(serialize_with = "lean")]
    pub ask: Verb,
}

/// A new declaration of the cluster, with its identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigureBody {
    /// 32 hexadecimal digits, chosen by the client.
    pub request_id: String,
    /// The text of a cluster file.
    pub text: String,
    /// Accept it even if running resources are stranded by it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strand: bool,
    /// Refuse unless the present configuration was declared at this log index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<u64>,
    /// Do not log in to HMCs that are new, or declared otherwise, before it is applied.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_check: bool,
}

/// A verb without its empty fields, so that an older node accepts what it supports: it refuses unknown fields. The
/// verb cannot leave them out by itself, because in the log every field has its place.
pub(super) fn lean<S: Serializer>(verb: &Verb, serializer: S) -> Result<S::Ok, S::Error> {
    let mut value = serde_json::to_value(verb).map_err(S::Error::custom)?;
    for fields in value.as_object_mut().into_iter().flat_map(|verb| verb.values_mut()).filter_map(Value::as_object_mut)
    {
        fields.retain(|_, field| !matches!(field, Value::Null | Value::Bool(false)));
    }
    value.serialize(serializer)
}
