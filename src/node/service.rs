//! What systemd is told about this process: that the node runs, that its loop does, that it stops.
//!
//! Promises: nothing waits for systemd. What cannot be delivered at once is not delivered, and the next word follows soon.
//! Without a service manager nothing happens.

use std::{
    env, io,
    os::{
        linux::net::SocketAddrExt as _,
        unix::{ffi::OsStrExt as _, net},
    },
    process,
    time::{Duration, Instant},
};

/// The node runs: it has started all its parts.
pub(super) const READY: &str = "READY=1";
/// It stops in order.
pub(super) const STOPPING: &str = "STOPPING=1";
/// Its loop has come round.
const ALIVE: &str = "WATCHDOG=1";
/// So often it says so within the time after which systemd ends it.
const PARTS: u32 = 4;

/// Tells systemd, if systemd runs this process and wants to hear it (`Type=notify`).
pub(super) fn tell(word: &str) {
    if let Some(address) = env::var_os("NOTIFY_SOCKET")
        && let Err(why) = send(address.as_bytes(), word)
    {
        tracing::warn!(%why, word, "systemd is not told");
    }
}

fn send(address: &[u8], word: &str) -> io::Result<()> {
    let address = match address {
        [b'@', name @ ..] => net::SocketAddr::from_abstract_name(name)?,
        path => net::SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(path))?,
    };
    let socket = net::UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.send_to_addr(word.as_bytes(), &address).map(drop)
}

/// Tells systemd that the loop goes round, as often as it wants to hear it (`WatchdogSec`).
#[derive(Debug)]
pub(super) struct Alive {
    every: Option<Duration>,
    next: Instant,
    tell: fn(&str),
}

impl Alive {
    /// As the environment of this process says.
    pub(super) fn expected() -> Self {
        let number = |name| env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
        let every = every(number("WATCHDOG_USEC"), number("WATCHDOG_PID"), process::id());
        Alive { every, next: Instant::now(), tell }
    }

    /// When the loop has to come round at the latest.
    pub(super) fn due(&self) -> Option<Instant> {
        self.every.map(|_| self.next)
    }

    /// Called by the loop each time that it comes round.
    pub(super) fn goes_round(&mut self) {
        let now = Instant::now();
        if let Some(every) = self.every.filter(|_| self.next <= now) {
            (self.tell)(ALIVE);
            self.next = now + every;
        }
    }
}

/// How often it is to be told; `None` if nobody waits for it. The variables are meant for one process, and its children have them
/// as well.
fn every(microseconds: Option<u64>, of: Option<u64>, me: u32) -> Option<Duration> {
    let within = Duration::from_micros(microseconds.filter(|within| *within > 0)?);
    of.is_none_or(|of| of == u64::from(me)).then_some(within / PARTS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{cell::Cell, os::unix::net::UnixDatagram};

    fn heard(socket: &UnixDatagram) -> String {
        let mut word = [0; 64];
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let length = socket.recv(&mut word).expect("it is told");
        String::from_utf8_lossy(&word[..length]).into_owned()
    }

    #[test]
    fn a_word_reaches_a_socket_by_path_and_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        send(path.as_os_str().as_bytes(), READY).unwrap();
        assert_eq!(heard(&socket), "READY=1");
        let name = format!("tenure-{}", process::id());
        let socket = UnixDatagram::bind_addr(&net::SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        send(format!("@{name}").as_bytes(), STOPPING).unwrap();
        assert_eq!(heard(&socket), "STOPPING=1");
    }

    #[test]
    fn nobody_waits_for_a_manager_that_does_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let _socket = UnixDatagram::bind(&path).unwrap();
        let full = (0..100_000).find_map(|_| send(path.as_os_str().as_bytes(), ALIVE).err()).expect("it never fills");
        assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
        assert_eq!(send(b"/missing/notify", READY).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    thread_local! {
        static TOLD: Cell<u32> = const { Cell::new(0) };
    }

    #[test]
    fn a_loop_that_goes_round_says_so_as_often_as_it_is_asked_to() {
        let tell = |word: &str| {
            assert_eq!(word, ALIVE);
            TOLD.set(TOLD.get() + 1);
        };
        let mut alive = Alive { every: Some(Duration::from_secs(3600)), next: Instant::now(), tell };
        assert!(alive.due().is_some_and(|due| due <= Instant::now()), "the first time at once");
        (0..3).for_each(|_| alive.goes_round());
        assert_eq!(TOLD.get(), 1);
        assert!(alive.due().is_some_and(|due| due > Instant::now()));
        alive.next = Instant::now();
        alive.goes_round();
        assert_eq!(TOLD.get(), 2);
        let mut unasked = Alive { every: None, next: Instant::now(), tell };
        unasked.goes_round();
        assert_eq!((unasked.due(), TOLD.get()), (None, 2));
    }

    #[test]
    fn it_is_asked_for_by_a_time_that_is_meant_for_this_process() {
        assert_eq!(every(Some(20_000_000), Some(7), 7), Some(Duration::from_secs(5)));
        assert_eq!(every(Some(20_000_000), None, 7), Some(Duration::from_secs(5)));
        assert_eq!(every(Some(20_000_000), Some(8), 7), None);
        assert_eq!(every(Some(0), Some(7), 7), None);
        assert_eq!(every(None, None, 7), None);
    }
}
