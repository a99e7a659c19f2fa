//! Writing, deleting and restoring segments.

use burgee_core::limits::SEGMENT_BYTES;
use burgee_core::model::Segment;
use burgee_core::time::format_rfc3339;
use burgee_core::{Fault, FaultCode};
use serde::Serialize;
use serde_json::json;

use super::draft::{Body, check_version, fault, names, text};
use super::flags::Names;
use super::record::changed;
use super::work::{Subject, Work, is_live, to_json, unreadable};
use crate::change::Change;
use crate::command::{Draft, Write};
use crate::error::Error;
use crate::rows::SegmentRow;

/// A segment as it is stored and shown.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    segment: &'a Segment,
    version: u64,
    created_at: String,
    updated_at: String,
}

/// Writes a segment's document.
pub(crate) fn put(work: &mut Work<'_>, draft: &Draft) -> Result<(), Error> {
    let body = Body::read(draft)?;
    let row = match &body.key {
        Some(key) => work.segment(key)?,
        None => None,
    };
    let present = row.as_ref().filter(|row| row.deleted_at.is_none());
    if draft.write != Write::Upsert && present.is_none() {
        return Err(Error::NotFound("segment"));
    }
    body.check_version(present.map(|row| row.version))?;
    let mut more = Vec::new();
    if body.member("version").is_some_and(|version| version.as_safe_integer().is_none_or(|version| version < 0)) {
        more.push(fault(FaultCode::WrongType, "/version", "must be an integer from 0 to 2^53 - 1"));
    }
    if draft.document.len() > SEGMENT_BYTES {
        more.push(too_large(""));
    }
    let document = body.document(draft.write, present.map(|row| row.document.as_str()))?;
    let segment = Segment::read(&text(&document)?);
    let segment = body.finish(segment, more)?;
    if replace(work, row, &segment, "")? == Replaced::Dearer {
        check_cost(work, &segment.key)?;
    }
    Ok(())
}

/// What came of putting a segment into the place of what was there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replaced {
    /// It is as it was.
    Unchanged,
    /// It is another.
    Changed,
    /// It is another that costs more, so that a flag which names it may have come past its limit: see [`check_cost`].
    Dearer,
}

fn too_large(at: &str) -> Fault {
    let message = format!("must have at most {SEGMENT_BYTES} bytes, also in its canonical form (SEGMENT_BYTES)");
    fault(FaultCode::LimitExceeded, at, message)
}

/// Puts a segment into the place of what is there under its key. Whether flags that name it can bear its cost is left to [`check_cost`]. `at` is the
/// pointer to its document.
pub(crate) fn replace(
    work: &mut Work<'_>,
    row: Option<SegmentRow>,
    segment: &Segment,
    at: &str,
) -> Result<Replaced, Error> {
    let present = row.as_ref().filter(|row| row.deleted_at.is_none());
    if let Some(row) = present
        && document(segment, row.version, row.created_at, row.updated_at)? == row.document
    {
        return Ok(Replaced::Unchanged);
    }
    let now = work.now();
    let version = row.as_ref().map_or(1, |row| row.version.saturating_add(1));
    let created_at = present.map_or(now, |row| row.created_at);
    let new = row_of(segment, version, created_at, now)?;
    if new.document.len() > SEGMENT_BYTES {
        return Err(Error::Invalid(vec![too_large(at)]));
    }
    let is_dearer = present.is_some_and(|row| new.cost > row.cost);
    record(work, present, new, if present.is_some() { "updated" } else { "created" })?;
    Ok(if is_dearer { Replaced::Dearer } else { Replaced::Changed })
}

fn document(segment: &Segment, version: u64, created_at: i64, updated_at: i64) -> Result<String, Error> {
    let (created_at, updated_at) = (format_rfc3339(created_at), format_rfc3339(updated_at));
    to_json(&Document { segment, version, created_at, updated_at })
}

fn row_of(segment: &Segment, version: u64, created_at: i64, updated_at: i64) -> Result<SegmentRow, Error> {
    let mut names = Names::default();
    if let Some(conditions) = &segment.conditions {
        names.condition(conditions);
    }
    let (_, attributes) = names.lists();
    let mut search = segment.key.to_lowercase();
    if let Some(name) = &segment.name {
        search.push('\n');
        search.push_str(&name.to_lowercase());
    }
    Ok(SegmentRow {
        key: segment.key.clone(),
        version,
        document: document(segment, version, created_at, updated_at)?,
        cost: segment.cost(),
        attributes,
        search,
        created_at,
        updated_at,
        deleted_at: None,
    })
}

fn record(
    work: &mut Work<'_>,
    before: Option<&SegmentRow>,
    row: SegmentRow,
    action: &'static str,
) -> Result<(), Error> {
    let is_gone = row.deleted_at.is_some();
    let subject = Subject {
        entity: "segment",
        key: &row.key,
        version: Some(row.version),
        before: before.map(|before| before.document.as_str()),
        after: Some(row.document.as_str()).filter(|_| !is_gone),
    };
    work.audit(action, subject)?;
    let event_type = match action {
        "created" => "segment.created",
        "deleted" => "segment.deleted",
        "restored" => "segment.restored",
        _ => "segment.updated",
    };
    let data = match before {
        Some(before) if !is_gone => {
            json!({"version": row.version, "changed": changed(&before.document, &row.document)?})
        }
        _ => json!({"version": row.version}),
    };
    work.event(event_type, format!("segments/{}", row.key), data);
    work.put_segment(row)
}

/// Refuses a segment that is too dear for a flag which names it.
pub(crate) fn check_cost(work: &Work<'_>, key: &str) -> Result<(), Error> {
    let mut dear = Vec::new();
    for flag in work.flags_with_segment(key)? {
        if let Some(row) = work.flag(&flag)?.filter(is_live)
            && work.read_flag(&row.document)?.is_err()
        {
            dear.push(flag);
        }
    }
    if dear.is_empty() {
        return Ok(());
    }
    let message =
        format!("with these conditions, those of {} would cost too much together (CONDITION_COST)", names(&dear));
    Err(Error::LimitExceeded { limit: "CONDITION_COST", message })
}

/// Deletes a segment softly.
pub(crate) fn delete(work: &mut Work<'_>, key: &str, expected: Option<u64>) -> Result<(), Error> {
    let row = work.segment(key)?.filter(|row| row.deleted_at.is_none()).ok_or(Error::NotFound("segment"))?;
    check_version(expected, Some(row.version))?;
    let flags = work.flags_with_segment(key)?;
    if !flags.is_empty() {
        return Err(Error::Conflict(format!("`{key}` is named by the rules of {}; change them first", names(&flags))));
    }
    let deleted = SegmentRow { deleted_at: Some(work.now()), ..moved(work, &row)? };
    record(work, Some(&row), deleted, "deleted")
}

/// Brings a deleted segment back.
pub(crate) fn restore(work: &mut Work<'_>, key: &str, expected: Option<u64>) -> Result<(), Error> {
    let row = work.segment(key)?.ok_or(Error::NotFound("segment"))?;
    check_version(expected, Some(row.version))?;
    if row.deleted_at.is_none() {
        return Ok(());
    }
    let restored = SegmentRow { deleted_at: None, ..moved(work, &row)? };
    record(work, None, restored, "restored")
}

fn moved(work: &Work<'_>, row: &SegmentRow) -> Result<SegmentRow, Error> {
    let segment = Segment::read(&row.document).map_err(|_| unreadable("a segment"))?;
    row_of(&segment, row.version.saturating_add(1), row.created_at, work.now())
}

/// Takes a row for good that was deleted long ago.
pub(crate) fn purge(work: &mut Work<'_>, row: &SegmentRow) -> Result<(), Error> {
    let subject = Subject {
        entity: "segment",
        key: &row.key,
        version: Some(row.version),
        before: Some(&row.document),
        after: None,
    };
    work.audit("purged", subject)?;
    work.put(Change::PurgeSegment { key: row.key.clone() });
    Ok(())
}
