//! Bodies of the admin API, for the fuzzer.

use super::{
    convert,
    wire::{
        ActionBody, CheckBody, ConfigureBody, JoinReply, JoinRequest, MembersView, NodeAddBody, OutcomeView,
        RequestBody, StatusView, TokenBody, TransferBody, WhatIf, WhatIfBody, WhatIfView,
    },
};
use serde::{Serialize, de::DeserializeOwned};
use std::fmt::Debug;
use tenure_core::{Request, RequestId};

/// Any body; the first byte says of which kind. What is read is written as something that is read as the same, and what is
/// made of it is a valid value of the core.
pub fn body(bytes: &[u8]) -> Result<(), String> {
    let Some((which, text)) = bytes.split_first() else { return Ok(()) };
    match which % 16 {
        0 => again::<RequestBody>(text)?.map_or(Ok(()), |body| {
            let _ = Request::from(body.ask);
            identity(&body.request_id)
        }),
        1 => again::<ConfigureBody>(text)?.map_or(Ok(()), |body| {
            identity(&body.request_id)?;
            declared(&body.text)
        }),
        2 => again::<WhatIfBody>(text)?.map_or(Ok(()), |body| {
            body.what_if.into_iter().try_for_each(|event| match event {
                WhatIf::Configure { text } => declared(&text),
                WhatIf::Ask(verb) => {
                    let _ = Request::from(verb);
                    Ok(())
                }
                WhatIf::Lose { .. } => Ok(()),
            })
        }),
        3 => again::<CheckBody>(text)?.map_or(Ok(()), |body| declared(&body.text)),
        4 => again::<ActionBody>(text).map(|_| ()),
        5 => again::<NodeAddBody>(text).map(|_| ()),
        6 => again::<TransferBody>(text).map(|_| ()),
        7 => again::<TokenBody>(text).map(|_| ()),
        8 => again::<JoinRequest>(text).map(|_| ()),
        9 => again::<JoinReply>(text).map(|_| ()),
        10 => again::<StatusView>(text).map(|_| ()),
        11 => again::<MembersView>(text).map(|_| ()),
        12 => again::<OutcomeView>(text).map(|_| ()),
        13 => again::<WhatIfView>(text).map(|_| ()),
        14 => crate::node::founding::fuzz(text),
        _ => identity(&String::from_utf8_lossy(text)),
    }
}

fn again<T: Serialize + DeserializeOwned + PartialEq + Debug>(text: &[u8]) -> Result<Option<T>, String> {
    let Ok(body) = serde_json::from_slice::<T>(text) else { return Ok(None) };
    let written = serde_json::to_string(&body).map_err(|why| why.to_string())?;
    match serde_json::from_str::<T>(&written) {
        Ok(again) if again == body => Ok(Some(body)),
        again => Err(format!("{body:?} is written as {written}, which is {again:?}")),
    }
}

/// One text, one identity.
fn identity(text: &str) -> Result<(), String> {
    let Some(RequestId(id)) = convert::request_id(text) else { return Ok(()) };
    let written = format!("{id:032x}");
    if written.eq_ignore_ascii_case(text) { Ok(()) } else { Err(format!("{text:?} is the identity {written}")) }
}

fn declared(text: &str) -> Result<(), String> {
    let Ok(cluster) = convert::cluster(text) else { return Ok(()) };
    let exported = tenure_config::export(&cluster);
    match convert::cluster(&exported) {
        Ok(again) if again == cluster => Ok(()),
        Ok(_) => Err(format!("another cluster is read from what was exported:\n{exported}")),
        Err(why) => Err(format!("what was exported is refused: {why:?}\n{exported}")),
    }
}
