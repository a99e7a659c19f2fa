//! Conditions over a context, and segments: named conditions that rules share.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

/// A condition in its canonical form. Comparison is strict by type, and an absent attribute matches nothing but
/// `exists: false` and a negation.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "typescript",
    derive(ts_rs::TS),
    ts(type = "{ all: Condition[] } | { any: Condition[] } | { not: Condition } | { segment: string } \
        | { attr: string; op: Operator; value: Scalar } | { attr: string; op: Operator; values: Scalar[] }")
)]
pub enum Condition {
    /// Every one matches; true of none.
    All(Vec<Condition>),
    /// At least one matches; false of none.
    Any(Vec<Condition>),
    /// It does not match.
    Not(Box<Condition>),
    /// The context is in the segment of this key.
    Segment(String),
    /// An attribute compares.
    Attribute {
        /// The attribute's name.
        attr: String,
        /// How it is compared.
        op: Operator,
        /// What it is compared with: one value, or several for `in`, `not_in` and `between`.
        values: Vec<Scalar>,
    },
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self {
            Condition::All(conditions) => map.serialize_entry("all", conditions)?,
            Condition::Any(conditions) => map.serialize_entry("any", conditions)?,
            Condition::Not(condition) => map.serialize_entry("not", condition)?,
            Condition::Segment(key) => map.serialize_entry("segment", key)?,
            Condition::Attribute { attr, op, values } => {
                map.serialize_entry("attr", attr)?;
                map.serialize_entry("op", op)?;
                match (op.takes_many(), values.as_slice()) {
                    (false, [value]) => map.serialize_entry("value", value)?,
                    _ => map.serialize_entry("values", values)?,
                }
            }
        }
        map.end()
    }
}

/// How an attribute is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    /// The same type and value.
    Equals,
    /// The same type, another value.
    NotEquals,
    /// Equals one of the values.
    In,
    /// Has a type among the values', and equals none.
    NotIn,
    /// A text holds the value, or a list has it as an element.
    Contains,
    /// A text starts with the value.
    StartsWith,
    /// A text ends with the value.
    EndsWith,
    /// A regular expression, in linear time, finds a match in a text.
    Matches,
    /// A number is greater.
    Gt,
    /// A number is greater or the same.
    Gte,
    /// A number is less.
    Lt,
    /// A number is less or the same.
    Lte,
    /// A number is neither less than the first value nor greater than the second.
    Between,
    /// The attribute is there (`true`) or is not (`false`).
    Exists,
    /// The same precedence, as semver.org 2.0.0 orders versions.
    SemverEq,
    /// A higher version.
    SemverGt,
    /// A higher version or the same.
    SemverGte,
    /// A lower version.
    SemverLt,
    /// A lower version or the same.
    SemverLte,
    /// An RFC 3339 time is earlier.
    Before,
    /// An RFC 3339 time is later.
    After,
}

impl Operator {
    /// Reads an operator's name, or gives `None`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "equals" => Self::Equals,
            "not_equals" => Self::NotEquals,
            "in" => Self::In,
            "not_in" => Self::NotIn,
            "contains" => Self::Contains,
            "starts_with" => Self::StartsWith,
            "ends_with" => Self::EndsWith,
            "matches" => Self::Matches,
            "gt" => Self::Gt,
            "gte" => Self::Gte,
            "lt" => Self::Lt,
            "lte" => Self::Lte,
            "between" => Self::Between,
            "exists" => Self::Exists,
            "semver_eq" => Self::SemverEq,
            "semver_gt" => Self::SemverGt,
            "semver_gte" => Self::SemverGte,
            "semver_lt" => Self::SemverLt,
            "semver_lte" => Self::SemverLte,
            "before" => Self::Before,
            "after" => Self::After,
            _ => return None,
        })
    }

    /// Whether it takes a list of values.
    #[must_use]
    pub fn takes_many(self) -> bool {
        matches!(self, Self::In | Self::NotIn | Self::Between)
    }
}

/// A value that an attribute is compared with, or that metadata carries.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(untagged)]
pub enum Scalar {
    /// `true` or `false`.
    Boolean(bool),
    /// A number that was written as an integer.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    Integer(i64),
    /// Any other number.
    Number(f64),
    /// Text.
    String(String),
}

impl Scalar {
    /// The number, whichever way it was written.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match *self {
            // Past 2^53 an integer rounds to the nearest float, as it does in JSON.parse.
            Self::Integer(integer) => Some(integer as f64),
            Self::Number(number) => Some(number),
            Self::Boolean(_) | Self::String(_) => None,
        }
    }
}

/// A named set of contexts. It may not refer to segments.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Segment {
    /// Unique in its tenant.
    pub key: String,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub name: Option<String>,
    /// Who is in it; none: only `include`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub conditions: Option<Condition>,
    /// Ids that are in it, whatever the conditions say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<_>"))]
    pub include: Vec<String>,
    /// Ids that are not in it, whatever else says so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<_>"))]
    pub exclude: Vec<String>,
}
