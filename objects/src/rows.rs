//! Rows as statements give them, and as `burgee-control` takes them. Small things that are searched by little are kept as JSON.

use burgee_control::{
    AuditRow, EventRow, ExposureCount, FlagRow, FlagState, OverrideRow, Read, SegmentRow, Unreadable,
};
use burgee_core::model::OverrideScope;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// What a flag's columns are, in the order of [`FlagColumns`].
pub(super) const FLAG: &str = "key, version, document, state, state_before, tags, search, prerequisites, segments, attributes, \
    created_at, updated_at, archived_at, deleted_at";

/// The columns of a flag.
#[derive(Deserialize)]
pub(super) struct FlagColumns(
    String,
    u64,
    String,
    FlagState,
    Option<FlagState>,
    String,
    String,
    String,
    String,
    String,
    i64,
    i64,
    Option<i64>,
    Option<i64>,
);

impl FlagColumns {
    pub(super) fn row(self) -> Read<FlagRow> {
        let Self(
            key,
            version,
            document,
            state,
            state_before,
            tags,
            search,
            needs,
            segments,
            attributes,
            created,
            updated,
            archived,
            deleted,
        ) = self;
        Ok(FlagRow {
            key,
            version,
            document,
            state,
            state_before,
            tags: read(&tags)?,
            search,
            prerequisites: read(&needs)?,
            segments: read(&segments)?,
            attributes: read(&attributes)?,
            created_at: created,
            updated_at: updated,
            archived_at: archived,
            deleted_at: deleted,
        })
    }
}

/// What a segment's columns are, in the order of [`SegmentColumns`].
pub(super) const SEGMENT: &str = "key, version, document, cost, search, attributes, created_at, updated_at, deleted_at";

/// The columns of a segment.
#[derive(Deserialize)]
pub(super) struct SegmentColumns(String, u64, String, usize, String, String, i64, i64, Option<i64>);

impl SegmentColumns {
    pub(super) fn row(self) -> Read<SegmentRow> {
        let Self(key, version, document, cost, search, attributes, created_at, updated_at, deleted_at) = self;
        let attributes = read(&attributes)?;
        Ok(SegmentRow { key, version, document, cost, search, attributes, created_at, updated_at, deleted_at })
    }
}

/// What an override's columns are, in the order of [`OverrideColumns`].
pub(super) const OVERRIDE: &str = "scope, id, flag, document, expires_at";

/// The columns of an override.
#[derive(Deserialize)]
pub(super) struct OverrideColumns(OverrideScope, String, String, String, Option<i64>);

impl From<OverrideColumns> for OverrideRow {
    fn from(OverrideColumns(scope, id, flag, document, expires_at): OverrideColumns) -> Self {
        Self { scope, id, flag, document, expires_at }
    }
}

/// What an entry of the audit's columns are, in the order of [`AuditColumns`].
pub(super) const AUDIT: &str = "seq, at, actor, action, entity, entity_key, document, hash";

/// The columns of an entry of the audit.
#[derive(Deserialize)]
pub(super) struct AuditColumns(u64, i64, String, String, String, String, String, String);

/// The kinds of things that the audit knows.
const ENTITIES: [&str; 8] = ["flag", "segment", "override", "kill_switch", "rollout", "proposal", "webhook", "tenant"];

impl AuditColumns {
    pub(super) fn row(self) -> Read<AuditRow> {
        let Self(seq, at, actor, action, entity, entity_key, document, hash) = self;
        let known = ENTITIES.into_iter().find(|known| *known == entity);
        let entity =
            known.ok_or_else(|| Unreadable(format!("the audit's entry {seq} is of an unknown kind, {entity}")))?;
        Ok(AuditRow { seq, at, actor, action, entity, entity_key, document, hash })
    }
}

/// What an event's columns are, in the order of [`EventColumns`].
pub(super) const EVENT: &str = "seq, type, at, document";

/// The columns of an event.
#[derive(Deserialize)]
pub(super) struct EventColumns(u64, String, i64, String);

impl From<EventColumns> for EventRow {
    fn from(EventColumns(seq, event_type, at, document): EventColumns) -> Self {
        Self { seq, event_type: event_type.into(), at, document }
    }
}

/// What exposures' columns are, in the order of [`ExposureColumns`].
pub(super) const EXPOSURE: &str = "flag, variant, version, count, last_at";

/// The columns of exposures.
#[derive(Deserialize)]
pub(super) struct ExposureColumns(String, String, u64, u64, i64);

impl From<ExposureColumns> for ExposureCount {
    fn from(ExposureColumns(flag, variant, version, count, last_at): ExposureColumns) -> Self {
        Self { flag, variant, version, count, last_at }
    }
}

/// Reads what is kept as JSON.
pub(super) fn read<T: DeserializeOwned>(text: &str) -> Read<T> {
    serde_json::from_str(text).map_err(|error| Unreadable(format!("a row's JSON is not as it should be: {error}")))
}

/// Reads a column of what is kept as JSON.
pub(super) fn read_all<T: DeserializeOwned>(texts: &[String]) -> Read<Vec<T>> {
    texts.iter().map(|text| read(text)).collect()
}

/// Writes what is kept as JSON.
pub(super) fn written(value: &impl Serialize) -> Read<String> {
    serde_json::to_string(value).map_err(|error| Unreadable(format!("a row cannot be written: {error}")))
}

/// A state or a status as a column has it: the name that it has in JSON.
pub(super) fn name(value: &impl Serialize) -> Read<String> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => Ok(name),
        _ => Err(Unreadable("a state has no name".to_owned())),
    }
}

/// The number in an id such as `p-7` or `msg_12_wh-3`: its place in the order of time.
pub(super) fn place(id: &str) -> u64 {
    let digits = id.trim_start_matches(|character: char| !character.is_ascii_digit());
    let end = digits.find(|character: char| !character.is_ascii_digit()).unwrap_or(digits.len());
    digits.get(..end).and_then(|digits| digits.parse().ok()).unwrap_or(0)
}
