//! Crossing into JavaScript and back.

use burgee_contract::{Carried, FaultLog, Response};
use worker::wasm_bindgen::JsValue;
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::{Env, js_sys, web_sys};

#[wasm_bindgen(raw_module = "burgee:handing")]
extern "C" {
    #[wasm_bindgen(js_name = answer)]
    fn js_answer(status: u16, lines: &str, body: &[u8], undo: bool, after: &str) -> JsValue;

    #[wasm_bindgen(js_name = outcome)]
    fn js_outcome(after: &str) -> JsValue;

    #[wasm_bindgen(js_name = attempt)]
    fn js_attempt(attempt: Option<String>, after: &str) -> JsValue;

    #[wasm_bindgen(js_name = toSign)]
    fn js_to_sign(key: &str, document: &[u8], public: &[u8]) -> JsValue;

    #[wasm_bindgen(js_name = publication)]
    fn js_publication(tenant: &str, version: f64, bytes: &[u8]) -> JsValue;
}

/// The object's answer to a caller's request, as tenant.js takes it; `after` is JSON.
pub(crate) fn answer(response: &Response, undo: bool, after: &str) -> JsValue {
    // Names and values, each on a line: headers hold no line breaks.
    let mut lines: String = response.headers.iter().map(|(name, value)| format!("{name}\n{value}\n")).collect();
    // A code is a text in JSON.
    if let Some(Ok(serde_json::Value::String(code))) = response.error.map(serde_json::to_value) {
        lines.push_str(&format!("{}\n{code}\n", Carried::ERROR));
    }
    js_answer(response.status, &lines, &response.body, undo, after)
}

/// What came of something that nobody waits for, as tenant.js takes it; `after` is JSON.
pub(crate) fn outcome(after: &str) -> JsValue {
    js_outcome(after)
}

/// An attempt to deliver, as tenant.js takes it; both texts are JSON.
pub(crate) fn attempt(attempt: Option<String>, after: &str) -> JsValue {
    js_attempt(attempt, after)
}

/// A snapshot to publish, as tenant.js takes it.
pub(crate) fn publication(tenant: &str, version: u64, bytes: &[u8]) -> JsValue {
    js_publication(tenant, version as f64, bytes)
}

/// What is to be signed, and the key as a JWK, as tenant.js takes it.
pub(crate) fn to_sign(key: &str, document: &[u8], public: &[u8]) -> JsValue {
    js_to_sign(key, document, public)
}

/// Writes a line about a fault that a request met, at a time (ms since the epoch).
pub(crate) fn log_fault(message: &str, tenant: &str, request_id: &str, why: &str, now: i64) {
    // Strings can always be written.
    let line = serde_json::to_string(&FaultLog::new(message, tenant, request_id, why, now)).unwrap_or_default();
    web_sys::console::error_1(&JsValue::from_str(&line));
}

/// A variable as text, whichever JSON type the configuration gives it.
pub(crate) fn variable(env: &Env, name: &str) -> Option<String> {
    let value = js_sys::Reflect::get(env, &JsValue::from_str(name)).ok()?;
    let text = value.as_string().or_else(|| value.as_f64().map(|number| number.to_string()));
    text.or_else(|| value.as_bool().map(|word| word.to_string()))
}
