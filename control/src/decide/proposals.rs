//! Changes of flags of high impact: proposed by one person, released by another.

use serde_json::json;

use super::overrides::check_reason;
use super::work::{Subject, Work, to_json, unreadable};
use crate::change::Change;
use crate::command::{Command, Occasion};
use crate::error::Error;
use crate::limits::PROPOSAL_TTL_MS;
use crate::rows::{ProposalRow, ProposalStatus};
use crate::state::State;

/// Proposes a command instead of doing it. `done` is what it would do.
pub(crate) fn propose(
    state: &dyn State,
    occasion: &Occasion<'_>,
    command: &Command,
    done: &[Change],
    flag: &str,
) -> Result<Vec<Change>, Error> {
    let mut work = Work::new(state, occasion);
    let row = ProposalRow {
        id: format!("p-{}", work.next_seq()?),
        status: ProposalStatus::Waiting,
        command: to_json(command)?,
        action: action(done),
        flag: flag.to_owned(),
        flag_version: state.flag(flag)?.map_or(0, |row| row.version),
        actor: work.actor.clone(),
        created_at: occasion.now,
        decided_by: None,
        decided_at: None,
        reason: None,
    };
    record(&mut work, None, row, "created", "proposal.created")?;
    work.finish()
}

/// The action of the first entry that a command would write: `flag.updated`, `override.set`, `rollout.started`.
fn action(done: &[Change]) -> String {
    let entry = done.iter().find_map(|change| if let Change::Audit(row) = change { Some(row) } else { None });
    entry.map(|row| format!("{}.{}", row.entity, row.action)).unwrap_or_default()
}

fn record(
    work: &mut Work<'_>,
    before: Option<&ProposalRow>,
    row: ProposalRow,
    action: &str,
    event_type: &'static str,
) -> Result<(), Error> {
    // The command is not told: what it does is, once it is done.
    let shown = |row: &ProposalRow| {
        to_json(&json!({
            "id": row.id,
            "status": row.status,
            "action": row.action,
            "flag_key": row.flag,
            "expected_version": row.flag_version,
            "actor": row.actor,
            "reason": row.reason,
        }))
    };
    let (before, after) = (before.map(shown).transpose()?, shown(&row)?);
    let subject =
        Subject { entity: "proposal", key: &row.id, version: None, before: before.as_deref(), after: Some(&after) };
    work.audit(action, subject)?;
    let data = json!({"proposal": row.id, "action": row.action, "flag_key": row.flag});
    work.event(event_type, format!("proposals/{}", row.id), data);
    work.put_proposal(row, action == "created")
}

/// A proposal that waits.
fn waiting(work: &Work<'_>, id: &str) -> Result<ProposalRow, Error> {
    let row = work.state.proposal(id)?.ok_or(Error::NotFound("proposal"))?;
    let is_over = row.created_at.saturating_add(PROPOSAL_TTL_MS) <= work.now();
    let why = match row.status {
        ProposalStatus::Waiting if is_over => "has expired",
        ProposalStatus::Waiting => return Ok(row),
        ProposalStatus::Approved => "is approved already",
        ProposalStatus::Rejected => "was rejected",
        ProposalStatus::Expired => "has expired",
    };
    Err(Error::Conflict(format!("the proposal {why}; propose the change anew")))
}

/// Does what was proposed, in its author's name.
pub(crate) fn approve(work: &mut Work<'_>, id: &str) -> Result<(), Error> {
    let row = waiting(work, id)?;
    if row.actor == work.actor {
        return Err(Error::OwnProposal);
    }
    let present = work.state.flag(&row.flag)?.map(|flag| flag.version);
    if present.unwrap_or(0) != row.flag_version {
        return Err(Error::VersionConflict { expected: row.flag_version, present });
    }
    let command: Command = serde_json::from_str(&row.command).map_err(|_| unreadable("a proposal's command"))?;
    let approver = std::mem::replace(&mut work.actor, row.actor.clone());
    work.approved_by = Some(approver.clone());
    super::run(work, &command)?;
    (work.actor, work.approved_by) = (approver, None);
    decide(work, &row, ProposalStatus::Approved, None)
}

/// Refuses a proposal, or takes it back. Who may is the contract's to say.
pub(crate) fn reject(work: &mut Work<'_>, id: &str, reason: Option<&str>) -> Result<(), Error> {
    check_reason(reason)?;
    let row = waiting(work, id)?;
    decide(work, &row, ProposalStatus::Rejected, reason)
}

/// Ends proposals that nobody decided in time.
pub(crate) fn expire(work: &mut Work<'_>, limit: usize) -> Result<(), Error> {
    let before = work.now().saturating_sub(PROPOSAL_TTL_MS).saturating_add(1);
    for row in work.state.proposals_waiting(before)?.iter().take(limit) {
        decide(work, row, ProposalStatus::Expired, None)?;
    }
    Ok(())
}

fn decide(work: &mut Work<'_>, row: &ProposalRow, status: ProposalStatus, reason: Option<&str>) -> Result<(), Error> {
    let (action, event_type) = match status {
        ProposalStatus::Waiting | ProposalStatus::Approved => ("approved", "proposal.approved"),
        ProposalStatus::Rejected => ("rejected", "proposal.rejected"),
        ProposalStatus::Expired => ("expired", "proposal.expired"),
    };
    let decided = ProposalRow {
        status,
        decided_by: (status != ProposalStatus::Expired).then(|| work.actor.clone()),
        decided_at: Some(work.now()),
        reason: reason.map(str::to_owned),
        ..row.clone()
    };
    record(work, Some(row), decided, action, event_type)
}
