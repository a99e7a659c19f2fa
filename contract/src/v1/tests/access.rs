//! Who may what, and in which order it is asked.

use super::*;
use crate::envelope::ErrorCode;

/// Every operation that needs a token, with a path that could be.
fn guarded() -> impl Iterator<Item = (&'static str, String, &'static [super::super::Scope])> {
    crate::operations::all().filter_map(|entry| match entry.access {
        crate::operations::Access::Scopes(scopes) => {
            let path = entry.path.replace("{scope}", "user").replace('{', "x").replace('}', "");
            Some((entry.method, path, scopes))
        }
        _ => None,
    })
}

fn plan(method: &str, path: &str, tenant: &str, authorization: &str) -> Result<(), (u16, Option<&'static str>)> {
    let settings = settings();
    let headers = Headers::default().with(Header::Tenant, tenant).with(Header::Authorization, authorization);
    let request = Request { method, path, query: "", headers, body: Body::None };
    let plan = Plan::of(&request, &settings, NOW);
    plan.grant.map(|_| ()).map_err(|problem| (problem.status(), problem.more.and_then(|more| more.challenge)))
}

#[test]
fn every_operation_asks_for_tenant_then_token_then_scope() {
    let again = Some("Bearer error=\"invalid_token\"");
    let good = format!("Bearer {}", token_of("ana", &["admin"], &["acme"]));
    let lower = good.replace("Bearer", "bearer");
    let elsewhere = format!("Bearer {}", token_of("ana", &["admin"], &["other"]));
    let useless = format!("Bearer {}", token_of("ana", &[], &["acme"]));
    let mut ran = 0;
    for (method, path, scopes) in guarded() {
        let ask = |tenant, authorization: &str| plan(method, &path, tenant, authorization);
        assert_eq!(ask("", ""), Err((400, None)), "{path}");
        assert_eq!(ask("a/b", &good), Err((400, None)), "{path}");
        assert_eq!(ask("acme", ""), Err((401, Some("Bearer"))), "{path}");
        assert_eq!(ask("acme", "Basic YTpi"), Err((401, Some("Bearer"))), "{path}");
        assert_eq!(ask("acme", "Bearer"), Err((401, Some("Bearer"))), "{path}");
        assert_eq!(ask("acme", "Bearer x.y.z"), Err((401, again)), "{path}");
        assert_eq!(ask("acme", &elsewhere), Err((403, None)), "{path}");
        assert_eq!(ask("acme", &useless), Err((403, None)), "{path}");
        assert_eq!(ask("acme", &good), Ok(()), "{path}");
        assert_eq!(ask("acme", &lower), Ok(()), "{path}");
        for scope in super::super::Scope::ALL {
            let token = format!("Bearer {}", token_of("ana", &[scope.name()], &["*"]));
            let may = scopes.iter().any(|wanted| wanted.is_given_by(&[scope.name()]));
            assert_eq!(ask("acme", &token).is_ok(), may, "{method} {path} {scope:?}");
        }
        ran += 1;
    }
    assert!(ran > 50, "{ran}");
}

/// Which scopes let ask what: the table of section 1, by methods and the beginnings of paths. The first that fits counts.
#[test]
fn scopes_are_for_what_the_page_says() {
    const EXPECTED: [(&str, &str, &[&str]); 32] = [
        ("POST", "/v1/evaluate/preview", &["flags:r"]),
        ("POST", "/v1/evaluate", &["evaluate"]),
        ("POST", "/v1/exposures", &["evaluate"]),
        ("GET", "/v1/snapshot", &["flags:r", "evaluate"]),
        ("GET", "/v1/events", &["flags:r"]),
        ("GET", "/v1/flags", &["flags:r"]),
        ("POST", "/v1/flags", &["flags:rw"]),
        ("PUT", "/v1/flags", &["flags:rw"]),
        ("PATCH", "/v1/flags", &["flags:rw"]),
        ("DELETE", "/v1/flags", &["flags:rw"]),
        ("GET", "/v1/segments", &["segments:r"]),
        ("POST", "/v1/segments", &["segments:rw"]),
        ("PUT", "/v1/segments", &["segments:rw"]),
        ("PATCH", "/v1/segments", &["segments:rw"]),
        ("DELETE", "/v1/segments", &["segments:rw"]),
        ("POST", "/v1/rollouts/stop", &["killswitch:rw"]),
        ("POST", "/v1/rollouts/start", &["killswitch:rw"]),
        ("GET", "/v1/killswitches", &["flags:r", "killswitch:rw"]),
        ("POST", "/v1/killswitches", &["killswitch:rw"]),
        ("GET", "/v1/proposals", &["flags:r", "approve"]),
        ("POST", "/v1/proposals/{id}/approve", &["approve"]),
        ("POST", "/v1/proposals/{id}/reject", &["approve", "flags:rw"]),
        ("GET", "/v1/audit", &["audit:r"]),
        ("POST", "/v1/audit/sink/retry", &["admin"]),
        ("POST", "/v1/import", &["admin"]),
        ("POST", "/v1/cache/invalidate", &["admin"]),
        ("GET", "/v1/webhooks", &["admin"]),
        ("POST", "/v1/webhooks", &["admin"]),
        ("PUT", "/v1/webhooks", &["admin"]),
        ("DELETE", "/v1/webhooks", &["admin"]),
        ("POST", "/v1/auth/token", &[]),
        ("GET", "/v1/keys", &[]),
    ];
    let mut used = std::collections::BTreeSet::new();
    for entry in crate::operations::all().filter(|entry| entry.path.starts_with("/v1/")) {
        let fits = |(method, path, _): &(&str, &str, _)| *method == entry.method && entry.path.starts_with(path);
        let place = EXPECTED.iter().position(fits);
        let (method, path, expected) = EXPECTED[place.unwrap_or_else(|| panic!("{} {}", entry.method, entry.path))];
        let scopes: Vec<&str> = match entry.access {
            crate::operations::Access::Scopes(scopes) => scopes.iter().map(|scope| scope.name()).collect(),
            _ => Vec::new(),
        };
        assert_eq!(scopes, expected, "{} {}", entry.method, entry.path);
        used.insert((method, path));
    }
    assert_eq!(used.len(), EXPECTED.len(), "{used:?}");
}

#[test]
fn a_refusal_names_the_scope_and_says_how_to_go_on() {
    let mut world = World::new("acme");
    let got = world.by("ana", &["flags:r"]).call("POST", "/v1/flags", flag("a"));
    assert_eq!((got.status, got.code()), (403, "permission_denied"));
    assert!(got.json["detail"].as_str().unwrap().contains("flags:rw"), "{}", got.json);
    world.now += 3_600_000;
    let got = world.get("/v1/flags");
    assert_eq!((got.status, got.code()), (401, "unauthorized"));
    assert_eq!(got.header("WWW-Authenticate"), "Bearer error=\"invalid_token\"");
    assert_eq!(got.header("Content-Type"), "application/problem+json");
    assert_eq!(got.json["request_id"], "r-1");
}

#[test]
fn what_is_not_served_is_told_to_anybody() {
    let mut world = World::new("acme");
    for (method, path, status, allow) in [
        ("GET", "/v1/nothing", 404, ""),
        ("GET", "/v1", 404, ""),
        ("GET", "/v1/flags/", 404, ""),
        ("POST", "/v1/flags/a", 405, "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"),
        ("TRACE", "/v1/flags", 405, "POST, GET, HEAD, OPTIONS"),
        ("GET", "/v1/evaluate", 405, "POST, OPTIONS"),
    ] {
        let got = world.call(method, path, Value::Null);
        assert_eq!((got.status, got.header("Allow")), (status, allow), "{method} {path}");
        assert_eq!(got.header("Content-Type"), "application/problem+json");
    }
    let got = world.call("OPTIONS", "/v1/flags/a", Value::Null);
    assert_eq!(got.status, 204);
    for name in ["Allow", "Access-Control-Allow-Methods"] {
        assert_eq!(got.header(name), "GET, HEAD, PUT, PATCH, DELETE, OPTIONS");
    }
    for name in ["Authorization", "X-Tenant-ID", "If-Match", "Content-Type"] {
        assert!(got.header("Access-Control-Allow-Headers").contains(name));
    }
    for name in ["ETag", "X-Burgee-Version", "Retry-After", "Burgee-Signature"] {
        assert!(got.header("Access-Control-Expose-Headers").contains(name));
    }
}

#[test]
fn without_a_secret_nothing_is_served() {
    let mut world = World::new("acme");
    world.settings.token_secrets.clear();
    for (method, path) in
        [("GET", "/v1/flags"), ("POST", "/v1/auth/token"), ("POST", "/v1/evaluate"), ("POST", "/v1/flags")]
    {
        let got = world.call(method, path, json!({"client_id": "x"}));
        assert_eq!((got.status, got.code(), got.header("Retry-After")), (503, "unavailable", "1"), "{path}");
        assert!(got.json["detail"].as_str().unwrap().contains("FF_TOKEN_SECRET"), "{}", got.json);
    }
    for path in ["/v1/keys", "/openapi.json"] {
        assert_eq!(world.get(path).status, 200, "{path} asks for no token");
    }
}

/// A client of the SHA-256 of `s3cret`.
fn with_client(world: &mut World) {
    let client = r#"[{"id": "ci", "secret_sha256": "1ec1c26b50d5d3c58d9583181af8076655fe00756bf7285940ba3670f99fcba0",
        "scopes": ["flags:rw", "evaluate"], "tenants": ["acme", "beta"]}]"#;
    world.settings.clients = super::super::Client::read_all(client).unwrap();
}

#[test]
fn tokens_are_issued_to_clients() {
    let mut world = World::new("acme");
    with_client(&mut world);
    let ask = json!({"client_id": "ci", "client_secret": "s3cret"});
    let got = world.call("POST", "/v1/auth/token", ask.clone());
    assert_eq!(got.status, 200, "{}", got.json);
    assert_eq!(got.header("Cache-Control"), "no-store");
    assert_eq!((&got.json["token_type"], &got.json["expires_in"]), (&json!("bearer"), &json!(21_600)));
    assert_eq!(got.json["scope"], "flags:rw evaluate");
    world.token = got.json["access_token"].as_str().unwrap().to_owned();
    assert_eq!(world.call("POST", "/v1/flags", flag("a")).status, 201);
    assert_eq!(world.store.all_audit()[0].actor, "ci");

    let with = |name: &str, value: Value| {
        let mut ask = ask.clone();
        ask[name] = value;
        ask
    };
    for (body, status, code) in [
        (with("client_secret", json!("S3cret")), 401, "invalid_client"),
        (with("client_id", json!("nobody")), 401, "invalid_client"),
        (with("scope", json!("flags:r")), 200, ""),
        (with("scope", json!("flags:r evaluate")), 200, ""),
        (with("scope", json!("admin")), 403, "permission_denied"),
        (with("scope", json!("flags:rw approve")), 403, "permission_denied"),
        (with("scope", json!("nonsense")), 422, "validation_error"),
        (with("tenants", json!(["acme"])), 200, ""),
        (with("tenants", json!(["acme", "other"])), 403, "permission_denied"),
        (with("tenants", json!(["*"])), 403, "permission_denied"),
        (with("tenants", json!([])), 422, "validation_error"),
        (with("expires_in", json!(60)), 200, ""),
        (with("expires_in", json!(0)), 422, "validation_error"),
        (with("expires_in", json!(21_601)), 422, "validation_error"),
        (with("expires_in", json!(1.5)), 422, "validation_error"),
        (with("grant_type", json!("client_credentials")), 200, ""),
        (with("grant_type", json!("password")), 422, "validation_error"),
        (with("other", json!(1)), 422, "validation_error"),
        (json!({"client_id": "ci"}), 422, "validation_error"),
        (json!({"sub": "me"}), 422, "validation_error"),
        (json!([]), 400, "invalid_request"),
        (json!("{"), 400, "invalid_request"),
    ] {
        let got = world.call("POST", "/v1/auth/token", body.clone());
        assert_eq!((got.status, got.code()), (status, code), "{body}: {}", got.json);
        assert!(!got.json.to_string().contains("s3cret"));
    }
    let form = [(Header::ContentType, "application/x-www-form-urlencoded")];
    let got = world.raw(
        "POST",
        "/v1/auth/token",
        "client_id=ci&client_secret=s3cret&scope=flags%3Ar+evaluate&expires_in=9",
        &form,
    );
    assert_eq!((got.status, &got.json["scope"], &got.json["expires_in"]), (200, &json!("flags:r evaluate"), &json!(9)));
    let got = world.raw("POST", "/v1/auth/token", "client_id=ci", &[(Header::ContentType, "text/plain")]);
    assert_eq!((got.status, got.code()), (415, "unsupported_media_type"));
}

#[test]
fn an_open_issuer_is_for_development() {
    let mut world = World::new("acme");
    let ask = json!({"sub": "dev", "scopes": ["flags:r"], "tenants": ["acme"], "expires_in": 60});
    assert_eq!(world.call("POST", "/v1/auth/token", ask.clone()).status, 422);
    world.settings.open_issuer = true;
    with_client(&mut world);
    let got = world.call("POST", "/v1/auth/token", ask);
    assert_eq!((got.status, &got.json["scope"]), (200, &json!("flags:r")));
    world.token = got.json["access_token"].as_str().unwrap().to_owned();
    assert_eq!(world.get("/v1/flags").status, 200);
    assert_eq!(world.call("POST", "/v1/flags", flag("a")).status, 403);
    world.token = world.ok("POST", "/v1/auth/token", json!({"sub": "dev"}))["access_token"].as_str().unwrap().into();
    assert_eq!(world.call("POST", "/v1/flags", flag("a")).status, 201);
    let wrong = json!({"client_id": "ci", "client_secret": "no"});
    assert_eq!(world.call("POST", "/v1/auth/token", wrong).status, 401, "a client still needs its secret");
}

#[test]
fn ofrep_asks_for_a_token_unless_the_tenant_is_open() {
    let mut world = World::new("acme");
    world.ok("POST", "/v1/flags", flag("a"));
    let mut ask = |authorization: &str, tenant: &str, path: &str| {
        let headers = [(Header::Authorization, authorization), (Header::Tenant, tenant)];
        let got = world.raw("POST", path, "{}", &headers);
        if got.status >= 400 {
            assert!(got.json["errorDetails"].is_string() && got.json["metadata"].is_object(), "{}", got.json);
        }
        (got.status, got.header("WWW-Authenticate").to_owned())
    };
    let evaluate = format!("Bearer {}", token_of("app", &["evaluate"], &["acme"]));
    let reader = format!("Bearer {}", token_of("app", &["flags:rw"], &["acme"]));
    let other = format!("Bearer {}", token_of("app", &["evaluate"], &["other"]));
    for path in ["/ofrep/v1/evaluate/flags", "/ofrep/v1/evaluate/flags/a"] {
        assert_eq!(ask("", "acme", path), (401, "Bearer".to_owned()));
        assert_eq!(ask("Bearer x", "acme", path).0, 401);
        assert_eq!(ask(&reader, "acme", path).0, 403);
        assert_eq!(ask(&other, "acme", path).0, 403);
        assert_eq!(ask(&evaluate, "acme", path).0, 200);
        assert_ne!(ask("", "", path).0, 401, "the platform's tenant is open");
        assert_ne!(ask(&evaluate, "platform", path).0, 401, "and a token of the control plane says nothing of users");
        assert_eq!(ask("Bearer x", "platform", path).0, 401, "any other must be a caller's");
    }
    world.settings.open_registries.push("acme".to_owned());
    assert_eq!(world.raw("POST", "/ofrep/v1/evaluate/flags", "{}", &[(Header::Authorization, "")]).status, 200);
    world.settings.open_registries.clear();
    world.settings.token_secrets.clear();
    let got = world.raw("POST", "/ofrep/v1/evaluate/flags", "{}", &[]);
    assert_eq!((got.status, got.response.error), (503, Some(ErrorCode::Unavailable)));
}
