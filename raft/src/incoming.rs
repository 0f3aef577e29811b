//! A snapshot on its way here, piece by piece.

use crate::message::SnapshotPiece;

/// A state of this size has no business in memory; a sender that claims more is wrong.
const MAX_SNAPSHOT: u64 = 1 << 30;

/// The pieces that came so far.
#[derive(Debug, Default)]
pub(crate) struct Incoming {
    from: u64,
    total: u64,
    crc: u32,
    bytes: Vec<u8>,
}

/// The effect of a piece.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Partial,
    Whole(Vec<u8>),
    Refused(String),
}

impl Incoming {
    /// Adds a piece. One with offset 0 begins anew, so a sender can always start over; anything that does not continue what
    /// is here is refused and forgets it.
    pub(crate) fn take(&mut self, from: u64, piece: SnapshotPiece) -> Progress {
        let SnapshotPiece { total, crc, offset, bytes, .. } = piece;
        if offset == 0 {
            *self = Self { from, total, crc, bytes: Vec::new() };
        }
        let held = self.bytes.len() as u64;
        let fits = (from, total, crc, offset) == (self.from, self.total, self.crc, held);
        let length = held.saturating_add(bytes.0.len() as u64);
        if !fits || total > MAX_SNAPSHOT || length > total || bytes.0.is_empty() {
            *self = Self::default();
            return Progress::Refused(format!(
                "snapshot piece of {} bytes at {offset} of {total} does not continue {held} bytes",
                bytes.0.len()
            ));
        }
        self.bytes.extend(bytes.0);
        if length < total {
            return Progress::Partial;
        }
        let whole = std::mem::take(self).bytes;
        if crc32fast::hash(&whole) == crc {
            Progress::Whole(whole)
        } else {
            Progress::Refused("the snapshot's checksum does not fit".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use tenure_storage::Vote;

    use super::*;
    use crate::codec::Blob;

    const WHOLE: &[u8] = b"snapshot";

    fn piece(offset: usize, bytes: &[u8]) -> SnapshotPiece {
        let crc = crc32fast::hash(WHOLE);
        SnapshotPiece {
            vote: Vote::new(1, 1),
            total: WHOLE.len() as u64,
            crc,
            offset: offset as u64,
            bytes: Blob(bytes.to_vec()),
        }
    }

    #[test]
    fn pieces_make_a_whole_and_may_start_over() {
        let mut incoming = Incoming::default();
        assert_eq!(incoming.take(1, piece(0, &WHOLE[..3])), Progress::Partial);
        assert_eq!(incoming.take(1, piece(0, &WHOLE[..5])), Progress::Partial);
        assert_eq!(incoming.take(1, piece(5, &WHOLE[5..])), Progress::Whole(WHOLE.to_vec()));
    }

    #[test]
    fn what_does_not_continue_is_refused() {
        let begun = || {
            let mut incoming = Incoming::default();
            incoming.take(1, piece(0, &WHOLE[..3]));
            incoming
        };
        assert!(matches!(begun().take(2, piece(3, &WHOLE[3..])), Progress::Refused(_)), "another sender");
        assert!(matches!(begun().take(1, piece(4, &WHOLE[4..])), Progress::Refused(_)), "a gap");
        assert!(matches!(begun().take(1, piece(3, b"too much of it")), Progress::Refused(_)), "too long");
        assert!(matches!(begun().take(1, piece(3, b"wrong")), Progress::Refused(_)), "another content");
        assert!(matches!(begun().take(1, piece(3, b"")), Progress::Refused(_)), "nothing");
        let mut huge = piece(0, b"x");
        huge.total = u64::MAX;
        assert!(matches!(Incoming::default().take(1, huge), Progress::Refused(_)), "absurd length");
    }
}
