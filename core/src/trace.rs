//! What a walk leaves behind: nothing, or every step.

use alloc::vec::Vec;

use serde::Serialize;

use crate::bucketing::Bucket;
use crate::decision::Source;
use crate::model::{Operator, RolloutStage};
use crate::time::format_rfc3339;

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
    /// The rule's condition matches, and its percentage does not take the context in.
    NotInPercentage,
    /// The prerequisite is met.
    Met,
    /// The flag is sensitive, and the caller may be told of it.
    Permitted,
    /// The attribute is of a type that cannot be compared so.
    WrongType,
}

/// One step of the walk, with what it compared.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Step<'s> {
    /// The step.
    pub step: Source,
    /// How it went.
    pub outcome: Outcome,
    /// The rule's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub rule_id: Option<&'s str>,
    /// The key of the prerequisite's flag.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub prerequisite: Option<&'s str>,
    /// The variant that the prerequisite's flag serves; left out where it serves none, or cannot be walked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub served: Option<&'s str>,
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
    /// What the rule's condition compared, in order, up to where it was decided.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<_>"))]
    pub compared: Vec<Compared<'s>>,
}

/// One comparison of a condition: of an attribute, or with a segment, whose own comparisons stand before it.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Compared<'s> {
    /// The attribute's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub attr: Option<&'s str>,
    /// How it was compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub op: Option<Operator>,
    /// With what it was compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub value: Option<ComparedValue<'s>>,
    /// The segment's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub segment: Option<&'s str>,
    /// What of the segment decided: `include`, `exclude` or `conditions`; left out where none of them did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub by: Option<&'s str>,
    /// How it went.
    pub outcome: Outcome,
}

impl Compared<'_> {
    pub(crate) fn new(outcome: Outcome) -> Self {
        Self { attr: None, op: None, value: None, segment: None, by: None, outcome }
    }
}

/// What an attribute was compared with.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(untagged)]
pub enum ComparedValue<'s> {
    /// A text, a pattern or a version.
    Text(&'s str),
    /// A number.
    Number(f64),
    /// `true` or `false`.
    Boolean(bool),
    /// From the first to the second.
    Range([f64; 2]),
    /// Any of a list, which is only counted here.
    Count {
        /// How many they are.
        count: usize,
    },
    /// A time, ms since the epoch; RFC 3339 in JSON.
    #[serde(serialize_with = "time")]
    Time(#[cfg_attr(feature = "typescript", ts(type = "string"))] i64),
}

/// Writes a time as RFC 3339.
fn time<S: serde::Serializer>(epoch_ms: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format_rfc3339(*epoch_ms))
}

impl<'s> Step<'s> {
    pub(crate) fn new(step: Source, outcome: Outcome) -> Self {
        Self {
            step,
            outcome,
            rule_id: None,
            prerequisite: None,
            served: None,
            category: None,
            variant: None,
            attribute: None,
            expires_at: None,
            rollout_stage: None,
            env: None,
            bucket: None,
            threshold: None,
            compared: Vec::new(),
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
    /// Whether anybody looks at the steps. Where nobody does, steps that have nothing to decide are passed over together.
    fn keeps(&self) -> bool {
        true
    }

    /// Takes the next step. It is made only where somebody wants it.
    fn step(&mut self, make: impl FnOnce() -> Step<'s>);

    /// Changes the last step, of which more has become known.
    fn amend(&mut self, change: impl FnOnce(&mut Step<'s>));

    /// Takes a comparison that the last step made.
    fn compare(&mut self, make: impl FnOnce() -> Compared<'s>) {
        self.amend(|step| step.compared.push(make()));
    }
}

impl<'s> Trace<'s> for () {
    #[inline]
    fn keeps(&self) -> bool {
        false
    }

    #[inline]
    fn step(&mut self, _: impl FnOnce() -> Step<'s>) {}

    #[inline]
    fn amend(&mut self, _: impl FnOnce(&mut Step<'s>)) {}
}

impl<'s> Trace<'s> for Vec<Step<'s>> {
    fn step(&mut self, make: impl FnOnce() -> Step<'s>) {
        self.push(make());
    }

    fn amend(&mut self, change: impl FnOnce(&mut Step<'s>)) {
        if let Some(last) = self.last_mut() {
            change(last);
        }
    }
}
