//! The answer to an evaluation.

use alloc::string::String;

use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, Serializer};

use crate::bucketing::Bucket;
use crate::model::RolloutStage;
use crate::openfeature::ResolutionReason;
use crate::snapshot::{Body, CompiledFlag, CompiledVariant, VariantIndex};
use crate::trace::Step;

/// The step of the walk that decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Source {
    /// There is no such flag.
    UnknownFlag,
    /// The flag is sensitive, and the caller may not be told of it.
    Sensitive,
    /// A kill switch is engaged.
    KillSwitch,
    /// The request overrides it for the user.
    InlineUserOverride,
    /// The request overrides it for the tenant.
    InlineTenantOverride,
    /// A stored row overrides it for the user.
    StoreUserOverride,
    /// A stored row overrides it for the tenant.
    StoreTenantOverride,
    /// The flag is off.
    Off,
    /// A prerequisite is not met.
    Prerequisite,
    /// The allow or deny list.
    Target,
    /// A rule.
    Rule,
    /// A stage that takes a percentage.
    StagedBucket,
    /// Any other stage.
    RolloutStageMap,
    /// The fallthrough's distribution.
    DefaultDistribution,
    /// Nothing else.
    Default,
}

/// Why the deciding step decided as it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Reason {
    /// There is no such flag.
    UnknownFlag,
    /// The flag's definition is at fault; the snapshot's warnings say how.
    FlagInvalid,
    /// The flag is sensitive, and nobody has verified who asks.
    AuthNotVerified,
    /// The flag is sensitive, and the approval has ended.
    ApprovalExpired,
    /// The flag is sensitive, and the policy service says no.
    PolicyDenied,
    /// The flag is sensitive, and the policy service says nothing.
    AdminUnreachable,
    /// Everything is switched off.
    KillSwitchGlobal,
    /// The flag's category is switched off.
    KillSwitchCategory,
    /// A user's override.
    UserOverridePrecedence,
    /// A tenant's override.
    TenantOverridePrecedence,
    /// The flag's state is off.
    FlagOff,
    /// A prerequisite is not met.
    PrerequisiteFailed,
    /// The id is on the deny list.
    DenyList,
    /// The id is on an allow list.
    AllowList,
    /// A rule matched.
    RuleMatch,
    /// Stage draft.
    StageDraft,
    /// Stage internal, and the tier is staff.
    StageInternalStaff,
    /// Stage internal, and the tier is not staff.
    StageInternalNotStaff,
    /// Stage full.
    StageFull,
    /// Stage paused.
    StagePaused,
    /// Stage rolled back.
    StageRolledBack,
    /// The bucket is within the stage's percentage.
    StagedIn,
    /// The bucket is not within the stage's percentage.
    StagedOut,
    /// The context has nothing to bucket by.
    NoBucketingUnit,
    /// The bucket fell to a variant of the fallthrough's distribution.
    DefaultDistribution,
    /// The default.
    Default,
}

/// Writes the names of an enum's values from what serde would write, so that they stand in one place.
fn name_of(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}

impl Source {
    /// All of them, by their numbers.
    pub const ALL: [Self; 15] = [
        Self::UnknownFlag,
        Self::Sensitive,
        Self::KillSwitch,
        Self::InlineUserOverride,
        Self::InlineTenantOverride,
        Self::StoreUserOverride,
        Self::StoreTenantOverride,
        Self::Off,
        Self::Prerequisite,
        Self::Target,
        Self::Rule,
        Self::StagedBucket,
        Self::RolloutStageMap,
        Self::DefaultDistribution,
        Self::Default,
    ];

    /// The name, as it is written in JSON.
    #[must_use]
    pub fn name(self) -> String {
        name_of(&self)
    }
}

impl Reason {
    /// All of them, by their numbers.
    pub const ALL: [Self; 26] = [
        Self::UnknownFlag,
        Self::FlagInvalid,
        Self::AuthNotVerified,
        Self::ApprovalExpired,
        Self::PolicyDenied,
        Self::AdminUnreachable,
        Self::KillSwitchGlobal,
        Self::KillSwitchCategory,
        Self::UserOverridePrecedence,
        Self::TenantOverridePrecedence,
        Self::FlagOff,
        Self::PrerequisiteFailed,
        Self::DenyList,
        Self::AllowList,
        Self::RuleMatch,
        Self::StageDraft,
        Self::StageInternalStaff,
        Self::StageInternalNotStaff,
        Self::StageFull,
        Self::StagePaused,
        Self::StageRolledBack,
        Self::StagedIn,
        Self::StagedOut,
        Self::NoBucketingUnit,
        Self::DefaultDistribution,
        Self::Default,
    ];

    /// The name, as it is written in JSON.
    #[must_use]
    pub fn name(self) -> String {
        name_of(&self)
    }
}

/// A decision in eight bytes, for callers who know the flag. What can be is made when the snapshot is compiled, so that the walk only
/// picks it up; [`Decision`] adds what was found on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    variant: u16,
    place: u16,
    source: Source,
    reason: Reason,
    enabled: bool,
    resolution: ResolutionReason,
}

impl Verdict {
    /// Stands for no variant, and for no place; there are not so many of either.
    const NONE: u16 = u16::MAX;

    /// There is no such flag.
    pub(crate) const UNKNOWN: Self = Self {
        variant: Self::NONE,
        place: Self::NONE,
        source: Source::UnknownFlag,
        reason: Reason::UnknownFlag,
        enabled: false,
        resolution: ResolutionReason::Error,
    };

    /// The flag's definition is at fault.
    pub(crate) const INVALID: Self = Self {
        source: Source::Off,
        reason: Reason::FlagInvalid,
        resolution: ResolutionReason::Disabled,
        ..Self::UNKNOWN
    };

    /// What a flag that is not at fault is decided to be; `bucketed` says whether a bucket chose.
    #[inline]
    pub(crate) fn new(
        body: &Body,
        variant: Option<VariantIndex>,
        source: Source,
        reason: Reason,
        bucketed: bool,
    ) -> Self {
        let variant = body.variant(variant);
        Self {
            variant: variant.map_or(Self::NONE, |variant| variant.index),
            place: Self::NONE,
            source,
            reason,
            enabled: variant.is_some_and(|variant| body.is_enabled_by(variant)),
            resolution: ResolutionReason::of(source, variant.is_some(), bucketed, body.is_static),
        }
    }

    /// The same of the rule, or the prerequisite, at a place.
    #[inline]
    pub(crate) fn at(self, place: u16) -> Self {
        Self { place, ..self }
    }

    /// The same for another reason.
    #[inline]
    pub(crate) fn because(self, reason: Reason) -> Self {
        Self { reason, ..self }
    }

    /// What is served, by its place in the flag; none: the caller's default stands.
    #[inline]
    #[must_use]
    pub fn variant(self) -> Option<u16> {
        (self.variant != Self::NONE).then_some(self.variant)
    }

    /// The rule that decided, or the prerequisite that was not met, by its place in the flag.
    #[inline]
    #[must_use]
    pub fn place(self) -> Option<u16> {
        (self.place != Self::NONE).then_some(self.place)
    }

    /// See [`Decision::enabled`].
    #[inline]
    #[must_use]
    pub fn enabled(self) -> bool {
        self.enabled
    }

    /// The step that decided.
    #[inline]
    #[must_use]
    pub fn source(self) -> Source {
        self.source
    }

    /// Why.
    #[inline]
    #[must_use]
    pub fn reason(self) -> Reason {
        self.reason
    }

    /// See [`Decision::resolution_reason`].
    #[inline]
    #[must_use]
    pub fn resolution_reason(self) -> ResolutionReason {
        self.resolution
    }
}

/// What the deciding step found beside its [`Verdict`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Details {
    pub(crate) bucket: Option<Bucket>,
    pub(crate) threshold: Option<f64>,
    pub(crate) stage: Option<RolloutStage>,
}

/// A decision. It borrows from the snapshot; making one does not allocate.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'s> {
    /// The flag, unless it is unknown.
    pub flag: Option<&'s CompiledFlag>,
    /// What is served; none: the caller's default stands.
    pub variant: Option<&'s CompiledVariant>,
    /// Whether the flag is on for this context: a boolean flag's value; for others, that a variant is served and it is not the off variant.
    pub enabled: bool,
    /// The step that decided.
    pub source: Source,
    /// Why.
    pub reason: Reason,
    /// The rule that decided, or the prerequisite that was not met, by its place in the flag.
    pub place: Option<u16>,
    /// The bucket, where the deciding step computed one.
    pub bucket: Option<Bucket>,
    /// What the bucket was compared with, in its unit.
    pub threshold: Option<f64>,
    /// The stage that applied, where a stage decided.
    pub stage: Option<RolloutStage>,
}

impl<'s> Decision<'s> {
    #[inline(always)]
    pub(crate) fn new(flag: Option<&'s CompiledFlag>, verdict: Verdict, details: Details) -> Self {
        let Details { bucket, threshold, stage } = details;
        Self {
            flag,
            variant: flag.and_then(|flag| flag.body.as_ref().ok()?.variant(verdict.variant())),
            enabled: verdict.enabled,
            source: verdict.source,
            reason: verdict.reason,
            place: verdict.place(),
            bucket,
            threshold,
            stage,
        }
    }

    /// The id of the rule that decided, if one did.
    #[must_use]
    pub fn rule_id(&self) -> Option<&'s str> {
        if self.source != Source::Rule {
            return None;
        }
        self.flag?.rule_id(self.place?)
    }

    /// The key of the prerequisite that was not met, if that decided.
    #[must_use]
    pub fn prerequisite(&self) -> Option<&'s str> {
        if self.source != Source::Prerequisite {
            return None;
        }
        self.flag?.prerequisite(self.place?)
    }

    /// The flag's version; none for a flag that is unknown or invalid.
    #[must_use]
    pub fn flag_version(&self) -> Option<u64> {
        self.flag.and_then(|flag| flag.version)
    }
}

/// A decision as it is written in JSON (`docs/evaluation.md`, section 5).
#[derive(Debug)]
pub struct DecisionJson<'a> {
    /// The key, as it was asked for.
    pub flag_key: &'a str,
    /// The decision.
    pub decision: &'a Decision<'a>,
    /// The steps taken.
    pub steps: &'a [Step<'a>],
    /// Whether to write what each step compared (`explain`), or its outcome alone.
    pub explain: bool,
}

impl DecisionJson<'_> {
    /// Writes the decision's members into an object that the caller has begun, and may go on with.
    ///
    /// # Errors
    /// The serializer's.
    pub fn serialize_into<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let decision = self.decision;
        map.serialize_entry("flag_key", self.flag_key)?;
        map.serialize_entry("enabled", &decision.enabled)?;
        map.serialize_entry("value", &decision.variant.map(|variant| &variant.value))?;
        map.serialize_entry("variant", &decision.variant.map(|variant| &variant.key))?;
        map.serialize_entry("source", &decision.source)?;
        map.serialize_entry("reason", &decision.reason)?;
        if let Some(rule) = decision.rule_id() {
            map.serialize_entry("rule_id", rule)?;
        }
        if let Some(prerequisite) = decision.prerequisite() {
            map.serialize_entry("prerequisite", prerequisite)?;
        }
        if let Some(bucket) = decision.bucket {
            map.serialize_entry("bucket", &bucket)?;
        }
        if let Some(threshold) = decision.threshold {
            map.serialize_entry("threshold", &threshold)?;
        }
        if let Some(stage) = decision.stage {
            map.serialize_entry("rollout_stage", &stage)?;
        }
        map.serialize_entry("flag_version", &decision.flag_version())?;
        map.serialize_entry("reason_chain", &Chain { steps: self.steps, explain: self.explain })
    }
}

impl Serialize for DecisionJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.serialize_into(&mut map)?;
        map.end()
    }
}

struct Chain<'a> {
    steps: &'a [Step<'a>],
    explain: bool,
}

impl Serialize for Chain<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(self.steps.len()))?;
        for step in self.steps {
            if self.explain {
                seq.serialize_element(step)?;
            } else {
                seq.serialize_element(&step.outcome_only())?;
            }
        }
        seq.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::prelude::v1::*;

    #[test]
    fn numbers_are_places_in_the_lists() {
        for (index, source) in Source::ALL.into_iter().enumerate() {
            assert_eq!(source as usize, index);
        }
        for (index, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index);
        }
        assert_eq!(Source::StoreUserOverride.name(), "store_user_override");
        assert_eq!(Reason::NoBucketingUnit.name(), "no_bucketing_unit");
    }
}
