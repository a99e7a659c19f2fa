//! Contexts as `npm/src/wire.ts` writes them into the evaluator's memory.

use burgee_core::{Json, Snapshot};

/// The attributes of a context that a snapshot knows, each once: the last of a repeated name.
pub(crate) fn write(snapshot: &Snapshot, context: &Json<'_>) -> Vec<u8> {
    let Json::Object(members) = context else { return Vec::new() };
    let mut bytes = Vec::new();
    for attribute in snapshot.attributes() {
        let Some((_, json)) = members.iter().rev().find(|(name, _)| **name == *attribute.name) else { continue };
        if *json != Json::Null {
            bytes.extend(u16::try_from(attribute.id).expect("there are fewer attributes").to_le_bytes());
            value(json, 4, &mut bytes);
        }
    }
    bytes
}

/// Lists in lists are written to a depth, and deeper ones as objects.
fn value(json: &Json<'_>, depth: u32, bytes: &mut Vec<u8>) {
    let length = |bytes: &mut Vec<u8>, length: usize| {
        bytes.extend(u32::try_from(length).expect("inputs are short").to_le_bytes());
    };
    match json {
        Json::Bool(value) => bytes.push(if *value { 4 } else { 3 }),
        Json::String(text) => {
            bytes.push(1);
            length(bytes, text.len());
            bytes.extend(text.as_bytes());
        }
        Json::Array(items) if depth > 0 => {
            bytes.push(5);
            length(bytes, items.len());
            items.iter().for_each(|item| value(item, depth - 1, bytes));
        }
        Json::Null | Json::Array(_) | Json::Object(_) => bytes.push(6),
        number => {
            bytes.push(2);
            bytes.extend(number.as_f64().expect("what is left is a number").to_le_bytes());
        }
    }
}
