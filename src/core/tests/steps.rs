//! Single steps of the execution of an order, by what is read.

use crate::{
    execution::{order, start, stop, word},
    scene::Scene,
    site,
};
use tenure_core::{
    Action, Order, Power, Reading, Seen, ServerName, Span, SystemState,
    config::{Kind, OperatingSystem},
    execution::{Answer, Execution, Next, START_SHOWS},
    listing::{Listed, Remark},
    order::{Ending, Epoch},
};

fn execution(order: Order) -> Execution {
    Execution::new(order, &["p1", "p2"].map(ServerName::from))
}

fn reads(server: &str, power: Power) -> Reading {
    Reading { since: 9, copies: [("web1".into(), power)].into(), ..site::reading(server) }
}

/// The next question, or how it ended.
fn next(execution: &mut Execution, answer: Answer, at: u64) -> Result<String, Ending> {
    match execution.next(answer, Span(at)) {
        Next::Ask(ask) => Ok(word(&ask)),
        Next::Wait => Ok("wait".to_owned()),
        Next::Report(report) => Err(report.ending),
    }
}

fn read(execution: &mut Execution, reading: Reading, at: u64) -> Result<String, Ending> {
    next(execution, Answer::Read(reading), at)
}

fn asks(what: &str) -> Result<String, Ending> {
    Ok(what.to_owned())
}

fn fence_node() -> Execution {
    execution(order(Action::FenceNode { node: "n1".into() }))
}

#[test]
fn an_ibm_i_is_known_by_its_declaration() {
    for (os, stopped) in [(OperatingSystem::AixLinux, "cut off"), (OperatingSystem::IbmI, "shut down")] {
        let mut cluster = site::with_web(site::site(2), "web1", site::web1());
        if let Some(Kind::Lpar(lpar)) = cluster.resources.get_mut("web1").map(|resource| &mut resource.kind) {
            lpar.os = os;
        }
        let mut execution = Execution::of(&Scene::new(cluster).ledger, &stop(0));
        assert_eq!(read(&mut execution, reads("p1", Power::Running), 10), asks(stopped), "{os:?}");
    }
}

#[test]
fn an_lpar_that_is_not_the_declared_one_is_left_alone() {
    let owner = Remark::Owner { cluster: "other".into() };
    for (remark, alone) in [(owner.clone(), true), (Remark::Word("odd".into()), false)] {
        for (order, power, done) in [(stop(0), Power::Running, "cut off"), (start(&[]), Power::Off, "start")] {
            let mut execution = execution(order);
            if done == "start" {
                assert_eq!(read(&mut execution, reads("p2", Power::Off), 10), asks("wait"));
            }
            let mut reading = reads("p1", power);
            reading.listed.insert("web1".into(), Listed { uuid: None, remark: Some(remark.clone()) });
            let said = format!("it reads {power} on p1: {owner}");
            let expected = if alone { Err(Ending::NotDone(said.into())) } else { asks(done) };
            assert_eq!(read(&mut execution, reading, 20), expected, "{remark}");
        }
    }
}

#[test]
fn an_accepted_start_may_take_a_while_to_show() {
    let after = |at: u64| {
        let mut execution = execution(start(&[]));
        assert_eq!(read(&mut execution, reads("p2", Power::Off), 10), asks("wait"));
        assert_eq!(read(&mut execution, reads("p1", Power::Off), 20), asks("start"));
        assert_eq!(next(&mut execution, Answer::Accepted, 30), asks("read p1"));
        read(&mut execution, reads("p1", Power::Off), at)
    };
    let shows = 30 + START_SHOWS.0;
    assert_eq!(after(40), asks("pause 100ms"));
    assert_eq!(after(shows - 1), asks("pause 100ms"));
    assert_eq!(after(shows), Err(Ending::Unknown("it was accepted, and reads Off".into())));
}

#[test]
fn a_server_is_off_that_reads_so_live() {
    for (system, live, done) in [
        (SystemState::PowerOff, true, true),
        (SystemState::PowerOff, false, false),
        (SystemState::PoweringOff, true, false),
        (SystemState::Operating, true, false),
    ] {
        let mut execution = execution(order(Action::Fence));
        let down = Reading { since: 9, system: SystemState::Error, ..site::reading("p1") };
        assert_eq!(read(&mut execution, down, 10), asks("power off"));
        assert_eq!(next(&mut execution, Answer::Accepted, 20), asks("read p1"));
        let expected = if done { Err(Ending::Done) } else { asks("pause 100ms") };
        assert_eq!(
            read(&mut execution, Reading { since: 9, system, live, ..site::reading("p1") }, 30),
            expected,
            "{system} {live}"
        );
    }
}

#[test]
fn the_lpar_of_a_node_is_cut_off_where_it_can_be_read_and_is_off_when_it_reads_so() {
    let node = |node, system| Reading { since: 9, node, system, ..site::reading("p1") };
    let up = SystemState::Operating;
    for system in [SystemState::Initializing, SystemState::Error, SystemState::NoConnection] {
        let not_done = Err(Ending::NotDone(format!("p1 reads {system}").into()));
        assert_eq!(read(&mut fence_node(), node(Power::Running, system), 10), not_done);
    }
    assert_eq!(read(&mut fence_node(), node(Power::Off, up), 10), Err(Ending::Done));
    for (power, done) in [(Power::Off, true), (Power::Running, false), (Power::Unknown, false)] {
        let mut execution = fence_node();
        assert_eq!(read(&mut execution, node(Power::Running, up), 10), asks("cut off the node"));
        assert_eq!(next(&mut execution, Answer::Accepted, 20), asks("read p1"));
        let expected = if done { Err(Ending::Done) } else { asks("pause 100ms") };
        assert_eq!(read(&mut execution, node(power, up), 30), expected, "{power}");
    }
}

#[test]
fn no_other_server_is_read_for_what_lives_inside_a_node() {
    let mut execution = execution(start(&[])).inside(true);
    assert_eq!(word(&execution.first()), "start");
    assert_eq!(next(&mut execution, Answer::Accepted, 10), asks("look"));
    let seen = Seen { power: Power::Running, since: 9, ..Seen::default() };
    assert_eq!(next(&mut execution, Answer::Probed(seen), 20), Err(Ending::Done));
}

#[test]
fn a_move_that_is_under_way_is_only_looked_at() {
    let first = |here: Power, there: Power| {
        let (group, resource, to) = ("web".into(), "web1".into(), "p2".into());
        let mut execution = execution(order(Action::Migrate { group, resource, epoch: Epoch(1), to }));
        assert_eq!(word(&execution.first()), "read p2");
        assert_eq!(read(&mut execution, reads("p2", there), 10), asks("read p1"));
        read(&mut execution, reads("p1", here), 20)
    };
    assert_eq!(first(Power::Running, Power::Absent), asks("migrate to p2"));
    for (here, there) in [
        (Power::Moving, Power::Moving),
        (Power::Moving, Power::Absent),
        (Power::Running, Power::Moving),
        (Power::Absent, Power::Moving),
    ] {
        assert_eq!(first(here, there), asks("read p2"), "{here} {there}");
    }
}
