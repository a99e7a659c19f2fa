//! From a unit to a bucket, and from a bucket to a share. Cut points are integers that were computed when the snapshot
//! was compiled; evaluation compares integers, so every runtime agrees to the last user.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;

use serde::ser::{Serialize, Serializer};

use crate::context::Attribute;
use crate::hash::{Djb2, fmix32};
use crate::model::Bucketing;
use crate::text::Text;

/// All points: 2^32.
const POINTS: f64 = 4_294_967_296.0;

/// How a unit is bucketed for one flag or distribution.
#[derive(Clone, Debug)]
pub(crate) struct Bucketer {
    kind: Kind,
    /// The attribute to bucket; none: `user_id`, or else `project_id`.
    pub(crate) bucket_by: Option<Attribute>,
}

#[derive(Clone, Debug)]
enum Kind {
    /// Hashes the unit and then this.
    Djb2Xor { suffix: Box<str> },
    /// Continues this hash, of everything before the unit.
    Djb2XorFmix32 { prefix: Djb2 },
}

/// What a bucket decides.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose<'a> {
    /// All that is decided: who is in, or what they get.
    Own,
    /// What they get whom the percentage of the rule of this id has let in. It is hashed apart: the same hash would give all of those that are
    /// in the lowest buckets, which is all of the first variant.
    WithinRule(&'a str),
}

impl Bucketer {
    pub(crate) fn new(
        bucketing: Bucketing,
        tenant: &str,
        salt: Option<&str>,
        flag_key: &str,
        bucket_by: Option<Attribute>,
        purpose: Purpose<'_>,
    ) -> Self {
        let (slash, rule) = match purpose {
            Purpose::Own => ("", ""),
            Purpose::WithinRule(rule) => ("/", rule),
        };
        let kind = match bucketing {
            Bucketing::Djb2Xor => Kind::Djb2Xor { suffix: format!("|{flag_key}{slash}{rule}").into() },
            Bucketing::Djb2XorFmix32 => {
                let prefix = [tenant, "|", salt.unwrap_or(flag_key), slash, rule, "|"]
                    .into_iter()
                    .fold(Djb2::default(), |hash, part| hash.text(part.into()));
                Kind::Djb2XorFmix32 { prefix }
            }
        };
        Self { kind, bucket_by }
    }

    /// The unit's point among 2^32, and the bucket to report.
    #[inline(always)]
    pub(crate) fn place(&self, unit: Text<'_>) -> (u32, Bucket) {
        self.place_hashed(self.from().text(unit))
    }

    /// The hash that the unit continues.
    #[inline(always)]
    pub(crate) fn from(&self) -> Djb2 {
        match &self.kind {
            Kind::Djb2Xor { .. } => Djb2::default(),
            Kind::Djb2XorFmix32 { prefix } => *prefix,
        }
    }

    /// As [`Bucketer::place`], of the hash from [`Bucketer::from`] continued by the unit.
    #[inline(always)]
    pub(crate) fn place_hashed(&self, hash: Djb2) -> (u32, Bucket) {
        match &self.kind {
            Kind::Djb2Xor { suffix } => of_percent(hash, suffix),
            Kind::Djb2XorFmix32 { .. } => of_point(hash),
        }
    }

    /// A cut in the unit of the reported bucket.
    #[inline]
    pub(crate) fn threshold(&self, cut: Cut) -> f64 {
        match self.kind {
            Kind::Djb2Xor { .. } => cut.as_f64() * 100.0 / POINTS,
            Kind::Djb2XorFmix32 { .. } => cut.as_f64() / POINTS,
        }
    }

    /// The threshold to report for a stage of `percent`.
    pub(crate) fn stage_threshold(&self, percent: u8) -> f64 {
        match self.kind {
            Kind::Djb2Xor { .. } => f64::from(percent),
            Kind::Djb2XorFmix32 { .. } => self.threshold(Cut::of_percentage(f64::from(percent))),
        }
    }
}

/// A point under `djb2-xor-fmix32`.
#[inline(always)]
fn of_point(hash: Djb2) -> (u32, Bucket) {
    let point = fmix32(hash.finish());
    (point, Bucket::Fraction(f64::from(point) / POINTS))
}

/// A point under `djb2-xor`. It stands apart so that only what most flags take is inlined where they are evaluated.
#[inline(never)]
fn of_percent(unit: Djb2, suffix: &str) -> (u32, Bucket) {
    let percent = unit.text(suffix.into()).finish() % 100;
    // floor(percent * 2^32 / 100), at most 99 % of 2^32.
    let point = ((u64::from(percent) << 32) / 100) as u32;
    (point, Bucket::Percent(percent))
}

/// A unit's bucket, as it is reported.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bucket {
    /// Under `djb2-xor`: 0 to 99.
    Percent(u32),
    /// Under `djb2-xor-fmix32`: from 0 up to but not 1.
    Fraction(f64),
}

impl Serialize for Bucket {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Bucket::Percent(percent) => serializer.serialize_u32(percent),
            Bucket::Fraction(fraction) => serializer.serialize_f64(fraction),
        }
    }
}

/// Where a share ends, 0 to 2^32: the points below it are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cut(u64);

impl Cut {
    const ALL: Self = Self(1 << 32);

    /// `floor(percentage / 100 * 2^32)`; the product is exact, and cannot overflow.
    pub(crate) fn of_percentage(percentage: f64) -> Self {
        Self::of_share(percentage, 100.0)
    }

    fn of_share(part: f64, whole: f64) -> Self {
        // The cast cuts towards zero, saturates, and makes NaN 0: a share is never more than all.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Self((part / whole * POINTS) as u64).min(Self::ALL)
    }

    /// The cuts of a distribution's weights (finite, not negative, of a sum greater than 0), in order.
    pub(crate) fn of_weights(weights: &[f64]) -> Vec<Self> {
        let whole: f64 = weights.iter().sum();
        let last = weights.iter().rposition(|weight| *weight > 0.0).unwrap_or(0);
        let mut part = 0.0;
        weights
            .iter()
            .enumerate()
            .map(|(index, weight)| {
                part += weight;
                // The last share ends at the end, whatever the sum's rounding.
                if index >= last { Self::ALL } else { Self::of_share(part, whole) }
            })
            .collect()
    }

    #[inline]
    pub(crate) fn contains(self, point: u32) -> bool {
        u64::from(point) < self.0
    }

    #[inline]
    #[allow(clippy::cast_precision_loss)]
    fn as_f64(self) -> f64 {
        self.0 as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::prelude::v1::*;

    #[test]
    fn percent_buckets_compare_as_percent() {
        let bucketer = Bucketer::new(Bucketing::Djb2Xor, "t", None, "syn.staged_25", None, Purpose::Own);
        let (point, bucket) = bucketer.place("bucket-low-1".into());
        assert_eq!(bucket, Bucket::Percent(4));
        for percent in 0..=100_u8 {
            assert_eq!(Cut::of_percentage(f64::from(percent)).contains(point), 4 < percent, "{percent}");
        }
    }

    #[test]
    fn tiny_weights_count() {
        let cuts = Cut::of_weights(&[1.0, 99_999.0]);
        assert_eq!(cuts, [Cut(42_949), Cut::ALL]);
        assert_eq!(Cut::of_weights(&[0.0, 1.0, 0.0]), [Cut(0), Cut::ALL, Cut::ALL]);
    }

    proptest! {
        #[test]
        fn cuts_never_fall_and_reach_the_end(weights in proptest::collection::vec(0.0..1e300_f64, 1..20)) {
            prop_assume!(weights.iter().sum::<f64>() > 0.0);
            let cuts = Cut::of_weights(&weights);
            prop_assert!(cuts.is_sorted());
            prop_assert_eq!(cuts.last(), Some(&Cut::ALL));
        }

        #[test]
        fn a_higher_percentage_takes_nobody_out(point: u32, low in 0.0..100.0_f64, more in 0.0..100.0_f64) {
            let high = (low + more).min(100.0);
            prop_assert!(!Cut::of_percentage(low).contains(point) || Cut::of_percentage(high).contains(point));
        }
    }
}
