//! Interpreting the output of commands.
//!
//! Everything here is a function of bytes, so that recorded answers are its tests.

use super::exec::Output;
use super::message::parse_refusal;
use super::records::{self, ParseError, Record, is_null};
use crate::hypervisor::{
    Connection, Failure, HundredthsOfProcessor, LparEnvironment, LparReading, LparState, Mebibytes, RmcState,
    SystemState,
};
use tenure_core::{ForeignText, foreign::is_identity};

/// Columns of `lssyscfg -r sys`.
pub const SYSTEM_COLUMNS: [&str; 5] = ["name", "type_model", "serial_num", "state", "sys_time"];

/// Columns of `lssyscfg -r lpar`.
pub const LPAR_COLUMNS: [&str; 6] = ["name", "lpar_id", "uuid", "lpar_env", "state", "rmc_state"];

/// The same, with the descriptions. That the command line knows `description` is not recorded; the console's other
/// interfaces do, and HSCLC63B tells its permitted content.
pub const DESCRIBED_COLUMNS: [&str; 7] = ["name", "lpar_id", "uuid", "lpar_env", "state", "rmc_state", "description"];

/// Columns of `lshwres -r mem --level sys`.
pub const MEMORY_COLUMNS: [&str; 2] = ["configurable_sys_mem", "curr_avail_sys_mem"];

/// Columns of `lshwres -r proc --level sys`.
pub const PROCESSOR_COLUMNS: [&str; 2] = ["configurable_sys_proc_units", "curr_avail_sys_proc_units"];

/// Exit status of a refusal.
const STATUS_REFUSED: u32 = 1;

/// The standard output of a command, if it succeeded; otherwise the failure.
pub fn conclude(output: Output) -> Result<Vec<u8>, Failure> {
    if output.status == 0 {
        return Ok(output.stdout);
    }
    let refusal = (output.status == STATUS_REFUSED).then(|| parse_refusal(&output.stdout, &output.stderr)).flatten();
    match refusal {
        Some(refusal) => Err(Failure::Refused(refusal)),
        None => Err(Failure::NotUnderstood {
            reason: format!("exit status {} and no message of the HMC's", output.status).into(),
        }),
    }
}

/// The state of a system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemFacts {
    pub state: SystemState,
    pub time: String,
}

/// Reads one system of a list of all: the one with this type, model and serial number.
pub fn system(records: &[Record], mtms: &str) -> Result<SystemFacts, Failure> {
    let is_it = |record: &&Record| {
        let named = record.get("type_model").zip(record.get("serial_num"));
        named.is_some_and(|(model, serial)| mtms.split_once('*') == Some((model, serial)))
    };
    let mut found = records.iter().filter(is_it);
    let record = match (found.next(), found.next()) {
        (Some(record), None) => record,
        (Some(_), Some(_)) => return Err(not_understood(format!("system {mtms} is listed twice"))),
        (None, _) => {
            return Err(not_understood(format!("system {mtms} is not among the {} that it lists", records.len())));
        }
    };
    Ok(SystemFacts {
        state: SystemState::parse(required(record, "state")?),
        time: record.value("sys_time").unwrap_or_default().to_owned(),
    })
}

/// Reads all LPARs of a system.
pub fn lpars(records: &[Record]) -> Result<Vec<LparReading>, Failure> {
    let lpars = records.iter().map(|record| {
        Ok(LparReading {
            name: required(record, "name")?.to_owned(),
            id: record.value("lpar_id").and_then(|id| id.parse().ok()),
            uuid: uuid(record)?,
            env: LparEnvironment::parse(required(record, "lpar_env")?),
            state: LparState::parse(required(record, "state")?),
            rmc: RmcState::parse(record.get("rmc_state").unwrap_or_default()),
            description: record.get("description").map(|text| if is_null(text) { "" } else { text }.to_owned()),
        })
    });
    let lpars = lpars.collect::<Result<Vec<_>, Failure>>()?;
    let mut names: Vec<&str> = lpars.iter().map(|lpar| lpar.name.as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        // Names are unique on a server. Two readings for one LPAR mean that none can be believed.
        Some(pair) => Err(not_understood(format!("LPAR {} is listed twice", pair[0]))),
        None => Ok(lpars),
    }
}

/// The UUID of an LPAR. Names and UUIDs are compared as they were read, and only shown in another form; a UUID that could
/// not be shown as it is would be of no known LPAR, so the whole list is not believed.
fn uuid(record: &Record) -> Result<Option<String>, Failure> {
    match record.value("uuid") {
        Some(uuid) if !is_identity(uuid) => Err(not_understood(format!("a UUID is not visible characters: {uuid}"))),
        uuid => Ok(uuid.map(str::to_owned)),
    }
}

/// Reads the link to a system's service processors: one line each; one connected service processor is enough.
pub fn connection(records: &[Record], mtms: &str) -> Connection {
    let of_system = records.iter().filter(|record| record.get("type_model_serial_num") == Some(mtms));
    let words = of_system.map(|record| Connection::parse(record.get("state").unwrap_or_default()));
    words.fold(Connection::Unknown, |best, next| match (&best, &next) {
        (Connection::Connected, _) | (Connection::NotConnected(_), Connection::Unknown) => best,
        (Connection::NotConnected(_), Connection::NotConnected(_)) => best,
        (Connection::Unknown, _) | (Connection::NotConnected(_), Connection::Connected) => next,
    })
}

/// Reads the link to the hypervisor of a system with an eBMC, which exists in addition to the link to its service
/// processor; `None` for any other system.
pub fn vmi(records: &[Record], mtms: &str) -> Option<Connection> {
    let of_system = records.iter().find(|record| record.get("type_model_serial_num") == Some(mtms))?;
    of_system.value("sp_type").filter(|kind| kind.trim().eq_ignore_ascii_case("ebmc"))?;
    Some(Connection::parse(of_system.get("vmi_state").unwrap_or_default()))
}

/// Reads memory, total and free.
pub fn memory(records: &[Record]) -> Result<(Mebibytes, Mebibytes), Failure> {
    let read = |name: &str| {
        let record = records.first().ok_or_else(|| not_understood("no memory listed"))?;
        let text = required(record, name)?;
        text.parse().map(Mebibytes).map_err(|_| not_understood(format!("{name} is not a number of MiB: {text:?}")))
    };
    Ok((read(MEMORY_COLUMNS[0])?, read(MEMORY_COLUMNS[1])?))
}

/// Reads processing power, total and free.
pub fn processors(records: &[Record]) -> Result<(HundredthsOfProcessor, HundredthsOfProcessor), Failure> {
    let read = |name: &str| {
        let record = records.first().ok_or_else(|| not_understood("no processors listed"))?;
        let text = required(record, name)?;
        hundredths(text).ok_or_else(|| not_understood(format!("{name} is not a number of processors: {text:?}")))
    };
    Ok((read(PROCESSOR_COLUMNS[0])?, read(PROCESSOR_COLUMNS[1])?))
}

/// `7.95` → 795. Digits beyond the second are dropped: rounding up would promise more than there is.
fn hundredths(text: &str) -> Option<HundredthsOfProcessor> {
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let digit = |at: usize| fraction.as_bytes().get(at).map_or(0, |byte| u64::from(byte - b'0'));
    let hundredths = whole.parse::<u64>().ok()?.checked_mul(100)?.checked_add(digit(0) * 10 + digit(1))?;
    Some(HundredthsOfProcessor(hundredths))
}

/// Converts a parse error to a console's failure.
pub fn unreadable(error: ParseError) -> Failure {
    not_understood(error.to_string())
}

/// The version from `lshmc -V`.
pub fn version(answer: &[u8]) -> ForeignText {
    records::parse_version(answer).unwrap_or_else(|| "of unknown version".to_owned()).into()
}

fn required<'a>(record: &'a Record, name: &str) -> Result<&'a str, Failure> {
    record.get(name).ok_or_else(|| not_understood(format!("no attribute {name}")))
}

fn not_understood(reason: impl Into<ForeignText>) -> Failure {
    Failure::NotUnderstood { reason: reason.into() }
}

#[cfg(test)]
mod tests;
