//! Events as they are stored and sent, and the pointers that they carry.

use std::borrow::Cow;
use std::collections::BTreeSet;

use burgee_core::Json;
use burgee_core::time::format_rfc3339;
use serde::Serialize;
use serde_json::{Map, Value};

use super::work::{to_json, unreadable};
use crate::command::Occasion;
use crate::diff::diff;
use crate::error::Error;
use crate::events::{Invalidation, invalidation};
use crate::limits;
use crate::rows::{DeliveryRow, DeliveryStatus, EventRow};

/// An event, before it has its place among the others.
pub(crate) struct Event {
    pub event_type: &'static str,
    pub subject: String,
    pub actor: String,
    /// What the type adds.
    pub data: Map<String, Value>,
}

/// A CloudEvent 1.0.
#[derive(Serialize)]
struct CloudEvent<'a> {
    specversion: &'static str,
    id: String,
    source: String,
    #[serde(rename = "type")]
    event_type: &'a str,
    subject: &'a str,
    time: String,
    datacontenttype: &'static str,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    actor: &'a str,
    request_id: &'a str,
    snapshot_version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    invalidates: Option<Invalidation>,
    #[serde(flatten)]
    more: &'a Map<String, Value>,
}

impl Event {
    /// The event of a seq. `version` is the snapshot's that shows what happened.
    pub fn row(&self, seq: u64, tenant: &str, occasion: &Occasion<'_>, version: u64) -> Result<EventRow, Error> {
        let event = CloudEvent {
            specversion: "1.0",
            id: format!("{tenant}/{seq}"),
            source: format!("/v1/tenants/{tenant}"),
            event_type: self.event_type,
            subject: &self.subject,
            time: format_rfc3339(occasion.now),
            datacontenttype: "application/json",
            data: Data {
                actor: &self.actor,
                request_id: occasion.request_id,
                snapshot_version: version,
                invalidates: invalidation(self.event_type, self.data.get("scope").and_then(Value::as_str)),
                more: &self.data,
            },
        };
        let document = to_json(&event)?;
        Ok(EventRow { seq, event_type: Cow::Borrowed(self.event_type), at: occasion.now, document })
    }
}

impl EventRow {
    /// The event's delivery to a webhook, which the queue has at once.
    pub(crate) fn delivery(&self, webhook: &str, now: i64) -> DeliveryRow {
        DeliveryRow {
            id: format!("msg_{}_{webhook}", self.seq),
            webhook: webhook.to_owned(),
            event_type: self.event_type.clone(),
            body: self.document.clone(),
            status: DeliveryStatus::Pending,
            attempts: 0,
            next_at: Some(now.saturating_add(limits::DELIVERY_LEASE_MS)),
            in_queue: true,
            created_at: now,
            tried_at: None,
            ended_at: None,
            last_status: None,
            last_error: None,
        }
    }
}

/// Pointers of an event, and their bytes, at most: a queue takes messages of 128 KB.
const POINTERS: usize = 100;
const POINTER_BYTES: usize = 8 * 1024;

/// What differs between two documents: pointers at most three deep, which reaches a rule's condition and a variant's value, and nothing within them.
pub(crate) fn changed(before: &str, after: &str) -> Result<Vec<String>, Error> {
    let parse = |text| Json::parse(text).map_err(|_| unreadable("a document"));
    let (before, after) = (parse(before)?, parse(after)?);
    let patch = diff(&before, &after);
    let cut = |depth: usize| -> BTreeSet<String> {
        let is_told = |path: &&str| !["/version", "/created_at", "/updated_at"].contains(path);
        let paths = patch.iter().map(|operation| operation.path.as_str()).filter(is_told);
        paths.map(|path| path.split('/').take(depth.saturating_add(1)).collect::<Vec<_>>().join("/")).collect()
    };
    let pointers = cut(3);
    let bytes = pointers.iter().fold(0_usize, |sum, pointer| sum.saturating_add(pointer.len()));
    let is_long = pointers.len() > POINTERS || bytes > POINTER_BYTES;
    Ok(if is_long { cut(1) } else { pointers }.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_stop_at_conditions_and_values() {
        let before = r#"{"version":1,"updated_at":"a","rules":[{"id":"a","when":{"all":[{"value":"secret"}]}}],"variants":[{"key":"a","value":{"x":1}}]}"#;
        let after = r#"{"version":2,"updated_at":"b","rules":[{"id":"a","when":{"all":[{"value":"other"}]}}],"variants":[{"key":"a","value":{"x":2}}],"owner":"me"}"#;
        assert_eq!(changed(before, after).unwrap(), ["/owner", "/rules/0/when", "/variants/0/value"]);
    }

    #[test]
    fn many_pointers_become_few() {
        let metadata = |value: u32| {
            let members: Vec<String> = (0..200).map(|name| format!(r#""m{name}":{value}"#)).collect();
            format!(r#"{{"metadata":{{{}}}}}"#, members.join(","))
        };
        assert_eq!(changed(&metadata(1), &metadata(2)).unwrap(), ["/metadata"]);
    }
}
