//! Event streams: what is written to them (`text/event-stream`), and where one that is resumed begins.
//!
//! The adapter holds the stream open; what it writes is made here.

use burgee_control::events::is_wanted;
use burgee_control::{EventRow, Lists, Read};

use super::token::{self, Claims, EVENTS_AUDIENCE};
use crate::envelope::Problem;
use crate::http::{Header, Request};
use crate::limits;
use crate::query::Query;
use crate::route::Plan;

/// What is written now and then, so that whatever lies between does not take the stream for dead.
#[must_use]
pub fn sse_heartbeat() -> &'static str {
    ": still here\n\n"
}

/// An event of `/v1/events`.
#[must_use]
pub fn sse_frame(event: &EventRow) -> String {
    // The document is JSON in one line: a line break within it would be `\n` in a string.
    format!("id: {}\nevent: {}\ndata: {}\n\n", event.seq, event.event_type, event.document)
}

/// The event of an OFREP stream that a snapshot version is to be had, published at a time (ms since the epoch).
#[must_use]
pub fn ofrep_frame(version: u64, published_at: i64) -> String {
    let seconds = published_at.div_euclid(1000);
    format!(
        "id: {version}\nevent: message\ndata: {{\"type\":\"refetchEvaluation\",\"etag\":\"\\\"{version}\\\"\",\"lastModified\":{seconds}}}\n\n"
    )
}

/// Which types of events a stream is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter(Vec<String>);

impl EventFilter {
    /// Whether an event of this type is wanted.
    #[must_use]
    pub fn wants(&self, event_type: &str) -> bool {
        is_wanted(&self.0, event_type)
    }
}

/// Which types a request asks for: `?types=flag.*,segment.created`; without it all.
///
/// # Errors
/// The query cannot be decoded.
pub fn event_filter(request: &Request<'_>) -> Result<EventFilter, Problem> {
    let query = Query::parse(request.query)?;
    let types = query.get("types").unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty());
    Ok(EventFilter(types.map(str::to_owned).collect()))
}

/// The seq after which a request wants events: of `Last-Event-ID`, or of `?last_event_id=`; none where it wants those to come.
///
/// # Errors
/// It is no seq, or the query cannot be decoded.
pub fn resume_after(request: &Request<'_>) -> Result<Option<u64>, Problem> {
    let query = Query::parse(request.query)?;
    // The parameter is looked at where the header counts too: one that is there must be what it shall be.
    let parameter = query.first("last_event_id").map(|id| seq("the parameter last_event_id", id)).transpose()?;
    let header = request.headers.get(Header::LastEventId).map(|id| seq("the header Last-Event-ID", id)).transpose()?;
    Ok(header.or(parameter))
}

fn seq(place: &str, id: &str) -> Result<u64, Problem> {
    let is_digits = id.bytes().all(|byte| byte.is_ascii_digit());
    id.parse().ok().filter(|seq| is_digits && *seq <= burgee_core::MAX_SAFE_INTEGER).ok_or_else(|| {
        Problem::invalid(format!("{place} is not an event's id"))
            .hint("send the id of the last event that was read, a whole number, or none")
    })
}

/// How a stream begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frames {
    /// What is written at once.
    pub text: String,
    /// The last seq that was looked at: the stream goes on after it.
    pub last_seq: u64,
    /// Whether there are more that can be had at once: call again with `last_seq`.
    pub more: bool,
}

/// What a stream that wants events after `after` is given at once: the events that it missed, at most `limit` of them. Where the log no longer has the first of
/// them, an event `reset` comes first, with the seq from which on the log is whole: the client reads anew what it follows. Without `after` there
/// is nothing to catch up with.
///
/// # Errors
/// The tenant's rows cannot be read.
pub fn first_frames(lists: &dyn Lists, after: Option<u64>, filter: &EventFilter, limit: usize) -> Read<Frames> {
    let kept = lists.events()?;
    let last = kept.map_or(0, |(_, last)| last);
    let Some(after) = after else { return Ok(Frames { last_seq: last, ..Frames::default() }) };
    let mut frames = Frames { last_seq: after, ..Frames::default() };
    let first = kept.map_or(1, |(first, _)| first);
    // An id past the last was given by another log than this one: of a tenant that was lost and set up anew.
    if after > last || after.saturating_add(1) < first {
        let from = if after > last { last.saturating_add(1) } else { first };
        frames.text = format!("event: reset\ndata: {{\"from\":{from}}}\n\n");
        frames.last_seq = from.saturating_sub(1);
    }
    let events = lists.events_after(frames.last_seq, limit)?;
    frames.more = events.len() >= limit;
    for event in &events {
        frames.last_seq = event.seq;
        if filter.wants(&event.event_type) {
            frames.text.push_str(&sse_frame(event));
        }
    }
    Ok(frames)
}

/// The URL of the OFREP stream that a plan's tenant has, with a token for it; none where it has none, or no secret is set.
///
/// `EventSource` sends no header, so the token stands in the URL. It is another every third of its time only, because it is part of an answer that has an entity tag.
pub(crate) fn stream_url(plan: &Plan<'_>, now: i64) -> Option<String> {
    let origin = plan.streams_at?;
    let tenant = plan.tenant()?;
    let third_s = limits::EVENTS_TOKEN_TTL_S.checked_div(3)?;
    let third_ms = third_s.checked_mul(1000)?;
    let since = now.checked_div_euclid(third_ms)?.checked_mul(third_ms)?;
    // It has been there for a third at most when it is handed out, and then counts for the whole time still.
    let ttl_s = limits::EVENTS_TOKEN_TTL_S.checked_add(third_s)?;
    let tenants = vec![tenant.to_owned()];
    let claims = Claims::new(EVENTS_AUDIENCE, "ofrep", Vec::new(), tenants, since, ttl_s);
    let token = token::issue(&claims, &plan.settings.token_secrets)?;
    Some(format!("{origin}/ofrep/v1/events?token={token}"))
}
