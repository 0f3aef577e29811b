//! A command line in real time: it arrives, is executed, and is answered, each after its latency, whether or not
//! anyone still waits for the answer.

use super::execute::{Language, Line, answer, interpret};
use super::output::Output;
use crate::world::{Answer, Command, HmcId, LiveWorld, Span, Time};
use std::time::Duration;

/// Runs a line to its end. `None` if the HMC went down meanwhile: the line may or may not have been executed.
pub(super) async fn run(world: &LiveWorld, hmc: HmcId, line: &str) -> Option<Output> {
    if let Line::Change(command, language) = world.with(|world| interpret(world, hmc, line)) {
        return change(world, hmc, command, language).await;
    }
    let (latency, _) = world.with(|world| world.latency(hmc));
    tokio::time::sleep(latency.into()).await;
    match world.with(|world| interpret(world, hmc, line)) {
        Line::Answered(output) => {
            tokio::time::sleep(output.delay.into()).await;
            Some(output)
        }
        Line::Change(command, language) => change(world, hmc, command, language).await,
    }
}

async fn change(world: &LiveWorld, hmc: HmcId, command: Command, language: Language) -> Option<Output> {
    let mut history = world.history_length();
    let id = world.with(|world| world.submit(hmc, command.clone()));
    loop {
        let (found, due) = world.with(|world| (world.take_answer(id), world.answer_due(id)));
        match (found, due) {
            (Some((_, Answer::Answered(outcome))), _) => {
                let outcome = outcome.map(|()| Span::ZERO);
                return Some(world.with(|world| answer(world, hmc, &command, outcome, language)));
            }
            (Some((_, Answer::Lost)), _) | (None, None) => return None,
            // A move can end long before its time, but only with an entry in the history.
            (None, Some(due)) => tokio::select! {
                () = tokio::time::sleep(until(world, due)) => {}
                Ok(()) = history.changed() => {}
            },
        }
    }
}

/// At least a millisecond, to avoid a busy loop just before the time.
fn until(world: &LiveWorld, due: Time) -> Duration {
    Duration::from(due.since(world.now())).max(Duration::from_millis(1))
}
