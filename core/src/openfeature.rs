//! What OpenFeature is told of a decision (`docs/evaluation.md`, section 6), once for OFREP and for the providers.

use serde::Serialize;
use serde::ser::SerializeMap;

use crate::decision::{Decision, Reason, Source};

/// Why a flag resolved as it did, in the words of the OpenFeature specification (types, "resolution reason").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[repr(u8)]
pub enum ResolutionReason {
    /// The flag has one answer for everybody.
    Static,
    /// Nothing matched.
    Default,
    /// Something matched the context.
    TargetingMatch,
    /// A bucket chose.
    Split,
    /// The flag is off and has nothing to serve: the caller's default stands.
    Disabled,
    /// There is no such flag.
    Error,
}

impl ResolutionReason {
    /// All of them, by their numbers.
    pub const ALL: [Self; 6] =
        [Self::Static, Self::Default, Self::TargetingMatch, Self::Split, Self::Disabled, Self::Error];

    /// The word, as it is written in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Static => "STATIC",
            Self::Default => "DEFAULT",
            Self::TargetingMatch => "TARGETING_MATCH",
            Self::Split => "SPLIT",
            Self::Disabled => "DISABLED",
            Self::Error => "ERROR",
        }
    }

    /// The reason of what a step decided; `bucketed` says whether a bucket chose, `is_static` whether the flag has one answer for everybody.
    pub(crate) fn of(source: Source, has_variant: bool, bucketed: bool, is_static: bool) -> Self {
        match source {
            Source::UnknownFlag => Self::Error,
            Source::KillSwitch | Source::Off if has_variant => Self::Static,
            Source::KillSwitch | Source::Off => Self::Disabled,
            Source::InlineUserOverride
            | Source::InlineTenantOverride
            | Source::StoreUserOverride
            | Source::StoreTenantOverride
            | Source::Target => Self::TargetingMatch,
            Source::Rule if !bucketed => Self::TargetingMatch,
            Source::Rule | Source::StagedBucket | Source::DefaultDistribution => Self::Split,
            Source::RolloutStageMap => Self::Static,
            Source::Default if is_static => Self::Static,
            Source::Default | Source::Prerequisite | Source::Sensitive => Self::Default,
        }
    }
}

impl Decision<'_> {
    /// The decision's reason as OpenFeature has it.
    ///
    /// A flag that is off and has an off variant is `STATIC`, not `DISABLED`: some clients take the caller's default for the latter, and the
    /// off value must win.
    #[inline]
    #[must_use]
    pub fn resolution_reason(&self) -> ResolutionReason {
        let is_static = self.flag.is_some_and(|flag| flag.is_static());
        ResolutionReason::of(self.source, self.variant.is_some(), self.bucket.is_some(), is_static)
    }

    /// Whether the flag is off for everybody, by its state or by a kill switch: what OpenFeature's metadata call `flagState: "off"`.
    #[must_use]
    pub fn is_switched_off(&self) -> bool {
        matches!(self.source, Source::KillSwitch | Source::Off)
    }

    /// Whether the decision would be another one if the context named somebody to bucket: nothing was there to bucket by.
    #[must_use]
    pub fn lacks_bucketing_unit(&self) -> bool {
        self.reason == Reason::NoBucketingUnit
    }

    /// Writes the metadata that OpenFeature hands on: the flag's own, and beside them `flagSetId`, `version`, `reasonCode`, `ruleId`,
    /// `prerequisite` and `flagState`, where there is something to say and the flag does not use the name itself.
    ///
    /// # Errors
    /// The serializer's.
    pub fn metadata_into<M: SerializeMap>(&self, tenant: &str, map: &mut M) -> Result<(), M::Error> {
        // What a sensitive flag says of itself is for those who may be told of it.
        let own = self.flag.filter(|_| self.source != Source::Sensitive).map_or(&[][..], |flag| flag.metadata());
        for (name, value) in own {
            map.serialize_entry(name, value)?;
        }
        let is_free = |name: &str| own.iter().all(|(known, _)| known != name);
        let texts = [
            ("flagSetId", Some(tenant).filter(|tenant| !tenant.is_empty())),
            ("ruleId", self.rule_id()),
            ("prerequisite", self.prerequisite()),
            ("flagState", self.is_switched_off().then_some("off")),
        ];
        for (name, text) in texts {
            if let Some(text) = text.filter(|_| is_free(name)) {
                map.serialize_entry(name, text)?;
            }
        }
        if self.reason != Reason::Default && is_free("reasonCode") {
            map.serialize_entry("reasonCode", &self.reason)?;
        }
        if let Some(version) = self.flag_version().filter(|version| *version > 0 && is_free("version")) {
            map.serialize_entry("version", &version)?;
        }
        Ok(())
    }
}
