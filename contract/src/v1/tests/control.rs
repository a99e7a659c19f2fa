//! Overrides, kill switches, proposals, rollouts, the audit, webhooks, exposures: sections 4, 5, 6, 8 and 9.

use super::*;

#[test]
fn overrides_come_and_go() {
    let mut world = World::new("acme");
    world.ok("POST", "/v1/flags", flag("a"));
    let path = "/v1/flags/override/user/U%2F1%40x/a";
    let body = json!({"variant": "on", "expires_at": "2027-01-15T09:00:00Z", "reason": "demo"});
    let got = world.call("PUT", path, body.clone());
    assert_eq!((got.status, &got.json["id"], &got.json["created_by"]), (201, &json!("U/1@x"), &json!("ana")));
    assert_eq!(world.call("PUT", path, body).status, 200);
    assert_eq!(world.call("PUT", "/v1/flags/override/tenant/beta/a", json!({"variant": false})).status, 201);
    let list = world.ok("GET", "/v1/flags/a/overrides", Value::Null);
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
    assert!(!list.to_string().contains("expired"), "{list}");
    for (path, body, status) in [
        ("/v1/flags/override/user/U/none", json!({"variant": "on"}), 404),
        ("/v1/flags/override/group/U/a", json!({"variant": "on"}), 404),
        ("/v1/flags/override/user/U/a%20b", json!({"variant": "on"}), 404),
        ("/v1/flags/override/user/U/a", json!({"variant": "maybe"}), 422),
        ("/v1/flags/override/user/U/a", json!({}), 422),
        ("/v1/flags/override/user/U/a", json!({"variant": "on", "expires_at": "soon"}), 422),
    ] {
        assert_eq!(world.call("PUT", path, body.clone()).status, status, "{path} {body}");
    }
    let expired = json!({"variant": "on", "expires_at": "2026-01-15T09:00:00Z"});
    let got = world.call("PUT", "/v1/flags/override/user/old/a", expired);
    if got.status < 300 {
        assert_eq!(got.json["expired"], true);
    } else {
        assert_eq!((got.status, got.pointers()), (422, vec!["/expires_at"]));
    }
    assert_eq!(world.call("DELETE", path, Value::Null).status, 204);
    assert_eq!(world.call("DELETE", path, Value::Null).status, 404);
    let long = format!("/v1/flags/override/user/{}/a", "x".repeat(257));
    assert_eq!(world.call("PUT", &long, json!({"variant": "on"})).status, 400);
}

#[test]
fn kill_switches_are_pulled_and_released() {
    let mut world = World::new("acme");
    let got = world.by("oncall", &["killswitch:rw"]).call(
        "POST",
        "/v1/killswitches/payments/engage",
        json!({"reason": "fire"}),
    );
    assert_eq!(
        (got.status, &got.json["engaged"], &got.json["reason"], &got.json["actor"]),
        (200, &json!(true), &json!("fire"), &json!("oncall"))
    );
    assert_eq!(world.call("POST", "/v1/killswitches/payments/engage", Value::Null).json["reason"], "fire");
    assert_eq!(world.ok("POST", "/v1/killswitches/engage", json!({}))["category"], "*");
    let list = world.ok("GET", "/v1/killswitches", Value::Null);
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
    assert_eq!(world.ok("POST", "/v1/killswitches/release", Value::Null)["engaged"], false);
    assert_eq!(world.ok("POST", "/v1/killswitches/payments/release", Value::Null)["engaged"], false);
    assert_eq!(world.ok("POST", "/v1/killswitches/never/release", Value::Null)["engaged"], false);
    let long = format!("/v1/killswitches/{}/engage", "x".repeat(129));
    assert_eq!(world.call("POST", &long, Value::Null).status, 400);
    assert_eq!(world.call("POST", "/v1/killswitches/%ff/engage", Value::Null).status, 404);
    assert_eq!(world.call("POST", "/v1/killswitches/a/engage", json!({"reason": 1})).status, 422);
    assert_eq!(world.call("POST", "/v1/killswitches/a/engage", json!({"other": 1})).status, 422);
}

#[test]
fn whatever_category_a_flag_may_have_can_be_killed() {
    let mut world = World::new("acme");
    let user = json!({"id": "U"});
    for (number, category) in ["checkout", "EU payments", "a/b", "é \"x\" \\", "50%"].into_iter().enumerate() {
        let key = format!("f{number}");
        world.ok("POST", "/v1/flags", json!({"key": key, "kill_switch": category, "default_variant": "on"}));
        let path: String = category.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let engaged = world.ok("POST", &format!("/v1/killswitches/{path}/engage"), Value::Null);
        assert_eq!((&engaged["category"], &engaged["engaged"]), (&json!(category), &json!(true)));
        for path in ["/v1/evaluate", "/v1/evaluate/preview"] {
            let got = world.ok("POST", path, json!({"flag_key": key, "user": user}));
            assert_eq!((&got["value"], &got["reason"]), (&json!(false), &json!("flag_off")), "{path} {category}");
        }
        let released = world.ok("POST", &format!("/v1/killswitches/{path}/release"), Value::Null);
        assert_eq!(released["engaged"], false, "{category}");
        assert_eq!(world.ok("POST", "/v1/evaluate", json!({"flag_key": key, "user": user}))["value"], true);
    }
}

#[test]
fn high_impact_takes_two_people() {
    let mut world = World::new("acme");
    let body = json!({"key": "pay", "high_impact": true, "default_variant": "off"});
    let got = world.call("POST", "/v1/flags", body.clone());
    assert_eq!(
        (got.status, &got.json["status"], &got.json["flag_key"], &got.json["actor"]),
        (202, &json!("waiting"), &json!("pay"), &json!("ana"))
    );
    let id = got.json["id"].as_str().unwrap().to_owned();
    assert_eq!(world.get("/v1/flags/pay").status, 404, "nothing was changed");
    assert!(world.ok("GET", &format!("/v1/proposals/{id}"), Value::Null)["change"].is_object());
    let got = world.call("POST", &format!("/v1/proposals/{id}/approve"), Value::Null);
    assert_eq!((got.status, got.code()), (403, "permission_denied"), "one's own");
    world.by("bob", &["flags:rw"]);
    assert_eq!(world.call("POST", &format!("/v1/proposals/{id}/approve"), Value::Null).status, 403);
    assert_eq!(world.call("POST", &format!("/v1/proposals/{id}/reject"), Value::Null).status, 403, "it is another's");
    world.by("bob", &["approve"]);
    let got = world.call("POST", &format!("/v1/proposals/{id}/approve"), Value::Null);
    assert_eq!((got.status, &got.json["status"], &got.json["decided_by"]), (200, &json!("approved"), &json!("bob")));
    assert_eq!(got.header("X-Burgee-Version"), "1");
    assert_eq!(world.call("POST", &format!("/v1/proposals/{id}/approve"), Value::Null).status, 409);
    world.by("ana", &["admin"]);
    assert_eq!(world.get("/v1/flags/pay").status, 200);

    for (method, path, body) in [
        ("PATCH", "/v1/flags/pay", json!({"owner": "o"})),
        ("PUT", "/v1/flags/pay", body.clone()),
        ("PUT", "/v1/flags/override/user/U/pay", json!({"variant": "on"})),
        ("POST", "/v1/flags/pay/rollout", json!({"steps": [{"percentage": 10}]})),
        ("POST", "/v1/flags/pay/archive", Value::Null),
        ("DELETE", "/v1/flags/pay", Value::Null),
    ] {
        let got = world.call(method, path, body.clone());
        let expected = if method == "PUT" && path == "/v1/flags/pay" { 200 } else { 202 };
        assert_eq!(got.status, expected, "{method} {path}: {:#}", got.json);
    }
    let waiting = world.ok("GET", "/v1/proposals?status=waiting&limit=2", Value::Null);
    assert_eq!(waiting["items"].as_array().unwrap().len(), 2);
    let next = waiting["next_page_token"].as_str().unwrap();
    let rest = world.ok("GET", &format!("/v1/proposals?status=waiting&page_token={next}"), Value::Null);
    assert_eq!(rest["items"].as_array().unwrap().len(), 3);
    let mine = waiting["items"][0]["id"].as_str().unwrap().to_owned();
    let got =
        world.by("ana", &["flags:rw"]).call("POST", &format!("/v1/proposals/{mine}/reject"), json!({"reason": "no"}));
    assert_eq!((got.status, &got.json["status"], &got.json["reason"]), (200, &json!("rejected"), &json!("no")));
    assert_eq!(world.get("/v1/proposals/p-99").status, 404);
}

#[test]
fn a_rollout_is_started_steered_and_seen() {
    let mut world = World::new("acme");
    world.ok("POST", "/v1/flags", flag("a"));
    assert_eq!(world.get("/v1/flags/a/rollout").status, 404);
    for steps in [
        json!([]),
        json!([{"percentage": 101}]),
        json!([{"percentage": 50}, {"percentage": 20}]),
        json!([{"percentage": 5, "after": "soon"}]),
        json!(1),
    ] {
        let got = world.call("POST", "/v1/flags/a/rollout", json!({"steps": steps}));
        assert_eq!((got.status, got.code()), (422, "validation_error"), "{steps}");
    }
    let plan = json!({"steps": [{"percentage": 5}, {"percentage": 50, "after": "24h"}, {"percentage": 100, "after": "90s", "gate": "errors"}]});
    let got = world.call("POST", "/v1/flags/a/rollout", plan.clone());
    assert_eq!((got.status, &got.json["status"]), (201, &json!("running")), "{:#}", got.json);
    // What is due at once is taken with the request, and the answer shows it.
    assert_eq!(
        (&got.json["percentage"], &got.json["waits_for"], &got.json["steps"][0]["status"]),
        (&json!(5.0), &json!("time"), &json!("taken")),
        "{:#}",
        got.json
    );
    assert!(got.json["next_at"].is_string());
    let again = world.call("POST", "/v1/flags/a/rollout", plan);
    assert_eq!((again.status, again.code()), (409, "rollout_conflict"));
    world.tick();
    let rollout = world.ok("GET", "/v1/flags/a/rollout", Value::Null);
    assert_eq!((&rollout["percentage"], &rollout["waits_for"]), (&json!(5.0), &json!("time")), "{rollout:#}");
    assert!(rollout["next_at"].is_string());
    assert_eq!(
        (&rollout["steps"][1]["after"], &rollout["steps"][2]["after"], &rollout["steps"][2]["gate_open"]),
        (&json!("1d"), &json!("90s"), &json!(false))
    );
    world.settings.rollouts = false;
    assert_eq!(world.ok("GET", "/v1/flags/a/rollout", Value::Null)["waits_for"], "switch");
    world.settings.rollouts = true;
    assert_eq!(world.ok("POST", "/v1/rollouts/stop", json!({"reason": "storm"})), json!({"stopped": true}));
    assert_eq!(world.ok("GET", "/v1/flags/a/rollout", Value::Null)["waits_for"], "switch");
    assert_eq!(world.ok("POST", "/v1/rollouts/start", Value::Null), json!({"stopped": false}));
    assert_eq!(world.ok("POST", "/v1/flags/a/rollout/pause", Value::Null)["status"], "paused");
    assert_eq!(world.ok("GET", "/v1/flags/a/rollout", Value::Null)["waits_for"], Value::Null);
    assert_eq!(world.ok("POST", "/v1/flags/a/rollout/resume", Value::Null)["status"], "running");
    let opened = world.ok("POST", "/v1/flags/a/rollout/gates/errors/open", Value::Null);
    assert_eq!(opened["steps"][2]["gate_open"], true);
    assert_eq!(world.call("POST", "/v1/flags/a/rollout/gates/other/open", Value::Null).status, 404);
    assert_eq!(world.ok("POST", "/v1/flags/a/rollout/rollback", Value::Null)["status"], "rolled_back");
    let got = world.call("POST", "/v1/flags/a/rollout/cancel", Value::Null);
    assert_eq!((got.status, got.code()), (409, "rollout_conflict"));
    for path in ["", "/pause", "/gates/x/open"] {
        let body = if path.is_empty() { json!({"steps": [{"percentage": 1}]}) } else { Value::Null };
        assert_eq!(world.call("POST", &format!("/v1/flags/none/rollout{path}"), body).status, 404, "{path}");
    }
}

#[test]
fn a_rollout_waits_for_its_gate() {
    let mut world = World::new("acme");
    world.ok("POST", "/v1/flags", flag("a"));
    world.ok("POST", "/v1/flags/a/rollout", json!({"steps": [{"percentage": 5, "gate": "errors"}]}));
    world.tick();
    let rollout = world.ok("GET", "/v1/flags/a/rollout", Value::Null);
    assert_eq!((&rollout["waits_for"], &rollout["next_at"]), (&json!("gate"), &Value::Null), "{rollout:#}");
    // Before its time has come, a step waits for that first.
    world.ok("POST", "/v1/flags/a/rollout/cancel", Value::Null);
    let later = json!({"steps": [{"percentage": 5, "gate": "errors", "after": "1h"}]});
    let rollout = world.call("POST", "/v1/flags/a/rollout", later).json;
    assert_eq!(rollout["waits_for"], "time", "{rollout:#}");
    assert!(rollout["next_at"].is_string());
}

#[test]
fn the_audit_is_read_and_verified() {
    let mut world = World::new("acme");
    assert_eq!(world.ok("GET", "/v1/audit/verify", Value::Null)["entries"], 0);
    for key in ["a", "b", "c"] {
        world.ok("POST", "/v1/flags", flag(key));
        world.now += 1000;
    }
    world.by("bob", &["admin"]).ok("PATCH", "/v1/flags/a", json!({"owner": "o"}));
    let seqs = |list: &Value| {
        list["items"].as_array().unwrap().iter().map(|entry| entry["seq"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    let since = burgee_core::time::format_rfc3339(NOW + 1000);
    let until = burgee_core::time::format_rfc3339(NOW + 3000);
    for (query, expected) in [
        (String::new(), vec![4, 3, 2, 1]),
        ("entity=flag&entity_key=a".into(), vec![4, 1]),
        ("entity=segment".into(), vec![]),
        ("actor=bob".into(), vec![4]),
        (format!("since={since}&until={until}"), vec![3, 2]),
        ("limit=1".into(), vec![4]),
    ] {
        assert_eq!(seqs(&world.ok("GET", &format!("/v1/audit?{query}"), Value::Null)), expected, "{query}");
    }
    let first = world.ok("GET", "/v1/audit?limit=2", Value::Null);
    let next = first["next_page_token"].as_str().unwrap();
    assert_eq!(seqs(&world.ok("GET", &format!("/v1/audit?limit=2&page_token={next}"), Value::Null)), [2, 1]);
    let entry = &first["items"][0];
    assert_eq!(
        (&entry["actor"], &entry["request_id"], &entry["before"]["owner"], &entry["after"]["owner"]),
        (&json!("bob"), &json!("r-1"), &Value::Null, &json!("o"))
    );
    assert_eq!(entry["prev_hash"], first["items"][1]["hash"]);
    let check = world.ok("GET", "/v1/audit/verify", Value::Null);
    assert_eq!(
        check,
        json!({"ok": true, "entries": 4, "first_seq": 1, "last_seq": 4, "head": entry["hash"], "broken_at": null})
    );
}

#[test]
fn webhooks_show_their_secret_once() {
    let mut world = World::new("acme");
    let body = json!({"url": "https://hooks.example.com/x", "types": ["flag.*"], "description": "d"});
    let got = world.call("POST", "/v1/webhooks", body.clone());
    assert_eq!((got.status, &got.json["enabled"]), (201, &json!(true)));
    let secret = got.json["secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("whsec_"));
    let id = got.json["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/webhooks/{id}");
    for target in ["/v1/webhooks".to_owned(), path.clone(), "/v1/audit".to_owned()] {
        assert!(!world.ok("GET", &target, Value::Null).to_string().contains(&secret), "{target}");
    }
    let replaced = world.ok("PUT", &path, json!({"url": "https://hooks.example.com/y"}));
    assert_eq!((&replaced["url"], &replaced["secret"]), (&json!("https://hooks.example.com/y"), &Value::Null));
    let rotated = world.ok("POST", &format!("{path}/rotate"), Value::Null);
    assert_ne!(rotated["secret"], secret.as_str());
    for url in [
        "http://hooks.example.com",
        "https://127.0.0.1/x",
        "https://localhost",
        "https://a.internal",
        "ftp://x.example",
        "nonsense",
    ] {
        let got = world.call("POST", "/v1/webhooks", json!({"url": url}));
        assert_eq!((got.status, got.pointers()), (422, vec!["/url"]), "{url}");
    }
    assert_eq!(
        world.call("POST", "/v1/webhooks", json!({"url": "http://127.0.0.1:9/x"})).status,
        201,
        "it is excepted"
    );

    for key in ["a", "b"] {
        world.ok("POST", "/v1/flags", flag(key));
    }
    let list = world.ok("GET", &format!("{path}/deliveries?status=pending&limit=1"), Value::Null);
    assert_eq!(list["items"][0]["event_type"], "flag.created");
    let next = list["next_page_token"].as_str().unwrap().to_owned();
    let second = world.ok("GET", &format!("{path}/deliveries?status=pending&page_token={next}"), Value::Null);
    assert_eq!(second["items"].as_array().unwrap().len(), 1);
    let others = world.ok("GET", "/v1/webhooks", Value::Null);
    let other = others["items"].as_array().unwrap().iter().find(|hook| hook["id"] != id.as_str()).unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(world.get(&format!("/v1/webhooks/{other}/deliveries?status=pending&page_token={next}")).status, 400);
    let delivery = list["items"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(world.call("POST", &format!("{path}/deliveries/{delivery}/redeliver"), Value::Null).status, 202);
    assert_eq!(
        world.call("POST", &format!("/v1/webhooks/{other}/deliveries/{delivery}/redeliver"), Value::Null).status,
        404
    );
    assert_eq!(world.call("POST", &format!("{path}/deliveries/none/redeliver"), Value::Null).status, 404);
    assert_eq!(world.call("DELETE", &path, Value::Null).status, 204);
    for (method, suffix) in [("GET", ""), ("DELETE", ""), ("GET", "/deliveries"), ("POST", "/rotate")] {
        assert_eq!(world.call(method, &format!("{path}{suffix}"), Value::Null).status, 404, "{suffix}");
    }
}

#[test]
fn exposures_are_read_summed_and_counted_once() {
    let mut world = World::new("acme");
    world.ok("POST", "/v1/flags", flag("a"));
    let seen = |variant: &str, at: i64| json!({"environment": "prod", "flag": "a", "variant": variant, "flag_version": 1, "unit": "U-1", "reason": "default", "at": at});
    let body = json!({"id": "b-1", "exposures": [seen("on", NOW - 5), seen("on", NOW - 9), seen("off", NOW + 99), {"flag": "a", "variant": "on", "flag_version": null}]});
    assert_eq!(world.call("POST", "/v1/exposures", body.clone()).status, 202);

    let text = body.to_string();
    let settings = world.settings.clone();
    let bearer = format!("Bearer {}", world.token);
    let headers = Headers::default().with(Header::Tenant, "acme").with(Header::Authorization, &bearer);
    let request =
        Request { method: "POST", path: "/v1/exposures", query: "", headers, body: Body::Bytes(text.as_bytes()) };
    let plan = Plan::of(&request, &settings, NOW);
    let batch = super::super::exposure_batch(&plan, &request, NOW).unwrap();
    assert_eq!((batch.tenant.as_str(), batch.id.as_str(), batch.counts.len()), ("acme", "b-1", 3));
    assert!(!serde_json::to_string(&batch).unwrap().contains("U-1"), "of units nothing is kept");
    let counts = |world: &mut World, batch: super::super::ExposureBatch| {
        let policy = world.settings.policy();
        let occasion =
            Occasion { actor: "burgee:exposures", request_id: "", now: NOW, random: [0; 32], policy: &policy };
        world.store.run(&Command::CountExposures { id: batch.id, counts: batch.counts }, &occasion).unwrap();
        world.ok("GET", "/v1/flags/a/exposures", Value::Null)["items"].clone()
    };
    let once = counts(&mut world, batch.clone());
    assert_eq!(counts(&mut world, batch), once, "the same batch again");
    let on = once.as_array().unwrap().iter().find(|row| row["variant"] == "on" && row["flag_version"] == 1).unwrap();
    assert_eq!((&on["count"], &on["last_at"]), (&json!(2), &json!(burgee_core::time::format_rfc3339(NOW - 5))));
    let off = once.as_array().unwrap().iter().find(|row| row["variant"] == "off").unwrap();
    assert_eq!(off["last_at"], burgee_core::time::format_rfc3339(NOW), "nothing was seen in the future");

    for (body, pointer) in [
        (json!({"exposures": [seen("on", 1)]}), "/id"),
        (json!({"id": "a b", "exposures": [seen("on", 1)]}), "/id"),
        (json!({"id": "b"}), "/exposures"),
        (json!({"id": "b", "exposures": []}), "/exposures"),
        (json!({"id": "b", "exposures": [1]}), "/exposures/0"),
        (json!({"id": "b", "exposures": [seen("on", 1), {"variant": "on"}]}), "/exposures/1/flag"),
        (
            json!({"id": "b", "exposures": [{"flag": "a", "variant": "on", "flag_version": -1}]}),
            "/exposures/0/flag_version",
        ),
        (json!({"id": "b", "exposures": [{"flag": "a", "variant": ""}]}), "/exposures/0/variant"),
        (json!({"id": "b", "exposures": [{"flag": "a", "variant": "x".repeat(129)}]}), "/exposures/0/variant"),
        (json!({"id": "b", "exposures": vec![seen("on", 1); 1001]}), "/exposures"),
    ] {
        let got = world.call("POST", "/v1/exposures", body);
        assert_eq!((got.status, got.pointers()), (422, vec![pointer]));
    }
}

#[test]
fn caches_are_invalidated_and_everything_once_a_minute() {
    let mut world = World::new("acme");
    world.ok("POST", "/v1/flags", flag("a"));
    let path = "/v1/cache/invalidate";
    for (body, status, pointers) in [
        (json!({}), 422, vec!["/scope"]),
        (json!({"scope": "all"}), 422, vec!["/scope"]),
        (json!({"scope": 1}), 422, vec!["/scope"]),
        (json!({"scope": "flag"}), 422, vec!["/flag_key"]),
        (json!({"scope": "tenant", "flag_key": "a"}), 422, vec!["/flag_key"]),
        (json!({"scope": "flag", "flag_key": "none"}), 404, vec![]),
    ] {
        let got = world.call("POST", path, body.clone());
        assert_eq!((got.status, got.pointers()), (status, pointers), "{body}");
    }
    assert_eq!(world.ok("POST", path, json!({"scope": "global"})), json!({"snapshot_version": 2}));
    assert_eq!(world.ok("POST", path, json!({"scope": "flag", "flag_key": "a"})), json!({"snapshot_version": 3}));
    assert_eq!(world.ok("POST", path, json!({"scope": "tenant"})), json!({"snapshot_version": 4}));
    world.now += 15_500;
    let got = world.call("POST", path, json!({"scope": "global"}));
    assert_eq!((got.status, got.code(), got.header("Retry-After")), (429, "rate_limited", "45"));
    // Another operator has a minute of his own.
    world.by("bob", &["admin"]);
    assert_eq!(world.ok("POST", path, json!({"scope": "global"})), json!({"snapshot_version": 5}));
    world.by("ana", &["admin"]);
    world.now += 44_499;
    assert_eq!(world.call("POST", path, json!({"scope": "global"})).header("Retry-After"), "1");
    world.now += 1;
    assert_eq!(world.ok("POST", path, json!({"scope": "global"})), json!({"snapshot_version": 6}));
    world.by("ana", &["flags:rw", "killswitch:rw"]);
    assert_eq!(world.call("POST", path, json!({"scope": "tenant"})).status, 403);
    world.by("ana", &["admin"]);
    let entries = world.ok("GET", "/v1/audit?entity=tenant", Value::Null);
    let told: Vec<_> =
        entries["items"].as_array().unwrap().iter().map(|entry| (&entry["action"], &entry["after"]["scope"])).collect();
    assert_eq!(told.len(), 5);
    assert_eq!(told[2], (&json!("cache_invalidated"), &json!("tenant")));
    let events = burgee_control::Lists::events_after(&world.store, 1, 10).unwrap();
    assert_eq!(events.len(), 5);
    let event: Value = serde_json::from_str(&events[1].document).unwrap();
    assert_eq!((&event["type"], &event["data"]["flag_key"]), (&json!("cache.manual_op"), &json!("a")));
    assert_eq!(event["data"]["snapshot_version"], 3);
}
