//! JSON as it was written: object members in order, integers told from floats, and a pointer to every place.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use crate::fault::{Fault, FaultCode};

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
        serde_json::from_str(text)
    }

    /// The number as a float, whichever way it was written.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match *self {
            // Past 2^53 an integer rounds to the nearest float, as it does in JSON.parse.
            #[allow(clippy::cast_precision_loss)]
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
    #[allow(clippy::cast_precision_loss)]
    let limit = MAX_SAFE_INTEGER as f64;
    // The range check makes the cast exact.
    #[allow(clippy::cast_possible_truncation)]
    (number.abs() <= limit && number.trunc() == number).then_some(number as i64)
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
                #[allow(clippy::cast_precision_loss)]
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
                write!(f, "{parent}/{}", name.replace('~', "~0").replace('/', "~1"))
            }
            Path::Index(parent, index) => write!(f, "{parent}/{index}"),
        }
    }
}

/// A value together with its place.
#[derive(Clone, Copy)]
pub struct Node<'n> {
    /// The value.
    pub json: &'n Json<'n>,
    /// Its place.
    pub path: Path<'n>,
}

impl<'n> Node<'n> {
    /// A fault at this place. `message` says what is wrong and what would be right.
    pub fn fault(&self, code: FaultCode, message: impl Into<String>) -> Fault {
        Fault { code, pointer: self.path.to_string(), message: message.into() }
    }

    /// A fault of a value that has the wrong type; `expected` completes "must be …".
    pub fn wrong_type(&self, expected: &str) -> Fault {
        self.fault(FaultCode::WrongType, format!("must be {expected}"))
    }

    /// The member `name` of an object, unless it is absent or null. Of a repeated name the last counts, as in `JSON.parse`.
    pub fn get(&'n self, name: &'n str) -> Option<Node<'n>> {
        self.get_nullable(name).filter(|node| *node.json != Json::Null)
    }

    /// As [`Node::get`], but a null member is given as such.
    pub fn get_nullable(&'n self, name: &'n str) -> Option<Node<'n>> {
        let Json::Object(members) = self.json else { return None };
        let (_, json) = members.iter().rev().find(|(key, _)| key == name)?;
        Some(Node { json, path: Path::Name(&self.path, name) })
    }

    /// The elements of an array, or a fault.
    pub fn items(&'n self) -> Result<impl ExactSizeIterator<Item = Node<'n>>, Fault> {
        let Json::Array(items) = self.json else { return Err(self.wrong_type("an array")) };
        Ok(items.iter().enumerate().map(|(index, json)| Node { json, path: Path::Index(&self.path, index) }))
    }

    /// The members of an object in order, the last of each repeated name, or a fault.
    pub fn members(&'n self) -> Result<impl Iterator<Item = (&'n str, Node<'n>)>, Fault> {
        let Json::Object(members) = self.json else { return Err(self.wrong_type("an object")) };
        Ok(members.iter().enumerate().filter_map(move |(index, (name, json))| {
            let repeated = members.iter().skip(index.wrapping_add(1)).any(|(later, _)| later == name);
            (!repeated).then(|| (name.as_ref(), Node { json, path: Path::Name(&self.path, name) }))
        }))
    }

    /// The string, or a fault.
    pub fn string(&self) -> Result<&'n str, Fault> {
        match self.json {
            Json::String(text) => Ok(text),
            _ => Err(self.wrong_type("a string")),
        }
    }

    /// The string, or a fault if it is none or is empty.
    pub fn non_empty_string(&self) -> Result<&'n str, Fault> {
        match self.string()? {
            "" => Err(self.fault(FaultCode::InvalidValue, "must not be empty")),
            text => Ok(text),
        }
    }

    /// The boolean, or a fault.
    pub fn boolean(&self) -> Result<bool, Fault> {
        match self.json {
            Json::Bool(value) => Ok(*value),
            _ => Err(self.wrong_type("true or false")),
        }
    }

    /// The number, or a fault.
    pub fn number(&self) -> Result<f64, Fault> {
        self.json.as_f64().ok_or_else(|| self.wrong_type("a number"))
    }

    /// An integer of 0 to 2^53 - 1, or a fault.
    pub fn version(&self) -> Result<u64, Fault> {
        self.json
            .as_safe_integer()
            .and_then(|integer| u64::try_from(integer).ok())
            .ok_or_else(|| self.wrong_type("an integer from 0 to 2^53 - 1"))
    }

    /// An instant in milliseconds since the epoch: such an integer, or an RFC 3339 string. Or a fault.
    pub fn time(&self) -> Result<i64, Fault> {
        match self.json {
            Json::String(text) => crate::time::parse_rfc3339(text),
            json => json.as_safe_integer(),
        }
        .ok_or_else(|| {
            let expected = "an RFC 3339 time such as 2026-11-21T10:00:00Z, or milliseconds since the epoch";
            self.wrong_type(expected)
        })
    }

    /// The strings of an array, or the first fault.
    pub fn strings(&self) -> Result<Vec<String>, Fault> {
        self.items()?.map(|item| item.string().map(str::to_owned)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let names: Vec<_> = node.members().unwrap().map(|(name, _)| name).collect();
        assert_eq!(names, ["b", "a"]);
    }

    #[test]
    fn points_at_places() {
        let json = Json::parse(r#"{"a/b":[{"~":true}]}"#).unwrap();
        let root = Node { json: &json, path: Path::Root };
        let list = root.get("a/b").unwrap();
        let item = list.items().unwrap().next().unwrap();
        let leaf = item.get("~").unwrap();
        assert_eq!(leaf.string().unwrap_err().pointer, "/a~1b/0/~0");
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
