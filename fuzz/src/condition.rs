//! Trees of conditions that are drawn from bytes, so that most of them are valid.

use arbitrary::{Result, Unstructured};
use burgee_core::{NamedContext, Reason, Snapshot, read_flags};
use serde_json::{Value, json};

use crate::walk::{assert_same, decide};

/// Names, texts and numbers are few, so that what is compared is often equal.
const NAMES: [&str; 6] = ["a", "b", "user_id", "tier", "env", "é/~"];
const TEXTS: [&str; 12] =
    ["", "x", "CA", "anonymous", "dev", "1.2.3", "1.2.3-rc.1+b", "2026-11-21T10:00:00Z", "u", "7", "é😀", "xCAx"];
const NUMBERS: [f64; 8] = [0.0, -0.0, 1.0, 1.5, -7.0, 1e300, 9_007_199_254_740_991.0, 5e-324];
const PATTERNS: [&str; 8] = ["", "^x", "CA$", "(?i)ca", "[a-z]+", "(x|xx)+$", "^\\d+\\.\\d+", "(?:é|😀)*$"];
const OPERATORS: [&str; 21] = [
    "equals",
    "not_equals",
    "in",
    "not_in",
    "contains",
    "starts_with",
    "ends_with",
    "matches",
    "gt",
    "gte",
    "lt",
    "lte",
    "between",
    "exists",
    "semver_eq",
    "semver_gt",
    "semver_gte",
    "semver_lt",
    "semver_lte",
    "before",
    "after",
];

/// A valid tree can be evaluated; explaining it is the same walk, its negation the opposite, and its canonical form the same condition.
pub fn condition(bytes: &[u8]) {
    let mut source = Unstructured::new(bytes);
    let Ok((when, of_segment, contexts)) = draw(&mut source) else { return };
    let flag = |key: &str, when: &Value| json!({"key": key, "default_variant": "off", "rules": [{"id": "r", "when": when, "serve": {"variant": "on"}}]});
    let document = json!({
        "tenant": "t",
        "segments": [{"key": "s", "conditions": of_segment, "include": ["u", "7"], "exclude": ["CA"]}, {"key": "empty"}],
        "flags": [flag("plain", &when), flag("not", &json!({"not": when}))],
    });
    let snapshot = parse(&document);
    let [plain, not] = ["plain", "not"].map(|key| snapshot.find(key).expect("a flag of a valid key is there"));
    let mut canonical = document.clone();
    let flags = read_flags(document.to_string().as_bytes()).expect("the frame is right");
    canonical["flags"] = flags.into_iter().flatten().map(|flag| serde_json::to_value(flag).expect("JSON")).collect();
    let canonical = parse(&canonical);

    for context in &contexts {
        let [plain_decision, not_decision] = [plain, not].map(|flag| decide(&snapshot, Some(flag), context, 0, None));
        let is_invalid = [&plain_decision, &not_decision].map(|decision| decision.reason == Reason::FlagInvalid);
        // One level more may be one too many.
        if is_invalid == [false, false] {
            assert_ne!(plain_decision.enabled, not_decision.enabled, "{when} {context:?}");
        }
        assert!(is_invalid[1] || !is_invalid[0], "a condition is at fault, and its negation is not: {when}");
        if !is_invalid[0] {
            let again = decide(&canonical, canonical.find("plain"), context, 0, None);
            assert_same(&plain_decision, &again, "the canonical form");
        }
    }
}

fn parse(document: &Value) -> Snapshot {
    Snapshot::parse(document.to_string().as_bytes()).expect("the frame is right")
}

fn draw(source: &mut Unstructured<'_>) -> Result<(Value, Value, Vec<NamedContext<'static>>)> {
    let when = tree(source, 0, true)?;
    let of_segment = tree(source, 0, false)?;
    let count = source.int_in_range(1..=4)?;
    Ok((when, of_segment, (0..count).map(|_| context(source)).collect::<Result<_>>()?))
}

/// A condition `depth` deep. Depth is bounded above the limit, so that the limit is met.
fn tree(source: &mut Unstructured<'_>, depth: u32, has_segments: bool) -> Result<Value> {
    let kinds = if depth > 17 { 3 } else { 8 };
    Ok(match source.int_in_range(0..=kinds)? {
        0 | 1 => comparison(source)?,
        2 => short_form(source)?,
        3 if has_segments => json!({"segment": source.choose(&["s", "s", "s", "empty", "nowhere"])?}),
        3 => json!({"all": []}),
        4 => json!({"not": tree(source, depth + 1, has_segments)?}),
        5 => json!({"all": trees(source, depth, has_segments)?}),
        6 => json!({"any": trees(source, depth, has_segments)?}),
        7 => {
            let mut several = short_form(source)?;
            several["any"] = trees(source, depth, has_segments)?.into();
            several["not"] = tree(source, depth + 1, has_segments)?;
            several
        }
        // A few are at fault.
        _ => json!({*source.choose(&["atr", "all", "op", "percentage"])?: scalar(source)?}),
    })
}

fn trees(source: &mut Unstructured<'_>, depth: u32, has_segments: bool) -> Result<Vec<Value>> {
    (0..source.int_in_range(0..=3)?).map(|_| tree(source, depth + 1, has_segments)).collect()
}

fn short_form(source: &mut Unstructured<'_>) -> Result<Value> {
    let mut attributes = json!({});
    for _ in 0..source.int_in_range(0..=2)? {
        attributes[name(source)?] = if source.arbitrary()? { scalar(source)? } else { scalars(source)? };
    }
    Ok(json!({"attr": attributes}))
}

fn comparison(source: &mut Unstructured<'_>) -> Result<Value> {
    let op = *source.choose(&OPERATORS)?;
    // A few have an operand of another type.
    let op_of_operand = if source.ratio(1, 32)? { *source.choose(&OPERATORS)? } else { op };
    let (member, operand) = match op_of_operand {
        "in" | "not_in" => ("values", scalars(source)?),
        "between" => {
            let (one, other) = (number(source)?, number(source)?);
            ("values", json!([one.min(other), one.max(other)]))
        }
        "starts_with" | "ends_with" => ("value", text(source)?.into()),
        "matches" => ("value", (*source.choose(&PATTERNS)?).into()),
        "gt" | "gte" | "lt" | "lte" => ("value", number(source)?.into()),
        "exists" => ("value", source.arbitrary::<bool>()?.into()),
        "before" | "after" => {
            ("value", if source.arbitrary()? { json!("2026-11-21t10:00:00.5+01:30") } else { json!(1) })
        }
        op if op.starts_with("semver") => ("value", (*source.choose(&["1.2.3", "1.2.3-rc.1", "10.0.0"])?).into()),
        _ => ("value", scalar(source)?),
    };
    Ok(json!({"attr": name(source)?, "op": op, member: operand}))
}

fn context(source: &mut Unstructured<'_>) -> Result<NamedContext<'static>> {
    let mut context = NamedContext::new();
    for _ in 0..source.int_in_range(0..=5)? {
        let name = name(source)?;
        match source.int_in_range(0..=5)? {
            0 | 1 => context.set(name, text(source)?),
            2 => context.set(name, source.choose(&[f64::NAN, f64::INFINITY, 0.5, 7.0])? + number(source)?),
            3 => context.set(name, source.arbitrary::<bool>()?),
            4 => context.set(name, burgee_core::Value::Object),
            _ => context.set_list(name, [text(source)?, text(source)?]),
        }
    }
    Ok(context)
}

fn name(source: &mut Unstructured<'_>) -> Result<&'static str> {
    source.choose(&NAMES).copied()
}

fn text(source: &mut Unstructured<'_>) -> Result<&'static str> {
    source.choose(&TEXTS).copied()
}

fn number(source: &mut Unstructured<'_>) -> Result<f64> {
    source.choose(&NUMBERS).copied()
}

fn scalar(source: &mut Unstructured<'_>) -> Result<Value> {
    Ok(match source.int_in_range(0..=3)? {
        0 => source.arbitrary::<bool>()?.into(),
        1 => number(source)?.into(),
        2 => source.int_in_range(-2..=7_i64)?.into(),
        _ => text(source)?.into(),
    })
}

fn scalars(source: &mut Unstructured<'_>) -> Result<Value> {
    (0..source.int_in_range(1..=7)?).map(|_| scalar(source)).collect()
}
