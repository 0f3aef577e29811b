//! Between two steps: everything is repaired, and the next step begins when the cluster is at rest.

use super::{
    cluster::unrest,
    story::{PATIENCE, Story, Told, chain},
};
use crate::world::{Change, Command, Fault, LparState, Power, Refusal, ServerId, Span, World};
use std::time::Duration;
use tenure::api::wire::{Intent, StatusView, Verb};

/// Pause between two checks.
const LOOK: Duration = Duration::from_millis(150);
/// A server that comes up starts its management LPAR by itself within this time.
const STARTS_ITSELF: Span = Span::seconds(3);

impl Story {
    /// Repairs everything, and waits until the cluster is at rest: every node heard, every server watched by its own
    /// node, every group online.
    pub async fn mend(&self) -> Told {
        let mut last = String::new();
        let quiet = async {
            loop {
                self.mend_once();
                let status = self.status().await;
                self.forgive(&status).await;
                match unrest(&status) {
                    None => return,
                    Some(why) => last = why,
                }
                self.timeline.screen().waiting(&format!("before the next step: {last}"));
                tokio::time::sleep(LOOK).await;
            }
        };
        let patience = PATIENCE * 2;
        if tokio::time::timeout(patience, quiet).await.is_ok() {
            return Ok(());
        }
        self.check("everything is mended and quiet", Err(format!("not within {} s: {last}", patience.as_secs())))
    }

    fn mend_once(&self) {
        if !self.site.cut_off().is_empty() {
            self.did("the network is mended");
            self.site.network.heal();
        }
        match self.site.start_held_nodes() {
            Ok(nodes) => nodes.iter().for_each(|node| self.did(format!("node {node} is started again"))),
            Err(error) => self.did(format!("a node does not start: {}", chain(&error))),
        }
        for server in self.world(|world| world.servers()) {
            self.switch_on(server);
            self.start_management(server);
        }
    }

    /// Takes one step towards a server that is Operating.
    pub fn switch_on(&self, server: ServerId) {
        let done = self.world(|world| {
            let name = world.server_name(server).to_owned();
            world.set_lines(server, true);
            match world.power(server) {
                Power::Dead => {
                    world.inject(Fault::RestorePower(server)).ok().map(|()| format!("{name} has power again"))
                }
                Power::Off | Power::Failed => command(world, &Command::PowerOn { server })
                    .ok()
                    .map(|()| format!("{name} is switched on at its HMC")),
                Power::Operating | Power::Initializing { .. } | Power::PoweringOff { .. } | Power::Dumping { .. } => {
                    None
                }
            }
        });
        done.into_iter().for_each(|done| self.did(done));
    }

    fn start_management(&self, server: ServerId) {
        let done = self.world(|world| {
            let (_, lpar) = *world.management().iter().find(|(on, _)| *on == server)?;
            let settled = world.power(server) == Power::Operating && up_for(world, server) > STARTS_ITSELF;
            let off = world.activity(server, lpar) == Some(LparState::NotActivated);
            let started = settled && off && command(world, &Command::start(server, lpar)).is_ok();
            started.then(|| format!("{} is started at its HMC", world.lpar_name(lpar)))
        });
        done.into_iter().for_each(|done| self.did(done));
    }

    /// Clears faults, and requests every group online.
    async fn forgive(&self, status: &StatusView) {
        for group in &status.groups {
            if !group.faults.is_empty() {
                self.tries(Verb::Clear { group: group.name.as_str().into(), server: None }).await;
            }
            if group.intent == Intent::Offline {
                self.tries(Verb::Online { group: group.name.as_str().into(), server: None, propagate: false }).await;
            }
        }
    }

    /// A refused request is tried again in the next round.
    async fn tries(&self, verb: Verb) {
        self.did(format!("operator: tenure {}", verb.typed()));
        let _ = self.ask(verb).await;
    }
}

/// Time since the power of a server last changed.
fn up_for(world: &World, server: ServerId) -> Span {
    let mut entries = world.history().entries().iter().rev();
    let changed = entries.find(|entry| matches!(entry.change, Change::Power { server: of, .. } if of == server));
    world.now().since(changed.map(|entry| entry.at).unwrap_or_default())
}

/// Executes a command on any HMC that accepts it.
pub fn command(world: &mut World, command: &Command) -> Result<(), Refusal> {
    let mut refused = Refusal::HmcDown;
    for hmc in world.hmcs() {
        match world.execute(hmc, command) {
            Ok(_) => return Ok(()),
            Err(why) => refused = why,
        }
    }
    Err(refused)
}
