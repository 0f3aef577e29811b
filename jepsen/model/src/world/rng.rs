//! Random numbers of a world: a splitmix64 sequence from its seed. Small, copied with the world, the same on every
//! machine.

use super::time::Span;

#[derive(Clone, Debug)]
pub(super) struct Rng(u64);

impl Rng {
    pub(super) fn new(seed: u64) -> Self {
        Rng(seed)
    }

    pub(super) fn state(&self) -> u64 {
        self.0
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// `span` lengthened by up to `percent` of itself. Draws no number if there is no choice, so that a world without
    /// jitter has the same fingerprint however long it ran.
    pub(super) fn stretch(&mut self, span: Span, percent: u8) -> Span {
        let room = span.as_millis().saturating_mul(u64::from(percent)) / 100;
        if room == 0 {
            return span;
        }
        span + Span::millis(self.next() % (room + 1))
    }
}
