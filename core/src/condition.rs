//! Conditions and segments, compiled: what can be read once is read once, and a comparison only compares.

mod quick;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cmp::Ordering;

use crate::compile::Compiler;
use crate::context::{Attribute, Context, Symbol, Value, attribute};
use crate::model::{Condition, Operator, Scalar};
use crate::pattern::Pattern;
use crate::semver::Version;
use crate::snapshot::{Index, Snapshot};
use crate::text::Text;
use crate::time::parse_rfc3339;
use crate::trace::{Compared, ComparedValue, Outcome, Trace};

pub(crate) use quick::Quick;

/// A condition that is ready to be evaluated.
#[derive(Debug)]
pub(crate) enum Test {
    All(Box<[Test]>),
    Any(Box<[Test]>),
    Not(Box<Test>),
    /// The segment at this place in the snapshot.
    Segment(u32),
    Compare(Comparison),
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
    Is(Box<str>, Symbol),
    /// A text, for the other operators.
    Text(Box<str>),
    Number(f64),
    Boolean(bool),
    Range(f64, f64),
    Set(Box<ScalarSet>),
    Pattern(Box<Pattern>),
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
    /// The numbers of all texts, in ascending order.
    symbols: Box<[Symbol]>,
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
    #[inline(always)]
    pub(crate) fn matches<'s, C: Context + ?Sized>(
        &'s self,
        subject: &Subject<'_, 's, C>,
        trace: &mut impl Trace<'s>,
    ) -> bool {
        // Comparisons are what conditions are made of; only what holds others recurses.
        match self {
            Self::Compare(comparison) => comparison.matches(subject, trace),
            composite => composite.holds(subject, trace),
        }
    }

    /// Whether what the condition holds matches. It lies at most [`crate::limits::CONDITION_DEPTH`] deep, and so does this recursion.
    #[inline(never)]
    fn holds<'s, C: Context + ?Sized>(&'s self, subject: &Subject<'_, 's, C>, trace: &mut impl Trace<'s>) -> bool {
        let (tests, is_all, is_not) = match self {
            Self::All(tests) => (&**tests, true, false),
            Self::Any(tests) => (&**tests, false, false),
            Self::Not(test) => (core::slice::from_ref(&**test), true, true),
            Self::Segment(place) => {
                let segment = usize::try_from(*place).ok().and_then(|place| subject.snapshot.segments.get(place));
                return segment.is_some_and(|segment| segment.has(subject, trace));
            }
            // Not from here: `matches` has taken them.
            Self::Compare(_) => return false,
        };
        // Any matches unless all do not. One loop for all three, because a comparison is inlined into it.
        let is_as_wanted = tests.iter().all(|test| test.matches(subject, trace) == is_all);
        (is_as_wanted == is_all) != is_not
    }

    /// Compiles a condition; `segment` gives the place of a key.
    pub(crate) fn compile(
        condition: Condition,
        compiler: &mut Compiler,
        segment: &impl Fn(&str) -> Option<u32>,
    ) -> Self {
        let mut list = |conditions: Vec<Condition>| {
            conditions.into_iter().map(|condition| Self::compile(condition, compiler, segment)).collect()
        };
        match condition {
            Condition::All(conditions) => Self::All(list(conditions)),
            Condition::Any(conditions) => Self::Any(list(conditions)),
            Condition::Not(condition) => Self::Not(Box::new(Self::compile(*condition, compiler, segment))),
            // The reader has checked that there is one; a segment past the last has nobody in it.
            Condition::Segment(key) => Self::Segment(segment(&key).unwrap_or(u32::MAX)),
            Condition::Attribute { attr, op, values } => Self::Compare(Comparison {
                attribute: compiler.attribute(&attr),
                op,
                operand: Operand::compile(op, values, compiler),
            }),
        }
    }

    /// Calls `visit` with every comparison, and `visit_segment` with every segment's place.
    pub(crate) fn each<'t>(&'t self, visit: &mut impl FnMut(&'t Comparison), visit_segment: &mut impl FnMut(u32)) {
        match self {
            Self::All(tests) | Self::Any(tests) => tests.iter().for_each(|test| test.each(visit, visit_segment)),
            Self::Not(test) => test.each(visit, visit_segment),
            Self::Segment(place) => visit_segment(*place),
            Self::Compare(comparison) => visit(comparison),
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
    /// The texts that a text is compared with as a whole: its symbol is then enough. None where it is looked into, or where they are too many to tell.
    pub(crate) fn texts(&self) -> Option<&[Box<str>]> {
        match &self.operand {
            Operand::Text(_) | Operand::Pattern(_) | Operand::Version(_) | Operand::Time(_) => None,
            Operand::Is(text, _) => Some(core::slice::from_ref(text)),
            Operand::Set(set) if set.has_texts && set.few.is_empty() => None,
            Operand::Set(set) => Some(&set.few),
            // A text is of the wrong type, whatever it says.
            Operand::Number(_) | Operand::Boolean(_) | Operand::Range(..) => Some(&[]),
        }
    }

    #[inline(always)]
    fn matches<'s, C: Context + ?Sized>(&'s self, subject: &Subject<'_, 's, C>, trace: &mut impl Trace<'s>) -> bool {
        let found = self.find(subject);
        trace.compare(|| Compared {
            attr: Some(&self.attribute.name),
            op: Some(self.op),
            value: Some(self.operand.show()),
            ..Compared::new(found.into())
        });
        found == Found::Match
    }

    #[inline(always)]
    fn find<C: Context + ?Sized>(&self, subject: &Subject<'_, '_, C>) -> Found {
        // Texts of a kept context have their numbers already, and what is mostly compared are texts.
        if let Some(symbol) = subject.context.symbol(&self.attribute) {
            match &self.operand {
                Operand::Is(_, expected) => return Found::from(symbol == *expected),
                Operand::Set(set) if set.has_texts => {
                    return Found::from(set.has_symbol(symbol) == (self.op == Operator::In));
                }
                _ => {}
            }
        }
        self.find_value(subject)
    }

    #[inline]
    fn find_value<C: Context + ?Sized>(&self, subject: &Subject<'_, '_, C>) -> Found {
        let value = attribute::or_default(&self.attribute, subject.context.get(&self.attribute));
        match (&self.operand, value) {
            (Operand::Is(expected, _), Value::Text(text)) => Found::from(text == **expected),
            (Operand::Set(set), Value::Text(text)) if !set.few.is_empty() => {
                Found::from(set.few.iter().any(|known| text == **known) == (self.op == Operator::In))
            }
            _ => self.find_other(value, subject),
        }
    }

    fn find_other<C: Context + ?Sized>(&self, value: Value<'_>, subject: &Subject<'_, '_, C>) -> Found {
        let context = subject.context;
        if let Operand::Boolean(expected) = self.operand
            && self.op == Operator::Exists
        {
            return Found::from((value != Value::Absent) == expected);
        }
        match (&self.operand, value) {
            (_, Value::Absent) => Found::Absent,
            (Operand::Text(expected), Value::Text(text)) => self.find_text(expected, text),
            (Operand::Set(set), value) => set.find(value, self.op == Operator::NotIn, subject.snapshot),
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
    fn compile(op: Operator, values: Vec<Scalar>, compiler: &mut Compiler) -> Self {
        if op.takes_many() {
            return match (op, values.as_slice()) {
                (Operator::Between, [low, high]) => {
                    Self::Range(low.as_f64().unwrap_or(f64::NAN), high.as_f64().unwrap_or(f64::NAN))
                }
                _ => Self::Set(Box::new(ScalarSet::new(values, compiler))),
            };
        }
        match values.into_iter().next() {
            Some(Scalar::Boolean(value)) => Self::Boolean(value),
            Some(Scalar::String(text)) => match op {
                Operator::Matches => {
                    Pattern::new(&text).map_or(Self::Number(f64::NAN), |pattern| Self::Pattern(Box::new(pattern)))
                }
                Operator::SemverEq
                | Operator::SemverGt
                | Operator::SemverGte
                | Operator::SemverLt
                | Operator::SemverLte => Self::Version(text.into()),
                Operator::Before | Operator::After => parse_rfc3339(&text).map_or(Self::Number(f64::NAN), Self::Time),
                Operator::Equals => {
                    let symbol = compiler.symbol(&text);
                    Self::Is(text.into(), symbol)
                }
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
            Self::Is(text, _) | Self::Text(text) | Self::Version(text) => ComparedValue::Text(text),
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
    fn new(values: Vec<Scalar>, compiler: &mut Compiler) -> Self {
        let mut set = Self { count: values.len(), ..Self::default() };
        let mut texts = Vec::new();
        let mut symbols = Vec::new();
        for value in values {
            match value {
                Scalar::Boolean(false) => set.has = [true, set.has[1]],
                Scalar::Boolean(true) => set.has = [set.has[0], true],
                Scalar::String(text) => {
                    let symbol = compiler.symbol(&text);
                    // Numbers are given in ascending order, so this is mostly at the end.
                    let place = symbols.partition_point(|known| *known < symbol);
                    symbols.insert(place, symbol);
                    texts.push(text.into_boxed_str());
                }
                number => {
                    set.has_numbers = true;
                    set.numbers.insert(&bits(number.as_f64().unwrap_or(f64::NAN)), 0);
                }
            }
        }
        set.has_texts = !texts.is_empty();
        if texts.len() <= FEW {
            set.few = texts.into();
        }
        set.symbols = symbols.into();
        set
    }

    /// Whether it has the value, or with `negated` has not; a value of a type that none of its scalars has is of the wrong type.
    #[inline]
    fn find(&self, value: Value<'_>, negated: bool, snapshot: &Snapshot) -> Found {
        let (has_type, has) = match value {
            Value::Text(text) => (self.has_texts, self.has_text(text, snapshot)),
            Value::Number(number) => (self.has_numbers, self.has_numbers && self.numbers.get(&bits(number)).is_some()),
            Value::Boolean(value) => (self.has != [false; 2], if value { self.has[1] } else { self.has[0] }),
            _ => (false, false),
        };
        if has_type { Found::from(has != negated) } else { Found::WrongType }
    }

    #[inline]
    fn has_text(&self, text: Text<'_>, snapshot: &Snapshot) -> bool {
        if self.few.is_empty() {
            return self.has_texts && self.has_symbol(snapshot.symbol(text));
        }
        self.few.iter().any(|known| text == **known)
    }

    #[inline]
    fn has_symbol(&self, symbol: Symbol) -> bool {
        if self.symbols.len() <= FEW {
            return self.symbols.contains(&symbol);
        }
        self.symbols.binary_search(&symbol).is_ok()
    }
}
