//! What is served where, and what a request needs before it can be answered.

use crate::envelope::{ErrorCode, Problem};
use crate::http::{Header, Request};
use crate::ofrep;
use crate::settings::{Settings, is_tenant};

/// What a method and a path mean. `HEAD` is `GET` whose body is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// `GET /api/flags/eval`: one flag.
    Evaluate,
    /// `POST /api/flags/eval/batch`: some flags for one context.
    EvaluateBatch,
    /// `GET /api/flags/registry`: the registry as it is stored, or a summary.
    Registry,
    /// `GET /api/flags/health`: what is served, and from where.
    Health,
    /// `POST /ofrep/v1/evaluate/flags/{key}`: one flag, for OpenFeature.
    OfrepOne,
    /// `POST /ofrep/v1/evaluate/flags`: all flags, for OpenFeature.
    OfrepAll,
    /// `GET /healthz`: the process runs.
    Live,
    /// `GET /readyz`: there is a registry to answer from.
    Ready,
    /// `OPTIONS` of any path.
    Preflight,
    /// The path is served, but not for this method; these it is served for.
    MethodNotAllowed(&'static str),
    /// Nothing is served here.
    NotFound,
}

const READ: &str = "GET, HEAD, OPTIONS";
const WRITE: &str = "POST, OPTIONS";

impl Route {
    /// The route of a method and a path. Paths are matched as they are written, without decoding.
    #[must_use]
    pub fn of(method: &str, path: &str) -> Self {
        if method == "OPTIONS" {
            return Self::Preflight;
        }
        let (route, allowed) = match path {
            "/api/flags/eval" => (Self::Evaluate, READ),
            "/api/flags/eval/batch" => (Self::EvaluateBatch, WRITE),
            "/api/flags/registry" => (Self::Registry, READ),
            "/api/flags/health" => (Self::Health, READ),
            "/ofrep/v1/evaluate/flags" => (Self::OfrepAll, WRITE),
            path if ofrep::key_in(path).is_some() => (Self::OfrepOne, WRITE),
            "/healthz" => (Self::Live, READ),
            "/readyz" => (Self::Ready, READ),
            _ => return Self::NotFound,
        };
        match (allowed, method) {
            (READ, "GET" | "HEAD") | (WRITE, "POST") => route,
            _ => Self::MethodNotAllowed(allowed),
        }
    }

    /// Whether the body is to be read.
    #[must_use]
    pub fn reads_body(self) -> bool {
        matches!(self, Self::EvaluateBatch | Self::OfrepOne | Self::OfrepAll)
    }

    /// The headers that the answer depends on, in the order of [`Header::ALL`]. An adapter fetches these and no others, because each may
    /// cost it a call.
    #[must_use]
    pub fn headers(self) -> &'static [Header] {
        const CALLER: [Header; 7] = [
            Header::RequestId,
            Header::UserId,
            Header::TenantId,
            Header::Tier,
            Header::Env,
            Header::RoleKey,
            Header::Registry,
        ];
        match self {
            Self::Evaluate | Self::EvaluateBatch => &CALLER,
            Self::Registry => &[Header::RequestId, Header::Registry, Header::IfNoneMatch],
            Self::Health | Self::Ready => &[Header::RequestId, Header::Registry],
            Self::OfrepOne => &[Header::RequestId, Header::Tenant],
            Self::OfrepAll => &[Header::RequestId, Header::IfNoneMatch, Header::Tenant],
            Self::Live | Self::Preflight | Self::MethodNotAllowed(_) | Self::NotFound => &[Header::RequestId],
        }
    }

    /// Whose registry is to be had; none where the answer needs none.
    fn reads_registry(self) -> Option<Whose> {
        match self {
            Self::Evaluate | Self::EvaluateBatch | Self::Registry | Self::Health | Self::Ready => Some(Whose::Platform),
            Self::OfrepOne | Self::OfrepAll => Some(Whose::Tenant),
            Self::Live | Self::Preflight | Self::MethodNotAllowed(_) | Self::NotFound => None,
        }
    }
}

/// How a request names the registry that it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    /// The platform's, or one that is open.
    Platform,
    /// Any tenant's.
    Tenant,
}

/// A request that was understood as far as is possible without its body and without a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan<'a> {
    pub(crate) route: Route,
    pub(crate) registry: Result<Option<&'a str>, Problem>,
}

impl<'a> Plan<'a> {
    /// Plans the answer to a request. Its body is not looked at.
    #[must_use]
    pub fn of(request: &Request<'a>, settings: &'a Settings) -> Self {
        let route = Route::of(request.method, request.path);
        let registry = match route.reads_registry() {
            None => Ok(None),
            Some(Whose::Platform) => registry_of(request, settings).map(Some),
            Some(Whose::Tenant) => tenant_of(request, settings).map(Some),
        };
        Self { route, registry }
    }

    /// What is asked for.
    #[must_use]
    pub fn route(&self) -> Route {
        self.route
    }

    /// The tenant whose registry must be handed to [`crate::respond`]; none where the answer needs none.
    #[must_use]
    pub fn registry(&self) -> Option<&'a str> {
        self.registry.as_ref().ok().copied().flatten()
    }
}

/// The platform's registry, or another that is open and asked for by name.
fn registry_of<'a>(request: &Request<'a>, settings: &'a Settings) -> Result<&'a str, Problem> {
    match request.headers.get(Header::Registry) {
        None => Ok(&settings.platform_tenant),
        Some(name) if name == settings.platform_tenant => Ok(name),
        Some(name) if settings.open_registries.iter().any(|open| open == name) => Ok(name),
        Some(_) => Err(Problem::new(
            ErrorCode::InvalidRequest,
            "the header X-Burgee-Registry names a registry that is not open",
        )
        .hint("leave the header out to read the platform's registry; FF_OPEN_REGISTRIES lists the others")),
    }
}

/// The registry of the tenant that the header names, else the platform's.
fn tenant_of<'a>(request: &Request<'a>, settings: &'a Settings) -> Result<&'a str, Problem> {
    match request.headers.get(Header::Tenant) {
        None => Ok(&settings.platform_tenant),
        Some(name) if is_tenant(name) => Ok(name),
        Some(_) => Err(Problem::invalid("the header X-Tenant-ID is not a tenant's name").hint(
            "a name has 1 to 128 characters of A-Z a-z 0-9 . _ -; leave the header out for the platform's flags",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Body, Headers};

    fn request<'a>(method: &'a str, path: &'a str, registry: &'a str) -> Request<'a> {
        let headers = Headers::default().with(Header::Registry, registry);
        Request { method, path, query: "", headers, body: Body::None }
    }

    #[test]
    fn methods_and_paths_are_routes() {
        for (method, path, route) in [
            ("GET", "/api/flags/eval", Route::Evaluate),
            ("HEAD", "/api/flags/eval", Route::Evaluate),
            ("POST", "/api/flags/eval/batch", Route::EvaluateBatch),
            ("GET", "/api/flags/registry", Route::Registry),
            ("GET", "/api/flags/health", Route::Health),
            ("POST", "/ofrep/v1/evaluate/flags", Route::OfrepAll),
            ("POST", "/ofrep/v1/evaluate/flags/a.b", Route::OfrepOne),
            ("POST", "/ofrep/v1/evaluate/flags/a/b", Route::OfrepOne),
            ("POST", "/ofrep/v1/evaluate/flags/", Route::OfrepOne),
            ("GET", "/ofrep/v1/evaluate/flags/a", Route::MethodNotAllowed("POST, OPTIONS")),
            ("PUT", "/ofrep/v1/evaluate/flags", Route::MethodNotAllowed("POST, OPTIONS")),
            ("POST", "/ofrep/v1/evaluate/flagsa", Route::NotFound),
            ("POST", "/ofrep/v1/configuration", Route::NotFound),
            ("GET", "/healthz", Route::Live),
            ("GET", "/readyz", Route::Ready),
            ("OPTIONS", "/anything", Route::Preflight),
            ("POST", "/api/flags/eval", Route::MethodNotAllowed("GET, HEAD, OPTIONS")),
            ("HEAD", "/api/flags/eval/batch", Route::MethodNotAllowed("POST, OPTIONS")),
            ("get", "/healthz", Route::MethodNotAllowed("GET, HEAD, OPTIONS")),
            ("GET", "/api/flags/eval/", Route::NotFound),
            ("GET", "/api/flags/%65val", Route::NotFound),
            ("GET", "/", Route::NotFound),
        ] {
            assert_eq!(Route::of(method, path), route, "{method} {path}");
        }
    }

    #[test]
    fn ofrep_reads_the_tenant_that_is_named() {
        let settings = Settings::default();
        let long = "x".repeat(129);
        for (tenant, expected) in [
            ("", Ok(Some("platform"))),
            ("platform", Ok(Some("platform"))),
            ("acme.eu-1_x", Ok(Some("acme.eu-1_x"))),
            ("a b", Err(ErrorCode::InvalidRequest)),
            ("a/b", Err(ErrorCode::InvalidRequest)),
            ("\u{e9}", Err(ErrorCode::InvalidRequest)),
            (&long, Err(ErrorCode::InvalidRequest)),
        ] {
            // A registry that is open on the other surface is not asked for here.
            let mut request = request("POST", "/ofrep/v1/evaluate/flags", "parity");
            request.headers = request.headers.with(Header::Tenant, tenant);
            let plan = Plan::of(&request, &settings);
            assert_eq!(plan.registry.as_ref().copied().map_err(|problem| problem.code), expected, "{tenant}");
        }
    }

    #[test]
    fn the_platforms_registry_is_read_unless_another_is_open_and_named() {
        let settings = Settings { open_registries: vec!["parity".to_owned()], ..Settings::default() };
        for (path, named, expected) in [
            ("/api/flags/eval", "", Ok(Some("platform"))),
            ("/api/flags/eval", "platform", Ok(Some("platform"))),
            ("/readyz", "parity", Ok(Some("parity"))),
            ("/api/flags/eval", "acme", Err(ErrorCode::InvalidRequest)),
            ("/healthz", "acme", Ok(None)),
            ("/nowhere", "acme", Ok(None)),
        ] {
            let plan = Plan::of(&request("GET", path, named), &settings);
            assert_eq!(plan.registry.as_ref().copied().map_err(|problem| problem.code), expected, "{path} {named}");
            assert_eq!(plan.registry(), expected.ok().flatten());
        }
    }
}
