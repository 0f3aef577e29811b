//! Machines with their clocks, and the processes on them.

use openraft::Instant;
use openraft_rt_sim::SimInstant;
use std::{cell::RefCell, collections::BTreeMap, task::Waker, time::Duration};

/// Nanoseconds.
type Nanos = u64;

/// Deviation of a clock from true time, in millionths; positive is faster.
type Rate = i64;

const MILLION: i128 = 1_000_000;

/// A machine of a run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Machine(usize);

/// A process of a run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Process(usize);

/// The pseudo-process of everything around the nodes.
pub const WORLD: Process = Process(0);

/// The clocks of a machine: both run at its own rate, and one of them stands still while it is suspended.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    rate: Rate,
    /// Time of the last change of the rate or the suspension, and the values of the clocks then.
    since: Nanos,
    awake: Nanos,
    always: Nanos,
    suspended: bool,
}

#[derive(Debug, Default)]
struct Task {
    waker: Option<Waker>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Runs,
    Held,
    Dead,
}

#[derive(Debug)]
struct Running {
    machine: Machine,
    state: State,
    tasks: BTreeMap<u64, Task>,
    /// Number of polls left until it dies.
    fuse: Option<u64>,
    most_tasks: usize,
}

#[derive(Debug, Default)]
struct Machines {
    clocks: Vec<Clock>,
    processes: Vec<Running>,
    current: usize,
    next_task: u64,
    panics: Vec<String>,
}

thread_local! {
    static ALL: RefCell<Machines> = RefCell::default();
}

fn with<R>(look: impl FnOnce(&mut Machines) -> R) -> R {
    ALL.with(|all| look(&mut all.borrow_mut()))
}

/// Removes everything of the last run except the world.
pub(super) fn reset() {
    let old = with(|all| {
        let world =
            Running { machine: Machine(0), state: State::Runs, tasks: BTreeMap::new(), fuse: None, most_tasks: 0 };
        let fresh = Machines {
            clocks: vec![Clock::default()],
            processes: vec![world],
            current: 0,
            next_task: 0,
            panics: Vec::new(),
        };
        std::mem::replace(all, fresh)
    });
    drop(old);
}

/// True time since the run began.
pub(super) fn truth() -> Nanos {
    u64::try_from(SimInstant::now().elapsed_since_start().as_nanos()).unwrap_or(u64::MAX)
}

impl Clock {
    fn gone(&self, now: Nanos) -> Nanos {
        let passed = i128::from(now.saturating_sub(self.since));
        u64::try_from(passed + passed * i128::from(self.rate) / MILLION).unwrap_or_default()
    }

    fn awake(&self, now: Nanos) -> Nanos {
        if self.suspended { self.awake } else { self.awake + self.gone(now) }
    }

    fn always(&self, now: Nanos) -> Nanos {
        self.always + self.gone(now)
    }

    /// True time in which this clock advances by `local`.
    fn stretch(&self, local: Nanos) -> Nanos {
        let (local, rate) = (i128::from(local), i128::from(self.rate));
        u64::try_from((local * MILLION).div_euclid(MILLION + rate) + 1).unwrap_or(u64::MAX)
    }

    fn settle(&mut self, now: Nanos) {
        (self.awake, self.always, self.since) = (self.awake(now), self.always(now), now);
    }
}

impl Machine {
    /// A new machine; `rate` is the deviation of its clocks, in millionths.
    pub fn new(rate: i64) -> Self {
        let since = truth();
        with(|all| {
            // A clock that started long ago, so that durations may be subtracted from it.
            let begun = 3_600_000_000_000;
            all.clocks.push(Clock { rate, since, awake: begun, always: begun, suspended: false });
            Machine(all.clocks.len() - 1)
        })
    }

    fn clock<R>(self, look: impl FnOnce(&mut Clock) -> R) -> R {
        with(|all| look(&mut all.clocks[self.0]))
    }

    /// The machine of the current process.
    pub(super) fn current() -> Self {
        with(|all| all.processes[all.current].machine)
    }

    /// The clock that stands still while the machine is suspended, in nanoseconds.
    pub fn awake(self) -> u64 {
        let now = truth();
        self.clock(|clock| clock.awake(now))
    }

    /// The clock that never stands still, in nanoseconds.
    pub fn always(self) -> u64 {
        let now = truth();
        self.clock(|clock| clock.always(now))
    }

    /// Changes the rate of its clocks.
    pub fn set_rate(self, rate: i64) {
        let now = truth();
        self.clock(|clock| {
            clock.settle(now);
            clock.rate = rate;
        });
    }

    /// Suspends or resumes it.
    pub fn suspend(self, suspended: bool) {
        let now = truth();
        self.clock(|clock| {
            clock.settle(now);
            clock.suspended = suspended;
        });
    }

    /// True time until its suspendable clock shows this; `None` if it already does.
    pub(super) fn left(self, until: Nanos) -> Option<Duration> {
        let now = truth();
        self.clock(|clock| {
            let left = until.checked_sub(clock.awake(now)).filter(|left| *left > 0)?;
            Some(Duration::from_nanos(clock.stretch(left)))
        })
    }
}

impl Process {
    /// A new process on a machine.
    pub fn new(machine: Machine) -> Self {
        with(|all| {
            let process = Running { machine, state: State::Runs, tasks: BTreeMap::new(), fuse: None, most_tasks: 0 };
            all.processes.push(process);
            Process(all.processes.len() - 1)
        })
    }

    /// The current process.
    pub fn current() -> Self {
        with(|all| Process(all.current))
    }

    /// Its number, unique within a run.
    pub fn number(self) -> u64 {
        self.0 as u64
    }

    /// Whether it has not ended.
    pub fn lives(self) -> bool {
        with(|all| all.processes[self.0].state != State::Dead)
    }

    /// Ends it now: every task is dropped at its current point.
    pub fn kill(self) {
        self.wake_all(State::Dead);
    }

    /// Holds it at its current point, or continues it.
    pub fn hold(self, held: bool) {
        if self.lives() {
            self.wake_all(if held { State::Held } else { State::Runs });
        }
    }

    /// Whether it is held.
    pub fn is_held(self) -> bool {
        with(|all| all.processes[self.0].state == State::Held)
    }

    /// Lets it die after this many more polls, at any point.
    pub fn light_fuse(self, polls: u64) {
        with(|all| all.processes[self.0].fuse = Some(polls));
    }

    /// The maximum number of tasks that it had at once.
    pub fn most_tasks(self) -> usize {
        with(|all| all.processes[self.0].most_tasks)
    }

    /// Calls a function as this process: spawned tasks belong to it, and clocks are those of its machine.
    pub fn act<R>(self, what: impl FnOnce() -> R) -> R {
        let before = with(|all| std::mem::replace(&mut all.current, self.0));
        let done = what();
        with(|all| all.current = before);
        done
    }

    fn wake_all(self, state: State) {
        let wakers: Vec<Waker> = with(|all| {
            let process = &mut all.processes[self.0];
            process.state = state;
            process.tasks.values().filter_map(|task| task.waker.clone()).collect()
        });
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Registers a new task.
    pub(super) fn admit(self) -> u64 {
        with(|all| {
            let key = all.next_task;
            all.next_task += 1;
            let process = &mut all.processes[self.0];
            process.tasks.insert(key, Task::default());
            process.most_tasks = process.most_tasks.max(process.tasks.len());
            key
        })
    }

    /// Removes a task that has ended.
    pub(super) fn dismiss(self, key: u64) {
        let gone = ALL
            .try_with(|all| all.borrow_mut().processes.get_mut(self.0).and_then(|process| process.tasks.remove(&key)));
        drop(gone);
    }

    /// Asks whether a task may run now.
    pub(super) fn enter(self, key: u64, waker: &Waker) -> Turn {
        let (turn, dies) = with(|all| {
            let process = &mut all.processes[self.0];
            if let Some(task) = process.tasks.get_mut(&key) {
                task.waker = Some(waker.clone());
            }
            let dies = process.state == State::Runs && process.fuse == Some(0);
            process.fuse = process.fuse.map(|left| left.saturating_sub(1));
            let turn = match process.state {
                State::Runs => Turn::Go,
                State::Held => Turn::Wait,
                State::Dead => Turn::End,
            };
            (turn, dies)
        });
        if dies {
            self.kill();
            return Turn::End;
        }
        turn
    }
}

/// Permission of a task.
pub(super) enum Turn {
    Go,
    Wait,
    End,
}

/// Records the panic of a task.
pub(super) fn panicked(process: Process, message: &str) {
    with(|all| all.panics.push(format!("process {}: {message}", process.0)));
}

/// Takes the panics of tasks since the last call.
pub fn take_panics() -> Vec<String> {
    with(|all| std::mem::take(&mut all.panics))
}
