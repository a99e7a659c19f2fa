//! `POST /v1/auth/token`.

use std::borrow::Cow;

use burgee_core::{FaultCode, Json, Path};
use serde::Serialize;

use super::input::{self, Faults, Fields};
use super::token::{self, AUDIENCE, Claims};
use super::{Client, Scope};
use crate::envelope::{ErrorCode, Problem};
use crate::http::{Request, Response};
use crate::limits;
use crate::query::Query;
use crate::settings::{Settings, is_tenant};

/// What is asked for.
struct Wanted {
    client: Option<(String, String)>,
    subject: Option<String>,
    scopes: Option<Vec<String>>,
    tenants: Option<Vec<String>>,
    ttl_s: i64,
}

/// Issues a token at a time (ms since the epoch), and keeps nothing of it.
///
/// # Errors
/// The body's faults; 401 for a client that there is not, or another secret than his; 403 for what he may not have.
pub(super) fn token(settings: &Settings, request: &Request<'_>, now: i64) -> Result<Response, Problem> {
    let wanted = read(request, settings.open_issuer)?;
    let (subject, scopes, tenants) = match (&wanted.client, wanted.subject) {
        (Some((id, secret)), _) => {
            let client = client(settings, id, secret).ok_or_else(|| {
                Problem::new(ErrorCode::InvalidClient, "the client's id or its secret is wrong")
                    .with(|more| more.challenge = Some("Bearer"))
            })?;
            let scopes = allowed(wanted.scopes, &client.scopes, |scope| {
                Scope::of(scope).is_some_and(|scope| scope.is_given_by(&client.scopes))
            });
            let scopes = scopes.ok_or_else(|| denied("a scope"))?;
            let has = |tenant: &str| client.tenants.iter().any(|name| name == "*" || name == tenant);
            let tenants = allowed(wanted.tenants, &client.tenants, has).ok_or_else(|| denied("a tenant"))?;
            (id.clone(), scopes, tenants)
        }
        (None, Some(subject)) => {
            let everything = || vec![Scope::Admin.name().to_owned()];
            (subject, wanted.scopes.unwrap_or_else(everything), wanted.tenants.unwrap_or_else(|| vec!["*".to_owned()]))
        }
        (None, None) => return Err(Problem::invalid("the body names no client")),
    };
    let scope = scopes.join(" ");
    let claims = Claims::new(AUDIENCE, &subject, scopes, tenants, now, wanted.ttl_s);
    let access_token = token::issue(&claims, &settings.token_secrets)
        .filter(|token| token.len() <= limits::TOKEN_BYTES)
        .ok_or_else(|| {
            Problem::new(ErrorCode::LimitExceeded, "the token would be too long (TOKEN_BYTES)")
                .hint("ask for fewer tenants")
        })?;
    answer(&Issued { access_token, token_type: "bearer", expires_in: wanted.ttl_s, scope })
}

#[derive(Serialize)]
struct Issued {
    access_token: String,
    token_type: &'static str,
    expires_in: i64,
    scope: String,
}

fn answer(issued: &Issued) -> Result<Response, Problem> {
    let body = serde_json::to_vec(issued)
        .map_err(|_| Problem::new(ErrorCode::InternalError, "the answer cannot be written as JSON"))?;
    Ok(Response { body, ..Response::new(200) }
        .with("Content-Type", "application/json")
        .with("Cache-Control", "no-store")
        .with("Pragma", "no-cache"))
}

fn denied(what: &str) -> Problem {
    Problem::new(ErrorCode::PermissionDenied, format!("{what} is asked for that the client does not have"))
}

/// The client of this id and secret. A secret is hashed for an id that there is not too, so that time does not tell which ids there are.
fn client<'a>(settings: &'a Settings, id: &str, secret: &str) -> Option<&'a Client> {
    let found = settings.clients.iter().find(|client| client.id == id);
    let nobody = Client::nobody();
    let has_secret = found.unwrap_or(&nobody).has_secret(secret);
    found.filter(|_| has_secret)
}

/// What is asked for, if all of it may be had; what may be had where nothing is said.
fn allowed(wanted: Option<Vec<String>>, all: &[String], may: impl Fn(&str) -> bool) -> Option<Vec<String>> {
    match wanted {
        None => Some(all.to_vec()),
        Some(wanted) => wanted.iter().all(|name| may(name)).then_some(wanted),
    }
}

/// Reads the body, JSON or a form of the same names.
fn read(request: &Request<'_>, open: bool) -> Result<Wanted, Problem> {
    let text = input::text_of(request)?;
    let members = if input::is_form(request) { form(text)? } else { input::object(text)? };
    let mut faults = Faults::default();
    let fields = Fields::of(&members, &Path::Root);
    let is_client = !open || fields.get("client_id").is_some() || fields.get("client_secret").is_some();
    let (client, subject, scope, known): (_, _, _, &[&str]) = if is_client {
        let id = credential(&fields, "client_id", &mut faults);
        let secret = credential(&fields, "client_secret", &mut faults);
        // OAuth's clients send `grant_type`, and they send what they may.
        let known = &["client_id", "client_secret", "scope", "tenants", "expires_in", "grant_type"];
        (id.zip(secret), None, "scope", known)
    } else {
        (None, credential(&fields, "sub", &mut faults), "scopes", &["sub", "scopes", "tenants", "expires_in"])
    };
    let scopes = names(&fields, scope, &mut faults, |name| Scope::of(name).is_some());
    let tenants = names(&fields, "tenants", &mut faults, |name| name == "*" || is_tenant(name));
    let ttl_s = ttl(&fields, &mut faults);
    if let Some(Json::String(grant)) = fields.get("grant_type")
        && grant != "client_credentials"
    {
        fields.fault("grant_type", FaultCode::InvalidValue, "must be client_credentials", &mut faults);
    }
    fields.no_others(known, &mut faults);
    faults.none()?;
    Ok(Wanted { client, subject, scopes, tenants, ttl_s })
}

/// A form as the members that JSON would have: all of them strings.
fn form(text: &str) -> Result<input::Members<'_>, Problem> {
    let query = Query::parse(text)?;
    let pairs = query.into_pairs().into_iter().rev();
    Ok(pairs.map(|(name, value)| (name, Json::String(value))).collect())
}

fn credential(fields: &Fields<'_, '_>, name: &str, faults: &mut Faults) -> Option<String> {
    match fields.need(name, faults)? {
        Json::String(text) if (1..=limits::SUBJECT_CHARS).contains(&text.chars().count()) => Some(text.to_string()),
        _ => {
            fields.fault(name, FaultCode::InvalidValue, "must be a string of 1 to 256 characters", faults);
            None
        }
    }
}

/// Names as a list, or as a string that divides them by blanks.
fn names(
    fields: &Fields<'_, '_>,
    name: &str,
    faults: &mut Faults,
    is_name: impl Fn(&str) -> bool,
) -> Option<Vec<String>> {
    let found: Vec<Cow<'_, str>> = match fields.get(name)? {
        Json::String(text) => text.split(' ').filter(|name| !name.is_empty()).map(Cow::Borrowed).collect(),
        Json::Array(items) => items
            .iter()
            .map(|item| match item {
                Json::String(name) => Cow::Borrowed(name.as_ref()),
                // Not a name of anything.
                _ => Cow::Borrowed(""),
            })
            .collect(),
        _ => {
            let must = "must be a list of strings, or a string that divides them by blanks";
            fields.fault(name, FaultCode::WrongType, must, faults);
            return None;
        }
    };
    if found.is_empty() || found.len() > 100 || !found.iter().all(|name| is_name(name)) {
        let must = match name {
            "tenants" => "must be 1 to 100 tenants' names, or *",
            _ => "must be 1 to 100 scopes that there are",
        };
        fields.fault(name, FaultCode::InvalidValue, must, faults);
        return None;
    }
    Some(found.into_iter().map(Cow::into_owned).collect())
}

fn ttl(fields: &Fields<'_, '_>, faults: &mut Faults) -> i64 {
    let Some(given) = fields.get("expires_in") else { return limits::TOKEN_TTL_S };
    let seconds = match given {
        // A form has no numbers.
        Json::String(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        number => number.as_safe_integer(),
    };
    let seconds = seconds.filter(|seconds| (1..=limits::TOKEN_TTL_S).contains(seconds));
    if seconds.is_none() {
        let must = "must be whole seconds from 1 to 21600 (TOKEN_TTL_S)";
        fields.fault("expires_in", FaultCode::InvalidValue, must, faults);
    }
    seconds.unwrap_or(limits::TOKEN_TTL_S)
}
