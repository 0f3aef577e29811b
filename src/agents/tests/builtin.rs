//! Tests of the built-in agents.

use crate::house::{House, LONG, again, is_alive, kill, may_change_users, name, reads};
use std::{fs, time::Duration};
use tenure_core::{Power, execution::Answer};

#[tokio::test]
async fn a_file_is_on_or_off() {
    let mut house = House::new();
    let path = house.text("flag");
    house.resource("flag", "FileOnOff", &[("PathName", &path)]);
    house.resource("watched", "FileNone", &[("PathName", &path)]);
    house.resource("nameless", "FileOnOff", &[]);
    let runtime = house.runtime();
    let flag = name("flag");
    assert_eq!(runtime.probe(&flag).await.power, Power::Off);
    assert_eq!(runtime.start(&flag, LONG).await, Answer::Accepted);
    assert_eq!(runtime.probe(&flag).await.power, Power::Running);
    assert_eq!(runtime.probe(&name("watched")).await.power, Power::Running);
    assert!(matches!(runtime.stop(&name("watched"), LONG).await, Answer::Refused(_)));
    assert_eq!(runtime.stop(&flag, LONG).await, Answer::Accepted);
    assert_eq!(runtime.stop(&flag, LONG).await, Answer::Already);
    assert!(!house.path("flag").exists());
    assert_eq!(runtime.probe(&name("nameless")).await.power, Power::Absent);
}

/// An application whose parts are `sleep`s of a length that no other process uses.
fn application(house: &mut House, extra: &[(&str, &str)]) {
    let start = house.tool(
        "start app",
        r#"echo "$GREETING $1 $TENURE_RESOURCE" >$HERE/told
for part in a b; do sleep 6${PPID}1 >/dev/null & echo $! >$HERE/$part; done"#,
    );
    let stop = house.tool("stop", "kill $(cat $HERE/a $HERE/b)");
    let files = format!("{};{}", house.text("a"), house.text("b"));
    let start = format!("\"{start}\" 'one word'");
    house.write("variables", "# who is greeted\nGREETING=hello;OTHER=x");
    let variables = house.text("variables");
    let mut attributes =
        vec![("StartProgram", start.as_str()), ("StopProgram", &stop), ("PidFiles", &files), ("EnvFile", &variables)];
    attributes.extend_from_slice(extra);
    house.resource("app", "Application", &attributes);
}

#[tokio::test]
async fn an_application_is_all_of_its_parts() {
    let mut house = House::new();
    application(&mut house, &[]);
    let runtime = house.runtime();
    let app = name("app");
    assert_eq!(runtime.probe(&app).await.power, Power::Off);
    assert_eq!(runtime.start(&app, LONG).await, Answer::Accepted);
    assert_eq!(runtime.probe(&app).await.power, Power::Running);
    assert_eq!(house.read("told"), "hello one word app\n");
    let part = house.read("a");
    kill(&part);
    again("it is gone", || !is_alive(&part)).await;
    let half = runtime.probe(&app).await;
    assert_eq!(half.power, Power::Unknown, "what is left may hold what must not be held twice");
    assert!(half.said.starts_with("1 of 2 run; missing: "), "{}", half.said);
    // It has no clean program: the remaining process is killed.
    assert_eq!(runtime.clean(&app, 4, LONG).await, Answer::Accepted);
    assert!(!is_alive(&house.read("b")));
    assert_eq!(runtime.probe(&app).await.power, Power::Off);
    assert_eq!(runtime.start(&app, LONG).await, Answer::Accepted);
    assert_eq!(runtime.stop(&app, LONG).await, Answer::Accepted);
    reads(&runtime, "app", Power::Off).await;
}

#[tokio::test]
async fn its_monitor_program_speaks_as_vcs_says() {
    let mut house = House::new();
    let monitor = house.tool("monitor", "cat $HERE/say 2>/dev/null; exit $(cat $HERE/code)");
    house.resource("app", "Application", &[("StartProgram", "/bin/true"), ("MonitorProgram", &monitor)]);
    let runtime = house.runtime();
    for (code, power, confidence) in [
        (0, Power::Running, 100),
        (110, Power::Running, 100),
        (103, Power::Running, 30),
        (1, Power::Off, 0),
        (100, Power::Off, 0),
        (99, Power::Unknown, 0),
        (2, Power::Unknown, 0),
    ] {
        house.write("code", &code.to_string());
        let seen = runtime.probe(&name("app")).await;
        assert_eq!((seen.power, seen.confidence), (power, confidence), "{code}");
    }
    assert_eq!(
        runtime.start(&name("app"), LONG).await,
        Answer::Accepted,
        "a start says what its program says, and what the look says comes after"
    );
}

#[tokio::test]
async fn what_cannot_be_run_is_refused_and_says_why() {
    let mut house = House::new();
    house.resource("quoted", "Application", &[("StartProgram", "/bin/app 'open"), ("PidFiles", "/x")]);
    house.resource(
        "alien",
        "Application",
        &[("StartProgram", "/bin/true"), ("PidFiles", "/x"), ("User", "nobody-of-this-name")],
    );
    let runtime = house.runtime();
    let Answer::Refused(why) = runtime.start(&name("quoted"), LONG).await else { panic!("it cannot be read") };
    assert!(why.contains("a quote is not closed"), "{why}");
    let Answer::Refused(why) = runtime.start(&name("alien"), LONG).await else { panic!("there is no such user") };
    assert!(why.contains("nobody-of-this-name"), "{why}");
    assert_eq!(runtime.probe(&name("alien")).await.power, Power::Unknown);
}

#[tokio::test]
async fn it_runs_as_its_user_with_nothing_else() {
    if !may_change_users("it_runs_as_its_user_with_nothing_else") {
        return;
    }
    let mut house = House::new();
    for path in [house.folder.path().to_owned(), house.path("told")] {
        fs::create_dir_all(&path).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    }
    let start =
        house.tool("start", "id -un >$HERE/told/name; id -Gn >$HERE/told/groups; echo $HOME $USER >$HERE/told/home");
    let told = house.text("told/name");
    let monitor = format!("/usr/bin/test -f {told}");
    house.resource("app", "Application", &[("StartProgram", &start), ("MonitorProgram", &monitor), ("User", "nobody")]);
    let runtime = house.runtime();
    assert_eq!(runtime.start(&name("app"), LONG).await, Answer::Accepted);
    assert_eq!(house.read("told/name"), "nobody\n");
    assert_eq!(house.read("told/groups"), "nogroup\n");
    assert_eq!(house.read("told/home"), "/nonexistent nobody\n");
    reads(&runtime, "app", Power::Running).await;
}

#[tokio::test]
async fn a_process_is_started_found_and_ended() {
    let mut house = House::new();
    // A name of its own, so that the process is found among all of the machine.
    let path = house
        .tool("server", "echo serving; trap 'echo asked >>$HERE/asked; exit 0' TERM; while :; do sleep 0.05; done");
    house.resource("server", "Process", &[("PathName", &path), ("Arguments", "-p '8 0'")]);
    let runtime = house.runtime();
    let server = name("server");
    assert_eq!(runtime.probe(&server).await.power, Power::Off);
    assert_eq!(runtime.start(&server, LONG).await, Answer::Accepted);
    assert_eq!(runtime.start(&server, LONG).await, Answer::Already);
    assert_eq!(runtime.probe(&server).await.power, Power::Running);
    again("what it says is kept", || house.read("run/said/server/start").contains("serving")).await;
    assert_eq!(runtime.stop(&server, LONG).await, Answer::Accepted);
    assert_eq!(house.read("asked"), "asked\n");
    assert_eq!(runtime.probe(&server).await.power, Power::Off);
    assert_eq!(runtime.stop(&server, LONG).await, Answer::Already);
}

#[tokio::test]
async fn a_process_that_does_not_listen_is_killed() {
    let mut house = House::new();
    let path = house.tool("deaf", "trap '' TERM; while :; do sleep 0.05; done");
    house.resource("deaf", "Process", &[("PathName", &path)]);
    let runtime = house.runtime();
    let deaf = name("deaf");
    assert_eq!(runtime.start(&deaf, LONG).await, Answer::Accepted);
    assert_eq!(runtime.stop(&deaf, Duration::from_secs(2)).await, Answer::Accepted);
    assert_eq!(runtime.start(&deaf, LONG).await, Answer::Accepted);
    assert_eq!(runtime.clean(&deaf, 0, LONG).await, Answer::Accepted);
    assert_eq!(runtime.probe(&deaf).await.power, Power::Off);
}

#[tokio::test]
async fn a_process_that_ends_at_once_did_not_start() {
    let mut house = House::new();
    let path = house.tool("brief", "echo no configuration; exit 1");
    house.resource("brief", "Process", &[("PathName", &path)]);
    let missing = house.text("missing");
    house.resource("lost", "Process", &[("PathName", &missing)]);
    let runtime = house.runtime();
    match runtime.start(&name("brief"), Duration::from_secs(1)).await {
        Answer::Refused(why) => assert!(why.contains("no configuration"), "{why}"),
        // On a busy machine the process may live long enough to be seen twice.
        answer => assert_eq!(answer, Answer::Accepted),
    }
    reads(&runtime, "brief", Power::Off).await;
    let lost = runtime.start(&name("lost"), LONG).await;
    assert_eq!(lost, Answer::Refused(format!("{missing} is no program").into()));
}
