//! Commands to a running lab: parsed, executed, and answered.

use super::{
    Site, SiteError,
    demo::{chain, command},
    truth,
};
use crate::world::{Command, Fault, FaultError, HmcId, LparId, LparState, Power, Refusal, ServerId, World};
use clap::{Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};

/// A command to a running lab.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub enum Control {
    /// Cut a physical server's power, or switch it on again.
    #[command(after_help = "Example:\n  lab server p1 off")]
    Server {
        server: String,
        /// The action on its power.
        #[arg(value_enum)]
        power: Switch,
    },
    /// Kill, pause, resume or start a node's process.
    #[command(after_help = "Example:\n  lab node p2 pause")]
    Node {
        node: String,
        /// The action on its process.
        #[arg(value_enum)]
        act: NodeAct,
    },
    /// Cut a node off from the other nodes. It can still reach the HMC, and administrators can reach it.
    Cut { node: String },
    /// Mend every cut.
    Heal,
    /// Crash or hang an LPAR, wherever it is active, or activate a management LPAR that was cut off.
    #[command(after_help = "Examples:\n  lab lpar db crash\n  lab lpar node-p1 start")]
    Lpar {
        lpar: String,
        /// The action.
        #[arg(value_enum)]
        act: LparAct,
    },
    /// Take an HMC down, or bring it up. The name may be omitted if there is only one HMC.
    #[command(override_usage = "lab hmc [NAME] <down|up>", after_help = "Examples:\n  lab hmc down\n  lab hmc hmc2 up")]
    Hmc {
        /// The HMC's name, if there are several, and down or up.
        #[arg(value_name = "WORD", num_args = 1..=2, required = true)]
        words: Vec<String>,
    },
    /// Cut every line between the HMCs and a server's service processor, or mend them.
    Sp {
        server: String,
        /// The action on the lines.
        #[arg(value_enum)]
        act: LineAct,
    },
    /// Lose the link to a server's hypervisor, or restore it. That to its service processor (an eBMC) stays.
    Vmi {
        server: String,
        /// The action on the link.
        #[arg(value_enum)]
        act: LineAct,
    },
    /// Show the true state, whatever the cluster knows.
    Status,
    /// End the lab.
    Down,
}

/// An action on a server's power.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
pub enum Switch {
    /// Its power fails.
    Off,
    /// It is switched on at an HMC.
    On,
}

/// An action on a node's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
pub enum NodeAct {
    /// Kill it with `kill -9`; it stays dead.
    Kill,
    /// Stop it, as on a hung machine.
    Pause,
    /// Continue it.
    Resume,
    /// Start it again.
    Start,
}

/// An action on an LPAR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
pub enum LparAct {
    /// It goes off at once.
    Crash,
    /// Its operating system hangs; the HMC still reads Running.
    Hang,
    /// An administrator activates it at the HMC. Only for management LPARs; the others are started by the cluster.
    Start,
}

/// An action on the lines to a service processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
pub enum LineAct {
    /// Cut.
    Lose,
    /// Restored.
    Restore,
}

/// A command cannot be executed.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // what a name says is not said again
pub enum ControlError {
    /// The command names an object that does not exist.
    #[error("there is no {what} {name}; there are {known}")]
    NoSuch {
        /// Kind of the object.
        what: &'static str,
        name: String,
        /// Names of the existing objects.
        known: String,
    },
    /// The command makes no sense.
    #[error("{0}")]
    Usage(String),
    /// The current state does not allow it.
    #[error("{0}")]
    Pointless(String),
    /// The HMC refuses.
    #[error("{what}: the HMC refuses: {why}")]
    Refused {
        /// The command.
        what: String,
        /// The HMC's reason.
        why: Refusal,
    },
    /// A node's process cannot be controlled.
    #[error("{}", chain(.0))]
    Site(#[from] SiteError),
}

impl ControlError {
    /// Exit code. 1: refused. 2: not understood.
    pub fn code(&self) -> u8 {
        match self {
            ControlError::NoSuch { .. } | ControlError::Usage(_) => 2,
            ControlError::Pointless(_) | ControlError::Refused { .. } | ControlError::Site(_) => 1,
        }
    }
}

/// A description of the result.
pub type Done = Result<String, ControlError>;

impl Site {
    /// Executes a command, and describes the result once it has happened. Call it on the main thread: it may start
    /// processes.
    pub fn control(&self, control: &Control) -> Done {
        let done = self.carry_out(control)?;
        self.follow_world()?;
        Ok(done)
    }

    fn carry_out(&self, control: &Control) -> Done {
        match control {
            Control::Server { server, power } => self.world.with(|world| switch(world, server, *power)),
            Control::Node { node, act } => self.act_on_node(node, *act),
            Control::Cut { node } => {
                self.known_node(node)?;
                if self.cut_off().contains(&node.as_str()) {
                    return Err(ControlError::Pointless(format!("node {node} is cut off already")));
                }
                self.cut(node)?;
                Ok(format!("node {node} is cut off from the other nodes; `lab heal` mends it"))
            }
            Control::Heal => {
                let cut = self.cut_off().join(", ");
                if cut.is_empty() {
                    return Err(ControlError::Pointless("no node is cut off".to_owned()));
                }
                self.network.heal();
                Ok(format!("the network is whole again ({cut} was cut off)"))
            }
            Control::Lpar { lpar, act } => self.world.with(|world| harm(world, lpar, *act)),
            Control::Hmc { words } => self.world.with(|world| console(world, words)),
            Control::Sp { server, act } => self.world.with(|world| lines(world, server, *act)),
            Control::Vmi { server, act } => self.world.with(|world| hypervisor_link(world, server, *act)),
            Control::Status => Ok(truth::report(self)),
            Control::Down => Ok("the lab ends".to_owned()),
        }
    }

    fn known_node(&self, node: &str) -> Result<(), ControlError> {
        if self.names().iter().any(|name| name == node) {
            return Ok(());
        }
        Err(ControlError::NoSuch { what: "node", name: node.to_owned(), known: self.names().join(", ") })
    }

    fn act_on_node(&self, node: &str, act: NodeAct) -> Done {
        use super::NodeRuns::{Dead, Paused, Runs};
        self.known_node(node)?;
        let pointless = |why: &str| Err(ControlError::Pointless(format!("node {node} {why}")));
        match (act, self.node_runs(node)?) {
            (NodeAct::Kill, Dead) => return pointless("does not run"),
            (NodeAct::Kill, Runs | Paused) => self.kill_node(node)?,
            (NodeAct::Pause, Dead) => return pointless("does not run"),
            (NodeAct::Pause, Paused) => return pointless("is paused already"),
            (NodeAct::Pause, Runs) => self.pause_node(node)?,
            (NodeAct::Resume, Paused) | (NodeAct::Start, Dead) => self.start_node(node)?,
            (NodeAct::Resume, Runs | Dead) => return pointless("is not paused"),
            (NodeAct::Start, Runs) => return pointless("runs"),
            (NodeAct::Start, Paused) => {
                return pointless(&format!("is paused; `lab node {node} resume` lets it go on"));
            }
        }
        let done = match (act, self.node_runs(node)?) {
            (NodeAct::Kill, _) => format!("is killed; `lab node {node} start` starts it again"),
            (NodeAct::Pause, _) => format!("is paused; `lab node {node} resume` lets it go on"),
            (NodeAct::Resume | NodeAct::Start, Runs) => "runs".to_owned(),
            (NodeAct::Resume | NodeAct::Start, Dead | Paused) => {
                return pointless("will run as soon as its management LPAR does");
            }
        };
        Ok(format!("node {node} {done}"))
    }
}

fn switch(world: &mut World, name: &str, power: Switch) -> Done {
    let server = known_server(world, name)?;
    let pointless = |why: String| Err(ControlError::Pointless(why));
    match power {
        Switch::Off => match world.inject(Fault::TripPower(server)) {
            Ok(()) => Ok(format!("{name} has lost its power; `lab server {name} on` switches it on again")),
            Err(FaultError::Pointless | FaultError::NoSuchThing) => pointless(format!("{name} is off already")),
        },
        Switch::On => {
            let was = world.power(server);
            match was {
                Power::Operating | Power::Initializing { .. } => return pointless(format!("{name} is on already")),
                Power::PoweringOff { .. } => return pointless(format!("{name} is being powered off; try again")),
                Power::Dumping { .. } => return pointless(format!("{name} is taking a dump; try again")),
                Power::Dead | Power::Off | Power::Failed => {}
            }
            if was == Power::Dead {
                let _ = world.inject(Fault::RestorePower(server));
            }
            let on = command(world, &Command::PowerOn { server });
            on.map_err(|why| ControlError::Refused { what: format!("switch {name} on"), why })?;
            Ok(format!("{name} is switched on and comes up"))
        }
    }
}

fn harm(world: &mut World, name: &str, act: LparAct) -> Done {
    let lpar = known_lpar(world, name)?;
    if act == LparAct::Start {
        return activate(world, name, lpar);
    }
    let Some(server) = world.active_on(lpar).first().copied() else {
        return Err(ControlError::Pointless(format!("LPAR {name} is active nowhere")));
    };
    let on = world.server_name(server).to_owned();
    let (fault, done) = match act {
        LparAct::Crash => (Fault::Crash(server, lpar), "has crashed"),
        LparAct::Hang | LparAct::Start => {
            (Fault::Hang(server, lpar), "hangs: it still reads Running, and does nothing")
        }
    };
    match world.inject(fault) {
        Ok(()) => Ok(format!("LPAR {name} on {on} {done}")),
        Err(FaultError::Pointless | FaultError::NoSuchThing) => {
            let state = world.activity(server, lpar).unwrap_or(LparState::NotActivated);
            Err(ControlError::Pointless(format!("LPAR {name} on {on} reads {state}, or hangs already")))
        }
    }
}

fn activate(world: &mut World, name: &str, lpar: LparId) -> Done {
    let defined: Vec<ServerId> = world.servers().filter(|server| world.activity(*server, lpar).is_some()).collect();
    let [server] = defined[..] else {
        return Err(ControlError::Pointless(format!(
            "LPAR {name} is the cluster's to start: `tenure group online GROUP`"
        )));
    };
    let started = command(world, &Command::start(server, lpar));
    started.map_err(|why| ControlError::Refused { what: format!("activate {name}"), why })?;
    Ok(format!("LPAR {name} on {} is activated and boots", world.server_name(server)))
}

fn console(world: &mut World, words: &[String]) -> Done {
    let (name, act) = match words {
        [act] => (None, act),
        [name, act, ..] => (Some(name), act),
        [] => (None, &String::new()),
    };
    let up = match act.as_str() {
        "up" => true,
        "down" => false,
        other => return Err(ControlError::Usage(format!("`{other}`: write down or up"))),
    };
    let hmc = known_hmc(world, name)?;
    let name = world.spec().hmcs[hmc.index()].name.clone();
    let (fault, state) = if up { (Fault::HmcUp(hmc), "up") } else { (Fault::HmcDown(hmc), "down") };
    match world.inject(fault) {
        Ok(()) => Ok(format!("{name} is {state}")),
        Err(FaultError::Pointless | FaultError::NoSuchThing) => {
            Err(ControlError::Pointless(format!("{name} is {state} already")))
        }
    }
}

fn lines(world: &mut World, name: &str, act: LineAct) -> Done {
    let server = known_server(world, name)?;
    let whole = act == LineAct::Restore;
    world.set_lines(server, whole);
    Ok(if whole {
        format!("every HMC reaches the service processor of {name} again")
    } else {
        format!("no HMC reaches the service processor of {name}; `lab sp {name} restore` mends that")
    })
}

fn hypervisor_link(world: &mut World, name: &str, act: LineAct) -> Done {
    let server = known_server(world, name)?;
    let (fault, done) = match act {
        LineAct::Lose => (Fault::LoseVmi(server), "is lost; what the HMCs show of it stands still"),
        LineAct::Restore => (Fault::RestoreVmi(server), "is whole again"),
    };
    // It exists in this world.
    let _ = world.inject(fault);
    Ok(format!("the link to the hypervisor of {name} {done}"))
}

fn known_server(world: &World, name: &str) -> Result<ServerId, ControlError> {
    let known = || world.servers().map(|server| world.server_name(server).to_owned()).collect::<Vec<_>>().join(", ");
    let no_such = || ControlError::NoSuch { what: "server", name: name.to_owned(), known: known() };
    world.server(name).ok_or_else(no_such)
}

fn known_lpar(world: &World, name: &str) -> Result<LparId, ControlError> {
    let known = || world.lpars().map(|lpar| world.lpar_name(lpar).to_owned()).collect::<Vec<_>>().join(", ");
    let no_such = || ControlError::NoSuch { what: "LPAR", name: name.to_owned(), known: known() };
    world.lpar(name).ok_or_else(no_such)
}

fn known_hmc(world: &World, name: Option<&String>) -> Result<HmcId, ControlError> {
    let all: Vec<String> = world.spec().hmcs.iter().map(|hmc| hmc.name.clone()).collect();
    let only = all.first().filter(|_| all.len() == 1);
    let Some(name) = name.or(only) else {
        return Err(ControlError::Usage(format!("say which HMC: {}", all.join(", "))));
    };
    let no_such = || ControlError::NoSuch { what: "HMC", name: name.clone(), known: all.join(", ") };
    world.hmc(name).ok_or_else(no_such)
}
