//! Signatures of snapshots: detached JWS (RFC 7515, appendix F) over the bytes as they are (RFC 7797), with Ed25519 (RFC 8037).
//!
//! The platform signs; what is signed, and how the signature is written, is said here:
//!
//! 1. [`SigningKey::input`] gives the bytes to sign, [`SigningKey::private_jwk`] the key for WebCrypto's `importKey`.
//! 2. [`SigningKey::detached`] makes of the signature's 64 bytes what `Burgee-Signature` carries, and `burgee_core::packed::sign` keeps.
//! 3. [`public_keys`] is what `GET /v1/keys` answers.

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use burgee_core::REDACTION;
use serde::{Deserialize, Serialize};

use crate::settings::is_tenant;

/// Bytes of an Ed25519 key, of either kind.
const KEY_BYTES: usize = 32;

/// Bytes of an Ed25519 signature.
const SIGNATURE_BYTES: usize = 64;

/// A private key that snapshots are signed with. Its `Debug` shows its id alone.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey {
    kid: String,
    /// The public key, and the private one, in base64url.
    x: String,
    d: String,
}

/// Between the two parts of a mark; no key's id has it.
const MARKED: char = '/';

/// Whether a mark says that the form which leaves the service is that of [`burgee_core::redact`] as it is now. That of a program before this
/// one may be another, and so may that of one after it, whose objects may sign already.
pub(crate) fn is_of_present_form(mark: &str) -> bool {
    mark.rsplit_once(MARKED).is_some_and(|(_, form)| form.parse() == Ok(REDACTION))
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// A key as `FF_SIGNING_KEYS` has it. What else stands in it does not matter.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    crv: String,
    kid: String,
    x: String,
    d: String,
}

/// The protected header. Its members are written in this order.
#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    kid: &'a str,
    b64: bool,
    crit: [&'static str; 1],
}

impl SigningKey {
    /// Reads the value of `FF_SIGNING_KEYS`: a JSON array of private JWKs, the first of which signs.
    ///
    /// # Errors
    /// What the value must be, and where it is not. It shows nothing of the value.
    pub fn read_all(value: &str) -> Result<Vec<Self>, String> {
        let form = r#"a JSON array of Ed25519 keys, {"kty": "OKP", "crv": "Ed25519", "kid", "x", "d"}"#;
        let items: Vec<serde_json::Value> = serde_json::from_str(value).map_err(|_| form.to_owned())?;
        let mut keys: Vec<Self> = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let jwk = Jwk::deserialize(item).map_err(|_| format!("{form}, which that at /{index} is not"))?;
            let is_of_32_bytes =
                |text: &str| Base64UrlUnpadded::decode_vec(text).is_ok_and(|key| key.len() == KEY_BYTES);
            for (holds, member, expected) in [
                (jwk.kty == "OKP", "kty", "OKP"),
                (jwk.crv == "Ed25519", "crv", "Ed25519"),
                (is_tenant(&jwk.kid), "kid", "1 to 128 characters of A-Z a-z 0-9 . _ -"),
                (keys.iter().all(|key| key.kid != jwk.kid), "kid", "another than those before it"),
                (is_of_32_bytes(&jwk.x), "x", "32 bytes in base64url without ="),
                (is_of_32_bytes(&jwk.d), "d", "32 bytes in base64url without ="),
            ] {
                if !holds {
                    return Err(format!("{form}, and /{index}/{member} must be {expected}"));
                }
            }
            keys.push(Self { kid: jwk.kid, x: jwk.x, d: jwk.d });
        }
        Ok(keys)
    }

    /// The key's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.kid
    }

    /// What a snapshot that it signs is marked with: the key, and which form of what leaves the service is signed beside the whole. Where
    /// either is another now, the snapshot must be signed anew.
    #[must_use]
    pub fn mark(&self) -> String {
        format!("{}{MARKED}{REDACTION}", self.kid)
    }

    /// The private key as JSON, as WebCrypto imports it: `importKey("jwk", …, "Ed25519", false, ["sign"])`.
    #[must_use]
    pub fn private_jwk(&self) -> String {
        // The parts are base64url, which JSON writes as it is.
        format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}","d":"{}"}}"#, self.x, self.d)
    }

    /// The bytes to sign for a payload.
    #[must_use]
    pub fn input(&self, payload: &[u8]) -> Vec<u8> {
        let mut input = self.header().into_bytes();
        input.push(b'.');
        input.extend_from_slice(payload);
        input
    }

    /// The detached JWS with a signature over [`SigningKey::input`]; none for what is no Ed25519 signature.
    #[must_use]
    pub fn detached(&self, signature: &[u8]) -> Option<String> {
        let signature = (signature.len() == SIGNATURE_BYTES).then(|| Base64UrlUnpadded::encode_string(signature))?;
        Some(format!("{}..{signature}", self.header()))
    }

    fn public(&self) -> PublicKey<'_> {
        PublicKey { kty: "OKP", crv: "Ed25519", kid: &self.kid, x: &self.x, alg: "EdDSA", for_use: "sig" }
    }

    /// The protected header in base64url. The payload is signed as it is (`b64: false`), which whoever verifies must know (`crit`).
    fn header(&self) -> String {
        let header = Header { alg: "EdDSA", kid: &self.kid, b64: false, crit: ["b64"] };
        // Texts can always be written.
        Base64UrlUnpadded::encode_string(&serde_json::to_vec(&header).unwrap_or_default())
    }
}

/// A public key in a JWK set.
#[derive(Serialize)]
struct PublicKey<'a> {
    kty: &'static str,
    crv: &'static str,
    kid: &'a str,
    x: &'a str,
    alg: &'static str,
    #[serde(rename = "use")]
    for_use: &'static str,
}

/// The public keys as a JWK set (RFC 7517), in JSON: those that sign, and those that have signed or will.
#[must_use]
pub fn public_keys(keys: &[SigningKey]) -> Vec<u8> {
    #[derive(Serialize)]
    struct Set<'a> {
        keys: Vec<PublicKey<'a>>,
    }
    serde_json::to_vec(&Set { keys: keys.iter().map(SigningKey::public).collect() }).unwrap_or_default()
}

#[cfg(test)]
#[path = "signature_tests.rs"]
mod tests;
