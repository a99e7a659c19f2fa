//! What a rollout raises, in the flag.

use burgee_core::model::{Condition, Flag, RolloutStage, Rule, Serve, Stage};

use crate::rows::{RolloutBefore, RolloutTarget};

fn rule<'f>(flag: &'f Flag, id: &str) -> Option<&'f Rule> {
    flag.rules.iter().find(|rule| rule.id == id)
}

/// The percentage that the target has in a flag; none where it is not there.
pub(super) fn percentage(flag: &Flag, target: &RolloutTarget) -> Option<f64> {
    match target {
        RolloutTarget::Rule { id, .. } => rule(flag, id).map(|rule| rule.percentage.unwrap_or(100.0)),
        RolloutTarget::Stage => flag.stage.as_ref().map(|stage| stage_percentage(stage.rollout_stage)),
    }
}

fn stage_percentage(stage: RolloutStage) -> f64 {
    match stage {
        RolloutStage::Staged(percent) => f64::from(percent),
        RolloutStage::Full => 100.0,
        RolloutStage::Draft | RolloutStage::Internal | RolloutStage::Paused | RolloutStage::RolledBack => 0.0,
    }
}

/// What rolling back will bring back.
pub(super) fn before(flag: &Flag, target: &RolloutTarget) -> RolloutBefore {
    match target {
        RolloutTarget::Rule { id, .. } => RolloutBefore::of_percentage(rule(flag, id).map(|rule| rule.percentage)),
        RolloutTarget::Stage => {
            let stage = flag.stage.as_ref().map_or(RolloutStage::Draft, |stage| stage.rollout_stage);
            RolloutBefore::Stage(stage.to_string())
        }
    }
}

/// The percentage that a rollout's target had before it; 0 where there was no rule, or of a stage that there is not any more.
pub(super) fn percentage_before(before: &RolloutBefore) -> f64 {
    match before {
        RolloutBefore::NoRule => 0.0,
        RolloutBefore::Percentage(percentage) => percentage.unwrap_or(100.0),
        RolloutBefore::Stage(stage) => RolloutStage::parse(stage).map_or(0.0, stage_percentage),
    }
}

/// The flag with the target's percentage; none where the target is not there, or has it already. `is_first`: a rule of the rollout's own is made now.
pub(super) fn with_percentage(flag: &Flag, target: &RolloutTarget, percentage: f64, is_first: bool) -> Option<Flag> {
    let present = self::percentage(flag, target);
    if present == Some(percentage) {
        return None;
    }
    let mut flag = flag.clone();
    match target {
        RolloutTarget::Rule { id, own, variant } => match flag.rules.iter_mut().find(|rule| rule.id == *id) {
            Some(rule) => rule.percentage = Some(percentage),
            None if *own && is_first => flag.rules.push(Rule {
                id: id.clone(),
                description: None,
                when: Condition::All(Vec::new()),
                percentage: Some(percentage),
                bucket_by: None,
                salt: None,
                serve: Serve::Variant { variant: variant.clone() },
            }),
            None => return None,
        },
        RolloutTarget::Stage => flag.stage.as_mut()?.rollout_stage = stage_of(percentage)?,
    }
    Some(flag)
}

/// The stage of a whole percentage from 1 to 100.
pub(super) fn stage_of(percentage: f64) -> Option<RolloutStage> {
    if percentage == 100.0 {
        return Some(RolloutStage::Full);
    }
    RolloutStage::parse(&format!("staged_{percentage}"))
}

/// The flag with its target as it was; none where it is so already, or the target is gone.
pub(super) fn restored(flag: &Flag, target: &RolloutTarget, before: &RolloutBefore) -> Option<Flag> {
    let mut flag = flag.clone();
    match (target, before) {
        (RolloutTarget::Rule { id, .. }, RolloutBefore::NoRule) => {
            let rules = flag.rules.len();
            flag.rules.retain(|rule| rule.id != *id);
            (flag.rules.len() != rules).then_some(flag)
        }
        (RolloutTarget::Rule { id, .. }, RolloutBefore::Percentage(percentage)) => {
            let rule = flag.rules.iter_mut().find(|rule| rule.id == *id && rule.percentage != *percentage)?;
            rule.percentage = *percentage;
            Some(flag)
        }
        (RolloutTarget::Stage, RolloutBefore::Stage(stage)) => {
            let stage = RolloutStage::parse(stage)?;
            let Stage { rollout_stage, .. } = flag.stage.as_mut()?;
            if *rollout_stage == stage {
                return None;
            }
            *rollout_stage = stage;
            Some(flag)
        }
        _ => None,
    }
}
