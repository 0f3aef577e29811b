//! Nothing that a less privileged user chose reaches a step that has more rights. These tests take root and the user
//! nobody.

use crate::house::{House, LONG, again, is_alive, may_change_users, name};
use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink},
    path::Path,
    process::{Child, Command},
    time::Duration,
};
use tenure_agents::{Rights, Severity, check};
use tenure_core::{
    Power, Span,
    config::{Hook, Trigger},
    execution::Answer,
};

const NOBODY: u32 = 65534;

/// A directory of the user nobody, in a house that everybody may enter.
fn with_app(house: &House) {
    fs::set_permissions(house.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for name in ["app", "app/bin"] {
        fs::create_dir(house.path(name)).unwrap();
        own(&house.path(name));
    }
}

fn own(path: &Path) {
    chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
}

/// A file of the user nobody.
fn theirs(house: &House, name: &str, text: &str) -> String {
    house.write(name, text);
    own(&house.path(name));
    house.text(name)
}

/// An application of the user nobody that tells its environment.
fn application(house: &mut House, file: &str) {
    let start = house.tool("start", "/usr/bin/env >$HERE/app/told; /usr/bin/id -u >>$HERE/app/told");
    let monitor = house.tool("monitor", "test -f $HERE/app/told || exit 100");
    let attributes = [("StartProgram", &*start), ("MonitorProgram", &monitor), ("User", "nobody"), ("EnvFile", file)];
    house.resource("app", "Application", &attributes);
}

fn sleeper(user: Option<&str>) -> Child {
    let mut command = Command::new("setpriv");
    if let Some(user) = user {
        command.args(["--reuid", user]);
    }
    command.args(["sleep", "600"]).spawn().unwrap()
}

/// Waits until a process has become `sleep`.
async fn sleeps(child: &Child) -> String {
    let number = child.id().to_string();
    let line = format!("/proc/{number}/comm");
    again("it sleeps", || fs::read_to_string(&line).is_ok_and(|name| name == "sleep\n")).await;
    number
}

fn ended(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test]
async fn variables_of_a_user_reach_no_step_that_is_still_root() {
    if !may_change_users("variables_of_a_user_reach_no_step_that_is_still_root") {
        return;
    }
    let mut house = House::new();
    with_app(&house);
    for tool in ["setpriv", "env", "sh", "cat", "head", "setsid"] {
        let path = house.tool(&format!("app/bin/{tool}"), "/usr/bin/id -u >>$HERE/app/fake; exit 1");
        own(Path::new(&path));
    }
    // The loader of each program that gets these writes a file, as the user that it runs as.
    let (path, trace) = (house.text("app/bin"), house.text("app/trace"));
    let text = format!("PATH={path}:/usr/bin:/bin\nexport LD_DEBUG=libs; LD_DEBUG_OUTPUT={trace}\nGREETING='a  b'\n");
    let file = theirs(&house, "app/env", &text);
    application(&mut house, &file);
    let runtime = house.runtime();
    assert_eq!(runtime.start(&name("app"), LONG).await, Answer::Accepted);
    let told = house.read("app/told");
    for line in [&format!("PATH={path}:/usr/bin:/bin"), "GREETING=a  b", "USER=nobody", "TENURE_RESOURCE=app"] {
        assert!(told.lines().any(|told| told == line), "{line} is not in {told}");
    }
    assert_eq!(told.lines().last(), Some("65534"));
    assert!(!house.read("app/fake").contains("0\n"), "a step of root found a program in the user's directory");
    let traces = fs::read_dir(house.path("app")).unwrap().flatten();
    let owners: Vec<u32> = traces
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("trace"))
        .map(|entry| entry.metadata().unwrap().uid())
        .collect();
    assert!(!owners.is_empty(), "the user's own program gets them");
    assert!(owners.iter().all(|owner| *owner == NOBODY), "{owners:?}");
}

#[tokio::test]
async fn a_file_of_variables_is_read_by_its_user() {
    if !may_change_users("a_file_of_variables_is_read_by_its_user") {
        return;
    }
    let mut house = House::new();
    with_app(&house);
    house.write("secret", "SECRET=of-root\n");
    fs::set_permissions(house.path("secret"), fs::Permissions::from_mode(0o600)).unwrap();
    symlink(house.path("secret"), house.path("app/link")).unwrap();
    assert!(Command::new("mkfifo").arg(house.path("app/pipe")).status().unwrap().success());
    own(&house.path("app/pipe"));
    theirs(&house, "app/long", &"LONG=x\n".repeat(100_000));
    theirs(&house, "app/words", "A=b\nno assignment of-theirs\n");
    for (file, why) in [
        ("app/link", "Permission denied"),
        ("app/pipe", "did not end within"),
        ("app/long", "longer than 64 KiB"),
        ("app/words", "line 2 is no NAME=value"),
    ] {
        let path = house.text(file);
        application(&mut house, &path);
        let runtime = house.runtime();
        let answer = runtime.start(&name("app"), Duration::from_secs(2)).await;
        let Answer::Refused(said) = &answer else { panic!("{file}: {answer:?}") };
        assert!(said.contains(why) && !said.contains("of-"), "{said}");
        assert!(!house.path("app/told").exists(), "{file}");
    }
}

#[tokio::test]
async fn a_pid_file_leads_to_no_process_of_another_user() {
    if !may_change_users("a_pid_file_leads_to_no_process_of_another_user") {
        return;
    }
    let mut house = House::new();
    with_app(&house);
    let (foreign, own) = (sleeper(None), sleeper(Some("nobody")));
    let (of_root, of_nobody) = (sleeps(&foreign).await, sleeps(&own).await);
    let file = theirs(&house, "app/pid", &of_root);
    for (user, said) in [(None, "can be changed by"), (Some("nobody"), "")] {
        let mut attributes = vec![("StartProgram", "/bin/true"), ("PidFiles", &*file)];
        attributes.extend(user.map(|user| ("User", user)));
        house.resource("app", "Application", &attributes);
        let runtime = house.runtime();
        let seen = runtime.probe(&name("app")).await;
        assert_ne!(seen.power, Power::Running);
        assert!(seen.said.contains(said), "{}", seen.said);
        let _ = runtime.stop(&name("app"), LONG).await;
        let _ = runtime.clean(&name("app"), 0, LONG).await;
        assert!(is_alive(&of_root), "it was ended for {user:?}");
    }
    // Its own process, whose number is in the file.
    fs::write(house.path("app/pid"), &of_nobody).unwrap();
    let runtime = house.runtime();
    assert_eq!(runtime.probe(&name("app")).await.power, Power::Running);
    // A number that was written before the process began is that of an earlier one.
    let before = std::time::SystemTime::now() - Duration::from_secs(3600);
    fs::File::options().write(true).open(house.path("app/pid")).unwrap().set_modified(before).unwrap();
    let seen = runtime.probe(&name("app")).await;
    assert_eq!(seen.power, Power::Unknown);
    assert!(seen.said.contains("began after the file was written"), "{}", seen.said);
    assert!(matches!(runtime.stop(&name("app"), LONG).await, Answer::Refused(_)));
    assert!(is_alive(&of_nobody));
    ended(foreign);
    ended(own);
}

/// Bytes in all files below a directory.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(about) if about.is_dir() => size(&entry.path()),
        Ok(about) => about.len(),
        Err(_) => 0,
    });
    sizes.sum()
}

#[tokio::test]
async fn what_a_program_says_never_fills_the_run_directory() {
    const MOST: u64 = 1024 * 1024;
    let mut house = House::new();
    let start = house.tool(
        "start",
        "head -c 30000000 /dev/zero; echo half
(head -c 30000000 /dev/zero; echo $$ done >$HERE/done; while :; do echo more; sleep 0.05; done) & echo $! >$HERE/child",
    );
    let monitor = house.tool("monitor", "exit 110");
    house.resource("app", "Application", &[("StartProgram", &start), ("MonitorProgram", &monitor)]);
    let runtime = house.runtime();
    let (mut most, run) = (0, house.path("run"));
    let app = name("app");
    tokio::join!(
        async { assert_eq!(runtime.start(&app, LONG).await, Answer::Accepted) },
        again("the daemon has said all", || {
            most = most.max(size(&run));
            house.path("done").exists()
        })
    );
    assert!(most < MOST, "{most}");
    // It goes on when nobody is there any more to read.
    drop(runtime);
    let said = || fs::read_to_string(run.join("said/app/StartProgram")).unwrap_or_default();
    again("it goes on talking", || said().contains("more\nmore\n")).await;
    let child = house.read("child");
    assert!(is_alive(&child));
    crate::house::kill(&child);
}

/// What a node refuses of a resource, by the check of the configuration and by each entry point.
async fn refusal(house: &House, resource: &str) -> Option<String> {
    let found = check(&house.settings, &house.cluster).await;
    let place = format!("resources.{resource}");
    let found = found.into_iter().find(|found| found.place == place && found.severity == Severity::Error);
    let runtime = house.runtime();
    let resource = name(resource);
    let answers = [
        runtime.start(&resource, LONG).await,
        runtime.stop(&resource, LONG).await,
        runtime.clean(&resource, 0, LONG).await,
    ];
    let seen = runtime.probe(&resource).await;
    let Some(found) = found else {
        assert!(!answers.iter().any(|answer| matches!(answer, Answer::Refused(_))), "{answers:?}");
        return None;
    };
    let said = format!("{}; {}", found.what, found.help);
    for answer in answers {
        assert_eq!(answer, Answer::Refused(said.as_str().into()), "the check says the same");
    }
    assert_eq!((seen.power, seen.said), (Power::Absent, said.into()), "it was not started here");
    Some(found.what.into())
}

#[tokio::test]
async fn a_command_line_of_the_cluster_file_runs_as_root_only_from_a_permitted_directory() {
    if !may_change_users("a_command_line_of_the_cluster_file_runs_as_root_only_from_a_permitted_directory") {
        return;
    }
    let mut house = House::new();
    with_app(&house);
    house.settings.rights = Rights { programs: vec![house.path("programs")], ..Rights::default() };
    let good = house.tool("programs/good", "id -un >$HERE/app/ran");
    house.tool("programs/by all", "exit 0");
    fs::set_permissions(house.path("programs/by all"), fs::Permissions::from_mode(0o757)).unwrap();
    let evil = house.tool("app/evil", "id -un >$HERE/app/ran");
    own(Path::new(&evil));
    symlink(&evil, house.path("programs/link")).unwrap();
    let at = |name: &str| house.text(name);
    let shell = format!("/bin/sh -c 'id -un >{}'", at("app/ran"));
    let (link, by_all, around) = (at("programs/link"), at("programs/by all"), at("programs/../app/evil"));
    let denied = |path: &str, why: &str| Some(format!("{path} may not run as root on n1{why}"));
    let (folder, whole) = (at("app"), ": it is not named by its whole path");
    let cases = [
        (format!("{good} --now"), None, None),
        (shell.clone(), None, denied("/bin/sh", "")),
        (shell.clone(), Some("root"), denied("/bin/sh", "")),
        (shell.clone(), Some("0"), denied("/bin/sh", "")),
        (shell, Some("nobody"), None),
        ("good".to_owned(), None, denied("good", whole)),
        (around.clone(), None, denied(&around, whole)),
        (link.clone(), None, denied(&link, &format!(": {folder} can be changed by user 65534"))),
        (format!("'{by_all}'"), None, denied(&by_all, &format!(": {by_all} can be changed by anybody"))),
        (evil.clone(), None, denied(&evil, &format!(": {folder} can be changed by user 65534"))),
        (evil, Some("nobody"), None),
    ];
    for (line, user, what) in cases {
        let _ = fs::remove_file(house.path("app/ran"));
        let mut attributes = vec![("StartProgram", &*line), ("MonitorProgram", &good), ("StopProgram", &good)];
        attributes.extend(user.map(|user| ("User", user)));
        house.resource("app", "Application", &attributes);
        assert_eq!(refusal(&house, "app").await, what, "{line} {user:?}");
        assert_eq!(house.path("app/ran").exists(), what.is_none(), "{line} {user:?}");
    }
    for (attribute, value, what) in [
        ("Environment", "LD_PRELOAD=/x", "variables of the cluster file may not reach a program that runs as root"),
        ("EnvFile", "/etc/shadow", "/etc/shadow may not run as root on n1"),
        ("PidFiles", "/tmp/pid;/x", "/tmp/pid may name any process: "),
    ] {
        house.resource("app", "Application", &[("StartProgram", &good), ("MonitorProgram", &good), (attribute, value)]);
        match refusal(&house, "app").await {
            Some(said) => assert!(said.starts_with(what), "{said}"),
            // Nobody can replace a file of root's in /tmp; whether the file itself can be changed is seen when it is there.
            None => assert_eq!(attribute, "PidFiles"),
        }
    }
    house.resource("app", "Process", &[("PathName", "/bin/sleep"), ("Arguments", "600")]);
    assert_eq!(refusal(&house, "app").await, denied("/bin/sleep", ""));
}

#[tokio::test]
async fn an_agent_runs_as_root_only_if_nobody_else_can_change_it() {
    if !may_change_users("an_agent_runs_as_root_only_if_nobody_else_can_change_it") {
        return;
    }
    let mut house = House::new();
    house.ocf("Web", "id -u >>$HERE/ran; exit 0");
    house.ocf("anything", "id -u >>$HERE/ran; exit 0");
    for entry in ["monitor", "online", "offline", "clean"] {
        house.script("Disk", entry, "id -u >>$HERE/ran; exit 100");
    }
    own(&house.path("ocf/resource.d/test/Web"));
    own(&house.path("scripts/Disk/offline"));
    house.resource("web", "ocf:test:Web", &[]);
    house.resource("any", "ocf:test:anything", &[]);
    house.resource("disk", "script:Disk", &[]);
    house.resource("off", "FileNone", &[("PathName", "/x")]);
    house.settings.rights.types = vec!["ocf:*".to_owned(), "script:*".to_owned()];
    for (resource, what) in [
        ("web", "/Web can be changed by user 65534"),
        ("any", "it does as root whatever its parameters say"),
        ("disk", "/offline can be changed by user 65534"),
        ("off", "node n1 does not run agents of type FileNone"),
    ] {
        let said = refusal(&house, resource).await.expect(resource);
        assert!(said.ends_with(what), "{said}");
    }
    assert!(!house.path("ran").exists());
}

#[tokio::test]
async fn a_hook_is_a_permitted_program() {
    let mut house = House::new();
    let group = house.cluster.groups.get_mut("web").unwrap();
    let hook = |program: &str| Hook { program: program.to_owned(), timeout: Span(1000) };
    group.hooks.insert(Trigger::PreOnline, hook("/opt/hook"));
    group.hooks.insert(Trigger::PostOnline, hook("/usr/bin/true"));
    let found = check(&house.settings, &house.cluster).await;
    let told: Vec<String> =
        found.iter().map(|found| format!("{}.{:?}: {}", found.place, found.attribute, found.what)).collect();
    let denied = r#"groups.web.hooks.Some("preonline"): /opt/hook may not run as root on n1"#.to_owned();
    assert_eq!(told, if rustix::process::geteuid().is_root() { vec![denied] } else { Vec::new() });
}

#[tokio::test]
async fn nobody_else_may_look_into_the_run_directory() {
    let mut house = House::new();
    house.settings.run_dir = house.path("new/run");
    let start = house.tool("start", "echo told");
    let monitor = house.tool("monitor", "exit 110");
    house.resource("app", "Application", &[("StartProgram", &start), ("MonitorProgram", &monitor)]);
    let runtime = house.runtime();
    assert_eq!(runtime.start(&name("app"), LONG).await, Answer::Accepted);
    assert_eq!(house.read("new/run/said/app/StartProgram"), "told\n");
    let mut open = vec![house.path("new")];
    while let Some(path) = open.pop() {
        let about = fs::symlink_metadata(&path).unwrap();
        assert_eq!(about.mode() & 0o077, 0, "{}", path.display());
        if about.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().flatten().map(|entry| entry.path()));
        }
    }
}
