//! Faults of servers, service processors, VIO servers, HMCs and LPARs, and requests of operators.

use super::Nemesis;
use crate::{cluster::Site, operators::Answered, seat::Seat};
use std::sync::Arc;
use tenure_core::{GroupName, NodeName, ResourceName, ServerName, Span, Verb, command::Request};
use tenure_model::world::{Command, Fault, Guest, HmcId, LparId, Power, ServerId, Span as WorldSpan, Stop};

impl Nemesis {
    fn a_server(&mut self) -> (String, ServerId) {
        let servers: Vec<(String, ServerId)> =
            self.site.hardware.with(|world| world.servers().map(|id| (world.server_name(id).to_owned(), id)).collect());
        servers[self.roll(servers.len())].clone()
    }

    fn an_hmc(&mut self) -> HmcId {
        let hmcs: Vec<HmcId> = self.site.hardware.with(|world| world.hmcs().collect());
        hmcs[self.roll(hmcs.len())]
    }

    /// An LPAR of the cluster, and a server on which it is active.
    fn an_lpar(&mut self) -> Option<(LparId, ServerId)> {
        let names = self.resources.clone();
        let name = self.one_of(&names);
        self.site.hardware.with(|world| {
            let lpar = world.lpar(&name)?;
            Some((lpar, *world.active_on(lpar).first()?))
        })
    }

    pub(super) fn hit_world(&mut self) {
        let (name, server) = self.a_server();
        let hmc = self.an_hmc();
        let slow = WorldSpan::millis([0, 0, 2_000, 8_000][self.roll(4)]);
        match self.roll(30) {
            0..=4 => {
                if let Some((lpar, at)) = self.an_lpar() {
                    self.hit("lpar: crash", Fault::Crash(at, lpar), None);
                }
            }
            5 => {
                if let Some((lpar, at)) = self.an_lpar() {
                    match self.roll(3) {
                        0 => self.hit("lpar: hang", Fault::Hang(at, lpar), Some(Fault::Resume(at, lpar))),
                        1 => self.hit("lpar: panic", Fault::Panic(at, lpar), None),
                        _ => self.hit("lpar: shuts itself down", Fault::GuestShutdown(at, lpar), None),
                    };
                }
            }
            6 => {
                if let Some((lpar, at)) = self.an_lpar() {
                    self.hit("lpar: next start fails", Fault::FailStarts(at, lpar, 1), None);
                }
            }
            drawn @ 7..=14 => {
                let (what, fault) = match drawn {
                    7 | 8 => ("server: power tripped", Fault::TripPower(server)),
                    9 | 10 => ("server: power cut", Fault::CutPower(server)),
                    11 | 12 => ("server: checkstop", Fault::Checkstop(server)),
                    _ => ("server: failed", Fault::FailServer(server)),
                };
                self.hit(what, fault, None);
                self.later(move |site| {
                    power_up(site, hmc, server);
                    raise_homes(site);
                });
            }
            15 => {
                self.hit(
                    "service processor: hangs",
                    Fault::HangProcessor(server),
                    Some(Fault::ReviveProcessor(server)),
                );
            }
            16 => self.hit("hmc: down", Fault::HmcDown(hmc), Some(Fault::HmcUp(hmc))),
            17 => self.hit("hmc: slow", Fault::SlowHmc(hmc, slow), Some(Fault::SlowHmc(hmc, WorldSpan::ZERO))),
            18 => self.hit("hmc: stale", Fault::DelayViews(hmc, slow), Some(Fault::DelayViews(hmc, WorldSpan::ZERO))),
            19 | 20 => self.hit("hmc: answer lost", Fault::LoseAnswers(hmc, 1), None),
            21 => self.hit("hmc: command lost", Fault::LoseCommands(hmc, 1), None),
            22 => self.hit("hmc: line cut", Fault::CutLine(hmc, server), Some(Fault::MendLine(hmc, server))),
            23 => self.hit_vios(&name, server),
            24..=26 => self.hit_home(&name, server),
            _ => self.hit_inside(&name),
        }
    }

    /// Injects a fault, and `undo` after a while.
    fn hit(&mut self, what: &'static str, fault: Fault, undo: Option<Fault>) {
        self.site.hardware.inject(what, fault);
        if let Some(undo) = undo {
            self.later(move |site| {
                // The fault may have ended in another way.
                let _ = site.hardware.with(|world| world.inject(undo));
            });
        }
    }

    fn hit_vios(&mut self, name: &str, server: ServerId) {
        let vios = self.site.hardware.with(|world| world.lpar(&format!("{name}-vios1")));
        if let Some(vios) = vios {
            self.hit("vios: down", Fault::Crash(server, vios), Some(Fault::ForeignStart(server, vios)));
        }
    }

    /// A fault of the LPAR of the node on a server.
    fn hit_home(&mut self, name: &str, server: ServerId) {
        let Some(lpar) = self.site.hardware.with(|world| world.lpar(&format!("node-{name}"))) else { return };
        match self.roll(3) {
            0 => self.hit("node: LPAR hangs", Fault::Hang(server, lpar), Some(Fault::Resume(server, lpar))),
            _ => self.hit("node: LPAR crashes", Fault::Crash(server, lpar), None),
        }
        self.later(|site| raise_homes(site));
    }

    /// A fault of a resource inside the node on a server.
    fn hit_inside(&mut self, server: &str) {
        let Some((_, process, raft)) = self.site.leader() else { return };
        let config = process.act(|| raft.state(|judged| Arc::clone(&judged.ledger().config)));
        let names = self.resources.clone();
        let name = ResourceName::from(self.one_of(&names));
        let Some(resource) = config.resources.get(&name).filter(|resource| resource.as_agent().is_some()) else {
            return;
        };
        let resource = resource.clone();
        let there = config.groups.get(&resource.group).is_some_and(|group| group.servers.contains(&server.into()));
        let what = self.pick(&["crash", "crash", "hang", "hang", "stick", "spoil", "deaf", "handstop"]);
        if there {
            self.site.counts.count("inside: something happens");
            self.site.trace.tell(format!("{what} {name} on {server}"));
            let done = self
                .site
                .hardware
                .inside(|apps, now| apps.operation(&[what], &resource, &name, &ServerName::from(server), now));
            drop(done);
            let server = ServerName::from(server);
            self.later(move |site| {
                site.hardware.inside(|apps, now| {
                    for what in ["wake", "unstick"] {
                        let _ = apps.operation(&[what], &resource, &name, &server, now);
                    }
                });
            });
        }
    }

    /// Makes an operator's request.
    pub(super) async fn ask(&mut self) {
        let groups = self.groups.clone();
        let group = GroupName::from(self.one_of(&groups));
        let names = self.resources.clone();
        let resource = ResourceName::from(self.one_of(&names));
        let (name, id) = self.a_server();
        let server = ServerName::from(name.as_str());
        let verb = match self.roll(22) {
            0 | 1 => Verb::Online { group, server: None, propagate: true },
            2 => Verb::Offline { group, propagate: false },
            3..=5 => Verb::Switch { group, server },
            6 => Verb::Freeze { group, terms: Default::default() },
            7 => Verb::Unfreeze { group },
            8 | 9 => Verb::Clear { group, server: None },
            10 => Verb::Restart { resource },
            11 => Verb::Drain { server, terms: Default::default() },
            12 => Verb::Undrain { server, bring_back: true },
            13 => Verb::FreezeServer { server, terms: Default::default() },
            14 => Verb::UnfreezeServer { server },
            15 => Verb::Disarm { terms: Default::default() },
            16 | 17 => Verb::Arm,
            18 => {
                let Some(request) = self.timings() else { return };
                let seat = self.roll(self.site.seats.len());
                return self.put(&Arc::clone(&self.site.seats[seat]), request).await;
            }
            19 => Verb::Migrate { group, server },
            // The operator's statement is true, or is not made.
            20 => match self.site.hardware.with(|world| world.power(id)) {
                Power::Dead | Power::Off | Power::Failed => Verb::ConfirmOff { server },
                _ => return,
            },
            _ if self.site.hardware.guest(Some(&server)) == Guest::Off => {
                Verb::ConfirmNodeOff { node: NodeName::from(format!("n{}", &name[1..])) }
            }
            _ => return,
        };
        let seat = self.roll(self.site.seats.len());
        let seat = Arc::clone(&self.site.seats[seat]);
        let back = match &verb {
            Verb::Offline { group, .. } => Some(Verb::Online { group: group.clone(), server: None, propagate: true }),
            Verb::Freeze { group, .. } => Some(Verb::Unfreeze { group: group.clone() }),
            Verb::Drain { server, .. } => Some(Verb::Undrain { server: server.clone(), bring_back: true }),
            Verb::FreezeServer { server, .. } => Some(Verb::UnfreezeServer { server: server.clone() }),
            Verb::Disarm { .. } => Some(Verb::Arm),
            _ => None,
        };
        if let Some(back) = back {
            self.ask_later(&seat, back);
        }
        self.put(&seat, verb).await;
    }

    async fn put(&self, seat: &Seat, request: impl Into<Request>) {
        if self.operators.request(&self.site, seat, request).await == Answered::Taken {
            self.site.counts.count("operator: request taken");
        }
    }

    /// A new configuration with shorter or longer times.
    fn timings(&mut self) -> Option<Request> {
        let (_, process, raft) = self.site.leader()?;
        let config = process.act(|| raft.state(|judged| Arc::clone(&judged.ledger().config)));
        let mut cluster = (*config).clone();
        cluster.timings.lease = Span::seconds([2, 3, 8][self.roll(3)]);
        cluster.timings.settle = Span::seconds([8, 30, 60][self.roll(3)]);
        self.site.counts.count("operator: configures");
        Some(Request::Configure { cluster: Arc::new(cluster), strand: false })
    }

    /// Repairs everything in the world.
    pub(crate) fn mend_world(&mut self) {
        let hmcs: Vec<HmcId> = self.site.hardware.with(|world| world.hmcs().collect());
        self.site.hardware.with(|world| {
            for &hmc in &hmcs {
                let _ = world.inject(Fault::HmcUp(hmc));
                for fault in [
                    Fault::SlowHmc(hmc, WorldSpan::ZERO),
                    Fault::DelayViews(hmc, WorldSpan::ZERO),
                    Fault::LoseAnswers(hmc, 0),
                    Fault::LoseCommands(hmc, 0),
                ] {
                    let _ = world.inject(fault);
                }
            }
            for server in world.servers() {
                let _ = world.inject(Fault::ReviveProcessor(server));
                world.set_lines(server, true);
                let lpars: Vec<LparId> = world.lpars().collect();
                for lpar in lpars {
                    let _ = world.inject(Fault::Resume(server, lpar));
                }
            }
        });
        let servers: Vec<ServerId> = self.site.hardware.with(|world| world.servers().collect());
        let hmc = self.an_hmc();
        servers.into_iter().for_each(|server| power_up(&self.site, hmc, server));
        // LPARs that panicked stay so, and nobody else starts them.
        raise_homes(&self.site);
        let config = self
            .site
            .leader()
            .map(|(_, process, raft)| process.act(|| raft.state(|judged| Arc::clone(&judged.ledger().config))));
        let Some(config) = config else { return };
        self.site.hardware.inside(|apps, now| {
            for (name, resource) in config.resources.iter().filter(|(_, resource)| resource.as_agent().is_some()) {
                let Some(group) = config.groups.get(&resource.group) else { continue };
                for server in &group.servers {
                    for what in ["wake", "unstick"] {
                        let _ = apps.operation(&[what], resource, name, server, now);
                    }
                }
            }
        });
    }

    /// Stops the management LPARs that read Error, so that they can be started again.
    pub(crate) fn clear_homes(&mut self) {
        let hmc = self.an_hmc();
        self.site.hardware.with(|world| {
            for (server, lpar) in world.management() {
                if world.guest(server, lpar) == Guest::Off {
                    let _ = world.execute(hmc, &Command::stop(server, lpar, Stop::Immediate));
                }
            }
        });
    }
}

/// Brings a server back to Operating.
fn power_up(site: &Site, hmc: HmcId, server: ServerId) {
    site.hardware.with(|world| {
        let _ = match world.power(server) {
            Power::Dead => world.inject(Fault::RestorePower(server)).is_ok(),
            Power::Failed | Power::Dumping { .. } => world.execute(hmc, &Command::fence(server)).is_ok(),
            _ => world.execute(hmc, &Command::PowerOn { server }).is_ok(),
        };
    });
}

/// Brings the LPARs of nodes back to Running.
fn raise_homes(site: &Site) {
    site.hardware.with(|world| {
        for (server, lpar) in world.management() {
            let _ = match world.guest(server, lpar) {
                Guest::Off => world.inject(Fault::ForeignStart(server, lpar)).is_ok(),
                Guest::Frozen => world.inject(Fault::Resume(server, lpar)).is_ok(),
                Guest::Running => true,
            };
        }
    });
}
