//! The rules of a node, each by itself: for every rule that is left out, a test here fails.

use tenure_core::{
    Command, Ledger, Moment, NodeName, Order, OrderId, ServerName, Span, Time,
    config::Timings,
    ledger::{Leases, NodeState},
    node::{ClusterClock, Granted, Leading, Lease, Past, surely_over, usable},
    order::{Action, Ending, Epoch},
};

const FRESH: Span = Span(1_000);
const LEASE: Span = Span(3_000);
const T: Moment = Moment(100_000);

fn p(n: u8) -> NodeName {
    NodeName::from(format!("p{n}"))
}

fn ledger() -> Ledger {
    let nodes = (1..=3).map(|n| (p(n), NodeState::default())).collect();
    Ledger { index: 7, nodes, ..Ledger::default() }
}

fn leading() -> Leading {
    let mut leading = Leading::new(None, FRESH, T);
    leading.caught_up();
    leading.hear(&p(2), true, T);
    leading
}

fn over(leading: &Leading, node: &NodeName, at: Moment) -> bool {
    leading.view([node].into_iter(), &Timings::default(), at).nodes[node].lease_over
}

#[test]
fn a_lease_counts_from_the_asking_and_has_the_floor_of_the_leader() {
    let granted = leading().lease(&p(2), &ledger(), Some(Span(10)), T).expect("granted");
    assert_eq!(granted, Granted { lasts: LEASE, floor: 7, confirmed: T.before(Span(10)) });
}

#[test]
fn no_lease_without_a_quorum_that_has_answered_lately() {
    let mut leading = leading();
    assert_eq!(leading.lease(&p(2), &ledger(), None, T), None);
    assert_eq!(leading.lease(&p(2), &ledger(), Some(FRESH), T), None);
    assert!(leading.lease(&p(2), &ledger(), Some(Span(999)), T).is_some());
}

#[test]
fn no_lease_before_what_was_committed_earlier_is_applied() {
    let mut leading = Leading::new(None, FRESH, T);
    leading.hear(&p(2), true, T);
    assert_eq!(leading.lease(&p(2), &ledger(), Some(Span(0)), T), None);
    assert!(!leading.is_ready());
}

#[test]
fn no_lease_for_whom_the_ledger_has_given_up_or_does_not_know_or_the_leader_is_about_to_give_up() {
    let mut leading = leading();
    leading.proposes(&[Command::LapseNode(p(2))]);
    assert_eq!(leading.lease(&p(2), &ledger(), Some(Span(0)), T), None);
    leading.proposed(true);
    assert!(leading.lease(&p(2), &ledger(), Some(Span(0)), T).is_some());
    leading.proposes(&[Command::SuspendLeases(p(2))]);
    assert_eq!(leading.lease(&p(2), &ledger(), Some(Span(0)), T), None);
    leading.proposed(true);
    let mut suspended = ledger();
    suspended.nodes.get_mut(&p(2)).expect("declared").leases = Leases::Suspended { from: 3 };
    assert_eq!(leading.lease(&p(2), &suspended, Some(Span(0)), T), None);
    leading.hear(&p(9), true, T);
    assert_eq!(leading.lease(&p(9), &ledger(), Some(Span(0)), T), None);
}

#[test]
fn whom_a_proposal_gives_up_that_may_still_be_committed_is_granted_nothing() {
    let mut leading = leading();
    let granted = |leading: &mut Leading| leading.lease(&p(2), &ledger(), Some(Span(0)), T).is_some();
    leading.proposes(&[Command::LapseNode(p(2))]);
    leading.log(8, 7, T);
    leading.proposed(false);
    leading.log(8, 7, T);
    assert!(!granted(&mut leading), "its deadline has passed, and it is in the log of this leader");
    leading.log(8, 8, T);
    assert!(granted(&mut leading), "all of the log is applied: the ledger knows by now, or it never came in");
    // A command that is proposed later and committed comes after it.
    leading.proposes(&[Command::LapseNode(p(2))]);
    leading.proposed(false);
    leading.proposes(&[Command::TakeBackNode(p(3))]);
    leading.proposed(true);
    assert!(granted(&mut leading));
}

#[test]
fn a_leader_that_gets_nothing_committed_grants_nothing() {
    let mut leading = leading();
    let timings = Timings::default();
    let patience = timings.suspect.plus(timings.lease);
    let mut granted = |last, applied, at| {
        leading.log(last, applied, at);
        let quorum = Some(Span(0));
        let lease = leading.lease(&p(2), &ledger(), quorum, at).is_some();
        assert_eq!(leading.index(&ledger(), quorum, at).is_some(), lease);
        lease
    };
    assert!(granted(7, 7, T));
    assert!(granted(9, 7, T.after(Span(60_000))), "it has only begun to wait");
    let begun = T.after(Span(60_000));
    assert!(granted(12, 7, begun.after(patience)));
    assert!(!granted(12, 7, begun.after(patience).after(Span(1))), "heartbeats are answered, and nothing is committed");
    assert!(granted(12, 8, begun.after(patience).after(Span(2))), "it goes on");
    assert!(granted(12, 12, begun.after(Span(600_000))), "there is nothing to commit");
}

#[test]
fn a_lease_that_went_out_is_not_over_before_it_has_ended_on_the_slowest_clock() {
    let mut leading = leading();
    let late = T.after(Span(60_000));
    leading.hear(&p(2), true, late);
    leading.lease(&p(2), &ledger(), Some(Span(0)), late).expect("granted");
    let least = late.after(surely_over(LEASE));
    assert!(!over(&leading, &p(2), least));
    assert!(over(&leading, &p(2), least.after(Span(1))));
    // The part of the lease that the node uses, on a clock 5 % slow, ends before that.
    assert!(usable(LEASE).0 * 105 / 100 <= LEASE.0);
    assert!(surely_over(LEASE).0 >= LEASE.0 * 105 / 100 + 250);
}

#[test]
fn a_node_that_is_heard_is_asked_and_not_given_up() {
    let mut leading = leading();
    let late = T.after(Span(60_000));
    leading.hear(&p(2), true, late);
    assert!(!over(&leading, &p(2), late));
}

/// An old leader may take a quorum's answers for fresh after another was elected: by a voter that was restarted and
/// votes at once, or by a transfer. The last of those answers was sent before the election.
#[test]
fn a_new_leader_waits_for_leases_that_an_old_one_grants_after_the_election() {
    let elected = Leading::new(None, FRESH, T);
    // The quorum answered the old leader at the moment of the election, and that one grants until the answer is old.
    let mut old = leading();
    let last = T.after(FRESH).before(Span(1));
    old.hear(&p(3), true, last);
    let granted = old.lease(&p(3), &ledger(), Some(last.since(T)), last).expect("it does not know yet");
    let mut lease = Lease::over(T);
    lease.renew(last, usable(granted.lasts), granted.floor);
    let ends = (0..10_000).map(|ms| last.after(Span(ms))).find(|at| lease.left(*at) == Span(0)).expect("it ends");
    assert!(!over(&elected, &p(3), ends), "called over at {ends:?} though it is good until then");
    assert!(over(&elected, &p(3), T.after(FRESH).after(surely_over(LEASE)).after(Span(1))));
}

#[test]
fn the_leader_before_is_silent_since_it_was_last_heard_but_its_lease_counts_from_the_change() {
    let leading = Leading::new(Some((p(1), T.before(Span(60_000)))), FRESH, T);
    let seen = leading.view([&p(1)].into_iter(), &Timings::default(), T).nodes[&p(1)];
    assert_eq!((seen.silence, seen.heard, seen.lease_over), (Span(60_000), false, false));
}

#[test]
fn a_lease_covers_a_command_that_ends_within_it_on_a_node_that_knows_enough() {
    let mut lease = Lease::over(T);
    assert!(!lease.covers(10, T));
    lease.renew(T, LEASE, 5);
    assert!(lease.covers(5, T) && !lease.covers(4, T));
    // An older answer does not shorten it; its last moments cover nothing.
    lease.renew(T, Span(0), 9);
    assert!(lease.covers(5, T.after(Span(2_699))) && !lease.covers(5, T.after(Span(2_700))));
    assert_eq!((lease.left(T.after(Span(2_700))), lease.over_for(T.after(LEASE))), (Span(300), Span(0)));
    assert_eq!(lease.over_for(T.after(Span(3_500))), Span(500));
    // Given up after its end, it was over since its end; before, since then.
    lease.give_up(T.after(Span(3_500)));
    assert_eq!(lease.over_for(T.after(Span(4_000))), Span(1_000));
    lease.give_up(T.after(Span(1_000)));
    assert!(!lease.covers(10, T.after(Span(1_000))));
    assert_eq!(lease.over_for(T.after(Span(4_000))), Span(3_000));
}

#[test]
fn cluster_time_goes_on_from_the_ledger_and_no_wall_clock_moves_it() {
    let (known, hours_ahead) = (Time(5_000), Time(7_205_000));
    let mut clock = ClusterClock::new(known, hours_ahead, T);
    assert_eq!(clock.now(T.after(Span(10))), Time(5_010));
    // A time read again from disk does not turn it back; the stamp of another node does; and it always goes forward.
    clock.follow(Time(4_000), false, T.after(Span(20)));
    assert_eq!(clock.now(T.after(Span(20))), Time(5_020));
    clock.follow(Time(4_000), true, T.after(Span(20)));
    assert_eq!(clock.now(T.after(Span(21))), Time(4_001));
    clock.follow(Time(9_000), false, T.after(Span(30)));
    assert_eq!(clock.now(T.after(Span(30))), Time(9_000));
    // Without a stored time there is nothing to wait for.
    assert_eq!(ClusterClock::new(Time(0), hours_ahead, T).now(T), hours_ahead);
}

fn order(index: u64, action: Action) -> Order {
    let id = OrderId { index, ordinal: 0 };
    Order { id, node: p(1), server: ServerName::from("p1"), action, issued: Time(1), budget: Span(1_000) }
}

fn actions() -> Vec<Action> {
    let (group, resource, to) = ("web".into(), "web1".into(), ServerName::from("p2"));
    let start = Action::Start {
        group: tenure_core::GroupName::clone(&group),
        resource: tenure_core::ResourceName::clone(&resource),
        epoch: Epoch(1),
        vouched: Default::default(),
        home: None,
    };
    vec![
        start,
        Action::Stop { resource: resource.clone(), grace: Span(0) },
        Action::Fence,
        Action::FenceNode { node: p(2) },
        Action::Migrate { group, resource: resource.clone(), epoch: Epoch(1), to: to.clone() },
        Action::StopMigration { resource, from: to.clone(), to },
    ]
}

/// All actions that may still take effect: a start, a stop, a move, a power-off.
#[test]
fn what_an_earlier_process_may_have_sent_is_never_said_to_be_not_done() {
    let mut past = Past::new(20);
    past.heard(25);
    for action in actions() {
        for ending in [Ending::NotDone("why".into()), Ending::Refused("why".into())] {
            for index in [3, 20, 21, 25] {
                let order = order(index, action.clone());
                let said = past.doubt(&order, ending.clone());
                assert!(matches!(said, Ending::Unknown(_)), "{action}, order {index}: {said}");
            }
            // The process existed before this order: no other can have sent it.
            assert_eq!(past.doubt(&order(26, action.clone()), ending.clone()), ending);
        }
        assert_eq!(past.doubt(&order(3, action), Ending::Done), Ending::Done);
    }
}

#[test]
fn a_process_that_no_leader_has_answered_knows_nothing_and_what_its_disk_held_counts_in_any_case() {
    let mut past = Past::new(20);
    assert!(past.covers(&order(1_000, Action::Fence)));
    past.heard(10);
    assert!(past.covers(&order(20, Action::Fence)));
    assert!(!past.covers(&order(21, Action::Fence)));
    // Later answers say nothing of the time before the first one.
    past.heard(500);
    assert!(!past.covers(&order(21, Action::Fence)));
}

#[test]
fn a_hook_of_an_earlier_process_is_not_run_again() {
    let hook = Action::Hook {
        group: "web".into(),
        trigger: tenure_core::config::Trigger::PostOnline,
        program: "/x".into(),
        arguments: Vec::new(),
    };
    let mut past = Past::new(20);
    past.heard(20);
    assert!(past.not_again(&order(20, hook.clone())).is_some());
    assert!(past.not_again(&order(21, hook)).is_none());
    assert!(past.not_again(&order(3, Action::Fence)).is_none(), "what can be read back is carried out");
}
