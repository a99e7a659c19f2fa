//! burgee on Cloudflare Workers: what the platform gives is handed to `burgee-contract`, and what that answers is sent.
//!
//! Flags, HTTP semantics and settings are not decided here. Two rules of the platform shape this crate: nothing that is borrowed
//! from a static may live across an `await`, because requests interleave there; and after a panic the module starts anew with
//! empty statics, so every cache here must fill itself again.
#![deny(
    unsafe_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr
)]

mod bridge;
mod registries;

use std::cell::OnceCell;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;

use burgee_contract::{
    Body, ErrorCode, Header, Headers, Moment, Plan, Problem, Registry, Request, RequestLog, Response, Settings,
    SettingsError, is_sane, refuse, respond, split_url, uuid_v4,
};
use worker::js_sys::Promise;
use worker::js_sys::futures::future_to_promise;
use worker::wasm_bindgen::JsValue;
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::{Context, Env, event, js_sys, web_sys, worker_sys};

/// Stands in every envelope as `service_version`.
const SERVICE_VERSION: &str = env!("CARGO_PKG_VERSION");

/// Where `FF_TEST_PANIC=1` brings the instance down.
const PANIC_PATH: &str = "/__test/panic";

/// Runs when an instance starts: when an isolate does, and after a panic.
#[event(start)]
fn start() {
    bridge::start();
}

/// Answers a request; the platform calls it.
///
/// It is what the macro `event(fetch)` would make, but for the guard: a panic leaves a promise open for ever, and the caller
/// would be told nothing that it can read.
#[wasm_bindgen]
pub fn fetch(raw: web_sys::Request, env: Env, context: worker_sys::Context) -> Promise {
    let head = bridge::head(&raw);
    let request_id = match Headers::from_lines(lines_of(&head).2).get(Header::RequestId).filter(|id| is_sane(id)) {
        Some(id) => id.to_owned(),
        None => new_id(),
    };
    // Another handle of the same request; its method `clone` would copy the body.
    let (request, id) = (Clone::clone(&raw), request_id.clone());
    let answer = future_to_promise(AssertUnwindSafe(async move {
        serve(&raw, &head, &request_id, &env, &Context::new(context)).await.map(JsValue::from)
    }));
    bridge::guard(&answer, &request, &id)
}

/// Answers a request, of which `head` is the method, the URL and the headers. The error is the platform's, if it refuses the response.
async fn serve(
    raw: &web_sys::Request,
    head: &str,
    request_id: &str,
    env: &Env,
    context: &Context,
) -> Result<web_sys::Response, JsValue> {
    let started = now();
    let (method, url, headers) = lines_of(head);
    let (path, query) = split_url(url);
    let bytes;
    let mut request = Request { method, path, query, headers: Headers::from_lines(headers), body: Body::None };
    let moment = Moment { now: started, request_id, service_version: SERVICE_VERSION };

    let settings = settings(env);
    let (response, tenant) = match &*settings {
        Ok(settings) => {
            if settings.test_panic && path == PANIC_PATH {
                panic!("FF_TEST_PANIC is set, and {PANIC_PATH} was asked for");
            }
            let plan = Plan::of(&request, settings);
            bytes = if plan.route().reads_body() { bridge::body(raw).await } else { bridge::Read::None };
            request.body = bytes.as_body();
            (answer(&plan, &request, settings, &moment, env, context).await, plan.registry())
        }
        Err(error) => {
            let problem = Problem::new(ErrorCode::InternalError, format!("the settings are wrong: {error}"));
            (
                refuse(
                    &problem.hint("set the variable right, or remove it to have its default"),
                    method,
                    path,
                    &moment,
                ),
                None,
            )
        }
    };
    let line = RequestLog::new(&request, &response, tenant, request_id, started, now());
    bridge::log(line.level, &line);
    bridge::send(&response)
}

/// The method, the URL, and the lines of the headers.
fn lines_of(head: &str) -> (&str, &str, &str) {
    let (method, rest) = head.split_once('\n').unwrap_or((head, ""));
    let (url, headers) = rest.split_once('\n').unwrap_or((rest, ""));
    (method, url, headers)
}

async fn answer(
    plan: &Plan<'_>,
    request: &Request<'_>,
    settings: &Settings,
    moment: &Moment<'_>,
    env: &Env,
    context: &Context,
) -> Response {
    let Some(tenant) = plan.registry() else { return respond(plan, request, Registry::NotAsked, moment) };
    let found = registries::get(tenant, settings.soft_ttl_ms, env, context).await;
    // Reading storage takes time, and overrides end at an instant.
    let moment = Moment { now: now(), ..*moment };
    match &found {
        Ok(found) => respond(plan, request, Registry::Ready(found.served()), &moment),
        Err(fault) => respond(plan, request, Registry::Unavailable(fault), &moment),
    }
}

/// The settings, read once per instance: an isolate's variables do not change.
fn settings(env: &Env) -> Rc<Result<Settings, SettingsError>> {
    thread_local! {
        static SETTINGS: OnceCell<Rc<Result<Settings, SettingsError>>> = const { OnceCell::new() };
    }
    SETTINGS.with(|settings| settings.get_or_init(|| Rc::new(Settings::read(|name| variable(env, name)))).clone())
}

/// A variable as text, whichever JSON type the configuration gives it.
fn variable(env: &Env, name: &str) -> Option<String> {
    let value = js_sys::Reflect::get(env, &JsValue::from_str(name)).ok()?;
    value.as_string().or_else(|| value.as_f64().map(|number| number.to_string()))
}

/// The time, ms since the epoch. The platform lets it pass only while a request waits for something.
fn now() -> i64 {
    js_sys::Date::now() as i64
}

fn new_id() -> String {
    let mut random = [0; 16];
    // It cannot fail within a request; if it did, an id of zeros would still be an answer.
    let _ = getrandom::fill(&mut random);
    uuid_v4(random)
}
