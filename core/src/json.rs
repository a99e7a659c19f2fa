//! JSON as it was written: object members in order, integers told from floats, and a pointer to every place.

use alloc::borrow::{Cow, ToOwned};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use crate::fault::{FaultCode, Faults};
use crate::snapshot::Index;

/// The largest integer that every runtime holds exactly: 2^53 - 1.
pub const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// A JSON document that borrows from its text.
///
/// `serde_json::Value` would sort members and drop repeated ones; values of type `json` are handed on as they were written.
#[derive(Clone, Debug, PartialEq)]
pub enum Json<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number without point or exponent that fits.
    Integer(i64),
    /// Any other number.
    Number(f64),
    /// A string.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Json<'a>>),
    /// An object, in the order written, repeated names included.
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

impl<'a> Json<'a> {
    /// Reads JSON text.
    ///
    /// # Errors
    /// Text that is not JSON, that nests deeper than 128 levels, or that holds a lone surrogate.
    pub fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        // As bytes, not as a string: that would bring the parser into the wasm module a second time.
        serde_json::from_slice(text.as_bytes())
    }

    /// The same, without borrowing.
    #[must_use]
    pub fn to_static(&self) -> Json<'static> {
        match self {
            Json::Null => Json::Null,
            Json::Bool(value) => Json::Bool(*value),
            Json::Integer(value) => Json::Integer(*value),
            Json::Number(value) => Json::Number(*value),
            Json::String(text) => Json::String(Cow::Owned(text.clone().into_owned())),
            Json::Array(items) => Json::Array(items.iter().map(Json::to_static).collect()),
            Json::Object(members) => {
                let owned = |(name, value): &(Cow<'_, str>, Json<'_>)| {
                    (Cow::Owned(name.clone().into_owned()), value.to_static())
                };
                Json::Object(members.iter().map(owned).collect())
            }
        }
    }

    /// The number as a float, whichever way it was written.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match *self {
            // Past 2^53 an integer rounds to the nearest float, as it does in JSON.parse.
            Json::Integer(integer) => Some(integer as f64),
            Json::Number(number) => Some(number),
            _ => None,
        }
    }

    /// The number as an integer, if it is integral and at most 2^53 - 1 in size: JavaScript writes `1.0` as `1`, and both are it.
    #[must_use]
    pub fn as_safe_integer(&self) -> Option<i64> {
        safe_integer(self.as_f64()?)
    }
}

/// A float as an integer, if it is integral and at most 2^53 - 1 in size.
#[inline]
#[must_use]
pub fn safe_integer(number: f64) -> Option<i64> {
    // The range check makes both casts exact for integral numbers; NaN is in no range.
    let integer = number as i64;
    (number.abs() <= MAX_SAFE_INTEGER as f64 && integer as f64 == number).then_some(integer)
}

impl<'de: 'a, 'a> Deserialize<'de> for Json<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct JsonVisitor;

        /// Object names, borrowed where the text has no escapes.
        struct Name<'a>(Cow<'a, str>);

        impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct NameVisitor;
                impl<'de> Visitor<'de> for NameVisitor {
                    type Value = Name<'de>;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("a name")
                    }
                    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Name<'de>, E> {
                        Ok(Name(Cow::Borrowed(name)))
                    }
                    fn visit_str<E>(self, name: &str) -> Result<Name<'de>, E> {
                        Ok(Name(Cow::Owned(name.to_owned())))
                    }
                }
                deserializer.deserialize_str(NameVisitor)
            }
        }

        impl<'de> Visitor<'de> for JsonVisitor {
            type Value = Json<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }
            fn visit_unit<E>(self) -> Result<Json<'de>, E> {
                Ok(Json::Null)
            }
            fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
                Ok(Json::Bool(value))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Json<'de>, E> {
                Ok(Json::Integer(value))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Json<'de>, E> {
                Ok(i64::try_from(value).map_or(Json::Number(value as f64), Json::Integer))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Json<'de>, E> {
                Ok(Json::Number(value))
            }
            fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Json<'de>, E> {
                Ok(Json::String(Cow::Borrowed(value)))
            }
            fn visit_str<E>(self, value: &str) -> Result<Json<'de>, E> {
                Ok(Json::String(Cow::Owned(value.to_owned())))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json<'de>, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Json::Array(items))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((Name(name), value)) = map.next_entry()? {
                    members.push((name, value));
                }
                Ok(Json::Object(members))
            }
        }

        deserializer.deserialize_any(JsonVisitor)
    }
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Json::Null => serializer.serialize_unit(),
            Json::Bool(value) => serializer.serialize_bool(*value),
            Json::Integer(value) => serializer.serialize_i64(*value),
            Json::Number(value) => serializer.serialize_f64(*value),
            Json::String(value) => serializer.serialize_str(value),
            Json::Array(items) => {
                let mut seq = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    seq.serialize_element(item)?;
                }
                seq.end()
            }
            Json::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (name, value) in members {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

/// Where in a document a value stands. It lives on the stack of whoever reads, and costs nothing until a fault needs it.
#[derive(Clone, Copy, Debug)]
pub enum Path<'p> {
    /// The whole document.
    Root,
    /// A member of an object.
    Name(&'p Path<'p>, &'p str),
    /// An element of an array.
    Index(&'p Path<'p>, usize),
}

impl fmt::Display for Path<'_> {
    /// Writes a JSON pointer (RFC 6901).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Root => Ok(()),
            Path::Name(parent, name) => {
                write!(f, "{parent}/")?;
                name.chars().try_for_each(|char| match char {
                    '~' => f.write_str("~0"),
                    '/' => f.write_str("~1"),
                    other => f.write_char(other),
                })
            }
            Path::Index(parent, index) => write!(f, "{parent}/{index}"),
        }
    }
}

/// The last place of each name of an object. Few names are compared with each other, which for many would take their number squared.
enum LastPlaces<'n> {
    Few(&'n [(Cow<'n, str>, Json<'n>)]),
    Many(Index),
}

impl<'n> LastPlaces<'n> {
    const FEW: usize = 16;

    #[inline(never)]
    fn of(members: &'n [(Cow<'n, str>, Json<'n>)]) -> Self {
        if members.len() <= Self::FEW {
            return Self::Few(members);
        }
        let mut last = Index::default();
        for ((name, _), place) in members.iter().zip(0..) {
            last.insert(name.as_bytes(), place);
        }
        Self::Many(last)
    }

    #[inline(never)]
    fn has(&self, name: &str, place: usize) -> bool {
        match self {
            Self::Few(members) => members.iter().rposition(|(other, _)| other == name) == Some(place),
            Self::Many(last) => last.get(name.as_bytes()).map(usize::try_from) == Some(Ok(place)),
        }
    }
}

/// A value together with its place.
#[derive(Clone, Copy)]
pub(crate) struct Node<'n> {
    pub(crate) json: &'n Json<'n>,
    pub(crate) path: Path<'n>,
}

impl<'n> Node<'n> {
    /// Notes a fault at this place.
    pub(crate) fn fault(&self, faults: &mut Faults, code: FaultCode, message: &'static str) {
        faults.add(code, &self.path, message);
    }

    /// The member `name` of an object, unless it is absent or null. Of a repeated name the last counts, as in `JSON.parse`.
    pub(crate) fn get(&'n self, name: &'n str) -> Option<Node<'n>> {
        self.get_nullable(name).filter(|node| !matches!(node.json, Json::Null))
    }

    /// As [`Node::get`], but a null member is given as such.
    pub(crate) fn get_nullable(&'n self, name: &'n str) -> Option<Node<'n>> {
        let Json::Object(members) = self.json else { return None };
        let (_, json) = members.iter().rev().find(|(key, _)| key == name)?;
        Some(Node { json, path: Path::Name(&self.path, name) })
    }

    /// As [`Node::get`], but a member that is absent or null is a fault, at the place where it would be.
    pub(crate) fn require(&'n self, name: &'n str, faults: &mut Faults) -> Option<Node<'n>> {
        let found = self.get(name);
        if found.is_none() {
            faults.add(FaultCode::Missing, &Path::Name(&self.path, name), "is missing");
        }
        found
    }

    /// Whether it is an object; if not, that is a fault.
    pub(crate) fn is_object(&self, faults: &mut Faults) -> bool {
        let is_object = matches!(self.json, Json::Object(_));
        if !is_object {
            self.fault(faults, FaultCode::WrongType, "must be an object");
        }
        is_object
    }

    /// The elements of an array, or a fault.
    pub(crate) fn items(&'n self, faults: &mut Faults) -> Option<impl ExactSizeIterator<Item = Node<'n>> + use<'n>> {
        let Json::Array(items) = self.json else {
            self.fault(faults, FaultCode::WrongType, "must be an array");
            return None;
        };
        let node = |(index, json)| Node { json, path: Path::Index(&self.path, index) };
        Some(items.iter().enumerate().map(node))
    }

    /// As [`Node::items`], but more than [`crate::limits::LIST_ITEMS`] are a fault.
    pub(crate) fn limited_items(
        &'n self,
        faults: &mut Faults,
    ) -> Option<impl ExactSizeIterator<Item = Node<'n>> + use<'n>> {
        let items = self.items(faults)?;
        if items.len() > crate::limits::LIST_ITEMS {
            faults.add_limit(&self.path, crate::limits::LIST_ITEMS, "items", "LIST_ITEMS");
            return None;
        }
        Some(items)
    }

    /// The members of an object in order, the last of each repeated name, or a fault.
    pub(crate) fn members(
        &'n self,
        faults: &mut Faults,
    ) -> Option<impl Iterator<Item = (&'n str, Node<'n>)> + use<'n>> {
        let Json::Object(members) = self.json else {
            self.is_object(faults);
            return None;
        };
        let last = LastPlaces::of(members);
        let counts = move |(place, (name, _)): &(usize, &'n (Cow<'n, str>, Json<'n>))| last.has(name, *place);
        let node = |(_, (name, json)): (usize, &'n (Cow<'n, str>, Json<'n>))| {
            (name.as_ref(), Node { json, path: Path::Name(&self.path, name) })
        };
        Some(members.iter().enumerate().filter(counts).map(node))
    }

    /// What `read` gives, where it gives something; otherwise a fault that says what the value must be.
    fn typed<T>(&self, value: Option<T>, faults: &mut Faults, expected: &'static str) -> Option<T> {
        if value.is_none() {
            self.fault(faults, FaultCode::WrongType, expected);
        }
        value
    }

    /// The string, or a fault.
    pub(crate) fn string(&self, faults: &mut Faults) -> Option<&'n str> {
        let value = if let Json::String(text) = self.json { Some(text.as_ref()) } else { None };
        self.typed(value, faults, "must be a string")
    }

    /// The string as a copy, or a fault.
    pub(crate) fn owned_string(&self, faults: &mut Faults) -> Option<String> {
        self.string(faults).map(ToOwned::to_owned)
    }

    /// The string as a copy, or a fault if it is none or is empty.
    pub(crate) fn owned_non_empty(&self, faults: &mut Faults) -> Option<String> {
        let text = self.string(faults)?;
        if text.is_empty() {
            self.fault(faults, FaultCode::InvalidValue, "must not be empty");
            return None;
        }
        Some(text.to_owned())
    }

    /// The boolean, or a fault.
    pub(crate) fn boolean(&self, faults: &mut Faults) -> Option<bool> {
        let value = if let Json::Bool(value) = self.json { Some(*value) } else { None };
        self.typed(value, faults, "must be true or false")
    }

    /// The number, or a fault.
    pub(crate) fn number(&self, faults: &mut Faults) -> Option<f64> {
        self.typed(self.json.as_f64(), faults, "must be a number")
    }

    /// An integer of at most 2^53 - 1 in size, or a fault.
    pub(crate) fn integer(&self, faults: &mut Faults) -> Option<i64> {
        self.typed(self.json.as_safe_integer(), faults, "must be an integer of at most 2^53 - 1 in size")
    }

    /// An integer of 0 to 2^53 - 1, or a fault.
    pub(crate) fn version(&self, faults: &mut Faults) -> Option<u64> {
        let value = self.json.as_safe_integer().and_then(|integer| u64::try_from(integer).ok());
        self.typed(value, faults, "must be an integer from 0 to 2^53 - 1")
    }

    /// An instant in milliseconds since the epoch: such an integer, or an RFC 3339 string. Or a fault.
    pub(crate) fn time(&self, faults: &mut Faults) -> Option<i64> {
        let value = match self.json {
            Json::String(text) => crate::time::parse_rfc3339(text),
            json => json.as_safe_integer(),
        };
        let expected = "must be an RFC 3339 time such as 2026-11-21T10:00:00Z, or milliseconds since the epoch";
        self.typed(value, faults, expected)
    }

    /// The strings of an array; a fault for every other element.
    pub(crate) fn strings(&self, faults: &mut Faults) -> Option<Vec<String>> {
        Some(self.limited_items(faults)?.filter_map(|item| item.owned_string(faults)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::prelude::v1::*;

    #[test]
    fn keeps_order_and_number_forms() {
        let text = r#"{"z":1,"a":1.0,"big":18446744073709551615,"s":"é\n"}"#;
        let json = Json::parse(text).unwrap();
        assert_eq!(
            serde_json::to_string(&json).unwrap(),
            "{\"z\":1,\"a\":1.0,\"big\":1.8446744073709552e+19,\"s\":\"é\\n\"}"
        );
    }

    #[test]
    fn the_last_of_a_repeated_name_counts() {
        let json = Json::parse(r#"{"a":1,"b":2,"a":3}"#).unwrap();
        let node = Node { json: &json, path: Path::Root };
        assert_eq!(node.get("a").unwrap().json, &Json::Integer(3));
        let names: Vec<_> = node.members(&mut Faults::default()).unwrap().map(|(name, _)| name).collect();
        assert_eq!(names, ["b", "a"]);
        // As many as are looked up.
        let text: Vec<String> = (0..40).map(|n| std::format!("\"{}\":{n}", n % 25)).collect();
        let text = std::format!("{{{}}}", text.join(","));
        let json = Json::parse(&text).unwrap();
        let node = Node { json: &json, path: Path::Root };
        let values: Vec<_> = node.members(&mut Faults::default()).unwrap().map(|(_, node)| node.json.clone()).collect();
        assert_eq!(values, (15..40).map(Json::Integer).collect::<Vec<_>>());
    }

    #[test]
    fn points_at_places() {
        let json = Json::parse(r#"{"a/b":[{"~":true}]}"#).unwrap();
        let root = Node { json: &json, path: Path::Root };
        let list = root.get("a/b").unwrap();
        let mut faults = Faults::default();
        let item = list.items(&mut faults).unwrap().next().unwrap();
        assert_eq!(item.get("~").unwrap().string(&mut faults), None);
        assert_eq!(faults.finish(Some(())).unwrap_err()[0].pointer, "/a~1b/0/~0");
    }

    #[test]
    fn integers_are_integral_and_safe() {
        for (text, expected) in [
            ("1", Some(1)),
            ("1.0", Some(1)),
            ("-0.0", Some(0)),
            ("1.5", None),
            ("9007199254740991", Some(9_007_199_254_740_991)),
            ("9007199254740992", None),
            ("1e400", None),
        ] {
            let parsed = Json::parse(text).ok().and_then(|json| json.as_safe_integer());
            assert_eq!(parsed, expected, "{text}");
        }
    }
}
