//! Imports: a whole document as one change.

use std::borrow::Cow;
use std::collections::BTreeMap;

use burgee_core::limits::{FLAGS, LIST_ITEMS, OVERRIDES, SEGMENTS};
use burgee_core::model::{Flag, KillSwitch, Override, Segment, SnapshotDocument};
use burgee_core::{Fault, FaultCode, Json};
use serde_json::json;
use serde_json::value::RawValue;

use super::draft::{fault, names};
use super::flags::{self, check_not_archived, document_faults};
use super::links::{reference_faults, serves};
use super::segments::Replaced;
use super::work::{Subject, Work, is_live, to_json};
use super::{kill_switches, overrides, segments};
use crate::error::Error;

/// Faults of an import that are listed. A document may have as many faulty entries as entries.
const FAULTS: usize = 1_000;

/// The entries of a document, each as its text.
#[derive(Default)]
struct Outline<'d> {
    flags: Vec<&'d RawValue>,
    segments: Vec<&'d RawValue>,
    overrides: Vec<&'d RawValue>,
    kill_switches: Vec<&'d RawValue>,
}

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Imported {
    /// Flags, segments, override rows and kill switches that were not there.
    pub created: usize,
    /// Those that were, and are other now.
    pub updated: usize,
    /// Those that were as the document has them.
    pub unchanged: usize,
}

impl Imported {
    fn note(&mut self, was_there: bool, is_changed: bool) {
        let field = match (was_there, is_changed) {
            (_, false) => &mut self.unchanged,
            (false, true) => &mut self.created,
            (true, true) => &mut self.updated,
        };
        *field = field.saturating_add(1);
    }
}

/// Faults, of which the first are kept.
#[derive(Default)]
struct Faults(Vec<Fault>);

impl Faults {
    fn add(&mut self, fault: Fault) {
        if self.0.len() < FAULTS {
            self.0.push(fault);
        }
    }

    /// The faults of an entry, whose pointers start at it.
    fn add_of(&mut self, at: &str, of_entry: Vec<Fault>) {
        for fault in of_entry {
            let pointer = format!("{at}{}", fault.pointer);
            // One place needs one fault.
            if !self.0.iter().rev().take(100).any(|other| other.pointer == pointer) {
                self.add(Fault { pointer, ..fault });
            }
        }
    }
}

/// Upserts all that a document names.
pub(crate) fn import(work: &mut Work<'_>, document: &str) -> Result<(), Error> {
    let outline = outline(document)?;
    work.tells_each = false;
    let (mut faults, mut done) = (Faults::default(), Imported::default());
    let dearer = import_segments(work, &outline.segments, &mut faults, &mut done)?;
    let replaced = import_flags(work, &outline.flags, &mut faults, &mut done)?;
    // Once all flags are there: those of a document may name one another in any order.
    for (key, (index, raw)) in &replaced.places {
        let at = format!("/flags/{index}");
        if let Ok(json) = Json::parse(raw) {
            faults.add_of(
                &at,
                reference_faults(work, &json, &at, key)?.into_iter().map(|fault| strip(fault, &at)).collect(),
            );
        }
    }
    import_overrides(work, &outline.overrides, &mut faults, &mut done)?;
    import_kill_switches(work, &outline.kill_switches, &mut faults, &mut done)?;
    if !faults.0.is_empty() {
        return Err(Error::Invalid(faults.0));
    }
    // Of the flags as the document leaves them.
    for key in &dearer {
        segments::check_cost(work, key)?;
    }
    flags::check(work, &replaced.all)?;
    if !work.high_impact.is_empty() {
        let keys: Vec<String> = work.high_impact.iter().cloned().collect();
        let message = format!(
            "{} would change, and changes of high impact need a second person: write them one by one",
            names(&keys)
        );
        return Err(Error::Conflict(message));
    }
    work.tells_each = true;
    if !work.is_empty() {
        let key = work.state.tenant().to_owned();
        let after = to_json(&done)?;
        work.audit(
            "imported",
            Subject { entity: "tenant", key: &key, version: None, before: None, after: Some(&after) },
        )?;
        let data = json!({"created": done.created, "updated": done.updated, "unchanged": done.unchanged});
        work.event("tenant.imported", format!("tenants/{key}"), data);
    }
    Ok(())
}

/// What an import did, of its document and what it changed.
#[must_use]
pub fn imported(document: &str, changes: &[crate::Change]) -> Imported {
    let entry = changes.iter().rev().find_map(|change| match change {
        crate::Change::Audit(row) if row.action == "imported" => Some(row),
        _ => None,
    });
    #[derive(serde::Deserialize)]
    struct Entry {
        after: Imported,
    }
    match entry.and_then(|row| serde_json::from_str::<Entry>(&row.document).ok()) {
        Some(entry) => entry.after,
        None => {
            let outline = outline(document).unwrap_or_default();
            let lists = [&outline.flags, &outline.segments, &outline.overrides, &outline.kill_switches];
            Imported { unchanged: lists.iter().map(|list| list.len()).sum(), ..Imported::default() }
        }
    }
}

fn strip(fault: Fault, at: &str) -> Fault {
    let pointer = fault.pointer.strip_prefix(at).unwrap_or(&fault.pointer).to_owned();
    Fault { pointer, ..fault }
}

fn outline(document: &str) -> Result<Outline<'_>, Error> {
    let invalid = |code, message: &'static str| Error::Invalid(vec![fault(code, "", message)]);
    let raw: &RawValue =
        serde_json::from_str(document).map_err(|_| invalid(FaultCode::InvalidJson, "must be JSON in UTF-8"))?;
    // Of a repeated name the last counts.
    let members: BTreeMap<Cow<'_, str>, &RawValue> =
        serde_json::from_str(raw.get()).map_err(|_| invalid(FaultCode::WrongType, "must be an object"))?;
    let mut faults = Vec::new();
    let member = |name: &str| members.get(name).copied().filter(|raw| raw.get() != "null");
    if let Some(schema) = member("schema") {
        let known = [SnapshotDocument::SCHEMA, SnapshotDocument::REGISTRY_SCHEMA];
        if !matches!(Json::parse(schema.get()), Ok(Json::String(schema)) if known.contains(&schema.as_ref())) {
            let message = "must be burgee.snapshot/1 or burgee.registry/1";
            faults.push(fault(FaultCode::InvalidValue, "/schema", message));
        }
    }
    if member("flags").is_none() {
        faults.push(fault(FaultCode::Missing, "/flags", "is missing"));
    }
    let mut list = |name: &str, limit: usize, limit_name: &str| -> Vec<&RawValue> {
        let Some(raw) = member(name) else { return Vec::new() };
        let Ok(entries) = serde_json::from_str::<Vec<&RawValue>>(raw.get()) else {
            faults.push(fault(FaultCode::WrongType, format!("/{name}"), "must be an array"));
            return Vec::new();
        };
        if entries.len() > limit {
            let message = format!("must have at most {limit} entries ({limit_name})");
            faults.push(fault(FaultCode::LimitExceeded, format!("/{name}"), message));
        }
        entries
    };
    let outline = Outline {
        flags: list("flags", FLAGS, "FLAGS"),
        segments: list("segments", SEGMENTS, "SEGMENTS"),
        overrides: list("overrides", OVERRIDES, "OVERRIDES"),
        kill_switches: list("kill_switches", LIST_ITEMS, "LIST_ITEMS"),
    };
    if faults.is_empty() { Ok(outline) } else { Err(Error::Invalid(faults)) }
}

/// Whether a key was not there before among those of a document.
fn is_first(seen: &mut BTreeMap<String, usize>, key: &str, index: usize, at: &str, faults: &mut Faults) -> bool {
    let is_first = seen.insert(key.to_owned(), index).is_none();
    if !is_first {
        faults.add(fault(FaultCode::Duplicate, at, "must differ from the entries before it"));
    }
    is_first
}

/// Puts the segments of a document there, and gives those that cost more than they did.
fn import_segments(
    work: &mut Work<'_>,
    entries: &[&RawValue],
    faults: &mut Faults,
    done: &mut Imported,
) -> Result<Vec<String>, Error> {
    let (mut seen, mut dearer) = (BTreeMap::new(), Vec::new());
    for (index, raw) in entries.iter().enumerate() {
        let at = format!("/segments/{index}");
        let segment = match Segment::read(raw.get()) {
            Ok(segment) => segment,
            Err(of_entry) => {
                faults.add_of(&at, of_entry);
                continue;
            }
        };
        if is_first(&mut seen, &segment.key, index, &format!("{at}/key"), faults) {
            let row = work.segment(&segment.key)?;
            let was_there = row.as_ref().is_some_and(|row| row.deleted_at.is_none());
            let replaced = segments::replace(work, row, &segment, &at)?;
            done.note(was_there, replaced != Replaced::Unchanged);
            if replaced == Replaced::Dearer {
                dearer.push(segment.key);
            }
        }
    }
    Ok(dearer)
}

/// The flags of a document that were put there.
#[derive(Default)]
struct Flags<'d> {
    all: Vec<flags::Replaced>,
    places: BTreeMap<String, (usize, &'d str)>,
}

fn import_flags<'d>(
    work: &mut Work<'_>,
    entries: &[&'d RawValue],
    faults: &mut Faults,
    done: &mut Imported,
) -> Result<Flags<'d>, Error> {
    let mut replaced = Flags::default();
    let (mut seen, mut archived) = (BTreeMap::new(), Vec::new());
    for (index, raw) in entries.iter().enumerate() {
        let at = format!("/flags/{index}");
        let read = work.read_flag(raw.get())?;
        if let Ok(json) = Json::parse(raw.get()) {
            faults.add_of("", document_faults(&json, &at));
        }
        let flag = match read {
            Ok(flag) => flag,
            Err(of_entry) => {
                faults.add_of(&at, of_entry);
                continue;
            }
        };
        if !is_first(&mut seen, &flag.key, index, &format!("{at}/key"), faults) {
            continue;
        }
        let row = work.flag(&flag.key)?;
        if check_not_archived(row.as_ref()).is_err() {
            archived.push(flag.key);
            continue;
        }
        replaced.places.insert(flag.key.clone(), (index, raw.get()));
        let key = flag.key.clone();
        let (was_there, before) = put_flag(work, row, flag, &at)?;
        let is_changed = !was_there || before.is_some();
        done.note(was_there, is_changed);
        if is_changed {
            replaced.all.push((before, key));
        }
    }
    if !archived.is_empty() {
        return Err(Error::Conflict(format!("{} are archived; restore them first", names(&archived))));
    }
    Ok(replaced)
}

fn put_flag(
    work: &mut Work<'_>,
    row: Option<crate::FlagRow>,
    flag: Flag,
    at: &str,
) -> Result<(bool, Option<Flag>), Error> {
    let was_there = row.as_ref().is_some_and(|row| row.deleted_at.is_none());
    Ok((was_there, flags::replace(work, row, flag, at)?))
}

fn import_overrides(
    work: &mut Work<'_>,
    entries: &[&RawValue],
    faults: &mut Faults,
    done: &mut Imported,
) -> Result<(), Error> {
    let mut seen = BTreeMap::new();
    for (index, raw) in entries.iter().enumerate() {
        let at = format!("/overrides/{index}");
        let row = match Override::read(raw.get()) {
            Ok(row) => row,
            Err(of_entry) => {
                faults.add_of(&at, of_entry);
                continue;
            }
        };
        let of_row = overrides::faults(&row);
        if !of_row.is_empty() {
            faults.add_of(&at, of_row);
            continue;
        }
        match work.flag(&row.flag)?.filter(is_live) {
            None => {
                let message = "must name a flag that exists and is not archived";
                faults.add(fault(FaultCode::UnknownReference, format!("{at}/flag"), message));
                continue;
            }
            Some(flag) if !serves(&Work::stored_flag(&flag)?, &row.variant) => {
                let message = "must be a variant of the flag";
                faults.add(fault(FaultCode::UnknownReference, format!("{at}/variant"), message));
                continue;
            }
            Some(_) => {}
        }
        let name = format!("{}\n{}\n{}", super::work::scope_name(row.scope), row.flag, row.id);
        if is_first(&mut seen, &name, index, &at, faults) {
            let was_there = work.override_row(row.scope, &row.id, &row.flag)?.is_some();
            let is_changed = overrides::replace(work, row)?;
            done.note(was_there, is_changed);
        }
    }
    Ok(())
}

fn import_kill_switches(
    work: &mut Work<'_>,
    entries: &[&RawValue],
    faults: &mut Faults,
    done: &mut Imported,
) -> Result<(), Error> {
    let mut seen = BTreeMap::new();
    for (index, raw) in entries.iter().enumerate() {
        let at = format!("/kill_switches/{index}");
        let switch = match KillSwitch::read(raw.get()) {
            Ok(switch) => switch,
            Err(of_entry) => {
                faults.add_of(&at, of_entry);
                continue;
            }
        };
        if !is_first(&mut seen, &switch.category, index, &format!("{at}/category"), faults) {
            continue;
        }
        let was_there = work.state.kill_switch(&switch.category)?.is_some();
        match kill_switches::set(work, &switch.category, switch.engaged, None) {
            Ok(is_changed) => done.note(was_there, is_changed),
            Err(Error::Invalid(of_entry)) => faults.add_of(&format!("{at}/category"), of_entry),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
