//! Writing, deleting, archiving and restoring flags.

use std::collections::BTreeSet;

use burgee_core::limits::{FLAG_BYTES, KEY_CHARS};
use burgee_core::model::{Condition, Flag, Rule, Serve, State};
use burgee_core::{Fault, FaultCode, Json, attribute};
use serde_json::json;

use super::draft::{Body, check_version, fault, member, text};
use super::links::{check_unneeded, check_variants, check_walks, reference_faults};
use super::record::changed;
use super::work::{Subject, Work, is_live, to_json};
use super::{overrides, rollouts};
use crate::command::{Draft, Write};
use crate::error::Error;
use crate::rows::{FlagRow, FlagState};

/// Who changes a flag, and what the audit and events call it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A person's or program's request: the audit's action, which is the event's type behind `flag.`.
    Request(&'static str),
    /// A rollout, whose own event tells of it; the audit's action.
    Rollout(&'static str),
}

/// Writes a flag's document.
pub(crate) fn put(work: &mut Work<'_>, draft: &Draft) -> Result<(), Error> {
    let body = Body::read(draft)?;
    let row = match &body.key {
        Some(key) => work.flag(key)?,
        None => None,
    };
    let present = row.as_ref().filter(|row| row.deleted_at.is_none());
    if draft.write != Write::Upsert && present.is_none() {
        return Err(Error::NotFound("flag"));
    }
    body.check_version(present.map(|row| row.version))?;
    check_not_archived(present)?;
    let document = body.document(draft.write, present.map(|row| row.document.as_str()))?;
    let key = body.key.clone().unwrap_or_default();
    let mut more = document_faults(&document, "");
    more.extend(reference_faults(work, &document, "", &key)?);
    if draft.document.len() > FLAG_BYTES {
        more.push(too_large(""));
    }
    let flag = work.read_flag(&text(&document)?)?;
    let flag = body.finish(flag, more)?;
    let before = replace(work, row, flag, "")?;
    check(work, &[(before, key)])
}

/// A flag as it was, and its key.
pub(crate) type Replaced = (Option<Flag>, String);

/// Puts a flag into the place of what is there under its key. What it and others need of each other is left to [`check`]. `at` is the pointer to its
/// document. Gives what it was, where it was and changed.
pub(crate) fn replace(
    work: &mut Work<'_>,
    row: Option<FlagRow>,
    mut flag: Flag,
    at: &str,
) -> Result<Option<Flag>, Error> {
    let now = work.now();
    match row {
        Some(row) if row.deleted_at.is_none() => {
            let created_at = row.created_at;
            flag = stamped(flag, row.version, created_at, row.updated_at);
            if to_json(&flag)? == row.document {
                return Ok(None);
            }
            let before = Work::stored_flag(&row)?;
            rollouts::check_target(work, &before, &flag)?;
            let version = row.version.saturating_add(1);
            store(work, Some(&row), stamped(flag, version, created_at, now), at, Cause::Request("updated"))?;
            Ok(Some(before))
        }
        row => {
            // What was left of a deleted flag of this key is not this one's.
            for old in work.overrides_of(&flag.key)? {
                overrides::remove(work, &old)?;
            }
            if work.rollout(&flag.key)?.is_some() {
                work.remove_rollout(&flag.key);
            }
            let version = row.as_ref().map_or(1, |row| row.version.saturating_add(1));
            store(work, row.as_ref(), stamped(flag, version, now, now), at, Cause::Request("created"))?;
            Ok(None)
        }
    }
}

/// Refuses flags that have been put there and do not fit with the others.
pub(crate) fn check(work: &mut Work<'_>, replaced: &[Replaced]) -> Result<(), Error> {
    let keys: Vec<String> = replaced.iter().map(|(_, key)| key.clone()).collect();
    check_walks(work, &keys)?;
    for (before, key) in replaced {
        if let (Some(before), Some(row)) = (before, work.flag(key)?) {
            check_variants(work, before, &Work::stored_flag(&row)?)?;
        }
    }
    Ok(())
}

/// Faults that documents of flags have here and not in a file: what is a request of its own, and what has a limit for being named elsewhere.
pub(crate) fn document_faults(document: &Json<'_>, at: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    let Json::Object(members) = document else { return faults };
    if matches!(member(members, "state"), Some(Json::String(state)) if state == "archived") {
        let message = "must be on or off; archiving is a request of its own";
        faults.push(fault(FaultCode::InvalidValue, format!("{at}/state"), message));
    }
    if let Some(Json::String(category)) = member(members, "kill_switch")
        && category.chars().nth(KEY_CHARS).is_some()
    {
        let message = format!("must have at most {KEY_CHARS} characters (KEY_CHARS)");
        faults.push(fault(FaultCode::LimitExceeded, format!("{at}/kill_switch"), message));
    }
    faults
}

fn too_large(at: &str) -> Fault {
    let message = format!("must have at most {FLAG_BYTES} bytes, also in its canonical form (FLAG_BYTES)");
    fault(FaultCode::LimitExceeded, at, message)
}

pub(crate) fn check_not_archived(row: Option<&FlagRow>) -> Result<(), Error> {
    match row {
        Some(row) if row.deleted_at.is_none() && row.state == FlagState::Archived => {
            Err(Error::Conflict(format!("`{}` is archived; restore it first", row.key)))
        }
        _ => Ok(()),
    }
}

fn stamped(flag: Flag, version: u64, created_at: i64, updated_at: i64) -> Flag {
    Flag { version, created_at: Some(created_at), updated_at: Some(updated_at), ..flag }
}

/// Stores a flag that evaluation can see.
pub(crate) fn store(
    work: &mut Work<'_>,
    before: Option<&FlagRow>,
    flag: Flag,
    at: &str,
    cause: Cause,
) -> Result<(), Error> {
    let row = row(&flag)?;
    if row.document.len() > FLAG_BYTES {
        return Err(Error::Invalid(vec![too_large(at)]));
    }
    record(work, before, row, cause)
}

/// The row of a flag that is neither archived nor deleted.
fn row(flag: &Flag) -> Result<FlagRow, Error> {
    let mut prerequisites: Vec<String> = flag.prerequisites.iter().map(|needed| needed.flag.clone()).collect();
    prerequisites.sort_unstable();
    prerequisites.dedup();
    let (segments, attributes) = named(flag);
    let mut search = flag.key.to_lowercase();
    if let Some(description) = &flag.description {
        search.push('\n');
        search.push_str(&description.to_lowercase());
    }
    Ok(FlagRow {
        key: flag.key.clone(),
        version: flag.version,
        document: to_json(flag)?,
        state: state_of(flag.state),
        state_before: None,
        tags: flag.tags.clone(),
        search,
        prerequisites,
        segments,
        attributes,
        created_at: flag.created_at.unwrap_or(0),
        updated_at: flag.updated_at.unwrap_or(0),
        archived_at: None,
        deleted_at: None,
    })
}

fn state_of(state: State) -> FlagState {
    match state {
        State::On => FlagState::On,
        State::Off => FlagState::Off,
        State::Archived => FlagState::Archived,
    }
}

/// The segments and the attributes that a flag names.
fn named(flag: &Flag) -> (Vec<String>, Vec<String>) {
    let mut names = Names::default();
    names.attribute(flag.bucket_by.as_deref());
    for Rule { when, bucket_by, serve, .. } in &flag.rules {
        names.condition(when);
        names.attribute(bucket_by.as_deref());
        names.serve(serve);
    }
    if let Some(serve) = &flag.fallthrough {
        names.serve(serve);
    }
    names.lists()
}

/// Segments and attributes, each once.
#[derive(Default)]
pub(crate) struct Names<'f> {
    segments: BTreeSet<&'f str>,
    attributes: BTreeSet<&'f str>,
}

impl<'f> Names<'f> {
    fn attribute(&mut self, name: Option<&'f str>) {
        self.attributes.extend(name.filter(|name| !attribute::KNOWN.contains(name)));
    }

    fn serve(&mut self, serve: &'f Serve) {
        if let Serve::Distribution { bucket_by, .. } = serve {
            self.attribute(bucket_by.as_deref());
        }
    }

    pub fn condition(&mut self, condition: &'f Condition) {
        match condition {
            Condition::All(parts) | Condition::Any(parts) => parts.iter().for_each(|part| self.condition(part)),
            Condition::Not(inner) => self.condition(inner),
            Condition::Segment(key) => drop(self.segments.insert(key)),
            Condition::Attribute { attr, .. } => self.attribute(Some(attr)),
        }
    }

    pub fn lists(self) -> (Vec<String>, Vec<String>) {
        let owned = |names: BTreeSet<&str>| names.into_iter().map(str::to_owned).collect();
        (owned(self.segments), owned(self.attributes))
    }
}

/// Stores a flag's row with its entry in the audit and its event, and notes where a second person is needed.
fn record(work: &mut Work<'_>, before: Option<&FlagRow>, row: FlagRow, cause: Cause) -> Result<(), Error> {
    let before = before.filter(|before| before.deleted_at.is_none());
    let is_high_impact = |row: &FlagRow| Work::stored_flag(row).map(|flag| flag.high_impact);
    if let Cause::Request(_) = cause
        && (is_high_impact(&row)? || before.map(is_high_impact).transpose()?.unwrap_or(false))
    {
        work.high_impact.insert(row.key.clone());
    }
    let is_gone = row.deleted_at.is_some();
    let (action, event) = match cause {
        Cause::Request(action) => (action, true),
        Cause::Rollout(action) => (action, false),
    };
    let subject = Subject {
        entity: "flag",
        key: &row.key,
        version: Some(row.version),
        before: before.map(|before| before.document.as_str()),
        after: Some(row.document.as_str()).filter(|_| !is_gone),
    };
    work.audit(action, subject)?;
    if event {
        let data = match before {
            Some(before) if !is_gone => {
                json!({"version": row.version, "changed": changed(&before.document, &row.document)?})
            }
            _ => json!({"version": row.version}),
        };
        work.event(event_type(action), format!("flags/{}", row.key), data);
    }
    work.put_flag(row)
}

fn event_type(action: &str) -> &'static str {
    match action {
        "created" => "flag.created",
        "archived" => "flag.archived",
        "restored" => "flag.restored",
        "deleted" => "flag.deleted",
        "purged" => "flag.purged",
        _ => "flag.updated",
    }
}

/// The row of a change that leaves the definition as it is, but for state, version and time.
fn moved(work: &Work<'_>, row: &FlagRow, state: State) -> Result<FlagRow, Error> {
    let flag = Work::stored_flag(row)?;
    let version = row.version.saturating_add(1);
    let flag = stamped(Flag { state, ..flag }, version, row.created_at, work.now());
    Ok(FlagRow { version, document: to_json(&flag)?, state: state_of(state), updated_at: work.now(), ..row.clone() })
}

fn state_from(state: FlagState) -> State {
    match state {
        FlagState::On => State::On,
        FlagState::Off => State::Off,
        FlagState::Archived => State::Archived,
    }
}

/// Deletes a flag softly.
pub(crate) fn delete(work: &mut Work<'_>, key: &str, expected: Option<u64>) -> Result<(), Error> {
    let row = work.known_flag(key)?;
    check_version(expected, Some(row.version))?;
    if is_live(&row) {
        check_unneeded(work, key)?;
    }
    rollouts::end_with_flag(work, key, "the flag was deleted")?;
    let deleted = FlagRow { deleted_at: Some(work.now()), ..moved(work, &row, state_from(row.state))? };
    record(work, Some(&row), deleted, Cause::Request("deleted"))
}

/// Takes a flag out of evaluation.
pub(crate) fn archive(work: &mut Work<'_>, key: &str, expected: Option<u64>) -> Result<(), Error> {
    let row = work.known_flag(key)?;
    check_version(expected, Some(row.version))?;
    if row.state == FlagState::Archived {
        return Ok(());
    }
    check_unneeded(work, key)?;
    rollouts::end_with_flag(work, key, "the flag was archived")?;
    let archived =
        FlagRow { state_before: Some(row.state), archived_at: Some(work.now()), ..moved(work, &row, State::Archived)? };
    record(work, Some(&row), archived, Cause::Request("archived"))
}

/// Brings a flag back: from deletion as it was then, else from the archive.
pub(crate) fn restore(work: &mut Work<'_>, key: &str, expected: Option<u64>) -> Result<(), Error> {
    let row = work.flag(key)?.ok_or(Error::NotFound("flag"))?;
    check_version(expected, Some(row.version))?;
    let restored = if row.deleted_at.is_some() {
        FlagRow { deleted_at: None, ..moved(work, &row, state_from(row.state))? }
    } else if row.state == FlagState::Archived {
        let state = state_from(row.state_before.unwrap_or(FlagState::Off));
        FlagRow { state_before: None, archived_at: None, ..moved(work, &row, state)? }
    } else {
        return Ok(());
    };
    if is_live(&restored) {
        check_complete(work, &restored)?;
    }
    record(work, Some(&row), restored, Cause::Request("restored"))?;
    check_walks(work, &[key.to_owned()])
}

/// Refuses a flag of which something is gone that it names.
fn check_complete(work: &Work<'_>, row: &FlagRow) -> Result<(), Error> {
    let document = Json::parse(&row.document).map_err(|_| super::work::unreadable("a flag"))?;
    let mut faults = work.read_flag(&row.document)?.err().unwrap_or_default();
    faults.extend(reference_faults(work, &document, "", &row.key)?);
    match faults.first() {
        None => Ok(()),
        Some(first) => {
            let more = faults.len().saturating_sub(1);
            let more = if more == 0 { String::new() } else { format!(" (and {more} more)") };
            Err(Error::Conflict(format!("`{}` cannot be restored: {first}{more}", row.key)))
        }
    }
}

/// Takes a row for good that was archived or deleted long ago.
pub(crate) fn purge(work: &mut Work<'_>, row: &FlagRow) -> Result<(), Error> {
    let subject =
        Subject { entity: "flag", key: &row.key, version: Some(row.version), before: Some(&row.document), after: None };
    work.audit("purged", subject)?;
    work.event(event_type("purged"), format!("flags/{}", row.key), json!({"version": row.version}));
    work.put(crate::change::Change::PurgeFlag { key: row.key.clone() });
    Ok(())
}
