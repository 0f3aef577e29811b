//! Messages between nodes: a kind byte, a schema number, then the fields. An answer uses the schema of its question.
//!
//! Schemas are frozen once released: a changed message gets a new number, and the old one is still read.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tenure_storage::{Command, Entry, LogId, Membership, Payload, Vote};

use crate::admission::Standing;
use crate::codec::{self, Blob};
use crate::wire::{Malformed, WireError};

const SCHEMA: u16 = 1;
const HEAD: usize = 3;

/// The kind of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Append,
    Vote,
    PreVote,
    TransferLeader,
    SnapshotPiece,
    Propose,
    ReadIndex,
    Call,
    Ability,
    /// What is known of a sender that is not known to the node that asks.
    Stranger,
}

pub(crate) const KINDS: [(u8, Kind); 10] = [
    (1, Kind::Append),
    (2, Kind::Vote),
    (3, Kind::PreVote),
    (4, Kind::TransferLeader),
    (5, Kind::SnapshotPiece),
    (6, Kind::Propose),
    (7, Kind::ReadIndex),
    (8, Kind::Call),
    (9, Kind::Ability),
    (10, Kind::Stranger),
];

/// The other side could not do it at all: its consensus has stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("the peer answers that it has stopped: {0}")]
pub(crate) struct Stopped(pub String);

/// No usable answer.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum NoAnswer {
    #[error("{0}")]
    Wire(#[from] WireError),
    #[error("{0}")]
    Stopped(#[from] Stopped),
    #[error("the peer's answer is malformed: {0}")]
    Malformed(#[from] codec::DecodeError),
}

impl Kind {
    /// What a sender must be to be heard: only who has a vote takes part in elections, and leads.
    pub(crate) fn needs(self) -> Standing {
        match self {
            Kind::Append | Kind::Vote | Kind::PreVote | Kind::TransferLeader | Kind::SnapshotPiece => Standing::Voter,
            Kind::Propose | Kind::ReadIndex | Kind::Call | Kind::Ability | Kind::Stranger => Standing::Learner,
        }
    }

    fn head(self) -> [u8; HEAD] {
        let byte = KINDS.iter().find(|(_, kind)| *kind == self).map_or(0, |(byte, _)| *byte);
        let [low, high] = SCHEMA.to_le_bytes();
        [byte, low, high]
    }

    /// A request with encoded fields.
    pub(crate) fn request<T: Serialize>(self, fields: &T) -> Vec<u8> {
        let mut body = self.head().to_vec();
        codec::encode_into(fields, &mut body);
        body
    }

    /// A request with the caller's own bytes.
    pub(crate) fn raw(self, bytes: &[u8]) -> Vec<u8> {
        let mut body = Vec::with_capacity(HEAD + bytes.len());
        body.extend(self.head());
        body.extend(bytes);
        body
    }

    /// The kind of a received request, and its fields.
    pub(crate) fn split(body: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let Some(([byte, low, high], fields)) = body.split_first_chunk::<HEAD>() else {
            return Err(Malformed("request without a kind".to_owned()));
        };
        let schema = u16::from_le_bytes([*low, *high]);
        if schema != SCHEMA {
            return Err(Malformed(format!("request in schema {schema}")));
        }
        let kind = KINDS.iter().find(|(known, _)| known == byte).map(|(_, kind)| *kind);
        kind.map(|kind| (kind, fields)).ok_or_else(|| Malformed(format!("request of kind {byte}")))
    }
}

/// The fields of a received request.
pub(crate) fn fields<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Malformed> {
    codec::decode(bytes).map_err(|e| Malformed(e.to_string()))
}

/// An answer, to be sent.
pub(crate) fn answer<T: Serialize>(answer: Result<T, Stopped>) -> Vec<u8> {
    codec::encode(&answer)
}

/// An answer, received.
pub(crate) fn read_answer<T: DeserializeOwned>(answer: Result<Vec<u8>, WireError>) -> Result<T, NoAnswer> {
    Ok(codec::decode::<Result<T, Stopped>>(&answer?)??)
}

/// Log entries for a follower, as sent.
#[derive(Serialize)]
pub(crate) struct AppendOut<'a> {
    pub(crate) vote: &'a Vote,
    pub(crate) previous: Option<LogId>,
    pub(crate) commit: Option<LogId>,
    pub(crate) entries: Vec<(LogId, PayloadOut<'a>)>,
}

/// Log entries for a follower, as received.
#[derive(Deserialize)]
pub(crate) struct AppendIn {
    pub(crate) vote: Vote,
    pub(crate) previous: Option<LogId>,
    pub(crate) commit: Option<LogId>,
    entries: Vec<(LogId, PayloadIn)>,
}

#[derive(Serialize)]
pub(crate) enum PayloadOut<'a> {
    Blank,
    Command(#[serde(serialize_with = "as_bytes")] &'a [u8]),
    Membership(&'a Membership),
}

#[derive(Deserialize)]
enum PayloadIn {
    Blank,
    Command(Blob),
    Membership(Membership),
}

fn as_bytes<S: serde::Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

/// One entry, borrowed for sending.
pub(crate) fn entry_out(entry: &Entry) -> (LogId, PayloadOut<'_>) {
    let payload = match &entry.payload {
        Payload::Blank => PayloadOut::Blank,
        Payload::Normal(command) => PayloadOut::Command(&command.0),
        Payload::Membership(membership) => PayloadOut::Membership(membership),
    };
    (entry.log_id, payload)
}

impl AppendIn {
    pub(crate) fn take_entries(&mut self) -> Vec<Entry> {
        let entries = std::mem::take(&mut self.entries).into_iter();
        let entry = |(log_id, payload)| {
            let payload = match payload {
                PayloadIn::Blank => Payload::Blank,
                PayloadIn::Command(Blob(bytes)) => Payload::Normal(Command(bytes)),
                PayloadIn::Membership(membership) => Payload::Membership(membership),
            };
            Entry { log_id, payload }
        };
        entries.map(entry).collect()
    }
}

/// A piece of a snapshot; the first has offset 0 and starts afresh.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SnapshotPiece {
    pub(crate) vote: Vote,
    pub(crate) total: u64,
    pub(crate) crc: u32,
    pub(crate) offset: u64,
    pub(crate) bytes: Blob,
}

/// The result of a piece.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum PieceAnswer {
    /// Taken; the next one is awaited.
    Taken,
    /// It was the last, and the snapshot is installed, or the sender has been overtaken: the vote says which.
    Done(Vote),
    /// It does not continue the pieces before, or the whole is not a snapshot of this cluster.
    Refused(String),
}

/// The result of one forwarded proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Outcome {
    Applied {
        index: u64,
        reply: Blob,
    },
    /// Refused before it was appended.
    NotLeader,
    /// It may have been appended.
    Unknown(String),
    /// The leader does not take it from this node, and has not appended it.
    Refused(String),
}

/// The answer of a node that was asked for a read index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ReadIndexAnswer {
    At(u64),
    NotNow,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tenure_storage::LeaderId;

    use super::*;
    use crate::admission::Word;

    #[test]
    fn entries_round_trip() {
        let id = |index| LogId::new(LeaderId { term: 3, node_id: 1 }, index);
        let membership = Membership::new(vec![[1].into()], std::collections::BTreeMap::from([(1, Default::default())]));
        let entries = vec![
            Entry { log_id: id(4), payload: Payload::Blank },
            Entry { log_id: id(5), payload: Payload::Normal(Command(vec![0, 255, 3])) },
            Entry { log_id: id(6), payload: Payload::Membership(membership.unwrap()) },
        ];
        let vote = Vote::new_committed(3, 1);
        let out = AppendOut {
            vote: &vote,
            previous: Some(id(3)),
            commit: None,
            entries: entries.iter().map(entry_out).collect(),
        };
        let body = Kind::Append.request(&out);
        let (kind, rest) = Kind::split(&body).unwrap();
        assert_eq!(kind, Kind::Append);
        let mut back: AppendIn = fields(rest).unwrap();
        assert_eq!((back.vote, back.previous, back.commit), (vote, Some(id(3)), None));
        assert_eq!(back.take_entries(), entries);
    }

    /// Schema 1 is released. Never change these bytes; add a schema.
    #[test]
    fn schema_1_stays_what_it_is() {
        let hex = crate::show::hex;
        let vote = Vote::new(3, 1);
        let log_id = LogId::new(LeaderId { term: 3, node_id: 1 }, 300);
        let entry = Entry { log_id, payload: Payload::Normal(Command(vec![7, 255])) };
        let append = AppendOut { vote: &vote, previous: Some(log_id), commit: None, entries: vec![entry_out(&entry)] };
        assert_eq!(hex(&Kind::Append.request(&append)), "010100030100010301fb2c0100010301fb2c01010207ff");
        let piece = SnapshotPiece { vote, total: 1000, crc: 7, offset: 512, bytes: Blob(vec![1, 2]) };
        assert_eq!(hex(&Kind::SnapshotPiece.request(&piece)), "050100030100fbe80307fb0002020102");
        let commands = vec![Blob(vec![1]), Blob(vec![])];
        assert_eq!(hex(&Kind::Propose.request(&commands)), "06010002010100");
        assert_eq!(hex(&Kind::Call.raw(b"x")), "08010078");
        assert_eq!(
            hex(&Kind::Stranger.request(&(4_u64, "p4", Some(log_id)))),
            "0a01000402703401".to_owned() + "0301fb2c01"
        );
        let outcomes = vec![
            Outcome::Applied { index: 9, reply: Blob(vec![5]) },
            Outcome::NotLeader,
            Outcome::Unknown("why".to_owned()),
            Outcome::Refused("no".to_owned()),
        ];
        assert_eq!(hex(&answer(Ok(outcomes))), "00040009010501020377687903026e6f");
        let answers = [
            answer(Ok(PieceAnswer::Taken)),
            answer(Ok(PieceAnswer::Done(vote))),
            answer(Ok(PieceAnswer::Refused("no".to_owned()))),
            answer(Ok(ReadIndexAnswer::At(9))),
            answer(Ok(ReadIndexAnswer::NotNow)),
            answer::<u32>(Err(Stopped("dead".to_owned()))),
            answer(Ok([Word::Removed, Word::Newer, Word::NoNewer])),
        ];
        let answers: Vec<String> = answers.iter().map(|bytes| hex(bytes)).collect();
        assert_eq!(answers.join(" "), "0000 0001030100 0002026e6f 000009 0001 010464656164 00000102");
    }

    #[test]
    fn openraft_votes_in_schema_1_stay_what_they_are() {
        type Request = openraft::raft::VoteRequest<tenure_storage::TokioTypes>;
        let log_id = LogId::new(LeaderId { term: 3, node_id: 1 }, 300);
        let request = Request::new(Vote::new(4, 2), Some(log_id));
        assert_eq!(crate::show::hex(&Kind::Vote.request(&request)), "020100040200010301fb2c0100");
    }

    #[test]
    fn unknown_kinds_and_schemas_are_refused() {
        assert!(Kind::split(&[1, 1]).is_err());
        assert!(Kind::split(&[77, 1, 0]).is_err());
        assert!(Kind::split(&[1, 2, 0]).is_err());
    }

    proptest! {
        #[test]
        fn hostile_fields_are_refused_or_read(bytes in proptest::collection::vec(any::<u8>(), 0..128)) {
            let _ = fields::<AppendIn>(&bytes);
            let _ = fields::<SnapshotPiece>(&bytes);
            let _ = fields::<Vec<Blob>>(&bytes);
        }
    }
}
