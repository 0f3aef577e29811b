//! From a command line to its output.

use super::args::{Args, Grammar};
use super::changes;
use super::error::CliError;
use super::hardware;
use super::lpars;
use super::output::Output;
use super::systems;
use super::words;
use crate::world::{Command, HmcId, Refusal, Span, World};

/// What a command line turned out to be.
pub(super) enum Line {
    /// Answered already: a listing, or a refusal before anything was tried.
    Answered(Output),
    /// A change, still to be made.
    Change(Command),
}

/// Carries out a command line on an HMC at this instant. Changes take effect in the world as
/// [`World::execute`] says; time does not pass.
pub fn execute(world: &mut World, hmc: HmcId, line: &str) -> Output {
    match interpret(world, hmc, line) {
        Line::Answered(output) => output,
        Line::Change(command) => {
            let outcome = world.execute(hmc, &command);
            answer(world, hmc, &command, outcome)
        }
    }
}

/// Reads a line, and answers it unless it is a change.
pub(super) fn interpret(world: &World, hmc: HmcId, line: &str) -> Line {
    if !world.is_up(hmc) {
        let down = CliError::Refused {
            refusal: Refusal::HmcDown,
            object: String::new(),
        };
        return Line::Answered(down.output());
    }
    let words = match words::split(line) {
        Ok(words) => words,
        Err(error) => return Line::Answered(Output::shell(&error.to_string(), 1)),
    };
    let Some((name, options)) = words.split_first() else {
        return Line::Answered(Output::default());
    };
    let line = match name.as_str() {
        "chsysstate" => parse(options, &changes::CHANGE)
            .and_then(|args| changes::change(world, &args))
            .map(Line::Change),
        _ => list(world, hmc, name, options).map(Line::Answered),
    };
    let mut line = line.unwrap_or_else(|error| Line::Answered(error.output()));
    if let Line::Answered(output) = &mut line {
        output.delay = output.delay + world.latency(hmc).1;
    }
    line
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
            let args = parse(
                options,
                &Grammar {
                    valued: &["-r", "-F"],
                    flags: &["--header"],
                },
            )?;
            systems::list_connections(world, hmc, &args)
        }
        "lshmc" => systems::show_hmc(&parse(
            options,
            &Grammar {
                valued: &[],
                flags: &["-V"],
            },
        )?),
        "lshwres" => hardware::list_resources(world, hmc, &parse(options, &hardware::RESOURCES)?),
        "lsrefcode" => {
            lpars::list_reference_codes(world, hmc, &parse(options, &lpars::REFERENCE_CODES)?)
        }
        other => Ok(Output::shell(
            &format!("hmcbash: {other}: command not found"),
            127,
        )),
    }
}

fn parse(options: &[String], grammar: &Grammar) -> Result<Args, CliError> {
    Args::parse(options, grammar)
}

/// The output of a change whose outcome is known.
pub(super) fn answer(
    world: &World,
    hmc: HmcId,
    command: &Command,
    outcome: Result<Span, Refusal>,
) -> Output {
    let (output, more) = match outcome {
        Ok(more) => (Output::default(), more),
        Err(refusal) => (
            CliError::refused(world, command, refusal).output(),
            Span::ZERO,
        ),
    };
    Output {
        delay: world.latency(hmc).1 + more,
        ..output
    }
}
