//! `POST /ofrep/v1/evaluate/flags`.

use serde::Serialize;

use super::context::RemoteContext;
use super::entry::Entry;
use super::refusal::{Refusal, json};
use super::served;
use crate::envelope::Problem;
use crate::etag;
use crate::http::{Header, Request, Response};
use crate::identity::Identity;
use crate::metrics::{Evaluations, Surface};
use crate::respond::Registry;

/// Nobody between may keep what is one caller's, and who keeps it asks again before using it.
const CACHE: &str = "private, no-cache";

#[derive(Serialize)]
struct Bulk<'a> {
    flags: Vec<Entry<'a>>,
    metadata: SetMetadata<'a>,
    #[serde(rename = "eventStreams", skip_serializing_if = "Option::is_none")]
    event_streams: Option<[EventStream; 1]>,
}

/// Where clients hear that there is something new.
#[derive(Serialize)]
struct EventStream {
    r#type: &'static str,
    url: String,
}

/// What clients hand on as the metadata of the flag set.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SetMetadata<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    flag_set_id: &'a str,
    /// The snapshot's.
    version: u64,
}

/// Evaluates every flag at a time (ms since the epoch) for the context of the body, or says that a client which shows the answer's
/// entity tag has it already.
///
/// `stream` is the URL of an event stream. It is part of the answer, and holds a token that ends: so the answer is another now and then, and a client whose stream has
/// ended is not told by a 304 that it has all there is.
///
/// The tag covers the answer, byte for byte, and the context. So it changes with whatever the answer depends on: the tenant, the
/// snapshot's version and content, and the time, at which an override ends. The context is covered by itself because clients send
/// the tag of their old context with a new one. An answer must be made before its tag is known; what a 304 saves is the way.
///
/// # Errors
/// There is no registry, or the body is refused.
pub(super) fn evaluate(
    request: &Request<'_>,
    identity: &Identity,
    registry: Registry<'_>,
    stream: Option<String>,
    now: i64,
) -> Result<Response, Refusal> {
    let snapshot = served(request, registry)?.loaded.snapshot().map_err(Problem::from)?;
    let context = RemoteContext::read(&request.body)?.overruled_by(identity);
    let flags: Vec<Entry<'_>> = snapshot
        .flags()
        .iter()
        .map(|flag| Entry::of(flag.key(), snapshot.find(flag.key()), snapshot, &context, now))
        .collect();
    let metadata = SetMetadata { flag_set_id: snapshot.tenant(), version: snapshot.version() };
    let event_streams = stream.map(|url| [EventStream { r#type: "sse", url }]);
    let evaluations = Evaluations::of(Surface::Ofrep, flags.iter().map(Entry::reason));
    let response = json(&Bulk { flags, metadata, event_streams }, None, CACHE);

    let context = serde_json::to_vec(&context).unwrap_or_default();
    let hash = etag::fnv1a_from(etag::fnv1a(&response.body), &context);
    let tag = format!("\"{}-{hash:016x}\"", snapshot.version());
    let condition = request.headers.get(Header::IfNoneMatch);
    let response = if condition.is_some_and(|condition| etag::names(condition, &tag)) {
        Response::new(304).with("Cache-Control", CACHE)
    } else {
        response
    };
    Ok(response.with("ETag", tag).evaluated(evaluations))
}
