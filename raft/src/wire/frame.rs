//! The content of one length-delimited frame.
//!
//! A frame is a kind byte, then fixed fields, then the body. TLS protects it, so it has no checksum of its own. The first
//! frame each way is a hello; its protocol version is at a fixed place, so that any later version can still read it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Malformed;
use crate::codec;

/// The version of this protocol. A node refuses peers that speak another one.
pub(super) const PROTOCOL: u16 = 1;
/// The largest frame either side accepts, once the other one is known to be a member. Appends and snapshot pieces are cut well
/// below it, but for the append of a single entry that is longer.
pub(super) const MAX_FRAME: usize = 12 << 20;
/// For what is around a command in a frame.
const AROUND: usize = 1 << 20;
const _: () = assert!(tenure_storage::MAX_COMMAND_BYTES + AROUND <= MAX_FRAME, "every entry fits into a frame");
const _: () = assert!(crate::handle::MAX_CALL + AROUND <= MAX_FRAME, "every call fits into a frame");

/// The largest greeting.
pub(super) const GREETING_FRAME: usize = 4 << 10;

const HELLO: u8 = 1;
const REQUEST: u8 = 2;
const REPLY: u8 = 3;
const PING: u8 = 4;
const PONG: u8 = 5;
const FAREWELL: u8 = 6;

const REQUEST_HEAD: usize = 1 + 8 + 4;
const REPLY_HEAD: usize = 1 + 8;

/// The introduction of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hello {
    pub(super) cluster: String,
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) lane: u8,
}

/// A frame, read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame<'a> {
    Hello {
        protocol: u16,
        hello: Option<Hello>,
    },
    Request {
        id: u64,
        ttl: Duration,
        body: &'a [u8],
    },
    Reply {
        id: u64,
        body: &'a [u8],
    },
    Ping,
    Pong,
    /// In place of a hello: the caller was given up, in words.
    Farewell(&'a str),
}

impl<'a> Frame<'a> {
    /// The word for it in a log line, which is no place for its content.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Hello { .. } => "hello",
            Self::Request { .. } => "request",
            Self::Reply { .. } => "reply",
            Self::Ping => "ping",
            Self::Pong => "pong",
            Self::Farewell(_) => "farewell",
        }
    }

    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (&kind, rest) = bytes.split_first().ok_or_else(|| Malformed("empty frame".to_owned()))?;
        match kind {
            HELLO => {
                let (protocol, rest) = take::<2>(rest)?;
                let protocol = u16::from_le_bytes(protocol);
                // The body of another version's hello is none of our business.
                let hello = (protocol == PROTOCOL).then(|| codec::decode::<Hello>(rest)).transpose();
                Ok(Self::Hello { protocol, hello: hello.map_err(|e| Malformed(e.to_string()))? })
            }
            REQUEST => {
                let (id, rest) = take::<8>(rest)?;
                let (ttl, body) = take::<4>(rest)?;
                let ttl = Duration::from_millis(u32::from_le_bytes(ttl).into());
                Ok(Self::Request { id: u64::from_le_bytes(id), ttl, body })
            }
            REPLY => {
                let (id, body) = take::<8>(rest)?;
                Ok(Self::Reply { id: u64::from_le_bytes(id), body })
            }
            PING if rest.is_empty() => Ok(Self::Ping),
            PONG if rest.is_empty() => Ok(Self::Pong),
            FAREWELL => std::str::from_utf8(rest).map(Self::Farewell).map_err(|e| Malformed(e.to_string())),
            other => Err(Malformed(format!("frame of kind {other}"))),
        }
    }
}

fn take<const N: usize>(bytes: &[u8]) -> Result<([u8; N], &[u8]), Malformed> {
    bytes.split_first_chunk::<N>().map(|(head, rest)| (*head, rest)).ok_or_else(|| Malformed("cut frame".to_owned()))
}

pub(super) fn hello(hello: &Hello) -> Vec<u8> {
    let mut frame = vec![HELLO];
    frame.extend(PROTOCOL.to_le_bytes());
    frame.extend(codec::encode(hello));
    frame
}

/// The answer to the hello of a node that was given up.
pub(super) fn farewell(why: &str) -> Vec<u8> {
    let mut frame = vec![FAREWELL];
    frame.extend(why.as_bytes());
    frame
}

pub(super) fn request(id: u64, ttl: Duration, body: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(REQUEST_HEAD + body.len());
    frame.push(REQUEST);
    frame.extend(id.to_le_bytes());
    frame.extend(u32::try_from(ttl.as_millis()).unwrap_or(u32::MAX).to_le_bytes());
    frame.extend(body);
    frame
}

pub(super) fn reply(id: u64, body: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(REPLY_HEAD + body.len());
    frame.push(REPLY);
    frame.extend(id.to_le_bytes());
    frame.extend(body);
    frame
}

pub(super) fn ping() -> Vec<u8> {
    vec![PING]
}

pub(super) fn pong() -> Vec<u8> {
    vec![PONG]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::show;

    #[test]
    fn frames_round_trip() {
        let greeting = Hello { cluster: "c".to_owned(), id: 4, name: "p4".to_owned(), lane: 2 };
        let bytes = hello(&greeting);
        assert_eq!(Frame::read(&bytes), Ok(Frame::Hello { protocol: PROTOCOL, hello: Some(greeting) }));
        let bytes = request(9, Duration::from_millis(250), b"ask");
        assert_eq!(Frame::read(&bytes), Ok(Frame::Request { id: 9, ttl: Duration::from_millis(250), body: b"ask" }));
        let bytes = reply(9, b"told");
        assert_eq!(Frame::read(&bytes), Ok(Frame::Reply { id: 9, body: b"told" }));
        assert_eq!(Frame::read(&ping()), Ok(Frame::Ping));
        assert_eq!(Frame::read(&pong()), Ok(Frame::Pong));
    }

    /// Protocol 1 is released. Never change these bytes; add a protocol.
    #[test]
    fn protocol_1_stays_what_it_is() {
        let greeting = Hello { cluster: "c".to_owned(), id: 300, name: "p4".to_owned(), lane: 2 };
        assert_eq!(show::hex(&hello(&greeting)), "0101000163fb2c0102703402");
        let ttl = Duration::from_millis(250);
        assert_eq!(show::hex(&request(9, ttl, b"ask")), "020900000000000000fa00000061736b");
        assert_eq!(show::hex(&reply(9, b"told")), "030900000000000000746f6c64");
        assert_eq!(show::hex(&[ping(), pong()].concat()), "0405");
    }

    #[test]
    fn another_version_is_named_and_not_parsed() {
        let bytes = [HELLO, 9, 0, 0xff, 0xff, 0xff];
        assert_eq!(Frame::read(&bytes), Ok(Frame::Hello { protocol: 9, hello: None }));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = Frame::read(&bytes);
        }
    }
}
