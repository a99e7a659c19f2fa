//! Every operation of every surface, once: what routes requests, what they need, who may ask, and what OpenAPI says of them.

mod flags_api;
mod ofrep;
mod service;
mod v1_control;
mod v1_data;

use std::sync::OnceLock;

use crate::http::Header;
use crate::limits;
use crate::route::Route;
use crate::v1::Scope;

/// One operation.
#[derive(Debug)]
pub(crate) struct Entry {
    /// What it is.
    pub(crate) route: Route,
    /// `GET`, `POST`, `PUT`, `PATCH` or `DELETE`. What is served for `GET` is served for `HEAD`.
    pub(crate) method: &'static str,
    /// The path, with `{name}` for a segment that may be anything, and `{name*}` for all that follows.
    pub(crate) path: &'static str,
    /// Who may ask.
    pub(crate) access: Access,
    /// What the answer is made from.
    pub(crate) place: Place,
    /// Its body; none where it is not read.
    pub(crate) body: Option<Payload>,
    /// The parameters of its query.
    pub(crate) query: &'static [Parameter],
    /// The headers that it reads beside those that its access and its body need.
    pub(crate) headers: &'static [Header],
    /// What it does, in a few words.
    pub(crate) summary: &'static str,
    /// Its answers where nothing is wrong, and those errors that do not follow from the rest.
    pub(crate) answers: &'static [Answer],
}

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Anybody; no token is looked at.
    Open,
    /// A caller by the matrix of `docs/trust.md`: an identity token, or dev headers where they are allowed.
    Caller,
    /// Whoever has the token of `FF_METRICS_TOKEN`, and anybody where that is not set.
    Metrics,
    /// Who asks for a token shows what entitles him in the body.
    Client,
    /// A token with one of these scopes, for the tenant that `X-Tenant-ID` names.
    Scopes(&'static [Scope]),
    /// As `Scopes`, unless the tenant is open.
    Ofrep,
    /// A token for event streams, in the query.
    StreamToken,
}

/// What an answer is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The request alone.
    Edge,
    /// The registry of the platform, or of another tenant that is open.
    Platform,
    /// The snapshot of the tenant that is named.
    Snapshot,
    /// The tenant's object.
    Object,
}

/// A request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Payload {
    /// Its schema.
    pub(crate) schema: &'static str,
    /// Bytes at most.
    pub(crate) limit: usize,
    /// Whether it may be missing.
    pub(crate) optional: bool,
    /// Which types it may have.
    pub(crate) media: Media,
}

/// The types that a body may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Media {
    /// JSON.
    Json,
    /// JSON; a merge patch has a type of its own too.
    MergePatch,
    /// JSON or a form.
    JsonOrForm,
    /// Whatever it says, it is read as JSON.
    Any,
}

/// A parameter of a query. One that is empty is absent, and of a repeated one the first counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
}

/// What a parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Any text.
    Text,
    /// A key, or how one begins.
    Key,
    /// A whole number.
    Integer(i64, i64),
    /// One of these.
    OneOf(&'static [&'static str]),
    /// A time (RFC 3339).
    Time,
    /// A page token.
    PageToken,
}

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content: Content,
}

/// What an answer's body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// There is none.
    None,
    /// JSON of this schema.
    Json(&'static str),
    /// A JSON Schema (`application/schema+json`).
    JsonSchema,
    /// Problem details.
    Problem,
    /// `text/plain`.
    Text,
    /// `text/event-stream`.
    Events,
}

pub(crate) const fn json(status: u16, schema: &'static str) -> Answer {
    Answer { status, content: Content::Json(schema) }
}

pub(crate) const fn empty(status: u16) -> Answer {
    Answer { status, content: Content::None }
}

pub(crate) const fn problem(status: u16) -> Answer {
    Answer { status, content: Content::Problem }
}

pub(crate) const fn body(schema: &'static str) -> Option<Payload> {
    Some(Payload { schema, limit: limits::BODY_BYTES, optional: false, media: Media::Json })
}

pub(crate) const fn optional_body(schema: &'static str) -> Option<Payload> {
    Some(Payload { schema, limit: limits::BODY_BYTES, optional: true, media: Media::Json })
}

pub(crate) const fn parameter(name: &'static str, kind: Kind) -> Parameter {
    Parameter { name, kind, required: false }
}

pub(crate) const LIMIT: Parameter = parameter("limit", Kind::Integer(1, limits::LIST_ITEMS as i64));
pub(crate) const PAGE_TOKEN: Parameter = parameter("page_token", Kind::PageToken);

/// All operations. What is asked most comes first.
pub(crate) fn all() -> impl Iterator<Item = &'static Entry> {
    [flags_api::ENTRIES, ofrep::ENTRIES, service::ENTRIES, v1_data::ENTRIES, v1_control::ENTRIES].into_iter().flatten()
}

/// What a method and a path mean.
pub(crate) fn route(method: &str, path: &str) -> Route {
    let wanted = if method == "HEAD" { "GET" } else { method };
    let mut found = None;
    for entry in all().filter(|entry| matches(entry.path, path)) {
        if entry.method == wanted {
            return entry.route;
        }
        found = Some(entry.path);
    }
    found.map_or(Route::NotFound, |template| Route::MethodNotAllowed(allowed(template)))
}

/// The operation of a route; none where it is none of the table's.
pub(crate) fn entry(route: Route) -> Option<&'static Entry> {
    all().find(|entry| entry.route == route)
}

/// The headers that an answer depends on, in the order of [`Header::ALL`].
pub(crate) fn headers(route: Route) -> &'static [Header] {
    static LISTS: OnceLock<Vec<(Route, Vec<Header>)>> = OnceLock::new();
    let lists = LISTS.get_or_init(|| all().map(|entry| (entry.route, headers_of(entry))).collect());
    lists.iter().find(|(known, _)| *known == route).map_or(&[Header::RequestId], |(_, headers)| headers)
}

fn headers_of(entry: &Entry) -> Vec<Header> {
    let for_access: &[Header] = match entry.access {
        Access::Scopes(_) | Access::Ofrep => &[Header::Tenant, Header::Authorization],
        Access::Caller | Access::Metrics => &[Header::Authorization],
        Access::Open | Access::Client | Access::StreamToken => &[],
    };
    let is_read = |header: &Header| {
        *header == Header::RequestId
            || entry.headers.contains(header)
            || for_access.contains(header)
            || *header == Header::ContentType && entry.body.is_some_and(|body| body.media != Media::Any)
    };
    Header::ALL.into_iter().filter(is_read).collect()
}

/// The template that a path matches.
pub(crate) fn template(path: &str) -> Option<&'static str> {
    all().find(|entry| matches(entry.path, path)).map(|entry| entry.path)
}

/// The value of a template's `{name}` in a path that matches it, still percent-encoded.
pub(crate) fn segment<'a>(template: &str, path: &'a str, name: &str) -> Option<&'a str> {
    template.split('/').zip(path.split('/')).find(|(part, _)| inner(part) == Some(name)).map(|(_, value)| value)
}

/// The name in `{name}`.
pub(crate) fn inner(part: &str) -> Option<&str> {
    part.strip_prefix('{')?.strip_suffix('}')
}

fn matches(template: &str, path: &str) -> bool {
    // Most templates are told apart by their first bytes; this is asked for every request, and for each of them.
    let mut rest = path;
    let mut parts = template;
    loop {
        let Some(open) = parts.find('{') else { return parts == rest };
        let (Some(literal), Some(tail)) = (parts.get(..open), parts.get(open..)) else { return false };
        let Some(after) = rest.strip_prefix(literal) else { return false };
        let Some((name, next)) = tail.split_once('}') else { return false };
        if name.ends_with('*') {
            return true;
        }
        let end = after.find('/').unwrap_or(after.len());
        let (Some(value), Some(remainder)) = (after.get(..end), after.get(end..)) else { return false };
        if value.is_empty() {
            return false;
        }
        rest = remainder;
        parts = next;
    }
}

/// What `Allow` says of a path; none where nothing is served at it.
pub(crate) fn allowed_at(path: &str) -> Option<&'static str> {
    template(path).map(allowed)
}

/// What `Allow` says of a template.
fn allowed(template: &'static str) -> &'static str {
    static LISTS: OnceLock<Vec<(&'static str, String)>> = OnceLock::new();
    let lists = LISTS.get_or_init(|| {
        let mut lists: Vec<(&'static str, String)> = Vec::new();
        for entry in all() {
            let method = if entry.method == "GET" { "GET, HEAD" } else { entry.method };
            match lists.iter_mut().find(|(template, _)| *template == entry.path) {
                Some((_, list)) => {
                    list.push_str(", ");
                    list.push_str(method);
                }
                None => lists.push((entry.path, method.to_owned())),
            }
        }
        lists.iter_mut().for_each(|(_, list)| list.push_str(", OPTIONS"));
        lists
    });
    lists.iter().find(|(known, _)| *known == template).map_or("OPTIONS", |(_, list)| list)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_operation_is_reached_by_its_path_and_by_no_other() {
        let mut seen = BTreeSet::new();
        for entry in all() {
            assert!(seen.insert((entry.method, entry.path)), "{} {} stands twice", entry.method, entry.path);
            let path = entry.path.replace('{', "x").replace(['}', '*'], "");
            assert_eq!(route(entry.method, &path), entry.route, "{} {path}", entry.method);
            assert_eq!(super::entry(entry.route).map(|found| found.path), Some(entry.path));
            let other = match route("TRACE", &path) {
                Route::MethodNotAllowed(list) => list,
                other => panic!("{path}: {other:?}"),
            };
            assert!(other.split(", ").any(|method| method == entry.method), "{path}: {other}");
        }
        assert!(seen.len() > 60, "{}", seen.len());
    }

    #[test]
    fn segments_are_not_empty_and_hold_no_slash() {
        for (template, path, is_match) in [
            ("/v1/flags/{key}", "/v1/flags/a", true),
            ("/v1/flags/{key}", "/v1/flags/a%2Fb", true),
            ("/v1/flags/{key}", "/v1/flags/", false),
            ("/v1/flags/{key}", "/v1/flags/a/", false),
            ("/v1/flags/{key}", "/v1/flags/a/b", false),
            ("/v1/flags/{key}/archive", "/v1/flags/a/archive", true),
            ("/v1/flags/{key}/archive", "/v1/flags//archive", false),
            ("/f/{key*}", "/f/", true),
            ("/f/{key*}", "/f/a/b", true),
            ("/f/{key*}", "/f", false),
        ] {
            assert_eq!(matches(template, path), is_match, "{template} {path}");
        }
        assert_eq!(segment("/v1/flags/{key}/archive", "/v1/flags/a%20b/archive", "key"), Some("a%20b"));
        assert_eq!(segment("/v1/flags/{key}", "/v1/flags/a", "other"), None);
    }

    #[test]
    fn allow_lists_every_method_of_a_path() {
        for (path, allow) in [
            ("/api/flags/eval", "GET, HEAD, OPTIONS"),
            ("/v1/flags", "POST, GET, HEAD, OPTIONS"),
            ("/v1/flags/a", "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"),
            ("/v1/flags/override/user/U/f", "PUT, DELETE, OPTIONS"),
        ] {
            assert_eq!(route("TRACE", path), Route::MethodNotAllowed(allow), "{path}");
        }
    }
}
