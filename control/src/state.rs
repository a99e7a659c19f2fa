//! What a decision may look at.

use burgee_core::model::OverrideScope;

use crate::change::Change;
use crate::command::Policy;
use crate::rows::*;

/// Storage could not be read, or holds what is not to be understood; why, for the log alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable(pub String);

/// What came of reading.
pub type Read<T> = Result<T, Unreadable>;

/// How much a tenant has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Flags, archived ones included, deleted ones not.
    pub flags: usize,
    /// Segments, deleted ones not.
    pub segments: usize,
    /// Override rows, expired ones included.
    pub overrides: usize,
    /// Kill switches that were ever set, without the one for all flags.
    pub kill_switches: usize,
    /// Proposals that wait.
    pub proposals: usize,
    /// Webhooks.
    pub webhooks: usize,
    /// Bytes of the documents of flags that are neither archived nor deleted, of segments that are not deleted, and of all override rows.
    pub snapshot_bytes: usize,
    /// Attributes that those flags and segments read, each once.
    pub attributes: usize,
}

/// A tenant as it is stored. Every method reads what was committed.
pub trait State {
    /// The tenant's name.
    fn tenant(&self) -> &str;
    /// How much there is.
    fn counts(&self) -> Read<Counts>;
    /// The snapshot's version; 0 before the first change.
    fn version(&self) -> Read<u64>;
    /// A flag's row, archived and deleted ones included.
    fn flag(&self, key: &str) -> Read<Option<FlagRow>>;
    /// Flags that are neither deleted nor archived and have this one as a prerequisite.
    fn dependents(&self, key: &str) -> Read<Vec<String>>;
    /// Flags that are not deleted and whose rules name this segment.
    fn flags_with_segment(&self, key: &str) -> Read<Vec<String>>;
    /// Whether a flag that is neither archived nor deleted, or a segment that is not deleted, reads this attribute.
    fn has_attribute(&self, name: &str) -> Read<bool>;
    /// Flags that were archived or deleted before these times (ms since the epoch), at most so many. A flag that is both counts as deleted.
    fn flags_to_purge(&self, archived_before: i64, deleted_before: i64, limit: usize) -> Read<Vec<FlagRow>>;
    /// A segment's row, deleted ones included.
    fn segment(&self, key: &str) -> Read<Option<SegmentRow>>;
    /// Segments that were deleted before this time (ms since the epoch), at most so many.
    fn segments_to_purge(&self, deleted_before: i64, limit: usize) -> Read<Vec<SegmentRow>>;
    /// An override's row, expired ones included.
    fn override_row(&self, scope: OverrideScope, id: &str, flag: &str) -> Read<Option<OverrideRow>>;
    /// All override rows of a flag, expired ones included, by scope and id.
    fn overrides_of(&self, flag: &str) -> Read<Vec<OverrideRow>>;
    /// A kill switch's row.
    fn kill_switch(&self, category: &str) -> Read<Option<KillSwitchRow>>;
    /// The last rollout of a flag, whatever became of it.
    fn rollout(&self, flag: &str) -> Read<Option<RolloutRow>>;
    /// Rollouts whose `next_at` is at or before this time (ms since the epoch).
    fn rollouts_due(&self, now: i64) -> Read<Vec<RolloutRow>>;
    /// Whether the tenant's rollouts stand still.
    fn rollouts_stopped(&self) -> Read<bool>;
    /// A proposal's row.
    fn proposal(&self, id: &str) -> Read<Option<ProposalRow>>;
    /// Proposals that wait and were made before this time (ms since the epoch).
    fn proposals_waiting(&self, before: i64) -> Read<Vec<ProposalRow>>;
    /// All webhooks.
    fn webhooks(&self) -> Read<Vec<WebhookRow>>;
    /// A delivery's row.
    fn delivery(&self, id: &str) -> Read<Option<DeliveryRow>>;
    /// The earliest `ended_at` of deliveries, ms since the epoch; none where none has ended.
    fn oldest_delivery(&self) -> Read<Option<i64>>;
    /// Deliveries that wait and whose `next_at` is at or before this time (ms since the epoch), at most so many.
    fn deliveries_due(&self, now: i64, limit: usize) -> Read<Vec<DeliveryRow>>;
    /// Whether a batch of exposures was counted already.
    fn has_batch(&self, id: &str) -> Read<bool>;
    /// When the oldest batch that is remembered came, ms since the epoch; none where there is none.
    fn oldest_batch(&self) -> Read<Option<i64>>;
    /// How many deliveries wait ([`DeliveryStatus::Waiting`]).
    fn deliveries_waiting(&self) -> Read<u64>;
    /// The seq that [`Change::SetSinkSeq`] set last; 0 before.
    fn sink_seq(&self) -> Read<u64>;
    /// Entries of the audit after a seq, oldest first.
    fn audit_after(&self, seq: u64, limit: usize) -> Read<Vec<AuditRow>>;
    /// When an actor last made isolates read everything anew (an entry `cache_invalidated` of the audit whose `after` has the scope `global`), after
    /// a time; ms since the epoch, none where he did not.
    fn invalidated_at(&self, actor: &str, after: i64) -> Read<Option<i64>>;
    /// The last entry's seq and hash; none before the first.
    fn audit_head(&self) -> Read<Option<(u64, String)>>;
    /// The seqs of the first and the last event that are kept; none where there is none. A seq is not given twice.
    fn events(&self) -> Read<Option<(u64, u64)>>;
    /// When something is due next that [`crate::Command::Tick`] does, ms since the epoch; none where nothing is. It is the earliest of:
    /// a rollout's `next_at` unless rollouts are stopped; the `next_at` of a delivery that waits; a waiting proposal's `created_at` and
    /// `PROPOSAL_TTL_MS`; a deleted flag's or segment's `deleted_at` and `DELETED_KEPT_MS`; the `archived_at` of a flag that is not deleted and
    /// the policy's `retention_ms`; [`State::oldest_delivery`] and `DELIVERIES_KEPT_MS`; [`State::oldest_batch`] and `BATCH_KEPT_MS`; where the policy has a sink, the time of the first
    /// entry of the audit after [`State::sink_seq`].
    fn next_due(&self, policy: &Policy) -> Read<Option<i64>>;
}

/// A part of a list: what comes after a place in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The last key that was seen (of lists in the order of time its seq or id); none from the start.
    pub after: Option<String>,
    /// How many at most. To know whether there are more, one more is asked for than is shown.
    pub limit: usize,
}

/// Which flags are listed. An absent field lets all pass; deleted flags are never listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlagFilter {
    /// The state; without it all that are not archived.
    pub state: Option<FlagState>,
    /// A tag that they have.
    pub tag: Option<String>,
    /// What their keys start with.
    pub prefix: Option<String>,
    /// What their key or description holds, in lower case.
    pub search: Option<String>,
    /// They were neither evaluated for anybody nor created or changed since this time, ms since the epoch.
    pub unseen_since: Option<i64>,
}

/// Which entries of the audit are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// The kind of thing.
    pub entity: Option<String>,
    /// Which.
    pub entity_key: Option<String>,
    /// Who.
    pub actor: Option<String>,
    /// From this time on, ms since the epoch.
    pub since: Option<i64>,
    /// Before this time, ms since the epoch.
    pub until: Option<i64>,
}

/// What a tenant can be asked beside what decisions need.
pub trait Lists: State {
    /// Flags by key.
    fn flags(&self, filter: &FlagFilter, page: &Page) -> Read<Vec<FlagRow>>;
    /// Segments by key; `prefix` and `search` as of flags.
    fn segments(&self, prefix: Option<&str>, search: Option<&str>, page: &Page) -> Read<Vec<SegmentRow>>;
    /// All kill switches that were ever set, by category.
    fn kill_switches(&self) -> Read<Vec<KillSwitchRow>>;
    /// Proposals, newest first.
    fn proposals(&self, status: Option<ProposalStatus>, page: &Page) -> Read<Vec<ProposalRow>>;
    /// Deliveries of a webhook, newest first.
    fn deliveries(&self, webhook: &str, status: Option<DeliveryStatus>, page: &Page) -> Read<Vec<DeliveryRow>>;
    /// Exposures of a flag.
    fn exposures(&self, flag: &str) -> Read<Vec<ExposureCount>>;
    /// Entries of the audit, newest first.
    fn audit(&self, filter: &AuditFilter, page: &Page) -> Read<Vec<AuditRow>>;
    /// Entries of the audit from a seq on, oldest first.
    fn audit_from(&self, seq: u64, limit: usize) -> Read<Vec<AuditRow>>;
    /// Events after a seq, oldest first.
    fn events_after(&self, seq: u64, limit: usize) -> Read<Vec<EventRow>>;
}

/// A tenant that can be changed.
pub trait Store: Lists {
    /// Stores all changes, or none of them.
    fn commit(&mut self, changes: &[Change]) -> Read<()>;
}
