//! What of `/v1` is answered at the edge.

use super::{Operation, exposures};
use crate::envelope::{ErrorCode, Problem};
use crate::http::{Request, Response};
use crate::respond::{Moment, Registry};
use crate::route::Plan;

/// Answers an operation that the tenant's object is not needed for.
///
/// # Errors
/// It is refused.
pub(crate) fn answer(
    operation: Operation,
    _plan: &Plan<'_>,
    request: &Request<'_>,
    _registry: Registry<'_>,
    moment: &Moment<'_>,
) -> Result<Response, Problem> {
    match operation {
        Operation::CountExposures => exposures::read(request, moment.now).map(|_| Response::new(202)),
        _ => Err(Problem::new(ErrorCode::Unavailable, "the tenant's object was not asked")),
    }
}
