//! What of `/v1` is answered at the edge.

use super::{Operation, evaluate, exposures, issue, snapshot};
use crate::envelope::{ErrorCode, Problem};
use crate::http::{Request, Response};
use crate::loaded::{ReadFaultCode, Served};
use crate::openapi;
use crate::respond::{Moment, Registry};
use crate::route::Plan;

/// Answers an operation that the tenant's object is not needed for.
///
/// # Errors
/// It is refused.
#[inline(never)]
pub(crate) fn answer(
    operation: Operation,
    plan: &Plan<'_>,
    request: &Request<'_>,
    registry: Registry<'_>,
    moment: &Moment<'_>,
) -> Result<Response, Problem> {
    match operation {
        Operation::IssueToken => issue::token(plan.settings, request, moment.now),
        Operation::Evaluate => evaluate::one(request, served(registry)?.as_ref(), moment.now),
        Operation::EvaluateBatch => evaluate::batch(request, served(registry)?.as_ref(), moment.now),
        Operation::Snapshot => snapshot::answer(request, served(registry)?),
        Operation::CountExposures => {
            exposures::read(request, moment.now)?;
            let body = br#"{"accepted":true}"#.to_vec();
            Ok(Response { body, ..Response::new(202) }
                .with("Content-Type", "application/json")
                .with("Cache-Control", "no-store"))
        }
        Operation::Keys => snapshot::keys(plan.settings),
        Operation::OpenApi => openapi::answer(),
        _ => Err(Problem::new(ErrorCode::Unavailable, "the tenant's object was not asked; nothing was changed")),
    }
}

/// The tenant's registry; none where nothing was ever written to the tenant, which has no flags then.
fn served(registry: Registry<'_>) -> Result<Option<Served<'_>>, Problem> {
    match registry {
        Registry::Ready(served) => Ok(Some(served)),
        Registry::Unavailable(fault) if fault.code == ReadFaultCode::SnapshotMissing => Ok(None),
        Registry::Unavailable(fault) => Err(Problem::new(
            ErrorCode::Unavailable,
            "the tenant's snapshot cannot be had, and none is held from before",
        )
        .with(|more| more.for_log = Some(fault.message.clone()))),
        Registry::NotAsked => Err(Problem::new(ErrorCode::InternalError, "the registry was not read")),
    }
}
