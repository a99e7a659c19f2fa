//! Every limit in one place, each with its reason. Past one, the error names it; nothing is cut in silence.

/// Characters of a flag, segment or variant key. Keys travel in URLs, log fields and KV keys (512 bytes).
pub const KEY_CHARS: usize = 128;

/// Bytes of one flag's JSON. A flag is read and compiled as a whole, so its cost must be bounded.
pub const FLAG_BYTES: usize = 64 * 1024;

/// Bytes of one JSON variant value. Configuration that is larger belongs into storage of its own.
pub const JSON_VALUE_BYTES: usize = 32 * 1024;

/// Variants of a flag. A decision is handed over a boundary as a number that holds the variant's place.
pub const VARIANTS: usize = 256;

/// Rules of a flag. They are tried in order, on every evaluation.
pub const RULES: usize = 100;

/// Nested conditions. Evaluation recurses once per level, and a wasm stack is small.
pub const CONDITION_DEPTH: usize = 16;

/// Entries of a list in a condition, a target or a segment.
pub const LIST_ITEMS: usize = 10_000;

/// Segments of a tenant.
pub const SEGMENTS: usize = 1_000;

/// Flags of a tenant.
pub const FLAGS: usize = 10_000;

/// Stored override rows of a tenant.
pub const OVERRIDES: usize = 10_000;

/// Bytes of a snapshot from which on it carries a warning: it is slow to fetch and to load.
pub const SNAPSHOT_WARN_BYTES: usize = 5 * 1024 * 1024;

/// Bytes of a snapshot that are refused: KV holds no larger value.
pub const SNAPSHOT_BYTES: usize = 25 * 1024 * 1024;

/// Bytes of a context's JSON.
pub const CONTEXT_BYTES: usize = 64 * 1024;
