//! The walk: the one place where a flag is decided. `explain` is this walk with a trace that keeps the steps.

mod before;

use alloc::vec::Vec;

use crate::bucketing::{Bucket, Bucketer, Cut};
use crate::condition::{Quick, Subject};
use crate::context::{Attribute, Context, Value, attribute};
use crate::decision::{Decision, Details, Reason, Source, Verdict};
use crate::model::RolloutStage;
use crate::request::Request;
use crate::snapshot::{
    Body, CompiledFlag, CompiledRule, CompiledServe, CompiledStage, Distribution, FlagIndex, Snapshot, Start,
    VariantIndex,
};
use crate::trace::{Outcome, Step, Trace};

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
    #[inline(never)]
    pub fn evaluate<'s>(
        &'s self,
        flag: Option<FlagIndex>,
        context: &(impl Context + ?Sized),
        request: &Request<'_>,
        trace: &mut impl Trace<'s>,
    ) -> Decision<'s> {
        let found = self.found(flag);
        if let Some((_, flag)) = found
            && let Ok(body) = &flag.body
            && body.start(request, trace) == Start::Otherwise
        {
            return Decision::new(Some(flag), body.otherwise, Details::default());
        }
        self.walk(found, context, request, trace)
    }

    /// The same where there is something to walk. It stands apart because it needs room that what comes before can do without.
    #[inline(never)]
    fn walk<'s>(
        &'s self,
        found: Option<(FlagIndex, &'s CompiledFlag)>,
        context: &(impl Context + ?Sized),
        request: &Request<'_>,
        trace: &mut impl Trace<'s>,
    ) -> Decision<'s> {
        let (verdict, details) = self.decide(found, context, request, trace);
        Decision::new(found.map(|(_, flag)| flag), verdict, details)
    }

    /// Decides a flag for a context, as [`Snapshot::evaluate`] does, and says no more than the verdict.
    #[inline(always)]
    pub fn verdict(
        &self,
        flag: Option<FlagIndex>,
        context: &(impl Context + ?Sized),
        request: &Request<'_>,
    ) -> Verdict {
        self.decide(self.found(flag), context, request, &mut ()).0
    }

    #[inline(always)]
    fn found(&self, flag: Option<FlagIndex>) -> Option<(FlagIndex, &CompiledFlag)> {
        flag.and_then(|index| Some((index, self.flag(index)?)))
    }

    /// The walk. It is inlined into its few callers: what they do not ask for is then never put together.
    #[inline(always)]
    fn decide<'s>(
        &'s self,
        found: Option<(FlagIndex, &'s CompiledFlag)>,
        context: &(impl Context + ?Sized),
        request: &Request<'_>,
        trace: &mut impl Trace<'s>,
    ) -> (Verdict, Details) {
        let Some((index, flag)) = found else {
            trace.step(|| Step::new(Source::UnknownFlag, Outcome::Match));
            return (Verdict::UNKNOWN, Details::default());
        };
        let Ok(body) = &flag.body else {
            trace.step(|| Step::new(Source::Off, Outcome::Match));
            return (Verdict::INVALID, Details::default());
        };
        let start = body.start(request, trace);
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

impl Body {
    /// Where the evaluation of a request starts.
    #[inline(always)]
    fn start<'s>(&self, request: &Request<'_>, trace: &impl Trace<'s>) -> Start {
        if request.overrides.is_some() || trace.keeps() { Start::Top } else { self.start }
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
