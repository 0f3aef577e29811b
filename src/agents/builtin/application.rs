//! An application: programs that start, stop, clean and monitor it, pid files, and processes recognised by command
//! line.
//!
//! It is Running when its monitor program and all watched processes run, and Off when none does. In between it is
//! Unknown: the remaining processes may still hold something that must not be held twice. `MonitorProcesses` holds
//! command lines, `PidFiles` paths; both are separated by semicolons or line ends. Programs are split into words as a
//! shell would, and no shell runs them.

use super::{
    super::{
        launch,
        machine::{Call, Entry},
        output::Output,
        processes::{self, Found},
        program::{self, Ended, Outcome, Program},
        result::{ActionResult, MonitorResult},
        user::Account,
    },
    killing::{Manner, end},
    lacks, words,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Read as _},
    path::Path,
};
use tenure_core::Power;

pub(super) const ATTRIBUTES: [&str; 10] = [
    "StartProgram",
    "StopProgram",
    "CleanProgram",
    "MonitorProgram",
    "PidFiles",
    "MonitorProcesses",
    "User",
    "UseSUDash",
    "EnvFile",
    "Environment",
];

/// Longest file of variables, in bytes.
const LONGEST_ENVIRONMENT: usize = 64 * 1024;

/// The traces that identify the application, besides its monitor program.
#[derive(Clone, Debug)]
struct Traces {
    files: Vec<String>,
    lines: Vec<String>,
    owner: Option<u32>,
}

impl Traces {
    fn of(call: &Call<'_>, account: Option<&Account>) -> Self {
        let list = |name: &str| -> Vec<String> {
            let parts = call.spec.attribute(name).unwrap_or_default().split([';', '\n']);
            parts.map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
        };
        Traces { files: list("PidFiles"), lines: list("MonitorProcesses"), owner: account.map(|account| account.id) }
    }

    fn is_empty(&self) -> bool {
        self.files.is_empty() && self.lines.is_empty()
    }

    /// The processes found by each trace, with a description of the trace; an error if it is not known which.
    fn each(&self) -> Result<Vec<(String, BTreeSet<Found>)>, String> {
        let mut each = Vec::new();
        for path in &self.files {
            each.push((format!("the process of {path}"), processes::in_file(path, self.owner)?.into_iter().collect()));
        }
        for line in &self.lines {
            each.push((format!("the process {line}"), processes::with_line(line, self.owner)));
        }
        Ok(each)
    }

    fn all(&self) -> Result<BTreeSet<Found>, String> {
        Ok(self.each()?.into_iter().flat_map(|(_, found)| found).collect())
    }
}

pub(super) async fn monitor(call: &Call<'_>, account: Option<&Account>) -> MonitorResult {
    if call.spec.attribute("StartProgram").is_none() {
        return MonitorResult::new(Power::Absent, lacks("StartProgram"));
    }
    let traces = Traces::of(call, account);
    let program = match run(call, "MonitorProgram", account).await {
        Ok(Some(outcome)) => Some(monitored(&outcome)),
        Ok(None) if traces.is_empty() => {
            return MonitorResult::unknown("nothing is declared that says whether it runs");
        }
        Ok(None) => None,
        Err(why) => return MonitorResult::unknown(why),
    };
    let program = match program {
        Some(look) if look.power == Power::Unknown => return look,
        program => program,
    };
    match call.aside(move || traces.each()).await {
        Ok(Ok(found)) => both(program, &found),
        Ok(Err(why)) | Err(why) => MonitorResult::unknown(why),
    }
}

/// Combines the results of the monitor program and of the search for processes.
fn both(program: Option<MonitorResult>, found: &[(String, BTreeSet<Found>)]) -> MonitorResult {
    let mut missing: Vec<&str> =
        found.iter().filter(|(_, found)| found.is_empty()).map(|(name, _)| name.as_str()).collect();
    let mut total = found.len();
    if let Some(program) = &program {
        total += 1;
        if program.power != Power::Running {
            missing.push("what its MonitorProgram looks for");
        }
    }
    if missing.is_empty() {
        return program.unwrap_or_else(|| MonitorResult::new(Power::Running, ""));
    }
    if missing.len() == total {
        return MonitorResult::new(Power::Off, program.map(|look| look.said).unwrap_or_default());
    }
    MonitorResult::unknown(format!("{} of {total} run; missing: {}", total - missing.len(), missing.join(", ")))
}

fn monitored(outcome: &Outcome) -> MonitorResult {
    let Ended::Exited(code) = outcome.ended else { return MonitorResult::without_status(outcome) };
    let said = outcome.said.last_line().unwrap_or_default();
    match code {
        0 | 110 => MonitorResult::new(Power::Running, ""),
        101..=109 => MonitorResult {
            confidence: u8::try_from((code - 100) * 10).unwrap_or(100),
            ..MonitorResult::new(Power::Running, said)
        },
        1 | 100 => MonitorResult::new(Power::Off, said),
        _ => MonitorResult::unknown(outcome.words()),
    }
}

pub(super) async fn start(call: &Call<'_>, account: Option<&Account>) -> ActionResult {
    match run_for(call, "StartProgram", account).await {
        Ok(Some(operation)) => operation,
        Ok(None) => ActionResult::refused(lacks("StartProgram")),
        Err(why) => ActionResult::refused(why),
    }
}

pub(super) async fn stop(call: &Call<'_>, account: Option<&Account>) -> ActionResult {
    match run_for(call, "StopProgram", account).await {
        Ok(Some(operation)) => operation,
        Ok(None) => end_all(call, Manner::InOrder, account).await,
        Err(why) => ActionResult::refused(why),
    }
}

/// Runs the clean program, and kills the remaining processes. Without a clean program and without traces to find
/// processes by, all that can be done is to stop it.
pub(super) async fn clean(call: &Call<'_>, account: Option<&Account>) -> ActionResult {
    let cleaned = match run_for(call, "CleanProgram", account).await {
        Ok(cleaned) => cleaned,
        Err(why) => return ActionResult::refused(why),
    };
    if !Traces::of(call, account).is_empty() {
        let ended = end_all(call, Manner::ByForce, account).await;
        return cleaned.filter(|cleaned| *cleaned != ActionResult::done()).unwrap_or(ended);
    }
    match cleaned {
        Some(cleaned) => cleaned,
        None => stop(call, account).await,
    }
}

async fn end_all(call: &Call<'_>, manner: Manner, account: Option<&Account>) -> ActionResult {
    let traces = Traces::of(call, account);
    if traces.is_empty() {
        return ActionResult::refused("it has no StopProgram, and nothing else that could be ended");
    }
    end(call, manner, move || traces.all()).await
}

async fn run_for(call: &Call<'_>, attribute: &str, account: Option<&Account>) -> Result<Option<ActionResult>, String> {
    Ok(run(call, attribute, account).await?.map(|outcome| ActionResult::of(&outcome)))
}

/// Runs the program named by an attribute, as its user and in its environment.
async fn run(call: &Call<'_>, attribute: &str, account: Option<&Account>) -> Result<Option<Outcome>, String> {
    let Some(line) = call.spec.attribute(attribute) else { return Ok(None) };
    let mut words = words::split(line).map_err(|why| format!("{attribute}: {why}"))?.into_iter();
    let Some(path) = words.next() else { return Ok(None) };
    let variables = environment(call, attribute, account).await?;
    let leaves = attribute != "MonitorProgram";
    let arguments = words.collect();
    let entry = Entry { name: attribute, path: Path::new(&path), arguments, variables, user: account, leaves };
    Ok(Some(call.run(entry).await))
}

async fn environment(
    call: &Call<'_>,
    entry: &str,
    account: Option<&Account>,
) -> Result<BTreeMap<String, String>, String> {
    let mut variables = call.variables(entry);
    variables.extend(account.into_iter().flat_map(Account::variables));
    if let Some(path) = call.spec.attribute("EnvFile") {
        let wrong = |why: String| format!("EnvFile {path}: {why}");
        let text = match account.filter(|account| !account.is_this()) {
            Some(account) => read_as(call, account, path).await,
            None => {
                let file = path.to_owned();
                call.aside(move || read(&file)).await?.map_err(|error| error.to_string())
            }
        };
        let text = text.map_err(wrong)?;
        if text.len() > LONGEST_ENVIRONMENT {
            return Err(wrong(format!("it is longer than {} KiB", LONGEST_ENVIRONMENT / 1024)));
        }
        variables.extend(words::assignments(&text).map_err(wrong)?);
    }
    if let Some(text) = call.spec.attribute("Environment") {
        variables.extend(words::assignments(text).map_err(|why| format!("Environment: {why}"))?);
    }
    Ok(variables)
}

/// Reads a file as its user: that may be a link to what only root may read, or a pipe, or have no end.
async fn read_as(call: &Call<'_>, account: &Account, path: &str) -> Result<String, String> {
    let most = LONGEST_ENVIRONMENT + 1;
    let outcome = program::run(Program {
        arguments: vec!["-c".to_owned(), most.to_string(), "--".to_owned(), path.to_owned()],
        user: Some(account.clone()),
        output: Output::Words(most),
        cgroup: call.machine.settings.cgroup.clone(),
        place: call.place.cloned(),
        ..Program::new(launch::tool("head"), call.left())
    })
    .await;
    match outcome.ended {
        Ended::Exited(0) => Ok(outcome.said.text().to_owned()),
        Ended::Exited(_) | Ended::Missing(_) | Ended::NoRoom(_) | Ended::Broken(_) | Ended::TimeOver(_) => {
            Err(outcome.words().into())
        }
    }
}

fn read(path: &str) -> io::Result<String> {
    let file = processes::opened(path)?;
    let mut text = String::new();
    file.take(LONGEST_ENVIRONMENT as u64 + 1).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(counts: &[usize]) -> Vec<(String, BTreeSet<Found>)> {
        let some = || processes::all().into_iter().filter_map(Found::of);
        counts.iter().map(|count| (format!("p{count}"), some().take(*count).collect())).collect()
    }

    #[test]
    fn it_runs_if_all_of_it_does_and_is_off_if_nothing_does() {
        assert_eq!(both(None, &found(&[1, 2])).power, Power::Running);
        assert_eq!(both(None, &found(&[0, 0])).power, Power::Off);
        let half = both(None, &found(&[1, 0]));
        assert_eq!((half.power, half.said.as_str()), (Power::Unknown, "1 of 2 run; missing: p0"));
    }

    #[test]
    fn its_program_must_agree_with_its_processes() {
        let off = || Some(MonitorResult::new(Power::Off, ""));
        let sure = || Some(MonitorResult { confidence: 40, ..MonitorResult::new(Power::Running, "slow") });
        assert_eq!(both(off(), &found(&[1])).power, Power::Unknown);
        assert_eq!(both(sure(), &found(&[0])).power, Power::Unknown);
        assert_eq!(both(off(), &found(&[0])).power, Power::Off);
        assert_eq!(both(sure(), &found(&[1])).confidence, 40);
        assert_eq!(both(sure(), &[]).power, Power::Running);
    }
}
