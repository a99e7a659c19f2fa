//! Evaluation, the preview and the snapshot: section 7.

use super::*;

fn evaluate(world: &mut World, key: &str, user: Value) -> Value {
    world.ok("POST", "/v1/evaluate", json!({"flag_key": key, "user": user}))
}

/// Flags of every kind that decides, and the reason of `/v1` for each (the design's table, section 5).
#[test]
fn reasons_are_those_of_the_table() {
    let mut world = World::new("acme");
    let on = |id: &str| json!({"id": id, "serve": {"variant": "on"}});
    for body in [
        json!({"key": "default"}),
        json!({"key": "off", "state": "off"}),
        json!({"key": "killed", "kill_switch": "pay"}),
        json!({"key": "overridden"}),
        json!({"key": "tenant"}),
        json!({"key": "needs", "prerequisites": [{"flag": "off", "variants": ["on"]}]}),
        json!({"key": "allowed", "targets": {"allow": [{"variant": "on", "ids": ["U-1"]}]}}),
        json!({"key": "denied", "targets": {"deny": ["U-1"]}}),
        json!({"key": "ruled", "rules": [on("everybody")]}),
        json!({"key": "staged", "stage": {"rollout_stage": "staged_50"}}),
        json!({"key": "full", "stage": {"rollout_stage": "full"}}),
        json!({"key": "split", "fallthrough": {"distribution": [{"variant": "on", "weight": 1}, {"variant": "off", "weight": 1}]}}),
    ] {
        world.ok("POST", "/v1/flags", body);
    }
    world.ok("POST", "/v1/killswitches/pay/engage", Value::Null);
    world.ok("PUT", "/v1/flags/override/user/U-1/overridden", json!({"variant": "on"}));
    world.ok("PUT", "/v1/flags/override/tenant/T/tenant", json!({"variant": "on"}));
    let user = json!({"id": "U-1", "attributes": {"tenant_id": "T"}});
    for (key, reason, source) in [
        ("default", "default", "default"),
        ("off", "flag_off", "off"),
        ("killed", "flag_off", "kill_switch"),
        ("overridden", "override", "store_user_override"),
        ("tenant", "override", "store_tenant_override"),
        ("needs", "prerequisite_failed", "prerequisite"),
        ("allowed", "rule_match", "target"),
        ("denied", "flag_off", "target"),
        ("ruled", "rule_match", "rule"),
        ("staged", "percentage", "staged_bucket"),
        ("full", "default", "rollout_stage_map"),
        ("split", "default_distribution", "default_distribution"),
    ] {
        let got = evaluate(&mut world, key, user.clone());
        assert_eq!((&got["reason"], &got["details"]["source"]), (&json!(reason), &json!(source)), "{key}: {got:#}");
        // The preview decides alike.
        let preview = world.ok("POST", "/v1/evaluate/preview", json!({"flag_key": key, "user": user}));
        for name in ["value", "variant", "enabled", "reason", "rule_id", "details", "flag_version", "snapshot_version"]
        {
            assert_eq!(preview[name], got[name], "{key} {name}");
        }
        assert_eq!(preview["reason_chain"].as_array().unwrap().last().unwrap()["step"], source);
        assert!(preview["explanation"].as_str().unwrap().starts_with(key), "{preview:#}");
    }
    let got = evaluate(&mut world, "ruled", user.clone());
    assert_eq!((&got["rule_id"], &got["value"], &got["variant"]), (&json!("everybody"), &json!(true), &json!("on")));
    assert_eq!(evaluate(&mut world, "needs", user.clone())["details"]["prerequisite"], "off");
    let split = evaluate(&mut world, "split", user);
    let bucket = split["details"]["bucket"].as_f64().unwrap();
    assert!((0.0..1.0).contains(&bucket));
}

#[test]
fn unknown_flags_and_wrong_bodies() {
    let mut world = World::new("acme");
    let ask = |key: &str| json!({"flag_key": key, "user": {"id": "U"}});
    let got = world.call("POST", "/v1/evaluate", ask("a"));
    assert_eq!((got.status, got.code()), (404, "not_found"), "a tenant that nothing was ever written to");
    assert_eq!(world.get("/v1/snapshot").status, 404);
    let batch = json!({"flag_keys": ["a"], "user": {"id": "U"}});
    assert_eq!(world.ok("POST", "/v1/evaluate/batch", batch)["results"][0]["error"]["code"], "not_found");
    world.ok("POST", "/v1/flags", flag("a"));
    world.ok("POST", "/v1/flags", flag("gone"));
    world.ok("POST", "/v1/flags/gone/archive", Value::Null);
    for key in ["none", "gone", "a b", ""] {
        let got = world.call("POST", "/v1/evaluate", ask(key));
        assert_eq!((got.status, got.code()), (404, "not_found"), "{key}");
    }
    let batch = json!({"flag_keys": ["a", "none", "a"], "user": {"id": 7, "attributes": null}});
    let got = world.ok("POST", "/v1/evaluate/batch", batch);
    let keys: Vec<&Value> = got["results"].as_array().unwrap().iter().map(|result| &result["flag_key"]).collect();
    assert_eq!(keys, ["a", "none", "a"]);
    for (path, body, pointer) in [
        ("", json!({"user": {"id": "U"}}), "/flag_key"),
        ("", json!({"flag_key": 1, "user": {"id": "U"}}), "/flag_key"),
        ("", json!({"flag_key": "a"}), "/user"),
        ("", json!({"flag_key": "a", "user": "U"}), "/user"),
        ("", json!({"flag_key": "a", "user": {}}), "/user/id"),
        ("", json!({"flag_key": "a", "user": {"id": ""}}), "/user/id"),
        ("", json!({"flag_key": "a", "user": {"id": 1.5}}), "/user/id"),
        ("", json!({"flag_key": "a", "user": {"id": "U", "attributes": []}}), "/user/attributes"),
        ("", json!({"flag_key": "a", "user": {"id": "U", "country": "CA"}}), "/user/country"),
        ("", json!({"flag_key": "a", "user": {"id": "U", "attributes": {"x": "y".repeat(65_536)}}}), "/user"),
        ("/batch", json!({"flag_keys": [], "user": {"id": "U"}}), "/flag_keys"),
        ("/batch", json!({"flag_keys": vec!["a"; 101], "user": {"id": "U"}}), "/flag_keys"),
        ("/batch", json!({"flag_keys": ["a", 1], "user": {"id": "U"}}), "/flag_keys/1"),
        ("/preview", json!({"user": {"id": "U"}}), "/flag_key"),
        ("/preview", json!({"flag_key": "a", "flag": {"key": "b"}, "user": {"id": "U"}}), "/flag"),
        ("/preview", json!({"flag_key": "a", "user": {"id": "U"}, "at": "noon"}), "/at"),
        ("/preview", json!({"flag": {"key": "b", "type": "x"}, "user": {"id": "U"}}), "/flag/type"),
    ] {
        let got = world.call("POST", &format!("/v1/evaluate{path}"), body);
        assert_eq!((got.status, got.pointers()), (422, vec![pointer]), "{:#}", got.json);
    }
}

#[test]
fn a_preview_needs_nothing_to_be_saved() {
    let mut world = World::new("acme");
    world.ok("POST", "/v1/segments", json!({"key": "beta", "conditions": {"attr": {"plan": "pro"}}}));
    world.ok("POST", "/v1/flags", json!({"key": "base", "rules": [{"id": "b", "when": {"segment": "beta"}, "serve": {"variant": "on"}}], "default_variant": "off"}));
    let draft = json!({"key": "next", "default_variant": "off", "prerequisites": [{"flag": "base", "variants": ["on"]}],
        "rules": [{"id": "ca", "when": {"attr": "country", "op": "in", "values": ["CA", "US"]}, "serve": {"variant": "on"}}]});
    let ask = |attributes: Value| json!({"flag": draft, "user": {"id": "U", "attributes": attributes}, "at": "2026-01-15T09:00:00Z"});
    let got = world.ok("POST", "/v1/evaluate/preview", ask(json!({"plan": "pro", "country": "CA"})));
    assert_eq!((&got["variant"], &got["rule_id"]), (&json!("on"), &json!("ca")), "{got:#}");
    let text = got["explanation"].as_str().unwrap();
    for line in [
        "next serves on.",
        "- prerequisite base: is met, it serves on",
        "- rule ca: it decides",
        "    country in a list of 2: yes",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    assert!(!text.contains("CA"), "the user's values are not told");
    let got = world.ok("POST", "/v1/evaluate/preview", ask(json!({"country": "CA"})));
    assert_eq!(got["reason"], "prerequisite_failed");
    assert_eq!(world.get("/v1/flags/next").status, 404, "nothing was saved");
    assert_eq!(world.store.all_audit().len(), 2);
    let unknown =
        json!({"flag": {"key": "x", "prerequisites": [{"flag": "none", "variants": ["on"]}]}, "user": {"id": "U"}});
    let got = world.call("POST", "/v1/evaluate/preview", unknown);
    assert_eq!((got.status, got.pointers()), (422, vec!["/flag/prerequisites/0/flag"]));
    // One that would wait for a second person is previewed all the same.
    let high = json!({"flag": {"key": "pay", "high_impact": true, "rules": [{"id": "r", "when": {"segment": "beta"}, "serve": {"variant": "on"}}]},
        "user": {"id": "U", "attributes": {"plan": "pro"}}});
    assert_eq!(world.ok("POST", "/v1/evaluate/preview", high)["rule_id"], "r");
    world.ok("POST", "/v1/flags/base/archive", Value::Null);
    for key in ["base", "none"] {
        assert_eq!(
            world.call("POST", "/v1/evaluate/preview", json!({"flag_key": key, "user": {"id": "U"}})).status,
            404
        );
    }
}

#[test]
fn a_preview_of_a_deleted_key_has_nothing_of_the_old_flag() {
    let mut world = World::new("acme");
    world.ok("POST", "/v1/flags", flag("a"));
    world.ok("PUT", "/v1/flags/override/user/U/a", json!({"variant": "on"}));
    world.ok("DELETE", "/v1/flags/a", Value::Null);
    let user = json!({"id": "U"});
    let preview = world.ok("POST", "/v1/evaluate/preview", json!({"flag": flag("a"), "user": user}));
    world.ok("POST", "/v1/flags", flag("a"));
    let saved = world.ok("POST", "/v1/evaluate", json!({"flag_key": "a", "user": user}));
    assert_eq!((&preview["variant"], &preview["reason"]), (&saved["variant"], &saved["reason"]), "{preview:#}");
    assert_eq!(preview["reason"], "default");
}

#[test]
fn the_time_of_a_preview_is_a_parameter() {
    let mut world = World::new("acme");
    world.ok("POST", "/v1/flags", flag("a"));
    world.ok("PUT", "/v1/flags/override/user/U/a", json!({"variant": "on", "expires_at": "2027-06-01T00:00:00Z"}));
    for (at, reason) in [("2027-05-31T23:59:59Z", "override"), ("2027-06-01T00:00:00Z", "default")] {
        let got = world.ok("POST", "/v1/evaluate/preview", json!({"flag_key": "a", "user": {"id": "U"}, "at": at}));
        assert_eq!(got["reason"], reason, "{at}: {got:#}");
    }
}

#[test]
fn the_snapshot_is_given_as_it_is_stored() {
    let mut world = World::new("acme");
    world.ok("POST", "/v1/flags", flag("a"));
    let got = world.get("/v1/snapshot");
    assert_eq!(got.response.body, world.store.snapshot().into_bytes());
    let etag = got.header("ETag").to_owned();
    assert!(etag.starts_with("\"1-"), "{etag}");
    let held = world.with("GET", "/v1/snapshot", Value::Null, &[(Header::IfNoneMatch, &etag)]);
    assert_eq!((held.status, held.header("ETag")), (304, etag.as_str()));
    world.by("app", &["evaluate"]);
    assert_eq!(world.get("/v1/snapshot").status, 200);
    let mut other = World::new("beta");
    other.ok("POST", "/v1/flags", flag("a"));
    assert_eq!(
        other.with("GET", "/v1/snapshot", Value::Null, &[(Header::IfNoneMatch, &etag)]).status,
        200,
        "another tenant's"
    );
    let mut anybody = World::new("acme");
    anybody.token.clear();
    assert_eq!(anybody.get("/v1/keys").status, 200);
}
