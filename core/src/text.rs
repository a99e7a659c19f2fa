//! Text as JavaScript has it: UTF-16 that need not be well formed, carried as bytes.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

/// Borrowed text in generalised UTF-8 (WTF-8): UTF-8 in which a lone UTF-16 surrogate may stand as its own three bytes.
///
/// A context comes from JavaScript, where a string may hold a lone surrogate and hashes by its code units; a Rust `&str`
/// cannot hold one. Comparing bytes is still comparing text, because both sides encode every code point in one way only.
/// Any bytes may be wrapped: reading never fails, and what is not WTF-8 merely equals nothing well formed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Text<'a>(&'a [u8]);

impl<'a> Text<'a> {
    /// Wraps bytes in generalised UTF-8.
    #[inline]
    #[must_use]
    pub fn from_wtf8(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The bytes, in generalised UTF-8.
    #[inline]
    #[must_use]
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// Whether there are no characters.
    #[inline]
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The text as a `&str`, or `None` if it holds a lone surrogate.
    #[must_use]
    pub fn as_str(self) -> Option<&'a str> {
        core::str::from_utf8(self.0).ok()
    }

    /// The text for people to read; a lone surrogate shows as U+FFFD.
    #[must_use]
    pub fn to_string_lossy(self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.0)
    }

    /// Folds over the UTF-16 code units, in order.
    #[inline]
    pub fn fold_units<T>(self, init: T, mut step: impl FnMut(T, u16) -> T) -> T {
        let mut state = init;
        let mut rest = self.0;
        while let Some((&first, tail)) = rest.split_first() {
            if first < 0x80 {
                state = step(state, u16::from(first));
                rest = tail;
                continue;
            }
            let (code_point, tail) = multibyte(first, tail);
            rest = tail;
            if let Ok(unit) = u16::try_from(code_point) {
                state = step(state, unit);
            } else {
                let offset = code_point.wrapping_sub(0x1_0000);
                // Ten bits each: both casts keep every bit that is set.
                state = step(state, 0xd800 | ((offset >> 10) & 0x3ff) as u16);
                state = step(state, 0xdc00 | (offset & 0x3ff) as u16);
            }
        }
        state
    }
}

/// The code point that `first` (0x80 or above) starts, and what follows it. Missing continuation bytes count as zero bits,
/// so that reading is total.
fn multibyte(first: u8, tail: &[u8]) -> (u32, &[u8]) {
    let (count, lead_mask) = match first {
        0xf0.. => (3, 0x07),
        0xe0.. => (2, 0x0f),
        _ => (1, 0x1f),
    };
    let (continuation, tail) = tail.split_at_checked(count).unwrap_or((tail, &[]));
    let code_point =
        continuation.iter().fold(u32::from(first & lead_mask), |bits, byte| (bits << 6) | u32::from(byte & 0x3f));
    (code_point, tail)
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self(text.as_bytes())
    }
}

impl PartialEq<str> for Text<'_> {
    #[inline]
    fn eq(&self, other: &str) -> bool {
        let (one, other) = (self.0, other.as_bytes());
        // What rules compare is mostly shorter than a call of memcmp is long.
        one.len() == other.len()
            && if one.len() <= 16 { one.iter().zip(other).all(|(one, other)| one == other) } else { one == other }
    }
}

impl core::fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.to_string_lossy().fmt(f)
    }
}

/// Encodes UTF-16 code units, lone surrogates included, as generalised UTF-8.
#[must_use]
pub fn wtf8_from_utf16(units: &[u16]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(units.len());
    for decoded in char::decode_utf16(units.iter().copied()) {
        match decoded {
            Ok(char) => bytes.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
            Err(lone) => {
                let unit = lone.unpaired_surrogate();
                // A surrogate is 1101 1xxx xxxx xxxx: three bytes, as any other code point of its size.
                bytes.extend_from_slice(&[
                    0xe0 | (unit >> 12) as u8,
                    0x80 | ((unit >> 6) & 0x3f) as u8,
                    0x80 | (unit & 0x3f) as u8,
                ]);
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::prelude::v1::*;

    fn units(text: Text<'_>) -> Vec<u16> {
        text.fold_units(Vec::new(), |mut units, unit| {
            units.push(unit);
            units
        })
    }

    proptest! {
        #[test]
        fn any_utf16_survives(source in proptest::collection::vec(any::<u16>(), 0..40)) {
            let bytes = wtf8_from_utf16(&source);
            prop_assert_eq!(units(Text::from_wtf8(&bytes)), source);
        }

        #[test]
        fn any_str_gives_its_utf16(source in ".*") {
            let expected: Vec<u16> = source.encode_utf16().collect();
            prop_assert_eq!(units(source.as_str().into()), expected);
        }

        #[test]
        fn any_bytes_can_be_read(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            units(Text::from_wtf8(&bytes));
        }
    }
}
