//! Crossing into JavaScript and back, few times per request: each crossing copies text between two encodings.

use burgee_contract::limits::BODY_BYTES;
use burgee_contract::{Body, ERROR_FORMS, ErrorCode, Header, Level, Moment, Problem, Response, refuse};
use serde::Serialize;
use worker::js_sys::futures::JsFuture;
use worker::js_sys::{Promise, Uint8Array};
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::web_sys;

use crate::SERVICE_VERSION;

#[wasm_bindgen(module = "/src/bridge.js")]
extern "C" {
    #[wasm_bindgen(js_name = start)]
    fn js_start(names: &str, placeholder: &str);

    #[wasm_bindgen(js_name = sorry)]
    fn js_sorry(prefix: &str, status: u16, head: &str, body: &str);

    #[wasm_bindgen(js_name = guard)]
    fn js_guard(answer: &Promise, request: &web_sys::Request, request_id: &str) -> Promise;

    #[wasm_bindgen(js_name = head)]
    fn js_head(request: &web_sys::Request) -> String;

    #[wasm_bindgen(js_name = body)]
    fn js_body(request: &web_sys::Request, limit: u32) -> Promise;

    #[wasm_bindgen(catch, js_name = send)]
    fn js_send(status: u16, head: &str, body: &[u8]) -> Result<web_sys::Response, JsValue>;
}

/// Tells the other side what it needs for every request. Called when an instance starts, before it answers any.
pub(crate) fn start() {
    // Not a sane id, so no caller's can be taken for it.
    const PLACEHOLDER: &str = "{request id}";
    js_start(&Header::ALL.map(Header::name).join("\n"), PLACEHOLDER);
    let problem =
        Problem::new(ErrorCode::InternalError, "the request was lost: the evaluator stopped, and starts anew")
            .hint("ask again; the log has the cause");
    let moment = Moment { now: 0, request_id: PLACEHOLDER, service_version: SERVICE_VERSION };
    for prefix in ERROR_FORMS {
        let sorry = refuse(&problem, "GET", prefix, &moment);
        js_sorry(prefix, sorry.status, &lines_of(&sorry), &String::from_utf8_lossy(&sorry.body));
    }
}

/// An answer that comes even if this instance is lost before there is one.
pub(crate) fn guard(answer: &Promise, request: &web_sys::Request, request_id: &str) -> Promise {
    js_guard(answer, request, request_id)
}

/// A request's method, URL, and the values of [`Header::ALL`], each on a line.
pub(crate) fn head(request: &web_sys::Request) -> String {
    js_head(request)
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

/// Reads a request's body, and gives up where it is past the limit.
pub(crate) async fn body(request: &web_sys::Request) -> Read {
    match JsFuture::from(js_body(request, BODY_BYTES as u32)).await {
        Ok(value) => value.dyn_ref::<Uint8Array>().map_or(Read::TooLarge, |bytes| Read::Bytes(bytes.to_vec())),
        Err(_) => Read::Broken,
    }
}

/// Makes the platform's response.
///
/// # Errors
/// The platform refuses it.
pub(crate) fn send(response: &Response) -> Result<web_sys::Response, JsValue> {
    js_send(response.status, &lines_of(response), &response.body)
}

/// The headers' names and values, each on a line.
fn lines_of(response: &Response) -> String {
    let mut lines = String::with_capacity(512);
    for (name, value) in &response.headers {
        for part in [name, value.as_ref()] {
            lines.push_str(part);
            lines.push('\n');
        }
    }
    lines
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
