//! The surface `/ofrep/v1`: the OpenFeature Remote Evaluation Protocol (OFREP), version 0.3.0.
//!
//! What its clients need, beyond what the protocol says, and what was chosen where it says nothing: `docs/ofrep.md`. What a
//! decision means to OpenFeature: `docs/evaluation.md`, section 6.

mod bulk;
mod context;
mod entry;
mod refusal;
mod single;

use crate::envelope::{ErrorCode, Problem};
use crate::http::{Header, Request, Response};
use crate::identity::Identity;
use crate::loaded::{ReadFaultCode, Served};
use crate::respond::Registry;

#[cfg(test)]
mod tests;

/// Every path of the protocol begins so; what is answered below it has the protocol's form, whatever is asked.
pub(crate) const PREFIX: &str = "/ofrep/";

/// All flags; followed by `/` and a key, one.
const FLAGS: &str = "/ofrep/v1/evaluate/flags";

/// Whether answers at this path have the protocol's form.
pub(crate) fn serves(path: &str) -> bool {
    path.starts_with(PREFIX)
}

/// Answers a request for one flag at a time (ms since the epoch).
#[inline(never)]
pub(crate) fn evaluate_one(request: &Request<'_>, identity: &Identity, registry: Registry<'_>, now: i64) -> Response {
    single::evaluate(request, identity, registry, now).unwrap_or_else(|refusal| refusal::refuse(&refusal, request.path))
}

/// Answers a request for all flags at a time (ms since the epoch). `stream` is the URL where the tenant's event stream is, if it has one.
#[inline(never)]
pub(crate) fn evaluate_all(
    request: &Request<'_>,
    identity: &Identity,
    registry: Registry<'_>,
    stream: Option<String>,
    now: i64,
) -> Response {
    bulk::evaluate(request, identity, registry, stream, now)
        .unwrap_or_else(|refusal| refusal::refuse(&refusal, request.path))
}

/// A problem at one of the protocol's paths, as it is answered.
#[inline(never)]
pub(crate) fn refuse(problem: &Problem, path: &str) -> Response {
    refusal::refuse(&problem.clone().into(), path)
}

/// The key of the one flag that a path asks for, still percent-encoded. Some clients do not encode the keys that they send, so
/// that a `/` does not end it.
pub(crate) fn key_in(path: &str) -> Option<&str> {
    path.strip_prefix(FLAGS)?.strip_prefix('/')
}

/// The registry to answer from.
///
/// A tenant that the caller named and that has no snapshot is not found: the caller has the name wrong, and asking again does
/// not help. The platform's own snapshot, and one that is there but cannot be used, are for this side to mend.
fn served<'a>(request: &Request<'_>, registry: Registry<'a>) -> Result<Served<'a>, Problem> {
    match registry {
        Registry::Unavailable(fault)
            if fault.code == ReadFaultCode::SnapshotMissing && request.headers.get(Header::Tenant).is_some() =>
        {
            Err(Problem::new(ErrorCode::NotFound, fault.message.clone())
                .hint("set the header X-Tenant-ID to a tenant whose snapshot is published"))
        }
        registry => registry.served(),
    }
}
