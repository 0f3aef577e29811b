//! Invariants of the model under arbitrary commands and faults in any order.

use super::*;
use proptest::prelude::*;

const SERVERS: u16 = 2;
const LPARS: u16 = 5;

/// The mobile LPAR.
const MOBILE: LparId = LparId(4);

fn command() -> impl Strategy<Value = Command> {
    let stop = prop_oneof![Just(Stop::Delayed), Just(Stop::Immediate), Just(Stop::Os)];
    (0..SERVERS, 0..LPARS, stop, any::<bool>(), 0..9_u8).prop_map(|(server, lpar, stop, flag, kind)| {
        let (server, lpar) = (ServerId(server), LparId(lpar));
        let to = ServerId(1 - server.0);
        match kind {
            0 => Command::start(server, lpar),
            1 => Command::StopLpar { server, lpar, stop, restart: flag },
            2 => Command::PowerOn { server },
            3 | 4 => Command::Migrate { lpar: MOBILE, from: server, to },
            5 => Command::StopMigration { lpar: MOBILE, from: server },
            6 => Command::RecoverMigration { lpar: MOBILE, server },
            7 => Command::RemoteRestart { lpar: MOBILE, from: server, to },
            _ => Command::PowerOff { server, immediate: flag, restart: stop == Stop::Os },
        }
    })
}

fn fault() -> impl Strategy<Value = Fault> {
    (0..SERVERS, 0..LPARS, 0..27_u8).prop_map(|(server, lpar, kind)| {
        let (server, lpar, hmc) = (ServerId(server), LparId(lpar), HmcId(0));
        match kind {
            0 => Fault::Crash(server, lpar),
            1 => Fault::Hang(server, lpar),
            2 => Fault::Resume(server, lpar),
            3 => Fault::Panic(server, lpar),
            4 => Fault::GuestShutdown(server, lpar),
            5 => Fault::FailStarts(server, lpar, 1),
            6 => Fault::SetAutoStart(server, lpar, true),
            7 => Fault::CutPower(server),
            8 | 9 => Fault::RestorePower(server),
            10 => Fault::TripPower(server),
            11 => Fault::Checkstop(server),
            12 => Fault::FailServer(server),
            13 => Fault::HangProcessor(server),
            14 => Fault::ReviveProcessor(server),
            15 => Fault::CutLine(hmc, server),
            16 => Fault::MendLine(hmc, server),
            17 => Fault::HmcDown(hmc),
            18 | 19 => Fault::HmcUp(hmc),
            20 => Fault::LoseAnswers(hmc, 1),
            21 => Fault::LoseCommands(hmc, 1),
            23 => Fault::FailMove(MOBILE),
            24 => Fault::BreakMove(MOBILE),
            25 => Fault::SlowMove(MOBILE, Span::seconds(3)),
            22 => Fault::ShowAs(server, SystemState::Recovery),
            _ => Fault::ShowTruth(server),
        }
    })
}

#[derive(Clone, Debug)]
enum Step {
    Submit(Command),
    Inject(Fault),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => command().prop_map(Step::Submit),
        2 => fault().prop_map(Step::Inject),
        3 => (0..3_000_u64).prop_map(Step::Pass),
    ]
}

fn take(world: &mut World, step: &Step) {
    match step {
        Step::Submit(command) => {
            world.submit(HmcId(0), command.clone());
        }
        Step::Inject(fault) => {
            // Many do nothing in the current state.
            let _ = world.inject(*fault);
        }
        Step::Pass(millis) => world.advance_to(world.now() + Span::millis(*millis)),
    }
}

fn tiny(jitter_percent: u8) -> World {
    let mut spec = WorldSpec::demo(DemoOptions { servers: SERVERS.into(), lpars: 2, hmcs: 1 });
    spec.timings.jitter_percent = jitter_percent;
    spec.servers[0].auto_power_restart = true;
    let mobile =
        LparSpec { running_on: Some("p1".into()), auto_start: true, ..LparSpec::mobile("mobile", ["p1", "p2"]) };
    spec.lpars.push(mobile);
    World::new(spec, 3).unwrap()
}

proptest! {
    /// Invariants: no LPAR runs without power or room, time never goes back, an HMC that is connected and not delayed
    /// shows the truth, every LPAR is always defined somewhere, no switchover makes a second copy, and passing time
    /// in two steps has the same result as in one.
    #[test]
    fn the_model_stays_a_world(steps in proptest::collection::vec(step(), 1..60)) {
        let (mut whole, mut split) = (tiny(20), tiny(20));
        for step in &steps {
            take(&mut whole, step);
            if let Step::Pass(millis) = step {
                take(&mut split, &Step::Pass(millis / 2));
                take(&mut split, &Step::Pass(millis - millis / 2));
            } else {
                take(&mut split, step);
            }
            prop_assert!(whole.next_event().is_none_or(|next| next > whole.now()) || whole.under_way() > 0);
            let verdict = whole.verdict();
            prop_assert!(verdict.unpowered.is_empty() && verdict.overloads.is_empty());
            prop_assert!(verdict.lost.is_empty() && whole.lost().is_none());
            let both = |m: Move| whole.is_defined(m.from, MOBILE) && whole.is_defined(m.to, MOBILE);
            prop_assert!(whole.moving(MOBILE).is_none_or(both));
            prop_assert_eq!(whole.conflict().is_some(), whole.violations().iter().any(|o| o.until.is_none()));
        }
        for overlap in whole.violations() {
            let second = |entry: &&Entry| match entry.change {
                Change::Lpar { server, lpar, .. } => {
                    (entry.at, server, lpar) == (overlap.from, overlap.second, overlap.lpar)
                }
                _ => false,
            };
            let caused = |entry: &Entry| matches!(entry.change, Change::Lpar { cause: Cause::Migration, .. });
            prop_assert!(!whole.history().entries().iter().filter(second).any(caused), "a switchover made a second copy");
        }
        prop_assert_eq!(whole.fingerprint(), split.fingerprint());
        prop_assert_eq!(whole.history().entries(), split.history().entries());
        prop_assert!(whole.history().entries().is_sorted_by_key(|entry| entry.at));
        whole.advance_to(whole.now() + Span::seconds(3_600));
        prop_assert_eq!(whole.next_event(), None, "without commands and faults a world comes to rest");
        for server in whole.servers() {
            let Ok(reading) = whole.read(HmcId(0), server) else { continue };
            if reading.connection == Connection::Connected && reading.system == SystemState::Operating {
                prop_assert_eq!(reading.lpar(MOBILE).is_some(), whole.is_defined(server, MOBILE));
                for lpar in &reading.lpars {
                    prop_assert_eq!(Some(lpar.state), whole.listed(server, lpar.lpar));
                }
            }
        }
    }
}
