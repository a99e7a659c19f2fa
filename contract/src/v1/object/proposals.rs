//! `/v1/proposals`.

use burgee_control::{Command, ProposalRow, ProposalStatus, Store};
use serde::Serialize;
use serde_json::value::RawValue;

use super::others::reason;
use super::{Answer, Asked, json, not_found, time};
use crate::envelope::{ErrorCode, Problem};
use crate::v1::Scope;
use crate::v1::page::Listing;

/// A proposal as it is shown.
#[derive(Serialize)]
pub(super) struct Shown<'a> {
    id: &'a str,
    status: ProposalStatus,
    action: &'a str,
    flag_key: &'a str,
    actor: &'a str,
    created_at: String,
    expected_version: u64,
    /// What would be done, as the tenant keeps it: whoever releases it must see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

pub(super) fn shown(row: &ProposalRow) -> Shown<'_> {
    Shown {
        id: &row.id,
        status: row.status,
        action: &row.action,
        flag_key: &row.flag,
        actor: &row.actor,
        created_at: time(row.created_at),
        expected_version: row.flag_version,
        change: serde_json::from_str(&row.command).ok(),
        decided_by: row.decided_by.as_deref(),
        decided_at: row.decided_at.map(time),
        reason: row.reason.as_deref(),
    }
}

pub(super) fn list(asked: &Asked<'_>, store: &dyn Store) -> Answer {
    let listing = Listing::read(asked.entry, &asked.params, store.tenant())?;
    let status = match asked.params.get("status") {
        Some("waiting") => Some(ProposalStatus::Waiting),
        Some("approved") => Some(ProposalStatus::Approved),
        Some("rejected") => Some(ProposalStatus::Rejected),
        Some("expired") => Some(ProposalStatus::Expired),
        _ => None,
    };
    let rows = store.proposals(status, &listing.page)?;
    let items = rows.iter().map(|row| (row.id.clone(), serde_json::to_string(&shown(row)).unwrap_or_default()));
    Ok(listing.answer(items.collect()))
}

fn of(asked: &Asked<'_>, store: &dyn Store) -> Result<ProposalRow, Problem> {
    store.proposal(&asked.segment("id")?)?.ok_or_else(|| not_found("proposal"))
}

pub(super) fn get(asked: &Asked<'_>, store: &dyn Store) -> Answer {
    json(200, &shown(&of(asked, store)?))
}

pub(super) fn approve(asked: &Asked<'_>, store: &mut dyn Store) -> Answer {
    let id = of(asked, store)?.id;
    decide(asked, store, &Command::ApproveProposal { id: id.clone() }, &id)
}

pub(super) fn reject(asked: &Asked<'_>, store: &mut dyn Store) -> Answer {
    let row = of(asked, store)?;
    if !Scope::Approve.is_given_by(&asked.principal.scopes) && row.actor != asked.principal.subject {
        let message = "the token lacks the scope approve, and the proposal is another person's";
        return Err(Problem::new(ErrorCode::PermissionDenied, message));
    }
    let reason = reason(asked)?;
    decide(asked, store, &Command::RejectProposal { id: row.id.clone(), reason }, &row.id)
}

fn decide(asked: &Asked<'_>, store: &mut dyn Store, command: &Command, id: &str) -> Answer {
    let done = asked.run(store, command)?;
    let row = store.proposal(id)?.ok_or_else(|| not_found("proposal"))?;
    Ok(json(200, &shown(&row))?.with("X-Burgee-Version", done.version.to_string()))
}
