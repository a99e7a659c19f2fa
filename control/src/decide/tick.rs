//! What is due: everything that happens by itself.

use super::work::Work;
use super::{flags, proposals, rollouts, segments, sink, webhooks};
use crate::change::Change;
use crate::error::Error;
use crate::limits::{BATCH_KEPT_MS, DELETED_KEPT_MS, DELIVERIES_KEPT_MS, EVENTS_KEPT, TICK_ROWS};

/// Who ends, purges and forgets.
pub(crate) const RETENTION_ACTOR: &str = "burgee:retention";

/// Does all that is due, [`TICK_ROWS`] of a kind. What is left is due still, so the next tick follows at once.
pub(crate) fn tick(work: &mut Work<'_>) -> Result<(), Error> {
    let (now, policy) = (work.now(), work.occasion.policy);
    let caller = std::mem::replace(&mut work.actor, rollouts::ROLLOUT_ACTOR.to_owned());
    if !work.state.rollouts_stopped()? {
        for row in work.state.rollouts_due(now)?.iter().take(TICK_ROWS) {
            if policy.rollouts {
                rollouts::progress(work, row)?;
            } else {
                rollouts::hold(work, row);
            }
        }
    }
    work.actor = RETENTION_ACTOR.to_owned();
    proposals::expire(work, TICK_ROWS)?;
    // What is due at this millisecond is due.
    let before = |kept_ms: i64| now.saturating_sub(kept_ms).saturating_add(1);
    let deleted_before = before(DELETED_KEPT_MS);
    for row in work.state.flags_to_purge(before(policy.retention_ms), deleted_before, TICK_ROWS)? {
        flags::purge(work, &row)?;
    }
    for row in work.state.segments_to_purge(deleted_before, TICK_ROWS)? {
        segments::purge(work, &row)?;
    }
    sink::collect(work, TICK_ROWS)?;
    webhooks::deliver_due(work, TICK_ROWS)?;
    if work.state.oldest_delivery()?.is_some_and(|at| at < before(DELIVERIES_KEPT_MS)) {
        work.put(Change::ForgetDeliveries { before: before(DELIVERIES_KEPT_MS) });
    }
    if work.state.oldest_batch()?.is_some_and(|at| at < before(BATCH_KEPT_MS)) {
        work.put(Change::ForgetBatches { before: before(BATCH_KEPT_MS) });
    }
    if let Some((first, last)) = work.state.events()?
        && last.saturating_sub(first) >= EVENTS_KEPT
    {
        work.put(Change::ForgetEvents { up_to: last.saturating_sub(EVENTS_KEPT) });
    }
    work.actor = caller;
    Ok(())
}
