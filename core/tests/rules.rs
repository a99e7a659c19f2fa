//! Rules, conditions, segments and prerequisites, as `docs/evaluation.md` describes them, and what `explain` says of them.

use burgee_core::{
    Compared, Decision, NamedContext, Outcome, Reason, Request, Snapshot, Source, Step, WarningCode, limits,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn snapshot(document: &Value) -> Snapshot {
    Snapshot::parse(document.to_string().as_bytes()).unwrap()
}

/// A snapshot of the boolean flag `f`, off by default, with one rule that serves `on` under a condition.
fn of_condition(when: &Value) -> Snapshot {
    let flag =
        json!({"key": "f", "default_variant": "off", "rules": [{"id": "r", "when": when, "serve": {"variant": "on"}}]});
    snapshot(&json!({"tenant": "t", "flags": [flag]}))
}

fn evaluate<'s>(snapshot: &'s Snapshot, key: &str, context: &NamedContext<'_>) -> Decision<'s> {
    snapshot.evaluate(snapshot.find(key), context, &Request::at(0), &mut ())
}

fn explain<'s>(snapshot: &'s Snapshot, key: &str, context: &NamedContext<'_>) -> Vec<Step<'s>> {
    snapshot.explain(snapshot.find(key), context, &Request::at(0)).1
}

fn with<'a>(value: impl Into<burgee_core::Value<'a>>) -> NamedContext<'a> {
    NamedContext::new().with("a", value)
}

/// What a comparison of the attribute `a` finds.
fn found(op: &str, operand: Value, context: &NamedContext<'_>) -> Outcome {
    let name = if operand.is_array() { "values" } else { "value" };
    let snapshot = of_condition(&json!({"attr": "a", "op": op, name: operand}));
    assert_eq!(snapshot.warnings(), [], "{op} {operand}");
    let is_on = evaluate(&snapshot, "f", context).enabled;
    let steps = explain(&snapshot, "f", context);
    let outcome = steps.iter().find(|step| step.step == Source::Rule).unwrap().compared[0].outcome;
    assert_eq!(is_on, outcome == Outcome::Match, "{op} {operand}");
    outcome
}

#[test]
fn every_operator_compares_strictly_by_type() {
    use Outcome::{Absent, Match, NoMatch, WrongType};
    let list = || NamedContext::new().with_list("a", ["x", "pro"]);
    let absent = NamedContext::new;
    let cases: Vec<(&str, Value, NamedContext<'_>, Outcome)> = vec![
        ("equals", json!("CA"), with("CA"), Match),
        ("equals", json!("CA"), with("ca"), NoMatch),
        ("equals", json!("1"), with(1.0), WrongType),
        ("equals", json!(1), with(1.0), Match),
        ("equals", json!(0), with(-0.0), Match),
        ("equals", json!(true), with(true), Match),
        ("equals", json!(true), with("true"), WrongType),
        ("equals", json!("x"), list(), WrongType),
        ("equals", json!("x"), absent(), Absent),
        ("not_equals", json!("CA"), with("US"), Match),
        ("not_equals", json!("CA"), with("CA"), NoMatch),
        ("not_equals", json!("CA"), with(5.0), WrongType),
        ("not_equals", json!(1), with(f64::NAN), Match),
        ("not_equals", json!("CA"), absent(), Absent),
        ("in", json!(["a", 1, true]), with("a"), Match),
        ("in", json!(["a", 1, true]), with(1.0), Match),
        ("in", json!(["a", 1, true]), with(false), NoMatch),
        ("in", json!(["a", 1]), with(true), WrongType),
        ("in", json!(["a", "b", "c", "d", "e", "f"]), with("e"), Match),
        ("in", json!(["a", "b", "c", "d", "e", "f"]), with("g"), NoMatch),
        ("in", json!([0]), with(-0.0), Match),
        ("not_in", json!(["a", "b"]), with("c"), Match),
        ("not_in", json!(["a", "b"]), with("b"), NoMatch),
        ("not_in", json!(["a", "b"]), with(3.0), WrongType),
        ("not_in", json!(["a"]), absent(), Absent),
        ("contains", json!("ell"), with("hello"), Match),
        ("contains", json!(""), with("hello"), Match),
        ("contains", json!("elo"), with("hello"), NoMatch),
        ("contains", json!("pro"), list(), Match),
        ("contains", json!("free"), list(), NoMatch),
        ("contains", json!(1), list(), NoMatch),
        ("contains", json!(1), with(1.0), WrongType),
        ("contains", json!(true), with(true), WrongType),
        ("starts_with", json!("he"), with("hello"), Match),
        ("starts_with", json!("lo"), with("hello"), NoMatch),
        ("ends_with", json!("lo"), with("hello"), Match),
        ("ends_with", json!("lo"), list(), WrongType),
        ("gt", json!(5), with(5.0), NoMatch),
        ("gt", json!(5), with(5.5), Match),
        ("gte", json!(5), with(5.0), Match),
        ("lt", json!(5), with(4.0), Match),
        ("lt", json!(5), with(f64::NAN), NoMatch),
        ("lte", json!(5), with("5"), WrongType),
        ("between", json!([1, 5]), with(5.0), Match),
        ("between", json!([1, 5]), with(0.999), NoMatch),
        ("exists", json!(true), with(false), Match),
        ("exists", json!(true), list(), Match),
        ("exists", json!(true), absent(), NoMatch),
        ("exists", json!(false), absent(), Match),
        ("semver_eq", json!("1.0.0"), with("1.0.0+build"), Match),
        ("semver_gt", json!("1.0.0-rc.1"), with("1.0.0"), Match),
        ("semver_gte", json!("1.10.0"), with("1.9.9"), NoMatch),
        ("semver_lt", json!("1.10.0"), with("1.9.9"), Match),
        ("semver_lte", json!("1.0.0"), with("1.0"), WrongType),
        ("before", json!("2026-01-01T00:00:00Z"), with("2025-12-31T23:59:59.999Z"), Match),
        ("before", json!(1000), with(999.0), Match),
        ("after", json!(1000), with("1970-01-01T00:00:01+00:00"), NoMatch),
        ("after", json!(1000), with("1970-01-01T00:00:01.001Z"), Match),
        ("after", json!(1000), with(1000.5), WrongType),
        ("after", json!(1000), with("soon"), WrongType),
    ];
    for (op, operand, context, expected) in cases {
        assert_eq!(found(op, operand.clone(), &context), expected, "{op} {operand} {context:?}");
    }
}

#[test]
fn conditions_nest_and_negate() {
    let is_on = |when: Value, context: &NamedContext<'_>| evaluate(&of_condition(&when), "f", context).enabled;
    let canadian = with("CA").with("plan", "pro");
    assert!(is_on(json!({"all": []}), &canadian));
    assert!(!is_on(json!({"any": []}), &canadian));
    assert!(is_on(json!({"not": {"any": []}}), &canadian));
    // A type that cannot be compared does not match, and `not` turns that around.
    assert!(is_on(json!({"not": {"attr": "a", "op": "gt", "value": 1}}), &canadian));
    assert!(is_on(json!({"attr": {"a": "CA", "plan": ["pro", "team"]}}), &canadian));
    assert!(!is_on(json!({"attr": {"a": "CA", "plan": ["team"]}}), &canadian));
    assert!(is_on(
        json!({"attr": {"a": "CA"}, "any": [{"attr": {"plan": "pro"}}, {"attr": {"plan": "x"}}]}),
        &canadian
    ));
    // The defaults of `tier` and `env` are seen.
    assert!(is_on(json!({"attr": {"env": "dev", "tier": "anonymous"}}), &canadian));
    assert!(is_on(json!({"attr": "env", "op": "exists"}), &NamedContext::new()));
}

#[test]
fn rules_are_tried_in_order_and_name_themselves() {
    let document = json!({"tenant": "t", "flags": [{
        "key": "f", "type": "string", "variants": [{"key": "a", "value": "A"}, {"key": "b", "value": "B"}, {"key": "c", "value": "C"}],
        "default_variant": "c",
        "rules": [
            {"id": "second", "order": 2, "serve": {"variant": "b"}},
            {"id": "first", "when": {"attr": {"country": "CA"}}, "serve": {"variant": "a"}},
        ],
    }]});
    let snapshot = snapshot(&document);
    let answer = |country| {
        let context = NamedContext::new().with("country", country);
        let decision = evaluate(&snapshot, "f", &context);
        (decision.variant.unwrap().key.to_string(), decision.rule_id(), decision.source, decision.reason)
    };
    assert_eq!(answer("CA"), ("a".into(), Some("first"), Source::Rule, Reason::RuleMatch));
    assert_eq!(answer("US"), ("b".into(), Some("second"), Source::Rule, Reason::RuleMatch));
}

#[test]
fn a_percentage_takes_in_its_share_and_is_apart_from_the_distribution() {
    let document = json!({"tenant": "t", "flags": [{
        "key": "f", "type": "string", "variants": [{"key": "a"}, {"key": "b"}, {"key": "none"}], "default_variant": "none",
        "rules": [{"id": "r", "percentage": 30, "serve": {"distribution": [{"variant": "a", "weight": 1}, {"variant": "b", "weight": 1}]}}],
    }]});
    let snapshot = snapshot(&document);
    let mut counts = [0_u32; 3];
    for user in 0..10_000 {
        let id = format!("user-{user}");
        let decision = evaluate(&snapshot, "f", &NamedContext::new().with("user_id", id.as_str()));
        counts[usize::from(decision.variant.unwrap().index)] += 1;
        assert_eq!(decision.bucket.is_some(), decision.source == Source::Rule);
    }
    // Of 10,000, 1,500 each are expected; five standard deviations are 180.
    assert!(counts[0].abs_diff(1500) < 180 && counts[1].abs_diff(1500) < 180, "{counts:?}");
    let decision = evaluate(&snapshot, "f", &NamedContext::new());
    assert_eq!((decision.source, decision.reason), (Source::Default, Reason::NoBucketingUnit));
    let steps = explain(&snapshot, "f", &NamedContext::new());
    assert_eq!(steps.iter().find(|step| step.step == Source::Rule).unwrap().outcome, Outcome::NoBucketingUnit);
}

#[test]
fn segments_exclude_before_they_include() {
    let document = json!({
        "tenant": "t",
        "segments": [{"key": "beta", "conditions": {"attr": {"plan": "pro"}}, "include": ["u-in", "u-both"], "exclude": ["u-out", "u-both"]}],
        "flags": [{"key": "f", "default_variant": "off", "rules": [{"id": "r", "when": {"segment": "beta"}, "serve": {"variant": "on"}}]}],
    });
    let snapshot = snapshot(&document);
    let answer = |id, plan| {
        let context = NamedContext::new().with("user_id", id).with("plan", plan);
        let steps = explain(&snapshot, "f", &context);
        let compared: Vec<_> =
            steps.iter().flat_map(|step| &step.compared).map(|compared: &Compared<'_>| compared.by).collect();
        (evaluate(&snapshot, "f", &context).enabled, *compared.last().unwrap())
    };
    assert_eq!(answer("u-in", "free"), (true, Some("include")));
    assert_eq!(answer("u-out", "pro"), (false, Some("exclude")));
    assert_eq!(answer("u-both", "pro"), (false, Some("exclude")));
    assert_eq!(answer("someone", "pro"), (true, Some("conditions")));
    assert_eq!(answer("someone", "free"), (false, Some("conditions")));
}

/// A chain of flags, each needing the one before it to be on.
fn chain(length: u32) -> Value {
    let flags: Vec<_> = (0..length)
        .map(|place| match place {
            0 => json!({"key": "f0"}),
            _ => json!({"key": format!("f{place}"), "prerequisites": [{"flag": format!("f{}", place - 1), "variants": ["on"]}]}),
        })
        .collect();
    json!({"tenant": "t", "flags": flags})
}

#[test]
fn prerequisites_are_met_failed_and_named() {
    let document = json!({"tenant": "t", "flags": [
        {"key": "top", "prerequisites": [{"flag": "left", "variants": ["on"]}, {"flag": "right", "variants": ["on"]}]},
        {"key": "left", "prerequisites": [{"flag": "base", "variants": ["on"]}]},
        {"key": "right", "prerequisites": [{"flag": "base", "variants": ["on"]}]},
        {"key": "base", "default_variant": "off", "rules": [{"id": "ca", "when": {"attr": {"a": "CA"}}, "serve": {"variant": "on"}}]},
        {"key": "lost", "prerequisites": [{"flag": "nowhere", "variants": ["on"]}]},
    ]});
    let snapshot = snapshot(&document);
    assert!(evaluate(&snapshot, "top", &with("CA")).enabled);
    let decision = evaluate(&snapshot, "top", &with("US"));
    assert_eq!(
        (decision.enabled, decision.reason, decision.prerequisite()),
        (false, Reason::PrerequisiteFailed, Some("left"))
    );
    assert_eq!(decision.variant.unwrap().key.as_ref(), "off");
    assert_eq!(evaluate(&snapshot, "lost", &with("CA")).prerequisite(), Some("nowhere"));
    let warnings: Vec<_> = snapshot.warnings().iter().map(|warning| (warning.code, warning.pointer.as_str())).collect();
    assert_eq!(warnings, [(WarningCode::PrerequisiteUnknownFlag, "/flags/4/prerequisites")]);
    let met: Vec<_> = explain(&snapshot, "top", &with("CA"))
        .into_iter()
        .filter(|step| step.step == Source::Prerequisite)
        .map(|step| (step.prerequisite, step.served, step.outcome))
        .collect();
    assert_eq!(met, [(Some("left"), Some("on"), Outcome::Met), (Some("right"), Some("on"), Outcome::Met)]);
}

#[test]
fn cycles_and_what_leads_into_them_are_never_met() {
    let document = json!({"tenant": "t", "flags": [
        {"key": "a", "prerequisites": [{"flag": "b", "variants": ["on", "off"]}]},
        {"key": "b", "prerequisites": [{"flag": "a", "variants": ["on", "off"]}]},
        {"key": "c", "prerequisites": [{"flag": "b", "variants": ["on", "off"]}]},
        {"key": "self", "prerequisites": [{"flag": "self", "variants": ["on", "off"]}]},
    ]});
    let snapshot = snapshot(&document);
    for (place, key) in ["a", "b", "c", "self"].into_iter().enumerate() {
        assert_eq!(snapshot.warnings()[place].code, WarningCode::PrerequisiteCycle);
        let decision = evaluate(&snapshot, key, &NamedContext::new());
        assert_eq!((decision.reason, decision.enabled), (Reason::PrerequisiteFailed, false), "{key}");
    }
}

#[test]
fn chains_and_ways_are_bounded() {
    let deepest = limits::PREREQUISITE_DEPTH;
    let snapshot_of = |document: &Value| snapshot(document);
    let long = snapshot_of(&chain(10_000));
    assert!(evaluate(&long, &format!("f{}", deepest - 1), &NamedContext::new()).enabled);
    let past = evaluate(&long, &format!("f{deepest}"), &NamedContext::new());
    assert_eq!(past.reason, Reason::PrerequisiteFailed);
    assert_eq!(long.warnings()[0].code, WarningCode::PrerequisiteLimit);
    // Ten layers of ten flags, each needing all of the layer before: ten billion ways.
    let flags: Vec<_> = (0..100)
        .map(|place: u32| {
            let before = (place / 10).checked_sub(1).map_or(Vec::new(), |layer| {
                (0..10).map(|other| json!({"flag": format!("g{}", layer * 10 + other), "variants": ["on"]})).collect()
            });
            json!({"key": format!("g{place}"), "prerequisites": before})
        })
        .collect();
    let wide = snapshot_of(&json!({"tenant": "t", "flags": flags}));
    assert!(evaluate(&wide, "g29", &NamedContext::new()).enabled);
    assert_eq!(evaluate(&wide, "g39", &NamedContext::new()).reason, Reason::PrerequisiteFailed);
}

#[test]
fn faults_name_the_place() {
    let deep = (0..16).fold(json!({"attr": {"a": 1}}), |inner, _| json!({"not": inner}));
    for (when, pointer) in [
        (json!({"atr": {"a": 1}}), "/flags/0/rules/0/when/atr"),
        (json!({}), "/flags/0/rules/0/when"),
        (json!({"all": [{"any": []}, {"percentage": 5}]}), "/flags/0/rules/0/when/all/1/percentage"),
        (json!({"attr": "a", "op": "is", "value": 1}), "/flags/0/rules/0/when/op"),
        (json!({"attr": "a", "op": "in", "value": 1}), "/flags/0/rules/0/when/values"),
        (json!({"attr": "a", "op": "in", "values": []}), "/flags/0/rules/0/when/values"),
        (json!({"attr": "a", "op": "gt", "value": "1"}), "/flags/0/rules/0/when/value"),
        (json!({"attr": "a", "op": "between", "values": [2, 1]}), "/flags/0/rules/0/when/values"),
        (json!({"attr": "a", "op": "semver_gt", "value": "1.0"}), "/flags/0/rules/0/when/value"),
        (json!({"attr": "a", "op": "after", "value": "soon"}), "/flags/0/rules/0/when/value"),
        (json!({"attr": "a", "op": "matches", "value": "("}), "/flags/0/rules/0/when/value"),
        (json!({"segment": "nowhere"}), "/flags/0/rules/0/when/segment"),
        (json!({"op": "equals", "value": 1, "segment": "s"}), "/flags/0/rules/0/when/op"),
        (deep, "/flags/0/rules/0/when/not/not/not/not/not/not/not/not/not/not/not/not/not/not/not/not"),
    ] {
        let snapshot = of_condition(&when);
        let warnings: Vec<_> = snapshot.warnings().iter().map(|warning| warning.pointer.as_str()).collect();
        assert_eq!(warnings, [pointer], "{when}");
        assert_eq!(evaluate(&snapshot, "f", &NamedContext::new()).reason, Reason::FlagInvalid);
    }
}

#[test]
fn bad_segments_are_left_out_and_their_flags_are_off() {
    let document = json!({
        "flags": [{"key": "f", "rules": [{"id": "r", "when": {"segment": "bad"}, "serve": {"variant": "on"}}]}],
        "segments": [
            {"key": "bad", "conditions": {"segment": "good"}},
            {"key": "good", "include": ["u"]},
            {"key": "good"},
        ],
    });
    let snapshot = snapshot(&document);
    let warnings: Vec<_> = snapshot.warnings().iter().map(|warning| (warning.code, warning.pointer.as_str())).collect();
    assert_eq!(
        warnings,
        [
            (WarningCode::InvalidSegment, "/segments/0/conditions/segment"),
            (WarningCode::DuplicateSegment, "/segments/2"),
            (WarningCode::InvalidFlag, "/flags/0/rules/0/when/segment"),
        ]
    );
}

#[test]
fn short_forms_are_canonicalised() {
    let document = json!({"flags": [{
        "key": "f", "variants": [{"key": "control", "weight": 50}, {"key": "treatment", "weight": 50}],
        "rules": [{"id": "r", "when": {"attr": {"country": "CA", "plan": ["pro", "team"]}, "segment": "beta", "percentage": 25},
            "rollout": {"variant": "treatment"}}],
    }], "segments": [{"key": "beta", "criteria": {"attr": {"beta": true}}}]});
    let flags = burgee_core::read_flags(document.to_string().as_bytes()).unwrap();
    let flag = serde_json::to_value(flags[0].as_ref().unwrap()).unwrap();
    assert_eq!(flag["type"], json!("string"));
    assert_eq!(flag["variants"][0], json!({"key": "control", "value": "control"}));
    assert_eq!(
        flag["fallthrough"],
        json!({"distribution": [{"variant": "control", "weight": 50.0}, {"variant": "treatment", "weight": 50.0}]})
    );
    assert_eq!(
        flag["rules"],
        json!([{
            "id": "r",
            "when": {"all": [
                {"attr": "country", "op": "equals", "value": "CA"},
                {"attr": "plan", "op": "in", "values": ["pro", "team"]},
                {"segment": "beta"},
            ]},
            "percentage": 25.0,
            "serve": {"variant": "treatment"},
        }])
    );
    // What is canonical reads as itself.
    let again = json!({"flags": [flag], "segments": [{"key": "beta"}]});
    let again = burgee_core::read_flags(again.to_string().as_bytes()).unwrap();
    assert_eq!(serde_json::to_value(again[0].as_ref().unwrap()).unwrap(), flag);
}

/// Conditions over few attributes and values, so that they often match.
fn condition() -> impl Strategy<Value = Value> {
    let scalar =
        prop_oneof![Just(json!("x")), Just(json!("1.2.3")), Just(json!(1)), Just(json!(2.5)), Just(json!(true))];
    let attr = prop_oneof![Just("a"), Just("b"), Just("env")];
    let leaf = prop_oneof![
        (attr.clone(), prop_oneof![Just("equals"), Just("not_equals"), Just("contains")], scalar.clone())
            .prop_map(|(attr, op, value)| json!({"attr": attr, "op": op, "value": value})),
        (attr.clone(), prop_oneof![Just("in"), Just("not_in")], prop::collection::vec(scalar, 1..7))
            .prop_map(|(attr, op, values)| json!({"attr": attr, "op": op, "values": values})),
        (attr.clone(), prop_oneof![Just("gt"), Just("lte")], -3..3_i32)
            .prop_map(|(attr, op, value)| json!({"attr": attr, "op": op, "value": value})),
        attr.prop_map(|attr| json!({"attr": attr, "op": "exists"})),
        Just(json!({"segment": "s"})),
    ];
    leaf.prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|all| json!({"all": all})),
            prop::collection::vec(inner.clone(), 0..4).prop_map(|any| json!({"any": any})),
            inner.prop_map(|not| json!({"not": not})),
        ]
    })
}

fn attribute() -> impl Strategy<Value = burgee_core::Value<'static>> {
    use burgee_core::Value as Attribute;
    prop_oneof![
        Just(Attribute::Absent),
        Just(Attribute::Text("x".into())),
        Just(Attribute::Text("1.2.3".into())),
        any::<f64>().prop_map(Attribute::Number),
        Just(Attribute::Number(1.0)),
        any::<bool>().prop_map(Attribute::Boolean),
        Just(Attribute::Object),
    ]
}

proptest! {
    /// `explain` is the same walk, a negation the opposite, and the canonical form the same condition.
    #[test]
    fn explain_agrees_negation_negates_and_canonical_is_canonical(when in condition(), a in attribute(), b in attribute(), percentage in 0.0..100.0_f64) {
        let rule = |id: &str, when: &Value| json!({"id": id, "when": when, "percentage": percentage, "serve": {"variant": "on"}});
        let document = json!({
            "tenant": "t",
            "segments": [{"key": "s", "conditions": {"attr": "b", "op": "exists"}, "include": ["u"]}],
            "flags": [
                {"key": "f", "default_variant": "off", "rules": [rule("r", &when)]},
                {"key": "plain", "default_variant": "off", "rules": [{"id": "r", "when": when, "serve": {"variant": "on"}}]},
                {"key": "not", "default_variant": "off", "rules": [{"id": "r", "when": {"not": when}, "serve": {"variant": "on"}}]},
            ],
        });
        let compiled = snapshot(&document);
        prop_assume!(compiled.warnings().is_empty());
        let context = NamedContext::new().with("user_id", "u").with("a", a).with("b", b);
        for key in ["f", "plain", "not"] {
            let plain = evaluate(&compiled, key, &context);
            let (explained, steps) = compiled.explain(compiled.find(key), &context, &Request::at(0));
            prop_assert_eq!(format!("{plain:?}"), format!("{explained:?}"));
            prop_assert_eq!(steps.last().unwrap().outcome, Outcome::Match);
            prop_assert_eq!(steps.last().unwrap().step, plain.source);
        }
        prop_assert_ne!(evaluate(&compiled, "plain", &context).enabled, evaluate(&compiled, "not", &context).enabled);
        let mut canonical = document.clone();
        let flags = burgee_core::read_flags(document.to_string().as_bytes()).unwrap();
        canonical["flags"] = flags.iter().map(|flag| serde_json::to_value(flag.as_ref().unwrap()).unwrap()).collect();
        let canonical = snapshot(&canonical);
        for key in ["f", "plain", "not"] {
            let (one, other) = (evaluate(&compiled, key, &context), evaluate(&canonical, key, &context));
            prop_assert_eq!((one.enabled, one.source, one.bucket), (other.enabled, other.source, other.bucket));
        }
    }
}
