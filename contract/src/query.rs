//! The query of a URL: names and values, form-encoded.

use std::borrow::Cow;

use crate::envelope::Problem;
use crate::percent;

/// A query's names and values, decoded.
///
/// Of a repeated name the first counts: what a caller put first cannot be changed by what somebody appends to a link.
/// What cannot be decoded is refused, and not passed on as it stands, because it would be evaluated as another user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Query<'a> {
    /// Reads `name=value&…`, where `+` is a space and `%XX` a byte of UTF-8.
    ///
    /// # Errors
    /// A `%` without two hexadecimal digits, or bytes that are not UTF-8: a 400 that names the parameter.
    pub fn parse(query: &'a str) -> Result<Self, Problem> {
        let mut pairs = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = percent::decode(name, percent::Plus::Space).ok_or_else(|| broken("a parameter's name"))?;
            let value =
                percent::decode(value, percent::Plus::Space).ok_or_else(|| broken(&format!("the parameter {name}")))?;
            pairs.push((name, value));
        }
        Ok(Self { pairs })
    }

    /// All names and values, in the order written.
    pub(crate) fn into_pairs(self) -> Vec<(Cow<'a, str>, Cow<'a, str>)> {
        self.pairs
    }

    /// The first value of a name, be it empty; none where it is absent.
    pub(crate) fn first(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_ref())
    }

    /// The first value of a name; none where it is absent or empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.first(name).filter(|value| !value.is_empty())
    }
}

fn broken(what: &str) -> Problem {
    Problem::invalid(format!("{what} is not percent-encoded UTF-8"))
        .hint("encode the query as application/x-www-form-urlencoded; a literal % is %25, a literal + is %2B")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encode(text: &str) -> String {
        text.bytes().fold(String::new(), |mut out, byte| {
            match byte {
                b' ' => out.push('+'),
                byte if byte.is_ascii_alphanumeric() || b"-._*".contains(&byte) => out.push(char::from(byte)),
                byte => out.push_str(&format!("%{byte:02X}")),
            }
            out
        })
    }

    #[test]
    fn decodes_as_forms_are_encoded() {
        let query = Query::parse("key=a.b&user=U%2B1+x&name=%C3%A9%F0%9F%98%80&flag&=nameless&&low=%c3%a9").unwrap();
        assert_eq!(query.get("key"), Some("a.b"));
        assert_eq!(query.get("user"), Some("U+1 x"));
        assert_eq!(query.get("name"), Some("é😀"));
        assert_eq!(query.get("low"), Some("é"));
        assert_eq!(query.get("flag"), None, "empty is absent");
        assert_eq!(query.get("other"), None);
        assert_eq!(query.get(""), Some("nameless"));
    }

    #[test]
    fn the_first_of_a_repeated_name_counts() {
        let query = Query::parse("user=first&user=second&us%65r=third").unwrap();
        assert_eq!(query.get("user"), Some("first"));
    }

    #[test]
    fn refuses_what_cannot_be_decoded() {
        for (text, place) in [
            ("user=%", "user"),
            ("user=%4", "user"),
            ("user=%zz", "user"),
            ("user=%+1", "user"),
            ("user=%ff", "user"),
            ("user=%ed%a0%80", "user"),
            ("%ff=1", "a parameter's name"),
        ] {
            let problem = Query::parse(text).unwrap_err();
            assert_eq!(problem.status(), 400);
            assert!(problem.message.contains(place), "{text}: {}", problem.message);
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in ".*") {
            let _ = Query::parse(&text);
        }

        #[test]
        fn what_is_encoded_is_decoded(pairs in proptest::collection::vec(("[a-z]{1,3}.?", ".+"), 0..6)) {
            let text: Vec<String> = pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
            let text = text.join("&");
            let query = Query::parse(&text).unwrap();
            for (name, _) in &pairs {
                let first = pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
                prop_assert_eq!(query.get(name), first);
            }
        }
    }
}
