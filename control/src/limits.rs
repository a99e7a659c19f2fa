//! Limits of the control plane, each with its reason. Those of documents are in [`burgee_core::limits`].

/// Steps of a rollout. A ramp of more is a percentage that somebody computes.
pub const ROLLOUT_STEPS: usize = 100;

/// Milliseconds that a proposal waits: a week. What nobody looked at for so long was meant for another state of things.
pub const PROPOSAL_TTL_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// Webhooks of a tenant. Each event is stored once for each that wants it.
pub const WEBHOOKS: usize = 20;

/// Attempts to deliver an event to a webhook: the last is made some 21 minutes after the first.
pub const WEBHOOK_ATTEMPTS: u32 = 8;

/// Milliseconds before the second attempt; doubled with each that follows.
pub const WEBHOOK_BACKOFF_MS: i64 = 5_000;

/// Milliseconds for which a webhook's old secret signs beside the new one: a day.
pub const WEBHOOK_OLD_SECRET_MS: i64 = 24 * 60 * 60 * 1000;

/// Events that are kept, for streams that resume.
pub const EVENTS_KEPT: u64 = 10_000;

/// Milliseconds after which a deleted row is purged: 30 days.
pub const DELETED_KEPT_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// Milliseconds for which the id of a counted batch of exposures is remembered: a day. Queues deliver again within minutes.
pub const BATCH_KEPT_MS: i64 = 24 * 60 * 60 * 1000;

/// Rows that one tick purges, and deliveries that it hands over. What is left makes the next tick due at once.
pub const TICK_ROWS: usize = 100;

/// Bytes of a free text: a reason, a description of a webhook. It is shown in lists and kept in the audit for ever.
pub const TEXT_BYTES: usize = 2_048;
