//! What is wrong, as problem details (RFC 9457).

use burgee_core::Fault;
use serde::Serialize;

use crate::envelope::{ErrorCode, Problem};
use crate::http::Response;

/// Whether what is answered at this path has this form.
pub(crate) fn serves(path: &str) -> bool {
    path.starts_with("/v1/") || path == "/v1" || path == "/openapi.json"
}

#[derive(Serialize)]
struct Details<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    code: ErrorCode,
    request_id: &'a str,
    #[serde(skip_serializing_if = "<[Fault]>::is_empty")]
    errors: &'a [Fault],
}

/// The answer to a request that is refused.
pub(crate) fn refuse(problem: &Problem, request_id: &str) -> Response {
    let status = problem.status();
    let more = problem.more.as_deref();
    let detail = match &problem.hint {
        Some(hint) => format!("{}; {hint}", problem.message),
        None => problem.message.clone(),
    };
    let details = Details {
        r#type: "about:blank",
        title: title(status),
        status,
        detail,
        code: problem.code,
        request_id,
        errors: more.map_or(&[], |more| &more.faults),
    };
    // Strings and numbers can always be written; were it not so, an empty body would still have the right status.
    let body = serde_json::to_vec(&details).unwrap_or_default();
    let fault = more.and_then(|more| more.for_log.clone());
    Response { body, error: Some(problem.code), fault, ..Response::new(status) }
        .with("Content-Type", "application/problem+json")
        .with("Cache-Control", "no-store")
}

/// The status in words: of `about:blank` that is all a title may say.
fn title(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    }
}
