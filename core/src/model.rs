//! The one flag model (design, section 4), in its canonical form: what is stored, published and shown.
//!
//! These types are plain data. Reading them from JSON, with every rule about what is valid, is `decode`; what the
//! evaluator walks is compiled from them in `compile`.

mod condition;
mod serve;
mod stage;

use alloc::string::String;
use alloc::vec::Vec;

use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

pub use condition::{Condition, Operator, Scalar, Segment};
pub use serve::{Bucketing, Serve, WeightedVariant};
pub use stage::{RolloutStage, Stage};

use crate::json::Json;
use crate::time::format_rfc3339;

/// A flag. Optional fields are left out when there is nothing to say.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Flag {
    /// 1–128 characters of `A-Z a-z 0-9 . _ -`; unique in its tenant.
    pub key: String,
    /// What its variants' values are.
    #[serde(rename = "type")]
    pub flag_type: FlagType,
    /// Whether it is on, off, or put away.
    pub state: State,
    /// Counts changes, from 1; 0 where nobody counted.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub version: u64,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub description: Option<String>,
    /// Who answers for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub owner: Option<String>,
    /// For finding it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<_>"))]
    pub tags: Vec<String>,
    /// When it was created, ms since the epoch; RFC 3339 in JSON.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "time")]
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<String>"))]
    pub created_at: Option<i64>,
    /// When it was last changed, ms since the epoch; RFC 3339 in JSON.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "time")]
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<String>"))]
    pub updated_at: Option<i64>,
    /// What it can answer. Never empty: a boolean flag's implied `on` and `off` are written out.
    pub variants: Vec<Variant>,
    /// Served when the flag is off; none: the caller's default stands.
    pub off_variant: Option<String>,
    /// Served when nothing else decides; none: the caller's default stands.
    pub default_variant: Option<String>,
    /// Handed to callers with every decision.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "as_map")]
    #[cfg_attr(
        feature = "typescript",
        ts(optional, as = "Option<std::collections::HashMap<String, crate::model::Scalar>>")
    )]
    pub metadata: Vec<(String, Scalar)>,
    /// The rollout stage, for flags that are rolled out by stages.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub stage: Option<Stage>,
    /// How units are bucketed; none: as [`Bucketing`] says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub bucketing: Option<Bucketing>,
    /// The attribute that is bucketed, instead of `user_id` or else `project_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub bucket_by: Option<String>,
    /// Hashed instead of the flag's key, so that flags with one salt bucket alike.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub salt: Option<String>,
    /// Flags that must serve one of the named variants, or else this one is off.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<_>"))]
    pub prerequisites: Vec<Prerequisite>,
    /// Ids that are served a variant, or nothing, before any rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub targets: Option<Targets>,
    /// Tried in order; the first that matches serves.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<_>"))]
    pub rules: Vec<Rule>,
    /// Served when no rule matches; none: the default variant.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub fallthrough: Option<Serve>,
    /// The kill switch category that the flag belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub kill_switch: Option<String>,
    /// Set for flags whose evaluation needs approval.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub sensitive: Option<Sensitive>,
    /// Whether a change needs a second person.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<_>"))]
    pub high_impact: bool,
}

/// What a flag's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum FlagType {
    /// `true` or `false`.
    Boolean,
    /// Text.
    String,
    /// Exact to 2^53 - 1 in size, and never written with a point.
    Integer,
    /// A float, and always written as one.
    Number,
    /// Any JSON.
    Json,
}

/// Whether a flag is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Evaluated.
    On,
    /// Serves its off variant.
    Off,
    /// In no snapshot, so unknown to evaluation.
    Archived,
}

/// One of the answers that a flag can give.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Variant {
    /// Unique in the flag.
    pub key: String,
    /// The answer, of the flag's type.
    #[cfg_attr(feature = "typescript", ts(type = "JsonValue"))]
    pub value: Value,
}

/// A variant's value.
#[derive(Clone, Debug)]
pub enum Value {
    /// Of a boolean flag.
    Boolean(bool),
    /// Of a string flag.
    String(String),
    /// Of an integer flag.
    Integer(i64),
    /// Of a number flag; finite.
    Number(f64),
    /// Of a json flag: as it was written.
    Json(Json<'static>),
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Boolean(value) => serializer.serialize_bool(*value),
            Value::String(value) => serializer.serialize_str(value),
            Value::Integer(value) => serializer.serialize_i64(*value),
            Value::Number(value) => serializer.serialize_f64(*value),
            Value::Json(value) => value.serialize(serializer),
        }
    }
}

/// Another flag that must serve one of some variants.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Prerequisite {
    /// The other flag's key.
    pub flag: String,
    /// Any one of these must be what it serves.
    pub variants: Vec<String>,
}

/// Ids that are decided before any rule. Denial wins.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Targets {
    /// The first entry that lists the id decides.
    pub allow: Vec<AllowTarget>,
    /// Ids that get the off variant.
    pub deny: Vec<String>,
}

/// Ids that are served one variant.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct AllowTarget {
    /// The variant's key.
    pub variant: String,
    /// Ids of users, or of projects where the context names no user.
    pub ids: Vec<String>,
}

/// A targeting rule.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Rule {
    /// Unique in the flag; decisions name it.
    pub id: String,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub description: Option<String>,
    /// Whom it matches.
    pub when: Condition,
    /// Only this share of them, 0 to 100 percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub percentage: Option<f64>,
    /// The attribute that is bucketed, instead of the flag's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub bucket_by: Option<String>,
    /// Hashed instead of the flag's salt or key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub salt: Option<String>,
    /// What they get.
    pub serve: Serve,
}

/// What makes a flag sensitive, and who is asked about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Sensitive {
    /// Evaluated only for verified callers.
    pub sensitive_flag: bool,
    /// Evaluated only with an approval.
    pub requires_approval: bool,
    /// The policy service's row for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub approval_matrix_row: Option<String>,
}

impl Sensitive {
    /// Whether the flag is sensitive at all.
    #[must_use]
    pub fn applies(&self) -> bool {
        self.sensitive_flag || self.requires_approval
    }
}

/// A stored override: what one user or tenant gets, whatever the flag says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Override {
    /// Whose id it is.
    pub scope: OverrideScope,
    /// The user's or tenant's id.
    pub id: String,
    /// The flag's key.
    pub flag: String,
    /// What they get.
    pub variant: OverrideVariant,
    /// From this millisecond since the epoch on, the row is as good as absent; RFC 3339 in JSON.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "time")]
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<String>"))]
    pub expires_at: Option<i64>,
    /// The approval that allowed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub approval_ref: Option<String>,
    /// Why it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub reason: Option<String>,
    /// Who put it there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub created_by: Option<String>,
    /// When, ms since the epoch; RFC 3339 in JSON.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "time")]
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<String>"))]
    pub created_at: Option<i64>,
}

/// Whom an override is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum OverrideScope {
    /// One user.
    User,
    /// All of one tenant.
    Tenant,
}

/// What an override gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(untagged)]
pub enum OverrideVariant {
    /// The first variant of a boolean flag with this value.
    Boolean(bool),
    /// The variant of this key.
    Key(String),
}

/// A switch that turns off all flags of a category, or all flags there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct KillSwitch {
    /// The category, or `*` for every flag.
    pub category: String,
    /// Whether it is pulled.
    pub engaged: bool,
}

impl KillSwitch {
    /// The category that stands for every flag.
    pub const GLOBAL: &'static str = "*";
}

/// A tenant's flags and all that decides them, as one document.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct SnapshotDocument {
    /// The form of the document: [`SnapshotDocument::SCHEMA`] or [`SnapshotDocument::REGISTRY_SCHEMA`].
    pub schema: String,
    /// Whose it is; part of what is hashed for bucketing.
    pub tenant: String,
    /// Grows with every published change.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub version: u64,
    /// When it was made, ms since the epoch; RFC 3339 in JSON.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "time")]
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<String>"))]
    pub generated_at: Option<i64>,
    /// The flags.
    pub flags: Vec<Flag>,
    /// Sets of contexts that rules refer to.
    pub segments: Vec<Segment>,
    /// Stored overrides.
    pub overrides: Vec<Override>,
    /// Kill switches.
    pub kill_switches: Vec<KillSwitch>,
}

impl SnapshotDocument {
    /// `schema` of a snapshot.
    pub const SCHEMA: &'static str = "burgee.snapshot/1";
    /// `schema` of a registry: the same model, written by hand with stages.
    pub const REGISTRY_SCHEMA: &'static str = "burgee.registry/1";
}

/// Writes names and values as an object, in their order.
pub(crate) fn as_map<S: Serializer>(members: &[(String, impl Serialize)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(members.iter().map(|(name, value)| (name, value)))
}

/// Writes a time as RFC 3339.
fn time<S: Serializer>(epoch_ms: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    match epoch_ms {
        Some(ms) => serializer.serialize_str(&format_rfc3339(*ms)),
        None => serializer.serialize_none(),
    }
}
