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
    /// The hash that stands at this state, which [`Djb2::finish`] gave.
    #[inline]
    #[must_use]
    pub fn resume(state: u32) -> Self {
        Self(state)
    }

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

    /// As [`Djb2::text`] with the text that this was made of.
    #[inline]
    #[must_use]
    pub fn continued(self, by: &Continuation) -> Self {
        let h = self.0;
        let bits = usize::try_from((h & 3) | (h >> 3 & 12)).unwrap_or(0);
        let offset = by.offsets.get(bits).copied().unwrap_or(0);
        let [of_bit_2, of_bit_3, of_bit_4] = by.additions;
        let added = |bit: u32, addition: u32| (h >> bit & 1).wrapping_neg() & addition;
        Self(
            h.wrapping_mul(by.factor)
                .wrapping_add(offset)
                .wrapping_add(added(2, of_bit_2))
                .wrapping_add(added(3, of_bit_3))
                .wrapping_add(added(4, of_bit_4)),
        )
    }

    /// The 32-bit hash of everything consumed so far.
    #[inline]
    #[must_use]
    pub fn finish(self) -> u32 {
        self.0
    }
}

/// What a text of ASCII does to any hash that it continues: after this, continuing one takes a few steps, however long the text is.
///
/// One step is `h * 33 ^ unit`. A unit below 128 changes the low seven bits alone, so a step is `h * 33 + d`, where `d` depends on the unit and on
/// those bits. `n` steps are then `h * 33^n + offset`, and the offset depends on the low seven bits of the first `h`. Moreover, `h * 33` is
/// `h + (h << 5)`: its bits 0 to 4 are those of `h`, so each of them is xored from step to step and adds to the offset by itself; only bits 0 and 1
/// also reach others, 5 and 6. So there are sixteen offsets, by the bits 0, 1, 5 and 6, and one addition for each of the bits 2, 3 and 4.
#[derive(Clone, Debug)]
pub struct Continuation {
    /// 33^n.
    factor: u32,
    /// The offsets, by the bits 0, 1, 5 and 6.
    offsets: [u32; 16],
    /// What the bits 2, 3 and 4 add.
    additions: [u32; 3],
}

impl Continuation {
    /// What a text does; none for one that is not ASCII.
    // Compiled where it is used, because a context that is kept has one made: about as long as hashing the text five times.
    #[inline]
    #[must_use]
    pub fn of(text: Text<'_>) -> Option<Self> {
        let bytes = text.as_bytes();
        if !bytes.is_ascii() {
            return None;
        }
        let factor = bytes.iter().fold(1_u32, |factor, _| factor.wrapping_mul(33));
        // Four at once, because a step waits for the one before it.
        let offsets_from = |starts: [u32; 4]| {
            let [mut a, mut b, mut c, mut d] = starts.map(Djb2);
            for unit in bytes.iter().copied().map(u16::from) {
                (a, b, c, d) = (a.unit(unit), b.unit(unit), c.unit(unit), d.unit(unit));
            }
            let [from_a, from_b, from_c, from_d] = starts;
            let offset = |hash: Djb2, start: u32| hash.0.wrapping_sub(start.wrapping_mul(factor));
            [offset(a, from_a), offset(b, from_b), offset(c, from_c), offset(d, from_d)]
        };
        let mut offsets = [0; 16];
        for (four, high) in offsets.chunks_exact_mut(4).zip([0, 1 << 5, 2 << 5, 3 << 5]) {
            four.copy_from_slice(&offsets_from([0, 1, 2, 3].map(|low| high | low)));
        }
        let [none, additions @ ..] = offsets_from([0, 1 << 2, 1 << 3, 1 << 4]);
        Some(Self { factor, offsets, additions: additions.map(|offset| offset.wrapping_sub(none)) })
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
    use proptest::prelude::*;
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

    proptest! {
        #[test]
        fn a_continuation_is_the_text(state: u32, text in "[ -~]{0,60}") {
            let continuation = Continuation::of(text.as_str().into()).unwrap();
            for low in 0..128 {
                let hash = Djb2(state & !127 | low);
                prop_assert_eq!(hash.continued(&continuation), hash.text(text.as_str().into()));
            }
        }
    }

    #[test]
    fn only_ascii_has_a_continuation() {
        let all: std::string::String = (0..128_u8).map(char::from).collect();
        let continuation = Continuation::of(all.as_str().into()).unwrap();
        assert_eq!(Djb2::default().continued(&continuation), Djb2::default().text(all.as_str().into()));
        assert!(Continuation::of("é".into()).is_none());
    }

    #[test]
    fn finalizer_matches_published_values() {
        // fmix32 of 0 is 0, and of 1 the well-known 0x514e28b7.
        assert_eq!(fmix32(0), 0);
        assert_eq!(fmix32(1), 0x514e_28b7);
    }
}
