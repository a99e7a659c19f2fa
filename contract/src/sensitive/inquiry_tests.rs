use super::*;
use crate::http::{Body, Header, Headers};
use crate::identity::{Claims, Identity, MatrixRow};
use crate::loaded::Served;
use crate::respond::{Moment, Registry, respond};
use crate::sensitive::{CLOSED, PolicyDecision, TtlState};
use crate::{Cache, Settings};
use serde_json::{Value, json};

fn document() -> Value {
    let sensitive =
        |approval| json!({"sensitive_flag": true, "requires_approval": approval, "approval_matrix_row": "row-1"});
    json!({"tenant": "platform", "flags": [
        {"key": "s", "default_variant": "on", "sensitive": sensitive(false)},
        {"key": "a", "type": "string", "variants": [{"key": "lo", "value": "L"}, {"key": "hi", "value": "H"}],
         "off_variant": "lo", "default_variant": "hi", "sensitive": sensitive(true)},
        {"key": "needs", "prerequisites": [{"flag": "s", "variants": ["on"]}]},
        {"key": "open", "default_variant": "on"},
    ]})
}

/// Who asks, as the token says.
#[derive(Clone, Copy)]
struct Who<'a> {
    is_verified: bool,
    approval_ref: Option<&'a str>,
}

const VERIFIED: Who<'_> = Who { is_verified: true, approval_ref: Some("APP-1") };
const UNVERIFIED: Who<'_> = Who { is_verified: false, approval_ref: Some("APP-1") };

struct Ask {
    method: &'static str,
    path: &'static str,
    query: &'static str,
    body: String,
}

const EVAL: &str = "/api/flags/eval";
const BATCH: &str = "/api/flags/eval/batch";
const SENSITIVE: &str = "/api/flags/sensitive-eval";
const ALL: &str = "/ofrep/v1/evaluate/flags";

fn get(query: &'static str) -> Ask {
    Ask { method: "GET", path: EVAL, query, body: String::new() }
}

fn post(path: &'static str, body: &Value) -> Ask {
    Ask { method: "POST", path, query: "", body: body.to_string() }
}

impl Ask {
    /// What is asked, and the answer of the surface with what is said to that.
    fn with(&self, asker: &Who<'_>, answer: impl Fn(&str) -> PolicyAnswer) -> (Vec<Value>, Value) {
        let settings = Settings { open_registries: vec!["platform".to_owned()], ..Settings::default() };
        let loaded = Loaded::read(document().to_string().into()).unwrap();
        let headers = Headers::default().with(Header::UserId, "U-1").with(Header::Tenant, "platform");
        let body = if self.method == "GET" { Body::None } else { Body::Bytes(self.body.as_bytes()) };
        let request = Request { method: self.method, path: self.path, query: self.query, headers, body };
        let claims = Claims {
            subject: "U-1".to_owned(),
            tenant_id: Some("T-1".to_owned()),
            approval_ref: asker.approval_ref.map(str::to_owned),
            ..Claims::default()
        };
        let row = if asker.is_verified { MatrixRow::M01 } else { MatrixRow::M11 };
        let plan = Plan::of(&request, &settings, 0).identified(Ok(Identity::of_token(row, claims)));
        let inquiry = Inquiry::of(&plan, &request, &loaded);
        let mut asked = Vec::new();
        let gate = match inquiry {
            None => Gate::unasked(&plan),
            Some(inquiry) => {
                let answers = inquiry.questions().iter().map(|question| {
                    let body: Value = serde_json::from_str(question.body()).unwrap();
                    let said = answer(body["target_id"].as_str().unwrap());
                    asked.push(body);
                    said
                });
                let answers = answers.collect();
                inquiry.gate(answers)
            }
        };
        let served = Served {
            loaded: &loaded,
            backing: crate::BackingState::KvBacked,
            cache: Cache::Hit,
            confirmed_at: 0,
            fault: None,
            gate: &gate,
        };
        let moment = Moment { now: 0, request_id: "r", service_version: "0" };
        let response = respond(&plan, &request, Registry::Ready(served), &moment);
        assert_eq!(response.status, 200, "{}", String::from_utf8_lossy(&response.body));
        let answer: Value = serde_json::from_slice(&response.body).unwrap();
        (asked, answer.get("data").cloned().unwrap_or(answer))
    }

    fn asked(&self) -> String {
        let (asked, _) = self.with(&VERIFIED, |_| PolicyAnswer::Unreachable);
        asked.iter().map(|body| body["target_id"].as_str().unwrap()).collect::<Vec<_>>().join(" ")
    }
}

fn decided(decision: PolicyDecision, ttl_state: TtlState) -> PolicyAnswer {
    PolicyAnswer::Decided { decision, ttl_state, approval_ref: None }
}

#[test]
fn each_sensitive_flag_that_an_answer_depends_on_is_asked_about_once() {
    for (ask, expected) in [
        (get("key=open"), ""),
        (get("key=no.such"), ""),
        (get("key=s"), "s"),
        (get("key=needs"), "s"),
        (post(BATCH, &json!({"context": {}, "flags": ["s", "open", "needs", "a", "s"]})), "a s"),
        (post(BATCH, &json!({"context": {}, "flags": ["open"]})), ""),
        (post(SENSITIVE, &json!({"key": "a"})), "a"),
        (post(SENSITIVE, &json!({"key": "open"})), ""),
        (Ask { path: "/ofrep/v1/evaluate/flags/s", ..post(ALL, &json!({})) }, "s"),
        (Ask { path: "/ofrep/v1/evaluate/flags/%6eeeds", ..post(ALL, &json!({})) }, "s"),
        (post(ALL, &json!({})), "a s"),
    ] {
        assert_eq!(ask.asked(), expected, "{} {} {}", ask.path, ask.query, ask.body);
        // Who is not verified is told of none, and so nobody is asked.
        let (asked, _) = ask.with(&UNVERIFIED, |_| PolicyAnswer::Unreachable);
        assert!(asked.is_empty(), "{}", ask.path);
    }
}

#[test]
fn an_approval_is_shown_for_flags_that_require_one() {
    let question = |key: &str, approval: Value| {
        let mut body = json!({"target_type": "feature_flag", "target_id": key, "matrix_row": "row-1", "subject": "U-1", "tenant_id": "T-1"});
        if !approval.is_null() {
            body["approval_ref"] = approval;
        }
        body
    };
    let bulk = post(ALL, &json!({}));
    let (asked, _) = bulk.with(&VERIFIED, |_| PolicyAnswer::Unreachable);
    assert_eq!(asked, [question("a", json!("APP-1")), question("s", Value::Null)]);
    // The body's counts where neither token nor header names one.
    let ask = post(SENSITIVE, &json!({"key": "a", "approval_ref": "APP-2"}));
    let nameless = Who { approval_ref: None, ..VERIFIED };
    assert_eq!(ask.with(&VERIFIED, |_| PolicyAnswer::Unreachable).0, [question("a", json!("APP-1"))]);
    assert_eq!(ask.with(&nameless, |_| PolicyAnswer::Unreachable).0, [question("a", json!("APP-2"))]);
    let long = "x".repeat(limits::APPROVAL_REF_CHARS + 1);
    let wrong = Who { approval_ref: Some(&long), ..VERIFIED };
    assert_eq!(bulk.with(&wrong, |_| PolicyAnswer::Unreachable).0[0], question("a", Value::Null));
}

#[test]
fn what_the_service_says_decides_on_every_surface() {
    use PolicyDecision::{Allow, AllowWithWarning, Deny};
    for (said, value, reason) in [
        (decided(Allow, TtlState::Valid), true, "default"),
        (decided(Allow, TtlState::None), true, "default"),
        (decided(AllowWithWarning, TtlState::Expiring), true, "default"),
        (decided(Deny, TtlState::Valid), false, "policy_denied"),
        (decided(Allow, TtlState::Expired), false, "approval_expired"),
        (decided(Deny, TtlState::Expired), false, "approval_expired"),
        (PolicyAnswer::Unreachable, false, "admin_unreachable"),
    ] {
        let answer = |_: &str| said.clone();
        let (_, one) = get("key=s").with(&VERIFIED, answer);
        let (_, batch) = post(BATCH, &json!({"context": {}, "flags": ["s", "needs"]})).with(&VERIFIED, answer);
        let (_, alone) = post(SENSITIVE, &json!({"key": "s"})).with(&VERIFIED, answer);
        for evaluation in [&one, &batch[0], &alone["evaluation"]] {
            assert_eq!((&evaluation["value"], &evaluation["reason"]), (&json!(value), &json!(reason)), "{said:?}");
        }
        assert_eq!(batch[1]["value"], json!(value), "the prerequisite is met, or not");
        let (_, ofrep) = Ask { path: "/ofrep/v1/evaluate/flags/s", ..post(ALL, &json!({})) }.with(&VERIFIED, answer);
        let (_, bulk) = post(ALL, &json!({})).with(&VERIFIED, answer);
        for evaluation in [&ofrep, &bulk["flags"][0]] {
            let code = if value { Value::Null } else { json!(reason) };
            assert_eq!((&evaluation["value"], &evaluation["metadata"]["reasonCode"]), (&json!(value), &code));
        }
    }
}

#[test]
fn meta_says_what_the_service_said() {
    let said = PolicyAnswer::Decided {
        decision: PolicyDecision::AllowWithWarning,
        ttl_state: TtlState::Expiring,
        approval_ref: Some("APP-9".to_owned()),
    };
    let (_, one) = get("key=a").with(&VERIFIED, |_| said.clone());
    assert_eq!(one["value"], "H");
    assert_eq!(one["meta"]["approval_ref"], "APP-9");
    assert_eq!(one["meta"]["ttl_state"], "expiring");
    assert_eq!(one["meta"]["policy"], json!({"decision": "allow-with-warning", "cached": false}));
    assert_eq!(one["meta"]["warnings"], json!(["policy_warning"]));
    assert_eq!(one["meta"]["auth_source"], "jwt");
    assert_eq!(one["reason_chain"][0], json!({"step": "sensitive", "outcome": "permitted"}));

    let (_, one) = get("key=a").with(&VERIFIED, |_| decided(PolicyDecision::Deny, TtlState::Expired));
    assert_eq!(
        (&one["value"], &one["enabled"], &one["meta"]["approval_ref"]),
        (&json!("L"), &json!(false), &json!("APP-1"))
    );
    assert_eq!(one["meta"]["policy"]["decision"], "deny");

    for (asker, answer) in
        [(VERIFIED, PolicyAnswer::Unreachable), (UNVERIFIED, decided(PolicyDecision::Allow, TtlState::Valid))]
    {
        let (_, one) = get("key=a").with(&asker, |_| answer.clone());
        for name in ["policy", "ttl_state", "approval_ref"] {
            assert!(one["meta"].get(name).is_none(), "{name}");
        }
    }
    let (_, open) = get("key=needs").with(&VERIFIED, |_| said.clone());
    assert!(open["meta"].get("policy").is_none(), "it is not the flag that was asked about");
}

#[test]
fn sensitive_eval_gives_the_profile_and_the_gate() {
    let profile = json!({"sensitive_flag": true, "requires_approval": true, "approval_matrix_row": "row-1"});
    let ask = post(SENSITIVE, &json!({"key": "a", "context": {"user_id": "U-1"}, "other": 1}));
    for (asker, said, gate) in [
        (
            VERIFIED,
            decided(PolicyDecision::Allow, TtlState::Valid),
            json!({"decision": "allow", "ttl_state": "valid", "approval_ref": "APP-1"}),
        ),
        (
            VERIFIED,
            decided(PolicyDecision::Allow, TtlState::Expired),
            json!({"decision": "deny", "reason": "approval_expired", "ttl_state": "expired", "approval_ref": "APP-1"}),
        ),
        (VERIFIED, PolicyAnswer::Unreachable, json!({"decision": "deny", "reason": "admin_unreachable"})),
        (UNVERIFIED, PolicyAnswer::Unreachable, json!({"decision": "deny", "reason": "auth_not_verified"})),
    ] {
        let (_, answer) = ask.with(&asker, |_| said.clone());
        assert_eq!((&answer["sensitivity"], &answer["gate"]), (&profile, &gate));
        assert_eq!(answer["evaluation"]["flag_key"], "a");
    }
    for key in ["open", "no.such"] {
        let (_, answer) = post(SENSITIVE, &json!({"key": key})).with(&VERIFIED, |_| PolicyAnswer::Unreachable);
        let open = json!({"sensitive_flag": false, "requires_approval": false, "approval_matrix_row": null});
        assert_eq!((&answer["sensitivity"], &answer["gate"]), (&open, &json!({"decision": "not_required"})), "{key}");
    }
}

#[test]
fn a_flag_that_nobody_was_asked_about_is_not_told() {
    let gate = Gate::of([].into_iter());
    assert_eq!(gate.denial("s"), Some(burgee_core::Denial::AdminUnreachable));
    assert_eq!(CLOSED.denial("s"), Some(burgee_core::Denial::AuthNotVerified));
    let flags: Vec<_> = (0..50).map(|place| json!({"key": format!("f{place}"), "sensitive": {"sensitive_flag": true, "requires_approval": false}})).collect();
    let loaded = Loaded::read(json!({"flags": flags}).to_string().into()).unwrap();
    let inquiry = Inquiry::about_all(&loaded, &Asker { subject: "U-1", tenant_id: None, approval_ref: None }).unwrap();
    assert_eq!(inquiry.questions().len(), limits::POLICY_QUESTIONS);
    let answers = vec![decided(PolicyDecision::Allow, TtlState::Valid); limits::POLICY_QUESTIONS];
    let gate = inquiry.gate(answers);
    let denied = (0..50).filter(|place| gate.denial(&format!("f{place}")).is_some()).count();
    assert_eq!(denied, 50 - limits::POLICY_QUESTIONS);
}
