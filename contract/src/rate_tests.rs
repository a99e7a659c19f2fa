//! What requests cost, and whom.

use serde_json::{Value, json};

use super::*;
use crate::http::{Body, Header, Headers, Request, Response};
use crate::identity::{Looked, Verifier};
use crate::respond::{Moment, refuse};
use crate::settings::Settings;
use crate::v1::Secret;
use crate::v1::token::{self, AUDIENCE, Claims};

const NOW: i64 = 1_800_000_000_000;
const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// One request a second of a client, two about a tenant; a bucket holds two seconds of it.
fn settings() -> Settings {
    let rates = Rates { client: 1, tenant: 2 };
    let mut settings = Settings { rates, token_secrets: vec![Secret::new(SECRET)], ..Settings::default() };
    settings.identity.allow_dev_headers = true;
    settings
}

fn bearer(subject: &str) -> String {
    let names = |name: &str| vec![name.to_owned()];
    let claims = Claims::new(AUDIENCE, subject, names("admin"), names("*"), NOW - 1000, 3600);
    format!("Bearer {}", token::issue(&claims, &settings().token_secrets).unwrap())
}

/// An isolate with its buckets.
struct Isolate {
    settings: Settings,
    buckets: Buckets,
    now: i64,
}

impl Isolate {
    fn new() -> Self {
        Self { settings: settings(), buckets: Buckets::default(), now: NOW }
    }

    /// What a request from an address costs; the response where it is too much.
    fn ask(&mut self, method: &str, path: &str, headers: Headers<'_>, address: &str) -> Option<Response> {
        let request = Request { method, path, query: "", headers, body: Body::None };
        let plan = Plan::of(&request, &self.settings, self.now);
        let plan = match plan.token() {
            Some((token, surface)) => {
                let mut verifier = Verifier::new(self.settings.identity.clone());
                let Looked::Known(verdict) = verifier.look(token, surface, self.now) else {
                    panic!("keys are asked for")
                };
                plan.identified(verdict)
            }
            None => plan,
        };
        let refused = self.buckets.charge(&plan, address, self.now).err()?;
        let moment = Moment { now: self.now, request_id: "r-1", service_version: "0.1.0" };
        Some(refuse(&refused, method, path, &moment))
    }

    /// How many of ten requests pass.
    fn passed(&mut self, path: &str, headers: Headers<'_>, address: &str) -> usize {
        (0..10).filter(|_| self.ask("GET", path, headers, address).is_none()).count()
    }
}

fn about(tenant: &str) -> Headers<'_> {
    Headers::default().with(Header::Tenant, tenant)
}

#[test]
fn a_client_is_its_address_until_a_token_counts() {
    let mut isolate = Isolate::new();
    let (ana, ben) = (bearer("ana"), bearer("ben"));
    let v1 = |tenant: &'static str, token| about(tenant).with(Header::Authorization, token);
    for (what, path, headers, address, passed) in [
        ("an address", "/nowhere", Headers::default(), "192.0.2.1", 2),
        ("the same", "/nowhere", Headers::default(), "192.0.2.1", 0),
        ("the same, written otherwise", "/nowhere", Headers::default(), "::ffff:192.0.2.1", 0),
        ("another", "/nowhere", Headers::default(), "192.0.2.2", 2),
        ("an address of IPv6", "/nowhere", Headers::default(), "2001:db8:1:2::1", 2),
        ("of the same network", "/nowhere", Headers::default(), "2001:db8:1:2:ffff::9", 0),
        ("of another", "/nowhere", Headers::default(), "2001:db8:1:3::1", 2),
        ("no token where one must be", "/v1/flags", about("t1"), "192.0.2.3", 2),
        ("a token that does not count", "/v1/flags", v1("t1", "Bearer a.b.c"), "192.0.2.3", 0),
        ("a token that does", "/v1/flags", v1("t1", &ana), "192.0.2.3", 2),
        ("the same from elsewhere", "/v1/flags", v1("t2", &ana), "192.0.2.4", 0),
        ("another", "/v1/flags", v1("t2", &ben), "192.0.2.3", 2),
        ("who says that he is somebody", "/nowhere", Headers::default().with(Header::UserId, "U-9"), "192.0.2.1", 0),
        ("no address", "/nowhere", Headers::default(), "", 10),
        ("what is none", "/nowhere", Headers::default(), "localhost", 10),
    ] {
        assert_eq!(isolate.passed(path, headers, address), passed, "{what}");
    }
}

#[test]
fn a_tenant_has_a_bucket_that_all_share() {
    let mut isolate = Isolate::new();
    let tokens = ["a", "b", "c"].map(bearer);
    let of = |token| about("acme").with(Header::Authorization, token);
    assert_eq!(isolate.passed("/v1/flags", of(&tokens[0]), ""), 2);
    assert_eq!(isolate.passed("/v1/flags", of(&tokens[1]), ""), 2);
    let refused = isolate.ask("GET", "/v1/flags", of(&tokens[2]), "").unwrap();
    assert_eq!((refused.status, refused.header("Retry-After")), (429, Some("1")));
    // Who is refused costs the tenant nothing.
    let mut isolate = Isolate::new();
    assert_eq!(isolate.passed("/v1/flags", about("acme"), ""), 10);
    assert_eq!(isolate.passed("/v1/flags", of(&tokens[0]), ""), 2);
}

#[test]
fn probes_and_preflights_cost_nothing() {
    let mut isolate = Isolate::new();
    for path in ["/healthz", "/readyz"] {
        assert_eq!(isolate.passed(path, Headers::default(), "192.0.2.1"), 10, "{path}");
    }
    assert!((0..10).all(|_| isolate.ask("OPTIONS", "/v1/flags", Headers::default(), "192.0.2.1").is_none()));
    assert_eq!(isolate.passed("/metrics", Headers::default(), "192.0.2.1"), 2, "but all else does");
}

#[test]
fn a_token_that_must_be_verified_is_paid_for_by_its_address() {
    let (settings, mut buckets) = (settings(), Buckets::default());
    let mut check = |address: &str| buckets.charge_check(&settings, address, NOW).map_err(|problem| problem.code);
    assert_eq!([check("192.0.2.1"), check("192.0.2.1")], [Ok(()), Ok(())]);
    assert_eq!(check("192.0.2.1"), Err(ErrorCode::RateLimited));
    assert_eq!(check("192.0.2.2"), Ok(()));
}

#[test]
fn each_surface_says_it_in_its_own_form() {
    for (method, path, pointer) in [
        ("GET", "/api/flags/eval", "/error/code"),
        ("POST", "/ofrep/v1/evaluate/flags", "/metadata/reasonCode"),
        ("POST", "/ofrep/v1/evaluate/flags/a", "/metadata/reasonCode"),
        ("GET", "/v1/flags", "/code"),
        ("GET", "/metrics", "/error/code"),
        ("GET", "/nowhere", "/error/code"),
    ] {
        let mut isolate = Isolate::new();
        let refused = (0..3).find_map(|_| isolate.ask(method, path, Headers::default(), "192.0.2.1")).unwrap();
        crate::conformance::check(method, path, &refused);
        let body: Value = serde_json::from_slice(&refused.body).unwrap();
        assert_eq!((refused.status, body.pointer(pointer)), (429, Some(&json!("rate_limited"))), "{path}");
        assert_eq!(refused.header("Retry-After"), Some("1"), "{path}");
        assert_eq!(refused.header("Access-Control-Allow-Origin"), Some("*"), "{path}");
        assert!(!String::from_utf8(refused.body).unwrap().contains("192.0.2"), "{path}");
        isolate.now += 1000;
        assert!(isolate.ask(method, path, Headers::default(), "192.0.2.1").is_none(), "{path}");
    }
}
