//! Looks into machines from outside, all the time, for what must never be.
//!
//! What is sampled, every 5 ms and for each machine, is read from `/proc` of its first process, so that nothing inside can
//! stand in the way:
//! - it *has the address* if its routing table has it as a local one (`net/fib_trie`);
//! - it *serves* if it has the address and a socket listens on port 80 of it, or of every address (`net/tcp`): then its
//!   kernel accepts connections, whether or not the program behind gets to them;
//! - it *has mounted* the file system if the directory is a mount point (`mountinfo`).
//!
//! [`Watch::pace`] says how far apart the looks really were.
//!
//! Two machines count as doing one thing at once only if the first was seen doing it both before and after the second was.

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

/// From the end of one round to the beginning of the next.
const PACE: Duration = Duration::from_millis(5);
/// The priority that no other process has.
const FIRST: i32 = -20;
/// State of a listening socket in `net/tcp`.
const LISTEN: &str = "0A";

/// Something that a machine does or has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The address of the service.
    Address,
    /// It takes connections to the service.
    Serves,
    /// The file system of the service.
    Mounted,
}

const ALL: [What; 3] = [What::Address, What::Serves, What::Mounted];

/// A change that was seen.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Event {
    pub at: Instant,
    /// On which machine.
    pub machine: String,
    /// Of what.
    pub what: What,
    /// Whether it is so now.
    pub on: bool,
}

#[derive(Debug, Default)]
struct Seen {
    events: Vec<Event>,
    violations: Vec<String>,
    rounds: u64,
    longest_round: Duration,
}

/// A running look-out. Ends when it is dropped.
#[derive(Debug)]
pub struct Watch {
    seen: Arc<Mutex<Seen>>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Begins to look at these machines.
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

    /// What changed so far, in the order in which it was seen.
    pub fn events(&self) -> Vec<Event> {
        lock(&self.seen).events.clone()
    }

    /// The first change of this kind after an instant, on any machine but one.
    pub fn first_since(&self, since: Instant, what: What, but: &str) -> Option<Event> {
        let seen = lock(&self.seen);
        let wanted = |event: &&Event| event.on && event.what == what && event.at > since && event.machine != but;
        seen.events.iter().find(wanted).cloned()
    }

    /// What was seen that must never be. One sentence for each change into such a state.
    pub fn violations(&self) -> Vec<String> {
        lock(&self.seen).violations.clone()
    }

    /// How often it has looked, and the longest time from the beginning of one look to the next.
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

/// What one machine does: in the order of [`ALL`].
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
        // It has little to do, and is not to wait for machines that have much. Without the right to it, it waits.
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
        // What has no power has nothing of this.
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

    /// An address may be where it should not: whoever adds it by hand does that. Serving and mounting twice is what must
    /// not be. Returns which of these is so now.
    fn judge(&self, bad: State, states: &[State]) -> State {
        let mut now = State::default();
        let suspicious = |states: &[State], index: usize| states.iter().filter(|state| state[index]).count() > 1;
        if ![1, 2].iter().any(|&index| suspicious(states, index)) {
            return now;
        }
        // Machines are looked at one after the other: only who still does it when looked at again did it at once with
        // those in between.
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

/// Whether a routing table has an address as a local one: the leaf of the address is followed by its kinds.
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

/// Whether a table of sockets has one that listens on port 80 of an address, or of every one.
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
