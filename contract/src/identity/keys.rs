//! An issuer's public keys: from a JWKS (RFC 7517) or a PEM text to what WebCrypto imports.

use std::fmt;
use std::sync::Arc;

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use burgee_core::Json;
use serde::Serialize;
use serde_json::json;

use super::algorithm::Algorithm;
use super::der;
use crate::limits;

/// A key as WebCrypto's `importKey` takes it. It is public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Import {
    /// A JWK, as JSON with the members that make the key and no others.
    Jwk(String),
    /// A SubjectPublicKeyInfo, in base64.
    Spki(String),
}

/// A public key that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// Its name; a PEM key and some issuers' have none.
    pub(crate) kid: Option<String>,
    /// What it verifies. A key is used with this algorithm alone, whatever a token says.
    pub(crate) algorithm: Algorithm,
    pub(crate) import: Import,
}

/// An issuer's keys that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySet {
    keys: Vec<Arc<Key>>,
}

/// What came of fetching a JWKS.
#[derive(Clone, Copy, Debug)]
pub enum Fetched<'a> {
    /// There was an answer.
    Answer {
        /// Its status code.
        status: u16,
        /// Its content type; empty where it has none.
        content_type: &'a str,
        /// Its body; none where it is longer than [`limits::JWKS_BYTES`].
        body: Option<&'a [u8]>,
    },
    /// There was none, or not in time; why, in words.
    Failed(&'a str),
}

/// Why there are no keys, or no newer ones. It is for the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeysFault(String);

impl fmt::Display for KeysFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl KeySet {
    /// Takes what came of fetching a JWKS.
    ///
    /// # Errors
    /// The issuer did not answer with a JWKS, or with one that has no key to use: what is held then stays.
    pub fn take(fetched: Fetched<'_>) -> Result<Self, KeysFault> {
        let fault = |what: String| Err(KeysFault(what));
        match fetched {
            Fetched::Failed(why) => fault(format!("it did not answer: {why}")),
            Fetched::Answer { status, .. } if status != 200 => fault(format!("it answered {status}, and not 200")),
            Fetched::Answer { content_type, .. } if !is_json(content_type) => {
                fault("its content type is not JSON".to_owned())
            }
            Fetched::Answer { body: None, .. } => {
                fault(format!("its answer is larger than {} bytes (JWKS_BYTES)", limits::JWKS_BYTES))
            }
            Fetched::Answer { body: Some(bytes), .. } => Self::read(bytes),
        }
    }

    /// Reads a JWKS. Keys that cannot be used are passed over, as the RFC has it (section 5).
    ///
    /// # Errors
    /// It is not a JWKS, or has no key to use.
    pub fn read(bytes: &[u8]) -> Result<Self, KeysFault> {
        let fault = |what: &str| KeysFault(what.to_owned());
        if bytes.len() > limits::JWKS_BYTES {
            return Err(fault("its answer is larger than JWKS_BYTES"));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| fault("its answer is not UTF-8"))?;
        let document = Json::parse(text).map_err(|_| fault("its answer is not JSON"))?;
        let Some(Json::Array(items)) = member(&document, "keys") else {
            return Err(fault("its answer is no JWKS: /keys is not an array"));
        };
        let keys: Vec<_> = items.iter().filter_map(Key::of_jwk).take(limits::JWKS_KEYS).map(Arc::new).collect();
        if keys.is_empty() {
            return Err(fault("its JWKS has no key that can be used"));
        }
        Ok(Self { keys })
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.keys.len()
    }

    /// The keys that a token can be signed with, and whether there is any of its `kid`, for whichever algorithm. A token without `kid`
    /// may be of any key.
    pub(crate) fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Found {
        let named = || self.keys.iter().filter(|key| kid.is_none() || key.kid.as_deref() == kid);
        let keys = named().filter(|key| key.algorithm == algorithm).take(limits::KEYS_TRIED).cloned().collect();
        Found { keys, is_known: named().next().is_some() }
    }
}

/// What [`KeySet::find`] found.
pub(crate) struct Found {
    pub(crate) keys: Vec<Arc<Key>>,
    pub(crate) is_known: bool,
}

impl Key {
    /// Reads a JWK; none where it is not for verifying signatures with an algorithm that is known here, or too weak.
    fn of_jwk(jwk: &Json<'_>) -> Option<Self> {
        let text = |name: &str| match member(jwk, name) {
            Some(Json::String(text)) => Some(text.as_ref()),
            _ => None,
        };
        let is_for_signatures = match (member(jwk, "use"), member(jwk, "key_ops")) {
            (Some(usage), _) if *usage != Json::String("sig".into()) => false,
            (_, Some(Json::Array(operations))) => operations.contains(&Json::String("verify".into())),
            (_, operations) => operations.is_none(),
        };
        let kid = match member(jwk, "kid") {
            None => None,
            Some(Json::String(kid)) => Some(kid.clone().into_owned()),
            Some(_) => return None,
        };
        let bytes = |name: &str| Base64UrlUnpadded::decode_vec(text(name)?).ok();
        let has_bytes = |name: &str, length: usize| bytes(name).is_some_and(|bytes| bytes.len() == length);
        let (algorithm, import) = match (text("kty")?, text("crv")) {
            ("RSA", _) if limits::RSA_BITS.contains(&der::bit_length(&bytes("n")?)) => {
                (Algorithm::Rs256, json!({"kty": "RSA", "n": text("n")?, "e": text("e")?}))
            }
            ("EC", Some("P-256")) if has_bytes("x", 32) && has_bytes("y", 32) => {
                (Algorithm::Es256, json!({"kty": "EC", "crv": "P-256", "x": text("x")?, "y": text("y")?}))
            }
            ("OKP", Some("Ed25519")) if has_bytes("x", 32) => {
                (Algorithm::EdDsa, json!({"kty": "OKP", "crv": "Ed25519", "x": text("x")?}))
            }
            _ => return None,
        };
        let is_its_algorithm = member(jwk, "alg").is_none_or(|alg| *alg == Json::String(algorithm.name().into()));
        (is_for_signatures && is_its_algorithm).then(|| Self {
            kid,
            algorithm,
            import: Import::Jwk(import.to_string()),
        })
    }

    /// Reads a public key in PEM (RFC 7468, 13). A variable cannot always hold line breaks, so `\n` written out stands for one.
    ///
    /// # Errors
    /// What it must be, in words; never what it is.
    pub(crate) fn of_pem(text: &str) -> Result<Self, &'static str> {
        const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
        const END: &str = "-----END PUBLIC KEY-----";
        if text.contains("PRIVATE KEY") {
            return Err("a public key: this is a private one, which does not belong here and should be replaced");
        }
        let lines = text.replace("\\r", "").replace("\\n", "\n");
        let (_, after) = lines.split_once(BEGIN).ok_or(
            "a public key in PEM, from -----BEGIN PUBLIC KEY----- on; of a certificate it is `openssl x509 -pubkey -noout`",
        )?;
        let (body, _) = after.split_once(END).ok_or("a public key in PEM to its end, -----END PUBLIC KEY-----")?;
        let body: String = body.split_ascii_whitespace().collect();
        let spki = Base64::decode_vec(&body).map_err(|_| "a public key in PEM, whose lines are base64")?;
        let algorithm = der::algorithm_of(&spki)
            .ok_or("an RSA key of 2,048 to 8,192 bits, an EC key on P-256, or an Ed25519 key, in PEM")?;
        Ok(Self { kid: None, algorithm, import: Import::Spki(body) })
    }
}

/// A member of an object; of a repeated name the last counts, as in `JSON.parse`.
fn member<'j, 'a>(json: &'j Json<'a>, name: &str) -> Option<&'j Json<'a>> {
    match json {
        Json::Object(members) => members.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value),
        _ => None,
    }
}

/// `application/json`, or `application/…+json` such as `application/jwk-set+json`, whatever its parameters.
fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
    essence.strip_prefix("application/").is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
}
