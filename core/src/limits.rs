//! Every limit in one place, each with its reason. Past one, the error names it; nothing is cut in silence.

/// Characters of a flag, segment or variant key. Keys travel in URLs, log fields and KV keys (512 bytes).
pub const KEY_CHARS: usize = 128;

/// Bytes of one flag's JSON. A flag is read and compiled as a whole, so its cost must be bounded.
pub const FLAG_BYTES: usize = 64 * 1024;

/// Bytes of one segment's JSON: two lists of ids as long as lists may be, and room around them. It too is read as a whole.
pub const SEGMENT_BYTES: usize = 1024 * 1024;

/// Bytes of the JSON of one override row or kill switch. As with flags; the longest of them that is of use is far below it.
pub const ROW_BYTES: usize = 64 * 1024;

/// Bytes of the faults of one entry that are listed: each counts its pointer, and [`FAULT_OVERHEAD`]. A pointer may be nearly as long as the entry
/// and have thousands of others beside it, so that without a limit they could take a thousand times the room of the entry.
pub const FAULT_BYTES: usize = 16 * 1024;

/// What a fault counts beside its pointer.
pub const FAULT_OVERHEAD: usize = 64;

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

/// What the conditions of one flag or segment may cost: a comparison counts 1, a pattern its instructions, and a segment as much as its own
/// conditions. Without a limit, a few thousand references to a segment of as many comparisons, or a few hundred patterns that count high, would make
/// of one evaluation a matter of minutes.
pub const CONDITION_COST: usize = 16 * 1024;

/// Nested conditions. Evaluation recurses once per level, and a wasm stack is small.
pub const CONDITION_DEPTH: usize = 16;

/// Entries of a list in a condition, a target or a segment.
pub const LIST_ITEMS: usize = 10_000;

/// Attributes that the flags and segments of a tenant name, the evaluator's own included. They have numbers of 16 bits where a context crosses into
/// wasm, and each context that is kept there has a place for every one.
pub const ATTRIBUTES: usize = 10_000;

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
