//! What is wrong with a document, and where.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::Serialize;

use crate::json::Path;
use crate::limits;

/// What kind of fault it is. The codes are stable: programs may compare them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
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
}

/// A fault: what, where (a JSON pointer, RFC 6901), and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Fault {
    /// The kind.
    pub code: FaultCode,
    /// Where in the document.
    pub pointer: String,
    /// For people. It never holds the value that was found: that could be personal or secret.
    pub message: Cow<'static, str>,
}

impl core::fmt::Display for Fault {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let place = if self.pointer.is_empty() { "the document" } else { &self.pointer };
        write!(f, "{place}: {}", self.message)
    }
}

impl core::error::Error for Fault {}

/// Collects faults while reading goes on, so that one answer can list them all.
///
/// Past [`limits::FAULT_BYTES`] they are only counted; the first is always listed.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    listed: Vec<Fault>,
    bytes: usize,
    more: usize,
}

impl Faults {
    /// Notes a fault. `message` says what is wrong and what would be right.
    #[cold]
    #[inline(never)]
    pub(crate) fn add(&mut self, code: FaultCode, path: &Path<'_>, message: &'static str) {
        self.list(code, path, || Cow::Borrowed(message));
    }

    /// As [`Faults::add`], where the place is known as a pointer.
    pub(crate) fn add_at(&mut self, code: FaultCode, pointer: String, message: &'static str) {
        self.push(Fault { code, pointer, message: Cow::Borrowed(message) });
    }

    /// Notes that a limit is passed: there must be at most `limit` of `what`, and `name` is the limit's name.
    #[cold]
    #[inline(never)]
    pub(crate) fn add_limit(&mut self, path: &Path<'_>, limit: usize, what: &'static str, name: &'static str) {
        let message = || Cow::Owned(format!("must have at most {limit} {what} ({name})"));
        self.list(FaultCode::LimitExceeded, path, message);
    }

    fn list(&mut self, code: FaultCode, path: &Path<'_>, message: impl FnOnce() -> Cow<'static, str>) {
        // A pointer is long enough to be worth not writing it.
        if self.bytes > limits::FAULT_BYTES {
            self.more = self.more.saturating_add(1);
        } else {
            self.push(Fault { code, pointer: path.to_string(), message: message() });
        }
    }

    fn push(&mut self, fault: Fault) {
        self.bytes = self.bytes.saturating_add(fault.pointer.len()).saturating_add(limits::FAULT_OVERHEAD);
        self.listed.push(fault);
    }

    /// The value that was read, unless there are faults. Where some are not listed, the last of the list says how many.
    pub(crate) fn finish<T>(mut self, value: Option<T>) -> Result<T, Vec<Fault>> {
        match (value, self.listed.last()) {
            (Some(value), None) => Ok(value),
            (_, Some(last)) if self.more > 0 => {
                let message = format!("{} more faults are not listed (FAULT_BYTES)", self.more).into();
                let more = Fault { code: FaultCode::LimitExceeded, pointer: last.pointer.clone(), message };
                self.listed.push(more);
                Err(self.listed)
            }
            _ => Err(self.listed),
        }
    }
}

/// What was left out of a snapshot, or switched off in it, when it was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum WarningCode {
    /// A flag is at fault: it is off.
    InvalidFlag,
    /// A flag has the key of an earlier one: it is left out.
    DuplicateFlag,
    /// A segment is at fault: it is left out, and flags that name it are at fault too.
    InvalidSegment,
    /// A segment has the key of an earlier one: it is left out.
    DuplicateSegment,
    /// A flag's prerequisite is not in the snapshot: it is never met.
    PrerequisiteUnknownFlag,
    /// A flag's prerequisites lead into a cycle: they are never met.
    PrerequisiteCycle,
    /// A flag's prerequisites are past [`crate::limits::PREREQUISITE_WALKS`] or [`crate::limits::PREREQUISITE_DEPTH`]: they are never met.
    PrerequisiteLimit,
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
            Self::DuplicateFlag => "duplicate_flag",
            Self::InvalidSegment => "invalid_segment",
            Self::DuplicateSegment => "duplicate_segment",
            Self::PrerequisiteUnknownFlag => "prerequisite_unknown_flag",
            Self::PrerequisiteCycle => "prerequisite_cycle",
            Self::PrerequisiteLimit => "prerequisite_limit",
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
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Warning {
    /// The kind.
    pub code: WarningCode,
    /// Where in the snapshot's document (a JSON pointer).
    pub pointer: String,
    /// For people.
    pub message: Cow<'static, str>,
}
