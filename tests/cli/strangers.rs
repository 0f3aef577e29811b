//! What clients can take up of the admin API: without a certificate next to nothing, with one a part.

use super::fake::{Served, Site};
use futures::{FutureExt, future::join_all};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tenure::api::{Client, ClientError, Limits, Read, wire::ErrorView};
use tenure_core::{Verb, trust::Role};
use tenure_raft::tls::{Identity, Trust, client_config, client_config_anonymous};
use tenure_raft::wire::door;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

const PATIENCE: Duration = Duration::from_secs(20);
/// Less than any limit in time of the server: what is answered within it was answered at once.
const AT_ONCE: Duration = Duration::from_secs(3);

/// Connects from an address, and says nothing.
async fn half_open(served: &Served, from: Ipv4Addr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(IpAddr::V4(from), 0)).unwrap();
    socket.connect(served.address).await.unwrap()
}

/// A connection with the certificate of `who`, or with none.
async fn connect(served: &Served, who: Option<&Identity>) -> TlsStream<TcpStream> {
    let config = match who {
        Some(identity) => client_config(identity).unwrap(),
        None => client_config_anonymous(&Trust::Authority(served.authority.cert_pem.clone())).unwrap(),
    };
    let socket = TcpStream::connect(served.address).await.unwrap();
    TlsConnector::from(config).connect("p1.tenure".try_into().unwrap(), socket).await.unwrap()
}

/// Sends the head of a request whose body never comes.
async fn announce(served: &Served, who: Option<&Identity>, path: &str, length: usize) -> TlsStream<TcpStream> {
    let mut stream = connect(served, who).await;
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: p1\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
         expect: 100-continue\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    stream
}

/// The answer on a connection, which comes at once: its status and its error.
async fn answer(mut stream: TlsStream<TcpStream>) -> (u16, ErrorView) {
    let mut heard = Vec::new();
    let mut part = [0; 4096];
    let whole = async {
        loop {
            let text = String::from_utf8_lossy(&heard).into_owned();
            let status = text.get(9..12).and_then(|status| status.parse().ok());
            let error = text.split_once("\r\n\r\n").and_then(|(_, body)| serde_json::from_str(body).ok());
            if let (Some(status), Some(error)) = (status, error) {
                return (status, error);
            }
            let length = stream.read(&mut part).await.unwrap();
            assert!(length > 0, "closed after {text}");
            heard.extend_from_slice(&part[..length]);
        }
    };
    timeout(AT_ONCE, whole).await.expect("no answer at once")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_open_connections_keep_no_administrator_out() {
    let many: Vec<Ipv4Addr> = (1..=200).map(|n| Ipv4Addr::new(127, 67, 1, n)).collect();
    // From many addresses, and from the administrator's own.
    for from in [&many[..], &[Ipv4Addr::LOCALHOST]] {
        let served = Served::start(Site::running()).await;
        let held = join_all((0..400).zip(from.iter().cycle()).map(|(_, from)| half_open(&served, *from))).await;
        for _ in 0..10 {
            let client = Client::new(&served.admin, vec![served.address.to_string()], AT_ONCE).unwrap();
            client.status(Read::Stale).await.unwrap_or_else(|why| panic!("strangers at {}: {why}", from[0]));
        }
        drop(held);
        served.stop().await;
    }
}

#[tokio::test]
async fn nothing_long_is_read_of_who_shows_no_certificate() {
    let served = Served::start(Site::running()).await;
    let (status, error) = answer(announce(&served, None, "/v1/join", 8 << 20).await).await;
    assert_eq!((status, error.code.as_deref()), (413, Some("too_long")), "{error:?}");
    assert_eq!(error.message, "the request is longer than 16384 bytes");
    let (status, error) = answer(announce(&served, None, "/v1/requests", 8 << 20).await).await;
    assert_eq!((status, error.code.as_deref()), (403, Some("no_certificate")), "{error:?}");

    // A length that is not announced is found out.
    let mut stream = connect(&served, None).await;
    let head =
        "POST /v1/join HTTP/1.1\r\nhost: p1\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunk = format!("4100\r\n{}\r\n", " ".repeat(0x4100));
    stream.write_all(format!("{head}{chunk}").as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    let (status, error) = answer(stream).await;
    assert_eq!(status, 413, "{error:?}");

    // With a certificate there is a limit as well, another one.
    let (status, error) = answer(announce(&served, Some(&served.admin), "/v1/requests", 9 << 20).await).await;
    assert_eq!((status, error.message.as_str()), (413, "the request is longer than 8388608 bytes"));
    assert_eq!(served.fake.audit.lock().unwrap().len(), 0);
    served.stop().await;
}

#[tokio::test]
async fn long_bodies_of_one_identity_have_room_and_no_more() {
    let served = Served::start(Site::running()).await;
    let bob = served.another("bob");
    let mut waiting = Vec::new();
    for _ in 0..2 {
        let mut stream = announce(&served, Some(&served.admin), "/v1/config", 8 << 20).await;
        // The server asks for the body once it has found room for it.
        let mut heard = [0; 12];
        stream.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"HTTP/1.1 100");
        waiting.push(stream);
    }
    let (status, error) = answer(announce(&served, Some(&served.admin), "/v1/config", 8 << 20).await).await;
    assert_eq!((status, error.code.as_deref()), (409, Some("too_many_bodies")));
    let client = |who| Client::new(who, vec![served.address.to_string()], PATIENCE).unwrap();
    let offline = Verb::Offline { group: "web".into(), propagate: false };
    client(&served.admin).request(Client::request_id(), offline).await.expect("a short one needs no room");
    let configure = async |who, retention: &str| {
        let text = super::fake::SITE.replace("\"5m\"", retention) + "\n# " + &"x".repeat(1 << 20);
        client(who).configure(Client::request_id(), text, false, None).await
    };
    configure(&bob, "\"6m\"").await.expect("others have room");
    drop(waiting);
    let again = async { while configure(&served.admin, "\"7m\"").await.is_err() {} };
    timeout(PATIENCE, again).await.expect("room is given back");
    served.stop().await;
}

/// The longest cluster file has more bytes than anything else that may be sent.
#[tokio::test]
async fn only_an_administrator_may_send_a_long_declaration_and_one_at_a_time() {
    let served = Served::start(Site::running()).await;
    let (bob, eve) = (served.another("bob"), served.with_rights("eve", Role::Operator));
    for (who, path, length, limit) in [
        (&served.admin, "/v1/requests", 9 << 20, "8388608"),
        (&eve, "/v1/config", 9 << 20, "8388608"),
        (&served.admin, "/v1/config", 33 << 20, "33554432"),
    ] {
        let (status, error) = answer(announce(&served, Some(who), path, length).await).await;
        let expected = format!("the request is longer than {limit} bytes");
        assert_eq!((status, error.message), (413, expected), "{length} bytes to {path}");
    }
    for path in ["/v1/config", "/v1/what-if", "/v1/check", "/v1/check-managers", "/v1/backup/restore"] {
        let mut stream = announce(&served, Some(&served.admin), path, 32 << 20).await;
        let mut heard = [0; 12];
        timeout(AT_ONCE, stream.read_exact(&mut heard)).await.expect("it is asked for its body").unwrap();
        assert_eq!(&heard, b"HTTP/1.1 100", "{path}");
        let (status, error) = answer(announce(&served, Some(&bob), "/v1/config", 9 << 20).await).await;
        assert_eq!((status, error.code.as_deref()), (409, Some("too_many_bodies")), "while another is read at {path}");
        drop(stream);
        let text = super::fake::SITE.to_owned() + "\n# " + &"x".repeat(9 << 20);
        let client = Client::new(&bob, vec![served.address.to_string()], PATIENCE).unwrap();
        let again = async {
            while let Err(error) = client.configure(Client::request_id(), text.clone(), false, None).await {
                if error.view().code.as_deref() != Some("too_many_bodies") {
                    return error.view().code;
                }
            }
            None
        };
        let refused = timeout(PATIENCE, again).await.expect("room is given back");
        assert_eq!(refused.as_deref(), Some("no_change"), "it is read whole, and says what is declared already");
    }
    served.stop().await;
}

#[tokio::test]
async fn streams_of_one_identity_are_bounded() {
    let served = Served::start_within(Limits { streams: 3, ..Limits::default() }, Site::running()).await;
    let bob = served.another("bob");
    let client = |who| Client::new(who, vec![served.address.to_string()], PATIENCE).unwrap();
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut follow = client(&served.admin).follow(0);
        follow.next().await.unwrap();
        open.push(follow);
    }
    let error = client(&served.admin).follow(0).next().await.unwrap_err();
    assert_eq!(error.view().code.as_deref(), Some("too_many_streams"));
    assert_eq!(error.to_string(), "too many streams of events are open; one identity may have 3");
    client(&served.admin).status(Read::Stale).await.expect("all else goes on");
    client(&bob).follow(0).next().await.expect("others have streams of their own");
    open.pop();
    let again = async {
        while let Err(error) = client(&served.admin).follow(0).next().await {
            assert!(matches!(error, ClientError::Answered(_)), "{error}");
        }
    };
    timeout(PATIENCE, again).await.expect("a stream is given back");
    served.stop().await;
}

#[tokio::test]
async fn a_follower_that_is_not_admitted_any_more_is_told_nothing_more() {
    let served = Served::start(Site::running()).await;
    let mut stream = connect(&served, Some(&served.admin)).await;
    stream.write_all(b"GET /v1/events?follow=true HTTP/1.1\r\nhost: p1\r\n\r\n").await.unwrap();
    let mut heard = [0; 1024];
    assert!(stream.read(&mut heard).await.unwrap() > 0);
    served.fake.admits.store(false, Ordering::SeqCst);
    let client = Client::new(&served.admin, vec![served.address.to_string()], PATIENCE).unwrap();
    let offline = Verb::Offline { group: "web".into(), propagate: false };
    client.request(Client::request_id(), offline).await.unwrap();
    let mut rest = String::new();
    let ends = async {
        while !rest.ends_with("\r\n0\r\n\r\n") {
            let length = stream.read(&mut heard).await.unwrap();
            rest.push_str(&String::from_utf8_lossy(&heard[..length]));
        }
    };
    timeout(PATIENCE, ends).await.expect("the stream goes on");
    assert!(!rest.contains("offline, asked"), "{rest}");
    served.stop().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut() {
    let stall = Duration::from_millis(300);
    let connections = door::Limits { stall, ..Limits::default().connections };
    let served = Served::start_within(Limits { connections, ..Limits::default() }, Site::running()).await;
    let mut stream = connect(&served, Some(&served.admin)).await;
    // Answers that are never read, until the sockets are full of them and requests are taken no more.
    let asks = async { while stream.write_all(b"GET /v1/events HTTP/1.1\r\nhost: p1\r\n\r\n").await.is_ok() {} };
    timeout(PATIENCE, asks).await.expect("it is not cut");
    served.stop().await;
}

/// Clients without a certificate are few, and do not stay.
#[tokio::test]
async fn clients_without_a_certificate_have_few_places() {
    let connections = door::Limits { strangers_per_address: 8, ..Limits::default().connections };
    let limits = Limits { connections, ..Limits::default() };
    let served = Arc::new(Served::start_within(limits, Site::running()).await);
    let mut open = Vec::new();
    for _ in 0..9 {
        open.push(connect(&served, None).await);
    }
    let mut oldest = open.remove(0);
    let end = timeout(AT_ONCE, oldest.read(&mut [0; 1])).await.expect("it stays open");
    assert_eq!(end.unwrap_or(0), 0);
    assert!(open.iter_mut().all(|other| other.read(&mut [0; 1]).now_or_never().is_none()), "the others have places");
    drop(open);
    Arc::into_inner(served).expect("nobody else has it").stop().await;
}
