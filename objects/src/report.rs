//! What the totals are told of a tenant: how it is doing now, after each change and when a snapshot has landed.
//!
//! When stands in the tenant's row, as of publishing: `report_at` is when the alarm is to tell next, none where what was told is current.

use std::collections::BTreeMap;

use burgee_contract::metrics::TenantReport;
use burgee_control::{Change, Read, RolloutRow};

use super::publish::backoff;
use super::rows::read_all;
use super::sql::{Database, bound};

/// Milliseconds between two reports.
const INTERVAL_MS: i64 = 1_000;

/// Milliseconds after which a report that was begun counts as lost. It is longer than a report may take, so that none is due at that very time.
const LOST_MS: i64 = 10_000;

/// Whether a change makes the last report wrong.
pub(super) fn shows(change: &Change) -> bool {
    matches!(
        change,
        Change::SetVersion { .. }
            | Change::PutFlag(_)
            | Change::PurgeFlag { .. }
            | Change::PutRollout(_)
            | Change::RemoveRollout { .. }
    )
}

/// Notes that there is something to tell. What follows soon after another report is told with the next.
pub(super) fn schedule(database: &Database, now: i64) -> Read<()> {
    let at = "max(?, coalesce(reported_at, 0) + ?)";
    let statement = format!("UPDATE tenant SET report_at = min(coalesce(report_at, {at}), {at})");
    database.run(&statement, bound![now, INTERVAL_MS, now, INTERVAL_MS])
}

/// How the tenant is doing at a time (ms since the epoch); none where nothing is to be told. What is begun is noted, so the caller holds a transaction.
pub(super) fn due(database: &Database, now: i64) -> Read<Option<TenantReport>> {
    let row: Option<(String, u64, Option<i64>, u64)> = database.row(
        "SELECT name, version, unpublished_since, \
            (SELECT count(*) FROM flags WHERE deleted_at IS NULL AND state = 'on') FROM tenant WHERE report_at <= ?",
        bound![now],
    )?;
    let Some((tenant, snapshot_version, unpublished_since, active_flags)) = row else { return Ok(None) };
    let rollouts = database.rows::<(String, u64)>("SELECT status, count(*) FROM rollouts GROUP BY status", &[])?;
    let active = "SELECT document FROM rollouts WHERE status IN ('running', 'paused')";
    let active = read_all::<RolloutRow>(&database.column::<String>(active, &[])?)?;
    database.run("UPDATE tenant SET report_at = ?", bound![now.saturating_add(LOST_MS)])?;
    Ok(Some(TenantReport {
        tenant,
        at: now,
        snapshot_version,
        unpublished_since,
        active_flags,
        rollouts: rollouts.into_iter().collect(),
        percentages: active.into_iter().map(|row| (row.flag.clone(), row.served())).collect::<BTreeMap<_, _>>(),
    }))
}

/// Notes what came of a report that was begun at a time (ms since the epoch). One that failed is tried again after 1 s, 2 s, 4 s, … 60 s.
pub(super) fn note(database: &Database, landed: bool, now: i64) -> Read<()> {
    if landed {
        // What has changed meanwhile has another time, and stays.
        return database.run(
            "UPDATE tenant SET reported_at = ?, report_failures = 0, report_at = nullif(report_at, ?)",
            bound![now, now.saturating_add(LOST_MS)],
        );
    }
    let failures = database.value::<u32>("SELECT report_failures FROM tenant", &[])?.unwrap_or(0);
    database.run(
        "UPDATE tenant SET reported_at = ?, report_failures = report_failures + 1, report_at = ?",
        bound![now, now.saturating_add(backoff(failures))],
    )
}
