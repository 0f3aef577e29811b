//! The decoders of this crate, for the fuzzer. Each function takes any bytes, and returns the promise that was broken.

use openraft::raft::{AppendEntriesResponse, TransferLeaderRequest, VoteRequest, VoteResponse};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tenure_storage::{Entry, LogId, TokioTypes, format};

use crate::admission::Word;
use crate::belief::{check_entries, check_entry, check_membership, check_vote};
use crate::codec::{self, Blob};
use crate::incoming::{Incoming, Progress};
use crate::message::{
    AppendIn, AppendOut, KINDS, Kind, Outcome, PieceAnswer, ReadIndexAnswer, SnapshotPiece, Stopped, entry_out, fields,
};
use crate::service::commands;
use crate::store::{self, Head};
use crate::wire::Sender;
pub use crate::wire::fuzz::stream;

/// The feature level of the program that is made out.
const ABILITY: u32 = 2;
/// The cluster that it belongs to.
pub const CLUSTER: &str = "lab";

/// Whatever can be read is read again as the same from what is written.
fn again<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<(), String> {
    let Ok(value) = codec::decode::<T>(bytes) else { return Ok(()) };
    same(&value)
}

fn same<T: Serialize + DeserializeOwned>(value: &T) -> Result<(), String> {
    let once = codec::encode(value);
    let read = codec::decode::<T>(&once).map_err(|why| format!("{once:?} was written, and: {why}"))?;
    let twice = codec::encode(&read);
    if once == twice { Ok(()) } else { Err(format!("{once:?} was written, and then {twice:?}")) }
}

/// All kinds of requests of peers: the byte of each, and its name.
pub fn kinds() -> Vec<(u8, String)> {
    KINDS.iter().map(|(byte, kind)| (*byte, format!("{kind:?}"))).collect()
}

/// A request of a peer, from the kind on.
pub fn request(bytes: &[u8]) -> Result<(), String> {
    let Ok((kind, rest)) = Kind::split(bytes) else { return Ok(()) };
    match kind {
        Kind::Append => fields::<AppendIn>(rest).map_or(Ok(()), append),
        Kind::Vote | Kind::PreVote => {
            if let Ok(request) = fields::<VoteRequest<TokioTypes>>(rest) {
                let sender = Sender { id: 2, name: "p2".to_owned() };
                let _ = check_vote(1, &sender, &request.vote);
            }
            again::<VoteRequest<TokioTypes>>(rest)
        }
        Kind::TransferLeader => again::<TransferLeaderRequest<TokioTypes>>(rest),
        Kind::SnapshotPiece => {
            let Ok(piece) = fields::<SnapshotPiece>(rest) else { return Ok(()) };
            same(&piece)?;
            let length = piece.bytes.0.len();
            let mut incoming = Incoming::default();
            match incoming.take(2, piece) {
                Progress::Whole(whole) if whole.len() == length => snapshot(&whole).map(|_| ()),
                Progress::Whole(whole) => Err(format!("{} bytes out of {length}", whole.len())),
                Progress::Partial | Progress::Refused(_) => Ok(()),
            }
        }
        Kind::Propose => commands(rest).map_or(Ok(()), |commands| same(&commands)),
        Kind::Stranger => again::<(u64, String, Option<LogId>)>(rest),
        Kind::ReadIndex | Kind::Call | Kind::Ability => Ok(()),
    }
}

/// What is believed can be stored, read again and applied, and sent on as the same.
fn append(mut append: AppendIn) -> Result<(), String> {
    let entries = append.take_entries();
    if check_entries(append.previous.as_ref(), &append.vote, &entries, ABILITY).is_err() {
        return Ok(());
    }
    for entry in &entries {
        let sealed = format::seal(&format::v1::Entry::from(entry));
        let opened = format::open::<format::v1::Entry>(&sealed).map_err(|why| format!("{entry:?}: {why}"))?;
        let stored = Entry::try_from(opened).map_err(|why| format!("{entry:?}: {why}"))?;
        check_entry(&stored, ABILITY)?;
        if stored != *entry {
            return Err(format!("{entry:?} was stored, and {stored:?} is there"));
        }
    }
    let out = AppendOut {
        vote: &append.vote,
        previous: append.previous,
        commit: append.commit,
        entries: entries.iter().map(entry_out).collect(),
    };
    let sent = Kind::Append.request(&out);
    let (_, rest) = Kind::split(&sent).map_err(|why| why.to_string())?;
    let mut received: AppendIn = fields(rest).map_err(|why| why.to_string())?;
    if received.take_entries() == entries { Ok(()) } else { Err(format!("{entries:?} are not received as sent")) }
}

/// An answer of a peer; the first byte says to what.
pub fn answer(bytes: &[u8]) -> Result<(), String> {
    let Some((kind, rest)) = bytes.split_first() else { return Ok(()) };
    match kind % 9 {
        0 => again::<Result<AppendEntriesResponse<TokioTypes>, Stopped>>(rest),
        1 => again::<Result<VoteResponse<TokioTypes>, Stopped>>(rest),
        2 => again::<Result<PieceAnswer, Stopped>>(rest),
        3 => again::<Result<Vec<Outcome>, Stopped>>(rest),
        4 => again::<Result<ReadIndexAnswer, Stopped>>(rest),
        5 => again::<Result<Result<Blob, String>, Stopped>>(rest),
        6 => again::<Result<u32, Stopped>>(rest),
        7 => again::<Result<Word, Stopped>>(rest),
        _ => again::<Result<(), Stopped>>(rest),
    }
}

/// A snapshot: whole bytes, or (if they begin with 1) only what comes after its checksum. Returns the state of one that opens.
pub fn snapshot(bytes: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let whole = match bytes.split_first() {
        Some((1, covered)) => store::sealed(&[covered]),
        Some(_) | None => bytes.to_vec(),
    };
    let Ok((head, state)) = store::open(&whole, CLUSTER) else { return Ok(None) };
    let sealed = store::seal(&head, state);
    let (read, again): (Head, &[u8]) = store::open(&sealed, CLUSTER).map_err(|why| why.to_string())?;
    if read != head || again != state {
        return Err(format!("{head:?} was sealed, and {read:?} is there"));
    }
    let _ = check_membership(head.membership.membership());
    Ok(Some(state.to_vec()))
}
