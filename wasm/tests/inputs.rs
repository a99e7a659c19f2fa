//! What crosses the boundary inwards, well formed or not, in wasm on Node. A trap would end the run.
#![cfg(target_arch = "wasm32")]

use burgee_core::{Reason, Source};
use burgee_wasm::{Engine, Snapshot};
use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

const USER_ID: u16 = 0;
const USER_OVERRIDE: u16 = 0xffff;
const TENANT_OVERRIDE: u16 = 0xfffe;

fn snapshot() -> Snapshot {
    let document = json!({
        "flags": [
            {"key": "plain", "state": "off"},
            {"key": "staged", "stage": {"rollout_stage": "staged_50"}},
            {"key": "timed", "state": "off"},
            {"key": "broken", "type": "integer"},
            {"key": "colour", "type": "string", "variants": [{"key": "red", "value": "r"}, {"key": "blue", "value": "b"}],
             "off_variant": "red", "targets": {"allow": [{"variant": "blue", "ids": ["U-1"]}], "deny": ["U-2"]}},
        ],
        "overrides": [{"scope": "user", "id": "U-1", "flag": "timed", "variant": true, "expires_at": 1000}],
    });
    let mut engine = Engine::new();
    let length = engine.fill(document.to_string().as_bytes());
    engine.compile(length).unwrap_or_else(|fault| panic!("{fault}"))
}

/// An entry of a context: an id, and a value as `npm/src/wire.ts` writes it.
fn entry(id: u16, value: &[u8]) -> Vec<u8> {
    [&id.to_le_bytes(), value].concat()
}

fn text(text: &[u8]) -> Vec<u8> {
    [&[1], &u32::try_from(text.len()).unwrap().to_le_bytes()[..], text].concat()
}

/// An inline override of a flag.
fn inline(id: u16, flag: u32, value: &[u8]) -> Vec<u8> {
    [&id.to_le_bytes()[..], &flag.to_le_bytes(), value].concat()
}

fn user(id: &str) -> Vec<u8> {
    entry(USER_ID, &text(id.as_bytes()))
}

/// Takes a decision apart: variant, source, reason, enabled.
fn evaluate(snapshot: &mut Snapshot, flag: u32, context: &[u8], now: f64) -> (Option<u32>, Source, Reason, bool) {
    let length = snapshot.fill(context);
    let packed = snapshot.evaluate_overridden(flag, length, now);
    let part = |from: u32, bits: u32| packed >> from & ((1 << bits) - 1);
    let place = |from: u32, bits: u32| usize::try_from(part(from, bits)).unwrap();
    assert_eq!(part(18, 7), 127, "no rule decided");
    assert!(packed >> 26 < 6, "a reason of OpenFeature");
    let variant = Some(part(0, 9)).filter(|&variant| variant != 511);
    (variant, Source::ALL[place(9, 4)], Reason::ALL[place(13, 5)], part(25, 1) == 1)
}

#[wasm_bindgen_test]
fn each_part_of_a_decision_has_its_bits() {
    let snapshot = &mut snapshot();
    let cases = [
        (0, vec![], (Some(1), Source::Off, Reason::FlagOff, false)),
        (
            0,
            inline(USER_OVERRIDE, 0, &[4]),
            (Some(0), Source::InlineUserOverride, Reason::UserOverridePrecedence, true),
        ),
        (
            0,
            inline(TENANT_OVERRIDE, 0, &text(b"on")),
            (Some(0), Source::InlineTenantOverride, Reason::TenantOverridePrecedence, true),
        ),
        (0, inline(TENANT_OVERRIDE, 0, &text(b"no-such")), (Some(1), Source::Off, Reason::FlagOff, false)),
        (0, inline(USER_OVERRIDE, 0, &[6]), (Some(1), Source::Off, Reason::FlagOff, false)),
        (0, inline(USER_OVERRIDE, 1, &[4]), (Some(1), Source::Off, Reason::FlagOff, false)),
        (1, vec![], (Some(1), Source::StagedBucket, Reason::NoBucketingUnit, false)),
        (3, user("U-1"), (None, Source::Off, Reason::FlagInvalid, false)),
        (4, user("U-1"), (Some(1), Source::Target, Reason::AllowList, true)),
        (4, user("U-2"), (Some(0), Source::Target, Reason::DenyList, false)),
        (4, user("U-3"), (None, Source::Default, Reason::Default, false)),
        (5, user("U-1"), (None, Source::UnknownFlag, Reason::UnknownFlag, false)),
        (u32::MAX, vec![], (None, Source::UnknownFlag, Reason::UnknownFlag, false)),
    ];
    for (flag, context, expected) in &cases {
        assert_eq!(evaluate(snapshot, *flag, context, 0.0), *expected, "flag {flag}, context {context:?}");
    }
}

#[wasm_bindgen_test]
fn a_time_with_a_fraction_has_not_reached_the_next_millisecond() {
    let snapshot = &mut snapshot();
    let mut reason = |now: f64| evaluate(snapshot, 2, &user("U-1"), now).2;
    for now in [0.0, -0.0, 999.0, 999.999, -1e300, f64::NEG_INFINITY] {
        assert_eq!(reason(now), Reason::UserOverridePrecedence, "{now}");
    }
    for now in [1000.0, 1000.001, 9.007e15, 1e300, f64::INFINITY] {
        assert_eq!(reason(now), Reason::FlagOff, "{now}");
    }
    // The package refuses it; here it is the epoch, and no trap.
    assert_eq!(reason(f64::NAN), Reason::UserOverridePrecedence);
}

#[wasm_bindgen_test]
fn contexts_that_break_off_or_are_garbled_are_read_as_far_as_they_go() {
    let snapshot = &mut snapshot();
    let list = [&[5, 3, 0, 0, 0][..], &text(b"a"), &[5, 1, 0, 0, 0, 6], &[3]].concat();
    let number = [&[2][..], &f64::NAN.to_le_bytes()].concat();
    let context = [entry(2, &list), entry(1, &number), user("U-1"), inline(USER_OVERRIDE, 0, &[4])].concat();
    let mut count = 0;
    for end in 0..=context.len() {
        for flag in 0..5 {
            evaluate(snapshot, flag, &context[..end], 0.0);
            count += 1;
        }
    }
    for place in 0..context.len() {
        for byte in [0, 1, 2, 3, 4, 5, 6, 7, 0x7f, 0x80, 0xff] {
            let mut garbled = context.clone();
            garbled[place] = byte;
            for flag in 0..5 {
                evaluate(snapshot, flag, &garbled, 0.0);
                count += 1;
            }
        }
    }
    assert_eq!(count, (context.len() + 1) * 5 + context.len() * 11 * 5);
    assert_eq!(evaluate(snapshot, 0, &context, 0.0).2, Reason::UserOverridePrecedence);
}

#[wasm_bindgen_test]
fn text_need_not_be_unicode() {
    let mut engine = Engine::new();
    // Lone surrogates in generalised UTF-8, with the buckets that their UTF-16 units have; then bytes that are no text at all.
    for (bytes, bucket) in [(&b"\xed\xa0\xbdabc"[..], 72), (b"\xed\xb8\x80abc", 57), (b"user-\xf0\x9f\x98\x80", 84)] {
        let length = engine.fill(bytes);
        assert_eq!(engine.hash_bucket(length), bucket);
    }
    for bytes in [&b"\xff\xfe"[..], b"\xe6\x97", b"\xf0\x9f\x98", b"\x80", b"a\xed"] {
        let length = engine.fill(bytes);
        assert!(engine.hash_bucket(length) < 100);
        let snapshot = &mut snapshot();
        evaluate(snapshot, 1, &entry(USER_ID, &text(bytes)), 0.0);
    }
}

#[wasm_bindgen_test]
fn a_length_past_the_buffer_reads_what_is_there() {
    let mut engine = Engine::new();
    assert_eq!(engine.hash_bucket(usize::MAX), 81);
    let length = engine.fill(br#"{"flags":[]}"#);
    // Behind the document stand the buffer's zeros, which are not JSON.
    assert!(engine.compile(length + 1).is_err());
    assert!(engine.compile(usize::MAX).is_err());
    let length = engine.fill(br#"{"flags":[]}"#);
    assert!(engine.compile(length).is_ok());
    let mut snapshot = snapshot();
    assert_eq!(snapshot.evaluate(1, usize::MAX, 0.0), snapshot.evaluate(1, 0, 0.0));
}

#[wasm_bindgen_test]
fn the_buffer_serves_small_inputs_after_large_ones() {
    let mut engine = Engine::new();
    for size in [1, 1_000_000, 10, 70_000, 0, 3_000_000] {
        let text = "z".repeat(size);
        let length = engine.fill(text.as_bytes());
        assert_eq!(engine.hash_bucket(length), burgee_core::hash_bucket(text.as_str().into()), "{size}");
        let document = format!(r#"{{"flags":[],"tenant":"{text}"}}"#);
        let length = engine.fill(document.as_bytes());
        let described: Value = serde_json::from_str(&engine.compile(length).ok().unwrap().describe()).unwrap();
        assert_eq!(described["tenant"].as_str().unwrap().len(), size);
    }
}

#[wasm_bindgen_test]
fn refused_documents_say_where() {
    let cases = [
        (&b""[..], "invalid_json", ""),
        (b"{", "invalid_json", ""),
        (b"\xff", "invalid_json", ""),
        (b"null", "wrong_type", ""),
        (b"{}", "missing", "/flags"),
        (br#"{"flags":{}}"#, "wrong_type", "/flags"),
        (br#"{"flags":[],"schema":"x"}"#, "invalid_value", "/schema"),
        (br#"{"flags":[],"version":-1}"#, "wrong_type", "/version"),
    ];
    for (document, code, pointer) in cases {
        let mut engine = Engine::new();
        let length = engine.fill(document);
        let fault: Value = serde_json::from_str(&engine.compile(length).err().unwrap()).unwrap();
        assert_eq!((fault["code"].as_str(), fault["pointer"].as_str()), (Some(code), Some(pointer)));
        assert!(!fault["message"].as_str().unwrap().is_empty());
    }
}
