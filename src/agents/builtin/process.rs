//! One process: started directly, in a session of its own, and recognised by its command line and its user.
//!
//! `PathName` is the program, `Arguments` its words, split as a shell would. With a `PidFile` the process is the one
//! whose number is in the file, provided that its command line names the program: the number alone may belong to
//! another process by now.

use super::{
    super::{
        launch,
        machine::{Call, Entry},
        processes::{self, Found, Number},
        program::Ended,
        result::{ActionResult, MonitorResult},
        user::Account,
    },
    killing::{Manner, end},
    lacks, words,
};
use std::{collections::BTreeSet, fs, io::Read as _, os::unix::fs::PermissionsExt as _, path::Path, time::Duration};
use tenure_core::Power;
use tokio::time::{Instant, sleep};

pub(super) const ATTRIBUTES: [&str; 4] = ["PathName", "Arguments", "User", "PidFile"];

/// Starts a program in a session of its own, out of reach of signals to this process's group, and does not wait for
/// it.
const SETSID: &str = "setsid";
/// Time that a process may take to appear after its start; below, the interval at which it is searched for.
const APPEARS: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);
/// Time that its last words may take to be written.
const WORDS: Duration = Duration::from_millis(500);
/// Time that a process must stay to count as started, and not as one that ended at once.
const STAYS: Duration = Duration::from_millis(100);

/// The traces that identify the process.
#[derive(Clone, Debug)]
struct Wanted {
    path: String,
    arguments: Vec<String>,
    owner: Option<u32>,
    file: Option<String>,
}

impl Wanted {
    fn of(call: &Call<'_>, account: Option<&Account>) -> Result<Wanted, String> {
        let path = call.spec.attribute("PathName").ok_or_else(|| lacks("PathName"))?.to_owned();
        let arguments = words::split(call.spec.attribute("Arguments").unwrap_or_default())
            .map_err(|why| format!("Arguments: {why}"))?;
        let owner = account.map(|account| account.id);
        let file = call.spec.attribute("PidFile").map(str::to_owned);
        Ok(Wanted { path, arguments, owner, file })
    }

    fn find(&self) -> Result<BTreeSet<Found>, String> {
        if let Some(file) = &self.file {
            let found = processes::in_file(file, self.owner)?;
            return Ok(found.into_iter().filter(|process| self.names(process.number)).collect());
        }
        let script = is_script(&self.path);
        let fits = |process: &Number| {
            self.owner.is_none_or(|owner| processes::owner(*process) == Some(owner))
                && self.is_line(&processes::command_line(*process), script)
                && processes::is_alive(*process)
        };
        Ok(processes::all().into_iter().filter(fits).filter_map(Found::of).collect())
    }

    /// Whether a command line is that of the program. For a script, the kernel puts the interpreter before it, with
    /// at most one argument.
    fn is_line(&self, line: &[String], script: bool) -> bool {
        let before = line.len().checked_sub(self.arguments.len() + 1);
        let Some(before) = before.filter(|before| *before == 0 || (script && *before <= 2)) else { return false };
        line[before] == self.path && line[before + 1..] == self.arguments
    }

    /// Whether a process runs the program, which may have overwritten its command line.
    fn names(&self, process: Number) -> bool {
        let name = Path::new(&self.path).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_file = fs::read_link(format!("/proc/{process}/exe")).is_ok_and(|exe| exe == Path::new(&self.path));
        is_file || processes::command_line(process).join(" ").contains(&name)
    }
}

fn is_script(path: &str) -> bool {
    let mut begins = [0; 2];
    fs::File::open(path).and_then(|mut file| file.read_exact(&mut begins)).is_ok() && begins == *b"#!"
}

fn is_program(path: &str) -> bool {
    fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

async fn find(call: &Call<'_>, wanted: &Wanted) -> Result<BTreeSet<Found>, String> {
    let wanted = wanted.clone();
    call.aside(move || wanted.find()).await?
}

pub(super) async fn monitor(call: &Call<'_>, account: Option<&Account>) -> MonitorResult {
    if call.spec.attribute("PathName").is_none() {
        return MonitorResult::new(Power::Absent, lacks("PathName"));
    }
    let found = match Wanted::of(call, account) {
        Ok(wanted) => find(call, &wanted).await,
        Err(why) => Err(why),
    };
    match found {
        Ok(found) if found.is_empty() => MonitorResult::new(Power::Off, ""),
        Ok(_) => MonitorResult::new(Power::Running, ""),
        Err(why) => MonitorResult::unknown(why),
    }
}

pub(super) async fn start(call: &Call<'_>, account: Option<&Account>) -> ActionResult {
    let wanted = match Wanted::of(call, account) {
        Ok(wanted) => wanted,
        Err(why) => return ActionResult::refused(why),
    };
    match find(call, &wanted).await {
        Ok(found) if !found.is_empty() => return ActionResult::already(),
        Ok(_) => {}
        Err(why) => return ActionResult::refused(why),
    }
    let program = wanted.path.clone();
    if !call.aside(move || is_program(&program)).await.unwrap_or(false) {
        return ActionResult::refused(format!("{} is no program", wanted.path));
    }
    let mut arguments = vec!["--fork".to_owned(), wanted.path.clone()];
    arguments.extend(wanted.arguments.iter().cloned());
    let mut variables = call.variables("start");
    variables.extend(account.into_iter().flat_map(Account::variables));
    let setsid = launch::tool(SETSID);
    let entry = Entry { name: "start", path: &setsid, arguments, variables, user: account, leaves: true };
    let outcome = call.run(entry).await;
    if !matches!(outcome.ended, Ended::Exited(0)) {
        return ActionResult::of(&outcome);
    }
    appears(call, &wanted).await
}

/// Waits until the process appears: `setsid` returns before it is there.
async fn appears(call: &Call<'_>, wanted: &Wanted) -> ActionResult {
    let limit = Instant::now() + APPEARS.min(call.left());
    let mut since = None;
    loop {
        match find(call, wanted).await {
            Ok(found) if !found.is_empty() => {
                if since.get_or_insert_with(Instant::now).elapsed() >= STAYS {
                    return ActionResult::done();
                }
                sleep(PAUSE).await;
            }
            Ok(_) if since.is_some() || Instant::now() >= limit => {
                let last = last_word(call).await.unwrap_or_else(|| "it said nothing".to_owned());
                return ActionResult::failed(format!("it did not appear, or ended at once: {last}"));
            }
            Ok(_) => sleep(PAUSE).await,
            Err(why) => return ActionResult::unknown(why),
        }
    }
}

/// The last line of its output, which another process writes to its file.
async fn last_word(call: &Call<'_>) -> Option<String> {
    let (file, limit) = (call.spec.file(&call.machine.settings, "start"), Instant::now() + WORDS);
    loop {
        let said = tokio::fs::read_to_string(&file).await.unwrap_or_default();
        let last = said.lines().map(str::trim).rfind(|line| !line.is_empty()).map(str::to_owned);
        if last.is_some() || Instant::now() >= limit {
            return last;
        }
        sleep(PAUSE).await;
    }
}

pub(super) async fn stop(call: &Call<'_>, account: Option<&Account>) -> ActionResult {
    end_it(call, Manner::InOrder, account).await
}

pub(super) async fn clean(call: &Call<'_>, account: Option<&Account>) -> ActionResult {
    end_it(call, Manner::ByForce, account).await
}

async fn end_it(call: &Call<'_>, manner: Manner, account: Option<&Account>) -> ActionResult {
    match Wanted::of(call, account) {
        Ok(wanted) => end(call, manner, move || wanted.find()).await,
        Err(why) => ActionResult::refused(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_its_own_or_has_its_interpreter_before_it() {
        let wanted = Wanted { path: "/opt/app".to_owned(), arguments: vec!["-d".to_owned()], owner: None, file: None };
        let is = |line: &str, script| wanted.is_line(&words::split(line).unwrap(), script);
        assert!(is("/opt/app -d", false) && is("/opt/app -d", true));
        assert!(is("/bin/sh /opt/app -d", true) && is("/usr/bin/awk -f /opt/app -d", true));
        for (line, script) in [
            ("/opt/app", true),
            ("/opt/app -d -v", true),
            ("strace /opt/app -d", false),
            ("/bin/sh -x -e /opt/app -d", true),
            ("", true),
        ] {
            assert!(!is(line, script), "{line}");
        }
    }
}
