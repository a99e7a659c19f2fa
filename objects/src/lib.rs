//! burgee's objects on Cloudflare Workers: each tenant's, and the meter. What `tenant.js` and `meter.js` ask of this module is answered at once, from the database
//! that they bring; nothing of an object is kept here, so that an instance that is lost takes nothing with it.
//!
//! Flags, commands and HTTP semantics are not decided here, but in `burgee-control` and `burgee-contract`.
#![deny(
    unsafe_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr
)]

mod bridge;
mod commit;
pub mod meter;
mod migrations;
mod publish;
mod report;
mod rows;
mod sql;
mod store;

use std::cell::OnceCell;
use std::rc::Rc;

use burgee_contract::{
    Body, Carried, Header, Headers, Moment, Request, Settings, SettingsError, is_sane, refuse, split_url, v1,
};
use burgee_control::{AUDIT_SINK, Change, Command, DeliveryRow, Occasion, Read, State, Store, signature, to_hand_over};
use burgee_core::packed::{self, Packed, Signatures};
use serde::Serialize;
use serde_json::json;
use worker::wasm_bindgen::JsValue;
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::{Env, js_sys};

use self::sql::Database;
use self::store::SqlStore;

/// Stands in envelopes as `service_version`, and in what webhooks are told.
const SERVICE_VERSION: &str = env!("CARGO_PKG_VERSION");

/// What is said of storage that fails. The object's answer is 500, and nothing is changed.
fn failed(unreadable: burgee_control::Unreadable) -> JsValue {
    js_sys::Error::new(&unreadable.0).into()
}

/// Does nothing, but in an instance that runs: a call without texts is the one that may follow a trap. See trap.js.
#[wasm_bindgen]
pub fn begin() {}

/// The version of a tenant's snapshot; 0 in a database that nothing was ever written to.
///
/// # Errors
/// Storage cannot be read.
#[wasm_bindgen(js_name = tenantVersion)]
pub fn version(database: &Database) -> Result<f64, JsValue> {
    if migrations::applied(database).map_err(failed)? == 0 {
        return Ok(0.0);
    }
    let version: Option<u64> = database.value("SELECT version FROM tenant", &[]).map_err(failed)?;
    Ok(version.unwrap_or(0) as f64)
}

/// The number of the last migration that was applied; 0 in a database that nothing was ever written to.
///
/// # Errors
/// Storage cannot be read.
#[wasm_bindgen(js_name = tenantMigration)]
pub fn migration(database: &Database) -> Result<u32, JsValue> {
    migrations::applied(database).map(|number| number as u32).map_err(failed)
}

/// Applies the next migration, and says whether there was one. The first makes the row of `tenant`. The caller holds a transaction.
///
/// # Errors
/// A statement fails; the transaction must be undone.
#[wasm_bindgen(js_name = tenantMigrate)]
pub fn migrate(database: &Database, tenant: &str, now: f64) -> Result<bool, JsValue> {
    migrations::apply_next(database, tenant, now as i64).map_err(failed)
}

/// The names of those headers of a caller's request that are carried to the object, a name on each line.
#[wasm_bindgen(js_name = tenantHeaders)]
#[must_use]
pub fn carried_headers() -> String {
    Carried::HEADERS.map(Header::name).join("\n")
}

/// Answers a caller's request that the edge has let through: `{status, headers, body, undo, after}`. Where `undo` is true the caller's transaction
/// must be undone, for nothing may be changed by a request that failed; `after` is what must follow where it holds, if anything must.
///
/// # Errors
/// Storage fails; the transaction must be undone.
#[wasm_bindgen(js_name = tenantServe)]
#[allow(clippy::too_many_arguments, reason = "an object of these would cost more crossings than it has members")]
pub fn serve(
    database: Database,
    env: Env,
    tenant: String,
    method: &str,
    url: &str,
    headers: &str,
    principal: &str,
    request_id: &str,
    body: &str,
    bytes: &[u8],
    now: f64,
    random: &[u8],
) -> Result<JsValue, JsValue> {
    let principal: v1::Principal = serde_json::from_str(principal).map_err(|error| JsValue::from(error.to_string()))?;
    let (path, query) = split_url(url);
    let body = match body {
        "too-large" => Body::TooLarge,
        "broken" => Body::Broken,
        _ if bytes.is_empty() => Body::None,
        _ => Body::Bytes(bytes),
    };
    let request = Request { method, path, query, headers: Headers::from_lines(&Carried::HEADERS, headers), body };
    let moment = Moment {
        now: now as i64,
        request_id: if is_sane(request_id) { request_id } else { "" },
        service_version: SERVICE_VERSION,
    };
    let settings = match known_settings(&env) {
        Ok(settings) => settings,
        Err(error) => {
            let response = refuse(&error.to_problem(), method, path, &moment);
            return Ok(bridge::answer(&response, true, "null"));
        }
    };
    let mut store = SqlStore::new(database, tenant);
    if settings.test_panic {
        store.panic_after = query.split('&').find_map(|part| part.strip_prefix("panic_after=")?.parse().ok());
    }
    let response = v1::serve(&mut store, &request, &principal, &settings.policy(), &moment, seed(random));
    if let Some(fault) = &response.fault {
        bridge::log_fault("the request failed", store.tenant(), moment.request_id, fault, moment.now);
    }
    let undo = response.status >= 500;
    let after = After::of(&store, &settings, now as i64).map_err(failed)?;
    Ok(bridge::answer(&response, undo, &after.written()))
}

/// Does all that is due at a time (ms since the epoch): `{undo, after}`, as of [`serve`]. `after.deliveries` are those to put into the queue.
///
/// # Errors
/// Storage fails; the transaction must be undone.
#[wasm_bindgen(js_name = tenantTick)]
pub fn tick(database: Database, env: Env, now: f64, random: &[u8]) -> Result<JsValue, JsValue> {
    let settings = settings(&env)?;
    let is_signed_anew = publish::sign_anew(&database, settings.signing_keys.first(), now as i64).map_err(failed)?;
    if is_signed_anew {
        report::schedule(&database, now as i64).map_err(failed)?;
    }
    let mut after = run(database, &settings, &Command::Tick, now as i64, random)?;
    after.events |= is_signed_anew;
    Ok(bridge::outcome(&after.written()))
}

/// Does what a queue's consumer tells: the command is JSON, of the kinds that no caller can send.
///
/// # Errors
/// Storage fails, or it is another command; the transaction must be undone.
#[wasm_bindgen(js_name = tenantCommand)]
pub fn command(database: Database, env: Env, command: &str, now: f64, random: &[u8]) -> Result<JsValue, JsValue> {
    let command = serde_json::from_str(command).map_err(|error| JsValue::from(error.to_string()))?;
    match command {
        Command::NoteAttempt { .. } | Command::CountExposures { .. } => {
            let after = run(database, &*settings(&env)?, &command, now as i64, random)?;
            Ok(bridge::outcome(&after.written()))
        }
        _ => Err(JsValue::from("no consumer of a queue sends this command")),
    }
}

/// When the alarm must go off next, ms since the epoch; null where nothing is ever due.
///
/// # Errors
/// Storage cannot be read.
#[wasm_bindgen(js_name = tenantNextAlarm)]
pub fn next_alarm(database: Database, env: &Env) -> Result<JsValue, JsValue> {
    let store = named(database).map_err(failed)?;
    let settings = settings(env)?;
    let at = publish::next_alarm(&store, &settings.policy(), settings.signing_keys.first()).map_err(failed)?;
    Ok(at.map_or(JsValue::NULL, |at| JsValue::from(at as f64)))
}

/// The snapshot that is to be written to KV at a time (ms since the epoch), as `{tenant, version, bytes}`, unsigned; null where none is.
///
/// # Errors
/// Storage cannot be read.
#[wasm_bindgen(js_name = tenantPublication)]
pub fn publication(database: &Database, now: f64) -> Result<JsValue, JsValue> {
    let due = publish::due(database, now as i64).map_err(failed)?;
    Ok(due.map_or(JsValue::NULL, |due| bridge::publication(&due.tenant, due.version, &due.bytes)))
}

/// Notes what came of writing a version to KV at a time, ms since the epoch. The caller holds a transaction.
///
/// # Errors
/// Storage fails; the transaction must be undone.
#[wasm_bindgen(js_name = tenantPublished)]
pub fn published(database: &Database, version: f64, landed: bool, now: f64) -> Result<(), JsValue> {
    publish::note(database, version as u64, landed, now as i64).map_err(failed)?;
    report::schedule(database, now as i64).map_err(failed)
}

/// What must be signed of a packed snapshot, and with which key (a JWK as JSON): `{key, inputs}`; null where nothing signs. The second input is there
/// where another form leaves the service. [`signed`] takes the signatures, in the same order.
///
/// # Errors
/// The bytes are not of the packed form, or hold what cannot be read.
#[wasm_bindgen(js_name = tenantToSign)]
pub fn to_sign(env: &Env, packed: &[u8]) -> Result<JsValue, JsValue> {
    let settings = settings(env)?;
    let Some(key) = settings.signing_keys.first() else { return Ok(JsValue::NULL) };
    let refused = |fault: burgee_core::Fault| JsValue::from(fault.to_string());
    let packed = Packed::open(packed).map_err(refused)?;
    let public = burgee_core::redact(packed.json()).map_err(refused)?;
    let public = public.map(|public| key.input(&public)).unwrap_or_default();
    Ok(bridge::to_sign(&key.private_jwk(), &key.input(packed.json()), &public))
}

/// A packed snapshot with the signatures of what [`to_sign`] gave; `public` is empty where that was one. The same snapshot and key give the same bytes: isolates compare them.
///
/// # Errors
/// Nothing signs, or it is no signature.
#[wasm_bindgen(js_name = tenantSigned)]
pub fn signed(env: &Env, packed: &[u8], document: &[u8], public: &[u8]) -> Result<Vec<u8>, JsValue> {
    let settings = settings(env)?;
    let key = settings.signing_keys.first().ok_or("there is no key to sign with")?;
    let detached = |signature| key.detached(signature).ok_or("the platform gave no Ed25519 signature");
    let document = detached(document)?;
    let public = if public.is_empty() { String::new() } else { detached(public)? };
    let mark = key.mark();
    let signatures = Signatures { document: &document, public: &public, signed_with: &mark };
    packed::sign(packed, &signatures).map_err(|fault| JsValue::from(fault.to_string()))
}

/// What is to be told of the tenant at a time (ms since the epoch), as JSON; null where nothing is. The caller holds a transaction.
///
/// # Errors
/// Storage fails; the transaction must be undone.
#[wasm_bindgen(js_name = tenantReport)]
pub fn report(database: &Database, now: f64) -> Result<Option<String>, JsValue> {
    let report = report::due(database, now as i64).map_err(failed)?;
    // Texts and numbers can always be written.
    Ok(report.map(|report| serde_json::to_string(&report).unwrap_or_default()))
}

/// Notes what came of telling what [`report`] gave at a time, ms since the epoch. The caller holds a transaction.
///
/// # Errors
/// Storage fails; the transaction must be undone.
#[wasm_bindgen(js_name = tenantReported)]
pub fn reported(database: &Database, landed: bool, now: f64) -> Result<(), JsValue> {
    report::note(database, landed, now as i64).map_err(failed)
}

/// The snapshot as it is stored now, as it is packed for KV, unsigned.
///
/// # Errors
/// Storage cannot be read.
#[wasm_bindgen(js_name = tenantSnapshot)]
pub fn snapshot(database: &Database) -> Result<Vec<u8>, JsValue> {
    publish::snapshot(database).map_err(failed)
}

/// What an event stream is given next, as JSON: `{"text", "last", "more"}`. `kind` is `v1`, whose place is an event's seq and whose `query` says which
/// types are wanted, or `ofrep`, whose place is a snapshot's version. Without a place (negative) it wants what is to come. Where `more` is
/// true there is more to be had at once.
///
/// # Errors
/// Storage cannot be read.
#[wasm_bindgen(js_name = tenantFrames)]
pub fn frames(database: Database, kind: &str, query: &str, after: f64) -> Result<String, JsValue> {
    let store = named(database).map_err(failed)?;
    let after = (after >= 0.0).then_some(after as u64);
    if kind == "ofrep" {
        let (version, at): (u64, i64) =
            store.database.row("SELECT version, changed_at FROM tenant", &[]).map_err(failed)?.unwrap_or_default();
        let text = match after {
            Some(after) if after < version => v1::ofrep_frame(version, at),
            _ => String::new(),
        };
        return Ok(json!({ "text": text, "last": version, "more": false }).to_string());
    }
    let request = Request { method: "GET", path: "/v1/events", query, headers: Headers::default(), body: Body::None };
    // The edge has refused a query that cannot be read.
    let filter = v1::event_filter(&request).unwrap_or_default();
    let frames = v1::first_frames(&store, after, &filter, FRAMES).map_err(failed)?;
    Ok(json!({ "text": frames.text, "last": frames.last_seq, "more": frames.more }).to_string())
}

/// Events that are read at once for a stream: some hundred KB.
const FRAMES: usize = 200;

/// Begins to make the delivery that a message of the queue names, at a time (ms since the epoch): `{undo, after, attempt}`, as of [`serve`]; `attempt` is
/// JSON, `{"url", "headers", "body", "attempt"}`, signed. It is null where the delivery does not wait for this message, or its webhook is gone or disabled.
///
/// # Errors
/// Storage fails; the transaction must be undone.
#[wasm_bindgen(js_name = tenantDelivery)]
pub fn delivery(database: Database, env: &Env, id: &str, now: f64) -> Result<JsValue, JsValue> {
    let (mut store, settings, now) = (named(database).map_err(failed)?, settings(env)?, now as i64);
    let changes = decide(&mut store, &settings, &Command::BeginAttempt { delivery: id.to_owned() }, now, [0; 32])?;
    let begun = changes.iter().find_map(|change| match change {
        Change::PutDelivery(row) => Some(row),
        _ => None,
    });
    let attempt = match begun {
        Some(row) if row.webhook == AUDIT_SINK => envelope(row, &settings, store.tenant(), now),
        Some(row) => {
            let webhooks = store.webhooks().map_err(failed)?;
            let webhook = webhooks.into_iter().find(|webhook| webhook.id == row.webhook);
            webhook.map(|webhook| {
                let signed = signature::headers(&row.id, now, &row.body, signature::secrets(&webhook, now));
                attempt(row, &webhook.url, signed)
            })
        }
        None => None,
    };
    let after = After::of(&store, &settings, now).map_err(failed)?;
    Ok(bridge::attempt(attempt, &after.written()))
}

/// An envelope of the audit as [`delivery`] gives it; none where there is no sink.
fn envelope(row: &DeliveryRow, settings: &Settings, tenant: &str, now: i64) -> Option<String> {
    let sink = settings.audit_sink.as_ref()?;
    let seq = row.id.trim_start_matches("audit_");
    let key = ("Idempotency-Key", format!("{tenant}/{seq}"));
    let secrets = sink.secret.as_ref().map(|secret| secret.text());
    let signed = signature::headers(&row.id, now, &row.body, secrets);
    // Without a secret nothing is signed, and an empty signature would be none.
    let signed = signed.into_iter().filter(|(_, value)| !value.is_empty());
    Some(attempt(row, &sink.url, signed.chain([key])))
}

/// An attempt to deliver, as JSON.
fn attempt(row: &DeliveryRow, url: &str, headers: impl IntoIterator<Item = (&'static str, String)>) -> String {
    let mut headers: serde_json::Map<_, _> =
        headers.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    headers.insert("Content-Type".to_owned(), "application/json".into());
    headers.insert("User-Agent".to_owned(), format!("burgee/{}", SERVICE_VERSION).into());
    let attempt = row.attempts.saturating_add(1);
    json!({ "url": url, "headers": headers, "body": row.body, "attempt": attempt }).to_string()
}

/// A line for the log about something that failed at a time, ms since the epoch.
#[wasm_bindgen(js_name = tenantLog)]
#[must_use]
pub fn log_line(message: &str, error: &str, now: f64) -> String {
    json!({
        "timestamp": burgee_core::time::format_rfc3339(now as i64),
        "level": "error",
        "message": message,
        "fault": { "message": error },
    })
    .to_string()
}

/// Decides and stores a command that no caller sent.
fn run(database: Database, settings: &Settings, command: &Command, now: i64, random: &[u8]) -> Result<After, JsValue> {
    let mut store = named(database).map_err(failed)?;
    decide(&mut store, settings, command, now, seed(random))?;
    After::of(&store, settings, now).map_err(failed)
}

/// Decides and stores a command that no caller sent, and gives what it changed.
fn decide(
    store: &mut SqlStore,
    settings: &Settings,
    command: &Command,
    now: i64,
    random: [u8; 32],
) -> Result<Vec<Change>, JsValue> {
    let policy = settings.policy();
    let occasion = Occasion { actor: ACTOR, request_id: "", now, random, policy: &policy };
    let changes = burgee_control::decide(store, command, &occasion)
        .map_err(|error| JsValue::from(format!("a command of the service's own is refused: {error:?}")))?;
    store.commit(&changes).map_err(failed)?;
    Ok(changes)
}

/// Who does what no caller asked for, where the decision names nobody else.
const ACTOR: &str = "burgee:alarm";

/// What must follow a transaction that holds.
#[derive(Serialize)]
struct After {
    tenant: String,
    /// The snapshot's version.
    version: u64,
    /// When the alarm must go off next, ms since the epoch.
    alarm: Option<i64>,
    /// Whether there is something new for event streams.
    events: bool,
    /// Deliveries to put into the queue.
    deliveries: Vec<String>,
}

impl After {
    /// What follows from what was stored.
    fn of(store: &SqlStore, settings: &Settings, now: i64) -> Read<Self> {
        let has = |is: fn(&Change) -> bool| store.committed.iter().any(is);
        if has(|change| matches!(change, Change::SetVersion { .. })) {
            publish::schedule(&store.database, settings.signing_keys.first(), now)?;
        }
        if has(report::shows) {
            report::schedule(&store.database, now)?;
        }
        Ok(Self {
            tenant: store.tenant().to_owned(),
            version: store.version()?,
            alarm: publish::next_alarm(store, &settings.policy(), settings.signing_keys.first())?,
            events: has(|change| matches!(change, Change::Event(_) | Change::SetVersion { .. })),
            deliveries: to_hand_over(&store.committed).map(|row| row.id.clone()).collect(),
        })
    }

    fn written(&self) -> String {
        // Texts and numbers can always be written.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The store of a database that knows whose it is.
fn named(database: Database) -> Read<SqlStore> {
    let tenant: Option<String> = database.value("SELECT name FROM tenant", &[])?;
    Ok(SqlStore::new(database, tenant.unwrap_or_default()))
}

/// The settings, read once per instance: an isolate's variables do not change.
fn known_settings(env: &Env) -> Result<Rc<Settings>, SettingsError> {
    thread_local! {
        static SETTINGS: OnceCell<Result<Rc<Settings>, SettingsError>> = const { OnceCell::new() };
    }
    SETTINGS.with(|settings| {
        settings.get_or_init(|| Settings::read(|name| bridge::variable(env, name)).map(Rc::new)).clone()
    })
}

/// The settings where nobody is there to be answered.
fn settings(env: &Env) -> Result<Rc<Settings>, JsValue> {
    known_settings(env).map_err(|error| JsValue::from(format!("the settings are wrong: {error}")))
}

fn seed(random: &[u8]) -> [u8; 32] {
    random.try_into().unwrap_or_default()
}
