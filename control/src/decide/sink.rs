//! The audit's sink: each entry is an envelope that is delivered like an event to a webhook, but is never given up.

use std::borrow::Cow;

use burgee_core::time::format_rfc3339;
use serde::{Deserialize, Serialize};

use super::work::{Subject, Work, to_json, unreadable};
use crate::change::Change;
use crate::error::Error;
use crate::limits::DELIVERY_LEASE_MS;
use crate::rows::{AUDIT_SINK, AuditRow, DeliveryRow, DeliveryStatus};

/// What the sink is told of an entry. The entry's documents are not in it: who wants them reads the audit.
#[derive(Serialize)]
struct Envelope<'a> {
    envelope: &'static str,
    id: &'a str,
    at: String,
    actor: &'a str,
    action: &'a str,
    entity: &'a str,
    entity_key: &'a str,
    tenant: &'a str,
    request_id: &'a str,
    hash: &'a str,
    prev_hash: &'a str,
    sink_status: &'static str,
}

/// What only the entry's document has.
#[derive(Deserialize)]
struct Chained {
    request_id: String,
    prev_hash: String,
}

/// Puts the entries on their way that are not yet, `limit` at most.
pub(crate) fn collect(work: &mut Work<'_>, limit: usize) -> Result<(), Error> {
    if !work.occasion.policy.audit_sink {
        return Ok(());
    }
    let rows = work.state.audit_after(work.state.sink_seq()?, limit)?;
    let Some(last) = rows.last().map(|row| row.seq) else { return Ok(()) };
    for row in &rows {
        let delivery = delivery(work, row)?;
        work.put(Change::PutDelivery(delivery));
    }
    work.put(Change::SetSinkSeq(last));
    Ok(())
}

fn delivery(work: &Work<'_>, row: &AuditRow) -> Result<DeliveryRow, Error> {
    let chained: Chained = serde_json::from_str(&row.document).map_err(|_| unreadable("an entry of the audit"))?;
    let tenant = work.state.tenant();
    let envelope = Envelope {
        envelope: "admin.audit/1",
        id: &format!("{tenant}/{}", row.seq),
        at: format_rfc3339(row.at),
        actor: &row.actor,
        action: &row.action,
        entity: row.entity,
        entity_key: &row.entity_key,
        tenant,
        request_id: &chained.request_id,
        hash: &row.hash,
        prev_hash: &chained.prev_hash,
        sink_status: "pending",
    };
    Ok(DeliveryRow {
        id: format!("audit_{}", row.seq),
        webhook: AUDIT_SINK.to_owned(),
        event_type: Cow::Borrowed("admin.audit"),
        body: to_json(&envelope)?,
        status: DeliveryStatus::Pending,
        attempts: 0,
        next_at: Some(work.now().saturating_add(DELIVERY_LEASE_MS)),
        in_queue: true,
        created_at: work.now(),
        tried_at: None,
        ended_at: None,
        last_status: None,
        last_error: None,
    })
}

/// Makes all that wait due now; the next tick sends them.
pub(crate) fn retry(work: &mut Work<'_>) -> Result<(), Error> {
    let waiting = work.state.deliveries_waiting()?;
    if waiting == 0 {
        return Ok(());
    }
    let after = format!(r#"{{"waiting":{waiting}}}"#);
    let tenant = work.state.tenant().to_owned();
    let subject = Subject { entity: "tenant", key: &tenant, version: None, before: None, after: Some(&after) };
    work.audit("audit_sink_retried", subject)?;
    work.put(Change::HastenDeliveries { at: work.now() });
    Ok(())
}
