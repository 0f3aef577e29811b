//! Machines with their clocks, and the processes on them.

use openraft::Instant;
use openraft_rt_sim::SimInstant;
use std::{cell::RefCell, collections::BTreeMap, task::Waker, time::Duration};

/// Nanoseconds.
type Nanos = u64;

/// A clock runs so much faster than true time, in millionths.
type Rate = i64;

const MILLION: i128 = 1_000_000;

/// A machine of a run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Machine(usize);

/// A process of a run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Process(usize);

/// The process that is none: whatever stands around the nodes.
pub const WORLD: Process = Process(0);

/// The clocks of a machine: both run at its own rate, and one of them stands still while it is suspended.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    rate: Rate,
    /// When the rate or the suspension last changed, and what the clocks showed then.
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
    /// It dies when it has been given the processor so often.
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

/// Nothing is left of the last run: the world alone.
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

    /// True time until this clock has gone on by so much.
    fn stretch(&self, local: Nanos) -> Nanos {
        let (local, rate) = (i128::from(local), i128::from(self.rate));
        u64::try_from((local * MILLION).div_euclid(MILLION + rate) + 1).unwrap_or(u64::MAX)
    }

    fn settle(&mut self, now: Nanos) {
        (self.awake, self.always, self.since) = (self.awake(now), self.always(now), now);
    }
}

impl Machine {
    /// A new machine, whose clocks run so many millionths faster than true time.
    pub fn new(rate: i64) -> Self {
        let since = truth();
        with(|all| {
            // A clock that began long ago, so that something may be subtracted from it.
            let begun = 3_600_000_000_000;
            all.clocks.push(Clock { rate, since, awake: begun, always: begun, suspended: false });
            Machine(all.clocks.len() - 1)
        })
    }

    fn clock<R>(self, look: impl FnOnce(&mut Clock) -> R) -> R {
        with(|all| look(&mut all.clocks[self.0]))
    }

    /// The machine of whoever asks.
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

    /// Its clocks go on at another rate.
    pub fn set_rate(self, rate: i64) {
        let now = truth();
        self.clock(|clock| {
            clock.settle(now);
            clock.rate = rate;
        });
    }

    /// It stands still, or goes on.
    pub fn suspend(self, suspended: bool) {
        let now = truth();
        self.clock(|clock| {
            clock.settle(now);
            clock.suspended = suspended;
        });
    }

    /// True time until its clock that may stand still shows this; `None` if it does already.
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

    /// The process of whoever asks.
    pub fn current() -> Self {
        with(|all| Process(all.current))
    }

    /// Its number: no two of a run have the same.
    pub fn number(self) -> u64 {
        self.0 as u64
    }

    /// Whether it has not ended.
    pub fn lives(self) -> bool {
        with(|all| all.processes[self.0].state != State::Dead)
    }

    /// Ends it now: every task is dropped where it is.
    pub fn kill(self) {
        self.wake_all(State::Dead);
    }

    /// Stops it where it is, or lets it go on.
    pub fn hold(self, held: bool) {
        if self.lives() {
            self.wake_all(if held { State::Held } else { State::Runs });
        }
    }

    /// Whether it is stopped where it is.
    pub fn is_held(self) -> bool {
        with(|all| all.processes[self.0].state == State::Held)
    }

    /// Has it die when it has been given the processor so many times more, wherever that is.
    pub fn light_fuse(self, polls: u64) {
        with(|all| all.processes[self.0].fuse = Some(polls));
    }

    /// The most tasks that it ever had at once.
    pub fn most_tasks(self) -> usize {
        with(|all| all.processes[self.0].most_tasks)
    }

    /// Does something as this process: what is spawned is its own, and clocks are those of its machine.
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

    /// A task of it begins.
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

    /// A task of it has ended.
    pub(super) fn dismiss(self, key: u64) {
        let gone = ALL
            .try_with(|all| all.borrow_mut().processes.get_mut(self.0).and_then(|process| process.tasks.remove(&key)));
        drop(gone);
    }

    /// A task of it is to go on.
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

/// What a task may do now.
pub(super) enum Turn {
    Go,
    Wait,
    End,
}

/// A task has panicked.
pub(super) fn panicked(process: Process, message: &str) {
    with(|all| all.panics.push(format!("process {}: {message}", process.0)));
}

/// The panics of tasks since this was last asked.
pub fn take_panics() -> Vec<String> {
    with(|all| std::mem::take(&mut all.panics))
}
