//! Who may ask: the first thing that is looked at, and the only one where the answer is no.

use super::token::{self, AUDIENCE, Claims, EVENTS_AUDIENCE, Secret};
use super::{Principal, Scope};
use crate::envelope::{ErrorCode, Problem};
use crate::http::{Header, Headers, Request};
use crate::identity;
use crate::operations::Access;
use crate::query::Query;
use crate::settings::{Settings, is_tenant};

/// The challenge to a request without a token.
const CHALLENGE: &str = "Bearer";

/// The challenge to a request whose token does not count.
const CHALLENGE_AGAIN: &str = "Bearer error=\"invalid_token\"";

/// Whose request it is, and for which tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Grant<'a> {
    /// The tenant; none where the operation is nobody's.
    pub(crate) tenant: Option<Tenant<'a>>,
    /// Who asks; none where nobody was asked who he is.
    pub(crate) principal: Option<Principal>,
}

/// A tenant, by a header of the request or by a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tenant<'a> {
    /// The request or the settings name it.
    Named(&'a str),
    /// The token does.
    OfToken(String),
}

impl Tenant<'_> {
    /// Its name.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Named(name) => name,
            Self::OfToken(name) => name,
        }
    }
}

/// Lets a request through at a time (ms since the epoch), or says why not. Of the request nothing else is looked at.
///
/// # Errors
/// 400 for a header that names no tenant, 401 for a token that is missing or does not count, which `/metrics` may ask for too, 403 for what it does not allow, 503 where
/// no secret is set.
pub(crate) fn authorise<'a>(
    access: Access,
    request: &Request<'a>,
    settings: &'a Settings,
    now: i64,
) -> Result<Grant<'a>, Problem> {
    match access {
        Access::Open | Access::Caller => Ok(Grant::default()),
        Access::Metrics => match &settings.metrics_token {
            Some(token) if !has_token(&request.headers, token) => {
                Err(unauthorized("the header Authorization does not have the token of /metrics", CHALLENGE)
                    .hint("send Authorization: Bearer and the token that whoever runs the service has set"))
            }
            _ => Ok(Grant::default()),
        },
        Access::Client => has_secret(settings).map(|()| Grant::default()),
        Access::Scopes(scopes) => {
            has_secret(settings)?;
            let tenant = named(&request.headers)?.ok_or_else(|| {
                Problem::invalid("the header X-Tenant-ID is missing").hint("name the tenant that the request is about")
            })?;
            let claims = bearer(&request.headers, settings, now)?;
            allow(&claims, tenant, scopes)?;
            Ok(Grant { tenant: Some(Tenant::Named(tenant)), principal: Some(principal(claims)) })
        }
        Access::Ofrep => {
            let tenant = named(&request.headers)?.unwrap_or(&settings.platform_tenant);
            if settings.is_open(tenant) {
                return Ok(Grant { tenant: Some(Tenant::Named(tenant)), principal: None });
            }
            has_secret(settings)?;
            let claims = bearer(&request.headers, settings, now)?;
            allow(&claims, tenant, &[Scope::Evaluate])?;
            Ok(Grant { tenant: Some(Tenant::Named(tenant)), principal: Some(principal(claims)) })
        }
        Access::StreamToken => {
            has_secret(settings)?;
            let query = Query::parse(request.query)?;
            let token = query.get("token").ok_or_else(|| unauthorized("the parameter token is missing", CHALLENGE))?;
            let claims = token::verify(token, EVENTS_AUDIENCE, &settings.token_secrets, now);
            let claims = claims.ok_or_else(|| {
                unauthorized("the parameter token is none of ours, or has ended", CHALLENGE_AGAIN)
                    .hint("evaluate all flags again: the answer has a new URL")
            })?;
            match &*claims.tenants {
                [tenant] if is_tenant(tenant) => {
                    Ok(Grant { tenant: Some(Tenant::OfToken(tenant.clone())), principal: Some(principal(claims)) })
                }
                _ => Err(unauthorized("the parameter token is for no tenant", CHALLENGE_AGAIN)),
            }
        }
    }
}

/// Whether the bearer token is this one.
fn has_token(headers: &Headers<'_>, token: &Secret) -> bool {
    headers.get(Header::Authorization).and_then(identity::bearer).is_some_and(|given| token.is(given))
}

/// Whether the tokens of `/v1` can be verified at all.
fn has_secret(settings: &Settings) -> Result<(), Problem> {
    if settings.token_secrets.is_empty() {
        return Err(Problem::new(ErrorCode::Unavailable, "the variable FF_TOKEN_SECRET is not set")
            .hint("whoever runs the service must set it; without it no token can be verified"));
    }
    Ok(())
}

/// The tenant that the header names.
fn named<'a>(headers: &Headers<'a>) -> Result<Option<&'a str>, Problem> {
    match headers.get(Header::Tenant) {
        Some(name) if !is_tenant(name) => Err(Problem::invalid("the header X-Tenant-ID is not a tenant's name")
            .hint("a name has 1 to 128 characters of A-Z a-z 0-9 . _ -")),
        name => Ok(name),
    }
}

fn bearer(headers: &Headers<'_>, settings: &Settings, now: i64) -> Result<Claims, Problem> {
    let header = headers.get(Header::Authorization).ok_or_else(|| {
        unauthorized("the header Authorization is missing", CHALLENGE)
            .hint("send Authorization: Bearer and a token of POST /v1/auth/token")
    })?;
    // The scheme is compared without case (RFC 9110, 11.1), the token is not.
    let token = match header.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim_matches(' '),
        _ => return Err(unauthorized("the header Authorization is not of the scheme Bearer", CHALLENGE)),
    };
    token::verify(token, AUDIENCE, &settings.token_secrets, now).ok_or_else(|| {
        unauthorized("the token is none of ours, or has ended", CHALLENGE_AGAIN)
            .hint("ask POST /v1/auth/token for a new one")
    })
}

fn allow(claims: &Claims, tenant: &str, scopes: &[Scope]) -> Result<(), Problem> {
    if !claims.is_for(tenant) {
        return Err(Problem::new(ErrorCode::PermissionDenied, "the token is not for the tenant of X-Tenant-ID"));
    }
    if !scopes.iter().any(|scope| scope.is_given_by(&claims.scopes)) {
        let names: Vec<&str> = scopes.iter().map(|scope| scope.name()).collect();
        let message = format!("the token lacks the scope {}", names.join(" or "));
        return Err(Problem::new(ErrorCode::PermissionDenied, message));
    }
    Ok(())
}

fn principal(claims: Claims) -> Principal {
    Principal { subject: claims.sub, scopes: claims.scopes }
}

fn unauthorized(message: &str, challenge: &'static str) -> Problem {
    Problem::new(ErrorCode::Unauthorized, message).with(|more| more.challenge = Some(challenge))
}
