//! The watchdog: a device that resets this machine when nobody has fed it for its time.
//!
//! It is fed only under a valid lease, or while nothing is up here that must not run twice. So once the leases of this node
//! have ended and the watchdog's time has passed, nothing of that kind runs here: it was stopped, or the machine was reset.
//! The one that is left behind when this process ends without having stopped everything goes on counting.

use super::{Agents, Lease};
use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, RecvTimeoutError},
    },
    thread::JoinHandle,
    time::Duration,
};
use tenure_core::{Span, config::Cluster};

/// Fed this many times within its time.
const FEEDS: u32 = 5;
/// Fed at least this often.
const LONGEST: Duration = Duration::from_secs(1);
/// What disarms a device when it is closed.
const MAGIC: &[u8] = b"V";

/// A watchdog cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WatchdogError {
    /// Its device cannot be opened.
    #[error("open the watchdog {}", path.display())]
    Open {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Nobody knows after which time it resets.
    #[error("read the time of the watchdog from {} (whole seconds, from 1)", path.display())]
    Timeout {
        /// Where it should stand.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// An armed watchdog device.
pub struct Watchdog {
    device: File,
    after: Duration,
}

impl Watchdog {
    /// Opens a device, which arms it. `timeout` is the file that says after how many seconds it resets: the kernel's own,
    /// beside the device's name in sysfs, unless another is named.
    pub fn open(device: &Path, timeout: Option<&Path>) -> Result<Watchdog, WatchdogError> {
        let said = timeout.map_or_else(|| in_sysfs(device), Path::to_path_buf);
        let wrong = |source| WatchdogError::Timeout { path: said.clone(), source };
        let text = std::fs::read_to_string(&said).map_err(wrong)?;
        let seconds: u32 = text.trim().parse().map_err(|why| wrong(io::Error::new(io::ErrorKind::InvalidData, why)))?;
        if seconds == 0 {
            return Err(wrong(io::Error::new(io::ErrorKind::InvalidData, "it is zero")));
        }
        let file = OpenOptions::new().write(true).open(device);
        let file = file.map_err(|source| WatchdogError::Open { path: device.to_path_buf(), source })?;
        Ok(Watchdog { device: file, after: Duration::from_secs(u64::from(seconds)) })
    }

    /// After which time it resets the machine.
    pub fn after(&self) -> Span {
        Span(u64::try_from(self.after.as_millis()).unwrap_or(u64::MAX))
    }

    /// Feeds it from a thread of its own, whatever the runtime does, for as long as that is right.
    pub fn feed(self, right: impl Fn() -> bool + Send + 'static) -> Feeding {
        let every = (self.after / FEEDS).min(LONGEST);
        let (stop, stopped) = mpsc::channel::<bool>();
        let mut device = self.device;
        let thread = std::thread::spawn(move || {
            loop {
                if right()
                    && let Err(why) = device.write_all(b"1")
                {
                    tracing::error!(%why, "the watchdog cannot be fed");
                }
                match stopped.recv_timeout(every) {
                    Ok(true) => {
                        tracing::info!("the watchdog is disarmed");
                        // It is closed next; without the word it goes on counting, which is safe.
                        let _ = device.write_all(MAGIC);
                        return;
                    }
                    Ok(false) | Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => {}
                }
            }
        });
        Feeding { stop, thread: Mutex::new(Some(thread)) }
    }
}

/// A watchdog that is fed.
pub struct Feeding {
    stop: mpsc::Sender<bool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Feeding {
    /// Feeds it no more. Disarmed only if nothing is left here that somebody could mistake for gone; otherwise it goes on
    /// counting, and resets the machine unless another process of this node feeds it in time.
    pub fn end(&self, disarm: bool) {
        // The thread may have ended.
        let _ = self.stop.send(disarm);
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = thread.join();
        }
    }
}

/// Whether feeding is right now: under a lease, or with nothing up that must not run twice.
pub fn may_feed(lease: &Lease, agents: &Arc<Agents>, cluster: &Cluster) -> bool {
    !lease.left().is_zero() || agents.held(cluster).is_empty()
}

/// `/dev/watchdog` is the first one.
fn in_sysfs(device: &Path) -> PathBuf {
    let name = device.file_name().and_then(|name| name.to_str()).unwrap_or("watchdog0");
    let name = if name == "watchdog" { "watchdog0" } else { name };
    Path::new("/sys/class/watchdog").join(name).join("timeout")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        sync::atomic::{AtomicBool, Ordering},
        time::Instant,
    };

    fn device(seconds: &str) -> (tempfile::TempDir, PathBuf, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let (device, timeout) = (folder.path().join("watchdog"), folder.path().join("timeout"));
        std::fs::write(&device, "").unwrap();
        std::fs::write(&timeout, seconds).unwrap();
        (folder, device, timeout)
    }

    fn grows(device: &Path, from: usize) -> usize {
        let limit = Instant::now() + Duration::from_secs(20);
        loop {
            let fed = std::fs::read(device).unwrap().len();
            if fed > from {
                return fed;
            }
            assert!(Instant::now() < limit, "nobody feeds it");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn it_is_fed_while_that_is_right_and_not_otherwise() {
        let (_folder, path, timeout) = device("1\n");
        let watchdog = Watchdog::open(&path, Some(&timeout)).unwrap();
        assert_eq!(watchdog.after(), Span::seconds(1));
        let (right, asked) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(false)));
        let (seen, told) = (Arc::clone(&right), Arc::clone(&asked));
        let feeding = watchdog.feed(move || {
            told.store(true, Ordering::SeqCst);
            seen.load(Ordering::SeqCst)
        });
        grows(&path, grows(&path, 0));
        right.store(false, Ordering::SeqCst);
        // Two rounds begin after this; nothing is fed in the second.
        let round = |asked: &AtomicBool| {
            asked.store(false, Ordering::SeqCst);
            while !asked.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(1));
            }
        };
        round(&asked);
        let fed = std::fs::read(&path).unwrap().len();
        round(&asked);
        assert_eq!(std::fs::read(&path).unwrap().len(), fed);
        feeding.end(false);
        assert!(!std::fs::read(&path).unwrap().ends_with(MAGIC), "it goes on counting");
    }

    #[test]
    fn it_is_disarmed_by_its_word_alone() {
        let (_folder, path, timeout) = device("60");
        let feeding = Watchdog::open(&path, Some(&timeout)).unwrap().feed(|| false);
        feeding.end(true);
        assert_eq!(std::fs::read(&path).unwrap(), MAGIC);
    }

    #[test]
    fn one_whose_time_nobody_knows_is_not_armed() {
        for (said, why) in
            [("0", "it is zero"), ("soon", "invalid digit"), ("", "empty string"), ("-5", "invalid digit")]
        {
            let (_folder, path, timeout) = device(said);
            let Err(WatchdogError::Timeout { source, .. }) = Watchdog::open(&path, Some(&timeout)) else {
                panic!("{said:?} was taken for a time");
            };
            assert!(source.to_string().contains(why), "{said:?}: {source}");
        }
        assert_eq!(in_sysfs(Path::new("/dev/watchdog")), Path::new("/sys/class/watchdog/watchdog0/timeout"));
        assert_eq!(in_sysfs(Path::new("/dev/watchdog1")), Path::new("/sys/class/watchdog/watchdog1/timeout"));
    }
}
