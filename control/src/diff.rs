//! JSON Patch (RFC 6902): what must be done to one document to make it the other.

use burgee_core::Json;
use serde::Serialize;

/// One operation of a patch.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Operation<'a> {
    /// What is done.
    pub op: Op,
    /// Where (a JSON pointer).
    pub path: String,
    /// What is put there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<&'a Json<'a>>,
}

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Op {
    /// A member is put into an object, or an element before another.
    Add,
    /// A value is put into the place of another.
    Replace,
    /// A member or element goes.
    Remove,
}

/// The patch that makes `after` of `before`. The order of an object's members is not told from another.
#[must_use]
pub fn diff<'a>(before: &'a Json<'a>, after: &'a Json<'a>) -> Vec<Operation<'a>> {
    let mut patch = Vec::new();
    compare(before, after, &mut String::new(), &mut patch);
    patch
}

type Members<'a> = [(std::borrow::Cow<'a, str>, Json<'a>)];

fn compare<'a>(before: &'a Json<'a>, after: &'a Json<'a>, path: &mut String, patch: &mut Vec<Operation<'a>>) {
    match (before, after) {
        (before, after) if before == after => {}
        // An object with a name twice has no place to point at.
        (Json::Object(before), Json::Object(after)) if has_distinct_names(before) && has_distinct_names(after) => {
            objects(before, after, path, patch);
        }
        (Json::Array(before), Json::Array(after)) => arrays(before, after, path, patch),
        _ => patch.push(Operation { op: Op::Replace, path: path.clone(), value: Some(after) }),
    }
}

fn has_distinct_names(members: &Members<'_>) -> bool {
    let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_ref()).collect();
    names.sort_unstable();
    names.windows(2).all(|pair| !matches!(pair, [one, other] if one == other))
}

/// Does something with the path of a part.
fn within(path: &mut String, part: &str, inner: impl FnOnce(&mut String)) {
    let length = path.len();
    path.push('/');
    path.push_str(&part.replace('~', "~0").replace('/', "~1"));
    inner(path);
    path.truncate(length);
}

fn objects<'a>(before: &'a Members<'a>, after: &'a Members<'a>, path: &mut String, patch: &mut Vec<Operation<'a>>) {
    use std::collections::BTreeMap;
    let by_name = |members: &'a Members<'a>| -> BTreeMap<&'a str, &'a Json<'a>> {
        members.iter().map(|(name, value)| (name.as_ref(), value)).collect()
    };
    let (old, new) = (by_name(before), by_name(after));
    for (name, _) in before {
        if !new.contains_key(name.as_ref()) {
            within(path, name, |path| patch.push(Operation { op: Op::Remove, path: path.clone(), value: None }));
        }
    }
    for (name, value) in after {
        within(path, name, |path| match old.get(name.as_ref()) {
            Some(earlier) => compare(earlier, value, path, patch),
            None => patch.push(Operation { op: Op::Add, path: path.clone(), value: Some(value) }),
        });
    }
}

/// What is the same at both ends stays; what is between is compared place by place.
fn arrays<'a>(before: &'a [Json<'a>], after: &'a [Json<'a>], path: &mut String, patch: &mut Vec<Operation<'a>>) {
    let start = before.iter().zip(after).take_while(|(one, other)| one == other).count();
    let (before, after) = (before.get(start..).unwrap_or(&[]), after.get(start..).unwrap_or(&[]));
    let end = before.iter().rev().zip(after.iter().rev()).take_while(|(one, other)| one == other).count();
    let before = before.get(..before.len().saturating_sub(end)).unwrap_or(&[]);
    let after = after.get(..after.len().saturating_sub(end)).unwrap_or(&[]);
    let place = |index: usize| start.saturating_add(index).to_string();
    for (index, (one, other)) in before.iter().zip(after).enumerate() {
        within(path, &place(index), |path| compare(one, other, path, patch));
    }
    // From the last, so that the places of those before stay what they are.
    for index in (after.len()..before.len()).rev() {
        within(path, &place(index), |path| {
            patch.push(Operation { op: Op::Remove, path: path.clone(), value: None });
        });
    }
    for (index, value) in after.iter().enumerate().skip(before.len()) {
        within(path, &place(index), |path| {
            patch.push(Operation { op: Op::Add, path: path.clone(), value: Some(value) });
        });
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    /// Applies a patch, as RFC 6902 says.
    pub(crate) fn apply(mut document: Value, patch: &Value) -> Value {
        for operation in patch.as_array().unwrap() {
            let path = operation["path"].as_str().unwrap();
            let Some((parent, name)) = path.rsplit_once('/') else {
                document = operation["value"].clone();
                continue;
            };
            let name = name.replace("~1", "/").replace("~0", "~");
            match (document.pointer_mut(parent).unwrap(), operation["op"].as_str().unwrap()) {
                (Value::Object(members), "remove") => drop(members.remove(&name).unwrap()),
                (Value::Object(members), op) => {
                    let earlier = members.insert(name, operation["value"].clone());
                    assert_eq!(earlier.is_some(), op == "replace");
                }
                (Value::Array(items), "remove") => drop(items.remove(name.parse().unwrap())),
                (Value::Array(items), "add") => items.insert(name.parse().unwrap(), operation["value"].clone()),
                (Value::Array(items), _) => items[name.parse::<usize>().unwrap()] = operation["value"].clone(),
                _ => panic!("{path} is in no object or array"),
            }
        }
        document
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf =
            prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), (0..4_i64).prop_map(Value::from)];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
                prop::collection::btree_map("[ab/~]{1,2}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn applied_it_gives_the_other(before in json(), after in json()) {
            let (old, new) = (before.to_string(), after.to_string());
            let (old, new) = (Json::parse(&old).unwrap(), Json::parse(&new).unwrap());
            let patch = serde_json::to_value(diff(&old, &new)).unwrap();
            prop_assert_eq!(apply(before, &patch), after);
        }
    }

    #[test]
    fn says_what_changed_and_no_more() {
        let cases = [
            (r#"{"a":1,"b":[1,2,3]}"#, r#"{"b":[1,3],"a":1}"#, r#"[{"op":"remove","path":"/b/1"}]"#),
            (r#"{"a":1}"#, r#"{"a":1.0}"#, r#"[{"op":"replace","path":"/a","value":1.0}]"#),
            (r#"{"a/b":{"~":1}}"#, r#"{"a/b":{}}"#, r#"[{"op":"remove","path":"/a~1b/~0"}]"#),
            ("[]", r#"[{"x":null}]"#, r#"[{"op":"add","path":"/0","value":{"x":null}}]"#),
            (r#"{"a":1,"a":2}"#, r#"{"a":2}"#, r#"[{"op":"replace","path":"","value":{"a":2}}]"#),
        ];
        for (before, after, expected) in cases {
            let (before, after) = (Json::parse(before).unwrap(), Json::parse(after).unwrap());
            assert_eq!(serde_json::to_string(&diff(&before, &after)).unwrap(), expected);
        }
    }
}
