//! Units of systemd as resources, through `systemctl`.
//!
//! The unit is named by the type, `systemd:nginx.service`, or by the attribute `unit` of a resource of the type
//! `systemd`. systemd itself should neither start such a unit at boot nor restart it.

use super::{
    machine::{Call, Entry},
    program::{Ended, Outcome},
    result::{ActionResult, MonitorResult},
};
use std::collections::BTreeMap;
use tenure_core::{ForeignLines, ForeignText, Power};

/// A unit; `None` if the type does not name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unit(Option<String>);

impl Unit {
    pub(crate) fn new(name: Option<&str>) -> Self {
        Unit(name.map(str::to_owned))
    }

    pub(crate) fn name<'a>(&'a self, attribute: Option<&'a str>) -> Result<&'a str, String> {
        let name = self.0.as_deref().or(attribute).ok_or("it has no attribute unit")?;
        // `systemctl` would take such a name for an option, or for a path.
        if name.starts_with('-') || name.contains('/') { Err(format!("{name} is no name of a unit")) } else { Ok(name) }
    }

    async fn run(&self, call: &Call<'_>, words: &[&str]) -> Result<Outcome, String> {
        let name = self.name(call.spec.attribute("unit"))?;
        let mut arguments: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        arguments.push(name.to_owned());
        let variables = BTreeMap::from([("LC_ALL", "C"), ("SYSTEMD_PAGER", ""), ("SYSTEMD_COLORS", "0")]);
        let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let path = &call.machine.settings.systemctl;
        // The processes of the unit are children of systemd, not of this program.
        Ok(call.run(Entry { name: "systemctl", path, arguments, variables, user: None, leaves: false }).await)
    }

    pub(crate) async fn monitor(&self, call: &Call<'_>) -> MonitorResult {
        let properties = "--property=LoadState,ActiveState,SubState,Result";
        let outcome = match self.run(call, &["show", properties]).await {
            Ok(outcome) => outcome,
            Err(why) => return MonitorResult::new(Power::Absent, why),
        };
        match outcome.ended {
            Ended::Exited(0) => read(outcome.said.text()),
            Ended::Exited(_) => MonitorResult::unknown(outcome.words()),
            Ended::Missing(_) | Ended::NoRoom(_) | Ended::Broken(_) | Ended::TimeOver(_) => {
                MonitorResult::without_status(&outcome)
            }
        }
    }

    /// Runs a `systemctl` command such as `start`, and waits until the job is done.
    pub(crate) async fn tell(&self, call: &Call<'_>, what: &str) -> ActionResult {
        match self.run(call, &["--no-ask-password", what]).await {
            Ok(outcome) => ActionResult::of(&outcome),
            Err(why) => ActionResult::refused(why),
        }
    }

    /// Kills all processes of the unit, and stops it. Its failed state is reset, because that could keep it from
    /// being started again.
    pub(crate) async fn clean(&self, call: &Call<'_>) -> ActionResult {
        // Without processes, `kill` fails, and need not succeed.
        let _ = self.run(call, &["--no-ask-password", "--signal=SIGKILL", "kill"]).await;
        let stopped = self.tell(call, "stop").await;
        let _ = self.run(call, &["--no-ask-password", "reset-failed"]).await;
        stopped
    }

    pub(crate) async fn action(&self, call: &Call<'_>, token: &str) -> Result<ForeignLines, ForeignText> {
        if token != "reload" {
            return Err(format!("a unit has the action reload, and not {token}").into());
        }
        let outcome = self.run(call, &["--no-ask-password", "reload"]).await?;
        match outcome.ended {
            Ended::Exited(0) => Ok(outcome.said.text().trim_end().into()),
            Ended::Exited(_) | Ended::Missing(_) | Ended::NoRoom(_) | Ended::Broken(_) | Ended::TimeOver(_) => {
                Err(outcome.words())
            }
        }
    }

    pub(crate) async fn info(&self, call: &Call<'_>) -> Result<ForeignLines, ForeignText> {
        let outcome = self.run(call, &["--no-pager", "--full", "status"]).await?;
        match outcome.ended {
            // 3: the unit is not active, which is as good an answer.
            Ended::Exited(0 | 3) => Ok(outcome.said.text().trim_end().into()),
            Ended::Exited(_) | Ended::Missing(_) | Ended::NoRoom(_) | Ended::Broken(_) | Ended::TimeOver(_) => {
                Err(outcome.words())
            }
        }
    }
}

/// Reads the output of `systemctl show`.
pub(crate) fn read(text: &str) -> MonitorResult {
    let value = |name: &str| text.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix('='));
    let (load, active) = (value("LoadState").unwrap_or_default(), value("ActiveState").unwrap_or_default());
    let (sub, result) = (value("SubState").unwrap_or_default(), value("Result").unwrap_or_default());
    match active {
        "active" => MonitorResult::new(Power::Running, ""),
        "reloading" | "refreshing" => MonitorResult::new(Power::Running, active),
        "activating" => MonitorResult::new(Power::Starting, sub),
        "deactivating" => MonitorResult::new(Power::Stopping, sub),
        "inactive" if load == "not-found" => MonitorResult::new(Power::Absent, "there is no such unit here"),
        "inactive" => MonitorResult::new(Power::Off, ""),
        "failed" => MonitorResult::new(Power::Off, format!("failed: {result}")),
        other => MonitorResult::unknown(format!("systemd says {other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_systemd_shows_becomes_a_state() {
        let cases = [
            ("LoadState=loaded\nActiveState=active\nSubState=running", Power::Running),
            ("LoadState=loaded\nActiveState=activating\nSubState=start", Power::Starting),
            ("LoadState=loaded\nActiveState=deactivating", Power::Stopping),
            ("LoadState=loaded\nActiveState=inactive", Power::Off),
            ("LoadState=not-found\nActiveState=inactive", Power::Absent),
            // The unit file is gone, and the unit still runs.
            ("LoadState=not-found\nActiveState=active", Power::Running),
            ("LoadState=loaded\nActiveState=maintenance", Power::Unknown),
            ("", Power::Unknown),
        ];
        for (text, power) in cases {
            assert_eq!(read(text).power, power, "{text}");
        }
        let failed = read("LoadState=loaded\nActiveState=failed\nResult=exit-code\nSubState=failed");
        assert_eq!((failed.power, failed.said.as_str()), (Power::Off, "failed: exit-code"));
    }
}
