//! A document's entries as the model has them, for those who look at definitions and not at decisions.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use serde::Serialize;

use crate::decode::{Outline, RawEntry, read_flag, read_kill_switch, read_override, read_segment, segment_cost};
use crate::fault::{Fault, FaultCode, Faults};
use crate::json::{Json, Node, Path};
use crate::limits;
use crate::model::{Flag, KillSwitch, Override, Segment};

/// An entry of a document together with its place and its size.
#[derive(Clone, Debug, Serialize)]
pub struct Entry<T> {
    /// Its place in its list.
    pub index: usize,
    /// The bytes of its JSON, as it was written.
    pub bytes: usize,
    /// The entry, in its canonical form.
    pub value: T,
}

/// The entries of a document that are not at fault, archived flags included, and the faults of those that are.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Documents {
    /// The flags.
    pub flags: Vec<Entry<Flag>>,
    /// The segments.
    pub segments: Vec<Entry<Segment>>,
    /// The stored overrides.
    pub overrides: Vec<Entry<Override>>,
    /// The kill switches.
    pub kill_switches: Vec<Entry<KillSwitch>>,
    /// All faults of all other entries: segments, flags, overrides, kill switches.
    pub faults: Vec<Fault>,
}

impl Documents {
    /// Reads a snapshot or registry. Unlike a snapshot, which warns of the first fault of an entry, this gives them all.
    ///
    /// # Errors
    /// As [`crate::Snapshot::parse`].
    pub fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let outline = Outline::parse(bytes)?;
        let mut documents = Self::default();
        let faults = &mut documents.faults;
        documents.segments = entries(&outline.segments, "segments", faults, &read_segment);
        let costs = costs(&documents.segments);
        let segment = |key: &str| costs.get(key).copied();
        documents.flags = entries(&outline.flags, "flags", faults, &|node| read_flag(node, &segment));
        documents.overrides = entries(&outline.overrides, "overrides", faults, &read_override);
        documents.kill_switches = entries(&outline.kill_switches, "kill_switches", faults, &read_kill_switch);
        Ok(documents)
    }
}

/// Reads the flags of a document in their canonical form, as a registry's summary shows them; those at fault give their faults.
///
/// # Errors
/// As [`crate::Snapshot::parse`].
pub fn read_flags(bytes: &[u8]) -> Result<Vec<Result<Flag, Vec<Fault>>>, Fault> {
    let outline = Outline::parse(bytes)?;
    let segments = entries(&outline.segments, "segments", &mut Vec::new(), &read_segment);
    let costs = costs(&segments);
    let segment = |key: &str| costs.get(key).copied();
    let flags = outline.flags.iter().enumerate();
    Ok(flags.map(|(index, raw)| read_entry(raw, "flags", index, |node| read_flag(node, &segment))).collect())
}

/// Reads the stored overrides of a document, in their order; those at fault are left out.
///
/// # Errors
/// As [`crate::Snapshot::parse`].
pub fn read_overrides(bytes: &[u8]) -> Result<Vec<Override>, Fault> {
    let outline = Outline::parse(bytes)?;
    let rows = outline.overrides.iter().enumerate();
    Ok(rows.filter_map(|(index, raw)| read_entry(raw, "overrides", index, read_override).ok()).collect())
}

/// What the conditions of the segments cost, by the segments' keys; of one key the first counts.
fn costs(segments: &[Entry<Segment>]) -> BTreeMap<&str, usize> {
    segments.iter().rev().map(|entry| (entry.value.key.as_str(), segment_cost(&entry.value))).collect()
}

fn entries<T>(
    raw: &[RawEntry<'_>],
    list: &str,
    faults: &mut Vec<Fault>,
    read: &dyn Fn(&Node<'_>) -> Result<T, Vec<Fault>>,
) -> Vec<Entry<T>> {
    let mut entries = Vec::with_capacity(raw.len());
    for (index, raw) in raw.iter().enumerate() {
        match read_entry(raw, list, index, read) {
            Ok(value) => entries.push(Entry { index, bytes: raw.len(), value }),
            Err(of_entry) => faults.extend(of_entry),
        }
    }
    entries
}

/// Parses an entry and hands it on together with its place; text that cannot be parsed is a fault of the entry as a whole, and so is one that is
/// too large: what is parsed takes many times the room of its text, so its size comes first.
pub(crate) fn read_entry<T>(
    raw: RawEntry<'_>,
    list: &str,
    index: usize,
    read: impl FnOnce(&Node<'_>) -> Result<T, Vec<Fault>>,
) -> Result<T, Vec<Fault>> {
    let parent = Path::Name(&Path::Root, list);
    let path = Path::Index(&parent, index);
    let limit = match list {
        "flags" => FLAG,
        "segments" => SEGMENT,
        _ => ROW,
    };
    read_text(raw, limit, path, read)
}

/// Bytes that an entry may have, and the limit's name.
type Limit = (usize, &'static str);
const FLAG: Limit = (limits::FLAG_BYTES, "FLAG_BYTES");
const SEGMENT: Limit = (limits::SEGMENT_BYTES, "SEGMENT_BYTES");
const ROW: Limit = (limits::ROW_BYTES, "ROW_BYTES");

fn read_text<T>(
    text: &str,
    (limit, name): Limit,
    path: Path<'_>,
    read: impl FnOnce(&Node<'_>) -> Result<T, Vec<Fault>>,
) -> Result<T, Vec<Fault>> {
    let mut faults = Faults::default();
    if text.len() > limit {
        faults.add_limit(&path, limit, "bytes", name);
        return faults.finish(None);
    }
    match Json::parse(text) {
        Ok(json) => return read(&Node { json: &json, path }),
        Err(_) => {
            let message = "must have strings without lone surrogates, numbers that are finite, and at most 127 levels";
            faults.add(FaultCode::InvalidJson, &path, message);
        }
    }
    faults.finish(None)
}

impl Flag {
    /// Reads a flag's JSON, which stands alone. `segments` gives the [`Segment::cost`] of those that its rules may name. Prerequisites are
    /// not looked for.
    ///
    /// # Errors
    /// All faults, with pointers into the text.
    pub fn read(text: &str, segments: &dyn Fn(&str) -> Option<usize>) -> Result<Self, Vec<Fault>> {
        read_text(text, FLAG, Path::Root, |node| read_flag(node, segments))
    }
}

impl Segment {
    /// Reads a segment's JSON, which stands alone.
    ///
    /// # Errors
    /// All faults, with pointers into the text.
    pub fn read(text: &str) -> Result<Self, Vec<Fault>> {
        read_text(text, SEGMENT, Path::Root, read_segment)
    }

    /// What its conditions count into the cost of a flag that names it: [`limits::CONDITION_COST`].
    #[must_use]
    pub fn cost(&self) -> usize {
        segment_cost(self)
    }
}

impl Override {
    /// Reads an override row's JSON, which stands alone. Whether its flag and variant are there is not looked for.
    ///
    /// # Errors
    /// All faults, with pointers into the text.
    pub fn read(text: &str) -> Result<Self, Vec<Fault>> {
        read_text(text, ROW, Path::Root, read_override)
    }
}

impl KillSwitch {
    /// Reads a kill switch's JSON, which stands alone.
    ///
    /// # Errors
    /// All faults, with pointers into the text.
    pub fn read(text: &str) -> Result<Self, Vec<Fault>> {
        read_text(text, ROW, Path::Root, read_kill_switch)
    }
}
