//! The walk, step by step, as `docs/evaluation.md` describes it. The vectors and the differential test cover what these do not.

use burgee_core::model::OverrideScope;
use burgee_core::{
    Bucket, Decision, FlagIndex, InlineOverride, NamedContext, Outcome, Overrides, Reason, Request, Snapshot, Source,
    Step, WarningCode,
};
use proptest::prelude::*;
use serde_json::{Value, json};

/// The user's and the tenant's override, for any flag.
struct Both<'a>(InlineOverride<'a>, InlineOverride<'a>);

impl Overrides for Both<'_> {
    fn inline(&self, scope: OverrideScope, _: FlagIndex, _: &str) -> InlineOverride<'_> {
        match scope {
            OverrideScope::User => self.0,
            OverrideScope::Tenant => self.1,
        }
    }
}

fn snapshot(document: &Value) -> Snapshot {
    Snapshot::parse(document.to_string().as_bytes()).unwrap()
}

/// A snapshot of one flag of key `f`, with more members of the document.
fn of_flag(mut flag: Value, rest: Value) -> Snapshot {
    flag["key"] = json!("f");
    let mut document = rest;
    document["flags"] = json!([flag]);
    document["tenant"] = json!("t");
    snapshot(&document)
}

fn user(id: &str) -> NamedContext<'_> {
    NamedContext::new().with("user_id", id)
}

fn evaluate<'s>(snapshot: &'s Snapshot, context: &NamedContext<'_>) -> Decision<'s> {
    snapshot.evaluate(snapshot.find("f"), context, &Request::at(1_000), &mut ())
}

/// Value, source and reason, in brief.
fn answer(decision: &Decision<'_>) -> (Option<String>, Source, Reason) {
    let value = decision.variant.map(|variant| serde_json::to_string(&variant.value).unwrap());
    (value, decision.source, decision.reason)
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn unknown_and_archived_flags_are_answers() {
    let snapshot = of_flag(json!({"state": "archived"}), json!({}));
    assert_eq!(snapshot.find("f"), None);
    let decision = evaluate(&snapshot, &user("u"));
    assert_eq!(answer(&decision), (None, Source::UnknownFlag, Reason::UnknownFlag));
    assert!(!decision.enabled);
    assert_eq!(decision.flag_version(), None);
    assert_eq!(snapshot.warnings(), []);
}

#[test]
fn a_flag_that_is_on_serves_its_default() {
    let snapshot = of_flag(json!({}), json!({}));
    let decision = evaluate(&snapshot, &user("u"));
    assert_eq!(answer(&decision), (some("true"), Source::Default, Reason::Default));
}

#[test]
fn kill_switches_come_first_and_global_before_category() {
    let flag = json!({"kill_switch": "payments", "state": "off"});
    for (switches, reason) in [
        (json!([{"category": "payments"}]), Some(Reason::KillSwitchCategory)),
        (json!([{"category": "payments"}, {"category": "*"}]), Some(Reason::KillSwitchGlobal)),
        (json!([{"category": "*", "engaged": true}]), Some(Reason::KillSwitchGlobal)),
        (json!([{"category": "payments", "engaged": false}, {"category": "mail"}]), None),
    ] {
        let overrides = json!([{"scope": "user", "id": "u", "flag": "f", "variant": true}]);
        let snapshot = of_flag(flag.clone(), json!({"kill_switches": switches, "overrides": overrides}));
        let decision = evaluate(&snapshot, &user("u"));
        match reason {
            Some(reason) => assert_eq!(answer(&decision), (some("false"), Source::KillSwitch, reason)),
            None => assert_eq!(decision.source, Source::StoreUserOverride),
        }
    }
}

#[test]
fn overrides_take_precedence_in_their_order() {
    let rows = json!({"overrides": [
        {"scope": "tenant", "id": "T", "flag": "f", "variant": "b"},
        {"scope": "user", "id": "u", "flag": "f", "variant": "c"},
    ]});
    let flag = json!({"type": "string", "default_variant": "a", "variants": [
        {"key": "a", "value": "A"}, {"key": "b", "value": "B"}, {"key": "c", "value": "C"}, {"key": "d", "value": "D"},
    ]});
    let snapshot = of_flag(flag, rows);
    let context = user("u").with("tenant_id", "T");
    let inline = |key: &'static str| InlineOverride::Variant(key.into());
    let absent = InlineOverride::Absent;
    let (by_user, by_tenant) = (Reason::UserOverridePrecedence, Reason::TenantOverridePrecedence);
    for (context, user_override, tenant_override, expected) in [
        (&context, inline("a"), inline("d"), (some("\"A\""), Source::InlineUserOverride, by_user)),
        (&context, absent, inline("d"), (some("\"D\""), Source::InlineTenantOverride, by_tenant)),
        (&context, absent, absent, (some("\"C\""), Source::StoreUserOverride, by_user)),
        (&context, inline("nope"), InlineOverride::Other, (some("\"C\""), Source::StoreUserOverride, by_user)),
        (&context, InlineOverride::Boolean(true), absent, (some("\"C\""), Source::StoreUserOverride, by_user)),
        (&user("x").with("tenant_id", "T"), absent, absent, (some("\"B\""), Source::StoreTenantOverride, by_tenant)),
        (&user("x"), absent, absent, (some("\"A\""), Source::Default, Reason::Default)),
    ] {
        let request = Request { overrides: Some(&Both(user_override, tenant_override)), ..Request::at(0) };
        assert_eq!(answer(&snapshot.evaluate(snapshot.find("f"), context, &request, &mut ())), expected);
    }
}

#[test]
fn an_override_is_absent_from_the_millisecond_at_which_it_ends() {
    let rows = json!({"overrides": [
        {"scope": "user", "id": "7", "flag": "f", "variant": false, "expires_at": "1970-01-01T00:00:01.500Z"},
    ]});
    let snapshot = of_flag(json!({}), rows);
    let context = NamedContext::new().with("user_id", 7.0);
    for (now, source) in [(1_499, Source::StoreUserOverride), (1_500, Source::Default), (1_501, Source::Default)] {
        let decision = snapshot.evaluate(snapshot.find("f"), &context, &Request::at(now), &mut ());
        assert_eq!(decision.source, source, "{now}");
    }
    assert!(snapshot.reads(FlagIndex(0)).time);
}

#[test]
fn a_row_of_an_unknown_variant_is_skipped_with_a_warning() {
    let rows = json!({"overrides": [{"scope": "user", "id": "u", "flag": "f", "variant": "maybe"}]});
    let snapshot = of_flag(json!({}), rows);
    let mut steps: Vec<Step<'_>> = Vec::new();
    let decision = snapshot.evaluate(snapshot.find("f"), &user("u"), &Request::at(0), &mut steps);
    assert_eq!(decision.source, Source::Default);
    assert!(steps.iter().any(|step| (step.step, step.outcome) == (Source::StoreUserOverride, Outcome::UnknownVariant)));
    let [warning] = snapshot.warnings() else { panic!("{:?}", snapshot.warnings()) };
    assert_eq!((warning.code, &*warning.pointer), (WarningCode::OverrideUnknownVariant, "/overrides/0/variant"));
}

#[test]
fn targets_deny_before_they_allow() {
    let flag = json!({"targets": {"allow": [{"variant": "on", "ids": ["a", "d", "p"]}], "deny": ["d"]}, "default_variant": "off"});
    let snapshot = of_flag(flag, json!({}));
    assert_eq!(answer(&evaluate(&snapshot, &user("a"))), (some("true"), Source::Target, Reason::AllowList));
    assert_eq!(answer(&evaluate(&snapshot, &user("d"))), (some("false"), Source::Target, Reason::DenyList));
    let project = NamedContext::new().with("project_id", "p");
    assert_eq!(evaluate(&snapshot, &project).reason, Reason::AllowList);
    assert_eq!(evaluate(&snapshot, &user("x")).source, Source::Default);
}

#[test]
fn stages_mean_what_they_say() {
    let staff = user("u").with("tier", "staff");
    for (stage, context, expected) in [
        ("draft", &staff, ("false", Source::RolloutStageMap, Reason::StageDraft)),
        ("internal", &staff, ("true", Source::RolloutStageMap, Reason::StageInternalStaff)),
        ("internal", &user("u"), ("false", Source::RolloutStageMap, Reason::StageInternalNotStaff)),
        ("full", &user("u"), ("true", Source::RolloutStageMap, Reason::StageFull)),
        ("paused", &staff, ("false", Source::RolloutStageMap, Reason::StagePaused)),
        ("rolled_back", &staff, ("false", Source::RolloutStageMap, Reason::StageRolledBack)),
        ("staged_99", &NamedContext::new(), ("false", Source::StagedBucket, Reason::NoBucketingUnit)),
    ] {
        let snapshot = of_flag(json!({"rollout_stage": stage}), json!({}));
        let decision = evaluate(&snapshot, context);
        assert_eq!(answer(&decision), (some(expected.0), expected.1, expected.2), "{stage}");
        assert_eq!(decision.stage.map(|stage| stage.to_string()).as_deref(), Some(stage));
    }
}

#[test]
fn the_environment_chooses_the_stage_and_is_dev_when_absent() {
    let stage = json!({"rollout_stage": "draft", "rollout_stage_map": {"dev": "full", "prod": "paused"}});
    let snapshot = of_flag(json!({"stage": stage}), json!({}));
    for (env, reason) in [("dev", Reason::StageFull), ("prod", Reason::StagePaused), ("qa", Reason::StageDraft)] {
        assert_eq!(evaluate(&snapshot, &user("u").with("env", env)).reason, reason);
    }
    assert_eq!(evaluate(&snapshot, &user("u")).reason, Reason::StageFull);
    assert_eq!(evaluate(&snapshot, &user("u").with("env", 1.0)).reason, Reason::StageFull);
}

#[test]
fn a_staged_rollout_buckets_as_evaluator_js_does() {
    let snapshot = snapshot(&json!({"flags": [{"key": "syn.staged_25", "rollout_stage": "staged_25"}]}));
    let decide = |context: &NamedContext<'_>| {
        let decision = snapshot.evaluate(snapshot.find("syn.staged_25"), context, &Request::at(0), &mut ());
        (decision.enabled, decision.bucket, decision.threshold)
    };
    assert_eq!(decide(&user("bucket-low-1")), (true, Some(Bucket::Percent(4)), Some(25.0)));
    // The project is bucketed where there is no user, and an empty id is no user.
    let project = NamedContext::new().with("project_id", "bucket-low-1").with("user_id", "");
    assert_eq!(decide(&project), (true, Some(Bucket::Percent(4)), Some(25.0)));
}

#[test]
fn a_distribution_serves_by_weight_and_says_when_there_is_no_unit() {
    let fallthrough = json!({"distribution": [{"variant": "on", "weight": 1}, {"variant": "off", "weight": 3}]});
    let snapshot = of_flag(json!({"fallthrough": fallthrough}), json!({}));
    let ids: Vec<String> = (0..10_000).map(|n| format!("user-{n}")).collect();
    let on = ids.iter().filter(|id| evaluate(&snapshot, &user(id)).enabled).count();
    // Four standard deviations of a binomial distribution around 2,500.
    assert!((2_327..=2_673).contains(&on), "{on}");
    let decision = evaluate(&snapshot, &NamedContext::new());
    assert_eq!(answer(&decision), (some("true"), Source::Default, Reason::NoBucketingUnit));
}

#[test]
fn variants_that_are_not_boolean_are_enabled_unless_off() {
    let variants = json!([{"key": "big", "value": 10}, {"key": "none", "value": 0}]);
    let flag = json!({"type": "integer", "variants": variants, "default_variant": "big", "off_variant": "none"});
    let mut off = flag.clone();
    off["state"] = json!("off");
    assert!(evaluate(&of_flag(flag, json!({})), &user("u")).enabled);
    let snapshot = of_flag(off, json!({}));
    let decision = evaluate(&snapshot, &user("u"));
    assert_eq!(answer(&decision), (some("0"), Source::Off, Reason::FlagOff));
    assert!(!decision.enabled);
}

#[test]
fn a_bad_flag_is_off_and_harms_no_other() {
    let document = br#"{"flags": [
        {"key": "f", "type": "colour"},
        {"key": "lone", "description": "\ud800"},
        {"key": "rules", "rules": [{"id": "r"}]},
        {"key": "bad key"},
        {"key": "good"},
        {"key": "good", "state": "off"}
    ]}"#;
    let snapshot = Snapshot::parse(document).unwrap();
    let warnings: Vec<_> = snapshot.warnings().iter().map(|warning| (warning.code, &*warning.pointer)).collect();
    assert_eq!(
        warnings,
        [
            (WarningCode::InvalidFlag, "/flags/0/type"),
            (WarningCode::InvalidFlag, "/flags/1"),
            (WarningCode::InvalidFlag, "/flags/2/rules/0/serve"),
            (WarningCode::InvalidFlag, "/flags/3/key"),
            (WarningCode::DuplicateFlag, "/flags/5"),
        ]
    );
    assert_eq!(answer(&evaluate(&snapshot, &user("u"))), (None, Source::Off, Reason::FlagInvalid));
    let decision = snapshot.evaluate(snapshot.find("lone"), &user("u"), &Request::at(0), &mut ());
    assert_eq!(answer(&decision), (None, Source::Off, Reason::FlagInvalid));
    let decision = snapshot.evaluate(snapshot.find("good"), &user("u"), &Request::at(0), &mut ());
    assert!(decision.enabled);
}

#[test]
fn a_document_is_refused_with_the_place() {
    for (document, pointer) in [
        ("", ""),
        ("[]", ""),
        ("{\"flags\": [}", ""),
        ("{}", "/flags"),
        ("{\"flags\": {}}", "/flags"),
        ("{\"flags\": [], \"schema\": \"other/1\"}", "/schema"),
        ("{\"flags\": [], \"version\": -1}", "/version"),
        ("{\"flags\": [], \"tenant\": \"\\ud800\"}", "/tenant"),
        ("{\"flags\": [], \"overrides\": 1}", "/overrides"),
    ] {
        assert_eq!(Snapshot::parse(document.as_bytes()).unwrap_err().pointer, pointer, "{document}");
    }
    assert!(Snapshot::parse(b"\xff").is_err());
}

/// JSON that is close to a document, so that most of it reaches the evaluator.
fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(vec!["f", "g", "on", "off", "user", "tenant", "u", "*", "full", "staged_50", "djb2-xor"])
            .prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    let names = vec![
        "flags",
        "overrides",
        "kill_switches",
        "key",
        "type",
        "state",
        "variants",
        "value",
        "stage",
        "rollout_stage",
        "rollout_stage_map",
        "fallthrough",
        "distribution",
        "variant",
        "weight",
        "targets",
        "allow",
        "deny",
        "ids",
        "scope",
        "id",
        "flag",
        "expires_at",
        "category",
        "engaged",
        "metadata",
        "version",
        "bucketing",
        "bucket_by",
    ];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(names.clone()), inner), 0..8)
                .prop_map(|members| members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
        let _ = Snapshot::parse(&bytes);
    }

    #[test]
    fn any_document_is_evaluated_alike_with_and_without_a_trace(mut document in documents(), id in ".{0,4}", now: i64) {
        if let Some(members) = document.as_object_mut() {
            members.entry("flags").or_insert(json!([{"key": "f"}]));
        }
        if let Ok(snapshot) = Snapshot::parse(document.to_string().as_bytes()) {
            let context = NamedContext::new().with("user_id", id.as_str()).with("tenant_id", "u");
            for key in ["f", "g", "nope"] {
                let flag = snapshot.find(key);
                let mut steps: Vec<Step<'_>> = Vec::new();
                let traced = snapshot.evaluate(flag, &context, &Request::at(now), &mut steps);
                let plain = snapshot.evaluate(flag, &context, &Request::at(now), &mut ());
                prop_assert_eq!(answer(&traced), answer(&plain));
                prop_assert_eq!((traced.bucket, traced.threshold), (plain.bucket, plain.threshold));
                // The last step is the one that decided.
                let last = steps.last().map(|step| (step.step, step.outcome));
                prop_assert_eq!(last, Some((traced.source, Outcome::Match)));
            }
        }
    }

    #[test]
    fn a_later_stage_takes_nobody_out(id in "[a-z0-9]{1,12}", low in 1..99_u8, high in 1..=99_u8) {
        prop_assume!(low <= high);
        let at = |percent: u8| {
            let snapshot = of_flag(json!({"rollout_stage": format!("staged_{percent}")}), json!({}));
            evaluate(&snapshot, &user(&id)).enabled
        };
        prop_assert!(!at(low) || at(high));
    }
}
