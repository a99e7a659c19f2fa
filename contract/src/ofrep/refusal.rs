//! What is wrong, in the protocol's words.

use std::borrow::Cow;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::key_in;
use crate::envelope::{ErrorCode, Problem};
use crate::http::Response;
use crate::percent::{self, Plus};

/// The protocol's error codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Code {
    /// There is no such flag.
    FlagNotFound,
    /// The body is not a JSON object.
    ParseError,
    /// There is nothing to bucket by.
    TargetingKeyMissing,
    /// The context is not what a context can be.
    InvalidContext,
    /// Anything else.
    General,
}

/// A problem with the protocol's code for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: Code,
    pub(crate) problem: Problem,
}

impl Refusal {
    pub(crate) fn new(code: Code, problem: Problem) -> Self {
        Self { code, problem }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::new(Code::General, problem)
    }
}

/// A refusal as it is written. Some clients fail where details or metadata are missing, so they never are.
pub(super) struct Entry<'a, M> {
    /// The flag that was asked for; none where all were.
    pub(super) key: Option<&'a str>,
    pub(super) refusal: &'a Refusal,
    pub(super) metadata: M,
}

impl<M: Serialize> Serialize for Entry<'_, M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Problem { message, hint, .. } = &self.refusal.problem;
        let details = match hint {
            Some(hint) => Cow::Owned(format!("{message}; {hint}")),
            None => Cow::Borrowed(message.as_str()),
        };
        let mut map = serializer.serialize_map(None)?;
        if let Some(key) = self.key {
            map.serialize_entry("key", key)?;
        }
        map.serialize_entry("errorCode", &self.refusal.code)?;
        map.serialize_entry("errorDetails", &details)?;
        map.serialize_entry("metadata", &self.metadata)?;
        map.end()
    }
}

/// The answer to a request that is refused as a whole. Where its path asks for one flag, the answer names it.
pub(super) fn refuse(refusal: &Refusal, path: &str) -> Response {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Metadata {
        #[serde(skip_serializing_if = "Option::is_none")]
        reason_code: Option<ErrorCode>,
    }
    // The protocol has no code of its own for what is wrong with a token, or for who asks too often.
    let reason_code = matches!(refusal.problem.status(), 401 | 429).then_some(refusal.problem.code);
    // A key that cannot be decoded is named as it was sent.
    let key = key_in(path).map(|key| percent::decode(key, Plus::Literal).unwrap_or(Cow::Borrowed(key)));
    json(&Entry { key: key.as_deref(), refusal, metadata: Metadata { reason_code } }, Some(refusal), "no-store")
}

/// An answer; the refusal that it holds gives its status and stands in the log. `cache` is its `Cache-Control`.
pub(super) fn json(body: &impl Serialize, refusal: Option<&Refusal>, cache: &'static str) -> Response {
    let problem = refusal.map(|refusal| &refusal.problem);
    // Strings and numbers can always be written; were it not so, an empty body would still have the right status.
    let body = serde_json::to_vec(body).unwrap_or_default();
    let status = problem.map_or(200, Problem::status);
    Response { body, error: problem.map(|problem| problem.code), ..Response::new(status) }
        .with("Content-Type", "application/json")
        .with("Cache-Control", cache)
}
