//! Hooks, the administrators' programs run on events: what their exits mean for an order.
//!
//! Running, bounding and killing a program is up to `tenure-agents`. Decides nothing.

use super::Agents;
use std::{collections::BTreeMap, time::Duration};
use tenure_agents::program::{self, Ended};
use tenure_core::execution::{Answer, Program};

/// Runs a program until it ends or its time is over, with these variables besides `PATH`. It has to be one that this
/// node runs.
pub async fn run(agents: &Agents, asked: &Program, variables: BTreeMap<&'static str, String>) -> Answer {
    if let Err(why) = agents.may_run(&asked.path).await {
        return Answer::Refused(why.into());
    }
    let outcome = program::run(program::Program {
        arguments: asked.arguments.clone(),
        variables: variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        cgroup: agents.cgroup(),
        ..program::Program::new(asked.path.clone(), Duration::from_millis(asked.within.0))
    })
    .await;
    match outcome.ended {
        Ended::Exited(0) => Answer::Accepted,
        // A missing program or one that is none is refused; a lack of memory or processes means that it did not run.
        Ended::Exited(_) | Ended::Missing(_) => Answer::Refused(outcome.words()),
        Ended::NoRoom(_) => Answer::NotSent(outcome.words()),
        Ended::Broken(_) | Ended::TimeOver(_) => Answer::Unknown(outcome.words()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::performer::{AgentPaths, watchdog::Armed};
    use std::sync::Arc;
    use tenure_agents::Rights;
    use tenure_core::Span;
    use tenure_jepsen::needs;

    const LONG: Duration = Duration::from_secs(60);

    async fn answer(path: &str, words: &[&str], within: Duration) -> Answer {
        let arguments = words.iter().map(|word| (*word).to_owned()).collect();
        let within = Span(u64::try_from(within.as_millis()).unwrap());
        let variables = BTreeMap::from([("TENURE_GROUP", "web".to_owned())]);
        let folder = tempfile::tempdir().unwrap();
        let rights = Rights { programs: vec!["/usr/bin".into(), "/missing".into()], ..Rights::default() };
        let places = AgentPaths { run_dir: folder.path().to_owned(), rights, ..AgentPaths::default() };
        let own = Arc::new(|| None);
        let agents = Agents::new("n1".into(), places, Armed::default(), Arc::new(|| 0), own);
        run(&agents, &Program { path: path.to_owned(), arguments, within }, variables).await
    }

    #[tokio::test]
    async fn what_is_not_permitted_is_refused_with_the_remedy() {
        if !needs::met("what_is_not_permitted_is_refused_with_the_remedy", "RIGHTS", needs::root()) {
            return;
        }
        let Answer::Refused(why) = answer("/etc/profile", &[], LONG).await else { panic!("it was run") };
        assert!(
            why.starts_with("/etc/profile may not run as root on n1; put it into /etc/tenure/programs on n1"),
            "{why}"
        );
    }

    #[tokio::test]
    async fn an_end_means_an_answer() {
        assert_eq!(answer("/bin/sh", &["-c", "test $TENURE_GROUP = web"], LONG).await, Answer::Accepted);
        let refused = answer("/bin/sh", &["-c", "echo looking; echo 'not today' >&2; echo; exit 3"], LONG).await;
        assert_eq!(refused, Answer::Refused("exit status 3: not today".into()));
    }

    #[tokio::test]
    async fn what_was_killed_is_unknown() {
        let late = answer("/bin/sh", &["-c", "echo waiting; sleep 600"], Duration::from_millis(300)).await;
        assert_eq!(late, Answer::Unknown("it did not end within 300ms, and was killed: waiting".into()));
        let Answer::Unknown(why) = answer("/bin/sh", &["-c", "kill -9 $$"], LONG).await else {
            panic!("it was killed")
        };
        assert!(why.contains("signal: 9"), "{why}");
    }

    #[tokio::test]
    async fn what_is_no_program_is_refused_with_its_path() {
        let Answer::Refused(why) = answer("/missing/hook", &[], LONG).await else { panic!("it was run") };
        assert!(why.starts_with("/missing/hook: "), "{why}");
    }
}
