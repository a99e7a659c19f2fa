//! What a caller on the far side of a boundary keeps of a snapshot, so that calls can be made of numbers: JSON text, written here and not
//! where the boundary is, because there everything is compiled for speed, and this runs once.

use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use crate::decision::DecisionJson;
use crate::fault::{Fault, Warning};
use crate::model::Value;
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
struct FlagDescription<'a> {
    version: Option<u64>,
    reads: Vec<u32>,
    reads_time: bool,
    variants: Vec<VariantDescription<'a>>,
}

#[derive(Serialize)]
struct VariantDescription<'a> {
    key: &'a str,
    value: &'a Value,
}

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

    /// One flag, as JSON: `{version, reads, reads_time, variants: [{key, value}]}`, or `null` past the last. `reads` are the numbers of the
    /// attributes that its evaluation can ask for.
    #[must_use]
    pub fn describe_flag(&self, flag: FlagIndex) -> String {
        text(&self.flag(flag).map(|flag| {
            let variants = flag.variants().iter();
            FlagDescription {
                version: flag.version(),
                reads: flag.reads(self),
                reads_time: flag.reads_time(),
                variants: variants
                    .map(|variant| VariantDescription { key: &variant.key, value: &variant.value })
                    .collect(),
            }
        }))
    }
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
