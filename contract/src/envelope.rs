//! The envelope that every JSON answer of `/api/flags` comes in, and what stands in it when something is wrong.

use burgee_core::Fault;
use serde::{Deserialize, Serialize};

use crate::http::Response;

/// What kind of error it is. The codes are stable: programs may compare them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The request cannot be answered as it is: 400.
    InvalidRequest,
    /// Nothing is served at this path: 404.
    NotFound,
    /// Something is served at this path, but not for this method: 405.
    MethodNotAllowed,
    /// There is no snapshot to answer from: 503.
    RegistryUnavailable,
    /// The fault is on this side: 500.
    InternalError,
    /// There is no token, or it does not count: 401.
    Unauthorized,
    /// A client's name or secret is wrong: 401.
    InvalidClient,
    /// The token does not allow it: 403.
    PermissionDenied,
    /// The version that was demanded is not the present one: 409.
    VersionConflict,
    /// A rollout is running, or none is where there must be one: 409.
    RolloutConflict,
    /// The state does not allow it: 409.
    Conflict,
    /// The body is of a type that is not read here: 415.
    UnsupportedMediaType,
    /// The body has faults: 422.
    ValidationError,
    /// Prerequisites would lead in a circle: 422.
    PrerequisiteCycle,
    /// A limit is passed: 422, or 413, 414, 431 where it is that of the body, the URL, a header.
    LimitExceeded,
    /// It was asked too often: 429.
    RateLimited,
    /// What is needed cannot be had now: 503.
    Unavailable,
    /// There is no token: 401, as are all below. What each means: `docs/trust.md`, section 1.
    TokenMissing,
    /// It is no JWT that can be used.
    TokenMalformed,
    /// Its algorithm is not allowed, or not its key's.
    AlgorithmNotAllowed,
    /// The issuer's keys cannot be had.
    JwksUnreachable,
    /// Its key is not among the issuer's.
    KidNotFound,
    /// Its signature does not verify.
    SignatureInvalid,
    /// It is another issuer's.
    IssuerMismatch,
    /// It is for another audience.
    AudienceMismatch,
    /// It is not valid yet.
    TokenNotYetValid,
    /// It has ended.
    TokenExpired,
}

impl ErrorCode {
    /// The status code that goes with it.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::InvalidRequest => 400,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::InternalError => 500,
            Self::RegistryUnavailable | Self::Unavailable => 503,
            Self::RateLimited => 429,
            Self::Unauthorized
            | Self::InvalidClient
            | Self::TokenMissing
            | Self::TokenMalformed
            | Self::AlgorithmNotAllowed
            | Self::JwksUnreachable
            | Self::KidNotFound
            | Self::SignatureInvalid
            | Self::IssuerMismatch
            | Self::AudienceMismatch
            | Self::TokenNotYetValid
            | Self::TokenExpired => 401,
            Self::PermissionDenied => 403,
            Self::VersionConflict | Self::RolloutConflict | Self::Conflict => 409,
            Self::UnsupportedMediaType => 415,
            Self::ValidationError | Self::PrerequisiteCycle | Self::LimitExceeded => 422,
        }
    }
}

/// An error as the caller is told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The kind.
    pub code: ErrorCode,
    /// What is wrong, and where. It never holds a value that was sent: that could be personal or secret.
    pub message: String,
    /// What would be right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// What only some have.
    #[serde(skip)]
    pub(crate) more: Option<Box<More>>,
}

/// What some problems say beside their message. It stands apart, so that a result that may be a problem stays small.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct More {
    /// The status, where it is not the code's.
    pub(crate) status: Option<u16>,
    /// `WWW-Authenticate`.
    pub(crate) challenge: Option<&'static str>,
    /// `Retry-After`, in seconds.
    pub(crate) retry_after_s: Option<u32>,
    /// What is wrong with the body, place by place.
    pub(crate) faults: Vec<Fault>,
    /// What the log is told and the caller is not.
    pub(crate) for_log: Option<String>,
}

impl Problem {
    /// A problem of a kind.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None, more: None }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidRequest, message)
    }

    /// The same with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same with what only some problems have.
    pub(crate) fn with(mut self, set: impl FnOnce(&mut More)) -> Self {
        set(self.more.get_or_insert_default());
        self
    }

    /// The status code that it is answered with.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.more.as_ref().and_then(|more| more.status).unwrap_or_else(|| self.code.status())
    }
}

/// Who answers, and to which request.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Service<'a> {
    pub service_version: &'a str,
    pub evaluator_version: &'static str,
    pub request_id: &'a str,
}

/// What an envelope holds.
pub(crate) enum Data<'a, T> {
    /// To be written as JSON.
    Value(&'a T),
    /// JSON already, handed on byte for byte.
    Raw(&'a [u8]),
}

/// A 200 with data. The caller says how it may be cached.
pub(crate) fn success<T: Serialize>(data: Data<'_, T>, service: Service<'_>) -> Response {
    match write(data, service) {
        Ok(body) => Response { body, ..Response::new(200) }.with("Content-Type", "application/json"),
        Err(_) => failure(&Problem::new(ErrorCode::InternalError, "the answer cannot be written as JSON"), service),
    }
}

/// An error's answer.
#[inline(never)]
pub(crate) fn failure(problem: &Problem, service: Service<'_>) -> Response {
    #[derive(Serialize)]
    struct Failure<'a> {
        ok: bool,
        data: (),
        error: &'a Problem,
        service: Service<'a>,
    }
    let envelope = Failure { ok: false, data: (), error: problem, service };
    // Strings and numbers can always be written; were it not so, an empty body would still have the right status.
    let body = serde_json::to_vec(&envelope).unwrap_or_default();
    Response { body, error: Some(problem.code), ..Response::new(problem.status()) }
        .with("Content-Type", "application/json")
        .with("Cache-Control", "no-store")
}

fn write<T: Serialize>(data: Data<'_, T>, service: Service<'_>) -> serde_json::Result<Vec<u8>> {
    let mut body = Vec::with_capacity(1024);
    body.extend_from_slice(br#"{"ok":true,"data":"#);
    match data {
        Data::Value(value) => serde_json::to_writer(&mut body, value)?,
        Data::Raw(json) => body.extend_from_slice(json),
    }
    body.extend_from_slice(br#","error":null,"service":"#);
    serde_json::to_writer(&mut body, &service)?;
    body.push(b'}');
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: Service<'_> = Service { service_version: "1", evaluator_version: "2", request_id: "r\"" };

    fn text(response: Response) -> String {
        String::from_utf8(response.body).unwrap()
    }

    #[test]
    fn success_and_failure_have_one_shape() {
        let service = r#""service":{"service_version":"1","evaluator_version":"2","request_id":"r\""}}"#;
        let value = text(success(Data::Value(&[1, 2]), SERVICE));
        assert_eq!(value, format!(r#"{{"ok":true,"data":[1,2],"error":null,{service}"#));
        let raw = text(success::<()>(Data::Raw(br#"{"a" : 1}"#), SERVICE));
        assert_eq!(raw, format!(r#"{{"ok":true,"data":{{"a" : 1}},"error":null,{service}"#));
        let failed = failure(&Problem::invalid("m").hint("h"), SERVICE);
        assert_eq!((failed.status, failed.error), (400, Some(ErrorCode::InvalidRequest)));
        let error = r#"{"code":"invalid_request","message":"m","hint":"h"}"#;
        assert_eq!(text(failed), format!(r#"{{"ok":false,"data":null,"error":{error},{service}"#));
    }
}
