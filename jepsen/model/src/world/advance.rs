//! Passing of time: all due events happen, in order of time, and within one instant in a fixed order.

use super::history::{Cause, Change};
use super::id::{HmcId, ServerId};
use super::partition::{Activity, Boot, Definition, Talk};
use super::server::Power;
use super::spec::{LparKind, StartPolicy};
use super::time::Time;
use super::view::Link;
use super::world::World;

impl World {
    /// Lets time pass until `target`. Going backwards does nothing.
    pub fn advance_to(&mut self, target: Time) {
        while let Some(due) = self.next_event().filter(|&due| due <= target) {
            self.now = self.now.max(due);
            self.fire();
        }
        self.now = self.now.max(target);
    }

    /// Time of the next change that happens by itself; not later than now when one is due. RMC states may change
    /// before, because an HMC derives them from the time that has passed.
    pub fn next_event(&self) -> Option<Time> {
        let servers = self.servers.iter().filter_map(|server| server.due());
        let views = self.hmcs.iter().flat_map(|hmc| &hmc.views).filter_map(|view| view.due());
        servers.chain(views).chain(self.moves_due()).chain(self.flights.due()).min()
    }

    fn fire(&mut self) {
        for server in self.servers() {
            if !self.is_due(self.servers[server.index()].due()) {
                continue;
            }
            self.fire_power(server);
            for slot in 0..self.servers[server.index()].slots.len() {
                self.fire_partition(server, slot);
            }
            self.settle(server);
        }
        for hmc in self.hmcs() {
            for server in self.servers() {
                self.fire_view(hmc, server);
            }
        }
        self.fire_moves();
        self.fire_flights();
    }

    fn is_due(&self, at: Option<Time>) -> bool {
        at.is_some_and(|at| at <= self.now)
    }

    fn fire_power(&mut self, server: ServerId) {
        let power = self.servers[server.index()].power;
        if !self.is_due(power.due()) {
            return;
        }
        match power {
            Power::Initializing { .. } => {
                self.set_power(server, Power::Operating, Cause::Progress);
                self.plan_autostart(server);
            }
            Power::PoweringOff { restart, .. } => {
                self.set_power(server, Power::Off, Cause::Progress);
                if restart {
                    // Cannot be refused: the server is off.
                    let _ = self.power_on(server, Cause::Restart);
                }
            }
            Power::Dumping { .. } if self.server_spec(server).restart_after_checkstop => {
                let until = self.now + self.stretch(self.spec.timings.power_on);
                self.set_power(server, Power::Initializing { until }, Cause::Progress);
            }
            Power::Dumping { .. } => self.set_power(server, Power::Failed, Cause::Progress),
            Power::Dead | Power::Off | Power::Operating | Power::Failed => {}
        }
    }

    /// VIO servers start at once, all others when those should be up.
    fn plan_autostart(&mut self, server: ServerId) {
        let policy = self.server_spec(server).start_policy;
        let later = self.now + self.spec.timings.vios_boot;
        let now = self.now;
        let lpars = self.lpars.clone();
        for slot in &mut self.servers[server.index()].slots {
            let wanted = match policy {
                StartPolicy::Autostart => slot.partition.auto_start,
                StartPolicy::Autorecovery => slot.partition.was_on,
                StartPolicy::Userinit => false,
            };
            let wanted = wanted && slot.partition.definition != Definition::Absent;
            let at = if lpars[slot.lpar.index()].kind == LparKind::Vios { now } else { later };
            slot.partition.autostart_at = wanted.then_some(at);
        }
    }

    fn fire_partition(&mut self, server: ServerId, slot: usize) {
        let place = &mut self.servers[server.index()].slots[slot];
        let lpar = place.lpar;
        if place.partition.cleanup_at.is_some_and(|at| at <= self.now) {
            return self.undefine(server, lpar);
        }
        if place.partition.autostart_at.is_some_and(|at| at <= self.now) {
            place.partition.autostart_at = None;
            // A copy that was started meanwhile, or no longer fits, stays unchanged.
            let _ = self.start_lpar(server, lpar, Cause::Autostart);
        }
        match self.activity_at(server, slot) {
            Activity::Starting { until, outcome } if until <= self.now => {
                let next = match outcome {
                    Boot::Error => Activity::Error,
                    Boot::Running if self.has_disks(server, slot) => Activity::Running,
                    Boot::Running => Activity::OpenFirmware,
                };
                self.set_activity(server, slot, next, Cause::Progress);
            }
            Activity::ShuttingDown { until: Some(until), restart } if until <= self.now => {
                self.set_activity(server, slot, Activity::NotActivated, Cause::Progress);
                if restart {
                    // Cannot be refused: its resources are free again.
                    let _ = self.start_lpar(server, lpar, Cause::Restart);
                }
            }
            Activity::NotActivated
            | Activity::Starting { .. }
            | Activity::Running
            | Activity::OpenFirmware
            | Activity::ShuttingDown { .. }
            | Activity::Error => {}
        }
    }

    fn fire_view(&mut self, hmc: HmcId, server: ServerId) {
        let now = self.now;
        let view = &mut self.hmcs[hmc.index()].views[server.index()];
        view.refresh(now);
        match view.link {
            Link::Unnoticed { until } if until <= now => {
                view.link = Link::Lost;
                view.coming.clear();
                self.history.push(now, Change::Connection { hmc, server, connected: false });
            }
            Link::Reconnecting { until } if until <= now => {
                view.link = Link::Up;
                view.coming.clear();
                let picture = self.servers[server.index()].picture(now);
                self.hmcs[hmc.index()].views[server.index()].shown = picture;
                self.history.push(now, Change::Connection { hmc, server, connected: true });
                self.plan_cleanup(server);
            }
            Link::Up | Link::Unnoticed { .. } | Link::Lost | Link::Reconnecting { .. } => {}
        }
    }

    /// Whether a copy can reach its disks: one running VIO server of those that serve it is enough.
    pub(super) fn has_disks(&self, server: ServerId, slot: usize) -> bool {
        let slots = &self.servers[server.index()].slots;
        let serves = |index: usize| {
            slots.get(index).is_some_and(|vios| vios.partition.activity == Activity::Running && !vios.partition.hung)
        };
        let count = usize::from(self.server_spec(server).vios);
        match &self.lpars[slots[slot].lpar.index()].vios {
            Some(list) => list.is_empty() || list.iter().any(|&index| serves(usize::from(index))),
            None => count == 0 || (0..count).any(serves),
        }
    }

    pub(super) fn set_power(&mut self, server: ServerId, power: Power, cause: Cause) {
        let before = std::mem::replace(&mut self.servers[server.index()].power, power);
        if before.state() != power.state() {
            self.history.push(self.now, Change::Power { server, state: power.state(), cause });
        }
        if before.runs_lpars() && !power.runs_lpars() {
            self.stop_everything(server);
        }
    }

    fn stop_everything(&mut self, server: ServerId) {
        for slot in 0..self.servers[server.index()].slots.len() {
            let partition = &mut self.servers[server.index()].slots[slot].partition;
            partition.was_on = partition.is_active();
            partition.autostart_at = None;
            self.set_activity(server, slot, Activity::NotActivated, Cause::ServerDown);
        }
        self.lose_party(server);
    }

    pub(super) fn set_activity(&mut self, server: ServerId, slot: usize, activity: Activity, cause: Cause) {
        let place = &mut self.servers[server.index()].slots[slot];
        let before = place.partition.state();
        place.partition.activity = activity;
        let state = place.partition.state();
        if activity == Activity::NotActivated || matches!(activity, Activity::Starting { .. }) {
            place.partition.hung = false;
        }
        if before != state {
            let change = Change::Lpar { server, lpar: place.lpar, state, cause };
            self.history.push(self.now, change);
        }
    }

    /// Applies the consequences of changes on a server: which operating systems still talk, and what connected HMCs
    /// learn.
    pub(super) fn settle(&mut self, server: ServerId) {
        for slot in 0..self.servers[server.index()].slots.len() {
            let partition = &self.servers[server.index()].slots[slot].partition;
            let talking = partition.activity == Activity::Running && !partition.hung && self.has_disks(server, slot);
            if talking != partition.talk.talking {
                let talk = Talk { talking, since: self.now, before: self.rmc_active(partition) };
                self.servers[server.index()].slots[slot].partition.talk = talk;
            }
        }
        for hmc in self.hmcs() {
            self.settle_view(hmc, server);
        }
        self.plan_cleanup(server);
    }

    fn settle_view(&mut self, hmc: HmcId, server: ServerId) {
        let now = self.now;
        let answers = self.servers[server.index()].answers();
        let timings = &self.spec.timings;
        let delay = self.spec.hmcs[hmc.index()].view_delay + self.hmcs[hmc.index()].late;
        let view = &mut self.hmcs[hmc.index()].views[server.index()];
        let reachable = answers && !view.cut;
        match (view.link, reachable) {
            (Link::Up, false) => {
                view.shown.taken = now;
                view.link = Link::Unnoticed { until: now + timings.link_detect };
            }
            (Link::Unnoticed { .. }, true) => view.link = Link::Up,
            (Link::Lost, true) => view.link = Link::Reconnecting { until: now + timings.reconnect },
            (Link::Reconnecting { .. }, false) => view.link = Link::Lost,
            (Link::Up | Link::Reconnecting { .. }, true) | (Link::Unnoticed { .. } | Link::Lost, false) => {}
        }
        let newest = view.coming.back().map_or(&view.shown, |(_, picture)| picture);
        let server = &self.servers[server.index()];
        let seen = view.link == Link::Up && server.vmi_lost.is_none();
        if seen && server.power != Power::Dead && server.differs_from(newest) {
            let picture = server.picture(now);
            view.learn(now, now + delay, picture);
        }
    }
}
