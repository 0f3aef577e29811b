//! This machine to the agents: where things are, how a program is run here, and what is known of agents. Decides nothing.

use super::{
    Settings,
    ocf::Library,
    output::Output,
    program::{self, Outcome, Place, Program},
    spec::Spec,
};
use std::{collections::BTreeMap, path::Path, time::Duration};
use tokio::{task::spawn_blocking, time::Instant};

/// This machine.
#[derive(Debug)]
pub(crate) struct Machine {
    pub settings: Settings,
    pub library: Library,
}

/// One entry point of one resource, about to be run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    pub machine: &'a Machine,
    pub spec: &'a Spec,
    /// When its time is over.
    pub deadline: Instant,
    /// Whether it is a look at something that should not be up here.
    pub probe: bool,
    /// The turn of the resource, if it is kept.
    pub place: Option<&'a Place>,
}

/// What an entry point is: what is run, and what becomes of what it says.
#[derive(Clone, Debug)]
pub(crate) struct Entry<'a> {
    /// Its name, for people and for the file of its output.
    pub name: &'a str,
    pub path: &'a Path,
    pub arguments: Vec<String>,
    pub variables: BTreeMap<String, String>,
    /// Whether it may leave something behind that goes on talking.
    pub leaves: bool,
}

impl Machine {
    pub(crate) fn new(settings: Settings) -> Self {
        Machine { settings, library: Library::default() }
    }

    /// Runs a program that belongs to no resource, for what it says on standard output.
    pub(crate) async fn ask(
        &self,
        path: &Path,
        arguments: Vec<String>,
        variables: BTreeMap<String, String>,
        most: usize,
        within: Duration,
    ) -> Outcome {
        let (output, cgroup) = (Output::Words(most), self.settings.cgroup.clone());
        program::run(Program {
            path: path.to_owned(),
            arguments,
            variables,
            within,
            output,
            cgroup,
            record: None,
            place: None,
        })
        .await
    }
}

impl Call<'_> {
    /// What is left of its time.
    pub(crate) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Does something that may wait for a file system, away from the threads that everything else runs on. It keeps the turn
    /// of the resource until it is done: nothing can end it, and each that hangs takes a thread.
    pub(crate) async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, String> {
        let place = self.place.cloned();
        let done = spawn_blocking(move || {
            let done = work();
            drop(place);
            done
        });
        done.await.map_err(|_| "it was not looked at".to_owned())
    }

    /// Whether there is a file. What cannot be looked at is not taken for missing.
    pub(crate) async fn is_there(&self, path: &Path) -> bool {
        let path = path.to_owned();
        !matches!(self.aside(move || path.try_exists()).await, Ok(Ok(false)))
    }

    /// Runs an entry point.
    pub(crate) async fn run(&self, entry: Entry<'_>) -> Outcome {
        let settings = &self.machine.settings;
        let output = if entry.leaves { Output::File(self.spec.file(settings, entry.name)) } else { Output::Pipe };
        program::run(Program {
            path: entry.path.to_owned(),
            arguments: entry.arguments,
            variables: entry.variables,
            within: self.left(),
            output,
            cgroup: settings.cgroup.clone(),
            // A look changes nothing, and may go on.
            record: entry.leaves.then(|| settings.under_way()),
            place: self.place.cloned(),
        })
        .await
    }

    /// What every agent may want to know of where it is.
    pub(crate) fn variables(&self, entry: &str) -> BTreeMap<String, String> {
        let (settings, spec) = (&self.machine.settings, self.spec);
        [
            ("HOME", "/".to_owned()),
            ("LANG", "C".to_owned()),
            ("TENURE_ENTRY_POINT", entry.to_owned()),
            ("TENURE_GROUP", spec.group.to_string()),
            ("TENURE_NODE", settings.node.to_string()),
            ("TENURE_RESOURCE", spec.resource.to_string()),
            ("TENURE_SERVER", settings.server.to_string()),
            ("TENURE_TIMEOUT", self.left().as_secs().to_string()),
            ("TENURE_TYPE", spec.agent.clone()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }
}
