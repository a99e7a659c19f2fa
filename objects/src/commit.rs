//! Changes as statements. The object holds one transaction around the decision and these: a statement that fails undoes them all.

use burgee_control::{Change, FlagRow, Read, SegmentRow};
use serde_json::Value;

use super::rows::{name, place, written};
use super::sql::{Database, bound};
use super::store::SqlStore;

/// Stores all changes, in their order.
pub(super) fn store(store: &mut SqlStore, changes: &[Change]) -> Read<()> {
    for (index, change) in changes.iter().enumerate() {
        apply(&store.database, change)?;
        if store.panic_after.is_some_and(|after| index >= after) {
            panic!("FF_TEST_PANIC is set, and a panic after {} changes was asked for", index.saturating_add(1));
        }
    }
    store.committed.extend_from_slice(changes);
    Ok(())
}

fn apply(database: &Database, change: &Change) -> Read<()> {
    match change {
        Change::PutFlag(row) => put_flag(database, row),
        Change::PurgeFlag { key } => {
            database.run("DELETE FROM names WHERE owner = ? AND kind <> 'segment_attribute'", bound![key])?;
            for table in ["overrides", "rollouts", "exposures"] {
                database.run(&format!("DELETE FROM {table} WHERE flag = ?"), bound![key])?;
            }
            database.run("DELETE FROM flags WHERE key = ?", bound![key])
        }
        Change::PutSegment(row) => put_segment(database, row),
        Change::PurgeSegment { key } => {
            database.run("DELETE FROM names WHERE owner = ? AND kind = 'segment_attribute'", bound![key])?;
            database.run("DELETE FROM segments WHERE key = ?", bound![key])
        }
        Change::PutOverride(row) => put(
            database,
            "overrides (flag, scope, id, document, expires_at)",
            bound![row.flag, row.scope, row.id, row.document, row.expires_at],
        ),
        Change::RemoveOverride { scope, id, flag } => {
            database.run("DELETE FROM overrides WHERE flag = ? AND scope = ? AND id = ?", bound![flag, scope, id])
        }
        Change::PutKillSwitch(row) => put(
            database,
            "kill_switches (category, engaged, document)",
            bound![row.category, i64::from(row.engaged), written(row)?],
        ),
        Change::PutRollout(row) => put(
            database,
            "rollouts (flag, status, next_at, document)",
            bound![row.flag, name(&row.status)?, row.next_at, written(row)?],
        ),
        Change::RemoveRollout { flag } => database.run("DELETE FROM rollouts WHERE flag = ?", bound![flag]),
        Change::PutProposal(row) => put(
            database,
            "proposals (id, place, status, created_at, document)",
            bound![row.id, place(&row.id), name(&row.status)?, row.created_at, written(row)?],
        ),
        Change::PutWebhook(row) => {
            put(database, "webhooks (id, place, document)", bound![row.id, place(&row.id), written(row)?])
        }
        Change::RemoveWebhook { id } => {
            database.run("DELETE FROM deliveries WHERE webhook = ?", bound![id])?;
            database.run("DELETE FROM webhooks WHERE id = ?", bound![id])
        }
        Change::PutDelivery(row) => put(
            database,
            "deliveries (id, webhook, place, status, next_at, created_at, ended_at, document)",
            bound![
                row.id,
                row.webhook,
                place(&row.id),
                name(&row.status)?,
                row.next_at,
                row.created_at,
                row.ended_at,
                written(row)?,
            ],
        ),
        Change::SetSinkSeq(seq) => database.run("UPDATE tenant SET sink_seq = ?", bound![seq]),
        Change::HastenDeliveries { at } => database.run(
            "UPDATE deliveries SET next_at = ?, document = json_set(document, '$.next_at', CAST(? AS INTEGER)) WHERE status = 'waiting'",
            bound![at, at],
        ),
        Change::ForgetDeliveries { before } => database
            .run("DELETE FROM deliveries WHERE status IN ('delivered', 'dead') AND ended_at < ?", bound![before]),
        Change::AddExposures(seen) => database.run(
            "INSERT INTO exposures (flag, variant, version, count, last_at) VALUES (?, ?, ?, ?, ?) \
                ON CONFLICT DO UPDATE SET count = count + excluded.count, last_at = max(last_at, excluded.last_at)",
            bound![seen.flag, seen.variant, seen.version, seen.count, seen.last_at],
        ),
        Change::PutBatch { id, at } => put(database, "batches (id, at)", bound![id, at]),
        Change::ForgetBatches { before } => database.run("DELETE FROM batches WHERE at < ?", bound![before]),
        Change::SetRolloutsStopped(stopped) => {
            database.run("UPDATE tenant SET rollouts_stopped = ?", bound![i64::from(*stopped)])
        }
        Change::SetVersion { version, at } => {
            database.run("UPDATE tenant SET version = ?, changed_at = ?", bound![version, at])
        }
        // Not `put`: the audit's rows have no second form.
        Change::Audit(row) => database.run(
            "INSERT INTO audit (seq, at, actor, action, entity, entity_key, document, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            bound![row.seq, row.at, row.actor, row.action, row.entity, row.entity_key, row.document, row.hash],
        ),
        Change::Event(row) => database.run(
            "INSERT INTO events (seq, type, at, document) VALUES (?, ?, ?, ?)",
            bound![row.seq, row.event_type, row.at, row.document],
        ),
        Change::ForgetEvents { up_to } => database.run("DELETE FROM events WHERE seq <= ?", bound![up_to]),
    }
}

/// Stores a row in the place of an earlier one; `columns` names the table and its columns, the first of which are its primary key.
fn put(database: &Database, columns: &str, bound: &[Value]) -> Read<()> {
    let places = vec!["?"; bound.len()].join(", ");
    database.run(&format!("INSERT OR REPLACE INTO {columns} VALUES ({places})"), bound)
}

fn put_flag(database: &Database, row: &FlagRow) -> Read<()> {
    put(
        database,
        "flags (key, version, document, state, state_before, tags, search, prerequisites, segments, attributes, created_at, \
            updated_at, archived_at, deleted_at)",
        bound![
            row.key,
            row.version,
            row.document,
            name(&row.state)?,
            row.state_before.as_ref().map(name).transpose()?,
            written(&row.tags)?,
            row.search,
            written(&row.prerequisites)?,
            written(&row.segments)?,
            written(&row.attributes)?,
            row.created_at,
            row.updated_at,
            row.archived_at,
            row.deleted_at,
        ],
    )?;
    database.run("DELETE FROM names WHERE owner = ? AND kind <> 'segment_attribute'", bound![row.key])?;
    put_names(database, "tag", &row.tags, &row.key)?;
    put_names(database, "prerequisite", &row.prerequisites, &row.key)?;
    put_names(database, "segment", &row.segments, &row.key)?;
    put_names(database, "attribute", &row.attributes, &row.key)
}

fn put_segment(database: &Database, row: &SegmentRow) -> Read<()> {
    put(
        database,
        "segments (key, version, document, cost, search, attributes, created_at, updated_at, deleted_at)",
        bound![
            row.key,
            row.version,
            row.document,
            row.cost,
            row.search,
            written(&row.attributes)?,
            row.created_at,
            row.updated_at,
            row.deleted_at,
        ],
    )?;
    database.run("DELETE FROM names WHERE owner = ? AND kind = 'segment_attribute'", bound![row.key])?;
    put_names(database, "segment_attribute", &row.attributes, &row.key)
}

/// Stores what a row names: all names of a kind in one statement, for there may be a hundred.
fn put_names(database: &Database, kind: &str, names: &[String], owner: &str) -> Read<()> {
    if names.is_empty() {
        return Ok(());
    }
    let statement = "INSERT OR IGNORE INTO names (kind, name, owner) SELECT ?, value, ? FROM json_each(?)";
    database.run(statement, bound![kind, owner, written(&names)?])
}
