//! What one isolate knows of tokens and keys.

use burgee_core::time::format_rfc3339;
use serde::Serialize;

use super::algorithm::Algorithm;
use super::checking::Checking;
use super::claims::{self, Claims};
use super::jwks::{Jwks, JwksState};
use super::keys::{Fetched, KeySet, KeysFault};
use super::remembered::{Fingerprint, Remembered};
use super::settings::{IdentitySettings, Mode};
use super::token::Token;
use super::verdict::{Identity, MatrixRow, Refused, Verdict};

/// Where a request comes in; it says what a caller without a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    /// `/api/flags`: headers and query are believed, or nobody is ([`MatrixRow::M10`]).
    Flags,
    /// `/ofrep/v1`, of a tenant that asks for no token: anybody is answered. The protocol has no headers to believe.
    Ofrep,
}

impl Surface {
    /// What a caller is who sends no token.
    pub(crate) fn without_token(self, settings: &IdentitySettings) -> Verdict {
        match self {
            Self::Ofrep => Ok(Identity::ANONYMOUS),
            Self::Flags if settings.allow_dev_headers => Ok(Identity::DEV_HEADERS),
            Self::Flags => Err(Refused::TOKEN_MISSING),
        }
    }
}

/// What is to be done about a token.
#[derive(Debug)]
pub enum Looked {
    /// Nothing: here is the answer.
    Known(Verdict),
    /// These steps.
    Check(Box<Checking>),
}

/// The issuer's keys and the tokens that have verified, and by which settings. One for each isolate or process.
#[derive(Debug)]
pub struct Verifier {
    pub(super) settings: IdentitySettings,
    pub(super) jwks: Jwks,
    remembered: Remembered,
}

impl Verifier {
    /// Knows nothing yet.
    #[must_use]
    pub fn new(settings: IdentitySettings) -> Self {
        Self { settings, jwks: Jwks::default(), remembered: Remembered::default() }
    }

    /// Looks at a bearer token at a time (ms since the epoch).
    pub fn look(&mut self, token: &str, surface: Surface, now: i64) -> Looked {
        let fingerprint = Fingerprint::of(token);
        if let Some(identity) = self.remembered.get(fingerprint, now) {
            return Looked::Known(Ok(identity));
        }
        let refused = |row| Looked::Known(Err(Refused::new(row)));
        let Some(token) = Token::read(token) else { return refused(MatrixRow::M09) };
        if token.is_control_plane() {
            return Looked::Known(surface.without_token(&self.settings));
        }
        let Some(algorithm) = self.algorithm_of(&token) else { return refused(MatrixRow::M08) };
        match self.settings.mode {
            Mode::DecodeOnly => Looked::Known(decoded(&token, now)),
            Mode::Verified => Looked::Check(Box::new(Checking::new(token, algorithm, fingerprint, self.jwks.ended()))),
        }
    }

    /// Where to fetch the keys anew in the background, if that is due. It is said to one request at a time, which must
    /// [`Self::report`].
    pub fn refresh(&mut self, now: i64) -> Option<String> {
        let url = self.settings.jwks_url.as_ref()?;
        self.jwks.wants_refresh(now).then(|| url.clone())
    }

    /// What came of fetching the keys, at a time (ms since the epoch). Gives how many there are.
    ///
    /// # Errors
    /// Why there are no new ones, for the log.
    pub fn report(&mut self, fetched: Fetched<'_>, now: i64) -> Result<usize, KeysFault> {
        let keys = KeySet::take(fetched);
        let told = keys.as_ref().map(KeySet::count).map_err(Clone::clone);
        if self.jwks.report(keys, now) {
            // A key that was taken back takes its tokens with it.
            self.remembered.clear();
        }
        told
    }

    /// The part `verifier` of `GET /phase-2b/health`, at a time (ms since the epoch).
    #[must_use]
    pub fn health(&self, now: i64) -> VerifierHealth {
        let (keys, fetched_at) = self.jwks.held(now);
        VerifierHealth {
            mode: self.settings.mode,
            algorithms: self.settings.algorithms.clone(),
            jwks: JwksHealth { state: self.jwks.state(now), keys, fetched_at: fetched_at.map(format_rfc3339) },
        }
    }

    pub(super) fn remember(&mut self, token: Fingerprint, identity: &Identity, exp: i64, now: i64) {
        self.remembered.insert(token, identity.clone(), exp, now);
    }

    fn algorithm_of(&self, token: &Token) -> Option<Algorithm> {
        Algorithm::of(&token.algorithm).filter(|algorithm| self.settings.algorithms.contains(algorithm))
    }
}

fn decoded(token: &Token, now: i64) -> Verdict {
    let claims = Claims::of(token).and_then(|claims| claims::check_times(token, now).map(|_| claims));
    claims.map(|claims| Identity::of_token(MatrixRow::M11, claims)).map_err(Refused::new)
}

/// How it stands with verifying tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VerifierHealth {
    mode: Mode,
    algorithms: Vec<Algorithm>,
    jwks: JwksHealth,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct JwksHealth {
    state: JwksState,
    /// How many are held.
    keys: usize,
    /// When, in RFC 3339; null where none are held.
    fetched_at: Option<String>,
}
