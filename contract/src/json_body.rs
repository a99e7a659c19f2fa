//! Reading a JSON body, with a JSON pointer (RFC 6901) to what is wrong in it.

use std::borrow::Cow;
use std::fmt;

use burgee_core::{Json, Path};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::envelope::Problem;
use crate::http::Body;
use crate::limits;

/// The members of a JSON object, each value still text, so that one that cannot be read can be named.
#[derive(Debug)]
pub(crate) struct Object<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

/// A body's text.
///
/// # Errors
/// It is missing, too large, was cut off, or is not UTF-8.
pub(crate) fn text<'a>(body: &Body<'a>) -> Result<&'a str, Problem> {
    match body {
        Body::Bytes(bytes) if bytes.len() <= limits::BODY_BYTES => {
            std::str::from_utf8(bytes).map_err(|_| Problem::invalid("the body is not UTF-8"))
        }
        Body::Bytes(_) | Body::TooLarge => {
            let message = format!("the body is larger than {} bytes (BODY_BYTES)", limits::BODY_BYTES);
            Err(Problem::invalid(message).hint("ask for fewer flags at once, or send a smaller context"))
        }
        Body::Broken => Err(Problem::invalid("the body broke off")),
        Body::None => Err(Problem::invalid("the body is missing")),
    }
}

/// Reads an object; `path` is where it stands.
///
/// # Errors
/// The text is not JSON, or not an object.
pub(crate) fn object<'a>(text: &'a str, path: &Path<'_>) -> Result<Object<'a>, Problem> {
    serde_json::from_str(text).map_err(|error| match path {
        _ if error.is_data() => wrong(path, "must be an object"),
        Path::Root => {
            let place = format!("line {} column {}", error.line(), error.column());
            Problem::invalid(format!("the body must be JSON: broken at {place}"))
        }
        _ => unreadable(path, &error),
    })
}

/// Reads an array, whose items stay text.
///
/// # Errors
/// It is not an array.
pub(crate) fn items<'a>(raw: &'a RawValue, path: &Path<'_>) -> Result<Vec<&'a RawValue>, Problem> {
    serde_json::from_str(raw.get()).map_err(|_| wrong(path, "must be an array"))
}

/// Reads any value.
///
/// # Errors
/// It holds what cannot be held: a lone surrogate, a number past every float, too many levels.
pub(crate) fn value<'a>(raw: &'a RawValue, path: &Path<'_>) -> Result<Json<'a>, Problem> {
    Json::parse(raw.get()).map_err(|error| unreadable(path, &error))
}

/// A place and what it must be.
pub(crate) fn wrong(path: &Path<'_>, must: &str) -> Problem {
    match path {
        Path::Root => Problem::invalid(format!("the body {must}")),
        path => Problem::invalid(format!("{path} {must}")),
    }
}

fn unreadable(path: &Path<'_>, error: &serde_json::Error) -> Problem {
    let full = error.to_string();
    // The position that follows is within the value alone, which would mislead; the pointer says where it stands.
    let reason = full.split_once(" at line ").map_or(full.as_str(), |(reason, _)| reason);
    Problem::invalid(format!("{path} cannot be read: {reason}")).hint(
        "strings must be well-formed Unicode, without lone surrogates; numbers must fit a double; at most 127 levels",
    )
}

impl<'a> Object<'a> {
    /// A member that is there and not null. Of a repeated name the last counts, as in `JSON.parse`.
    pub(crate) fn get(&self, name: &str) -> Option<&'a RawValue> {
        let (_, raw) = self.0.iter().rev().find(|(known, _)| known == name)?;
        (raw.get() != "null").then_some(*raw)
    }

    /// That what nobody reads can be held too: members of other names than `known`, and of a repeated name all but the last. A body with a lone
    /// surrogate or too many levels is refused wherever they stand in it.
    ///
    /// # Errors
    /// As [`value`]. `path` is where the object stands.
    pub(crate) fn check_unread(&self, known: &[&str], path: &Path<'_>) -> Result<(), Problem> {
        let mut unread = self.0.iter().enumerate().filter(|(place, (name, _))| {
            let mut later = self.0.iter().skip(place.saturating_add(1));
            !known.contains(&name.as_ref()) || later.any(|(other, _)| other == name)
        });
        unread.try_for_each(|(_, (name, raw))| value(raw, &Path::Name(path, name)).map(|_| ()))
    }

    /// All members, in the order written.
    pub(crate) fn into_members(self) -> impl Iterator<Item = (Cow<'a, str>, &'a RawValue)> {
        self.0.into_iter()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor;
        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = Object<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
                    members.push((Cow::Owned(name), value));
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(ObjectVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTEXT: Path<'_> = Path::Name(&Path::Root, "context");

    #[test]
    fn the_last_of_a_repeated_name_counts_and_null_is_absent() {
        let object = object(r#"{"a": 1, "b": null, "a": [2], "b\n": 3}"#, &Path::Root).unwrap();
        assert_eq!(object.get("a").map(RawValue::get), Some("[2]"));
        assert!(object.get("b").is_none());
        assert_eq!(object.get("b\n").map(RawValue::get), Some("3"));
        assert_eq!(object.into_members().count(), 4);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let message = |result: Result<Object<'_>, Problem>| result.unwrap_err().message;
        assert_eq!(message(object("[]", &Path::Root)), "the body must be an object");
        assert_eq!(message(object("[]", &CONTEXT)), "/context must be an object");
        assert_eq!(message(object("{\"a\":\n", &Path::Root)), "the body must be JSON: broken at line 2 column 0");
        let raw: &RawValue = serde_json::from_str(r#"["\ud800"]"#).unwrap();
        let problem = value(raw, &CONTEXT).unwrap_err();
        assert!(problem.message.starts_with("/context cannot be read: "), "{}", problem.message);
        assert!(!problem.message.contains("line"), "{}", problem.message);
        assert!(problem.hint.unwrap().contains("lone surrogates"));
    }

    #[test]
    fn what_nobody_reads_is_checked_too() {
        let check = |text: &str| object(text, &Path::Root).unwrap().check_unread(&["a", "b"], &Path::Root);
        assert!(
            check(r#"{"a": "\ud800", "c": [1, {"d": null}], "b": 1}"#).is_ok(),
            "what is read is its reader's to check"
        );
        let deep = |levels| format!(r#"{{"c": {}{}}}"#, "[".repeat(levels), "]".repeat(levels));
        assert!(check(&deep(127)).is_ok());
        for (text, place) in [
            (r#"{"c": "\ud800"}"#.to_owned(), "/c "),
            (r#"{"c": {"x/y": ["\udc00"]}}"#.to_owned(), "/c "),
            (r#"{"a": 1e999, "a": 1}"#.to_owned(), "/a "),
            (deep(128), "/c "),
        ] {
            let problem = check(&text).unwrap_err();
            assert!(problem.message.starts_with(place), "{text}: {}", problem.message);
        }
    }

    #[test]
    fn bodies_have_a_limit() {
        let large = vec![b' '; limits::BODY_BYTES + 1];
        for body in [Body::TooLarge, Body::Bytes(&large)] {
            assert!(text(&body).unwrap_err().message.contains("1048576 bytes (BODY_BYTES)"));
        }
        for (body, expected) in [
            (Body::None, "the body is missing"),
            (Body::Broken, "the body broke off"),
            (Body::Bytes(&[0xff]), "the body is not UTF-8"),
        ] {
            assert_eq!(text(&body).unwrap_err().message, expected);
        }
    }
}
