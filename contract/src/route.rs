//! What is served where, and what a request needs before it can be answered.

use crate::envelope::{ErrorCode, Problem};
use crate::head::within_limits;
use crate::http::{Header, Request};
use crate::identity::{Identity, Surface, Verdict, VerifierHealth, bearer};
use crate::operations::{self, Access, Place};
use crate::query::Query;
use crate::readiness::Truth;
use crate::sensitive::PolicyHealth;
use crate::settings::Settings;
use crate::v1::{Grant, Operation, Principal, Tenant, authorise};

/// What a method and a path mean. `HEAD` is `GET` whose body is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// `GET /api/flags/eval`: one flag.
    Evaluate,
    /// `POST /api/flags/eval/batch`: some flags for one context.
    EvaluateBatch,
    /// `POST /api/flags/sensitive-eval`: one flag, and how it stands with who may be told of it.
    SensitiveEvaluate,
    /// `GET /api/flags/overrides/by-flag/{key}`: a flag's stored override rows, for operators.
    OverridesOfFlag,
    /// `GET /api/flags/registry`: the registry as it is stored, or a summary.
    Registry,
    /// `GET /api/flags/health`: what is served, and from where.
    Health,
    /// `POST /ofrep/v1/evaluate/flags/{key}`: one flag, for OpenFeature.
    OfrepOne,
    /// `POST /ofrep/v1/evaluate/flags`: all flags, for OpenFeature.
    OfrepAll,
    /// `GET /ofrep/v1/events`: new versions of the flags, for OpenFeature. The adapter holds the stream open.
    OfrepEvents,
    /// `GET /phase-2b/health`: how it stands with what answers are trusted by.
    TrustHealth,
    /// `GET /healthz`: the process runs.
    Live,
    /// `GET /readyz`: there is a registry to answer from.
    Ready,
    /// `GET /metrics`: what was counted, in all isolates.
    Metrics,
    /// `GET /schemas/override.json`: the JSON Schema of an override row.
    OverrideSchema,
    /// A request to `/v1`.
    V1(Operation),
    /// `OPTIONS` of any path.
    Preflight,
    /// The path is served, but not for this method; these it is served for.
    MethodNotAllowed(&'static str),
    /// Nothing is served here.
    NotFound,
}

/// The template of all paths that are not served.
pub const UNKNOWN_PATH: &str = "(unknown)";

impl Route {
    /// The route of a method and a path. What is literal in paths is matched as it is written, without decoding.
    #[must_use]
    pub fn of(method: &str, path: &str) -> Self {
        if method == "OPTIONS" { Self::Preflight } else { operations::route(method, path) }
    }

    /// The path of a request with this route as metrics show it: with names in place of what differs from request to request, and [`UNKNOWN_PATH`]
    /// for every path that is not served, so that callers cannot make as many series as they can think of paths.
    #[must_use]
    pub fn template(self, path: &str) -> &'static str {
        match operations::entry(self) {
            Some(entry) => entry.path,
            // Only these are told by the path: those of the table have one each.
            None if self == Self::NotFound => UNKNOWN_PATH,
            None => operations::template(path).unwrap_or(UNKNOWN_PATH),
        }
    }

    /// How many bytes of a body are read at most; none where it is not read.
    #[must_use]
    pub fn body_limit(self) -> Option<usize> {
        operations::entry(self)?.body.map(|body| body.limit)
    }

    /// The headers that the answer depends on, in the order of [`Header::ALL`]. An adapter fetches these and no others, because each may
    /// cost it a call.
    #[must_use]
    pub fn headers(self) -> &'static [Header] {
        operations::headers(self)
    }
}

/// A request that was understood as far as is possible without its body and without a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan<'a> {
    pub(crate) route: Route,
    pub(crate) place: Place,
    pub(crate) settings: &'a Settings,
    /// Whose request it is, or why it is refused.
    pub(crate) grant: Result<Grant<'a>, Problem>,
    /// Where OFREP streams of the tenant are.
    pub(crate) streams_at: Option<&'a str>,
    wanted_version: Option<u64>,
    caller: Asks<'a>,
    pub(crate) verifier: Option<VerifierHealth>,
    pub(crate) policy: Option<PolicyHealth>,
    pub(crate) truth: Truth,
}

/// What is known of who asks for an evaluation.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Asks<'a> {
    /// It makes no difference, or the grant says it.
    Anybody,
    /// It follows from this token.
    Token(&'a str, Surface),
    /// This.
    Known(Verdict),
}

/// The subject of a token that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject<'a> {
    /// Of one of the platform's issuer that was verified.
    Identity(&'a str),
    /// Of one of the control plane.
    Principal(&'a str),
}

/// What must be carried to a tenant's object, to be answered there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carried<'a> {
    /// The tenant.
    pub tenant: &'a str,
    /// Who asks.
    pub principal: &'a Principal,
}

impl Carried<'_> {
    /// The headers of a caller's request that its object is handed, beside those of the edge's own.
    pub const HEADERS: [Header; 4] = [Header::IfMatch, Header::IfNoneMatch, Header::ContentType, Header::LastEventId];

    /// A header of the object's answer that is the edge's: why it is no success, for the log.
    pub const ERROR: &'static str = "X-Burgee-Error";
}

impl<'a> Plan<'a> {
    /// Plans the answer to a request at a time (ms since the epoch), and says whether it is let through at all. Its body is not looked at.
    #[must_use]
    pub fn of(request: &Request<'a>, settings: &'a Settings, now: i64) -> Self {
        let route = Route::of(request.method, request.path);
        let entry = operations::entry(route);
        let place = entry.map_or(Place::Edge, |entry| entry.place);
        let grant = within_limits(request).and_then(|()| match entry {
            None => Ok(Grant::default()),
            Some(_) if place == Place::Platform => registry_of(request, settings)
                .map(|tenant| Grant { tenant: Some(Tenant::Named(tenant)), principal: None }),
            Some(entry) => authorise(entry.access, request, settings, now),
        });
        let wanted_version = if route == Route::OfrepAll { wanted_version(request.query) } else { None };
        let caller = match (&grant, entry.and_then(|entry| surface(entry.access))) {
            // With a token of the control plane nobody says whom it is for.
            (Ok(Grant { principal: None, .. }), Some(surface)) => {
                match request.headers.get(Header::Authorization).and_then(bearer) {
                    Some(token) => Asks::Token(token, surface),
                    None => Asks::Known(surface.without_token(&settings.identity)),
                }
            }
            _ => Asks::Anybody,
        };
        let (streams_at, verifier, policy, truth) = (None, None, None, Truth::Absent);
        Self { route, place, settings, grant, streams_at, wanted_version, caller, verifier, policy, truth }
    }

    /// The bearer token that says who asks, for [`crate::identity::Verifier::look`]. What comes of it must be told to
    /// [`Self::identified`] before the request is answered; none where there is nothing to look at.
    #[must_use]
    pub fn token(&self) -> Option<(&'a str, Surface)> {
        match self.caller {
            Asks::Token(token, surface) => Some((token, surface)),
            Asks::Anybody | Asks::Known(_) => None,
        }
    }

    /// The same, with what came of the token.
    #[must_use]
    pub fn identified(self, verdict: Verdict) -> Self {
        Self { caller: Asks::Known(verdict), ..self }
    }

    /// The same, with how it stands with verifying tokens and with the policy service, which [`Route::TrustHealth`] tells.
    #[must_use]
    pub fn trusting(self, verifier: VerifierHealth, policy: PolicyHealth) -> Self {
        Self { verifier: Some(verifier), policy: Some(policy), ..self }
    }

    /// The same, with how it stands with the tenant's object, which [`Route::Ready`] tells.
    #[must_use]
    pub fn with_truth(self, truth: Truth) -> Self {
        Self { truth, ..self }
    }

    /// Who asks.
    ///
    /// # Errors
    /// The caller is not answered, or nobody looked at the token.
    pub(crate) fn caller(&self) -> Result<&Identity, Problem> {
        match &self.caller {
            Asks::Known(Ok(identity)) => Ok(identity),
            Asks::Known(Err(refused)) => Err((*refused).into()),
            Asks::Token(..) => Err(Problem::new(ErrorCode::InternalError, "the token was not looked at")),
            Asks::Anybody => Ok(&Identity::ANONYMOUS),
        }
    }

    /// The same where the tenant has an object, and so an event stream at this origin (`https://host`) that OFREP's answers name.
    #[must_use]
    pub fn with_event_streams(self, origin: &'a str) -> Self {
        Self { streams_at: Some(origin), ..self }
    }

    /// What is asked for.
    #[must_use]
    pub fn route(&self) -> Route {
        self.route
    }

    /// Whether the request is refused for what it asks or for who asks: its body need not be read.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.grant.is_err()
    }

    /// The tenant that the request is about; none where it is refused, or about none.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.grant.as_ref().ok()?.tenant.as_ref().map(Tenant::name)
    }

    /// The tenant that the request is about; none where it is refused, for what it asks or for its token.
    pub(crate) fn answered_tenant(&self) -> Option<&str> {
        if let Asks::Known(Err(_)) = self.caller { None } else { self.tenant() }
    }

    /// Who asks; none where no token says it, or one that was not verified.
    pub(crate) fn subject(&self) -> Option<Subject<'_>> {
        if let Some(principal) = self.grant.as_ref().ok().and_then(|grant| grant.principal.as_ref()) {
            return Some(Subject::Principal(&principal.subject));
        }
        match &self.caller {
            Asks::Known(Ok(identity)) if identity.is_verified() => {
                identity.claims().map(|claims| Subject::Identity(&claims.subject))
            }
            _ => None,
        }
    }

    /// The tenant whose registry must be handed to [`crate::respond`]; none where the answer needs none.
    #[must_use]
    pub fn registry(&self) -> Option<&str> {
        matches!(self.place, Place::Platform | Place::Snapshot).then(|| self.answered_tenant()).flatten()
    }

    /// Where the tenant's object must answer: whose, and who asks. The request goes there as it came. None where [`crate::respond`] answers, be it to refuse.
    #[must_use]
    pub fn carry(&self) -> Option<Carried<'_>> {
        let grant = self.grant.as_ref().ok().filter(|_| self.place == Place::Object)?;
        Some(Carried { tenant: grant.tenant.as_ref()?.name(), principal: grant.principal.as_ref()? })
    }

    /// The snapshot version that an OFREP client was told of by a stream and now wants (`?flagConfigEtag=`): an answer must come from one at least that new.
    #[must_use]
    pub fn wanted_version(&self) -> Option<u64> {
        self.wanted_version
    }
}

/// What a caller must say of itself; none where anybody is answered alike.
fn surface(access: Access) -> Option<Surface> {
    match access {
        Access::Caller => Some(Surface::Flags),
        Access::Ofrep => Some(Surface::Ofrep),
        Access::Open | Access::Metrics | Access::Client | Access::Scopes(_) | Access::StreamToken => None,
    }
}

/// The version in the entity tag of a stream's event. What is none of ours is no wish.
fn wanted_version(query: &str) -> Option<u64> {
    let query = Query::parse(query).ok()?;
    query.get("flagConfigEtag")?.trim().trim_start_matches("W/").trim_matches('"').parse().ok()
}

/// The platform's registry, or another that is open and asked for by name.
fn registry_of<'a>(request: &Request<'a>, settings: &'a Settings) -> Result<&'a str, Problem> {
    match request.headers.get(Header::Registry) {
        None => Ok(&settings.platform_tenant),
        Some(name) if settings.is_open(name) => Ok(name),
        Some(_) => Err(Problem::new(
            ErrorCode::InvalidRequest,
            "the header X-Burgee-Registry names a registry that is not open",
        )
        .hint("leave the header out to read the platform's registry; FF_OPEN_REGISTRIES lists the others")),
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
            ("GET", "/phase-2b/health", Route::TrustHealth),
            ("GET", "/healthz", Route::Live),
            ("GET", "/readyz", Route::Ready),
            ("GET", "/metrics", Route::Metrics),
            ("POST", "/metrics", Route::MethodNotAllowed("GET, HEAD, OPTIONS")),
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
    fn paths_have_templates_without_end_there_is_one() {
        for (path, template) in [
            ("/api/flags/eval", "/api/flags/eval"),
            ("/ofrep/v1/evaluate/flags", "/ofrep/v1/evaluate/flags"),
            ("/ofrep/v1/evaluate/flags/a", "/ofrep/v1/evaluate/flags/{key*}"),
            ("/ofrep/v1/evaluate/flags/a/b", "/ofrep/v1/evaluate/flags/{key*}"),
            ("/v1/flags/a/archive", "/v1/flags/{key}/archive"),
            ("/v1/flags/a/b/c/d", UNKNOWN_PATH),
            ("/metrics", "/metrics"),
            ("/metrics/", UNKNOWN_PATH),
            ("/wp-login.php", UNKNOWN_PATH),
        ] {
            for method in ["GET", "HEAD", "POST", "DELETE", "OPTIONS", "TRACE"] {
                assert_eq!(Route::of(method, path).template(path), template, "{method} {path}");
            }
        }
    }

    #[test]
    fn ofrep_reads_the_tenant_that_is_named() {
        let open = ["acme.eu-1_x"].map(str::to_owned).to_vec();
        let settings = Settings { open_registries: open, ..Settings::default() };
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
            let plan = Plan::of(&request, &settings, 0);
            assert_eq!(
                plan.grant.as_ref().map(|_| plan.registry()).map_err(|problem| problem.code),
                expected,
                "{tenant}"
            );
        }
    }

    #[test]
    fn the_platforms_registry_is_read_unless_another_is_open_and_named() {
        let mut settings = Settings { open_registries: vec!["parity".to_owned()], ..Settings::default() };
        settings.identity.allow_dev_headers = true;
        for (path, named, expected) in [
            ("/api/flags/eval", "", Ok(Some("platform"))),
            ("/api/flags/eval", "platform", Ok(Some("platform"))),
            ("/readyz", "parity", Ok(Some("parity"))),
            ("/api/flags/eval", "acme", Err(ErrorCode::InvalidRequest)),
            ("/healthz", "acme", Ok(None)),
            ("/nowhere", "acme", Ok(None)),
        ] {
            let plan = Plan::of(&request("GET", path, named), &settings, 0);
            let registry = plan.grant.as_ref().map(|_| plan.registry()).map_err(|problem| problem.code);
            assert_eq!(registry, expected, "{path} {named}");
            assert_eq!(plan.registry(), expected.ok().flatten());
        }
    }
}
