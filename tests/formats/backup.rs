//! The bytes of a backup.

use super::{hex, ledger::ledgers, lines_of, writes};
use std::{fs, path::PathBuf};
use tenure::backup::{Head, open, seal};
use tenure_core::{Ledger, Time};

fn head() -> Head {
    Head {
        cluster: "site-0badcafe".to_owned(),
        name: "site".to_owned(),
        node: "p1".to_owned(),
        index: 4711,
        term: 3,
        wall: Time(1_800_000_000_000),
        version: "0.1.0".to_owned(),
    }
}

#[test]
fn backups() {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/node/v1-backup.hex");
    // The frame is that of the backup, the ledger that of `v2-ledger.hex`.
    let bytes = seal(&head(), &Ledger { index: 4711, ..Ledger::default() });
    if writes() && !file.exists() {
        fs::write(&file, format!("empty = {}\n", hex(&bytes))).expect("the golden file");
    }
    let kept = lines_of(&file);
    assert_eq!(hex(&bytes), hex(&kept["empty"]), "a backup that is written has changed within version 1");
    assert_eq!(open(&kept["empty"]).expect("read").head, head());

    for (name, ledger) in ledgers() {
        let again = open(&seal(&head(), &ledger)).expect("it is read again");
        assert_eq!(again.ledger, ledger.scratch(), "{name}");
    }
}
