//! The control plane's surface, `/v1`: requests become commands and queries of a tenant, and their results responses.
//!
//! A request is looked at twice. At the edge [`Operation::of`] and [`authorise`] say what it is and who asks; what a tenant's object
//! must answer is carried there together with the [`Principal`], and there [`serve`] answers it. What each request means is written in
//! `docs/control-plane.md`.

use burgee_control::{Policy, Store};
use serde::{Deserialize, Serialize};

use crate::http::{Request, Response};
use crate::respond::Moment;

/// Who asks, as his token says. The edge hands it to the object as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// The token's `sub`.
    pub subject: String,
    /// The token's scopes.
    pub scopes: Vec<String>,
}

/// Answers, in a tenant's object, a request that the edge has let through. Every change that is stored is stored by one
/// [`Store::commit`]. `random` are fresh random bytes.
#[must_use]
pub fn serve(
    _store: &mut dyn Store,
    _request: &Request<'_>,
    _principal: &Principal,
    _policy: &Policy,
    _moment: &Moment<'_>,
    _random: [u8; 32],
) -> Response {
    Response::new(501)
}
