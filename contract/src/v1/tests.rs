//! `/v1` as a caller sees it: every request goes through the edge, and from there into a tenant that is kept in memory.

mod access;
mod control;
mod documented;
mod entities;
mod evaluation;
mod streams;

use burgee_control::memory::Memory;
use burgee_control::{Command, Occasion, State};
use serde_json::{Value, json};

use super::token::{self, AUDIENCE, Claims};
use crate::freshness::Cache;
use crate::http::{Body, Header, Headers, Request, Response, split_url};
use crate::identity::{Looked, Verifier};
use crate::loaded::{Loaded, ReadFault, Served};
use crate::respond::{Moment, Registry, respond};
use crate::route::Plan;
use crate::settings::Settings;

const NOW: i64 = 1_800_000_000_000;
const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn settings() -> Settings {
    Settings {
        token_secrets: vec![super::Secret::new(SECRET)],
        webhook_hosts: vec!["127.0.0.1:9".to_owned()],
        ..Settings::default()
    }
}

/// A token for tenants and scopes.
fn token_of(subject: &str, scopes: &[&str], tenants: &[&str]) -> String {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let claims = Claims::new(AUDIENCE, subject, owned(scopes), owned(tenants), NOW - 1000, 3600);
    token::issue(&claims, &settings().token_secrets).unwrap()
}

/// One tenant, and who asks of it.
struct World {
    store: Memory,
    settings: Settings,
    token: String,
    now: i64,
    calls: u8,
}

/// What came back.
struct Got {
    status: u16,
    json: Value,
    response: Response,
}

impl Got {
    fn header(&self, name: &str) -> &str {
        self.response.header(name).unwrap_or_default()
    }

    fn code(&self) -> &str {
        self.json["code"].as_str().unwrap_or_default()
    }

    /// Where the faults are.
    fn pointers(&self) -> Vec<&str> {
        let errors = self.json["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        errors.iter().map(|error| error["pointer"].as_str().unwrap()).collect()
    }
}

impl World {
    fn new(tenant: &str) -> Self {
        let token = token_of("ana", &["admin"], &[tenant]);
        Self { store: Memory::new(tenant), settings: settings(), token, now: NOW, calls: 0 }
    }

    fn by(&mut self, subject: &str, scopes: &[&str]) -> &mut Self {
        self.token = token_of(subject, scopes, &[self.store.tenant()]);
        self
    }

    fn call(&mut self, method: &str, target: &str, body: impl Into<Value>) -> Got {
        self.with(method, target, body, &[])
    }

    fn get(&mut self, target: &str) -> Got {
        self.with("GET", target, Value::Null, &[])
    }

    /// A call that must succeed.
    fn ok(&mut self, method: &str, target: &str, body: impl Into<Value>) -> Value {
        let got = self.call(method, target, body);
        assert!(got.status < 300, "{method} {target}: {} {:#}", got.status, got.json);
        got.json
    }

    fn with(&mut self, method: &str, target: &str, body: impl Into<Value>, headers: &[(Header, &str)]) -> Got {
        let text = match body.into() {
            Value::Null => String::new(),
            Value::String(text) => text,
            json => json.to_string(),
        };
        self.raw(method, target, &text, headers)
    }

    fn raw(&mut self, method: &str, target: &str, text: &str, headers: &[(Header, &str)]) -> Got {
        let bearer = format!("Bearer {}", self.token);
        let tenant = self.store.tenant().to_owned();
        let base = Headers::default().with(Header::Tenant, &tenant).with(Header::Authorization, &bearer);
        let headers = headers.iter().fold(base, |all, (header, value)| all.with(*header, value));
        let (path, query) = split_url(target);
        let body = if text.is_empty() { Body::None } else { Body::Bytes(text.as_bytes()) };
        let request = Request { method, path, query, headers, body };
        let response = self.answer(&request);
        crate::conformance::check(method, path, &response);
        let json = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
        Got { status: response.status, json, response }
    }

    fn answer(&mut self, request: &Request<'_>) -> Response {
        let settings = self.settings.clone();
        let moment = Moment { now: self.now, request_id: "r-1", service_version: "0.1.0" };
        let mut plan = Plan::of(request, &settings, self.now);
        if let Some((token, surface)) = plan.token() {
            match Verifier::new(settings.identity.clone()).look(token, surface, self.now) {
                Looked::Known(verdict) => plan = plan.identified(verdict),
                Looked::Check(_) => panic!("nothing is verified here"),
            }
        }
        if let Some(carried) = plan.carry() {
            assert_eq!(carried.tenant, self.store.tenant());
            self.calls = self.calls.wrapping_add(1);
            let random = [self.calls; 32];
            return super::serve(&mut self.store, request, carried.principal, &settings.policy(), &moment, random);
        }
        if plan.registry().is_none() {
            return respond(&plan, request, Registry::NotAsked, &moment);
        }
        if self.store.version().unwrap() == 0 {
            return respond(&plan, request, Registry::Unavailable(&ReadFault::missing("acme")), &moment);
        }
        let loaded = Loaded::read(self.store.snapshot().into_bytes()).unwrap();
        let served = Served {
            loaded: &loaded,
            backing: crate::BackingState::ObjectBacked,
            cache: Cache::Hit,
            confirmed_at: self.now,
            fault: None,
            gate: &crate::sensitive::CLOSED,
        };
        respond(&plan, request, Registry::Ready(served), &moment)
    }

    /// What the alarm does.
    fn tick(&mut self) {
        let policy = self.settings.policy();
        let occasion =
            Occasion { actor: "burgee:rollout", request_id: "", now: self.now, random: [7; 32], policy: &policy };
        self.store.run(&Command::Tick, &occasion).unwrap();
    }
}

fn keys(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["key"].as_str().unwrap()).collect()
}

fn flag(key: &str) -> Value {
    json!({"key": key, "default_variant": "off"})
}
