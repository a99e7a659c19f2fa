//! `GET /api/flags/overrides/by-flag/{key}` and `GET /schemas/override.json`.

use burgee_core::model::{Override, OverrideScope, OverrideVariant};
use burgee_core::read_overrides;
use burgee_core::time::format_rfc3339;
use serde::{Serialize, Serializer};

use crate::envelope::{Data, ErrorCode, Problem, Service, success};
use crate::http::{Request, Response};
use crate::identity::Identity;
use crate::loaded::Served;
use crate::percent::{self, Plus};
use crate::settings::Settings;

/// What the path begins with; the key follows, percent-encoded.
const PATH: &str = "/api/flags/overrides/by-flag/";

/// The JSON Schema (draft-07) of an override row.
pub const OVERRIDE_SCHEMA: &str = include_str!("../schemas/override.json");

#[derive(Serialize)]
struct Rows<'a> {
    flag_key: &'a str,
    rows: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    scope: OverrideScope,
    id: &'a str,
    variant: &'a OverrideVariant,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "time")]
    expires_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    approval_ref: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "time")]
    created_at: Option<i64>,
    expired: bool,
}

impl<'a> Row<'a> {
    fn of(row: &'a Override, now: i64) -> Self {
        Self {
            scope: row.scope,
            id: &row.id,
            variant: &row.variant,
            expires_at: row.expires_at,
            approval_ref: row.approval_ref.as_deref(),
            reason: row.reason.as_deref(),
            created_by: row.created_by.as_deref(),
            created_at: row.created_at,
            expired: row.expires_at.is_some_and(|end| now >= end),
        }
    }
}

fn time<S: Serializer>(epoch_ms: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    epoch_ms.map(format_rfc3339).serialize(serializer)
}

/// Lists the stored rows of the flag that the path names, as they stand at a time (ms since the epoch): those that have expired too, but
/// not those that are at fault, or that a later row of the same scope and id replaces. A flag that does not exist has none.
///
/// # Errors
/// The key cannot be decoded; nobody has verified who asks, and dev headers are not allowed or the flag is sensitive; what is stored is broken.
#[inline(never)]
pub(crate) fn overrides_of_flag(
    request: &Request<'_>,
    identity: &Identity,
    settings: &Settings,
    served: &Served<'_>,
    now: i64,
    service: Service<'_>,
) -> Result<Response, Problem> {
    let key = request.path.strip_prefix(PATH).and_then(|key| percent::decode(key, Plus::Literal));
    let key = key.ok_or_else(|| Problem::invalid("the flag's key in the path is not percent-encoded UTF-8"))?;
    let found = served.loaded.find(&key)?;
    let is_sensitive = found.index.and_then(|index| found.snapshot().flag(index)?.sensitive()).is_some();
    if is_sensitive && !identity.is_verified() {
        return Err(refused("the flag is sensitive, and nobody has verified who asks"));
    }
    if !identity.is_verified() && !settings.identity.allow_dev_headers {
        return Err(refused("rows are for operators, and nobody has verified who asks"));
    }
    let all = read_overrides(served.loaded.document())
        .map_err(|_| Problem::new(ErrorCode::InternalError, "the override rows cannot be read"))?;
    let mut rows: Vec<&Override> = Vec::new();
    for row in all.iter().filter(|row| row.flag == *key) {
        rows.retain(|earlier| (earlier.scope, &earlier.id) != (row.scope, &row.id));
        rows.push(row);
    }
    let rows = rows.into_iter().map(|row| Row::of(row, now)).collect();
    Ok(success(Data::Value(&Rows { flag_key: &key, rows }), service).with("Cache-Control", "no-store"))
}

fn refused(message: &'static str) -> Problem {
    let hint = "send the header Authorization: Bearer, with a token of the platform's issuer, to a service that verifies tokens";
    Problem::new(ErrorCode::PermissionDenied, message).hint(hint)
}

/// The schema's answer. It changes with the program alone.
pub(crate) fn override_schema() -> Response {
    Response { body: OVERRIDE_SCHEMA.into(), ..Response::new(200) }
        .with("Content-Type", "application/schema+json")
        .with("Cache-Control", "public, max-age=3600")
}
