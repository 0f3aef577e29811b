//! The decoders of this crate, for the fuzzer. Each function takes any bytes, and returns the promise that was broken.

use std::fmt::Debug;
use std::sync::Arc;

use crate::format::{Body, Kind, open, seal, v1};
use crate::image::Image;
use crate::op::Op;
use crate::types::{Command, Entry, LeaderId, LogId, Payload, Vote};

/// A stored record: the whole of it, or (if the first byte is 1) its kind, format and body without the checksum.
pub fn record(bytes: &[u8]) -> Result<(), String> {
    let whole = match bytes.split_first() {
        Some((1, covered)) => [covered, &crc32fast::hash(covered).to_le_bytes()].concat(),
        Some(_) | None => bytes.to_vec(),
    };
    if let Some(entry) = again::<v1::Entry>(&whole)?
        && let Ok(taken) = Entry::try_from(entry.clone())
        && v1::Entry::from(&taken) != entry
    {
        return Err(format!("{entry:?} is taken up as {taken:?}"));
    }
    again::<v1::Manifest>(&whole)?;
    again::<v1::Long>(&whole)?;
    again::<v1::Piece>(&whole)?;
    again::<v1::Vote>(&whole)?;
    again::<v1::Committed>(&whole)?;
    again::<v1::Purged>(&whole)?;
    again::<v1::Snapshot>(&whole)?;
    again::<v1::Mark>(&whole)?;
    Ok(())
}

/// What opens is sealed as something that opens as the same, and as no other kind.
fn again<B: Body + PartialEq + Debug>(record: &[u8]) -> Result<Option<B>, String> {
    let Ok(body) = open::<B>(record) else { return Ok(None) };
    let sealed = seal(&body);
    let opened = open::<B>(&sealed).map_err(|why| format!("{body:?} was sealed, and: {why}"))?;
    if opened != body {
        return Err(format!("{body:?} was sealed, and {opened:?} is there"));
    }
    if B::KIND != Kind::Mark && open::<v1::Mark>(&sealed).is_ok() {
        return Err(format!("{body:?} opens as a mark"));
    }
    Ok(Some(body))
}

/// Changes of a log, as many as the bytes give: none leaves a hole or loses what was committed to be kept, and what is
/// refused changes nothing.
pub fn image(bytes: &[u8]) -> Result<(), String> {
    let mut image = Image::default();
    for step in bytes.chunks_exact(4) {
        let op = op(&image, step);
        let before = image.clone();
        let done = image.apply(&op);
        let wrong = |what: &str| Err(format!("{what}: {op:?} on {before:?} gives {image:?}"));
        if done.is_err() && image != before {
            return wrong("refused and yet changed");
        }
        let held: Vec<u64> = image.range(..).map(|entry| entry.log_id.index).collect();
        if held.windows(2).any(|pair| pair[0].checked_add(1) != Some(pair[1])) {
            return wrong("a hole");
        }
        let purged = image.purged().map(|purged| purged.index);
        if let (Some(purged), Some(first)) = (purged, held.first())
            && purged.checked_add(1) != Some(*first)
        {
            return wrong("a hole after what is purged");
        }
        if before.purged().map(|purged| purged.index) > purged {
            return wrong("a purge undone");
        }
        if image.last().map(|last| last.index) != held.last().copied().or(purged) {
            return wrong("the last entry is not the last");
        }
    }
    Ok(())
}

/// A change near the end of the log, or far from it.
fn op(image: &Image, step: &[u8]) -> Op {
    let (kind, term, place, count) = (step[0], u64::from(step[1] % 4), step[2], step[3]);
    let last = image.last().map_or(0, |last| last.index);
    let index = match place {
        // As the consensus library begins a log.
        _ if kind % 5 == 0 && image.last().is_none() => 0,
        255 => u64::MAX,
        254 => u64::MAX - 1,
        0..=127 => last.wrapping_add(u64::from(place % 8)),
        _ => last.saturating_sub(u64::from(place % 64)),
    };
    let id = |index| LogId::new(LeaderId { term, node_id: 1 }, index);
    match kind % 5 {
        0 => {
            let entry = |offset: u8| {
                let payload = Payload::Normal(Command(vec![offset]));
                Arc::new(Entry { log_id: id(index.wrapping_add(u64::from(offset))), payload })
            };
            Op::Append((0..count % 4).map(entry).collect())
        }
        1 => Op::TruncateAfter((place != 253).then(|| id(index))),
        2 => Op::Purge(id(index)),
        3 => Op::Vote(Vote::new(term, u64::from(count))),
        _ => Op::Committed((place != 253).then(|| id(index))),
    }
}
