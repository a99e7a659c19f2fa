//! Tokens: JSON Web Tokens (RFC 7519) that this service signs for itself, with HMAC and SHA-256 (HS256).
//!
//! Issuer and verifier are one, so nothing is left open: one algorithm, and no clock but ours.

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::limits;

/// Who signs tokens, as their `iss`.
const ISSUER: &str = "burgee";

/// `aud` of a token for requests.
pub(crate) const AUDIENCE: &str = "burgee";

/// `aud` of a token for an event stream alone.
pub(crate) const EVENTS_AUDIENCE: &str = "burgee-events";

/// A text that is not shown: its `Debug` says only that it is there.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a secret text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Whether a text is this one. How long it takes says nothing of the secret: hashes are compared, and wholly.
    pub(crate) fn is(&self, given: &str) -> bool {
        let [given, own] = [given.as_bytes(), self.bytes()].map(|text| <[u8; 32]>::from(Sha256::digest(text)));
        given.iter().zip(own).fold(0, |differs, (given, own)| differs | (given ^ own)) == 0
    }

    fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    pub(crate) iss: String,
    pub(crate) aud: String,
    pub(crate) sub: String,
    pub(crate) scopes: Vec<String>,
    /// Tenants' names; `*` stands for all.
    pub(crate) tenants: Vec<String>,
    /// Seconds since the epoch.
    pub(crate) iat: i64,
    /// Seconds since the epoch; from this second on the token does not count.
    pub(crate) exp: i64,
    /// Seconds since the epoch, before which the token does not count.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) nbf: Option<i64>,
}

impl Claims {
    /// Claims of ours that count from a time (ms since the epoch) on, for so many seconds.
    pub(crate) fn new(aud: &str, sub: &str, scopes: Vec<String>, tenants: Vec<String>, now: i64, ttl_s: i64) -> Self {
        let iat = now.div_euclid(1000);
        let exp = iat.saturating_add(ttl_s);
        Self { iss: ISSUER.to_owned(), aud: aud.to_owned(), sub: sub.to_owned(), scopes, tenants, iat, exp, nbf: None }
    }

    /// Whether the token is for a tenant.
    pub(crate) fn is_for(&self, tenant: &str) -> bool {
        self.tenants.iter().any(|name| name == "*" || name == tenant)
    }
}

/// The header. What else stands in it does not matter, but for `crit`, which says that it does.
#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    crit: Option<serde::de::IgnoredAny>,
}

/// Signs claims with the first secret; none where there is none.
pub(crate) fn issue(claims: &Claims, secrets: &[Secret]) -> Option<String> {
    let mut token = Base64UrlUnpadded::encode_string(br#"{"alg":"HS256","typ":"JWT"}"#);
    token.push('.');
    token.push_str(&Base64UrlUnpadded::encode_string(&serde_json::to_vec(claims).ok()?));
    let signature = mac(secrets.first()?, &token)?.finalize().into_bytes();
    token.push('.');
    token.push_str(&Base64UrlUnpadded::encode_string(&signature));
    Some(token)
}

/// The claims of a token, if it is ours, for this audience, and counts at this time (ms since the epoch).
pub(crate) fn verify(token: &str, audience: &str, secrets: &[Secret], now: i64) -> Option<Claims> {
    if token.len() > limits::TOKEN_BYTES {
        return None;
    }
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, payload) = signed.split_once('.')?;
    let header: Header = serde_json::from_slice(&decode(header)?).ok()?;
    if header.alg != "HS256" || header.crit.is_some() {
        return None;
    }
    let signature = decode(signature)?;
    // `verify_slice` compares in constant time; every secret is tried, so that the time does not tell which one it was.
    let is_ours = secrets.iter().fold(false, |is_ours, secret| {
        mac(secret, signed).is_some_and(|mac| mac.verify_slice(&signature).is_ok()) | is_ours
    });
    if !is_ours {
        return None;
    }
    let claims: Claims = serde_json::from_slice(&decode(payload)?).ok()?;
    let now_s = now.div_euclid(1000);
    let counts = claims.iss == ISSUER
        && claims.aud == audience
        && !claims.sub.is_empty()
        && now_s < claims.exp
        && claims.nbf.is_none_or(|nbf| nbf <= now_s);
    counts.then_some(claims)
}

/// Strictly: without padding, without blanks, and of several texts that mean the same bytes only the one that encoding gives.
fn decode(text: &str) -> Option<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(text).ok()
}

fn mac(secret: &Secret, signed: &str) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.bytes()).ok()?;
    mac.update(signed.as_bytes());
    Some(mac)
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
