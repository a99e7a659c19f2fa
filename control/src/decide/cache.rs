//! What isolates keep, and who makes them read it anew.

use burgee_core::FaultCode;
use serde::Serialize;
use serde_json::json;

use super::draft::object;
use super::fields::Fields;
use super::work::{Subject, Work, to_json};
use crate::error::Error;
use crate::limits::INVALIDATE_ALL_MS;

/// The action of an entry of the audit about it.
pub(crate) const ACTION: &str = "cache_invalidated";

/// What is to be read anew, as the audit keeps it. Isolates read snapshots whole, so that each scope does the same: it says what somebody meant.
#[derive(Serialize)]
struct Scope<'a> {
    scope: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    flag_key: Option<&'a str>,
}

/// Makes the snapshot's version one more. For everything (`global`) an operator may do so once a minute.
pub(crate) fn invalidate(work: &mut Work<'_>, document: &str) -> Result<(), Error> {
    let members = object(document)?;
    let mut faults = Vec::new();
    let mut fields = Fields::new(&members, "", &["scope", "flag_key"], &mut faults);
    let scope = fields.string("scope");
    let flag_key = fields.string("flag_key");
    match scope {
        Some("flag") if fields.get("flag_key").is_none() => fields.missing("flag_key"),
        Some("flag") => {}
        Some("global" | "tenant") if flag_key.is_some() => {
            fields.fault(FaultCode::InvalidValue, "flag_key", "belongs to the scope flag alone");
        }
        Some("global" | "tenant") => {}
        Some(_) => fields.fault(FaultCode::InvalidValue, "scope", "must be global, flag or tenant"),
        None if fields.get("scope").is_none() => fields.missing("scope"),
        None => {}
    }
    let scope = match scope {
        Some(scope) if faults.is_empty() => scope,
        _ => return Err(Error::Invalid(faults)),
    };
    if let Some(key) = flag_key {
        work.known_flag(key)?;
    }
    if scope == "global" {
        let since = work.now().saturating_sub(INVALIDATE_ALL_MS);
        if let Some(last) = work.state.invalidated_at(&work.actor, since)? {
            let wait_ms = last.saturating_sub(since).max(1);
            let seconds = wait_ms.saturating_add(999).checked_div(1000).unwrap_or(1);
            return Err(Error::TooSoon {
                retry_after_s: u32::try_from(seconds).unwrap_or(u32::MAX),
                message: "an operator invalidates everything once a minute at most".to_owned(),
            });
        }
    }
    let after = to_json(&Scope { scope, flag_key })?;
    let tenant = work.state.tenant().to_owned();
    let subject = Subject { entity: "tenant", key: &tenant, version: None, before: None, after: Some(&after) };
    work.audit(ACTION, subject)?;
    let data = match flag_key {
        Some(key) => json!({"scope": scope, "flag_key": key}),
        None => json!({"scope": scope}),
    };
    work.event("cache.manual_op", "cache".to_owned(), data);
    work.show_anew();
    Ok(())
}
