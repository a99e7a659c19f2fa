//! Entity tags (RFC 9110, 8.8.3) and the condition `If-None-Match` (13.1.2).

/// Whether a condition `If-None-Match` names the tag, so that the answer is a 304.
///
/// Tags compare weakly, as the RFC has it: an edge that compresses an answer marks its tag `W/`. `*` names every tag. A list
/// that is broken names what stands before the break.
pub(crate) fn names(condition: &str, tag: &str) -> bool {
    let mut rest = condition.trim_matches([' ', '\t']);
    if rest == "*" {
        return true;
    }
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let opaque = rest.strip_prefix("W/").unwrap_or(rest);
        // A comma is allowed within the quotes, so the list cannot be split at commas.
        let Some((inner, after)) = opaque.strip_prefix('"').and_then(|open| open.split_once('"')) else {
            return false;
        };
        if tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')) == Some(inner) {
            return true;
        }
        rest = after;
    }
}

/// FNV-1a with 64 bits. It tells apart the documents of one owner; it does not defend against made-up collisions, which
/// would only make that owner's own caches stale.
pub(crate) fn fnv1a(bytes: &[u8]) -> u64 {
    fnv1a_from(0xcbf2_9ce4_8422_2325, bytes)
}

/// The hash of what `hash` is of, followed by `bytes`.
pub(crate) fn fnv1a_from(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_compared_weakly_in_lists() {
        let tag = r#""a,b""#;
        for condition in
            [r#""a,b""#, r#"W/"a,b""#, r#""x", "a,b""#, r#""x",W/"y" , W/"a,b", "z""#, "*", " * ", r#",, "a,b""#]
        {
            assert!(names(condition, tag), "{condition}");
        }
        for condition in ["", "a,b", r#""a"#, r#""a","b""#, r#"w/"a,b""#, r#"*, "x""#, r#""x" broken "a,b""#] {
            assert!(!names(condition, tag), "{condition}");
        }
    }

    #[test]
    fn the_hash_has_its_published_values() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
        assert_eq!(fnv1a_from(fnv1a(b"foo"), b"bar"), fnv1a(b"foobar"));
    }
}
