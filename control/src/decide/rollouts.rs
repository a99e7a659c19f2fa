//! Rollouts: starting and steering them, and what they allow others to change meanwhile.

mod plan;
mod steps;
mod target;

use serde_json::json;

use super::flags::{self, Cause, check_not_archived};
use super::links::has_variant;
use super::work::{Subject, Work, is_live, to_json};
use crate::command::Steer;
use crate::error::Error;
use crate::rows::{FlagRow, RolloutBefore, RolloutRow, RolloutStatus, RolloutTarget, StepStatus};
use burgee_core::model::Flag;

pub(crate) use steps::{ROLLOUT_ACTOR, hold, progress};

/// Starts a rollout. Steps that are due now are taken with it, the others by the alarm.
pub(crate) fn start(work: &mut Work<'_>, key: &str, document: &str) -> Result<(), Error> {
    let row = work.known_flag(key)?;
    check_not_archived(Some(&row))?;
    if work.rollout(key)?.is_some_and(|rollout| rollout.is_active()) {
        let message = format!("`{key}` has a rollout already; cancel it or roll it back first");
        return Err(Error::RolloutConflict(message));
    }
    let flag = Work::stored_flag(&row)?;
    let plan = plan::read(document, &flag, work.now())?;
    let mut rollout = RolloutRow {
        flag: key.to_owned(),
        status: RolloutStatus::Running,
        before: target::before(&flag, &plan.target),
        target: plan.target,
        steps: plan.steps,
        percentage: None,
        started_by: work.actor.clone(),
        approved_by: work.approved_by.clone(),
        started_at: work.now(),
        paused_at: None,
        paused_ms: 0,
        ended_at: None,
        ended_because: None,
        next_at: None,
    };
    rollout.next_at = rollout.look_at();
    check_first_step(work, &flag, &rollout)?;
    if flag.high_impact {
        work.high_impact.insert(key.to_owned());
    }
    let earlier = work.rollout(key)?;
    record(work, earlier.as_ref(), rollout, "started", Some("flag.rollout_scheduled"))?;
    steps::go_on(work, key)
}

/// Refuses a rollout whose rule the flag cannot have.
fn check_first_step(work: &Work<'_>, flag: &Flag, rollout: &RolloutRow) -> Result<(), Error> {
    let percentage = rollout.steps.first().map_or(0.0, |step| step.percentage);
    let Some(stepped) = target::with_percentage(flag, &rollout.target, percentage, true) else { return Ok(()) };
    match work.read_flag(&to_json(&stepped)?)? {
        Ok(_) => Ok(()),
        Err(faults) => {
            let why = faults.first().map(ToString::to_string).unwrap_or_default();
            Err(Error::Conflict(format!("`{}` cannot have the rollout's rule: {why}", flag.key)))
        }
    }
}

/// Stores a rollout with its entry in the audit, and tells of it.
fn record(
    work: &mut Work<'_>,
    before: Option<&RolloutRow>,
    row: RolloutRow,
    action: &str,
    event: Option<&'static str>,
) -> Result<(), Error> {
    let (before, after) = (before.map(to_json).transpose()?, to_json(&row)?);
    let subject =
        Subject { entity: "rollout", key: &row.flag, version: None, before: before.as_deref(), after: Some(&after) };
    work.audit(action, subject)?;
    if let Some(event_type) = event {
        tell(work, &row, event_type);
    }
    work.put_rollout(row);
    Ok(())
}

/// Tells of a rollout: the percentage that it has set, and how many steps are behind it.
fn tell(work: &mut Work<'_>, row: &RolloutRow, event_type: &'static str) {
    let step = row.steps.iter().filter(|step| step.status != StepStatus::Waiting).count();
    let data = json!({"percentage": row.percentage, "step": step, "steps": row.steps.len()});
    work.event(event_type, format!("flags/{}", row.flag), data);
}

/// Does something to the rollout that a flag has.
pub(crate) fn steer(work: &mut Work<'_>, key: &str, steer: &Steer) -> Result<(), Error> {
    let flag = work.known_flag(key)?;
    let nothing = || Error::RolloutConflict(format!("`{key}` has no rollout"));
    let row = work.rollout(key)?.ok_or_else(nothing)?;
    let now = work.now();
    let after = row.clone();
    match (steer, row.status) {
        (Steer::Pause, RolloutStatus::Running) => {
            let after = RolloutRow { status: RolloutStatus::Paused, paused_at: Some(now), next_at: None, ..after };
            record(work, Some(&row), after, "paused", Some("flag.rollout_paused"))
        }
        (Steer::Resume, RolloutStatus::Paused) => resume(work, &flag, &row),
        // It has come to stand, because the flag became one of high impact.
        (Steer::Resume, RolloutStatus::Running) if row.needs_approval() => resume(work, &flag, &row),
        (Steer::Cancel, RolloutStatus::Running | RolloutStatus::Paused) => end(work, &row, None),
        (Steer::RollBack, RolloutStatus::Running | RolloutStatus::Paused | RolloutStatus::Done) => {
            roll_back(work, &flag, &row)
        }
        (Steer::OpenGate(gate), RolloutStatus::Running | RolloutStatus::Paused) => open_gate(work, &flag, &row, gate),
        // It is so already.
        (Steer::Pause, RolloutStatus::Paused)
        | (Steer::Resume, RolloutStatus::Running)
        | (Steer::Cancel, RolloutStatus::Cancelled)
        | (Steer::RollBack, RolloutStatus::RolledBack) => Ok(()),
        _ => Err(Error::RolloutConflict(format!("the rollout of `{key}` has ended"))),
    }
}

fn needs_approval(work: &mut Work<'_>, flag: &FlagRow) -> Result<(), Error> {
    if Work::stored_flag(flag)?.high_impact {
        work.high_impact.insert(flag.key.clone());
    }
    Ok(())
}

fn resume(work: &mut Work<'_>, flag: &FlagRow, row: &RolloutRow) -> Result<(), Error> {
    needs_approval(work, flag)?;
    let paused = row.paused_at.map_or(0, |at| work.now().saturating_sub(at).max(0));
    let mut after = RolloutRow {
        status: RolloutStatus::Running,
        paused_at: None,
        paused_ms: row.paused_ms.saturating_add(paused),
        approved_by: work.approved_by.clone().or_else(|| row.approved_by.clone()),
        ..row.clone()
    };
    after.next_at = after.look_at();
    record(work, Some(row), after, "resumed", Some("flag.rollout_resumed"))?;
    steps::go_on(work, &row.flag)
}

/// Opens the gate of the first step that waits and has it. The same gate of a later step is another one.
fn open_gate(work: &mut Work<'_>, flag: &FlagRow, row: &RolloutRow, gate: &str) -> Result<(), Error> {
    let mut after = row.clone();
    let mut waiting = after.steps.iter_mut().filter(|step| step.status == StepStatus::Waiting);
    let Some(step) = waiting.find(|step| step.gate.as_deref() == Some(gate)) else {
        return Err(Error::NotFound("gate"));
    };
    if step.gate_open {
        return Ok(());
    }
    step.gate_open = true;
    needs_approval(work, flag)?;
    after.next_at = after.look_at();
    record(work, Some(row), after, "gate_opened", None)?;
    steps::go_on(work, &row.flag)
}

/// Ends a rollout where it stands; `because` says why, where nobody asked for it.
pub(super) fn end(work: &mut Work<'_>, row: &RolloutRow, because: Option<&str>) -> Result<(), Error> {
    let after = RolloutRow {
        status: RolloutStatus::Cancelled,
        next_at: None,
        ended_at: Some(work.now()),
        ended_because: because.map(str::to_owned),
        ..row.clone()
    };
    record(work, Some(row), after, "cancelled", Some("flag.rollout_cancelled"))
}

/// Ends the rollout of a flag that goes out of use.
pub(crate) fn end_with_flag(work: &mut Work<'_>, key: &str, because: &str) -> Result<(), Error> {
    match work.rollout(key)?.filter(RolloutRow::is_active) {
        Some(row) => end(work, &row, Some(because)),
        None => Ok(()),
    }
}

/// Gives what rose the percentage or stage back that it had; what else was changed in the flag meanwhile stays.
fn roll_back(work: &mut Work<'_>, flag_row: &FlagRow, row: &RolloutRow) -> Result<(), Error> {
    check_not_archived(Some(flag_row))?;
    if row.percentage.is_some()
        && let Some(back) = target::restored(&Work::stored_flag(flag_row)?, &row.target, &row.before)
    {
        change_flag(work, flag_row, back, "rollout_rolled_back")?;
    }
    let after =
        RolloutRow { status: RolloutStatus::RolledBack, next_at: None, ended_at: Some(work.now()), ..row.clone() };
    record(work, Some(row), after, "rolled_back", Some("flag.rollout_rolled_back"))
}

/// Stores what a rollout makes of a flag, as any other write is checked.
fn change_flag(work: &mut Work<'_>, row: &FlagRow, flag: Flag, action: &'static str) -> Result<(), Error> {
    let version = row.version.saturating_add(1);
    let flag = Flag { version, created_at: Some(row.created_at), updated_at: Some(work.now()), ..flag };
    let flag = work.read_flag(&to_json(&flag)?)?.map_err(Error::Invalid)?;
    flags::store(work, Some(row), flag, "", Cause::Rollout(action))
}

/// What a change of a flag means for its rollout: one that takes away what rises ends it, and what it has set nobody else sets.
pub(crate) fn check_target(work: &mut Work<'_>, before: &Flag, after: &Flag) -> Result<(), Error> {
    let Some(row) = work.rollout(&after.key)?.filter(RolloutRow::is_active) else { return Ok(()) };
    let (old, new) = (target::percentage(before, &row.target), target::percentage(after, &row.target));
    match (&row.target, old, new) {
        (RolloutTarget::Rule { own: true, variant, .. }, None, None) => {
            if has_variant(after, variant) {
                Ok(())
            } else {
                end(work, &row, Some("the variant that it serves was removed"))
            }
        }
        (_, Some(_), None) => end(work, &row, Some("what it raises was removed")),
        (_, old, new) if old == new => Ok(()),
        _ => {
            let message = format!(
                "the rollout of `{}` sets this percentage or stage; cancel it or roll it back first",
                after.key
            );
            Err(Error::RolloutConflict(message))
        }
    }
}

/// The flag and whether a rollout may go on with it.
fn live_flag(work: &Work<'_>, key: &str) -> Result<Option<(FlagRow, Flag)>, Error> {
    match work.flag(key)?.filter(is_live) {
        Some(row) => {
            let flag = Work::stored_flag(&row)?;
            Ok(Some((row, flag)))
        }
        None => Ok(None),
    }
}

impl RolloutBefore {
    fn of_percentage(percentage: Option<Option<f64>>) -> Self {
        percentage.map_or(Self::NoRule, Self::Percentage)
    }
}
