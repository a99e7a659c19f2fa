//! `/v1/webhooks`.

use burgee_control::{Change, Command, DeliveryRow, DeliveryStatus, Store, WebhookRow};
use serde::Serialize;

use super::{Answer, Asked, Done, json, not_found, time};
use crate::envelope::{ErrorCode, Problem};
use crate::http::Response;
use crate::v1::page::{Listing, whole};

#[derive(Serialize)]
struct Shown<'a> {
    id: &'a str,
    url: &'a str,
    types: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    enabled: bool,
    created_by: &'a str,
    created_at: String,
    updated_at: String,
    /// Shown when it is made, and never after.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
}

fn shown(row: &WebhookRow) -> Shown<'_> {
    Shown {
        id: &row.id,
        url: &row.url,
        types: &row.types,
        description: row.description.as_deref(),
        enabled: row.enabled,
        created_by: &row.created_by,
        created_at: time(row.created_at),
        updated_at: time(row.updated_at),
        secret: None,
    }
}

fn of(asked: &Asked<'_>, store: &dyn Store) -> Result<WebhookRow, Problem> {
    let id = asked.segment("id")?;
    store.webhooks()?.into_iter().find(|row| row.id == id).ok_or_else(|| not_found("webhook"))
}

pub(super) fn list(store: &dyn Store) -> Answer {
    let rows = store.webhooks()?;
    Ok(whole(rows.iter().map(|row| serde_json::to_string(&shown(row)).unwrap_or_default())))
}

pub(super) fn get(asked: &Asked<'_>, store: &dyn Store) -> Answer {
    json(200, &shown(&of(asked, store)?))
}

pub(super) fn create(asked: &Asked<'_>, store: &mut dyn Store) -> Answer {
    let document = asked.document()?.to_owned();
    let done = asked.run(store, &Command::CreateWebhook { document })?;
    done.answer(|| with_secret(201, &done))
}

pub(super) fn rotate(asked: &Asked<'_>, store: &mut dyn Store) -> Answer {
    let id = of(asked, store)?.id;
    let done = asked.run(store, &Command::RotateWebhook { id })?;
    done.answer(|| with_secret(200, &done))
}

fn with_secret(status: u16, done: &Done) -> Answer {
    let row = done.changes.iter().find_map(|change| match change {
        Change::PutWebhook(row) => Some(row),
        _ => None,
    });
    let row = row.ok_or_else(|| Problem::new(ErrorCode::InternalError, "no webhook was stored"))?;
    json(status, &Shown { secret: Some(&row.secret), ..shown(row) })
}

pub(super) fn replace(asked: &Asked<'_>, store: &mut dyn Store) -> Answer {
    let document = asked.document()?.to_owned();
    let id = of(asked, store)?.id;
    let done = asked.run(store, &Command::ReplaceWebhook { id, document })?;
    let row = of(asked, store)?;
    done.answer(|| json(200, &shown(&row)))
}

pub(super) fn remove(asked: &Asked<'_>, store: &mut dyn Store) -> Answer {
    let id = of(asked, store)?.id;
    asked.run(store, &Command::RemoveWebhook { id })?.answer(|| Ok(Response::new(204)))
}

#[derive(Serialize)]
struct ShownDelivery<'a> {
    id: &'a str,
    event_type: &'a str,
    status: DeliveryStatus,
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

fn shown_delivery(row: &DeliveryRow) -> ShownDelivery<'_> {
    ShownDelivery {
        id: &row.id,
        event_type: &row.event_type,
        status: row.status,
        attempts: row.attempts,
        next_at: row.next_at.map(time),
        created_at: time(row.created_at),
        tried_at: row.tried_at.map(time),
        last_status: row.last_status,
        last_error: row.last_error.as_deref().filter(|error| !error.is_empty()),
    }
}

pub(super) fn deliveries(asked: &Asked<'_>, store: &dyn Store) -> Answer {
    let id = of(asked, store)?.id;
    // The webhook is a filter too: a page token of one is none of another's.
    let listing = Listing::read_within(asked.entry, &asked.params, store.tenant(), &id)?;
    let status = match asked.params.get("status") {
        Some("pending") => Some(DeliveryStatus::Pending),
        Some("delivered") => Some(DeliveryStatus::Delivered),
        Some("dead") => Some(DeliveryStatus::Dead),
        _ => None,
    };
    let rows = store.deliveries(&id, status, &listing.page)?;
    let item = |row: &DeliveryRow| (row.id.clone(), serde_json::to_string(&shown_delivery(row)).unwrap_or_default());
    Ok(listing.answer(rows.iter().map(item).collect()))
}

pub(super) fn redeliver(asked: &Asked<'_>, store: &mut dyn Store) -> Answer {
    let webhook = of(asked, store)?.id;
    let delivery = asked.segment("delivery")?.into_owned();
    let row = store.delivery(&delivery)?.filter(|row| row.webhook == webhook);
    row.ok_or_else(|| not_found("delivery"))?;
    let done = asked.run(store, &Command::Redeliver { webhook, delivery: delivery.clone() })?;
    let row = store.delivery(&delivery)?.ok_or_else(|| not_found("delivery"))?;
    done.answer(|| json(202, &shown_delivery(&row)))
}
