//! Rendering for people.

use super::fake::{Mood, Served, Site};
use tenure::{
    api::{
        Backend, Members, Read, status,
        wire::{Closed, DrainPurpose, DrainStatus, DrainView, ResourceView, StatusView},
    },
    cli::render::{self, Rows, Style},
};
use tenure_core::{Command, GroupName, Power, Span, SystemState};

const PLAIN: Style = Style { colour: false, width: 120 };

async fn view(site: Site, read: Read) -> StatusView {
    let served = Served::start(site).await;
    if read == Read::Stale {
        served.fake.set_mood(Mood::Leaderless);
    }
    let members: Members = served.fake.members().await.unwrap();
    let view = status(&served.fake.site().ledger, &members, read);
    served.stop().await;
    view
}

#[tokio::test]
async fn a_healthy_site() {
    insta::assert_snapshot!(render::status(&view(Site::running(), Read::Linearizable).await, Rows::All, PLAIN));
}

#[tokio::test]
async fn a_site_in_trouble() {
    let mut site = Site::running();
    site.systems.insert("p2".into(), SystemState::NoConnection);
    site.silent.insert("p2".into());
    site.silent.insert("arb".into());
    site.settle();
    insta::assert_snapshot!(render::status(&view(site, Read::Stale).await, Rows::All, PLAIN));
}

/// The same, some time after its last entry.
async fn later(site: Site, read: Read, idle: Span) -> StatusView {
    let served = Served::start(site).await;
    *served.fake.idle.lock().unwrap() = idle;
    if read == Read::Stale {
        served.fake.set_mood(Mood::Leaderless);
    }
    let members: Members = served.fake.members().await.unwrap();
    let view = status(&served.fake.site().ledger, &members, read);
    served.stop().await;
    view
}

fn resource<'a>(view: &'a StatusView, name: &str) -> &'a ResourceView {
    view.resources.iter().find(|one| one.name == name).expect("it is declared")
}

#[tokio::test]
async fn a_reading_has_an_age() {
    let mut site = Site::running();
    site.systems.insert("p2".into(), SystemState::NoConnection);
    site.silent.insert("p2".into());
    site.settle();
    let shown = later(site.clone(), Read::Linearizable, Span::seconds(2)).await;
    assert!(resource(&shown, "db").live, "it was read within a monitor interval");

    let shown = later(site.clone(), Read::Linearizable, Span::seconds(240)).await;
    let (db, web1) = (resource(&shown, "db"), resource(&shown, "web1"));
    assert_eq!((db.live, db.runs, db.state.as_str()), (false, None, "Running"));
    assert_eq!((web1.live, web1.runs, web1.read_at.as_ref()), (true, Some(true), Some(&shown.now)));
    let text = render::status(&shown, Rows::All, PLAIN);
    insta::assert_snapshot!(text);
    let coloured = render::resources(&shown, Style { colour: true, width: 120 });
    assert!(coloured.contains("Running 4m ago") && !coloured.contains("\u{1b}[38;5;10mRunning 4m"), "{coloured:?}");

    let text = render::resources(&later(site, Read::Linearizable, Span::seconds(7200)).await, PLAIN);
    assert!(text.contains("not known (Running 2h ago)"), "{text}");
}

#[tokio::test]
async fn nothing_runs_on_a_server_that_is_proven_off() {
    let mut site = Site::running();
    site.operator(Command::Request(tenure_core::Verb::Freeze { group: "db".into(), terms: Default::default() }.into()));
    site.systems.insert("p2".into(), SystemState::NoConnection);
    site.silent.insert("p2".into());
    site.settle();
    site.operator(Command::Request(tenure_core::Verb::ConfirmOff { server: "p2".into() }.into()));
    site.settle();
    let shown = later(site, Read::Linearizable, Span::seconds(240)).await;
    let db = resource(&shown, "db");
    assert_eq!((db.state.as_str(), db.live, db.runs, db.copies["p2"].as_str()), ("Off", true, Some(false), "Off"));
    let text = render::status(&shown, Rows::All, PLAIN);
    let row = text.lines().find(|line| line.starts_with("db ") && line.contains("frozen")).expect("its group");
    assert!(row.contains("pending") && !row.contains("online"), "{text}");
}

#[tokio::test]
async fn a_node_that_has_lost_touch_knows_nothing_for_certain() {
    let shown = later(Site::running(), Read::Stale, Span::seconds(38)).await;
    assert_eq!((shown.leader.as_ref(), shown.heard.as_ref()), (None, Some(&shown.at)));
    assert!(shown.servers.iter().all(|server| !server.live) && shown.groups.iter().all(|group| !group.live));
    let text = render::status(&shown, Rows::All, PLAIN);
    insta::assert_snapshot!(text);
    for sure in [" ok", "ready ", "online ", "  leader  ", "Running  "] {
        assert!(!text.contains(sure), "{sure:?}: {text}");
    }
}

#[tokio::test]
async fn before_any_cluster_file() {
    insta::assert_snapshot!(render::status(&view(Site::default(), Read::Linearizable).await, Rows::All, PLAIN));
}

#[tokio::test]
async fn colours_say_the_state_and_nothing_else() {
    let mut site = Site::running();
    site.systems.insert("p2".into(), SystemState::NoConnection);
    site.silent.insert("p2".into());
    site.settle();
    let view = view(site, Read::Linearizable).await;
    let coloured = render::status(&view, Rows::All, Style { colour: true, width: 120 });
    let plain = render::status(&view, Rows::All, PLAIN);
    let stripped: Vec<String> =
        anstream::adapter::strip_str(&coloured).to_string().lines().map(|line| line.trim_end().to_owned()).collect();
    assert_eq!(stripped, plain.lines().collect::<Vec<_>>());
    assert!(coloured.contains("\u{1b}[1m\u{1b}[31mALARM"), "{coloured:?}");
}

#[tokio::test]
async fn what_is_kept_back_on_servers() {
    let mut view = view(Site::running(), Read::Linearizable).await;
    let drain = |state, progress: &str| DrainView {
        kept: Default::default(),
        purpose: DrainPurpose::Shutdown,
        since: "2026-11-21T22:00:00.000Z".into(),
        state,
        progress: progress.into(),
        moved: Vec::new(),
    };
    let [p1, p2] = &mut view.servers[..] else { panic!("two servers") };
    p1.closed = Some(Closed::Draining);
    p1.drain = Some(drain(DrainStatus::Stuck, "not drained: 1 group cannot leave; do not power it off"));
    p1.quarantine = Some("2026-11-22T03:30:00.000Z".into());
    p2.returning = vec!["web".into()];
    insta::assert_snapshot!(render::servers(&view, PLAIN));
}

#[tokio::test]
async fn narrow_terminals_wrap() {
    let view = view(Site::running(), Read::Linearizable).await;
    let text = render::groups(&view, Style { colour: false, width: 60 });
    assert!(text.lines().all(|line| line.chars().count() <= 60), "{text}");
}

#[tokio::test]
async fn why_a_group_is_where_it_is() {
    let mut site = Site::running();
    site.operator(Command::Request(tenure_core::Verb::Switch { group: "web".into(), server: "p2".into() }.into()));
    site.settle();
    let why = tenure::api::why((&site.ledger).into(), &GroupName::from("web"), 8).unwrap();
    insta::assert_snapshot!(render::why(&why, PLAIN));
}

#[tokio::test]
async fn one_resource() {
    let mut site = Site::running();
    site.set("p2", "db", Power::Stopping);
    site.settle();
    let db = tenure::api::resource((&site.ledger).into(), &"db".into()).unwrap();
    let view = view(site, Read::Linearizable).await;
    insta::assert_snapshot!(render::resource(&db, PLAIN));
    insta::assert_snapshot!(render::resources(&view, PLAIN));
}

/// Field names are stable: fields are added, never renamed.
#[tokio::test]
async fn status_as_data() {
    let mut site = Site::running();
    site.systems.insert("p2".into(), SystemState::NoConnection);
    site.silent.insert("p2".into());
    site.settle();
    insta::assert_json_snapshot!(view(site, Read::Linearizable).await);
}

/// Every verb, with all of its options and with none.
pub const TYPED: [&str; 37] = [
    "group online g",
    "group online g --on s --propagate",
    "group offline g",
    "group offline g --propagate",
    "group switch g --to s",
    "group migrate g --to s",
    "group abort g",
    "group flush g",
    "group acknowledge g",
    "group freeze g --until 2h",
    "server drain s --until 90m",
    "group enable g",
    "group clear-admin-wait g",
    "group clear-admin-wait g --fault",
    "group freeze g",
    "group unfreeze g",
    "group clear g",
    "group clear g --on s",
    "resource restart r",
    "resource online r",
    "resource offline r",
    "resource offline r --propagate",
    "service online s",
    "service offline s",
    "server drain s",
    "server undrain s",
    "server undrain s --bring-back",
    "server shutdown s",
    "server freeze s",
    "server unfreeze s",
    "server release s",
    "cluster resume",
    "cluster disarm",
    "cluster arm",
    "hmc retry h",
    "fence confirm s",
    "fence confirm-node n",
];

#[test]
fn requests_as_data() {
    use tenure::api::wire::{ConfigureBody, RequestBody, Verb};
    let line = |typed: &&str| {
        let ask: Verb = typed.parse().unwrap();
        let line = serde_json::to_string(&RequestBody { request_id: "0".into(), ask: ask.clone() }).unwrap();
        assert_eq!(serde_json::from_str::<RequestBody>(&line).unwrap().ask, ask);
        line
    };
    let mut lines: Vec<String> = TYPED.iter().map(line).collect();
    for kind in Verb::ALL {
        assert!(TYPED.iter().any(|typed| typed.parse::<Verb>().unwrap().kind() == *kind), "no line of {kind}");
    }
    let configure =
        |strand, expect| ConfigureBody { request_id: "0".into(), text: "t".into(), strand, expect, no_check: false };
    for body in [configure(false, None), configure(true, Some(7))] {
        let line = serde_json::to_string(&body).unwrap();
        assert_eq!(serde_json::from_str::<ConfigureBody>(&line).unwrap(), body);
        lines.push(line);
    }
    insta::assert_snapshot!(lines.join("\n"));
}
