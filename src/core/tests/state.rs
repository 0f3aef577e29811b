//! What is asked of the ledger's state in many places, by truth table.

use crate::site;
use tenure_core::{
    OrderId, SystemState, Time, Verb,
    ledger::{OffProof, ServerState},
    note::OffHow,
};

#[test]
fn a_server_works_that_reads_operating_live_and_is_not_proven_off() {
    let proof = || {
        let how = OffHow::Fenced { order: OrderId { index: 1, ordinal: 0 }, by: "n2".into() };
        Some(OffProof { how, index: 2, at: Time(1) })
    };
    let works = |live, system, off| ServerState { live, system, off, ..ServerState::default() }.is_working();
    assert!(works(true, SystemState::Operating, None));
    assert!(!works(false, SystemState::Operating, None));
    assert!(!works(true, SystemState::Standby, None));
    assert!(!works(true, SystemState::Operating, proof()));
}

#[test]
fn the_history_of_a_group_is_what_its_records_say_newest_first() {
    let mut case = site::Case::watched(site::with_web(site::site(2), "web1", site::web1()));
    for verb in [Verb::Freeze { group: "web".into() }, Verb::Disarm, Verb::Unfreeze { group: "web".into() }] {
        assert_eq!(case.ask(verb).refusal(), None);
    }
    let told = |group: &str| -> Vec<String> {
        case.ledger.history(&group.into()).map(|record| record.note.to_string()).collect()
    };
    let [unfrozen, frozen, ..] = &told("web")[..] else { panic!("{:?}", told("web")) };
    assert_eq!(
        (unfrozen.as_str(), frozen.as_str()),
        ("group web: unfreeze, asked by ann", "group web: freeze, asked by ann")
    );
    assert_eq!(told("other"), Vec::<String>::new());
}
