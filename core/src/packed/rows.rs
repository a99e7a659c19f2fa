//! A document's entries as rows: what [`Parts`] borrows from where there is no storage that has them.

use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{FlagPart, KillSwitchPart, OverridePart, Parts, SegmentPart};
use crate::documents::{Documents, Entry};
use crate::model::{Condition, Flag, Segment, State};
use serde::Serialize;

/// The entries of a document in their canonical form, with what each refers to. Those at fault are left out, and so are archived flags, and flags and
/// segments that have the key of an earlier one.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    flags: Vec<FlagRow>,
    segments: Vec<(String, String)>,
    overrides: Vec<(String, String)>,
    kill_switches: Vec<(bool, String)>,
}

#[derive(Clone, Debug)]
struct FlagRow {
    key: String,
    document: String,
    prerequisites: Vec<String>,
    segments: Vec<String>,
}

impl Rows {
    /// The rows of a document.
    #[must_use]
    pub fn of(documents: &Documents) -> Self {
        let mut keys = BTreeSet::new();
        let flags = documents.flags.iter().map(|Entry { value, .. }| value);
        let flags = flags.filter(|flag| flag.state != State::Archived && keys.insert(&flag.key));
        let mut segment_keys = BTreeSet::new();
        let segments = documents.segments.iter().map(|Entry { value, .. }| value);
        Self {
            flags: flags.map(FlagRow::of).collect(),
            segments: segments
                .filter(|segment| segment_keys.insert(&segment.key))
                .map(|segment: &Segment| (segment.key.clone(), json(segment)))
                .collect(),
            overrides: documents.overrides.iter().map(|row| (row.value.flag.clone(), json(&row.value))).collect(),
            kill_switches: documents.kill_switches.iter().map(|row| (row.value.engaged, json(&row.value))).collect(),
        }
    }

    /// The same as parts of a snapshot.
    #[must_use]
    pub fn parts<'a>(&'a self, tenant: &'a str, version: u64, generated_at: Option<i64>) -> Parts<'a> {
        let flag = |FlagRow { key, document, prerequisites, segments }: &'a FlagRow| FlagPart {
            key,
            document,
            prerequisites,
            segments,
        };
        Parts {
            tenant,
            version,
            generated_at,
            flags: self.flags.iter().map(flag).collect(),
            segments: self.segments.iter().map(|(key, document)| SegmentPart { key, document }).collect(),
            overrides: self.overrides.iter().map(|(flag, document)| OverridePart { flag, document }).collect(),
            kill_switches: self
                .kill_switches
                .iter()
                .map(|(engaged, document)| KillSwitchPart { engaged: *engaged, document })
                .collect(),
        }
    }
}

impl FlagRow {
    fn of(flag: &Flag) -> Self {
        Self {
            key: flag.key.clone(),
            document: json(flag),
            prerequisites: flag.prerequisites.iter().map(|prerequisite| prerequisite.flag.clone()).collect(),
            segments: flag.segments().into_iter().map(ToString::to_string).collect(),
        }
    }
}

impl Flag {
    /// The keys of the segments that its rules name, each once and sorted.
    #[must_use]
    pub fn segments(&self) -> Vec<&str> {
        let mut keys = BTreeSet::new();
        self.rules.iter().for_each(|rule| named(&rule.when, &mut keys));
        keys.into_iter().collect()
    }
}

/// Conditions that were read are no deeper than CONDITION_DEPTH.
fn named<'a>(condition: &'a Condition, keys: &mut BTreeSet<&'a str>) {
    match condition {
        Condition::All(conditions) | Condition::Any(conditions) => conditions.iter().for_each(|one| named(one, keys)),
        Condition::Not(condition) => named(condition, keys),
        Condition::Segment(key) => drop(keys.insert(key)),
        Condition::Attribute { .. } => {}
    }
}

/// What was read as JSON can be written as JSON.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
