//! Choices taken from bytes. After the last byte, every choice is the first one.

/// The bytes not used yet.
pub struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Bytes(bytes)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// A number below `sides`.
    pub fn below(&mut self, sides: usize) -> usize {
        let byte = usize::from(self.byte());
        let wide = if sides > 256 { byte << 8 | usize::from(self.byte()) } else { byte };
        wide % sides.max(1)
    }

    /// True once in `times`, on average.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }

    pub fn pick<'b, T>(&mut self, choices: &'b [T]) -> Option<&'b T> {
        if choices.is_empty() { None } else { choices.get(self.below(choices.len())) }
    }
}
