//! What a walk leaves behind: nothing, or every step.

use alloc::vec::Vec;

use serde::Serialize;

use crate::bucketing::Bucket;
use crate::decision::Source;
use crate::model::RolloutStage;

/// How a step went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It decided.
    Match,
    /// It had something to say, but not here.
    NoMatch,
    /// It had nothing to say.
    Absent,
    /// There is an override, and its time is over.
    Expired,
    /// There is an override, of a variant that the flag does not have.
    UnknownVariant,
    /// The context has nothing to bucket by.
    NoBucketingUnit,
}

/// One step of the walk, with what it compared.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Step<'s> {
    /// The step.
    pub step: Source,
    /// How it went.
    pub outcome: Outcome,
    /// The kill switch's category.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub category: Option<&'s str>,
    /// The variant that it would serve.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub variant: Option<&'s str>,
    /// The attribute that it read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub attribute: Option<&'s str>,
    /// When the override ends, ms since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional, type = "number"))]
    pub expires_at: Option<i64>,
    /// The stage that applies.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub rollout_stage: Option<RolloutStage>,
    /// The environment for which the map names that stage; left out where the stage is the flag's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub env: Option<&'s str>,
    /// The unit's bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional, type = "number"))]
    pub bucket: Option<Bucket>,
    /// What the bucket was compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub threshold: Option<f64>,
}

impl<'s> Step<'s> {
    pub(crate) fn new(step: Source, outcome: Outcome) -> Self {
        Self {
            step,
            outcome,
            category: None,
            variant: None,
            attribute: None,
            expires_at: None,
            rollout_stage: None,
            env: None,
            bucket: None,
            threshold: None,
        }
    }

    /// The step as a reason chain shows it: without what was compared.
    #[must_use]
    pub fn outcome_only(&self) -> Self {
        Self::new(self.step, self.outcome)
    }
}

/// Receives the steps of a walk. `()` wants none, and costs nothing; a `Vec` keeps them.
pub trait Trace<'s> {
    /// Takes the next step. It is made only where somebody wants it.
    fn step(&mut self, make: impl FnOnce() -> Step<'s>);
}

impl<'s> Trace<'s> for () {
    #[inline]
    fn step(&mut self, _: impl FnOnce() -> Step<'s>) {}
}

impl<'s> Trace<'s> for Vec<Step<'s>> {
    fn step(&mut self, make: impl FnOnce() -> Step<'s>) {
        self.push(make());
    }
}
