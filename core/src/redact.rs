//! A document without what is sensitive in it: what may leave the service (`docs/evaluation.md`, section 1).

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use crate::decode::{
    Outline, RawEntry, fields, key_of, mentions, read_flag, read_override, read_segment, segment_cost,
};
use crate::documents::read_entry;
use crate::fault::Fault;
use crate::json::Json;
use crate::model::{Flag, FlagType, Sensitive, State, Value, Variant};

/// The number of the form that [`redact`] gives. It goes up with every change after which the same document is left otherwise: a signature
/// over what leaves is of one form, and counts for no other.
pub const REDACTION: u32 = 1;

/// The variant of a flag that has no off variant, and whose type implies none: nothing serves it.
const STAND_IN: &str = "redacted";

/// Leaves out of a snapshot or registry what its sensitive flags hide. Whoever reads what is left, and may be told of no sensitive flag,
/// decides every flag as with the whole. None where there is nothing to leave out: the document may leave as it is.
///
/// What is at fault is not believed to be harmless: a flag that cannot be read and says anything of being sensitive keeps its key alone.
///
/// # Errors
/// As [`crate::Snapshot::parse`].
pub fn redact(document: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
    let outline = Outline::parse(document)?;
    let mut costs = BTreeMap::new();
    for (index, raw) in outline.segments.iter().enumerate() {
        if let Ok(segment) = read_entry(raw, "segments", index, read_segment) {
            // Of one key the first counts.
            costs.entry(segment.key.clone()).or_insert_with(|| segment_cost(&segment));
        }
    }
    let segment = |key: &str| costs.get(key).copied();

    // Of each key, whether the flag that is evaluated under it is hidden, and all keys of which any flag is.
    let mut evaluated = BTreeMap::new();
    let mut hidden = BTreeSet::new();
    let mut flags = Vec::with_capacity(outline.flags.len());
    for (index, raw) in outline.flags.iter().enumerate() {
        let (key, is_archived, redacted) = match read_entry(raw, "flags", index, |node| read_flag(node, &segment)) {
            Ok(flag) => {
                let redacted = Redacted::of(&flag).map(|redacted| text(&redacted));
                (Some(flag.key), flag.state == State::Archived, redacted)
            }
            Err(_) => (key_of(raw), false, mentions(raw, "sensitive").then(|| broken(raw))),
        };
        if let Some(key) = key {
            if redacted.is_some() {
                hidden.insert(key.clone());
            }
            if !is_archived {
                evaluated.entry(key).or_insert(redacted.is_some());
            }
        }
        flags.push(redacted.map_or(Entry::Kept(raw), Entry::Redacted));
    }
    if flags.iter().all(|entry| matches!(entry, Entry::Kept(_))) {
        return Ok(None);
    }
    let is_open = |(index, raw): &(usize, &RawEntry<'_>)| {
        let is_hidden = |key: &str| evaluated.get(key).copied().unwrap_or_else(|| hidden.contains(key));
        read_entry(raw, "overrides", *index, read_override).is_ok_and(|row| !is_hidden(&row.flag))
    };
    let overrides: Vec<_> =
        outline.overrides.iter().enumerate().filter(is_open).map(|(_, raw)| Entry::Kept(raw)).collect();

    let text = core::str::from_utf8(document).unwrap_or_default();
    let mut redacted = String::with_capacity(document.len());
    redacted.push('{');
    for (place, (name, value)) in fields(text).enumerate() {
        redacted.push_str(if place == 0 { "\"" } else { ",\"" });
        redacted.push_str(name);
        redacted.push_str("\":");
        match name {
            "flags" => list(&flags, &mut redacted),
            "overrides" => list(&overrides, &mut redacted),
            _ => redacted.push_str(value),
        }
    }
    redacted.push('}');
    Ok(Some(redacted.into_bytes()))
}

/// An entry of a list that is written anew.
enum Entry<'a> {
    Kept(&'a str),
    Redacted(String),
}

fn list(entries: &[Entry<'_>], to: &mut String) {
    to.push('[');
    for (place, entry) in entries.iter().enumerate() {
        if place > 0 {
            to.push(',');
        }
        to.push_str(match entry {
            Entry::Kept(raw) => raw,
            Entry::Redacted(text) => text,
        });
    }
    to.push(']');
}

/// What is left of a sensitive flag.
#[derive(Serialize)]
struct Redacted<'a> {
    key: &'a str,
    r#type: FlagType,
    version: u64,
    state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    variants: Option<[Variant; 1]>,
    off_variant: Option<&'a str>,
    sensitive: &'a Sensitive,
}

impl<'a> Redacted<'a> {
    fn of(flag: &'a Flag) -> Option<Self> {
        let sensitive = flag.sensitive.as_ref().filter(|sensitive| sensitive.applies())?;
        let off = flag.off_variant.as_deref();
        let off = off.and_then(|key| flag.variants.iter().find(|variant| *variant.key == *key));
        Some(Self {
            key: &flag.key,
            r#type: flag.flag_type,
            version: flag.version,
            state: if flag.state == State::Archived { State::Archived } else { State::Off },
            variants: off.cloned().or_else(|| stand_in(flag.flag_type)).map(|variant| [variant]),
            off_variant: off.map(|variant| variant.key.as_str()),
            sensitive,
        })
    }
}

fn stand_in(flag_type: FlagType) -> Option<Variant> {
    let value = match flag_type {
        FlagType::Boolean => return None,
        FlagType::String => Value::String(String::new()),
        FlagType::Integer => Value::Integer(0),
        FlagType::Number => Value::Number(0.0),
        FlagType::Json => Value::Json(Json::Null),
    };
    Some(Variant { key: STAND_IN.into(), value })
}

/// What is left of a flag that is at fault: it stays at fault, and off, under its key.
fn broken(raw: RawEntry<'_>) -> String {
    #[derive(Serialize)]
    struct Broken {
        #[serde(skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        r#type: &'static str,
    }
    text(&Broken { key: key_of(raw), r#type: STAND_IN })
}

/// JSON of our own types can always be written; were it not so, nothing would be told.
fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".into())
}
