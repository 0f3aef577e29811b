//! What agents and their files say, for the fuzzer. Each function takes any bytes, and returns the promise that was broken.

use super::{
    builtin,
    ocf::{self, Metadata},
    output::Said,
    program::{Ended, Outcome},
    result::{ActionResult, MonitorResult},
    script::ArgList,
    systemd,
};
use std::time::Duration;
use tenure_core::{execution::Answer, foreign};

/// Longest message that is passed on, in characters, with the mark that it was cut.
const LONGEST: usize = foreign::TEXT + 1;

/// The metadata of an OCF agent: what can be read has names and times that are none or positive, wherever blanks stand before
/// it.
pub fn metadata(bytes: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(bytes);
    let Ok(metadata) = Metadata::parse(&text) else { return Ok(()) };
    let bare = text.trim_start_matches('\u{feff}');
    if Metadata::parse(&format!("\u{feff}\n {bare}")) != Ok(metadata.clone()) {
        return Err("blanks before it change it".to_owned());
    }
    let zero = |time: Option<Duration>| time.is_some_and(|time| time.is_zero());
    if let Some(advice) = metadata.actions.iter().find(|advice| zero(advice.timeout) || zero(advice.interval)) {
        return Err(format!("no time at all: {advice:?}"));
    }
    for advice in &metadata.actions {
        if metadata.timeout(&advice.name) < advice.timeout {
            return Err(format!("more than the longest: {advice:?}"));
        }
    }
    for parameter in &metadata.parameters {
        if metadata.parameter(&parameter.name).is_none() {
            return Err(format!("not found by its name: {parameter:?}"));
        }
        let _ = parameter.value.takes(parameter.default.as_deref().unwrap_or_default());
    }
    Ok(())
}

/// Exit status and output of an entry point, and the files and attributes of agents: messages are short and in one piece, and
/// a command line that is quoted is split into the same words.
pub fn words(bytes: &[u8]) -> Result<(), String> {
    let (code, rest) =
        bytes.split_first_chunk::<4>().map_or((0, bytes), |(code, rest)| (i32::from_le_bytes(*code), rest));
    let text = String::from_utf8_lossy(rest).into_owned();
    outcome(code, &text)?;
    command_line(&text)?;
    arguments(&text)?;
    let _ = builtin::assignments(&text);
    let look = systemd::read(&text);
    is_short(&look.said)
}

fn is_short(said: &str) -> Result<(), String> {
    let long = said.chars().count();
    if long > LONGEST {
        return Err(format!("{long} characters are passed on"));
    }
    if said.chars().any(foreign::is_harmful) { Err(format!("it is passed on as it is: {said:?}")) } else { Ok(()) }
}

fn outcome(code: i32, text: &str) -> Result<(), String> {
    let endings = [Ended::Exited(code), Ended::Missing(text.to_owned()), Ended::Broken(text.to_owned())];
    for ended in endings {
        let outcome = Outcome { ended, said: Said(text.to_owned()) };
        is_short(&MonitorResult::unknown(outcome.words()).said)?;
        is_short(&MonitorResult::without_status(&outcome).said)?;
        if let Some(reason) = ocf::reason(&outcome) {
            is_short(said(&ActionResult::failed(reason.clone())))?;
            if reason.is_empty() || reason.contains('\n') {
                return Err(format!("no reason in one line: {reason:?}"));
            }
        }
        let result = ActionResult::of(&outcome);
        is_short(said(&result))?;
        if matches!(outcome.ended, Ended::Exited(0)) != (result.answer == Answer::Accepted) {
            return Err(format!("exit status {code} becomes {:?}", result.answer));
        }
    }
    Ok(())
}

/// What a result passes on in words.
fn said(result: &ActionResult) -> &str {
    match &result.answer {
        Answer::Refused(said) | Answer::Unknown(said) | Answer::NotSent(said) => said,
        Answer::Read(_) | Answer::Unread(_) | Answer::Probed(_) => "",
        Answer::Accepted | Answer::Already | Answer::Paused => "",
    }
}

fn command_line(text: &str) -> Result<(), String> {
    let Ok(words) = builtin::split(text) else { return Ok(()) };
    let quoted: Vec<String> = words.iter().map(|word| format!("'{}'", word.replace('\'', r"'\''"))).collect();
    let again = builtin::split(&quoted.join(" "))?;
    if again == words { Ok(()) } else { Err(format!("{words:?} are split into {again:?}")) }
}

fn arguments(text: &str) -> Result<(), String> {
    let Ok(list) = ArgList::parse(text) else { return Ok(()) };
    let value = |name: &str| name.starts_with('A').then_some("a b");
    let (count, arguments) = (list.names.len(), list.arguments(value));
    if list.names.iter().any(|(name, _)| name.contains(char::is_whitespace)) {
        return Err(format!("a name of several words: {:?}", list.names));
    }
    // Each name gives one argument in the one form, and at least two in the other.
    if arguments.len() == count || arguments.len() >= 2 * count {
        return Ok(());
    }
    Err(format!("{count} names give {arguments:?}"))
}
