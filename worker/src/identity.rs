//! Who asks: tokens are handed to `burgee-contract`, keys fetched and signatures verified as it says.
//!
//! A request that waits for another's fetch looks every few milliseconds whether it has ended, with a timer of its own: on this platform
//! who waits for another's promise may be left hanging.

use std::cell::RefCell;
use std::rc::Rc;

use burgee_contract::identity::{
    Checking, Fetched, Import, Looked, Next, Surface, Verdict, Verification, Verifier, VerifierHealth,
};
use burgee_contract::{KeysLog, Settings, limits};
use worker::Context;
use worker::js_sys::futures::JsFuture;
use worker::js_sys::{Array, Promise, Uint8Array};
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::wasm_bindgen::{JsCast, JsValue};

use crate::{bridge, now};

#[wasm_bindgen(raw_module = "burgee:tokens")]
extern "C" {
    #[wasm_bindgen(js_name = fetchKeys)]
    fn js_fetch_keys(url: &str, within_ms: u32, limit: u32) -> Promise;

    #[wasm_bindgen(js_name = verify)]
    fn js_verify(algorithm: &str, format: &str, key: &str, signature: &[u8], data: &str) -> Promise;

    #[wasm_bindgen(js_name = pause)]
    fn js_pause(ms: u32) -> Promise;
}

/// Runs `work` on the verifier. It takes no `async` code, so no borrow can live across an `await`.
fn with_verifier<T>(settings: &Settings, work: impl FnOnce(&mut Verifier) -> T) -> T {
    thread_local! {
        static VERIFIER: RefCell<Option<Verifier>> = const { RefCell::new(None) };
    }
    VERIFIER.with_borrow_mut(|held| work(held.get_or_insert_with(|| Verifier::new(settings.identity.clone()))))
}

/// Looks at a token, without waiting. Where the issuer's keys are past their time, a refresh is started in the background.
pub(crate) fn look(token: &str, surface: Surface, settings: &Rc<Settings>, context: &Context) -> Looked {
    let (looked, refresh) =
        with_verifier(settings, |verifier| (verifier.look(token, surface, now()), verifier.refresh(now())));
    if let Some(url) = refresh {
        let settings = settings.clone();
        context.wait_until(async move { fetch_keys(&url, &settings).await });
    }
    looked
}

/// Takes the steps that a token still needs.
pub(crate) async fn check(mut checking: Box<Checking>, settings: &Settings) -> Verdict {
    enum Step {
        Done(Verdict),
        Fetch(String),
        Wait(u32),
        Verify(Promise),
    }
    loop {
        let step = with_verifier(settings, |verifier| match checking.next(verifier, now()) {
            Next::Done(verdict) => Step::Done(verdict),
            Next::Fetch(url) => Step::Fetch(url),
            Next::Wait(ms) => Step::Wait(ms),
            Next::Verify(verification) => Step::Verify(verify(&verification)),
        });
        match step {
            Step::Done(verdict) => return verdict,
            Step::Fetch(url) => fetch_keys(&url, settings).await,
            Step::Wait(ms) => {
                // A timer does not reject.
                let _ = JsFuture::from(js_pause(ms)).await;
            }
            Step::Verify(promise) => {
                checking.verified(JsFuture::from(promise).await.is_ok_and(|value| value.is_truthy()));
            }
        }
    }
}

/// How it stands with verifying tokens.
pub(crate) fn health(settings: &Settings) -> VerifierHealth {
    with_verifier(settings, |verifier| verifier.health(now()))
}

fn verify(verification: &Verification<'_>) -> Promise {
    let (format, key) = match verification.key {
        Import::Jwk(json) => ("jwk", json),
        Import::Spki(base64) => ("spki", base64),
    };
    js_verify(verification.algorithm.web_crypto(), format, key, verification.signature, verification.data)
}

/// Fetches the issuer's keys, tells the verifier what came of it, and logs a line.
async fn fetch_keys(url: &str, settings: &Settings) {
    let promise = js_fetch_keys(url, limits::JWKS_TIMEOUT_MS, limits::JWKS_BYTES as u32);
    // It does not reject: an error comes as text.
    let value = JsFuture::from(promise).await.unwrap_or_else(|error| error);
    let told = with_verifier(settings, |verifier| match value.dyn_ref::<Array>() {
        Some(answer) => {
            let body = answer.get(2).dyn_ref::<Uint8Array>().map(Uint8Array::to_vec);
            let content_type = answer.get(1).as_string().unwrap_or_default();
            let status = answer.get(0).as_f64().unwrap_or_default() as u16;
            let fetched = Fetched::Answer { status, content_type: &content_type, body: body.as_deref() };
            verifier.report(fetched, now())
        }
        None => verifier.report(Fetched::Failed(&text(&value)), now()),
    });
    let line = KeysLog::new(&told, now());
    bridge::log(line.level, &line);
}

fn text(value: &JsValue) -> String {
    value.as_string().unwrap_or_default()
}
