//! Looks into machines from outside, continuously, for violations.
//!
//! The samples, every 5 ms and for each machine, are read from `/proc` of its first process, so that nothing inside
//! can interfere:
//! - it *has the address* if its routing table has it as a local one (`net/fib_trie`);
//! - it *serves* if it has the address and a socket listens on port 80 of it, or of every address (`net/tcp`): then its
//!   kernel accepts connections, whether or not the program behind gets to them;
//! - it *has mounted* the file system if the directory is a mount point (`mountinfo`).
//!
//! [`Watch::pace`] gives the real intervals.
//!
//! Two machines count as doing something at once only if the first was seen doing it both before and after the second
//! was.

use super::{Machine, Web};
use rustix::{process::setpriority_process, thread::gettid};
use std::{
    fs::read_to_string,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// Pause from the end of one round to the beginning of the next.
const PACE: Duration = Duration::from_millis(5);
/// A priority above that of all other processes.
const FIRST: i32 = -20;
/// State of a listening socket in `net/tcp`.
const LISTEN: &str = "0A";

/// A property of a machine that is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// It has the address of the service.
    Address,
    /// It takes connections to the service.
    Serves,
    /// It has mounted the file system of the service.
    Mounted,
}

const ALL: [What; 3] = [What::Address, What::Serves, What::Mounted];

/// A change that was observed.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Event {
    pub at: Instant,
    /// The machine.
    pub machine: String,
    /// The property.
    pub what: What,
    /// The new value.
    pub on: bool,
}

#[derive(Debug, Default)]
struct Seen {
    events: Vec<Event>,
    violations: Vec<String>,
    rounds: u64,
    longest_round: Duration,
}

/// A running watch. Ends when it is dropped.
#[derive(Debug)]
pub struct Watch {
    seen: Arc<Mutex<Seen>>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Starts watching these machines.
    pub fn start(machines: &[Machine], web: &Web) -> Watch {
        let (seen, ended) = (Arc::new(Mutex::new(Seen::default())), Arc::new(AtomicBool::new(false)));
        let lookout = Lookout {
            began: Instant::now(),
            machines: machines.to_vec(),
            address: web.address(),
            directory: web.directory().to_owned(),
            seen: Arc::clone(&seen),
        };
        let end = Arc::clone(&ended);
        let thread = std::thread::spawn(move || lookout.run(&end));
        Watch { seen, ended, thread: Some(thread) }
    }

    /// The changes so far, in the order of their observation.
    pub fn events(&self) -> Vec<Event> {
        lock(&self.seen).events.clone()
    }

    /// The first change of a property to true after an instant, on any machine but one.
    pub fn first_since(&self, since: Instant, what: What, but: &str) -> Option<Event> {
        let seen = lock(&self.seen);
        let wanted = |event: &&Event| event.on && event.what == what && event.at > since && event.machine != but;
        seen.events.iter().find(wanted).cloned()
    }

    /// The violations observed, one sentence for each change into such a state.
    pub fn violations(&self) -> Vec<String> {
        lock(&self.seen).violations.clone()
    }

    /// Number of rounds, and the longest time from the beginning of one to the next.
    pub fn pace(&self) -> (u64, Duration) {
        let seen = lock(&self.seen);
        (seen.rounds, seen.longest_round)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Properties of one machine, in the order of [`ALL`].
type State = [bool; 3];

struct Lookout {
    began: Instant,
    machines: Vec<Machine>,
    address: Ipv4Addr,
    directory: PathBuf,
    seen: Arc<Mutex<Seen>>,
}

impl Lookout {
    fn run(&self, ended: &AtomicBool) {
        // It needs little time, and should not wait for busy machines. Without the privilege, it waits.
        let _ = setpriority_process(Some(gettid()), FIRST);
        let mut known = vec![State::default(); self.machines.len()];
        let mut bad = State::default();
        let mut last = Instant::now();
        while !ended.load(Ordering::Relaxed) {
            let now = Instant::now();
            let states = self.look();
            self.note(&known, &states, (now, now - last));
            bad = self.judge(bad, &states);
            (known, last) = (states, now);
            std::thread::sleep(PACE);
        }
    }

    fn look(&self) -> Vec<State> {
        self.machines.iter().map(|machine| self.look_at(machine)).collect()
    }

    fn look_at(&self, machine: &Machine) -> State {
        // A machine without power has none of these.
        let Some(first) = machine.first_process() else { return State::default() };
        let read = |file: &str| read_to_string(format!("/proc/{first}/{file}")).unwrap_or_default();
        let address = is_local(&read("net/fib_trie"), self.address);
        let serves = address && listens(&read("net/tcp"), self.address);
        [address, serves, is_mounted(&read("mountinfo"), &self.directory)]
    }

    fn note(&self, known: &[State], states: &[State], (now, since_last): (Instant, Duration)) {
        let mut seen = lock(&self.seen);
        seen.rounds += 1;
        seen.longest_round = seen.longest_round.max(since_last);
        for ((machine, before), after) in self.machines.iter().zip(known).zip(states) {
            for ((what, before), &on) in ALL.into_iter().zip(before).zip(after) {
                if *before != on {
                    seen.events.push(Event { at: now, machine: machine.name().to_owned(), what, on });
                }
            }
        }
    }

    /// Two machines may have the address: somebody who adds it by hand causes that. Violations are serving twice and
    /// mounting twice. Returns the violations that are true now.
    fn judge(&self, bad: State, states: &[State]) -> State {
        let mut now = State::default();
        let suspicious = |states: &[State], index: usize| states.iter().filter(|state| state[index]).count() > 1;
        if ![1, 2].iter().any(|&index| suspicious(states, index)) {
            return now;
        }
        // Machines are sampled one after the other: only a machine with the property in both samples had it at the
        // same time as those in between.
        let again = self.look();
        let sure: Vec<State> =
            states.iter().zip(&again).map(|(one, other)| [0, 1, 2].map(|index| one[index] && other[index])).collect();
        for index in [1, 2] {
            now[index] = suspicious(&sure, index);
            if now[index] && !bad[index] {
                let machines = self.machines.iter().zip(&sure).filter(|(_, state)| state[index]);
                let names: Vec<&str> = machines.map(|(machine, _)| machine.name()).collect();
                let at = self.began.elapsed().as_millis();
                lock(&self.seen).violations.push(format!(
                    "{at} ms: {:?} on {} at once",
                    ALL[index],
                    names.join(" and ")
                ));
            }
        }
        now
    }
}

/// Whether a routing table has an address as a local one: its leaf is followed by its kinds.
fn is_local(trie: &str, address: Ipv4Addr) -> bool {
    let leaf = format!("|-- {address}");
    let mut lines = trie.lines().map(str::trim);
    while let Some(line) = lines.next() {
        if line == leaf {
            let mut kinds = lines.clone().take_while(|line| line.starts_with('/'));
            if kinds.any(|kind| kind.ends_with("host LOCAL")) {
                return true;
            }
        }
    }
    false
}

/// Whether a table of sockets has one that listens on port 80 of an address, or of all addresses.
fn listens(table: &str, address: Ipv4Addr) -> bool {
    let own = format!("{:08X}:0050", u32::from_le_bytes(address.octets()));
    table.lines().any(|line| {
        let mut words = line.split_whitespace().skip(1);
        let (local, state) = (words.next(), words.nth(1));
        state == Some(LISTEN) && local.is_some_and(|local| local == own || local == "00000000:0050")
    })
}

fn is_mounted(table: &str, directory: &Path) -> bool {
    let directory = directory.to_string_lossy();
    table.lines().any(|line| line.split(' ').nth(4) == Some(&directory))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_addresses_are_told_from_those_that_are_only_routed_to() {
        let trie = "Local:\n  +-- 10.77.3.0/24 2 0 2\n     |-- 10.77.3.1\n        /32 host LOCAL\n     |-- 10.77.3.100\n        \
                    /32 link UNICAST\n     |-- 10.77.3.255\n        /32 link BROADCAST\n";
        assert!(is_local(trie, Ipv4Addr::new(10, 77, 3, 1)));
        assert!(!is_local(trie, Ipv4Addr::new(10, 77, 3, 100)));
        assert!(!is_local(trie, Ipv4Addr::new(10, 77, 3, 10)));
    }

    #[test]
    fn a_socket_that_listens_is_told_from_one_that_is_connected() {
        let table = "  sl  local_address rem_address   st tx_queue\n\
                     0: 64034D0A:0050 00000000:0000 0A 0:0\n   1: 65034D0A:0050 01034D0A:9999 01 0:0\n";
        assert!(listens(table, Ipv4Addr::new(10, 77, 3, 100)));
        assert!(!listens(table, Ipv4Addr::new(10, 77, 3, 101)));
    }
}
