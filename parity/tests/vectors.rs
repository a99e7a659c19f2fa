//! The vectors of `parity/vectors/`, run natively. Every failure is reported, and every case in the files must have run.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use burgee_core::{Snapshot, Text, hash_bucket, wtf8_from_utf16};
use burgee_parity::{CaseRequest, decide, units_of_json_string};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Example<'a> {
    name: String,
    registry: String,
    #[serde(borrow)]
    request: CaseRequest<'a>,
    expect: Value,
}

#[derive(Deserialize)]
struct HashVector<'a> {
    name: String,
    #[serde(borrow)]
    input: &'a RawValue,
    bucket: u32,
    bucket_as_user: u32,
}

#[derive(Deserialize)]
struct Repeat {
    repeat: String,
    times: usize,
}

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Fails with everything that was noted.
fn report(failures: &str) {
    assert!(failures.is_empty(), "\n{failures}");
}

#[test]
fn examples() {
    let (real, synthetic) = (read("registry.json"), read("synthetic.json"));
    let real = Snapshot::parse(real.as_bytes()).unwrap();
    let synthetic = Snapshot::parse(synthetic.as_bytes()).unwrap();
    assert_eq!((real.warnings(), synthetic.warnings()), (&[][..], &[][..]));
    assert_eq!(real.flags().len(), 11);
    let text = read("examples.json");
    let examples: Vec<Example<'_>> = serde_json::from_str(&text).unwrap();
    let (mut ran_real, mut ran_synthetic, mut failures) = (0, 0, String::new());
    for example in &examples {
        let snapshot = match example.registry.as_str() {
            "real" => {
                ran_real += 1;
                &real
            }
            _ => {
                ran_synthetic += 1;
                &synthetic
            }
        };
        let got = decide(snapshot, &example.request);
        // Numbers are compared as JavaScript would: an integer is the float of its value.
        if normal(&got) != normal(&example.expect) {
            writeln!(failures, "{}\n  expected {}\n  got      {got}", example.name, example.expect).unwrap();
        }
        if decide(snapshot, &example.request) != got {
            writeln!(failures, "{}: another answer the second time", example.name).unwrap();
        }
    }
    report(&failures);
    assert_eq!((ran_real, ran_synthetic), (11, 8));
}

#[derive(Deserialize)]
struct Rules<'a> {
    #[serde(borrow)]
    registry: &'a RawValue,
    warnings: Value,
    #[serde(borrow)]
    cases: Vec<RuleCase<'a>>,
}

#[derive(Deserialize)]
struct RuleCase<'a> {
    name: String,
    #[serde(borrow)]
    request: CaseRequest<'a>,
    expect: Value,
}

#[test]
fn rules() {
    let text = read("rules.json");
    let rules: Rules<'_> = serde_json::from_str(&text).unwrap();
    let snapshot = Snapshot::parse(rules.registry.get().as_bytes()).unwrap();
    let warnings = snapshot.warnings().iter();
    let warnings: Value = warnings.map(|warning| json!({"code": warning.code, "pointer": warning.pointer})).collect();
    assert_eq!(warnings, rules.warnings);
    let mut failures = String::new();
    for case in &rules.cases {
        let got = decide(&snapshot, &case.request);
        if normal(&got) != normal(&case.expect) {
            writeln!(failures, "{}\n  expected {}\n  got      {got}", case.name, case.expect).unwrap();
        }
    }
    report(&failures);
    assert_eq!(rules.cases.len(), 203);
}

#[test]
fn hashes() {
    let text = read("hash.json");
    let vectors: Vec<HashVector<'_>> = serde_json::from_str(&text).unwrap();
    let (mut ran, mut failures) = (0, String::new());
    for vector in &vectors {
        let units = match serde_json::from_str::<Repeat>(vector.input.get()) {
            Ok(Repeat { repeat, times }) => repeat.repeat(times).encode_utf16().collect(),
            Err(_) => units_of_json_string(vector.input.get()),
        };
        let as_user = [&units[..], &"|syn.staged_25".encode_utf16().collect::<Vec<_>>()].concat();
        for (units, expected) in [(units, vector.bucket), (as_user, vector.bucket_as_user)] {
            let got = hash_bucket(Text::from_wtf8(&wtf8_from_utf16(&units)));
            if got != expected {
                writeln!(failures, "{}: expected {expected}, got {got}", vector.name).unwrap();
            }
        }
        ran += 1;
    }
    report(&failures);
    assert!(ran >= 20 && ran == vectors.len(), "{ran} ran");
}

/// The value with every number as a float.
fn normal(value: &Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().into(),
        Value::Array(items) => items.iter().map(normal).collect(),
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), normal(value))).collect(),
        other => other.clone(),
    }
}
