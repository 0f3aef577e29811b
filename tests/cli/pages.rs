//! A part of the status, and of the events: filters and pages at the node, and what the client makes of them.

use super::{
    commands::{Desk, command},
    fake::{SITE, Served, Site},
};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tenure::{
    api::{
        Client, Only, Part, Read, Which, status,
        wire::{ErrorKind, StatusView},
    },
    cli::Exit,
};
use tenure_core::{Command, GroupName, Power, SystemState, Verb};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// This many more groups of one LPAR each, of a few priorities, on p1 or p2.
fn file(groups: usize) -> String {
    let mut file = SITE.replace("[timings]\nheartbeat = \"200ms\"\n", "");
    for number in 0..groups {
        let (first, second) = if number % 2 == 0 { ("p1", "p2") } else { ("p2", "p1") };
        let priority = [30, 10, 20][number % 3];
        file.push_str(&format!(
            "[groups.app-{number}]\npriority = {priority}\nservers = [\"{first}\", \"{second}\"]\n"
        ));
        file.push_str(&format!("[lpars.app-{number}]\ngroup = \"app-{number}\"\npartition = \"app-{number}\"\n"));
    }
    file
}

/// They run; every tenth LPAR is just stopping.
fn many(groups: usize) -> Site {
    let mut site = Site::running_from(0, &file(groups));
    for number in (0..groups).step_by(10) {
        let server = if number % 2 == 0 { "p1" } else { "p2" };
        site.set(server, &format!("app-{number}"), Power::Stopping);
    }
    site.settle();
    site
}

fn client(served: &Served) -> Client {
    Client::new(&served.admin, vec![served.address.to_string()], Duration::from_secs(30)).unwrap()
}

async fn whole(served: &Served) -> StatusView {
    use tenure::api::Backend as _;
    let members = served.fake.members().await.unwrap();
    status(&served.fake.site().ledger, &members, Read::Linearizable)
}

/// Without the times, which go on.
fn timeless(view: StatusView) -> StatusView {
    StatusView { now: String::new(), ..view }
}

fn parts() -> Vec<Part> {
    let on = |name: &str| Some(name.to_owned());
    vec![
        Part::default(),
        Part::head(),
        Part { on: on("p2"), ..Part::default() },
        Part { group: on("web"), ..Part::default() },
        Part { group: on("app-10"), ..Part::list(Only::Groups) },
        Part { state: on("running"), ..Part::default() },
        Part { state: on("ONLINE"), on: on("p1"), ..Part::default() },
        Part { state: on("Stopping"), ..Part::list(Only::Resources) },
        Part { problems: true, ..Part::default() },
        Part { problems: true, ..Part::list(Only::Groups) },
        Part { problems: true, on: on("p1"), ..Part::list(Only::Resources) },
        Part::list(Only::Servers),
        Part::list(Only::Nodes),
        Part::list(Only::Services),
    ]
}

#[tokio::test]
async fn page_by_page_it_is_the_whole_and_each_part_is_what_its_filter_lets_through() {
    for site in [many(120), trouble(120)] {
        let served = Served::start(site).await;
        let client = client(&served);
        let all = whole(&served).await;
        assert!(all.groups.len() > 120 && all.totals.unwrap().groups.amiss > 10, "{:?}", all.totals);
        for part in parts() {
            let view = timeless(client.status_of(&part, Read::Linearizable).await.unwrap());
            let expected = timeless(part.taken_of(all.clone()));
            assert_eq!(view.verdict, all.verdict, "over everything: {part:?}");
            let first = view.groups.iter().zip(&expected.groups).find(|(one, other)| one != other);
            assert!(view == expected, "{part:?}: {first:?}, {:?} and {:?}", view.alarms, expected.alarms);
            // The same in pages of seven rows.
            let (mut after, mut rows, mut pages) = (None, (Vec::new(), Vec::new(), Vec::new(), 0, 0), 0);
            loop {
                let asked = Part { limit: part.limit.or(Some(7)), after, ..part.clone() };
                let page = client.status_page(&asked, Read::Linearizable).await.unwrap();
                assert!(page.groups.len() + page.resources.len() < 7 + 2 + 2, "a group is not cut: {part:?}");
                assert_eq!(page.verdict.is_some(), pages == 0);
                pages += 1;
                rows.0.extend(page.groups);
                rows.1.extend(page.resources.into_iter().map(|one| one.name));
                rows.2.extend(page.lpars.into_iter().map(|one| one.name));
                rows.3 += page.waits.len();
                rows.4 += page.alarms.len();
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            rows.1.sort();
            rows.2.sort();
            let expected = (
                expected.groups,
                expected.resources.into_iter().map(|one| one.name).collect(),
                expected.lpars.into_iter().map(|one| one.name).collect(),
                expected.waits.len(),
                expected.alarms.len(),
            );
            assert!(rows == expected, "{part:?} on {pages} pages");
        }
        served.stop().await;
    }
}

/// A server of which nobody knows whether it is off, so that half of the groups wait.
fn trouble(groups: usize) -> Site {
    let mut site = many(groups);
    site.systems.insert("p2".into(), SystemState::NoConnection);
    site.silent.insert("p2".into());
    site.settle();
    site
}

#[tokio::test]
async fn what_happens_between_two_pages_neither_repeats_a_group_nor_leaves_one_out() {
    let served = Served::start(many(40)).await;
    let client = client(&served);
    let part = Part { limit: Some(20), ..Part::list(Only::Groups) };
    let first = client.status_page(&part, Read::Linearizable).await.unwrap();
    let behind = Part { after: first.next.clone(), limit: Some(1000), ..part.clone() };
    // The last of the page before is stopped, and another group is moved.
    for ask in [
        Verb::Offline { group: first.groups[19].name.as_str().into(), propagate: false },
        Verb::Freeze { group: GroupName::from("app-0"), terms: Default::default() },
    ] {
        served.fake.site().operator(Command::Request(ask.into()));
    }
    served.fake.settle();
    let second = client.status_page(&behind, Read::Linearizable).await.unwrap();
    assert!(second.index > first.index && second.next.is_none());
    let mut names: Vec<String> = first.groups.iter().chain(&second.groups).map(|one| one.name.clone()).collect();
    let ordered = names.clone();
    names.sort();
    names.dedup();
    assert_eq!((names.len(), ordered.len()), (42, 42), "{ordered:?}");

    // Another configuration may have another order.
    client.configure(Client::request_id(), file(41), false, None).await.unwrap();
    let error = client.status_page(&behind, Read::Linearizable).await.expect_err("it is refused").view();
    assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Refused, Some("page_outdated")));
    assert!(error.message.contains("log index") && error.suggestion.unwrap().contains("begin again"));
    // Whoever asks for all begins again by itself.
    let rest = client.status_rest(first, &Part::list(Only::Groups), Read::Linearizable).await.unwrap();
    assert_eq!(rest.groups.len(), whole(&served).await.groups.len());
    served.stop().await;
}

#[tokio::test]
async fn a_mistake_in_what_is_asked_for_is_named() {
    let served = Served::start(Site::running()).await;
    let client = client(&served);
    let after = |after: &str| Part { after: Some(after.to_owned()), ..Part::default() };
    for wrong in ["web", "1.2", "x.y.z", "%00"] {
        let error =
            client.status_page(&after(wrong), Read::Linearizable).await.expect_err("no page ended there").view();
        assert_eq!(error.kind, ErrorKind::Usage);
        assert!(error.message.contains("is not the end of a page: take the `next`"), "{}", error.message);
    }
    for (part, code) in [
        (Part { on: Some("p9".to_owned()), ..Part::default() }, "no_server"),
        (Part { group: Some("wob".to_owned()), ..Part::head() }, "no_group"),
    ] {
        let error = client.status_page(&part, Read::Linearizable).await.expect_err("there is none").view();
        assert_eq!(error.code.as_deref(), Some(code), "an empty answer would pass for good news");
    }
    // More than a page has is a page.
    let most = Part { limit: Some(usize::MAX), ..Part::default() };
    assert_eq!(client.status_page(&most, Read::Linearizable).await.unwrap().groups.len(), 2);
    served.stop().await;
}

#[tokio::test]
async fn a_screen_has_room_for_so_much_and_says_what_it_leaves_out() {
    let desk = Desk::new(trouble(400)).await;
    let out = desk.run("status").await.out;
    let rows = out.lines().filter(|line| line.starts_with("app-")).count();
    assert!((150..=201).contains(&rows), "{rows} rows");
    assert!(out.contains("not shown: ") && out.contains("to see all of these: `tenure status --problems`"), "{out}");
    let json = desk.run("status --output json").await.json();
    assert_eq!(json["groups"].as_array().unwrap().len(), 402, "programs are shown everything");
    assert_eq!((json["totals"]["groups"]["all"].as_u64(), json.get("next")), (Some(402), None));
    let problems = desk.run("status --problems --output json").await.json();
    let amiss = problems["groups"].as_array().unwrap().len();
    assert_eq!(json["totals"]["groups"]["amiss"].as_u64(), Some(amiss as u64));
    assert_eq!(problems["verdict"], json["verdict"]);
    let ended = desk.run("group list --group wob").await;
    assert_eq!(ended.exit, Exit::Refused);
    assert!(ended.err.contains("there is no group wob") && ended.err.contains("did you mean web?"), "{}", ended.err);
    desk.served.stop().await;
}

/// A slow line to this node: so many bytes to the client in each of these intervals. It counts them.
async fn slow_line(node: SocketAddr, bytes: usize, each: Duration) -> (SocketAddr, Arc<AtomicUsize>) {
    let passed = Arc::new(AtomicUsize::default());
    let counts = Arc::clone(&passed);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            let (mut asks, mut hears) = client.into_split();
            let (mut answers, mut hears_of) = TcpStream::connect(node).await.unwrap().into_split();
            tokio::spawn(async move { tokio::io::copy(&mut asks, &mut hears_of).await });
            let counts = Arc::clone(&counts);
            tokio::spawn(async move {
                let (mut beat, mut piece) = (tokio::time::interval(each), vec![0; bytes]);
                while let Ok(read @ 1..) = answers.read(&mut piece).await {
                    beat.tick().await;
                    counts.fetch_add(read, Ordering::SeqCst);
                    if hears.write_all(&piece[..read]).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    (address, passed)
}

/// A status that takes longer than a node has to say who leads is waited for, and is short where little is shown.
#[tokio::test]
async fn on_a_slow_line_the_status_comes() {
    let desk = Desk::new(many(400)).await;
    let all = serde_json::to_vec(&whole(&desk.served).await).unwrap().len();
    // All of it takes five seconds.
    let (line, passed) = slow_line(desk.served.address, all / 100, Duration::from_millis(50)).await;
    for (asked, most) in [
        ("status --output json", 2 * all),
        ("status", all / 3),
        ("status --check", all / 20),
        ("leader show", all / 20),
        ("group list --group web", all / 20),
    ] {
        let before = passed.load(Ordering::SeqCst);
        let ended = command(asked, &line.to_string(), desk.directory(), None).await;
        assert!([Exit::Done, Exit::Wrong].contains(&ended.exit), "{asked}: {}{}", ended.err, ended.out);
        let took = passed.load(Ordering::SeqCst) - before;
        println!("{asked}: {took} bytes; all are {all}");
        assert!(took < most, "{asked}: {took} bytes; all are {all}");
    }
    desk.served.stop().await;
}

#[tokio::test]
async fn events_come_page_by_page_and_of_one_group_or_server() {
    let mut site = many(200);
    for _ in 0..6 {
        for number in 0..200 {
            let group = || GroupName::from(format!("app-{number}"));
            site.operator(Command::Request(Verb::Freeze { group: group(), terms: Default::default() }.into()));
            site.operator(Command::Request(Verb::Unfreeze { group: group() }.into()));
        }
    }
    let served = Served::start(site).await;
    let client = client(&served);
    let kept: Vec<_> =
        served.fake.site().ledger.journal.iter().map(|event| (event.index, event.text.to_string())).collect();
    assert!(kept.len() > 2000, "more than two pages: {}", kept.len());
    let all = client.events(0, Read::Linearizable).await.unwrap();
    assert_eq!(all.iter().map(|record| (record.index, record.text.clone())).collect::<Vec<_>>(), kept);
    let of = async |which: &Which| client.events_of(0, which, Read::Linearizable).await.unwrap();
    let web = of(&Which { group: Some("web".to_owned()), ..Which::default() }).await;
    assert!(!web.is_empty() && web.iter().all(|record| record.group.as_deref() == Some("web")));
    assert_eq!(web.len(), all.iter().filter(|record| record.group.as_deref() == Some("web")).count());
    let there = of(&Which { on: Some("p1".to_owned()), ..Which::default() }).await;
    assert_eq!(there.len(), all.iter().filter(|record| record.server.as_deref() == Some("p1")).count());
    let followed = client.follow_these(0, &Which { group: Some("web".to_owned()), on: None }).next().await.unwrap();
    assert_eq!(Some(&followed), web.first());
    served.stop().await;
}
