//! The hashes behind bucketing: djb2-xor over UTF-16 code units, and MurmurHash3's 32-bit finalizer.

use crate::text::Text;

/// A running djb2-xor hash.
///
/// It consumes UTF-16 code units because the reference is JavaScript's `charCodeAt`: "é", "😀" and a lone
/// surrogate must hash as they do there. Being a value, a hash of a common prefix can be computed once and continued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Djb2(u32);

impl Default for Djb2 {
    fn default() -> Self {
        Self(5381)
    }
}

impl Djb2 {
    /// The hash continued by one UTF-16 code unit.
    #[inline]
    #[must_use]
    pub fn unit(self, unit: u16) -> Self {
        let h = self.0;
        Self((h << 5).wrapping_add(h) ^ u32::from(unit))
    }

    /// The hash continued by all code units of `text`.
    #[inline]
    #[must_use]
    pub fn text(self, text: Text<'_>) -> Self {
        text.fold_units(self, Self::unit)
    }

    /// The 32-bit hash of everything consumed so far.
    #[inline]
    #[must_use]
    pub fn finish(self) -> u32 {
        self.0
    }
}

/// `djb2_xor` of a whole text: 32 bits, wrapping.
#[must_use]
pub fn djb2_xor(text: Text<'_>) -> u32 {
    Djb2::default().text(text).finish()
}

/// The bucket, 0 to 99, that `evaluator.js` gives a text: `djb2_xor(text) % 100`.
///
/// ```
/// assert_eq!(burgee_core::hash_bucket("bucket-low-1|syn.staged_25".into()), 4);
/// ```
#[must_use]
pub fn hash_bucket(text: Text<'_>) -> u32 {
    djb2_xor(text) % 100
}

/// MurmurHash3's 32-bit finalizer: every input bit reaches every output bit.
#[inline]
#[must_use]
pub fn fmix32(mut h: u32) -> u32 {
    h ^= h >> 16;
    h = h.wrapping_mul(0x85eb_ca6b);
    h ^= h >> 13;
    h = h.wrapping_mul(0xc2b2_ae35);
    h ^ (h >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::prelude::v1::*;

    #[test]
    fn hashes_as_javascript_does() {
        // Worked by hand from the definition: 5381 * 33 ^ 'a'.
        assert_eq!(djb2_xor("".into()), 5381);
        assert_eq!(djb2_xor("a".into()), (5381 * 33) ^ 97);
        assert_eq!(hash_bucket("bucket-low-1|syn.staged_25".into()), 4);
    }

    #[test]
    fn counts_utf16_units_not_bytes() {
        let e_acute = Djb2::default().unit(0xe9).finish();
        assert_eq!(djb2_xor("é".into()), e_acute);
        let grinning = Djb2::default().unit(0xd83d).unit(0xde00).finish();
        assert_eq!(djb2_xor("😀".into()), grinning);
    }

    #[test]
    fn lone_surrogates_count_as_their_unit() {
        // U+D800 in generalised UTF-8.
        let text = Text::from_wtf8(&[0xed, 0xa0, 0x80]);
        assert_eq!(djb2_xor(text), Djb2::default().unit(0xd800).finish());
    }

    #[test]
    fn finalizer_matches_published_values() {
        // fmix32 of 0 is 0, and of 1 the well-known 0x514e28b7.
        assert_eq!(fmix32(0), 0);
        assert_eq!(fmix32(1), 0x514e_28b7);
    }
}
