//! From a plan and a registry to a response. Everything that every response carries is added here, once.

use crate::cors;
use crate::envelope::{ErrorCode, Problem, Service, failure};
use crate::flags_api;
use crate::http::{Request, Response};
use crate::loaded::{ReadFault, Served};
use crate::metrics;
use crate::ofrep;
use crate::operations;
use crate::readiness;
use crate::route::{Plan, Route};
use crate::trust_health;
use crate::v1;

/// What the adapter knows of the moment in which it answers.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// The time, ms since the epoch.
    pub now: i64,
    /// The request's id: the caller's if [`crate::is_sane`], else a new one from [`crate::uuid_v4`].
    pub request_id: &'a str,
    /// The version of the adapter's program.
    pub service_version: &'a str,
}

impl<'a> Moment<'a> {
    fn service(&self) -> Service<'a> {
        Service {
            service_version: self.service_version,
            evaluator_version: burgee_core::VERSION,
            request_id: self.request_id,
        }
    }
}

/// The registry that [`Plan::registry`] asked for.
#[derive(Clone, Copy, Debug)]
pub enum Registry<'a> {
    /// None was asked for.
    NotAsked,
    /// Here it is.
    Ready(Served<'a>),
    /// There is none, and none is held from before.
    Unavailable(&'a ReadFault),
}

/// Answers a request.
#[must_use]
pub fn respond(plan: &Plan<'_>, request: &Request<'_>, registry: Registry<'_>, moment: &Moment<'_>) -> Response {
    let response =
        answer(plan, request, registry, moment).unwrap_or_else(|problem| failed(&problem, request.path, moment));
    finish(response, request.method, moment)
}

/// Answers `GET /metrics` with the text of [`crate::metrics::Totals::render`], or says that it could not be had, and why.
#[must_use]
pub fn show_metrics(text: Result<String, String>, request: &Request<'_>, moment: &Moment<'_>) -> Response {
    let response = match text {
        Ok(text) => {
            let response = Response { body: text.into_bytes(), ..Response::new(200) };
            response.with("Content-Type", metrics::CONTENT_TYPE).with("Cache-Control", "no-store")
        }
        Err(why) => Response {
            error: Some(ErrorCode::InternalError),
            ..Response::text(503, &format!("the totals cannot be had: {why}"))
        },
    };
    finish(response, request.method, moment)
}

/// Answers a request with an error that the adapter met.
#[must_use]
pub fn refuse(problem: &Problem, method: &str, path: &str, moment: &Moment<'_>) -> Response {
    finish(failed(problem, path, moment), method, moment)
}

/// The answer that a tenant's object gave to a request that was carried to it, or the first of a stream, as it is sent.
#[must_use]
pub fn pass_on(response: Response, method: &str, moment: &Moment<'_>) -> Response {
    finish(response, method, moment)
}

/// An error in the form of the surface that the path belongs to.
fn failed(problem: &Problem, path: &str, moment: &Moment<'_>) -> Response {
    let response = if ofrep::serves(path) {
        ofrep::refuse(problem, path)
    } else if v1::serves(path) {
        v1::refuse(problem, moment.request_id)
    } else {
        failure(problem, moment.service())
    };
    let more = problem.more.as_deref();
    let response = match more.and_then(|more| more.challenge) {
        Some(challenge) => response.with("WWW-Authenticate", challenge),
        None => response,
    };
    match more.and_then(|more| more.retry_after_s) {
        Some(seconds) => response.with("Retry-After", seconds.to_string()),
        // Nobody knows for how long; a second is what publishing waits too.
        None if response.status == 503 => response.with("Retry-After", "1"),
        None => response,
    }
}

/// Each route's function is kept from being inlined here. An isolate compiles a function when it is first called, whole: one function of
/// all routes would be compiled for whichever comes first, and the first answer would wait for that.
fn answer(
    plan: &Plan<'_>,
    request: &Request<'_>,
    registry: Registry<'_>,
    moment: &Moment<'_>,
) -> Result<Response, Problem> {
    plan.grant.as_ref().map_err(Clone::clone)?;
    let caller = plan.caller()?;
    let service = moment.service();
    match plan.route {
        Route::Preflight => Ok(cors::preflight(operations::allowed_at(request.path))),
        Route::Live => Ok(Response::text(200, "ok")),
        Route::Ready => {
            let age_limit_ms = readiness::age_limit_ms(plan.settings);
            Ok(readiness::answer(registry, plan.truth, age_limit_ms, moment.now))
        }
        Route::Metrics => Err(Problem::new(ErrorCode::InternalError, "the metrics were not read")),
        Route::Evaluate => flags_api::evaluate(request, caller, &registry.served()?, moment.now, service),
        Route::EvaluateBatch => flags_api::evaluate_batch(request, caller, &registry.served()?, moment.now, service),
        Route::SensitiveEvaluate => {
            flags_api::evaluate_sensitive(request, caller, &registry.served()?, moment.now, service)
        }
        Route::OverridesOfFlag => {
            flags_api::overrides_of_flag(request, caller, plan.settings, &registry.served()?, moment.now, service)
        }
        Route::OverrideSchema => Ok(flags_api::override_schema()),
        Route::Registry => flags_api::registry(request, &registry.served()?, service),
        Route::Health => flags_api::health(&registry.served()?, moment.now, service),
        Route::TrustHealth => {
            trust_health::trust_health(&registry.served()?, plan.verifier.as_ref(), plan.policy.as_ref(), moment.now)
        }
        Route::OfrepOne => Ok(ofrep::evaluate_one(request, caller, registry, moment.now)),
        Route::OfrepAll => {
            Ok(ofrep::evaluate_all(request, caller, registry, v1::stream_url(plan, moment.now), moment.now))
        }
        Route::V1(operation) => v1::answer(operation, plan, request, registry, moment),
        Route::OfrepEvents => Err(Problem::new(ErrorCode::Unavailable, "the tenant's object was not asked")),
        Route::MethodNotAllowed(allowed) => {
            let problem = Problem::new(ErrorCode::MethodNotAllowed, format!("this path is served for {allowed}"));
            Ok(failed(&problem, request.path, moment).with("Allow", allowed))
        }
        Route::NotFound => Err(Problem::new(ErrorCode::NotFound, "nothing is served at this path")),
    }
}

impl<'a> Registry<'a> {
    /// The registry, or why there is none.
    pub(crate) fn served(self) -> Result<Served<'a>, Problem> {
        match self {
            Self::Ready(served) => Ok(served),
            Self::Unavailable(fault) => Err(fault.into()),
            Self::NotAsked => Err(Problem::new(ErrorCode::InternalError, "the registry was not read")),
        }
    }
}

/// Adds what every response carries, whatever it is: the request's id, what other origins may do, and what browsers must not.
pub(crate) fn finish(response: Response, method: &str, moment: &Moment<'_>) -> Response {
    let response = cors::allow(response)
        .with("X-Request-Id", moment.request_id.to_owned())
        .with("X-Content-Type-Options", "nosniff")
        .with("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
    // Registries are told apart by headers, so shared caches must be too.
    let response = response.with("Vary", "X-Burgee-Registry, X-Tenant-ID");
    match method {
        "HEAD" => Response { body: Vec::new(), ..response },
        _ => response,
    }
}

#[cfg(test)]
#[path = "respond_tests.rs"]
mod tests;
