//! The walk: the one place where a flag is decided. `explain` is this walk with a trace that keeps the steps.

use crate::bucketing::{Bucketer, Cut};
use crate::context::{Attribute, Context, IdText, Value, attribute};
use crate::decision::{Decision, Reason, Source};
use crate::model::RolloutStage;
use crate::snapshot::{
    Body, CompiledFlag, CompiledTargets, EngagedSwitch, FlagIndex, Snapshot, StoredOverrides, VariantIndex,
};
use crate::text::Text;
use crate::trace::{Outcome, Step, Trace};

/// What a request brings beside the context.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The time, ms since the epoch. A stored override is expired from its `expires_at` on.
    pub now: i64,
    /// The request's own override for the user.
    pub user_override: InlineOverride<'a>,
    /// The request's own override for the tenant.
    pub tenant_override: InlineOverride<'a>,
}

impl Request<'_> {
    /// A request at a time, without overrides of its own.
    #[must_use]
    pub fn at(now: i64) -> Self {
        Self { now, user_override: InlineOverride::Absent, tenant_override: InlineOverride::Absent }
    }
}

/// An override that comes with the request, for the flag that is evaluated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum InlineOverride<'a> {
    /// There is none.
    Absent,
    /// The first variant of a boolean flag with this value.
    Boolean(bool),
    /// The variant of this key.
    Variant(Text<'a>),
    /// Something that names no variant.
    Other,
}

impl<'a> From<Value<'a>> for InlineOverride<'a> {
    fn from(value: Value<'a>) -> Self {
        match value {
            Value::Absent => Self::Absent,
            Value::Boolean(value) => Self::Boolean(value),
            Value::Text(key) => Self::Variant(key),
            Value::Number(_) | Value::List(_) | Value::Object => Self::Other,
        }
    }
}

impl Snapshot {
    /// Decides a flag for a context.
    ///
    /// A place that the snapshot does not have is an unknown flag. Nothing is allocated, unless `trace` does.
    #[inline]
    pub fn evaluate<'s>(
        &'s self,
        flag: Option<FlagIndex>,
        context: &impl Context,
        request: &Request<'_>,
        trace: &mut impl Trace<'s>,
    ) -> Decision<'s> {
        match flag.and_then(|index| self.flag(index)) {
            Some(flag) => self.walk(flag, context, request, trace),
            None => {
                trace.step(|| Step::new(Source::UnknownFlag, Outcome::Match));
                Decision::new(None, None, Source::UnknownFlag, Reason::UnknownFlag)
            }
        }
    }

    fn walk<'s>(
        &'s self,
        flag: &'s CompiledFlag,
        context: &impl Context,
        request: &Request<'_>,
        trace: &mut impl Trace<'s>,
    ) -> Decision<'s> {
        let Ok(body) = &flag.body else {
            trace.step(|| Step::new(Source::Off, Outcome::Match));
            return Decision::new(Some(flag), None, Source::Off, Reason::FlagInvalid);
        };
        let walk = Walk { snapshot: self, flag, body, context, request };
        walk.kill_switch(trace)
            .or_else(|| walk.inline_override(Source::InlineUserOverride, request.user_override, trace))
            .or_else(|| walk.inline_override(Source::InlineTenantOverride, request.tenant_override, trace))
            .or_else(|| walk.stored_override(Source::StoreUserOverride, &body.user_overrides, trace))
            .or_else(|| walk.stored_override(Source::StoreTenantOverride, &body.tenant_overrides, trace))
            .or_else(|| walk.state(trace))
            .or_else(|| walk.target(trace))
            .or_else(|| walk.stage(trace))
            .unwrap_or_else(|| walk.fallthrough(trace))
    }
}

/// One evaluation under way. Each method is a step of `docs/evaluation.md`, section 4: it decides, or leaves it to the next.
struct Walk<'s, 'r, C> {
    snapshot: &'s Snapshot,
    flag: &'s CompiledFlag,
    body: &'s Body,
    context: &'r C,
    request: &'r Request<'r>,
}

impl<'s, C: Context> Walk<'s, '_, C> {
    fn decide(&self, variant: Option<VariantIndex>, source: Source, reason: Reason) -> Decision<'s> {
        Decision::new(Some(self.flag), self.body.variant(variant), source, reason)
    }

    fn key_of(&self, variant: Option<VariantIndex>) -> Option<&'s str> {
        self.body.variant(variant).map(|variant| &*variant.key)
    }

    /// One of the attributes that every snapshot knows.
    #[inline]
    fn known(&self, index: usize) -> Value<'_> {
        self.snapshot.attributes().get(index).map_or(Value::Absent, |attribute| self.context.get(attribute))
    }

    #[inline]
    fn user_id(&self) -> Value<'_> {
        self.known(0)
    }

    /// The unit that is bucketed, and matched with targets, where nothing else is named: the user, or else the project.
    #[inline]
    fn unit(&self) -> Option<IdText<'_>> {
        self.user_id().id_text().or_else(|| self.known(1).id_text())
    }

    #[inline]
    fn bucketing_unit(&self, bucket_by: Option<&Attribute>) -> Option<IdText<'_>> {
        match bucket_by {
            Some(attribute) => self.context.get(attribute).id_text(),
            None => self.unit(),
        }
    }

    fn kill_switch(&self, trace: &mut impl Trace<'s>) -> Option<Decision<'s>> {
        let (category, reason) = match &self.body.kill_switch {
            None => {
                trace.step(|| Step::new(Source::KillSwitch, Outcome::Absent));
                return None;
            }
            Some(EngagedSwitch::Global) => ("*", Reason::KillSwitchGlobal),
            Some(EngagedSwitch::Category(category)) => (&**category, Reason::KillSwitchCategory),
        };
        trace.step(|| Step { category: Some(category), ..Step::new(Source::KillSwitch, Outcome::Match) });
        Some(self.decide(self.body.off, Source::KillSwitch, reason))
    }

    fn inline_override(
        &self,
        source: Source,
        inline: InlineOverride<'_>,
        trace: &mut impl Trace<'s>,
    ) -> Option<Decision<'s>> {
        let variant = match inline {
            InlineOverride::Absent => {
                trace.step(|| Step::new(source, Outcome::Absent));
                return None;
            }
            InlineOverride::Boolean(value) => self.body.variant_by_boolean(value),
            InlineOverride::Variant(key) => self.body.variant_by_key(key),
            InlineOverride::Other => None,
        };
        self.override_to(source, variant, None, trace)
    }

    fn stored_override(
        &self,
        source: Source,
        overrides: &StoredOverrides,
        trace: &mut impl Trace<'s>,
    ) -> Option<Decision<'s>> {
        let row = (!overrides.rows.is_empty())
            .then(|| if source == Source::StoreUserOverride { self.user_id() } else { self.known(2) })
            .and_then(|value| value.id_text())
            .and_then(|id| overrides.get(id.as_text().as_bytes()));
        let Some(row) = row else {
            trace.step(|| Step::new(source, Outcome::Absent));
            return None;
        };
        if row.expires_at.is_some_and(|end| self.request.now >= end) {
            trace.step(|| Step {
                variant: self.key_of(row.variant),
                expires_at: row.expires_at,
                ..Step::new(source, Outcome::Expired)
            });
            return None;
        }
        self.override_to(source, row.variant, row.expires_at, trace)
    }

    /// Serves an override's variant, or skips an override of a variant that the flag does not have.
    fn override_to(
        &self,
        source: Source,
        variant: Option<VariantIndex>,
        expires_at: Option<i64>,
        trace: &mut impl Trace<'s>,
    ) -> Option<Decision<'s>> {
        if variant.is_none() {
            trace.step(|| Step { expires_at, ..Step::new(source, Outcome::UnknownVariant) });
            return None;
        }
        trace.step(|| Step { variant: self.key_of(variant), expires_at, ..Step::new(source, Outcome::Match) });
        let reason = match source {
            Source::InlineUserOverride | Source::StoreUserOverride => Reason::UserOverridePrecedence,
            _ => Reason::TenantOverridePrecedence,
        };
        Some(self.decide(variant, source, reason))
    }

    fn state(&self, trace: &mut impl Trace<'s>) -> Option<Decision<'s>> {
        if self.body.is_on {
            trace.step(|| Step::new(Source::Off, Outcome::NoMatch));
            return None;
        }
        trace.step(|| Step::new(Source::Off, Outcome::Match));
        Some(self.decide(self.body.off, Source::Off, Reason::FlagOff))
    }

    fn target(&self, trace: &mut impl Trace<'s>) -> Option<Decision<'s>> {
        let targets = self.body.targets.as_ref()?;
        let Some(given) = self.unit().and_then(|id| targets.by_id.get(id.as_text().as_bytes())) else {
            trace.step(|| Step::new(Source::Target, Outcome::NoMatch));
            return None;
        };
        let (variant, reason) = match given {
            CompiledTargets::DENIED => (self.body.off, Reason::DenyList),
            variant => (VariantIndex::try_from(variant).ok(), Reason::AllowList),
        };
        trace.step(|| Step { variant: self.key_of(variant), ..Step::new(Source::Target, Outcome::Match) });
        Some(self.decide(variant, Source::Target, reason))
    }

    fn stage(&self, trace: &mut impl Trace<'s>) -> Option<Decision<'s>> {
        let compiled = self.body.stage.as_ref()?;
        let of_env = (!compiled.by_env.is_empty()).then(|| self.known(4)).and_then(|env| {
            let env = if let Value::Text(env) = env { env } else { attribute::DEFAULT_ENV.into() };
            compiled.by_env.iter().find(|(name, _)| env == **name)
        });
        let stage = of_env.map_or(compiled.base, |(_, stage)| *stage);
        let step = |source| Step {
            rollout_stage: Some(stage),
            env: of_env.map(|(env, _)| &**env),
            ..Step::new(source, Outcome::Match)
        };
        if let RolloutStage::Staged(percent) = stage {
            return Some(self.staged(percent, &compiled.bucketer, step(Source::StagedBucket), trace));
        }
        let (is_on, reason) = match stage {
            RolloutStage::Internal if self.is_staff() => (true, Reason::StageInternalStaff),
            RolloutStage::Internal => (false, Reason::StageInternalNotStaff),
            RolloutStage::Full => (true, Reason::StageFull),
            RolloutStage::Paused => (false, Reason::StagePaused),
            RolloutStage::RolledBack => (false, Reason::StageRolledBack),
            RolloutStage::Draft | RolloutStage::Staged(_) => (false, Reason::StageDraft),
        };
        let variant = if is_on { self.body.on } else { self.body.off };
        trace.step(|| Step {
            variant: self.key_of(variant),
            attribute: (stage == RolloutStage::Internal).then_some(attribute::TIER),
            ..step(Source::RolloutStageMap)
        });
        Some(Decision { stage: Some(stage), ..self.decide(variant, Source::RolloutStageMap, reason) })
    }

    fn is_staff(&self) -> bool {
        matches!(self.known(3), Value::Text(tier) if tier == *"staff")
    }

    fn staged(&self, percent: u8, bucketer: &'s Bucketer, step: Step<'s>, trace: &mut impl Trace<'s>) -> Decision<'s> {
        let threshold = Some(bucketer.stage_threshold(percent));
        let (variant, reason, bucket) = match self.bucketing_unit(bucketer.bucket_by.as_ref()) {
            None => (self.body.off, Reason::NoBucketingUnit, None),
            Some(unit) => {
                let (point, bucket) = bucketer.place(unit.as_text());
                if Cut::of_percentage(f64::from(percent)).contains(point) {
                    (self.body.on, Reason::StagedIn, Some(bucket))
                } else {
                    (self.body.off, Reason::StagedOut, Some(bucket))
                }
            }
        };
        trace.step(|| Step {
            variant: self.key_of(variant),
            attribute: bucketer.bucket_by.as_ref().map(|attribute| &*attribute.name),
            bucket,
            threshold,
            ..step
        });
        let stage = Some(RolloutStage::Staged(percent));
        Decision { bucket, threshold, stage, ..self.decide(variant, Source::StagedBucket, reason) }
    }

    fn fallthrough(&self, trace: &mut impl Trace<'s>) -> Decision<'s> {
        let mut reason = Reason::Default;
        if let Some(distribution) = &self.body.distribution {
            let bucketer = &distribution.bucketer;
            let attribute = bucketer.bucket_by.as_ref().map(|attribute| &*attribute.name);
            let placed = self.bucketing_unit(bucketer.bucket_by.as_ref()).map(|unit| bucketer.place(unit.as_text()));
            // The last cut is past every point, so a unit always finds its share.
            let found = placed.and_then(|(point, bucket)| {
                let share = distribution.shares.iter().find(|(cut, _)| cut.contains(point));
                share.map(|(cut, variant)| (bucket, bucketer.threshold(*cut), *variant))
            });
            if let Some((bucket, threshold, variant)) = found {
                let (bucket, threshold, variant) = (Some(bucket), Some(threshold), Some(variant));
                trace.step(|| Step {
                    variant: self.key_of(variant),
                    attribute,
                    bucket,
                    threshold,
                    ..Step::new(Source::DefaultDistribution, Outcome::Match)
                });
                let decision = self.decide(variant, Source::DefaultDistribution, Reason::DefaultDistribution);
                return Decision { bucket, threshold, ..decision };
            }
            trace.step(|| Step { attribute, ..Step::new(Source::DefaultDistribution, Outcome::NoBucketingUnit) });
            reason = Reason::NoBucketingUnit;
        }
        let variant = self.body.fallback;
        trace.step(|| Step { variant: self.key_of(variant), ..Step::new(Source::Default, Outcome::Match) });
        self.decide(variant, Source::Default, reason)
    }
}
