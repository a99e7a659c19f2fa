//! Reading the model from JSON: every rule about what is valid, and a pointer for every fault.
//!
//! Reading goes on past a fault, so that one answer can list them all.

mod document;
mod flag;

use crate::fault::{Fault, FaultCode};
use crate::json::Node;
use crate::limits;

pub(crate) use document::{Outline, RawEntry, read_kill_switch, read_override};
pub(crate) use flag::read_flag;

/// Collects faults while reading goes on.
#[derive(Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    /// The value, or nothing and the fault noted.
    fn note<T>(&mut self, result: Result<T, Fault>) -> Option<T> {
        result.map_err(|fault| self.0.push(fault)).ok()
    }

    /// An optional field: reads it with `read` where it is there and not null.
    fn optional<'n, T>(
        &mut self,
        node: &'n Node<'n>,
        name: &'n str,
        read: impl FnOnce(&Node<'n>) -> Result<T, Fault>,
    ) -> Option<T> {
        let field = node.get(name)?;
        self.note(read(&field))
    }

    /// A field that must be there.
    fn required<'n, T>(
        &mut self,
        node: &'n Node<'n>,
        name: &'n str,
        read: impl FnOnce(&Node<'n>) -> Result<T, Fault>,
    ) -> Option<T> {
        let result = require(node, name).and_then(|field| read(&field));
        self.note(result)
    }

    /// The value that was read, unless there were faults.
    fn finish<T>(self, value: Option<T>) -> Result<T, Vec<Fault>> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(self.0),
        }
    }
}

/// The member `name`, or a fault that says it is missing.
fn require<'n>(node: &'n Node<'n>, name: &'n str) -> Result<Node<'n>, Fault> {
    node.get(name).ok_or_else(|| {
        let mut fault = node.fault(FaultCode::Missing, "is missing");
        // The fault stands where the field would, so that an editor can put the cursor there.
        fault.pointer.push('/');
        fault.pointer.push_str(name);
        fault
    })
}

/// A flag's or segment's key.
pub(crate) fn is_key(text: &str) -> bool {
    (1..=limits::KEY_CHARS).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

fn key(node: &Node<'_>) -> Result<String, Fault> {
    let text = node.string()?;
    if is_key(text) {
        return Ok(text.to_owned());
    }
    Err(node.fault(FaultCode::InvalidValue, "must be 1 to 128 characters of A-Z a-z 0-9 . _ -"))
}

fn owned_string(node: &Node<'_>) -> Result<String, Fault> {
    node.string().map(str::to_owned)
}

fn owned_non_empty(node: &Node<'_>) -> Result<String, Fault> {
    node.non_empty_string().map(str::to_owned)
}

/// The strings of a list that has a limit.
fn list(node: &Node<'_>) -> Result<Vec<String>, Fault> {
    let strings = node.strings()?;
    if strings.len() > limits::LIST_ITEMS {
        let message = format!("must have at most {} items (LIST_ITEMS)", limits::LIST_ITEMS);
        return Err(node.fault(FaultCode::LimitExceeded, message));
    }
    Ok(strings)
}
