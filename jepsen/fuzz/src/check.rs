//! The checks after each entry, and on the ledger at the end of a history.

use crate::{bytes::Bytes, site::site};
use std::sync::Arc;
use tenure_core::{
    Author, Command, Entry, Ledger, Outcome, Request, RequestId, Time, invariants, placement::tolerance::weakness,
};

/// All faults of one entry. Notes and refusals must render as text, since operators read them.
pub fn entry(before: &Ledger, entry: &Entry, after: &Ledger, outcome: &Outcome) -> Vec<String> {
    let mut wrong = invariants::state(after);
    wrong.extend(invariants::step(before, after));
    wrong.extend(invariants::refused(before, entry, after, &outcome.reply));
    for record in &outcome.records {
        if record.note.to_string().is_empty() {
            wrong.push(format!("says nothing: {:?}", record.note));
        }
    }
    for (_, why) in &outcome.refused {
        if why.to_string().is_empty() {
            wrong.push(format!("says nothing: {why:?}"));
        }
    }
    wrong
}

/// A ledger must survive encoding and decoding unchanged.
pub fn bytes(ledger: &Ledger) -> Vec<String> {
    let config = bincode::config::standard();
    let again = bincode::serde::encode_to_vec(ledger, config)
        .map_err(|why| why.to_string())
        .and_then(|bytes| bincode::serde::decode_from_slice(&bytes, config).map_err(|why| why.to_string()));
    match again {
        Ok((again, _)) if ledger == &again => Vec::new(),
        Ok(_) => vec!["a ledger is another one after it was read again".to_owned()],
        Err(why) => vec![format!("a ledger cannot be read again: {why}")],
    }
}

/// The question how weak the cluster is must have an answer, and the same one each time.
pub fn questions(ledger: &Ledger) -> Vec<String> {
    let same = weakness(ledger) == weakness(ledger);
    if same { Vec::new() } else { vec!["the weakness of a cluster is not the same twice".to_owned()] }
}

/// An entry must leave an empty ledger and one with a cluster in order, whatever it says.
pub fn applied(entry: &Entry) -> Result<(), String> {
    let mut declared = Ledger::default();
    let request = Request::Configure { cluster: Arc::new(site(&mut Bytes::new(&[]))), strand: false };
    let author = Author::first_user(RequestId(0));
    let first = Entry { at: Time(0), wall: Time(0), author, commands: vec![Command::Request(request)] };
    declared.apply(1, &first);
    for mut ledger in [Ledger::default(), declared] {
        let before = ledger.clone();
        let outcome = ledger.apply(before.index + 1, entry);
        let mut wrong = self::entry(&before, entry, &ledger, &outcome);
        wrong.extend(bytes(&ledger));
        if !wrong.is_empty() {
            return Err(format!("{entry:?}\n{}", wrong.join("\n")));
        }
    }
    Ok(())
}
