//! The tables, as numbered migrations. One that was deployed is never changed: what must differ is another.
//!
//! Each is applied in a transaction of its own, together with its row in `schema_migrations`, so that one that fails leaves the tables
//! as the one before made them. `worker/test/migrations/` keeps, for each, rows as they were stored under it; the tests bring every one of
//! them to the last.

use burgee_control::Read;

use super::sql::{Database, bound};

/// Flags, segments, what was done to them, and the events of it.
const FIRST: &[&str] = &[
    "CREATE TABLE tenant (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        name TEXT NOT NULL,
        version INTEGER NOT NULL,
        changed_at INTEGER NOT NULL,
        published_version INTEGER NOT NULL DEFAULT 0,
        tried_at INTEGER,
        publish_at INTEGER,
        publish_failures INTEGER NOT NULL DEFAULT 0
    ) STRICT",
    "CREATE TABLE flags (
        key TEXT PRIMARY KEY,
        version INTEGER NOT NULL,
        document TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('on', 'off', 'archived')),
        state_before TEXT CHECK (state_before IN ('on', 'off')),
        tags TEXT NOT NULL,
        search TEXT NOT NULL,
        prerequisites TEXT NOT NULL,
        segments TEXT NOT NULL,
        attributes TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        archived_at INTEGER,
        deleted_at INTEGER
    ) STRICT, WITHOUT ROWID",
    "CREATE INDEX flags_archived ON flags (archived_at) WHERE archived_at IS NOT NULL",
    "CREATE INDEX flags_deleted ON flags (deleted_at) WHERE deleted_at IS NOT NULL",
    // What a flag or segment names, to be found from the other side.
    "CREATE TABLE names (
        kind TEXT NOT NULL CHECK (kind IN ('tag', 'prerequisite', 'segment', 'attribute', 'segment_attribute')),
        name TEXT NOT NULL,
        owner TEXT NOT NULL,
        PRIMARY KEY (kind, name, owner)
    ) STRICT, WITHOUT ROWID",
    "CREATE INDEX names_by_owner ON names (owner, kind)",
    "CREATE TABLE segments (
        key TEXT PRIMARY KEY,
        version INTEGER NOT NULL,
        document TEXT NOT NULL,
        cost INTEGER NOT NULL,
        search TEXT NOT NULL,
        attributes TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        deleted_at INTEGER
    ) STRICT, WITHOUT ROWID",
    "CREATE INDEX segments_deleted ON segments (deleted_at) WHERE deleted_at IS NOT NULL",
    "CREATE TABLE audit (
        seq INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        actor TEXT NOT NULL,
        action TEXT NOT NULL,
        entity TEXT NOT NULL,
        entity_key TEXT NOT NULL,
        document TEXT NOT NULL,
        hash TEXT NOT NULL
    ) STRICT",
    "CREATE INDEX audit_at ON audit (at)",
    "CREATE INDEX audit_entity ON audit (entity, entity_key)",
    "CREATE INDEX audit_actor ON audit (actor)",
    // The history cannot be written anew, whatever the code above asks for.
    "CREATE TRIGGER audit_is_not_updated BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is not changed'); END",
    "CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is not changed'); END",
    // `INSERT OR REPLACE` deletes without that trigger.
    "CREATE TRIGGER audit_is_not_replaced BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq)
        BEGIN SELECT RAISE(ABORT, 'the audit is not changed'); END",
    "CREATE TABLE events (
        seq INTEGER PRIMARY KEY,
        type TEXT NOT NULL,
        at INTEGER NOT NULL,
        document TEXT NOT NULL
    ) STRICT",
];

/// Overrides, kill switches, proposals and rollouts.
const SECOND: &[&str] = &[
    "CREATE TABLE overrides (
        flag TEXT NOT NULL,
        scope TEXT NOT NULL CHECK (scope IN ('user', 'tenant')),
        id TEXT NOT NULL,
        document TEXT NOT NULL,
        expires_at INTEGER,
        PRIMARY KEY (flag, scope, id)
    ) STRICT, WITHOUT ROWID",
    "CREATE TABLE kill_switches (category TEXT PRIMARY KEY, engaged INTEGER NOT NULL, document TEXT NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE proposals (
        id TEXT PRIMARY KEY,
        place INTEGER NOT NULL,
        status TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        document TEXT NOT NULL
    ) STRICT, WITHOUT ROWID",
    "CREATE INDEX proposals_place ON proposals (place)",
    "CREATE INDEX proposals_waiting ON proposals (created_at) WHERE status = 'waiting'",
    "CREATE TABLE rollouts (flag TEXT PRIMARY KEY, status TEXT NOT NULL, next_at INTEGER, document TEXT NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE INDEX rollouts_due ON rollouts (next_at) WHERE next_at IS NOT NULL",
    "ALTER TABLE tenant ADD COLUMN rollouts_stopped INTEGER NOT NULL DEFAULT 0",
];

/// Webhooks, what is on its way to them, and exposures.
const THIRD: &[&str] = &[
    "CREATE TABLE webhooks (id TEXT PRIMARY KEY, place INTEGER NOT NULL, document TEXT NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE deliveries (
        id TEXT PRIMARY KEY,
        webhook TEXT NOT NULL,
        place INTEGER NOT NULL,
        status TEXT NOT NULL,
        next_at INTEGER,
        created_at INTEGER NOT NULL,
        document TEXT NOT NULL
    ) STRICT, WITHOUT ROWID",
    "CREATE INDEX deliveries_of ON deliveries (webhook, place)",
    "CREATE INDEX deliveries_due ON deliveries (next_at) WHERE status = 'pending'",
    "CREATE TABLE exposures (
        flag TEXT NOT NULL,
        variant TEXT NOT NULL,
        version INTEGER NOT NULL,
        count INTEGER NOT NULL,
        last_at INTEGER NOT NULL,
        PRIMARY KEY (flag, variant, version)
    ) STRICT, WITHOUT ROWID",
    "CREATE INDEX deliveries_ended ON deliveries (created_at) WHERE status <> 'pending'",
    "CREATE TABLE batches (id TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE INDEX batches_at ON batches (at)",
];

/// Which key signs the version, since when a change waits to be published, and what the totals have been told.
const FOURTH: &[&str] = &[
    "ALTER TABLE tenant ADD COLUMN signed_with TEXT",
    "ALTER TABLE tenant ADD COLUMN unpublished_since INTEGER",
    "ALTER TABLE tenant ADD COLUMN reported_at INTEGER",
    "ALTER TABLE tenant ADD COLUMN report_at INTEGER",
    "ALTER TABLE tenant ADD COLUMN report_failures INTEGER NOT NULL DEFAULT 0",
    "UPDATE tenant SET unpublished_since = changed_at WHERE publish_at IS NOT NULL",
    "UPDATE tenant SET report_at = changed_at WHERE version > 0",
];

/// How far the audit has been told to its sink, and deliveries to it, which may wait for as long as it takes.
const FIFTH: &[&str] = &[
    "ALTER TABLE tenant ADD COLUMN sink_seq INTEGER NOT NULL DEFAULT 0",
    "DROP INDEX deliveries_due",
    "CREATE INDEX deliveries_open ON deliveries (next_at) WHERE status IN ('pending', 'waiting')",
    "DROP INDEX deliveries_ended",
    "CREATE INDEX deliveries_over ON deliveries (created_at) WHERE status IN ('delivered', 'dead')",
];

/// When deliveries ended: they are kept for a time after that, however long they waited.
const SIXTH: &[&str] = &[
    "ALTER TABLE deliveries ADD COLUMN ended_at INTEGER",
    // The first that were stored did not say it.
    "UPDATE deliveries SET ended_at = coalesce(json_extract(document, '$.ended_at'), created_at) WHERE status IN ('delivered', 'dead')",
    "DROP INDEX deliveries_over",
    "CREATE INDEX deliveries_over ON deliveries (ended_at) WHERE status IN ('delivered', 'dead')",
];

/// All of them, oldest first; the number of each is its place, from 1.
const ALL: &[&[&str]] = &[FIRST, SECOND, THIRD, FOURTH, FIFTH, SIXTH];

/// The number of the last migration that was applied; 0 in a database that nothing was ever written to.
pub(crate) fn applied(database: &Database) -> Read<usize> {
    let known: Option<String> =
        database.value("SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'schema_migrations'", &[])?;
    match known {
        None => Ok(0),
        Some(_) => Ok(database
            .value::<Option<usize>>("SELECT max(number) FROM schema_migrations", &[])?
            .flatten()
            .unwrap_or(0)),
    }
}

/// Applies the migration that follows the last applied one, and says whether there was one. The caller holds a transaction, so that
/// it is applied as a whole; the first makes the row of `tenant`. The time is in ms since the epoch.
pub(crate) fn apply_next(database: &Database, tenant: &str, now: i64) -> Read<bool> {
    let applied = applied(database)?;
    let Some(statements) = ALL.get(applied) else { return Ok(false) };
    if applied == 0 {
        database.run(
            "CREATE TABLE schema_migrations (number INTEGER PRIMARY KEY, applied_at INTEGER NOT NULL) STRICT",
            &[],
        )?;
    }
    for statement in *statements {
        database.run(statement, &[])?;
    }
    if applied == 0 {
        database.run("INSERT INTO tenant (only, name, version, changed_at) VALUES (1, ?, 0, 0)", bound![tenant])?;
    }
    database.run(
        "INSERT INTO schema_migrations (number, applied_at) VALUES (?, ?)",
        bound![applied.saturating_add(1), now],
    )?;
    Ok(true)
}
