//! What must hold of any input, one function for each kind: it panics where it does not hold.
//!
//! `fuzz_targets/` searches for inputs with these, and `tests/corpus.rs` replays those that were kept.

mod condition;
mod context;
mod ofrep;
mod packed;
mod pattern;
mod snapshot;
mod token;
mod walk;
mod wire;

pub use condition::condition;
pub use context::context;
pub use ofrep::ofrep;
pub use packed::packed;
pub use pattern::pattern;
pub use snapshot::snapshot;
pub use token::token;

/// A function of this crate that takes any input.
pub type Target = fn(&[u8]);

/// All of them, by the names of their corpora.
pub const TARGETS: [(&str, Target); 7] = [
    ("snapshot", snapshot),
    ("condition", condition),
    ("context", context),
    ("ofrep", ofrep),
    ("packed", packed),
    ("pattern", pattern),
    ("token", token),
];
