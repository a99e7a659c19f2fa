//! Any bytes as a context: as they lie in the evaluator's memory, and as JSON on every way that JSON takes.

use std::cell::RefCell;
use std::sync::OnceLock;

use burgee_contract::{Body, Cache, Headers, Loaded, Moment, Plan, Registry, Request, Served, Settings, respond};
use burgee_core::{FlagIndex, Json, NamedContext, Snapshot};
use burgee_wasm::Engine;
use serde_json::Value;

use crate::walk::decide;
use crate::wire;

/// Flags that read attributes in every way there is.
const DOCUMENT: &str = include_str!("flags.json");

/// A time at which one of its overrides has ended, and another has not.
const NOW: i64 = 1_800_000_000_000;

fn loaded() -> &'static Loaded {
    static LOADED: OnceLock<Loaded> = OnceLock::new();
    LOADED.get_or_init(|| {
        let loaded = Loaded::read(DOCUMENT.as_bytes().to_vec()).expect("the document is right");
        assert_eq!(loaded.snapshot().expect("flags").warnings(), []);
        loaded
    })
}

/// Whatever lies in memory is evaluated. JSON that is an object is the same context natively, through wasm, kept or not, and over HTTP.
pub fn context(bytes: &[u8]) {
    let snapshot = loaded().snapshot().expect("flags");
    in_memory(snapshot, bytes);
    let text = std::str::from_utf8(bytes).ok();
    over_http(bytes);
    let Some(json @ Json::Object(_)) = text.and_then(|text| Json::parse(text).ok()) else { return };
    let written = wire::write(snapshot, &json);
    let through_wasm = in_memory(snapshot, &written);
    let Json::Object(members) = &json else { return };
    let context = NamedContext::from_members(members);
    for (index, [by_wasm, others @ ..]) in (0..).map(FlagIndex).zip(through_wasm) {
        assert_eq!(others, [by_wasm.clone(), by_wasm.clone()], "kept or fresh");
        let decision = decide(snapshot, Some(index), &context, NOW, None);
        assert_eq!(by_wasm["variant"].as_str(), decision.variant.map(|variant| &*variant.key));
        assert_eq!(by_wasm["reason"], serde_json::to_value(decision.reason).expect("a word"));
    }
}

/// The engine, and the document as it compiled it. One for all inputs: what an input leaves behind must not change the next answer.
fn compiled() -> (Engine, burgee_wasm::Snapshot) {
    let mut engine = Engine::new();
    let length = engine.fill(DOCUMENT.as_bytes());
    let compiled = engine.compile(length).expect("the document is right");
    (engine, compiled)
}

thread_local! {
    static COMPILED: RefCell<(Engine, burgee_wasm::Snapshot)> = RefCell::new(compiled());
}

/// Evaluates every flag for what lies in memory: kept, fresh, and with the inline overrides that may be there. Gives what each was decided.
fn in_memory(snapshot: &Snapshot, bytes: &[u8]) -> Vec<[Value; 3]> {
    COMPILED.with_borrow_mut(|(engine, compiled)| evaluate(engine, compiled, snapshot, bytes))
}

fn evaluate(
    engine: &mut Engine,
    compiled: &mut burgee_wasm::Snapshot,
    snapshot: &Snapshot,
    bytes: &[u8],
) -> Vec<[Value; 3]> {
    engine.fill(bytes);
    assert!(engine.hash_bucket(bytes.len()) < 100);
    let length = compiled.fill(bytes);
    let kept = compiled.keep(length);
    let now = NOW as f64;
    let count = u32::try_from(snapshot.flags().len()).expect("a few");
    let mut decisions = Vec::new();
    for flag in 0..count {
        let packed = [
            compiled.evaluate_kept(flag, &kept, now),
            compiled.evaluate(flag, length, now),
            compiled.evaluate_overridden(flag, length, now),
        ];
        decisions.push(
            packed.map(|packed| serde_json::from_str(&compiled.unpack(flag, packed)).expect("a decision is JSON")),
        );
        for explain in [false, true] {
            let text = compiled.evaluate_full(flag, length, now, explain);
            assert!(serde_json::from_str::<Value>(&text).is_ok_and(|full| full["reason_chain"].is_array()));
        }
    }
    compiled.evaluate_all(&kept, now);
    decisions
}

/// Asks for a batch with the bytes as its context, and with them as its body.
fn over_http(bytes: &[u8]) {
    let as_context = [&b"{\"flags\":[\"compared\",\"nope\"],\"context\":"[..], bytes, b"}"].concat();
    for body in [&as_context[..], bytes] {
        let request = Request {
            method: "POST",
            path: "/api/flags/eval/batch",
            query: "",
            headers: Headers::default(),
            body: Body::Bytes(body),
        };
        let served = Served { loaded: loaded(), backing: burgee_contract::BackingState::KvBacked, cache: Cache::Hit, confirmed_at: NOW, fault: None, gate: &burgee_contract::sensitive::CLOSED };
        let mut settings = Settings::default();
        settings.identity.allow_dev_headers = true;
        let moment = Moment { now: NOW, request_id: "r", service_version: "0" };
        let response = respond(&Plan::of(&request, &settings, NOW), &request, Registry::Ready(served), &moment);
        let envelope: Value = serde_json::from_slice(&response.body).expect("an answer is JSON");
        assert!([200, 400].contains(&response.status), "{}", response.status);
        assert_eq!(envelope["ok"], response.status == 200);
        assert_eq!(envelope["error"].is_null(), response.status == 200);
        if response.status == 400 {
            assert!(envelope["error"]["code"].is_string() && envelope["error"]["message"].is_string());
        }
    }
}
