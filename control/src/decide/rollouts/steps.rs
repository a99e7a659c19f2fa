//! Taking steps: which are due, and what becomes of a rollout that cannot go on.

use super::super::work::Work;
use super::{change_flag, end, live_flag, record, target, tell};
use crate::error::Error;
use crate::limits::ROLLOUT_HELD_MS;
use crate::rows::{RolloutRow, RolloutStatus, StepStatus, WaitsFor};

/// In whose name steps are taken.
pub(crate) const ROLLOUT_ACTOR: &str = "burgee:rollout";

impl RolloutRow {
    /// Whether it may still take steps.
    #[must_use]
    pub fn is_active(&self) -> bool {
        matches!(self.status, RolloutStatus::Running | RolloutStatus::Paused)
    }

    /// What is served of what it raises, 0 to 100: before the first step what was there before the rollout, for nobody else sets it meanwhile.
    #[must_use]
    pub fn served(&self) -> f64 {
        self.percentage.unwrap_or_else(|| target::percentage_before(&self.before))
    }

    /// The first step that waits.
    fn next(&self) -> Option<usize> {
        self.steps.iter().position(|step| step.status == StepStatus::Waiting)
    }

    /// When the time of the first step that waits has come, ms since the epoch, whatever its gate; none where no step waits. While a rollout is
    /// paused, the time of an `after` step goes on to move.
    #[must_use]
    pub fn due_at(&self) -> Option<i64> {
        let next = self.next()?;
        let step = self.steps.get(next)?;
        let before = next.checked_sub(1).and_then(|before| self.steps.get(before)?.taken_at);
        let since = before.unwrap_or(self.started_at);
        Some(match (step.at, step.after_ms) {
            (Some(at), _) => at,
            (None, Some(after)) => since.saturating_add(after).saturating_add(self.paused_ms),
            (None, None) => since,
        })
    }

    /// When the alarm must look at it: not while it is paused, nor while the gate of the next step is closed.
    pub(super) fn look_at(&self) -> Option<i64> {
        let step = self.steps.get(self.next()?)?;
        let is_open = step.gate.is_none() || step.gate_open;
        if self.status == RolloutStatus::Running && is_open { self.due_at() } else { None }
    }

    /// Whether it has come to stand because a second person is needed: its next step could be looked at, and nothing looks.
    pub(super) fn needs_approval(&self) -> bool {
        self.status == RolloutStatus::Running && self.next_at.is_none() && self.look_at().is_some()
    }

    /// What keeps it from taking its next step at `now`; none where it does not run. `is_held`: the tenant's rollouts are stopped, or those of all tenants are.
    #[must_use]
    pub fn waits_for(&self, now: i64, is_held: bool) -> Option<WaitsFor> {
        if self.status != RolloutStatus::Running {
            return None;
        }
        Some(if self.needs_approval() {
            WaitsFor::Approval
        } else if is_held {
            WaitsFor::Switch
        } else if self.look_at().is_none() && self.due_at().is_some_and(|due| due <= now) {
            WaitsFor::Gate
        } else {
            WaitsFor::Time
        })
    }
}

/// Looks at a rollout again in a while, as all of them are held.
pub(crate) fn hold(work: &mut Work<'_>, row: &RolloutRow) {
    let next_at = Some(work.now().saturating_add(ROLLOUT_HELD_MS));
    work.put_rollout(RolloutRow { next_at, ..row.clone() });
}

/// Takes the steps that are due, for the alarm. One that cannot be taken ends the rollout; nothing here keeps others from going on.
pub(crate) fn progress(work: &mut Work<'_>, row: &RolloutRow) -> Result<(), Error> {
    let mut row = row.clone();
    match advance(work, &mut row) {
        Ok(()) => Ok(()),
        Err(unreadable @ Error::Unreadable(_)) => Err(unreadable),
        Err(error) => end(work, &row, Some(&refusal(&error))),
    }
}

/// Takes the steps that are due once somebody has set a flag's rollout going, in the same decision: whoever did is told how it stands then. A step that cannot be
/// taken refuses what he asked for.
pub(super) fn go_on(work: &mut Work<'_>, key: &str) -> Result<(), Error> {
    if !work.occasion.policy.rollouts || work.state.rollouts_stopped()? {
        return Ok(());
    }
    let Some(mut row) = work.rollout(key)?.filter(|row| row.status == RolloutStatus::Running) else { return Ok(()) };
    // Steps are the rollout's, as where the alarm takes them; who released it stands in its row.
    let actor = std::mem::replace(&mut work.actor, ROLLOUT_ACTOR.to_owned());
    let approved_by = work.approved_by.take();
    let advanced = advance(work, &mut row);
    (work.actor, work.approved_by) = (actor, approved_by);
    advanced.map_err(|error| match error {
        // Its pointers are into the flag, and not into what was asked for.
        Error::Invalid(_) => Error::Conflict(format!("`{key}` cannot be changed by its rollout: {}", refusal(&error))),
        error => error,
    })
}

/// Takes the steps that are due. Where one cannot be taken, `row` is as the step before left it.
fn advance(work: &mut Work<'_>, row: &mut RolloutRow) -> Result<(), Error> {
    loop {
        let Some((_, flag)) = live_flag(work, &row.flag)? else {
            return end(work, row, Some("the flag is archived or deleted"));
        };
        if flag.high_impact && row.approved_by.is_none() {
            work.put_rollout(RolloutRow { next_at: None, ..row.clone() });
            return Ok(());
        }
        match row.look_at() {
            Some(due) if due <= work.now() => take(work, row)?,
            _ => break,
        }
    }
    // Only its time has changed, as where it was held.
    let next_at = row.look_at();
    if row.status == RolloutStatus::Running && row.next_at != next_at {
        work.put_rollout(RolloutRow { next_at, ..row.clone() });
    }
    Ok(())
}

fn refusal(error: &Error) -> String {
    match error {
        Error::Invalid(faults) => faults.first().map(ToString::to_string).unwrap_or_default(),
        Error::LimitExceeded { message, .. } | Error::Conflict(message) | Error::RolloutConflict(message) => {
            message.clone()
        }
        _ => "the flag cannot be changed so".to_owned(),
    }
}

/// Takes the next step, or, of several whose `at` has passed, the last of them. `row` stays as it is where it cannot be taken.
fn take(work: &mut Work<'_>, row: &mut RolloutRow) -> Result<(), Error> {
    let now = work.now();
    let Some(first) = row.next() else { return Ok(()) };
    let has_passed = |place: usize| {
        row.steps
            .get(place)
            .is_some_and(|step| step.at.is_some_and(|at| at <= now) && (step.gate.is_none() || step.gate_open))
    };
    let mut last = first;
    while has_passed(last) && has_passed(last.saturating_add(1)) {
        last = last.saturating_add(1);
    }
    let Some(percentage) = row.steps.get(last).map(|step| step.percentage) else { return Ok(()) };
    let Some((flag_row, flag)) = live_flag(work, &row.flag)? else { return Ok(()) };
    let is_first = row.percentage.is_none();
    match target::with_percentage(&flag, &row.target, percentage, is_first) {
        Some(stepped) => change_flag(work, &flag_row, stepped, "rollout_progress")?,
        None if target::percentage(&flag, &row.target).is_none() => {
            return Err(Error::Conflict("what it raises was removed".to_owned()));
        }
        // It has the percentage already.
        None => {}
    }
    let before = row.clone();
    for (place, step) in row.steps.iter_mut().enumerate() {
        if place >= first && place <= last {
            step.status = if place == last { StepStatus::Taken } else { StepStatus::Skipped };
            step.taken_at = Some(now);
        }
    }
    (row.percentage, row.paused_ms) = (Some(percentage), 0);
    let is_done = row.next().is_none();
    if is_done {
        (row.status, row.ended_at) = (RolloutStatus::Done, Some(now));
    }
    row.next_at = row.look_at();
    tell(work, row, "flag.rollout_progress");
    if is_done {
        record(work, Some(&before), row.clone(), "done", Some("flag.rollout_done"))
    } else {
        // The flag's own entry tells of the step.
        work.put_rollout(row.clone());
        Ok(())
    }
}
