//! The published examples, taken apart here. That their signatures verify is WebCrypto's to say: `worker/test/identity.test.mjs`.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Value, json};

use super::matrix_tests::{Issuer, NOW, check, jwks, verifier};
use super::*;

fn vectors() -> Vec<Value> {
    serde_json::from_str(include_str!("vectors.json")).unwrap()
}

#[test]
fn the_examples_are_placed_as_they_must_be() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 5);
    for vector in vectors {
        let (name, text) = (&vector["name"], vector["token"].as_str().unwrap());
        let set = jwks(&[vector["jwk"].clone(), super::matrix_tests::jwk("other", "RS256")]);
        let (verdict, _, verifications) = check(&mut verifier(&[]), text, Issuer::Answers(&set), true, NOW);
        // None of them has a `sub`.
        assert_eq!(json!(verdict.unwrap_err().row().name()), vector["row"], "{name}");
        let is_checked = vector["row"] == "M-09" && vector["alg"] != "EdDSA";
        assert_eq!(verifications > 0, is_checked, "{name}");
    }
}

#[test]
fn what_webcrypto_is_asked_is_what_the_examples_have() {
    let mut asked = 0;
    for vector in vectors() {
        let Some(algorithm) = Algorithm::of(vector["alg"].as_str().unwrap()) else { continue };
        let keys = KeySet::read(jwks(&[vector["jwk"].clone()]).as_bytes()).unwrap();
        let found = keys.find(None, algorithm);
        let Import::Jwk(import) = &found.keys[0].import else { panic!("a JWK") };
        assert_eq!(serde_json::from_str::<Value>(import).unwrap(), vector["jwk"]);
        let text = vector["token"].as_str().unwrap();
        // The claims of RFC 8037's example are no JSON.
        let Some(token) = Token::read(text) else {
            assert_eq!(vector["alg"], "EdDSA");
            continue;
        };
        let signature = Base64UrlUnpadded::encode_string(token.signature());
        assert_eq!(format!("{}.{signature}", token.signing_input()), text);
        assert_eq!(token.claim("iss"), Some(&burgee_core::Json::String("joe".into())));
        asked += 1;
    }
    assert_eq!(asked, 2);
}
