//! Tests of turns: one entry point of a resource at a time, and a resource that hangs holds up no other.

use crate::house::{House, LONG, again, is_alive, name, power, reads, seen};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tenure_core::{Power, Span, execution::Answer};
use tokio::time::Instant;

/// Hangs in an action while the file `hang.ACTION` exists; logs the begin and end of each.
const HANGING: &str = r#"
echo "begin $1" >>$HERE/log
if [ -f $HERE/hang.$1 ]; then sleep 600 & echo $! >$HERE/child.new; mv $HERE/child.new $HERE/child; wait; fi
echo "end $1" >>$HERE/log
case $1 in start) touch $HERE/up;; stop) rm -f $HERE/up;; monitor) [ -f $HERE/up ] || exit 7;; esac
exit 0
"#;

fn house() -> House {
    let mut house = House::new();
    house.ocf("Hanging", HANGING);
    house.resource("app", "ocf:test:Hanging", &[]);
    house
}

async fn hangs(house: &House) -> String {
    again("it hangs", || house.path("child").exists()).await;
    house.read("child")
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_look_that_hangs() {
    let house = house();
    house.write("hang.monitor", "");
    let runtime = house.runtime();
    let child = hangs(&house).await;
    let began = Instant::now();
    assert_eq!(runtime.stop(&name("app"), LONG).await, Answer::Accepted);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    again("the look is killed", || !is_alive(&child)).await;
}

#[tokio::test]
async fn a_start_gives_way_to_a_stop_and_a_stop_to_cleaning() {
    let house = house();
    let runtime = house.runtime();
    reads(&runtime, "app", Power::Off).await;
    house.write("hang.start", "");
    let resource = name("app");
    let stopped = async {
        hangs(&house).await;
        runtime.stop(&resource, LONG).await
    };
    let (started, stopped) = tokio::join!(runtime.start(&resource, LONG), stopped);
    assert_eq!(stopped, Answer::Accepted);
    assert!(matches!(started, Answer::Unknown(_)), "{started:?}");
    assert!(!house.lines("log").contains(&"end start".to_owned()));
}

#[tokio::test]
async fn what_outlives_its_time_is_killed_and_looked_at_again() {
    let house = house();
    let runtime = house.runtime();
    reads(&runtime, "app", Power::Off).await;
    house.write("hang.start", "");
    let answer = runtime.start(&name("app"), Duration::from_millis(500)).await;
    assert!(matches!(answer, Answer::Unknown(_)), "{answer:?}");
    let child = house.read("child");
    again("its children are killed", || !is_alive(&child)).await;
    // Without a request, and long before the next regular look.
    reads(&runtime, "app", Power::Off).await;
}

#[tokio::test]
async fn a_start_that_nobody_waits_for_is_killed_and_looked_at_again() {
    let house = house();
    let runtime = house.runtime();
    reads(&runtime, "app", Power::Off).await;
    house.write("hang.start", "");
    let resource = name("app");
    let lives = async {
        let child = hangs(&house).await;
        assert!(is_alive(&child));
    };
    tokio::select! {
        answer = runtime.start(&resource, LONG) => panic!("{answer:?}"),
        () = lives => {}
    }
    let child = house.read("child");
    again("its children are killed", || !is_alive(&child)).await;
    reads(&runtime, "app", Power::Off).await;
}

#[tokio::test]
async fn while_it_is_started_it_reads_so_at_once() {
    let house = house();
    let runtime = house.runtime();
    reads(&runtime, "app", Power::Off).await;
    house.write("hang.start", "");
    let resource = name("app");
    let looked = async {
        hangs(&house).await;
        runtime.probe(&resource).await
    };
    tokio::select! {
        answer = runtime.start(&resource, LONG) => panic!("{answer:?}"),
        seen = looked => assert_eq!(seen.power, Power::Starting),
    }
}

#[tokio::test]
async fn never_two_entry_points_of_one_resource() {
    let mut house = House::new();
    // A killed entry point releases the lock.
    house.ocf(
        "Alone",
        "[ $1 = meta-data ] && exit 1; exec 9>>$HERE/lock; flock -n 9 || echo $1 >>$HERE/together; sleep 0.02; exit 0",
    );
    house.resource("app", "ocf:test:Alone", &[]);
    house.agent("app").watch.interval = Some(Span(100));
    let runtime = house.runtime();
    let app = name("app");
    runtime.expect(BTreeSet::from([app.clone()]));
    let mut tasks = tokio::task::JoinSet::new();
    for turn in 0..24 {
        let (runtime, app) = (runtime.clone(), app.clone());
        tasks.spawn(async move {
            match turn % 3 {
                0 => drop(runtime.start(&app, LONG).await),
                1 => drop(runtime.probe(&app).await),
                _ => runtime.request_probes([app]),
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(house.read("together"), "");
}

#[tokio::test]
async fn a_hundred_that_hang_hold_up_nobody() {
    let mut house = House::new();
    house.ocf("Hangs", "exec sleep 600");
    house.ocf("Works", "case $1 in start) touch $HERE/up;; monitor) [ -f $HERE/up ] || exit 7;; esac");
    for number in 0..100 {
        house.resource(&format!("bad{number}"), "ocf:test:Hangs", &[]);
    }
    house.resource("good", "ocf:test:Works", &[]);
    let runtime = house.runtime();
    let good = name("good");
    let running = || {
        let all = std::fs::read_dir("/proc").unwrap().flatten();
        let mine = std::process::id().to_string();
        let lines = all.filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok());
        lines
            .filter(|line| {
                line.contains("(sleep)") && line.rsplit(')').next().unwrap().split_whitespace().nth(1) == Some(&mine)
            })
            .count()
    };
    again("all of them hang", || running() >= 100).await;
    let began = Instant::now();
    assert_eq!(runtime.probe(&good).await.power, Power::Off);
    assert_eq!(runtime.start(&good, LONG).await, Answer::Accepted);
    assert_eq!(runtime.probe(&good).await.power, Power::Running);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    // The stop of a hanging resource, whose agent hangs as well, runs into its timeout; nothing else is affected.
    let answer = runtime.stop(&name("bad7"), Duration::from_millis(300)).await;
    assert!(matches!(answer, Answer::Unknown(_)), "{answer:?}");
}

#[tokio::test]
async fn a_look_that_hangs_is_unknown_at_its_deadline() {
    let mut house = house();
    house.agent("app").watch.timeout = Some(Span(300));
    house.write("hang.monitor", "");
    let runtime = house.runtime();
    let looked = runtime.probe(&name("app")).await;
    assert_eq!(looked.power, Power::Unknown);
    assert!(!looked.said.is_empty());
    reads(&runtime, "app", Power::Unknown).await;
    // The next look follows at once, and not only after the offline interval.
    std::fs::remove_file(house.path("hang.monitor")).unwrap();
    runtime.request_probes([name("app")]);
    reads(&runtime, "app", Power::Off).await;
}

#[tokio::test]
async fn what_should_be_up_is_looked_at_more_often() {
    let house = house();
    let runtime = house.runtime();
    reads(&runtime, "app", Power::Off).await;
    let first = house.lines("log").len();
    runtime.expect(BTreeSet::from([name("app")]));
    again("it is looked at again and again", || house.lines("log").len() > first + 6).await;
}

#[tokio::test]
async fn who_listens_hears_of_what_is_new_only() {
    let house = house();
    let runtime = house.runtime();
    let mut changed = runtime.changed();
    changed.changed().await.unwrap();
    reads(&runtime, "app", Power::Off).await;
    runtime.expect(BTreeSet::from([name("app")]));
    let before = *changed.borrow_and_update();
    let looks = house.lines("log").len();
    again("looks go on", || house.lines("log").len() > looks + 6).await;
    assert_eq!(*changed.borrow(), before, "the same is no news");
    runtime.probe(&name("app")).await;
    assert!(*changed.borrow() > before, "who asked hears that it ended");
}

#[tokio::test]
async fn what_did_not_change_is_left_alone() {
    let mut house = house();
    let path = house.text("file");
    house.resource("file", "FileOnOff", &[("PathName", &path)]);
    let runtime = house.runtime();
    reads(&runtime, "file", Power::Off).await;
    reads(&runtime, "app", Power::Off).await;
    let (looks, before) = (house.lines("log").len(), seen(&runtime, "app"));
    house.cluster.resources.remove("file");
    runtime.configure(&Arc::new(house.cluster.clone()));
    assert_eq!(power(&runtime, "file"), None);
    assert_eq!((house.lines("log").len(), seen(&runtime, "app")), (looks, before));
    // Neither resources of other servers nor disabled ones are kept.
    house.cluster.resources.get_mut("app").unwrap().enabled = false;
    runtime.configure(&Arc::new(house.cluster.clone()));
    assert_eq!(runtime.inside().seen.len(), 0);
    assert!(matches!(runtime.start(&name("app"), LONG).await, Answer::Refused(_)));
}
