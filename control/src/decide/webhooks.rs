//! Webhooks and their deliveries.

use burgee_core::{FaultCode, Json};
use serde::Serialize;

use super::draft::object;
use super::fields::Fields;
use super::work::{Subject, Work, to_json};
use crate::change::Change;
use crate::error::Error;
use crate::limits::{
    ATTEMPT_LEASE_MS, AUDIT_SINK_RETRY_MS, DELIVERY_LEASE_MS, TEXT_BYTES, WEBHOOK_ATTEMPTS, WEBHOOK_BACKOFF_MS,
    WEBHOOK_OLD_SECRET_MS,
};
use crate::rows::{AUDIT_SINK, DeliveryRow, DeliveryStatus, WebhookRow};
use crate::{events, signature, webhook_url};

/// What a body may have. All but the first four are set by the service, and are let in so that what was read can be written back.
const MEMBERS: [&str; 8] = ["url", "types", "description", "enabled", "id", "created_by", "created_at", "updated_at"];

/// Types and patterns of a webhook.
const TYPES: usize = 50;

/// What a body says.
struct Document {
    url: String,
    types: Vec<String>,
    description: Option<String>,
    enabled: bool,
}

fn read(work: &Work<'_>, document: &str) -> Result<Document, Error> {
    let members = object(document)?;
    let mut faults = Vec::new();
    let mut fields = Fields::new(&members, "", &MEMBERS, &mut faults);
    let url = fields.string("url").map(str::to_owned);
    match &url {
        Some(url) => {
            if let Err(rule) = webhook_url::check(url, work.occasion.policy) {
                fields.fault(FaultCode::InvalidValue, "url", format!("must {rule}"));
            }
        }
        None if fields.get("url").is_none() => fields.missing("url"),
        None => {}
    }
    let mut types = Vec::new();
    let items = fields.items("types").unwrap_or_default();
    if items.len() > TYPES {
        fields.fault(FaultCode::LimitExceeded, "types", format!("must have at most {TYPES} types"));
    }
    for (index, item) in items.iter().enumerate().take(TYPES) {
        match item {
            Json::String(pattern) if events::is_pattern(pattern) => types.push(pattern.clone().into_owned()),
            _ => {
                let message = "must be an event's type, or the start of one with * behind it";
                fields.fault(FaultCode::InvalidValue, &format!("types/{index}"), message);
            }
        }
    }
    let description = fields.text("description").map(str::to_owned);
    let enabled = fields.boolean("enabled").unwrap_or(true);
    match url {
        Some(url) if faults.is_empty() => Ok(Document { url, types, description, enabled }),
        _ => Err(Error::Invalid(faults)),
    }
}

/// A webhook as the audit shows it: no secret, and of the URL, whose path or query often is one, no more than where it leads.
#[derive(Serialize)]
struct Shown<'a> {
    id: &'a str,
    origin: &'a str,
    types: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    enabled: bool,
}

fn record(
    work: &mut Work<'_>,
    action: &str,
    before: Option<&WebhookRow>,
    after: Option<&WebhookRow>,
) -> Result<(), Error> {
    let shown = |row: &WebhookRow| {
        to_json(&Shown {
            id: &row.id,
            origin: webhook_url::origin(&row.url),
            types: &row.types,
            description: row.description.as_deref(),
            enabled: row.enabled,
        })
    };
    let Some(key) = after.or(before).map(|row| row.id.clone()) else { return Ok(()) };
    let (before, after) = (before.map(shown).transpose()?, after.map(shown).transpose()?);
    let subject =
        Subject { entity: "webhook", key: &key, version: None, before: before.as_deref(), after: after.as_deref() };
    work.audit(action, subject)
}

fn known(work: &Work<'_>, id: &str) -> Result<WebhookRow, Error> {
    work.webhooks()?.into_iter().find(|row| row.id == id).ok_or(Error::NotFound("webhook"))
}

/// Creates a webhook with a new secret.
pub(crate) fn create(work: &mut Work<'_>, document: &str) -> Result<(), Error> {
    let Document { url, types, description, enabled } = read(work, document)?;
    let row = WebhookRow {
        id: format!("wh-{}", work.next_seq()?),
        url,
        types,
        description,
        enabled,
        secret: signature::new_secret(&work.occasion.random),
        old_secret: None,
        created_by: work.actor.clone(),
        created_at: work.now(),
        updated_at: work.now(),
    };
    record(work, "created", None, Some(&row))?;
    work.put_webhook(row, true)
}

/// Replaces what a webhook's document says.
pub(crate) fn replace(work: &mut Work<'_>, id: &str, document: &str) -> Result<(), Error> {
    let row = known(work, id)?;
    let Document { url, types, description, enabled } = read(work, document)?;
    let mut after = WebhookRow { url, types, description, enabled, ..row.clone() };
    if after == row {
        return Ok(());
    }
    after.updated_at = work.now();
    record(work, "updated", Some(&row), Some(&after))?;
    work.put_webhook(after, false)
}

/// Gives a webhook a new secret.
pub(crate) fn rotate(work: &mut Work<'_>, id: &str) -> Result<(), Error> {
    let row = known(work, id)?;
    let until = work.now().saturating_add(WEBHOOK_OLD_SECRET_MS);
    let after = WebhookRow {
        secret: signature::new_secret(&work.occasion.random),
        old_secret: Some((row.secret.clone(), until)),
        updated_at: work.now(),
        ..row.clone()
    };
    record(work, "rotated", Some(&row), Some(&after))?;
    work.put_webhook(after, false)
}

/// Removes a webhook with its deliveries.
pub(crate) fn remove(work: &mut Work<'_>, id: &str) -> Result<(), Error> {
    let row = known(work, id)?;
    record(work, "removed", Some(&row), None)?;
    work.put(Change::RemoveWebhook { id: row.id });
    Ok(())
}

/// Delivers once more what was delivered, or given up. What is on its way already stays so.
pub(crate) fn redeliver(work: &mut Work<'_>, webhook: &str, delivery: &str) -> Result<(), Error> {
    let row = known(work, webhook)?;
    let delivery = work.state.delivery(delivery)?.filter(|delivery| delivery.webhook == webhook);
    let delivery = delivery.ok_or(Error::NotFound("delivery"))?;
    if !row.enabled {
        return Err(Error::Conflict("the webhook is disabled; enable it first".to_owned()));
    }
    if delivery.status == DeliveryStatus::Pending {
        return Ok(());
    }
    record(work, "redelivered", Some(&row), Some(&row))?;
    let again = DeliveryRow { status: DeliveryStatus::Pending, attempts: 0, ended_at: None, ..delivery };
    hand_over(work, again);
    Ok(())
}

/// Gives a delivery to the queue, and takes it for lost there after a time.
fn hand_over(work: &mut Work<'_>, row: DeliveryRow) {
    let next_at = Some(work.now().saturating_add(DELIVERY_LEASE_MS));
    work.put(Change::PutDelivery(DeliveryRow { next_at, in_queue: true, ..row }));
}

/// Hands over the deliveries that are due. Those of a webhook that is disabled are given up.
pub(crate) fn deliver_due(work: &mut Work<'_>, limit: usize) -> Result<(), Error> {
    let due = work.state.deliveries_due(work.now(), limit)?;
    if due.is_empty() {
        return Ok(());
    }
    let webhooks = work.webhooks()?;
    for row in due {
        if row.webhook == AUDIT_SINK {
            if work.occasion.policy.audit_sink {
                hand_over(work, DeliveryRow { status: DeliveryStatus::Pending, ..row });
            } else {
                // Whoever runs the service has taken it away, for a time perhaps.
                let waiting = waiting(row, work.now());
                work.put(Change::PutDelivery(waiting));
            }
        } else if webhooks.iter().any(|webhook| webhook.id == row.webhook && webhook.enabled) {
            hand_over(work, row);
        } else {
            work.put(Change::PutDelivery(DeliveryRow {
                last_error: Some("the webhook is disabled".to_owned()),
                ..ended(row, DeliveryStatus::Dead, work.now())
            }));
        }
    }
    Ok(())
}

/// Takes a delivery out of the queue for an attempt, and leaves it to that for a time. The queue may have it in two messages: the second finds nothing.
pub(crate) fn begin(work: &mut Work<'_>, delivery: &str) -> Result<(), Error> {
    let waits = work.state.delivery(delivery)?.filter(|row| row.status == DeliveryStatus::Pending && row.in_queue);
    let Some(row) = waits else { return Ok(()) };
    let has_receiver = if row.webhook == AUDIT_SINK {
        work.occasion.policy.audit_sink
    } else {
        work.webhooks()?.iter().any(|webhook| webhook.id == row.webhook && webhook.enabled)
    };
    if has_receiver {
        let next_at = Some(work.now().saturating_add(ATTEMPT_LEASE_MS));
        work.put(Change::PutDelivery(DeliveryRow { next_at, in_queue: false, ..row }));
    }
    Ok(())
}

/// What the audit's sink has not taken: it waits for the next hour.
fn waiting(row: DeliveryRow, now: i64) -> DeliveryRow {
    let next_at = Some(now.saturating_add(AUDIT_SINK_RETRY_MS));
    DeliveryRow { status: DeliveryStatus::Waiting, next_at, in_queue: false, ..row }
}

fn ended(row: DeliveryRow, status: DeliveryStatus, now: i64) -> DeliveryRow {
    DeliveryRow { status, next_at: None, in_queue: false, ended_at: Some(now), ..row }
}

/// Notes what came of an attempt.
pub(crate) fn note(
    work: &mut Work<'_>,
    delivery: &str,
    attempt: u32,
    status: Option<u16>,
    error: &str,
) -> Result<(), Error> {
    let Some(row) = work.state.delivery(delivery)? else { return Ok(()) };
    if row.status != DeliveryStatus::Pending || attempt != row.attempts.saturating_add(1) {
        return Ok(());
    }
    let end = error.floor_char_boundary(TEXT_BYTES);
    let row = DeliveryRow {
        attempts: attempt,
        tried_at: Some(work.now()),
        last_status: status,
        last_error: error.get(..end).filter(|error| !error.is_empty()).map(str::to_owned),
        ..row
    };
    let row = match status {
        Some(200..=299) => ended(row, DeliveryStatus::Delivered, work.now()),
        _ if attempt >= WEBHOOK_ATTEMPTS && row.webhook == AUDIT_SINK => waiting(row, work.now()),
        Some(410) if row.webhook != AUDIT_SINK => {
            disable(work, &row.webhook)?;
            ended(row, DeliveryStatus::Dead, work.now())
        }
        _ if attempt >= WEBHOOK_ATTEMPTS => ended(row, DeliveryStatus::Dead, work.now()),
        _ => {
            let next_at = Some(work.now().saturating_add(backoff(attempt, &work.occasion.random)));
            DeliveryRow { next_at, in_queue: false, ..row }
        }
    };
    work.put(Change::PutDelivery(row));
    Ok(())
}

/// A receiver that is gone for good has said so: its webhook is used no more until somebody enables it.
fn disable(work: &mut Work<'_>, id: &str) -> Result<(), Error> {
    let Some(row) = work.webhooks()?.into_iter().find(|row| row.id == id && row.enabled) else { return Ok(()) };
    let after = WebhookRow { enabled: false, updated_at: work.now(), ..row.clone() };
    record(work, "disabled", Some(&row), Some(&after))?;
    work.put_webhook(after, false)
}

/// Milliseconds to wait after attempt `attempt` (from 1): 5 s, doubled for each attempt, and 80 to 120 % of that.
fn backoff(attempt: u32, random: &[u8; 32]) -> i64 {
    let base = 1_i64.checked_shl(attempt).and_then(|times| WEBHOOK_BACKOFF_MS.checked_mul(times)).unwrap_or(i64::MAX);
    let [first, second, ..] = *random;
    // 0 to 65,535 of 65,535 parts of 40 %.
    let part = i64::from(u16::from_be_bytes([first, second]));
    let least = base.saturating_mul(8).checked_div(10).unwrap_or(base);
    let range = base.saturating_mul(4).checked_div(10).unwrap_or(0);
    least.saturating_add(range.saturating_mul(part).checked_div(65_535).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_jitter_is_a_fifth() {
        let (mut least, mut most) = ([0; 32], [0; 32]);
        least[..2].fill(0);
        most[..2].fill(0xff);
        let mut total = 0;
        for attempt in 1..WEBHOOK_ATTEMPTS {
            let base = 5_000 * (1 << attempt);
            assert_eq!((backoff(attempt, &least), backoff(attempt, &most)), (base * 8 / 10, base * 12 / 10));
            total += base;
        }
        // Some 21 minutes from the first attempt to the last.
        assert_eq!(total, 1_270_000);
    }
}
