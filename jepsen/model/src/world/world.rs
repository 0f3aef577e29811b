//! The world itself: its parts, its construction, and its lookups.

use super::command::OffAlready;
use super::history::{Cause, Change, History};
use super::id::{HmcId, LparId, ServerId};
use super::moving::Mobility;
use super::partition::{Activity, Definition, Guest, Line, Partition, Talk};
use super::rng::Rng;
use super::server::{ListAs, Power, Server, Slot};
use super::spec::{LparKind, LparSpec, ServerSpec, WorldSpec};
use super::spec_check::{self, SpecError};
use super::state::{LparState, SystemState};
use super::submit::Flights;
use super::time::{Span, Time};
use super::view::{Link, View};
use std::collections::VecDeque;
use std::sync::Arc;

/// Current state of a management console.
#[derive(Clone, Debug)]
pub(super) struct Console {
    pub(super) up: bool,
    /// Added to its latency.
    pub(super) slow: Span,
    /// Added to the age of everything that it shows.
    pub(super) late: Span,
    /// Number of its next changes that are executed without an answer.
    pub(super) lose_answers: u8,
    /// Number of its next changes that are neither executed nor answered.
    pub(super) lose_commands: u8,
    pub(super) may_not_describe: bool,
    /// Its answer to the command to power off a server that is off.
    pub(super) off_already: OffAlready,
    /// Its view of each server.
    pub(super) views: Vec<View>,
}

/// The physical world. See the [module](super).
#[derive(Clone, Debug)]
pub struct World {
    pub(super) spec: Arc<WorldSpec>,
    /// All LPARs: those of the specification in its order, then the VIO servers.
    pub(super) lpars: Arc<[LparSpec]>,
    pub(super) now: Time,
    pub(super) rng: Rng,
    pub(super) servers: Vec<Server>,
    pub(super) hmcs: Vec<Console>,
    /// The mobile LPARs.
    pub(super) mobility: Vec<Mobility>,
    pub(super) flights: Flights,
    pub(super) history: History,
}

impl World {
    /// Builds a world at [`Time::START`]. The seed determines only jitter.
    ///
    /// # Errors
    /// When the specification contradicts itself.
    pub fn new(spec: WorldSpec, seed: u64) -> Result<Self, SpecError> {
        spec_check::check(&spec)?;
        let lpars: Arc<[LparSpec]> =
            spec.lpars.iter().cloned().chain(spec.servers.iter().flat_map(|s| vios(s, &spec))).collect();
        let servers = spec.servers.iter().map(|server| new_server(server, &lpars)).collect();
        let mut world = World {
            history: History::new(spec.keep_history, lpars.len()),
            spec: Arc::new(spec),
            lpars,
            now: Time::START,
            rng: Rng::new(seed),
            servers,
            hmcs: Vec::new(),
            mobility: Vec::new(),
            flights: Flights::default(),
        };
        world.mobility = world.mobile_lpars();
        world.record_definitions();
        world.start_initial();
        world.hmcs = world.spec.hmcs.iter().map(|_| world.new_console()).collect();
        Ok(world)
    }

    /// Its specification.
    pub fn spec(&self) -> &WorldSpec {
        &self.spec
    }

    /// Current time.
    pub fn now(&self) -> Time {
        self.now
    }

    /// The history so far.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// A server by name or by machine type, model and serial number.
    pub fn server(&self, name: &str) -> Option<ServerId> {
        let found = self.spec.servers.iter().position(|s| s.name == name || s.mtms() == name);
        found.map(ServerId::from_index)
    }

    /// An LPAR, or a VIO server, by name.
    pub fn lpar(&self, name: &str) -> Option<LparId> {
        self.lpars.iter().position(|lpar| lpar.name == name).map(LparId::from_index)
    }

    /// An HMC by name.
    pub fn hmc(&self, name: &str) -> Option<HmcId> {
        self.spec.hmcs.iter().position(|hmc| hmc.name == name).map(HmcId::from_index)
    }

    /// All servers.
    pub fn servers(&self) -> impl Iterator<Item = ServerId> + use<> {
        (0..self.servers.len()).map(ServerId::from_index)
    }

    /// All LPARs: first those of the specification in its order, then the VIO servers.
    pub fn lpars(&self) -> impl Iterator<Item = LparId> + use<> {
        (0..self.lpars.len()).map(LparId::from_index)
    }

    /// All HMCs.
    pub fn hmcs(&self) -> impl Iterator<Item = HmcId> + use<> {
        (0..self.hmcs.len()).map(HmcId::from_index)
    }

    /// Specification of a server of this world.
    pub fn server_spec(&self, server: ServerId) -> &ServerSpec {
        &self.spec.servers[server.index()]
    }

    /// Specification of an LPAR of this world; that of a VIO server is derived from its server's.
    pub fn lpar_spec(&self, lpar: LparId) -> &LparSpec {
        &self.lpars[lpar.index()]
    }

    /// Name of a server of this world.
    pub fn server_name(&self, server: ServerId) -> &str {
        &self.server_spec(server).name
    }

    /// Name of an LPAR of this world.
    pub fn lpar_name(&self, lpar: LparId) -> &str {
        &self.lpar_spec(lpar).name
    }

    /// Kind of partition of an LPAR, as a word of the command line.
    pub fn environment(&self, lpar: LparId) -> &'static str {
        let spec = self.lpar_spec(lpar);
        match spec.kind {
            LparKind::Vios => "vioserver",
            LparKind::Client | LparKind::Management if spec.ibm_i => "os400",
            LparKind::Client | LparKind::Management => "aixlinux",
        }
    }

    /// UUID of a copy, in upper case as the command line prints it. A mobile LPAR keeps its UUID when it moves;
    /// copies that are defined side by side have one each.
    pub fn lpar_uuid(&self, server: ServerId, lpar: LparId) -> String {
        let name = self.lpar_name(lpar);
        let another = matches!(self.line(server, lpar), Line::Another | Line::Replaced);
        match (self.lpar_spec(lpar).mobile, another) {
            (true, false) => uuid_of(name),
            (true, true) => uuid_of(&format!("{name} anew")),
            (false, false) => uuid_of(&format!("{name} on {}", self.server_name(server))),
            (false, true) => uuid_of(&format!("{name} on {} anew", self.server_name(server))),
        }
    }

    /// Name of a copy as HMCs list it.
    pub fn listed_name(&self, server: ServerId, lpar: LparId) -> String {
        let name = self.lpar_name(lpar);
        if self.line(server, lpar) == Line::Renamed { format!("{name}-renamed") } else { name.to_owned() }
    }

    /// The listing of a copy on its server.
    pub fn line(&self, server: ServerId, lpar: LparId) -> Line {
        self.slot(server, lpar).map(|slot| slot.partition.line).unwrap_or_default()
    }

    /// The description of a copy.
    pub fn description(&self, server: ServerId, lpar: LparId) -> &str {
        self.slot(server, lpar).map_or("", |slot| &slot.partition.description)
    }

    /// The `lpar_id` of a copy: its position in the list of its server, from 1.
    pub fn lpar_number(&self, server: ServerId, lpar: LparId) -> Option<u16> {
        let slot = self.servers.get(server.index())?.slot_of(lpar)?;
        u16::try_from(slot + 1).ok()
    }

    /// The copy with this `lpar_id` on a server.
    pub fn lpar_by_number(&self, server: ServerId, number: u16) -> Option<LparId> {
        let slots = &self.servers.get(server.index())?.slots;
        let slot = slots.get(usize::from(number).checked_sub(1)?)?;
        (slot.partition.definition != Definition::Absent).then_some(slot.lpar)
    }

    /// True power state of a server, whatever an HMC shows.
    pub fn power(&self, server: ServerId) -> Power {
        self.servers[server.index()].power
    }

    /// Whether HMCs list all LPARs of a server as off, whatever their states.
    pub fn lists_as_off(&self, server: ServerId) -> bool {
        self.servers.get(server.index()).is_some_and(|place| place.list_as == ListAs::Off)
    }

    /// The state that HMCs show of a server, if that is not the true one.
    pub fn shown_as(&self, server: ServerId) -> Option<SystemState> {
        self.servers.get(server.index()).and_then(|place| place.shown_as)
    }

    /// True state of a copy; `None` where no copy is defined.
    pub fn activity(&self, server: ServerId, lpar: LparId) -> Option<LparState> {
        self.slot(server, lpar).map(|slot| slot.partition.state())
    }

    /// The listing of a copy by a perfectly informed HMC; `None` where no copy is defined. It differs from the true
    /// state while the LPAR migrates: both servers list it then.
    pub fn listed(&self, server: ServerId, lpar: LparId) -> Option<LparState> {
        self.slot(server, lpar).and_then(|slot| slot.partition.listed())
    }

    /// State of the software inside a copy.
    pub fn guest(&self, server: ServerId, lpar: LparId) -> Guest {
        let place = self.servers.get(server.index()).and_then(|server| server.slot_of(lpar));
        let Some(slot) = place else { return Guest::Off };
        let partition = &self.servers[server.index()].slots[slot].partition;
        if partition.activity != Activity::Running {
            Guest::Off
        } else if partition.hung || !self.has_disks(server, slot) {
            Guest::Frozen
        } else {
            Guest::Running
        }
    }

    /// Whether the software inside a copy runs.
    pub fn is_alive(&self, server: ServerId, lpar: LparId) -> bool {
        self.guest(server, lpar) == Guest::Running
    }

    /// The management LPARs, each with its server. If nodes are run as processes, those follow [`World::guest`] of
    /// these.
    pub fn management(&self) -> Vec<(ServerId, LparId)> {
        let nodes = self.lpars().filter(|&lpar| self.lpar_spec(lpar).kind == LparKind::Management);
        let copies = nodes.flat_map(|lpar| self.servers().map(move |server| (server, lpar)));
        copies.filter(|&(server, lpar)| self.slot(server, lpar).is_some()).collect()
    }

    /// Whether an HMC is up.
    pub fn is_up(&self, hmc: HmcId) -> bool {
        self.hmcs.get(hmc.index()).is_some_and(|console| console.up)
    }

    /// Whether a copy has `auto_start=1`.
    pub fn auto_start(&self, server: ServerId, lpar: LparId) -> bool {
        self.slot(server, lpar).is_some_and(|slot| slot.partition.auto_start)
    }

    fn slot(&self, server: ServerId, lpar: LparId) -> Option<&Slot> {
        let server = self.servers.get(server.index())?;
        server.slot_of(lpar).map(|slot| &server.slots[slot])
    }

    /// The servers on which an LPAR is truly active. More than one is the failure that all of this exists to prevent.
    pub fn active_on(&self, lpar: LparId) -> Vec<ServerId> {
        self.servers().filter(|&server| self.activity(server, lpar).is_some_and(LparState::is_active)).collect()
    }

    /// The first LPAR that is active on two servers at this instant.
    pub fn conflict(&self) -> Option<LparId> {
        let mut active = vec![false; self.lpars.len()];
        let slots = self.servers.iter().flat_map(|server| &server.slots);
        for slot in slots.filter(|slot| slot.partition.is_active()) {
            if std::mem::replace(&mut active[slot.lpar.index()], true) {
                return Some(slot.lpar);
            }
        }
        None
    }

    fn mobile_lpars(&self) -> Vec<Mobility> {
        let mobile = self.lpars().filter(|&lpar| self.lpar_spec(lpar).mobile);
        mobile.map(|lpar| Mobility { lpar, current: None, doom: None, slow: Span::ZERO }).collect()
    }

    fn start_initial(&mut self) {
        for (index, server) in self.servers.iter_mut().enumerate() {
            let id = ServerId::from_index(index);
            self.history
                .push(self.now, Change::Power { server: id, state: server.power.state(), cause: Cause::Initial });
            for slot in server.slots.iter_mut() {
                let runs_here =
                    self.lpars[slot.lpar.index()].running_on.as_ref() == Some(&self.spec.servers[index].name);
                if !runs_here || server.power != Power::Operating {
                    continue;
                }
                slot.partition.activity = Activity::Running;
                slot.partition.talk = Talk { talking: true, since: Time::START, before: true };
                let change =
                    Change::Lpar { server: id, lpar: slot.lpar, state: LparState::Running, cause: Cause::Initial };
                self.history.push(self.now, change);
            }
        }
    }

    fn new_console(&self) -> Console {
        let view = |server: &Server| View {
            cut: false,
            link: Link::Up,
            shown: server.picture(self.now),
            coming: VecDeque::new(),
        };
        Console {
            up: true,
            slow: Span::ZERO,
            late: Span::ZERO,
            lose_answers: 0,
            lose_commands: 0,
            may_not_describe: false,
            off_already: OffAlready::default(),
            views: self.servers.iter().map(view).collect(),
        }
    }
}

fn new_server(spec: &ServerSpec, lpars: &[LparSpec]) -> Server {
    let here = |vios: bool| {
        let kind = move |lpar: &LparSpec| (lpar.kind == LparKind::Vios) == vios;
        lpars.iter().enumerate().filter(move |(_, lpar)| kind(lpar) && lpar.servers.contains(&spec.name))
    };
    let slot = |(index, lpar): (usize, &LparSpec)| Slot {
        lpar: LparId::from_index(index),
        partition: match lpar.home() {
            Some(home) if *home != spec.name => Partition { definition: Definition::Absent, ..Partition::new(false) },
            Some(_) | None => Partition::new(lpar.auto_start),
        },
    };
    Server {
        power: if spec.off { Power::Off } else { Power::Operating },
        was_on: !spec.off,
        processor_hung: false,
        shown_as: None,
        list_as: ListAs::Truth,
        vmi_lost: None,
        locked_until: Time::START,
        slots: here(true).chain(here(false)).map(slot).collect(),
    }
}

/// The VIO servers of a server: small, always started with it, on disks of their own.
fn vios<'a>(server: &'a ServerSpec, spec: &'a WorldSpec) -> impl Iterator<Item = LparSpec> + 'a {
    (1..=server.vios).map(|number| LparSpec {
        kind: LparKind::Vios,
        memory: 4_096,
        processors: 50,
        boot: spec.timings.vios_boot,
        auto_start: true,
        vios: Some(Vec::new()),
        running_on: (!server.off).then(|| server.name.clone()),
        ..LparSpec::new(format!("{}-vios{number}", server.name), [&server.name])
    })
}

/// A UUID derived from a name, so that a world file need not contain one.
fn uuid_of(name: &str) -> String {
    let half = |salt: u64| {
        name.bytes().fold(0xCBF2_9CE4_8422_2325 ^ salt, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
        })
    };
    let (a, b) = (half(0), half(0x5445_4E55_5245));
    format!(
        "{:08X}-{:04X}-4{:03X}-8{:03X}-{:012X}",
        a >> 32,
        a >> 16 & 0xFFFF,
        a & 0xFFF,
        b >> 52,
        b & 0xFFFF_FFFF_FFFF
    )
}
