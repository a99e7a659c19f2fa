//! What is valid and yet likely a mistake: rules that match nobody, rollouts that overlap, segments that nobody uses, limits that are near.

mod limits_near;
mod never;
mod overlap;

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use crate::documents::{Documents, Entry};
use crate::fault::{Fault, WarningCode};
use crate::limits;
use crate::model::{Condition, Flag, FlagType, OverrideVariant, RolloutStage, Serve, State};
use crate::snapshot::Snapshot;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Likely not what was meant.
    Warning,
    /// Something is off, or left out.
    Error,
}

/// What a finding is about. The codes are stable: programs may compare them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum FindingCode {
    /// A rule matches nobody.
    RuleNeverMatches,
    /// A rule stands behind one that already takes all whom it could match.
    RuleUnreachable,
    /// Two rollouts take in the same users, more than chance would have it.
    RolloutsOverlap,
    /// No rule names the segment.
    SegmentUnused,
    /// Nobody is in the segment.
    SegmentEmpty,
    /// Nothing serves the variant.
    VariantNeverServed,
    /// A prerequisite names a flag that is archived, and so is never met.
    PrerequisiteArchived,
    /// A prerequisite names a variant that its flag does not have.
    PrerequisiteUnknownVariant,
    /// A stored override has ended.
    OverrideExpired,
    /// Something is near its limit.
    NearLimit,
}

/// What a finding is about, whether linting or loading found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(untagged)]
pub enum Code {
    /// Linting found it.
    Finding(FindingCode),
    /// Loading warns of it.
    Warning(WarningCode),
}

/// Something that somebody should look at.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What it is about.
    pub code: Code,
    /// Where in the document (a JSON pointer).
    pub pointer: String,
    /// The key of the flag that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub flag: Option<String>,
    /// The correlation of two rollouts, -1 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub phi: Option<f64>,
    /// For people.
    pub message: String,
}

/// Looks a snapshot or registry over, archived flags included. `now` (ms since the epoch) tells which overrides have ended.
///
/// # Errors
/// As [`Snapshot::parse`].
pub fn lint(bytes: &[u8], now: i64) -> Result<Vec<Finding>, Fault> {
    let snapshot = Snapshot::parse(bytes)?;
    let documents = Documents::read(bytes)?;
    let mut linter = Linter { findings: Vec::new() };
    linter.loading(&snapshot);
    linter.sizes(bytes.len(), &documents);
    linter.segments(&documents);
    let known = Known::of(&documents);
    for entry in &documents.flags {
        linter.flag(entry, &known);
    }
    linter.overrides(&documents, now);
    linter.overlaps(snapshot.tenant(), &documents);
    Ok(linter.findings)
}

struct Linter {
    findings: Vec<Finding>,
}

/// What is looked up for every flag.
struct Known<'d> {
    flags: BTreeMap<&'d str, &'d Flag>,
    /// The keys of the segments that nobody is in.
    empty_segments: BTreeSet<&'d str>,
    /// The stored overrides by the keys of their flags.
    overrides: BTreeMap<&'d str, Vec<&'d OverrideVariant>>,
}

impl<'d> Known<'d> {
    fn of(documents: &'d Documents) -> Self {
        // Of one key the first counts.
        let flags = documents.flags.iter().rev().map(|entry| (entry.value.key.as_str(), &entry.value)).collect();
        let segments: BTreeMap<&str, bool> = documents
            .segments
            .iter()
            .rev()
            .map(|entry| (entry.value.key.as_str(), never::segment_is_empty(&entry.value)))
            .collect();
        let mut overrides: BTreeMap<&str, Vec<&OverrideVariant>> = BTreeMap::new();
        for row in &documents.overrides {
            overrides.entry(&row.value.flag).or_default().push(&row.value.variant);
        }
        let empty_segments = segments.into_iter().filter(|(_, is_empty)| *is_empty).map(|(key, _)| key).collect();
        Self { flags, empty_segments, overrides }
    }
}

impl Linter {
    fn find(&mut self, severity: Severity, code: FindingCode, pointer: String, flag: Option<&str>, message: String) {
        let (code, flag) = (Code::Finding(code), flag.map(ToOwned::to_owned));
        self.findings.push(Finding { severity, code, pointer, flag, phi: None, message });
    }

    /// What loading warns of.
    fn loading(&mut self, snapshot: &Snapshot) {
        for warning in snapshot.warnings() {
            let severity = match warning.code {
                WarningCode::LargeSnapshot | WarningCode::DuplicateOverride => Severity::Warning,
                _ => Severity::Error,
            };
            self.findings.push(Finding {
                severity,
                code: Code::Warning(warning.code),
                pointer: warning.pointer.clone(),
                flag: None,
                phi: None,
                message: warning.message.clone().into_owned(),
            });
        }
    }

    fn segments(&mut self, documents: &Documents) {
        let mut used = BTreeSet::new();
        let live = documents.flags.iter().filter(|entry| entry.value.state != State::Archived);
        for rule in live.flat_map(|entry| &entry.value.rules) {
            each_segment(&rule.when, &mut |key| {
                used.insert(key.to_owned());
            });
        }
        for Entry { index, value, .. } in &documents.segments {
            let pointer = || format!("/segments/{index}");
            if !used.contains(&value.key) {
                let message = format!("no rule names the segment {}", value.key);
                self.find(Severity::Warning, FindingCode::SegmentUnused, pointer(), None, message);
            }
            if never::segment_is_empty(value) {
                let message = format!(
                    "nobody is in the segment {}: it includes no ids, and its conditions match nobody",
                    value.key
                );
                self.find(Severity::Warning, FindingCode::SegmentEmpty, pointer(), None, message);
            }
        }
    }

    fn flag(&mut self, entry: &Entry<Flag>, known: &Known<'_>) {
        let Entry { index, value: flag, .. } = entry;
        if flag.state == State::Archived {
            return;
        }
        self.rules(*index, flag, known);
        self.variants(*index, flag, known);
        for (place, prerequisite) in flag.prerequisites.iter().enumerate() {
            let pointer = format!("/flags/{index}/prerequisites/{place}");
            let Some(other) = known.flags.get(prerequisite.flag.as_str()) else { continue };
            if other.state == State::Archived {
                let message =
                    format!("the flag {} is archived, so that this prerequisite is never met", prerequisite.flag);
                let code = FindingCode::PrerequisiteArchived;
                self.find(Severity::Error, code, pointer, Some(&flag.key), message);
                continue;
            }
            for (variant_place, key) in prerequisite.variants.iter().enumerate() {
                if other.variants.iter().all(|variant| variant.key != *key) {
                    let message = format!("the flag {} has no variant {key}", prerequisite.flag);
                    let pointer = format!("{pointer}/variants/{variant_place}");
                    let code = FindingCode::PrerequisiteUnknownVariant;
                    self.find(Severity::Warning, code, pointer, Some(&flag.key), message);
                }
            }
        }
    }

    fn rules(&mut self, index: usize, flag: &Flag, known: &Known<'_>) {
        let is_empty = |key: &str| known.empty_segments.contains(key);
        let mut compared = 0;
        for (place, rule) in flag.rules.iter().enumerate() {
            // The canonical order may differ from the written one; a rule's id says which it is.
            let pointer = format!("/flags/{index}/rules/{place}");
            let never = if rule.percentage == Some(0.0) {
                Some("its percentage is 0".to_owned())
            } else {
                never::reason(&rule.when, &is_empty)
            };
            if let Some(reason) = never {
                let message = format!("the rule {} matches nobody: {reason}", rule.id);
                self.find(Severity::Warning, FindingCode::RuleNeverMatches, pointer, Some(&flag.key), message);
                continue;
            }
            let earlier = flag.rules.iter().take(place);
            let shadow = earlier
                .filter(|earlier| takes_all(earlier))
                .find(|earlier| never::covers(&earlier.when, &rule.when, &mut compared));
            if let Some(shadow) = shadow {
                let message = format!(
                    "the rule {} is never reached: the rule {} takes all whom it could match",
                    rule.id, shadow.id
                );
                self.find(Severity::Warning, FindingCode::RuleUnreachable, pointer, Some(&flag.key), message);
            }
        }
    }

    fn variants(&mut self, index: usize, flag: &Flag, known: &Known<'_>) {
        // Both values of a boolean flag are there whether they are used or not.
        if flag.flag_type == FlagType::Boolean {
            return;
        }
        let served = served(flag, known);
        for (place, variant) in flag.variants.iter().enumerate() {
            if !served.contains(variant.key.as_str()) {
                let message = format!("nothing serves the variant {}", variant.key);
                let pointer = format!("/flags/{index}/variants/{place}");
                self.find(Severity::Warning, FindingCode::VariantNeverServed, pointer, Some(&flag.key), message);
            }
        }
    }

    fn overrides(&mut self, documents: &Documents, now: i64) {
        for Entry { index, value, .. } in &documents.overrides {
            if value.expires_at.is_some_and(|end| now >= end) {
                let message = "has ended, and is as good as absent".to_owned();
                let pointer = format!("/overrides/{index}");
                self.find(Severity::Info, FindingCode::OverrideExpired, pointer, Some(&value.flag), message);
            }
        }
    }
}

/// Whether a rule serves everybody whom its condition matches.
fn takes_all(rule: &crate::model::Rule) -> bool {
    rule.percentage.is_none_or(|percentage| percentage >= 100.0) && matches!(rule.serve, Serve::Variant { .. })
}

fn each_segment(condition: &Condition, visit: &mut impl FnMut(&str)) {
    match condition {
        Condition::All(conditions) | Condition::Any(conditions) => {
            conditions.iter().for_each(|condition| each_segment(condition, visit));
        }
        Condition::Not(condition) => each_segment(condition, visit),
        Condition::Segment(key) => visit(key),
        Condition::Attribute { .. } => {}
    }
}

/// The keys of the variants that something can serve.
fn served<'d>(flag: &'d Flag, known: &Known<'d>) -> BTreeSet<&'d str> {
    let mut served = BTreeSet::new();
    served.extend(flag.off_variant.as_deref());
    let mut serve = |serve: &'d Serve| match serve {
        Serve::Variant { variant } => {
            served.insert(variant.as_str());
        }
        Serve::Distribution { distribution, .. } => {
            served.extend(distribution.iter().filter(|entry| entry.weight > 0.0).map(|entry| entry.variant.as_str()));
        }
    };
    flag.rules.iter().for_each(|rule| serve(&rule.serve));
    let is_on =
        |stage: &RolloutStage| matches!(stage, RolloutStage::Internal | RolloutStage::Full | RolloutStage::Staged(_));
    match (&flag.stage, &flag.fallthrough) {
        (Some(stage), _) => {
            let mut stages = stage.rollout_stage_map.iter().map(|(_, stage)| stage).chain([&stage.rollout_stage]);
            served.extend(flag.default_variant.as_deref().filter(|_| stages.any(is_on)));
        }
        (None, Some(fallthrough)) => {
            serve(fallthrough);
            // A context without a unit falls through the distribution.
            let is_split = matches!(fallthrough, Serve::Distribution { .. });
            served.extend(flag.default_variant.as_deref().filter(|_| is_split));
        }
        (None, None) => served.extend(flag.default_variant.as_deref()),
    }
    if let Some(targets) = &flag.targets {
        served.extend(targets.allow.iter().filter(|entry| !entry.ids.is_empty()).map(|entry| entry.variant.as_str()));
    }
    let overrides = known.overrides.get(flag.key.as_str()).into_iter().flatten();
    served.extend(overrides.filter_map(|variant| match variant {
        OverrideVariant::Key(key) => Some(key.as_str()),
        OverrideVariant::Boolean(_) => None,
    }));
    served
}

/// Whether a number is at least four fifths of its limit.
fn is_near(value: usize, limit: usize) -> bool {
    value.saturating_mul(5) >= limit.saturating_mul(4)
}

/// So many bytes of a snapshot are worth a remark before they are worth a warning.
fn is_near_large(bytes: usize) -> bool {
    is_near(bytes, limits::SNAPSHOT_WARN_BYTES) && bytes <= limits::SNAPSHOT_WARN_BYTES
}
