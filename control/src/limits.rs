//! Limits of the control plane, each with its reason. Those of documents are in [`burgee_core::limits`].

/// Steps of a rollout. A ramp of more is a percentage that somebody computes.
pub const ROLLOUT_STEPS: usize = 100;

/// Milliseconds that a proposal waits: a week. What nobody looked at for so long was meant for another state of things.
pub const PROPOSAL_TTL_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// Proposals of a tenant that wait. More are not looked through by anybody, and each keeps a document.
pub const PROPOSALS: usize = 1_000;

/// Kill switches of a tenant. The one for all flags is not counted, so that it can always be set.
pub const KILL_SWITCHES: usize = 1_000;

/// Bytes of a snapshot that are kept free of flags, segments and override rows: for its frame, its kill switches and the packed form's index.
pub const SNAPSHOT_RESERVE_BYTES: usize = 3 * 1024 * 1024;

/// Bytes that the two documents of an audit entry may have together to be kept whole: an object's storage holds rows of 2 MB at most. Of longer ones
/// it keeps the sizes and digests.
pub const AUDIT_BYTES: usize = 512 * 1024;

/// Milliseconds after which a rollout is looked at again that whoever runs the service holds (`FF_ROLLOUTS=off`): a minute.
pub const ROLLOUT_HELD_MS: i64 = 60 * 1000;

/// Milliseconds that a rollout's step may wait for the one before: a year. A step that is further off is planned by nobody.
pub const ROLLOUT_AFTER_MS: i64 = 366 * 24 * 60 * 60 * 1000;

/// Webhooks of a tenant. Each event is stored once for each that wants it.
pub const WEBHOOKS: usize = 20;

/// Attempts to deliver an event to a webhook: the last is made some 21 minutes after the first.
pub const WEBHOOK_ATTEMPTS: u32 = 8;

/// Milliseconds to wait after a failed attempt, doubled for each attempt that was made: 10 s before the second, 640 s before the eighth.
pub const WEBHOOK_BACKOFF_MS: i64 = 5_000;

/// Milliseconds for which a delivery that was handed to the queue is left to it: five minutes, a message's longest way through it and a request's. One that
/// nothing was heard of by then is handed over again, as the same attempt.
pub const DELIVERY_LEASE_MS: i64 = 5 * 60 * 1000;

/// Milliseconds for which a delivery is left to the attempt that has begun: a minute, twice what the tenant's object, the receiver and the object again are
/// given to answer. An attempt that nothing was heard of by then is made again, as the same one.
pub const ATTEMPT_LEASE_MS: i64 = 60 * 1000;

/// Milliseconds after which an envelope is sent again whose sink did not take it in all attempts, and then each time: an hour.
pub const AUDIT_SINK_RETRY_MS: i64 = 60 * 60 * 1000;

/// Milliseconds for which a delivery that was made, or given up, can be looked at and made again: 30 days.
pub const DELIVERIES_KEPT_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// Milliseconds for which a webhook's old secret signs beside the new one: a day.
pub const WEBHOOK_OLD_SECRET_MS: i64 = 24 * 60 * 60 * 1000;

/// Milliseconds between two times that one operator makes isolates read everything anew: a minute.
pub const INVALIDATE_ALL_MS: i64 = 60 * 1000;

/// Events that are kept, for streams that resume.
pub const EVENTS_KEPT: u64 = 10_000;

/// Milliseconds after which a deleted row is purged: 30 days.
pub const DELETED_KEPT_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// Milliseconds for which the id of a counted batch of exposures is remembered: a day. Queues deliver again within minutes.
pub const BATCH_KEPT_MS: i64 = 24 * 60 * 60 * 1000;

/// Rows that one tick purges, and deliveries that it hands over. What is left makes the next tick due at once.
pub const TICK_ROWS: usize = 100;

/// Characters of the id of an override row, however it comes: it stands in a URL, by which it is removed, and in the key of the audit's entries.
pub const OVERRIDE_ID_CHARS: usize = 256;

/// Bytes of a free text: a reason, a description of a webhook. It is shown in lists and kept in the audit for ever.
pub const TEXT_BYTES: usize = 2_048;
