//! What linting finds, and what it leaves alone.

use burgee_core::lint::{Code, FindingCode, Severity, lint};
use burgee_core::{WarningCode, limits};
use serde_json::{Value, json};

/// Codes and pointers of what is found.
fn found(document: &Value) -> Vec<(Code, String)> {
    let findings = lint(document.to_string().as_bytes(), 1_000).unwrap();
    findings.into_iter().map(|finding| (finding.code, finding.pointer)).collect()
}

fn finding(code: FindingCode, pointer: &str) -> (Code, String) {
    (Code::Finding(code), pointer.to_owned())
}

fn rule(id: &str, when: Value) -> Value {
    json!({"id": id, "when": when, "serve": {"variant": "on"}})
}

#[test]
fn a_tidy_snapshot_has_no_findings() {
    let document = json!({
        "segments": [{"key": "beta", "conditions": {"attr": {"plan": "pro"}}}],
        "flags": [
            {"key": "a", "rules": [rule("r", json!({"segment": "beta"})), rule("s", json!({"attr": {"plan": "free"}}))]},
            {"key": "b", "prerequisites": [{"flag": "a", "variants": ["on"]}], "type": "string", "variants": [{"key": "x"}, {"key": "y"}],
             "off_variant": "y", "default_variant": "x"},
        ],
    });
    assert_eq!(found(&document), []);
}

#[test]
fn rules_that_match_nobody() {
    let number = |op: &str, value: i32| json!({"attr": "n", "op": op, "value": value});
    for (when, is_never) in [
        (json!({"any": []}), true),
        (json!({"not": {"all": []}}), true),
        (json!({"all": [number("gt", 5), number("lt", 5)]}), true),
        (json!({"all": [number("gte", 5), number("lte", 5)]}), false),
        (json!({"all": [number("gt", 5), {"attr": "n", "op": "starts_with", "value": "x"}]}), true),
        (json!({"all": [{"attr": {"c": "CA"}}, {"all": [{"attr": {"c": "US"}}]}]}), true),
        (json!({"all": [{"attr": {"c": ["CA", "US"]}}, {"attr": {"c": ["US", "MX"]}}]}), false),
        (json!({"all": [{"attr": {"c": "CA"}}, {"attr": "c", "op": "not_in", "values": ["CA", "US"]}]}), true),
        (json!({"all": [{"attr": {"n": 7}}, {"attr": "n", "op": "between", "values": [1, 5]}]}), true),
        (json!({"all": [{"attr": "x", "op": "exists", "value": false}, {"attr": {"x": 1}}]}), true),
        (json!({"attr": "x", "op": "exists", "value": false}), false),
        (
            json!({"all": [{"attr": "v", "op": "semver_gt", "value": "2.0.0"}, {"attr": "v", "op": "semver_lt", "value": "1.0.0"}]}),
            true,
        ),
        (
            json!({"all": [{"attr": "v", "op": "semver_gte", "value": "1.0.0"}, {"attr": "v", "op": "semver_lt", "value": "2.0.0"}]}),
            false,
        ),
        (
            json!({"all": [{"attr": "t", "op": "after", "value": "2026-01-01T00:00:00Z"}, {"attr": "t", "op": "before", "value": 5}]}),
            true,
        ),
        (json!({"all": [{"segment": "s"}, {"not": {"segment": "s"}}]}), true),
        (json!({"segment": "empty"}), true),
        (json!({"any": [{"segment": "empty"}, {"segment": "s"}]}), false),
    ] {
        let document = json!({
            "segments": [{"key": "s", "include": ["u"]}, {"key": "empty"}],
            "flags": [
                {"key": "f", "rules": [rule("r", when.clone())]},
                {"key": "uses", "rules": [rule("r", json!({"any": [{"segment": "s"}, {"segment": "empty"}]}))]},
            ],
        });
        let never = found(&document).contains(&finding(FindingCode::RuleNeverMatches, "/flags/0/rules/0"));
        assert_eq!(never, is_never, "{when}");
    }
}

#[test]
fn rules_behind_others() {
    let country = json!({"attr": {"c": "CA"}});
    let both = json!({"attr": {"c": "CA", "plan": "pro"}});
    let unreachable = |rules: Value| {
        let all = found(&json!({"flags": [{"key": "f", "rules": rules}]}));
        all.iter().any(|(code, _)| *code == Code::Finding(FindingCode::RuleUnreachable))
    };
    assert!(unreachable(json!([rule("wide", country.clone()), rule("narrow", both.clone())])));
    assert!(!unreachable(json!([rule("narrow", both.clone()), rule("wide", country.clone())])));
    assert!(unreachable(json!([rule("all", json!({"all": []})), rule("narrow", both.clone())])));
    let mut some = rule("some", country);
    some["percentage"] = json!(50);
    assert!(!unreachable(json!([some, rule("narrow", both)])));
}

#[test]
fn rollouts_under_djb2_xor_overlap() {
    let staged = |key: &str| json!({"key": key, "rollout_stage": "staged_25"});
    let document = json!({"flags": [staged("checkout.v1"), staged("checkout.v2"), staged("entirely-other-thing")]});
    let findings = lint(document.to_string().as_bytes(), 0).unwrap();
    let overlap = findings.iter().find(|finding| finding.pointer == "/flags/1").unwrap();
    assert_eq!(overlap.code, Code::Finding(FindingCode::RolloutsOverlap));
    assert!(overlap.phi.unwrap() > 0.9, "{overlap:?}");
    let apart = json!({"flags": [
        {"key": "checkout.v1", "rollout_stage": "staged_25", "bucketing": "djb2-xor-fmix32"},
        {"key": "checkout.v2", "rollout_stage": "staged_25", "bucketing": "djb2-xor-fmix32"},
    ]});
    assert_eq!(found(&apart), []);
}

#[test]
fn what_nobody_uses() {
    let document = json!({
        "segments": [{"key": "unused", "include": ["u"]}],
        "flags": [
            {"key": "f", "type": "string", "variants": [{"key": "a"}, {"key": "b"}, {"key": "zero"}], "default_variant": "a", "off_variant": "a",
             "rules": [{"id": "r", "serve": {"distribution": [{"variant": "a", "weight": 1}, {"variant": "zero", "weight": 0}]}}]},
        ],
        "overrides": [{"scope": "user", "id": "u", "flag": "f", "variant": "a", "expires_at": 1_000}],
    });
    assert_eq!(
        found(&document),
        [
            finding(FindingCode::SegmentUnused, "/segments/0"),
            finding(FindingCode::VariantNeverServed, "/flags/0/variants/1"),
            finding(FindingCode::VariantNeverServed, "/flags/0/variants/2"),
            finding(FindingCode::OverrideExpired, "/overrides/0"),
        ]
    );
}

#[test]
fn prerequisites_that_cannot_be_met() {
    let document = json!({"flags": [
        {"key": "f", "prerequisites": [{"flag": "old", "variants": ["on"]}, {"flag": "g", "variants": ["on", "purple"]}]},
        {"key": "old", "state": "archived"},
        {"key": "g"},
    ]});
    assert_eq!(
        found(&document),
        [
            (Code::Warning(WarningCode::PrerequisiteUnknownFlag), "/flags/0/prerequisites".to_owned()),
            finding(FindingCode::PrerequisiteArchived, "/flags/0/prerequisites/0"),
            finding(FindingCode::PrerequisiteUnknownVariant, "/flags/0/prerequisites/1/variants/1"),
        ]
    );
}

#[test]
fn what_is_near_a_limit() {
    let text = "x".repeat(limits::JSON_VALUE_BYTES - 100);
    let rules: Vec<_> = (0..90).map(|n| rule(&format!("r{n}"), json!({"attr": {"n": n}}))).collect();
    let deep = (0..13).fold(json!({"attr": {"a": 1}}), |inner, _| json!({"not": inner}));
    let document = json!({"flags": [
        {"key": "value", "type": "json", "variants": [{"key": "a", "value": text}], "default_variant": "a"},
        {"key": "rules", "rules": rules},
        {"key": "deep", "rules": [rule("r", deep)]},
    ]});
    assert_eq!(
        found(&document),
        [
            finding(FindingCode::NearLimit, "/flags/0/variants/0/value"),
            finding(FindingCode::NearLimit, "/flags/1/rules"),
            finding(FindingCode::NearLimit, "/flags/2/rules/0/when"),
        ]
    );
}

#[test]
fn what_loading_warns_of_is_found_too() {
    let document = json!({"flags": [{"key": "f", "type": "colour"}]});
    let findings = lint(document.to_string().as_bytes(), 0).unwrap();
    assert_eq!(findings.len(), 1);
    assert_eq!((findings[0].severity, findings[0].code), (Severity::Error, Code::Warning(WarningCode::InvalidFlag)));
    assert_eq!(lint(b"[", 0).unwrap_err().pointer, "");
}
