//! Crossing into JavaScript and back, few times per request: each crossing copies text between two encodings.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;

use burgee_contract::metrics::Evaluations;
use burgee_contract::{Body, Carried as CarriedRequest, FaultLog, Header, Level, Newest, Request, Response};
use serde::Serialize;
use worker::js_sys::futures::JsFuture;
use worker::js_sys::{Array, Promise, Uint8Array};
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::{Env, web_sys};

#[wasm_bindgen(raw_module = "burgee:bridge")]
extern "C" {
    #[wasm_bindgen(js_name = start)]
    fn js_start(names: &str);

    #[wasm_bindgen(js_name = head)]
    fn js_head(request: &web_sys::Request) -> String;

    #[wasm_bindgen(js_name = headers)]
    fn js_headers(request: &web_sys::Request, wanted: u32) -> String;

    #[wasm_bindgen(js_name = alike)]
    fn js_alike(status: u16, lines: &str, own: &str) -> JsValue;

    #[wasm_bindgen(js_name = send)]
    fn js_send(alike: &JsValue, own: &str, body: &[u8]) -> web_sys::Response;

    #[wasm_bindgen(js_name = log)]
    fn js_log(level: u8, line: &str);

    #[wasm_bindgen(js_name = logLater)]
    fn js_log_later(context: &JsValue, level: u8, line: &str);

    #[wasm_bindgen(js_name = pause)]
    fn js_pause(ms: u32) -> Promise;

    #[wasm_bindgen(js_name = stored)]
    fn js_stored(env: &JsValue, binding: &str, key: &str, cache_ttl: u32) -> Promise;

    #[wasm_bindgen(js_name = file)]
    fn js_file(env: &JsValue, name: &str) -> Promise;

    #[wasm_bindgen(js_name = truth)]
    fn js_truth(env: &JsValue, tenant: &str) -> Promise;

    #[wasm_bindgen(js_name = snapshot)]
    fn js_snapshot(env: &JsValue, tenant: &str) -> Promise;

    #[wasm_bindgen(js_name = carry)]
    fn js_carry(
        env: &JsValue,
        tenant: &str,
        method: &str,
        target: &str,
        lines: &str,
        body: &[u8],
        wanted: &str,
    ) -> Promise;

    #[wasm_bindgen(js_name = stream)]
    fn js_stream(env: &JsValue, tenant: &str, about: &str, heartbeat: &str, status: u16, lines: &str) -> Promise;

    #[wasm_bindgen(js_name = enqueue)]
    fn js_enqueue(env: &JsValue, queue: &str, message: &str) -> Promise;

    #[wasm_bindgen(js_name = testNow)]
    fn js_test_now(request: &web_sys::Request) -> f64;
}

/// The header in which the platform says what IP address a request comes from. Callers cannot: it overwrites what they send. Its place is the one
/// after all others.
const ADDRESS: &str = "CF-Connecting-IP";

/// Tells the other side what it needs for every request. Called when an instance starts, before it answers any.
pub(crate) fn start() {
    js_start(&[Header::ALL.map(Header::name).as_slice(), &[ADDRESS]].concat().join("\n"));
}

/// A request's method and URL, each on a line.
pub(crate) fn head(request: &web_sys::Request) -> String {
    js_head(request)
}

/// The values of some headers, each on a line; `with_address`, the IP address that the request comes from is the line after them. It is empty where
/// it is not known.
pub(crate) fn headers(request: &web_sys::Request, wanted: &[Header], with_address: bool) -> String {
    let address = u32::from(with_address) << Header::ALL.len();
    js_headers(request, wanted.iter().fold(address, |bits, header| bits | 1 << *header as u32))
}

/// What came of reading a body.
pub(crate) enum Read {
    /// It was not read.
    None,
    /// All of it.
    Bytes(Vec<u8>),
    /// It is too large.
    TooLarge,
    /// It broke off.
    Broken,
}

impl Read {
    /// What the function `read` of bridge.js gave; undefined where it was not called.
    pub(crate) fn of(value: &JsValue) -> Self {
        if value.is_undefined() {
            return Self::None;
        }
        match value.dyn_ref::<Uint8Array>() {
            Some(bytes) => Self::Bytes(bytes.to_vec()),
            None if value.is_null() => Self::TooLarge,
            None => Self::Broken,
        }
    }

    /// The same as `burgee-contract` takes it.
    pub(crate) fn as_body(&self) -> Body<'_> {
        match self {
            Self::None => Body::None,
            Self::Bytes(bytes) => Body::Bytes(bytes),
            Self::TooLarge => Body::TooLarge,
            Self::Broken => Body::Broken,
        }
    }
}

/// The one header that differs from answer to answer.
const OWN: &str = Header::RequestId.name();

/// How many sets of headers are kept, with their statuses; they are as many as there are routes and kinds of errors, and as entity tags, which have no end.
const KEPT: usize = 64;

/// Makes the platform's response.
pub(crate) fn send(response: &Response) -> web_sys::Response {
    thread_local! {
        static SETS: RefCell<BTreeMap<(u16, String), JsValue>> = const { RefCell::new(BTreeMap::new()) };
    }
    let mut lines = String::with_capacity(512);
    let mut own = "";
    for (name, value) in &response.headers {
        if *name == OWN {
            own = value;
            continue;
        }
        for part in [name, value.as_ref()] {
            lines.push_str(part);
            lines.push('\n');
        }
    }
    let key = (response.status, lines);
    SETS.with_borrow_mut(|sets| {
        if sets.len() >= KEPT && !sets.contains_key(&key) {
            sets.clear();
        }
        let alike = match sets.get(&key) {
            Some(alike) => alike,
            None => {
                let alike = js_alike(key.0, &key.1, OWN);
                sets.entry(key).or_insert(alike)
            }
        };
        js_send(alike, own, &response.body)
    })
}

/// Lets so many milliseconds pass, with a timer of this request's own.
pub(crate) async fn pause(ms: u32) {
    // A timer does not reject.
    let _ = JsFuture::from(js_pause(ms)).await;
}

/// Begins to read the bytes of a KV namespace's value. They are not read as JSON by the platform, which would build an object only to be walked
/// again. [`bytes`] gives what comes of it.
pub(crate) fn stored(env: &Env, binding: &str, key: &str, cache_ttl_s: u32) -> JsFuture {
    JsFuture::from(js_stored(env, binding, key, cache_ttl_s))
}

/// Begins to read a static file. [`bytes`] gives what comes of it.
pub(crate) fn file(env: &Env, name: &str) -> JsFuture {
    JsFuture::from(js_file(env, name))
}

/// Begins to ask a tenant's object for its snapshot's version. [`version`] gives what comes of it.
pub(crate) fn truth(env: &Env, tenant: &str) -> JsFuture {
    JsFuture::from(js_truth(env, tenant))
}

/// Begins to read a tenant's snapshot from its object. [`bytes`] gives what comes of it.
pub(crate) fn snapshot(env: &Env, tenant: &str) -> JsFuture {
    JsFuture::from(js_snapshot(env, tenant))
}

/// Bytes that were read, if there are any.
///
/// # Errors
/// What went wrong, in words.
pub(crate) async fn bytes(read: JsFuture) -> Result<Option<Vec<u8>>, String> {
    // It does not reject: an error comes as text.
    let value = read.await.unwrap_or_else(|error| error);
    match value.dyn_ref::<Uint8Array>() {
        Some(bytes) => Ok(Some(bytes.to_vec())),
        None if value.is_null() => Ok(None),
        None => Err(value.as_string().unwrap_or_default()),
    }
}

/// A version that an object was asked for; none where it did not answer in time.
pub(crate) async fn version(read: JsFuture) -> Newest {
    match read.await.ok().and_then(|value| value.as_f64()) {
        Some(version) => Newest::Version(version as u64),
        None => Newest::Unreachable,
    }
}

/// The headers that an object's answer may have; any other is not passed on.
const ANSWERED: [&str; 9] = [
    "Content-Type",
    "ETag",
    "Cache-Control",
    "Location",
    "Allow",
    "Retry-After",
    "X-Burgee-Version",
    "WWW-Authenticate",
    "Content-Encoding",
];

/// A header of the object's answer that is the edge's: the instance or storage was lost, and nothing was changed.
const LOST: &str = "X-Burgee-Lost";

/// What came of carrying a request to an object.
pub(crate) enum Carried {
    /// It answered.
    Answered(Response),
    /// It failed. Nothing was changed.
    Lost,
    /// It cannot be reached; why, in words.
    Unreachable(String),
}

/// Carries a request to a tenant's object; `lines` are the headers that it is given, names and values each on a line.
pub(crate) async fn carry(env: &Env, tenant: &str, request: &Request<'_>, lines: &str) -> Carried {
    let wanted: Vec<&str> = ANSWERED.into_iter().chain([CarriedRequest::ERROR, LOST]).collect();
    let target = match request.query {
        "" => request.path.to_owned(),
        query => format!("{}?{query}", request.path),
    };
    let body = match request.body {
        Body::Bytes(bytes) => bytes,
        _ => &[],
    };
    let promise = js_carry(env, tenant, request.method, &target, lines, body, &wanted.join("\n"));
    let value = JsFuture::from(promise).await.unwrap_or_else(|error| error);
    let Some(parts) = value.dyn_ref::<Array>() else {
        return Carried::Unreachable(value.as_string().unwrap_or_default());
    };
    let lines = parts.get(1).as_string().unwrap_or_default();
    let mut values = lines.split('\n');
    let headers = ANSWERED.iter().zip(&mut values).filter(|(_, value)| !value.is_empty());
    let headers = headers.map(|(name, value)| (*name, Cow::Owned(value.to_owned()))).collect();
    let error = values.next().filter(|code| !code.is_empty());
    let error = error.and_then(|code| serde_json::from_value(serde_json::Value::from(code)).ok());
    if values.next().is_some_and(|lost| !lost.is_empty()) {
        return Carried::Lost;
    }
    let status = parts.get(0).as_f64().unwrap_or_default() as u16;
    let body = parts.get(2).dyn_ref::<Uint8Array>().map(Uint8Array::to_vec).unwrap_or_default();
    Carried::Answered(Response { status, headers, body, error, fault: None, evaluations: Evaluations::default() })
}

/// A stream of a kind that begins after a place, fed by a tenant's object.
///
/// # Errors
/// The object cannot be reached; why, in words.
pub(crate) async fn stream(
    env: &Env,
    tenant: &str,
    kind: &str,
    after: Option<u64>,
    query: &str,
    head: &Response,
    test_now: Option<i64>,
) -> Result<JsValue, String> {
    let about = serde_json::json!({ "kind": kind, "after": after, "query": query, "now": test_now }).to_string();
    let heartbeat = burgee_contract::v1::sse_heartbeat();
    let value = JsFuture::from(js_stream(env, tenant, &about, heartbeat, head.status, &lines(&head.headers))).await;
    let value = value.unwrap_or_else(|error| error);
    match value.as_string() {
        Some(why) => Err(why),
        None => Ok(value),
    }
}

/// Puts a message into a queue.
///
/// # Errors
/// The queue cannot be reached; why, in words.
pub(crate) async fn enqueue(env: &Env, queue: &str, message: &impl Serialize) -> Result<(), String> {
    // Texts and numbers can always be written.
    let message = serde_json::to_string(message).unwrap_or_default();
    let value = JsFuture::from(js_enqueue(env, queue, &message)).await.unwrap_or_else(|error| error);
    value.as_string().map_or(Ok(()), Err)
}

/// The time that a test gives a request, ms since the epoch.
pub(crate) fn test_now(request: &web_sys::Request) -> Option<i64> {
    let now = js_test_now(request);
    now.is_finite().then_some(now as i64)
}

/// Headers, names and values each on a line.
fn lines(headers: &[(&'static str, Cow<'static, str>)]) -> String {
    headers.iter().map(|(name, value)| format!("{name}\n{value}\n")).collect()
}

/// Writes a line to the log.
pub(crate) fn log(level: Level, line: &impl Serialize) {
    js_log(level as u8, &text_of(line));
}

/// Writes a line about the request whose context this is, so that its answer does not wait for the log.
pub(crate) fn log_later(context: &JsValue, level: Level, line: &impl Serialize) {
    js_log_later(context, level as u8, &text_of(line));
}

fn text_of(line: &impl Serialize) -> String {
    // Strings and numbers can always be written.
    serde_json::to_string(line).unwrap_or_default()
}

/// Writes a line about a fault that a request met, at a time (ms since the epoch).
pub(crate) fn log_fault(message: &str, tenant: &str, request_id: &str, why: &str, now: i64) {
    let line = FaultLog::new(message, tenant, request_id, why, now);
    log(line.level, &line);
}
