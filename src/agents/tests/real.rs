//! Tests with the resource agents of the distribution, where they are installed.
//!
//! Where they are not, a test prints that and ends; with `TENURE_REQUIRE_OCF=1` it fails instead.

use crate::house::{House, LONG, again, name, power, reads};
use crate::needs;
use std::path::{Path, PathBuf};
use tenure_agents::{Severity, check, metadata};
use tenure_core::{Power, execution::Answer};

const ROOT: &str = "/usr/lib/ocf";

/// A house with the agents of the distribution; `None` if this agent is not among them.
fn house(test: &str, kind: &str) -> Option<House> {
    let path = Path::new(ROOT).join("resource.d/heartbeat").join(kind);
    if !needs::met(test, "OCF", needs::file(&path, "resource-agents")) {
        return None;
    }
    let mut house = House::new();
    house.settings.ocf_root = PathBuf::from(ROOT);
    Some(house)
}

#[tokio::test]
async fn dummy_lives_and_dies() {
    let Some(mut house) = house("dummy_lives_and_dies", "Dummy") else { return };
    house.resource("app", "ocf:heartbeat:Dummy", &[]);
    let runtime = house.runtime();
    let app = name("app");
    assert_eq!(runtime.probe(&app).await.power, Power::Off);
    assert_eq!(runtime.start(&app, LONG).await, Answer::Accepted);
    assert_eq!(runtime.probe(&app).await.power, Power::Running);
    assert!(house.path("run/rsctmp/Dummy-app.state").exists(), "its state is in our own directory");
    // It dies by itself, and the next look sees that, with the agent's reason.
    runtime.expect([app.clone()].into());
    std::fs::remove_file(house.path("run/rsctmp/Dummy-app.state")).unwrap();
    reads(&runtime, "app", Power::Off).await;
    let seen = runtime.probe(&app).await;
    assert_eq!(seen.said, "No process state file found");
    assert_eq!(runtime.start(&app, LONG).await, Answer::Accepted);
    assert_eq!(runtime.stop(&app, LONG).await, Answer::Accepted);
    again("it is off", || power(&runtime, "app") == Some(Power::Off)).await;
}

#[tokio::test]
async fn they_say_what_they_can_be_told() {
    for (kind, parameter, required) in
        [("IPaddr2", "ip", true), ("Filesystem", "device", true), ("nginx", "configfile", false)]
    {
        let Some(house) = house("they_say_what_they_can_be_told", kind) else { return };
        let read = metadata(&house.settings, &format!("ocf:heartbeat:{kind}")).await.unwrap();
        assert_eq!(read.name, kind);
        assert_eq!(read.parameter(parameter).unwrap().required, required, "{kind} {parameter}");
        assert!(read.timeout("start").is_some() && read.timeout("monitor").is_some(), "{kind}");
    }
}

#[tokio::test]
async fn what_they_cannot_be_told_is_found() {
    let Some(mut house) = house("what_they_cannot_be_told_is_found", "IPaddr2") else { return };
    house.resource("ip", "ocf:heartbeat:IPaddr2", &[("ipp", "127.0.0.9"), ("cidr_netmask", "32")]);
    house.resource("state", "ocf:heartbeat:Dummy", &[("state", "/missing/directory/state")]);
    house.resource("good", "ocf:heartbeat:Dummy", &[]).start_timeout = tenure_core::Span::seconds(5);
    let found = check(&house.settings, &house.cluster).await;
    let of =
        |name: &str| found.iter().filter(|finding| finding.place == format!("resources.{name}")).collect::<Vec<_>>();
    let ip = of("ip");
    assert!(ip.iter().any(|found| found.help.contains("did you mean ip")), "{ip:#?}");
    assert!(ip.iter().any(|found| found.what == "ocf:heartbeat:IPaddr2 needs the attribute ip"), "{ip:#?}");
    let state = of("state");
    assert_eq!(state.len(), 1, "{state:#?}");
    assert!(state[0].severity == Severity::Warning && state[0].what.contains("is not writable"), "{state:#?}");
    let good = of("good");
    assert_eq!(good.len(), 1, "{good:#?}");
    assert!(good[0].severity == Severity::Warning && good[0].what.contains("advises at least 20s"), "{good:#?}");
}

#[tokio::test]
async fn nginx_outlives_what_started_it() {
    let Some(mut house) = house("nginx_outlives_what_started_it", "nginx") else { return };
    if !needs::met("nginx_outlives_what_started_it", "OCF", needs::programs(&["nginx"])) {
        return;
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let here = house.folder.path().display();
    let text = format!(
        "pid {here}/nginx.pid;\nerror_log {here}/error.log;\nevents {{}}\nhttp {{ access_log off; \
         client_body_temp_path {here}/a; proxy_temp_path {here}/b; fastcgi_temp_path {here}/c; uwsgi_temp_path {here}/d; \
         scgi_temp_path {here}/e; server {{ listen 127.0.0.1:{port}; location / {{ return 200 'served'; }} }} }}\n"
    );
    house.write("nginx.conf", &text);
    let (file, url) = (house.text("nginx.conf"), format!("http://127.0.0.1:{port}/"));
    let attributes = [("configfile", file.as_str()), ("status10url", &url), ("status10regex", "served")];
    house.resource("web", "ocf:heartbeat:nginx", &attributes);
    let found = check(&house.settings, &house.cluster).await;
    assert!(found.iter().all(|found| found.severity == Severity::Warning), "{found:#?}");
    let runtime = house.runtime();
    let web = name("web");
    assert_eq!(runtime.probe(&web).await.power, Power::Off);
    assert_eq!(runtime.start(&web, LONG).await, Answer::Accepted);
    assert_eq!(runtime.probe(&web).await.power, Power::Running);
    let answers = || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
    again("it serves", answers).await;
    // It crashes together with its workers, which would keep its port otherwise, and is started again.
    let master = house.read("nginx.pid").trim().parse().unwrap();
    let group = rustix::process::Pid::from_raw(master).unwrap();
    rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap();
    runtime.expect([web.clone()].into());
    again("its crash is seen", || power(&runtime, "web") != Some(Power::Running)).await;
    assert_eq!(runtime.clean(&web, 4, LONG).await, Answer::Accepted);
    assert_eq!(runtime.start(&web, LONG).await, Answer::Accepted);
    assert_eq!(runtime.probe(&web).await.power, Power::Running);
    assert_eq!(runtime.stop(&web, LONG).await, Answer::Accepted);
    assert_eq!(runtime.probe(&web).await.power, Power::Off);
    assert!(!answers());
}
