//! The machine as agents see it: its paths, how programs are run here, and the metadata of agents. Decides nothing.

use super::{
    Settings,
    ocf::Library,
    output::Output,
    program::{self, Outcome, Permit, Program},
    spec::Spec,
    user::Account,
};
use std::{collections::BTreeMap, path::Path, time::Duration};
use tokio::{task::spawn_blocking, time::Instant};

/// The machine of this node.
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
    /// End of its time.
    pub deadline: Instant,
    /// Whether it is a look at a resource that should not be online here.
    pub probe: bool,
    /// The turn of the resource, if the resource is managed; `None` for a check of the configuration.
    pub place: Option<&'a Permit>,
}

/// The program of an entry point, and the handling of its output.
#[derive(Clone, Debug)]
pub(crate) struct Entry<'a> {
    /// Its name, for people and for the name of its output file.
    pub name: &'a str,
    pub path: &'a Path,
    pub arguments: Vec<String>,
    pub variables: BTreeMap<String, String>,
    /// The user that it runs as; the one of this process if none is given.
    pub user: Option<&'a Account>,
    /// Whether it may leave a process behind that keeps writing output: if so, output goes to a file and the run is
    /// on record.
    pub leaves: bool,
}

impl Machine {
    pub(crate) fn new(settings: Settings) -> Self {
        Machine { settings, library: Library::default() }
    }

    /// Runs a program that belongs to no resource, for its standard output, of which at most `most` bytes are kept.
    pub(crate) async fn ask(
        &self,
        path: &Path,
        arguments: Vec<String>,
        variables: BTreeMap<String, String>,
        most: usize,
        within: Duration,
    ) -> Outcome {
        let (output, cgroup) = (Output::Words(most), self.settings.cgroup.clone());
        program::run(Program { arguments, variables, output, cgroup, ..Program::new(path, within) }).await
    }
}

impl Call<'_> {
    /// The rest of its time.
    pub(crate) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Runs work that may block on a file system, away from the async threads. It keeps the turn of the resource
    /// until it is done: it cannot be cancelled, and each one that hangs takes a thread.
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

    /// Whether a file exists. If that cannot be found out, it counts as existing.
    pub(crate) async fn is_there(&self, path: &Path) -> bool {
        let path = path.to_owned();
        !matches!(self.aside(move || path.try_exists()).await, Ok(Ok(false)))
    }

    /// Runs an entry point.
    pub(crate) async fn run(&self, entry: Entry<'_>) -> Outcome {
        let settings = &self.machine.settings;
        let output = if entry.leaves { Output::File(self.spec.file(settings, entry.name)) } else { Output::Pipe };
        program::run(Program {
            arguments: entry.arguments,
            variables: entry.variables,
            user: entry.user.cloned(),
            output,
            cgroup: settings.cgroup.clone(),
            // A look changes nothing, so it need not be ended by a later process.
            record: entry.leaves.then(|| settings.under_way()),
            place: self.place.cloned(),
            ..Program::new(entry.path, self.left())
        })
        .await
    }

    /// The environment variables that every agent gets.
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
