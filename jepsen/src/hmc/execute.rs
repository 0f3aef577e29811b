//! Execution of a command line, and its output.

use super::args::{Args, Grammar};
use super::changes;
use super::error::CliError;
use super::hardware;
use super::lpars;
use super::moves::{self, Wanted};
use super::output::Output;
use super::systems;
use super::words::{self, Words};
use crate::world::{Command, HmcId, Refusal, Span, World};

/// Result of interpreting a command line.
pub(super) enum Line {
    /// Already answered: a listing, or a refusal before any attempt.
    Answered(Output),
    /// A change that is still to be made, and the language of its answer.
    Change(Command, Language),
}

/// Language of sentences; codes and state words are the same in all languages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Language {
    English,
    Polish,
}

/// Executes a command line on an HMC at this instant. Changes take effect in the world as in [`World::execute`]; time
/// does not pass.
pub fn execute(world: &mut World, hmc: HmcId, line: &str) -> Output {
    match interpret(world, hmc, line) {
        Line::Answered(output) => output,
        Line::Change(command, language) => {
            let outcome = world.execute(hmc, &command);
            answer(world, hmc, &command, outcome, language)
        }
    }
}

/// Parses a line, and answers it unless it is a change.
pub(super) fn interpret(world: &World, hmc: HmcId, line: &str) -> Line {
    if !world.is_up(hmc) {
        let down = CliError::Refused { refusal: Refusal::HmcDown, object: String::new() };
        return Line::Answered(down.output());
    }
    let words = match words::split(line) {
        Ok(words) => words,
        Err(error) => return Line::Answered(Output::shell(&error.to_string(), 1)),
    };
    let Some((name, options)) = words.command.split_first() else {
        return Line::Answered(Output::default());
    };
    let language = language(world, hmc, &words);
    let answered = match name.as_str() {
        "chsysstate" => {
            let command = parse(options, &changes::CHANGE).and_then(|args| changes::change(world, &args));
            match command {
                Ok(command) => return Line::Change(command, language),
                Err(error) => error.output(),
            }
        }
        "chsyscfg" => {
            let command = parse(options, &changes::CONFIGURE).and_then(|args| changes::configure(world, &args));
            match command {
                Ok(command) => return Line::Change(command, language),
                Err(error) => error.output(),
            }
        }
        "migrlpar" | "rrstartlpar" => match moved(world, name, options) {
            Ok(Wanted::Change(command)) => return Line::Change(command, language),
            Ok(Wanted::Check(command)) => moves::check(world, hmc, &command).unwrap_or_else(|error| error.output()),
            Err(error) => error.output(),
        },
        _ => list(world, hmc, name, options).unwrap_or_else(|error| error.output()),
    };
    let delay = world.latency(hmc).1;
    Line::Answered(Output { delay, ..answered.in_language(language) })
}

fn moved(world: &World, name: &str, options: &[String]) -> Result<Wanted, CliError> {
    let args = parse(options, &moves::MOVE)?;
    if name == "migrlpar" { moves::migrate(world, &args) } else { moves::restart(world, &args) }
}

/// The language that the line sets, or else the user's.
fn language(world: &World, hmc: HmcId, words: &Words) -> Language {
    let english = match words.locale() {
        Some(locale) => ["C", "POSIX"].contains(&locale) || locale.starts_with("C.") || locale.starts_with("en"),
        None => world.spec().hmcs[hmc.index()].english,
    };
    if english { Language::English } else { Language::Polish }
}

fn list(world: &World, hmc: HmcId, name: &str, options: &[String]) -> Result<Output, CliError> {
    match name {
        "lssyscfg" => {
            let args = parse(options, &systems::LIST)?;
            match args.require("-r")? {
                "sys" => systems::list_systems(world, hmc, &args),
                "lpar" => lpars::list_lpars(world, hmc, &args),
                "prof" => lpars::list_profiles(world, hmc, &args),
                _ => Err(CliError::parameter("-r")),
            }
        }
        "lssysconn" => {
            let args = parse(options, &Grammar { valued: &["-r", "-F"], flags: &["--header"] })?;
            systems::list_connections(world, hmc, &args)
        }
        "lshmc" => systems::show_hmc(&parse(options, &Grammar { valued: &[], flags: &["-V"] })?),
        "lshwres" => hardware::list_resources(world, hmc, &parse(options, &hardware::RESOURCES)?),
        "lslparmigr" => moves::list_migrations(world, hmc, &parse(options, &moves::MIGRATIONS)?),
        "lsrefcode" => lpars::list_reference_codes(world, hmc, &parse(options, &lpars::REFERENCE_CODES)?),
        other => Ok(Output::shell(&format!("hmcbash: {other}: command not found"), 127)),
    }
}

fn parse(options: &[String], grammar: &Grammar) -> Result<Args, CliError> {
    Args::parse(options, grammar)
}

/// The output of a change with a known outcome.
pub(super) fn answer(
    world: &World,
    hmc: HmcId,
    command: &Command,
    outcome: Result<Span, Refusal>,
    language: Language,
) -> Output {
    let (output, more) = match outcome {
        Ok(more) => (Output::default(), more),
        Err(refusal) => (CliError::refused(world, command, refusal).output(), Span::ZERO),
    };
    Output { delay: world.latency(hmc).1 + more, ..output.in_language(language) }
}
