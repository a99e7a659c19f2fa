//! JSON merge patch (RFC 7396), over JSON that keeps integers, floats and the order of members.

use burgee_core::Json;

/// What a document is after a merge patch: members of `patch` take the place of those of `target`, and null takes them away.
#[must_use]
pub fn merge<'a>(target: Json<'a>, patch: &Json<'a>) -> Json<'a> {
    let Json::Object(changes) = patch else { return patch.clone() };
    let mut members = match target {
        Json::Object(members) => members,
        _ => Vec::new(),
    };
    for (place, (name, value)) in changes.iter().enumerate() {
        // Of a repeated name the last counts, as in JSON.parse.
        if changes.iter().skip(place.saturating_add(1)).any(|(later, _)| later == name) {
            continue;
        }
        if *value == Json::Null {
            members.retain(|(other, _)| other != name);
            continue;
        }
        match members.iter_mut().rev().find(|(other, _)| other == name) {
            Some((_, earlier)) => *earlier = merge(std::mem::replace(earlier, Json::Null), value),
            None => members.push((name.clone(), merge(Json::Null, value))),
        }
    }
    Json::Object(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merges_as_the_rfc_says() {
        // The table of RFC 7396, appendix A, and what this keeps beside it.
        let cases = [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"a":null}"#, "{}"),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
            (r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#),
            (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#"["a","b"]"#, r#"["c","d"]"#, r#"["c","d"]"#),
            (r#"{"a":"b"}"#, r#"["c"]"#, r#"["c"]"#),
            (r#"{"a":"foo"}"#, "null", "null"),
            (r#"{"a":"foo"}"#, r#""bar""#, r#""bar""#),
            (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
            ("[1,2]", r#"{"a":"b","c":null}"#, r#"{"a":"b"}"#),
            ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
            (r#"{"b":1.0,"a":1}"#, r#"{"b":2.0}"#, r#"{"b":2.0,"a":1}"#),
            (r#"{"a":1}"#, r#"{"a":{"x":1},"a":{"y":2}}"#, r#"{"a":{"y":2}}"#),
        ];
        for (target, patch, expected) in cases {
            let merged = merge(Json::parse(target).unwrap(), &Json::parse(patch).unwrap());
            assert_eq!(serde_json::to_string(&merged).unwrap(), expected, "{target} and {patch}");
        }
    }
}
