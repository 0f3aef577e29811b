//! The questions to one HMC.
//!
//! Promises: every answer began after it was requested. Answers that concern all servers are [shared](super::overview), but
//! only between callers that were already waiting when the question was sent.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tenure_core::ForeignText;
use tokio::time::Instant;

use super::answers::{
    DESCRIBED_COLUMNS, LPAR_COLUMNS, MEMORY_COLUMNS, PROCESSOR_COLUMNS, SystemFacts, conclude, connection, lpars,
    memory, processors, system, unreadable, version, vmi,
};
use super::command::Command;
use super::console::{Console, Purpose};
use super::exec::ExecError;
use super::overview::{Overview, Overviews};
use super::records::{Record, parse_records, parse_table};
use super::shared::With;
use super::time::Time;
use crate::hypervisor::{Capacity, Failure, Inventory, ServerReading, SystemState, Urgency};

/// Time without a change after which a clock counts as standing still.
const CLOCK_TICKS: Duration = Duration::from_secs(2);
/// Time for which a reading of the state counts as the one before the next list of LPARs: no server loses and
/// recovers its partition data within it, for that takes a person.
const STATE_HOLDS: Duration = Duration::from_secs(15);

/// Who waits for answers, and how long.
pub struct Wanted {
    pub urgency: Urgency,
    pub time: Time,
    /// How it shares with other nodes; `None` if it asks everything by itself.
    pub sharing: Option<With>,
}

impl Wanted {
    /// Questions of an order, or of a person.
    pub fn within(answers: Duration) -> Self {
        Wanted { urgency: Urgency::Order, time: Time::new(answers), sharing: None }
    }

    fn purpose(&self) -> Purpose {
        match self.urgency {
            Urgency::Order => Purpose::Question,
            Urgency::Round | Urgency::Rest => Purpose::Routine,
        }
    }
}

/// Former answers of one HMC: what it last said of all systems, and the clock and state of each server.
#[derive(Default)]
pub struct Connections {
    overviews: Overviews,
    clocks: Mutex<HashMap<String, (String, Instant)>>,
    states: Mutex<HashMap<String, (SystemState, Instant)>>,
}

impl Connections {
    /// Whether the clock of a server shows the same time as a while ago; `asked`: when it was asked for, at the earliest and
    /// at the latest.
    fn stands_still(&self, mtms: &str, time: &str, [asked, latest]: [Instant; 2]) -> bool {
        if time.is_empty() {
            return false;
        }
        let mut clocks = self.clocks.lock().unwrap_or_else(PoisonError::into_inner);
        match clocks.get(mtms) {
            Some((shown, since)) if shown == time => asked.saturating_duration_since(*since) >= CLOCK_TICKS,
            Some(_) | None => {
                clocks.insert(mtms.to_owned(), (time.to_owned(), latest));
                false
            }
        }
    }

    /// What the HMC says of all its systems, asked for after this call.
    pub async fn overview(&self, console: &Console, wanted: &mut Wanted) -> Result<Overview, Failure> {
        self.overviews.after(console, wanted).await
    }

    /// The state of a server, if it was read a short while ago.
    fn state_before(&self, mtms: &str) -> Option<SystemState> {
        let states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        states.get(mtms).filter(|(_, read)| read.elapsed() < STATE_HOLDS).map(|(state, _)| state.clone())
    }

    fn keep_state(&self, mtms: &str, state: &SystemState, asked: Instant) {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        states.insert(mtms.to_owned(), (state.clone(), asked));
    }
}

/// Reads one server through one HMC: its LPARs, then its state, and last the link to the service processor. In this
/// order, a link that is up proves that the answers before it were not left over from before the link was lost. A
/// list counts only between two readings of the same state, one in which an HMC can know LPARs: a list from the time
/// when the service processor had lost its partition data is not believed because of a state read a moment earlier or
/// later. Descriptions of LPARs are requested only if `described`.
pub async fn read_server(
    console: &Console,
    connections: &Connections,
    mtms: &str,
    described: bool,
    wanted: &mut Wanted,
) -> Result<ServerReading, Failure> {
    let columns: &[&str] = if described { &DESCRIBED_COLUMNS } else { &LPAR_COLUMNS };
    let (facts, overview, inventory) = read_lpars(console, connections, mtms, columns, wanted).await?;
    let links = &overview.links;
    let vmi = vmi(links, mtms);
    // Evaluated at each reading, so that the clock's former time is known.
    let stands_still = connections.stands_still(mtms, &facts.time, overview.asked) && vmi.is_some();
    Ok(ServerReading {
        system: facts.state,
        connected: connection(links, mtms),
        vmi,
        stands_still,
        inventory,
        via: console.name().to_owned(),
    })
}

/// Reads a server's capacity through one HMC.
pub async fn read_capacity(console: &Console, mtms: &str, wanted: &mut Wanted) -> Result<Capacity, Failure> {
    let resources = async |kind: &'static str, columns: &'static [&'static str], wanted: &mut Wanted| {
        let command = Command::new("lshwres").with("-r", kind).with("-m", mtms).with("--level", "sys");
        let answer = ask(console, &command.with("-F", &columns.join(",")).flag("--header"), wanted).await?;
        parse_table(&answer, columns).map_err(unreadable)
    };
    let (memory, memory_free) = memory(&resources("mem", &MEMORY_COLUMNS, wanted).await?)?;
    let (processors, processors_free) = processors(&resources("proc", &PROCESSOR_COLUMNS, wanted).await?)?;
    Ok(Capacity { memory, memory_free, processors, processors_free })
}

/// Reads an HMC's own version.
pub async fn read_version(console: &Console, wanted: &mut Wanted) -> Result<ForeignText, Failure> {
    let answer = ask(console, &Command::new("lshmc").flag("-V"), wanted).await?;
    Ok(version(&answer))
}

async fn read_lpars(
    console: &Console,
    connections: &Connections,
    mtms: &str,
    columns: &[&str],
    wanted: &mut Wanted,
) -> Result<(SystemFacts, Overview, Inventory), Failure> {
    let overviews = &connections.overviews;
    let mut listing = overviews.lists(wanted.urgency);
    let mut before = match connections.state_before(mtms) {
        Some(state) => state,
        None => {
            let states = overviews.states(console, wanted).await?;
            system(&states, mtms)?.state
        }
    };
    let mut again = true;
    loop {
        let listed = match before.can_list_lpars() {
            true => inventory(console, mtms, columns, wanted).await?,
            false => Inventory::NotReadable(format!("the server is in state {before}").into()),
        };
        drop(listing);
        let overview = overviews.after(console, wanted).await?;
        let facts = system(&overview.systems, mtms)?;
        connections.keep_state(mtms, &facts.state, overview.asked[0]);
        if facts.state == before {
            return Ok((facts, overview, listed));
        }
        // Once more, so that the loss of a server's power is known at once.
        if !std::mem::take(&mut again) {
            let why = format!("it went from {before} to {} while its LPARs were listed", facts.state);
            return Ok((facts, overview, Inventory::NotReadable(why.into())));
        }
        before = facts.state;
        listing = overviews.lists(wanted.urgency);
    }
}

async fn inventory(console: &Console, mtms: &str, columns: &[&str], wanted: &mut Wanted) -> Result<Inventory, Failure> {
    match list(console, "lpar", columns, Some(mtms), wanted).await {
        Ok(records) => Ok(Inventory::Listed(lpars(&records)?)),
        // The system left the state in which this works between the two questions.
        Err(Failure::Refused(refusal)) => Ok(Inventory::NotReadable(refusal.to_string().into())),
        Err(failure) => Err(failure),
    }
}

/// Lists systems, or the LPARs of one, with the attributes needed. A release that does not know one of them refuses the whole
/// command; then, and from then on, all attributes are listed, and the unknown one is missing.
pub async fn list(
    console: &Console,
    what: &'static str,
    columns: &[&str],
    of: Option<&str>,
    wanted: &mut Wanted,
) -> Result<Vec<Record>, Failure> {
    let all = Command::new("lssyscfg").with("-r", what);
    let all = if let Some(mtms) = of { all.with("-m", mtms) } else { all };
    if !console.lists_everything() {
        let chosen = all.clone().with("-F", &columns.join(",")).flag("--header");
        match ask(console, &chosen, wanted).await {
            Ok(answer) => return parse_table(&answer, columns).map_err(unreadable),
            Err(Failure::Refused(refusal)) if refusal.is_of_attribute() => console.list_everything(),
            Err(failure) => return Err(failure),
        }
    }
    let answer = ask(console, &all, wanted).await?;
    parse_records(&answer).map_err(unreadable)
}

/// Asks one question.
pub async fn ask(console: &Console, command: &Command, wanted: &mut Wanted) -> Result<Vec<u8>, Failure> {
    match console.ask(command, wanted.purpose(), &mut wanted.time).await {
        Ok(output) => conclude(output),
        Err(ExecError::Before(failure) | ExecError::After(failure)) => Err(failure),
    }
}
