//! Long byte strings as many small values.
//!
//! sled rewrites up to about 20 neighbouring values as one page, and puts a page of more than 128 KiB into a file of its
//! own, which our fdatasync does not cover. Twenty of these pieces stay well below that.

use crate::format::v1::{Extent, Piece};
use crate::format::{self, Fault};

/// The most bytes of a piece, and of any value but for the few bytes of its envelope.
pub const PIECE_BYTES: usize = 4096;

/// The extent of `bytes` when cut into pieces.
pub fn extent(bytes: &[u8]) -> Extent {
    let pieces = bytes.len().div_ceil(PIECE_BYTES);
    Extent {
        bytes: bytes.len() as u64,
        pieces: u32::try_from(pieces).expect("memory holds fewer than 2^32 pieces of 4 KiB"),
        checksum: crc32fast::hash(bytes),
    }
}

/// The pieces of `bytes` as sealed records, numbered from 0.
pub fn cut(bytes: &[u8]) -> impl Iterator<Item = (u32, Vec<u8>)> + '_ {
    (0..)
        .zip(bytes.chunks(PIECE_BYTES))
        .map(|(number, bytes)| (number, format::seal(&Piece { number, bytes: bytes.to_vec() })))
}

/// Puts pieces together again, and checks the whole.
#[derive(Debug)]
pub struct Joiner {
    extent: Extent,
    next: u32,
    bytes: Vec<u8>,
}

impl Joiner {
    /// Expects the pieces of `extent`.
    pub fn new(extent: Extent) -> Self {
        Joiner { extent, next: 0, bytes: Vec::new() }
    }

    /// Takes the next piece, a sealed record that was stored under `number`.
    pub fn take(&mut self, number: u32, record: &[u8]) -> Result<(), Fault> {
        if number != self.next {
            return Err(Fault::Place(format!("piece {} is missing", self.next)));
        }
        let piece: Piece = format::open(record)?;
        if piece.number != number {
            return Err(Fault::Place(format!("piece {} lies in the place of piece {number}", piece.number)));
        }
        self.next += 1;
        self.bytes.extend_from_slice(&piece.bytes);
        Ok(())
    }

    /// The whole.
    pub fn finish(self) -> Result<Vec<u8>, Fault> {
        if self.next != self.extent.pieces {
            return Err(Fault::Place(format!("{} of {} pieces are there", self.next, self.extent.pieces)));
        }
        if extent(&self.bytes) != self.extent {
            return Err(Fault::Checksum);
        }
        Ok(self.bytes)
    }
}
