//! `GET /api/flags/eval`.

use burgee_core::Request as Evaluation;

use super::answer::Answer;
use crate::caller::Caller;
use crate::envelope::{Data, Problem, Service, success};
use crate::http::{Request, Response};
use crate::identity::Identity;
use crate::loaded::Served;
use crate::metrics::{Evaluations, Surface};
use crate::query::Query;

/// Evaluates the flag `key` for the caller that headers and query describe. A flag that does not exist is an answer.
///
/// # Errors
/// The query cannot be decoded, or names no flag; nobody names a user; what is stored is broken where the flag stands.
#[inline(never)]
pub(crate) fn evaluate(
    request: &Request<'_>,
    identity: &Identity,
    served: &Served<'_>,
    now: i64,
    service: Service<'_>,
) -> Result<Response, Problem> {
    let query = Query::parse(request.query)?;
    let key = query.get("key").ok_or_else(|| {
        Problem::invalid("the query parameter key is missing").hint("name the flag: ?key=flags.registry_v1")
    })?;
    let caller = Caller::from_query(identity, &request.headers, &query)?;
    let found = served.loaded.find(key)?;
    let answer = Answer::of(key, &found, served, &caller, &Evaluation::at(now));
    let evaluations = Evaluations::of(Surface::Api, [answer.reason()]);
    Ok(success(Data::Value(&answer), service).with("Cache-Control", "no-store").evaluated(evaluations))
}
