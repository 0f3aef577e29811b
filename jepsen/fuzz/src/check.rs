//! What must be so after each entry, and of a ledger at the end of a history.

use tenure_core::{Entry, Ledger, Outcome, invariants, tolerance::weakness};

/// Everything that is wrong with one entry. What was noted and refused is put into words, for an operator will read it.
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

/// A ledger goes through bytes and is the same.
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

/// Whoever asks how weak the cluster is gets an answer, the same each time.
pub fn questions(ledger: &Ledger) -> Vec<String> {
    let same = weakness(ledger) == weakness(ledger);
    if same { Vec::new() } else { vec!["the weakness of a cluster is not the same twice".to_owned()] }
}
