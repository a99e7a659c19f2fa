//! `GET /phase-2b/health`: how it stands with what answers are trusted by.

use burgee_core::time::parse_rfc3339;
use burgee_core::{Json, Path};
use serde::Serialize;

use crate::backing::BackingState;
use crate::envelope::Problem;
use crate::http::Response;
use crate::identity::VerifierHealth;
use crate::json_body::{items, object};
use crate::loaded::Served;
use crate::sensitive::PolicyHealth;

#[derive(Serialize)]
struct TrustHealth<'a> {
    override_store: OverrideStore,
    verifier: Option<&'a VerifierHealth>,
    policy: Option<&'a PolicyHealth>,
}

/// The override rows of the platform's registry.
#[derive(Serialize)]
struct OverrideStore {
    /// All of them.
    rows: usize,
    /// Those that count no longer.
    expired: usize,
    backing_state: BackingState,
}

/// Says how it stands at a time (ms since the epoch). It names nobody, so that a probe may ask without a token.
///
/// # Errors
/// What is stored is broken.
#[inline(never)]
pub(crate) fn trust_health(
    served: &Served<'_>,
    verifier: Option<&VerifierHealth>,
    policy: Option<&PolicyHealth>,
    now: i64,
) -> Result<Response, Problem> {
    let override_store = count(served.loaded.document(), served.backing, now)?;
    let health = TrustHealth { override_store, verifier, policy };
    // Strings and numbers can always be written.
    let body = serde_json::to_vec(&health).unwrap_or_default();
    let response = Response { body, ..Response::new(200) };
    Ok(response.with("Content-Type", "application/json").with("Cache-Control", "no-store"))
}

/// Counts the rows of a document at a time (ms since the epoch).
fn count(document: &[u8], backing: BackingState, now: i64) -> Result<OverrideStore, Problem> {
    let text = std::str::from_utf8(document).unwrap_or_default();
    let rows = match object(text, &Path::Root)?.get("overrides") {
        Some(rows) => items(rows, &Path::Root)?,
        None => Vec::new(),
    };
    let is_expired = |row: &str| match Json::parse(row) {
        Ok(Json::Object(members)) => members.iter().any(|(name, value)| name == "expires_at" && has_passed(value, now)),
        _ => false,
    };
    let expired = rows.iter().filter(|row| is_expired(row.get())).count();
    Ok(OverrideStore { rows: rows.len(), expired, backing_state: backing })
}

/// Whether a time, as documents write it, is not after another.
fn has_passed(time: &Json<'_>, now: i64) -> bool {
    match time {
        Json::Integer(ms) => *ms <= now,
        Json::String(text) => parse_rfc3339(text).is_some_and(|ms| ms <= now),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_and_those_that_have_ended_apart() {
        for (document, expected) in [
            (r#"{"flags": []}"#, (0, 0)),
            (r#"{"overrides": null}"#, (0, 0)),
            (
                r#"{"overrides": [{"flag": "a"}, {"expires_at": 999}, {"expires_at": 1000}, {"expires_at": 1001}]}"#,
                (4, 2),
            ),
            (
                r#"{"overrides": [{"expires_at": "1970-01-01T00:00:01Z"}, {"expires_at": "1970-01-01T00:00:01.001Z"}]}"#,
                (2, 1),
            ),
            (r#"{"overrides": [{"expires_at": null}, {"expires_at": "soon"}]}"#, (2, 0)),
        ] {
            let store = count(document.as_bytes(), BackingState::KvBacked, 1000).unwrap();
            assert_eq!((store.rows, store.expired), expected, "{document}");
        }
        assert!(count(b"[]", BackingState::KvBacked, 1000).is_err());
    }
}
