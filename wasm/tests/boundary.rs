//! The boundary as JavaScript meets it, in wasm on Node. What is behind it is tested in `burgee-core`.
#![cfg(target_arch = "wasm32")]

use burgee_core::{Reason, ResolutionReason, Source};
use burgee_wasm::{Engine, Snapshot};
use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

const USER_ID: u8 = 0;
const NO_VARIANT: u32 = 511;
const NO_RULE: u32 = 127;

fn compile(document: &Value) -> Result<Snapshot, Value> {
    let mut engine = Engine::new();
    let length = engine.fill(document.to_string().as_bytes());
    engine.compile(length).map_err(|fault| serde_json::from_str(&fault).unwrap())
}

/// An attribute of text, as `npm/src/wire.ts` writes it.
fn text(id: u8, text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).unwrap().to_le_bytes();
    [&[id, 0, 1], &length[..], text.as_bytes()].concat()
}

fn staged() -> Snapshot {
    compile(&json!({"tenant": "t", "version": 3, "flags": [
        {"key": "syn.staged_25", "version": 2, "stage": {"rollout_stage": "staged_25"}},
        {"key": "draft", "stage": {"rollout_stage": "draft"}},
    ]}))
    .unwrap_or_else(|fault| panic!("{fault}"))
}

fn packed(variant: u32, source: Source, reason: Reason, enabled: bool, told: ResolutionReason) -> u32 {
    let source = (source as u32) << 9 | (reason as u32) << 13;
    variant | source | NO_RULE << 18 | u32::from(enabled) << 25 | (told as u32) << 26
}

#[wasm_bindgen_test]
fn hashes_what_is_in_the_scratch_buffer() {
    let mut engine = Engine::new();
    assert_eq!(engine.hash_bucket(0), 81);
    let length = engine.fill(b"bucket-low-1|syn.staged_25");
    assert_eq!(engine.hash_bucket(length), 4);
}

#[wasm_bindgen_test]
fn a_refused_document_is_a_fault_with_its_place() {
    let fault = compile(&json!({"flags": {}})).err().unwrap();
    assert_eq!((&fault["code"], &fault["pointer"]), (&json!("wrong_type"), &json!("/flags")));
    let fault: Value = serde_json::from_str(&Engine::new().compile(0).err().unwrap()).unwrap();
    assert_eq!(fault["code"], "invalid_json");
}

#[wasm_bindgen_test]
fn a_decision_is_a_number() {
    let mut snapshot = staged();
    let length = snapshot.fill(&text(USER_ID, "bucket-low-1"));
    assert_eq!(
        snapshot.evaluate(0, length, 0.0),
        packed(0, Source::StagedBucket, Reason::StagedIn, true, ResolutionReason::Split)
    );
    assert_eq!(
        snapshot.evaluate(1, length, 0.0),
        packed(1, Source::RolloutStageMap, Reason::StageDraft, false, ResolutionReason::Static)
    );
    let unknown = packed(NO_VARIANT, Source::UnknownFlag, Reason::UnknownFlag, false, ResolutionReason::Error);
    assert_eq!(snapshot.evaluate(u32::MAX, length, 0.0), unknown);
    // Nothing written is nobody: there is no unit.
    assert_eq!(
        snapshot.evaluate(0, 0, 0.0),
        packed(1, Source::StagedBucket, Reason::NoBucketingUnit, false, ResolutionReason::Split)
    );
}

#[wasm_bindgen_test]
fn a_number_stands_for_all_that_does_not_differ_between_units() {
    let mut snapshot = compile(&json!({"tenant": "t", "flags": [
        {"key": "f", "version": 4, "metadata": {"team": "a"}, "rules": [{"id": "r", "serve": {"variant": "off"}}]},
        {"key": "g", "prerequisites": [{"flag": "f", "variants": ["on"]}]},
    ]}))
    .unwrap_or_else(|fault| panic!("{fault}"));
    let mut unpacked = |flag| {
        let packed = snapshot.evaluate(flag, 0, 0.0);
        let text = snapshot.unpack(flag, packed);
        serde_json::from_str::<Value>(&text).unwrap()
    };
    assert_eq!(
        unpacked(0),
        json!({"value": false, "variant": "off", "enabled": false, "source": "rule", "reason": "rule_match", "rule_id": "r",
            "prerequisite": null, "flag_version": 4, "openfeature_reason": "TARGETING_MATCH",
            "metadata": {"team": "a", "flagSetId": "t", "ruleId": "r", "reasonCode": "rule_match", "version": 4}})
    );
    let failed = unpacked(1);
    assert_eq!((&failed["prerequisite"], &failed["rule_id"]), (&json!("f"), &json!(null)));
    assert_eq!(unpacked(u32::MAX)["openfeature_reason"], "ERROR");
}

#[wasm_bindgen_test]
fn a_context_that_was_kept_outlives_the_scratch_buffer() {
    let mut snapshot = staged();
    let length = snapshot.fill(&text(USER_ID, "bucket-low-1"));
    let context = snapshot.keep(length);
    snapshot.fill(&[0; 64]);
    assert_eq!(
        snapshot.evaluate_kept(0, &context, 0.0),
        packed(0, Source::StagedBucket, Reason::StagedIn, true, ResolutionReason::Split)
    );
    assert!(!snapshot.evaluate_all(&context, 0.0).is_null());
}

#[wasm_bindgen_test]
fn descriptions_are_what_the_package_reads() {
    let snapshot = staged();
    let described: Value = serde_json::from_str(&snapshot.describe()).unwrap();
    assert_eq!(described["flags"], json!(["syn.staged_25", "draft"]));
    assert_eq!(described["attributes"][usize::from(USER_ID)], "user_id");
    assert_eq!((&described["tenant"], &described["version"]), (&json!("t"), &json!(3)));
    let flag: Value = serde_json::from_str(&snapshot.flag(0)).unwrap();
    let user = json!([0, false, [], [], 5381, false]);
    let project = json!([1, true, [], [], null, true]);
    assert_eq!(
        (&flag["type"], &flag["reads"], &flag["reads_time"]),
        (&json!("boolean"), &json!([user, project]), &json!(false))
    );
    assert_eq!(flag["reads_flags"], json!([0]));
    assert_eq!(snapshot.flag(u32::MAX), "null");
}

#[wasm_bindgen_test]
fn a_decision_in_full_is_json() {
    let mut snapshot = staged();
    let length = snapshot.fill(&text(USER_ID, "bucket-low-1"));
    let decision: Value = serde_json::from_str(&snapshot.evaluate_full(0, length, 0.0, true)).unwrap();
    assert_eq!((&decision["bucket"], &decision["threshold"]), (&json!(4), &json!(25.0)));
    let last = decision["reason_chain"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["step"], &last["rollout_stage"]), (&json!("staged_bucket"), &json!("staged_25")));
}
