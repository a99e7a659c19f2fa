//! The matrix of `docs/trust.md`, row by row, with an issuer that answers as the case has it. What WebCrypto says is given too: that it
//! really verifies is tested where it is, in `worker/test/identity.test.mjs`.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Value, json};

use super::*;
use crate::envelope::{ErrorCode, Problem};

pub(super) const NOW: i64 = 1_800_000_000_000;
const URL: &str = "https://issuer.example/jwks";
const ISSUER: &str = "https://issuer.example";

/// One key of each kind, of which the contents do not matter here.
pub(super) fn jwk(kid: &str, kind: &str) -> Value {
    let bytes = |length: usize| Base64UrlUnpadded::encode_string(&vec![0xff; length]);
    match kind {
        "RS256" => json!({"kid": kid, "kty": "RSA", "n": bytes(256), "e": "AQAB"}),
        "ES256" => json!({"kid": kid, "kty": "EC", "crv": "P-256", "x": bytes(32), "y": bytes(32)}),
        _ => json!({"kid": kid, "kty": "OKP", "crv": "Ed25519", "x": bytes(32)}),
    }
}

pub(super) fn jwks(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

fn changed(mut base: Value, changes: Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::String(text) if text == "-" => base.as_object_mut().unwrap().remove(name),
            value => base.as_object_mut().unwrap().insert(name.clone(), value.clone()),
        };
    }
    base
}

/// A token that is right, but for the changes to header and claims; `"-"` takes a member away.
pub(super) fn token(header: Value, claims: Value) -> String {
    let header = changed(json!({"alg": "RS256", "kid": "a", "typ": "JWT"}), header);
    let right =
        json!({"iss": ISSUER, "aud": "pty-feature-flags", "sub": "U-1", "exp": NOW / 1000 + 60, "tier": "gold"});
    let claims = changed(right, claims);
    let part = |json: &Value| Base64UrlUnpadded::encode_string(json.to_string().as_bytes());
    format!("{}.{}.c2ln", part(&header), part(&claims))
}

/// A verifier that fetches keys, as the variables change it.
pub(super) fn verifier(variables: &[(&str, &str)]) -> Verifier {
    let known = [("FF_VERIFY_MODE", "verified"), ("POLICY_JWKS_URL", URL), ("FF_JWT_ISSUER", ISSUER)];
    let settings = IdentitySettings::read(|name| {
        let mut all = variables.iter().chain(&known);
        all.find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()).filter(|value| !value.is_empty())
    });
    Verifier::new(settings.unwrap())
}

/// What the issuer does.
#[derive(Clone, Copy)]
pub(super) enum Issuer<'a> {
    Answers(&'a str),
    IsDown,
}

/// Takes a token to its verdict, and counts the fetches and verifications. Nobody else is at work, so that nothing need be waited for.
pub(super) fn check(
    verifier: &mut Verifier,
    token: &str,
    issuer: Issuer<'_>,
    is_valid: bool,
    now: i64,
) -> (Verdict, u32, u32) {
    let (mut fetches, mut verifications) = (0, 0);
    let mut checking = match verifier.look(token, Surface::Flags, now) {
        Looked::Known(verdict) => return (verdict, 0, 0),
        Looked::Check(checking) => checking,
    };
    for _ in 0..50 {
        match checking.next(verifier, now) {
            Next::Done(verdict) => return (verdict, fetches, verifications),
            Next::Wait(_) => panic!("nobody else fetches"),
            Next::Verify(_) => {
                verifications += 1;
                checking.verified(is_valid);
            }
            Next::Fetch(url) => {
                assert_eq!(url, URL);
                fetches += 1;
                let _ = verifier.report(
                    match issuer {
                        Issuer::Answers(body) => Fetched::Answer {
                            status: 200,
                            content_type: "application/json",
                            body: Some(body.as_bytes()),
                        },
                        Issuer::IsDown => Fetched::Failed("down"),
                    },
                    now,
                );
            }
        }
    }
    panic!("it never ends")
}

/// What an answer says: the row, `auth_source` and warnings, or the code.
fn said(verdict: &Verdict) -> String {
    match verdict {
        Ok(identity) => {
            let source = serde_json::to_value(identity.auth_source()).unwrap();
            assert_eq!(identity.is_verified(), identity.row() == MatrixRow::M01);
            let words: Vec<_> = [identity.row().name(), source.as_str().unwrap()]
                .into_iter()
                .chain(identity.warnings().iter().copied())
                .collect();
            words.join(" ")
        }
        Err(refused) => {
            let problem = Problem::from(*refused);
            assert_eq!((problem.status(), problem.code), (401, refused.code()));
            format!("{} 401 {}", refused.row().name(), serde_json::to_value(refused.code()).unwrap().as_str().unwrap())
        }
    }
}

#[test]
fn the_whole_matrix() {
    let good = jwks(&[jwk("a", "RS256"), jwk("e", "ES256"), jwk("o", "EdDSA")]);
    let (good, down) = (Issuer::Answers(&good), Issuer::IsDown);
    let seconds = NOW / 1000;
    let none = json!({});
    let of = |header: &Value, claims: Value| token(header.clone(), claims);
    let cases = [
        (of(&none, json!({})), good, true, "M-01 jwt", "M-01 jwt"),
        (of(&json!({"alg": "ES256", "kid": "e"}), json!({})), good, true, "M-01 jwt", "M-01 jwt"),
        (of(&json!({"alg": "EdDSA", "kid": "o"}), json!({})), good, true, "M-01 jwt", "M-01 jwt"),
        (of(&json!({"kid": "-"}), json!({})), good, true, "M-01 jwt", "M-01 jwt"),
        (of(&none, json!({"aud": ["other", "pty-feature-flags"]})), good, true, "M-01 jwt", "M-01 jwt"),
        (of(&none, json!({"nbf": seconds, "exp": seconds + 1})), good, true, "M-01 jwt", "M-01 jwt"),
        (of(&none, json!({"exp": seconds as f64 + 0.5, "iat": "x"})), good, true, "M-01 jwt", "M-01 jwt"),
        (
            of(&none, json!({})),
            down,
            true,
            "M-02 jwt_unverified auth_not_verified jwks_unreachable",
            "M-02 401 jwks_unreachable",
        ),
        (
            of(&json!({"kid": "b"}), json!({})),
            good,
            true,
            "M-03 jwt_unverified auth_not_verified kid_not_found",
            "M-03 401 kid_not_found",
        ),
        (of(&none, json!({})), good, false, "M-04 401 signature_invalid", "M-04 401 signature_invalid"),
        (of(&json!({"kid": "-"}), json!({})), good, false, "M-04 401 signature_invalid", "M-04 401 signature_invalid"),
        // What a claim says is not looked at before the signature has verified.
        (
            of(&none, json!({"exp": 1, "sub": "-"})),
            good,
            false,
            "M-04 401 signature_invalid",
            "M-04 401 signature_invalid",
        ),
        (of(&none, json!({"aud": "other"})), good, true, "M-05 401 audience_mismatch", "M-05 401 audience_mismatch"),
        (of(&none, json!({"aud": "-"})), good, true, "M-05 401 audience_mismatch", "M-05 401 audience_mismatch"),
        (of(&none, json!({"aud": []})), good, true, "M-05 401 audience_mismatch", "M-05 401 audience_mismatch"),
        (of(&none, json!({"iss": "other"})), good, true, "M-06 401 issuer_mismatch", "M-06 401 issuer_mismatch"),
        (of(&none, json!({"iss": "-"})), good, true, "M-06 401 issuer_mismatch", "M-06 401 issuer_mismatch"),
        (of(&none, json!({"iss": [ISSUER]})), good, true, "M-06 401 issuer_mismatch", "M-06 401 issuer_mismatch"),
        // In this order.
        (
            of(&none, json!({"iss": "x", "aud": "x", "nbf": seconds + 9, "exp": 1})),
            good,
            true,
            "M-06 401 issuer_mismatch",
            "M-06 401 issuer_mismatch",
        ),
        (
            of(&none, json!({"aud": "x", "nbf": seconds + 9, "exp": 1})),
            good,
            true,
            "M-05 401 audience_mismatch",
            "M-05 401 audience_mismatch",
        ),
        (
            of(&none, json!({"nbf": seconds + 9, "exp": 1})),
            good,
            true,
            "M-07 401 token_not_yet_valid",
            "M-07 401 token_not_yet_valid",
        ),
        (of(&none, json!({"exp": seconds})), good, true, "M-07 401 token_expired", "M-07 401 token_expired"),
        (of(&none, json!({"exp": "-"})), good, true, "M-07 401 token_expired", "M-07 401 token_expired"),
        (
            of(&none, json!({"nbf": seconds + 1})),
            good,
            true,
            "M-07 401 token_not_yet_valid",
            "M-07 401 token_not_yet_valid",
        ),
        (
            of(&json!({"alg": "none"}), json!({})),
            good,
            true,
            "M-08 401 algorithm_not_allowed",
            "M-08 401 algorithm_not_allowed",
        ),
        (
            of(&json!({"alg": "HS256"}), json!({})),
            good,
            true,
            "M-08 401 algorithm_not_allowed",
            "M-08 401 algorithm_not_allowed",
        ),
        (
            of(&json!({"alg": "rs256"}), json!({})),
            good,
            true,
            "M-08 401 algorithm_not_allowed",
            "M-08 401 algorithm_not_allowed",
        ),
        (
            of(&json!({"alg": "RS512"}), json!({})),
            good,
            true,
            "M-08 401 algorithm_not_allowed",
            "M-08 401 algorithm_not_allowed",
        ),
        // The key `e` is for another algorithm.
        (
            of(&json!({"kid": "e"}), json!({})),
            good,
            true,
            "M-08 401 algorithm_not_allowed",
            "M-08 401 algorithm_not_allowed",
        ),
        (of(&none, json!({"sub": "-"})), good, true, "M-09 401 token_malformed", "M-09 401 token_malformed"),
        (of(&none, json!({"sub": ""})), good, true, "M-09 401 token_malformed", "M-09 401 token_malformed"),
        (of(&none, json!({"sub": 7})), good, true, "M-09 401 token_malformed", "M-09 401 token_malformed"),
        (of(&none, json!({"tier": ["gold"]})), good, true, "M-09 401 token_malformed", "M-09 401 token_malformed"),
        (of(&none, json!({"exp": "soon"})), good, true, "M-09 401 token_malformed", "M-09 401 token_malformed"),
        ("x.y.z".to_owned(), good, true, "M-09 401 token_malformed", "M-09 401 token_malformed"),
        (String::new(), good, true, "M-09 401 token_malformed", "M-09 401 token_malformed"),
        // For want of keys too, the claims must be right.
        (of(&none, json!({"exp": seconds})), down, true, "M-07 401 token_expired", "M-02 401 jwks_unreachable"),
        (
            of(&json!({"kid": "b"}), json!({"aud": "x"})),
            good,
            true,
            "M-05 401 audience_mismatch",
            "M-03 401 kid_not_found",
        ),
        (
            of(&json!({"kid": "b"}), json!({"sub": "-"})),
            good,
            true,
            "M-09 401 token_malformed",
            "M-03 401 kid_not_found",
        ),
    ];
    for (place, (token, issuer, is_valid, allowed, not_allowed)) in cases.iter().enumerate() {
        for (dev, expected) in [("true", allowed), ("false", not_allowed)] {
            let mut verifier = verifier(&[("FF_ALLOW_DEV_HEADERS", dev)]);
            let (verdict, fetches, _) = check(&mut verifier, token, *issuer, *is_valid, NOW);
            assert_eq!(said(&verdict), *expected, "case {place}, dev headers {dev}");
            assert!(fetches <= 1, "case {place}: {fetches} fetches");
        }
    }
}

#[test]
fn decode_only_verifies_nothing_and_takes_no_token_that_has_ended() {
    let seconds = NOW / 1000;
    let unverified = "M-11 jwt_unverified auth_not_verified";
    for (token, expected) in [
        (token(json!({}), json!({})), unverified),
        (token(json!({"kid": "whatever"}), json!({"iss": "-", "aud": "-"})), unverified),
        (token(json!({"alg": "none"}), json!({})), "M-08 401 algorithm_not_allowed"),
        (token(json!({"alg": "HS256"}), json!({})), "M-08 401 algorithm_not_allowed"),
        (token(json!({"alg": "EdDSA"}), json!({})), "M-08 401 algorithm_not_allowed"),
        (token(json!({}), json!({"sub": "-"})), "M-09 401 token_malformed"),
        (token(json!({}), json!({"exp": seconds})), "M-07 401 token_expired"),
        (token(json!({}), json!({"exp": "-"})), "M-07 401 token_expired"),
        (token(json!({}), json!({"nbf": seconds + 1})), "M-07 401 token_not_yet_valid"),
        ("a.b".to_owned(), "M-09 401 token_malformed"),
    ] {
        for dev in ["true", "false"] {
            let variables = [
                ("FF_VERIFY_MODE", "decode-only"),
                ("FF_ALLOW_DEV_HEADERS", dev),
                ("FF_JWT_ALGORITHMS", "RS256,ES256"),
            ];
            let (verdict, fetches, verifications) =
                check(&mut verifier(&variables), &token, Issuer::IsDown, false, NOW);
            assert_eq!((said(&verdict).as_str(), fetches, verifications), (expected, 0, 0), "dev headers {dev}");
        }
    }
}

#[test]
fn a_caller_without_a_token_is_believed_where_that_is_allowed() {
    for mode in ["verified", "decode-only"] {
        for (dev, flags) in [("true", "M-10 dev_headers"), ("false", "M-10 401 token_missing")] {
            let mut verifier = verifier(&[("FF_VERIFY_MODE", mode), ("FF_ALLOW_DEV_HEADERS", dev)]);
            assert_eq!(said(&Surface::Flags.without_token(&verifier.settings)), flags);
            assert_eq!(said(&Surface::Ofrep.without_token(&verifier.settings)), "M-10 anonymous");
            // A token of the control plane says nothing of users.
            let control = token(json!({"alg": "HS256"}), json!({"iss": "burgee"}));
            for (surface, expected) in [(Surface::Flags, flags), (Surface::Ofrep, "M-10 anonymous")] {
                let Looked::Known(verdict) = verifier.look(&control, surface, NOW) else { panic!("it is known") };
                assert_eq!(said(&verdict), expected, "{mode} {dev}");
            }
        }
    }
}

#[test]
fn a_pem_key_serves_every_kid_and_beside_a_jwks_those_without() {
    const PEM: (&str, &str) = (
        "POLICY_JWT_PUBLIC_KEY",
        "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----",
    );
    let eddsa = |kid: &str| token(json!({"alg": "EdDSA", "kid": kid}), json!({}));
    let alone = || verifier(&[PEM, ("POLICY_JWKS_URL", "")]);
    for token in [eddsa("anything"), eddsa("-")] {
        let (verdict, fetches, verifications) = check(&mut alone(), &token, Issuer::IsDown, true, NOW);
        assert_eq!((said(&verdict).as_str(), fetches, verifications), ("M-01 jwt", 0, 1));
        let (verdict, ..) = check(&mut alone(), &token, Issuer::IsDown, false, NOW);
        assert_eq!(said(&verdict), "M-04 401 signature_invalid");
    }
    let (verdict, ..) = check(&mut alone(), &token(json!({}), json!({})), Issuer::IsDown, true, NOW);
    assert_eq!(said(&verdict), "M-08 401 algorithm_not_allowed");

    let set = jwks(&[jwk("o", "EdDSA")]);
    for (kid, expected, fetched) in [("o", "M-01 jwt", 1), ("-", "M-01 jwt", 0), ("p", "M-03 401 kid_not_found", 1)] {
        let (verdict, fetches, _) = check(&mut verifier(&[PEM]), &eddsa(kid), Issuer::Answers(&set), true, NOW);
        assert_eq!((said(&verdict).as_str(), fetches), (expected, fetched), "{kid}");
    }
}

#[test]
fn keys_that_are_not_for_this_are_passed_over() {
    let weak = json!({"kid": "a", "kty": "RSA", "n": Base64UrlUnpadded::encode_string(&[0xff; 255]), "e": "AQAB"});
    let huge = json!({"kid": "a", "kty": "RSA", "n": Base64UrlUnpadded::encode_string(&[0xff; 1025]), "e": "AQAB"});
    let with = |name: &str, value: Value| changed(jwk("a", "RS256"), json!({ name: value }));
    for (key, is_used) in [
        (jwk("a", "RS256"), true),
        (with("use", json!("sig")), true),
        (with("alg", json!("RS256")), true),
        (with("key_ops", json!(["verify"])), true),
        (with("x5c", json!(["…"])), true),
        // A private key has no place in a JWKS, but its public half is right.
        (with("d", json!("AAAA")), true),
        (with("use", json!("enc")), false),
        (with("use", json!(7)), false),
        (with("alg", json!("RS512")), false),
        (with("alg", json!("RSA-OAEP")), false),
        (with("key_ops", json!(["encrypt"])), false),
        (with("key_ops", json!("verify")), false),
        (with("kid", json!(7)), false),
        (with("n", json!("!")), false),
        (with("e", json!("-")), false),
        (weak, false),
        (huge, false),
        (json!({"kid": "a", "kty": "oct", "k": "AAAA"}), false),
        (changed(jwk("a", "ES256"), json!({"crv": "P-384"})), false),
        (changed(jwk("a", "ES256"), json!({"x": "AAAA"})), false),
        (changed(jwk("a", "EdDSA"), json!({"crv": "X25519"})), false),
        (json!("key"), false),
    ] {
        let set = jwks(&[key.clone(), jwk("other", "RS256")]);
        let (verdict, ..) = check(&mut verifier(&[]), &token(json!({}), json!({})), Issuer::Answers(&set), true, NOW);
        let expected = if is_used { "M-01 jwt" } else { "M-03 401 kid_not_found" };
        assert_eq!(said(&verdict), expected, "{key}");
    }
    let Import::Jwk(import) =
        &KeySet::read(jwks(&[with("d", json!("AAAA"))]).as_bytes()).unwrap().find(None, Algorithm::Rs256).keys[0]
            .import
    else {
        panic!("a JWK")
    };
    assert!(!import.contains("\"d\""), "nothing of a private key goes further");
}

#[test]
fn what_an_issuer_answers_is_not_trusted() {
    let good = jwks(&[jwk("a", "RS256")]);
    let large = vec![b' '; crate::limits::JWKS_BYTES + 1];
    let answer = |status, content_type, body| Fetched::Answer { status, content_type, body };
    for (fetched, expected) in [
        (answer(200, "application/json", Some(good.as_bytes())), None),
        (answer(200, "Application/JWK-Set+JSON; charset=utf-8", Some(good.as_bytes())), None),
        (answer(302, "application/json", Some(good.as_bytes())), Some("302")),
        (answer(500, "application/json", Some(good.as_bytes())), Some("500")),
        (answer(200, "text/html", Some(good.as_bytes())), Some("content type")),
        (answer(200, "", Some(good.as_bytes())), Some("content type")),
        (answer(200, "application/json", None), Some("JWKS_BYTES")),
        (answer(200, "application/json", Some(&large)), Some("JWKS_BYTES")),
        (answer(200, "application/json", Some(b"<html>")), Some("not JSON")),
        (answer(200, "application/json", Some(b"\xff")), Some("not UTF-8")),
        (answer(200, "application/json", Some(b"[]")), Some("/keys")),
        (answer(200, "application/json", Some(b"{\"keys\": {}}")), Some("/keys")),
        (answer(200, "application/json", Some(b"{\"keys\": []}")), Some("no key")),
        (Fetched::Failed("timed out"), Some("timed out")),
    ] {
        match (KeySet::take(fetched), expected) {
            (Ok(keys), None) => assert_eq!(keys.count(), 1),
            (Err(fault), Some(text)) => assert!(fault.to_string().contains(text), "{fault}"),
            (taken, _) => panic!("{fetched:?}: {taken:?}"),
        }
    }
    let many: Vec<_> = (0..500).map(|kid| jwk(&kid.to_string(), "EdDSA")).collect();
    let many = KeySet::read(jwks(&many).as_bytes()).unwrap();
    assert_eq!(many.count(), crate::limits::JWKS_KEYS);
    assert_eq!(many.find(None, Algorithm::EdDsa).keys.len(), crate::limits::KEYS_TRIED);
}

#[test]
fn a_verified_token_is_remembered_until_its_keys_change() {
    let mut verifier = verifier(&[]);
    let good = jwks(&[jwk("a", "RS256")]);
    let text = token(json!({}), json!({}));
    let (first, fetches, verifications) = check(&mut verifier, &text, Issuer::Answers(&good), true, NOW);
    assert_eq!((said(&first).as_str(), fetches, verifications), ("M-01 jwt", 1, 1));
    for (after, verifications) in [(1, 0), (59_999, 0)] {
        let (again, _, count) = check(&mut verifier, &text, Issuer::IsDown, false, NOW + after);
        assert_eq!((&again, count), (&first, verifications), "after {after} ms");
    }
    // It ends after a minute, and so does the memory of it.
    let (ended, ..) = check(&mut verifier, &text, Issuer::IsDown, true, NOW + 60_000);
    assert_eq!(said(&ended), "M-07 401 token_expired");

    let long = token(json!({}), json!({"exp": NOW / 1000 + 3600}));
    assert_eq!(check(&mut verifier, &long, Issuer::IsDown, true, NOW).2, 1);
    assert_eq!(check(&mut verifier, &long, Issuer::IsDown, true, NOW).2, 0);
    assert_eq!(check(&mut verifier, &long, Issuer::IsDown, true, NOW + 60_000).2, 1);
    // The key is taken back: another kid's request brings the news.
    let without = jwks(&[jwk("b", "RS256")]);
    let other = token(json!({"kid": "b"}), json!({}));
    assert_eq!(
        said(&check(&mut verifier, &other, Issuer::Answers(&without), true, NOW + 60_000).0),
        "M-07 401 token_expired"
    );
    let (verdict, ..) = check(&mut verifier, &long, Issuer::Answers(&without), true, NOW + 60_001);
    assert_eq!(said(&verdict), "M-03 401 kid_not_found");
    // What was refused is not remembered.
    assert_eq!(
        check(&mut verifier, &token(json!({"kid": "b"}), json!({"exp": NOW / 1000 + 99})), Issuer::IsDown, false, NOW)
            .2,
        1
    );
    assert_eq!(
        check(&mut verifier, &token(json!({"kid": "b"}), json!({"exp": NOW / 1000 + 99})), Issuer::IsDown, true, NOW).2,
        1
    );
}

#[test]
fn claims_become_the_context() {
    let claims = json!({"tenant_id": "T", "role_key": null, "approval_ref": "A-1", "env": "prod"});
    let good = jwks(&[jwk("a", "RS256")]);
    let (verdict, ..) = check(&mut verifier(&[]), &token(json!({}), claims), Issuer::Answers(&good), true, NOW);
    let identity = verdict.unwrap();
    let claims = identity.claims().unwrap();
    let all: Vec<_> = claims.attributes().collect();
    assert_eq!(all, [("user_id", "U-1"), ("tenant_id", "T"), ("tier", "gold")], "env is never a claim");
    assert_eq!(claims.approval_ref.as_deref(), Some("A-1"));
    assert_eq!((claims.attribute("user_id"), claims.attribute("role_key")), (Some("U-1"), None));
}

#[test]
fn every_refusal_has_a_code_of_its_own() {
    let rows = [
        (MatrixRow::M02, ErrorCode::JwksUnreachable),
        (MatrixRow::M03, ErrorCode::KidNotFound),
        (MatrixRow::M04, ErrorCode::SignatureInvalid),
        (MatrixRow::M05, ErrorCode::AudienceMismatch),
        (MatrixRow::M06, ErrorCode::IssuerMismatch),
        (MatrixRow::M07, ErrorCode::TokenExpired),
        (MatrixRow::M07NotYetValid, ErrorCode::TokenNotYetValid),
        (MatrixRow::M08, ErrorCode::AlgorithmNotAllowed),
        (MatrixRow::M09, ErrorCode::TokenMalformed),
        (MatrixRow::M10, ErrorCode::TokenMissing),
    ];
    for (row, code) in rows {
        let problem = Problem::from(Refused::new(row));
        assert_eq!((problem.code, problem.status()), (code, 401));
        let challenge = problem.more.unwrap().challenge.unwrap();
        assert_eq!(challenge == "Bearer", row == MatrixRow::M10, "{challenge}");
    }
}
