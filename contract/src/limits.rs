//! Limits of requests, each with its reason. Past one, the answer is a 400 that names it. Those of documents are in
//! [`burgee_core::limits`].

/// Flags of one batch. A page needs a few dozen; more is a snapshot's work.
pub const BATCH_KEYS: usize = 100;

/// Bytes of a request's body. It is held in memory as a whole, beside others in the same isolate.
pub const BODY_BYTES: usize = 1024 * 1024;

/// Bytes of an import's body: as many as a snapshot may have.
pub const IMPORT_BYTES: usize = burgee_core::limits::SNAPSHOT_BYTES;

/// Bytes of a URL's path and query together. HTTP asks servers to take 8,000 (RFC 9110, 4.1); the longest that is of use is a list's, with its
/// page token.
pub const URL_BYTES: usize = 8 * 1024;

/// Bytes of a header that is read: as many as a token may have.
pub const HEADER_BYTES: usize = 8 * 1024;

/// Bytes of a token. Ours have a few hundred, those of other issuers one or two thousand; what is longer is not looked at.
pub const TOKEN_BYTES: usize = 8 * 1024;

/// Seconds that a token counts at most, and by default: 6 hours, a working day's half.
pub const TOKEN_TTL_S: i64 = 6 * 60 * 60;

/// Seconds that a token for an event stream counts. Its URL stands in logs of whatever lies between.
pub const EVENTS_TOKEN_TTL_S: i64 = 15 * 60;

/// Bytes of the token that `/metrics` asks for, at least: too many to be guessed.
pub const METRICS_TOKEN_BYTES: usize = 16;

/// Bytes of a secret that signs tokens, at least: as many as its hash has (RFC 7518, 3.2).
pub const TOKEN_SECRET_BYTES: usize = 32;

/// Characters of a token's subject, of an actor and of an id in a path. They stand in every entry of the audit.
pub const SUBJECT_CHARS: usize = 256;

/// Entries of one answer's list, and where the caller does not say.
pub const LIST_ITEMS: usize = 100;

/// Entries of a list where the caller does not say how many.
pub const LIST_ITEMS_DEFAULT: usize = 50;

/// Entries of one answer's list of the audit: they are read by the hundreds.
pub const AUDIT_ITEMS: usize = 200;

/// The longest time that archived flags are kept, in days: a century, far from where milliseconds overflow.
pub const RETENTION_DAYS: i64 = 36_500;

/// Entries of one batch of exposures: ten times what the client sends.
pub const EXPOSURES: usize = 1_000;

/// Characters of a request id that is echoed. It is copied into a header, the body and a log line.
pub const REQUEST_ID_CHARS: usize = 128;

/// The longest soft TTL, in milliseconds: a day. Past it a registry is not cached but frozen.
pub const SOFT_TTL_MS: i64 = 24 * 60 * 60 * 1000;

/// Milliseconds after which a refresh that was begun counts as lost. The platform ends background work 30 s after its
/// request, without a word, so that nobody would ever report it.
pub const REFRESH_LOST_MS: i64 = 30_000;

/// Milliseconds after which a load that others wait for counts as lost: its request ended before storage answered. Storage that is slower is
/// read twice, which does no harm.
pub const LOAD_LOST_MS: i64 = 2_000;

/// Milliseconds between two looks of a request that waits for another's load.
pub const LOAD_POLL_MS: u32 = 5;

/// Tenants whose registries an isolate keeps, and those that it looked for in vain. Anybody can name a tenant in a header.
pub const TENANTS_KEPT: usize = 64;

/// Bytes of all documents that an isolate keeps: compiled, each takes a few times its size, of the 128 MB that an isolate has.
/// One that is larger is kept alone.
pub const DOCUMENTS_KEPT_BYTES: usize = 16 * 1024 * 1024;

/// Bytes of the texts of flags that are kept compiled, of one packed registry: some 7,000 flags of 300 bytes.
pub const FLAGS_KEPT_BYTES: usize = 2 * 1024 * 1024;

/// Characters of a path that a log line shows. Paths that nobody serves can be as long as a caller likes.
pub const LOGGED_PATH_CHARS: usize = 256;

/// The highest rate that can be set, in requests a second: more than an isolate answers.
pub const RATE: u32 = 1_000_000;

/// Seconds of its rate that a bucket holds: a page that opens asks a few times at once.
pub const RATE_BURST_S: i64 = 2;

/// Clients and tenants whose requests an isolate counts. Anybody can come from a new address; a bucket takes some 32 bytes.
pub const RATE_KEYS: usize = 10_000;

/// A snapshot is too old to be ready with after so many soft TTLs: so many refreshes have failed, one after the other.
pub const READY_AGE_SOFT_TTLS: i64 = 10;

/// And never before so many milliseconds. A minute without storage is weathered from memory; to be taken out of service for it would make of
/// a hiccup an outage.
pub const READY_AGE_LEAST_MS: i64 = 60_000;

/// Characters of a `kid`. Issuers' are hashes, UUIDs or dates.
pub const KID_CHARS: usize = 256;

/// Bytes of a JWKS. A key has about 500, and its certificates some thousands.
pub const JWKS_BYTES: usize = 256 * 1024;

/// Keys of a JWKS that are kept. Issuers have two to ten.
pub const JWKS_KEYS: usize = 100;

/// Milliseconds after which fetching a JWKS is given up: a request waits for it.
pub const JWKS_TIMEOUT_MS: u32 = 2_000;

/// Milliseconds after which a fetch that nobody reported on counts as lost, because the request that made it was.
pub const JWKS_LOST_MS: i64 = 5_000;

/// Milliseconds for which a JWKS is taken to be current: an hour.
pub const JWKS_FRESH_MS: i64 = 60 * 60 * 1000;

/// Milliseconds for which a JWKS is used while its issuer does not answer: a day, after which nobody knows what was taken back.
pub const JWKS_KEPT_MS: i64 = 24 * 60 * 60 * 1000;

/// Milliseconds between two fetches for the sake of a `kid` that is not there, and between two tries to replace what is held:
/// made-up kids cost the issuer two requests a minute.
pub const JWKS_UNKNOWN_KID_MS: i64 = 30_000;

/// Milliseconds after a fetch that failed, with nothing held, in which there is no other. Requests are refused meanwhile.
pub const JWKS_RETRY_MS: i64 = 5_000;

/// Milliseconds between two looks of a request that waits for another's fetch.
pub const JWKS_POLL_MS: u32 = 20;

/// Keys that a token is checked with: tokens without a `kid` fit every key of their algorithm, and each costs a verification.
pub const KEYS_TRIED: usize = 8;

/// Bits of an RSA key, from and to: shorter ones are broken (RFC 7518, 3.3), longer ones take too long.
pub const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// Verified tokens that an isolate remembers; with all that they can hold they are 8 MB.
pub const TOKENS_KEPT: usize = 1_000;

/// Milliseconds for which a token that has verified is not verified again.
pub const TOKEN_REMEMBERED_MS: i64 = 60_000;

/// Milliseconds after which the policy service is not waited for any longer: a request waits for it.
pub const POLICY_TIMEOUT_MS: u32 = 1_000;

/// Bytes of the policy service's answer that are read. One has a few hundred.
pub const POLICY_BYTES: usize = 64 * 1024;

/// Questions that must fail one after the other until the policy service is not asked any more.
pub const POLICY_FAILURES: u32 = 5;

/// Milliseconds for which it is not asked then, at first.
pub const POLICY_OPEN_MS: i64 = 10_000;

/// The longest time in milliseconds for which it is not asked: each try that fails doubles it.
pub const POLICY_OPEN_MAX_MS: i64 = 60_000;

/// Milliseconds after which a try counts as lost: it would have ended by [`POLICY_TIMEOUT_MS`], if its request had lived.
pub const POLICY_TRIAL_LOST_MS: i64 = 5_000;

/// Characters of an approval's reference, as it is sent to the policy service and comes back from it.
pub const APPROVAL_REF_CHARS: usize = 256;

/// Sensitive flags that one request asks the policy service about: a platform's requests may make so many of their own, and the service
/// answers each by itself. What is past it is denied.
pub const POLICY_QUESTIONS: usize = 40;
