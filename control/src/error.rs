//! Why a command is refused.

use burgee_core::Fault;

use crate::state::Unreadable;

/// Why nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The body is at fault: every fault, in the order found.
    Invalid(Vec<Fault>),
    /// Prerequisites would lead in a circle: the keys, the first again at the end.
    PrerequisiteCycle(Vec<String>),
    /// There is no such thing.
    NotFound(&'static str),
    /// The version that was demanded is not the present one.
    VersionConflict {
        /// What was demanded.
        expected: u64,
        /// What is present; none where nothing is.
        present: Option<u64>,
    },
    /// A rollout is running, or none is where there must be one.
    RolloutConflict(String),
    /// The state does not allow it; why, and what would help.
    Conflict(String),
    /// Another person must do it.
    OwnProposal,
    /// A limit of the tenant, by its name.
    LimitExceeded {
        /// The constant's name.
        limit: &'static str,
        /// For people.
        message: String,
    },
    /// It was done lately, and may be done again after a while.
    TooSoon {
        /// In so many seconds, at least one.
        retry_after_s: u32,
        /// For people.
        message: String,
    },
    /// The tenant's rows cannot be read; the adapter's fault.
    Unreadable(Unreadable),
}

impl From<Unreadable> for Error {
    fn from(unreadable: Unreadable) -> Self {
        Self::Unreadable(unreadable)
    }
}
