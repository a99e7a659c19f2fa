//! Running a program over a text.

use core::mem;

use super::program::{Assertion, Instruction, Program};
use super::set::Range;
use crate::limits;

/// The places of a program, of which the one past its end is one.
const PLACES: usize = limits::PATTERN_INSTRUCTIONS + 1;
const WORD_BITS: usize = u64::BITS as usize;

/// The places in a program that runs have come to, each once, in the order of their coming.
struct Places {
    list: [u16; PLACES],
    len: usize,
    seen: [u64; PLACES.div_ceil(WORD_BITS)],
}

impl Places {
    fn new() -> Self {
        Self { list: [0; PLACES], len: 0, seen: [0; PLACES.div_ceil(WORD_BITS)] }
    }

    fn get(&self, index: usize) -> Option<usize> {
        self.list.get(..self.len)?.get(index).map(|&place| usize::from(place))
    }

    fn add(&mut self, place: usize) {
        let Some(word) = self.seen.get_mut(place / WORD_BITS) else { return };
        let bit = 1 << (place % WORD_BITS);
        if *word & bit == 0
            && let Some(next) = self.list.get_mut(self.len)
        {
            *word |= bit;
            // A place is at most the limit, which 16 bits hold.
            *next = place as u16;
            self.len = self.len.saturating_add(1);
        }
    }

    fn clear(&mut self) {
        for &place in self.list.iter().take(self.len) {
            if let Some(word) = self.seen.get_mut(usize::from(place) / WORD_BITS) {
                *word = 0;
            }
        }
        self.len = 0;
    }
}

impl Program {
    /// Whether there is a match anywhere in a text. `on_step` is called for each place that a run is at: between two characters these
    /// are no more than there are instructions, and the one past them.
    pub(super) fn matches(&self, text: &str, mut on_step: impl FnMut()) -> bool {
        let is_anchored = matches!(self.code.first(), Some(Instruction::Assert(Assertion::TextStart)));
        let (mut now, mut next) = (&mut Places::new(), &mut Places::new());
        let mut chars = text.chars();
        let mut before = None;
        loop {
            let after = chars.next();
            if before.is_none() || !is_anchored {
                now.add(0);
            } else if now.len == 0 {
                return false;
            }
            // The list grows meanwhile: what an instruction leads to without a character comes behind it.
            let mut index = 0;
            while let Some(place) = now.get(index) {
                index = index.saturating_add(1);
                on_step();
                let following = place.saturating_add(1);
                match self.code.get(place) {
                    None => return true,
                    Some(&Instruction::Take { first, count }) => {
                        if after.is_some_and(|char| self.contains(first, count, char)) {
                            next.add(following);
                        }
                    }
                    Some(Instruction::Assert(assertion)) => {
                        if assertion.holds(before, after) {
                            now.add(following);
                        }
                    }
                    Some(&Instruction::Jump(distance)) => now.add(place.wrapping_add_signed(isize::from(distance))),
                    Some(&Instruction::Split(distance)) => {
                        now.add(following);
                        now.add(place.wrapping_add_signed(isize::from(distance)));
                    }
                }
            }
            if after.is_none() {
                return false;
            }
            mem::swap(&mut now, &mut next);
            next.clear();
            before = after;
        }
    }

    /// Whether a character is in the set that is `count` of the ranges from `first` on.
    fn contains(&self, first: u16, count: u16, char: char) -> bool {
        let char = u32::from(char);
        let ranges = self.ranges.get(usize::from(first)..).and_then(|ranges| ranges.get(..usize::from(count)));
        let ranges: &[Range] = ranges.unwrap_or_default();
        let place = ranges.partition_point(|&(_, last)| last < char);
        ranges.get(place).is_some_and(|&(first, _)| first <= char)
    }
}
