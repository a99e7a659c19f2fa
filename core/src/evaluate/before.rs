//! The steps before the rules, each of which decides or leaves it to the next: `docs/evaluation.md`, section 4.

use super::Walk;
use crate::context::Context;
use crate::decision::{Reason, Source, Verdict};
use crate::model::OverrideScope;
use crate::request::{Denial, InlineOverride};
use crate::snapshot::{CompiledPrerequisite, CompiledTargets, EngagedSwitch, StoredOverrides, VariantIndex};
use crate::trace::{Outcome, Step, Trace};

impl<'s, C: Context + ?Sized> Walk<'s, '_, C> {
    /// The steps before the rules. Where none of them could decide, nobody comes here.
    #[inline(never)]
    pub(super) fn before_rules(&self, trace: &mut impl Trace<'s>) -> Option<Verdict> {
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
}
