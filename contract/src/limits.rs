//! Limits of requests, each with its reason. Past one, the answer is a 400 that names it. Those of documents are in
//! [`burgee_core::limits`].

/// Flags of one batch. A page needs a few dozen; more is a snapshot's work.
pub const BATCH_KEYS: usize = 100;

/// Bytes of a request's body. It is held in memory as a whole, beside others in the same isolate.
pub const BODY_BYTES: usize = 1024 * 1024;

/// Characters of a request id that is echoed. It is copied into a header, the body and a log line.
pub const REQUEST_ID_CHARS: usize = 128;

/// The longest soft TTL, in milliseconds: a day. Past it a registry is not cached but frozen.
pub const SOFT_TTL_MS: i64 = 24 * 60 * 60 * 1000;

/// Milliseconds after which a refresh that was begun counts as lost. The platform ends background work 30 s after its
/// request, without a word, so that nobody would ever report it.
pub const REFRESH_LOST_MS: i64 = 30_000;

/// Tenants whose registries an isolate keeps, and those that it looked for in vain. Anybody can name a tenant in a header.
pub const TENANTS_KEPT: usize = 64;

/// Bytes of all documents that an isolate keeps: compiled, each takes a few times its size, of the 128 MB that an isolate has.
/// One that is larger is kept alone.
pub const DOCUMENTS_KEPT_BYTES: usize = 16 * 1024 * 1024;

/// Characters of a path that a log line shows. Paths that nobody serves can be as long as a caller likes.
pub const LOGGED_PATH_CHARS: usize = 256;

/// Seconds of its rate that a bucket holds: a page that opens asks a few times at once.
pub const RATE_BURST_S: i64 = 2;

/// Clients and tenants whose requests an isolate counts. Anybody can come from a new address; a bucket takes some 32 bytes.
pub const RATE_KEYS: usize = 10_000;
