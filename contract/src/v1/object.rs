//! What the tenant's object answers: commands and queries.

mod audit;
mod flags;
mod others;
mod preview;
mod proposals;
mod rollouts;
mod segments;
mod webhooks;

use std::borrow::Cow;

use burgee_control::{
    Change, Command, Error, Occasion, Policy, ProposalRow, ProposalStatus, Store, Unreadable, decide,
};
use burgee_core::time::format_rfc3339;
use serde::Serialize;

use super::params::Params;
use super::{Operation, Principal, input};
use crate::envelope::{ErrorCode, Problem};
use crate::etag::{self, fnv1a_from};
use crate::http::{Header, Request, Response};
use crate::operations::{self, Entry};
use crate::percent::{self, Plus};
use crate::respond::Moment;
use crate::route::Route;

/// What is asked, and all that is known of it.
pub(super) struct Asked<'a> {
    pub(super) request: &'a Request<'a>,
    pub(super) principal: &'a Principal,
    pub(super) policy: &'a Policy,
    pub(super) moment: &'a Moment<'a>,
    pub(super) random: [u8; 32],
    pub(super) entry: &'static Entry,
    pub(super) params: Params<'a>,
}

/// What came of answering.
type Answer = Result<Response, Problem>;

/// Answers a request of which the edge knows that its bearer may ask it.
///
/// # Errors
/// It is refused.
pub(super) fn answer(
    store: &mut dyn Store,
    request: &Request<'_>,
    principal: &Principal,
    policy: &Policy,
    moment: &Moment<'_>,
    random: [u8; 32],
) -> Answer {
    let route = Route::of(request.method, request.path);
    let (Route::V1(operation), Some(entry)) = (route, operations::entry(route)) else {
        return Err(Problem::new(ErrorCode::NotFound, "the tenant's object does not serve this path"));
    };
    let params = Params::read(entry, request.query)?;
    let asked = Asked { request, principal, policy, moment, random, entry, params };
    match operation {
        Operation::UpsertFlag => flags::upsert(&asked, store),
        Operation::ListFlags => flags::list(&asked, store),
        Operation::GetFlag => flags::get(&asked, store),
        Operation::ReplaceFlag => flags::replace(&asked, store),
        Operation::MergeFlag => flags::merge(&asked, store),
        Operation::DeleteFlag => flags::delete(&asked, store),
        Operation::ArchiveFlag => flags::archive(&asked, store),
        Operation::RestoreFlag => flags::restore(&asked, store),
        Operation::ListOverrides => others::overrides(&asked, store),
        Operation::PutOverride => others::put_override(&asked, store),
        Operation::RemoveOverride => others::remove_override(&asked, store),
        Operation::ListExposures => others::exposures(&asked, store),
        Operation::ListKillSwitches => others::kill_switches(store),
        Operation::Engage => others::set_kill_switch(&asked, store, true),
        Operation::EngageAll => others::set_kill_switch(&asked, store, true),
        Operation::Release => others::set_kill_switch(&asked, store, false),
        Operation::ReleaseAll => others::set_kill_switch(&asked, store, false),
        Operation::Import => others::import(&asked, store),
        Operation::InvalidateCache => others::invalidate_cache(&asked, store),
        Operation::UpsertSegment => segments::upsert(&asked, store),
        Operation::ListSegments => segments::list(&asked, store),
        Operation::GetSegment => segments::get(&asked, store),
        Operation::ReplaceSegment => segments::replace(&asked, store),
        Operation::MergeSegment => segments::merge(&asked, store),
        Operation::DeleteSegment => segments::delete(&asked, store),
        Operation::RestoreSegment => segments::restore(&asked, store),
        Operation::StartRollout => rollouts::start(&asked, store),
        Operation::GetRollout => rollouts::get(&asked, store),
        Operation::PauseRollout
        | Operation::ResumeRollout
        | Operation::CancelRollout
        | Operation::RollBack
        | Operation::OpenGate => rollouts::steer(&asked, store, operation),
        Operation::StopRollouts => rollouts::stop(&asked, store, true),
        Operation::StartRollouts => rollouts::stop(&asked, store, false),
        Operation::ListProposals => proposals::list(&asked, store),
        Operation::GetProposal => proposals::get(&asked, store),
        Operation::Approve => proposals::approve(&asked, store),
        Operation::Reject => proposals::reject(&asked, store),
        Operation::ListAudit => audit::list(&asked, store),
        Operation::ListAuditSink => audit::sink(&asked, store),
        Operation::RetryAuditSink => audit::retry_sink(&asked, store),
        Operation::VerifyAudit => audit::verify(store),
        Operation::Preview => preview::answer(&asked, store),
        Operation::CreateWebhook => webhooks::create(&asked, store),
        Operation::ListWebhooks => webhooks::list(store),
        Operation::GetWebhook => webhooks::get(&asked, store),
        Operation::ReplaceWebhook => webhooks::replace(&asked, store),
        Operation::RemoveWebhook => webhooks::remove(&asked, store),
        Operation::RotateWebhook => webhooks::rotate(&asked, store),
        Operation::ListDeliveries => webhooks::deliveries(&asked, store),
        Operation::Redeliver => webhooks::redeliver(&asked, store),
        Operation::CountExposures
        | Operation::Evaluate
        | Operation::EvaluateBatch
        | Operation::Events
        | Operation::IssueToken
        | Operation::Keys
        | Operation::OpenApi
        | Operation::Snapshot => {
            Err(Problem::new(ErrorCode::InternalError, "this is answered elsewhere than in the tenant's object"))
        }
    }
}

impl Asked<'_> {
    /// The value of a `{name}` in the path. One that cannot be decoded names nothing that there could be.
    fn segment(&self, name: &str) -> Result<Cow<'_, str>, Problem> {
        operations::segment(self.entry.path, self.request.path, name)
            .and_then(|value| percent::decode(value, Plus::Literal))
            .ok_or_else(|| Problem::new(ErrorCode::NotFound, "the path is not percent-encoded UTF-8"))
    }

    /// The body's text; it is a JSON object.
    fn document(&self) -> Result<&str, Problem> {
        let text = input::text_of(self.request)?;
        input::object(text)?;
        Ok(text)
    }

    fn occasion(&self) -> Occasion<'_> {
        Occasion {
            actor: &self.principal.subject,
            request_id: self.moment.request_id,
            now: self.moment.now,
            random: self.random,
            policy: self.policy,
        }
    }

    /// Says what a command changes, and changes it.
    fn run(&self, store: &mut dyn Store, command: &Command) -> Result<Done, Problem> {
        let changes = decide(store, command, &self.occasion()).map_err(|error| refused(&error))?;
        if !changes.is_empty() {
            store.commit(&changes).map_err(|error| unavailable(&error))?;
        }
        let version = store.version().map_err(|error| unavailable(&error))?;
        Ok(Done { changes, version })
    }
}

/// What a command did.
struct Done {
    changes: Vec<Change>,
    /// The snapshot version that shows it.
    version: u64,
}

impl Done {
    /// The proposal that it made instead of doing what it says.
    fn proposed(&self) -> Option<&ProposalRow> {
        self.changes.iter().find_map(|change| match change {
            Change::PutProposal(row) if row.status == ProposalStatus::Waiting => Some(row),
            _ => None,
        })
    }

    /// The answer to a write: with a proposal if one was made, else what `of` gives.
    fn answer(&self, of: impl FnOnce() -> Answer) -> Answer {
        let response = match self.proposed() {
            Some(row) => json(202, &proposals::shown(row))?,
            None => of()?,
        };
        Ok(response.with("X-Burgee-Version", self.version.to_string()))
    }
}

/// A JSON answer that nobody keeps.
fn json(status: u16, value: &impl Serialize) -> Answer {
    let body = serde_json::to_vec(value)
        .map_err(|_| Problem::new(ErrorCode::InternalError, "the answer cannot be written as JSON"))?;
    Ok(Response { body, ..Response::new(status) }
        .with("Content-Type", "application/json")
        .with("Cache-Control", "no-store"))
}

/// The answer with one entity, and its tag.
fn entity(status: u16, document: &str, tag: String) -> Response {
    Response { body: document.into(), ..Response::new(status) }
        .with("Content-Type", "application/json")
        .with("Cache-Control", "private, no-cache")
        .with("ETag", tag)
}

/// The entity tag of a flag's or segment's version. Two tenants' are never the same, because the tenant is hashed too.
fn tag(kind: &str, tenant: &str, key: &str, version: u64) -> String {
    let parts = [kind.as_bytes(), tenant.as_bytes(), key.as_bytes(), &version.to_le_bytes()];
    let hash =
        parts.iter().fold(etag::fnv1a(b""), |hash, part| fnv1a_from(fnv1a_from(hash, &part.len().to_le_bytes()), part));
    format!("\"{hash:016x}\"")
}

/// Whether the caller holds this tag already.
fn is_held(request: &Request<'_>, tag: &str) -> bool {
    request.headers.get(Header::IfNoneMatch).is_some_and(|condition| etag::names(condition, tag))
}

/// The version that a write demands, where `present` is what there is and `tag_of` its tag: by `If-Match`, or by `version` in the body. A version of 0 demands
/// nothing: it is what documents have whose versions nobody counted.
///
/// # Errors
/// 409: what is demanded is not present.
fn demanded(
    request: &Request<'_>,
    present: Option<u64>,
    tag_of: impl Fn(u64) -> String,
    document: Option<&str>,
) -> Result<Option<u64>, Problem> {
    // Tags compare weakly: they name versions, which are the same however an answer was encoded on its way.
    if let Some(condition) = request.headers.get(Header::IfMatch) {
        let is_met = present.is_some_and(|version| etag::names(condition, &tag_of(version)));
        if !is_met {
            return Err(Problem::new(ErrorCode::VersionConflict, "the present version is not what If-Match demands")
                .hint("read it again, and repeat the change on what is there now"));
        }
        return Ok(present);
    }
    let Some(document) = document else { return Ok(None) };
    let members = input::object(document)?;
    let version = members.iter().rev().find(|(name, _)| name == "version").and_then(|(_, json)| json.as_safe_integer());
    Ok(version.and_then(|version| u64::try_from(version).ok()).filter(|version| *version > 0))
}

/// Why a command is refused, as it is told.
fn refused(error: &Error) -> Problem {
    match error {
        Error::Invalid(faults) => input::invalid(faults.clone()),
        Error::PrerequisiteCycle(keys) => {
            let cycle = keys.join(" → ");
            Problem::new(ErrorCode::PrerequisiteCycle, format!("prerequisites would lead in a circle: {cycle}"))
        }
        Error::NotFound(what) => Problem::new(ErrorCode::NotFound, format!("there is no such {what}")),
        Error::VersionConflict { expected, present } => {
            let present = present.map_or("there is none".to_owned(), |version| format!("the present one is {version}"));
            Problem::new(ErrorCode::VersionConflict, format!("version {expected} is demanded, and {present}"))
                .hint("read it again, and repeat the change on what is there now")
        }
        Error::RolloutConflict(message) => Problem::new(ErrorCode::RolloutConflict, message.clone()),
        Error::Conflict(message) => Problem::new(ErrorCode::Conflict, message.clone()),
        Error::OwnProposal => {
            Problem::new(ErrorCode::PermissionDenied, "a proposal is approved by another person than its author")
        }
        Error::LimitExceeded { limit, message } => {
            let message = if message.contains(limit) { message.clone() } else { format!("{message} ({limit})") };
            Problem::new(ErrorCode::LimitExceeded, message)
        }
        Error::TooSoon { retry_after_s, message } => {
            Problem::new(ErrorCode::RateLimited, message.clone()).with(|more| more.retry_after_s = Some(*retry_after_s))
        }
        Error::Unreadable(unreadable) => unavailable(unreadable),
    }
}

/// Storage does not answer, or holds what cannot be understood.
fn unavailable(error: &Unreadable) -> Problem {
    Problem::new(ErrorCode::Unavailable, "the tenant's storage does not answer; nothing was changed")
        .with(|more| more.for_log = Some(error.0.clone()))
}

fn not_found(what: &str) -> Problem {
    Problem::new(ErrorCode::NotFound, format!("there is no such {what}"))
}

/// A time as it is shown.
fn time(ms: i64) -> String {
    format_rfc3339(ms)
}

impl From<Unreadable> for Problem {
    fn from(unreadable: Unreadable) -> Self {
        unavailable(&unreadable)
    }
}
