use super::*;
use crate::{Documents, Snapshot};
use std::prelude::v1::*;
use std::{format, vec};

const DOCUMENT: &str = r#"{
  "schema": "burgee.snapshot/1", "tenant": "acmé", "version": 7, "generated_at": "2026-11-21T10:00:00Z",
  "flags": [
    {"key": "a", "prerequisites": [{"flag": "b", "variants": ["on"]}]},
    {"key": "b", "rules": [{"id": "r", "when": {"segment": "s"}, "serve": {"variant": "on"}}]},
    {"key": "c", "state": "archived"},
    {"key": "d", "kill_switch": "k"}
  ],
  "segments": [{"key": "s", "include": ["u"]}, {"key": "t"}],
  "overrides": [{"scope": "user", "id": "u", "flag": "b", "variant": "off"}, {"scope": "user", "id": "u", "flag": "d", "variant": "on"}],
  "kill_switches": [{"category": "k"}, {"category": "l", "engaged": false}]
}"#;

fn rows() -> Rows {
    Rows::of(&Documents::read(DOCUMENT.as_bytes()).unwrap())
}

fn packed() -> Vec<u8> {
    rows().parts("acmé", 7, Some(1_795_255_200_000)).pack().unwrap()
}

#[test]
fn the_json_is_the_snapshot_and_stands_at_the_end() {
    let packed = Packed::open(packed()).unwrap();
    assert_eq!((packed.tenant(), packed.version(), packed.generated_at()), ("acmé", 7, Some(1_795_255_200_000)));
    assert_eq!(packed.keys().collect::<Vec<_>>(), [Some("a"), Some("b"), Some("d")]);
    assert!(packed.bytes().ends_with(packed.json()));
    let whole = Snapshot::parse(packed.json()).unwrap();
    assert_eq!((whole.tenant(), whole.version(), whole.generated_at()), ("acmé", 7, packed.generated_at()));
    let text = core::str::from_utf8(packed.json()).unwrap();
    let beginning = r#"{"schema":"burgee.snapshot/1","tenant":"acmé","version":7,"generated_at":"2026-11-21T10:00:00.000Z","flags":[{"key":"a","#;
    assert!(text.starts_with(beginning), "{text}");
    assert!(
        text.ends_with(r#"],"kill_switches":[{"category":"k","engaged":true},{"category":"l","engaged":false}]}"#),
        "{text}"
    );
}

#[test]
fn a_closure_has_what_decides_the_flag_and_nothing_else() {
    let packed = Packed::open(packed()).unwrap();
    let text = |key: &str| String::from_utf8(packed.closure(packed.find(key).unwrap()).text()).unwrap();
    for (key, there, missing) in [
        (
            "a",
            &[r#""key":"a""#, r#""key":"b""#, r#""key":"s""#, r#""flag":"b","variant":"off""#][..],
            &[r#""key":"d""#, r#""key":"t""#, r#""flag":"d""#][..],
        ),
        (
            "d",
            &[r#""key":"d""#, r#""flag":"d","variant""#, r#""category":"k""#],
            &[r#""key":"a""#, r#""key":"s""#, r#""flag":"b""#, r#""category":"l""#],
        ),
    ] {
        let text = text(key);
        assert_eq!(text.len(), packed.closure(packed.find(key).unwrap()).bytes());
        there.iter().for_each(|part| assert!(text.contains(part), "{part} in {text}"));
        missing.iter().for_each(|part| assert!(!text.contains(part), "{part} not in {text}"));
    }
    for key in ["", "c", "A", "aa", "a\"", "no.such"] {
        assert_eq!(packed.find(key), None, "{key}");
    }
    let empty = packed.empty().compile().unwrap();
    assert_eq!((empty.tenant(), empty.version(), empty.flags().len()), ("acmé", 7, 0));
}

#[test]
fn keys_that_share_a_hash_are_told_apart() {
    // Found by trying.
    let (one, other) = ("costarring", "liquid");
    assert_eq!(hash(one.as_bytes()), hash(other.as_bytes()));
    let text = |key: &str| format!(r#"{{"key":"{key}"}}"#);
    let (a, b) = (text(one), text(other));
    let part = |key, document| FlagPart { key, document, prerequisites: &[], segments: &[] };
    let parts = Parts { flags: vec![part(one, &a), part(other, &b)], ..Parts::default() };
    let packed = Packed::open(parts.pack().unwrap()).unwrap();
    assert_eq!((packed.find(one), packed.find(other)), (Some(0), Some(1)));
}

#[test]
fn what_cannot_be_packed_is_named() {
    let part = |key, document| FlagPart { key, document, prerequisites: &[], segments: &[] };
    let a = part("a", r#"{"key":"a"}"#);
    let segment = SegmentPart { key: "s", document: r#"{"key":"s"}"# };
    for (parts, pointer, code) in [
        (Parts { flags: vec![a, a], ..Parts::default() }, "/flags/1", FaultCode::Duplicate),
        (Parts { segments: vec![segment, segment], ..Parts::default() }, "/segments/1", FaultCode::Duplicate),
        (Parts { flags: vec![a, part("b", a.document)], ..Parts::default() }, "/flags/1", FaultCode::InvalidValue),
        (Parts { flags: vec![part("a", r#"{"key":"ab"}"#)], ..Parts::default() }, "/flags/0", FaultCode::InvalidValue),
        (Parts { flags: vec![a; limits::FLAGS + 1], ..Parts::default() }, "/flags", FaultCode::LimitExceeded),
    ] {
        let fault = parts.pack().unwrap_err();
        assert_eq!((&*fault.pointer, fault.code), (pointer, code));
    }
    let large = "x".repeat(limits::SNAPSHOT_BYTES);
    let row = OverridePart { flag: "a", document: &large };
    let fault = Parts { overrides: vec![row], ..Parts::default() }.pack().unwrap_err();
    assert_eq!(fault.code, FaultCode::LimitExceeded);
}

#[test]
fn signatures_are_put_in_and_exchanged() {
    let unsigned = packed();
    let opened = Packed::open(&unsigned).unwrap();
    assert_eq!((opened.signature(), opened.public_signature(), opened.signed_with()), (None, None, None));
    let first = Signatures { document: "header..signature", public: "", signed_with: "k-1" };
    let second = Signatures { document: "other..one", public: "a third..long one", signed_with: "key-2" };
    let signed = sign(&unsigned, &first).unwrap();
    let again = sign(&signed, &second).unwrap();
    for (bytes, signatures) in [(&signed, first), (&again, second)] {
        let packed = Packed::open(bytes).unwrap();
        assert_eq!(
            (packed.signature(), packed.signed_with()),
            (Some(signatures.document), Some(signatures.signed_with))
        );
        assert_eq!(packed.public_signature(), Some(signatures.public).filter(|text| !text.is_empty()));
        assert_eq!((packed.json(), packed.tenant()), (opened.json(), "acmé"));
        assert!(packed.closure(packed.find("a").unwrap()).compile().is_ok());
    }
    assert_eq!(sign(&again, &Signatures::default()).unwrap(), unsigned);
    assert!(sign(b"{}", &Signatures::default()).is_err());
}

#[test]
fn broken_bytes_are_refused_or_harmless() {
    let good = sign(&packed(), &Signatures { document: "h..s", public: "h..p", signed_with: "k" }).unwrap();
    let index = good.len() - Packed::open(&good).unwrap().json().len();
    for end in 0..good.len() {
        assert!(Packed::open(&good[..end]).is_err(), "cut at {end}");
    }
    assert!(Packed::open([&good[..], b" "].concat()).is_err());
    let (mut refused, mut opened) = (0, 0);
    for at in 0..index {
        for value in [0, 1, 0x7f, 0xff, good[at] ^ 1, good[at] ^ 0x80] {
            let mut bytes = good.clone();
            bytes[at] = value;
            match Packed::open(&bytes) {
                Err(fault) => {
                    assert!(!fault.message.is_empty());
                    refused += 1;
                }
                Ok(packed) => {
                    opened += 1;
                    for key in ["a", "b", "d"] {
                        // Whatever the index says, it cannot say that a flag is another.
                        let Some(flag) = packed.find(key) else { continue };
                        let Ok(snapshot) = packed.closure(flag).compile() else { continue };
                        assert!(snapshot.find(key).is_some());
                    }
                }
            }
        }
    }
    assert!(refused > 100 && opened > 100, "{refused} {opened}");
}

#[test]
fn refusals_say_what_is_wrong() {
    let good = packed();
    let number = |at: usize, value: u32| {
        let mut bytes = good.clone();
        bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        Packed::open(bytes).unwrap_err()
    };
    let records = HEAD + "acmé".len();
    let by_hash = records + 3 * 4 * FLAG;
    let segments = by_hash + 3 * 4 * HASHED;
    let engaged = segments + 6 * 4 * SPAN;
    for (at, value, message) in [
        (0, 0, "must begin as a packed snapshot does"),
        (4, u32::MAX, "must begin as"),
        (24, u32::MAX, "the frame must lie in the JSON"),
        (28, u32::MAX, "must be as long as its head says"),
        (40, u32::MAX, "must be as long as its head says"),
        (records, 0, "/flags/0 must lie in the JSON"),
        (records + 4, u32::MAX, "/flags/0 must lie in the JSON"),
        (records + 4 * FLAG + 8, 0, "the references of /flags/1 must be"),
        (records + 4 * FLAG + 8, 1000, "the references of /flags/1 must be"),
        (by_hash, u32::MAX, "entry 1 of the flags by hash"),
        (by_hash + 4, 3, "entry 0 of the flags by hash"),
        (segments, 0, "/segments/0 must lie in the JSON"),
        (segments + 8 * SPAN, 0, "/overrides/0 must lie in the JSON"),
        (segments + 16 * SPAN + 4, u32::MAX, "/kill_switches/0 must lie in the JSON"),
        (engaged, 2, "entry 0 of the engaged"),
        (engaged + 4, 3, "reference 0 must lead to an entry"),
        (engaged + 4, u32::MAX, "reference 0 must lead to an entry"),
    ] {
        let fault = number(at, value);
        assert!(fault.message.contains(message), "{at} {value}: {fault}, not {message}");
    }
    let mut newer = good.clone();
    newer[7] = MAGIC[7] + 1;
    assert!(Packed::open(newer).unwrap_err().message.contains("does not read"));
    let mut not_text = good.clone();
    not_text[HEAD] = 0xff;
    assert!(Packed::open(not_text).unwrap_err().message.contains("the tenant must be UTF-8"));
}
