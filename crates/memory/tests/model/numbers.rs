//! [`Numbers`]: where all choices come from.

/// Choices read from the bytes of a test case. Without bytes every choice is the first, so cutting
/// bytes off and making them zero makes a test case simpler.
pub(crate) struct Numbers<'a>(&'a [u8]);

impl<'a> Numbers<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Numbers<'a> {
        Numbers(bytes)
    }

    /// A number of so many bytes.
    pub(crate) fn wide(&mut self, width: usize) -> u128 {
        let (now, rest) = self.0.split_at(self.0.len().min(width));
        self.0 = rest;
        now.iter().fold(0, |sum, &byte| sum << 8 | u128::from(byte))
    }

    /// A number from 0 to `limit - 1`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        let width = if limit <= 256 { 1 } else { 4 };
        self.wide(width) as usize % limit
    }

    /// True once in `times` on average, and not when the bytes are used up.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }

    /// One of some choices; repeated ones are likelier.
    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}
