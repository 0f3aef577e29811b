//! Migration and remote restart: the commands sent, the failures that are definite, and the operations that must not
//! wait for them.
//!
//! The messages with which a real HMC refuses these are not recorded anywhere public: the codes marked synthetic are
//! made up, and the driver must not know them.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tenure::hypervisor::{CommandError, Failure, LparState, RefusalKind, ServerAddress, Stop, SystemState};
use tokio::sync::Semaphore;

use crate::server::{Fault, MTMS, PATIENCE, ScriptedHmc, driver, server, soon};
use crate::site::{Answer, Site};

const OTHER: &str = "9009-42A*7654321";

const SHORT: Duration = Duration::from_millis(600);

fn two_servers(hmcs: &[&ScriptedHmc]) -> (ServerAddress, ServerAddress) {
    let from = server(hmcs);
    let to = ServerAddress { name: "p2".to_owned(), mtms: OTHER.to_owned(), ..from.clone() };
    (from, to)
}

fn site(lpars: &[&str]) -> Site {
    let site = Site::with_server(MTMS, lpars);
    site.add_server(OTHER, &[]);
    site
}

fn synthetic() -> Fault {
    Fault::Say(Answer::refusal("HSCLFFFF (synthetic) It cannot be done.\n"))
}

#[tokio::test]
async fn a_migration_is_checked_and_then_done() {
    let site = site(&["web"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let driver = driver(&[&hmc]);
    let (p1, p2) = two_servers(&[&hmc]);
    for state in ["Running", "Not Activated"] {
        site.set_lpar(MTMS, "web", state);
        driver.migrate_lpar(&p1, &p2, "web", PATIENCE).await.unwrap();
        assert_eq!((site.has(MTMS, "web"), site.lpar(OTHER, "web")), (false, state.to_owned()));
    }
    let both = "-m '9009-42A*1234567' -t '9009-42A*7654321' -p 'web'";
    assert_eq!(
        hmc.shared.commands("migrlpar")[..2],
        [format!("LANG=C migrlpar -o 'v' {both}"), format!("LANG=C migrlpar -o 'm' {both}")]
    );
}

#[tokio::test]
async fn a_migration_under_way_is_read_as_such_and_can_be_stopped_and_recovered() {
    let site = site(&["web"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let driver = driver(&[&hmc]);
    let (p1, p2) = two_servers(&[&hmc]);
    for (word, state, after) in [
        ("Migrating - Running", LparState::MigratingRunning, "Running"),
        ("Migrating - Not Activated", LparState::MigratingNotActivated, "Not Activated"),
    ] {
        for recover in [false, true] {
            site.set_lpar(MTMS, "web", word);
            site.set_lpar(OTHER, "web", word);
            for server in [&p1, &p2] {
                let reading = driver.read_server(server, PATIENCE).await.unwrap();
                assert_eq!(reading.lpar("web").unwrap().state, state);
            }
            let again = driver.migrate_lpar(&p1, &p2, "web", PATIENCE).await.unwrap_err();
            assert_eq!(again.refusal_kind(), Some(RefusalKind::WrongState), "{again}");
            match recover {
                true => driver.recover_migration(&p1, "web", PATIENCE).await.unwrap(),
                false => driver.stop_migration(&p1, "web", PATIENCE).await.unwrap(),
            }
            assert_eq!((site.lpar(MTMS, "web"), site.has(OTHER, "web")), (after.to_owned(), false));
        }
    }
    let late = driver.stop_migration(&p1, "web", PATIENCE).await.unwrap_err();
    assert_eq!(late.refusal_kind(), Some(RefusalKind::WrongState), "{late}");
}

#[tokio::test]
async fn whatever_a_check_says_nothing_was_done() {
    let site = site(&["web"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let driver = driver(&[&hmc]);
    let (p1, p2) = two_servers(&[&hmc]);
    for check in ["-o 'v'", "-o 'validate'"] {
        for fault in [synthetic(), Fault::Say(Answer::refusal("HSCLA246 (documented) No RMC.\n"))] {
            hmc.shared.behave();
            hmc.shared.misbehave(check, fault);
            let error = match check {
                "-o 'v'" => driver.migrate_lpar(&p1, &p2, "web", PATIENCE).await.unwrap_err(),
                _ => driver.restart_elsewhere(&p1, &p2, "web", PATIENCE).await.unwrap_err(),
            };
            assert!(matches!(error, CommandError::Refused { .. }), "{error}");
        }
        for fault in [Fault::Hang, Fault::Cut, Fault::NoStatus, Fault::Killed, Fault::Say(Answer::refusal("Killed\n"))]
        {
            hmc.shared.behave();
            hmc.shared.misbehave(check, fault);
            let error = match check {
                "-o 'v'" => driver.migrate_lpar(&p1, &p2, "web", SHORT).await.unwrap_err(),
                _ => driver.restart_elsewhere(&p1, &p2, "web", SHORT).await.unwrap_err(),
            };
            assert!(matches!(error, CommandError::NotSent { .. }), "{error}");
        }
    }
    let sent = |operation: &str| hmc.shared.commands(operation).len();
    assert_eq!((sent("-o 'm'"), sent("-o 'restart'")), (0, 0));
    assert!(site.has(MTMS, "web") && !site.has(OTHER, "web"));
}

#[tokio::test]
async fn a_move_that_passed_its_check_and_then_fails_is_unknown_and_not_repeated() {
    let site = site(&["web"]);
    let first = ScriptedHmc::start("hmc1", &site).await;
    let second = ScriptedHmc::start("hmc2", &site).await;
    let driver = driver(&[&first, &second]);
    let (p1, p2) = two_servers(&[&first, &second]);
    let half_way = |text: &str| Fault::Say(Answer::refusal(text));
    let faults = [
        synthetic(),
        half_way("HSCL0238 Not Operating.\n"),
        half_way("HSCL03EC No room.\n"),
        Fault::Cut,
        Fault::NoStatus,
        Fault::Killed,
    ];
    for (command, faults) in [("-o 'm'", faults.clone()), ("-o 'restart'", faults)] {
        for fault in faults {
            first.shared.behave();
            first.shared.misbehave(command, fault);
            site.set_lpar(MTMS, "web", "Running");
            let result = match command {
                "-o 'm'" => driver.migrate_lpar(&p1, &p2, "web", PATIENCE).await,
                _ => {
                    site.set_server(MTMS, "Power Off");
                    driver.restart_elsewhere(&p1, &p2, "web", PATIENCE).await
                }
            };
            assert!(matches!(result, Err(CommandError::Unknown { .. })), "{result:?}");
        }
    }
    assert!(second.shared.commands("migrlpar").is_empty() && second.shared.commands("rrstartlpar").is_empty());
}

#[tokio::test]
async fn a_migration_whose_answer_is_lost_is_unknown_even_though_it_was_done() {
    let site = site(&["web"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let driver = driver(&[&hmc]);
    let (p1, p2) = two_servers(&[&hmc]);
    hmc.shared.misbehave("-o 'm'", Fault::DoAndCut);
    let error = driver.migrate_lpar(&p1, &p2, "web", PATIENCE).await.unwrap_err();
    assert!(matches!(error, CommandError::Unknown { failure: Failure::ConnectionLost, .. }), "{error}");
    assert!(site.has(OTHER, "web") && !site.has(MTMS, "web"));
}

#[tokio::test]
async fn remote_restart_is_refused_while_the_source_is_operating() {
    let site = site(&["web"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let driver = driver(&[&hmc]);
    let (p1, p2) = two_servers(&[&hmc]);
    let error = driver.restart_elsewhere(&p1, &p2, "web", PATIENCE).await.unwrap_err();
    assert_eq!(error.refusal_kind(), Some(RefusalKind::Other), "{error}");
    assert!(error.is_definite() && !site.has(OTHER, "web"));
    site.set_server(MTMS, "Power Off");
    driver.restart_elsewhere(&p1, &p2, "web", PATIENCE).await.unwrap();
    assert_eq!(site.lpar(OTHER, "web"), "Running");
    assert!(site.has(MTMS, "web"), "the old definition stays");
    let sent = hmc.shared.commands("rrstartlpar");
    assert_eq!(sent.len(), 3, "two checks, one restart");
    assert!(sent.iter().all(|line| !line.contains("--noconnection")), "{sent:?}");
}

#[tokio::test]
async fn the_next_hmc_is_told_when_the_check_hangs_at_the_first() {
    let site = site(&["web"]);
    let first = ScriptedHmc::start("hmc1", &site).await;
    let second = ScriptedHmc::start("hmc2", &site).await;
    let driver = driver(&[&first, &second]);
    let (p1, p2) = two_servers(&[&first, &second]);
    first.shared.misbehave("-o 'v'", Fault::Hang);
    driver.migrate_lpar(&p1, &p2, "web", SHORT * 4).await.unwrap();
    assert_eq!(second.shared.commands("-o 'm'").len(), 1);
}

#[tokio::test]
async fn an_hmc_that_manages_only_one_of_the_servers_is_not_told() {
    let site = site(&["web"]);
    let first = ScriptedHmc::start("hmc1", &site).await;
    let second = ScriptedHmc::start("hmc2", &site).await;
    let driver = driver(&[&first, &second]);
    let (p1, p2) = (two_servers(&[&first, &second]).0, two_servers(&[&second]).1);
    driver.migrate_lpar(&p1, &p2, "web", PATIENCE).await.unwrap();
    assert!(first.shared.commands("migrlpar").is_empty());
    let p1 = ServerAddress { hmcs: vec!["hmc1".to_owned()], ..p1 };
    let error = driver.migrate_lpar(&p1, &p2, "web", PATIENCE).await.unwrap_err();
    assert!(matches!(error, CommandError::NotSent { .. }), "{error}");
}

#[tokio::test]
async fn nothing_short_waits_for_migrations_and_few_of_them_run_at_once() {
    let names: Vec<String> = (0..6).map(|number| format!("lpar{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let site = site(&names);
    site.set_lpar(MTMS, "web", "Running");
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let driver = driver(&[&hmc]);
    let (p1, p2) = two_servers(&[&hmc]);
    let gate = Arc::new(Semaphore::new(0));
    hmc.shared.misbehave("-o 'm'", Fault::Gate(Arc::clone(&gate)));
    let migrations = join_all(names.iter().map(|name| driver.migrate_lpar(&p1, &p2, name, PATIENCE)));
    let others = async {
        hmc.shared.running(4).await;
        let reading = driver.read_server(&p1, PATIENCE).await.unwrap();
        assert_eq!(reading.system, SystemState::Operating);
        driver.stop_lpar(&p1, "web", Stop::Immediate, PATIENCE).await.unwrap();
        driver.start_lpar(&p2, "web", None, PATIENCE).await.unwrap_err();
        hmc.shared.running(4).await;
        gate.add_permits(names.len());
    };
    let (results, ()) = soon(async { tokio::join!(migrations, others) }).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert!(names.iter().all(|name| site.has(OTHER, name)));
}

#[tokio::test]
async fn a_migration_that_takes_longer_than_it_was_given_is_unknown_and_no_sign_of_a_sick_hmc() {
    let site = site(&["a", "b", "c", "d"]);
    let first = ScriptedHmc::start("hmc1", &site).await;
    let second = ScriptedHmc::start("hmc2", &site).await;
    let driver = driver(&[&first, &second]);
    let (p1, p2) = two_servers(&[&first, &second]);
    first.shared.misbehave("-o 'm'", Fault::Hang);
    let results = join_all(["a", "b", "c", "d"].map(|name| driver.migrate_lpar(&p1, &p2, name, SHORT))).await;
    for result in results {
        assert!(matches!(result, Err(CommandError::Unknown { failure: Failure::Timeout, .. })), "{result:?}");
    }
    assert_eq!(driver.read_server(&p1, PATIENCE).await.unwrap().via, "hmc1");
    assert_eq!(first.shared.connections.load(std::sync::atomic::Ordering::SeqCst), 1);
}
