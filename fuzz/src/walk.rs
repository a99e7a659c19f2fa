//! What must hold of every evaluation.

use burgee_core::{
    Attribute, Context, Decision, DecisionJson, Djb2, FlagIndex, Outcome, Overrides, Read, Reads, Request, Snapshot, Step,
    Symbol, Value,
};

/// Evaluates a flag in every way there is, and gives the decision on which all must agree.
pub(crate) fn decide<'s>(
    snapshot: &'s Snapshot,
    flag: Option<FlagIndex>,
    context: &dyn Context,
    now: i64,
    overrides: Option<&dyn Overrides>,
) -> Decision<'s> {
    let request = Request { overrides, ..Request::at(now) };
    let plain = snapshot.evaluate(flag, context, &request, &mut ());
    let (explained, steps) = snapshot.explain(flag, context, &request);
    assert_same(&plain, &explained, "explain");

    let last = steps.last().expect("a walk has a last step");
    assert_eq!((last.step, last.outcome), (plain.source, Outcome::Match), "the last step is the one that decided");
    assert_eq!(last.variant, if is_unnamed(last) { None } else { plain.variant.map(|variant| &*variant.key) });
    for explain in [false, true] {
        let text = DecisionJson { flag_key: "f", decision: &plain, steps: &steps, explain }.to_text();
        let json: serde_json::Value = serde_json::from_str(&text).expect("a decision is JSON");
        assert_eq!(json["reason_chain"].as_array().map(Vec::len), Some(steps.len()));
    }

    if let Some(flag) = flag.filter(|flag| snapshot.flag(*flag).is_some()) {
        let reads = snapshot.reads(flag);
        let only = Only { snapshot, context, reads: &reads };
        assert_same(&plain, &snapshot.evaluate(Some(flag), &only, &request, &mut ()), "with what it reads alone");
        if !reads.time {
            let later = Request { overrides, ..Request::at(now.wrapping_add(i64::MAX / 3)) };
            assert_same(&plain, &snapshot.evaluate(Some(flag), context, &later, &mut ()), "at another time");
        }
    }
    plain
}

/// A step that decides without naming what it serves: of a flag that is unknown, or off as a whole, or that is killed or off.
fn is_unnamed(step: &Step<'_>) -> bool {
    use burgee_core::Source;
    matches!(step.step, Source::UnknownFlag | Source::KillSwitch | Source::Off)
}

/// Fails unless two decisions are the same, `what` being the second.
pub(crate) fn assert_same(one: &Decision<'_>, other: &Decision<'_>, what: &str) {
    let of = |decision: &Decision<'_>| {
        let variant = decision.variant.map(|variant| variant.key.clone());
        let bucket = (decision.bucket, decision.threshold, decision.stage);
        (variant, decision.enabled, decision.source, decision.reason, decision.place, bucket)
    };
    assert_eq!(of(one), of(other), "{what}");
}

/// A context of which only what a flag says that it reads can be asked, and of texts no more than it says: whoever writes contexts across a boundary
/// writes no more.
struct Only<'a> {
    snapshot: &'a Snapshot,
    context: &'a dyn Context,
    reads: &'a Reads,
}

impl<'a> Only<'a> {
    fn read(&self, attribute: &Attribute) -> Option<&'a Read> {
        self.reads.attributes.iter().find(|read| read.id == attribute.id)
    }
}

impl Context for Only<'_> {
    fn get(&self, attribute: &Attribute) -> Value<'_> {
        match (self.read(attribute), self.context.get(attribute)) {
            (None, _) => Value::Absent,
            (Some(Read { text: false, .. }), Value::Text(text)) if !text.is_empty() => "untold".into(),
            (Some(_), value) => value,
        }
    }

    fn symbol(&self, attribute: &Attribute) -> Option<Symbol> {
        match (self.read(attribute)?, self.context.get(attribute)) {
            (Read { text: false, .. }, Value::Text(text)) => Some(self.snapshot.symbol(text)),
            _ => None,
        }
    }

    fn hashed(&self, attribute: &Attribute, from: Djb2) -> Option<Djb2> {
        match (self.read(attribute)?, self.context.get(attribute)) {
            (Read { text: false, hash, .. }, Value::Text(text)) if !text.is_empty() && *hash == Some(from) => {
                Some(from.text(text))
            }
            _ => None,
        }
    }

    fn any_item(&self, attribute: &Attribute, is_wanted: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        self.read(attribute).is_some() && self.context.any_item(attribute, is_wanted)
    }
}
