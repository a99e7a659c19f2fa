//! Reading the model from JSON: every rule about what is valid, and a pointer for every fault.
//!
//! Reading goes on past a fault, so that one answer can list them all. Fields are read in the order in which
//! `docs/evaluation.md` lists them, so that the first fault is the same everywhere.

mod condition;
mod document;
mod flag;
mod rule;
mod serve;

use alloc::borrow::ToOwned;
use alloc::string::String;

use crate::fault::{FaultCode, Faults};
use crate::json::{Json, Node};
use crate::limits;
use crate::model::Scalar;

pub(crate) use condition::{read_segment, segment_cost};
pub(crate) use document::{Outline, RawEntry, fields, key_of, mentions, read_kill_switch, read_override};
pub(crate) use flag::read_flag;
use serve::serve;

/// How a field is read: its value, or nothing and a fault noted.
type Read<T> = fn(&Node<'_>, &mut Faults) -> Option<T>;

// A new isolate compiles what it comes to while its first answer waits. What few flags have must not be part of what reads every flag, and so many
// functions of this room are not to be inlined.

/// An optional field, which null leaves out.
#[inline(never)]
fn optional<T>(node: &Node<'_>, name: &str, faults: &mut Faults, read: Read<T>) -> Option<T> {
    read(&node.get(name)?, faults)
}

/// A field that must be there.
#[inline(never)]
fn required<T>(node: &Node<'_>, name: &str, faults: &mut Faults, read: Read<T>) -> Option<T> {
    read(&node.require(name, faults)?, faults)
}

/// A field, or the field that is its short form; both together are a fault at the latter.
fn either<'n>(node: &'n Node<'n>, name: &'n str, short: &'n str, faults: &mut Faults) -> Option<Node<'n>> {
    let (full, short) = (node.get(name), node.get(short));
    if let (Some(_), Some(short)) = (&full, &short) {
        short.fault(faults, FaultCode::Duplicate, "must not be there beside its full form, which says the same");
    }
    full.or(short)
}

/// One of a field's allowed words.
fn word<T>(
    node: &Node<'_>,
    faults: &mut Faults,
    read: impl FnOnce(&str) -> Option<T>,
    allowed: &'static str,
) -> Option<T> {
    let word = read(node.string(faults)?);
    if word.is_none() {
        node.fault(faults, FaultCode::InvalidValue, allowed);
    }
    word
}

/// A string, a number or a boolean.
fn scalar(node: &Node<'_>, faults: &mut Faults) -> Option<Scalar> {
    Some(match node.json {
        Json::Bool(value) => Scalar::Boolean(*value),
        Json::Integer(value) => Scalar::Integer(*value),
        Json::Number(value) => Scalar::Number(*value),
        Json::String(value) => Scalar::String(value.clone().into_owned()),
        _ => {
            node.fault(faults, FaultCode::WrongType, "must be a string, a number, true or false");
            return None;
        }
    })
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
