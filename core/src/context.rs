//! Whom a flag is evaluated for.

use alloc::borrow::Cow;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::hash::Djb2;
use crate::json::{Json, safe_integer};
use crate::text::Text;

/// Attributes that mean something to the evaluator, and their places in every snapshot's attribute table.
pub mod attribute {
    /// The user; what is bucketed, and whose overrides apply.
    pub const USER_ID: &str = "user_id";
    /// The project; bucketed where there is no user.
    pub const PROJECT_ID: &str = "project_id";
    /// The tenant; whose overrides apply.
    pub const TENANT_ID: &str = "tenant_id";
    /// `staff` is let into internal stages.
    pub const TIER: &str = "tier";
    /// The environment, which may have a stage of its own.
    pub const ENV: &str = "env";
    /// The user's role.
    pub const ROLE_KEY: &str = "role_key";
    /// All of them, in the order of their ids.
    pub const KNOWN: [&str; 6] = [USER_ID, PROJECT_ID, TENANT_ID, TIER, ENV, ROLE_KEY];

    /// What an absent `tier` is.
    pub const DEFAULT_TIER: &str = "anonymous";
    /// What an absent `env` is.
    pub const DEFAULT_ENV: &str = "dev";

    /// The value of an attribute, or its default: `tier` and `env` have one, and are text.
    #[inline]
    pub(crate) fn or_default<'a>(attribute: &super::Attribute, value: super::Value<'a>) -> super::Value<'a> {
        // Ids 3 and 4, as in `KNOWN`.
        match (attribute.id, value) {
            (3 | 4, super::Value::Text(_)) => value,
            (3, _) => DEFAULT_TIER.into(),
            (4, _) => DEFAULT_ENV.into(),
            _ => value,
        }
    }
}

/// The name of an attribute together with its place in a snapshot's table, so that a context can be asked by either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its place in [`crate::Snapshot::attributes`].
    pub id: u32,
    /// Its name.
    pub name: Arc<str>,
}

/// An attribute's value. JSON's `null` is [`Value::Absent`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Not there.
    Absent,
    /// Text.
    Text(Text<'a>),
    /// A number; not necessarily finite.
    Number(f64),
    /// `true` or `false`.
    Boolean(bool),
    /// A list; the context is asked for its items.
    List,
    /// An object: it is there, and equals nothing.
    Object,
}

/// The number that a snapshot gives to a text that its conditions compare with. All texts that none compares with have the same one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Symbol(pub(crate) u32);

impl Symbol {
    /// The symbol of a number, for a context that carries symbols as numbers.
    #[inline]
    #[must_use]
    pub fn from_number(number: u32) -> Self {
        Self(number)
    }

    /// Its number.
    #[inline]
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }
}

/// The attributes that an evaluation can ask for. Absent `tier` and `env` are given their defaults by the evaluator, not here.
pub trait Context {
    /// The attribute's value.
    fn get(&self, attribute: &Attribute) -> Value<'_>;

    /// The snapshot's number for the attribute's text, if the context has looked it up ([`crate::Snapshot::symbol`]): comparing numbers is faster
    /// than comparing texts. None where it has not, or where the attribute is no text.
    #[inline]
    fn symbol(&self, attribute: &Attribute) -> Option<Symbol> {
        let _ = attribute;
        None
    }

    /// The hash `from` continued by the attribute's text, if the context can tell it without going through the text: that is an id then. None where
    /// it cannot.
    #[inline]
    fn hashed(&self, attribute: &Attribute, from: Djb2) -> Option<Djb2> {
        let _ = (attribute, from);
        None
    }

    /// Whether the attribute is a list that has an item of which `is_wanted` holds. A list in a list is an item [`Value::List`].
    fn any_item(&self, attribute: &Attribute, is_wanted: &mut dyn FnMut(Value<'_>) -> bool) -> bool;
}

/// A context of named attributes.
///
/// ```
/// use burgee_core::NamedContext;
/// let context = NamedContext::new().with("user_id", "U-1").with("age", 41.0).with_list("plans", ["pro", "team"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NamedContext<'a> {
    attributes: Vec<(Cow<'a, str>, Stored<'a>)>,
}

#[derive(Clone, Debug, PartialEq)]
enum Stored<'a> {
    Value(Value<'a>),
    List(Vec<Value<'a>>),
}

impl<'a> NamedContext<'a> {
    /// A context without attributes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The context with one more attribute, or another value for it.
    #[must_use]
    pub fn with(mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Value<'a>>) -> Self {
        self.set(name, value);
        self
    }

    /// The context with one more attribute that is a list, or another value for it.
    #[must_use]
    pub fn with_list<V: Into<Value<'a>>>(
        mut self,
        name: impl Into<Cow<'a, str>>,
        items: impl IntoIterator<Item = V>,
    ) -> Self {
        self.set_list(name, items);
        self
    }

    /// Sets an attribute, replacing an earlier value.
    pub fn set(&mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Value<'a>>) {
        self.store(name.into(), Stored::Value(value.into()));
    }

    /// Sets an attribute to a list, replacing an earlier value.
    pub fn set_list<V: Into<Value<'a>>>(&mut self, name: impl Into<Cow<'a, str>>, items: impl IntoIterator<Item = V>) {
        self.store(name.into(), Stored::List(items.into_iter().map(Into::into).collect()));
    }

    fn store(&mut self, name: Cow<'a, str>, value: Stored<'a>) {
        match self.attributes.iter_mut().find(|(known, _)| *known == name) {
            Some((_, slot)) => *slot = value,
            None => self.attributes.push((name, value)),
        }
    }

    /// The value of an attribute by its name.
    #[inline]
    #[must_use]
    pub fn value(&self, name: &str) -> Value<'_> {
        match self.stored(name) {
            None => Value::Absent,
            Some(Stored::Value(value)) => *value,
            Some(Stored::List(_)) => Value::List,
        }
    }

    #[inline]
    fn stored(&self, name: &str) -> Option<&Stored<'a>> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, stored)| stored)
    }

    /// The members of a JSON object as attributes.
    #[must_use]
    pub fn from_members(members: &'a [(Cow<'a, str>, Json<'a>)]) -> Self {
        let mut context = Self::new();
        for (name, value) in members {
            match value {
                Json::Array(items) => context.set_list(name.as_ref(), items),
                _ => context.set(name.as_ref(), value),
            }
        }
        context
    }
}

impl Context for NamedContext<'_> {
    #[inline]
    fn get(&self, attribute: &Attribute) -> Value<'_> {
        self.value(&attribute.name)
    }

    fn any_item(&self, attribute: &Attribute, is_wanted: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        match self.stored(&attribute.name) {
            Some(Stored::List(items)) => items.iter().any(|item| is_wanted(*item)),
            _ => false,
        }
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Value::Text(text.into())
    }
}

impl<'a> From<Text<'a>> for Value<'a> {
    fn from(text: Text<'a>) -> Self {
        Value::Text(text)
    }
}

impl From<f64> for Value<'_> {
    fn from(number: f64) -> Self {
        Value::Number(number)
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Value::Boolean(value)
    }
}

impl<'a> From<&'a Json<'a>> for Value<'a> {
    fn from(json: &'a Json<'a>) -> Self {
        match json {
            Json::Null => Value::Absent,
            Json::Bool(value) => Value::Boolean(*value),
            Json::Integer(_) | Json::Number(_) => Value::Number(json.as_f64().unwrap_or(f64::NAN)),
            Json::String(text) => Value::Text(text.as_ref().into()),
            Json::Array(_) => Value::List,
            Json::Object(_) => Value::Object,
        }
    }
}

impl<'a> Value<'a> {
    /// Gives `use_id` the value as the text of an id, if it is one: text that is not empty, or an integral number of at most 2^53 - 1 in size.
    #[inline(always)]
    pub(crate) fn with_id<T>(&self, use_id: impl FnOnce(Text<'_>) -> T) -> Option<T> {
        let digits;
        let text = match *self {
            Value::Text(text) if !text.is_empty() => text,
            Value::Number(number) => {
                digits = Digits::of(safe_integer(number)?);
                digits.as_text()
            }
            _ => return None,
        };
        // In one place, because what is inlined here is a loop.
        Some(use_id(text))
    }

    /// Whether the value can be the text of an id.
    #[inline]
    pub(crate) fn is_id(&self) -> bool {
        match *self {
            Value::Text(text) => !text.is_empty(),
            Value::Number(number) => safe_integer(number).is_some(),
            _ => false,
        }
    }
}

/// A number's decimal digits, without an allocation.
struct Digits {
    bytes: [u8; 17],
    start: u8,
}

impl Digits {
    /// `number` is at most 2^53 - 1 in size: 16 digits and a sign.
    fn of(number: i64) -> Self {
        let mut bytes = [0; 17];
        let mut start = bytes.len();
        let mut rest = number.unsigned_abs();
        for slot in bytes.iter_mut().rev() {
            *slot = b'0' | (rest % 10) as u8;
            rest /= 10;
            start = start.saturating_sub(1);
            if rest == 0 {
                break;
            }
        }
        if number < 0 {
            start = start.saturating_sub(1);
            if let Some(sign) = bytes.get_mut(start) {
                *sign = b'-';
            }
        }
        Self { bytes, start: u8::try_from(start).unwrap_or(0) }
    }

    fn as_text(&self) -> Text<'_> {
        Text::from_wtf8(self.bytes.get(usize::from(self.start)..).unwrap_or(&[]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::MAX_SAFE_INTEGER;
    use proptest::prelude::*;
    use std::prelude::v1::*;

    fn id(value: Value<'_>) -> Option<String> {
        assert_eq!(value.is_id(), value.with_id(|_| ()).is_some());
        value.with_id(|id| id.to_string_lossy().into_owned())
    }

    #[test]
    fn ids_are_text_or_integers() {
        assert_eq!(id("U-1".into()).as_deref(), Some("U-1"));
        assert_eq!(id(42.0.into()).as_deref(), Some("42"));
        assert_eq!(id((-0.0).into()).as_deref(), Some("0"));
        for value in ["".into(), 1.5.into(), f64::NAN.into(), true.into(), Value::Absent, Value::Object] {
            assert_eq!(id(value), None);
        }
    }

    proptest! {
        #[test]
        fn digits_are_decimal(number in -(MAX_SAFE_INTEGER as i64)..=MAX_SAFE_INTEGER as i64) {
            prop_assert_eq!(id((number as f64).into()), Some(number.to_string()));
        }
    }
}
