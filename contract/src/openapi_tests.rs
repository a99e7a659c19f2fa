//! Whether the description is whole.

use super::*;
use std::collections::BTreeSet;

fn refs(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(target)) = members.get("$ref") {
                found.insert(target.clone());
            }
            members.values().for_each(|value| refs(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| refs(item, found)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_to_a_schema_and_every_schema_is_used() {
    let document = document().unwrap();
    let mut found = BTreeSet::new();
    refs(&document, &mut found);
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for target in &found {
        let name = target.strip_prefix("#/components/schemas/").unwrap();
        assert!(schemas.contains_key(name), "{target}");
    }
    for name in schemas.keys() {
        assert!(found.contains(&format!("#/components/schemas/{name}")), "{name} is named by nothing");
    }
    let named: usize = SCHEMAS.iter().map(|text| serde_json::from_str::<Map<String, Value>>(text).unwrap().len()).sum();
    assert_eq!(schemas.len(), named, "a name stands in two files");
}

#[test]
fn every_operation_stands_in_it_once() {
    let document = document().unwrap();
    let mut ids = BTreeSet::new();
    let mut operations = 0;
    for path in document["paths"].as_object().unwrap().values() {
        for operation in path.as_object().unwrap().values() {
            operations += 1;
            assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{}", operation["operationId"]);
            assert!(!operation["summary"].as_str().unwrap().is_empty());
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.keys().any(|status| status.starts_with('2')), "{operation}");
        }
    }
    assert_eq!(operations, operations::all().count());
}

#[test]
fn schemas_are_schemas() {
    let document = document().unwrap();
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        crate::conformance::validator(&format!("/components/schemas/{name}"));
    }
    for example in ["FlagDraft", "SegmentDraft", "Question", "PreviewQuestion", "RolloutDraft", "WebhookDraft"] {
        let pointer = format!("/components/schemas/{example}");
        let schema = document.pointer(&pointer).unwrap();
        let validator = crate::conformance::validator(&pointer);
        for example in schema["examples"].as_array().unwrap() {
            assert!(validator.is_valid(example), "{example}");
        }
    }
}
