//! Script agents with the VCS contract: a directory for each type, with one program for each entry point.
//!
//! A program gets the name of the resource, then the arguments of its entry point, then the values of the attributes
//! listed in the file `arglist` of the type, one name on a line. Its first line may give the form: `# form: values`
//! (each value by itself, empty if there is none; the form of V4x agents and the default) or `# form: tuples` (name,
//! number of values, values; the form of V50 and later). In tuples an attribute whose line ends with `[]` is a
//! vector: its words are its values. Its environment has `PATH`, `HOME=/`, `LANG=C` and `TENURE_ENTRY_POINT`,
//! `_GROUP`, `_NODE`, `_RESOURCE`, `_SERVER`, `_TIMEOUT` (seconds) and `_TYPE`, `VCS_HOME`, and nothing else.
//! `VCS_HOME` is a directory with nothing but `bin/ag_i18n_inc.sh`, which entry points source for `VCSAG_SET_ENVS`,
//! `VCSAG_LOG_MSG` and `VCSAG_LOGDBG_MSG`.
//!
//! `monitor` is mandatory. For a type without `clean`, `offline` takes its place. A deeper look finds its depth in
//! `TENURE_DEPTH`.

use super::{
    machine::{Call, Entry},
    program::{Ended, Outcome},
    result::{ActionResult, MonitorResult},
    run_dir::{private, write},
};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use tenure_core::{ForeignLines, ForeignText, Power};

/// The shell functions that entry points source for their messages.
const MESSAGES: &str = include_str!("script/ag_i18n_inc.sh");
/// Length in bytes at which the output of an action is cut.
const ACTION_SAYS: usize = 2048;
/// Longest `arglist`, in bytes.
const LONGEST_LIST: usize = 64 * 1024;

/// The agent of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Script {
    pub kind: String,
}

/// The attributes passed to entry points, and their form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ArgList {
    tuples: bool,
    /// Names of attributes, each with whether it is a vector.
    pub names: Vec<(String, bool)>,
}

impl ArgList {
    pub(crate) fn parse(text: &str) -> Result<ArgList, String> {
        let mut list = ArgList::default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if let Some(comment) = line.strip_prefix('#') {
                match comment.trim().strip_prefix("form:").map(str::trim) {
                    Some("tuples") => list.tuples = true,
                    Some("values") => list.tuples = false,
                    Some(other) => return Err(format!("the form of an arglist is values or tuples, not {other}")),
                    None => {}
                }
                continue;
            }
            let (name, vector) = line.strip_suffix("[]").map_or((line, false), |name| (name.trim_end(), true));
            if name.contains(char::is_whitespace) {
                return Err(format!("an arglist has one name on a line, not {line}"));
            }
            list.names.push((name.to_owned(), vector));
        }
        Ok(list)
    }

    /// The arguments for an entry point, from the values of attributes.
    pub(crate) fn arguments<'a>(&self, value: impl Fn(&str) -> Option<&'a str>) -> Vec<String> {
        let mut arguments = Vec::new();
        for (name, vector) in &self.names {
            let text = value(name).unwrap_or_default();
            if !self.tuples {
                arguments.push(text.to_owned());
                continue;
            }
            let values: Vec<&str> = if *vector { text.split_whitespace().collect() } else { vec![text] };
            arguments.extend([name.clone(), values.len().to_string()]);
            arguments.extend(values.into_iter().map(str::to_owned));
        }
        arguments
    }
}

impl Script {
    pub(crate) fn new(kind: &str) -> Self {
        Script { kind: kind.to_owned() }
    }

    /// The directory of the type.
    pub(crate) fn folder(&self, places: &[PathBuf]) -> Result<PathBuf, String> {
        let mut folders = places.iter().map(|place| place.join(&self.kind));
        if let Some(folder) = folders.find(|folder| folder.is_dir()) {
            return Ok(folder);
        }
        let places: Vec<String> = places.iter().map(|place| place.display().to_string()).collect();
        Err(format!("the type {} is in none of these directories: {}", self.kind, places.join(", ")))
    }

    pub(crate) fn arglist(folder: &Path) -> Result<ArgList, String> {
        let path = folder.join("arglist");
        match std::fs::read_to_string(&path) {
            Ok(text) if text.len() > LONGEST_LIST => Err(format!("{} is too long", path.display())),
            Ok(text) => ArgList::parse(&text).map_err(|why| format!("{}: {why}", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(ArgList::default()),
            Err(error) => Err(format!("{}: {error}", path.display())),
        }
    }

    /// Runs an entry point; `None` if the type does not have it.
    async fn run(
        &self,
        call: &Call<'_>,
        entry: &str,
        words: &[String],
        depth: Option<&str>,
    ) -> Result<Option<Outcome>, String> {
        let (agent, places, name) = (self.clone(), call.machine.settings.scripts.clone(), entry.to_owned());
        let found = call.aside(move || {
            let folder = agent.folder(&places)?;
            let path = folder.join(name);
            let list = if path.exists() { Some(Self::arglist(&folder)?) } else { None };
            Ok::<_, String>(list.map(|list| (path, list)))
        });
        let Some((path, list)) = found.await?? else { return Ok(None) };
        let mut arguments = words.to_vec();
        arguments.extend(list.arguments(|name| call.spec.attributes.get(name).map(String::as_str)));
        let mut variables = call.variables(entry);
        variables.insert("VCS_HOME".to_owned(), vcs_home(&call.machine.settings.run_dir).display().to_string());
        variables.extend(depth.map(|depth| ("TENURE_DEPTH".to_owned(), depth.to_owned())));
        let leaves = !matches!(entry, "monitor" | "info");
        Ok(Some(call.run(Entry { name: entry, path: &path, arguments, variables, user: None, leaves }).await))
    }

    fn first(call: &Call<'_>) -> Vec<String> {
        vec![call.spec.resource.to_string()]
    }

    pub(crate) async fn monitor(&self, call: &Call<'_>, depth: Option<&str>) -> MonitorResult {
        let (agent, places) = (self.clone(), call.machine.settings.scripts.clone());
        match call.aside(move || agent.folder(&places)).await {
            Ok(Ok(_)) => {}
            Ok(Err(why)) => return MonitorResult::new(Power::Absent, why),
            Err(why) => return MonitorResult::unknown(why),
        }
        let outcome = match self.run(call, "monitor", &Self::first(call), depth).await {
            Ok(Some(outcome)) => outcome,
            Ok(None) => return MonitorResult::unknown(format!("the type {} has no monitor", self.kind)),
            Err(why) => return MonitorResult::unknown(why),
        };
        let Ended::Exited(code) = outcome.ended else { return MonitorResult::without_status(&outcome) };
        let said = outcome.said.last_line().unwrap_or_default().to_owned();
        match code {
            100 => MonitorResult::new(Power::Off, said),
            101..=110 => {
                let confidence = u8::try_from((code - 100) * 10).unwrap_or(100);
                let said = if confidence == 100 { String::new() } else { said };
                MonitorResult { confidence, ..MonitorResult::new(Power::Running, said) }
            }
            200 if call.spec.intentional_offline => MonitorResult::new(Power::OffOnPurpose, said),
            200 => MonitorResult::new(Power::Off, said),
            99 => MonitorResult::unknown(outcome.said.after("its agent does not know")),
            _ => MonitorResult::unknown(outcome.words()),
        }
    }

    pub(crate) async fn online(&self, call: &Call<'_>) -> ActionResult {
        self.operation(call, "online").await
    }

    pub(crate) async fn offline(&self, call: &Call<'_>) -> ActionResult {
        self.operation(call, "offline").await
    }

    /// Runs `online` or `offline`. Their exit status is the number of seconds until an effect can be seen: they
    /// cannot report a failure.
    async fn operation(&self, call: &Call<'_>, entry: &str) -> ActionResult {
        match self.run(call, entry, &Self::first(call), None).await {
            Ok(Some(outcome)) => match outcome.ended {
                Ended::Exited(seconds) => ActionResult {
                    wait: Duration::from_secs(u64::try_from(seconds).unwrap_or_default()),
                    ..ActionResult::done()
                },
                Ended::Missing(_) | Ended::NoRoom(_) | Ended::Broken(_) | Ended::TimeOver(_) => {
                    ActionResult::of(&outcome)
                }
            },
            Ok(None) => ActionResult::refused(format!("the type {} has no {entry}", self.kind)),
            Err(why) => ActionResult::refused(why),
        }
    }

    pub(crate) async fn clean(&self, call: &Call<'_>, reason: u8) -> ActionResult {
        let mut words = Self::first(call);
        words.push(reason.to_string());
        match self.run(call, "clean", &words, None).await {
            Ok(Some(outcome)) => ActionResult::of(&outcome),
            Ok(None) => self.offline(call).await,
            Err(why) => ActionResult::refused(why),
        }
    }

    pub(crate) async fn action(
        &self,
        call: &Call<'_>,
        token: &str,
        arguments: &[String],
    ) -> Result<ForeignLines, ForeignText> {
        let mut words = Self::first(call);
        words.push(token.to_owned());
        words.extend(arguments.iter().cloned());
        let said = self.told(call, "action", &words).await?;
        let ends = said.char_indices().map(|(at, character)| at + character.len_utf8());
        let end = ends.take_while(|end| *end <= ACTION_SAYS).last().unwrap_or_default();
        Ok(said[..end].into())
    }

    pub(crate) async fn info(&self, call: &Call<'_>) -> Result<ForeignLines, ForeignText> {
        self.told(call, "info", &Self::first(call)).await
    }

    /// The output of an entry point that exits with 0.
    async fn told(&self, call: &Call<'_>, entry: &str, words: &[String]) -> Result<ForeignLines, ForeignText> {
        let outcome = self.run(call, entry, words, None).await?;
        let outcome = outcome.ok_or_else(|| format!("the type {} has no {entry}", self.kind))?;
        match outcome.ended {
            Ended::Exited(0) => Ok(outcome.said.text().trim_end().into()),
            Ended::Exited(_) | Ended::Missing(_) | Ended::NoRoom(_) | Ended::Broken(_) | Ended::TimeOver(_) => {
                Err(outcome.words())
            }
        }
    }

    /// Sends the agent a notice, if the type has the entry point. `words` come after the name of the resource.
    pub(crate) async fn notice(&self, call: &Call<'_>, entry: &str, words: &[String]) {
        let mut all = Self::first(call);
        all.extend(words.iter().cloned());
        match self.run(call, entry, &all, None).await {
            Ok(None) => {}
            Ok(Some(Outcome { ended: Ended::Exited(0), .. })) => {}
            Ok(Some(outcome)) => {
                tracing::warn!(resource = %call.spec.resource, entry, what = %outcome.words(), "an entry point failed");
            }
            // The look that follows reports the same, where it is seen.
            Err(why) => tracing::debug!(resource = %call.spec.resource, entry, why, "no such type"),
        }
    }
}

/// The value of `VCS_HOME` for entry points.
fn vcs_home(run_dir: &Path) -> PathBuf {
    run_dir.join("vcs")
}

/// Writes the file that entry points source.
pub(crate) fn prepare(run_dir: &Path) {
    let folder = vcs_home(run_dir).join("bin");
    let path = folder.join("ag_i18n_inc.sh");
    if let Err(error) = private(&folder).and_then(|()| write(&path, MESSAGES)) {
        tracing::error!(path = %path.display(), %error, "script agents cannot log");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(text: &str) -> Vec<String> {
        let value = |name: &str| match name {
            "Device" => Some("en0"),
            "Options" => Some("a  b"),
            _ => None,
        };
        ArgList::parse(text).unwrap().arguments(value)
    }

    #[test]
    fn values_keep_their_places() {
        assert_eq!(arguments("Device\nMissing\n\n# a word\nOptions\n"), ["en0", "", "a  b"]);
        assert_eq!(arguments("# form: values\nOptions[]\n"), ["a  b"]);
        assert!(arguments("").is_empty());
    }

    #[test]
    fn tuples_count_their_values() {
        let text = "# form: tuples\nDevice\nOptions[]\nMissing[]\nMissing\n";
        let expected = ["Device", "1", "en0", "Options", "2", "a", "b", "Missing", "0", "Missing", "1", ""];
        assert_eq!(arguments(text), expected);
    }

    #[test]
    fn what_is_no_list_says_why() {
        assert!(ArgList::parse("# form: other").unwrap_err().contains("other"));
        assert!(ArgList::parse("one two").unwrap_err().contains("one two"));
    }
}
