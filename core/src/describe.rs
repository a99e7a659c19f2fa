//! What a caller on the far side of a boundary keeps of a snapshot, so that calls can be made of numbers: JSON text, written here and not
//! where the boundary is, because there everything is compiled for speed, and this runs once.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::decision::{Decision, DecisionJson};
use crate::documents::Documents;
use crate::fault::{Fault, Warning};
use crate::hash::Djb2;
use crate::lint::Finding;
use crate::model::FlagType;
use crate::openfeature::ResolutionReason;
use crate::reads::Read;
use crate::snapshot::{FlagIndex, Snapshot};

#[derive(Serialize)]
struct SnapshotDescription<'a> {
    tenant: &'a str,
    version: u64,
    generated_at: Option<i64>,
    attributes: Vec<&'a str>,
    flags: Vec<&'a str>,
    warnings: &'a [Warning],
}

#[derive(Serialize)]
struct FlagDescription {
    /// None for an invalid flag, of which the type is not known.
    r#type: Option<FlagType>,
    reads: Vec<ReadDescription>,
    reads_time: bool,
    reads_flags: Vec<u32>,
}

/// `[id, text, texts, symbols, hash, is_fallback]`: without names, because there are many of them.
type ReadDescription = (u32, bool, Vec<Box<str>>, Vec<u32>, Option<u32>, bool);

impl Snapshot {
    /// The whole, as JSON: `{tenant, version, generated_at, attributes, flags, warnings}`, with attributes and flags as names in the order
    /// of their numbers.
    #[must_use]
    pub fn describe(&self) -> String {
        text(&SnapshotDescription {
            tenant: self.tenant(),
            version: self.version(),
            generated_at: self.generated_at(),
            attributes: self.attributes().iter().map(|attribute| &*attribute.name).collect(),
            flags: self.flags().iter().map(|flag| flag.key()).collect(),
            warnings: self.warnings(),
        })
    }

    /// What a caller needs to know of a flag to evaluate it, as JSON: `{type, reads, reads_time, reads_flags}`, or `null` past the last. `reads` are
    /// [`Read`]s, each as the list `[id, text, texts, symbols, hash, is_fallback]`, and `reads_flags` the numbers of the flags whose inline overrides matter.
    #[must_use]
    pub fn describe_flag(&self, index: FlagIndex) -> String {
        text(&self.flag(index).map(|flag| {
            let reads = self.reads(index);
            FlagDescription {
                r#type: flag.version().map(|_| flag.flag_type()),
                reads: reads.attributes.into_iter().map(|read| self.describe_read(read)).collect(),
                reads_time: reads.time,
                reads_flags: reads.flags.into_iter().map(|flag| flag.0).collect(),
            }
        }))
    }

    fn describe_read(&self, Read { id, text, texts, hash, is_fallback }: Read) -> ReadDescription {
        let symbols = texts.iter().map(|text| self.symbol((&**text).into()).number()).collect();
        (id, text, texts, symbols, hash.map(Djb2::finish), is_fallback)
    }

    /// A decision without what differs from unit to unit, as JSON: `{value, variant, enabled, source, reason, rule_id, prerequisite, flag_version,
    /// openfeature_reason, metadata}`, with `null` for what is not there.
    #[must_use]
    pub fn describe_decision(&self, decision: &Decision<'_>, openfeature_reason: ResolutionReason) -> String {
        text(&DecisionDescription { tenant: self.tenant(), decision, openfeature_reason })
    }
}

struct DecisionDescription<'a> {
    tenant: &'a str,
    decision: &'a Decision<'a>,
    openfeature_reason: ResolutionReason,
}

impl Serialize for DecisionDescription<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let decision = self.decision;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("value", &decision.variant.map(|variant| &variant.value))?;
        map.serialize_entry("variant", &decision.variant.map(|variant| &*variant.key))?;
        map.serialize_entry("enabled", &decision.enabled)?;
        map.serialize_entry("source", &decision.source)?;
        map.serialize_entry("reason", &decision.reason)?;
        map.serialize_entry("rule_id", &decision.rule_id())?;
        map.serialize_entry("prerequisite", &decision.prerequisite())?;
        map.serialize_entry("flag_version", &decision.flag_version())?;
        map.serialize_entry("openfeature_reason", self.openfeature_reason.as_str())?;
        map.serialize_entry("metadata", &Metadata(self))?;
        map.end()
    }
}

struct Metadata<'a>(&'a DecisionDescription<'a>);

impl Serialize for Metadata<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.0.decision.metadata_into(self.0.tenant, &mut map)?;
        map.end()
    }
}

impl Documents {
    /// The documents as JSON text: `{flags: [{index, bytes, value}], segments, overrides, kill_switches, faults: [{code, pointer, message}]}`.
    #[must_use]
    pub fn to_text(&self) -> String {
        text(self)
    }
}

/// Findings as JSON text: `[{severity, code, pointer, flag?, phi?, message}]`.
#[must_use]
pub fn findings_to_text(findings: &[Finding]) -> String {
    text(&findings)
}

impl Fault {
    /// The fault as JSON text: `{code, pointer, message}`.
    #[must_use]
    pub fn to_text(&self) -> String {
        text(self)
    }
}

impl DecisionJson<'_> {
    /// The decision as JSON text.
    #[must_use]
    pub fn to_text(&self) -> String {
        text(self)
    }
}

/// JSON of our own types: writing to a string cannot fail, and all names are strings.
fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
