//! Tokens, ours and hostile ones.

use super::*;
use proptest::prelude::*;

const NOW: i64 = 1_800_000_000_500;
const NOW_S: i64 = NOW / 1000;

fn secrets() -> Vec<Secret> {
    vec![Secret::new("0123456789abcdef0123456789abcdef"), Secret::new("an older secret of at least 32 bytes")]
}

fn claims() -> Claims {
    Claims::new(AUDIENCE, "ci", vec!["flags:rw".into()], vec!["acme".into()], NOW, 60)
}

fn encode(text: &str) -> String {
    Base64UrlUnpadded::encode_string(text.as_bytes())
}

/// A token of any header and payload that is signed rightly.
fn signed(header: &str, payload: &str) -> String {
    let signed = format!("{}.{}", encode(header), encode(payload));
    let signature = mac(&secrets()[0], &signed).unwrap().finalize().into_bytes();
    format!("{signed}.{}", Base64UrlUnpadded::encode_string(&signature))
}

fn payload(change: impl FnOnce(&mut serde_json::Value)) -> String {
    let mut payload = serde_json::to_value(claims()).unwrap();
    change(&mut payload);
    payload.to_string()
}

const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// RFC 7515, appendix A.1: the signing input, the key and the signature.
#[test]
fn signatures_are_those_of_the_rfc() {
    let input = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let key = decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow").unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(input.as_bytes());
    let signature = mac.finalize().into_bytes();
    assert_eq!(Base64UrlUnpadded::encode_string(&signature), "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
}

#[test]
fn what_is_issued_counts_until_it_ends() {
    let token = issue(&claims(), &secrets()).unwrap();
    assert_eq!(verify(&token, AUDIENCE, &secrets(), NOW), Some(claims()));
    let exp = claims().exp * 1000;
    assert!(verify(&token, AUDIENCE, &secrets(), exp - 1).is_some());
    assert!(verify(&token, AUDIENCE, &secrets(), exp).is_none(), "no leeway");
    assert!(verify(&token, EVENTS_AUDIENCE, &secrets(), NOW).is_none());
    assert!(issue(&claims(), &[]).is_none());
    assert!(verify(&token, AUDIENCE, &[], NOW).is_none());
}

#[test]
fn all_secrets_verify_and_the_first_signs() {
    let [new, old] = <[Secret; 2]>::try_from(secrets()).unwrap();
    let of_old = issue(&claims(), std::slice::from_ref(&old)).unwrap();
    assert!(verify(&of_old, AUDIENCE, &secrets(), NOW).is_some());
    assert!(verify(&of_old, AUDIENCE, std::slice::from_ref(&new), NOW).is_none());
    let of_both = issue(&claims(), &secrets()).unwrap();
    assert!(verify(&of_both, AUDIENCE, &[new], NOW).is_some());
    assert!(verify(&of_both, AUDIENCE, &[old], NOW).is_none());
}

#[test]
fn hostile_tokens_do_not_count() {
    let good = signed(HEADER, &payload(|_| {}));
    assert!(verify(&good, AUDIENCE, &secrets(), NOW).is_some());
    let parts: Vec<&str> = good.split('.').collect();
    let [header, body, signature] = parts[..] else { panic!("three parts") };
    let none = encode(r#"{"alg":"none"}"#);
    let other_payload = encode(&payload(|claims| claims["sub"] = "root".into()));
    let flipped = if signature.starts_with('A') { "B" } else { "A" };
    // The last character of 32 bytes has two bits that say nothing: a lax decoder takes others there too.
    let last = signature.chars().last().unwrap();
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let place = alphabet.find(last).unwrap();
    let alike = &alphabet[place + 1..place + 2];
    for (what, token) in [
        ("empty", String::new()),
        ("dots", "..".into()),
        ("words", "not a token".into()),
        ("no signature", format!("{header}.{body}")),
        ("empty signature", format!("{header}.{body}.")),
        ("four parts", format!("{good}.x")),
        ("alg none, unsigned", format!("{none}.{body}.")),
        ("alg none, signed", signed(r#"{"alg":"none"}"#, &payload(|_| {}))),
        ("alg in another case", signed(r#"{"alg":"hs256"}"#, &payload(|_| {}))),
        ("alg RS256", signed(r#"{"alg":"RS256"}"#, &payload(|_| {}))),
        ("alg HS512", signed(r#"{"alg":"HS512"}"#, &payload(|_| {}))),
        ("alg missing", signed(r#"{"typ":"JWT"}"#, &payload(|_| {}))),
        ("alg a list", signed(r#"{"alg":["HS256"]}"#, &payload(|_| {}))),
        ("alg twice", signed(r#"{"alg":"none","alg":"HS256"}"#, &payload(|_| {}))),
        ("crit", signed(r#"{"alg":"HS256","crit":["exp"],"exp":1}"#, &payload(|_| {}))),
        ("header no object", signed(r#""HS256""#, &payload(|_| {}))),
        ("another payload", format!("{header}.{other_payload}.{signature}")),
        ("flipped", format!("{header}.{body}.{flipped}{}", &signature[1..])),
        ("cut", good[..good.len() - 1].into()),
        ("cut in half", format!("{header}.{body}.{}", &signature[..22])),
        ("padded", format!("{good}=")),
        ("other last bits", format!("{header}.{body}.{}{alike}", &signature[..signature.len() - 1])),
        ("blank", format!(" {good}")),
        ("base64, not base64url", format!("{header}.{body}.{}", "+/".repeat(21))),
        ("payload not JSON", signed(HEADER, "sub=ci")),
        ("payload a list", signed(HEADER, "[]")),
        ("exp missing", signed(HEADER, &payload(|claims| drop(claims.as_object_mut().unwrap().remove("exp"))))),
        ("exp a float", signed(HEADER, &payload(|claims| claims["exp"] = (NOW_S as f64 + 0.5).into()))),
        ("exp a text", signed(HEADER, &payload(|claims| claims["exp"] = (NOW_S + 9).to_string().into()))),
        ("exp null", signed(HEADER, &payload(|claims| claims["exp"] = serde_json::Value::Null))),
        ("exp past any integer", signed(HEADER, &payload(|_| {}).replace(&(NOW_S + 60).to_string(), "1e300"))),
        ("exp twice", signed(HEADER, &payload(|_| {}).replacen('{', &format!("{{\"exp\":{},", NOW_S + 9), 1))),
        ("exp past", signed(HEADER, &payload(|claims| claims["exp"] = NOW_S.into()))),
        ("exp negative", signed(HEADER, &payload(|claims| claims["exp"] = i64::MIN.into()))),
        ("nbf to come", signed(HEADER, &payload(|claims| claims["nbf"] = (NOW_S + 1).into()))),
        ("iss another", signed(HEADER, &payload(|claims| claims["iss"] = "evil".into()))),
        ("aud another", signed(HEADER, &payload(|claims| claims["aud"] = EVENTS_AUDIENCE.into()))),
        ("aud a list", signed(HEADER, &payload(|claims| claims["aud"] = vec!["burgee"].into()))),
        ("sub empty", signed(HEADER, &payload(|claims| claims["sub"] = "".into()))),
        ("scopes a text", signed(HEADER, &payload(|claims| claims["scopes"] = "admin".into()))),
        ("huge", signed(HEADER, &payload(|claims| claims["sub"] = "x".repeat(limits::TOKEN_BYTES).into()))),
    ] {
        assert_eq!(verify(&token, AUDIENCE, &secrets(), NOW), None, "{what}");
    }
    let from_now = signed(HEADER, &payload(|claims| claims["nbf"] = NOW_S.into()));
    assert!(verify(&from_now, AUDIENCE, &secrets(), NOW).is_some());
    // Bytes that are not UTF-8, signed.
    let bytes = format!("{}.{}", encode(HEADER), Base64UrlUnpadded::encode_string(b"{\"sub\":\"\xff\"}"));
    let signature = mac(&secrets()[0], &bytes).unwrap().finalize().into_bytes();
    let token = format!("{bytes}.{}", Base64UrlUnpadded::encode_string(&signature));
    assert_eq!(verify(&token, AUDIENCE, &secrets(), NOW), None);
}

#[test]
fn a_secret_is_not_shown() {
    assert_eq!(format!("{:?}", secrets()), "[(secret), (secret)]");
}

proptest! {
    #[test]
    fn what_anybody_writes_does_not_count(token in ".*", parts in proptest::collection::vec("[A-Za-z0-9_-]{0,80}", 0..5)) {
        prop_assert_eq!(verify(&token, AUDIENCE, &secrets(), NOW), None);
        prop_assert_eq!(verify(&parts.join("."), AUDIENCE, &secrets(), NOW), None);
    }

    /// Signed, whatever the payload: no panic, and what counts is what claims of ours are.
    #[test]
    fn what_is_signed_is_read_strictly(payload in ".*") {
        prop_assert_eq!(verify(&signed(HEADER, &payload), AUDIENCE, &secrets(), NOW), None);
    }

    #[test]
    fn what_is_issued_is_read(sub in ".{1,40}", scopes in proptest::collection::vec(".{0,9}", 0..4), now in 0..4_000_000_000_000_i64, ttl in 1..21_600_i64) {
        let claims = Claims::new(AUDIENCE, &sub, scopes, vec!["*".into()], now, ttl);
        let token = issue(&claims, &secrets()).unwrap();
        prop_assert_eq!(verify(&token, AUDIENCE, &secrets(), now), Some(claims));
    }

    /// A token in which one character is another does not count.
    #[test]
    fn every_character_matters(place in 0..10_000_usize, other in "[A-Za-z0-9_.-]") {
        let token = issue(&claims(), &secrets()).unwrap();
        let place = place % token.len();
        let changed = format!("{}{other}{}", &token[..place], &token[place + 1..]);
        prop_assert_eq!(verify(&changed, AUDIENCE, &secrets(), NOW).is_some(), changed == token);
    }
}
