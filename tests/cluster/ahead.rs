//! A node whose wall clock is two hours ahead becomes leader, and a whole cluster starts with such clocks: displayed
//! times may follow them, waits may not.
//!
//! The clock is set by `libfaketime`. Where it is not installed, a test prints that and ends; with
//! `TENURE_REQUIRE_FAKETIME=1` it fails instead.

use super::restart::{settled, site_with};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use tenure::api::{Client, Read, wire::StatusView};
use tenure_core::Verb;
use tenure_jepsen::{lab::Site, needs, world::Fault};

const PATIENCE: Duration = Duration::from_secs(60);
/// Lead of the wall clock.
const AHEAD: Duration = Duration::from_secs(7200);
/// Time for which a start may still take effect.
const SETTLE: Duration = Duration::from_secs(20);
/// Duration of a lease: the most that cluster time may be ahead of real time.
const LEASE: Duration = Duration::from_secs(3);

const GROUP: &str = "office";
const LPAR: &str = "mail";
const NODE: &str = "p2";
const SETTLED: &str = "mail: no start on p2 can take effect any more";

/// The library that gives a process another wall clock.
fn library() -> Option<PathBuf> {
    let architectures = fs::read_dir("/usr/lib").ok()?.flatten();
    let mut found = architectures.map(|entry| entry.path().join("faketime/libfaketime.so.1"));
    found.find(|library| library.is_file())
}

/// Writes a script that runs `tenured` with a wall clock ahead of time once there is a file `NODE.ahead`, NODE being
/// that of its configuration.
fn program(directory: &Path, library: &Path) -> PathBuf {
    let program = directory.join("tenured.sh");
    let text = format!(
        "#!/bin/sh\nif test -e \"${{2%.toml}}.ahead\"; then\n  export LD_PRELOAD='{}' FAKETIME='+{}s' \
         FAKETIME_DONT_FAKE_MONOTONIC=1\nfi\nexec '{}' \"$@\"\n",
        library.display(),
        AHEAD.as_secs(),
        env!("CARGO_BIN_EXE_tenured")
    );
    fs::write(&program, text).expect("a file");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("its mode");
    program
}

async fn request(client: &Client, ask: Verb) -> Instant {
    client.request(Client::request_id(), ask).await.expect("a request is acknowledged");
    Instant::now()
}

/// The state while the group waits for a start to settle, or after that.
async fn settling(site: &Site, since: u64) -> StatusView {
    let mut last = None;
    let seen = site.until("the group waits or the start has settled", PATIENCE, async || {
        last = site.client.status(Read::Linearizable).await.ok();
        last.as_ref().is_some_and(|status| left(status).is_some()) || is_said(site, since, SETTLED).await
    });
    seen.await.expect("one of the two");
    last.expect("just seen")
}

fn instant(rfc3339: &str) -> jiff::Timestamp {
    rfc3339.parse().expect("a time")
}

/// The rest of the group's time to settle, by cluster time.
fn left(status: &StatusView) -> Option<Duration> {
    let wait = status.waits.iter().find(|wait| wait.name == GROUP)?;
    let until = instant(wait.until.as_ref()?);
    Some(Duration::try_from(until.duration_since(instant(&status.at))).unwrap_or_default())
}

/// Whether the journal has a record with this text since a log index.
async fn is_said(site: &Site, since: u64, what: &str) -> bool {
    let records = site.client.events(since, Read::Linearizable).await.unwrap_or_default();
    records.iter().any(|record| record.text.contains(what))
}

/// Kills the node after a start was ordered there, so that it may still take effect. `false` if the start was sent
/// before.
async fn settles(site: &Site) -> bool {
    let since = settled(site, "everything is online").await.index;
    site.world.with(|world| {
        let (server, lpar) = (world.server(NODE).expect("in the world"), world.lpar(LPAR).expect("in the world"));
        world.inject(Fault::Crash(server, lpar)).expect("it ran");
    });
    let leader = site.client_of("p1").expect("a client");
    let start = format!("start {LPAR}");
    let ordered = site.until("a start is ordered", PATIENCE, async || {
        let status = leader.status(Read::Stale).await;
        status.is_ok_and(|status| status.orders.iter().any(|order| order.what.starts_with(&start)))
    });
    ordered.await.expect("it is ordered");
    site.kill_node(NODE).expect("killed");
    let mut waits = false;
    let seen = site.until("the order is given up, or was carried out", PATIENCE, async || {
        let sent = site.world.with(|world| world.lpar(LPAR).is_some_and(|lpar| !world.active_on(lpar).is_empty()));
        let status = site.client.status(Read::Linearizable).await;
        waits = status.is_ok_and(|status| left(&status).is_some())
            && is_said(site, since, "mail: a start on p2 may still take effect").await;
        sent || waits
    });
    seen.await.expect("one of the two");
    if !waits {
        site.start_node(NODE).expect("started");
    }
    waits
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wall_clock_two_hours_ahead_ends_nothing_early() {
    let library = library();
    let lacking = needs::file(library.as_deref().unwrap_or(Path::new("libfaketime.so.1")), "libfaketime");
    let met = needs::met("a_wall_clock_two_hours_ahead_ends_nothing_early", "FAKETIME", lacking);
    let Some(library) = library.filter(|_| met) else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let program = program(directory.path(), &library);
    let mut site = site_with(directory.path(), 3, program).await;
    site.cluster_file = site.cluster_file.replace("settle = \"4s\"", &format!("settle = \"{}s\"", SETTLE.as_secs()));
    site.declare().await.expect("declared");
    let mut tries = 0;
    while !settles(&site).await {
        tries += 1;
        assert!(tries < 5, "the start is always sent before the node is killed");
    }

    let before = site.client.status(Read::Linearizable).await.expect("an answer");
    let (began, index) = (Instant::now(), before.index);
    let first = left(&before).expect("it waits");
    let gone = |what: &str, now: &StatusView| {
        let really = began.elapsed();
        let left = left(now).unwrap_or_default();
        println!("{what}: {left:?} of {first:?} left after {really:?}; people are shown {}", now.at);
        let gone = first.saturating_sub(left);
        assert!(gone <= really + LEASE, "{what}: {gone:?} of cluster time went by within {really:?}");
    };

    fs::write(directory.path().join(format!("{NODE}.ahead")), "").expect("a file");
    site.start_node(NODE).expect("started");
    let node = site.client_of(NODE).expect("a client");
    let back = site.until("it is back", PATIENCE, async || node.status(Read::Linearizable).await.is_ok());
    back.await.expect("it comes back");
    request(&node, Verb::Freeze { group: "night".into(), terms: Default::default() }).await;
    gone("a request came through it", &settling(&site, index).await);

    let leads = site.until("it leads", PATIENCE, async || {
        // Refused while it catches up.
        let _ = site.client.transfer_leader(Some(NODE)).await;
        site.leader().await.as_deref() == Some(NODE)
    });
    leads.await.expect("it leads");
    request(&node, Verb::Unfreeze { group: "night".into() }).await;
    let led = settling(&site, index).await;
    gone("it leads", &led);
    let shown = instant(&led.at).duration_since(instant(&before.at));
    assert!(Duration::try_from(shown).unwrap_or_default() > AHEAD / 2, "its wall clock is not ahead: {}", led.at);

    // No process is left that knows cluster time.
    for name in site.names() {
        site.kill_node(name).expect("killed");
        fs::write(directory.path().join(format!("{name}.ahead")), "").expect("a file");
    }
    for name in site.names() {
        site.start_node(name).expect("started");
    }
    gone("all have started anew", &settling(&site, index).await);

    let ends = site.until("the start has settled", PATIENCE, async || is_said(&site, index, SETTLED).await);
    ends.await.expect("it settles");
    let took = began.elapsed();
    println!("settled after {took:?}, of {first:?}");
    assert!(took + LEASE >= first, "settled after {took:?} instead of {first:?}");
    settled(&site, "everything is online again").await;
    site.stop().await;
}
