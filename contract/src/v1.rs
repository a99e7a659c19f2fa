//! The control plane's surface, `/v1`: requests become commands and queries of a tenant, and their results responses.
//!
//! A request is looked at twice. At the edge [`crate::Plan`] says what it is, who asks and whether he may; what a tenant's object must
//! answer is carried there together with the [`Principal`], and there [`serve`] answers it. What each request means is written in
//! `docs/control-plane.md`.

mod access;
mod clients;
mod edge;
mod evaluate;
mod events;
mod exposures;
mod input;
mod issue;
mod object;
mod page;
mod params;
mod problem;
mod scope;
pub mod signature;
mod snapshot;
pub(crate) mod token;

use burgee_control::{Policy, Store};
use serde::{Deserialize, Serialize};

use crate::http::{Request, Response};
use crate::respond::{Moment, finish};

pub(crate) use access::{Grant, Tenant, authorise};
pub use clients::Client;
pub(crate) use edge::answer;
pub(crate) use events::stream_url;
pub use events::{
    EventFilter, Frames, event_filter, first_frames, ofrep_frame, resume_after, sse_frame, sse_heartbeat,
};
pub use exposures::{ExposureBatch, exposure_batch};
pub(crate) use problem::{refuse, serves};
pub use scope::Scope;
pub use token::Secret;

/// Who asks, as his token says. The edge hands it to the object as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// The token's `sub`.
    pub subject: String,
    /// The token's scopes.
    pub scopes: Vec<String>,
}

/// What can be asked of `/v1`; the table of operations says of each how, and what it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the table of operations says of each what it does")]
pub enum Operation {
    Approve,
    ArchiveFlag,
    CancelRollout,
    CountExposures,
    CreateWebhook,
    DeleteFlag,
    DeleteSegment,
    Engage,
    EngageAll,
    Evaluate,
    EvaluateBatch,
    Events,
    GetFlag,
    GetProposal,
    GetRollout,
    GetSegment,
    GetWebhook,
    Import,
    InvalidateCache,
    IssueToken,
    Keys,
    ListAudit,
    ListAuditSink,
    ListDeliveries,
    ListExposures,
    ListFlags,
    ListKillSwitches,
    ListOverrides,
    ListProposals,
    ListSegments,
    ListWebhooks,
    MergeFlag,
    MergeSegment,
    OpenApi,
    OpenGate,
    PauseRollout,
    Preview,
    PutOverride,
    Redeliver,
    Reject,
    Release,
    ReleaseAll,
    RemoveOverride,
    RemoveWebhook,
    ReplaceFlag,
    ReplaceSegment,
    ReplaceWebhook,
    RestoreFlag,
    RestoreSegment,
    RetryAuditSink,
    ResumeRollout,
    RollBack,
    RotateWebhook,
    Snapshot,
    StartRollout,
    StartRollouts,
    StopRollouts,
    UpsertFlag,
    UpsertSegment,
    VerifyAudit,
}

/// Answers, in a tenant's object, a request that the edge has let through. Every change that is stored is stored by one
/// [`Store::commit`]. `random` are fresh random bytes.
#[must_use]
pub fn serve(
    store: &mut dyn Store,
    request: &Request<'_>,
    principal: &Principal,
    policy: &Policy,
    moment: &Moment<'_>,
    random: [u8; 32],
) -> Response {
    match object::answer(store, request, principal, policy, moment, random) {
        Ok(response) => finish(response, request.method, moment),
        Err(problem) => crate::refuse(&problem, request.method, request.path, moment),
    }
}

#[cfg(test)]
mod tests;
