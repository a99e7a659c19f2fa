//! The evaluator of burgee.
//!
//! A [`Snapshot`] is compiled once from a tenant's flags; [`Snapshot::evaluate`] then decides any of them for a [`Context`] and
//! answers with a [`Decision`] that borrows from the snapshot. The same code runs at the edge, in browsers, in Node and natively.
//!
//! This crate knows nothing of networks, storage, clocks, randomness or JavaScript: the time is a parameter, bytes come in and
//! decisions go out. It does not panic: what is wrong with a document is a [`Fault`] or a [`Warning`] that names the place.
//!
//! ```
//! use burgee_core::{NamedContext, Request, Snapshot};
//!
//! let registry = br#"{"flags": [{"key": "syn.staged_25", "stage": {"rollout_stage": "staged_25"}}]}"#;
//! let snapshot = Snapshot::parse(registry).unwrap();
//! let context = NamedContext::new().with("user_id", "bucket-low-1");
//! let decision = snapshot.evaluate(snapshot.find("syn.staged_25"), &context, &Request::at(0), &mut ());
//! assert!(decision.enabled);
//! ```
// No std: a panic then carries no text and no formatting into the wasm module, which is half its size.
#![cfg_attr(not(feature = "typescript"), no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::panic,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::unreachable,
        clippy::arithmetic_side_effects,
        clippy::float_cmp_const,
        clippy::print_stdout,
        clippy::print_stderr
    )
)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod bucketing;
mod compile;
mod condition;
mod context;
mod decision;
mod decode;
mod describe;
mod documents;
mod evaluate;
mod fault;
mod hash;
mod json;
pub mod limits;
pub mod lint;
pub mod model;
mod openfeature;
pub mod packed;
mod pattern;
mod prerequisites;
mod reads;
mod redact;
mod request;
mod semver;
mod snapshot;
mod text;
pub mod time;
mod trace;

/// The evaluator's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

pub use bucketing::Bucket;
pub use context::{Attribute, Context, NamedContext, Symbol, Value, attribute};
pub use decision::{Decision, DecisionJson, Reason, Source, Verdict};
pub use describe::findings_to_text;
pub use documents::{Documents, Entry, read_flags, read_overrides};
pub use fault::{Fault, FaultCode, Warning, WarningCode};
pub use hash::{Continuation, Djb2, djb2_xor, fmix32, hash_bucket};
pub use json::{Json, MAX_SAFE_INTEGER, Path};
pub use openfeature::ResolutionReason;
pub use reads::{Read, Reads};
pub use redact::{REDACTION, redact};
pub use request::{Denial, InlineOverride, Overrides, Permits, Request};
pub use snapshot::{CompiledFlag, CompiledVariant, FlagIndex, Snapshot};
pub use text::{Text, wtf8_from_utf16};
pub use trace::{Compared, ComparedValue, Outcome, Step, Trace};
