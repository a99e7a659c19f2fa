//! Reading a whole document: its frame, and the entries that are not flags.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Faults, key, owned_non_empty, owned_string};
use crate::fault::{Fault, FaultCode};
use crate::json::{Json, Node, Path};
use crate::limits;
use crate::model::{KillSwitch, Override, OverrideScope, OverrideVariant, SnapshotDocument};

/// A document's frame. The entries of its arrays are left as text, so that one that is broken, even in ways that JSON text
/// allows and a string cannot hold, breaks nothing but itself.
#[derive(Debug)]
pub(crate) struct Outline<'a> {
    pub tenant: Cow<'a, str>,
    pub version: u64,
    pub generated_at: Option<i64>,
    pub flags: Vec<RawEntry<'a>>,
    pub overrides: Vec<RawEntry<'a>>,
    pub kill_switches: Vec<RawEntry<'a>>,
}

/// The text of one entry.
pub(crate) type RawEntry<'a> = &'a RawValue;

impl<'a> Outline<'a> {
    /// Reads the frame.
    ///
    /// # Errors
    /// The fault for which the document as a whole is refused.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        let refuse = |code, pointer: &str, message: String| Fault { code, pointer: pointer.to_owned(), message };
        if bytes.len() > limits::SNAPSHOT_BYTES {
            let message = format!("must be at most {} bytes (SNAPSHOT_BYTES)", limits::SNAPSHOT_BYTES);
            return Err(refuse(FaultCode::LimitExceeded, "", message));
        }
        let Members(members) = serde_json::from_slice(bytes).map_err(|error| {
            if error.is_data() {
                return refuse(FaultCode::WrongType, "", "must be an object".to_owned());
            }
            let place = format!("line {} column {}", error.line(), error.column());
            refuse(FaultCode::InvalidJson, "", format!("must be JSON: broken at {place}"))
        })?;
        let mut outline = Outline {
            tenant: Cow::Borrowed(""),
            version: 0,
            generated_at: None,
            flags: Vec::new(),
            overrides: Vec::new(),
            kill_switches: Vec::new(),
        };
        let text_of = |name: &str| {
            let (_, raw) = members.iter().rev().find(|(key, _)| key == name)?;
            (raw.get() != "null").then(|| raw.get())
        };
        // The fields are read in the order in which docs/evaluation.md lists them.
        if let Some(schema) = scalar(text_of("schema"), "schema", |node| node.string().map(str::to_owned))?
            && ![SnapshotDocument::SCHEMA, SnapshotDocument::REGISTRY_SCHEMA].contains(&schema.as_str())
        {
            let message = "must be burgee.snapshot/1 or burgee.registry/1".to_owned();
            return Err(refuse(FaultCode::InvalidValue, "/schema", message));
        }
        if let Some(tenant) = scalar(text_of("tenant"), "tenant", owned_string)? {
            outline.tenant = Cow::Owned(tenant);
        }
        outline.version = scalar(text_of("version"), "version", |node| node.version())?.unwrap_or(0);
        outline.generated_at = scalar(text_of("generated_at"), "generated_at", |node| node.time())?;
        let flags = text_of("flags").ok_or_else(|| refuse(FaultCode::Missing, "/flags", "is missing".to_owned()))?;
        outline.flags = entries(flags, "/flags", limits::FLAGS)?;
        if let Some(text) = text_of("segments") {
            entries(text, "/segments", limits::SEGMENTS)?;
        }
        if let Some(text) = text_of("overrides") {
            outline.overrides = entries(text, "/overrides", limits::OVERRIDES)?;
        }
        if let Some(text) = text_of("kill_switches") {
            outline.kill_switches = entries(text, "/kill_switches", limits::LIST_ITEMS)?;
        }
        Ok(outline)
    }
}

/// A field of the frame that is not an array.
fn scalar<T>(
    text: Option<&str>,
    name: &str,
    read: impl FnOnce(&Node<'_>) -> Result<T, Fault>,
) -> Result<Option<T>, Fault> {
    let Some(text) = text else { return Ok(None) };
    // Text that cannot be held (a lone surrogate, nesting without end) is of the wrong type for every field of the frame.
    let json = Json::parse(text).unwrap_or(Json::Null);
    read(&Node { json: &json, path: Path::Name(&Path::Root, name) }).map(Some)
}

fn entries<'a>(text: &'a str, pointer: &str, limit: usize) -> Result<Vec<RawEntry<'a>>, Fault> {
    let refuse = |code, message: String| Fault { code, pointer: pointer.to_owned(), message };
    let entries: Vec<RawEntry<'a>> =
        serde_json::from_str(text).map_err(|_| refuse(FaultCode::WrongType, "must be an array".to_owned()))?;
    if entries.len() > limit {
        return Err(refuse(FaultCode::LimitExceeded, format!("must have at most {limit} entries")));
    }
    Ok(entries)
}

/// The document's members in order, each value as text.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> serde::de::Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<&'de RawValue, &'de RawValue>()? {
                    // A name with a lone surrogate is none of ours, and is passed over like any other that we do not know.
                    if let Ok(name) = serde_json::from_str::<String>(name.get()) {
                        members.push((Cow::Owned(name), value));
                    }
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}

/// Reads a stored override row.
pub(crate) fn read_override(node: &Node<'_>) -> Result<Override, Vec<Fault>> {
    if !matches!(node.json, Json::Object(_)) {
        return Err(vec![node.wrong_type("an object")]);
    }
    let mut faults = Faults::default();
    let scope = faults.required(node, "scope", |field| match field.string()? {
        "user" => Ok(OverrideScope::User),
        "tenant" => Ok(OverrideScope::Tenant),
        _ => Err(field.fault(FaultCode::InvalidValue, "must be one of user, tenant")),
    });
    let id = faults.required(node, "id", owned_non_empty);
    let flag = faults.required(node, "flag", key);
    let variant = faults.required(node, "variant", |field| match field.json {
        Json::Bool(value) => Ok(OverrideVariant::Boolean(*value)),
        Json::String(key) => Ok(OverrideVariant::Key(key.clone().into_owned())),
        _ => Err(field.wrong_type("a variant's key, true or false")),
    });
    let expires_at = faults.optional(node, "expires_at", Node::time);
    let approval_ref = faults.optional(node, "approval_ref", owned_string);
    let reason = faults.optional(node, "reason", owned_string);
    let created_by = faults.optional(node, "created_by", owned_string);
    let created_at = faults.optional(node, "created_at", Node::time);
    let row = match (scope, id, flag, variant) {
        (Some(scope), Some(id), Some(flag), Some(variant)) => {
            Some(Override { scope, id, flag, variant, expires_at, approval_ref, reason, created_by, created_at })
        }
        _ => None,
    };
    faults.finish(row)
}

/// Reads a kill switch.
pub(crate) fn read_kill_switch(node: &Node<'_>) -> Result<KillSwitch, Vec<Fault>> {
    if !matches!(node.json, Json::Object(_)) {
        return Err(vec![node.wrong_type("an object")]);
    }
    let mut faults = Faults::default();
    let category = faults.required(node, "category", owned_non_empty);
    let engaged = faults.optional(node, "engaged", Node::boolean).unwrap_or(true);
    faults.finish(category.map(|category| KillSwitch { category, engaged }))
}
