//! The surface as its clients see it: requests in, responses out.

use serde_json::{Value, json};

use crate::freshness::Cache;
use crate::http::{Body, Header, Headers, Request, Response};
use crate::loaded::{Loaded, ReadFault, Served};
use crate::respond::{Moment, Registry, refuse, respond};
use crate::route::Plan;
use crate::settings::Settings;
use crate::{ErrorCode, Problem};

const DOCUMENT: &str = r##"{
  "schema": "burgee.snapshot/1", "tenant": "acme", "version": 12,
  "flags": [
    {"key": "bool", "version": 3, "metadata": {"owner": "team-a", "version": "own"}},
    {"key": "int", "type": "integer", "variants": [{"key": "two", "value": 2.0}], "default_variant": "two"},
    {"key": "num", "type": "number", "variants": [{"key": "one", "value": 1}], "default_variant": "one"},
    {"key": "obj", "type": "json", "variants": [{"key": "o", "value": {"b": 1.0, "a": [1, null]}}], "default_variant": "o"},
    {"key": "off", "state": "off"},
    {"key": "none", "type": "string", "variants": [{"key": "v", "value": "x"}]},
    {"key": "none-off", "type": "string", "state": "off", "variants": [{"key": "v", "value": "x"}]},
    {"key": "bad", "type": "colour"},
    {"key": "split", "type": "string", "variants": [{"key": "v", "weight": 1}, {"key": "w", "weight": 0}]},
    {"key": "by-team", "fallthrough": {"distribution": [{"variant": "on", "weight": 1}], "bucket_by": "team"}},
    {"key": "by-tier", "rollout_stage": "internal"},
    {"key": "held"}
  ],
  "overrides": [{"scope": "user", "id": "u1", "flag": "held", "variant": false, "expires_at": 2000}]
}"##;

const ALL: &str = "/ofrep/v1/evaluate/flags";
const NOW: i64 = 1_000;

fn loaded(document: &str) -> Loaded {
    Loaded::read(document.as_bytes().to_vec()).unwrap()
}

fn request<'a>(path: &'a str, body: &'a str) -> Request<'a> {
    Request { method: "POST", path, query: "", headers: Headers::default(), body: Body::Bytes(body.as_bytes()) }
}

fn answer(request: &Request<'_>, registry: Registry<'_>, now: i64) -> Response {
    let settings = Settings { open_registries: vec!["acme".to_owned()], ..Settings::default() };
    let plan = Plan::of(request, &settings, NOW);
    let registry = if plan.registry().is_some() { registry } else { Registry::NotAsked };
    let response = respond(&plan, request, registry, &Moment { now, request_id: "r-1", service_version: "0.1.0" });
    crate::conformance::check(request.method, request.path, &response);
    response
}

fn ready(loaded: &Loaded) -> Registry<'_> {
    Registry::Ready(Served {
        loaded,
        backing: crate::BackingState::KvBacked,
        cache: Cache::Hit,
        confirmed_at: 0,
        fault: None,
        gate: &crate::sensitive::CLOSED,
    })
}

fn ask(document: &str, path: &str, body: &str) -> Response {
    answer(&request(path, body), ready(&loaded(document)), NOW)
}

fn json_of(response: &Response) -> Value {
    assert_eq!(response.header("Content-Type"), Some("application/json"));
    serde_json::from_slice(&response.body).unwrap()
}

fn one(key: &str, context: &str) -> (u16, Value) {
    let response = ask(DOCUMENT, &format!("{ALL}/{key}"), &format!(r#"{{"context": {context}}}"#));
    assert_eq!(response.header("Cache-Control"), Some("no-store"));
    (response.status, json_of(&response))
}

#[test]
fn one_flag_is_answered_with_all_that_clients_need() {
    for (key, expected) in [
        (
            "bool",
            json!({"key": "bool", "value": true, "reason": "STATIC", "variant": "on",
                   "metadata": {"owner": "team-a", "version": "own", "flagSetId": "acme"}}),
        ),
        (
            "obj",
            json!({"key": "obj", "value": {"b": 1.0, "a": [1, null]}, "reason": "STATIC", "variant": "o",
                   "metadata": {"flagSetId": "acme"}}),
        ),
        (
            "off",
            json!({"key": "off", "value": false, "reason": "STATIC", "variant": "off",
                   "metadata": {"flagSetId": "acme", "reasonCode": "flag_off", "flagState": "off"}}),
        ),
        (
            "split",
            json!({"key": "split", "value": "v", "reason": "SPLIT", "variant": "v",
                   "metadata": {"flagSetId": "acme", "reasonCode": "default_distribution"}}),
        ),
    ] {
        assert_eq!(one(key, r#"{"targetingKey": "u1"}"#), (200, expected), "{key}");
    }
}

#[test]
fn an_integer_has_no_point_and_a_number_always_has_one() {
    for (key, text) in
        [("int", r#""value":2,"#), ("num", r#""value":1.0,"#), ("obj", r#""value":{"b":1.0,"a":[1,null]},"#)]
    {
        for path in [format!("{ALL}/{key}"), ALL.to_owned()] {
            let body = String::from_utf8(ask(DOCUMENT, &path, "").body).unwrap();
            assert!(body.contains(text), "{path}: {body}");
        }
    }
}

#[test]
fn without_a_variant_there_is_no_value_and_the_callers_default_stands() {
    for (key, reason, code) in [
        ("none", "STATIC", None),
        ("none-off", "DISABLED", Some("flag_off")),
        ("bad", "DISABLED", Some("flag_invalid")),
    ] {
        let (status, answer) = one(key, "{}");
        assert_eq!(status, 200);
        assert!(answer.get("value").is_none(), "{answer}");
        assert_eq!((&answer["reason"], &answer["variant"]), (&json!(reason), &json!("")), "{answer}");
        assert_eq!(answer["metadata"]["reasonCode"], json!(code));
    }
}

#[test]
fn a_flag_that_is_not_there_is_named() {
    for (sent, key) in [
        ("nothing", "nothing"),
        ("", ""),
        ("a/b", "a/b"),
        ("a%2Fb+c%20d", "a/b+c d"),
        ("%C3%A9", "\u{e9}"),
        ("%ff", "%ff"),
        ("%4", "%4"),
        ("bool/", "bool/"),
    ] {
        let (status, answer) = one(sent, "{}");
        assert_eq!(
            (status, &answer["key"], &answer["errorCode"]),
            (404, &json!(key), &json!("FLAG_NOT_FOUND")),
            "{sent}"
        );
        assert!(answer["errorDetails"].is_string() && answer["metadata"].is_object(), "{answer}");
    }
    assert_eq!(one("b%6Fol", "{}").0, 200, "a key may be encoded where it need not be");
}

#[test]
fn a_bucket_needs_a_targeting_key() {
    for context in ["null", "{}", r#"{"targetingKey": ""}"#, r#"{"user_id": 0.5}"#] {
        let (status, answer) = one("split", context);
        assert_eq!((status, &answer["errorCode"]), (400, &json!("TARGETING_KEY_MISSING")), "{context}");
        assert_eq!((&answer["key"], &answer["metadata"]["reasonCode"]), (&json!("split"), &json!("no_bucketing_unit")));
        assert!(answer["errorDetails"].as_str().unwrap().contains("targetingKey"), "{answer}");
    }
    for context in [r#"{"targetingKey": "u1"}"#, r#"{"user_id": 7}"#, r#"{"project_id": "p"}"#] {
        assert_eq!(one("split", context).0, 200, "{context}");
    }
    let (status, answer) = one("by-team", r#"{"targetingKey": "u1"}"#);
    assert_eq!((status, &answer["metadata"]["reasonCode"]), (200, &json!("no_bucketing_unit")), "it asks for a team");
    assert_eq!(one("by-team", r#"{"team": "t"}"#).0, 200);
}

#[test]
fn what_is_wrong_with_a_request_is_told_in_the_protocols_words() {
    for (body, status, code, place) in [
        ("{", 400, "PARSE_ERROR", "the body must be JSON"),
        ("[]", 400, "PARSE_ERROR", "the body must be an object"),
        (r#"{"context": 1}"#, 400, "INVALID_CONTEXT", "/context must be an object"),
        (r#"{"context": {"targetingKey": 1}}"#, 400, "INVALID_CONTEXT", "/context/targetingKey must be a string"),
        (r#"{"context": {"a": "\ud800"}}"#, 400, "INVALID_CONTEXT", "/context/a cannot be read"),
    ] {
        for (path, key) in [(format!("{ALL}/bool"), Some(&json!("bool"))), (ALL.to_owned(), None)] {
            let response = ask(DOCUMENT, &path, body);
            let answer = json_of(&response);
            assert_eq!((response.status, &answer["errorCode"]), (status, &json!(code)), "{body}");
            assert!(answer["errorDetails"].as_str().unwrap().starts_with(place), "{answer}");
            assert_eq!((answer.get("key"), &answer["metadata"]), (key, &json!({})));
            assert_eq!(response.error, Some(ErrorCode::InvalidRequest));
        }
    }
}

#[test]
fn all_flags_are_answered_and_errors_stand_among_them() {
    let response = ask(DOCUMENT, ALL, r#"{"context": {"tier": "staff"}}"#);
    let answer = json_of(&response);
    assert_eq!(answer["metadata"], json!({"flagSetId": "acme", "version": 12}));
    let flags = answer["flags"].as_array().unwrap();
    let keys: Vec<_> = flags.iter().map(|flag| flag["key"].as_str().unwrap()).collect();
    assert_eq!(
        keys,
        ["bool", "int", "num", "obj", "off", "none", "none-off", "bad", "split", "by-team", "by-tier", "held"]
    );
    for flag in flags {
        let key = flag["key"].as_str().unwrap();
        let (status, single) = one(key, r#"{"tier": "staff"}"#);
        assert_eq!(*flag, single, "{key}");
        assert_eq!(status == 400, flag["errorCode"] == "TARGETING_KEY_MISSING");
        assert_eq!(status == 400, ["split", "by-team"].contains(&key), "{key}");
    }
    assert_eq!(flags[10]["value"], json!(true));
    assert_eq!(json_of(&ask(r#"{"flags": []}"#, ALL, "")), json!({"flags": [], "metadata": {"version": 0}}));
}

#[test]
fn the_entity_tag_covers_the_answer_and_the_context() {
    let tag_at = |document: &str, body: &str, now| {
        let response = answer(&request(ALL, body), ready(&loaded(document)), now);
        assert_eq!((response.status, response.header("Cache-Control")), (200, Some("private, no-cache")));
        response.header("ETag").unwrap().to_owned()
    };
    let tag = |document: &str, body: &str| tag_at(document, body, NOW);
    let context = r#"{"context": {"targetingKey": "u1", "country": "CA", "home": {"a": 1, "b": 2}}}"#;
    let first = tag(DOCUMENT, context);
    assert!(first.starts_with("\"12-") && first.ends_with('"') && !first.starts_with("W/"), "{first}");
    for same in [
        r#"{"context": {"home": {"b": 2, "a": 1}, "country": "CA", "targetingKey": "u1"}}"#,
        r#"{"other": 1, "context": {"country": "US", "country": "CA", "home": {"a": 1, "b": 2}, "user_id": "u1", "x": null}}"#,
    ] {
        assert_eq!(tag(DOCUMENT, same), first, "{same}");
    }
    let others = [
        tag(DOCUMENT, r#"{"context": {"targetingKey": "u1", "country": "US", "home": {"a": 1, "b": 2}}}"#),
        tag(DOCUMENT, r#"{"context": {"targetingKey": "u2", "country": "CA", "home": {"a": 1, "b": 2}}}"#),
        tag(DOCUMENT, "{}"),
        tag(&DOCUMENT.replace("\"version\": 12", "\"version\": 13"), context),
        tag(&DOCUMENT.replace("\"tenant\": \"acme\"", "\"tenant\": \"other\""), context),
        tag(&DOCUMENT.replace("\"value\": 2.0", "\"value\": 3"), context),
        // The override ends: neither the version nor the context changes.
        tag_at(DOCUMENT, context, 2_000),
    ];
    let different: std::collections::BTreeSet<_> = others.iter().chain([&first]).collect();
    assert_eq!(different.len(), others.len() + 1, "{others:?}");
    assert_eq!(tag_at(DOCUMENT, context, 1_999), first, "the time alone changes nothing");
}

#[test]
fn who_has_the_answer_is_told_so() {
    let body = r#"{"context": {"targetingKey": "u1"}}"#;
    let loaded = loaded(DOCUMENT);
    fn conditional(loaded: &Loaded, body: &str, condition: &str) -> Response {
        let mut request = request(ALL, body);
        request.headers = request.headers.with(Header::IfNoneMatch, condition);
        answer(&request, ready(loaded), NOW)
    }
    let tag = conditional(&loaded, body, "").header("ETag").unwrap().to_owned();
    for condition in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
        let response = conditional(&loaded, body, &condition);
        assert_eq!(
            (response.status, response.body.len(), response.header("ETag")),
            (304, 0, Some(tag.as_str())),
            "{condition}"
        );
        assert_eq!(response.header("Content-Type"), None);
    }
    assert_eq!(conditional(&loaded, body, "\"x\"").status, 200);
    assert_eq!(conditional(&loaded, r#"{"context": {"targetingKey": "u2"}}"#, &tag).status, 200, "another context");
    assert_eq!(conditional(&loaded, "{", "*").status, 400, "what is wrong is told first");
}

#[test]
fn a_registry_that_is_not_there() {
    let missing = ReadFault::missing("acme");
    let refused = Loaded::take("acme", Ok(Some(b"{".to_vec())), None).unwrap_err();
    for (tenant, fault, status, error) in [
        ("acme", &missing, 404, ErrorCode::NotFound),
        ("", &missing, 503, ErrorCode::RegistryUnavailable),
        ("acme", &refused, 503, ErrorCode::RegistryUnavailable),
    ] {
        for path in [ALL.to_owned(), format!("{ALL}/bool")] {
            let mut request = request(&path, "{}");
            request.headers = request.headers.with(Header::Tenant, tenant);
            let response = answer(&request, Registry::Unavailable(fault), NOW);
            let answer = json_of(&response);
            assert_eq!(
                (response.status, &answer["errorCode"], response.error),
                (status, &json!("GENERAL"), Some(error))
            );
            assert!(answer["errorDetails"].as_str().unwrap().contains("snapshot of tenant acme"), "{answer}");
        }
    }
    let mut request = request(ALL, "{}");
    request.headers = request.headers.with(Header::Tenant, "a/b");
    let response = answer(&request, Registry::NotAsked, NOW);
    assert_eq!((response.status, &json_of(&response)["errorCode"]), (400, &json!("GENERAL")));
}

#[test]
fn every_error_below_the_prefix_has_the_protocols_form() {
    let loaded = loaded(DOCUMENT);
    for (method, path, status, allow) in [
        ("GET", ALL, 405, Some("POST, OPTIONS")),
        ("DELETE", "/ofrep/v1/evaluate/flags/bool", 405, Some("POST, OPTIONS")),
        ("POST", "/ofrep/v1/configuration", 404, None),
        ("GET", "/ofrep/v2/evaluate/flags", 404, None),
        ("POST", "/ofrep/", 404, None),
    ] {
        let request = Request { method, ..request(path, "{}") };
        let response = answer(&request, ready(&loaded), NOW);
        let answer = json_of(&response);
        assert_eq!((response.status, response.header("Allow")), (status, allow), "{method} {path}");
        assert_eq!((&answer["errorCode"], &answer["metadata"]), (&json!("GENERAL"), &json!({})));
        assert!(answer["errorDetails"].is_string());
        assert_eq!(answer.get("key").is_some(), path.ends_with("/bool"));
        assert_eq!(response.header("X-Request-Id"), Some("r-1"));
        assert_eq!(response.header("Access-Control-Allow-Origin"), Some("*"));
    }
    let problem = Problem::new(ErrorCode::InternalError, "lost").hint("ask again");
    let moment = Moment { now: 0, request_id: "r-1", service_version: "0.1.0" };
    let response = refuse(&problem, "POST", &format!("{ALL}/bool"), &moment);
    let expected = json!({"key": "bool", "errorCode": "GENERAL", "errorDetails": "lost; ask again", "metadata": {}});
    assert_eq!((response.status, json_of(&response)), (500, expected));
    assert_eq!(json_of(&refuse(&problem, "GET", "/api/flags/eval", &moment))["error"]["code"], json!("internal_error"));
}

/// Whatever the body is, there is an answer in the protocol's form.
#[test]
fn no_body_goes_unanswered() {
    use proptest::prelude::*;
    let loaded = loaded(DOCUMENT);
    proptest!(|(body in proptest::collection::vec(any::<u8>(), 0..60), one: bool)| {
        let path = if one { format!("{ALL}/split") } else { ALL.to_owned() };
        let request = Request { body: Body::Bytes(&body), ..request(&path, "") };
        let response = answer(&request, ready(&loaded), NOW);
        prop_assert!([200, 400].contains(&response.status));
        let answer = json_of(&response);
        prop_assert_eq!(response.status == 200, answer.get("errorCode").is_none());
        prop_assert!(answer["metadata"].is_object());
    });
}
