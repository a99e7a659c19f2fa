//! Sensitive flags: who may be told of them, and that no way leads past that.

use std::collections::BTreeMap;

use burgee_core::model::OverrideScope;
use burgee_core::{
    Decision, Denial, FlagIndex, InlineOverride, NamedContext, Outcome, Overrides, Permits, Reason, Request,
    ResolutionReason, Snapshot, Source, Trace,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn snapshot(document: &Value) -> Snapshot {
    let snapshot = Snapshot::parse(document.to_string().as_bytes()).unwrap();
    assert_eq!(snapshot.warnings(), [], "{document}");
    snapshot
}

/// A sensitive flag that every step would turn on, and two that need it.
fn document() -> Value {
    json!({
        "tenant": "t",
        "flags": [
            {"key": "s", "type": "string", "version": 7, "variants": [{"key": "a", "value": "A"}, {"key": "b", "value": "B"}],
             "off_variant": "a", "default_variant": "b", "targets": {"allow": [{"variant": "b", "ids": ["u"]}]},
             "metadata": {"team": "secret"}, "sensitive": {"sensitive_flag": true, "requires_approval": false}},
            {"key": "needs-b", "prerequisites": [{"flag": "s", "variants": ["b"]}]},
            {"key": "needs-a", "prerequisites": [{"flag": "s", "variants": ["a"]}]},
            {"key": "not", "sensitive": {"sensitive_flag": false, "requires_approval": false}},
            {"key": "approved", "sensitive": {"sensitive_flag": false, "requires_approval": true}},
        ],
        "overrides": [{"scope": "user", "id": "u", "flag": "s", "variant": "b"}],
    })
}

#[derive(Default)]
struct Told(BTreeMap<&'static str, Result<(), Denial>>);

impl Permits for Told {
    fn permit(&self, _: FlagIndex, key: &str) -> Result<(), Denial> {
        self.0.get(key).copied().unwrap_or(Err(Denial::AuthNotVerified))
    }
}

struct Everything;

impl Overrides for Everything {
    fn inline(&self, _: OverrideScope, _: FlagIndex, key: &str) -> InlineOverride<'_> {
        if key == "s" { InlineOverride::Variant("b".into()) } else { InlineOverride::Boolean(true) }
    }
}

fn decide<'s>(snapshot: &'s Snapshot, key: &str, request: &Request<'_>, trace: &mut impl Trace<'s>) -> Decision<'s> {
    snapshot.evaluate(snapshot.find(key), &NamedContext::new().with("user_id", "u"), request, trace)
}

fn served<'s>(decision: &Decision<'s>) -> Option<&'s str> {
    decision.variant.map(|variant| &*variant.key)
}

#[test]
fn whoever_may_not_be_told_gets_the_off_variant_and_the_reason() {
    let snapshot = snapshot(&document());
    let permits = |denial| Told([("s", Err(denial))].into());
    for (denial, reason) in [
        (Denial::AuthNotVerified, Reason::AuthNotVerified),
        (Denial::ApprovalExpired, Reason::ApprovalExpired),
        (Denial::PolicyDenied, Reason::PolicyDenied),
        (Denial::AdminUnreachable, Reason::AdminUnreachable),
    ] {
        let permits = permits(denial);
        // Neither the request's own overrides nor stored ones come before it.
        for overrides in [None, Some(&Everything as &dyn Overrides)] {
            let request = Request { now: 0, overrides, permits: Some(&permits) };
            let mut steps = Vec::new();
            let decision = decide(&snapshot, "s", &request, &mut steps);
            assert_eq!((decision.source, decision.reason, served(&decision)), (Source::Sensitive, reason, Some("a")));
            assert!(!decision.enabled);
            assert_eq!(decision.resolution_reason(), ResolutionReason::Default);
            let steps: Vec<_> = steps.iter().map(|step| (step.step, step.outcome, step.variant)).collect();
            assert_eq!(steps, [(Source::Sensitive, Outcome::Match, Some("a"))]);
        }
    }
}

#[test]
fn who_is_not_said_to_be_permitted_is_not() {
    let snapshot = snapshot(&document());
    for key in ["s", "approved"] {
        let decision = decide(&snapshot, key, &Request::at(0), &mut ());
        assert_eq!((decision.source, decision.reason), (Source::Sensitive, Reason::AuthNotVerified), "{key}");
    }
    let decision = decide(&snapshot, "not", &Request::at(0), &mut ());
    assert_eq!((decision.source, decision.enabled), (Source::Default, true));
}

#[test]
fn whoever_may_be_told_gets_what_the_walk_says() {
    let snapshot = snapshot(&document());
    let permits = Told([("s", Ok(()))].into());
    let request = Request { permits: Some(&permits), ..Request::at(0) };
    let mut steps = Vec::new();
    let decision = decide(&snapshot, "s", &request, &mut steps);
    assert_eq!((decision.source, served(&decision)), (Source::StoreUserOverride, Some("b")));
    assert_eq!((steps[0].step, steps[0].outcome), (Source::Sensitive, Outcome::Permitted));
    assert_eq!((steps[1].step, steps[1].outcome), (Source::KillSwitch, Outcome::Absent));
}

#[test]
fn a_prerequisite_that_would_be_denied_is_met_by_nobody_not_even_by_its_off_variant() {
    let snapshot = snapshot(&document());
    for (permits, needs_a, needs_b) in [(Told::default(), false, false), (Told([("s", Ok(()))].into()), false, true)] {
        let request = Request { permits: Some(&permits), ..Request::at(0) };
        for (key, expected) in [("needs-a", needs_a), ("needs-b", needs_b)] {
            let mut steps = Vec::new();
            let decision = decide(&snapshot, key, &request, &mut steps);
            assert_eq!(decision.enabled, expected, "{key}");
            assert_eq!(decision.prerequisite(), (!expected).then_some("s"));
            // The explanation must not tell either what it would serve.
            let told = permits.0.contains_key("s").then_some("b");
            assert_eq!(steps.iter().find(|step| step.step == Source::Prerequisite).unwrap().served, told);
        }
    }
}

#[test]
fn a_denied_flag_keeps_its_metadata_to_itself() {
    let snapshot = snapshot(&document());
    let permits = Told([("s", Ok(()))].into());
    for (permits, expected) in [
        (None, json!({"flagSetId": "t", "reasonCode": "auth_not_verified", "version": 7})),
        (
            Some(&permits as &dyn Permits),
            json!({"team": "secret", "flagSetId": "t", "reasonCode": "user_override_precedence", "version": 7}),
        ),
    ] {
        let decision = decide(&snapshot, "s", &Request { permits, ..Request::at(0) }, &mut ());
        let described = snapshot.describe_decision(&decision, decision.resolution_reason());
        let described: Value = serde_json::from_str(&described).unwrap();
        assert_eq!(described["metadata"], expected);
    }
}

#[test]
fn which_flags_must_be_asked_about() {
    let flag = |key: &str, sensitive: bool, needs: &[&str]| {
        let needs: Vec<_> = needs.iter().map(|flag| json!({"flag": flag, "variants": ["on"]})).collect();
        json!({"key": key, "prerequisites": needs, "sensitive": {"sensitive_flag": sensitive, "requires_approval": false}})
    };
    let document = json!({"flags": [
        flag("a", true, &["b", "c"]), flag("b", false, &["d"]), flag("c", true, &["d"]), flag("d", true, &[]),
        flag("e", false, &[]), flag("f", false, &["b", "e"]), flag("x", true, &["y"]), flag("y", true, &["x"]),
    ]});
    let snapshot = Snapshot::parse(document.to_string().as_bytes()).unwrap();
    assert!(snapshot.has_sensitive());
    // x and y are a cycle: their prerequisites are never walked, so that nobody need be asked about them.
    for (key, expected) in [("a", "acd"), ("b", "d"), ("e", ""), ("f", "d"), ("x", "x")] {
        let flags = snapshot.sensitive_flags(snapshot.find(key).unwrap());
        let keys: String = flags.iter().map(|flag| snapshot.flag(*flag).unwrap().key()).collect();
        assert_eq!(keys, expected, "{key}");
    }
    assert!(!Snapshot::parse(br#"{"flags": [{"key": "f"}]}"#).unwrap().has_sensitive());
}

proptest! {
    /// Whatever a sensitive flag looks like, and whatever overrides and switches say: who is not permitted learns nothing but its off variant.
    #[test]
    fn nothing_leads_past_the_gate(
        state in prop::sample::select(vec!["on", "off"]),
        variant in prop::sample::select(vec!["a", "b", "none"]),
        stage in prop::option::of(prop::sample::select(vec!["full", "internal", "staged_50", "draft"])),
        switch in any::<bool>(),
        inline in any::<bool>(),
        keeps in any::<bool>(),
    ) {
        let mut document = document();
        let flag = &mut document["flags"][0];
        flag["state"] = json!(state);
        flag["kill_switch"] = json!("k");
        flag["fallthrough"] = json!({"distribution": [{"variant": "a", "weight": 1}, {"variant": "b", "weight": 1}]});
        if let Some(stage) = stage {
            flag["rollout_stage"] = json!(stage);
        }
        document["overrides"][0]["variant"] = json!(variant);
        document["kill_switches"] = json!([{"category": "k", "engaged": switch}]);
        let snapshot = Snapshot::parse(document.to_string().as_bytes()).unwrap();
        let request = Request { overrides: inline.then_some(&Everything as &dyn Overrides), ..Request::at(0) };
        let decision = if keeps {
            decide(&snapshot, "s", &request, &mut Vec::new())
        } else {
            decide(&snapshot, "s", &request, &mut ())
        };
        prop_assert_eq!((decision.source, served(&decision), decision.enabled), (Source::Sensitive, Some("a"), false));
    }
}
