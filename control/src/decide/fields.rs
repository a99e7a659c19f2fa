//! Reading the small bodies: every fault, with its pointer. A member that is not known is a fault, so that a misspelt one is not left out unseen.

use std::borrow::Cow;

use burgee_core::time::parse_rfc3339;
use burgee_core::{Fault, FaultCode, Json};

use super::draft::{fault, member};
use crate::limits::TEXT_BYTES;

/// The members of an object, and what is wrong with them.
pub(crate) struct Fields<'m, 'f> {
    members: &'m [(Cow<'m, str>, Json<'m>)],
    at: String,
    faults: &'f mut Vec<Fault>,
}

impl<'m, 'f> Fields<'m, 'f> {
    /// The members of the object at a pointer. `known` are those that it may have.
    pub fn new(
        members: &'m [(Cow<'m, str>, Json<'m>)],
        at: impl Into<String>,
        known: &[&str],
        faults: &'f mut Vec<Fault>,
    ) -> Self {
        let at = at.into();
        for (name, _) in members {
            if !known.contains(&name.as_ref()) {
                let name = name.replace('~', "~0").replace('/', "~1");
                let message = format!("is not known; must be one of {}", known.join(", "));
                faults.push(fault(FaultCode::InvalidValue, format!("{at}/{name}"), message));
            }
        }
        Self { members, at, faults }
    }

    /// A member that is neither absent nor null.
    pub fn get(&self, name: &str) -> Option<&'m Json<'m>> {
        member(self.members, name)
    }

    pub fn fault(&mut self, code: FaultCode, name: &str, message: impl Into<Cow<'static, str>>) {
        self.faults.push(fault(code, format!("{}/{name}", self.at), message));
    }

    pub fn missing(&mut self, name: &str) {
        self.fault(FaultCode::Missing, name, "is missing");
    }

    fn typed<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&'m Json<'m>) -> Option<T>,
        code: FaultCode,
        message: &'static str,
    ) -> Option<T> {
        let read = read(self.get(name)?);
        if read.is_none() {
            self.fault(code, name, message);
        }
        read
    }

    pub fn string(&mut self, name: &str) -> Option<&'m str> {
        let read = |json: &'m Json<'m>| if let Json::String(text) = json { Some(text.as_ref()) } else { None };
        self.typed(name, read, FaultCode::WrongType, "must be a string")
    }

    /// A free text.
    pub fn text(&mut self, name: &str) -> Option<&'m str> {
        self.short(name, TEXT_BYTES, "TEXT_BYTES")
    }

    /// A string of at most so many bytes.
    pub fn short(&mut self, name: &str, limit: usize, limit_name: &str) -> Option<&'m str> {
        let text = self.string(name)?;
        if text.len() > limit {
            self.fault(FaultCode::LimitExceeded, name, format!("must have at most {limit} bytes ({limit_name})"));
        }
        Some(text)
    }

    pub fn boolean(&mut self, name: &str) -> Option<bool> {
        let read = |json: &Json<'_>| if let Json::Bool(value) = json { Some(*value) } else { None };
        self.typed(name, read, FaultCode::WrongType, "must be true or false")
    }

    /// A percentage.
    pub fn percentage(&mut self, name: &str) -> Option<f64> {
        let read = |json: &Json<'_>| json.as_f64().filter(|number| (0.0..=100.0).contains(number));
        self.typed(name, read, FaultCode::InvalidValue, "must be a number from 0 to 100")
    }

    /// An instant: RFC 3339, or an integer of milliseconds since the epoch.
    pub fn time(&mut self, name: &str) -> Option<i64> {
        let read = |json: &Json<'_>| match json {
            Json::String(text) => parse_rfc3339(text),
            other => other.as_safe_integer(),
        };
        let message = "must be an RFC 3339 time, or an integer of milliseconds since the epoch";
        self.typed(name, read, FaultCode::InvalidValue, message)
    }

    pub fn items(&mut self, name: &str) -> Option<&'m [Json<'m>]> {
        let read = |json: &'m Json<'m>| if let Json::Array(items) = json { Some(items.as_slice()) } else { None };
        self.typed(name, read, FaultCode::WrongType, "must be an array")
    }
}
