//! How large what is read of a request before its body may be.

use crate::envelope::{ErrorCode, Problem};
use crate::http::{Header, Request};
use crate::limits;
use crate::v1;

/// That neither the URL nor a header that is read is larger than it may be. A header is looked at for nothing else before.
///
/// # Errors
/// One is: 400, as for a body; at `/v1`, which has a status for each limit, 414 (RFC 9110, 15.5.15) and 431 (RFC 6585, 5). It names the header, and
/// shows nothing of its value.
pub(crate) fn within_limits(request: &Request<'_>) -> Result<(), Problem> {
    let url = request.path.len().saturating_add(request.query.len());
    if url > limits::URL_BYTES {
        let message = format!("the URL has a path and query of more than {} bytes (URL_BYTES)", limits::URL_BYTES);
        return Err(too_large(message, 414, request.path));
    }
    let is_large =
        |header: &Header| request.headers.get(*header).is_some_and(|value| value.len() > limits::HEADER_BYTES);
    match Header::ALL.into_iter().find(is_large) {
        None => Ok(()),
        Some(header) => {
            let (name, limit) = (header.name(), limits::HEADER_BYTES);
            Err(too_large(format!("the header {name} is larger than {limit} bytes (HEADER_BYTES)"), 431, request.path))
        }
    }
}

fn too_large(message: String, status: u16, path: &str) -> Problem {
    if v1::serves(path) {
        Problem::new(ErrorCode::LimitExceeded, message).with(|more| more.status = Some(status))
    } else {
        Problem::invalid(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Body, Headers};
    use crate::respond::{Moment, Registry, respond};
    use crate::route::Plan;
    use crate::settings::Settings;

    /// The status, the body and the code that the log is told, for a request that its head alone decides.
    fn answer(method: &str, path: &str, query: &str, headers: Headers<'_>) -> (u16, String, Option<ErrorCode>) {
        let mut settings = Settings::default();
        settings.identity.allow_dev_headers = true;
        let request = Request { method, path, query, headers, body: Body::None };
        let plan = Plan::of(&request, &settings, 0);
        assert_eq!((plan.registry(), plan.token().is_some(), plan.carry().is_some()), (None, false, false), "{path}");
        let moment = Moment { now: 0, request_id: "r-1", service_version: "0.1.0" };
        let response = respond(&plan, &request, Registry::NotAsked, &moment);
        crate::conformance::check(method, path, &response);
        (response.status, String::from_utf8(response.body).unwrap(), response.error)
    }

    /// A path of each operation, and one that is not served.
    fn everywhere() -> Vec<(&'static str, String)> {
        let served = crate::operations::all().map(|entry| {
            let path = entry.path.replace("{key*}", "k").replace("{scope}", "user").replace(['{', '}'], "");
            (entry.method, path)
        });
        served.chain([("GET", "/nowhere".to_owned()), ("OPTIONS", "/v1/flags".to_owned())]).collect()
    }

    fn expected(path: &str, at_v1: u16) -> (u16, ErrorCode) {
        if v1::serves(path) { (at_v1, ErrorCode::LimitExceeded) } else { (400, ErrorCode::InvalidRequest) }
    }

    #[test]
    fn no_operation_reads_a_header_that_is_too_large() {
        let large = "s3cret".repeat(limits::HEADER_BYTES / 6 + 1);
        let mut checked = 0;
        for (method, path) in everywhere() {
            for header in Header::ALL {
                let got = answer(method, &path, "", Headers::default().with(header, &large));
                assert_eq!((got.0, got.2.unwrap()), expected(&path, 431), "{method} {path}");
                assert!(got.1.contains(header.name()) && got.1.contains("HEADER_BYTES"), "{}", got.1);
                assert!(!got.1.contains("s3cret"), "{}", got.1);
                checked += 1;
            }
        }
        assert!(checked > 60 * Header::ALL.len(), "{checked}");
    }

    #[test]
    fn no_operation_reads_a_url_that_is_too_long() {
        let mut checked = 0;
        for (method, path) in everywhere() {
            let query = format!("a={}", "s".repeat(limits::URL_BYTES - path.len() - 1));
            let got = answer(method, &path, &query, Headers::default());
            assert_eq!((got.0, got.2.unwrap()), expected(&path, 414), "{method} {path}");
            assert!(got.1.contains("URL_BYTES") && !got.1.contains("ssss"), "{}", got.1);
            checked += 1;
        }
        assert!(checked > 60, "{checked}");
        let path = format!("/ofrep/v1/evaluate/flags/{}", "k".repeat(limits::URL_BYTES));
        assert_eq!(answer("POST", &path, "", Headers::default()).0, 400);
    }

    #[test]
    fn what_is_as_large_as_it_may_be_is_read() {
        let value = "x".repeat(limits::HEADER_BYTES);
        let headers = Header::ALL.into_iter().fold(Headers::default(), |headers, header| headers.with(header, &value));
        let query = "q".repeat(limits::URL_BYTES - "/api/flags/eval".len());
        for (path, query) in [("/api/flags/eval", query.as_str()), ("/v1/flags", ""), ("/ofrep/v1/evaluate/flags", "")]
        {
            let request = Request { method: "GET", path, query, headers, body: Body::None };
            assert_eq!(within_limits(&request), Ok(()), "{path}");
        }
    }
}
