//! The called side: accepts connections, checks who calls, and answers requests in their order of arrival.
//!
//! A caller that has no certificate of this cluster, greets wrongly, or sends what cannot be read is dropped with one line
//! in the log. Nothing it sent before that reaches consensus but whole, well-formed requests.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{FutureExt, SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::bytes::Bytes;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::{
    Configs, Ended, Me, PING_EVERY, Reader, SILENCE, WRITE_BATCH, Writer, framed, in_greeting_time, read_hello,
    write_hello,
};
use super::frame::{self, Frame};
use super::{Sender, Service};
use crate::tls::peer_identity_of_client;

/// The most connections at a time, greeted or not. A full cluster needs three per peer.
const MAX_CONNECTIONS: usize = 256;
/// The most requests of one connection being answered; the rest waits in the socket.
const MAX_IN_FLIGHT: usize = 1024;
/// Number of answers that may wait to be written.
const ANSWERS: usize = 256;
/// After a failed accept (out of file descriptors, usually) there is no use in trying at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// A caller pings every second, so this much silence means that it is gone.
const CALLER_SILENCE: Duration = SILENCE.saturating_add(PING_EVERY);

/// The configuration shared by all accepted connections.
pub(super) struct Host {
    pub(super) me: Me,
    pub(super) configs: Configs,
    pub(super) service: Arc<dyn Service>,
    pub(super) stop: CancellationToken,
    pub(super) tasks: TaskTracker,
}

pub(super) async fn listen(host: Arc<Host>, listener: TcpListener) {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            biased;
            () = host.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((tcp, from)) => match Arc::clone(&room).try_acquire_owned() {
                Ok(permit) => {
                    host.tasks.spawn(guard(Arc::clone(&host), tcp, from, permit));
                }
                Err(_) => {
                    tracing::warn!(%from, "connection dropped: {MAX_CONNECTIONS} are open already")
                }
            },
            Err(error) => {
                tracing::warn!("accept a connection: {error}");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn guard(host: Arc<Host>, tcp: TcpStream, from: SocketAddr, _room: OwnedSemaphorePermit) {
    let ended = tokio::select! {
        biased;
        () = host.stop.cancelled() => return,
        ended = answer(&host, tcp) => ended,
    };
    match ended {
        Ended::Closed => tracing::debug!(%from, "connection closed"),
        reason => tracing::warn!(%from, "connection dropped: {reason}"),
    }
}

async fn answer(host: &Host, tcp: TcpStream) -> Ended {
    match in_greeting_time(greet(host, tcp)).await {
        Ok((sender, reader, writer)) => converse(host, &sender, reader, writer).await,
        Err(ended) => ended,
    }
}

type Accepted = (Sender, Reader<TlsStream<TcpStream>>, Writer<TlsStream<TcpStream>>);

async fn greet(host: &Host, tcp: TcpStream) -> Result<Accepted, Ended> {
    tcp.set_nodelay(true)?;
    let tls = TlsAcceptor::from(Arc::clone(&host.configs.server)).accept(tcp).await?;
    let certified = peer_identity_of_client(tls.get_ref().1)?
        .ok_or_else(|| Ended::Refused("it showed no certificate".to_owned()))?;
    let (mut reader, mut writer) = framed(tls);
    let (sender, lane) = read_hello(&mut reader, &certified, &host.me).await?;
    host.service.admit(&sender).map_err(Ended::Refused)?;
    write_hello(&mut writer, &host.me.hello(lane)).await?;
    Ok((sender, reader, writer))
}

async fn converse(
    host: &Host,
    sender: &Sender,
    reader: Reader<TlsStream<TcpStream>>,
    writer: Writer<TlsStream<TcpStream>>,
) -> Ended {
    let (answers, outbox) = mpsc::channel(ANSWERS);
    tokio::select! {
        ended = read_requests(host, sender, reader, answers) => ended,
        ended = write_answers(writer, outbox) => ended,
    }
}

async fn read_requests(
    host: &Host,
    sender: &Sender,
    mut reader: Reader<TlsStream<TcpStream>>,
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
            Ok(Frame::Request { id, ttl, body }) => match host.service.serve(sender, body, ttl) {
                Ok(answering) => in_flight.push(answering.map(move |body| frame::reply(id, &body))),
                Err(malformed) => return malformed.into(),
            },
            Ok(Frame::Ping) => {
                if answers.send(frame::pong()).await.is_err() {
                    return Ended::Closed;
                }
            }
            Ok(other) => return Ended::Refused(format!("unexpected frame {other:?}")),
            Err(malformed) => return malformed.into(),
        }
    }
}

async fn write_answers(mut writer: Writer<TlsStream<TcpStream>>, mut outbox: mpsc::Receiver<Vec<u8>>) -> Ended {
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
