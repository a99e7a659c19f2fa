//! Reading the model from JSON: every rule about what is valid, and a pointer for every fault.
//!
//! Reading goes on past a fault, so that one answer can list them all. Fields are read in the order in which
//! `docs/evaluation.md` lists them, so that the first fault is the same everywhere.

mod document;
mod flag;

use alloc::borrow::ToOwned;
use alloc::string::String;

use crate::fault::{FaultCode, Faults};
use crate::json::Node;
use crate::limits;

pub(crate) use document::{Outline, RawEntry, key_of, read_kill_switch, read_override};
pub(crate) use flag::{read_flag, unsupported};

/// How a field is read: its value, or nothing and a fault noted.
type Read<T> = fn(&Node<'_>, &mut Faults) -> Option<T>;

/// An optional field, which null leaves out.
fn optional<T>(node: &Node<'_>, name: &str, faults: &mut Faults, read: Read<T>) -> Option<T> {
    read(&node.get(name)?, faults)
}

/// A field that must be there.
fn required<T>(node: &Node<'_>, name: &str, faults: &mut Faults, read: Read<T>) -> Option<T> {
    read(&node.require(name, faults)?, faults)
}

/// Whether a text can be a flag's or segment's key.
fn is_key(text: &str) -> bool {
    (1..=limits::KEY_CHARS).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

fn key(node: &Node<'_>, faults: &mut Faults) -> Option<String> {
    let text = node.string(faults)?;
    if !is_key(text) {
        node.fault(faults, FaultCode::InvalidValue, "must be 1 to 128 characters of A-Z a-z 0-9 . _ -");
        return None;
    }
    Some(text.to_owned())
}
