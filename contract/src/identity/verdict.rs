//! The rows of the matrix, and what each means for a request.

use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::claims::Claims;
use crate::envelope::{ErrorCode, Problem};

/// A situation that a request's token is in. The two halves of M-07 are told apart, because they are refused with two codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatrixRow {
    /// Verified.
    M01,
    /// The issuer's keys cannot be had, and none are held.
    M02,
    /// The `kid` is not among the issuer's keys.
    M03,
    /// The signature does not verify.
    M04,
    /// Another audience.
    M05,
    /// Another issuer.
    M06,
    /// It has ended, or has no end.
    M07,
    /// M-07 too: it has not begun.
    M07NotYetValid,
    /// The algorithm is not allowed, or not the key's.
    M08,
    /// Not a JWT, or without `sub`.
    M09,
    /// No token.
    M10,
    /// Nothing is verified: the mode is `decode-only`.
    M11,
}

impl MatrixRow {
    /// As `docs/trust.md` calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::M01 => "M-01",
            Self::M02 => "M-02",
            Self::M03 => "M-03",
            Self::M04 => "M-04",
            Self::M05 => "M-05",
            Self::M06 => "M-06",
            Self::M07 | Self::M07NotYetValid => "M-07",
            Self::M08 => "M-08",
            Self::M09 => "M-09",
            Self::M10 => "M-10",
            Self::M11 => "M-11",
        }
    }
}

impl Serialize for MatrixRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Where a caller's attributes come from. `meta.auth_source` of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthSource {
    /// From a token that was verified, and then from headers, query or body.
    Jwt,
    /// From a token that was not verified.
    JwtUnverified,
    /// From headers, query or body; the caller is believed.
    DevHeaders,
    /// From an OFREP request's body. Nobody says who it is that asks.
    Anonymous,
}

/// Who asks, as far as it is known. There are no others than those who may be answered: for the rest there is [`Refused`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    row: MatrixRow,
    source: AuthSource,
    claims: Option<Arc<Claims>>,
}

impl Identity {
    pub(super) fn of_token(row: MatrixRow, claims: Claims) -> Self {
        let source = if row == MatrixRow::M01 { AuthSource::Jwt } else { AuthSource::JwtUnverified };
        Self { row, source, claims: Some(Arc::new(claims)) }
    }

    /// Somebody without a token, of whom headers, query and body are believed.
    pub(crate) const DEV_HEADERS: Self = Self { row: MatrixRow::M10, source: AuthSource::DevHeaders, claims: None };

    /// Somebody without a token where none is asked for.
    pub(crate) const ANONYMOUS: Self = Self { row: MatrixRow::M10, source: AuthSource::Anonymous, claims: None };

    /// The row of the matrix.
    #[must_use]
    pub fn row(&self) -> MatrixRow {
        self.row
    }

    /// Whether a token was verified. Sensitive flags ask for this.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.row == MatrixRow::M01
    }

    /// Where the attributes come from.
    #[must_use]
    pub fn auth_source(&self) -> AuthSource {
        self.source
    }

    /// What the caller should know although there is an answer: codes, the same in every answer of the row.
    #[must_use]
    pub fn warnings(&self) -> &'static [&'static str] {
        match self.row {
            MatrixRow::M02 => &["auth_not_verified", "jwks_unreachable"],
            MatrixRow::M03 => &["auth_not_verified", "kid_not_found"],
            MatrixRow::M11 => &["auth_not_verified"],
            _ => &[],
        }
    }

    /// What the token says; none where there is no token.
    #[must_use]
    pub fn claims(&self) -> Option<&Claims> {
        self.claims.as_deref()
    }
}

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused(MatrixRow);

impl Refused {
    pub(super) fn new(row: MatrixRow) -> Self {
        Self(row)
    }

    /// There is no token where one is needed.
    pub(crate) const TOKEN_MISSING: Self = Self(MatrixRow::M10);

    /// The row of the matrix.
    #[must_use]
    pub fn row(self) -> MatrixRow {
        self.0
    }

    /// The error's code.
    #[must_use]
    pub fn code(self) -> ErrorCode {
        match self.0 {
            MatrixRow::M02 => ErrorCode::JwksUnreachable,
            MatrixRow::M03 => ErrorCode::KidNotFound,
            MatrixRow::M04 => ErrorCode::SignatureInvalid,
            MatrixRow::M05 => ErrorCode::AudienceMismatch,
            MatrixRow::M06 => ErrorCode::IssuerMismatch,
            MatrixRow::M07 => ErrorCode::TokenExpired,
            MatrixRow::M07NotYetValid => ErrorCode::TokenNotYetValid,
            MatrixRow::M08 => ErrorCode::AlgorithmNotAllowed,
            MatrixRow::M10 => ErrorCode::TokenMissing,
            MatrixRow::M01 | MatrixRow::M09 | MatrixRow::M11 => ErrorCode::TokenMalformed,
        }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let (message, hint) = match refused.0 {
            MatrixRow::M02 => {
                ("the keys of the token's issuer cannot be had", "ask again; the log of the service has the cause")
            }
            MatrixRow::M03 => (
                "the token's kid is not among its issuer's keys",
                "get a new token; a key that is new is looked for twice a minute",
            ),
            MatrixRow::M04 => ("the token's signature does not verify", "send the token as it was issued"),
            MatrixRow::M05 => {
                ("the token is for another audience", "get one whose aud has the audience of this service")
            }
            MatrixRow::M06 => ("the token is another issuer's", "get one from the issuer of this platform"),
            MatrixRow::M07 => ("the token has ended, or has no exp", "get a new one"),
            MatrixRow::M07NotYetValid => {
                ("the token is not valid yet: its nbf is ahead", "wait, or set the issuer's clock")
            }
            MatrixRow::M08 => (
                "the token's algorithm is not allowed, or not its key's",
                "sign with RS256, ES256 or EdDSA, as the service allows",
            ),
            MatrixRow::M10 => {
                ("there is no token", "send the header Authorization: Bearer, with a token of the platform's issuer")
            }
            MatrixRow::M01 | MatrixRow::M09 | MatrixRow::M11 => (
                "the token is no JWT that can be used here",
                "send a JWT of three parts, 8 KiB at most, whose sub is a string that is not empty",
            ),
        };
        // Nothing is wrong with a token that is not there (RFC 6750, 3.1).
        let challenge = match refused.0 {
            MatrixRow::M10 => "Bearer",
            _ => r#"Bearer error="invalid_token""#,
        };
        Self::new(refused.code(), message).hint(hint).with(|more| more.challenge = Some(challenge))
    }
}

/// Who asks, or why there is no answer.
pub type Verdict = Result<Identity, Refused>;
