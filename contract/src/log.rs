//! The lines that are logged: one JSON object each. No line holds an attribute of a context, a user's id or a query.

use burgee_core::time::format_rfc3339;
use serde::Serialize;

use crate::envelope::ErrorCode;
use crate::http::{Request, Response};
use crate::identity::KeysFault;
use crate::limits;
use crate::loaded::{Loaded, ReadFault};
use crate::operations;
use crate::v1;

/// How much a line matters, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Info,
    /// Somebody should look, some time.
    Warn,
    /// Somebody should look.
    Error,
}

/// The line about a request that was answered.
#[derive(Clone, Debug, Serialize)]
pub struct RequestLog<'a> {
    timestamp: String,
    /// `info` below 400, `warn` below 500, else `error`.
    pub level: Level,
    message: &'static str,
    method: &'a str,
    path: &'a str,
    status: u16,
    tenant: Option<&'a str>,
    request_id: &'a str,
    duration_ms: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorCode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<&'a str>,
}

impl<'a> RequestLog<'a> {
    /// What to log of a request: `tenant` is the one that it is about, as [`crate::Plan::tenant`] gives it; times are ms since the epoch.
    #[must_use]
    pub fn new(
        request: &Request<'a>,
        response: &'a Response,
        tenant: Option<&'a str>,
        request_id: &'a str,
        started: i64,
        ended: i64,
    ) -> Self {
        Self {
            timestamp: format_rfc3339(ended),
            level: match response.status {
                500.. => Level::Error,
                400.. => Level::Warn,
                _ => Level::Info,
            },
            message: "request",
            method: request.method,
            path: logged_path(request.path),
            status: response.status,
            tenant,
            request_id,
            duration_ms: ended.saturating_sub(started),
            error: response.error,
            fault: response.fault.as_deref(),
        }
    }
}

/// The line about a fault that a request met.
#[derive(Clone, Debug, Serialize)]
pub struct FaultLog<'a> {
    timestamp: String,
    /// Always `error`.
    pub level: Level,
    message: &'a str,
    tenant: &'a str,
    request_id: &'a str,
    fault: FaultMessage<'a>,
}

#[derive(Clone, Debug, Serialize)]
struct FaultMessage<'a> {
    message: &'a str,
}

impl<'a> FaultLog<'a> {
    /// What to log of a fault that the request with this id met, and `why`, in words; `now` is in ms since the epoch.
    #[must_use]
    pub fn new(message: &'a str, tenant: &'a str, request_id: &'a str, why: &'a str, now: i64) -> Self {
        Self {
            timestamp: format_rfc3339(now),
            level: Level::Error,
            message,
            tenant,
            request_id,
            fault: FaultMessage { message: why },
        }
    }
}

/// The line about a registry that was loaded, or could not be.
#[derive(Clone, Debug, Serialize)]
pub struct RegistryLog<'a> {
    timestamp: String,
    /// `info` for a registry that works, `warn` for one with warnings and where none could be read.
    pub level: Level,
    message: &'static str,
    tenant: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot_version: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warning_count: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<&'a ReadFault>,
}

impl<'a> RegistryLog<'a> {
    /// A registry was loaded at a time (ms since the epoch).
    #[must_use]
    pub fn loaded(tenant: &'a str, loaded: &Loaded, now: i64) -> Self {
        // Nobody has looked yet for what may be wrong with the flags of a packed registry.
        let warnings = loaded.snapshot_if_compiled().map(|snapshot| snapshot.warnings().len());
        Self {
            timestamp: format_rfc3339(now),
            level: if warnings.is_none_or(|count| count == 0) { Level::Info } else { Level::Warn },
            message: "registry loaded",
            tenant,
            snapshot_version: Some(loaded.version()),
            warning_count: warnings,
            fault: None,
        }
    }

    /// A registry could not be loaded at a time (ms since the epoch).
    #[must_use]
    pub fn failed(tenant: &'a str, fault: &'a ReadFault, now: i64) -> Self {
        Self {
            timestamp: format_rfc3339(now),
            level: Level::Warn,
            message: "registry not loaded",
            tenant,
            snapshot_version: None,
            warning_count: None,
            fault: Some(fault),
        }
    }
}

/// The path as a line shows it. Paths of `/v1` hold ids of users and tenants, and what nobody serves there may hold anything: of them the template is shown.
fn logged_path(path: &str) -> &str {
    if v1::serves(path) {
        operations::template(path).unwrap_or("/v1/…")
    } else {
        head(path, limits::LOGGED_PATH_CHARS)
    }
}

/// The first characters of a text.
fn head(text: &str, characters: usize) -> &str {
    text.char_indices().nth(characters).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

/// The line about an issuer's keys that were fetched, or could not be.
#[derive(Clone, Debug, Serialize)]
pub struct KeysLog<'a> {
    timestamp: String,
    /// `warn` where there are no new ones.
    pub level: Level,
    message: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    keys: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<&'a KeysFault>,
}

impl<'a> KeysLog<'a> {
    /// What came of fetching the keys at a time (ms since the epoch): how many there are, or why there are no new ones.
    #[must_use]
    pub fn new(fetched: &'a Result<usize, KeysFault>, now: i64) -> Self {
        let (level, message) = match fetched {
            Ok(_) => (Level::Info, "jwks loaded"),
            Err(_) => (Level::Warn, "jwks not loaded"),
        };
        let keys = fetched.as_ref().ok().copied();
        Self { timestamp: format_rfc3339(now), level, message, keys, fault: fetched.as_ref().err() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Body, Header, Headers};

    fn request(path: &str) -> Request<'_> {
        let headers = Headers::default().with(Header::UserId, "U-secret").with(Header::Tier, "gold");
        Request { method: "GET", path, query: "user=U-secret", headers, body: Body::None }
    }

    #[test]
    fn a_request_is_one_line_without_attributes() {
        let request = request("/api/flags/eval");
        let response = Response { error: Some(ErrorCode::InvalidRequest), ..Response::new(400) };
        let line = RequestLog::new(&request, &response, Some("platform"), "r-1", 1_000, 1_250);
        assert_eq!(
            serde_json::to_string(&line).unwrap(),
            concat!(
                r#"{"timestamp":"1970-01-01T00:00:01.250Z","level":"warn","message":"request","method":"GET","#,
                r#""path":"/api/flags/eval","status":400,"tenant":"platform","request_id":"r-1","duration_ms":250,"#,
                r#""error":"invalid_request"}"#
            )
        );
    }

    #[test]
    fn levels_follow_the_status_and_long_paths_are_cut() {
        let path = "é".repeat(1000);
        for (status, level) in [(200, Level::Info), (304, Level::Info), (404, Level::Warn), (503, Level::Error)] {
            let response = Response::new(status);
            let line = RequestLog::new(&request(&path), &response, None, "r", 0, 0);
            assert_eq!(line.level, level);
            assert_eq!(line.path.chars().count(), limits::LOGGED_PATH_CHARS);
        }
    }

    #[test]
    fn paths_with_ids_are_logged_as_templates() {
        for (path, shown) in [
            ("/v1/flags/override/user/U-secret/f", "/v1/flags/override/{scope}/{id}/{flag}"),
            ("/v1/flags/override/user/U-secret", "/v1/…"),
            ("/v1/flags/a", "/v1/flags/{key}"),
            ("/v1/evaluate", "/v1/evaluate"),
            ("/openapi.json", "/openapi.json"),
            ("/ofrep/v1/evaluate/flags/a", "/ofrep/v1/evaluate/flags/a"),
        ] {
            assert_eq!(logged_path(path), shown, "{path}");
        }
    }

    #[test]
    fn what_only_the_log_is_told_stands_in_the_line() {
        let response = Response { fault: Some("disk".to_owned()), ..Response::new(503) };
        let line = RequestLog::new(&request("/v1/flags"), &response, Some("acme"), "r", 0, 0);
        assert!(serde_json::to_string(&line).unwrap().ends_with(r#""duration_ms":0,"fault":"disk"}"#));
    }

    #[test]
    fn keys_are_logged_with_what_is_wrong() {
        let line = |fetched: &Result<usize, KeysFault>| serde_json::to_string(&KeysLog::new(fetched, 0)).unwrap();
        assert_eq!(
            line(&Ok(2)),
            r#"{"timestamp":"1970-01-01T00:00:00.000Z","level":"info","message":"jwks loaded","keys":2}"#
        );
        let fault = crate::identity::KeySet::read(b"x").map(|keys| keys.count());
        assert!(
            line(&fault).ends_with(r#""level":"warn","message":"jwks not loaded","fault":"its answer is not JSON"}"#)
        );
    }

    #[test]
    fn registries_are_logged_with_what_is_wrong() {
        let loaded = Loaded::read(br#"{"version": 3, "flags": [{"key": "bad", "type": "x"}]}"#.to_vec()).unwrap();
        let line = serde_json::to_string(&RegistryLog::loaded("t", &loaded, 0)).unwrap();
        assert!(
            line.contains(r#""level":"warn""#) && line.contains(r#""snapshot_version":3,"warning_count":1"#),
            "{line}"
        );
        let fault = ReadFault::missing("t");
        let line = serde_json::to_string(&RegistryLog::failed("t", &fault, 0)).unwrap();
        assert!(line.contains(r#""fault":{"code":"snapshot_missing","#), "{line}");
    }
}
