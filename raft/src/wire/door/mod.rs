//! The door of a port: which connections stay open, and what is logged of those that do not.
//!
//! The port of the peers and that of the admin API have one each. A connection is always accepted; where there is no room,
//! an older one is closed. [`Limits`] says how many there are of each kind:
//!
//! - A *stranger* has not shown a certificate of the cluster. Strangers have few places in all, fewer from one address, and
//!   a short time. The place of a newcomer is that of a stranger from the address that has the most, there of the one that
//!   has got least far with its handshake, among equals of the oldest.
//! - A *guest* has shown one. Guests have places by identity, apart from those of strangers. Where an identity has used up
//!   its own, its newest connection takes the place of its oldest.
//!
//! Addresses of the members, and those from which somebody has lately shown a certificate, are *known*: strangers from there
//! have places of their own, so strangers elsewhere cannot displace them. What remains: whoever can connect from a known
//! address (a program on a member's machine, or behind the same address translation) competes with the handshakes from
//! there. To displace one it needs as many newer connections *that have sent a whole client hello* as there are places, within
//! the time of that handshake (some milliseconds): connections that send nothing are closed before. And a client that comes
//! from an address for the first time competes with strangers who hold as many addresses as there are places. Established
//! connections are out of reach of both.
//!
//! Of what strangers do, the log has one line for each reason at first, then one line a minute with the number: see
//! [`Door::dropped`].

mod patient;
mod places;
mod tally;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

pub use patient::Patient;
pub use places::{Displaced, Place};
use places::{Places, Stage};
use tally::Tally;

/// A connection whose other side takes nothing of what is written for this time is closed.
pub const STALL: Duration = Duration::from_secs(30);
/// Time that a stranger has for its handshake.
pub const HANDSHAKE: Duration = Duration::from_secs(3);
/// The reason that is logged for strangers who had to make room.
pub const CROWDED: &str = "newer connections took the place of one that had not shown who it is";
/// Connections that the system holds until they are accepted, as far as it allows so many. Where there are more it drops the first
/// packet of a client, which then waits a second.
const BACKLOG: u32 = 4096;
/// After a failed accept (out of file descriptors, usually) there is no use in trying at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The number of connections of each kind that a port keeps open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Strangers from addresses that are not known, all together; and as many from those that are.
    pub strangers: usize,
    /// Strangers from one address that is not known: an IPv4 address, or the first 64 bits of an IPv6 address.
    pub strangers_per_address: usize,
    /// Guests of one identity.
    pub per_identity: usize,
    /// All guests.
    pub guests: usize,
    /// See [`STALL`].
    pub stall: Duration,
}

/// The door of one port.
#[derive(Debug)]
pub struct Door {
    places: Arc<Places>,
    tally: Tally,
    stall: Duration,
}

impl Door {
    /// A door with nobody inside. `port` is the word for it in log lines.
    pub fn new(port: &'static str, limits: Limits) -> Self {
        Self { places: Arc::new(Places::new(limits)), tally: Tally::new(port), stall: limits.stall }
    }

    /// Binds the address of a port.
    pub fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // A port whose last connections are being closed can be taken up again.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    }

    /// The next connection, with its place. Call it in a loop, and work the connection in a task of its own: until the
    /// next call others can run, so a newcomer that has sent its hello is seen to have done so.
    pub async fn next(&self, listener: &TcpListener) -> (TcpStream, Place) {
        tokio::task::yield_now().await;
        loop {
            self.tally.tell(Instant::now());
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = sleep_until(self.tally.next(Instant::now())) => continue,
            };
            match accepted {
                Ok((tcp, from)) => return (tcp, Places::enter(&self.places, from)),
                Err(error) => {
                    self.tally.note(&format!("accept a connection: {error}"), None, Instant::now());
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// The handshake of a stranger, within its time. The stream gives up after [`STALL`]; the place remembers how far the
    /// handshake has come.
    pub async fn shake(
        &self,
        tcp: TcpStream,
        place: &Place,
        config: Arc<ServerConfig>,
    ) -> std::io::Result<TlsStream<Patient<TcpStream>>> {
        // Otherwise small answers would wait for the other side's acknowledgement.
        tcp.set_nodelay(true)?;
        let shaking = async {
            let hello =
                LazyConfigAcceptor::new(rustls::server::Acceptor::default(), Patient::new(tcp, self.stall)).await?;
            place.reaches(Stage::Hello);
            let stream = hello.into_stream(config).await?;
            place.reaches(Stage::Shaken);
            Ok(stream)
        };
        let late = || std::io::Error::new(std::io::ErrorKind::TimedOut, format!("no handshake within {HANDSHAKE:?}"));
        tokio::time::timeout(HANDSHAKE, shaking).await.unwrap_or_else(|_| Err(late()))
    }

    /// Counts a connection that a stranger had, and logs it: the first of its reason at once, the others as a sum a minute.
    pub fn dropped(&self, from: SocketAddr, reason: &str) {
        self.tally.note(reason, Some(from.ip()), Instant::now());
    }

    /// Replaces the addresses that are known without anybody having come from there.
    pub fn expect(&self, addresses: impl IntoIterator<Item = IpAddr>) {
        self.places.expect(addresses);
    }

    /// The connections that are open: strangers, and guests.
    pub fn open(&self) -> (usize, usize) {
        self.places.open()
    }
}
