//! Numbers that documents quote from the code: each row fails when the code has another number, or the document another sentence.

use std::{fs, path::Path};

/// A document, its words (line breaks count as spaces), and the places of the code that they are true by: a file, and what it says.
type Quote = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const CONFIG: &str = "src/core/config.rs";
const TIME: &str = "src/core/time.rs";
const NODES: &str = "src/core/ledger/nodes.rs";
const LOGINS: &str = "src/core/ledger/logins.rs";
const RAFT: &str = "raft/src/options.rs";

#[rustfmt::skip] // a row is easier to find than a column
const QUOTES: &[Quote] = &[
    ("docs/architecture.md", "250 ms, suspect after 1.5 s of silence, lease 3 s, each server read every 5 s", &[
        (CONFIG, "heartbeat: Span(250),"),
        (CONFIG, "suspect: Span(1500),"),
        (CONFIG, "lease: Span::seconds(3),"),
        (CONFIG, "monitor: Span::seconds(5),"),
    ]),
    ("docs/architecture.md", "every second while something is", &[("src/core/node/rounds.rs", "const BRISK: Span = Span::seconds(1);")]),
    ("docs/agents.md", "default 1.5 s, of silence", &[(CONFIG, "suspect: Span(1500),")]),
    ("docs/agents.md", "for `stand_down` (10 s)", &[(CONFIG, "stand_down: Span::seconds(10),")]),
    ("docs/agents.md", "| `stand_down` (10 s) |", &[(CONFIG, "stand_down: Span::seconds(10),")]),
    ("docs/agents.md", "watchdog's time + 5 % + 1 s", &[
        (TIME, "const DRIFT_PERCENT: u64 = 5;"),
        (NODES, "const WATCHDOG_MARGIN: Span = Span::seconds(1);"),
    ]),
    ("docs/agents.md", "up to 2048 bytes", &[("src/agents/script.rs", "const ACTION_SAYS: usize = 2048;")]),
    ("docs/agents.md", "The last 4 KiB", &[("src/agents/output.rs", "const KEPT: usize = 4096;")]),
    ("docs/fault-model.md", "After `stand_down` (10 s)", &[(CONFIG, "stand_down: Span::seconds(10),")]),
    ("docs/fault-model.md", "plus 5 % and a twelfth of it", &[
        (TIME, "const DRIFT_PERCENT: u64 = 5;"),
        ("src/core/node.rs", "const LEASE_MARGIN: u64 = 12;"),
    ]),
    ("docs/fault-model.md", "with 5 % and a twelfth of a lease", &[
        (TIME, "const DRIFT_PERCENT: u64 = 5;"),
        ("src/core/node.rs", "const LEASE_MARGIN: u64 = 12;"),
    ]),
    ("docs/fault-model.md", "for the clocks, and 1 s (`Ledger::reset_by`)", &[(NODES, "const WATCHDOG_MARGIN: Span = Span::seconds(1);")]),
    ("docs/fault-model.md", "than 5 % (`DRIFT_PERCENT`)", &[(TIME, "const DRIFT_PERCENT: u64 = 5;")]),
    ("docs/fault-model.md", "to 64 syncs (`STRIDE`)", &[("storage/src/disk/mark.rs", "const STRIDE: u64 = 64;")]),
    ("docs/fault-model.md", "(by default 3 s and 30 s)", &[(CONFIG, "lease: Span::seconds(3),"), (CONFIG, "settle: Span::seconds(30),")]),
    ("docs/fault-model.md", "after 2.5 minutes, 6 minutes, then every 10 minutes", &[
        (LOGINS, "const PAUSES: [Span; 2] = [Span::seconds(150), Span::seconds(360)];"),
        (LOGINS, "const LONGEST_PAUSE: Span = Span::seconds(600);"),
    ]),
    ("docs/fault-model.md", "the third time within `flap_window`", &[("src/core/ledger/facts.rs", "const STRANGE: usize = 3;")]),
    ("docs/from-vcs.md", "its `timeout` (1 min)", &[("src/config/declared/group.rs", "timeout: Span::seconds(60)")]),
    ("docs/from-vcs.md", "any number, 100 if absent", &[("src/core/config/group.rs", "priority: 100,")]),
    ("docs/from-vcs.md", "`timings.monitor` (5 s)", &[(CONFIG, "monitor: Span::seconds(5),")]),
    ("docs/from-vcs.md", "`offline_monitor_interval` (1 min)", &[
        ("src/agents/spec.rs", "const OFFLINE_INTERVAL: Duration = Duration::from_secs(60);"),
    ]),
    ("docs/from-vcs.md", "what the agent advises, or 1 min", &[("src/agents/spec.rs", "const LOOK_TIMEOUT: Duration = Duration::from_secs(60);")]),
    ("docs/from-vcs.md", "at most 100 s", &[("src/performer/agents.rs", "const CLEAN: Duration = Duration::from_secs(100);")]),
    ("docs/from-vcs.md", "5 min and 2 min", &[
        ("src/core/config/resource.rs", "start_timeout: Span::seconds(300),"),
        ("src/core/config/resource.rs", "stop_timeout: Span::seconds(120),"),
    ]),
    ("docs/from-vcs.md", "2 in 10 min", &[
        ("src/core/config/group.rs", "restart_limit: 2,"),
        ("src/core/config/group.rs", "restart_window: Span::seconds(600),"),
    ]),
    ("docs/from-vcs.md", "five levels at most", &[("src/core/config/check/links.rs", "const DEPTH: usize = 5;")]),
    ("docs/operations.md", "(`lease`, 3 s)", &[(CONFIG, "lease: Span::seconds(3),")]),
    ("docs/operations.md", "`stand_down` 10 s, a file system", &[(CONFIG, "stand_down: Span::seconds(10),")]),
    ("docs/operations.md", "3 s + 2 min + 6 s + 1 s = 2 min 10 s", &[
        (CONFIG, "lease: Span::seconds(3),"),
        (TIME, "const DRIFT_PERCENT: u64 = 5;"),
        (NODES, "const WATCHDOG_MARGIN: Span = Span::seconds(1);"),
    ]),
    ("docs/operations.md", "good for an hour", &[("src/node/founding.rs", "pub const TOKEN_LASTS: Span = Span::seconds(3600);")]),
    ("docs/operations.md", "every order succeeds after a second", &[("src/core/what_if.rs", "const NOMINAL: Span = Span::seconds(1);")]),
    ("docs/operations.md", "at most ten seconds", &[("src/api/what_if.rs", "const WORK: Duration = Duration::from_secs(10);")]),
    ("docs/operations.md", "after 2.5 minutes", &[(LOGINS, "Span::seconds(150)")]),
    ("docs/operations.md", "next one 6 minutes later, then one every 10 minutes", &[
        (LOGINS, "Span::seconds(360)"),
        (LOGINS, "const LONGEST_PAUSE: Span = Span::seconds(600);"),
    ]),
    ("docs/operations.md", "snapshot_every = 5000", &[(RAFT, "every: 5_000,")]),
    ("docs/operations.md", "snapshot_keep = 2000", &[(RAFT, "keep: 2_000,")]),
    ("docs/operations.md", r#"snapshot_size = "16MiB""#, &[(RAFT, "size: 16 << 20 ")]),
    ("docs/operations.md", "less than 64 MiB left", &[("src/local/space.rs", "const RESERVE: u64 = 64 << 20;")]),
    ("docs/operations.md", "below 16 MiB it refuses all", &[("src/local/space.rs", "const LAST: u64 = 16 << 20;")]),
    ("docs/agents.md", "text of at most 4 KiB without NUL", &[("src/agents/secrets.rs", "const LONGEST: u64 = 4 << 10;")]),
    ("docs/operations.md", r#"heartbeat = "250ms""#, &[(CONFIG, "heartbeat: Span(250),")]),
    ("docs/operations.md", r#"heartbeat = "100ms""#, &[(RAFT, "heartbeat: Duration::from_millis(100),")]),
    ("docs/operations.md", r#"election_min = "700ms""#, &[(RAFT, "election_min: Duration::from_millis(700),")]),
    ("docs/operations.md", r#"election_max = "1400ms""#, &[(RAFT, "election_max: Duration::from_millis(1400),")]),
    ("docs/formats.md", "version 2 (`OLDEST`", &[("src/core/codec.rs", "const OLDEST: u16 = 2;")]),
    ("CONTRIBUTING.md", "at most 700 lines, one in `src/bin` at most 60", &[
        ("tests/tidy.rs", "const LONGEST_FILE: usize = 700;"),
        ("tests/tidy.rs", "const LONGEST_BINARY: usize = 60;"),
    ]),
];

/// With every run of white space as one space.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn numbers_in_documents_are_those_of_the_code() {
    let read = |file: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
    };
    let mut wrong = Vec::new();
    for (document, words, places) in QUOTES {
        if !flat(&read(document)).contains(&flat(words)) {
            wrong.push(format!("{document} does not say {words:?} any more"));
        }
        for (file, code) in *places {
            if !read(file).contains(code) {
                wrong.push(format!("{file} does not say {code:?} any more, by which {document} says {words:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
