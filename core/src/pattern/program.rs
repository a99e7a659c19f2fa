//! What a pattern is compiled to.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::set::{Range, Set};
use crate::fault::FaultCode;
use crate::limits;

/// An instruction. Where a run is at one, it goes on at the next, or as the instruction says; past the last, there is a match.
///
/// Ways are relative, so that instructions may be moved and copied as long as they are so together.
#[derive(Clone, Copy, Debug)]
pub(super) enum Instruction {
    /// Takes one character, which must be in the set that these are of the program's ranges: from the first, so many.
    Take { first: u16, count: u16 },
    /// Goes on only where the assertion holds.
    Assert(Assertion),
    /// Goes on at this distance.
    Jump(i16),
    /// Goes on at the next, and at this distance.
    Split(i16),
}

/// What an instruction may demand of the place between two characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Assertion {
    TextStart,
    TextEnd,
    LineStart,
    LineEnd,
    /// As the two above, where `\r` and `\r\n` end a line too.
    CrlfLineStart,
    CrlfLineEnd,
    WordBoundary,
    NoWordBoundary,
    WordStart,
    WordEnd,
    /// No word before.
    WordStartHalf,
    /// No word after.
    WordEndHalf,
}

impl Assertion {
    /// Whether it holds between two characters; there is none before the start and none after the end.
    pub(super) fn holds(self, before: Option<char>, after: Option<char>) -> bool {
        let is_word = |char: Option<char>| char.is_some_and(|char| char == '_' || char.is_ascii_alphanumeric());
        let (word_before, word_after) = (is_word(before), is_word(after));
        match self {
            Self::TextStart => before.is_none(),
            Self::TextEnd => after.is_none(),
            Self::LineStart => matches!(before, None | Some('\n')),
            Self::LineEnd => matches!(after, None | Some('\n')),
            Self::CrlfLineStart => match before {
                Some('\r') => after != Some('\n'),
                _ => matches!(before, None | Some('\n')),
            },
            Self::CrlfLineEnd => match after {
                Some('\n') => before != Some('\r'),
                _ => matches!(after, None | Some('\r')),
            },
            Self::WordBoundary => word_before != word_after,
            Self::NoWordBoundary => word_before == word_after,
            Self::WordStart => !word_before && word_after,
            Self::WordEnd => word_before && !word_after,
            Self::WordStartHalf => !word_before,
            Self::WordEndHalf => !word_after,
        }
    }
}

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) code: Box<[Instruction]>,
    pub(super) ranges: Box<[Range]>,
}

/// A program in the making. What has been compiled last can be built upon: it is all from some place on.
#[derive(Default)]
pub(super) struct Builder {
    code: Vec<Instruction>,
    ranges: Vec<Range>,
}

impl Builder {
    pub(super) fn finish(self) -> Program {
        Program { code: self.code.into(), ranges: self.ranges.into() }
    }

    /// The place of what comes next.
    pub(super) fn place(&self) -> usize {
        self.code.len()
    }

    /// One character of a set.
    pub(super) fn take(&mut self, set: &Set) -> Result<(), FaultCode> {
        let narrow = |number: usize| u16::try_from(number).map_err(|_| FaultCode::LimitExceeded);
        let set = set.sorted();
        let (first, count) = (narrow(self.ranges.len())?, narrow(set.ranges().len())?);
        self.ranges.extend_from_slice(set.ranges());
        self.append(&[Instruction::Take { first, count }])
    }

    pub(super) fn assert(&mut self, assertion: Assertion) -> Result<(), FaultCode> {
        self.append(&[Instruction::Assert(assertion)])
    }

    /// What is from `left` up to `right`, or what is from `right` on.
    pub(super) fn alternate(&mut self, left: usize, right: usize) -> Result<(), FaultCode> {
        let right = self.code.split_off(right);
        let left = self.code.split_off(left);
        self.append(&[Instruction::Split(distance(left.len(), 2))])?;
        self.append(&left)?;
        self.append(&[Instruction::Jump(distance(right.len(), 1))])?;
        self.append(&right)
    }

    /// What is from `start` on, at least `min` and at most `max` times.
    pub(super) fn repeat(&mut self, start: usize, min: u32, max: Option<u32>) -> Result<(), FaultCode> {
        let item = self.code.split_off(start);
        if item.is_empty() {
            return Ok(());
        }
        // These end even where a count is in billions: the item is not empty, and there is a limit.
        for _ in 0..min {
            self.append(&item)?;
        }
        match max {
            None if min == 0 => {
                self.append(&[Instruction::Split(distance(item.len(), 2))])?;
                self.append(&item)?;
                self.append(&[Instruction::Jump(distance(item.len(), 1).wrapping_neg())])
            }
            None => self.append(&[Instruction::Split(distance(item.len(), 0).wrapping_neg())]),
            Some(max) => {
                // One that is left out leaves out those that follow, so that the ways do not multiply.
                for left in (1..=max.saturating_sub(min)).rev() {
                    let rest = item.len().saturating_add(1).saturating_mul(left as usize);
                    self.append(&[Instruction::Split(distance(rest, 0))])?;
                    self.append(&item)?;
                }
                Ok(())
            }
        }
    }

    fn append(&mut self, code: &[Instruction]) -> Result<(), FaultCode> {
        if self.code.len().saturating_add(code.len()) > limits::PATTERN_INSTRUCTIONS {
            return Err(FaultCode::LimitExceeded);
        }
        self.code.extend_from_slice(code);
        Ok(())
    }
}

/// The way past `len` instructions and some. One that is too far for it is past the limit too, and so is never taken.
fn distance(len: usize, more: i16) -> i16 {
    i16::try_from(len).unwrap_or(i16::MAX).saturating_add(more)
}
