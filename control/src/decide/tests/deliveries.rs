//! Webhooks, their deliveries, events and exposures.

use serde_json::json;

use super::*;

const MINUTE: i64 = 60_000;

fn create(document: &str) -> Command {
    Command::CreateWebhook { document: document.into() }
}

fn note(delivery: &str, attempt: u32, status: Option<u16>) -> Command {
    Command::NoteAttempt {
        delivery: delivery.into(),
        attempt,
        status,
        error: if status.is_some() { "" } else { "no answer" }.into(),
    }
}

/// A webhook, and a delivery to it.
fn with_delivery() -> (Tenant, WebhookRow, DeliveryRow) {
    let mut tenant = Tenant::new();
    tenant.run(&create(r#"{"url":"https://hooks.example.com/T0/secret-path"}"#)).unwrap();
    let webhook = tenant.memory.webhooks().unwrap()[0].clone();
    let changes = tenant.put(r#"{"key":"a"}"#).unwrap();
    let delivery = to_hand_over(&changes).next().unwrap().clone();
    (tenant, webhook, delivery)
}

fn delivery(tenant: &Tenant, id: &str) -> DeliveryRow {
    tenant.memory.delivery(id).unwrap().unwrap()
}

#[test]
fn webhooks_are_read_whole() {
    let mut tenant = Tenant::new();
    let cases = [
        ("{}", vec!["/url"]),
        (r#"{"url":1}"#, vec!["/url"]),
        (r#"{"url":"http://example.com/"}"#, vec!["/url"]),
        (r#"{"url":"https://example.com/","types":["flag.created","nope","flag.*",1]}"#, vec!["/types/1", "/types/3"]),
        (
            r#"{"url":"https://example.com/","types":1,"enabled":"yes","secret":"mine"}"#,
            vec!["/secret", "/types", "/enabled"],
        ),
    ];
    for (document, expected) in cases {
        let found: Vec<String> =
            faults(tenant.run(&create(document))).into_iter().map(|(pointer, _)| pointer).collect();
        assert_eq!(found, expected, "{document}");
    }
    let long = json!({"url": "https://example.com/", "description": "x".repeat(3_000)}).to_string();
    assert_eq!(faults(tenant.run(&create(&long)))[0].1, "limit_exceeded");
    for _ in 0..limits::WEBHOOKS {
        tenant.run(&create(r#"{"url":"https://example.com/"}"#)).unwrap();
    }
    assert_eq!(limit(tenant.run(&create(r#"{"url":"https://example.com/"}"#))), "WEBHOOKS");
}

#[test]
fn secrets_are_nowhere_but_in_their_row() {
    let (mut tenant, webhook, _) = with_delivery();
    assert!(webhook.secret.starts_with("whsec_") && webhook.secret.len() == 50);
    let id = webhook.id.clone();
    tenant.run(&Command::RotateWebhook { id: id.clone() }).unwrap();
    let rotated = tenant.memory.webhooks().unwrap()[0].clone();
    assert_eq!(rotated.old_secret.unwrap().0, webhook.secret);
    let document = r#"{"url":"https://hooks.example.com/T0/other","enabled":false}"#;
    let replace = Command::ReplaceWebhook { id: id.clone(), document: document.into() };
    assert_eq!(entries(&tenant.run(&replace).unwrap()), ["webhook.updated by ann"]);
    assert_eq!(tenant.run(&replace), Ok(vec![]));
    tenant.run(&Command::RemoveWebhook { id: id.clone() }).unwrap();
    assert_eq!(tenant.run(&Command::RemoveWebhook { id }), Err(Error::NotFound("webhook")));
    let told: Vec<&str> = tenant.memory.all_audit().iter().map(|row| row.document.as_str()).collect();
    assert_eq!(told.len(), 5);
    for secret in ["whsec_", "secret-path", "T0"] {
        assert!(!told.join("\n").contains(secret));
    }
}

#[test]
fn what_the_queue_loses_is_handed_over_again() {
    let (mut tenant, _, first) = with_delivery();
    let due = first.created_at + limits::DELIVERY_LEASE_MS;
    assert_eq!(tenant.tick_at(due - 1), []);
    let changes = tenant.tick_at(due);
    let again: Vec<_> = to_hand_over(&changes).map(|row| (row.id.clone(), row.attempts)).collect();
    assert_eq!(again, [(first.id.clone(), 0)]);
    assert_eq!(tenant.tick_at(due), []);
    tenant.run(&note(&first.id, 1, Some(204))).unwrap();
    let row = delivery(&tenant, &first.id);
    assert_eq!(
        (row.status, row.next_at, row.in_queue, row.last_status),
        (DeliveryStatus::Delivered, None, false, Some(204))
    );
    // The message that was thought lost comes after all.
    assert_eq!(tenant.run(&note(&first.id, 1, Some(500))), Ok(vec![]));
    assert_eq!(tenant.run(&note("msg_9_wh-9", 1, Some(200))), Ok(vec![]));
}

#[test]
fn an_attempt_that_has_begun_is_the_only_one() {
    let (mut tenant, _, first) = with_delivery();
    let id = first.id.clone();
    let begin = Command::BeginAttempt { delivery: id.clone() };
    // The queue was slow: the message is taken for lost, and comes after all, beside the second.
    tenant.now = first.created_at + limits::DELIVERY_LEASE_MS;
    let now = tenant.now;
    assert_eq!(to_hand_over(&tenant.tick_at(now)).count(), 1);
    let begun = tenant.now;
    let changes = tenant.run(&begin).unwrap();
    assert_eq!(to_hand_over(&changes).count(), 0);
    assert!(matches!(changes.as_slice(), [Change::PutDelivery(row)] if row.id == id), "{changes:?}");
    assert_eq!(tenant.run(&begin), Ok(vec![]), "the other message finds nothing");
    // It is left to the attempt for its time, and then made again: nothing was heard of it.
    let over = begun + limits::ATTEMPT_LEASE_MS;
    assert_eq!(tenant.memory.next_due(&tenant.policy).unwrap(), Some(over));
    assert_eq!(tenant.tick_at(over - 1), []);
    assert_eq!(tenant.run(&begin), Ok(vec![]));
    let again: Vec<_> = to_hand_over(&tenant.tick_at(over)).map(|row| (row.id.clone(), row.attempts)).collect();
    assert_eq!(again, [(id.clone(), 0)]);
    // What is heard of the first attempt late counts, and nothing is left for the message of the second.
    tenant.run(&note(&id, 1, Some(200))).unwrap();
    assert_eq!(delivery(&tenant, &id).status, DeliveryStatus::Delivered);
    assert_eq!(tenant.run(&begin), Ok(vec![]));
    assert_eq!(tenant.run(&Command::BeginAttempt { delivery: "msg_9_wh-9".into() }), Ok(vec![]));
}

#[test]
fn nothing_begins_for_who_is_not_there() {
    let (mut tenant, webhook, first) = with_delivery();
    let disabled = r#"{"url":"https://hooks.example.com/T0/secret-path","enabled":false}"#;
    tenant.run(&Command::ReplaceWebhook { id: webhook.id, document: disabled.into() }).unwrap();
    assert_eq!(tenant.run(&Command::BeginAttempt { delivery: first.id }), Ok(vec![]));
    tenant.policy.audit_sink = true;
    tenant.tick_at(START + MINUTE);
    let entry = Command::BeginAttempt { delivery: "audit_1".into() };
    tenant.policy.audit_sink = false;
    assert_eq!(tenant.run(&entry), Ok(vec![]));
    tenant.policy.audit_sink = true;
    assert!(matches!(tenant.run(&entry).unwrap().as_slice(), [Change::PutDelivery(_)]));
    assert_eq!(tenant.run(&entry), Ok(vec![]));
}

#[test]
fn failures_are_tried_again_and_then_given_up() {
    let (mut tenant, webhook, first) = with_delivery();
    for attempt in 1..=limits::WEBHOOK_ATTEMPTS {
        let changes = tenant.run(&note(&first.id, attempt, if attempt % 2 == 0 { Some(500) } else { None })).unwrap();
        assert_eq!(to_hand_over(&changes).count(), 0);
        assert_eq!(tenant.run(&note(&first.id, attempt, Some(200))), Ok(vec![]));
        if let Some(next_at) = delivery(&tenant, &first.id).next_at {
            assert_eq!(tenant.tick_at(next_at - 1), []);
            let changes = tenant.tick_at(next_at);
            assert_eq!(to_hand_over(&changes).map(|row| row.attempts).collect::<Vec<_>>(), [attempt]);
        }
    }
    let dead = delivery(&tenant, &first.id);
    assert_eq!((dead.status, dead.attempts, dead.next_at), (DeliveryStatus::Dead, 8, None));
    let redeliver = Command::Redeliver { webhook: webhook.id.clone(), delivery: first.id.clone() };
    let changes = tenant.run(&redeliver).unwrap();
    assert_eq!(to_hand_over(&changes).map(|row| row.attempts).collect::<Vec<_>>(), [0]);
    assert_eq!(tenant.run(&redeliver), Ok(vec![]));
    let other = Command::Redeliver { webhook: webhook.id.clone(), delivery: "msg_9_wh-9".into() };
    assert_eq!(tenant.run(&other), Err(Error::NotFound("delivery")));
    let now = tenant.now;
    tenant.run(&note(&first.id, 1, Some(200))).unwrap();
    // What has ended is forgotten in its time.
    let due = now + limits::DELIVERIES_KEPT_MS;
    assert_eq!(tenant.memory.next_due(&tenant.policy).unwrap(), Some(due));
    tenant.tick_at(due);
    assert!(tenant.memory.delivery(&first.id).unwrap().is_none());
}

#[test]
fn gone_disables_the_webhook() {
    let (mut tenant, webhook, first) = with_delivery();
    let second = tenant.patch("a", r#"{"description":"x"}"#).unwrap();
    let second = to_hand_over(&second).next().unwrap().id.clone();
    assert_eq!(entries(&tenant.run(&note(&first.id, 1, Some(410))).unwrap()), ["webhook.disabled by ann"]);
    assert!(!tenant.memory.webhooks().unwrap()[0].enabled);
    // Nothing more is sent to it, not even what was waiting.
    assert_eq!(to_hand_over(&tenant.patch("a", r#"{"description":"y"}"#).unwrap()).count(), 0);
    let changes = tenant.tick_at(START + HOUR);
    assert_eq!(to_hand_over(&changes).count(), 0);
    assert_eq!(delivery(&tenant, &second).status, DeliveryStatus::Dead);
    assert!(conflict(tenant.run(&Command::Redeliver { webhook: webhook.id, delivery: second })).contains("disabled"));
}

#[test]
fn events_are_kept_for_a_while() {
    let mut tenant = Tenant::with_flags(&[r#"{"key":"a"}"#]);
    // As if ten thousand more things had happened.
    let event =
        |seq| Change::Event(EventRow { seq, event_type: "flag.updated".into(), at: START, document: "{}".into() });
    tenant.memory.commit(&(2..=10_995).map(event).collect::<Vec<_>>()).unwrap();
    let mut cuts = 0;
    for number in 0..20 {
        let changes = tenant.patch("a", &format!(r#"{{"description":"{number}"}}"#)).unwrap();
        cuts += changes.iter().filter(|change| matches!(change, Change::ForgetEvents { .. })).count();
    }
    assert_eq!(cuts, 1);
    let (first, last) = tenant.memory.events().unwrap().unwrap();
    assert_eq!(last, 11_015);
    assert!((limits::EVENTS_KEPT..=limits::EVENTS_KEPT + 1_000).contains(&(last - first + 1)));
    tenant.tick_at(START);
    let (first, last) = tenant.memory.events().unwrap().unwrap();
    assert_eq!(last - first + 1, limits::EVENTS_KEPT);
    assert_eq!(tenant.tick_at(START), []);
}

#[test]
fn exposures_are_counted_once() {
    let mut tenant = Tenant::with_flags(&[r#"{"key":"a"}"#]);
    let seen = |flag: &str, variant: &str, version, count, last_at| ExposureCount {
        flag: flag.into(),
        variant: variant.into(),
        version,
        count,
        last_at,
    };
    let counts = vec![
        seen("a", "on", 1, 3, START - 5),
        seen("a", "on", 1, 2, START + DAY),
        seen("a", "off", 9, 1, -7),
        seen("a", "nope", 1, 1, START),
        seen("nope", "on", 1, 1, START),
        seen("a", "on", 1, 0, START),
    ];
    let batch = |id: &str| Command::CountExposures { id: id.into(), counts: counts.clone() };
    let now = tenant.now;
    tenant.run(&batch("b1")).unwrap();
    assert_eq!(tenant.run(&batch("b1")), Ok(vec![]));
    // A clock that is ahead counts as now, a version that is not there yet as none.
    let expected = [seen("a", "off", 0, 1, 0), seen("a", "on", 1, 5, now)];
    assert_eq!(tenant.memory.exposures("a").unwrap(), expected);
    let due = now + limits::BATCH_KEPT_MS;
    assert_eq!(tenant.memory.next_due(&tenant.policy).unwrap(), Some(due));
    assert_eq!(tenant.tick_at(due), [Change::ForgetBatches { before: now + 1 }]);
    assert_eq!(faults(tenant.run(&batch("")))[0].0, "/id");
    // Seen lately, it is not stale.
    let page = Page { after: None, limit: 10 };
    let stale = |since| {
        tenant.memory.flags(&FlagFilter { unseen_since: Some(since), ..FlagFilter::default() }, &page).unwrap().len()
    };
    assert_eq!((stale(now), stale(now + 1)), (0, 1));
}

#[test]
fn entries_of_the_audit_wait_for_their_sink() {
    let mut tenant = Tenant::with_flags(&[r#"{"key":"a"}"#, r#"{"key":"b"}"#]);
    assert_eq!(tenant.memory.next_due(&tenant.policy).unwrap(), None, "without a sink nothing is due");
    tenant.policy.audit_sink = true;
    assert_eq!(tenant.memory.next_due(&tenant.policy).unwrap(), Some(START), "what was done before is told too");
    let changes = tenant.tick_at(START + HOUR);
    let first: Vec<_> = to_hand_over(&changes).map(|row| row.id.clone()).collect();
    assert_eq!(first, ["audit_1", "audit_2"]);
    assert_eq!(tenant.tick_at(START + HOUR), []);
    let body: serde_json::Value = serde_json::from_str(&delivery(&tenant, "audit_2").body).unwrap();
    let row = &tenant.memory.all_audit()[1];
    assert_eq!((&body["id"], &body["hash"]), (&json!("acme/2"), &json!(row.hash)));
    assert_eq!(body["prev_hash"], json!(tenant.memory.all_audit()[0].hash));
    tenant.run(&note("audit_1", 1, Some(202))).unwrap();
    // Neither eight failures nor 410 end it.
    for attempt in 1..=limits::WEBHOOK_ATTEMPTS {
        tenant.run(&note("audit_2", attempt, Some(410))).unwrap();
        if let Some(next_at) = delivery(&tenant, "audit_2").next_at.filter(|_| attempt < limits::WEBHOOK_ATTEMPTS) {
            assert_eq!(to_hand_over(&tenant.tick_at(next_at)).count(), 1);
        }
    }
    let waiting = delivery(&tenant, "audit_2");
    assert_eq!((waiting.status, waiting.next_at), (DeliveryStatus::Waiting, Some(tenant.now - 1 + HOUR)));
    assert_eq!(tenant.memory.deliveries_waiting().unwrap(), 1);
    let changes = tenant.tick_at(waiting.next_at.unwrap());
    assert_eq!(to_hand_over(&changes).map(|row| row.attempts).collect::<Vec<_>>(), [8]);
    tenant.run(&note("audit_2", 9, None)).unwrap();
    assert_eq!(delivery(&tenant, "audit_2").status, DeliveryStatus::Waiting);
    // A month later the one that was delivered is forgotten, and this one is not.
    tenant.policy.audit_sink = false;
    let later = START + 40 * DAY;
    assert_eq!(to_hand_over(&tenant.tick_at(later)).count(), 0, "the sink is gone");
    assert!(tenant.memory.delivery("audit_1").unwrap().is_none());
    assert_eq!(delivery(&tenant, "audit_2").next_at, Some(later + HOUR));
    tenant.policy.audit_sink = true;
    let changes = tenant.run(&Command::RetryAuditSink).unwrap();
    assert_eq!(entries(&changes), ["tenant.audit_sink_retried by ann"]);
    let now = tenant.now;
    let handed: Vec<_> = to_hand_over(&tenant.tick_at(now)).map(|row| row.id.clone()).collect();
    assert_eq!(handed, ["audit_3", "audit_2"]);
    assert_eq!(tenant.run(&Command::RetryAuditSink), Ok(vec![]), "none waits");
}
