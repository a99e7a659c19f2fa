//! A flag that is compiled alone, out of the packed form, decides as it does in the whole.

use std::collections::{BTreeSet, HashSet};

use burgee_core::packed::{Packed, Rows};
use burgee_core::{Documents, NamedContext, Request, Snapshot, Warning};
use proptest::prelude::*;
use serde_json::{Value, json};

const KEYS: [&str; 8] = ["a", "b", "c", "d", "e", "f.long-er_key", "ab", "A"];
const SEGMENTS: [&str; 4] = ["s", "t", "u", "nobody"];
const CATEGORIES: [&str; 4] = ["k", "l", "m", "*"];
const USERS: [&str; 4] = ["u-1", "u-2", "u-3", "\u{1f600}"];

fn condition() -> impl Strategy<Value = Value> {
    let segment = (0..3_usize).prop_map(|at| json!({"segment": SEGMENTS[at]}));
    let compared = ("[ab]", 0..3_i64).prop_map(|(attr, value)| json!({"attr": attr, "op": "gte", "value": value}));
    prop_oneof![segment, compared].prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(|all| json!({"all": all})),
            proptest::collection::vec(inner.clone(), 0..3).prop_map(|any| json!({"any": any})),
            inner.prop_map(|not| json!({"not": not})),
        ]
    })
}

fn flag() -> impl Strategy<Value = Value> {
    let prerequisites = proptest::collection::vec((0..KEYS.len(), any::<bool>()), 0..3);
    let rules = proptest::collection::vec((condition(), proptest::option::of(0..100_u32), any::<bool>()), 0..3);
    let state = prop_oneof![8 => Just("on"), 1 => Just("off"), 1 => Just("archived")];
    (0..KEYS.len(), state, prerequisites, rules, proptest::option::of(0..3_usize), 0..9_u32).prop_map(
        |(key, state, prerequisites, rules, category, version)| {
            let mut named = HashSet::new();
            let prerequisites = prerequisites.into_iter().filter(|(flag, _)| *flag != key && named.insert(*flag));
            let rules = rules.into_iter().enumerate().map(|(index, (when, percentage, on))| {
                let variant = if on { "on" } else { "off" };
                json!({"id": format!("r{index}"), "when": when, "percentage": percentage, "serve": {"variant": variant}})
            });
            json!({
                "key": KEYS[key], "state": state, "version": version,
                "prerequisites": prerequisites.map(|(flag, on)| json!({"flag": KEYS[flag], "variants": [if on { "on" } else { "off" }]})).collect::<Vec<_>>(),
                "rules": rules.collect::<Vec<_>>(),
                "kill_switch": category.map(|at| CATEGORIES[at]),
            })
        },
    )
}

fn document() -> impl Strategy<Value = Value> {
    let segment =
        (0..3_usize, proptest::collection::vec(0..USERS.len(), 0..3), any::<bool>()).prop_map(|(key, users, all)| {
            let include: BTreeSet<_> = users.into_iter().map(|at| USERS[at]).collect();
            let include: Vec<_> = include.into_iter().collect();
            let conditions = all.then(|| json!({"attr": "a", "op": "exists", "value": true}));
            json!({"key": SEGMENTS[key], "include": include, "conditions": conditions})
        });
    let row = (any::<bool>(), 0..USERS.len(), 0..KEYS.len(), 0..3_usize, proptest::option::of(0..2_000_i64)).prop_map(
        |(user, id, flag, variant, expires_at)| {
            let (scope, variant) = (if user { "user" } else { "tenant" }, ["on", "off", "no.such"][variant]);
            json!({"scope": scope, "id": USERS[id], "flag": KEYS[flag], "variant": variant, "expires_at": expires_at})
        },
    );
    let switch = (0..CATEGORIES.len(), prop::bool::weighted(0.3))
        .prop_map(|(category, engaged)| json!({"category": CATEGORIES[category], "engaged": engaged}));
    (
        proptest::collection::vec(flag(), 0..8),
        proptest::collection::vec(segment, 0..4),
        proptest::collection::vec(row, 0..8),
        proptest::collection::vec(switch, 0..3),
    )
        .prop_map(|(flags, segments, overrides, kill_switches)| {
            json!({"tenant": "t", "flags": flags, "segments": segments, "overrides": overrides, "kill_switches": kill_switches})
        })
}

fn contexts() -> Vec<NamedContext<'static>> {
    let users = USERS.iter().enumerate().map(|(index, user)| {
        NamedContext::new().with("user_id", *user).with("tenant_id", USERS[0]).with("a", index as f64).with("b", 1.0)
    });
    users.chain([NamedContext::new()]).collect()
}

/// Compares every flag of a packed document with the whole; gives how many flags there were.
fn compare(document: &[u8]) -> usize {
    let documents = Documents::read(document).expect("a document");
    let packed = Rows::of(&documents).parts("t\"é", 3, Some(1)).pack().expect("rows can be packed");
    let packed = Packed::open(packed).expect("what was packed can be opened");
    let whole = Snapshot::parse(packed.json()).expect("the JSON is a snapshot");
    let keys: Vec<_> = packed.keys().map(|key| key.expect("a flag begins with its key")).collect();
    assert_eq!(keys, whole.flags().iter().map(|flag| flag.key()).collect::<Vec<_>>());
    for (place, key) in (0..).zip(&keys) {
        assert_eq!(packed.find(key), Some(place));
        let closure = packed.closure(place);
        assert_eq!(closure.bytes(), closure.text().len());
        let alone = closure.compile().expect("what is in the whole compiles alone");
        assert_eq!(
            (alone.tenant(), alone.version(), alone.generated_at()),
            (whole.tenant(), whole.version(), whole.generated_at())
        );
        // Of the flag itself and of what it needs; prefixes end at a slash or the end.
        let of_these = |warning: &&Warning| {
            let flag_of = |index: &str| index.parse::<usize>().ok().and_then(|index| keys.get(index)).copied();
            let mut names = warning.pointer.split('/').skip(1);
            match (names.next(), names.next()) {
                (Some("flags"), Some(index)) => flag_of(index).is_some_and(|key| alone.find(key).is_some()),
                (Some("overrides"), Some(index)) => {
                    let row = &documents.overrides[index.parse::<usize>().expect("an index")];
                    alone.find(&row.value.flag).is_some()
                }
                _ => false,
            }
        };
        let expected: Vec<_> = whole.warnings().iter().filter(of_these).collect();
        assert_eq!(alone.warnings().iter().collect::<Vec<_>>(), expected, "{key}");
        for context in contexts() {
            for now in [0, 1_000, 5_000] {
                let [one, other] = [&alone, &whole].map(|snapshot| {
                    let (decision, steps) = snapshot.explain(snapshot.find(key), &context, &Request::at(now));
                    let json =
                        burgee_core::DecisionJson { flag_key: key, decision: &decision, steps: &steps, explain: true };
                    (json.to_text(), decision.flag.and_then(|flag| flag.warning()))
                });
                assert_eq!(one, other, "{key} at {now}");
            }
        }
    }
    keys.len()
}

proptest! {
    #[test]
    fn alone_is_as_in_the_whole(document in document()) {
        compare(document.to_string().as_bytes());
    }
}

#[test]
fn every_vector_decides_alike() {
    let mut flags = 0;
    for name in ["registry", "rules", "synthetic"] {
        let path = format!("{}/../parity/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let vector: Value = serde_json::from_slice(&std::fs::read(path).expect("a vector")).expect("JSON");
        let registry = vector.get("registry").unwrap_or(&vector);
        flags += compare(registry.to_string().as_bytes());
    }
    assert!(flags > 50, "{flags} flags");
}

#[test]
fn a_long_chain_of_prerequisites_is_past_its_limit_alone_too() {
    let flag = |index: usize| {
        let prerequisites: Vec<_> =
            (index > 0).then(|| json!({"flag": format!("f{}", index - 1), "variants": ["on"]})).into_iter().collect();
        json!({"key": format!("f{index}"), "default_variant": "on", "prerequisites": prerequisites})
    };
    let document = json!({"flags": (0..40).rev().map(flag).collect::<Vec<_>>()});
    assert_eq!(compare(document.to_string().as_bytes()), 40);
}
