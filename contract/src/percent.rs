//! Percent-encoding (RFC 3986, 2.1), of paths and of queries.

use std::borrow::Cow;

/// What a literal `+` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plus {
    /// A space, as in a query, which is form-encoded.
    Space,
    /// Itself, as in a path.
    Literal,
}

/// Decodes `%XX` as bytes of UTF-8. None where a `%` has no two hexadecimal digits, or the bytes are not UTF-8.
pub(crate) fn decode(text: &str, plus: Plus) -> Option<Cow<'_, str>> {
    if !text.contains(['%', '+']) {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        bytes.push(match first {
            b'+' if plus == Plus::Space => b' ',
            b'%' => {
                let (&[high, low], tail) = rest.split_first_chunk()?;
                rest = tail;
                hex(high)? << 4 | hex(low)?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plus_is_a_space_in_queries_alone() {
        for (text, query, path) in [
            ("a.b", "a.b", "a.b"),
            ("a+b%2Bc", "a b+c", "a+b+c"),
            ("%c3%A9%20", "\u{e9} ", "\u{e9} "),
            ("a/b", "a/b", "a/b"),
        ] {
            assert_eq!(decode(text, Plus::Space).as_deref(), Some(query), "{text}");
            assert_eq!(decode(text, Plus::Literal).as_deref(), Some(path), "{text}");
        }
        for text in ["%", "%4", "%zz", "%ff", "%ed%a0%80"] {
            assert_eq!(decode(text, Plus::Literal), None, "{text}");
        }
    }
}
