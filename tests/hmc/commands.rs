//! The commands sent in normal operation, and the readings made of their answers.

use std::sync::atomic::Ordering;

use tenure::hypervisor::{
    CommandError, Connection, ConsoleHealth, HundredthsOfProcessor, Inventory, LparEnvironment, LparState, Mebibytes,
    RefusalKind, Stop, SystemState,
};

use crate::server::{MTMS, PATIENCE, ScriptedHmc, driver, server};
use crate::site::Site;

#[tokio::test]
async fn a_server_is_read_with_all_its_lpars_in_three_commands() {
    let site = Site::with_server(MTMS, &["web", "vios1"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    site.set_lpar(MTMS, "web", "Open Firmware");
    let (driver, server) = (driver(&[&hmc]), server(&[&hmc]));
    let reading = driver.read_server(&server, PATIENCE).await.unwrap();
    assert_eq!(reading.system, SystemState::Operating);
    assert_eq!(reading.connected, Connection::Connected);
    assert!(reading.is_live());
    assert_eq!(reading.via, "hmc1");
    assert_eq!(reading.lpar("web").unwrap().state, LparState::OpenFirmware);
    let vios = reading.lpar("vios1").unwrap();
    assert_eq!((&vios.state, &vios.env), (&LparState::NotActivated, &LparEnvironment::VioServer));
    assert_eq!(
        hmc.shared.commands("").len(),
        4,
        "the state before the list is not known yet: {:?}",
        hmc.shared.commands("")
    );
    driver.read_server(&server, PATIENCE).await.unwrap();
    assert_eq!(hmc.shared.commands("").len(), 4 + 3, "{:?}", hmc.shared.commands(""));
    assert!(hmc.shared.environment().contains(&("LANG".to_owned(), "C".to_owned())));
}

#[tokio::test]
async fn lpars_of_a_server_in_error_are_not_listed_and_not_missing() {
    let site = Site::with_server(MTMS, &["web"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    site.set_server(MTMS, "Error - Dump In Progress");
    let reading = driver(&[&hmc]).read_server(&server(&[&hmc]), PATIENCE).await.unwrap();
    assert_eq!(reading.system, SystemState::ErrorDump);
    assert!(matches!(reading.inventory, Inventory::NotReadable(_)), "{reading:?}");
    assert!(hmc.shared.commands("lpar").is_empty());
}

#[tokio::test]
async fn lpars_are_started_and_stopped_in_every_manner() {
    let site = Site::with_server(MTMS, &["web", "db"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let (driver, server) = (driver(&[&hmc]), server(&[&hmc]));
    driver.start_lpar(&server, "web", None, PATIENCE).await.unwrap();
    driver.start_lpar(&server, "db", Some("small one"), PATIENCE).await.unwrap();
    assert_eq!(site.lpar(MTMS, "web"), "Running");
    driver.stop_lpar(&server, "web", Stop::Shutdown, PATIENCE).await.unwrap();
    assert_eq!(site.lpar(MTMS, "web"), "Shutting Down");
    driver.stop_lpar(&server, "web", Stop::Immediate, PATIENCE).await.unwrap();
    assert_eq!(site.lpar(MTMS, "web"), "Not Activated");
    let no_rmc = driver.stop_lpar(&server, "db", Stop::OsShutdown, PATIENCE).await.unwrap_err();
    assert_eq!(no_rmc.refusal_kind(), Some(RefusalKind::NoRmc));
    assert_eq!(
        hmc.shared.commands("chsysstate"),
        [
            "LANG=C chsysstate -m '9009-42A*1234567' -r 'lpar' -o 'on' -n 'web'",
            "LANG=C chsysstate -m '9009-42A*1234567' -r 'lpar' -o 'on' -n 'db' -f 'small one'",
            "LANG=C chsysstate -m '9009-42A*1234567' -r 'lpar' -o 'shutdown' -n 'web'",
            "LANG=C chsysstate -m '9009-42A*1234567' -r 'lpar' -o 'shutdown' -n 'web' --immed",
            "LANG=C chsysstate -m '9009-42A*1234567' -r 'lpar' -o 'osshutdown' -n 'db'",
        ]
    );
}

#[tokio::test]
async fn a_server_is_powered_off_and_on() {
    let site = Site::with_server(MTMS, &["web"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let (driver, server) = (driver(&[&hmc]), server(&[&hmc]));
    driver.power_off_server(&server, PATIENCE).await.unwrap();
    let reading = driver.read_server(&server, PATIENCE).await.unwrap();
    assert_eq!(reading.system, SystemState::PowerOff);
    driver.power_on_server(&server, PATIENCE).await.unwrap();
    assert_eq!(
        hmc.shared.commands("chsysstate"),
        [
            "LANG=C chsysstate -m '9009-42A*1234567' -r 'sys' -o 'off' --immed",
            "LANG=C chsysstate -m '9009-42A*1234567' -r 'sys' -o 'on'",
        ]
    );
}

#[tokio::test]
async fn refusals_are_definite_and_classified() {
    let site = Site::with_server(MTMS, &["web"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let (driver, server) = (driver(&[&hmc]), server(&[&hmc]));
    let off = driver.stop_lpar(&server, "web", Stop::Immediate, PATIENCE).await.unwrap_err();
    assert_eq!(off.refusal_kind(), Some(RefusalKind::AlreadyOff));
    assert!(off.is_definite());
    driver.start_lpar(&server, "web", None, PATIENCE).await.unwrap();
    let on = driver.start_lpar(&server, "web", None, PATIENCE).await.unwrap_err();
    let CommandError::Refused { refusal, .. } = &on else { panic!("{on}") };
    assert_eq!((refusal.code.as_deref(), refusal.kind), (Some("HSCL05EA"), RefusalKind::AlreadyOn));
    let missing = driver.start_lpar(&server, "nobody", None, PATIENCE).await.unwrap_err();
    assert_eq!(missing.refusal_kind(), Some(RefusalKind::LparNotFound));
}

#[tokio::test]
async fn names_with_shell_characters_arrive_as_they_are() {
    let name = "it's $(reboot); `x` \"q\" \\ & a,b";
    let site = Site::with_server(MTMS, &[name]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let (driver, server) = (driver(&[&hmc]), server(&[&hmc]));
    driver.start_lpar(&server, name, None, PATIENCE).await.unwrap();
    let reading = driver.read_server(&server, PATIENCE).await.unwrap();
    assert_eq!(reading.lpar(name).unwrap().state, LparState::Running);
}

#[tokio::test]
async fn a_name_that_reads_as_an_option_is_never_sent() {
    let site = Site::with_server(MTMS, &["web"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let (driver, server) = (driver(&[&hmc]), server(&[&hmc]));
    for name in ["--immed", "", "a\nb"] {
        let error = driver.start_lpar(&server, name, None, PATIENCE).await.unwrap_err();
        assert!(matches!(error, CommandError::NotSent { .. }), "{error}");
    }
    assert_eq!(hmc.shared.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn capacity_and_health_are_read() {
    let site = Site::with_server(MTMS, &["web"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let driver = driver(&[&hmc]);
    let capacity = driver.capacity(&server(&[&hmc]), PATIENCE).await.unwrap();
    assert_eq!((capacity.memory, capacity.memory_free), (Mebibytes(32768), Mebibytes(8192)));
    assert_eq!(capacity.processors, HundredthsOfProcessor(800));
    assert_eq!(capacity.processors_free, HundredthsOfProcessor(795));
    let health = driver.check(PATIENCE).await;
    assert_eq!(health[0].health, ConsoleHealth::Ok { version: "V11R2".into() });
}

#[tokio::test]
async fn a_release_without_one_of_our_attributes_is_listed_in_full() {
    use crate::server::Fault;
    use crate::site::Answer;
    let site = Site::with_server(MTMS, &["web"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let refusal = Answer::refusal("An invalid attribute was entered.  The invalid attribute is uuid.\n");
    hmc.shared.misbehave("uuid", Fault::Say(refusal));
    let (driver, server) = (driver(&[&hmc]), server(&[&hmc]));
    for _ in 0..2 {
        let reading = driver.read_server(&server, PATIENCE).await.unwrap();
        assert_eq!(reading.lpar("web").unwrap().state, LparState::NotActivated);
    }
    assert_eq!(hmc.shared.commands("uuid").len(), 1, "it is not asked for again");
}
