//! What the policy service says of a flag, read strictly.

use serde::{Deserialize, Serialize};

use crate::limits;

/// What the policy service decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyDecision {
    /// The caller may be told.
    Allow,
    /// He may not.
    Deny,
    /// He may, and should know that somebody is not content.
    AllowWithWarning,
}

/// How it stands with an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TtlState {
    /// It holds.
    Valid,
    /// It holds, and ends soon.
    Expiring,
    /// It has ended.
    Expired,
    /// There is none.
    None,
}

/// What came of asking the policy service about a flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyAnswer {
    /// It has answered.
    Decided {
        /// What it decides.
        decision: PolicyDecision,
        /// How it stands with the approval.
        ttl_state: TtlState,
        /// The approval that it means.
        approval_ref: Option<String>,
    },
    /// It was not asked, has not answered, or what it said cannot be understood.
    Unreachable,
}

/// The members that are read; others are ignored.
#[derive(Deserialize)]
struct Body {
    decision: PolicyDecision,
    ttl_state: TtlState,
    #[serde(default)]
    approval_ref: Option<String>,
    /// For the service's own people: callers are told that there is one.
    #[serde(default, rename = "warning")]
    _warning: Option<String>,
}

impl PolicyAnswer {
    /// Reads an answer. Whatever is not exactly an answer is none, because a flag would be told by mistake otherwise: another status
    /// than 200, JSON that is no object, a member of another type or twice, a word that is not known, more than
    /// [`limits::POLICY_BYTES`].
    #[must_use]
    pub fn read(status: u16, body: &[u8]) -> Self {
        let is_object = body.trim_ascii_start().first() == Some(&b'{');
        if status != 200 || body.len() > limits::POLICY_BYTES || !is_object {
            return Self::Unreachable;
        }
        let Ok(Body { decision, ttl_state, approval_ref, _warning: _ }) = serde_json::from_slice(body) else {
            return Self::Unreachable;
        };
        match approval_ref {
            Some(approval_ref) if !is_approval_ref(&approval_ref) => Self::Unreachable,
            approval_ref => Self::Decided { decision, ttl_state, approval_ref },
        }
    }

    /// Whether the service has answered, whatever it says: what the breaker counts as a success.
    #[must_use]
    pub fn is_answer(&self) -> bool {
        matches!(self, Self::Decided { .. })
    }
}

/// Whether an approval can be called so: printable, and not longer than [`limits::APPROVAL_REF_CHARS`].
pub(crate) fn is_approval_ref(text: &str) -> bool {
    !text.is_empty()
        && text.chars().nth(limits::APPROVAL_REF_CHARS).is_none()
        && !text.chars().any(|char| char.is_control() || char == '\u{fffd}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decided(decision: PolicyDecision, ttl_state: TtlState, approval_ref: Option<&str>) -> PolicyAnswer {
        PolicyAnswer::Decided { decision, ttl_state, approval_ref: approval_ref.map(str::to_owned) }
    }

    #[test]
    fn answers_are_read() {
        for (body, expected) in [
            (r#"{"decision":"allow","ttl_state":"valid"}"#, decided(PolicyDecision::Allow, TtlState::Valid, None)),
            (
                r#" {"ttl_state":"expired","decision":"deny","approval_ref":"APP-1","other":[1]}"#,
                decided(PolicyDecision::Deny, TtlState::Expired, Some("APP-1")),
            ),
            (
                r#"{"decision":"allow-with-warning","ttl_state":"expiring","warning":"soon","approval_ref":null}"#,
                decided(PolicyDecision::AllowWithWarning, TtlState::Expiring, None),
            ),
            (r#"{"decision":"allow","ttl_state":"none"}"#, decided(PolicyDecision::Allow, TtlState::None, None)),
        ] {
            assert_eq!(PolicyAnswer::read(200, body.as_bytes()), expected, "{body}");
        }
    }

    #[test]
    fn whatever_is_not_exactly_an_answer_is_none() {
        let allow = r#"{"decision":"allow","ttl_state":"valid"}"#;
        for status in [201, 204, 301, 302, 400, 401, 403, 500, 503] {
            assert_eq!(PolicyAnswer::read(status, allow.as_bytes()), PolicyAnswer::Unreachable, "{status}");
        }
        let huge = format!(r#"{{"decision":"allow","ttl_state":"valid","x":"{}"}}"#, "x".repeat(limits::POLICY_BYTES));
        let long = format!(r#"{{"decision":"allow","ttl_state":"valid","approval_ref":"{}"}}"#, "x".repeat(257));
        for body in [
            "",
            "allow",
            "null",
            "true",
            r#"["allow","valid"]"#,
            r#"["allow","valid",null,null]"#,
            "{}",
            r#"{"decision":"allow"}"#,
            r#"{"ttl_state":"valid"}"#,
            r#"{"decision":true,"ttl_state":"valid"}"#,
            r#"{"decision":"ALLOW","ttl_state":"valid"}"#,
            r#"{"decision":"allowed","ttl_state":"valid"}"#,
            r#"{"decision":["allow"],"ttl_state":"valid"}"#,
            r#"{"decision":{"allow":null},"ttl_state":"other"}"#,
            r#"{"decision":"allow","ttl_state":"fine"}"#,
            r#"{"decision":"allow","ttl_state":null}"#,
            r#"{"decision":"deny","decision":"allow","ttl_state":"valid"}"#,
            r#"{"decision":"allow","ttl_state":"valid","approval_ref":7}"#,
            r#"{"decision":"allow","ttl_state":"valid","approval_ref":""}"#,
            r#"{"decision":"allow","ttl_state":"valid","approval_ref":"a\nb"}"#,
            r#"{"decision":"allow","ttl_state":"valid","warning":{}}"#,
            r#"{"decision":"allow","ttl_state":"valid"} x"#,
            r#"{"decision":"allow","ttl_state":"valid""#,
            &huge,
            &long,
        ] {
            assert_eq!(PolicyAnswer::read(200, body.as_bytes()), PolicyAnswer::Unreachable, "{body:.80}");
        }
        assert_eq!(PolicyAnswer::read(200, b"\xff{"), PolicyAnswer::Unreachable);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(status: u16, body: Vec<u8>) {
            prop_assert_eq!(PolicyAnswer::read(status, &body).is_answer(), false);
        }
    }
}
