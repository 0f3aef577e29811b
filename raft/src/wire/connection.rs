//! The common part of both ends of a connection: framing, limits, times, and the exchange of greetings.

use std::io;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use tenure_storage::Peer;
use tokio::io::{AsyncRead, AsyncWrite, ReadHalf, WriteHalf};
use tokio::time::timeout;
use tokio_util::bytes::Bytes;
use tokio_util::codec::{FramedRead, FramedWrite, LengthDelimitedCodec};

use super::frame::{self, Frame, GREETING_FRAME, Hello, MAX_FRAME, PROTOCOL};
use super::{Lane, Sender};
use crate::tls::{PeerIdentity, Role};

/// From accepting or opening a connection to the end of the greetings.
pub(super) const GREETING_TIME: Duration = Duration::from_secs(3);
/// Interval at which a client asks whether the other side still lives.
pub(super) const PING_EVERY: Duration = Duration::from_secs(1);
/// A connection that brought nothing for this time is dropped: after a cut, TCP alone may wait minutes to try again.
pub(super) const SILENCE: Duration = Duration::from_secs(3);
/// Number of frames that are taken from a queue to be written together.
pub(super) const WRITE_BATCH: usize = 128;
const WRITE_BUFFER: usize = 64 << 10;

pub(super) type Reader<S> = FramedRead<ReadHalf<S>, LengthDelimitedCodec>;
pub(super) type Writer<S> = FramedWrite<WriteHalf<S>, LengthDelimitedCodec>;

/// The reason why a connection ended or never began.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Malformed(#[from] super::Malformed),
    #[error("{0}")]
    Tls(#[from] crate::tls::TlsError),
    #[error("refused: {0}")]
    Refused(String),
    #[error("this node was given up: {0}")]
    GivenUp(String),
    #[error("nothing heard for {}", crate::show::duration(*.0))]
    Silent(Duration),
    #[error("no greeting within {}", crate::show::duration(*.0))]
    NoGreeting(Duration),
    #[error("closed by the other side")]
    Closed,
    #[error("closed here")]
    ClosedHere,
}

impl Ended {
    /// Whether the other side is merely gone, and has done nothing wrong.
    pub(super) fn is_gone(&self) -> bool {
        match self {
            Ended::Closed | Ended::Silent(_) => true,
            Ended::Io(why) => why.kind() != io::ErrorKind::InvalidData,
            _ => false,
        }
    }
}

/// The identity of this node, for others.
#[derive(Debug, Clone)]
pub(super) struct Me {
    pub(super) cluster: String,
    pub(super) id: u64,
    pub(super) name: String,
    /// The address that connections to others come from; the system's choice if absent.
    pub(super) source: Option<std::net::IpAddr>,
}

impl Me {
    pub(super) fn hello(&self, lane: Lane) -> Hello {
        Hello { cluster: self.cluster.clone(), id: self.id, name: self.name.clone(), lane: lane.to_wire() }
    }
}

/// How frames are told apart. Room is made for a frame as soon as its length is there, so before the greeting it may be short
/// only.
pub(super) fn codec(longest: usize) -> LengthDelimitedCodec {
    let mut codec = LengthDelimitedCodec::new();
    codec.set_max_frame_length(longest);
    codec
}

pub(super) fn framed<S: AsyncRead + AsyncWrite>(stream: S) -> (Reader<S>, Writer<S>) {
    let (read, write) = tokio::io::split(stream);
    let mut writer = FramedWrite::new(write, codec(MAX_FRAME));
    writer.set_backpressure_boundary(WRITE_BUFFER);
    (FramedRead::new(read, codec(GREETING_FRAME)), writer)
}

pub(super) async fn write_hello<S: AsyncRead + AsyncWrite>(writer: &mut Writer<S>, hello: &Hello) -> Result<(), Ended> {
    Ok(writer.send(Bytes::from(frame::hello(hello))).await?)
}

/// The other side's greeting, held against its certificate and our cluster.
pub(super) async fn read_hello<S: AsyncRead + AsyncWrite>(
    reader: &mut Reader<S>,
    certified: &PeerIdentity,
    me: &Me,
) -> Result<(Sender, Lane), Ended> {
    let bytes = reader.next().await.ok_or(Ended::Closed)??;
    let (protocol, hello) = match Frame::read(&bytes)? {
        Frame::Hello { protocol, hello } => (protocol, hello),
        Frame::Farewell(why) if certified.cluster == me.cluster && matches!(certified.role, Role::Node { .. }) => {
            return Err(Ended::GivenUp(why.to_owned()));
        }
        _ => return Err(Ended::Refused("it did not greet first".to_owned())),
    };
    let Some(hello) = hello else {
        return Err(Ended::Refused(format!("it speaks protocol {protocol}, this node speaks {PROTOCOL}")));
    };
    let refuse = |reason: String| Err(Ended::Refused(reason));
    let Role::Node { id } = certified.role else {
        return refuse(format!("{certified} is not a node"));
    };
    if let Some(other) = [&certified.cluster, &hello.cluster].into_iter().find(|cluster| **cluster != me.cluster) {
        return refuse(format!("it belongs to cluster {other}, this node to {}", me.cluster));
    }
    if hello.name != certified.name || hello.id != id {
        return refuse(format!("it calls itself {} ({}), its certificate says {certified}", hello.name, hello.id));
    }
    if hello.id == me.id {
        return refuse("it is this node itself".to_owned());
    }
    let Some(lane) = Lane::from_wire(hello.lane) else {
        return refuse(format!("it wants lane {}", hello.lane));
    };
    reader.decoder_mut().set_max_frame_length(MAX_FRAME);
    Ok((Sender { id, name: hello.name }, lane))
}

/// Whether the node that answered is the one that was called.
pub(super) fn check_callee(sender: &Sender, to: u64, peer: &Peer) -> Result<(), Ended> {
    if sender.id == to && sender.name == peer.name {
        return Ok(());
    }
    Err(Ended::Refused(format!(
        "at {} answers {} ({}), expected {} ({to})",
        peer.address, sender.name, sender.id, peer.name
    )))
}

/// Runs one step of the greetings within their time.
pub(super) async fn in_greeting_time<T, E>(step: impl Future<Output = Result<T, E>>) -> Result<T, Ended>
where
    Ended: From<E>,
{
    match timeout(GREETING_TIME, step).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(Ended::NoGreeting(GREETING_TIME)),
    }
}
