//! burgee's edge on Cloudflare Workers: what the platform gives is handed to `burgee-contract`, and what that answers is sent. Tenants' objects are in
//! a Worker of their own, `burgee-objects`.
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
mod carry;
mod clock;
mod identity;
mod meter;
mod policy;
mod registries;

use std::cell::{OnceCell, RefCell};
use std::panic::AssertUnwindSafe;
use std::rc::Rc;

use burgee_contract::identity::{Looked, Verdict};
use burgee_contract::metrics::CacheState;
use burgee_contract::sensitive::{Gate, Inquiry};
use burgee_contract::{
    Buckets, ErrorCode, Header, Headers, Moment, Plan, Problem, Registry, Request, RequestLog, Response, Route,
    Settings, SettingsError, is_sane, refuse, respond, show_metrics, split_url, uuid_v4, v1,
};
use worker::js_sys::futures::future_to_promise;
use worker::wasm_bindgen::JsValue;
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::{Context, Env, event, js_sys, web_sys, worker_sys};

use crate::clock::now;
use crate::meter::Tap;
use crate::registries::Look;

/// Stands in every envelope as `service_version`.
const SERVICE_VERSION: &str = env!("CARGO_PKG_VERSION");

/// Where `FF_TEST_PANIC=1` brings the instance down: at once, with `?later` while the answer is waited for, or with `?aside` after it, when nobody waits.
const PANIC_PATH: &str = "/__test/panic";

/// Runs when an instance starts: when an isolate does, and after a panic.
#[event(start)]
fn start() {
    bridge::start();
}

/// Does nothing, but in an instance that runs: a call without texts is the one that may follow a trap. See trap.js.
#[wasm_bindgen]
pub fn begin() {}

/// Answers a request; entry.js calls it.
///
/// It gives the response at once where it can, and else the promise of one: promises cost more than all the rest. A number says
/// that the body is wanted first, of so many bytes at most; the call is then made again with what came of reading it. `started` is
/// when the request came, and `now` the time of the call, ms since the epoch.
#[wasm_bindgen]
pub fn fetch(
    raw: &web_sys::Request,
    env: Env,
    context: worker_sys::Context,
    started: f64,
    now: f64,
    body: &JsValue,
) -> JsValue {
    clock::at(now as i64, || take(raw, env, context, started as i64, body))
}

/// What [`fetch`] gives.
fn take(raw: &web_sys::Request, env: Env, context: worker_sys::Context, started: i64, body: &JsValue) -> JsValue {
    let head = bridge::head(raw);
    let route = route_of(&head);
    let tap = Tap::new(&env, &context);
    let settings = settings(&env);
    let with_address = settings.as_ref().is_ok_and(|settings| settings.rates.client > 0);
    let asked = Asked::receive(raw, head, route, with_address, bridge::Read::of(body), tap, started);
    match settings {
        Ok(settings) => {
            let asked = asked.at(&settings, raw);
            match route.body_limit() {
                Some(limit) if body.is_undefined() && asked.wants_body(&settings) => JsValue::from(limit as u32),
                _ => answer(asked, settings, env, Context::new(context)),
            }
        }
        Err(error) => asked.refuse(&error.to_problem()).into(),
    }
}

/// Answers a request that an instance before this one took with it; entry.js calls it. `started` is in ms since the epoch.
#[wasm_bindgen]
pub fn apologise(raw: &web_sys::Request, env: Env, context: worker_sys::Context, started: f64) -> web_sys::Response {
    let head = bridge::head(raw);
    let route = route_of(&head);
    let problem =
        Problem::new(ErrorCode::InternalError, "the request was lost: the evaluator stopped, and starts anew")
            .hint("ask again; the log has the cause");
    let tap = Tap::new(&env, &context);
    Asked::receive(raw, head, route, false, bridge::Read::None, tap, started as i64).refuse(&problem)
}

/// The response, or the promise of one where a token must be verified first.
fn answer(asked: Asked, settings: Rc<Settings>, env: Env, context: Context) -> JsValue {
    let looked = asked.request().headers.get(Header::Authorization).and_then(|_| {
        let request = asked.request();
        let (token, surface) = Plan::of(&request, &settings, asked.now()).token()?;
        Some(identity::look(token, surface, &settings, &context))
    });
    match looked {
        None => answer_to(None, asked, settings, env, &context),
        Some(Looked::Known(verdict)) => answer_to(Some(verdict), asked, settings, env, &context),
        Some(Looked::Check(checking)) => {
            if let Err(problem) = asked.pay(|buckets, address, now| buckets.charge_check(&settings, address, now)) {
                return asked.refuse(&problem).into();
            }
            future_to_promise(AssertUnwindSafe(async move {
                let verdict = identity::check(checking, &settings).await;
                // It may be a promise again: who waits for this one then waits for that.
                Ok(answer_to(Some(verdict), asked, settings, env, &context))
            }))
            .into()
        }
    }
}

/// The response, or the promise of one where the registry must be read first, or the policy service asked.
fn answer_to(verdict: Option<Verdict>, asked: Asked, settings: Rc<Settings>, env: Env, context: &Context) -> JsValue {
    let request = asked.request();
    if settings.test_panic && request.path == PANIC_PATH {
        return bring_down(request.query);
    }
    let planned = asked.plan(&request, &settings, verdict.as_ref());
    if let Err(problem) = asked.pay(|buckets, address, now| buckets.charge(&planned, address, now)) {
        return asked.refuse(&problem).into();
    }
    if planned.route() == Route::Metrics && !planned.is_refused() {
        return future_to_promise(AssertUnwindSafe(async move {
            let text = meter::text(&env).await;
            let request = asked.request();
            let response = show_metrics(text, &request, &asked.moment());
            Ok(asked.send(&request, &response, None, None).into())
        }))
        .into();
    }
    if planned.carry().is_some() {
        return future_to_promise(AssertUnwindSafe(carry::carry(asked, settings, env))).into();
    }
    if let Some(batch) = v1::exposure_batch(&planned, &request, asked.now()) {
        return future_to_promise(AssertUnwindSafe(carry::hand_over(asked, settings, env, batch))).into();
    }
    let Some(tenant) = planned.registry() else { return asked.respond(&request, &planned, Registry::NotAsked).into() };
    match registries::look(tenant, &settings, planned.wanted_version().unwrap_or(0), &env, context) {
        Look::Held(found) if planned.route() != Route::Ready || found.is_current() => {
            match Inquiry::of(&planned, &request, found.loaded()) {
                None => {
                    let planned = asked.informed(planned, found.has_object);
                    let gate = Gate::unasked(&planned);
                    asked.respond(&request, &planned, Registry::Ready(found.served(&gate))).into()
                }
                Some(inquiry) => future_to_promise(AssertUnwindSafe(async move {
                    let gate = policy::ask(inquiry, &settings, &asked.id).await;
                    let request = asked.request();
                    let planned = asked.plan(&request, &settings, verdict.as_ref());
                    let planned = asked.informed(planned, found.has_object);
                    Ok(asked.respond(&request, &planned, Registry::Ready(found.served(&gate))).into())
                }))
                .into(),
            }
        }
        // Nobody else may have asked for long: who is ready is said by storage, not by what was once read from it.
        look => {
            let load = look.load();
            let tenant = tenant.to_owned();
            future_to_promise(AssertUnwindSafe(async move {
                let found = registries::read(&tenant, load, &settings, &env, &asked.tap).await;
                let request = asked.request();
                let planned = asked.plan(&request, &settings, verdict.as_ref());
                let planned = asked.informed(planned, found.as_ref().is_ok_and(|found| found.has_object));
                let inquiry = found.as_ref().ok().and_then(|found| Inquiry::of(&planned, &request, found.loaded()));
                let gate = match inquiry {
                    Some(inquiry) => policy::ask(inquiry, &settings, &asked.id).await,
                    None => Gate::unasked(&planned),
                };
                let registry = match &found {
                    Ok(found) => Registry::Ready(found.served(&gate)),
                    Err(fault) => Registry::Unavailable(fault),
                };
                Ok(asked.respond(&request, &planned, registry).into())
            }))
            .into()
        }
    }
}

fn bring_down(when: &str) -> JsValue {
    let down = || -> ! { panic!("FF_TEST_PANIC is set, and {PANIC_PATH} was asked for") };
    if when != "later" && when != "aside" {
        down();
    }
    let promise = future_to_promise(AssertUnwindSafe(async move { down() }));
    if when == "later" { promise.into() } else { web_sys::Response::new().map_or_else(JsValue::from, JsValue::from) }
}

/// A request, as it is kept until it is answered.
struct Asked {
    /// The method and the URL.
    head: String,
    route: Route,
    /// The values of the headers that the route reads, and the IP address that it comes from, where that is of use.
    headers: String,
    body: bridge::Read,
    id: String,
    tap: Tap,
    /// When it came, ms since the epoch.
    started: i64,
    /// The time that a test gave it instead, ms since the epoch.
    test_now: Option<i64>,
}

impl Asked {
    fn receive(
        raw: &web_sys::Request,
        head: String,
        route: Route,
        with_address: bool,
        body: bridge::Read,
        tap: Tap,
        started: i64,
    ) -> Self {
        let headers = bridge::headers(raw, route.headers(), with_address);
        let given = Headers::from_lines(route.headers(), &headers).get(Header::RequestId);
        let id = given.filter(|id| is_sane(id)).map_or_else(new_id, str::to_owned);
        Self { head, route, headers, body, id, tap, started, test_now: None }
    }

    /// The same at the time that a test gives it, where the settings let it.
    fn at(self, settings: &Settings, raw: &web_sys::Request) -> Self {
        let test_now = if settings.test_clock { bridge::test_now(raw) } else { None };
        Self { test_now, ..self }
    }

    /// The IP address that it comes from; empty where that is of no use, or not known.
    fn address(&self) -> &str {
        self.headers.split('\n').nth(self.route.headers().len()).unwrap_or_default()
    }

    /// Takes from this isolate's buckets what a request costs.
    fn pay(&self, charge: impl FnOnce(&mut Buckets, &str, i64) -> Result<(), Problem>) -> Result<(), Problem> {
        thread_local! {
            static BUCKETS: RefCell<Buckets> = RefCell::default();
        }
        BUCKETS.with_borrow_mut(|buckets| charge(buckets, self.address(), self.now()))
    }

    /// Whether its answer depends on its body. One that is refused anyway is not read: it may be long.
    fn wants_body(&self, settings: &Settings) -> bool {
        !matches!(self.route, Route::V1(_)) || !Plan::of(&self.request(), settings, self.now()).is_refused()
    }

    /// The time, ms since the epoch.
    fn now(&self) -> i64 {
        self.test_now.unwrap_or_else(now)
    }

    /// The same as `burgee-contract` takes it.
    fn request(&self) -> Request<'_> {
        let (method, (path, query)) = split_head(&self.head);
        let headers = Headers::from_lines(self.route.headers(), &self.headers);
        Request { method, path, query, headers, body: self.body.as_body() }
    }

    /// What it is, with what came of its token.
    fn plan<'a>(&self, request: &Request<'a>, settings: &'a Settings, verdict: Option<&Verdict>) -> Plan<'a> {
        let plan = Plan::of(request, settings, self.now());
        let plan = match verdict {
            Some(verdict) => plan.identified(verdict.clone()),
            None => plan,
        };
        if plan.route() == Route::TrustHealth {
            plan.trusting(identity::health(settings), policy::health(settings))
        } else {
            plan
        }
    }

    /// A plan with what its route tells of the tenant's object beside the registry: whether it was reached, or where its event stream is.
    fn informed<'a>(&'a self, plan: Plan<'a>, has_object: bool) -> Plan<'a> {
        match plan.route() {
            Route::Ready => {
                let truth = plan.registry().map(registries::truth).unwrap_or_default();
                plan.with_truth(truth)
            }
            Route::OfrepAll if has_object => self.with_streams(plan),
            _ => plan,
        }
    }

    /// A plan that names the tenant's event stream.
    fn with_streams<'a>(&'a self, plan: Plan<'a>) -> Plan<'a> {
        let (_, url) = self.head.split_once('\n').unwrap_or_default();
        let host = url.find("://").map_or(0, |end| end.saturating_add(3));
        let end = url.get(host..).and_then(|rest| rest.find(['/', '?', '#'])).map(|length| length.saturating_add(host));
        plan.with_event_streams(url.get(..end.unwrap_or(url.len())).unwrap_or(url))
    }

    fn moment(&self) -> Moment<'_> {
        // Reading storage takes time, and overrides end at an instant: now, not when it began.
        Moment { now: self.now(), request_id: &self.id, service_version: SERVICE_VERSION }
    }

    fn respond(&self, request: &Request<'_>, plan: &Plan<'_>, registry: Registry<'_>) -> web_sys::Response {
        let response = respond(plan, request, registry, &self.moment());
        let cache = match registry {
            Registry::NotAsked => None,
            Registry::Ready(served) => Some(CacheState::from(served.cache)),
            Registry::Unavailable(_) => Some(CacheState::Unavailable),
        };
        self.send(request, &response, plan.tenant(), cache)
    }

    fn refuse(&self, problem: &Problem) -> web_sys::Response {
        self.send(&self.request(), &self.refusal(problem), None, None)
    }

    /// The response that an error is answered with.
    fn refusal(&self, problem: &Problem) -> Response {
        let request = self.request();
        refuse(problem, request.method, request.path, &self.moment())
    }

    /// Logs, counts and makes a response; `tenant` is the one that the request is about, and `cache` where its registry came from.
    fn send(
        &self,
        request: &Request<'_>,
        response: &Response,
        tenant: Option<&str>,
        cache: Option<CacheState>,
    ) -> web_sys::Response {
        self.note(request, response, tenant, cache);
        bridge::send(response)
    }

    /// Logs and counts a response.
    fn note(&self, request: &Request<'_>, response: &Response, tenant: Option<&str>, cache: Option<CacheState>) {
        let ended = now();
        let line = RequestLog::new(request, response, tenant, &self.id, self.started, ended);
        self.tap.log(line.level, &line);
        self.tap.count(self.route, request, response, cache, self.started, ended);
    }
}

/// The method, and the URL's path and query.
fn split_head(head: &str) -> (&str, (&str, &str)) {
    let (method, url) = head.split_once('\n').unwrap_or((head, ""));
    (method, split_url(url))
}

fn route_of(head: &str) -> Route {
    let (method, (path, _)) = split_head(head);
    Route::of(method, path)
}

/// The settings, read once per instance: an isolate's variables do not change.
fn settings(env: &Env) -> Result<Rc<Settings>, SettingsError> {
    thread_local! {
        static SETTINGS: OnceCell<Result<Rc<Settings>, SettingsError>> = const { OnceCell::new() };
    }
    SETTINGS.with(|settings| settings.get_or_init(|| Settings::read(|name| variable(env, name)).map(Rc::new)).clone())
}

/// A variable as text, whichever JSON type the configuration gives it.
fn variable(env: &Env, name: &str) -> Option<String> {
    let value = js_sys::Reflect::get(env, &JsValue::from_str(name)).ok()?;
    let text = value.as_string().or_else(|| value.as_f64().map(|number| number.to_string()));
    text.or_else(|| value.as_bool().map(|word| word.to_string()))
}

/// A new id.
fn new_id() -> String {
    /// So many are drawn at once: to draw them is a call into JavaScript.
    const DRAWN: usize = 64;
    thread_local! {
        static RANDOM: RefCell<Vec<[u8; 16]>> = const { RefCell::new(Vec::new()) };
    }
    RANDOM.with_borrow_mut(|random| {
        if random.is_empty() {
            let mut drawn = [[0; 16]; DRAWN];
            if getrandom::fill(drawn.as_flattened_mut()).is_ok() {
                random.extend(drawn);
            }
        }
        // Drawing cannot fail within a request; if it did, an id of zeros would still be an answer.
        uuid_v4(random.pop().unwrap_or_default())
    })
}
