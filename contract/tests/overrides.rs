//! Override rows: what the schema says of them is what the reader says, and operators see those of a flag.

use burgee_contract::sensitive::CLOSED;
use burgee_contract::{
    Body, Cache, Header, Headers, Loaded, Moment, OVERRIDE_SCHEMA, Plan, Registry, Request, Response, Served, Settings,
    respond,
};
use burgee_core::model::Override;
use burgee_core::time::parse_rfc3339;
use serde_json::{Value, json};

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../parity/vectors/overrides.json")).unwrap()
}

fn rows() -> Vec<Value> {
    vectors()["rows"].as_array().unwrap().clone()
}

fn now() -> i64 {
    parse_rfc3339(vectors()["now"].as_str().unwrap()).unwrap()
}

fn validator() -> jsonschema::Validator {
    let schema: Value = serde_json::from_str(OVERRIDE_SCHEMA).unwrap();
    assert!(jsonschema::draft7::meta::is_valid(&schema));
    jsonschema::draft7::options().should_validate_formats(true).build(&schema).unwrap()
}

/// The platform's registry with the example rows.
fn registry() -> Loaded {
    let mut registry: Value = serde_json::from_str(include_str!("../../parity/vectors/registry.json")).unwrap();
    registry["overrides"] = json!(rows());
    Loaded::read(registry.to_string().into()).unwrap()
}

fn get(loaded: &Loaded, path: &str, headers: &[(Header, &'static str)]) -> Response {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let headers = headers.iter().fold(Headers::default(), |headers, (name, value)| headers.with(*name, value));
    let request = Request { method: "GET", path, query, headers, body: Body::None };
    let mut settings = Settings::default();
    settings.identity.allow_dev_headers = true;
    let plan = Plan::of(&request, &settings, now());
    let served = Served {
        loaded,
        backing: burgee_contract::BackingState::KvBacked,
        cache: Cache::Hit,
        confirmed_at: 0,
        fault: None,
        gate: &CLOSED,
    };
    let registry = if plan.registry().is_some() { Registry::Ready(served) } else { Registry::NotAsked };
    respond(&plan, &request, registry, &Moment { now: now(), request_id: "r", service_version: "0" })
}

fn data(response: &Response) -> Value {
    assert_eq!(response.status, 200, "{}", String::from_utf8_lossy(&response.body));
    serde_json::from_slice::<Value>(&response.body).unwrap()["data"].clone()
}

#[test]
fn the_example_rows_are_rows_of_every_kind() {
    let (rows, validator) = (rows(), validator());
    assert_eq!(rows.len(), 8);
    for row in &rows {
        assert!(validator.is_valid(row), "{row}");
        Override::read(&row.to_string()).unwrap();
    }
    let loaded = registry();
    assert_eq!(loaded.snapshot().unwrap().warnings(), [], "each is of a flag and a variant that there is");
    let has = |name: &str| rows.iter().filter(|row| row.get(name).is_some_and(|value| !value.is_null())).count();
    let of = |scope: &str| rows.iter().filter(|row| row["scope"] == scope).count();
    assert_eq!((of("tenant"), of("user"), has("expires_at"), has("approval_ref")), (3, 5, 3, 2));
}

#[test]
fn the_schema_accepts_what_the_reader_accepts_and_nothing_else() {
    let validator = validator();
    let row = |change: &dyn Fn(&mut Value)| {
        let mut row = json!({"scope": "user", "id": "U", "flag": "f", "variant": true});
        change(&mut row);
        row
    };
    let without = |name: &str| {
        row(&|row| {
            row.as_object_mut().unwrap().remove(name);
        })
    };
    let with = |name: &str, value: Value| row(&|row| row[name] = value.clone());
    let mut cases = vec![
        (true, row(&|_| {})),
        (false, json!(null)),
        (false, json!([])),
        (false, json!("row")),
        (false, json!({})),
        (true, with("other", json!({"ignored": [1]}))),
    ];
    for name in ["scope", "id", "flag", "variant"] {
        cases.push((false, without(name)));
        cases.push((false, with(name, Value::Null)));
        cases.push((false, with(name, json!(7))));
        cases.push((false, with(name, json!(["user"]))));
        cases.push((false, with(name, json!({}))));
    }
    cases.extend([
        (true, with("scope", json!("tenant"))),
        (false, with("scope", json!("Tenant"))),
        (false, with("scope", json!("global"))),
        (false, with("scope", json!(true))),
        (false, with("id", json!(""))),
        (true, with("id", json!("42"))),
        (true, with("flag", json!(""))),
        (true, with("flag", json!("no such flag"))),
        (true, with("variant", json!(""))),
        (true, with("variant", json!("on"))),
        (true, with("variant", json!(false))),
    ]);
    for name in ["approval_ref", "reason", "created_by"] {
        for (accepted, value) in [
            (true, json!(null)),
            (true, json!("")),
            (true, json!("x")),
            (false, json!(1)),
            (false, json!([])),
            (false, json!(true)),
        ] {
            cases.push((accepted, with(name, value)));
        }
    }
    for name in ["expires_at", "created_at"] {
        for (accepted, value) in [
            (true, json!(null)),
            (true, json!("2026-11-21T10:00:00Z")),
            (true, json!("2026-11-21t10:00:00.123456z")),
            (true, json!("2026-11-21T10:00:00+02:00")),
            (true, json!("2024-02-29T00:00:00-23:59")),
            (true, json!(1_793_520_000_000_i64)),
            (true, json!(-1)),
            (true, json!(1.0)),
            (true, json!(9_007_199_254_740_991_i64)),
            (false, json!(9_007_199_254_740_992_i64)),
            (false, json!(1.5)),
            (false, json!("")),
            (false, json!("2026-11-21")),
            (false, json!("2026-11-21 10:00:00Z")),
            (false, json!("2026-11-21T10:00:00")),
            (false, json!("2026-11-21T10:00Z")),
            (false, json!("2026-13-01T00:00:00Z")),
            (false, json!("2026-04-31T00:00:00Z")),
            (false, json!("2023-02-29T00:00:00Z")),
            (false, json!("2026-11-21T24:00:00Z")),
            (false, json!("2026-11-21T10:60:00Z")),
            (false, json!("2016-12-31T23:59:60Z")),
            (false, json!("2026-11-21T10:00:00+24:00")),
            (false, json!("2026-11-21T10:00:00.Z")),
            (false, json!(" 2026-11-21T10:00:00Z")),
            (false, json!("1793520000000")),
            (false, json!(true)),
            (false, json!({})),
        ] {
            cases.push((accepted, with(name, value)));
        }
    }
    assert_eq!(cases.len(), 111);
    for (accepted, row) in cases {
        assert_eq!(Override::read(&row.to_string()).is_ok(), accepted, "the reader: {row}");
        assert_eq!(validator.is_valid(&row), accepted, "the schema: {row}");
    }
}

#[test]
fn the_schema_is_served() {
    let response = get(&registry(), "/schemas/override.json", &[]);
    assert_eq!((response.status, response.header("Content-Type")), (200, Some("application/schema+json")));
    assert_eq!(response.body, OVERRIDE_SCHEMA.as_bytes());
}

#[test]
fn an_operator_sees_the_rows_of_a_flag() {
    let loaded = registry();
    let of = |key: &str| get(&loaded, &format!("/api/flags/overrides/by-flag/{key}"), &[]);
    assert_eq!(
        data(&of("cases.runtime_v1")),
        json!({"flag_key": "cases.runtime_v1", "rows": [
            {"scope": "tenant", "id": "pty-override-2", "variant": "on", "created_by": "cases", "created_at": "2026-11-01T08:00:00.000Z", "expired": false},
            {"scope": "user", "id": "U-100002", "variant": "on", "expires_at": "2099-01-01T00:00:00.000Z", "reason": "a trial with an end",
             "created_by": "cases", "expired": false},
            {"scope": "user", "id": "U-100003", "variant": true, "expires_at": "2025-11-21T08:00:00.000Z",
             "reason": "demonstration: it has ended, and is kept to be looked at", "created_by": "cases", "expired": true},
        ]})
    );
    assert_eq!(data(&of("cases%2Eruntime_v1"))["rows"].as_array().unwrap().len(), 3);
    assert_eq!(data(&of("no.such")), json!({"flag_key": "no.such", "rows": []}));
    assert_eq!(of("%zz").status, 400);

    assert_eq!(of("ff.cm.advanced_policy").status, 403, "it is sensitive");
}

#[test]
fn of_repeated_rows_the_last_is_listed_as_it_is_evaluated() {
    let document = json!({"flags": [{"key": "f"}], "overrides": [
        {"scope": "user", "id": "U", "flag": "f", "variant": true},
        {"scope": "user", "flag": "f", "variant": "at fault"},
        {"scope": "tenant", "id": "U", "flag": "f", "variant": true},
        {"scope": "user", "id": "U", "flag": "f", "variant": false},
    ]});
    let loaded = Loaded::read(document.to_string().into()).unwrap();
    let rows = data(&get(&loaded, "/api/flags/overrides/by-flag/f", &[]))["rows"].clone();
    let rows: Vec<_> =
        rows.as_array().unwrap().iter().map(|row| (row["scope"].clone(), row["variant"].clone())).collect();
    assert_eq!(rows, [(json!("tenant"), json!(true)), (json!("user"), json!(false))]);
}

#[test]
fn a_users_row_stands_before_a_tenants_that_says_otherwise() {
    let loaded = registry();
    let ask = |user: &'static str| {
        let headers = [(Header::UserId, user), (Header::TenantId, "pty-override-1"), (Header::Env, "prod")];
        data(&get(&loaded, "/api/flags/eval?key=flags.registry_v1", &headers))
    };
    let both = ask("U-100001");
    assert_eq!(
        (&both["enabled"], &both["source"], &both["reason"]),
        (&json!(true), &json!("store_user_override"), &json!("user_override_precedence"))
    );
    assert_eq!(
        both["reason_chain"],
        json!([
            {"step": "kill_switch", "outcome": "absent"},
            {"step": "inline_user_override", "outcome": "absent"},
            {"step": "inline_tenant_override", "outcome": "absent"},
            {"step": "store_user_override", "outcome": "match"},
        ])
    );
    let tenant = ask("U-9");
    assert_eq!((&tenant["enabled"], &tenant["reason"]), (&json!(false), &json!("tenant_override_precedence")));
    let chain = tenant["reason_chain"].as_array().unwrap();
    assert_eq!(
        chain[3..],
        [
            json!({"step": "store_user_override", "outcome": "absent"}),
            json!({"step": "store_tenant_override", "outcome": "match"})
        ]
    );
}
