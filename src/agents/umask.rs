//! The umask of the programs that are run: the usual one, the same on every node, whatever umask this process has. Its own
//! files are for itself alone; those that an application makes are the application's affair.

use rustix::{fs::Mode, process::umask};
use std::sync::{Mutex, PoisonError};

/// The umask of programs.
const USUAL: u32 = 0o022;

/// Programs being started at the moment, and the umask of this process at other times.
static STARTING: Mutex<(usize, u32)> = Mutex::new((0, 0));

/// While one of these exists, a new process has the usual umask. The umask belongs to the whole process, so it is set for
/// no longer than the start of a program takes; and the starts are counted, not queued, since one may hang on its file
/// system.
pub(crate) struct Usual(());

impl Usual {
    pub(crate) fn set() -> Self {
        let mut starting = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
        if starting.0 == 0 {
            starting.1 = umask(Mode::from_raw_mode(USUAL)).as_raw_mode();
        }
        starting.0 += 1;
        Usual(())
    }
}

impl Drop for Usual {
    fn drop(&mut self) {
        let mut starting = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
        starting.0 -= 1;
        if starting.0 == 0 {
            umask(Mode::from_raw_mode(starting.1));
        }
    }
}
