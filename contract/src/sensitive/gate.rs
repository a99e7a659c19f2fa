//! Who is let through to which sensitive flag, for one request.

use std::collections::BTreeMap;

use burgee_core::{Denial, FlagIndex, Permits};
use serde::Serialize;

use super::policy::{PolicyAnswer, PolicyDecision, TtlState};
use crate::identity::Identity;
use crate::route::Plan;

/// What a caller may be told of sensitive flags. The evaluator asks it about each that it comes to: by key, because a flag that was asked
/// about must be the one that is told, whichever snapshot it is evaluated from.
#[derive(Debug)]
pub struct Gate {
    is_verified: bool,
    answers: BTreeMap<String, Answered>,
}

/// The gate of somebody whom nobody has verified.
pub static CLOSED: Gate = Gate { is_verified: false, answers: BTreeMap::new() };

#[derive(Debug)]
pub(super) struct Answered {
    pub(super) answer: PolicyAnswer,
    /// The approval that was sent.
    pub(super) approval_ref: Option<String>,
}

impl Gate {
    /// The gate of who asks, for a request that nobody was asked about.
    #[must_use]
    pub fn unasked(plan: &Plan<'_>) -> Self {
        let is_verified = plan.caller().is_ok_and(Identity::is_verified);
        Self { is_verified, answers: BTreeMap::new() }
    }

    /// The gate of somebody who is verified, with what the policy service said of each flag.
    pub(super) fn of(answers: impl Iterator<Item = (String, Answered)>) -> Self {
        Self { is_verified: true, answers: answers.collect() }
    }

    /// Why the caller may not be told of a flag, if he may not. A flag that nobody was asked about is as good as one that the service
    /// was silent about.
    pub(crate) fn denial(&self, key: &str) -> Option<Denial> {
        if !self.is_verified {
            return Some(Denial::AuthNotVerified);
        }
        match self.answers.get(key).map(|answered| &answered.answer) {
            None | Some(PolicyAnswer::Unreachable) => Some(Denial::AdminUnreachable),
            Some(PolicyAnswer::Decided { ttl_state: TtlState::Expired, .. }) => Some(Denial::ApprovalExpired),
            Some(PolicyAnswer::Decided { decision: PolicyDecision::Deny, .. }) => Some(Denial::PolicyDenied),
            Some(PolicyAnswer::Decided { .. }) => None,
        }
    }

    /// What the policy service said of a flag; nothing where it was not asked, or has not answered.
    pub(crate) fn told(&self, key: &str) -> Told<'_> {
        match self.answers.get(key) {
            Some(Answered {
                answer: PolicyAnswer::Decided { decision, ttl_state, approval_ref },
                approval_ref: sent,
            }) => Told {
                approval_ref: approval_ref.as_deref().or(sent.as_deref()),
                ttl_state: Some(*ttl_state),
                policy: Some(Policy { decision: *decision, cached: false }),
            },
            _ => Told::default(),
        }
    }
}

impl Permits for Gate {
    fn permit(&self, _: FlagIndex, key: &str) -> Result<(), Denial> {
        self.denial(key).map_or(Ok(()), Err)
    }
}

/// What `meta` says of a sensitive flag's gate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Told<'a> {
    /// The approval that the service means, else the one that it was asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) approval_ref: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ttl_state: Option<TtlState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<Policy>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Policy {
    pub(crate) decision: PolicyDecision,
    /// Never: who was just refused must not be told of a flag because of an answer from before.
    cached: bool,
}

impl Told<'_> {
    /// Whether the service is not content, and allows it all the same.
    pub(crate) fn warns(&self) -> bool {
        self.policy.is_some_and(|policy| policy.decision == PolicyDecision::AllowWithWarning)
    }
}
