//! What operators ask: verbs as the core knows them, and a new configuration.

use serde::{Deserialize, Serialize, Serializer, ser::Error};
use serde_json::Value;
use tenure_core::Verb;

/// A request with its identity: the same one is applied once, however often it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestBody {
    /// 32 hexadecimal digits, chosen by the client.
    pub request_id: String,
    /// What is asked.
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
    /// Even if running things are stranded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strand: bool,
    /// Refuse if the present cluster was not declared at this index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<u64>,
}

/// A verb without the fields that say nothing, so that an older node understands what it can do: it refuses a field that it
/// does not know. The verb cannot leave them out by itself, because in the log every field has its place.
pub(super) fn lean<S: Serializer>(verb: &Verb, serializer: S) -> Result<S::Ok, S::Error> {
    let mut value = serde_json::to_value(verb).map_err(S::Error::custom)?;
    for fields in value.as_object_mut().into_iter().flat_map(|verb| verb.values_mut()).filter_map(Value::as_object_mut)
    {
        fields.retain(|_, field| !matches!(field, Value::Null | Value::Bool(false)));
    }
    value.serialize(serializer)
}
