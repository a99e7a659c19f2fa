//! The snapshot that isolates evaluate: what it is made of, and when it is written to KV.
//!
//! When stands in the tenant's row, so that it outlives the object: `publish_at` is when the alarm is to write next, none where what
//! was written is current. What the version is signed with stands there too, the key and the form of what leaves the service: where either is
//! another now, the version is made one more, so that whoever holds a snapshot takes the one that is signed anew.

use burgee_contract::v1::signature::SigningKey;
use burgee_control::{Policy, Read, State, Unreadable};
use burgee_core::packed::{FlagPart, KillSwitchPart, OverridePart, Parts, SegmentPart};

use super::rows::read;
use super::sql::{Database, bound};
use super::store::SqlStore;

/// Milliseconds between two writes: KV takes one a second for each key.
const INTERVAL_MS: i64 = 1_000;

/// The longest wait after failures, in milliseconds.
const BACKOFF_MS: i64 = 60_000;

/// Notes that there is a version to write, which `key` signs. Changes that follow soon after another are written with it.
pub(super) fn schedule(database: &Database, key: Option<&SigningKey>, now: i64) -> Read<()> {
    database.run(
        "UPDATE tenant SET signed_with = ?, unpublished_since = coalesce(unpublished_since, ?), \
            publish_at = coalesce(publish_at, max(?, coalesce(tried_at, 0) + ?))",
        bound![key.map(SigningKey::mark), now, now, INTERVAL_MS],
    )
}

/// Makes the version one more where it was signed with another key than `key`, which signs now, or with it over another form of what leaves the
/// service, or where either is none; says whether it was.
pub(super) fn sign_anew(database: &Database, key: Option<&SigningKey>, now: i64) -> Read<bool> {
    let stale = "SELECT 1 FROM tenant WHERE version > 0 AND signed_with IS NOT ?";
    if database.value::<i64>(stale, bound![key.map(SigningKey::mark)])?.is_none() {
        return Ok(false);
    }
    database.run("UPDATE tenant SET version = version + 1, changed_at = max(changed_at, ?)", bound![now])?;
    schedule(database, key, now)?;
    Ok(true)
}

/// When the alarm must look next, ms since the epoch; none where nothing waits. A version that `key` has not signed as it signs now is due at once.
pub(super) fn next_alarm(store: &SqlStore, policy: &Policy, key: Option<&SigningKey>) -> Read<Option<i64>> {
    let own: Option<[Option<i64>; 3]> = store.database.row(
        "SELECT publish_at, report_at, CASE WHEN version > 0 AND signed_with IS NOT ? THEN changed_at END FROM tenant",
        bound![key.map(SigningKey::mark)],
    )?;
    Ok(own.into_iter().flatten().flatten().chain(store.next_due(policy)?).min())
}

/// A snapshot that is to be written.
pub(super) struct Publication {
    pub(super) tenant: String,
    pub(super) version: u64,
    pub(super) bytes: Vec<u8>,
}

/// What is to be written at a time, ms since the epoch; none where nothing is due.
pub(super) fn due(database: &Database, now: i64) -> Read<Option<Publication>> {
    let row: Option<(String, u64)> =
        database.row("SELECT name, version FROM tenant WHERE publish_at <= ?", bound![now])?;
    let Some((tenant, version)) = row else { return Ok(None) };
    Ok(Some(Publication { tenant, version, bytes: snapshot(database)? }))
}

/// Notes what came of writing a version at a time, ms since the epoch. One that failed is tried again after 1 s, 2 s, 4 s, … 60 s.
pub(super) fn note(database: &Database, version: u64, landed: bool, now: i64) -> Read<()> {
    if landed {
        return database.run(
            "UPDATE tenant SET published_version = ?, publish_failures = 0, tried_at = ?, \
                publish_at = CASE WHEN version > ? THEN ? END, unpublished_since = CASE WHEN version > ? THEN changed_at END",
            bound![version, now, version, now.saturating_add(INTERVAL_MS), version],
        );
    }
    let failures = database.value::<u32>("SELECT publish_failures FROM tenant", &[])?.unwrap_or(0);
    let wait = backoff(failures);
    database.run(
        "UPDATE tenant SET publish_failures = publish_failures + 1, tried_at = ?, publish_at = ?",
        bound![now, now.saturating_add(wait)],
    )
}

/// Milliseconds to wait after so many failures and one more: 1 s, 2 s, 4 s, … 60 s.
pub(super) fn backoff(failures: u32) -> i64 {
    INTERVAL_MS.saturating_mul(1 << failures.min(10)).min(BACKOFF_MS)
}

/// The snapshot as it is stored now, in the packed form and unsigned. The same version is always the same bytes: isolates compare them.
pub(super) fn snapshot(database: &Database) -> Read<Vec<u8>> {
    let head: Option<(String, u64, i64)> = database.row("SELECT name, version, changed_at FROM tenant", &[])?;
    let (tenant, version, changed_at) = head.ok_or_else(|| Unreadable("there is no tenant's row".to_owned()))?;
    let flags: Vec<(String, String, String, String)> = database.rows(
        "SELECT key, document, prerequisites, segments FROM flags WHERE deleted_at IS NULL AND state <> 'archived' ORDER BY key",
        &[],
    )?;
    let names = flags.iter().map(|(_, _, needs, segments)| Ok((read(needs)?, read(segments)?)));
    let names = names.collect::<Read<Vec<(Vec<String>, Vec<String>)>>>()?;
    let segments: Vec<(String, String)> =
        database.rows("SELECT key, document FROM segments WHERE deleted_at IS NULL ORDER BY key", &[])?;
    // What had expired when this version came to be is left out. What expires later is the evaluator's to see.
    let overrides: Vec<(String, String)> = database.rows(
        "SELECT flag, document FROM overrides WHERE (expires_at IS NULL OR expires_at > ?) AND flag IN \
            (SELECT key FROM flags WHERE deleted_at IS NULL AND state <> 'archived') ORDER BY flag, scope, id",
        bound![changed_at],
    )?;
    let kill_switches: Vec<String> = database.column(
        "SELECT json_object('category', category, 'engaged', json('true')) FROM kill_switches WHERE engaged ORDER BY category",
        &[],
    )?;
    let parts = Parts {
        tenant: &tenant,
        version,
        generated_at: Some(changed_at),
        flags: flags
            .iter()
            .zip(&names)
            .map(|((key, document, ..), (prerequisites, segments))| FlagPart { key, document, prerequisites, segments })
            .collect(),
        segments: segments.iter().map(|(key, document)| SegmentPart { key, document }).collect(),
        overrides: overrides.iter().map(|(flag, document)| OverridePart { flag, document }).collect(),
        kill_switches: kill_switches.iter().map(|document| KillSwitchPart { engaged: true, document }).collect(),
    };
    parts.pack().map_err(|fault| Unreadable(format!("the snapshot cannot be packed: {fault}")))
}
