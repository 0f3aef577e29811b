//! Commands and connections that fail half-way, and the permitted reactions.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tenure::hypervisor::{CommandError, Connection, Failure, LparState, ReadError, RefusalKind, Stop, SystemState};

use crate::server::{Fault, MTMS, PATIENCE, ScriptedHmc, driver, server, soon};
use crate::site::{Answer, Site};

/// For calls that are meant to run into their deadline.
const SHORT: Duration = Duration::from_millis(600);

fn unknown(result: Result<(), CommandError>) -> Failure {
    match result {
        Err(CommandError::Unknown { failure, .. }) => failure,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_connection_that_drops_after_a_command_was_sent_leaves_it_unknown_and_it_is_not_repeated() {
    let site = Site::with_server(MTMS, &["web"]);
    let first = ScriptedHmc::start("hmc1", &site).await;
    let second = ScriptedHmc::start("hmc2", &site).await;
    let (driver, server) = (driver(&[&first, &second]), server(&[&first, &second]));
    for (fault, state) in [(Fault::Cut, "Not Activated"), (Fault::DoAndCut, "Running")] {
        first.shared.behave();
        first.shared.misbehave("chsysstate", fault);
        let failure = unknown(driver.start_lpar(&server, "web", None, PATIENCE).await);
        assert_eq!(failure, Failure::ConnectionLost);
        assert_eq!(site.lpar(MTMS, "web"), state);
    }
    assert_eq!(first.shared.commands("chsysstate").len(), 2);
    assert!(second.shared.commands("chsysstate").is_empty());
}

#[tokio::test]
async fn a_command_that_hangs_ends_at_its_deadline_and_is_unknown() {
    let site = Site::with_server(MTMS, &["web"]);
    let first = ScriptedHmc::start("hmc1", &site).await;
    let second = ScriptedHmc::start("hmc2", &site).await;
    let (driver, server) = (driver(&[&first, &second]), server(&[&first, &second]));
    first.shared.misbehave("chsysstate", Fault::Hang);
    let began = Instant::now();
    let failure = unknown(driver.start_lpar(&server, "web", None, SHORT).await);
    assert_eq!(failure, Failure::Timeout);
    assert!(began.elapsed() >= SHORT && began.elapsed() < SHORT * 4, "{:?}", began.elapsed());
    assert!(second.shared.commands("chsysstate").is_empty());
}

#[tokio::test]
async fn endings_that_prove_nothing_are_unknown() {
    let site = Site::with_server(MTMS, &["web"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let (driver, server) = (driver(&[&hmc]), server(&[&hmc]));
    let killed = Answer { status: 137, stdout: String::new(), stderr: "Killed\n".to_owned() };
    let faults = [
        Fault::NoStatus,
        Fault::Killed,
        Fault::Say(killed),
        Fault::Say(Answer::refusal("")),
        Fault::Say(Answer::refusal("java.lang.NullPointerException\n")),
        Fault::Say(Answer::refusal("HSCLFFFF Something went wrong while the operation was under way.\n")),
        Fault::Flood(2 << 20),
    ];
    for fault in faults {
        hmc.shared.behave();
        hmc.shared.misbehave("chsysstate", fault);
        unknown(driver.start_lpar(&server, "web", None, PATIENCE).await);
    }
}

#[tokio::test]
async fn what_one_hmc_refuses_for_a_reason_that_nobody_knows_the_other_is_told_if_that_can_be_said_twice() {
    let site = Site::with_server(MTMS, &["web"]);
    let first = ScriptedHmc::start("hmc1", &site).await;
    let second = ScriptedHmc::start("hmc2", &site).await;
    let (driver, server) = (driver(&[&first, &second]), server(&[&first, &second]));
    let odd =
        || Fault::Say(Answer::refusal("HSCLFFFF The managed system is not reached in a way that nobody knows.\n"));
    first.shared.misbehave("chsysstate", odd());
    unknown(driver.start_lpar(&server, "web", None, PATIENCE).await);
    assert!(second.shared.commands("chsysstate").is_empty(), "a start is said once");
    site.set_lpar(MTMS, "web", "Running");
    driver.stop_lpar(&server, "web", Stop::Immediate, PATIENCE).await.unwrap();
    assert_eq!(site.lpar(MTMS, "web"), "Not Activated");
    driver.power_off_server(&server, PATIENCE).await.unwrap();
    assert_eq!(second.shared.commands("chsysstate").len(), 2);
    second.shared.misbehave("chsysstate", odd());
    unknown(driver.power_off_server(&server, PATIENCE).await);
}

#[tokio::test]
async fn a_change_goes_first_to_the_hmc_through_which_the_server_was_last_read_live() {
    let site = Site::with_server(MTMS, &["web"]);
    let first = ScriptedHmc::start("hmc1", &site).await;
    let second = ScriptedHmc::start("hmc2", &site).await;
    let (driver, server) = (driver(&[&first, &second]), server(&[&first, &second]));
    first.shared.misbehave("lssyscfg", Fault::Say(Answer::refusal("HSCLFFFF Nobody knows.\n")));
    assert_eq!(driver.read_server(&server, PATIENCE).await.unwrap().via, "hmc2");
    driver.start_lpar(&server, "web", None, PATIENCE).await.unwrap();
    assert!(first.shared.commands("chsysstate").is_empty());
    assert_eq!(second.shared.commands("chsysstate").len(), 1);
}

#[tokio::test]
async fn a_list_counts_only_between_two_readings_of_one_state_that_can_know_it() {
    let site = Site::with_server(MTMS, &["web"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let (driver, server) = (driver(&[&hmc]), server(&[&hmc]));
    site.set_lpar(MTMS, "web", "Running");
    assert!(driver.read_server(&server, PATIENCE).await.unwrap().lpars().is_some());

    // The service processor loses its partition data after the state was read: the list that follows is stale.
    site.goes_while_listed(MTMS, "Recovery");
    let reading = driver.read_server(&server, PATIENCE).await.unwrap();
    assert_eq!((&reading.system, reading.lpars()), (&SystemState::Recovery, None));

    // And back: a list from Recovery does not count for Operating.
    let lists = || hmc.shared.commands("lssyscfg -r 'lpar'").len();
    let asked = lists();
    site.set_lpar(MTMS, "web", "Running");
    site.set_server(MTMS, "Operating");
    let reading = driver.read_server(&server, PATIENCE).await.unwrap();
    assert_eq!(reading.system, SystemState::Operating);
    assert_eq!(reading.lpar("web").map(|lpar| lpar.state.clone()), Some(LparState::Running));
    assert_eq!(lists(), asked + 1, "the list was made after the state was read");

    // A server that loses its power meanwhile is known off in the same reading.
    site.goes_while_listed(MTMS, "Power Off");
    let reading = driver.read_server(&server, PATIENCE).await.unwrap();
    assert_eq!(reading.system, SystemState::PowerOff);
    assert!(reading.is_live() && reading.lpars().is_some());
}

#[tokio::test]
async fn the_second_hmc_answers_when_the_first_cannot() {
    let site = Site::with_server(MTMS, &["web"]);
    let mut first = ScriptedHmc::start("hmc1", &site).await;
    let second = ScriptedHmc::start("hmc2", &site).await;
    let (driver, server) = (driver(&[&first, &second]), server(&[&first, &second]));
    assert_eq!(driver.read_server(&server, PATIENCE).await.unwrap().via, "hmc1");
    first.stop().await;
    assert_eq!(driver.read_server(&server, PATIENCE).await.unwrap().via, "hmc2");
    assert_eq!(driver.capacity(&server, PATIENCE).await.unwrap().memory.0, 32768);
    driver.start_lpar(&server, "web", None, PATIENCE).await.unwrap();
    assert_eq!(second.shared.commands("chsysstate").len(), 1);
    assert_eq!(site.lpar(MTMS, "web"), "Running");
}

#[tokio::test]
async fn an_hmc_that_hangs_leaves_time_for_the_next_and_is_asked_last_for_a_while() {
    let site = Site::with_server(MTMS, &["web"]);
    let first = ScriptedHmc::start("hmc1", &site).await;
    let second = ScriptedHmc::start("hmc2", &site).await;
    let (driver, server) = (driver(&[&first, &second]), server(&[&first, &second]));
    first.shared.misbehave("", Fault::Hang);
    assert_eq!(driver.read_server(&server, SHORT * 2).await.unwrap().via, "hmc2");
    let asked = first.shared.commands("").len();
    assert_eq!(driver.read_server(&server, PATIENCE).await.unwrap().via, "hmc2");
    assert_eq!(first.shared.commands("").len(), asked);
}

#[tokio::test]
async fn an_hmc_that_lost_the_server_is_not_believed_over_one_that_did_not() {
    let site = Site::with_server(MTMS, &["web"]);
    let first = ScriptedHmc::start("hmc1", &site).await;
    let second = ScriptedHmc::start("hmc2", &site).await;
    let (driver, server) = (driver(&[&first, &second]), server(&[&first, &second]));
    first.shared.set_connection("No Connection");
    let reading = driver.read_server(&server, PATIENCE).await.unwrap();
    assert_eq!((reading.via.as_str(), reading.is_live()), ("hmc2", true));

    second.shared.set_connection("No Connection");
    let reading = driver.read_server(&server, PATIENCE).await.unwrap();
    assert_eq!((reading.via.as_str(), reading.is_live()), ("hmc1", false));
    assert_eq!(reading.system, SystemState::NoConnection);
    assert_eq!(reading.connected, Connection::NotConnected("No Connection".into()));
}

#[tokio::test]
async fn a_refusal_goes_to_the_other_hmc_only_where_that_one_may_see_it_differently() {
    let site = Site::with_server(MTMS, &["web"]);
    let first = ScriptedHmc::start("hmc1", &site).await;
    let second = ScriptedHmc::start("hmc2", &site).await;
    let (driver, server) = (driver(&[&first, &second]), server(&[&first, &second]));
    first.shared.misbehave("chsysstate", Fault::Say(Answer::refusal("HSCL0237 No connection.\n")));
    driver.start_lpar(&server, "web", None, PATIENCE).await.unwrap();
    assert_eq!(second.shared.commands("chsysstate").len(), 1);

    let error = driver.start_lpar(&server, "web", None, PATIENCE).await.unwrap_err();
    let CommandError::Refused { via, refusal, .. } = &error else { panic!("{error}") };
    assert_eq!((via.as_str(), refusal.kind), ("hmc2", RefusalKind::AlreadyOn), "who sees it answers");

    first.shared.behave();
    first.shared.misbehave("chsysstate", Fault::Say(Answer::refusal("HSCL3205 Busy.\n")));
    let error = driver.stop_lpar(&server, "web", Stop::Immediate, PATIENCE).await.unwrap_err();
    assert_eq!(error.refusal_kind(), Some(RefusalKind::Busy));
    assert_eq!(second.shared.commands("chsysstate").len(), 2);

    second.shared.misbehave("chsysstate", Fault::Say(Answer::refusal("HSCL350B No authority.\n")));
    first.shared.behave();
    first.shared.misbehave("chsysstate", Fault::Say(Answer::refusal("HSCL0238 Not Operating.\n")));
    let error = driver.stop_lpar(&server, "web", Stop::Immediate, PATIENCE).await.unwrap_err();
    assert_eq!(error.refusal_kind(), Some(RefusalKind::NotOperating), "the first answer is the one to report");
}

#[tokio::test]
async fn a_server_that_runs_no_commands_has_run_none() {
    let site = Site::with_server(MTMS, &["web"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    hmc.shared.misbehave("", Fault::RefuseExec);
    let error = driver(&[&hmc]).start_lpar(&server(&[&hmc]), "web", None, PATIENCE).await.unwrap_err();
    assert!(matches!(error, CommandError::NotSent { .. }), "{error}");
}

#[tokio::test]
async fn nothing_is_sent_when_no_hmc_can_be_reached() {
    let site = Site::with_server(MTMS, &["web"]);
    let mut hmc = ScriptedHmc::start("hmc1", &site).await;
    let (driver, server) = (driver(&[&hmc]), server(&[&hmc]));
    hmc.stop().await;
    let error = driver.start_lpar(&server, "web", None, PATIENCE).await.unwrap_err();
    assert!(matches!(error, CommandError::NotSent { .. }), "{error}");
    let error = driver.read_server(&server, PATIENCE).await.unwrap_err();
    assert!(matches!(error, ReadError::NoAnswer { .. }), "{error}");
    driver.replace(Vec::new());
    let error = driver.read_server(&server, PATIENCE).await.unwrap_err();
    assert!(error.to_string().contains("hmc1: not configured"), "{error}");
}

#[tokio::test]
async fn an_hmc_that_restarts_is_used_again() {
    let site = Site::with_server(MTMS, &["web"]);
    let mut hmc = ScriptedHmc::start("hmc1", &site).await;
    let (driver, server) = (driver(&[&hmc]), server(&[&hmc]));
    driver.read_server(&server, PATIENCE).await.unwrap();
    hmc.stop().await;
    assert!(driver.read_server(&server, PATIENCE).await.is_err());
    hmc.restart().await;
    let back = async {
        while driver.read_server(&server, PATIENCE).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    soon(back).await;
    assert_eq!(hmc.shared.connections.load(Ordering::SeqCst), 2);
    assert_eq!(hmc.shared.logins.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn an_answer_cut_in_half_is_not_a_reading() {
    let site = Site::with_server(MTMS, &["web", "db"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let (driver, server) = (driver(&[&hmc]), server(&[&hmc]));
    let header = "name,lpar_id,uuid,lpar_env,state,rmc_state\n";
    for answer in [format!("{header}db,1,u,aixlinux,Not Act"), String::new(), "Nie znaleziono.\n".to_owned()] {
        hmc.shared.behave();
        hmc.shared.misbehave("-r 'lpar'", Fault::Say(Answer::ok(answer)));
        assert!(driver.read_server(&server, PATIENCE).await.is_err());
    }
}

#[tokio::test]
async fn a_caller_that_gives_up_frees_its_place() {
    let site = Site::with_server(MTMS, &["web"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let (driver, server) = (driver(&[&hmc]), server(&[&hmc]));
    hmc.shared.misbehave("chsysstate", Fault::Hang);
    for count in 1..=5 {
        tokio::select! {
            result = driver.start_lpar(&server, "web", None, PATIENCE) => panic!("{result:?}"),
            () = hmc.shared.running(count) => {}
        }
    }
    hmc.shared.behave();
    driver.start_lpar(&server, "web", None, PATIENCE).await.unwrap();
    assert_eq!(hmc.shared.connections.load(Ordering::SeqCst), 1);
}
