//! Conditions and segments, compiled: what can be read once is read once, and a comparison only compares.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cmp::Ordering;

use crate::context::{Attribute, Context, Value, attribute};
use crate::model::{Condition, Operator, Scalar};
use crate::pattern::Pattern;
use crate::semver::Version;
use crate::snapshot::{Index, Snapshot};
use crate::text::Text;
use crate::time::parse_rfc3339;
use crate::trace::{Compared, ComparedValue, Outcome, Trace};

/// A condition that is ready to be evaluated.
#[derive(Debug)]
pub(crate) enum Test {
    All(Box<[Test]>),
    Any(Box<[Test]>),
    Not(Box<Test>),
    /// The segment at this place in the snapshot.
    Segment(u32),
    Compare(Box<Comparison>),
}

/// A segment that is ready to be asked.
#[derive(Debug)]
pub(crate) struct CompiledSegment {
    pub(crate) key: Box<str>,
    pub(crate) conditions: Option<Test>,
    pub(crate) include: Index,
    pub(crate) exclude: Index,
}

/// An attribute, and what it is compared with.
#[derive(Debug)]
pub(crate) struct Comparison {
    pub(crate) attribute: Attribute,
    pub(crate) op: Operator,
    operand: Operand,
}

#[derive(Debug)]
enum Operand {
    /// A text that must be equal.
    Is(Box<str>),
    /// A text, for the other operators.
    Text(Box<str>),
    Number(f64),
    Boolean(bool),
    Range(f64, f64),
    Set(ScalarSet),
    Pattern(Pattern),
    /// A version, as it was written: reading it again is as cheap as comparing it.
    Version(Box<str>),
    /// Milliseconds since the epoch.
    Time(i64),
}

/// The scalars of a list, by their types.
#[derive(Debug, Default)]
struct ScalarSet {
    /// Few texts are compared one by one, which is faster than hashing.
    few: Box<[Box<str>]>,
    /// All texts, where they are many.
    texts: Index,
    has_texts: bool,
    /// Numbers by their bits, without -0.
    numbers: Index,
    has_numbers: bool,
    has: [bool; 2],
    count: usize,
}

/// Up to so many texts are compared one by one.
const FEW: usize = 4;

/// A number as it is looked up: equal numbers have the same bits, but for 0 and -0, whose sum is 0.
fn bits(number: f64) -> [u8; 8] {
    (number + 0.0).to_le_bytes()
}

/// What a comparison found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    Match,
    NoMatch,
    /// The attribute is not there.
    Absent,
    /// It is there, and not of a type that can be compared so.
    WrongType,
}

impl From<bool> for Found {
    fn from(matches: bool) -> Self {
        if matches { Self::Match } else { Self::NoMatch }
    }
}

impl From<Found> for Outcome {
    fn from(found: Found) -> Self {
        match found {
            Found::Match => Self::Match,
            Found::NoMatch => Self::NoMatch,
            Found::Absent => Self::Absent,
            Found::WrongType => Self::WrongType,
        }
    }
}

/// What conditions are evaluated with: a context, and who it is.
pub(crate) struct Subject<'c, 's, C: ?Sized> {
    pub(crate) context: &'c C,
    pub(crate) snapshot: &'s Snapshot,
}

impl Test {
    /// Whether the condition matches.
    #[inline]
    pub(crate) fn matches<'s, C: Context + ?Sized>(
        &'s self,
        subject: &Subject<'_, 's, C>,
        trace: &mut impl Trace<'s>,
    ) -> bool {
        // Comparisons are what conditions are made of; only what holds others recurses.
        match self {
            Self::Compare(comparison) => comparison.matches(subject.context, trace),
            composite => composite.holds(subject, trace),
        }
    }

    /// Whether what the condition holds matches. It lies at most [`crate::limits::CONDITION_DEPTH`] deep, and so does this recursion.
    fn holds<'s, C: Context + ?Sized>(&'s self, subject: &Subject<'_, 's, C>, trace: &mut impl Trace<'s>) -> bool {
        match self {
            Self::Compare(comparison) => comparison.matches(subject.context, trace),
            Self::All(tests) => tests.iter().all(|test| test.matches(subject, trace)),
            Self::Any(tests) => tests.iter().any(|test| test.matches(subject, trace)),
            Self::Not(test) => !test.matches(subject, trace),
            Self::Segment(place) => {
                let segment = usize::try_from(*place).ok().and_then(|place| subject.snapshot.segments.get(place));
                segment.is_some_and(|segment| segment.has(subject, trace))
            }
        }
    }

    /// Compiles a condition; `attribute` gives a name its place, `segment` a key.
    pub(crate) fn compile(
        condition: Condition,
        attribute: &mut impl FnMut(&str) -> Attribute,
        segment: &impl Fn(&str) -> Option<u32>,
    ) -> Self {
        let mut list = |conditions: Vec<Condition>| {
            conditions.into_iter().map(|condition| Self::compile(condition, attribute, segment)).collect()
        };
        match condition {
            Condition::All(conditions) => Self::All(list(conditions)),
            Condition::Any(conditions) => Self::Any(list(conditions)),
            Condition::Not(condition) => Self::Not(Box::new(Self::compile(*condition, attribute, segment))),
            // The reader has checked that there is one; a segment past the last has nobody in it.
            Condition::Segment(key) => Self::Segment(segment(&key).unwrap_or(u32::MAX)),
            Condition::Attribute { attr, op, values } => Self::Compare(Box::new(Comparison {
                attribute: attribute(&attr),
                op,
                operand: Operand::compile(op, values),
            })),
        }
    }

    /// Calls `visit` with every comparison's attribute, and `visit_segment` with every segment's place.
    pub(crate) fn each<'t>(&'t self, visit: &mut impl FnMut(&'t Attribute), visit_segment: &mut impl FnMut(u32)) {
        match self {
            Self::All(tests) | Self::Any(tests) => tests.iter().for_each(|test| test.each(visit, visit_segment)),
            Self::Not(test) => test.each(visit, visit_segment),
            Self::Segment(place) => visit_segment(*place),
            Self::Compare(comparison) => visit(&comparison.attribute),
        }
    }
}

impl CompiledSegment {
    fn has<'s, C: Context + ?Sized>(&'s self, subject: &Subject<'_, 's, C>, trace: &mut impl Trace<'s>) -> bool {
        let unit = subject.snapshot.unit(subject.context);
        let lists = |index: &Index| unit.with_id(|id| index.get(id.as_bytes()).is_some()).unwrap_or(false);
        let (is_in, by) = if lists(&self.exclude) {
            (false, Some("exclude"))
        } else if lists(&self.include) {
            (true, Some("include"))
        } else {
            let conditions = self.conditions.as_ref();
            (conditions.is_some_and(|test| test.matches(subject, trace)), conditions.map(|_| "conditions"))
        };
        trace.compare(|| Compared { segment: Some(&self.key), by, ..Compared::new(Found::from(is_in).into()) });
        is_in
    }
}

impl Comparison {
    #[inline]
    fn matches<'s, C: Context + ?Sized>(&'s self, context: &C, trace: &mut impl Trace<'s>) -> bool {
        let found = self.find(context);
        trace.compare(|| Compared {
            attr: Some(&self.attribute.name),
            op: Some(self.op),
            value: Some(self.operand.show()),
            ..Compared::new(found.into())
        });
        found == Found::Match
    }

    #[inline]
    fn find<C: Context + ?Sized>(&self, context: &C) -> Found {
        let value = attribute::or_default(&self.attribute, context.get(&self.attribute));
        // What rules mostly compare comes first.
        if let (Operand::Is(expected), Value::Text(text)) = (&self.operand, value) {
            return Found::from(text == **expected);
        }
        self.find_other(value, context)
    }

    fn find_other<C: Context + ?Sized>(&self, value: Value<'_>, context: &C) -> Found {
        if let Operand::Boolean(expected) = self.operand
            && self.op == Operator::Exists
        {
            return Found::from((value != Value::Absent) == expected);
        }
        match (&self.operand, value) {
            (_, Value::Absent) => Found::Absent,
            (Operand::Text(expected), Value::Text(text)) => self.find_text(expected, text),
            (Operand::Set(set), value) => set.find(value, self.op == Operator::NotIn),
            (Operand::Number(expected), Value::Number(number)) => self.compare_numbers(number, *expected),
            (Operand::Boolean(expected), Value::Boolean(value)) if self.op != Operator::Contains => {
                Found::from((value == *expected) == (self.op == Operator::Equals))
            }
            (Operand::Range(low, high), Value::Number(number)) => Found::from(*low <= number && number <= *high),
            (operand, Value::List) if self.op == Operator::Contains => {
                Found::from(context.any_item(&self.attribute, &mut |item| operand.equals(item)))
            }
            (Operand::Pattern(pattern), Value::Text(text)) => Found::from(pattern.finds(text)),
            (Operand::Version(expected), Value::Text(text)) => self.compare_versions(text, expected),
            (Operand::Time(expected), value) => match time_of(value) {
                Some(time) if self.op == Operator::Before => Found::from(time < *expected),
                Some(time) => Found::from(time > *expected),
                None => Found::WrongType,
            },
            _ => Found::WrongType,
        }
    }

    #[inline]
    fn find_text(&self, expected: &str, text: Text<'_>) -> Found {
        let (expected, bytes) = (expected.as_bytes(), text.as_bytes());
        Found::from(match self.op {
            Operator::NotEquals => bytes != expected,
            Operator::StartsWith => bytes.starts_with(expected),
            Operator::EndsWith => bytes.ends_with(expected),
            _ => has_bytes(bytes, expected),
        })
    }

    fn compare_numbers(&self, number: f64, expected: f64) -> Found {
        Found::from(match self.op {
            Operator::Gt => number > expected,
            Operator::Gte => number >= expected,
            Operator::Lt => number < expected,
            Operator::Lte => number <= expected,
            Operator::NotEquals => number != expected,
            Operator::Contains => return Found::WrongType,
            _ => number == expected,
        })
    }

    fn compare_versions(&self, text: Text<'_>, expected: &str) -> Found {
        let versions = text.as_str().and_then(Version::parse).zip(Version::parse(expected));
        let Some((version, expected)) = versions else { return Found::WrongType };
        let order = version.precedence(&expected);
        Found::from(match self.op {
            Operator::SemverGt => order == Ordering::Greater,
            Operator::SemverGte => order != Ordering::Less,
            Operator::SemverLt => order == Ordering::Less,
            Operator::SemverLte => order != Ordering::Greater,
            _ => order == Ordering::Equal,
        })
    }
}

/// Whether `bytes` has `part` in it. Both are generalised UTF-8, so that bytes are found where code units are.
fn has_bytes(bytes: &[u8], part: &[u8]) -> bool {
    part.is_empty() || bytes.windows(part.len()).any(|window| window == part)
}

/// A time as an attribute has it: an RFC 3339 text, or an integral number of milliseconds since the epoch.
fn time_of(value: Value<'_>) -> Option<i64> {
    match value {
        Value::Text(text) => parse_rfc3339(text.as_str()?),
        Value::Number(number) => crate::json::safe_integer(number),
        _ => None,
    }
}

impl Operand {
    fn compile(op: Operator, values: Vec<Scalar>) -> Self {
        if op.takes_many() {
            return match (op, values.as_slice()) {
                (Operator::Between, [low, high]) => {
                    Self::Range(low.as_f64().unwrap_or(f64::NAN), high.as_f64().unwrap_or(f64::NAN))
                }
                _ => Self::Set(ScalarSet::new(values)),
            };
        }
        match values.into_iter().next() {
            Some(Scalar::Boolean(value)) => Self::Boolean(value),
            Some(Scalar::String(text)) => match op {
                Operator::Matches => Pattern::new(&text).map_or(Self::Number(f64::NAN), Self::Pattern),
                Operator::SemverEq
                | Operator::SemverGt
                | Operator::SemverGte
                | Operator::SemverLt
                | Operator::SemverLte => Self::Version(text.into()),
                Operator::Before | Operator::After => parse_rfc3339(&text).map_or(Self::Number(f64::NAN), Self::Time),
                Operator::Equals => Self::Is(text.into()),
                _ => Self::Text(text.into()),
            },
            Some(Scalar::Integer(ms)) if matches!(op, Operator::Before | Operator::After) => Self::Time(ms),
            number => Self::Number(number.and_then(|number| number.as_f64()).unwrap_or(f64::NAN)),
        }
    }

    /// Whether it is a scalar that equals an item of a list.
    fn equals(&self, item: Value<'_>) -> bool {
        match (self, item) {
            (Self::Text(expected), Value::Text(text)) => text == **expected,
            (Self::Number(expected), Value::Number(number)) => number == *expected,
            (Self::Boolean(expected), Value::Boolean(value)) => value == *expected,
            _ => false,
        }
    }

    fn show(&self) -> ComparedValue<'_> {
        match self {
            Self::Is(text) | Self::Text(text) | Self::Version(text) => ComparedValue::Text(text),
            Self::Pattern(pattern) => ComparedValue::Text(pattern.as_str()),
            Self::Number(number) => ComparedValue::Number(*number),
            Self::Boolean(value) => ComparedValue::Boolean(*value),
            Self::Range(low, high) => ComparedValue::Range([*low, *high]),
            Self::Set(set) => ComparedValue::Count { count: set.count },
            Self::Time(ms) => ComparedValue::Time(*ms),
        }
    }
}

impl ScalarSet {
    fn new(values: Vec<Scalar>) -> Self {
        let mut set = Self { count: values.len(), ..Self::default() };
        let mut texts = Vec::new();
        for value in values {
            match value {
                Scalar::Boolean(false) => set.has = [true, set.has[1]],
                Scalar::Boolean(true) => set.has = [set.has[0], true],
                Scalar::String(text) => texts.push(text.into_boxed_str()),
                number => {
                    set.has_numbers = true;
                    set.numbers.insert(&bits(number.as_f64().unwrap_or(f64::NAN)), 0);
                }
            }
        }
        set.has_texts = !texts.is_empty();
        if texts.len() <= FEW {
            set.few = texts.into();
        } else {
            for text in texts {
                set.texts.insert(text.as_bytes(), 0);
            }
        }
        set
    }

    /// Whether it has the value, or with `negated` has not; a value of a type that none of its scalars has is of the wrong type.
    #[inline]
    fn find(&self, value: Value<'_>, negated: bool) -> Found {
        let (has_type, has) = match value {
            Value::Text(text) => (self.has_texts, self.has_text(text)),
            Value::Number(number) => (self.has_numbers, self.has_numbers && self.numbers.get(&bits(number)).is_some()),
            Value::Boolean(value) => (self.has != [false; 2], if value { self.has[1] } else { self.has[0] }),
            _ => (false, false),
        };
        if has_type { Found::from(has != negated) } else { Found::WrongType }
    }

    #[inline]
    fn has_text(&self, text: Text<'_>) -> bool {
        if self.few.is_empty() {
            return self.has_texts && self.texts.get(text.as_bytes()).is_some();
        }
        self.few.iter().any(|known| text == **known)
    }
}
