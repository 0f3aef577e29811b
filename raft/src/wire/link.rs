//! The calling side: one connection per peer and lane, opened when it is first needed and reopened while it is.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use rustls_pki_types::{CertificateDer, ServerName};
use tenure_storage::Peer;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::bytes::Bytes;

use super::connection::{
    Ended, Me, PING_EVERY, Reader, SILENCE, WRITE_BATCH, Writer, check_callee, framed, in_greeting_time, read_hello,
    write_hello,
};
use super::frame::{self, Frame};
use super::pending::{Answer, Claim, Pending};
use super::reach::Reach;
use super::{Lane, WireError};
use crate::backoff::Backoff;
use crate::tls::{Credentials, peer_identity_of_server};

/// Number of requests that may wait for a connection to take them.
pub(super) const QUEUE: usize = 4096;
/// Number of bytes that may wait: a stuck connection must not fill the memory with appends.
const QUEUE_BYTES: usize = 32 << 20;
/// A link that was unused for this time is closed; the peer may have left the cluster.
const UNUSED: Duration = Duration::from_secs(60);

/// The caller's end of a request, which receives the answer.
pub(super) type Answered = oneshot::Receiver<Result<Vec<u8>, WireError>>;

/// A request on its way to the connection.
pub(super) struct Outgoing {
    body: Vec<u8>,
    ttl: Duration,
    claim: Claim,
    answer: Answer,
    _room: Room,
}

/// Bytes that a waiting request takes up, until it is written or given up.
struct Room {
    bytes: usize,
    taken: Arc<AtomicUsize>,
}

impl Room {
    fn take(bytes: usize, taken: &Arc<AtomicUsize>) -> Option<Self> {
        let before = taken.fetch_add(bytes, Ordering::Relaxed);
        let room = Self { bytes, taken: Arc::clone(taken) };
        (before + bytes <= QUEUE_BYTES).then_some(room)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.taken.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The peer of a link, and the identity to use.
pub(super) struct Target {
    pub(super) id: u64,
    pub(super) peer: Peer,
    pub(super) lane: Lane,
    pub(super) me: Me,
    pub(super) credentials: Credentials,
    /// For the word of the peer that this node was given up.
    pub(super) given_up: Arc<watch::Sender<Option<String>>>,
    pub(super) reach: Arc<Reach>,
}

/// The handle of a link: its queue. The link ends when the handle is dropped.
pub(super) struct Link {
    pub(super) peer: Peer,
    queue: mpsc::Sender<Outgoing>,
    taken: Arc<AtomicUsize>,
}

impl Link {
    pub(super) fn spawn(target: Target, tasks: &tokio_util::task::TaskTracker) -> Self {
        let (queue, requests) = mpsc::channel(QUEUE);
        let peer = target.peer.clone();
        tasks.spawn(run(target, requests));
        Self { peer, queue, taken: Arc::default() }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }

    /// Queues at once.
    pub(super) fn send(&self, body: Vec<u8>, ttl: Duration) -> Result<(Claim, Answered), WireError> {
        let room = Room::take(body.len(), &self.taken).ok_or(WireError::Busy)?;
        let (answer, answered) = oneshot::channel();
        let claim = Claim::default();
        let outgoing = Outgoing { body, ttl, claim: claim.clone(), answer, _room: room };
        match self.queue.try_send(outgoing) {
            Ok(()) => Ok((claim, answered)),
            Err(mpsc::error::TrySendError::Full(_)) => Err(WireError::Busy),
            Err(mpsc::error::TrySendError::Closed(_)) => {
                Err(WireError::Unreachable("the connection is being closed".to_owned()))
            }
        }
    }
}

async fn run(target: Target, mut requests: mpsc::Receiver<Outgoing>) {
    exchange_while_used(&target, &mut requests).await;
    target.reach.forget(target.id, target.lane);
}

async fn exchange_while_used(target: &Target, requests: &mut mpsc::Receiver<Outgoing>) {
    let mut backoff = Backoff::default();
    let mut last_use = Instant::now();
    while last_use.elapsed() < UNUSED {
        let ended = match in_greeting_time(open(target)).await {
            Ok(opened) => {
                backoff.reset();
                target.reach.opened(target.id, &target.peer, target.lane);
                tracing::debug!(peer = %target.peer, lane = ?target.lane, "connected");
                let ended = exchange(&target.credentials, requests, opened, &mut last_use).await;
                // Whether the peer is lost, the next attempt tells.
                tracing::debug!(peer = %target.peer, lane = ?target.lane, "connection ended: {ended}");
                ended
            }
            Err(ended) => {
                target.reach.failed(target.id, &target.peer, target.lane, &ended.to_string());
                ended
            }
        };
        if matches!(ended, Ended::ClosedHere) {
            return;
        }
        if let Ended::GivenUp(why) = &ended {
            let why = format!("{} says so: {why}", target.peer);
            target.given_up.send_if_modified(|known| known.is_none() && known.replace(why).is_none());
        }
        let reason = ended.to_string();
        let wait = backoff.next(&mut rand::rng());
        if !refuse_for(wait, requests, &reason, &mut last_use).await {
            return;
        }
    }
}

struct Opened {
    reader: Reader<TlsStream<TcpStream>>,
    writer: Writer<TlsStream<TcpStream>>,
    /// The certificates that the peer showed.
    shown: Vec<CertificateDer<'static>>,
}

async fn open(target: &Target) -> Result<Opened, Ended> {
    greet(target, connect(&target.peer.address, target.me.source).await?).await
}

/// Why nothing answers at the address of a peer; `None` if something does, whatever it is, or hangs there.
pub(super) async fn unreached(target: &Target) -> Option<String> {
    let tcp = match in_greeting_time(connect(&target.peer.address, target.me.source)).await {
        Ok(tcp) => tcp,
        Err(why) => return Some(why.to_string()),
    };
    match in_greeting_time(greet(target, tcp)).await {
        // Something that passes connections on has nobody to pass this one on to.
        Err(Ended::Closed) => Some(Ended::Closed.to_string()),
        Err(Ended::Io(why)) if is_end(why.kind()) => Some(why.to_string()),
        Ok(_) | Err(_) => None,
    }
}

fn is_end(kind: std::io::ErrorKind) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(kind, BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

async fn greet(target: &Target, tcp: TcpStream) -> Result<Opened, Ended> {
    tcp.set_nodelay(true)?;
    // The verifier goes by the certificate's own names, not by this one.
    let name = ServerName::try_from("node").map_err(|e| Ended::Refused(e.to_string()))?;
    let tls = TlsConnector::from(target.credentials.client()).connect(name, tcp).await?;
    let certified = peer_identity_of_server(tls.get_ref().1)?;
    let shown = tls.get_ref().1.peer_certificates().unwrap_or_default().to_vec();
    let (mut reader, mut writer) = framed(tls);
    write_hello(&mut writer, &target.me.hello(target.lane)).await?;
    let (sender, _) = read_hello(&mut reader, &certified, &target.me).await?;
    check_callee(&sender, target.id, &target.peer)?;
    Ok(Opened { reader, writer, shown })
}

/// Connects to the first address that answers, from our own address where that is of the same family.
async fn connect(address: &str, source: Option<IpAddr>) -> std::io::Result<TcpStream> {
    let mut failed = None;
    for to in tokio::net::lookup_host(address).await? {
        let attempt = match source.filter(|from| from.is_ipv4() == to.is_ipv4()) {
            Some(from) => {
                let socket = if to.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
                socket.bind(SocketAddr::new(from, 0))?;
                socket.connect(to).await
            }
            None => TcpStream::connect(to).await,
        };
        match attempt {
            Ok(stream) => return Ok(stream),
            Err(why) => failed = Some(why),
        }
    }
    Err(failed.unwrap_or_else(|| std::io::Error::other("the name has no address")))
}

/// Fails the queued requests, and new ones for a while: a caller is better off knowing at once. `false` when the link
/// is over.
async fn refuse_for(
    wait: Duration,
    requests: &mut mpsc::Receiver<Outgoing>,
    reason: &str,
    last_use: &mut Instant,
) -> bool {
    let over = sleep(wait);
    tokio::pin!(over);
    loop {
        tokio::select! {
            biased;
            request = requests.recv() => match request {
                Some(request) => {
                    *last_use = Instant::now();
                    request.refuse(reason);
                }
                None => return false,
            },
            () = &mut over => return true,
        }
    }
}

impl Outgoing {
    fn refuse(self, reason: &str) {
        if self.claim.send() {
            let _ = self.answer.send(Err(WireError::Unreachable(reason.to_owned())));
        }
    }
}

/// Works one connection until it fails, or until nobody needs it any more.
async fn exchange(
    credentials: &Credentials,
    requests: &mut mpsc::Receiver<Outgoing>,
    opened: Opened,
    last_use: &mut Instant,
) -> Ended {
    let Opened { mut reader, mut writer, shown } = opened;
    let pending = Pending::default();
    let ended = tokio::select! {
        ended = write_requests(requests, &mut writer, &pending, last_use) => ended,
        ended = read_replies(&mut reader, &pending) => ended,
        void = credentials.voided(shown) => Ended::Refused(void.to_string()),
    };
    pending.fail(&ended.to_string());
    ended
}

async fn write_requests(
    requests: &mut mpsc::Receiver<Outgoing>,
    writer: &mut Writer<TlsStream<TcpStream>>,
    pending: &Pending,
    last_use: &mut Instant,
) -> Ended {
    let mut batch = Vec::with_capacity(WRITE_BATCH);
    let mut next_id = 0u64;
    let mut next_ping = Instant::now() + PING_EVERY;
    loop {
        tokio::select! {
            biased;
            () = sleep_until(next_ping) => {
                if last_use.elapsed() > UNUSED {
                    return Ended::ClosedHere;
                }
                next_ping = Instant::now() + PING_EVERY;
                pending.sweep();
                if let Err(error) = writer.feed(Bytes::from(frame::ping())).await {
                    return error.into();
                }
            }
            taken = requests.recv_many(&mut batch, WRITE_BATCH) => {
                if taken == 0 {
                    return Ended::ClosedHere;
                }
                *last_use = Instant::now();
            }
        }
        for request in batch.drain(..) {
            if !request.claim.send() {
                continue;
            }
            next_id += 1;
            let written = match pending.insert(next_id, request.answer) {
                Ok(()) => writer.feed(Bytes::from(frame::request(next_id, request.ttl, &request.body))).await,
                Err(answer) => {
                    let _ = answer.send(Err(WireError::Busy));
                    Ok(())
                }
            };
            if let Err(error) = written {
                return error.into();
            }
        }
        if let Err(error) = SinkExt::<Bytes>::flush(writer).await {
            return error.into();
        }
    }
}

async fn read_replies(reader: &mut Reader<TlsStream<TcpStream>>, pending: &Pending) -> Ended {
    loop {
        let bytes = match timeout(SILENCE, reader.next()).await {
            Err(_) => return Ended::Silent(SILENCE),
            Ok(None) => return Ended::Closed,
            Ok(Some(Err(error))) => return error.into(),
            Ok(Some(Ok(bytes))) => bytes,
        };
        match Frame::read(&bytes) {
            Ok(Frame::Reply { id, body }) => pending.answer(id, body),
            Ok(Frame::Pong) => {}
            Ok(other) => return Ended::Refused(format!("unexpected {}", other.name())),
            Err(malformed) => return malformed.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_bytes_are_bounded_and_given_back() {
        let taken = Arc::new(AtomicUsize::new(0));
        let most = Room::take(QUEUE_BYTES - 1, &taken).unwrap();
        let last = Room::take(1, &taken).unwrap();
        assert!(Room::take(1, &taken).is_none());
        drop((most, last));
        assert_eq!(taken.load(Ordering::Relaxed), 0);
    }
}
