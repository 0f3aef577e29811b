//! Rendering for people.

use super::fake::{Mood, Served, Site};
use tenure::{
    api::{
        Backend, Members, Read, status,
        wire::{Closed, DrainPurpose, DrainStatus, DrainView, StatusView},
    },
    cli::render::{self, Style},
};
use tenure_core::{Command, GroupName, Power, SystemState};

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
    insta::assert_snapshot!(render::status(&view(Site::running(), Read::Linearizable).await, PLAIN));
}

#[tokio::test]
async fn a_site_in_trouble() {
    let mut site = Site::running();
    site.systems.insert("p2".into(), SystemState::NoConnection);
    site.silent.insert("p2".into());
    site.silent.insert("arb".into());
    site.settle();
    insta::assert_snapshot!(render::status(&view(site, Read::Stale).await, PLAIN));
}

#[tokio::test]
async fn before_any_cluster_file() {
    insta::assert_snapshot!(render::status(&view(Site::default(), Read::Linearizable).await, PLAIN));
}

#[tokio::test]
async fn colours_say_the_state_and_nothing_else() {
    let mut site = Site::running();
    site.systems.insert("p2".into(), SystemState::NoConnection);
    site.silent.insert("p2".into());
    site.settle();
    let view = view(site, Read::Linearizable).await;
    let coloured = render::status(&view, Style { colour: true, width: 120 });
    let plain = render::status(&view, PLAIN);
    let stripped: Vec<String> =
        anstream::adapter::strip_str(&coloured).to_string().lines().map(|line| line.trim_end().to_owned()).collect();
    assert_eq!(stripped, plain.lines().collect::<Vec<_>>());
    assert!(coloured.contains("\u{1b}[1m\u{1b}[31mALARM"), "{coloured:?}");
}

#[tokio::test]
async fn what_is_kept_back_on_servers() {
    let mut view = view(Site::running(), Read::Linearizable).await;
    let drain = |state, progress: &str| DrainView {
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
pub const TYPED: [&str; 34] = [
    "group online g",
    "group online g --on s --propagate",
    "group offline g",
    "group offline g --propagate",
    "group switch g --to s",
    "group migrate g --to s",
    "group abort g",
    "group flush g",
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
    let configure = |strand, expect| ConfigureBody { request_id: "0".into(), text: "t".into(), strand, expect };
    for body in [configure(false, None), configure(true, Some(7))] {
        let line = serde_json::to_string(&body).unwrap();
        assert_eq!(serde_json::from_str::<ConfigureBody>(&line).unwrap(), body);
        lines.push(line);
    }
    insta::assert_snapshot!(lines.join("\n"));
}
