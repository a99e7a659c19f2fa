//! Any JSON document: one that is valid in every part, with some of its values replaced by what nobody would put there.

use burgee_core::lint::lint;
use burgee_core::{Documents, FlagIndex, NamedContext, Outcome, Request, Snapshot, read_flags};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

/// A document in which every field is used.
fn valid() -> Value {
    let when = json!({"all": [
        {"attr": "a", "op": "equals", "value": "CA"},
        {"any": [{"attr": "b", "op": "between", "values": [1, 5.5]}, {"segment": "s"}]},
        {"not": {"attr": "c", "op": "matches", "value": "^x+$"}},
        {"attr": {"d": ["x", 1, true], "e": "y"}},
    ]});
    let distribution = json!([{"variant": "x", "weight": 1}, {"variant": "y", "weight": 2.5}]);
    let rule = json!({
        "id": "r", "description": "d", "order": 1, "when": when, "percentage": 50, "bucket_by": "a", "salt": "s",
        "serve": {"distribution": distribution, "bucket_by": "user_id", "salt": ""},
    });
    let short = json!({"id": "q", "when": {"attr": {"a": "CA"}, "percentage": 25}, "rollout": {"variant": "y"}});
    let flag = json!({
        "key": "f", "type": "string", "state": "on", "version": 1, "description": "d", "owner": "o", "tags": ["t"],
        "created_at": "2026-11-21T10:00:00Z", "updated_at": 1, "metadata": {"m": 1, "n": "x", "o": true},
        "variants": [{"key": "x", "value": "X"}, {"key": "y", "value": "Y"}], "off_variant": "x", "default_variant": null,
        "bucketing": "djb2-xor", "bucket_by": "a", "salt": "s", "prerequisites": [{"flag": "g", "variants": ["on"]}],
        "targets": {"allow": [{"variant": "x", "ids": ["u"]}], "deny": ["v"]}, "rules": [rule, short],
        "fallthrough": {"distribution": distribution}, "kill_switch": "k",
        "sensitive": {"sensitive_flag": true, "requires_approval": false, "approval_matrix_row": "1"}, "high_impact": true,
    });
    json!({
        "schema": "burgee.snapshot/1", "tenant": "t", "version": 1, "generated_at": "2026-11-21T10:00:00Z",
        "flags": [
            flag,
            {"key": "g", "stage": {"rollout_stage": "staged_25", "rollout_stage_map": {"prod": "internal"}}},
            {"key": "h", "rollout_stage": "draft", "rollout_stage_map": {"dev": "full"}},
            {"key": "w", "variants": [{"key": "control", "weight": 1}, {"key": "treatment", "weight": 2}]},
            {"key": "j", "type": "json", "variants": [{"key": "a", "value": {"a": [1, null]}}], "default_variant": "a"},
        ],
        "segments": [{"key": "s", "name": "n", "conditions": {"attr": "b", "op": "exists"}, "include": ["u"], "exclude": ["v"]}],
        "overrides": [{
            "scope": "user", "id": "u", "flag": "f", "variant": "y", "expires_at": 5, "approval_ref": "a", "reason": "r",
            "created_by": "c", "created_at": "2026-11-21T10:00:00Z",
        }],
        "kill_switches": [{"category": "k", "engaged": false}],
    })
}

/// Every place in a document, from the root on, as JSON pointers.
fn places(value: &Value, at: &str, places: &mut Vec<String>) {
    places.push(at.to_owned());
    match value {
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| self::places(item, &format!("{at}/{index}"), places));
        }
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| self::places(value, &format!("{at}/{name}"), places));
        }
        _ => {}
    }
}

/// What is done at a place.
#[derive(Clone, Debug)]
enum Change {
    Put(Value),
    /// What stands at another place.
    Copy(Index),
    Remove,
    Repeat(usize),
    Wrap(usize),
    Rename(String),
}

fn change() -> impl Strategy<Value = Change> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,6}".prop_map(Value::from),
        select(vec![
            "",
            "f",
            "g",
            "on",
            "off",
            "CA",
            "user",
            "*",
            "(",
            "1.2.3",
            "json",
            "archived",
            "staged_99",
            "matches",
            "in"
        ])
        .prop_map(Value::from),
        select(vec![0.0, -0.0, 1e308, 5e-324, 9_007_199_254_740_993.0, -1.0, 100.0]).prop_map(Value::from),
    ];
    prop_oneof![
        4 => scalar.prop_map(Change::Put),
        4 => any::<Index>().prop_map(Change::Copy),
        2 => Just(Change::Remove),
        1 => (0..300_usize).prop_map(Change::Repeat),
        1 => (0..140_usize).prop_map(Change::Wrap),
        1 => select(vec!["key", "variants", "rules", "when", "all", "attr", "op", "value", "values", "percentage", "weight", "serve"])
            .prop_map(|name| Change::Rename(name.to_owned())),
    ]
}

fn apply(document: &mut Value, place: Index, change: Change) {
    let mut all = Vec::new();
    places(document, "", &mut all);
    let place = place.get::<String>(&all);
    let copied = |index: Index| document.pointer(index.get::<String>(&all)).cloned().unwrap_or(Value::Null);
    let change = match change {
        Change::Copy(index) => Change::Put(copied(index)),
        other => other,
    };
    let (parent, name) = place.rsplit_once('/').unwrap_or_default();
    if let (Change::Remove | Change::Rename(_), Some(Value::Object(members))) = (&change, document.pointer_mut(parent))
    {
        let removed = members.remove(name);
        if let (Change::Rename(name), Some(value)) = (change, removed) {
            members.insert(name, value);
        }
        return;
    }
    let Some(value) = document.pointer_mut(place) else { return };
    match change {
        Change::Put(new) => *value = new,
        Change::Repeat(times) => {
            if let Value::Array(items) = value {
                *items = items.iter().cycle().take(items.len() * times % 700).cloned().collect();
            }
        }
        Change::Wrap(times) => *value = (0..times).fold(value.take(), |inner, _| json!([inner])),
        Change::Copy(_) | Change::Remove | Change::Rename(_) => {}
    }
}

/// Loads, describes, evaluates and lints; nothing of it may panic, and explaining agrees with evaluating.
fn hold(bytes: &[u8], now: i64) {
    let lint = lint(bytes, now);
    let (read, flags) = (Documents::read(bytes), read_flags(bytes));
    let snapshot = match Snapshot::parse(bytes) {
        Ok(snapshot) => snapshot,
        Err(fault) => {
            assert_eq!([Some(&fault); 3], [lint.as_ref().err(), read.as_ref().err(), flags.as_ref().err()]);
            return;
        }
    };
    let (read, flags) = (read.unwrap(), flags.unwrap());
    assert_eq!(read.flags.len(), flags.iter().filter(|flag| flag.is_ok()).count());
    assert!(lint.unwrap().len() >= snapshot.warnings().len());
    assert!(snapshot.describe().starts_with('{') && read.to_text().starts_with('{'));
    let contexts = [
        NamedContext::new(),
        NamedContext::new().with("user_id", "u").with("a", "CA").with("b", 2.0).with("d", true).with("e", "y"),
        NamedContext::new().with("user_id", -1.0).with_list("a", ["CA"]).with("c", "xx").with("env", "prod"),
    ];
    for context in &contexts {
        for flag in (0..8).map(FlagIndex) {
            let plain = snapshot.evaluate(Some(flag), context, &Request::at(now), &mut ());
            let (explained, steps) = snapshot.explain(Some(flag), context, &Request::at(now));
            let place = plain.variant.map(|variant| variant.index);
            assert_eq!(place, explained.variant.map(|variant| variant.index));
            assert_eq!(
                (plain.source, plain.reason, plain.bucket),
                (explained.source, explained.reason, explained.bucket)
            );
            let last = steps.last().unwrap();
            assert_eq!((last.step, last.outcome), (plain.source, Outcome::Match));
            assert!(snapshot.describe_flag(flag).starts_with(['{', 'n']));
        }
    }
}

#[test]
fn the_document_is_valid() {
    let document = valid().to_string();
    assert_eq!(Snapshot::parse(document.as_bytes()).unwrap().warnings(), []);
    hold(document.as_bytes(), 0);
}

proptest! {
    #[test]
    fn any_document_is_refused_or_evaluated(
        changes in prop::collection::vec((any::<Index>(), change()), 1..6),
        now: i64,
    ) {
        let mut document = valid();
        for (place, change) in changes {
            apply(&mut document, place, change);
        }
        hold(document.to_string().as_bytes(), now);
    }

    #[test]
    fn any_bytes_in_a_document_are_refused_or_evaluated(
        bytes in prop::collection::vec((any::<Index>(), any::<u8>()), 1..4),
        cut in any::<Index>(),
    ) {
        let mut document = valid().to_string().into_bytes();
        for (place, byte) in bytes {
            let place = place.index(document.len());
            document[place] = byte;
        }
        hold(&document, 0);
        hold(&document[..cut.index(document.len())], 0);
    }
}
