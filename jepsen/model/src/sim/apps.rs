//! What agents keep inside nodes: addresses, file systems, processes. One copy on each server, which dies with the node's
//! LPAR, and obeys that node's agent alone.

use std::collections::{BTreeMap, BTreeSet};
use tenure_core::{
    Inside, Power, ResourceName, Seen, ServerName, Span, Time,
    config::{Cluster, Operations, Resource},
    execution::{Answer, LocalDeed},
};

/// How long an agent takes to start or stop something.
const TAKES: Span = Span(400);

/// One copy of a resource inside one node.
#[derive(Clone, Debug, Default)]
struct App {
    state: State,
    /// Its monitor does not end.
    hangs: bool,
    /// Stopping it does nothing.
    sticks: bool,
    /// So many starts fail.
    spoiled: u32,
    /// So many starts do nothing.
    deaf: u32,
    /// How sure the monitor is, where that is less than 100.
    sure: Option<u8>,
    /// Started past Tenure.
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

/// All of them.
#[derive(Clone, Debug, Default)]
pub struct Apps {
    copies: BTreeMap<(ServerName, ResourceName), App>,
}

impl Apps {
    /// What the agents of the node that lives on the server see.
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

    /// Whether anything that must not run twice may be active on the server.
    pub fn holds(&self, cluster: &Cluster, server: &ServerName) -> bool {
        let off = |app: &App| matches!(app.state, State::Off | State::OnPurpose);
        self.copies.iter().any(|((at, name), app)| at == server && !off(app) && cluster.lives_once(name))
    }

    /// What the agent of the node on the server makes of what it is to do.
    pub fn command(
        &mut self,
        cluster: &Cluster,
        server: &ServerName,
        (name, deed): (&ResourceName, LocalDeed),
        now: Time,
    ) -> Answer {
        let Some(resource) = cluster.resources.get(name) else {
            return Answer::NotSent(format!("{name} is not declared"));
        };
        let app = self.copy(resource, server, name, now);
        if deed == LocalDeed::Start {
            if app.spoiled > 0 {
                app.spoiled -= 1;
                return Answer::Refused("its agent failed".to_owned());
            }
            if app.deaf > 0 {
                app.deaf -= 1;
                return Answer::Accepted;
            }
            app.by_hand = false;
            app.state = State::Starting(now.after(TAKES));
        } else if !app.sticks {
            app.hangs = false;
            // What is off stays off, and how it came to be so is not forgotten.
            if matches!(app.state, State::Running | State::Starting(_)) {
                app.state = State::Stopping(now.after(TAKES));
            }
        }
        Answer::Accepted
    }

    /// The LPAR of the node on the server is down: nothing lives inside it.
    pub fn die(&mut self, server: &ServerName) {
        self.copies.retain(|(at, _), _| at != server);
    }

    /// Something happens to a copy, past Tenure.
    pub fn deed(
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

    /// Where a copy is active.
    pub fn active_on<'a>(&'a self, name: &'a ResourceName) -> impl Iterator<Item = &'a ServerName> {
        self.copies
            .iter()
            .filter(move |((_, of), app)| of == name && !matches!(app.state, State::Off | State::OnPurpose))
            .map(|((server, _), _)| server)
    }

    /// What somebody's hand has started on this server is ours from now on: it has been taken over.
    pub fn take_over(&mut self, name: &ResourceName, server: &ServerName) {
        if let Some(app) = self.copies.get_mut(&(server.clone(), name.clone())) {
            app.by_hand = false;
        }
    }

    /// The servers on which copies of a resource are active, but for those that somebody's hand has started.
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
        Seen { power, since, serial, confidence, said: String::new() }
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
