//! Reading a rollout's plan.

use burgee_core::model::{Flag, FlagType, Serve, Value};
use burgee_core::{Fault, FaultCode, Json};

use super::super::draft::{fault, object};
use super::super::fields::Fields;
use super::super::links::has_variant;
use super::target;
use crate::duration;
use crate::error::Error;
use crate::limits::{ROLLOUT_AFTER_MS, ROLLOUT_STEPS};
use crate::rows::{RolloutStep, RolloutTarget, StepStatus};

/// The id of a rule that a rollout makes.
const OWN_RULE: &str = "rollout";

/// Bytes of a gate's name: a metric's, which stands in a URL.
const GATE_BYTES: usize = 128;

pub(super) struct Plan {
    pub steps: Vec<RolloutStep>,
    pub target: RolloutTarget,
}

/// Reads a plan for a flag.
pub(super) fn read(document: &str, flag: &Flag, now: i64) -> Result<Plan, Error> {
    let members = object(document)?;
    let mut faults = Vec::new();
    let mut fields = Fields::new(&members, "", &["steps", "variant", "rule_id"], &mut faults);
    let target = target(&mut fields, flag);
    let items = fields.items("steps");
    if items.is_none() && fields.get("steps").is_none() {
        fields.missing("steps");
    }
    let mut steps = Vec::new();
    match items.map_or(0, <[_]>::len) {
        0 if items.is_some() => fields.fault(FaultCode::InvalidValue, "steps", "must have at least one step"),
        count if count > ROLLOUT_STEPS => {
            let message = format!("must have at most {ROLLOUT_STEPS} steps (ROLLOUT_STEPS)");
            fields.fault(FaultCode::LimitExceeded, "steps", message);
        }
        _ => {
            let mut reader = Steps { is_stage: target == Some(RolloutTarget::Stage), now, percentage: None, at: None };
            for (index, item) in items.unwrap_or_default().iter().enumerate() {
                steps.extend(reader.step(item, index, &mut faults));
            }
        }
    }
    if let Some(target) = &target
        && let Some(first) = steps.first()
        && faults.is_empty()
        && target::percentage(flag, target).is_some_and(|present| first.percentage < present)
    {
        let message = "must not be less than the present percentage: nobody is taken out by a rollout";
        faults.push(fault(FaultCode::InvalidValue, "/steps/0/percentage", message));
    }
    match target {
        Some(target) if faults.is_empty() => Ok(Plan { steps, target }),
        _ => Err(Error::Invalid(faults)),
    }
}

/// What the rollout raises.
fn target(fields: &mut Fields<'_, '_>, flag: &Flag) -> Option<RolloutTarget> {
    let variant = fields.string("variant");
    if variant.is_some_and(|variant| !has_variant(flag, variant)) {
        fields.fault(FaultCode::UnknownReference, "variant", "must be a variant of the flag");
        return None;
    }
    let rule_of = |id: &str| flag.rules.iter().find(|rule| rule.id == id);
    if let Some(id) = fields.string("rule_id") {
        if variant.is_some() {
            fields.fault(
                FaultCode::Duplicate,
                "variant",
                "must not be there beside rule_id: the rule says what it serves",
            );
        }
        if rule_of(id).is_none() {
            fields.fault(FaultCode::UnknownReference, "rule_id", "must be the id of a rule of the flag");
            return None;
        }
        return Some(RolloutTarget::Rule { id: id.to_owned(), own: false, variant: String::new() });
    }
    if fields.get("rule_id").is_some() {
        return None;
    }
    if flag.stage.is_some() {
        if variant.is_some() {
            let message = "must not be there: the flag has a stage, which is what rises";
            fields.fault(FaultCode::InvalidValue, "variant", message);
        }
        return Some(RolloutTarget::Stage);
    }
    // What an earlier rollout made is raised on.
    if let Some(rule) = rule_of(OWN_RULE) {
        let serves = |wanted: &str| matches!(&rule.serve, Serve::Variant { variant } if variant == wanted);
        if variant.is_some_and(|variant| !serves(variant)) {
            let message = "must be what the flag's rule `rollout` serves, or be left out";
            fields.fault(FaultCode::InvalidValue, "variant", message);
        }
        return Some(RolloutTarget::Rule { id: OWN_RULE.to_owned(), own: false, variant: String::new() });
    }
    let is_true = |value: &Value| matches!(value, Value::Boolean(true));
    let implied = flag.variants.iter().find(|variant| flag.flag_type == FlagType::Boolean && is_true(&variant.value));
    let Some(variant) = variant.or(implied.map(|variant| variant.key.as_str())) else {
        if fields.get("variant").is_none() {
            fields.fault(FaultCode::Missing, "variant", "must name the variant that is rolled out");
        }
        return None;
    };
    Some(RolloutTarget::Rule { id: OWN_RULE.to_owned(), own: true, variant: variant.to_owned() })
}

/// Reads steps, each with what came before it.
struct Steps {
    is_stage: bool,
    now: i64,
    percentage: Option<f64>,
    at: Option<i64>,
}

impl Steps {
    fn step(&mut self, item: &Json<'_>, index: usize, faults: &mut Vec<Fault>) -> Option<RolloutStep> {
        let pointer = format!("/steps/{index}");
        let Json::Object(members) = item else {
            faults.push(fault(FaultCode::WrongType, pointer, "must be an object"));
            return None;
        };
        let mut fields = Fields::new(members, pointer, &["percentage", "at", "after", "gate"], faults);
        let percentage = fields.percentage("percentage");
        if fields.get("percentage").is_none() {
            fields.missing("percentage");
        }
        if let Some(percentage) = percentage {
            if self.percentage.is_some_and(|earlier| percentage <= earlier) {
                fields.fault(FaultCode::InvalidValue, "percentage", "must be more than that of the step before");
            }
            if self.is_stage && target::stage_of(percentage).is_none() {
                let message = "must be a whole number from 1 to 100: the flag has a stage, which is what rises";
                fields.fault(FaultCode::InvalidValue, "percentage", message);
            }
            self.percentage = Some(percentage);
        }
        let at = fields.time("at");
        if let Some(at) = at {
            if at < self.now {
                fields.fault(
                    FaultCode::InvalidValue,
                    "at",
                    "must not be past; without a time the step follows at once",
                );
            }
            if self.at.is_some_and(|earlier| at <= earlier) {
                fields.fault(FaultCode::InvalidValue, "at", "must be later than that of the step before");
            }
            self.at = Some(at);
        }
        let after_ms = fields.string("after").and_then(duration::parse);
        if fields.get("after").is_some() {
            let message = "must be a number and a unit, as 90s, 15m, 24h or 7d, of at most 366 days";
            if after_ms.is_none_or(|after| after > ROLLOUT_AFTER_MS) {
                fields.fault(FaultCode::InvalidValue, "after", message);
            }
            if at.is_some() {
                fields.fault(FaultCode::Duplicate, "after", "must not be there beside at, which says when too");
            }
        }
        let gate = fields.short("gate", GATE_BYTES, "GATE_BYTES").map(str::to_owned);
        if gate.as_deref() == Some("") {
            fields.fault(FaultCode::InvalidValue, "gate", "must not be empty");
        }
        Some(RolloutStep {
            percentage: percentage?,
            at,
            after_ms,
            gate,
            gate_open: false,
            status: StepStatus::Waiting,
            taken_at: None,
        })
    }
}
