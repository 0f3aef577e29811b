//! Resources inside nodes: addresses, file systems, processes. One copy on each server, which ends with the LPAR of
//! the node, and obeys the agent of that node alone.

use std::collections::{BTreeMap, BTreeSet};
use tenure_core::{
    Inside, Power, ResourceName, Seen, ServerName, Span, Time,
    config::{Cluster, Operations, Resource},
    execution::{Answer, LocalOperation},
};

/// Time that an agent takes to start or stop a resource.
const TAKES: Span = Span(400);

/// One copy of a resource inside one node.
#[derive(Clone, Debug, Default)]
struct App {
    state: State,
    /// Its monitor does not end.
    hangs: bool,
    /// Stopping it does nothing.
    sticks: bool,
    /// Number of next starts that fail.
    spoiled: u32,
    /// Number of next starts that have no effect.
    deaf: u32,
    /// The monitor's confidence, if it is less than 100.
    sure: Option<u8>,
    /// Started by hand.
    by_hand: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Off,
    OnPurpose,
    Starting(Time),
    Running,
    Stopping(Time),
}

/// The copies of all resources inside nodes.
#[derive(Clone, Debug, Default)]
pub struct Apps {
    copies: BTreeMap<(ServerName, ResourceName), App>,
}

impl Apps {
    /// Looks of the agents on a server's node.
    pub fn see(&mut self, cluster: &Cluster, server: &ServerName, now: Time, look: (u64, u64)) -> Inside {
        let mut inside = Inside::default();
        for (name, resource) in &cluster.resources {
            let listed = cluster.groups.get(&resource.group).is_some_and(|group| group.servers.contains(server));
            if resource.as_agent().is_some() && listed {
                let seen = self.copy(resource, server, name, now).seen(resource, look);
                inside.seen.insert(name.clone(), seen);
            }
        }
        inside
    }

    /// Whether any resource that must not run twice may be active on the server.
    pub fn holds(&self, cluster: &Cluster, server: &ServerName) -> bool {
        let off = |app: &App| matches!(app.state, State::Off | State::OnPurpose);
        self.copies.iter().any(|((at, name), app)| at == server && !off(app) && cluster.lives_once(name))
    }

    /// Executes a command of the node's agent on the server; its answer.
    pub fn command(
        &mut self,
        cluster: &Cluster,
        server: &ServerName,
        (name, operation): (&ResourceName, LocalOperation),
        now: Time,
    ) -> Answer {
        let Some(resource) = cluster.resources.get(name) else {
            return Answer::NotSent(format!("{name} is not declared").into());
        };
        let app = self.copy(resource, server, name, now);
        if operation == LocalOperation::Start {
            if app.spoiled > 0 {
                app.spoiled -= 1;
                return Answer::Refused("its agent failed".into());
            }
            if app.deaf > 0 {
                app.deaf -= 1;
                return Answer::Accepted;
            }
            app.by_hand = false;
            app.state = State::Starting(now.after(TAKES));
        } else if !app.sticks {
            app.hangs = false;
            // A copy that is off stays off, and an intentional stop stays recorded.
            if matches!(app.state, State::Running | State::Starting(_)) {
                app.state = State::Stopping(now.after(TAKES));
            }
        }
        Answer::Accepted
    }

    /// The LPAR of the node on the server is down: all copies inside it are gone.
    pub fn die(&mut self, server: &ServerName) {
        self.copies.retain(|(at, _), _| at != server);
    }

    /// Executes an operation on a copy, without Tenure.
    pub fn operation(
        &mut self,
        what: &[&str],
        resource: &Resource,
        name: &ResourceName,
        server: &ServerName,
        now: Time,
    ) -> Result<(), String> {
        let app = self.copy(resource, server, name, now);
        let number = |text: &str| text.parse().map_err(|_| format!("{text:?} is not a number"));
        match what {
            ["crash"] => app.state = State::Off,
            ["handstop"] => app.state = State::OnPurpose,
            ["handstart"] => (app.state, app.by_hand) = (State::Running, true),
            ["hang"] => app.hangs = true,
            ["wake"] => app.hangs = false,
            ["stick"] => app.sticks = true,
            ["unstick"] => app.sticks = false,
            ["spoil"] => app.spoiled += 1,
            ["deaf"] => app.deaf += 1,
            ["doubt", sure] => app.sure = Some(number(sure)?),
            _ => return Err("is not done to what an agent keeps".to_owned()),
        }
        Ok(())
    }

    /// The servers on which a resource is active.
    pub fn active_on<'a>(&'a self, name: &'a ResourceName) -> impl Iterator<Item = &'a ServerName> {
        self.copies
            .iter()
            .filter(move |((_, of), app)| of == name && !matches!(app.state, State::Off | State::OnPurpose))
            .map(|((server, _), _)| server)
    }

    /// A copy that was started by hand counts as ours from now on: Tenure has taken it over.
    pub fn take_over(&mut self, name: &ResourceName, server: &ServerName) {
        if let Some(app) = self.copies.get_mut(&(server.clone(), name.clone())) {
            app.by_hand = false;
        }
    }

    /// The servers on which a resource is active, except copies started by hand.
    pub fn ours(&self, name: &ResourceName) -> BTreeSet<ServerName> {
        let by_hand =
            |server: &&ServerName| self.copies.get(&((*server).clone(), name.clone())).is_some_and(|app| app.by_hand);
        self.active_on(name).filter(|server| !by_hand(server)).cloned().collect()
    }

    fn copy(&mut self, resource: &Resource, server: &ServerName, name: &ResourceName, now: Time) -> &mut App {
        let first = if resource.operations() == Operations::None { State::Running } else { State::Off };
        let fresh = App { state: first, ..App::default() };
        let app = self.copies.entry((server.clone(), name.clone())).or_insert(fresh);
        app.state = match app.state {
            State::Starting(until) if now >= until => State::Running,
            State::Stopping(until) if now >= until => State::Off,
            state => state,
        };
        app
    }
}

impl App {
    fn seen(&self, resource: &Resource, (since, serial): (u64, u64)) -> Seen {
        let power = self.reads(resource);
        let confidence = self.sure.filter(|_| self.state == State::Running).unwrap_or(100);
        Seen { power, since, serial, confidence, said: String::new().into() }
    }

    fn reads(&self, resource: &Resource) -> Power {
        if self.hangs {
            return Power::Unknown;
        }
        match self.state {
            State::OnPurpose if resource.as_agent().is_some_and(|agent| agent.intentional_offline) => {
                Power::OffOnPurpose
            }
            State::Off | State::OnPurpose => Power::Off,
            State::Starting(_) => Power::Starting,
            State::Running => Power::Running,
            State::Stopping(_) => Power::Stopping,
        }
    }
}
