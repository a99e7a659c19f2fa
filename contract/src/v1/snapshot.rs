//! `GET /v1/snapshot` and `GET /v1/keys`: what is evaluated, for those who evaluate it themselves.

use burgee_core::REDACTION;

use crate::envelope::{ErrorCode, Problem};
use crate::etag;
use crate::http::{Header, Request, Response};
use crate::loaded::Served;
use crate::settings::Settings;
use crate::v1::signature::public_keys;

/// Whoever keeps it asks again before using it, and tells it from others' by the tenant.
const CACHE: &str = "private, no-cache";

/// The snapshot's JSON as it is stored, without what its sensitive flags hide, or that a client which shows its entity tag has it already.
///
/// # Errors
/// 404: nothing was ever written to the tenant. What is stored is broken.
pub(super) fn answer(request: &Request<'_>, served: Option<Served<'_>>) -> Result<Response, Problem> {
    let served = served.ok_or_else(|| {
        Problem::new(ErrorCode::NotFound, "the tenant has no snapshot").hint("there is one from its first flag on")
    })?;
    let loaded = served.loaded;
    let version = loaded.version();
    let redacted = loaded.redacted()?;
    // What is left of sensitive flags is this program's to say, and may change with it.
    let form = redacted.map_or_else(String::new, |_| format!("-redacted-{REDACTION}"));
    let tag = format!("\"{version}-{:016x}{form}\"", loaded.hash());
    let is_held = request.headers.get(Header::IfNoneMatch).is_some_and(|condition| etag::names(condition, &tag));
    let response = if is_held {
        Response::new(304)
    } else {
        let body = redacted.unwrap_or_else(|| loaded.document()).to_vec();
        let response = Response { body, ..Response::new(200) }.with("Content-Type", "application/json");
        // Each form has a signature of its own.
        match if redacted.is_some() { loaded.public_signature() } else { loaded.signature() } {
            Some(signature) => response.with("Burgee-Signature", signature.to_owned()),
            None => response,
        }
    };
    Ok(response.with("Cache-Control", CACHE).with("ETag", tag).with("X-Burgee-Version", version.to_string()))
}

/// The public keys of those that snapshots are signed with, as a JWK set; none where snapshots are not signed.
///
/// # Errors
/// None.
pub(super) fn keys(settings: &Settings) -> Result<Response, Problem> {
    let body = public_keys(&settings.signing_keys);
    Ok(Response { body, ..Response::new(200) }
        .with("Content-Type", "application/json")
        .with("Cache-Control", "public, max-age=300"))
}
