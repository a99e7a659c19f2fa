//! The surface as a caller sees it: requests in, responses out.

use super::*;
use crate::freshness::Cache;
use crate::http::{Body, Header, Headers};
use crate::limits;
use crate::loaded::Loaded;
use crate::metrics::{Evaluations, Surface};
use crate::readiness::Truth;
use crate::settings::Settings;
use serde_json::{Value, json};

const DOCUMENT: &str = r#"{
  "schema": "burgee.registry/1", "tenant": "platform", "version": 12, "generated_at": "2026-01-15T09:00:00Z",
  "flags": [
    {"key": "full", "version": 3, "description": "d", "owner": "o", "tags": ["t"], "rollout_stage": "full"},
    {"key": "syn.staged_25", "stage": {"rollout_stage": "staged_25", "rollout_stage_map": {"prod": "draft"}}},
    {"key": "internal", "rollout_stage": "internal"},
    {"key": "bad", "type": "colour"},
    {"key": "gone", "state": "archived"},
    {"key": "full", "rollout_stage": "draft"},
    {"key": "size", "type": "integer", "variants": [{"key": "s", "value": 1}, {"key": "l", "value": 2}], "default_variant": "s",
     "high_impact": true}
  ]
}"#;

const NOW: i64 = 1_800_000_000_000;

struct Call<'a> {
    request: Request<'a>,
    served: Served<'a>,
}

/// Settings with which callers need no token.
fn believing() -> Settings {
    let mut settings = Settings::default();
    settings.identity.allow_dev_headers = true;
    settings
}

fn loaded(document: &str) -> Loaded {
    Loaded::read(document.as_bytes().to_vec()).unwrap()
}

fn call<'a>(loaded: &'a Loaded, method: &'a str, target: &'a str) -> Call<'a> {
    let (path, query) = crate::split_url(target);
    let request = Request { method, path, query, headers: Headers::default(), body: Body::None };
    Call {
        request,
        served: Served {
            loaded,
            backing: crate::BackingState::ObjectBacked,
            cache: Cache::Hit,
            confirmed_at: NOW - 7,
            fault: None,
            gate: &crate::sensitive::CLOSED,
        },
    }
}

impl<'a> Call<'a> {
    fn header(mut self, header: Header, value: &'a str) -> Self {
        self.request.headers = self.request.headers.with(header, value);
        self
    }

    fn body(mut self, body: &'a str) -> Self {
        self.request.body = Body::Bytes(body.as_bytes());
        self
    }

    fn response(self) -> Response {
        let settings = believing();
        let plan = Plan::of(&self.request, &settings, NOW);
        let registry = if plan.registry().is_some() { Registry::Ready(self.served) } else { Registry::NotAsked };
        let response =
            respond(&plan, &self.request, registry, &Moment { now: NOW, request_id: "r-1", service_version: "0.1.0" });
        crate::conformance::check(self.request.method, self.request.path, &response);
        response
    }

    fn json(self) -> (u16, Value) {
        let response = self.response();
        assert_eq!(response.header("Content-Type"), Some("application/json"));
        (response.status, serde_json::from_slice(&response.body).unwrap())
    }

    fn data(self) -> Value {
        let (status, mut envelope) = self.json();
        assert_eq!((status, &envelope["ok"], &envelope["error"]), (200, &json!(true), &Value::Null), "{envelope}");
        envelope["data"].take()
    }

    fn problem(self) -> (u16, String, String) {
        let (status, envelope) = self.json();
        assert_eq!((&envelope["ok"], &envelope["data"]), (&json!(false), &Value::Null));
        let text = |name: &str| envelope["error"][name].as_str().unwrap_or_default().to_owned();
        (status, text("code"), text("message"))
    }
}

fn batch(loaded: &Loaded, body: &str) -> Value {
    call(loaded, "POST", "/api/flags/eval/batch").body(body).data()
}

#[test]
fn an_evaluation_is_the_decision_and_where_it_came_from() {
    let loaded = loaded(DOCUMENT);
    let data = call(&loaded, "GET", "/api/flags/eval?key=syn.staged_25&user=bucket-low-1").data();
    assert_eq!(
        data,
        json!({
            "flag_key": "syn.staged_25", "enabled": true, "value": true, "variant": "on", "source": "staged_bucket",
            "reason": "staged_in", "bucket": 4, "threshold": 25.0, "rollout_stage": "staged_25", "flag_version": 0,
            "reason_chain": data["reason_chain"],
            "meta": {"backing_state": "object_backed", "cache": "hit", "snapshot_version": 12, "warnings": [], "auth_source": "dev_headers"},
        })
    );
    assert_eq!(
        data["reason_chain"].as_array().unwrap().last().unwrap(),
        &json!({"step": "staged_bucket", "outcome": "match"})
    );
}

#[test]
fn headers_beat_the_query_and_defaults_come_last() {
    let loaded = loaded(DOCUMENT);
    let enabled = |call: Call<'_>| call.data()["enabled"].as_bool().unwrap();
    assert!(!enabled(call(&loaded, "GET", "/api/flags/eval?key=internal&user=U")), "the tier is anonymous");
    assert!(enabled(call(&loaded, "GET", "/api/flags/eval?key=internal&user=U&tier=staff")));
    let overruled =
        call(&loaded, "GET", "/api/flags/eval?key=internal&user=U&tier=staff").header(Header::Tier, "guest");
    assert!(!enabled(overruled));
    let named =
        call(&loaded, "GET", "/api/flags/eval?key=internal").header(Header::UserId, "U").header(Header::Tier, "staff");
    assert!(enabled(named));
}

#[test]
fn an_evaluation_needs_a_flag_and_a_user() {
    let loaded = loaded(DOCUMENT);
    for (target, place) in [
        ("/api/flags/eval?user=U", "key"),
        ("/api/flags/eval?key=&user=U", "key"),
        ("/api/flags/eval?key=full", "user"),
        ("/api/flags/eval?key=full&user=", "user"),
        ("/api/flags/eval?key=full&user=%ff", "user"),
    ] {
        let (status, code, message) = call(&loaded, "GET", target).problem();
        assert_eq!((status, code.as_str()), (400, "invalid_request"), "{target}");
        assert!(message.contains(place), "{target}: {message}");
    }
}

#[test]
fn an_unknown_flag_is_an_answer() {
    let loaded = loaded(DOCUMENT);
    for key in ["nothing", "gone"] {
        let target = format!("/api/flags/eval?key={key}&user=U");
        let data = call(&loaded, "GET", &target).data();
        assert_eq!(
            (&data["source"], &data["flag_key"], &data["value"]),
            (&json!("unknown_flag"), &json!(key), &Value::Null)
        );
    }
}

#[test]
fn meta_warns_of_what_the_reason_does_not_say() {
    let loaded = loaded(DOCUMENT);
    let fault = ReadFault::missing("platform");
    let data = call(&loaded, "GET", "/api/flags/eval?key=bad&user=U").data();
    assert_eq!((&data["reason"], &data["meta"]["warnings"]), (&json!("flag_invalid"), &json!(["invalid_flag"])));
    let mut stale = call(&loaded, "GET", "/api/flags/eval?key=full&user=U");
    stale.served = Served { cache: Cache::Stale, fault: Some(&fault), ..stale.served };
    let data = stale.data();
    assert_eq!((&data["meta"]["cache"], &data["meta"]["warnings"]), (&json!("stale"), &json!(["refresh_failed"])));
    let body =
        r#"{"context": {"user_id": "U"}, "flags": ["full"], "overrides": {"user": {"full": "no-such-variant"}}}"#;
    assert_eq!(batch(&loaded, body)[0]["meta"]["warnings"], json!(["override_unknown_variant"]));
}

#[test]
fn a_batch_answers_in_the_order_asked_with_repeats() {
    let loaded = loaded(DOCUMENT);
    let data =
        batch(&loaded, r#"{"context": {"user_id": 1}, "flags": ["size", "full", "size", "none"], "later": [1]}"#);
    let keys: Vec<_> = data.as_array().unwrap().iter().map(|answer| answer["flag_key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["size", "full", "size", "none"]);
    assert_eq!(data[0], data[2]);
    assert_eq!(data[0]["value"], json!(1));
    assert_eq!(batch(&loaded, r#"{"context": {"user_id": "U"}, "flags": []}"#), json!([]));
}

#[test]
fn a_batch_may_bring_overrides() {
    let loaded = loaded(DOCUMENT);
    let body = r#"{"context": {"user_id": "U"}, "flags": ["full", "size", "internal"],
        "overrides": {"user": {"full": true, "full": false, "size": null}, "tenant": {"full": true, "size": "l", "internal": true}}}"#;
    let data = batch(&loaded, body);
    assert_eq!((&data[0]["value"], &data[0]["source"]), (&json!(false), &json!("inline_user_override")));
    assert_eq!((&data[1]["value"], &data[1]["source"]), (&json!(2), &json!("inline_tenant_override")));
    assert_eq!((&data[2]["value"], &data[2]["reason"]), (&json!(true), &json!("tenant_override_precedence")));
}

#[test]
fn headers_beat_the_context_of_a_batch() {
    let loaded = loaded(DOCUMENT);
    let body = r#"{"context": {"tier": "guest"}, "flags": ["internal"]}"#;
    let asked = call(&loaded, "POST", "/api/flags/eval/batch")
        .body(body)
        .header(Header::UserId, "U")
        .header(Header::Tier, "staff");
    assert_eq!(asked.data()[0]["enabled"], json!(true));
}

#[test]
fn a_bad_batch_is_told_where_it_is_bad() {
    let loaded = loaded(DOCUMENT);
    let many =
        format!(r#"{{"context": {{"user_id": "U"}}, "flags": [{}]}}"#, vec!["\"f\""; limits::BATCH_KEYS + 1].join(","));
    let wide = format!(
        r#"{{"context": {{"user_id": "U", "a": "{}"}}, "flags": []}}"#,
        "x".repeat(burgee_core::limits::CONTEXT_BYTES)
    );
    let deep =
        format!(r#"{{"context": {{"user_id": "U", "a": {}1{}}}, "flags": []}}"#, "[".repeat(200), "]".repeat(200));
    let cases = [
        ("", "the body must be JSON"),
        ("{", "the body must be JSON"),
        (r#"{"a": 1} x"#, "the body must be JSON"),
        ("[]", "the body must be an object"),
        ("null", "the body must be an object"),
        ("{}", "/context is missing"),
        (r#"{"context": null}"#, "/context is missing"),
        (r#"{"context": []}"#, "/context must be an object"),
        (r#"{"context": {}, "flags": []}"#, "/context/user_id is missing"),
        (r#"{"context": {"user_id": ""}, "flags": []}"#, "/context/user_id must be"),
        (r#"{"context": {"user_id": 0.5}, "flags": []}"#, "/context/user_id must be"),
        (r#"{"context": {"user_id": "U"}}"#, "/flags is missing"),
        (r#"{"context": {"user_id": "U"}, "flags": "f"}"#, "/flags must be an array"),
        (r#"{"context": {"user_id": "U"}, "flags": ["f", 1]}"#, "/flags/1 must be a string"),
        (r#"{"context": {"user_id": "U"}, "flags": ["f", "\udc00"]}"#, "/flags/1 cannot be read"),
        (r#"{"context": {"user_id": "U\ud800"}, "flags": []}"#, "/context/user_id cannot be read"),
        (r#"{"context": {"user_id": "U", "a/b": ["\ud800"]}, "flags": []}"#, "/context/a~1b cannot be read"),
        (r#"{"context": {"user_id": "U", "n": 1e999}, "flags": []}"#, "/context/n cannot be read"),
        (&deep, "/context/a cannot be read"),
        (&many, "/flags has more than 100 items (BATCH_KEYS)"),
        (&wide, "/context is larger than 65536 bytes (CONTEXT_BYTES)"),
        (r#"{"context": {"user_id": "U"}, "flags": [], "overrides": true}"#, "/overrides must be an object"),
        (
            r#"{"context": {"user_id": "U"}, "flags": [], "overrides": {"user": []}}"#,
            "/overrides/user must be an object",
        ),
        (
            r#"{"context": {"user_id": "U"}, "flags": [], "overrides": {"tenant": {"f": "\ud800"}}}"#,
            "/overrides/tenant/f cannot be read",
        ),
    ];
    for (body, place) in cases {
        let (status, code, message) = call(&loaded, "POST", "/api/flags/eval/batch").body(body).problem();
        assert_eq!((status, code.as_str()), (400, "invalid_request"), "{place}");
        assert!(message.starts_with(place), "expected {place}, got {message}");
    }
}

#[test]
fn the_registry_is_given_as_it_is_stored() {
    let loaded = loaded(DOCUMENT);
    let response = call(&loaded, "GET", "/api/flags/registry").response();
    let body = String::from_utf8(response.body.clone()).unwrap();
    assert!(body.starts_with(&format!(r#"{{"ok":true,"data":{DOCUMENT},"error":null,"service":{{"#)));
    assert_eq!(response.header("Cache-Control"), Some("no-cache"));
}

#[test]
fn the_summary_lists_what_can_be_asked_for() {
    let loaded = loaded(DOCUMENT);
    let data = call(&loaded, "GET", "/api/flags/registry?summary=true").data();
    assert_eq!((&data["count"], &data["version"], &data["tenant"]), (&json!(5), &json!(12), &json!("platform")));
    assert_eq!(
        data["flags"],
        json!([
            {"key": "full", "valid": true, "type": "boolean", "state": "on", "version": 3, "description": "d", "owner": "o",
             "tags": ["t"], "rollout_stage": "full", "sensitive": false, "high_impact": false},
            {"key": "syn.staged_25", "valid": true, "type": "boolean", "state": "on", "version": 0, "rollout_stage": "staged_25",
             "rollout_stage_map": {"prod": "draft"}, "sensitive": false, "high_impact": false},
            {"key": "internal", "valid": true, "type": "boolean", "state": "on", "version": 0, "rollout_stage": "internal",
             "sensitive": false, "high_impact": false},
            {"key": "bad", "valid": false},
            {"key": "size", "valid": true, "type": "integer", "state": "on", "version": 0, "sensitive": false, "high_impact": true},
        ])
    );
    let warned: Vec<_> =
        data["warnings"].as_array().unwrap().iter().map(|warning| warning["code"].as_str().unwrap()).collect();
    assert_eq!(warned, ["invalid_flag", "duplicate_flag"]);
    assert_eq!(call(&loaded, "GET", "/api/flags/registry?summary=yes").problem().0, 400);
}

#[test]
fn of_a_sensitive_flag_the_registry_and_its_summary_say_what_anybody_is_told() {
    let secret = r#"{"key": "secret", "version": 4, "description": "SECRET", "tags": ["SECRET"], "rollout_stage": "full", "high_impact": true,
        "sensitive": {"sensitive_flag": true, "requires_approval": true}}"#;
    let document = DOCUMENT.replacen(r#"{"key": "internal""#, &format!(r#"{secret}, {{"key": "internal""#), 1);
    let (open, loaded) = (loaded(DOCUMENT), loaded(&document));
    let data = call(&loaded, "GET", "/api/flags/registry").data();
    let sensitive = json!({"sensitive_flag": true, "requires_approval": true});
    assert_eq!(
        data["flags"][2],
        json!({"key": "secret", "type": "boolean", "version": 4, "state": "off", "variants": [{"key": "off", "value": false}],
               "off_variant": "off", "sensitive": sensitive})
    );
    let summary = call(&loaded, "GET", "/api/flags/registry?summary=true").data();
    assert_eq!(
        summary["flags"][2],
        json!({"key": "secret", "valid": true, "type": "boolean", "state": "off", "version": 4, "sensitive": true, "high_impact": false})
    );
    assert!(!data.to_string().contains("SECRET") && !summary.to_string().contains("SECRET"));
    let tag = |loaded| call(loaded, "GET", "/api/flags/registry").response().header("ETag").unwrap().to_owned();
    assert!(tag(&loaded).contains("-redacted-") && !tag(&open).contains("redacted"));
}

#[test]
fn the_entity_tag_is_of_the_document_and_the_form() {
    let (one, other) = (loaded(DOCUMENT), loaded(&DOCUMENT.replace("\"d\"", "\"e\"")));
    let tag = |loaded: &Loaded, target| call(loaded, "GET", target).response().header("ETag").unwrap().to_owned();
    let full = tag(&one, "/api/flags/registry");
    let tags = [
        full.clone(),
        tag(&one, "/api/flags/registry?summary=true"),
        tag(&other, "/api/flags/registry"),
        tag(&other, "/api/flags/registry?summary=true"),
    ];
    assert!(tags.iter().all(|tag| tag.starts_with('"') && tag.ends_with('"')), "{tags:?}");
    assert_eq!(tags.iter().collect::<std::collections::BTreeSet<_>>().len(), tags.len(), "{tags:?}");
    assert_eq!(full, tag(&one, "/api/flags/registry?summary=false"));

    let weak = format!("\"x\", W/{full}");
    for condition in [full.as_str(), &weak, "*"] {
        let response = call(&one, "GET", "/api/flags/registry").header(Header::IfNoneMatch, condition).response();
        assert_eq!(
            (response.status, response.body.len(), response.header("ETag")),
            (304, 0, Some(full.as_str())),
            "{condition}"
        );
        assert_eq!(response.header("Cache-Control"), Some("no-cache"));
        assert_eq!(response.header("Content-Type"), None);
    }
    for condition in ["\"x\"", tags[1].as_str()] {
        let response = call(&one, "GET", "/api/flags/registry").header(Header::IfNoneMatch, condition).response();
        assert_eq!(response.status, 200, "{condition}");
    }
}

#[test]
fn health_says_what_is_served() {
    let loaded = loaded(DOCUMENT);
    let mut asked = call(&loaded, "GET", "/api/flags/health");
    let expected = json!({
        "status": "ok", "evaluator_version": burgee_core::VERSION, "tenant": "platform", "snapshot_version": 12,
        "generated_at": "2026-01-15T09:00:00.000Z", "age_ms": 7, "flag_count": 5, "warning_count": 2, "backing_state": "object_backed",
        "cache": "hit", "refresh_fault": null,
    });
    let fault = ReadFault::missing("platform");
    asked.served.fault = Some(&fault);
    let data = asked.data();
    assert_eq!(data["status"], json!("degraded"));
    assert_eq!(data["refresh_fault"]["code"], json!("snapshot_missing"));
    assert_eq!(call(&loaded, "GET", "/api/flags/health").data(), expected);
}

#[test]
fn without_a_registry_there_is_no_answer() {
    let settings = believing();
    let fault = ReadFault::missing("platform");
    let moment = Moment { now: NOW, request_id: "r-1", service_version: "0.1.0" };
    let headers = Headers::default().with(Header::UserId, "U");
    for (method, path) in [
        ("GET", "/api/flags/eval"),
        ("POST", "/api/flags/eval/batch"),
        ("GET", "/api/flags/registry"),
        ("GET", "/api/flags/health"),
    ] {
        let request = Request { method, path, query: "key=f", headers, body: Body::None };
        let plan = Plan::of(&request, &settings, NOW);
        let response = respond(&plan, &request, Registry::Unavailable(&fault), &moment);
        let envelope: Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!((response.status, &envelope["error"]["code"]), (503, &json!("registry_unavailable")), "{path}");
    }
    for (path, status, text) in [("/healthz", 200, "ok"), ("/readyz", 503, "not ready: no snapshot")] {
        let request = Request { method: "GET", path, query: "", headers, body: Body::None };
        let response = respond(&Plan::of(&request, &settings, NOW), &request, Registry::Unavailable(&fault), &moment);
        assert_eq!((response.status, response.body.as_slice()), (status, text.as_bytes()));
    }
    let loaded = loaded(DOCUMENT);
    assert_eq!(call(&loaded, "GET", "/readyz").response().body, b"ready");
}

#[test]
fn ready_tells_of_the_tenants_object() {
    let (settings, loaded) = (believing(), loaded(DOCUMENT));
    let object = "not ready: the tenant's object cannot be reached";
    for (truth, expected) in
        [(Truth::Absent, (200, "ready")), (Truth::Reachable, (200, "ready")), (Truth::Unreachable, (503, object))]
    {
        let Call { request, served } = call(&loaded, "GET", "/readyz");
        let plan = Plan::of(&request, &settings, NOW).with_truth(truth);
        let moment = Moment { now: NOW, request_id: "r-1", service_version: "0.1.0" };
        let response = respond(&plan, &request, Registry::Ready(served), &moment);
        assert_eq!((response.status, str::from_utf8(&response.body).unwrap()), expected);
    }
}

/// How deep a body may be, wherever in it: in what is read, and in what nobody reads.
#[test]
fn bodies_have_an_end_to_their_levels() {
    let loaded = loaded(DOCUMENT);
    let nested = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    let mut checked = 0;
    for (path, body, place) in [
        ("/api/flags/eval/batch", r#"{"context": {"user_id": "U", "a": DEEP}, "flags": []}"#, "/context/a"),
        ("/api/flags/eval/batch", r#"{"context": {"user_id": "U"}, "flags": [], "later": DEEP}"#, "/later"),
        (
            "/api/flags/eval/batch",
            r#"{"context": {"user_id": "U"}, "flags": [], "overrides": {"user": {}, "x": DEEP}}"#,
            "/overrides/x",
        ),
        ("/api/flags/sensitive-eval", r#"{"key": "full", "context": {"user_id": "U", "a": DEEP}}"#, "/context/a"),
        ("/api/flags/sensitive-eval", r#"{"key": "full", "context": {"user_id": "U"}, "later": DEEP}"#, "/later"),
        ("/ofrep/v1/evaluate/flags", r#"{"context": {"targetingKey": "U", "a": DEEP}}"#, "/context/a"),
        ("/ofrep/v1/evaluate/flags/full", r#"{"context": {}, "later": DEEP}"#, "/later"),
    ] {
        for (deep, status) in
            [(nested(127), 200), (nested(128), 400), (nested(200_000), 400), ("\"\\ud800\"".to_owned(), 400)]
        {
            let body = body.replace("DEEP", &deep);
            let response = call(&loaded, "POST", path).body(&body).response();
            let text = String::from_utf8(response.body).unwrap();
            assert_eq!(response.status, status, "{path} {place}: {text}");
            // A context has a size too, which is looked at first.
            assert!(status == 200 || text.contains(place) || text.contains("CONTEXT_BYTES"), "{path}: {text}");
            checked += 1;
        }
    }
    assert_eq!(checked, 28);
}

/// Whatever is asked, the answer has its id, may be read by every origin, and a HEAD is the GET without its body.
#[test]
fn every_response_carries_what_every_response_carries() {
    let loaded = loaded(DOCUMENT);
    let cases = [
        ("GET", "/api/flags/eval?key=full&user=U", 200),
        ("GET", "/api/flags/eval", 400),
        ("POST", "/api/flags/eval/batch", 400),
        ("GET", "/api/flags/registry", 200),
        ("GET", "/api/flags/health", 200),
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 200),
        ("GET", "/nowhere", 404),
        ("DELETE", "/api/flags/eval", 405),
        ("OPTIONS", "/api/flags/eval", 204),
        ("OPTIONS", "/nowhere", 204),
    ];
    for (method, target, status) in cases {
        let response = call(&loaded, method, target).response();
        assert_eq!(response.status, status, "{method} {target}");
        assert_eq!(response.header("X-Request-Id"), Some("r-1"));
        assert_eq!(response.header("Access-Control-Allow-Origin"), Some("*"));
        assert_eq!(response.header("X-Content-Type-Options"), Some("nosniff"));
        let mut names: Vec<_> = response.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), response.headers.len(), "{method} {target}: a header twice");
        if method == "GET" {
            let head = call(&loaded, "HEAD", target).response();
            assert_eq!((head.status, &head.headers, head.body.len()), (response.status, &response.headers, 0));
        }
    }
    let refused = call(&loaded, "DELETE", "/api/flags/eval").response();
    assert_eq!(refused.header("Allow"), Some("GET, HEAD, OPTIONS"));
}

/// An adapter fetches no other headers, so no other may change an answer, nor whose registry it is made from.
#[test]
fn the_headers_of_a_route_are_all_that_it_reads() {
    let loaded = loaded(DOCUMENT);
    let settings = believing();
    let body = r#"{"context": {"user_id": "U"}, "flags": ["internal"]}"#;
    for (method, target) in [
        ("GET", "/api/flags/eval?key=internal&user=U"),
        ("POST", "/api/flags/eval/batch"),
        ("GET", "/api/flags/registry"),
        ("GET", "/api/flags/health"),
        ("POST", "/ofrep/v1/evaluate/flags/internal"),
        ("POST", "/ofrep/v1/evaluate/flags"),
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("OPTIONS", "/readyz"),
        ("PUT", "/readyz"),
        ("GET", "/nowhere"),
        ("GET", "/openapi.json"),
        ("POST", "/v1/auth/token"),
        ("GET", "/v1/keys"),
        ("GET", "/v1/nowhere"),
    ] {
        let bare = call(&loaded, method, target).body(body);
        let route = Route::of(method, bare.request.path);
        assert!(route.headers().is_sorted_by_key(|header| *header as usize), "{route:?}");
        let unread = Header::ALL.into_iter().filter(|header| !route.headers().contains(header));
        let full = unread.fold(call(&loaded, method, target).body(body), |call, header| call.header(header, "*"));
        assert_eq!(Plan::of(&full.request, &settings, NOW), Plan::of(&bare.request, &settings, NOW), "{route:?}");
        assert_eq!(full.response(), bare.response(), "{route:?}");
    }
}

/// Evaluations are counted where they are made, also where the answer is that there is nothing new, and none are made up.
#[test]
fn an_answer_says_what_was_evaluated_for_it() {
    use burgee_core::Reason::{StageFull, StageInternalNotStaff, UnknownFlag};

    let loaded = loaded(DOCUMENT);
    let batch = r#"{"context": {"user_id": "U"}, "flags": ["full", "nope", "full", "internal"]}"#;
    let remote = r#"{"context": {"targetingKey": "bucket-low-1"}}"#;
    for (method, target, body, surface, reasons) in [
        ("GET", "/api/flags/eval?key=full&user=U", "", Surface::Api, &[StageFull][..]),
        ("GET", "/api/flags/eval?key=nope&user=U", "", Surface::Api, &[UnknownFlag]),
        ("GET", "/api/flags/eval?user=U", "", Surface::Api, &[]),
        (
            "POST",
            "/api/flags/eval/batch",
            batch,
            Surface::Api,
            &[StageFull, UnknownFlag, StageFull, StageInternalNotStaff],
        ),
        ("POST", "/ofrep/v1/evaluate/flags/full", remote, Surface::Ofrep, &[StageFull]),
        ("POST", "/ofrep/v1/evaluate/flags/nope", remote, Surface::Ofrep, &[UnknownFlag]),
        ("GET", "/api/flags/registry", "", Surface::Api, &[]),
        ("GET", "/healthz", "", Surface::Api, &[]),
    ] {
        let response = call(&loaded, method, target).body(body).response();
        assert_eq!(response.evaluations, Evaluations::of(surface, reasons.iter().copied()), "{method} {target}");
        assert_eq!(response.evaluations.count(), reasons.len() as u64);
    }
    let bulk = || call(&loaded, "POST", "/ofrep/v1/evaluate/flags").body(remote);
    let first = bulk().response();
    let again = bulk().header(Header::IfNoneMatch, first.header("ETag").unwrap()).response();
    assert_eq!((first.status, again.status), (200, 304));
    assert_eq!(first.evaluations, again.evaluations);
    let flags = serde_json::from_slice::<Value>(&first.body).unwrap()["flags"].as_array().unwrap().len();
    assert_eq!((flags > 3, first.evaluations.count()), (true, flags as u64));
}

#[test]
fn metrics_are_for_who_has_their_token() {
    let again = |settings: &Settings, authorization: &str| {
        let headers = Headers::default().with(Header::Authorization, authorization);
        let request = Request { method: "GET", path: "/metrics", query: "", headers, body: Body::None };
        let plan = Plan::of(&request, settings, NOW);
        if !plan.is_refused() {
            return None;
        }
        let moment = Moment { now: NOW, request_id: "r-1", service_version: "0.1.0" };
        let response = respond(&plan, &request, Registry::NotAsked, &moment);
        crate::conformance::check("GET", "/metrics", &response);
        let challenge = response.header("WWW-Authenticate").map(str::to_owned);
        assert!(!String::from_utf8(response.body).unwrap().contains("scrape"));
        Some((response.status, challenge))
    };
    let open = Settings::default();
    let shut = Settings { metrics_token: Some(crate::v1::Secret::new("scrape-9d1c77aa52")), ..Settings::default() };
    let refused = Some((401, Some("Bearer".to_owned())));
    for (authorization, expected) in [
        ("", &refused),
        ("Bearer", &refused),
        ("Bearer scrape-9d1c77aa5", &refused),
        ("Bearer scrape-9d1c77aa522", &refused),
        ("Bearer SCRAPE-9D1C77AA52", &refused),
        ("Basic scrape-9d1c77aa52", &refused),
        ("scrape-9d1c77aa52", &refused),
        ("Bearer scrape-9d1c77aa52", &None),
        ("bearer  scrape-9d1c77aa52 ", &None),
    ] {
        assert_eq!(&again(&shut, authorization), expected, "{authorization}");
        assert_eq!(again(&open, authorization), None, "{authorization}");
    }
}

#[test]
fn metrics_are_text_or_say_why_not() {
    let request = Request { method: "GET", path: "/metrics", query: "", headers: Headers::default(), body: Body::None };
    let moment = Moment { now: NOW, request_id: "r-1", service_version: "0.1.0" };
    let shown = show_metrics(Ok("a 1\n".to_owned()), &request, &moment);
    assert_eq!((shown.status, shown.body.as_slice()), (200, &b"a 1\n"[..]));
    assert_eq!(shown.header("Content-Type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let failed = show_metrics(Err("it is down".to_owned()), &request, &moment);
    assert_eq!((failed.status, failed.body.as_slice()), (503, &b"the totals cannot be had: it is down"[..]));
    assert_eq!(show_metrics(Ok("a 1\n".to_owned()), &Request { method: "HEAD", ..request }, &moment).body, b"");
}
