//! The walk: the one place where a flag is decided. `explain` is this walk with a trace that keeps the steps.

use alloc::vec::Vec;

use crate::bucketing::{Bucket, Bucketer, Cut};
use crate::condition::{Quick, Subject};
use crate::context::{Attribute, Context, Value, attribute};
use crate::decision::{Decision, Details, Reason, Source, Verdict};
use crate::model::{OverrideScope, RolloutStage};
use crate::snapshot::{
    Body, CompiledFlag, CompiledPrerequisite, CompiledRule, CompiledServe, CompiledStage, CompiledTargets,
    Distribution, EngagedSwitch, FlagIndex, Snapshot, Start, StoredOverrides, VariantIndex,
};
use crate::text::Text;
use crate::trace::{Outcome, Step, Trace};

/// What a request brings beside the context.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The time, ms since the epoch. A stored override is expired from its `expires_at` on.
    pub now: i64,
    /// The request's own overrides, if it has any.
    pub overrides: Option<&'a dyn Overrides>,
    /// Which sensitive flags the caller may be told of; none, where there is nobody who could say so: no sensitive flag at all.
    pub permits: Option<&'a dyn Permits>,
}

impl Request<'_> {
    /// A request at a time, without overrides of its own and of somebody who may be told of no sensitive flag.
    #[must_use]
    pub fn at(now: i64) -> Self {
        Self { now, overrides: None, permits: None }
    }
}

/// Which sensitive flags the caller of a request may be told of: those that are evaluated, and those that are their prerequisites.
pub trait Permits {
    /// Whether he may be told of a sensitive flag.
    ///
    /// # Errors
    /// Why he may not.
    fn permit(&self, flag: FlagIndex, key: &str) -> Result<(), Denial>;
}

/// Why a caller is not told of a sensitive flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// Nobody has verified who asks.
    AuthNotVerified,
    /// The approval has ended.
    ApprovalExpired,
    /// The policy service says no.
    PolicyDenied,
    /// The policy service says nothing.
    AdminUnreachable,
}

impl Denial {
    /// The reason that a decision gives for it.
    #[must_use]
    pub fn reason(self) -> Reason {
        match self {
            Self::AuthNotVerified => Reason::AuthNotVerified,
            Self::ApprovalExpired => Reason::ApprovalExpired,
            Self::PolicyDenied => Reason::PolicyDenied,
            Self::AdminUnreachable => Reason::AdminUnreachable,
        }
    }
}

/// The overrides that come with a request, for the flag that is evaluated and for those that are its prerequisites.
pub trait Overrides {
    /// The override for a flag.
    fn inline(&self, scope: OverrideScope, flag: FlagIndex, key: &str) -> InlineOverride<'_>;
}

/// An override that comes with the request, for one flag.
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
            Value::Number(_) | Value::List | Value::Object => Self::Other,
        }
    }
}

impl Snapshot {
    /// What is bucketed, and listed by targets and segments, where nothing else is named: the user, or else the project.
    #[inline]
    pub(crate) fn unit<'c>(&self, context: &'c (impl Context + ?Sized)) -> Value<'c> {
        let [user, project, ..] = &*self.attributes else { return Value::Absent };
        let user = context.get(user);
        if user.is_id() { user } else { context.get(project) }
    }

    /// Decides a flag for a context.
    ///
    /// A place that the snapshot does not have is an unknown flag. Nothing is allocated, unless `trace` does.
    #[inline(always)]
    pub fn evaluate<'s>(
        &'s self,
        flag: Option<FlagIndex>,
        context: &(impl Context + ?Sized),
        request: &Request<'_>,
        trace: &mut impl Trace<'s>,
    ) -> Decision<'s> {
        let (verdict, details) = self.decide(flag, context, request, trace);
        Decision::new(flag.and_then(|index| self.flag(index)), verdict, details)
    }

    /// Decides a flag for a context, as [`Snapshot::evaluate`] does, and says no more than the verdict.
    #[inline(always)]
    pub fn verdict(
        &self,
        flag: Option<FlagIndex>,
        context: &(impl Context + ?Sized),
        request: &Request<'_>,
    ) -> Verdict {
        self.decide(flag, context, request, &mut ()).0
    }

    /// The walk. It is inlined into its few callers: what they do not ask for is then never put together.
    #[inline(always)]
    fn decide<'s>(
        &'s self,
        flag: Option<FlagIndex>,
        context: &(impl Context + ?Sized),
        request: &Request<'_>,
        trace: &mut impl Trace<'s>,
    ) -> (Verdict, Details) {
        let Some((index, flag)) = flag.and_then(|index| Some((index, self.flag(index)?))) else {
            trace.step(|| Step::new(Source::UnknownFlag, Outcome::Match));
            return (Verdict::UNKNOWN, Details::default());
        };
        let Ok(body) = &flag.body else {
            trace.step(|| Step::new(Source::Off, Outcome::Match));
            return (Verdict::INVALID, Details::default());
        };
        let start = if request.overrides.is_some() || trace.keeps() { Start::Top } else { body.start };
        if start == Start::Otherwise {
            return (body.otherwise, Details::default());
        }
        let mut walk = Walk {
            snapshot: self,
            index,
            flag,
            body,
            context,
            request,
            lacks_unit: false,
            details: Details::default(),
        };
        if start == Start::Top
            && let Some(verdict) = walk.before_rules(trace)
        {
            return (verdict, walk.details);
        }
        let verdict = walk.rules_onwards(trace);
        (verdict, walk.details)
    }

    /// Decides a flag for a context, and gives the steps that led to the decision, with what each compared.
    ///
    /// This is [`Snapshot::evaluate`] with a trace, compiled once for all kinds of contexts.
    #[must_use]
    pub fn explain(
        &self,
        flag: Option<FlagIndex>,
        context: &dyn Context,
        request: &Request<'_>,
    ) -> (Decision<'_>, Vec<Step<'_>>) {
        let mut steps = Vec::new();
        let decision = self.evaluate(flag, context, request, &mut steps);
        (decision, steps)
    }
}

impl CompiledRule {
    /// Whether the rule's condition matches.
    #[inline(always)]
    fn matches<'s, C: Context + ?Sized>(&'s self, subject: &Subject<'_, 's, C>, trace: &mut impl Trace<'s>) -> bool {
        if !self.quick.is_empty()
            && !trace.keeps()
            && let Some(matches) = Quick::all(&self.quick, subject.context)
        {
            return matches;
        }
        self.when.matches(subject, trace)
    }
}

/// One evaluation under way. Each method is a step of `docs/evaluation.md`, section 4: it decides, or leaves it to the next.
struct Walk<'s, 'r, C: ?Sized> {
    snapshot: &'s Snapshot,
    index: FlagIndex,
    flag: &'s CompiledFlag,
    body: &'s Body,
    context: &'r C,
    request: &'r Request<'r>,
    /// Whether something would have been decided by a bucket, and there was nothing to bucket.
    lacks_unit: bool,
    /// What the deciding step found.
    details: Details,
}

impl<'s, 'r, C: Context + ?Sized> Walk<'s, 'r, C> {
    fn verdict(&self, variant: Option<VariantIndex>, source: Source, reason: Reason) -> Verdict {
        Verdict::new(self.body, variant, source, reason, self.details.bucket.is_some())
    }

    fn key_of(&self, variant: Option<VariantIndex>) -> Option<&'s str> {
        self.body.variant(variant).map(|variant| &*variant.key)
    }

    /// One of the attributes that every snapshot knows.
    #[inline]
    fn known(&self, index: usize) -> Value<'r> {
        self.snapshot.attributes().get(index).map_or(Value::Absent, |attribute| self.context.get(attribute))
    }

    #[inline]
    fn user_id(&self) -> Value<'r> {
        self.known(0)
    }

    #[inline(always)]
    fn unit(&self) -> Value<'r> {
        self.snapshot.unit(self.context)
    }

    #[inline(always)]
    fn bucketing_unit(&self, bucket_by: Option<&Attribute>) -> Value<'r> {
        match bucket_by {
            Some(attribute) => self.context.get(attribute),
            None => self.unit(),
        }
    }

    /// The steps before the rules. Where none of them could decide, nobody comes here.
    #[inline(never)]
    fn before_rules(&self, trace: &mut impl Trace<'s>) -> Option<Verdict> {
        self.sensitive(trace)
            .or_else(|| self.kill_switch(trace))
            .or_else(|| self.inline_override(OverrideScope::User, trace))
            .or_else(|| self.inline_override(OverrideScope::Tenant, trace))
            .or_else(|| self.stored_override(Source::StoreUserOverride, &self.body.user_overrides, trace))
            .or_else(|| self.stored_override(Source::StoreTenantOverride, &self.body.tenant_overrides, trace))
            .or_else(|| self.state(trace))
            .or_else(|| self.prerequisites(trace))
            .or_else(|| self.target(trace))
    }

    /// The one place where a sensitive flag is kept from those who may not be told of it: no way to an evaluation leads past it.
    fn sensitive(&self, trace: &mut impl Trace<'s>) -> Option<Verdict> {
        self.body.sensitive.as_ref()?;
        let permit = match self.request.permits {
            Some(permits) => permits.permit(self.index, &self.flag.key),
            // Whoever evaluates alone holds the document: that nobody has the flag yet is then no secret.
            None if self.body.is_dormant && !self.has_inline_override() => return None,
            None => Err(Denial::AuthNotVerified),
        };
        match permit {
            Ok(()) => {
                trace.step(|| Step::new(Source::Sensitive, Outcome::Permitted));
                None
            }
            Err(denial) => {
                trace.step(|| Step {
                    variant: self.key_of(self.body.off),
                    ..Step::new(Source::Sensitive, Outcome::Match)
                });
                Some(self.verdict(self.body.off, Source::Sensitive, denial.reason()))
            }
        }
    }

    fn has_inline_override(&self) -> bool {
        let given = |scope| {
            self.request
                .overrides
                .is_some_and(|overrides| overrides.inline(scope, self.index, &self.flag.key) != InlineOverride::Absent)
        };
        given(OverrideScope::User) || given(OverrideScope::Tenant)
    }

    fn kill_switch(&self, trace: &mut impl Trace<'s>) -> Option<Verdict> {
        let (category, reason) = match &self.body.kill_switch {
            None => {
                trace.step(|| Step::new(Source::KillSwitch, Outcome::Absent));
                return None;
            }
            Some(EngagedSwitch::Global) => ("*", Reason::KillSwitchGlobal),
            Some(EngagedSwitch::Category(category)) => (&**category, Reason::KillSwitchCategory),
        };
        trace.step(|| Step { category: Some(category), ..Step::new(Source::KillSwitch, Outcome::Match) });
        Some(self.verdict(self.body.off, Source::KillSwitch, reason))
    }

    fn inline_override(&self, scope: OverrideScope, trace: &mut impl Trace<'s>) -> Option<Verdict> {
        let source = match scope {
            OverrideScope::User => Source::InlineUserOverride,
            OverrideScope::Tenant => Source::InlineTenantOverride,
        };
        let given = self.request.overrides.map(|overrides| overrides.inline(scope, self.index, &self.flag.key));
        let variant = match given.unwrap_or(InlineOverride::Absent) {
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
    ) -> Option<Verdict> {
        let row = (!overrides.rows.is_empty())
            .then(|| if source == Source::StoreUserOverride { self.user_id() } else { self.known(2) })
            .and_then(|value| value.with_id(|id| overrides.get(id.as_bytes())).flatten());
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
    ) -> Option<Verdict> {
        if variant.is_none() {
            trace.step(|| Step { expires_at, ..Step::new(source, Outcome::UnknownVariant) });
            return None;
        }
        trace.step(|| Step { variant: self.key_of(variant), expires_at, ..Step::new(source, Outcome::Match) });
        let reason = match source {
            Source::InlineUserOverride | Source::StoreUserOverride => Reason::UserOverridePrecedence,
            _ => Reason::TenantOverridePrecedence,
        };
        Some(self.verdict(variant, source, reason))
    }

    fn state(&self, trace: &mut impl Trace<'s>) -> Option<Verdict> {
        if self.body.is_on {
            trace.step(|| Step::new(Source::Off, Outcome::NoMatch));
            return None;
        }
        trace.step(|| Step::new(Source::Off, Outcome::Match));
        Some(self.verdict(self.body.off, Source::Off, Reason::FlagOff))
    }

    fn prerequisites(&self, trace: &mut impl Trace<'s>) -> Option<Verdict> {
        let prerequisites = &self.body.prerequisites;
        for (place, prerequisite) in (0..).zip(&prerequisites.all) {
            let variant = if prerequisites.cannot_be_met { None } else { self.served_by(prerequisite) };
            let is_met = variant.is_some_and(|(index, _)| prerequisite.variants.contains(&index));
            trace.step(|| Step {
                prerequisite: Some(&prerequisite.key),
                served: variant.map(|(_, key)| key),
                variant: self.key_of(self.body.off.filter(|_| !is_met)),
                ..Step::new(Source::Prerequisite, if is_met { Outcome::Met } else { Outcome::Match })
            });
            if !is_met {
                let verdict = self.verdict(self.body.off, Source::Prerequisite, Reason::PrerequisiteFailed);
                return Some(verdict.at(place));
            }
        }
        None
    }

    /// The variant that a prerequisite's flag serves, by its place and key; none of a sensitive flag that the caller may not be told of, although it
    /// serves its off variant: that must meet nothing. What is loaded leads to a bounded number of walks, bounded in depth too.
    #[inline(never)]
    fn served_by(&self, prerequisite: &CompiledPrerequisite) -> Option<(VariantIndex, &'s str)> {
        let index = prerequisite.flag?;
        let verdict = self.snapshot.verdict(Some(index), self.context, self.request);
        let variant = verdict.variant().filter(|_| verdict.source() != Source::Sensitive)?;
        let served = self.snapshot.flag(index)?.variants().get(usize::from(variant))?;
        Some((variant, &served.key))
    }

    /// The steps from the rules on, one of which decides.
    #[inline(always)]
    fn rules_onwards(&mut self, trace: &mut impl Trace<'s>) -> Verdict {
        if let Some(verdict) = self.rules(trace) {
            return verdict;
        }
        let body = self.body;
        if let Some(stage) = &body.stage {
            return self.stage(stage, trace);
        }
        if let Some(distribution) = &body.distribution
            && let Some(verdict) = self.distribution(distribution, trace)
        {
            return verdict;
        }
        let variant = self.body.fallback;
        trace.step(|| Step { variant: self.key_of(variant), ..Step::new(Source::Default, Outcome::Match) });
        if self.lacks_unit { self.body.otherwise.because(Reason::NoBucketingUnit) } else { self.body.otherwise }
    }

    #[inline(always)]
    fn rules(&mut self, trace: &mut impl Trace<'s>) -> Option<Verdict> {
        let rules: &'s [CompiledRule] = &self.body.rules;
        let subject = Subject { context: self.context, snapshot: self.snapshot };
        for (place, rule) in (0..).zip(rules) {
            trace.step(|| Step { rule_id: Some(&rule.id), ..Step::new(Source::Rule, Outcome::NoMatch) });
            if !rule.matches(&subject, trace) {
                continue;
            }
            if let Some(verdict) = self.rule(place, rule, trace) {
                return Some(verdict);
            }
        }
        None
    }

    /// What a rule whose condition matches decides, if its percentage takes the context in.
    #[inline(always)]
    fn rule(&mut self, place: u16, rule: &'s CompiledRule, trace: &mut impl Trace<'s>) -> Option<Verdict> {
        let mut bucketed = None;
        if let Some((bucketer, cut)) = &rule.percentage {
            let (point, bucket) = self.noted(bucketer, self.place(bucketer), trace)?;
            let threshold = bucketer.threshold(*cut);
            trace.amend(|step| (step.bucket, step.threshold) = (Some(bucket), Some(threshold)));
            if !cut.contains(point) {
                trace.amend(|step| step.outcome = Outcome::NotInPercentage);
                return None;
            }
            bucketed = Some((bucket, threshold));
        }
        let mut verdict = rule.verdict;
        let variant = match &rule.serve {
            CompiledServe::Variant(variant) => *variant,
            CompiledServe::Distribution(distribution) => {
                let (bucket, threshold, variant) = self.share(distribution, trace)?;
                trace.amend(|step| (step.bucket, step.threshold) = (Some(bucket), Some(threshold)));
                bucketed = Some((bucket, threshold));
                verdict = Verdict::new(self.body, Some(variant), Source::Rule, Reason::RuleMatch, true).at(place);
                Some(variant)
            }
        };
        trace.amend(|step| (step.outcome, step.variant) = (Outcome::Match, self.key_of(variant)));
        (self.details.bucket, self.details.threshold) = bucketed.unzip();
        Some(verdict)
    }

    /// Notes what a bucketer placed; nothing if the context has no unit.
    #[inline(always)]
    fn noted(
        &mut self,
        bucketer: &'s Bucketer,
        placed: Option<(u32, Bucket)>,
        trace: &mut impl Trace<'s>,
    ) -> Option<(u32, Bucket)> {
        let attribute = bucketer.bucket_by.as_ref().map(|attribute| &*attribute.name);
        trace.amend(|step| step.attribute = attribute);
        if placed.is_none() {
            self.lacks_unit = true;
            trace.amend(|step| step.outcome = Outcome::NoBucketingUnit);
        }
        placed
    }

    /// The point and bucket of the context's unit, if it has one. Inlined for rules' percentages, and for them alone: see [`Walk::placed`].
    #[inline(always)]
    fn place(&self, bucketer: &Bucketer) -> Option<(u32, Bucket)> {
        // Where there is no user, and so no hash of it, the unit is the project.
        let first = bucketer.bucket_by.as_ref().or_else(|| self.snapshot.attributes().first())?;
        match self.context.hashed(first, bucketer.from()) {
            Some(hash) => Some(bucketer.place_hashed(hash)),
            None => self.bucketing_unit(bucketer.bucket_by.as_ref()).with_id(|unit| bucketer.place(unit)),
        }
    }

    /// The same, for distributions and stages.
    #[inline(never)]
    fn placed(&self, bucketer: &Bucketer) -> Option<(u32, Bucket)> {
        self.place(bucketer)
    }

    /// The share of a distribution that the context's unit falls to: its bucket, the share's end, and its variant.
    fn share(
        &mut self,
        distribution: &'s Distribution,
        trace: &mut impl Trace<'s>,
    ) -> Option<(Bucket, f64, VariantIndex)> {
        let bucketer = &distribution.bucketer;
        let (point, bucket) = self.noted(bucketer, self.placed(bucketer), trace)?;
        // The last cut is past every point, so a unit always finds its share.
        let (cut, variant) = distribution.shares.iter().find(|(cut, _)| cut.contains(point))?;
        Some((bucket, bucketer.threshold(*cut), *variant))
    }

    fn target(&self, trace: &mut impl Trace<'s>) -> Option<Verdict> {
        let targets = self.body.targets.as_ref()?;
        let Some(given) = self.unit().with_id(|id| targets.by_id.get(id.as_bytes())).flatten() else {
            trace.step(|| Step::new(Source::Target, Outcome::NoMatch));
            return None;
        };
        let (variant, reason) = match given {
            CompiledTargets::DENIED => (self.body.off, Reason::DenyList),
            variant => (VariantIndex::try_from(variant).ok(), Reason::AllowList),
        };
        trace.step(|| Step { variant: self.key_of(variant), ..Step::new(Source::Target, Outcome::Match) });
        Some(self.verdict(variant, Source::Target, reason))
    }

    #[inline(never)]
    fn stage(&mut self, compiled: &'s CompiledStage, trace: &mut impl Trace<'s>) -> Verdict {
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
        self.details.stage = Some(stage);
        if let RolloutStage::Staged(percent) = stage {
            return self.staged(percent, &compiled.bucketer, step(Source::StagedBucket), trace);
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
        self.verdict(variant, Source::RolloutStageMap, reason)
    }

    fn is_staff(&self) -> bool {
        matches!(self.known(3), Value::Text(tier) if tier == *"staff")
    }

    fn staged(&mut self, percent: u8, bucketer: &'s Bucketer, step: Step<'s>, trace: &mut impl Trace<'s>) -> Verdict {
        let threshold = Some(bucketer.stage_threshold(percent));
        let (variant, reason, bucket) = match self.placed(bucketer) {
            None => (self.body.off, Reason::NoBucketingUnit, None),
            Some((point, bucket)) => {
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
        (self.details.bucket, self.details.threshold) = (bucket, threshold);
        self.verdict(variant, Source::StagedBucket, reason)
    }

    #[inline(never)]
    fn distribution(&mut self, distribution: &'s Distribution, trace: &mut impl Trace<'s>) -> Option<Verdict> {
        trace.step(|| Step::new(Source::DefaultDistribution, Outcome::Match));
        let (bucket, threshold, variant) = self.share(distribution, trace)?;
        let (bucket, threshold, variant) = (Some(bucket), Some(threshold), Some(variant));
        trace.amend(|step| (step.variant, step.bucket, step.threshold) = (self.key_of(variant), bucket, threshold));
        (self.details.bucket, self.details.threshold) = (bucket, threshold);
        Some(self.verdict(variant, Source::DefaultDistribution, Reason::DefaultDistribution))
    }
}
