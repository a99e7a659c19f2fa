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

/// Prerequisites of a flag. Each is a walk of its own, on every evaluation.
pub const PREREQUISITES: usize = 100;

/// Walks that one evaluation may take, its own and those of prerequisites. A diamond is walked once for each way that leads to it, and
/// a few dozen flags can be linked so that there are more ways than could ever be walked.
pub const PREREQUISITE_WALKS: u32 = 256;

/// Prerequisites of prerequisites. Evaluation recurses once per level, and a wasm stack is small.
pub const PREREQUISITE_DEPTH: u32 = 16;

/// Bytes of a regular expression. What is longer is a list in disguise.
pub const PATTERN_BYTES: usize = 1024;

/// Instructions that a regular expression may be compiled to. Matching takes time in their number times that of the characters.
/// Counted repetition apart, a byte of a pattern makes two at most, so only a pattern that counts can come past this.
pub const PATTERN_INSTRUCTIONS: usize = 2 * PATTERN_BYTES;

/// Nested groups of a regular expression. Compiling recurses once per level, and a wasm stack is small.
pub const PATTERN_DEPTH: usize = 50;

/// Bytes of a text (UTF-8) that a regular expression is matched with. With the above this bounds one match to 17 million steps,
/// which only a pattern that counts high comes near.
pub const MATCHED_BYTES: usize = 8 * 1024;

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
