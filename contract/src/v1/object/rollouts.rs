//! `/v1/flags/{key}/rollout` and `/v1/rollouts`.

use burgee_control::{
    Command, RolloutRow, RolloutStatus, RolloutStep, RolloutTarget, Steer, StepStatus, Store, WaitsFor,
};
use serde::Serialize;

use super::others::{flag_of, reason};
use super::{Answer, Asked, json, not_found, time};
use crate::v1::Operation;
use crate::v1::input::is_key;

#[derive(Serialize)]
struct Shown<'a> {
    flag_key: &'a str,
    status: RolloutStatus,
    steps: Vec<ShownStep<'a>>,
    percentage: Option<f64>,
    /// When the next step's time comes, where it waits for that.
    next_at: Option<String>,
    waits_for: Option<WaitsFor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: Option<&'a str>,
    started_by: &'a str,
    started_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    approved_by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paused_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_because: Option<&'a str>,
}

#[derive(Serialize)]
struct ShownStep<'a> {
    percentage: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gate: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gate_open: Option<bool>,
    status: StepStatus,
    taken_at: Option<String>,
}

impl<'a> ShownStep<'a> {
    fn of(step: &'a RolloutStep) -> Self {
        Self {
            percentage: step.percentage,
            at: step.at.map(time),
            after: step.after_ms.map(duration),
            gate: step.gate.as_deref(),
            gate_open: step.gate.as_ref().map(|_| step.gate_open),
            status: step.status,
            taken_at: step.taken_at.map(time),
        }
    }
}

/// A time as plans write it: in the largest unit that leaves no rest.
fn duration(ms: i64) -> String {
    const UNITS: [(i64, &str); 4] = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    let fits = UNITS.into_iter().find(|(unit, _)| ms.checked_rem(*unit) == Some(0));
    let (unit, name) = fits.unwrap_or((1_000, "s"));
    format!("{}{name}", ms.checked_div(unit).unwrap_or(0))
}

fn shown(asked: &Asked<'_>, store: &dyn Store, row: &RolloutRow) -> Answer {
    let is_held = store.rollouts_stopped()? || !asked.policy.rollouts;
    let waits_for = row.waits_for(asked.moment.now, is_held);
    let (rule_id, variant) = match &row.target {
        RolloutTarget::Rule { id, own, variant } => (Some(id.as_str()), own.then_some(variant.as_str())),
        RolloutTarget::Stage => (None, None),
    };
    json(
        200,
        &Shown {
            flag_key: &row.flag,
            status: row.status,
            steps: row.steps.iter().map(ShownStep::of).collect(),
            percentage: row.percentage,
            next_at: row.due_at().filter(|_| waits_for == Some(WaitsFor::Time)).map(time),
            waits_for,
            rule_id,
            variant,
            started_by: &row.started_by,
            started_at: time(row.started_at),
            approved_by: row.approved_by.as_deref(),
            paused_at: row.paused_at.map(time),
            ended_at: row.ended_at.map(time),
            ended_because: row.ended_because.as_deref(),
        },
    )
}

pub(super) fn get(asked: &Asked<'_>, store: &dyn Store) -> Answer {
    let flag = flag_of(asked, store)?;
    let row = store.rollout(&flag)?.ok_or_else(|| not_found("rollout"))?;
    shown(asked, store, &row)
}

pub(super) fn start(asked: &Asked<'_>, store: &mut dyn Store) -> Answer {
    let document = asked.document()?.to_owned();
    let flag = flag_of(asked, store)?;
    let done = asked.run(store, &Command::StartRollout { flag: flag.clone(), document })?;
    done.answer(|| {
        let row = store.rollout(&flag)?.ok_or_else(|| not_found("rollout"))?;
        Ok(crate::http::Response { status: 201, ..shown(asked, store, &row)? })
    })
}

pub(super) fn steer(asked: &Asked<'_>, store: &mut dyn Store, operation: Operation) -> Answer {
    let flag = flag_of(asked, store)?;
    let steer = match operation {
        Operation::PauseRollout => Steer::Pause,
        Operation::ResumeRollout => Steer::Resume,
        Operation::CancelRollout => Steer::Cancel,
        Operation::RollBack => Steer::RollBack,
        _ => {
            let gate = asked.segment("gate")?.into_owned();
            if is_key(&gate) { Steer::OpenGate(gate) } else { return Err(not_found("gate")) }
        }
    };
    let done = asked.run(store, &Command::SteerRollout { flag: flag.clone(), steer })?;
    done.answer(|| {
        let row = store.rollout(&flag)?.ok_or_else(|| not_found("rollout"))?;
        shown(asked, store, &row)
    })
}

pub(super) fn stop(asked: &Asked<'_>, store: &mut dyn Store, stopped: bool) -> Answer {
    #[derive(Serialize)]
    struct Switch {
        stopped: bool,
    }
    let reason = reason(asked)?;
    let done = asked.run(store, &Command::StopRollouts { stopped, reason })?;
    let stopped = store.rollouts_stopped()?;
    done.answer(|| json(200, &Switch { stopped }))
}
