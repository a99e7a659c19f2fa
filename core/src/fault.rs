//! What is wrong with a document, and where.

use serde::Serialize;

/// What kind of fault it is. The codes are stable: programs may compare them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultCode {
    /// The text is not JSON.
    InvalidJson,
    /// A field that must be there is not.
    Missing,
    /// A value of another JSON type was expected.
    WrongType,
    /// The type is right, the value is not one that is allowed.
    InvalidValue,
    /// Two things that must differ are the same.
    Duplicate,
    /// Something is named that the document does not have.
    UnknownReference,
    /// Past a limit of [`crate::limits`].
    LimitExceeded,
    /// The evaluator does not do this yet.
    Unsupported,
}

/// A fault: what, where (a JSON pointer, RFC 6901), and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The kind.
    pub code: FaultCode,
    /// Where in the document.
    pub pointer: String,
    /// For people. It never holds the value that was found: that could be personal or secret.
    pub message: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let place = if self.pointer.is_empty() { "the document" } else { &self.pointer };
        write!(f, "{place}: {}", self.message)
    }
}

impl std::error::Error for Fault {}

/// What was left out of a snapshot, or switched off in it, when it was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WarningCode {
    /// A flag is at fault: it is off.
    InvalidFlag,
    /// A flag uses what this version does not evaluate: it is off.
    Unsupported,
    /// A flag has the key of an earlier one: it is left out.
    DuplicateFlag,
    /// A stored override row is at fault: it is left out.
    InvalidOverride,
    /// A stored override row is for a flag that the snapshot does not have: it is left out.
    OverrideUnknownFlag,
    /// A stored override row names a variant that its flag does not have: it is skipped when met.
    OverrideUnknownVariant,
    /// A later row has the same scope, id and flag: this one is left out.
    DuplicateOverride,
    /// A kill switch is at fault: it is left out.
    InvalidKillSwitch,
    /// The snapshot is larger than [`crate::limits::SNAPSHOT_WARN_BYTES`].
    LargeSnapshot,
}

impl WarningCode {
    /// The code as it is written in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidFlag => "invalid_flag",
            Self::Unsupported => "unsupported",
            Self::DuplicateFlag => "duplicate_flag",
            Self::InvalidOverride => "invalid_override",
            Self::OverrideUnknownFlag => "override_unknown_flag",
            Self::OverrideUnknownVariant => "override_unknown_variant",
            Self::DuplicateOverride => "duplicate_override",
            Self::InvalidKillSwitch => "invalid_kill_switch",
            Self::LargeSnapshot => "large_snapshot",
        }
    }
}

/// A warning about one entry of a snapshot. The snapshot works; this entry does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// The kind.
    pub code: WarningCode,
    /// Where in the snapshot's document (a JSON pointer).
    pub pointer: String,
    /// For people.
    pub message: String,
}
