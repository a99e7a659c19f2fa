//! Conditions that only compare texts as a whole, each with few others, and that must all match: most conditions are. For a context that knows its
//! texts by their symbols, such a condition is a row of numbers, which lie side by side.

use alloc::boxed::Box;

use super::{FEW, Operand, Test};
use crate::context::{Attribute, Context, Symbol};
use crate::model::Operator;

/// A comparison of such a condition.
#[derive(Debug)]
pub(crate) struct Quick {
    attribute: Attribute,
    /// Those that it compares with, the last one repeated.
    symbols: [Symbol; FEW],
    /// Whether the text must be one of them, or none.
    is_in: bool,
}

impl Test {
    /// The condition's comparisons, if it is one of these; otherwise there are none.
    pub(crate) fn quick(&self) -> Box<[Quick]> {
        let tests = match self {
            Self::All(tests) => &**tests,
            test => core::slice::from_ref(test),
        };
        tests.iter().map(Quick::of).collect::<Option<_>>().unwrap_or_default()
    }
}

impl Quick {
    fn of(test: &Test) -> Option<Self> {
        let Test::Compare(comparison) = test else { return None };
        let (symbols, is_in) = match &comparison.operand {
            Operand::Is(_, symbol) => (core::slice::from_ref(symbol), true),
            Operand::Set(set) if set.has_texts => (&*set.symbols, comparison.op == Operator::In),
            _ => return None,
        };
        let last = *symbols.last().filter(|_| symbols.len() <= FEW)?;
        let symbols = core::array::from_fn(|at| symbols.get(at).copied().unwrap_or(last));
        Some(Self { attribute: comparison.attribute.clone(), symbols, is_in })
    }

    /// Whether all of these match; none where the context does not know the symbol of one that matters.
    #[inline(always)]
    pub(crate) fn all<C: Context + ?Sized>(all: &[Self], context: &C) -> Option<bool> {
        for quick in all {
            let symbol = context.symbol(&quick.attribute)?;
            if quick.symbols.contains(&symbol) != quick.is_in {
                return Some(false);
            }
        }
        Some(true)
    }
}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned;
    use alloc::format;

    use crate::Snapshot;

    /// How many comparisons a rule with this condition has that are quick.
    fn quick(when: &str) -> usize {
        let flag = format!(r#"{{"key":"f","rules":[{{"id":"r","when":{when},"serve":{{"variant":"on"}}}}]}}"#);
        let snapshot = Snapshot::parse(format!(r#"{{"flags":[{flag}]}}"#).as_bytes()).unwrap();
        let flag = snapshot.find("f").and_then(|index| snapshot.flag(index)).unwrap();
        flag.body.as_ref().unwrap().rules[0].quick.len()
    }

    #[test]
    fn what_is_quick() {
        let (is, few, many) = (
            r#"{"attr":"a","op":"equals","value":"x"}"#,
            r#"{"attr":"b","op":"not_in","values":["x","y","z","w"]}"#,
            r#"{"attr":"b","op":"in","values":["1","2","3","4","5"]}"#,
        );
        let all = |tests: &[&str]| format!(r#"{{"all":[{}]}}"#, tests.join(","));
        assert_eq!([quick(is), quick(few), quick(&all(&[is, few]))], [1, 1, 2]);
        for slow in [
            many.to_owned(),
            all(&[is, many]),
            all(&[is, r#"{"attr":"c","op":"gt","value":1}"#]),
            all(&[is, r#"{"attr":"c","op":"not_equals","value":"x"}"#]),
            all(&[is, r#"{"attr":"c","op":"in","values":[1,2]}"#]),
            all(&[is, &all(&[is])]),
            format!(r#"{{"any":[{is},{few}]}}"#),
            format!(r#"{{"not":{is}}}"#),
            all(&[]),
        ] {
            assert_eq!(quick(&slow), 0, "{slow}");
        }
    }
}
