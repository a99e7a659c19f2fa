//! Documents that leave the service: what is sensitive is not in them, and every flag is decided as by somebody who may not be told.

use burgee_core::{Denial, FlagIndex, NamedContext, Permits, REDACTION, Reason, Request, Snapshot, Source, redact};
use proptest::prelude::*;
use serde_json::{Value, json};

struct Nobody;

impl Permits for Nobody {
    fn permit(&self, _: FlagIndex, _: &str) -> Result<(), Denial> {
        Err(Denial::AuthNotVerified)
    }
}

fn redacted(document: &Value) -> Option<Value> {
    let text = redact(document.to_string().as_bytes()).unwrap()?;
    Some(serde_json::from_slice(&text).unwrap())
}

/// Holds the whole at the service against what left it: every flag of both, for some users.
fn assert_alike(whole: &str, left: &str) {
    let (whole, left) = (Snapshot::parse(whole.as_bytes()).unwrap(), Snapshot::parse(left.as_bytes()).unwrap());
    let keys = |snapshot: &Snapshot| snapshot.flags().iter().map(|flag| flag.key().to_owned()).collect::<Vec<_>>();
    assert_eq!(keys(&whole), keys(&left));
    let at_the_service = Request { permits: Some(&Nobody), ..Request::at(0) };
    for key in keys(&whole) {
        for user in ["u", "v"] {
            let context = NamedContext::new().with("user_id", user);
            let (expected, steps) = whole.explain(whole.find(&key), &context, &at_the_service);
            let (got, left_steps) = left.explain(left.find(&key), &context, &Request::at(0));
            let expected = whole.describe_decision(&expected, expected.resolution_reason());
            assert_eq!(left.describe_decision(&got, got.resolution_reason()), expected, "{key}");
            let chain = |steps: &[burgee_core::Step<'_>]| {
                steps.iter().map(|step| (step.step, step.outcome, step.variant.map(str::to_owned))).collect::<Vec<_>>()
            };
            assert_eq!(chain(&left_steps), chain(&steps), "{key}");
        }
    }
}

fn document() -> Value {
    let sensitive = json!({"sensitive_flag": true, "requires_approval": false, "approval_matrix_row": "row-1"});
    json!({
        "schema": "burgee.registry/1", "tenant": "t", "version": 3, "notes": "SECRET",
        "segments": [{"key": "seg", "include": ["u"]}],
        "flags": [
            {"key": "open", "description": "stays as it is", "rules": [{"id": "r", "when": {"segment": "seg"}, "serve": {"variant": "off"}}]},
            {"key": "text", "type": "string", "version": 4, "variants": [{"key": "basic", "value": "B"}, {"key": "SECRET", "value": "SECRET"}],
             "off_variant": "basic", "default_variant": "SECRET", "description": "SECRET", "owner": "SECRET", "tags": ["SECRET"],
             "metadata": {"team": "SECRET"}, "targets": {"allow": [{"variant": "SECRET", "ids": ["SECRET"]}]},
             "kill_switch": "SECRET", "sensitive": sensitive},
            {"key": "boolean", "rollout_stage": "draft", "sensitive": sensitive},
            {"key": "named", "variants": [{"key": "yes", "value": true}, {"key": "no", "value": false}], "off_variant": null, "sensitive": sensitive},
            {"key": "integer", "type": "integer", "variants": [{"key": "a", "value": 77}], "default_variant": "a", "sensitive": sensitive},
            {"key": "number", "type": "number", "variants": [{"key": "a", "value": 77.5}], "sensitive": sensitive},
            {"key": "json", "type": "json", "variants": [{"key": "a", "value": {"b": "SECRET"}}], "sensitive": sensitive},
            {"key": "approved", "sensitive": {"sensitive_flag": false, "requires_approval": true}},
            {"key": "not", "sensitive": {"sensitive_flag": false, "requires_approval": false}, "default_variant": "on"},
            {"key": "broken", "type": "string", "description": "SECRET", "sensitive": {"sensitive_flag": "SECRET"}},
            {"key": "gone", "state": "archived", "description": "SECRET", "sensitive": sensitive},
            {"key": "gone", "default_variant": "off"},
            {"key": "needs", "prerequisites": [{"flag": "text", "variants": ["basic"]}]},
        ],
        "overrides": [
            {"scope": "user", "id": "SECRET", "flag": "text", "variant": "SECRET"},
            {"scope": "user", "id": "u", "flag": "open", "variant": "on"},
            {"scope": "user", "id": "u", "flag": "gone", "variant": "on"},
            {"scope": "SECRET", "id": "u", "flag": "open", "variant": "on"},
            {"scope": "user", "id": "SECRET", "flag": "broken", "variant": "on"},
        ],
        "kill_switches": [{"category": "ops", "engaged": true}],
    })
}

#[test]
fn nothing_is_left_but_what_anybody_is_told() {
    let document = document();
    let left = redacted(&document).unwrap();
    assert!(!left.to_string().contains("SECRET"), "{left:#}");
    assert!(!left.to_string().contains("77"), "{left:#}");
    let sensitive = json!({"sensitive_flag": true, "requires_approval": false, "approval_matrix_row": "row-1"});
    assert_eq!(
        left["flags"][1],
        json!({"key": "text", "type": "string", "version": 4, "state": "off", "variants": [{"key": "basic", "value": "B"}],
               "off_variant": "basic", "sensitive": sensitive})
    );
    assert_eq!(
        left["flags"][3],
        json!({"key": "named", "type": "boolean", "version": 0, "state": "off", "off_variant": null, "sensitive": sensitive})
    );
    assert_eq!(left["flags"][4]["variants"], json!([{"key": "redacted", "value": 0}]));
    assert_eq!(left["flags"][9], json!({"key": "broken", "type": "redacted"}));
    assert_eq!(left["flags"][10]["state"], "archived");
    for kept in [0, 8, 11, 12] {
        assert_eq!(left["flags"][kept], document["flags"][kept]);
    }
    assert_eq!(left["overrides"], json!([document["overrides"][1], document["overrides"][2]]));
    for name in ["schema", "tenant", "version", "segments", "kill_switches"] {
        assert_eq!(left[name], document[name]);
    }
}

/// Signatures over what leaves are kept with the number of its form: whoever has to change this text raises the number.
#[test]
fn the_form_has_a_number() {
    let whole = r#"{"version": 3, "tenant": "t", "flags": [ {"key": "open"},
        {"key": "s", "type": "string", "version": 4, "sensitive": {"sensitive_flag": true, "requires_approval": false, "approval_matrix_row": "r"},
         "variants": [{"key": "a", "value": "A"}, {"key": "b", "value": "B"}], "off_variant": "a", "default_variant": "b"},
        {"key": "i", "type": "integer", "variants": [{"key": "a", "value": 7}], "sensitive": {"sensitive_flag": true, "requires_approval": true}},
        {"key": "j", "type": "json", "variants": [{"key": "a", "value": 7}], "sensitive": {"sensitive_flag": true, "requires_approval": true}},
        {"key": "b", "sensitive": {"sensitive_flag": true, "requires_approval": true}}, {"key": "x", "sensitive": 1}],
        "overrides": [{"scope": "user", "id": "u", "flag": "s", "variant": "b"}, {"scope": "user", "id": "u", "flag": "open", "variant": "on"}]}"#;
    let left = concat!(
        r#"{"tenant":"t","version":3,"flags":[{"key": "open"},"#,
        r#"{"key":"s","type":"string","version":4,"state":"off","variants":[{"key":"a","value":"A"}],"off_variant":"a","#,
        r#""sensitive":{"sensitive_flag":true,"requires_approval":false,"approval_matrix_row":"r"}},"#,
        r#"{"key":"i","type":"integer","version":0,"state":"off","variants":[{"key":"redacted","value":0}],"off_variant":null,"#,
        r#""sensitive":{"sensitive_flag":true,"requires_approval":true}},"#,
        r#"{"key":"j","type":"json","version":0,"state":"off","variants":[{"key":"redacted","value":null}],"off_variant":null,"#,
        r#""sensitive":{"sensitive_flag":true,"requires_approval":true}},"#,
        r#"{"key":"b","type":"boolean","version":0,"state":"off","variants":[{"key":"off","value":false}],"off_variant":"off","#,
        r#""sensitive":{"sensitive_flag":true,"requires_approval":true}},"#,
        r#"{"key":"x","type":"redacted"}],"overrides":[{"scope": "user", "id": "u", "flag": "open", "variant": "on"}]}"#,
    );
    assert_eq!(String::from_utf8(redact(whole.as_bytes()).unwrap().unwrap()).unwrap(), left);
    assert_eq!(REDACTION, 1);
}

#[test]
fn who_reads_what_is_left_decides_like_the_service() {
    let document = document();
    assert_alike(&document.to_string(), &redacted(&document).unwrap().to_string());
    let left = Snapshot::parse(redacted(&document).unwrap().to_string().as_bytes()).unwrap();
    let codes: Vec<_> = left.warnings().iter().map(|warning| (warning.code.as_str(), &*warning.pointer)).collect();
    assert_eq!(codes, [("invalid_flag", "/flags/9/type")], "what was valid is valid");
    let context = NamedContext::new().with("user_id", "u");
    let decision = left.evaluate(left.find("boolean"), &context, &Request::at(0), &mut ());
    assert_eq!((decision.source, decision.reason), (Source::Sensitive, Reason::AuthNotVerified));
}

#[test]
fn a_document_without_anything_sensitive_leaves_as_it_is() {
    for document in [
        json!({"flags": [{"key": "a"}, {"key": "b", "type": "string"}, {"key": "c", "sensitive": null}, "SECRET"]}),
        json!({"flags": [{"key": "not", "sensitive": {"sensitive_flag": false, "requires_approval": false}}]}),
    ] {
        assert_eq!(redacted(&document), None);
    }
    assert!(redact(b"{").is_err());
}

#[test]
fn no_way_of_writing_it_hides_that_it_is_sensitive() {
    let lone = r#"{"flags": [{"key": "k", "\u0073ensitive": {"sensitive_flag": true, "requires_approval": false}, "x": "\ud800SECRET"}]}"#;
    let repeated = r#"{"flags": ["SECRET"], "flags": [{"key": "k", "sensitive": {"sensitive_flag": true, "requires_approval": true}}]}"#;
    let shadowed = r#"{"flags": [{"key": "k", "x": "SECRET", "type": 7, "sensitive": {"sensitive_flag": true}, "sensitive": null}]}"#;
    let large = format!(
        r#"{{"flags": [{{"key": "k", "description": "SECRET{}", "sensitive": {{"sensitive_flag": true, "requires_approval": true}}}}]}}"#,
        "x".repeat(burgee_core::limits::FLAG_BYTES)
    );
    for text in [lone, repeated, shadowed, &large] {
        let left = redact(text.as_bytes()).unwrap().unwrap();
        let left = String::from_utf8(left).unwrap();
        assert!(!left.contains("SECRET"), "{left}");
        assert!(left.contains(r#""key":"k""#), "{left}");
        let snapshot = Snapshot::parse(left.as_bytes()).unwrap();
        assert!(!snapshot.evaluate(snapshot.find("k"), &NamedContext::new(), &Request::at(0), &mut ()).enabled);
    }
}

proptest! {
    /// Flags at random, some sensitive, some at fault, some needing each other: what left decides as the service does for nobody in particular.
    #[test]
    fn decisions_are_alike(
        flags in prop::collection::vec((0..6_u8, any::<bool>(), 0..4_u8, prop::option::of((0..6_u8, any::<bool>())), any::<bool>()), 1..8),
        rows in prop::collection::vec((0..6_u8, any::<bool>()), 0..4),
    ) {
        let flags: Vec<_> = flags.into_iter().map(|(key, sensitive, kind, needs, has_off)| {
            let mut flag = json!({"key": format!("f{key}"), "version": kind});
            match kind {
                0 => flag["rollout_stage"] = json!("staged_50"),
                1 => {
                    flag["type"] = json!("integer");
                    flag["variants"] = json!([{"key": "a", "value": 1}, {"key": "b", "value": 2}]);
                    flag["default_variant"] = json!("b");
                }
                2 => flag["state"] = json!("archived"),
                _ => flag["salt"] = json!(7),
            }
            if has_off && kind == 1 {
                flag["off_variant"] = json!("a");
            }
            if let Some((needed, on)) = needs {
                flag["prerequisites"] = json!([{"flag": format!("f{needed}"), "variants": [if on { "on" } else { "off" }, "a"]}]);
            }
            if sensitive {
                flag["sensitive"] = json!({"sensitive_flag": true, "requires_approval": false});
            }
            flag
        }).collect();
        let rows: Vec<_> = rows.into_iter().map(|(flag, on)| {
            json!({"scope": "user", "id": "u", "flag": format!("f{flag}"), "variant": on})
        }).collect();
        let document = json!({"tenant": "t", "flags": flags, "overrides": rows});
        if let Some(left) = redacted(&document) {
            assert_alike(&document.to_string(), &left.to_string());
        }
    }
}
