//! The clients that tokens are issued to (`FF_CLIENTS`).

use std::fmt;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::Scope;
use crate::limits;
use crate::settings::is_tenant;

/// A client that may have tokens.
#[derive(Clone, PartialEq, Eq)]
pub struct Client {
    /// Its name, which is the `sub` of its tokens.
    pub id: String,
    /// Of its secret.
    sha256: [u8; 32],
    /// What it may, by scopes' names.
    pub scopes: Vec<String>,
    /// For which tenants; `*` stands for all.
    pub tenants: Vec<String>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("id", &self.id).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: String,
    secret_sha256: String,
    scopes: Vec<String>,
    tenants: Vec<String>,
}

impl Client {
    /// Reads a JSON array of clients.
    ///
    /// # Errors
    /// What it must be, in words that hold none of it.
    pub(crate) fn read_all(text: &str) -> Result<Vec<Self>, String> {
        let written: Vec<Written> = serde_json::from_str(text)
            .map_err(|_| "a JSON array of {\"id\", \"secret_sha256\", \"scopes\": […], \"tenants\": […]}".to_owned())?;
        let mut clients: Vec<Self> = Vec::with_capacity(written.len());
        for (place, client) in written.into_iter().enumerate() {
            let client = Self::check(client).map_err(|must| format!("right: /{place}{must}"))?;
            if clients.iter().any(|known| known.id == client.id) {
                return Err(format!("right: /{place}/id stands there twice"));
            }
            clients.push(client);
        }
        Ok(clients)
    }

    fn check(client: Written) -> Result<Self, &'static str> {
        let Written { id, secret_sha256, scopes, tenants } = client;
        if id.is_empty() || id.chars().count() > limits::SUBJECT_CHARS {
            return Err("/id must have 1 to 256 characters");
        }
        let sha256 = hex(&secret_sha256).ok_or("/secret_sha256 must be 64 hexadecimal digits")?;
        if scopes.iter().any(|scope| Scope::of(scope).is_none()) {
            return Err("/scopes names a scope that there is not");
        }
        if tenants.iter().any(|tenant| tenant != "*" && !is_tenant(tenant)) {
            return Err("/tenants must be tenants' names, or *");
        }
        Ok(Self { id, sha256, scopes, tenants })
    }

    /// A client that there is not: its secret is nobody's.
    pub(crate) fn nobody() -> Self {
        Self { id: String::new(), sha256: [0; 32], scopes: Vec::new(), tenants: Vec::new() }
    }

    /// Whether this is its secret. How long it takes says nothing of the secret: hashes are compared, and wholly.
    pub(crate) fn has_secret(&self, secret: &str) -> bool {
        let given: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
        given.iter().zip(self.sha256).fold(0, |differs, (given, known)| differs | (given ^ known)) == 0
    }
}

/// 32 bytes, of two digits each.
fn hex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let [high, low] = *pair else { return None };
        let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
        *byte = digit(high)? << 4 | digit(low)?;
    }
    Some(bytes)
}
