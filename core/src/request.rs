//! What a request brings to an evaluation beside the context.

use crate::context::Value;
use crate::decision::Reason;
use crate::model::OverrideScope;
use crate::snapshot::FlagIndex;
use crate::text::Text;

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
