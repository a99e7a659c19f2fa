//! One token on its way to a verdict, in mode `verified`.

use std::sync::Arc;

use super::algorithm::Algorithm;
use super::claims::{self, Claims};
use super::jwks::Want;
use super::keys::{Import, Key, KeySet};
use super::remembered::Fingerprint;
use super::settings::IdentitySettings;
use super::token::Token;
use super::verdict::{Identity, MatrixRow, Refused, Verdict};
use super::verifier::Verifier;
use crate::limits;

/// The steps that a token still needs. [`Self::next`] says which is next, again and again until it is [`Next::Done`].
#[derive(Debug)]
pub struct Checking {
    token: Token,
    algorithm: Algorithm,
    fingerprint: Fingerprint,
    /// Fetches that had ended when the request came.
    since: u64,
    /// Whether the keys are as new as this request can have them. It makes one fetch at most.
    is_newest: bool,
    /// Keys still to be tried.
    candidates: Vec<Arc<Key>>,
    at: At,
}

#[derive(Debug, PartialEq, Eq)]
enum At {
    /// Keys must be found.
    Keys,
    /// The last of the candidates is being tried.
    Trying,
    /// A key fits.
    Verified,
    /// No key fits. Among newer ones there may be one that does; else it ends so.
    Without(MatrixRow),
}

/// What is to be done next.
#[derive(Debug)]
pub enum Next<'a> {
    /// Fetch this URL (2 s, no redirects: `limits::JWKS_…`), tell [`Verifier::report`], and ask again.
    Fetch(String),
    /// Another request does: let so many milliseconds pass, and ask again.
    Wait(u32),
    /// Have a signature verified, tell [`Checking::verified`], and ask again.
    Verify(Verification<'a>),
    /// Nothing.
    Done(Verdict),
}

/// What WebCrypto is asked.
#[derive(Clone, Copy, Debug)]
pub struct Verification<'a> {
    /// By which algorithm, for the key and the signature alike.
    pub algorithm: Algorithm,
    /// The key.
    pub key: &'a Import,
    /// The signature.
    pub signature: &'a [u8],
    /// What was signed.
    pub data: &'a str,
}

impl Checking {
    pub(super) fn new(token: Token, algorithm: Algorithm, fingerprint: Fingerprint, since: u64) -> Self {
        Self { token, algorithm, fingerprint, since, is_newest: false, candidates: Vec::new(), at: At::Keys }
    }

    /// What is to be done next, at a time (ms since the epoch).
    pub fn next(&mut self, verifier: &mut Verifier, now: i64) -> Next<'_> {
        while self.at != At::Trying {
            let ends = match self.at {
                At::Verified => Some(Next::Done(self.accept(verifier, now))),
                At::Without(row) if self.is_newest => Some(Next::Done(self.conclude(row, verifier, now))),
                At::Without(row) => self.find_newer(row, verifier, now),
                At::Keys | At::Trying => self.find(verifier, now),
            };
            if let Some(ends) = ends {
                return ends;
            }
        }
        match self.candidates.last() {
            Some(key) => Next::Verify(Verification {
                algorithm: self.algorithm,
                key: &key.import,
                signature: self.token.signature(),
                data: self.token.signing_input(),
            }),
            None => Next::Done(Err(Refused::new(MatrixRow::M04))),
        }
    }

    /// What came of [`Next::Verify`]. A key that could not be imported did not verify anything.
    pub fn verified(&mut self, is_valid: bool) {
        if self.at != At::Trying {
            return;
        }
        self.candidates.pop();
        if is_valid {
            self.at = At::Verified;
        } else if self.candidates.is_empty() {
            // A token that names no key may be of one that is newer than those that were tried; one that names its key has had it.
            self.is_newest |= self.token.kid.is_some();
            self.at = At::Without(MatrixRow::M04);
        }
    }

    /// Looks for keys; gives what is to be done where there are none yet.
    fn find(&mut self, verifier: &mut Verifier, now: i64) -> Option<Next<'static>> {
        let by_pem = verifier.settings.public_key.as_ref();
        if let Some(key) = by_pem.filter(|_| self.token.kid.is_none() || verifier.settings.jwks_url.is_none()) {
            self.is_newest = true;
            if key.algorithm == self.algorithm {
                self.try_keys(vec![Arc::new(key.clone())]);
            } else {
                self.at = At::Without(MatrixRow::M08);
            }
            return None;
        }
        match verifier.jwks.want(now) {
            Want::Keys(keys) => {
                self.is_newest = verifier.jwks.ended() != self.since;
                self.look_among(&keys);
                None
            }
            Want::Fetch => Some(fetch(verifier)),
            Want::Wait => Some(Next::Wait(limits::JWKS_POLL_MS)),
            Want::Nothing => Some(Next::Done(self.conclude(MatrixRow::M02, verifier, now))),
        }
    }

    /// Looks for newer keys, `row` being the end where there are none.
    fn find_newer(&mut self, row: MatrixRow, verifier: &mut Verifier, now: i64) -> Option<Next<'static>> {
        match verifier.jwks.want_newer(self.since, now) {
            Want::Keys(keys) => {
                self.is_newest = true;
                self.look_among(&keys);
                None
            }
            Want::Fetch => Some(fetch(verifier)),
            Want::Wait => Some(Next::Wait(limits::JWKS_POLL_MS)),
            Want::Nothing => Some(Next::Done(self.conclude(row, verifier, now))),
        }
    }

    fn look_among(&mut self, keys: &KeySet) {
        let found = keys.find(self.token.kid.as_deref(), self.algorithm);
        if !found.keys.is_empty() {
            self.try_keys(found.keys);
        } else if found.is_known {
            // It is known whose key the `kid` is.
            self.is_newest |= self.token.kid.is_some();
            self.at = At::Without(MatrixRow::M08);
        } else {
            self.at = At::Without(MatrixRow::M03);
        }
    }

    fn try_keys(&mut self, mut keys: Vec<Arc<Key>>) {
        // They are taken from the end, and the first is to be tried first.
        keys.reverse();
        self.candidates = keys;
        self.at = At::Trying;
    }

    /// The end for want of a key. Where that may pass, the claims must be right all the same.
    fn conclude(&self, row: MatrixRow, verifier: &Verifier, now: i64) -> Verdict {
        let may_pass = matches!(row, MatrixRow::M02 | MatrixRow::M03) && verifier.settings.allow_dev_headers;
        if !may_pass {
            return Err(Refused::new(row));
        }
        let (claims, _) = self.claims(verifier, now)?;
        Ok(Identity::of_token(row, claims))
    }

    /// The end with a signature that has verified.
    fn accept(&self, verifier: &mut Verifier, now: i64) -> Verdict {
        let (claims, exp) = self.claims(verifier, now)?;
        let identity = Identity::of_token(MatrixRow::M01, claims);
        verifier.remember(self.fingerprint, &identity, exp, now);
        Ok(identity)
    }

    /// The claims, and when the token ends (ms since the epoch).
    fn claims(&self, verifier: &Verifier, now: i64) -> Result<(Claims, i64), Refused> {
        let IdentitySettings { issuer, audience, .. } = &verifier.settings;
        let read = || {
            let claims = Claims::of(&self.token)?;
            claims::check_parties(&self.token, issuer, audience)?;
            Ok((claims, claims::check_times(&self.token, now)?))
        };
        read().map_err(Refused::new)
    }
}

fn fetch(verifier: &Verifier) -> Next<'static> {
    Next::Fetch(verifier.settings.jwks_url.clone().unwrap_or_default())
}
