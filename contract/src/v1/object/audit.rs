//! `/v1/audit`.

use burgee_control::audit::{FIRST_PREV_HASH, broken_at};
use burgee_control::{AUDIT_SINK, AuditFilter, AuditRow, Command, DeliveryRow, DeliveryStatus, Store};
use serde::Serialize;

use super::{Answer, Asked, json, time};
use crate::v1::page::Listing;

/// How many entries are read at a time.
const CHUNK: usize = 500;

pub(super) fn list(asked: &Asked<'_>, store: &dyn Store) -> Answer {
    let params = &asked.params;
    let listing = Listing::read(asked.entry, params, store.tenant())?;
    let filter = AuditFilter {
        entity: params.owned("entity"),
        entity_key: params.owned("entity_key"),
        actor: params.owned("actor"),
        since: params.time("since"),
        until: params.time("until"),
    };
    let rows = store.audit(&filter, &listing.page)?;
    Ok(listing.answer(rows.into_iter().map(|row| (row.seq.to_string(), shown(&row))).collect()))
}

/// An entry as it is stored, and its hash.
fn shown(row: &AuditRow) -> String {
    let open = row.document.strip_suffix('}').unwrap_or(&row.document);
    format!("{open},\"hash\":\"{}\"}}", row.hash)
}

/// An envelope on its way to the audit's sink.
#[derive(Serialize)]
struct Envelope<'a> {
    id: String,
    sink_status: DeliveryStatus,
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_at: Option<String>,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tried_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<&'a str>,
}

fn shown_envelope(row: &DeliveryRow, tenant: &str) -> String {
    let envelope = Envelope {
        id: format!("{tenant}/{}", row.id.trim_start_matches("audit_")),
        sink_status: row.status,
        attempts: row.attempts,
        next_at: row.next_at.map(time),
        created_at: time(row.created_at),
        tried_at: row.tried_at.map(time),
        last_status: row.last_status,
        last_error: row.last_error.as_deref().filter(|error| !error.is_empty()),
    };
    // Texts and numbers can always be written.
    serde_json::to_string(&envelope).unwrap_or_default()
}

/// What is on its way to the sink, newest first.
pub(super) fn sink(asked: &Asked<'_>, store: &dyn Store) -> Answer {
    let listing = Listing::read(asked.entry, &asked.params, store.tenant())?;
    let status = match asked.params.get("status") {
        Some("pending") => Some(DeliveryStatus::Pending),
        Some("delivered") => Some(DeliveryStatus::Delivered),
        Some("waiting") => Some(DeliveryStatus::Waiting),
        _ => None,
    };
    let rows = store.deliveries(AUDIT_SINK, status, &listing.page)?;
    Ok(listing.answer(rows.iter().map(|row| (row.id.clone(), shown_envelope(row, store.tenant()))).collect()))
}

/// Has all that wait sent at once.
pub(super) fn retry_sink(asked: &Asked<'_>, store: &mut dyn Store) -> Answer {
    #[derive(Serialize)]
    struct Retried {
        retried: u64,
    }
    let retried = store.deliveries_waiting()?;
    asked.run(store, &Command::RetryAuditSink)?.answer(|| json(202, &Retried { retried }))
}

#[derive(Serialize)]
struct Check {
    ok: bool,
    entries: u64,
    first_seq: Option<u64>,
    last_seq: Option<u64>,
    head: Option<String>,
    broken_at: Option<u64>,
}

/// Hashes every entry again, the oldest first, up to the first that does not follow from the one before.
pub(super) fn verify(store: &dyn Store) -> Answer {
    let mut check = Check { ok: true, entries: 0, first_seq: None, last_seq: None, head: None, broken_at: None };
    let mut seq = 1_u64;
    let mut prev = FIRST_PREV_HASH.to_owned();
    loop {
        let rows = store.audit_from(seq, CHUNK)?;
        check.first_seq = check.first_seq.or(rows.first().map(|row| row.seq));
        let broken_at = broken_at(&prev, seq, &rows);
        for row in rows.iter().take_while(|row| broken_at.is_none_or(|broken| row.seq < broken)) {
            check.entries = check.entries.saturating_add(1);
            check.last_seq = Some(row.seq);
            prev.clone_from(&row.hash);
            seq = seq.saturating_add(1);
        }
        check.broken_at = broken_at;
        if broken_at.is_some() || rows.len() < CHUNK {
            break;
        }
    }
    check.head = check.last_seq.map(|_| prev);
    // Where the last entries are gone, only the head that is remembered tells.
    let head = store.audit_head()?;
    if check.broken_at.is_none() && head != check.last_seq.zip(check.head.clone()) {
        check.broken_at = Some(seq);
    }
    check.ok = check.broken_at.is_none();
    json(200, &check)
}
