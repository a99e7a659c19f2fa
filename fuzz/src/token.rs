//! Any bytes as a token, and as the keys of its issuer.

use base64ct::{Base64UrlUnpadded, Encoding};
use burgee_contract::identity::{Fetched, Looked, Next, Surface, Token, Verdict, Verifier};
use burgee_contract::{Settings, limits};
use serde_json::Value;

const NOW: i64 = 1_800_000_000_000;
const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "pty-feature-flags";

/// The first line is a token, or the second and third are the JSON of its header and claims; the rest is a JWKS. Whatever they are, a token that is read
/// has one text, nobody is verified whose signature does not verify, and whoever is has claims that are right; and it ends after a few steps.
pub fn token(bytes: &[u8]) {
    let mut lines = bytes.splitn(4, |byte| *byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let (text, header, claims, jwks) = (line(), line(), line(), line());
    let part = |bytes: &[u8]| Base64UrlUnpadded::encode_string(bytes);
    let made = format!("{}.{}.{}", part(header), part(claims), part(b"signature"));
    for text in [&*String::from_utf8_lossy(text), &made] {
        if let Some(read) = Token::read(text) {
            assert!(text.len() <= limits::TOKEN_BYTES);
            assert_eq!(format!("{}.{}", read.signing_input(), part(read.signature())), text, "a token has one text");
        }
        for is_valid in [false, true] {
            for dev in ["true", "false"] {
                check(text, jwks, is_valid, dev);
            }
        }
    }
}

fn check(text: &str, jwks: &[u8], is_valid: bool, dev: &str) {
    let settings = Settings::read(|name| {
        let value = match name {
            "FF_VERIFY_MODE" => "verified",
            "FF_JWT_ISSUER" => ISSUER,
            "POLICY_JWKS_URL" => "https://issuer.example/jwks",
            "FF_ALLOW_DEV_HEADERS" => dev,
            _ => return None,
        };
        Some(value.to_owned())
    });
    let mut verifier = Verifier::new(settings.expect("the settings are right").identity);
    let verdict = walk(&mut verifier, text, jwks, is_valid);
    let Ok(identity) = verdict else { return };
    if !identity.is_verified() {
        assert_eq!(dev, "true", "nobody is believed");
        return;
    }
    assert!(is_valid);
    let claims = text.split('.').nth(1).and_then(|part| Base64UrlUnpadded::decode_vec(part).ok()).expect("a part");
    let claims: Value = serde_json::from_slice(&claims).expect("claims are JSON");
    assert_eq!(claims["iss"], ISSUER);
    let is_for_here = |aud: &Value| aud == AUDIENCE;
    assert!(is_for_here(&claims["aud"]) || claims["aud"].as_array().is_some_and(|all| all.iter().any(is_for_here)));
    assert!(claims["exp"].as_f64().is_some_and(|exp| exp * 1000.0 > NOW as f64));
    assert_eq!(claims["sub"].as_str(), identity.claims().map(|claims| claims.subject.as_str()));
    // It is remembered, and still the same.
    match verifier.look(text, Surface::Flags, NOW) {
        Looked::Known(Ok(again)) => assert_eq!(again, identity),
        looked => panic!("{looked:?}"),
    }
}

fn walk(verifier: &mut Verifier, text: &str, jwks: &[u8], is_valid: bool) -> Verdict {
    let mut checking = match verifier.look(text, Surface::Flags, NOW) {
        Looked::Known(verdict) => return verdict,
        Looked::Check(checking) => checking,
    };
    let mut fetches = 0;
    for _ in 0..3 + 2 * limits::KEYS_TRIED {
        match checking.next(verifier, NOW) {
            Next::Done(verdict) => return verdict,
            Next::Wait(_) => panic!("nobody else fetches"),
            Next::Verify(_) => checking.verified(is_valid),
            Next::Fetch(_) => {
                fetches += 1;
                assert_eq!(fetches, 1, "one fetch for one request");
                let fetched = Fetched::Answer { status: 200, content_type: "application/json", body: Some(jwks) };
                let _ = verifier.report(fetched, NOW);
            }
        }
    }
    panic!("it never ends")
}
