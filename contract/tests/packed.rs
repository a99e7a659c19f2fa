//! A registry answers alike in both of its forms, byte for byte.

use burgee_contract::{
    Body, Cache, Header, Headers, Loaded, Moment, Plan, Registry, Request, Response, Served, Settings, respond,
};
use burgee_core::Documents;
use burgee_core::packed::Rows;
use serde_json::{Value, json};

fn answer(loaded: &Loaded, method: &str, url: (&str, &str), body: Option<&Value>) -> Response {
    let body = body.map(Value::to_string);
    let headers = Headers::default().with(Header::UserId, "u-3").with(Header::Tier, "staff");
    let (path, query) = url;
    let body = body.as_ref().map_or(Body::None, |body| Body::Bytes(body.as_bytes()));
    let request = Request { method, path, query, headers, body };
    let mut settings = Settings::default();
    settings.identity.allow_dev_headers = true;
    let plan = Plan::of(&request, &settings, 0);
    let served = Served {
        loaded,
        backing: burgee_contract::BackingState::KvBacked,
        cache: Cache::Hit,
        confirmed_at: 0,
        fault: None,
        gate: &burgee_contract::sensitive::CLOSED,
    };
    let moment = Moment { now: 1_700_000_000_000, request_id: "r-1", service_version: "1" };
    respond(&plan, &request, Registry::Ready(served), &moment)
}

#[test]
fn both_forms_answer_alike() {
    let mut asked = 0;
    for name in ["registry", "rules", "synthetic"] {
        let path = format!("{}/../parity/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let vector: Value = serde_json::from_slice(&std::fs::read(path).expect("a vector")).expect("JSON");
        let registry = vector.get("registry").unwrap_or(&vector);
        let documents = Documents::read(registry.to_string().as_bytes()).expect("a registry");
        let packed = Rows::of(&documents).parts("platform", 3, Some(0)).pack().expect("rows can be packed");
        let packed = || Loaded::read(packed.clone()).expect("what was packed is read");
        let json = Loaded::read(packed().document().to_vec()).expect("the JSON is a registry");
        let held = packed();
        let keys: Vec<&str> =
            documents.flags.iter().map(|flag| flag.value.key.as_str()).chain(["no.such", "a b"]).collect();
        let context = json!({"targetingKey": "u-3", "tier": "staff", "env": "prod", "country": "CA"});
        let mut check = |method: &str, url: (&str, &str), body: Option<&Value>| {
            // One that has answered before, and one that has not.
            let [expected, one, other] = [&json, &held, &packed()].map(|loaded| answer(loaded, method, url, body));
            assert_eq!((&expected, &expected), (&one, &other), "{name}: {method} {url:?}");
            asked += 1;
            expected.status
        };
        for key in &keys {
            let query = format!("key={}", key.replace(' ', "%20"));
            assert_eq!(check("GET", ("/api/flags/eval", &query), None), 200);
            let path = format!("/ofrep/v1/evaluate/flags/{key}");
            check("POST", (&path, ""), Some(&json!({"context": context})));
        }
        let keys = &keys[..keys.len().min(100)];
        let batch = json!({"context": {"user_id": "u-1", "env": "prod"}, "flags": keys, "overrides": {"user": {keys[0]: true}}});
        assert_eq!(check("POST", ("/api/flags/eval/batch", ""), Some(&batch)), 200);
        assert_eq!(check("POST", ("/ofrep/v1/evaluate/flags", ""), Some(&json!({"context": context}))), 200);
        for url in [("/api/flags/registry", ""), ("/api/flags/registry", "summary=true"), ("/api/flags/health", "")] {
            assert_eq!(check("GET", url, None), 200);
        }
    }
    assert!(asked > 100, "{asked} requests");
}
