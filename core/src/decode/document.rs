//! Reading a whole document: its frame, and the entries that are not flags.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use serde::de::IgnoredAny;

use super::{is_key, optional, required};
use crate::fault::{Fault, FaultCode, Faults};
use crate::json::{Json, Node, Path};
use crate::limits;
use crate::model::{KillSwitch, Override, OverrideScope, OverrideVariant, SnapshotDocument};

/// A document's frame. The entries of its arrays are left as text, so that one that is broken, even in ways that JSON text
/// allows and a string cannot hold, breaks nothing but itself.
#[derive(Debug, Default)]
pub(crate) struct Outline<'a> {
    pub tenant: String,
    pub version: u64,
    pub generated_at: Option<i64>,
    pub flags: Vec<RawEntry<'a>>,
    pub segments: Vec<RawEntry<'a>>,
    pub overrides: Vec<RawEntry<'a>>,
    pub kill_switches: Vec<RawEntry<'a>>,
}

/// The fields of a document.
const FIELDS: [&str; 8] =
    ["schema", "tenant", "version", "generated_at", "flags", "segments", "overrides", "kill_switches"];

/// The text of one entry.
pub(crate) type RawEntry<'a> = &'a str;

impl<'a> Outline<'a> {
    /// Reads the frame.
    ///
    /// # Errors
    /// The fault for which the document as a whole is refused.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut faults = Faults::default();
        let outline = Self::read(bytes, &mut faults);
        faults.finish(outline).map_err(|faults| {
            let nothing =
                || Fault { code: FaultCode::InvalidJson, pointer: String::new(), message: "must be JSON".into() };
            faults.into_iter().next().unwrap_or_else(nothing)
        })
    }

    fn read(bytes: &'a [u8], faults: &mut Faults) -> Option<Self> {
        if bytes.len() > limits::SNAPSHOT_BYTES {
            faults.add_limit(&Path::Root, limits::SNAPSHOT_BYTES, "bytes", "SNAPSHOT_BYTES");
            return None;
        }
        let text = core::str::from_utf8(bytes).ok().filter(|_| serde_json::from_slice::<IgnoredAny>(bytes).is_ok());
        let Some(text) = text else {
            faults.add(FaultCode::InvalidJson, &Path::Root, "must be JSON in UTF-8");
            return None;
        };
        let Some(members) = members(text) else {
            faults.add(FaultCode::WrongType, &Path::Root, "must be an object");
            return None;
        };
        let fields = known(members);
        let field = |name: &str| fields.iter().find(|(known, _)| *known == name)?.1;
        // In the order in which docs/evaluation.md lists them.
        let schema = scalar(field("schema"), "schema", faults, |node, faults| node.owned_string(faults));
        if schema
            .is_some_and(|schema| schema != SnapshotDocument::SCHEMA && schema != SnapshotDocument::REGISTRY_SCHEMA)
        {
            let message = "must be burgee.snapshot/1 or burgee.registry/1";
            faults.add(FaultCode::InvalidValue, &Path::Name(&Path::Root, "schema"), message);
        }
        let tenant = scalar(field("tenant"), "tenant", faults, |node, faults| node.owned_string(faults));
        let version = scalar(field("version"), "version", faults, |node, faults| node.version(faults));
        let generated_at = scalar(field("generated_at"), "generated_at", faults, |node, faults| node.time(faults));
        if field("flags").is_none() {
            faults.add(FaultCode::Missing, &Path::Name(&Path::Root, "flags"), "is missing");
        }
        let flags = entries(field("flags"), "flags", (limits::FLAGS, "FLAGS"), faults);
        let segments = entries(field("segments"), "segments", (limits::SEGMENTS, "SEGMENTS"), faults);
        let overrides = entries(field("overrides"), "overrides", (limits::OVERRIDES, "OVERRIDES"), faults);
        let kill_switches =
            entries(field("kill_switches"), "kill_switches", (limits::LIST_ITEMS, "LIST_ITEMS"), faults);
        Some(Outline {
            tenant: tenant.unwrap_or_default(),
            version: version.unwrap_or(0),
            generated_at,
            flags,
            segments,
            overrides,
            kill_switches,
        })
    }
}

/// The texts of the fields that are known, those that are null left out. Of a repeated name the last counts. There may be millions of
/// others.
fn known<'a>(
    members: impl Iterator<Item = (Cow<'a, str>, &'a str)>,
) -> [(&'static str, Option<&'a str>); FIELDS.len()] {
    let mut fields = FIELDS.map(|name| (name, None));
    for (name, text) in members {
        if let Some((_, field)) = fields.iter_mut().find(|(known, _)| *known == name) {
            *field = Some(text).filter(|text| *text != "null");
        }
    }
    fields
}

/// The texts of a document's fields, in the order in which docs/evaluation.md lists them; none of those that are absent or null. The text is
/// that of a document whose [`Outline`] could be read.
pub(crate) fn fields(text: &str) -> impl Iterator<Item = (&'static str, &str)> {
    members(text).into_iter().flat_map(known).filter_map(|(name, text)| Some((name, text?)))
}

/// A field of the frame that is not an array.
fn scalar<T>(text: Option<&str>, name: &str, faults: &mut Faults, read: super::Read<T>) -> Option<T> {
    // Text that cannot be held (a lone surrogate, nesting without end) is of the wrong type for every field of the frame.
    let json = Json::parse(text?).unwrap_or(Json::Null);
    read(&Node { json: &json, path: Path::Name(&Path::Root, name) }, faults)
}

/// The texts of an array's elements.
fn entries<'a>(
    text: Option<&'a str>,
    name: &str,
    (limit, limit_name): (usize, &'static str),
    faults: &mut Faults,
) -> Vec<RawEntry<'a>> {
    let Some(text) = text else { return Vec::new() };
    let path = Path::Name(&Path::Root, name);
    let Some(elements) = elements(text) else {
        faults.add(FaultCode::WrongType, &path, "must be an array");
        return Vec::new();
    };
    let elements: Vec<_> = elements.take(limit.saturating_add(1)).collect();
    if elements.len() > limit {
        faults.add_limit(&path, limit, "entries", limit_name);
        return Vec::new();
    }
    elements
}

/// The members of an object in order, each value as text; none for JSON that is not an object.
///
/// The text is JSON: the functions from here on look no closer than they need to. (serde_json's `RawValue` would do this too; its
/// errors bring the formatting of every kind of number with them, a quarter of the wasm module.)
fn members(text: &str) -> Option<impl Iterator<Item = (Cow<'_, str>, &str)>> {
    Some(Pieces(Some(text.trim().strip_prefix('{')?.strip_suffix('}')?)).filter_map(member))
}

/// A member's name and value. A name with a lone surrogate is none of ours, and is passed over like any other that we do not know.
fn member(piece: &str) -> Option<(Cow<'_, str>, &str)> {
    let (name, value) = piece.split_at_checked(string_end(piece)?)?;
    let Ok(Json::String(name)) = Json::parse(name) else { return None };
    Some((name, value.trim_start().strip_prefix(':')?.trim_start()))
}

/// The key of a flag that may be at fault, even in ways that a string cannot hold, if it can be told.
pub(crate) fn key_of(entry: RawEntry<'_>) -> Option<String> {
    let (_, key) = members(entry)?.filter(|(name, _)| name == "key").last()?;
    match Json::parse(key) {
        Ok(Json::String(key)) if is_key(&key) => Some(key.into_owned()),
        _ => None,
    }
}

/// Whether an entry has a member of this name, wherever it stands among members of the same name, that is not null.
pub(crate) fn mentions(entry: RawEntry<'_>, name: &str) -> bool {
    members(entry).is_some_and(|mut members| members.any(|(known, text)| known == name && text != "null"))
}

/// The elements of an array, each as text; none for JSON that is not an array.
fn elements(text: &str) -> Option<Pieces<'_>> {
    Some(Pieces(Some(text.trim().strip_prefix('[')?.strip_suffix(']')?)))
}

/// What stands between the commas of an array or object, without the brackets. It holds what is still to be split.
struct Pieces<'a>(Option<&'a str>);

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let inside = self.0.take()?;
        let mut depth = 0_usize;
        let (mut in_string, mut escaped) = (false, false);
        for (place, byte) in inside.bytes().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = !in_string,
                _ if in_string => {}
                b'[' | b'{' => depth = depth.wrapping_add(1),
                b']' | b'}' => depth = depth.wrapping_sub(1),
                b',' if depth == 0 => {
                    self.0 = inside.get(place.wrapping_add(1)..);
                    return inside.get(..place).map(str::trim);
                }
                _ => {}
            }
        }
        Some(inside.trim()).filter(|last| !last.is_empty())
    }
}

/// Where the string ends that a text starts with.
fn string_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (place, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(place.wrapping_add(1)),
            _ => {}
        }
    }
    None
}

/// Reads a stored override row.
#[inline(never)]
pub(crate) fn read_override(node: &Node<'_>) -> Result<Override, Vec<Fault>> {
    let mut faults = Faults::default();
    let row = if node.is_object(&mut faults) { override_fields(node, &mut faults) } else { None };
    faults.finish(row)
}

fn override_fields(node: &Node<'_>, faults: &mut Faults) -> Option<Override> {
    let scope = required(node, "scope", faults, |field, faults| match field.string(faults)? {
        "user" => Some(OverrideScope::User),
        "tenant" => Some(OverrideScope::Tenant),
        _ => {
            field.fault(faults, FaultCode::InvalidValue, "must be one of user, tenant");
            None
        }
    });
    let id = required(node, "id", faults, |field, faults| field.owned_non_empty(faults));
    let flag = required(node, "flag", faults, |field, faults| field.owned_string(faults));
    let variant = required(node, "variant", faults, |field, faults| match field.json {
        Json::Bool(value) => Some(OverrideVariant::Boolean(*value)),
        Json::String(key) => Some(OverrideVariant::Key(key.clone().into_owned())),
        _ => {
            field.fault(faults, FaultCode::WrongType, "must be a variant's key, true or false");
            None
        }
    });
    let expires_at = optional(node, "expires_at", faults, |field, faults| field.time(faults));
    let approval_ref = optional(node, "approval_ref", faults, |field, faults| field.owned_string(faults));
    let reason = optional(node, "reason", faults, |field, faults| field.owned_string(faults));
    let created_by = optional(node, "created_by", faults, |field, faults| field.owned_string(faults));
    let created_at = optional(node, "created_at", faults, |field, faults| field.time(faults));
    Some(Override {
        scope: scope?,
        id: id?,
        flag: flag?,
        variant: variant?,
        expires_at,
        approval_ref,
        reason,
        created_by,
        created_at,
    })
}

/// Reads a kill switch.
#[inline(never)]
pub(crate) fn read_kill_switch(node: &Node<'_>) -> Result<KillSwitch, Vec<Fault>> {
    let mut faults = Faults::default();
    let mut switch = None;
    if node.is_object(&mut faults) {
        let category = required(node, "category", &mut faults, |field, faults| field.owned_non_empty(faults));
        let engaged = optional(node, "engaged", &mut faults, |field, faults| field.boolean(faults)).unwrap_or(true);
        switch = category.map(|category| KillSwitch { category, engaged });
    }
    faults.finish(switch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::prelude::v1::*;
    use std::{format, vec};

    #[test]
    fn splits_at_the_top_level_alone() {
        let text = r#" { "a" : [1, {"x": "],}"}] , "b\"c":"\\", "":{} } "#;
        let expected: Vec<(Cow<'_, str>, &str)> =
            vec![("a".into(), r#"[1, {"x": "],}"}]"#), ("b\"c".into(), r#""\\""#), ("".into(), "{}")];
        assert_eq!(members(text).unwrap().collect::<Vec<_>>(), expected);
        let all = |text| elements(text).map(Iterator::collect::<Vec<_>>);
        assert_eq!(all("[ 1 ,[2,3], \"é,\" ]").unwrap(), ["1", "[2,3]", "\"é,\""]);
        assert_eq!(all(" [ ] ").unwrap(), [""; 0]);
        assert_eq!(all("{}"), None);
        assert!(members("null").is_none());
    }

    proptest::proptest! {
        /// Whatever serde_json writes, the pieces are what it wrote, in order.
        #[test]
        fn pieces_join_to_the_whole(strings: Vec<String>, depth in 0..4_usize) {
            let nested = (0..depth).fold(serde_json::json!(strings), |inner, _| serde_json::json!([inner, {"k,]": inner}]));
            let text = serde_json::to_string(&serde_json::json!([nested, strings, 1.5])).unwrap();
            let parts: Vec<_> = elements(&text).unwrap().collect();
            proptest::prop_assert_eq!(parts.len(), 3);
            proptest::prop_assert_eq!(format!("[{}]", parts.join(",")), text);
        }
    }
}
