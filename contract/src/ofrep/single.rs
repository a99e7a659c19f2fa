//! `POST /ofrep/v1/evaluate/flags/{key}`.

use super::context::RemoteContext;
use super::entry::Entry;
use super::refusal::{Code, Refusal, json};
use super::{key_in, served};
use crate::envelope::{ErrorCode, Problem};
use crate::http::{Request, Response};
use crate::identity::Identity;
use crate::metrics::{Evaluations, Surface};
use crate::percent::{self, Plus};
use crate::respond::Registry;

/// Evaluates the flag that the path names, at a time (ms since the epoch), for the context of the body.
///
/// # Errors
/// There is no registry, or the body is refused. What is wrong with the flag itself is an answer.
pub(super) fn evaluate(
    request: &Request<'_>,
    identity: &Identity,
    registry: Registry<'_>,
    now: i64,
) -> Result<Response, Refusal> {
    let loaded = served(request, registry)?.loaded;
    let context = RemoteContext::read(&request.body)?.overruled_by(identity);
    let key = key_in(request.path).and_then(|key| percent::decode(key, Plus::Literal)).ok_or_else(|| {
        let problem = Problem::new(ErrorCode::NotFound, "the flag's key in the path is not percent-encoded UTF-8");
        Refusal::new(Code::FlagNotFound, problem)
    })?;
    let found = loaded.find(&key).map_err(Problem::from)?;
    let entry = Entry::of(&key, found.index, found.snapshot(), &context, now);
    let evaluations = Evaluations::of(Surface::Ofrep, [entry.reason()]);
    Ok(json(&entry, entry.refusal.as_ref(), "no-store").evaluated(evaluations))
}
