//! Requests and responses as plain data.

use std::borrow::Cow;

use crate::metrics::Evaluations;

/// The request headers that are ever read; [`crate::Route::headers`] says which of them a request needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// The caller's correlation id, echoed.
    RequestId,
    /// The user that is evaluated for.
    UserId,
    /// The user's tenant.
    TenantId,
    /// The user's tier.
    Tier,
    /// The environment.
    Env,
    /// The user's role.
    RoleKey,
    /// The tenant whose registry is read, instead of the platform's.
    Registry,
    /// The entity tags that the caller holds.
    IfNoneMatch,
    /// The tenant whose flags OFREP evaluates, and whom a request to `/v1` is about.
    Tenant,
    /// The caller's token.
    Authorization,
    /// What a body is.
    ContentType,
    /// The entity tags that a write demands.
    IfMatch,
    /// The last event that a stream's reader has seen.
    LastEventId,
    /// The encodings that the caller can read.
    AcceptEncoding,
    /// The approval that the caller has for sensitive flags.
    ApprovalRef,
}

impl Header {
    /// All of them, each in the place of its number.
    pub const ALL: [Self; 15] = [
        Self::RequestId,
        Self::UserId,
        Self::TenantId,
        Self::Tier,
        Self::Env,
        Self::RoleKey,
        Self::Registry,
        Self::IfNoneMatch,
        Self::Tenant,
        Self::Authorization,
        Self::ContentType,
        Self::IfMatch,
        Self::LastEventId,
        Self::AcceptEncoding,
        Self::ApprovalRef,
    ];

    /// The name, as it is written; names compare without case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RequestId => "X-Request-Id",
            Self::UserId => "X-PTT-User-Id",
            Self::TenantId => "X-PTT-Tenant-Id",
            Self::Tier => "X-PTT-Tier",
            Self::Env => "X-PTT-Env",
            Self::RoleKey => "X-PTT-Role-Key",
            Self::Registry => "X-Burgee-Registry",
            Self::IfNoneMatch => "If-None-Match",
            Self::Tenant => "X-Tenant-ID",
            Self::Authorization => "Authorization",
            Self::ContentType => "Content-Type",
            Self::IfMatch => "If-Match",
            Self::LastEventId => "Last-Event-ID",
            Self::AcceptEncoding => "Accept-Encoding",
            Self::ApprovalRef => "X-PTT-Approval-Ref",
        }
    }
}

/// The values of a request's headers. An empty header is an absent one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Headers<'a> {
    values: [&'a str; Header::ALL.len()],
}

impl<'a> Headers<'a> {
    /// Takes the values of some headers in their order, each on a line of its own; an absent header is an empty line.
    /// A value cannot hold a line break (RFC 9110, 5.5), so this is not ambiguous.
    #[must_use]
    pub fn from_lines(headers: &[Header], lines: &'a str) -> Self {
        let mut found = Self::default();
        for (header, value) in headers.iter().zip(lines.split('\n')) {
            found.set(*header, value);
        }
        found
    }

    /// The same with another value for one header.
    #[must_use]
    pub fn with(mut self, header: Header, value: &'a str) -> Self {
        self.set(header, value);
        self
    }

    fn set(&mut self, header: Header, value: &'a str) {
        if let Some(slot) = self.values.get_mut(header as usize) {
            *slot = value;
        }
    }

    /// A header's value; none where it is absent or empty.
    #[must_use]
    pub fn get(&self, header: Header) -> Option<&'a str> {
        self.values.get(header as usize).copied().filter(|value| !value.is_empty())
    }
}

/// A request's body, as far as the adapter read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// Not read, because the route has no use for it.
    None,
    /// All of it.
    Bytes(&'a [u8]),
    /// More than [`crate::Route::body_limit`]: reading was given up.
    TooLarge,
    /// The connection broke before the end.
    Broken,
}

/// A request.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// `GET`, `POST`, …; upper case, as it is sent.
    pub method: &'a str,
    /// The path, still percent-encoded.
    pub path: &'a str,
    /// What follows the first `?`, still percent-encoded.
    pub query: &'a str,
    /// The headers.
    pub headers: Headers<'a>,
    /// The body.
    pub body: Body<'a>,
}

/// A response.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Names and values, each name once.
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
    /// The body; empty where the status or a HEAD request allows none.
    pub body: Vec<u8>,
    /// What went wrong, for the log; none where nothing did.
    pub error: Option<crate::ErrorCode>,
    /// What the log is told of it and the caller is not.
    pub fault: Option<String>,
    /// The evaluations that it took, to be counted.
    pub evaluations: Evaluations,
}

impl Response {
    pub(crate) fn new(status: u16) -> Self {
        let (headers, evaluations) = (Vec::with_capacity(8), Evaluations::default());
        Self { status, headers, body: Vec::new(), error: None, fault: None, evaluations }
    }

    pub(crate) fn text(status: u16, text: &str) -> Self {
        let response = Self { body: text.into(), ..Self::new(status) };
        response.with("Content-Type", "text/plain; charset=utf-8").with("Cache-Control", "no-store")
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The same, made of evaluations.
    pub(crate) fn evaluated(self, evaluations: Evaluations) -> Self {
        Self { evaluations, ..self }
    }

    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_ref())
    }
}

/// Splits an absolute URL, as platforms hand it out, into path and query; both stay percent-encoded.
#[must_use]
pub fn split_url(url: &str) -> (&str, &str) {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path_and_query = after_scheme.find(['/', '?', '#']).and_then(|start| after_scheme.get(start..)).unwrap_or("");
    let without_fragment = path_and_query.split_once('#').map_or(path_and_query, |(before, _)| before);
    let (path, query) = without_fragment.split_once('?').unwrap_or((without_fragment, ""));
    (if path.is_empty() { "/" } else { path }, query)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_headers_in_their_order() {
        let lines = Header::ALL.map(Header::name).join("\n");
        let headers = Headers::from_lines(&Header::ALL, &lines);
        for (place, header) in Header::ALL.into_iter().enumerate() {
            assert_eq!(header as usize, place);
            assert_eq!(headers.get(header), Some(header.name()));
        }
    }

    #[test]
    fn an_empty_header_is_absent() {
        let some = [Header::RequestId, Header::UserId, Header::Tenant, Header::Env];
        let headers = Headers::from_lines(&some, "r-1\n\nacme\n");
        assert_eq!(headers.get(Header::RequestId), Some("r-1"));
        assert_eq!(headers.get(Header::UserId), None);
        assert_eq!(headers.get(Header::Tenant), Some("acme"));
        assert_eq!(headers.get(Header::Env), None);
        assert_eq!(headers.get(Header::IfNoneMatch), None);
    }

    #[test]
    fn urls_have_a_path_and_a_query() {
        for (url, expected) in [
            ("https://h/api/flags/eval?key=a&user=b", ("/api/flags/eval", "key=a&user=b")),
            ("http://h:8787/healthz", ("/healthz", "")),
            ("https://h", ("/", "")),
            ("https://h?a=/b", ("/", "a=/b")),
            ("https://h/a?b?c#d?e", ("/a", "b?c")),
            ("https://h/a#b?c", ("/a", "")),
            ("https://h/%3F?x=%23", ("/%3F", "x=%23")),
            ("/relative?x", ("/relative", "x")),
        ] {
            assert_eq!(split_url(url), expected, "{url}");
        }
    }
}
