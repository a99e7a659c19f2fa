use super::*;
use serde_json::{Value, json};

fn vectors() -> Value {
    serde_json::from_str(include_str!("signature-vectors.json")).unwrap()
}

fn text<'a>(vectors: &'a Value, pointer: &str) -> &'a str {
    vectors.pointer(pointer).and_then(Value::as_str).unwrap()
}

#[test]
fn a_detached_jws_is_put_together_as_it_is_verified() {
    let vectors = vectors();
    let keys = SigningKey::read_all(&json!([vectors["key"]]).to_string()).unwrap();
    let key = &keys[0];
    let (payload, header) = (text(&vectors, "/snapshot/payload"), text(&vectors, "/snapshot/header"));
    let signature = text(&vectors, "/snapshot/signature");
    assert_eq!(
        Base64UrlUnpadded::decode_vec(header).unwrap(),
        br#"{"alg":"EdDSA","kid":"k-1","b64":false,"crit":["b64"]}"#
    );
    assert_eq!(key.input(payload.as_bytes()), format!("{header}.{payload}").as_bytes());
    let bytes = Base64UrlUnpadded::decode_vec(signature).unwrap();
    assert_eq!(key.detached(&bytes).unwrap(), format!("{header}..{signature}"));
    for wrong in [&bytes[..63], &[][..], &[0; 65]] {
        assert_eq!(key.detached(wrong), None);
    }
}

#[test]
fn the_public_set_has_nothing_private() {
    let vectors = vectors();
    let mut second = vectors["key"].clone();
    second["kid"] = json!("k-2");
    let keys = SigningKey::read_all(&json!([vectors["key"], second]).to_string()).unwrap();
    let set: Value = serde_json::from_slice(&public_keys(&keys)).unwrap();
    let x = text(&vectors, "/key/x");
    let public = |kid| json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": x, "alg": "EdDSA", "use": "sig"});
    assert_eq!(set, json!({"keys": [public("k-1"), public("k-2")]}));
    assert_eq!(public_keys(&[]), br#"{"keys":[]}"#);
    let private: Value = serde_json::from_str(&keys[0].private_jwk()).unwrap();
    assert_eq!(private, json!({"kty": "OKP", "crv": "Ed25519", "x": x, "d": text(&vectors, "/key/d")}));
    let shown = format!("{keys:?}");
    assert!(shown.contains("k-1") && !shown.contains(text(&vectors, "/key/d")), "{shown}");
}

#[test]
fn a_wrong_key_is_named_and_not_shown() {
    let good = vectors()["key"].clone();
    let with = |member: &str, value: Value| {
        let mut key = good.clone();
        key["kid"] = json!("k-2");
        key[member] = value;
        json!([good, key]).to_string()
    };
    for (value, expected) in [
        ("no".to_owned(), "a JSON array of Ed25519 keys"),
        (good.to_string(), "a JSON array of Ed25519 keys"),
        (json!([1]).to_string(), "which that at /0 is not"),
        (with("d", Value::Null), "which that at /1 is not"),
        (with("kty", json!("RSA")), "/1/kty must be OKP"),
        (with("crv", json!("X25519")), "/1/crv must be Ed25519"),
        (with("kid", json!("")), "/1/kid must be 1 to 128"),
        (with("kid", json!("k\n2")), "/1/kid must be 1 to 128"),
        (with("kid", json!("k-1")), "/1/kid must be another"),
        (with("x", json!("AAAA")), "/1/x must be 32 bytes"),
        (with("kid", json!("k-3")).replace("\"d\":\"", "\"d\":\"SECRET"), "/0/d must be 32 bytes"),
    ] {
        let error = SigningKey::read_all(&value).unwrap_err();
        assert!(error.contains(expected) && !error.contains("SECRET"), "{error}");
    }
    assert_eq!(SigningKey::read_all("[]").unwrap(), []);
}

#[test]
fn the_setting_is_read_and_shows_no_key() {
    let read = |value: String| crate::Settings::read(move |name| (name == "FF_SIGNING_KEYS").then(|| value.clone()));
    let key = vectors()["key"].clone();
    let settings = read(json!([key]).to_string()).unwrap();
    assert_eq!(settings.signing_keys.iter().map(SigningKey::id).collect::<Vec<_>>(), ["k-1"]);
    assert!(!format!("{settings:?}").contains(key["d"].as_str().unwrap()));
    let error = read(json!([key, key]).to_string()).unwrap_err().to_string();
    assert!(error.starts_with("FF_SIGNING_KEYS must be a JSON array of Ed25519 keys"), "{error}");
    assert!(!error.contains(key["d"].as_str().unwrap()));
}
