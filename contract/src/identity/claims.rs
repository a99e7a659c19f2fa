//! What a token says, and whether it is for here and for now.

use burgee_core::{Json, attribute};

use super::token::Token;
use super::verdict::MatrixRow;

/// The claim in which a caller's approval stands; `X-PTT-Approval-Ref` is the header.
const APPROVAL_REF: &str = "approval_ref";

/// What a token says of whom it is for. A claim that is absent or null says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// `sub`: the user's id, never empty.
    pub subject: String,
    /// `tenant_id`: the user's tenant.
    pub tenant_id: Option<String>,
    /// `tier`.
    pub tier: Option<String>,
    /// `role_key`.
    pub role_key: Option<String>,
    /// `approval_ref`: the approval that the caller has for sensitive flags.
    pub approval_ref: Option<String>,
}

impl Claims {
    /// Reads what a token says.
    ///
    /// # Errors
    /// [`MatrixRow::M09`]: there is no `sub`, or a claim that is read here is not a string, so that another could stand in for it unseen.
    pub(super) fn of(token: &Token) -> Result<Self, MatrixRow> {
        let text = |name: &str| match token.claim(name) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::String(text)) => Ok(Some(text.clone().into_owned())),
            Some(_) => Err(MatrixRow::M09),
        };
        Ok(Self {
            subject: text("sub")?.filter(|subject| !subject.is_empty()).ok_or(MatrixRow::M09)?,
            tenant_id: text(attribute::TENANT_ID)?,
            tier: text(attribute::TIER)?,
            role_key: text(attribute::ROLE_KEY)?,
            approval_ref: text(APPROVAL_REF)?,
        })
    }

    /// The attributes of the context that the token gives, by their names. They overrule whatever else names them.
    pub fn attributes(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            (attribute::USER_ID, Some(&self.subject)),
            (attribute::TENANT_ID, self.tenant_id.as_ref()),
            (attribute::TIER, self.tier.as_ref()),
            (attribute::ROLE_KEY, self.role_key.as_ref()),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?.as_str())))
    }

    /// An attribute of the context that the token gives.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes().find(|(known, _)| *known == name).map(|(_, value)| value)
    }
}

/// Checks `iss` and `aud`.
///
/// # Errors
/// [`MatrixRow::M06`], [`MatrixRow::M05`]: they are missing, or say another.
pub(super) fn check_parties(token: &Token, issuer: &str, audience: &str) -> Result<(), MatrixRow> {
    let is = |json: &Json<'_>, wanted: &str| matches!(json, Json::String(text) if text == wanted);
    if !token.claim("iss").is_some_and(|iss| is(iss, issuer)) {
        return Err(MatrixRow::M06);
    }
    match token.claim("aud") {
        Some(Json::Array(all)) if all.iter().any(|aud| is(aud, audience)) => Ok(()),
        Some(aud) if is(aud, audience) => Ok(()),
        _ => Err(MatrixRow::M05),
    }
}

/// Checks `nbf` and `exp` at a time (ms since the epoch), and gives when the token ends (ms since the epoch). There is no leeway.
///
/// # Errors
/// [`MatrixRow::M07`] as `Expired` or `NotYetValid`; [`MatrixRow::M09`] where one is no number.
pub(super) fn check_times(token: &Token, now: i64) -> Result<i64, MatrixRow> {
    if instant(token, "nbf")?.is_some_and(|nbf| now < nbf) {
        return Err(MatrixRow::M07NotYetValid);
    }
    match instant(token, "exp")? {
        Some(exp) if now < exp => Ok(exp),
        _ => Err(MatrixRow::M07),
    }
}

/// A `NumericDate` (RFC 7519, 2: seconds, which may have a fraction) in ms since the epoch.
fn instant(token: &Token, name: &str) -> Result<Option<i64>, MatrixRow> {
    match token.claim(name) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::Integer(seconds)) => Ok(Some(seconds.saturating_mul(1000))),
        // A float's conversion stops at the ends of the integers.
        Some(Json::Number(seconds)) => Ok(Some((seconds * 1000.0).floor() as i64)),
        Some(_) => Err(MatrixRow::M09),
    }
}
