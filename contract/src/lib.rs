//! Every HTTP surface of burgee as pure code.
//!
//! An adapter (a Cloudflare Worker today) hands in what it received, and sends what it is given:
//!
//! 1. [`Plan::of`] says what a request is: whether it is let through, which tenant's registry it reads, and whether the tenant's object must answer it:
//!    there [`v1::serve`] does.
//! 2. Where [`Plan::token`] gives a token, [`identity`] tells the plan who asks.
//! 3. The adapter keeps compiled registries, one [`Slot`] per tenant in [`Slots`], which says when to read storage again.
//! 4. [`respond`] turns the request and the registry into a [`Response`]; [`RequestLog`] is the line to write about it.
//!
//! This crate knows nothing of sockets, clocks, randomness or platforms: the time, the request id and the bytes are
//! parameters. It does not panic: what is wrong with a request is a [`Problem`] that names the place.
//!
//! ```
//! use burgee_contract::{BackingState, Body, Cache, Header, Headers, Loaded, Moment, Plan, Registry, Request, Served, Settings, respond};
//! use burgee_contract::sensitive::CLOSED;
//!
//! let mut settings = Settings::default();
//! settings.identity.allow_dev_headers = true;
//! let headers = Headers::default().with(Header::UserId, "U-1");
//! let request = Request { method: "GET", path: "/api/flags/eval", query: "key=new", headers, body: Body::None };
//! let plan = Plan::of(&request, &settings, 0);
//! assert_eq!(plan.registry(), Some("platform"));
//!
//! let document = br#"{"flags": [{"key": "new", "rollout_stage": "full"}]}"#;
//! let loaded = Loaded::read(document.to_vec()).unwrap();
//! let backing = BackingState::KvBacked;
//! let served = Served { loaded: &loaded, backing, cache: Cache::Hit, confirmed_at: 0, fault: None, gate: &CLOSED };
//! let moment = Moment { now: 0, request_id: "r-1", service_version: "0.1.0" };
//! let response = respond(&plan, &request, Registry::Ready(served), &moment);
//! assert_eq!(response.status, 200);
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::panic,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::unreachable,
        clippy::arithmetic_side_effects,
        clippy::print_stdout,
        clippy::print_stderr
    )
)]

mod backing;
mod caller;
#[cfg(test)]
mod conformance;
mod cors;
mod envelope;
mod etag;
mod flags_api;
mod freshness;
mod head;
mod http;
pub mod identity;
mod json_body;
pub mod limits;
mod loaded;
mod log;
pub mod metrics;
mod ofrep;
mod openapi;
mod operations;
mod percent;
mod query;
mod rate;
mod readiness;
mod request_id;
mod respond;
mod route;
pub mod sensitive;
mod settings;
mod slots;
mod trust_health;
pub mod v1;

/// The evaluator's version.
pub const EVALUATOR_VERSION: &str = burgee_core::VERSION;

pub use backing::{Backing, BackingState};
pub use envelope::{ErrorCode, Problem};
pub use flags_api::OVERRIDE_SCHEMA;
pub use freshness::{Cache, Look, Newest, Slot, Verdict, Waiting, verdict};
pub use http::{Body, Header, Headers, Request, Response, split_url};
pub use loaded::{Found, Loaded, ReadFault, ReadFaultCode, Reading, Served};
pub use log::{FaultLog, KeysLog, Level, RegistryLog, RequestLog};
pub use query::Query;
pub use rate::{Buckets, Rates};
pub use readiness::Truth;
pub use request_id::{is_sane, uuid_v4};
pub use respond::{Moment, Registry, pass_on, refuse, respond, show_metrics};
pub use route::{Carried, Plan, Route, UNKNOWN_PATH};
pub use settings::{Settings, SettingsError};
pub use slots::Slots;
