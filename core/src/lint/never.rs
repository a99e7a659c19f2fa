//! Conditions that no context can match, as far as can be told from the condition alone, and with an effort that is bounded.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::model::{Condition, Operator, Scalar, Segment};
use crate::semver::Version;
use crate::time::parse_rfc3339;

/// Of two lists that would be compared element by element, so many pairs at most are. Of longer ones nothing is said.
const PAIRS: usize = 100_000;

/// Whether everything in a list can be compared with everything in another.
fn can_compare(one: usize, other: usize) -> bool {
    one.saturating_mul(other) <= PAIRS
}

/// Why a condition matches nobody; none if it may match somebody. `is_empty` says whether nobody is in a segment.
pub(super) fn reason(condition: &Condition, is_empty: &impl Fn(&str) -> bool) -> Option<String> {
    match condition {
        Condition::Any(conditions) => {
            let all_never = conditions.iter().all(|condition| reason(condition, is_empty).is_some());
            all_never
                .then(|| if conditions.is_empty() { "any of nothing".into() } else { "none of any can match".into() })
        }
        Condition::Not(inner) => is_always(inner).then(|| "it negates what matches everybody".into()),
        Condition::Segment(key) => is_empty(key).then(|| format!("nobody is in the segment {key}")),
        Condition::Attribute { .. } => contradiction(&[condition]),
        Condition::All(_) => {
            let mut parts = Vec::new();
            flatten(condition, &mut parts);
            let of_part = parts.iter().find_map(|part| match part {
                Condition::All(_) | Condition::Attribute { .. } => None,
                part => reason(part, is_empty),
            });
            of_part.or_else(|| contradiction(&parts)).or_else(|| negation(&parts))
        }
    }
}

/// Whether nobody is in a segment.
pub(super) fn segment_is_empty(segment: &Segment) -> bool {
    let never = |condition: &Condition| reason(condition, &|_| false).is_some();
    segment.include.is_empty() && segment.conditions.as_ref().is_none_or(never)
}

/// Whether everybody who matches `narrow` matches `wide`, as far as can be told. `compared` is how many pairs were compared for the flag so far.
pub(super) fn covers(wide: &Condition, narrow: &Condition, compared: &mut usize) -> bool {
    let (mut wide_parts, mut narrow_parts) = (Vec::new(), Vec::new());
    flatten(wide, &mut wide_parts);
    flatten(narrow, &mut narrow_parts);
    *compared = compared.saturating_add(wide_parts.len().saturating_mul(narrow_parts.len()));
    can_compare(*compared, 1) && wide_parts.iter().all(|part| is_always(part) || narrow_parts.contains(part))
}

fn is_always(condition: &Condition) -> bool {
    match condition {
        Condition::All(conditions) => conditions.iter().all(is_always),
        Condition::Any(conditions) => conditions.iter().any(is_always),
        _ => false,
    }
}

/// What must all match: `all` in `all` is one `all`.
fn flatten<'c>(condition: &'c Condition, parts: &mut Vec<&'c Condition>) {
    match condition {
        Condition::All(conditions) => conditions.iter().for_each(|condition| flatten(condition, parts)),
        other => parts.push(other),
    }
}

fn negation(parts: &[&Condition]) -> Option<String> {
    let is_negated = |part: &&Condition| match part {
        Condition::Not(inner) => parts.contains(&&**inner),
        _ => false,
    };
    let is_found = can_compare(parts.len(), parts.len()) && parts.iter().any(is_negated);
    is_found.then(|| "one of its conditions is the negation of another".into())
}

/// What the comparisons of one attribute leave possible.
struct Possible<'c> {
    /// The types that all of them can match.
    types: u8,
    /// The scalars that the attribute can be equal to; none: no comparison says.
    equal_to: Option<Vec<&'c Scalar>>,
    excluded: Vec<&'c Scalar>,
    /// The lowest and highest value of a number or a time, and whether the ends are in.
    low: (f64, bool),
    high: (f64, bool),
    versions: Vec<(Operator, &'c str)>,
    must_be_absent: bool,
    must_be_there: bool,
}

const TEXT: u8 = 1;
const NUMBER: u8 = 2;
const BOOLEAN: u8 = 4;
const LIST: u8 = 8;
const OBJECT: u8 = 16;

fn type_of(scalar: &Scalar) -> u8 {
    match scalar {
        Scalar::Boolean(_) => BOOLEAN,
        Scalar::Integer(_) | Scalar::Number(_) => NUMBER,
        Scalar::String(_) => TEXT,
    }
}

fn is_equal(one: &Scalar, other: &Scalar) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

/// Why comparisons that must all match cannot.
fn contradiction(parts: &[&Condition]) -> Option<String> {
    let mut by_attribute: BTreeMap<&str, Possible<'_>> = BTreeMap::new();
    for part in parts {
        if let Condition::Attribute { attr, op, values } = part {
            by_attribute.entry(attr).or_insert_with(Possible::anything).restrict(*op, values);
        }
    }
    by_attribute
        .iter()
        .find(|(_, possible)| possible.is_nothing())
        .map(|(attr, _)| format!("no value of {attr} can match all that it is compared with"))
}

impl<'c> Possible<'c> {
    fn anything() -> Self {
        Self {
            types: TEXT | NUMBER | BOOLEAN | LIST | OBJECT,
            equal_to: None,
            excluded: Vec::new(),
            low: (f64::NEG_INFINITY, true),
            high: (f64::INFINITY, true),
            versions: Vec::new(),
            must_be_absent: false,
            must_be_there: false,
        }
    }

    fn restrict(&mut self, op: Operator, values: &'c [Scalar]) {
        let types = values.iter().fold(0, |types, value| types | type_of(value));
        let number = values.first().and_then(Scalar::as_f64);
        if op == Operator::Exists {
            let expected = !matches!(values, [Scalar::Boolean(false)]);
            self.must_be_there |= expected;
            self.must_be_absent |= !expected;
            return;
        }
        self.must_be_there = true;
        match op {
            Operator::Equals | Operator::In => {
                self.types &= types;
                self.equal_to = Some(match self.equal_to.take() {
                    None => values.iter().collect(),
                    // All that may be left: with more comparisons it would be no more.
                    Some(known) if !can_compare(known.len(), values.len()) => known,
                    Some(known) => {
                        known.into_iter().filter(|one| values.iter().any(|other| is_equal(one, other))).collect()
                    }
                });
            }
            Operator::NotEquals | Operator::NotIn => {
                self.types &= types;
                self.excluded.extend(values);
            }
            Operator::Contains => self.types &= if types == TEXT { TEXT | LIST } else { LIST },
            Operator::StartsWith | Operator::EndsWith | Operator::Matches => self.types &= TEXT,
            Operator::Gt => self.above(number, false, NUMBER),
            Operator::Gte => self.above(number, true, NUMBER),
            Operator::Lt => self.below(number, false, NUMBER),
            Operator::Lte => self.below(number, true, NUMBER),
            Operator::Between => {
                self.above(number, true, NUMBER);
                self.below(values.last().and_then(Scalar::as_f64), true, NUMBER);
            }
            Operator::Before => self.below(time(values), false, TEXT | NUMBER),
            Operator::After => self.above(time(values), false, TEXT | NUMBER),
            Operator::SemverEq
            | Operator::SemverGt
            | Operator::SemverGte
            | Operator::SemverLt
            | Operator::SemverLte => {
                self.types &= TEXT;
                if let Some(Scalar::String(version)) = values.first() {
                    self.versions.push((op, version));
                }
            }
            Operator::Exists => {}
        }
    }

    fn above(&mut self, bound: Option<f64>, is_in: bool, types: u8) {
        self.types &= types;
        if let Some(bound) = bound
            && (bound > self.low.0 || (bound == self.low.0 && !is_in))
        {
            self.low = (bound, is_in);
        }
    }

    fn below(&mut self, bound: Option<f64>, is_in: bool, types: u8) {
        self.types &= types;
        if let Some(bound) = bound
            && (bound < self.high.0 || (bound == self.high.0 && !is_in))
        {
            self.high = (bound, is_in);
        }
    }

    fn is_nothing(&self) -> bool {
        if self.must_be_absent {
            return self.must_be_there;
        }
        if !self.must_be_there {
            return false;
        }
        let is_empty_range = self.low.0 > self.high.0 || (self.low.0 == self.high.0 && !(self.low.1 && self.high.1));
        self.types == 0 || is_empty_range || self.no_scalar_is_left() || self.no_version_is_left()
    }

    fn no_scalar_is_left(&self) -> bool {
        let is_possible = |scalar: &&&Scalar| {
            let is_excluded = self.excluded.iter().any(|excluded| is_equal(excluded, scalar));
            let is_within = scalar.as_f64().is_none_or(|number| {
                let above = number > self.low.0 || (number == self.low.0 && self.low.1);
                above && (number < self.high.0 || (number == self.high.0 && self.high.1))
            });
            type_of(scalar) & self.types != 0 && !is_excluded && is_within
        };
        self.equal_to.as_ref().is_some_and(|scalars| {
            can_compare(scalars.len(), self.excluded.len()) && !scalars.iter().any(|scalar| is_possible(&scalar))
        })
    }

    /// Whether two bounds on a version exclude each other. (That there is no version between two is not looked for.)
    fn no_version_is_left(&self) -> bool {
        let excludes = |lower: &(Operator, &str), upper: &(Operator, &str)| {
            let is_lower = matches!(lower.0, Operator::SemverGt | Operator::SemverGte | Operator::SemverEq);
            let is_upper = matches!(upper.0, Operator::SemverLt | Operator::SemverLte | Operator::SemverEq);
            let versions = Version::parse(lower.1).zip(Version::parse(upper.1));
            let order = versions.map(|(lower, upper)| lower.precedence(&upper));
            let is_strict = lower.0 == Operator::SemverGt || upper.0 == Operator::SemverLt;
            is_lower && is_upper && order.is_some_and(|order| order.is_gt() || (order.is_eq() && is_strict))
        };
        can_compare(self.versions.len(), self.versions.len())
            && self.versions.iter().any(|lower| self.versions.iter().any(|upper| excludes(lower, upper)))
    }
}

fn time(values: &[Scalar]) -> Option<f64> {
    match values.first()? {
        Scalar::String(text) => parse_rfc3339(text).map(|ms| ms as f64),
        number => number.as_f64(),
    }
}
