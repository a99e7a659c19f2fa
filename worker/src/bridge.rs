//! Crossing into JavaScript and back, few times per request: each crossing copies text between two encodings.

use std::cell::RefCell;
use std::collections::BTreeMap;

use burgee_contract::{Body, Header, Level, Response};
use serde::Serialize;
use worker::js_sys::futures::JsFuture;
use worker::js_sys::{Promise, Uint8Array};
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

    #[wasm_bindgen(js_name = kept)]
    fn js_kept(lines: &str) -> web_sys::Headers;

    #[wasm_bindgen(js_name = send)]
    fn js_send(status: u16, headers: &web_sys::Headers, name: &str, value: &str, body: &[u8]) -> web_sys::Response;

    #[wasm_bindgen(js_name = pause)]
    fn js_pause(ms: u32) -> Promise;

    #[wasm_bindgen(js_name = stored)]
    fn js_stored(env: &JsValue, binding: &str, key: &str, cache_ttl: u32) -> Promise;
}

/// Tells the other side what it needs for every request. Called when an instance starts, before it answers any.
pub(crate) fn start() {
    js_start(&Header::ALL.map(Header::name).join("\n"));
}

/// A request's method and URL, each on a line.
pub(crate) fn head(request: &web_sys::Request) -> String {
    js_head(request)
}

/// The values of some headers, each on a line.
pub(crate) fn headers(request: &web_sys::Request, wanted: &[Header]) -> String {
    js_headers(request, wanted.iter().fold(0, |bits, header| bits | 1 << *header as u32))
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
        match value.dyn_ref::<Uint8Array>() {
            Some(bytes) => Self::Bytes(bytes.to_vec()),
            None if value.is_undefined() => Self::None,
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

/// How many sets of headers are kept; they are as many as there are routes and kinds of errors, and as entity tags, which have no end.
const KEPT: usize = 64;

/// Makes the platform's response.
pub(crate) fn send(response: &Response) -> web_sys::Response {
    thread_local! {
        static SETS: RefCell<BTreeMap<String, web_sys::Headers>> = const { RefCell::new(BTreeMap::new()) };
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
    SETS.with_borrow_mut(|sets| {
        if sets.len() >= KEPT && !sets.contains_key(&lines) {
            sets.clear();
        }
        let headers = match sets.get(&lines) {
            Some(headers) => headers,
            None => {
                let headers = js_kept(&lines);
                sets.entry(lines).or_insert(headers)
            }
        };
        js_send(response.status, headers, OWN, own, &response.body)
    })
}

/// Lets so many milliseconds pass, with a timer of this request's own.
pub(crate) async fn pause(ms: u32) {
    // A timer does not reject.
    let _ = JsFuture::from(js_pause(ms)).await;
}

/// The bytes of a KV namespace's value. They are not read as JSON by the platform, which would build an object only to be walked again.
///
/// # Errors
/// What went wrong, in words.
pub(crate) async fn stored(env: &Env, binding: &str, key: &str, cache_ttl_s: u32) -> Result<Option<Vec<u8>>, String> {
    // It does not reject: an error comes as text.
    let value = JsFuture::from(js_stored(env, binding, key, cache_ttl_s)).await.unwrap_or_else(|error| error);
    match value.dyn_ref::<Uint8Array>() {
        Some(bytes) => Ok(Some(bytes.to_vec())),
        None if value.is_null() => Ok(None),
        None => Err(value.as_string().unwrap_or_default()),
    }
}

/// Writes a line to the log.
pub(crate) fn log(level: Level, line: &impl Serialize) {
    // Strings and numbers can always be written.
    let text = JsValue::from_str(&serde_json::to_string(line).unwrap_or_default());
    match level {
        Level::Info => web_sys::console::log_1(&text),
        Level::Warn => web_sys::console::warn_1(&text),
        Level::Error => web_sys::console::error_1(&text),
    }
}
