//! Override rows.

use burgee_core::model::{Override, OverrideScope, OverrideVariant};
use burgee_core::{Fault, FaultCode, Json};
use serde_json::json;

use super::draft::{fault, object};
use super::fields::Fields;
use super::flags::check_not_archived;
use super::links::serves;
use super::work::{Subject, Work, scope_name, to_json, unreadable};
use crate::error::Error;
use crate::limits::{OVERRIDE_ID_CHARS, TEXT_BYTES};
use crate::rows::OverrideRow;

/// What a body may have. All but the first four are set by the service, and are let in so that what was read can be written back.
const MEMBERS: [&str; 10] =
    ["variant", "expires_at", "approval_ref", "reason", "scope", "id", "flag", "created_by", "created_at", "expired"];

/// Writes an override row.
pub(crate) fn put(work: &mut Work<'_>, scope: OverrideScope, id: &str, key: &str, document: &str) -> Result<(), Error> {
    let flag = work.known_flag(key)?;
    check_not_archived(Some(&flag))?;
    let members = object(document)?;
    let mut faults = Vec::new();
    if id.is_empty() || is_long(id) {
        faults.push(fault(FaultCode::InvalidValue, "", format!("the path's id {}", id_rule())));
    }
    let mut fields = Fields::new(&members, "", &MEMBERS, &mut faults);
    let variant = match fields.get("variant") {
        Some(Json::Bool(value)) => Some(OverrideVariant::Boolean(*value)),
        Some(Json::String(key)) => Some(OverrideVariant::Key(key.clone().into_owned())),
        Some(_) => {
            fields.fault(FaultCode::WrongType, "variant", "must be a variant's key, true or false");
            None
        }
        None => {
            fields.missing("variant");
            None
        }
    };
    if variant.as_ref().is_some_and(|variant| flag_serves(&flag, variant) == Ok(false)) {
        fields.fault(FaultCode::UnknownReference, "variant", "must be a variant of the flag");
    }
    let expires_at = fields.time("expires_at");
    if expires_at.is_some_and(|at| at <= work.now()) {
        fields.fault(FaultCode::InvalidValue, "expires_at", "must be in the future");
    }
    let approval_ref = fields.text("approval_ref").map(str::to_owned);
    let reason = fields.text("reason").map(str::to_owned);
    let Some(variant) = variant.filter(|_| faults.is_empty()) else { return Err(Error::Invalid(faults)) };
    let row = Override {
        scope,
        id: id.to_owned(),
        flag: key.to_owned(),
        variant,
        expires_at,
        approval_ref,
        reason,
        created_by: None,
        created_at: None,
    };
    replace(work, row)?;
    Ok(())
}

fn id_rule() -> String {
    format!("must have 1 to {OVERRIDE_ID_CHARS} characters (OVERRIDE_ID_CHARS)")
}

fn is_long(id: &str) -> bool {
    id.chars().nth(OVERRIDE_ID_CHARS).is_some()
}

/// The faults that a row has here and not in a file.
pub(crate) fn faults(row: &Override) -> Vec<Fault> {
    let mut faults = Vec::new();
    if is_long(&row.id) {
        faults.push(fault(FaultCode::LimitExceeded, "/id", id_rule()));
    }
    for (name, text) in [("approval_ref", &row.approval_ref), ("reason", &row.reason)] {
        if text.as_ref().is_some_and(|text| text.len() > TEXT_BYTES) {
            let message = format!("must have at most {TEXT_BYTES} bytes (TEXT_BYTES)");
            faults.push(fault(FaultCode::LimitExceeded, format!("/{name}"), message));
        }
    }
    faults
}

fn flag_serves(flag: &crate::FlagRow, variant: &OverrideVariant) -> Result<bool, Error> {
    Ok(serves(&Work::stored_flag(flag)?, variant))
}

/// Puts a row into the place of what is there, and says whether that changed anything. Who made it, and when, stays; of one that has expired it does not.
pub(crate) fn replace(work: &mut Work<'_>, row: Override) -> Result<bool, Error> {
    let present = work.override_row(row.scope, &row.id, &row.flag)?;
    let mut row = Override { created_by: Some(work.actor.clone()), created_at: Some(work.now()), ..row };
    if let Some(present) = present.as_ref().filter(|present| present.expires_at.is_none_or(|at| at > work.now())) {
        let earlier = Override::read(&present.document).map_err(|_| unreadable("an override row"))?;
        (row.created_by, row.created_at) = (earlier.created_by, earlier.created_at);
        if to_json(&row)? == present.document {
            return Ok(false);
        }
    }
    let document = to_json(&row)?;
    let key = entity_key(row.scope, &row.id, &row.flag);
    let before = present.as_ref().map(|present| present.document.as_str());
    let subject = Subject { entity: "override", key: &key, version: None, before, after: Some(&document) };
    work.audit("set", subject)?;
    tell(work, "override.set", row.scope, &row.id, &row.flag);
    note_high_impact(work, &row.flag)?;
    let expires_at = row.expires_at;
    work.put_override(OverrideRow { scope: row.scope, id: row.id, flag: row.flag, document, expires_at })?;
    Ok(true)
}

/// Removes the row that is there.
pub(crate) fn remove_named(work: &mut Work<'_>, scope: OverrideScope, id: &str, flag: &str) -> Result<(), Error> {
    work.known_flag(flag)?;
    let row = work.override_row(scope, id, flag)?.ok_or(Error::NotFound("override"))?;
    note_high_impact(work, flag)?;
    remove(work, &row)
}

/// Removes a row.
pub(crate) fn remove(work: &mut Work<'_>, row: &OverrideRow) -> Result<(), Error> {
    let key = entity_key(row.scope, &row.id, &row.flag);
    let subject = Subject { entity: "override", key: &key, version: None, before: Some(&row.document), after: None };
    work.audit("removed", subject)?;
    tell(work, "override.removed", row.scope, &row.id, &row.flag);
    work.remove_override(row)
}

fn entity_key(scope: OverrideScope, id: &str, flag: &str) -> String {
    format!("{}/{id}/{flag}", scope_name(scope))
}

fn tell(work: &mut Work<'_>, event_type: &'static str, scope: OverrideScope, id: &str, flag: &str) {
    let data = json!({"scope": scope_name(scope), "id": id, "flag_key": flag});
    work.event(event_type, format!("flags/{flag}"), data);
}

fn note_high_impact(work: &mut Work<'_>, key: &str) -> Result<(), Error> {
    if let Some(row) = work.flag(key)?
        && Work::stored_flag(&row)?.high_impact
    {
        work.high_impact.insert(key.to_owned());
    }
    Ok(())
}

/// Refuses a reason that is too long.
pub(crate) fn check_reason(reason: Option<&str>) -> Result<(), Error> {
    match reason {
        Some(reason) if reason.len() > TEXT_BYTES => {
            let message = format!("must have at most {TEXT_BYTES} bytes (TEXT_BYTES)");
            Err(Error::Invalid(vec![fault(FaultCode::LimitExceeded, "/reason", message)]))
        }
        _ => Ok(()),
    }
}
