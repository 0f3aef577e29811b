//! Actions: one-line commands of scenario files, and of people at a prompt, to a cluster and its world.

use super::logins::Door;
use super::mend::Mend;
use super::planted::Bug;
use super::programs::Manner;
use super::sim::Sim;
use super::site::span;
use crate::world::{
    Command as WorldCommand, Fault, HmcId, Line, ListAs, LparId, OffAlready, ServerId, Span as WorldSpan, Stop,
    SystemState,
};
use tenure_core::{
    Entry, Ledger, NodeName, Request, ResourceName, ServerName, Span, Verb,
    command::{Author, Command, RequestId},
    config::Resource,
    listing::Mark,
    verb::NotAVerb,
};

/// Time without log lines after which the cluster counts as quiet.
const QUIET: Span = Span::seconds(6);
/// Maximum wait for quiet.
const PATIENCE: Span = Span::seconds(1800);
/// Long enough for a request to be committed and answered.
pub(super) const ANSWER: Span = Span(5);

/// An operation that cannot be done.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{operation}: {why}")]
pub struct ActError {
    operation: String,
    why: String,
}

type Done = Result<(), String>;

impl Sim {
    /// Executes a line, with the piece of a cluster file that may follow it. Nodes are named by their parts: `n2` is
    /// the node of the second server.
    ///
    /// # Errors
    /// When the line is not understood, or cannot be executed in the current state.
    pub fn act(&mut self, line: &str) -> Result<(), ActError> {
        let (first, piece) = line.split_once('\n').unwrap_or((line, ""));
        let words: Vec<&str> = first.split_whitespace().collect();
        self.operation(&words, piece).map_err(|why| ActError { operation: line.to_owned(), why })?;
        self.settle();
        Ok(())
    }

    fn operation(&mut self, words: &[&str], piece: &str) -> Done {
        match words {
            ["run", "until", "quiet"] => self.run_until_quiet(QUIET, PATIENCE),
            ["run", time] => self.run_for(span(time).map_err(|why| why.to_string())?),
            // The usual beginning, shown in full in `start/first.txt`: here only its result is logged.
            ["begin"] => {
                self.run_until_quiet(QUIET, PATIENCE);
                self.lines.clear();
                for line in self.placement() {
                    self.say(line);
                }
            }
            ["status"] => {
                for line in self.placement() {
                    self.say(line);
                }
            }
            ["move", lpar, how @ ..] => return self.move_deed(lpar, how),
            ["mend", what @ ..] => drop(self.mend(Mend::called(what).ok_or("is not how much is mended")?)),
            ["expect", "rest"] => {
                let wrong = self.restless();
                self.wrong.extend(wrong);
            }
            ["expect", "overlap", lpar] => drop(self.expected.insert((*lpar).to_owned())),
            ["plans", "take", time] => self.planning = span(time).map_err(|why| why.to_string())?,
            ["leader", "changes"] => self.change_leader(),
            ["op", rest @ ..] => return self.operator(rest, piece),
            ["kill" | "start" | "pause" | "resume" | "blind" | "unblind", node] => return self.node(words[0], node),
            ["clock", node, "ahead", time] => {
                let (name, ahead) = (self.called(node)?, span(time).map_err(|why| why.to_string())?);
                if let Some(node) = self.nodes.get_mut(&name) {
                    node.ahead = ahead;
                }
            }
            ["disk", node, what @ ..] => return self.disk(node, what),
            ["cut", nodes] => return self.cut(nodes),
            ["heal"] => self.nodes.values_mut().for_each(|node| node.side = 0),
            ["power", server, what] => return self.power_deed(server, what),
            ["sp", server, what] => return self.processor(server, what),
            ["show", server, state @ ..] => return self.show(server, &state.join(" ")),
            ["list", server, what] => return self.list(server, what),
            ["listed", lpar, "owned-by", owner] => return self.owned(lpar, owner, None),
            ["listed", lpar, "owned-by", owner, "on", server] => return self.owned(lpar, owner, Some(server)),
            ["listed", lpar, what] => return self.listed(lpar, what, None),
            ["listed", lpar, what, "on", server] => return self.listed(lpar, what, Some(server)),
            ["vmi", server, what] => return self.vmi(server, what),
            ["vios", server, vios, what] => return self.vios(server, vios, what),
            ["hmc", hmc, rest @ ..] => return self.hmc(hmc, rest),
            ["hook", program, what] => {
                let manner = Manner::called(what).ok_or("is not how a program behaves")?;
                self.programs.insert((*program).to_owned(), manner);
            }
            ["line", hmc, server, what] => return self.line(hmc, server, what),
            [what @ .., name, "on", server] if self.inside(name).is_some() => {
                return self.app_deed(what, name, Some(server));
            }
            [what @ .., name] if self.inside(name).is_some() => return self.app_deed(what, name, None),
            [what, name, rest] if self.inside(name).is_some() => return self.app_deed(&[what, rest], name, None),
            [what, lpar] => return self.lpar_deed(what, lpar, None),
            [what, lpar, "on", server] => return self.lpar_deed(what, lpar, Some(server)),
            _ => return Err("is not understood".to_owned()),
        }
        Ok(())
    }

    fn operator(&mut self, words: &[&str], piece: &str) -> Done {
        let request = self.asks(words, piece)?;
        self.request(request);
        self.run_for(ANSWER);
        Ok(())
    }

    /// Whether an operator's request would be refused now.
    pub(super) fn is_refused(&self, operation: &str) -> bool {
        let words: Vec<&str> = operation.split_whitespace().collect();
        let Some((&"op", words)) = words.split_first() else { return false };
        let Ok(request) = self.asks(words, "") else { return false };
        let author = Author::first_user(RequestId(0));
        let entry = Entry { at: self.now, wall: self.now, author, commands: vec![Command::Request(request)] };
        let mut ledger = self.ledger.scratch();
        ledger.apply(ledger.index + 1, &entry).refusal().is_some()
    }

    /// An operator's request, in the syntax of the `tenure` command; a new configuration has a syntax of its own.
    fn asks(&self, words: &[&str], piece: &str) -> Result<Request, String> {
        if let ["configure", edit @ ..] = words {
            return self.configuration(edit, piece);
        }
        let mut verb: Verb = words.join(" ").parse().map_err(|why: NotAVerb| why.to_string())?;
        if let Verb::ConfirmNodeOff { node } = &mut verb {
            // The node may be one that is declared and never existed.
            *node = self.called(node.as_str()).unwrap_or_else(|_| node.clone());
        }
        Ok(verb.into())
    }

    fn node(&mut self, what: &str, name: &str) -> Done {
        let name = self.called(name)?;
        let (now, stands_still) = (self.now, self.options.bug == Some(Bug::ClockStandsStill));
        let Some(node) = self.nodes.get_mut(&name) else { return Err("there is no such node".to_owned()) };
        match what {
            "kill" => node.killed = true,
            "start" if node.blank => return Err("its store is blank, and it does not start".to_owned()),
            "start" => node.killed = false,
            "pause" => (node.paused, node.paused_at) = (true, node.paused_at.or(Some(now))),
            "blind" => node.blind = true,
            "unblind" => node.blind = false,
            _ => {
                node.paused = false;
                let paused = node.paused_at.take().map(|since| now.since(since));
                if stands_still {
                    node.stood_still = node.stood_still.plus(paused.unwrap_or_default());
                }
                for event in std::mem::take(&mut node.memory.stalled) {
                    self.at_node(&name, event);
                }
            }
        }
        Ok(())
    }

    /// Changes the disk of a stopped node: it is lost, it is reset to its state a number of entries ago, or the node
    /// joins again with a blank one.
    fn disk(&mut self, name: &str, what: &[&str]) -> Done {
        let name = self.called(name)?;
        let kept = match what {
            ["lose" | "join"] => Ledger::default(),
            ["old", entries] => {
                let entries: usize = entries.parse().map_err(|_| "is not a number of entries")?;
                let mut ledger = Ledger::default();
                for (index, entry) in (1..).zip(&self.log[..self.log.len().saturating_sub(entries)]) {
                    ledger.apply(index, entry);
                }
                ledger
            }
            _ => return Err("is not done to a disk".to_owned()),
        };
        let Some(node) = self.nodes.get_mut(&name) else { return Err("there is no such node".to_owned()) };
        if !node.killed || (what == ["join"] && !node.blank) {
            return Err("it runs, or has its disk".to_owned());
        }
        (node.blank, node.killed) = (what == ["lose"], what != ["join"]);
        if !(matches!(what, ["old", _]) && kept.index > node.ledger.index) {
            node.ledger = std::sync::Arc::new(kept);
        }
        Ok(())
    }

    fn called(&self, name: &str) -> Result<NodeName, String> {
        let name = self.parts.get(name).cloned().unwrap_or_else(|| NodeName::from(name));
        self.nodes.contains_key(&name).then_some(name).ok_or_else(|| "there is no such node".to_owned())
    }

    /// Connects these nodes with each other only.
    fn cut(&mut self, names: &str) -> Done {
        let side = self.nodes.values().map(|node| node.side).max().unwrap_or_default() + 1;
        for name in names.split(',') {
            let name = self.called(name)?;
            if let Some(node) = self.nodes.get_mut(&name) {
                node.side = side;
            }
        }
        Ok(())
    }

    fn power_deed(&mut self, name: &str, what: &str) -> Done {
        let server = self.server_id(name)?;
        let command = match what {
            // The service processor lives on standby power, and reports that the server is off.
            "trip" => return self.inject(Fault::TripPower(server)),
            // Nothing answers any more.
            "cut" => return self.inject(Fault::CutPower(server)),
            "restore" => return self.inject(Fault::RestorePower(server)),
            "checkstop" => return self.inject(Fault::Checkstop(server)),
            "fail" => return self.inject(Fault::FailServer(server)),
            "on" => WorldCommand::PowerOn { server },
            "off" => WorldCommand::fence(server),
            _ => return Err("is not done to power".to_owned()),
        };
        let hmc = self.world.hmcs().next().ok_or("there is no HMC")?;
        self.world.execute(hmc, &command).map(drop).map_err(|why| why.to_string())
    }

    fn processor(&mut self, name: &str, what: &str) -> Done {
        let server = self.server_id(name)?;
        match what {
            "lose" => self.inject(Fault::HangProcessor(server)),
            "restore" => self.inject(Fault::ReviveProcessor(server)),
            _ => Err("is not done to a service processor".to_owned()),
        }
    }

    fn show(&mut self, name: &str, state: &str) -> Done {
        let server = self.server_id(name)?;
        if state == "truth" {
            return self.inject(Fault::ShowTruth(server));
        }
        let known = SystemState::ALL.into_iter().find(|known| known.as_str() == state);
        self.inject(Fault::ShowAs(server, known.ok_or("is no state of a server")?))
    }

    /// Sets how HMCs list the LPARs of a server.
    fn list(&mut self, server: &str, what: &str) -> Done {
        let list = match what {
            "empty" => ListAs::Empty,
            "off" => ListAs::Off,
            "truth" => ListAs::Truth,
            _ => return Err("is not how LPARs are listed".to_owned()),
        };
        let server = self.server_id(server)?;
        self.inject(Fault::List(server, list))
    }

    /// Sets how HMCs list a copy: the active one, unless a server is given.
    fn listed(&mut self, name: &str, what: &str, server: Option<&str>) -> Done {
        let line = match what {
            "shown" => Line::Shown,
            "hidden" => Line::Hidden,
            "renamed" => Line::Renamed,
            "another" => Line::Another,
            "replaced" => Line::Replaced,
            _ => return Err("is not how an LPAR is listed".to_owned()),
        };
        let lpar = self.lpar_id(name)?;
        let at = match server {
            Some(server) => self.server_id(server)?,
            None => *self.world.active_on(lpar).first().ok_or("it is active nowhere")?,
        };
        self.inject(Fault::ShowLine(at, lpar, line))
    }

    /// Sets the owner's mark on a copy: on every copy, unless a server is given.
    fn owned(&mut self, name: &str, owner: &str, server: Option<&str>) -> Done {
        let lpar = self.lpar_id(name)?;
        let text = if owner == "nobody" { String::new() } else { Mark::text(owner) };
        let servers: Vec<ServerId> = match server {
            Some(server) => vec![self.server_id(server)?],
            None => self.world.servers().filter(|server| self.world.is_defined(*server, lpar)).collect(),
        };
        servers
            .into_iter()
            .try_for_each(|server| self.world.write_description(server, lpar, &text).map_err(|why| why.to_string()))
    }

    /// The link to a server's hypervisor, separate from that to its service processor.
    fn vmi(&mut self, server: &str, what: &str) -> Done {
        let server = self.server_id(server)?;
        match what {
            "lose" => self.inject(Fault::LoseVmi(server)),
            "restore" => self.inject(Fault::RestoreVmi(server)),
            _ => Err("is not done to a link".to_owned()),
        }
    }

    fn vios(&mut self, server: &str, vios: &str, what: &str) -> Done {
        let lpar = self.lpar_id(vios)?;
        let server = self.server_id(server)?;
        match what {
            "down" => self.inject(Fault::Crash(server, lpar)),
            "up" => self.inject(Fault::ForeignStart(server, lpar)),
            _ => Err("is not done to a VIO server".to_owned()),
        }
    }

    fn hmc(&mut self, name: &str, what: &[&str]) -> Done {
        let hmc = self.hmc_id(name)?;
        let time = |text: &str| span(text).map(|span| WorldSpan::millis(span.0)).map_err(|why| why.to_string());
        let times = |text: &str| text.parse::<u8>().map_err(|why| why.to_string());
        let fault = match what {
            ["key", "changes"] => return self.door(name, Some(Door::OtherKey)),
            ["key", "returns"] | ["logins", "accepted"] => return self.door(name, None),
            ["logins", "refused"] => return self.door(name, Some(Door::Refuses)),
            ["down"] => Fault::HmcDown(hmc),
            ["up"] => Fault::HmcUp(hmc),
            ["slow", by] => Fault::SlowHmc(hmc, time(by)?),
            ["off-already", "says"] => Fault::AnswerOff(hmc, OffAlready::Says),
            ["off-already", "accepts"] => Fault::AnswerOff(hmc, OffAlready::Accepts),
            ["off-already", "not-operating"] => Fault::AnswerOff(hmc, OffAlready::NotOperating),
            ["off-already", "unlisted"] => Fault::AnswerOff(hmc, OffAlready::Unlisted),
            ["stale", by] => Fault::DelayViews(hmc, time(by)?),
            ["loses", "answers", n] => Fault::LoseAnswers(hmc, times(n)?),
            ["loses", "commands", n] => Fault::LoseCommands(hmc, times(n)?),
            _ => return Err("is not done to an HMC".to_owned()),
        };
        self.inject(fault)
    }

    fn door(&mut self, hmc: &str, door: Option<Door>) -> Done {
        self.set_door(hmc, door);
        Ok(())
    }

    fn line(&mut self, hmc: &str, server: &str, what: &str) -> Done {
        let (hmc, server) = (self.hmc_id(hmc)?, self.server_id(server)?);
        match what {
            "cut" => self.inject(Fault::CutLine(hmc, server)),
            "mend" => self.inject(Fault::MendLine(hmc, server)),
            _ => Err("is not done to a line".to_owned()),
        }
    }

    /// The resource of this name, if it is one inside nodes.
    fn inside(&self, name: &str) -> Option<Resource> {
        self.ledger.config.resources.get(name).filter(|resource| resource.as_agent().is_some()).cloned()
    }

    /// Acts on the copy on this server, or on the active one.
    fn app_deed(&mut self, what: &[&str], name: &str, server: Option<&str>) -> Done {
        let resource = self.inside(name).ok_or("is not inside a node")?;
        let name = ResourceName::from(name);
        let server = match server {
            Some(server) => ServerName::from(server),
            None => self.apps.active_on(&name).next().cloned().ok_or("it is active nowhere")?,
        };
        let group = self.ledger.config.groups.get(&resource.group);
        if group.is_none_or(|group| !group.servers.contains(&server)) {
            return Err("is not declared there".to_owned());
        }
        self.apps.operation(what, &resource, &name, &server, self.now)
    }

    /// Acts on the copy on this server, or on the active one.
    fn lpar_deed(&mut self, what: &str, name: &str, server: Option<&str>) -> Done {
        let lpar = self.lpar_id(name)?;
        let at = match server {
            Some(server) => self.server_id(server)?,
            None => *self.world.active_on(lpar).first().ok_or("it is active nowhere")?,
        };
        if what == "handstart" {
            self.unseen.insert((lpar, at), false);
        }
        self.inject(match what {
            "crash" => Fault::Crash(at, lpar),
            "hang" => Fault::Hang(at, lpar),
            "wake" => Fault::Resume(at, lpar),
            "panic" => Fault::Panic(at, lpar),
            "shutdown" => Fault::GuestShutdown(at, lpar),
            "handstart" => Fault::ForeignStart(at, lpar),
            "spoil" => Fault::FailStarts(at, lpar, 1),
            "autostart" => Fault::SetAutoStart(at, lpar, true),
            "handstop" | "buttonstop" => {
                let hmc = self.world.hmcs().next().ok_or("there is no HMC")?;
                let how = if what == "handstop" { Stop::Immediate } else { Stop::Delayed };
                let stop = WorldCommand::stop(at, lpar, how);
                return self.world.execute(hmc, &stop).map(drop).map_err(|why| why.to_string());
            }
            _ => return Err("is not understood".to_owned()),
        })
    }

    /// Acts on the current move of an LPAR, or on its next one.
    fn move_deed(&mut self, name: &str, how: &[&str]) -> Done {
        let lpar = self.lpar_id(name)?;
        self.inject(match how {
            ["fails"] => Fault::FailMove(lpar),
            ["sticks"] => Fault::BreakMove(lpar),
            ["slow", by] => Fault::SlowMove(lpar, WorldSpan::millis(span(by).map_err(|why| why.to_string())?.0)),
            _ => return Err("is not done to a move".to_owned()),
        })
    }

    fn inject(&mut self, fault: Fault) -> Done {
        self.world.inject(fault).map_err(|why| why.to_string())
    }

    fn server_id(&self, name: &str) -> Result<ServerId, String> {
        self.world.server(name).ok_or_else(|| format!("there is no server {name}"))
    }

    fn lpar_id(&self, name: &str) -> Result<LparId, String> {
        self.world.lpar(name).ok_or_else(|| format!("there is no LPAR {name}"))
    }

    fn hmc_id(&self, name: &str) -> Result<HmcId, String> {
        self.world.hmc(name).ok_or_else(|| format!("there is no HMC {name}"))
    }
}
