//! What is counted of the policy service: what came of asking, and what the breakers did.

use crate::sensitive::{PolicyAnswer, PolicyDecision};

/// The label `result` of `burgee_policy_questions_total`: what came of a question about a sensitive flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyResult {
    /// The caller may be told.
    Allow,
    /// He may, with a warning.
    AllowWithWarning,
    /// He may not.
    Deny,
    /// The service was asked, and gave no answer that can be understood.
    Unreachable,
    /// It was not asked: the breaker is open, or there is none to ask.
    NotAsked,
}

impl PolicyResult {
    /// All of them, by their numbers.
    pub const ALL: [Self; 5] = [Self::Allow, Self::AllowWithWarning, Self::Deny, Self::Unreachable, Self::NotAsked];

    /// The label's value.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::AllowWithWarning => "allow_with_warning",
            Self::Deny => "deny",
            Self::Unreachable => "unreachable",
            Self::NotAsked => "not_asked",
        }
    }

    /// What came of a question that was asked.
    #[must_use]
    pub fn of(answer: &PolicyAnswer) -> Self {
        match answer {
            PolicyAnswer::Unreachable => Self::Unreachable,
            PolicyAnswer::Decided { decision, .. } => match decision {
                PolicyDecision::Allow => Self::Allow,
                PolicyDecision::AllowWithWarning => Self::AllowWithWarning,
                PolicyDecision::Deny => Self::Deny,
            },
        }
    }
}
