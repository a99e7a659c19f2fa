//! Any bytes as an OFREP request.

use std::sync::OnceLock;

use burgee_contract::{
    Body, Cache, Header, Headers, Loaded, Moment, Plan, Registry, Request, Response, Served, Settings, respond,
};
use serde_json::Value;

const DOCUMENT: &str = include_str!("flags.json");
const ALL: &str = "/ofrep/v1/evaluate/flags";
const NOW: i64 = 1_800_000_000_000;

/// The protocol's words for an error.
const ERRORS: [&str; 5] = ["FLAG_NOT_FOUND", "PARSE_ERROR", "TARGETING_KEY_MISSING", "INVALID_CONTEXT", "GENERAL"];
const REASONS: [&str; 6] = ["STATIC", "DEFAULT", "TARGETING_MATCH", "SPLIT", "DISABLED", "UNKNOWN"];

fn loaded() -> &'static Loaded {
    static LOADED: OnceLock<Loaded> = OnceLock::new();
    LOADED.get_or_init(|| Loaded::read(DOCUMENT.as_bytes().to_vec()).expect("the document is right"))
}

/// The first line is a flag's key as it stands in a path, what is behind it a body. Whatever they are, the answer is JSON of the protocol's form,
/// for one flag and for all; and the same question again is answered with 304.
pub fn ofrep(bytes: &[u8]) {
    let (key, body) = match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (&b"compared"[..], bytes),
    };
    let path = format!("{ALL}/{}", String::from_utf8_lossy(key));
    let one = ask(&path, body, "");
    assert!([200, 400, 404].contains(&one.status), "{}", one.status);
    let answer = json(&one);
    assert!(answer["key"].is_string());
    check_entry(&answer, one.status);

    let all = ask(ALL, body, "");
    assert!([200, 400].contains(&all.status), "{}", all.status);
    let answer = json(&all);
    if all.status != 200 {
        assert!(answer.get("key").is_none());
        check_entry(&answer, all.status);
        return;
    }
    let flags = answer["flags"].as_array().expect("a list");
    assert_eq!(flags.len(), loaded().snapshot().expect("flags").flags().len());
    for entry in flags {
        check_entry(entry, if entry.get("errorCode").is_some() { 400 } else { 200 });
    }
    let tag = all.header("ETag").expect("a tag");
    let again = ask(ALL, body, tag);
    assert_eq!((again.status, again.body.len(), again.header("ETag")), (304, 0, Some(tag)));
    assert_eq!(ask(ALL, body, "\"other\"").body, all.body);
}

fn ask(path: &str, body: &[u8], tag: &str) -> Response {
    let headers = Headers::default().with(Header::IfNoneMatch, tag);
    let request = Request { method: "POST", path, query: "", headers, body: Body::Bytes(body) };
    let served = Served { loaded: loaded(), backing: burgee_contract::BackingState::KvBacked, cache: Cache::Hit, confirmed_at: NOW, fault: None, gate: &burgee_contract::sensitive::CLOSED };
    let settings = Settings::default();
    let moment = Moment { now: NOW, request_id: "r", service_version: "0" };
    respond(&Plan::of(&request, &settings, NOW), &request, Registry::Ready(served), &moment)
}

fn json(response: &Response) -> Value {
    assert_eq!(response.header("Content-Type"), Some("application/json"));
    let answer: Value = serde_json::from_slice(&response.body).expect("an answer is JSON");
    assert!(answer.is_object());
    answer
}

/// What is said of one flag: a value, or why there is none.
fn check_entry(entry: &Value, status: u16) {
    assert!(entry["metadata"].is_object(), "{entry}");
    if status == 200 {
        assert!(entry["key"].is_string() && entry["variant"].is_string(), "{entry}");
        assert!(entry["reason"].as_str().is_some_and(|reason| REASONS.contains(&reason)), "{entry}");
        assert!(entry.get("errorCode").is_none(), "{entry}");
    } else {
        assert!(entry["errorCode"].as_str().is_some_and(|code| ERRORS.contains(&code)), "{entry}");
        assert!(entry["errorDetails"].is_string() && entry.get("value").is_none(), "{entry}");
    }
}
