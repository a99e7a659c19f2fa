//! The id that a request, its response and its log line have in common.

use crate::limits;

/// Whether an id from outside may be echoed: 1 to [`limits::REQUEST_ID_CHARS`] visible ASCII characters. Anything else could
/// break a log line or a header, and is replaced.
#[must_use]
pub fn is_sane(id: &str) -> bool {
    (1..=limits::REQUEST_ID_CHARS).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A UUID of version 4 (RFC 9562, 5.4) from 16 random bytes, of which it keeps 122 bits.
#[must_use]
pub fn uuid_v4(random: [u8; 16]) -> String {
    let bits = u128::from_be_bytes(random);
    let versioned = bits & !(0xf << 76) | 0x4 << 76;
    let marked = versioned & !(0x3 << 62) | 0x2 << 62;
    let mut id = String::with_capacity(36);
    for (place, byte) in marked.to_be_bytes().into_iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            id.push('-');
        }
        for digit in [byte >> 4, byte & 0xf] {
            id.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ids_are_short_and_visible() {
        assert!(is_sane("r-1"));
        assert!(is_sane(&"x".repeat(128)));
        for id in ["", " ", "a b", "a\n", "é", "\u{7f}", &"x".repeat(129)] {
            assert!(!is_sane(id), "{id:?}");
        }
    }

    #[test]
    fn the_bits_that_say_version_and_variant_are_set() {
        assert_eq!(uuid_v4([0; 16]), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid_v4([0xff; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        let digits = 0x0123_4567_89ab_cdef_0f1e_2d3c_4b5a_6978_u128;
        assert_eq!(uuid_v4(digits.to_be_bytes()), "01234567-89ab-4def-8f1e-2d3c4b5a6978");
    }

    proptest! {
        #[test]
        fn a_uuid_is_a_sane_id(random: [u8; 16]) {
            let id = uuid_v4(random);
            prop_assert!(is_sane(&id) && id.len() == 36);
            prop_assert!(id[14..15] == *"4" && "89ab".contains(&id[19..20]));
        }
    }
}
