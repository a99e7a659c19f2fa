//! Any bytes as a snapshot.

use burgee_core::lint::lint;
use burgee_core::{Documents, FlagIndex, NamedContext, Snapshot, WarningCode, limits, read_flags};
use serde_json::{Map, Value};

use crate::walk::{assert_same, decide};

/// So many flags of a snapshot are evaluated; one with more has nothing that those do not have.
const FLAGS: u32 = 40;

/// Times before and after the overrides that the corpus has.
const TIMES: [i64; 2] = [0, 1_800_000_000_000];

/// Whatever the bytes, they are refused or read, and what was read can be evaluated, linted, and written in its canonical form, which is read as itself
/// and decides the same.
pub fn snapshot(bytes: &[u8]) {
    let snapshot = Snapshot::parse(bytes);
    let documents = Documents::read(bytes);
    let findings = lint(bytes, TIMES[1]);
    let snapshot = match snapshot {
        Err(fault) => {
            assert_eq!(findings.err().as_ref(), Some(&fault));
            // The one limit of which only compiling knows.
            assert!(documents.err() == Some(fault.clone()) || fault.message.contains("(ATTRIBUTES)"), "{fault}");
            let json: Value = serde_json::from_str(&fault.to_text()).expect("a fault is JSON");
            assert!(json["pointer"].is_string());
            return;
        }
        Ok(snapshot) => snapshot,
    };
    let documents = documents.expect("a snapshot that is compiled can be read");
    let findings = burgee_core::findings_to_text(&findings.expect("a snapshot that is compiled can be linted"));
    assert!(serde_json::from_str::<Value>(&findings).is_ok_and(|findings| findings.is_array()));

    describe(&snapshot);
    for context in contexts() {
        for index in (0..FLAGS).map(FlagIndex).take_while(|index| snapshot.flag(*index).is_some()) {
            for now in TIMES {
                decide(&snapshot, Some(index), &context, now, None);
            }
        }
        decide(&snapshot, None, &context, 0, None);
        decide(&snapshot, Some(FlagIndex(u32::MAX)), &context, 0, None);
    }
    if documents.faults.is_empty() {
        canonical(&snapshot, &documents);
    }
}

fn describe(snapshot: &Snapshot) {
    let described: Value = serde_json::from_str(&snapshot.describe()).expect("a description is JSON");
    assert_eq!(described["flags"].as_array().map(Vec::len), Some(snapshot.flags().len()));
    for (place, flag) in snapshot.flags().iter().enumerate() {
        assert_eq!(described["flags"][place], flag.key());
        let index = snapshot.find(flag.key()).expect("a flag is found by its key");
        assert_eq!(usize::try_from(index.0), Ok(place));
    }
}

fn contexts() -> [NamedContext<'static>; 3] {
    let user =
        NamedContext::new().with("user_id", "u").with("tenant_id", "t").with("tier", "staff").with("env", "prod");
    [
        NamedContext::new(),
        user.clone()
            .with("a", "CA")
            .with("b", 1.0)
            .with("c", true)
            .with("version", "1.2.3")
            .with("email", "a@b.example"),
        user.with("user_id", 7.0).with("a", f64::NAN).with_list("b", ["x", "CA"]).with("c", burgee_core::Value::Object),
    ]
}

/// Holds the canonical form of documents without faults against what they were read from.
fn canonical(snapshot: &Snapshot, documents: &Documents) {
    // What a second entry of a key is left out for, or what a flag at fault takes with it, is not in the canonical form.
    let is_left_out = |code| matches!(code, WarningCode::DuplicateFlag | WarningCode::DuplicateSegment);
    if snapshot.warnings().iter().any(|warning| is_left_out(warning.code)) {
        return;
    }
    let Ok(Value::Object(read)) = serde_json::from_str(&documents.to_text()) else { panic!("documents are JSON") };
    let mut written = Map::from_iter([("tenant".into(), snapshot.tenant().into())]);
    for list in ["flags", "segments", "overrides", "kill_switches"] {
        let entries = read[list].as_array().expect("a list");
        written.insert(list.into(), entries.iter().map(|entry| entry["value"].clone()).collect());
    }
    // Short forms are shorter, and may be so just far enough.
    let limit = |list: &str| if list == "segments" { limits::SEGMENT_BYTES } else { limits::FLAG_BYTES };
    let mut entries = written.iter().filter_map(|(list, entries)| Some((limit(list), entries.as_array()?)));
    if entries.any(|(limit, entries)| entries.iter().any(|entry| entry.to_string().len() > limit)) {
        return;
    }
    let text = Value::Object(written.clone()).to_string();
    let flags = read_flags(text.as_bytes()).expect("the canonical form is read");
    for (flag, expected) in flags.iter().zip(written["flags"].as_array().expect("a list")) {
        let flag = flag.as_ref().unwrap_or_else(|faults| panic!("{faults:?} in {expected}"));
        assert_eq!(serde_json::to_value(flag).expect("a flag is JSON"), *expected);
    }
    let again = Snapshot::parse(text.as_bytes()).expect("the canonical form is compiled");
    for (flag, expected) in again.flags().iter().zip(snapshot.flags()) {
        assert_eq!(flag.key(), expected.key());
    }
    for context in contexts() {
        for index in (0..FLAGS).map(FlagIndex) {
            let [one, other] =
                [snapshot, &again].map(|snapshot| decide(snapshot, Some(index), &context, TIMES[1], None));
            assert_same(&one, &other, "the canonical form");
        }
    }
}
