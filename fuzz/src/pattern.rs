//! Any text as a pattern, and any other as what it is matched with.

use std::time::{Duration, Instant};

use burgee_core::{FaultCode, NamedContext, Snapshot, limits, read_flags};
use regex_lite::RegexBuilder;
use serde_json::json;

use crate::walk::decide;

/// The slowest pattern that is allowed, over the longest text, takes a tenth of a second here: a machine may be a hundred times slower, and only what is
/// not linear takes longer.
const BOUND: Duration = Duration::from_secs(10);

/// What is before the first byte that UTF-8 never has is a pattern, what is behind it a text. The answer is that of regex-lite, limits apart, and it comes
/// in time: for this text, and for one of the greatest length that repeats it.
pub fn pattern(bytes: &[u8]) {
    let mut parts = bytes.split(|byte| *byte == 0xff).map(std::str::from_utf8);
    let (Some(Ok(pattern)), text) = (parts.next(), parts.next().unwrap_or(Ok(""))) else { return };
    let Ok(text) = text else { return };
    let when = json!({"attr": "a", "op": "matches", "value": pattern});
    let rule = json!({"id": "r", "when": when, "serve": {"variant": "on"}});
    let document = json!({"flags": [{"key": "f", "default_variant": "off", "rules": [rule]}]}).to_string();
    let began = Instant::now();
    let snapshot = Snapshot::parse(document.as_bytes()).expect("the frame is right");
    let repeated = text.repeat(limits::MATCHED_BYTES / text.len().max(1));
    for text in [text, &repeated] {
        let context = NamedContext::new().with("a", text);
        let is_found = decide(&snapshot, snapshot.find("f"), &context, 0, None).enabled;
        // Of the long text only that the answer comes in time: the other engine is slower.
        if text.len() < 1024 {
            compare(pattern, text, is_found, &document);
        }
    }
    assert!(began.elapsed() < BOUND, "{:?} for {pattern:?}", began.elapsed());
}

/// Compares with what regex-lite says.
fn compare(pattern: &str, text: &str, is_found: bool, document: &str) {
    let flags = read_flags(document.as_bytes()).expect("the frame is right");
    let fault = flags[0].as_ref().err().map(|faults| faults[0].code);
    let theirs = RegexBuilder::new(pattern).size_limit(1 << 20).build();
    match (fault, theirs) {
        // Each has limits of its own.
        (Some(FaultCode::LimitExceeded), _) => {}
        (_, Err(error)) if ["nesting", "size"].iter().any(|limit| error.to_string().contains(limit)) => {}
        (Some(FaultCode::InvalidValue), Err(_)) => {}
        // The one thing that is taken beyond theirs: names of groups that are neither ASCII nor letters.
        (None, Err(error)) if error.to_string() == "invalid group name" && !pattern.is_ascii() => {}
        (None, Ok(theirs)) => assert_eq!(is_found, theirs.is_match(text), "{pattern:?} in {text:?}"),
        (fault, theirs) => panic!("{pattern:?}: {fault:?}, theirs {:?}", theirs.map(|_| ())),
    }
}
