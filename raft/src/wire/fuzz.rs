//! Frames, for the fuzzer: any bytes of a stream.

use tokio_util::bytes::BytesMut;
use tokio_util::codec::Decoder;

use super::Lane;
use super::connection::codec;
use super::frame::{self, Frame, GREETING_FRAME};

/// What a stranger may send before its certificate counts for anything, and a peer after it: what can be read is written as the
/// same bytes again.
pub fn stream(bytes: &[u8]) -> Result<(), String> {
    let (mut codec, mut stream) = (codec(GREETING_FRAME), BytesMut::from(bytes));
    while let Ok(Some(content)) = codec.decode(&mut stream) {
        one(&content)?;
    }
    one(bytes)
}

fn one(content: &[u8]) -> Result<(), String> {
    let again = match Frame::read(content) {
        Ok(Frame::Hello { hello: Some(hello), .. }) => {
            if let Some(lane) = Lane::from_wire(hello.lane)
                && lane.to_wire() != hello.lane
            {
                return Err(format!("lane {} is written as {}", hello.lane, lane.to_wire()));
            }
            // A number has several encodings, of which one is written.
            let bytes = frame::hello(&hello);
            return match Frame::read(&bytes) {
                Ok(Frame::Hello { hello: Some(again), .. }) if again == hello => Ok(()),
                other => Err(format!("{hello:?} becomes {other:?}")),
            };
        }
        Ok(Frame::Request { id, ttl, body }) => frame::request(id, ttl, body),
        Ok(Frame::Reply { id, body }) => frame::reply(id, body),
        Ok(Frame::Ping) => frame::ping(),
        Ok(Frame::Pong) => frame::pong(),
        Ok(Frame::Farewell(why)) => frame::farewell(why),
        Ok(Frame::Hello { hello: None, .. }) | Err(_) => return Ok(()),
    };
    if again == content { Ok(()) } else { Err(format!("{content:?} is written as {again:?}")) }
}
