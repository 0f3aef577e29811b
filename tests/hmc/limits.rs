//! Limits: commands per HMC, mutations per server, the length of an answer, connections, and time.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::future::join_all;
use tenure::hypervisor::{CommandError, Failure, Hypervisor, ReadError, ServerAddress, Stop, Urgency};
use tokio::sync::Semaphore;

use crate::server::{Fault, MTMS, PATIENCE, ScriptedHmc, driver, server, soon};
use crate::site::{Answer, Site};

const SHORT: Duration = Duration::from_millis(600);

#[tokio::test]
async fn many_callers_share_one_connection_and_few_commands_run_at_once() {
    let site = Site::with_server(MTMS, &["web"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let (driver, server) = (driver(&[&hmc]), server(&[&hmc]));
    // The first question of all would be shared.
    driver.read_server(&server, PATIENCE).await.unwrap();
    let gate = Arc::new(Semaphore::new(0));
    hmc.shared.misbehave("", Fault::Gate(Arc::clone(&gate)));
    let readers = join_all((0..12).map(|_| driver.read_server(&server, PATIENCE)));
    let conductor = async {
        hmc.shared.running(2).await;
        gate.add_permits(1000);
    };
    let (readings, ()) = soon(async { tokio::join!(readers, conductor) }).await;
    assert!(readings.iter().all(Result::is_ok), "{readings:?}");
    assert_eq!(hmc.shared.most_running(), 2, "questions leave one place for a mutation");
    assert_eq!(hmc.shared.connections.load(Ordering::SeqCst), 1);
    assert_eq!(hmc.shared.logins.load(Ordering::SeqCst), 1);
    assert!(hmc.shared.commands("lssysconn").len() < 12, "one answer about all servers is shared");
}

#[tokio::test]
async fn a_mutation_does_not_wait_behind_slow_questions() {
    let site = Site::with_server(MTMS, &["web"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let (driver, server) = (driver(&[&hmc]), server(&[&hmc]));
    // The first question of all would be shared.
    driver.read_server(&server, PATIENCE).await.unwrap();
    hmc.shared.misbehave("lssyscfg", Fault::Hang);
    let questions = join_all((0..5).map(|_| driver.read_server(&server, PATIENCE)));
    let mutation = async {
        hmc.shared.running(2).await;
        driver.start_lpar(&server, "web", None, PATIENCE).await
    };
    tokio::select! {
        started = soon(mutation) => started.unwrap(),
        answers = questions => panic!("{answers:?}"),
    }
}

#[tokio::test]
async fn a_server_gets_one_mutation_at_a_time_through_whichever_hmc() {
    let site = Site::with_server(MTMS, &["a", "b", "c"]);
    let first = ScriptedHmc::start("hmc1", &site).await;
    let second = ScriptedHmc::start("hmc2", &site).await;
    let driver = driver(&[&first, &second]);
    let (one, other) = (server(&[&first, &second]), server(&[&second, &first]));
    let gate = Arc::new(Semaphore::new(0));
    first.shared.misbehave("chsysstate", Fault::Gate(Arc::clone(&gate)));
    let starts = async {
        tokio::join!(
            driver.start_lpar(&one, "a", None, PATIENCE),
            driver.start_lpar(&other, "b", None, PATIENCE),
            driver.start_lpar(&one, "c", None, PATIENCE),
        )
    };
    let conductor = async {
        first.shared.running(1).await;
        // The second HMC is free and answers questions, but must not have received the second start.
        driver.read_server(&other, PATIENCE).await.unwrap();
        assert!(second.shared.commands("chsysstate").is_empty());
        gate.add_permits(3);
    };
    let ((a, b, c), ()) = soon(async { tokio::join!(starts, conductor) }).await;
    assert!(a.is_ok() && b.is_ok() && c.is_ok(), "{a:?} {b:?} {c:?}");
    assert_eq!(first.shared.most_running(), 1);
}

#[tokio::test]
async fn waiting_for_another_mutation_counts_against_the_deadline() {
    let site = Site::with_server(MTMS, &["a", "b"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let (driver, server) = (driver(&[&hmc]), server(&[&hmc]));
    hmc.shared.misbehave("chsysstate", Fault::Hang);
    let hanging = driver.stop_lpar(&server, "a", Stop::Immediate, PATIENCE);
    let waiting = async {
        hmc.shared.running(1).await;
        driver.stop_lpar(&server, "b", Stop::Immediate, SHORT).await
    };
    tokio::select! {
        result = hanging => panic!("{result:?}"),
        result = waiting => assert!(matches!(result, Err(CommandError::NotSent { .. })), "{result:?}"),
    }
    assert_eq!(hmc.shared.commands("chsysstate").len(), 1);
}

#[tokio::test]
async fn servers_do_not_wait_for_each_other() {
    let other = "9009-42A*7654321";
    let site = Site::with_server(MTMS, &["a"]);
    site.add_server(other, &["b"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let driver = driver(&[&hmc]);
    let here = server(&[&hmc]);
    let mut there = here.clone();
    there.mtms = other.to_owned();
    hmc.shared.misbehave(MTMS, Fault::Hang);
    let hanging = driver.start_lpar(&here, "a", None, PATIENCE);
    let free = async {
        hmc.shared.running(1).await;
        driver.start_lpar(&there, "b", None, PATIENCE).await
    };
    tokio::select! {
        result = hanging => panic!("{result:?}"),
        result = soon(free) => result.unwrap(),
    }
}

#[tokio::test]
async fn an_answer_without_end_is_cut_and_the_connection_survives() {
    let site = Site::with_server(MTMS, &["web"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let (driver, server) = (driver(&[&hmc]), server(&[&hmc]));
    // More than is kept, but not so much that the scripted server itself gets stuck on a closed channel.
    hmc.shared.misbehave("-r 'lpar'", Fault::Flood(3 << 20));
    let error = driver.read_server(&server, PATIENCE).await.unwrap_err();
    let ReadError::NoAnswer { attempts, .. } = error else { panic!("{error}") };
    assert!(matches!(attempts[0].failure, Failure::AnswerTooLong { .. }), "{attempts:?}");
    hmc.shared.behave();
    driver.read_server(&server, PATIENCE).await.unwrap();
    assert_eq!(hmc.shared.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_message_on_standard_error_counts_and_a_flood_there_does_no_harm() {
    let site = Site::with_server(MTMS, &["web"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let stderr = format!("HSCL3205 Busy.\n{}", "x".repeat(1 << 20));
    let answer = Answer { status: 1, stdout: String::new(), stderr };
    hmc.shared.misbehave("chsysstate", Fault::Say(answer));
    let error = driver(&[&hmc]).start_lpar(&server(&[&hmc]), "web", None, PATIENCE).await.unwrap_err();
    assert!(matches!(error, CommandError::Refused { .. }), "{error}");
}

#[tokio::test]
async fn questions_that_hang_end_in_time_and_free_their_places() {
    let site = Site::with_server(MTMS, &["web"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let (driver, server) = (driver(&[&hmc]), server(&[&hmc]));
    hmc.shared.misbehave("lssyscfg", Fault::Hang);
    let began = std::time::Instant::now();
    for result in join_all((0..2).map(|_| driver.read_server(&server, SHORT))).await {
        assert!(result.is_err(), "{result:?}");
    }
    assert!(began.elapsed() < SHORT * 4, "{:?}", began.elapsed());
    hmc.shared.behave();
    driver.read_server(&server, PATIENCE).await.unwrap();
    assert_eq!(hmc.shared.connections.load(Ordering::SeqCst), 1);
}

/// Two questions hold both places, and are answered late: a third has no turn. That says nothing of the HMC.
#[tokio::test]
async fn who_has_no_turn_says_so_and_the_hmc_is_not_silent() {
    let (busy, free) = ("9009-42A*1234567", "9009-42A*7654321");
    let site = Site::with_server(busy, &["web"]);
    site.add_server(free, &["db"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let driver = driver(&[&hmc]);
    let here = server(&[&hmc]);
    let there = ServerAddress { mtms: free.to_owned(), ..here.clone() };
    driver.read_server(&there, PATIENCE).await.unwrap();
    let gate = Arc::new(Semaphore::new(0));
    hmc.shared.misbehave("-r 'lpar'", Fault::Gate(Arc::clone(&gate)));
    let holders = join_all((0..2).map(|_| driver.read_server(&here, PATIENCE)));
    let waiter = async {
        hmc.shared.running(2).await;
        let began = std::time::Instant::now();
        let error = driver.read_server(&there, SHORT).await.unwrap_err();
        assert!(matches!(error, ReadError::NoTurn { .. }), "{error}");
        assert!(began.elapsed() > SHORT, "waiting does not count against the time for answers");
        assert_eq!(driver.health().into_iter().map(|health| health.answers).collect::<Vec<_>>(), [true]);
        assert!(driver.contacts().iter().all(|contact| contact.failure.is_none()), "{:?}", driver.contacts());
        gate.add_permits(1000);
    };
    let (readings, ()) = soon(async { tokio::join!(holders, waiter) }).await;
    assert!(readings.iter().all(Result::is_ok), "{readings:?}");
}

/// Readings of the rounds fill the queue; one for an order is asked for next.
#[tokio::test]
async fn an_order_goes_before_the_rounds() {
    let servers: Vec<String> = (0..12).map(|number| format!("9009-42A*000000{number:X}")).collect();
    let site = Site::with_server(MTMS, &["web"]);
    servers.iter().for_each(|mtms| site.add_server(mtms, &["db"]));
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let (driver, here) = (driver(&[&hmc]), server(&[&hmc]));
    let address = |mtms: &String| ServerAddress { mtms: mtms.clone(), ..here.clone() };
    let addresses: Vec<ServerAddress> = servers.iter().map(address).collect();
    for server in addresses.iter().chain([&here]) {
        driver.read_server(server, PATIENCE).await.unwrap();
    }
    let lists = || hmc.shared.commands("-r 'lpar'");
    let before = lists().len();
    let gate = Arc::new(Semaphore::new(0));
    hmc.shared.misbehave("-r 'lpar'", Fault::Gate(Arc::clone(&gate)));
    let rounds = join_all(addresses.iter().map(|server| driver.read(server, Urgency::Round, PATIENCE)));
    let order = async {
        hmc.shared.running(2).await;
        let read = driver.read(&here, Urgency::Order, PATIENCE);
        let conductor = async {
            // One place becomes free: it is for whom is first in the queue.
            gate.add_permits(1);
            while lists().len() < before + 3 {
                tokio::task::yield_now().await;
            }
            gate.add_permits(1000);
        };
        tokio::join!(read, conductor)
    };
    let (readings, (read, ())) = soon(async { tokio::join!(rounds, order) }).await;
    assert!(readings.iter().all(Result::is_ok) && read.is_ok(), "{readings:?} {read:?}");
    assert!(lists()[before + 2].contains(MTMS), "{:?}", &lists()[before..]);
}

#[tokio::test]
async fn a_connection_on_which_nothing_is_answered_any_more_is_replaced() {
    let site = Site::with_server(MTMS, &["web"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let (driver, server) = (driver(&[&hmc]), server(&[&hmc]));
    // So much that the scripted server gets stuck on the channel closed by the driver, and answers nothing else any
    // more.
    hmc.shared.misbehave("-r 'lpar'", Fault::Flood(64 << 20));
    assert!(driver.read_server(&server, PATIENCE).await.is_err());
    hmc.shared.behave();
    let again = async { while driver.read_server(&server, SHORT).await.is_err() {} };
    soon(again).await;
    assert_eq!(hmc.shared.connections.load(Ordering::SeqCst), 2);
    assert_eq!(hmc.shared.logins.load(Ordering::SeqCst), 2);
}
