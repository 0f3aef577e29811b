//! The watchdog: a device that resets this machine when it has not been fed for its time.
//!
//! It is fed only under a valid lease, or while no resource is up here that must not run twice. So once the leases of
//! this node have ended and the watchdog's time has passed, no such resource runs here: it was stopped, or the
//! machine was reset. If a process ends without having stopped everything, its watchdog goes on counting: opening the
//! device feeds it, so the next process opens it only when it may feed it.

use super::{Agents, Lease};
use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        mpsc::{self, RecvTimeoutError},
    },
    thread::JoinHandle,
    time::Duration,
};
use tenure_core::Span;

/// Number of feeds within its time.
const FEEDS: u32 = 5;
/// Longest interval between feeds.
const LONGEST: Duration = Duration::from_secs(1);
/// The byte that disarms a device when it is closed after it.
const MAGIC: &[u8] = b"V";

/// The watchdog is unusable.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // what a name says is not said again
pub enum WatchdogError {
    /// Its device cannot be opened.
    #[error("open the watchdog {}", path.display())]
    Open {
        path: PathBuf,
        /// The error.
        #[source]
        source: io::Error,
    },
    /// The time after which it resets is unknown.
    #[error("read the time of the watchdog from {} (whole seconds, from 1)", path.display())]
    Timeout {
        /// The file that should contain it.
        path: PathBuf,
        /// The error.
        #[source]
        source: io::Error,
    },
}

/// A watchdog device that is not armed yet.
pub struct Watchdog {
    device: PathBuf,
    after: Duration,
    armed: Armed,
}

/// The time after which the watchdog resets this machine, set once it is armed.
#[derive(Clone, Debug, Default)]
pub struct Armed(Arc<OnceLock<Span>>);

impl Armed {
    /// The time; `None` while no watchdog is armed.
    pub fn after(&self) -> Option<Span> {
        self.0.get().copied()
    }
}

impl Watchdog {
    /// Checks a device without arming it. `timeout` is the file with the time in seconds after which it resets: by
    /// default the kernel's own, under the device's name in sysfs.
    pub fn find(device: &Path, timeout: Option<&Path>) -> Result<Watchdog, WatchdogError> {
        let said = timeout.map_or_else(|| in_sysfs(device), Path::to_path_buf);
        let wrong = |source| WatchdogError::Timeout { path: said.clone(), source };
        let text = std::fs::read_to_string(&said).map_err(wrong)?;
        let seconds: u32 = text.trim().parse().map_err(|why| wrong(io::Error::new(io::ErrorKind::InvalidData, why)))?;
        if seconds == 0 {
            return Err(wrong(io::Error::new(io::ErrorKind::InvalidData, "it is zero")));
        }
        let open = |source| WatchdogError::Open { path: device.to_path_buf(), source };
        std::fs::metadata(device).map_err(open)?;
        let after = Duration::from_secs(u64::from(seconds));
        Ok(Watchdog { device: device.to_path_buf(), after, armed: Armed::default() })
    }

    /// The time, which is set once it is armed.
    pub fn armed(&self) -> Armed {
        self.armed.clone()
    }

    /// Arms it as soon as `right` allows feeding, and then feeds it as long as `right` does: from a thread of its
    /// own, whatever the async runtime does.
    pub fn feed(self, right: impl Fn() -> bool + Send + 'static) -> Feeding {
        let every = (self.after / FEEDS).min(LONGEST);
        let (stop, stopped) = mpsc::channel::<bool>();
        let thread = std::thread::spawn(move || {
            let mut device = None;
            loop {
                if right() {
                    device = device.or_else(|| self.arm());
                    if let Some(Err(why)) = device.as_mut().map(|device| device.write_all(b"1")) {
                        tracing::error!(%why, "the watchdog cannot be fed");
                    }
                }
                match stopped.recv_timeout(every) {
                    Ok(disarm) => {
                        if let Some(device) = device.as_mut().filter(|_| disarm) {
                            tracing::info!("the watchdog is disarmed");
                            // The device is closed next; without this byte it goes on counting, which is safe.
                            let _ = device.write_all(MAGIC);
                        }
                        return;
                    }
                    Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => {}
                }
            }
        });
        Feeding { stop, thread: Mutex::new(Some(thread)) }
    }

    fn arm(&self) -> Option<File> {
        match OpenOptions::new().write(true).open(&self.device) {
            Ok(device) => {
                let after = Span(u64::try_from(self.after.as_millis()).unwrap_or(u64::MAX));
                tracing::info!(device = %self.device.display(), %after, "the watchdog is armed");
                // It is set only once.
                let _ = self.armed.0.set(after);
                Some(device)
            }
            Err(why) => {
                tracing::error!(device = %self.device.display(), %why, "the watchdog cannot be armed");
                None
            }
        }
    }
}

/// A watchdog being fed.
pub struct Feeding {
    stop: mpsc::Sender<bool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Feeding {
    /// Stops feeding. It is disarmed only if no resource is left here that might be taken for gone; otherwise it goes
    /// on counting, and resets the machine unless another process of this node feeds it in time.
    pub fn end(&self, disarm: bool) {
        // The thread may have ended.
        let _ = self.stop.send(disarm);
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = thread.join();
        }
    }
}

/// Whether it may be fed now: under a lease, or when certainly no resource is up that must not run twice.
pub fn may_feed(lease: &Lease, agents: &Agents) -> bool {
    lease.is_good() || agents.is_clear()
}

/// The sysfs file of the time; `/dev/watchdog` is the first device.
fn in_sysfs(device: &Path) -> PathBuf {
    let name = device.file_name().and_then(|name| name.to_str()).unwrap_or("watchdog0");
    let name = if name == "watchdog" { "watchdog0" } else { name };
    Path::new("/sys/class/watchdog").join(name).join("timeout")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    fn device(seconds: &str) -> (tempfile::TempDir, PathBuf, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let (device, timeout) = (folder.path().join("watchdog"), folder.path().join("timeout"));
        std::fs::write(&device, "").unwrap();
        std::fs::write(&timeout, seconds).unwrap();
        (folder, device, timeout)
    }

    /// A feeding permission that reports the beginning of each round.
    fn rounds(right: &Arc<AtomicBool>) -> (impl Fn() -> bool + Send + 'static, mpsc::Receiver<()>) {
        let (begins, began) = mpsc::channel();
        let right = Arc::clone(right);
        let asked = move || {
            // The receiver may be gone.
            let _ = begins.send(());
            right.load(Ordering::SeqCst)
        };
        (asked, began)
    }

    /// Returns when one whole round that began after this call has ended.
    fn one_round(began: &mpsc::Receiver<()>) {
        while began.try_recv().is_ok() {}
        for _ in 0..3 {
            began.recv_timeout(Duration::from_secs(20)).expect("it goes on");
        }
    }

    fn fed(device: &Path) -> Vec<u8> {
        std::fs::read(device).unwrap()
    }

    #[test]
    fn it_is_armed_and_fed_while_that_is_right_and_not_otherwise() {
        let (_folder, path, timeout) = device("1\n");
        let watchdog = Watchdog::find(&path, Some(&timeout)).unwrap();
        let (armed, right) = (watchdog.armed(), Arc::new(AtomicBool::new(false)));
        let (asked, began) = rounds(&right);
        let feeding = watchdog.feed(asked);
        // A new process beside resources for which it may not feed must not touch a device that is counting.
        one_round(&began);
        assert_eq!((armed.after(), fed(&path).len()), (None, 0));
        right.store(true, Ordering::SeqCst);
        one_round(&began);
        let once = fed(&path).len();
        assert!(once > 0, "nobody feeds it");
        one_round(&began);
        assert!(fed(&path).len() > once, "it is fed once only");
        assert_eq!(armed.after(), Some(Span::seconds(1)));
        right.store(false, Ordering::SeqCst);
        one_round(&began);
        let before = fed(&path);
        one_round(&began);
        assert_eq!(fed(&path), before);
        feeding.end(false);
        assert!(!fed(&path).ends_with(MAGIC), "it goes on counting");
    }

    #[test]
    fn it_is_disarmed_by_its_word_alone() {
        let (_folder, path, timeout) = device("1");
        let (asked, began) = rounds(&Arc::new(AtomicBool::new(true)));
        let feeding = Watchdog::find(&path, Some(&timeout)).unwrap().feed(asked);
        one_round(&began);
        feeding.end(true);
        assert!(fed(&path).ends_with(MAGIC));
    }

    #[test]
    fn one_whose_time_nobody_knows_is_not_armed() {
        for (said, why) in
            [("0", "it is zero"), ("soon", "invalid digit"), ("", "empty string"), ("-5", "invalid digit")]
        {
            let (_folder, path, timeout) = device(said);
            let Err(WatchdogError::Timeout { source, .. }) = Watchdog::find(&path, Some(&timeout)) else {
                panic!("{said:?} was taken for a time");
            };
            assert!(source.to_string().contains(why), "{said:?}: {source}");
        }
        assert_eq!(in_sysfs(Path::new("/dev/watchdog")), Path::new("/sys/class/watchdog/watchdog0/timeout"));
        assert_eq!(in_sysfs(Path::new("/dev/watchdog1")), Path::new("/sys/class/watchdog/watchdog1/timeout"));
    }
}
