//! Asks the policy service about sensitive flags, as `burgee-contract` says; it reads the answers too.

use std::cell::RefCell;

use burgee_contract::metrics::PolicyResult;
use burgee_contract::sensitive::{Breaker, Gate, Inquiry, PolicyAnswer, PolicyHealth, Question, Ticket};
use burgee_contract::{Settings, limits};
use worker::js_sys::futures::JsFuture;
use worker::js_sys::{Array, Promise, Uint8Array};
use worker::wasm_bindgen::JsCast;
use worker::wasm_bindgen::prelude::wasm_bindgen;

use crate::{meter, now};

#[wasm_bindgen(raw_module = "burgee:policy")]
extern "C" {
    #[wasm_bindgen(js_name = ask)]
    fn js_ask(url: &str, body: &str, request_id: &str, within_ms: u32, limit: u32) -> Promise;
}

/// Runs `work` on this isolate's breaker. It takes no `async` code, so no borrow can live across an `await`.
fn with_breaker<T>(work: impl FnOnce(&mut Breaker) -> T) -> T {
    thread_local! {
        static BREAKER: RefCell<Breaker> = const { RefCell::new(Breaker::new()) };
    }
    BREAKER.with_borrow_mut(|breaker| {
        let done = work(breaker);
        breaker.turns().into_iter().for_each(meter::count_breaker);
        done
    })
}

/// How it stands with the policy service.
pub(crate) fn health(settings: &Settings) -> PolicyHealth {
    with_breaker(|breaker| breaker.health(settings.policy_service.url.is_some(), now()))
}

/// Asks everything at the same time, and makes the gate of the answers.
pub(crate) async fn ask(inquiry: Inquiry, settings: &Settings, request_id: &str) -> Gate {
    // A request that is made runs whether it is awaited or not, so all are under way before the first is waited for.
    let under_way: Vec<_> = inquiry.questions().iter().map(|question| begin(question, settings, request_id)).collect();
    let mut answers = Vec::with_capacity(under_way.len());
    for asked in under_way {
        answers.push(match asked {
            None => {
                meter::count_question(PolicyResult::NotAsked);
                PolicyAnswer::Unreachable
            }
            Some((ticket, promise)) => {
                let answer = read(promise).await;
                meter::count_question(PolicyResult::of(&answer));
                with_breaker(|breaker| breaker.report(ticket, answer.is_answer(), now()));
                answer
            }
        });
    }
    inquiry.gate(answers)
}

/// Sends a question, if there is somebody to ask and the breaker lets it through.
fn begin(question: &Question, settings: &Settings, request_id: &str) -> Option<(Ticket, Promise)> {
    let url = settings.policy_service.url.as_deref()?;
    let ticket = with_breaker(|breaker| breaker.admit(now()))?;
    let limit = limits::POLICY_BYTES as u32;
    Some((ticket, js_ask(url, question.body(), request_id, limits::POLICY_TIMEOUT_MS, limit)))
}

async fn read(promise: Promise) -> PolicyAnswer {
    // It does not reject: what goes wrong is null.
    let Ok(value) = JsFuture::from(promise).await else { return PolicyAnswer::Unreachable };
    let Some(answer) = value.dyn_ref::<Array>() else { return PolicyAnswer::Unreachable };
    let status = answer.get(0).as_f64().unwrap_or_default() as u16;
    match answer.get(1).dyn_ref::<Uint8Array>() {
        Some(body) => PolicyAnswer::read(status, &body.to_vec()),
        None => PolicyAnswer::Unreachable,
    }
}
