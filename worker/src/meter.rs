//! Counting in this isolate. The sums of all isolates are in the object `Meter`, of `burgee-objects`.
//!
//! What is counted stays in memory until it is handed over, at most once a second, by meter.js: what is waited for there outlives an instance
//! that a panic ends. What deltas mean, and that each counts once, is `burgee_contract::metrics`.

use std::cell::{Cell, RefCell};

use burgee_contract::metrics::{CacheState, Metrics, PolicyResult, ReadResult, ReadSource};
use burgee_contract::sensitive::BreakerState;
use burgee_contract::{Level, Request, Response, Route};
use serde::Serialize;
use worker::js_sys::futures::JsFuture;
use worker::js_sys::{Error, Promise};
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::{Env, worker_sys};

use crate::{bridge, new_id};

#[wasm_bindgen(raw_module = "burgee:meter")]
extern "C" {
    #[wasm_bindgen(catch, js_name = schedule)]
    fn js_schedule(env: &JsValue, context: &JsValue) -> Result<(), JsValue>;

    #[wasm_bindgen(catch, js_name = text)]
    fn js_text(env: &JsValue) -> Result<Promise, JsValue>;
}

/// Milliseconds after which a hand-over that was scheduled counts as lost. The platform ends background work 30 s after its request, without
/// a word, so that nobody would ever schedule another.
const SCHEDULE_LOST_MS: i64 = 30_000;

thread_local! {
    // Its name is drawn with the first thing that is counted: there is no randomness before a request.
    static METRICS: RefCell<Metrics> = RefCell::new(Metrics::new(new_id()));
    /// The delta that meter.js was given and has not called delivered.
    static IN_HAND: RefCell<Option<String>> = const { RefCell::new(None) };
    /// When a hand-over was scheduled that has not begun, ms since the epoch.
    static SCHEDULED: Cell<Option<i64>> = const { Cell::new(None) };
}

fn is_scheduled(now: i64) -> bool {
    SCHEDULED.get().is_some_and(|since| now.saturating_sub(since) < SCHEDULE_LOST_MS)
}

/// What is needed of a request to write to the log about it, and to hand over what is counted in it.
pub(crate) struct Tap {
    env: Env,
    context: JsValue,
}

impl Tap {
    pub(crate) fn new(env: &Env, context: &worker_sys::Context) -> Self {
        Self { env: env.clone(), context: AsRef::<JsValue>::as_ref(context).clone() }
    }

    /// Writes a line about the request to the log.
    pub(crate) fn log(&self, level: Level, line: &impl Serialize) {
        bridge::log_later(&self.context, level, line);
    }

    /// Counts a request of a route that was answered, and sees to it that what was counted is handed over. `cache` says where its registry came from,
    /// if it needed one; times are ms since the epoch.
    pub(crate) fn count(
        &self,
        route: Route,
        request: &Request<'_>,
        response: &Response,
        cache: Option<CacheState>,
        started: i64,
        ended: i64,
    ) {
        let duration_ms = ended.saturating_sub(started);
        METRICS.with_borrow_mut(|metrics| {
            metrics.count_request(route.template(request.path), request.method, response.status, duration_ms);
            metrics.count_evaluations(&response.evaluations, duration_ms);
            if let Some(state) = cache {
                metrics.count_cache(state);
            }
        });
        if !is_scheduled(ended) {
            // Where the platform takes no more work for this request, the next one asks.
            let scheduled = js_schedule(&self.env, &self.context).is_ok();
            SCHEDULED.set(scheduled.then_some(ended));
        }
    }
}

/// Counts a look at storage; with `confirmed`, the tenant's snapshot was there at that time (ms since the epoch).
pub(crate) fn count_read(source: ReadSource, result: ReadResult, confirmed: Option<(&str, i64)>) {
    METRICS.with_borrow_mut(|metrics| {
        metrics.count_read(source, result);
        if let Some((tenant, at)) = confirmed {
            metrics.confirm(tenant, at);
        }
    });
}

/// Counts a question about a sensitive flag.
pub(crate) fn count_question(result: PolicyResult) {
    METRICS.with_borrow_mut(|metrics| metrics.count_question(result));
}

/// Counts that this isolate's breaker came to a state.
pub(crate) fn count_breaker(state: BreakerState) {
    METRICS.with_borrow_mut(|metrics| metrics.count_breaker(state));
}

/// Hands over what this isolate has counted, and gives the text that shows all isolates' sums.
///
/// # Errors
/// The object cannot be reached; why, in words.
pub(crate) async fn text(env: &Env) -> Result<String, String> {
    let text = js_text(env).map_err(|error| words(&error))?;
    let text = JsFuture::from(text).await.map_err(|error| words(&error))?;
    text.as_string().ok_or_else(|| "it gave no text".to_owned())
}

fn words(error: &JsValue) -> String {
    let message = error.dyn_ref::<Error>().map(|error| error.message().into());
    message.unwrap_or_else(|| format!("{error:?}"))
}

/// The delta to hand over at a time (ms since the epoch), if there is one. What is counted from now on schedules a hand-over of its own.
#[wasm_bindgen(js_name = meterInHand)]
pub fn in_hand(now: f64) -> Option<String> {
    SCHEDULED.set(None);
    IN_HAND.with_borrow_mut(|text| {
        if text.is_none() {
            *text = METRICS.with_borrow_mut(|metrics| {
                // Texts and numbers can always be written.
                metrics.in_hand(now as i64).map(|delta| serde_json::to_string(delta).unwrap_or_default())
            });
        }
        text.clone()
    })
}

/// A delta was taken. Two may have handed over the same one, or an instance that is gone made it: then there is nothing to be done.
#[wasm_bindgen(js_name = meterDelivered)]
pub fn delivered(delta: &str) {
    IN_HAND.with_borrow_mut(|text| {
        if text.as_deref() == Some(delta) {
            *text = None;
            METRICS.with_borrow_mut(Metrics::delivered);
        }
    });
}

/// A hand-over failed at a time (ms since the epoch): whether whoever tried it shall try again. Not where another has been scheduled since.
#[wasm_bindgen(js_name = meterRetry)]
pub fn retry(now: f64) -> bool {
    let now = now as i64;
    let again = !is_scheduled(now);
    if again {
        SCHEDULED.set(Some(now));
    }
    again
}

/// Nobody will try again: what is counted next schedules a hand-over.
#[wasm_bindgen(js_name = meterGiveUp)]
pub fn give_up() {
    SCHEDULED.set(None);
}
