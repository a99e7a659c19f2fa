//! Rollouts of different flags that take in the same users. Only `djb2-xor` does that: it is linear enough that flags with similar keys bucket alike.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Code, Finding, FindingCode, Linter, Severity};
use crate::bucketing::{Bucketer, Cut, Purpose};
use crate::documents::{Documents, Entry};
use crate::model::{Bucketing, Flag, RolloutStage, Serve, State};

/// Ids of the sample: enough that chance alone gives a phi of at most 0.06 (four standard deviations, `4 / sqrt(4096)`).
const SAMPLE: usize = 4096;

/// From this correlation on, two rollouts overlap.
const PHI: f64 = 0.1;

/// So many rollouts are compared with each other.
const ROLLOUTS: usize = 400;

/// A share of users that a flag takes in under `djb2-xor`.
struct Rollout<'d> {
    flag: &'d str,
    pointer: String,
    /// Who of the sample is in, one bit each.
    members: Vec<u64>,
    count: u32,
}

impl Linter {
    pub(super) fn overlaps(&mut self, tenant: &str, documents: &Documents) {
        let live = documents.flags.iter().filter(|entry| entry.value.state == State::On);
        // One more than are compared says that there are more; each costs a hash of the whole sample.
        let all = live.flat_map(|entry| rollouts(entry, tenant));
        let mut rollouts: Vec<Rollout<'_>> = all.take(ROLLOUTS.saturating_add(1)).collect();
        if rollouts.len() > ROLLOUTS {
            let message = format!(
                "has more than {ROLLOUTS} rollouts under djb2-xor: only the first of them are compared with each other"
            );
            self.find(Severity::Info, FindingCode::RolloutsOverlap, "/flags".into(), None, message);
            rollouts.truncate(ROLLOUTS);
        }
        for (place, one) in rollouts.iter().enumerate() {
            for other in rollouts.iter().skip(place.saturating_add(1)).filter(|other| other.flag != one.flag) {
                let phi = phi(one, other);
                if phi.abs() < PHI {
                    continue;
                }
                let which = if phi > 0.0 { "the same users as" } else { "other users than" };
                self.findings.push(Finding {
                    severity: Severity::Warning,
                    code: Code::Finding(FindingCode::RolloutsOverlap),
                    pointer: other.pointer.clone(),
                    flag: Some(other.flag.into()),
                    // Three digits say all that a sample of this size knows.
                    phi: Some(round(phi)),
                    message: format!(
                        "takes in {which} the flag {} (phi {:.3}); bucketing djb2-xor-fmix32 keeps flags apart",
                        one.flag, phi
                    ),
                });
            }
        }
    }
}

fn round(phi: f64) -> f64 {
    // Within -1 and 1, so that the cast is exact.
    (phi * 1000.0) as i32 as f64 / 1000.0
}

fn rollouts<'d>(entry: &'d Entry<Flag>, tenant: &str) -> Vec<Rollout<'d>> {
    let Entry { index, value: flag, .. } = entry;
    let mut found = Vec::new();
    let of = |bucketing: Option<Bucketing>, default| bucketing.unwrap_or(default) == Bucketing::Djb2Xor;
    let mut add = |pointer: String, purpose: Purpose<'_>, cut: Cut| {
        let bucketer = Bucketer::new(Bucketing::Djb2Xor, tenant, None, &flag.key, None, purpose);
        found.push(Rollout::new(&flag.key, pointer, &bucketer, cut));
    };
    if let Some(stage) = &flag.stage
        && of(flag.bucketing, Bucketing::Djb2Xor)
    {
        let stages = stage.rollout_stage_map.iter().map(|(_, stage)| stage);
        let percent = [&stage.rollout_stage].into_iter().chain(stages).find_map(|stage| match stage {
            RolloutStage::Staged(percent) => Some(*percent),
            _ => None,
        });
        if let Some(percent) = percent {
            add(format!("/flags/{index}"), Purpose::Own, Cut::of_percentage(f64::from(percent)));
        }
    }
    if of(flag.bucketing, Bucketing::Djb2XorFmix32) {
        for (place, rule) in flag.rules.iter().enumerate() {
            if let Some(percentage) = rule.percentage {
                add(format!("/flags/{index}/rules/{place}"), Purpose::Own, Cut::of_percentage(percentage));
            }
        }
        if let (None, Some(Serve::Distribution { distribution, .. })) = (&flag.stage, &flag.fallthrough) {
            let weights: Vec<f64> = distribution.iter().map(|entry| entry.weight).collect();
            if let Some(cut) = Cut::of_weights(&weights).first() {
                add(format!("/flags/{index}/fallthrough"), Purpose::Own, *cut);
            }
        }
    }
    found
}

impl<'d> Rollout<'d> {
    fn new(flag: &'d str, pointer: String, bucketer: &Bucketer, cut: Cut) -> Self {
        let mut members = Vec::with_capacity(SAMPLE / 64);
        for word in 0..SAMPLE / 64 {
            members.push((0..64_usize).fold(0_u64, |bits, bit| {
                let id = format!("user-{}", word.wrapping_mul(64).wrapping_add(bit));
                let (point, _) = bucketer.place(id.as_str().into());
                bits | u64::from(cut.contains(point)) << bit
            }));
        }
        let count = members.iter().map(|word| word.count_ones()).sum();
        Self { flag, pointer, members, count }
    }
}

/// The correlation of two rollouts over the sample; 0 where one of them takes in nobody or everybody.
fn phi(one: &Rollout<'_>, other: &Rollout<'_>) -> f64 {
    let both: u32 = one.members.iter().zip(&other.members).map(|(one, other)| (one & other).count_ones()).sum();
    let total = SAMPLE as f64;
    let (p, q, both) = (f64::from(one.count) / total, f64::from(other.count) / total, f64::from(both) / total);
    let spread = p * (1.0 - p) * q * (1.0 - q);
    if spread > 0.0 { (both - p * q) / square_root(spread) } else { 0.0 }
}

/// The square root of a number from 0 to 1; `core` has none without std.
fn square_root(number: f64) -> f64 {
    // Newton's method: from 1 it halves the distance at the least, and then doubles the digits.
    (0..60).fold(1.0, |guess: f64, _| (guess + number / guess) / 2.0)
}
