//! As much of DER (X.690) as tells what key a SubjectPublicKeyInfo holds (RFC 5280, 4.1.2.7). WebCrypto reads the rest.

use super::algorithm::Algorithm;
use crate::limits;

const SEQUENCE: u8 = 0x30;
const OBJECT_IDENTIFIER: u8 = 0x06;
const BIT_STRING: u8 = 0x03;
const INTEGER: u8 = 0x02;

/// rsaEncryption, 1.2.840.113549.1.1.1
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// id-ecPublicKey, 1.2.840.10045.2.1
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// prime256v1, 1.2.840.10045.3.1.7
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// id-Ed25519, 1.3.101.112
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

/// The algorithm that a SubjectPublicKeyInfo's key is for; none where it is another's, or an RSA key of another size than
/// [`limits::RSA_BITS`].
pub(super) fn algorithm_of(spki: &[u8]) -> Option<Algorithm> {
    let (info, rest) = element(spki, SEQUENCE)?;
    let (algorithm, key) = element(info, SEQUENCE)?;
    let (bits, after) = element(key, BIT_STRING)?;
    let (identifier, parameters) = element(algorithm, OBJECT_IDENTIFIER)?;
    if !rest.is_empty() || !after.is_empty() {
        return None;
    }
    match identifier {
        RSA => {
            let (key, _) = element(bits.strip_prefix(&[0])?, SEQUENCE)?;
            let (modulus, _) = element(key, INTEGER)?;
            limits::RSA_BITS.contains(&bit_length(modulus)).then_some(Algorithm::Rs256)
        }
        EC => (element(parameters, OBJECT_IDENTIFIER)?.0 == P256).then_some(Algorithm::Es256),
        ED25519 => Some(Algorithm::EdDsa),
        _ => None,
    }
}

/// Bits of a number, most significant byte first, without the zeros before its first one.
pub(super) fn bit_length(bytes: &[u8]) -> usize {
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    let digits = bytes.get(start..).unwrap_or_default();
    let unset = digits.first().map_or(0, |byte| byte.leading_zeros() as usize);
    digits.len().saturating_mul(8).saturating_sub(unset)
}

/// The content of the element that stands first and has this tag, and what follows it.
fn element(bytes: &[u8], wanted: u8) -> Option<(&[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        // Up to 65,535 bytes; no key is longer.
        0x81 => rest.split_first().map(|(length, rest)| (usize::from(*length), rest))?,
        0x82 => rest.split_first_chunk::<2>().map(|(length, rest)| (usize::from(u16::from_be_bytes(*length)), rest))?,
        _ => return None,
    };
    (tag == wanted).then_some(())?;
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bits_are_counted_from_the_first_one() {
        for (bytes, bits) in [(&[][..], 0), (&[0, 0], 0), (&[1], 1), (&[0, 0x80, 0], 16), (&[0xff; 256], 2048)] {
            assert_eq!(bit_length(bytes), bits);
        }
    }

    #[test]
    fn elements_end_where_they_say() {
        assert_eq!(element(&[2, 1, 7, 9], INTEGER), Some((&[7][..], &[9][..])));
        assert_eq!(element(&[2, 0x81, 1, 7], INTEGER), Some((&[7][..], &[][..])));
        assert_eq!(element(&[2, 0x82, 0, 1, 7], INTEGER), Some((&[7][..], &[][..])));
        for broken in [&[][..], &[2], &[2, 2, 7], &[2, 0x80, 7], &[2, 0x83, 0, 0, 1, 7], &[2, 0x82, 0], &[3, 1, 7]] {
            assert_eq!(element(broken, INTEGER), None);
        }
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = algorithm_of(&bytes);
        }
    }
}
