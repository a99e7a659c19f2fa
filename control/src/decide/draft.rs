//! Documents as they come: what is read of a body before it is read as a flag or a segment.

use std::borrow::Cow;

use burgee_core::{Fault, FaultCode, Json};

use super::work::{to_json, unreadable};
use crate::command::{Draft, Write};
use crate::error::Error;
use crate::merge::merge;

/// Members that the service sets.
const SET: [&str; 3] = ["version", "created_at", "updated_at"];

/// A body together with what is wrong with it so far.
pub(crate) struct Body<'d> {
    members: Vec<(Cow<'d, str>, Json<'d>)>,
    /// The key that it is about; none where neither path nor body names one.
    pub key: Option<String>,
    /// The version that must be present.
    pub expected: Option<u64>,
    pub faults: Vec<Fault>,
}

pub(crate) fn fault(code: FaultCode, pointer: impl Into<String>, message: impl Into<Cow<'static, str>>) -> Fault {
    Fault { code, pointer: pointer.into(), message: message.into() }
}

/// The members of a body that must be an object.
pub(crate) fn object(text: &str) -> Result<Vec<(Cow<'_, str>, Json<'_>)>, Error> {
    let invalid = |code, message: &'static str| Err(Error::Invalid(vec![fault(code, "", message)]));
    match Json::parse(text) {
        Ok(Json::Object(members)) => Ok(members),
        Ok(_) => invalid(FaultCode::WrongType, "must be an object"),
        Err(_) => {
            invalid(FaultCode::InvalidJson, "must be JSON, with strings without lone surrogates and at most 127 levels")
        }
    }
}

/// The member of a name, unless it is absent or null; of a repeated name the last.
pub(crate) fn member<'m, 'j>(members: &'m [(Cow<'j, str>, Json<'j>)], name: &str) -> Option<&'m Json<'j>> {
    let found = members.iter().rev().find(|(other, _)| other == name);
    found.map(|(_, value)| value).filter(|value| **value != Json::Null)
}

impl<'d> Body<'d> {
    /// Reads a draft's body as an object, its key and its version.
    pub fn read(draft: &'d Draft) -> Result<Self, Error> {
        let members = object(&draft.document)?;
        let mut faults = Vec::new();
        let in_body = member(&members, "key");
        let key = match (&draft.key, in_body) {
            (Some(key), Some(other)) if !matches!(other, Json::String(other) if other == key) => {
                let message = "must be the key that the path names, or be left out";
                faults.push(fault(FaultCode::InvalidValue, "/key", message));
                Some(key.clone())
            }
            (Some(key), _) => Some(key.clone()),
            (None, Some(Json::String(key))) => Some(key.clone().into_owned()),
            (None, _) => None,
        };
        // 0 stands where nobody counted, and asks for nothing. What is no version is found where the document is read.
        let version = member(&members, "version").and_then(Json::as_safe_integer);
        let version = version.and_then(|version| u64::try_from(version).ok()).filter(|version| *version > 0);
        if draft.expected.is_some() && version.is_some() && draft.expected != version {
            let message = "must be the version that If-Match names, or be left out";
            faults.push(fault(FaultCode::InvalidValue, "/version", message));
        }
        Ok(Self { members, key, expected: draft.expected.or(version), faults })
    }

    pub fn member(&self, name: &str) -> Option<&Json<'d>> {
        member(&self.members, name)
    }

    /// Refuses another version than the one that is expected.
    pub fn check_version(&self, present: Option<u64>) -> Result<(), Error> {
        check_version(self.expected, present)
    }

    /// The document that the draft makes of the one that is there.
    pub fn document(&self, write: Write, present: Option<&str>) -> Result<Json<'d>, Error> {
        let mut members = self.members.clone();
        if write == Write::Merge
            && let Some(present) = present
        {
            let present = Json::parse(present).map_err(|_| unreadable("a document"))?.to_static();
            let Json::Object(mut target) = present else { return Err(unreadable("a document")) };
            target.retain(|(name, _)| !SET.contains(&name.as_ref()));
            members.retain(|(name, _)| name != "key" && !SET.contains(&name.as_ref()));
            return Ok(merge(Json::Object(target), &Json::Object(members)));
        }
        if member(&members, "key").is_none()
            && let Some(key) = &self.key
        {
            members.push((Cow::Borrowed("key"), Json::String(Cow::Owned(key.clone()))));
        }
        Ok(Json::Object(members))
    }

    /// What was read, unless there are faults.
    pub fn finish<T>(mut self, read: Result<T, Vec<Fault>>, more: Vec<Fault>) -> Result<T, Error> {
        let read = read.map_err(|faults| self.faults.extend(faults)).ok();
        // One place needs one fault.
        for fault in more {
            if !self.faults.iter().any(|other| other.pointer == fault.pointer) {
                self.faults.push(fault);
            }
        }
        match read {
            Some(read) if self.faults.is_empty() => Ok(read),
            _ => Err(Error::Invalid(self.faults)),
        }
    }
}

/// Refuses another version than the one that is expected.
pub(crate) fn check_version(expected: Option<u64>, present: Option<u64>) -> Result<(), Error> {
    match expected {
        Some(expected) if present != Some(expected) => Err(Error::VersionConflict { expected, present }),
        _ => Ok(()),
    }
}

/// JSON text of a document.
pub(crate) fn text(json: &Json<'_>) -> Result<String, Error> {
    to_json(json)
}

/// Names for people: ten at most, and how many more there are.
pub(crate) fn names(keys: &[String]) -> String {
    let shown: Vec<String> = keys.iter().take(10).map(|key| format!("`{key}`")).collect();
    match keys.len().saturating_sub(shown.len()) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
