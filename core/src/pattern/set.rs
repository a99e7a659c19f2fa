//! Sets of characters.

use alloc::vec::Vec;

/// Code points from the first to the second, both included.
pub(super) type Range = (u32, u32);

const LAST: u32 = char::MAX as u32;

/// The characters that a place in a pattern takes: ranges in any order, which may overlap.
#[derive(Default)]
pub(super) struct Set(Vec<Range>);

impl Set {
    pub(super) fn of(char: char) -> Self {
        let mut set = Self::default();
        set.add(char, char);
        set
    }

    /// The set of the ASCII ranges that are written as pairs of their first and last (`09AZaz`), or of all else.
    pub(super) fn of_pairs(pairs: &str, is_negated: bool) -> Self {
        let (pairs, _) = pairs.as_bytes().as_chunks();
        let set = Self(pairs.iter().map(|&[first, last]| (u32::from(first), u32::from(last))).collect());
        if is_negated { set.complement() } else { set }
    }

    pub(super) fn ranges(&self) -> &[Range] {
        &self.0
    }

    pub(super) fn add(&mut self, first: char, last: char) {
        self.0.push((u32::from(first), u32::from(last)));
    }

    pub(super) fn add_all(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    /// Every character that is not in the set, in ascending ranges that do not touch.
    pub(super) fn complement(&self) -> Self {
        let mut gaps = Vec::new();
        let mut next = 0;
        while next <= LAST {
            if let Some(&(_, last)) = self.0.iter().find(|&&(first, last)| first <= next && next <= last) {
                next = last.saturating_add(1);
            } else {
                let starts = self.0.iter().map(|&(first, _)| first).filter(|&first| first > next);
                let end = starts.min().unwrap_or(LAST.saturating_add(1));
                gaps.push((next, end.saturating_sub(1)));
                next = end;
            }
        }
        Self(gaps)
    }

    /// The same set in ascending ranges that do not touch.
    pub(super) fn sorted(&self) -> Self {
        self.complement().complement()
    }

    /// The set with the other case of each of its letters, of ASCII only.
    ///
    /// An oddity of regex-lite: of a range with letters of both cases, such as `A-a`, only the small ones are looked at.
    pub(super) fn fold_case(&self) -> Self {
        let mut folded = self.sorted();
        for index in 0..folded.0.len() {
            let Some(&(first, last)) = folded.0.get(index) else { break };
            let other_case = [(b'a', b'A'), (b'A', b'a')].into_iter().find_map(|(from, to)| {
                let (from, to) = (u32::from(from), u32::from(to));
                let (first, last) = (first.max(from), last.min(from.saturating_add(25)));
                let shift = |char: u32| char.wrapping_sub(from).wrapping_add(to);
                (first <= last).then(|| (shift(first), shift(last)))
            });
            folded.0.extend(other_case);
        }
        folded
    }
}
