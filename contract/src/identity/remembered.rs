//! Tokens that have verified, so that the next request with one is answered without waiting.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::verdict::Identity;
use crate::limits;

/// A token's SHA-256. The token itself is not kept: it opens doors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub(super) fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }
}

/// The tokens, and who they are.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    tokens: BTreeMap<Fingerprint, Entry>,
    /// The fingerprints by when they were last asked for, as a count.
    by_use: BTreeMap<u64, Fingerprint>,
    uses: u64,
}

#[derive(Debug)]
struct Entry {
    identity: Identity,
    until: i64,
    used: u64,
}

impl Remembered {
    /// Whose token it is; none where it is not remembered, or no longer.
    pub(super) fn get(&mut self, token: Fingerprint, now: i64) -> Option<Identity> {
        if self.tokens.get(&token)?.until <= now {
            self.forget(token);
            return None;
        }
        let used = self.next_use();
        let entry = self.tokens.get_mut(&token)?;
        self.by_use.remove(&std::mem::replace(&mut entry.used, used));
        self.by_use.insert(used, token);
        Some(entry.identity.clone())
    }

    /// Remembers a token that ends at `exp` (ms since the epoch). The one that was not asked for longest gives way.
    pub(super) fn insert(&mut self, token: Fingerprint, identity: Identity, exp: i64, now: i64) {
        self.forget(token);
        if self.tokens.len() >= limits::TOKENS_KEPT
            && let Some((_, oldest)) = self.by_use.pop_first()
        {
            self.tokens.remove(&oldest);
        }
        let until = exp.min(now.saturating_add(limits::TOKEN_REMEMBERED_MS));
        let used = self.next_use();
        self.tokens.insert(token, Entry { identity, until, used });
        self.by_use.insert(used, token);
    }

    /// Forgets all: what they were verified with has changed.
    pub(super) fn clear(&mut self) {
        *self = Self { uses: self.uses, ..Self::default() };
    }

    fn forget(&mut self, token: Fingerprint) {
        if let Some(entry) = self.tokens.remove(&token) {
            self.by_use.remove(&entry.used);
        }
    }

    fn next_use(&mut self) -> u64 {
        self.uses = self.uses.wrapping_add(1);
        self.uses
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn remember(remembered: &mut Remembered, token: &str, exp: i64, now: i64) {
        remembered.insert(Fingerprint::of(token), Identity::ANONYMOUS, exp, now);
    }

    fn knows(remembered: &mut Remembered, token: &str, now: i64) -> bool {
        remembered.get(Fingerprint::of(token), now).is_some()
    }

    #[test]
    fn until_it_ends_or_a_minute_has_passed() {
        let mut remembered = Remembered::default();
        remember(&mut remembered, "short", 5_000, 1_000);
        remember(&mut remembered, "long", i64::MAX, 1_000);
        assert!(knows(&mut remembered, "short", 4_999) && !knows(&mut remembered, "short", 5_000));
        assert!(!knows(&mut remembered, "short", 4_999), "what has ended is forgotten");
        assert!(knows(&mut remembered, "long", 60_999) && !knows(&mut remembered, "long", 61_000));
        remember(&mut remembered, "long", i64::MAX, 1_000);
        remembered.clear();
        assert!(!knows(&mut remembered, "long", 1_000));
    }

    #[test]
    fn the_one_that_was_not_asked_for_longest_gives_way() {
        let mut remembered = Remembered::default();
        for token in 0..limits::TOKENS_KEPT {
            remember(&mut remembered, &token.to_string(), 100, 0);
        }
        assert!(knows(&mut remembered, "0", 1));
        remember(&mut remembered, "new", 100, 1);
        assert!(knows(&mut remembered, "0", 1) && knows(&mut remembered, "new", 1) && !knows(&mut remembered, "1", 1));
        assert_eq!(remembered.tokens.len(), limits::TOKENS_KEPT);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn both_indexes_name_the_same(steps in proptest::collection::vec((0..4u8, 0..2000u16, 0..200i64), 0..3000)) {
            let mut remembered = Remembered::default();
            for (step, token, now) in steps {
                match step {
                    0 => { knows(&mut remembered, &token.to_string(), now); }
                    _ => remember(&mut remembered, &token.to_string(), 100, now),
                }
                prop_assert_eq!(remembered.tokens.len(), remembered.by_use.len());
                prop_assert!(remembered.tokens.len() <= limits::TOKENS_KEPT);
            }
            for (used, token) in &remembered.by_use {
                prop_assert_eq!(remembered.tokens[token].used, *used);
            }
        }
    }
}
