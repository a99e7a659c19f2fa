//! Flags and segments: sections 2 and 3 of the page.

use base64ct::{Base64UrlUnpadded, Encoding};

use super::*;

#[test]
fn a_flag_from_its_creation_to_its_end() {
    let mut world = World::new("acme");
    let made = world.call("POST", "/v1/flags", flag("a"));
    assert_eq!((made.status, &made.json["version"]), (201, &json!(1)));
    assert_eq!(made.header("X-Burgee-Version"), "1");
    let again = world.call("POST", "/v1/flags", flag("a"));
    assert_eq!((again.status, &again.json["version"], again.header("X-Burgee-Version")), (200, &json!(1), "1"));
    assert_eq!(again.header("ETag"), made.header("ETag"));
    let changed = world.call("POST", "/v1/flags", json!({"key": "a", "default_variant": "on"}));
    assert_eq!((changed.status, &changed.json["version"]), (200, &json!(2)));

    let got = world.get("/v1/flags/a");
    assert_eq!((got.status, got.header("ETag")), (200, changed.header("ETag")));
    let etag = got.header("ETag").to_owned();
    assert!(etag.starts_with('"'), "strong");
    let held = world.with("GET", "/v1/flags/a", Value::Null, &[(Header::IfNoneMatch, &etag)]);
    assert_eq!((held.status, held.response.body.len()), (304, 0));
    assert_eq!(world.with("GET", "/v1/flags/a", Value::Null, &[(Header::IfNoneMatch, "\"x\"")]).status, 200);

    let put = world.call("PUT", "/v1/flags/a", json!({"default_variant": "off", "description": "d"}));
    assert_eq!((put.status, &put.json["version"], &put.json["description"]), (200, &json!(3), &json!("d")));
    let differs = world.call("PUT", "/v1/flags/a", flag("b"));
    assert_eq!((differs.status, differs.pointers()), (422, vec!["/key"]));
    assert_eq!(world.call("PUT", "/v1/flags/none", flag("none")).status, 404);
    let merge = [(Header::ContentType, "application/merge-patch+json; charset=utf-8")];
    let patched = world.with("PATCH", "/v1/flags/a", json!({"description": null, "owner": "o"}), &merge);
    assert_eq!(
        (patched.status, &patched.json["description"], &patched.json["owner"]),
        (200, &Value::Null, &json!("o"))
    );

    let gone = world.call("POST", "/v1/flags/a/archive", Value::Null);
    assert_eq!((gone.status, &gone.json["state"]), (200, &json!("archived")));
    assert_eq!(world.get("/v1/flags/a").status, 200);
    assert_eq!(world.call("PATCH", "/v1/flags/a", json!({"owner": "p"})).status, 409);
    assert_eq!(world.ok("POST", "/v1/flags/a/restore", Value::Null)["state"], "on");
    assert_eq!(world.call("DELETE", "/v1/flags/a", Value::Null).status, 204);
    for (method, path) in
        [("GET", ""), ("DELETE", ""), ("PATCH", ""), ("PUT", ""), ("POST", "/archive"), ("GET", "/overrides")]
    {
        let body = if method == "PATCH" || method == "PUT" { json!({}) } else { Value::Null };
        let got = world.call(method, &format!("/v1/flags/a{path}"), body);
        assert_eq!((got.status, got.code()), (404, "not_found"), "{method} {path}");
    }
    let back = world.call("POST", "/v1/flags/a/restore", Value::Null);
    assert_eq!(back.status, 200);
    assert!(back.json["version"].as_u64().unwrap() > 5, "a version never means two things");
    assert_eq!(world.call("POST", "/v1/flags/none/restore", Value::Null).status, 404);
}

#[test]
fn writes_can_demand_a_version() {
    let mut world = World::new("acme");
    let first = world.call("POST", "/v1/flags", flag("a"));
    let tag = first.header("ETag").to_owned();
    let elsewhere = World::new("beta").call("POST", "/v1/flags", flag("a")).header("ETag").to_owned();
    assert_ne!(tag, elsewhere, "another tenant's flag of the same key and version");
    let condition = |tag: &'static str| [(Header::IfMatch, tag)];
    let tag: &'static str = tag.leak();
    let elsewhere: &'static str = elsewhere.leak();
    let put = |world: &mut World, headers: &[(Header, &str)], body: Value| {
        let got = world.with("PUT", "/v1/flags/a", body, headers);
        (got.status, got.code().to_owned())
    };
    let conflict = (409, "version_conflict".to_owned());
    let fine = (200, String::new());
    assert_eq!(put(&mut world, &condition(elsewhere), flag("a")), conflict);
    assert_eq!(put(&mut world, &condition("\"x\""), flag("a")), conflict);
    assert_eq!(put(&mut world, &condition("*"), flag("a")), fine);
    let weak: &'static str = format!("W/{tag}").leak();
    assert_eq!(put(&mut world, &condition(weak), flag("a")), fine, "an edge has compressed the answer");
    assert_eq!(put(&mut world, &condition(tag), json!({"owner": "o", "default_variant": "off"})), fine);
    assert_eq!(
        put(&mut world, &condition(tag), json!({"owner": "p", "default_variant": "off"})),
        conflict,
        "a lost race"
    );
    assert_eq!(put(&mut world, &[], json!({"owner": "p", "version": 1})), conflict);
    assert_eq!(put(&mut world, &[], json!({"owner": "p", "version": 2})), fine);
    assert_eq!(put(&mut world, &[], json!({"owner": "q", "version": 0})), fine, "0 demands nothing");
    for (method, path) in [
        ("DELETE", "/v1/flags/a"),
        ("POST", "/v1/flags/a/archive"),
        ("PATCH", "/v1/flags/a"),
        ("POST", "/v1/flags/a/restore"),
    ] {
        let body = if method == "PATCH" { json!({"owner": "z"}) } else { Value::Null };
        let got = world.with(method, path, body, &condition(tag));
        assert_eq!((got.status, got.code()), (409, "version_conflict"), "{method} {path}");
    }
    assert_eq!(world.with("POST", "/v1/flags", flag("new"), &condition("*")).status, 409, "* demands that it exists");
    assert_eq!(world.with("POST", "/v1/flags", flag("a"), &condition(tag)).status, 409);
    assert_eq!(world.with("GET", "/v1/flags/a", Value::Null, &[]).json["owner"], "q");
}

#[test]
fn faults_are_listed_all_at_once() {
    let mut world = World::new("acme");
    let body = json!({"key": "a b", "type": "colour", "rules": [
        {"id": "r", "when": {"segment": "none"}, "serve": {"variant": "maybe"}}]});
    let got = world.call("POST", "/v1/flags", body);
    assert_eq!((got.status, got.code()), (422, "validation_error"));
    for pointer in ["/key", "/type", "/rules/0/when/segment", "/rules/0/serve/variant"] {
        assert!(got.pointers().contains(&pointer), "{pointer}: {:#}", got.json);
    }
    let archived = world.call("POST", "/v1/flags", json!({"key": "a", "state": "archived"}));
    assert_eq!((archived.status, archived.pointers()), (422, vec!["/state"]));
    let prerequisite = json!({"key": "a", "prerequisites": [{"flag": "none", "variants": ["on"]}]});
    let got = world.call("POST", "/v1/flags", prerequisite);
    assert_eq!((got.status, &got.json["errors"][0]["code"]), (422, &json!("unknown_reference")));
    for (text, status, code) in [
        ("{", 400, "invalid_request"),
        ("[]", 400, "invalid_request"),
        ("\"a\"", 400, "invalid_request"),
        ("", 400, "invalid_request"),
        ("{\"key\": \"\\ud800\"}", 400, "invalid_request"),
    ] {
        let got = world.raw("POST", "/v1/flags", text, &[]);
        assert_eq!((got.status, got.code()), (status, code), "{text}");
    }
    for (media, status) in [
        ("application/json", 201),
        ("application/vnd.burgee+json", 200),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
    ] {
        let got = world.with("POST", "/v1/flags", flag("typed"), &[(Header::ContentType, media)]);
        assert_eq!(got.status, status, "{media}");
    }
    let large = format!("{{\"key\": \"{}\"}}", "x".repeat(crate::limits::BODY_BYTES));
    let got = world.raw("POST", "/v1/flags", &large, &[]);
    assert_eq!((got.status, got.code()), (413, "limit_exceeded"));
}

#[test]
fn bodies_have_an_end_to_their_levels() {
    let mut world = World::new("acme");
    let mut checked = 0;
    for (path, levels_around) in [("/v1/flags", 1), ("/v1/evaluate", 1), ("/v1/exposures", 1), ("/v1/auth/token", 1)] {
        for (levels, is_read) in [(127, true), (128, false), (200_000, false)] {
            let inner = levels - levels_around;
            let body = format!("{{\"later\": {}{}}}", "[".repeat(inner), "]".repeat(inner));
            let got = world.raw("POST", path, &body, &[]);
            // What is read has other faults.
            assert_eq!(
                (got.status, got.code()),
                if is_read { (422, "validation_error") } else { (400, "invalid_request") },
                "{path}"
            );
            assert!(is_read || got.json["detail"].as_str().unwrap().contains("127 levels"), "{}", got.json);
            checked += 1;
        }
    }
    assert_eq!(checked, 12);
}

#[test]
fn cycles_and_needs_are_refused() {
    let mut world = World::new("acme");
    let needs = |key: &str, on: &str| json!({"key": key, "prerequisites": [{"flag": on, "variants": ["on"]}]});
    world.ok("POST", "/v1/flags", flag("a"));
    world.ok("POST", "/v1/flags", needs("b", "a"));
    let got = world.call("POST", "/v1/flags", needs("a", "b"));
    assert_eq!((got.status, got.code()), (422, "prerequisite_cycle"));
    assert!(got.json["detail"].as_str().unwrap().contains("a → b → a"), "{}", got.json);
    for (method, path) in [("DELETE", "/v1/flags/a"), ("POST", "/v1/flags/a/archive")] {
        let got = world.call(method, path, Value::Null);
        assert_eq!((got.status, got.code()), (409, "conflict"), "{path}");
        assert!(got.json["detail"].as_str().unwrap().contains('b'), "{}", got.json);
    }
    world.ok("POST", "/v1/segments", json!({"key": "beta", "include": ["U-1"]}));
    world.ok(
        "POST",
        "/v1/flags",
        json!({"key": "c", "rules": [{"id": "r", "when": {"segment": "beta"}, "serve": {"variant": "on"}}]}),
    );
    let got = world.call("DELETE", "/v1/segments/beta", Value::Null);
    assert_eq!((got.status, got.code()), (409, "conflict"));
}

#[test]
fn lists_are_filtered_and_paged() {
    let mut world = World::new("acme");
    for number in 0..7 {
        let tags = if number % 2 == 0 { json!(["even"]) } else { json!([]) };
        world.ok(
            "POST",
            "/v1/flags",
            json!({"key": format!("f{number}"), "tags": tags, "description": format!("Number {number}")}),
        );
    }
    world.ok("POST", "/v1/flags", json!({"key": "off", "state": "off"}));
    world.ok("POST", "/v1/flags/f6/archive", Value::Null);
    let list = |world: &mut World, query: &str| {
        let list = world.ok("GET", &format!("/v1/flags?{query}"), Value::Null);
        keys(&list).join(" ")
    };
    for (query, expected) in [
        ("", "f0 f1 f2 f3 f4 f5 off"),
        ("state=off", "off"),
        ("state=archived", "f6"),
        ("state=on&tag=even", "f0 f2 f4"),
        ("prefix=f1", "f1"),
        ("prefix=", "f0 f1 f2 f3 f4 f5 off"),
        ("q=NUMBER%203", "f3"),
        ("q=of", "off"),
        ("q=nothing", ""),
        ("limit=2", "f0 f1"),
        ("stale_days=1", ""),
    ] {
        assert_eq!(list(&mut world, query), expected, "{query}");
    }
    world.now += 2 * 86_400_000;
    world.token = token_of("ana", &["admin"], &["acme"]);
    let claims = Claims::new(AUDIENCE, "ana", vec!["admin".into()], vec!["acme".into()], world.now, 60);
    world.token = token::issue(&claims, &world.settings.token_secrets).unwrap();
    assert_eq!(list(&mut world, "stale_days=1&limit=100"), "f0 f1 f2 f3 f4 f5 off");

    let mut seen = Vec::new();
    let mut query = "tag=even&limit=1".to_owned();
    loop {
        let page = world.ok("GET", &format!("/v1/flags?{query}"), Value::Null);
        seen.extend(keys(&page).into_iter().map(str::to_owned));
        let Some(token) = page["next_page_token"].as_str() else { break };
        query = format!("tag=even&limit=1&page_token={token}");
        // What is written meanwhile neither repeats nor hides.
        world.ok("POST", "/v1/flags", json!({"key": format!("e{}", seen.len()), "tags": ["even"]}));
    }
    assert_eq!(seen, ["f0", "f2", "f4"]);
}

#[test]
fn page_tokens_count_for_their_list_alone() {
    let mut world = World::new("acme");
    let mut other = World::new("beta");
    for key in ["a", "b", "c"] {
        world.ok("POST", "/v1/flags", flag(key));
        other.ok("POST", "/v1/flags", flag(key));
        world.ok("POST", "/v1/segments", json!({"key": key}));
    }
    let token = world.ok("GET", "/v1/flags?limit=1", Value::Null)["next_page_token"].as_str().unwrap().to_owned();
    assert_eq!(keys(&world.ok("GET", &format!("/v1/flags?page_token={token}&limit=9"), Value::Null)), ["b", "c"]);
    let json = String::from_utf8(Base64UrlUnpadded::decode_vec(&token).unwrap()).unwrap();
    let moved = Base64UrlUnpadded::encode_string(json.replace("\"a\"", "\"b\"").as_bytes());
    for (world, target) in [
        (&mut world, format!("/v1/flags?page_token={token}&tag=x")),
        (&mut other, format!("/v1/flags?page_token={token}")),
    ] {
        let got = world.get(&target);
        assert_eq!((got.status, got.code()), (400, "invalid_request"), "{target}");
    }
    for target in [
        format!("/v1/segments?page_token={token}"),
        format!("/v1/flags?page_token={moved}"),
        format!("/v1/flags?page_token={}", &token[1..]),
        "/v1/flags?page_token=".to_owned(),
        "/v1/flags?page_token=%20".to_owned(),
        format!("/v1/flags?page_token={}", "x".repeat(8_000)),
        "/v1/flags?limit=0".to_owned(),
        "/v1/flags?limit=101".to_owned(),
        "/v1/flags?limit=".to_owned(),
        "/v1/flags?limit=+5".to_owned(),
        "/v1/flags?limit=1.0".to_owned(),
        "/v1/flags?state=maybe".to_owned(),
        "/v1/flags?prefix=a%2Fb".to_owned(),
        "/v1/flags?q=%ff".to_owned(),
        "/v1/flags?stale_days=0".to_owned(),
        "/v1/audit?since=yesterday".to_owned(),
        "/v1/audit?limit=201".to_owned(),
        "/v1/audit?entity=cat".to_owned(),
    ] {
        let got = world.get(&target);
        assert_eq!((got.status, got.code()), (400, "invalid_request"), "{target}");
    }
    assert_eq!(world.get("/v1/audit?limit=200").status, 200);
}

#[test]
fn segments_likewise() {
    let mut world = World::new("acme");
    let made = world.call(
        "POST",
        "/v1/segments",
        json!({"key": "beta", "name": "Beta", "criteria": {"attr": {"country": "CA"}}}),
    );
    assert_eq!((made.status, &made.json["version"]), (201, &json!(1)));
    assert_eq!(made.json["conditions"], json!({"attr": "country", "op": "equals", "value": "CA"}));
    let again =
        json!({"key": "beta", "name": "Beta", "conditions": {"attr": "country", "op": "equals", "value": "CA"}});
    let again = world.call("POST", "/v1/segments", again);
    assert_eq!((again.status, &again.json["version"]), (200, &json!(1)));
    let etag = made.header("ETag").to_owned();
    assert_eq!(world.with("GET", "/v1/segments/beta", Value::Null, &[(Header::IfNoneMatch, &etag)]).status, 304);
    let put = world.with("PUT", "/v1/segments/beta", json!({"include": ["U-1"]}), &[(Header::IfMatch, &etag)]);
    assert_eq!((put.status, &put.json["version"], &put.json["name"]), (200, &json!(2), &Value::Null));
    assert_eq!(world.with("PUT", "/v1/segments/beta", json!({}), &[(Header::IfMatch, &etag)]).status, 409);
    assert_eq!(world.ok("PATCH", "/v1/segments/beta", json!({"name": "B"}))["include"], json!(["U-1"]));
    world.ok("POST", "/v1/segments", json!({"key": "alpha", "name": "First"}));
    for (query, expected) in [
        ("", vec!["alpha", "beta"]),
        ("?prefix=al", vec!["alpha"]),
        ("?q=FIRST", vec!["alpha"]),
        ("?limit=1", vec!["alpha"]),
    ] {
        assert_eq!(keys(&world.ok("GET", &format!("/v1/segments{query}"), Value::Null)), expected, "{query}");
    }
    let nested = world.call("POST", "/v1/segments", json!({"key": "s", "conditions": {"segment": "beta"}}));
    assert_eq!((nested.status, nested.code()), (422, "validation_error"));
    assert_eq!(world.call("DELETE", "/v1/segments/beta", Value::Null).status, 204);
    for (method, path) in [("GET", ""), ("DELETE", "")] {
        assert_eq!(world.call(method, &format!("/v1/segments/beta{path}"), Value::Null).status, 404);
    }
    let stale = world.with("POST", "/v1/segments/beta/restore", Value::Null, &[(Header::IfMatch, &etag)]);
    assert_eq!((stale.status, stale.code()), (409, "version_conflict"));
    assert_eq!(world.ok("POST", "/v1/segments/beta/restore", Value::Null)["name"], "B");
    assert_eq!(world.call("POST", "/v1/segments/none/restore", Value::Null).status, 404);
    assert_eq!(world.call("POST", "/v1/segments/a%20b/restore", Value::Null).status, 404);
}

#[test]
fn paths_are_decoded_segment_by_segment() {
    let mut world = World::new("acme");
    world.ok("POST", "/v1/flags", flag("a.b"));
    assert_eq!(world.get("/v1/flags/a%2Eb").status, 200);
    for path in ["/v1/flags/a%2Fb", "/v1/flags/a%20b", "/v1/flags/%ff", "/v1/flags/%", "/v1/flags/%C3%A9"] {
        let got = world.get(path);
        assert_eq!((got.status, got.code()), (404, "not_found"), "{path}");
    }
}

#[test]
fn what_is_imported_can_be_removed_by_its_path() {
    let mut world = World::new("acme");
    let import = |id: &str| json!({"flags": [flag("a")], "overrides": [{"scope": "user", "id": id, "flag": "a", "variant": "on"}]});
    for id in ["\u{e9}".repeat(256), "a/b?c=d#é %".to_owned()] {
        world.ok("POST", "/v1/import", import(&id));
        let id: String = id.bytes().map(|byte| format!("%{byte:02X}")).collect();
        assert_eq!(world.call("DELETE", &format!("/v1/flags/override/user/{id}/a"), Value::Null).status, 204);
    }
    for id in ["x".repeat(257), String::new()] {
        let got = world.call("POST", "/v1/import", import(&id));
        assert_eq!((got.status, got.pointers()), (422, vec!["/overrides/0/id"]), "{id}");
    }
}

#[test]
fn an_import_is_one_change() {
    let mut world = World::new("acme");
    world.ok("POST", "/v1/flags", flag("a"));
    let document = json!({"flags": [flag("a"), flag("b")], "segments": [{"key": "s"}],
        "overrides": [{"scope": "user", "id": "U", "flag": "b", "variant": "on"}], "kill_switches": [{"category": "c", "engaged": true}]});
    let got = world.call("POST", "/v1/import", document.clone());
    assert_eq!(
        (got.status, &got.json),
        (200, &json!({"created": 4, "updated": 0, "unchanged": 1, "snapshot_version": 2}))
    );
    let got = world.ok("POST", "/v1/import", document);
    assert_eq!(got, json!({"created": 0, "updated": 0, "unchanged": 5, "snapshot_version": 2}));
    let got = world.ok("POST", "/v1/import", json!({"flags": [json!({"key": "b", "owner": "o"})]}));
    assert_eq!(got, json!({"created": 0, "updated": 1, "unchanged": 0, "snapshot_version": 3}));
    let got =
        world.call("POST", "/v1/import", json!({"flags": [json!({"key": "b", "type": "x"}), json!({"key": "c d"})]}));
    assert_eq!((got.status, got.code()), (422, "validation_error"));
    assert!(got.pointers().contains(&"/flags/0/type") && got.pointers().contains(&"/flags/1/key"), "{:#}", got.json);
    assert_eq!(crate::Route::of("POST", "/v1/import").body_limit(), Some(25 * 1024 * 1024));
    assert_eq!(crate::Route::of("POST", "/v1/flags").body_limit(), Some(1024 * 1024));
    assert_eq!(crate::Route::of("GET", "/v1/flags").body_limit(), None);
}
