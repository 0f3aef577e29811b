//! The called side: lets callers in ([`Door`]), checks who calls, and answers requests in their order of arrival.
//!
//! A caller that has no certificate of this cluster, or greets wrongly, is dropped and counted. A member that sends what
//! cannot be read is dropped with one line in the log. Nothing a caller sent before that reaches consensus but whole,
//! well-formed requests, each of a sender that is admitted at that moment.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, SinkExt, StreamExt};
use rustls_pki_types::CertificateDer;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_rustls::server::TlsStream;
use tokio_util::bytes::Bytes;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::{
    Ended, Me, PING_EVERY, Reader, SILENCE, WRITE_BATCH, Writer, framed, in_greeting_time, read_hello, write_hello,
};
use super::door::{CROWDED, Door, Limits, Patient, Place, STALL};
use super::frame::{self, Frame};
use super::{Sender, Service};
use crate::tls::{ClientAuth, Credentials, peer_identity_of_client};

/// The places of the peers' port. A node needs three connections, one for each lane, and as many once more while dead ones
/// are not known to be dead. Nodes are bounded by the membership.
pub(super) const LIMITS: Limits =
    Limits { strangers: 128, strangers_per_address: 32, per_identity: 6, guests: usize::MAX, stall: STALL };
/// The most requests of one connection being answered; the rest waits in the socket.
const MAX_IN_FLIGHT: usize = 1024;
/// Number of answers that may wait to be written.
const ANSWERS: usize = 256;
/// A caller pings every second, so this much silence means that it is gone.
const CALLER_SILENCE: Duration = SILENCE.saturating_add(PING_EVERY);
/// Interval at which an open connection is asked whether its node is still admitted.
const ADMITTED_EVERY: Duration = Duration::from_secs(1);
/// Interval at which the addresses of the members are looked up.
const LOOK_UP_EVERY: Duration = Duration::from_secs(5);
/// Time for looking up one address.
const LOOK_UP: Duration = Duration::from_secs(3);

/// The configuration shared by all accepted connections.
pub(super) struct Host {
    pub(super) me: Me,
    pub(super) credentials: Credentials,
    pub(super) service: Arc<dyn Service>,
    pub(super) door: Door,
    pub(super) stop: CancellationToken,
    pub(super) tasks: TaskTracker,
}

pub(super) async fn listen(host: Arc<Host>, listener: TcpListener) {
    // What needs no looking up is known before the first connection: a node may start in the midst of a flood.
    let members = host.service.member_addresses();
    host.door.expect(members.iter().filter_map(|member| Some(member.parse::<SocketAddr>().ok()?.ip())));
    host.tasks.spawn(know_members(Arc::clone(&host)));
    loop {
        let (tcp, place) = tokio::select! {
            biased;
            () = host.stop.cancelled() => return,
            next = host.door.next(&listener) => next,
        };
        host.tasks.spawn(guard(Arc::clone(&host), tcp, place));
    }
}

/// Tells the door where the members are, so that strangers elsewhere cannot keep them out.
async fn know_members(host: Arc<Host>) {
    let mut every = interval(LOOK_UP_EVERY);
    let mut known = BTreeMap::<String, Vec<IpAddr>>::new();
    loop {
        tokio::select! {
            () = host.stop.cancelled() => return,
            _ = every.tick() => {}
        }
        let members = host.service.member_addresses();
        known.retain(|address, _| members.contains(address));
        // While a name cannot be looked up, its member is where it was.
        known.extend(join_all(members.into_iter().map(look_up)).await.into_iter().flatten());
        host.door.expect(known.values().flatten().copied());
    }
}

/// The addresses of a member, by its own.
async fn look_up(address: String) -> Option<(String, Vec<IpAddr>)> {
    let found = timeout(LOOK_UP, tokio::net::lookup_host(address.as_str())).await;
    let found = found.ok()?.ok()?.map(|to| to.ip()).collect();
    Some((address, found))
}

async fn guard(host: Arc<Host>, tcp: TcpStream, mut place: Place) {
    let from = place.from();
    let greeted = tokio::select! {
        biased;
        () = host.stop.cancelled() => return,
        () = place.displaced() => return host.door.dropped(from, CROWDED),
        greeted = in_greeting_time(greet(&host, tcp, &place)) => greeted,
    };
    let Accepted { sender, reader, writer, shown } = match greeted {
        Ok(greeted) => greeted,
        Err(ended) => return host.door.dropped(from, &ended.to_string()),
    };
    if place.admit(&sender.id.to_string()).is_err() {
        return host.door.dropped(from, CROWDED);
    }
    let ended = tokio::select! {
        biased;
        () = host.stop.cancelled() => return,
        () = place.displaced() => Ended::Refused("newer connections of the same node took its place".to_owned()),
        ended = converse(&host, &sender, reader, writer) => ended,
        void = host.credentials.voided(shown) => Ended::Refused(void.to_string()),
    };
    match ended {
        // Its end of the connection is gone: whether the node is, those say who call it. Nonsense is another matter.
        gone if gone.is_gone() => tracing::debug!(%from, "connection ended: {gone}"),
        reason => tracing::warn!(%from, node = sender.name, "connection dropped: {reason}"),
    }
}

type Stream = TlsStream<Patient<TcpStream>>;

struct Accepted {
    sender: Sender,
    reader: Reader<Stream>,
    writer: Writer<Stream>,
    /// The certificates that it showed.
    shown: Vec<CertificateDer<'static>>,
}

async fn greet(host: &Host, tcp: TcpStream, place: &Place) -> Result<Accepted, Ended> {
    let tls = host.door.shake(tcp, place, host.credentials.server(ClientAuth::Required)).await?;
    let certified = peer_identity_of_client(tls.get_ref().1)?
        .ok_or_else(|| Ended::Refused("it showed no certificate".to_owned()))?;
    let shown = tls.get_ref().1.peer_certificates().unwrap_or_default().to_vec();
    let (mut reader, mut writer) = framed(tls);
    let (sender, lane) = read_hello(&mut reader, &certified, &host.me).await?;
    if let Err(reason) = host.service.admit(&sender) {
        if let Some(why) = host.service.farewell(&sender) {
            writer.send(Bytes::from(frame::farewell(&why))).await?;
        }
        return Err(Ended::Refused(reason));
    }
    write_hello(&mut writer, &host.me.hello(lane)).await?;
    Ok(Accepted { sender, reader, writer, shown })
}

async fn converse(host: &Host, sender: &Sender, reader: Reader<Stream>, writer: Writer<Stream>) -> Ended {
    let (answers, outbox) = mpsc::channel(ANSWERS);
    tokio::select! {
        ended = read_requests(host, sender, reader, answers) => ended,
        ended = write_answers(writer, outbox) => ended,
        ended = while_admitted(host, sender) => ended,
    }
}

/// Ends when the node is not admitted any more, such as after its removal.
async fn while_admitted(host: &Host, sender: &Sender) -> Ended {
    let mut every = interval(ADMITTED_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        if let Err(reason) = host.service.admit(sender) {
            return Ended::Refused(reason);
        }
    }
}

async fn read_requests(
    host: &Host,
    sender: &Sender,
    mut reader: Reader<Stream>,
    answers: mpsc::Sender<Vec<u8>>,
) -> Ended {
    let mut in_flight = FuturesUnordered::new();
    loop {
        let bytes = tokio::select! {
            Some(frame) = in_flight.next(), if !in_flight.is_empty() => {
                if answers.send(frame).await.is_err() {
                    return Ended::Closed;
                }
                continue;
            }
            bytes = timeout(CALLER_SILENCE, reader.next()), if in_flight.len() < MAX_IN_FLIGHT => match bytes {
                Err(_) => return Ended::Silent(CALLER_SILENCE),
                Ok(None) => return Ended::Closed,
                Ok(Some(Err(error))) => return closed_or(error),
                Ok(Some(Ok(bytes))) => bytes,
            },
        };
        match Frame::read(&bytes) {
            Ok(Frame::Request { id, ttl, body }) => {
                if let Err(reason) = host.service.admit(sender) {
                    return Ended::Refused(reason);
                }
                match host.service.serve(sender, body, ttl) {
                    Ok(answering) => in_flight.push(answering.map(move |body| frame::reply(id, &body))),
                    Err(malformed) => return malformed.into(),
                }
            }
            Ok(Frame::Ping) => {
                if answers.send(frame::pong()).await.is_err() {
                    return Ended::Closed;
                }
            }
            Ok(other) => return Ended::Refused(format!("unexpected {}", other.name())),
            Err(malformed) => return malformed.into(),
        }
    }
}

async fn write_answers(mut writer: Writer<Stream>, mut outbox: mpsc::Receiver<Vec<u8>>) -> Ended {
    let mut batch = Vec::with_capacity(WRITE_BATCH);
    while outbox.recv_many(&mut batch, WRITE_BATCH).await > 0 {
        for frame in batch.drain(..) {
            if let Err(error) = writer.feed(Bytes::from(frame)).await {
                return closed_or(error);
            }
        }
        if let Err(error) = SinkExt::<Bytes>::flush(&mut writer).await {
            return closed_or(error);
        }
    }
    Ended::Closed
}

/// A peer that was stopped or restarted resets its connections; that is no reason for a warning.
fn closed_or(error: std::io::Error) -> Ended {
    use std::io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    match error.kind() {
        BrokenPipe | ConnectionReset | UnexpectedEof => Ended::Closed,
        _ => error.into(),
    }
}
