//! `GET /api/flags/registry`.

use std::collections::HashMap;

use burgee_core::model::{Flag, FlagType, RolloutStage, Sensitive, State};
use burgee_core::time::format_rfc3339;
use burgee_core::{Snapshot, Warning, read_flags};
use serde::Serialize;
use serde::ser::Serializer;

use crate::envelope::{Data, ErrorCode, Problem, Service, success};
use crate::etag;
use crate::http::{Header, Request, Response};
use crate::loaded::{Loaded, Served};
use crate::query::Query;

/// Gives the registry as it is stored, byte for byte, or its summary (`?summary=true`). Of sensitive flags neither says more than anybody is told.
///
/// The entity tag covers `data`: the stored bytes, which of the two forms, and, where this program writes them, as it does the summary and what is
/// left of sensitive flags, its version.
/// It is a strong tag although the envelope's `request_id` differs from answer to answer: that names the answer, as a header
/// would, and is no part of what is tagged. Where byte-equal bodies would matter, in range requests, nothing is offered
/// (`Accept-Ranges: none`).
///
/// # Errors
/// The query cannot be decoded, or `summary` is neither `true` nor `false`.
#[inline(never)]
pub(crate) fn registry(request: &Request<'_>, served: &Served<'_>, service: Service<'_>) -> Result<Response, Problem> {
    let query = Query::parse(request.query)?;
    let is_summary = match query.get("summary") {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(Problem::invalid("the query parameter summary must be true or false")),
    };
    let loaded = served.loaded;
    let redacted = loaded.redacted()?;
    let tag = tag_of(loaded, is_summary, redacted.is_some(), service);
    let condition = request.headers.get(Header::IfNoneMatch);
    let response = if condition.is_some_and(|condition| etag::names(condition, &tag)) {
        Response::new(304)
    } else if is_summary {
        success::<()>(Data::Raw(summary(loaded)?), service)
    } else {
        success::<()>(Data::Raw(redacted.unwrap_or_else(|| loaded.document())), service)
    };
    Ok(response.with("ETag", tag).with("Cache-Control", "no-cache").with("Accept-Ranges", "none"))
}

fn tag_of(loaded: &Loaded, is_summary: bool, is_redacted: bool, service: Service<'_>) -> String {
    let (version, hash) = (loaded.version(), loaded.hash());
    if is_summary {
        format!("\"{version}-{hash:016x}-summary-{}\"", service.service_version)
    } else if is_redacted {
        format!("\"{version}-{hash:016x}-redacted-{}\"", service.service_version)
    } else {
        format!("\"{version}-{hash:016x}\"")
    }
}

/// A registry in short.
#[derive(Serialize)]
struct Summary<'a> {
    tenant: &'a str,
    version: u64,
    generated_at: Option<String>,
    count: usize,
    flags: Vec<Entry<'a>>,
    warnings: &'a [Warning],
}

/// A flag that can be asked for. One that is at fault is off and shows its key alone; the warnings say why.
#[derive(Serialize)]
struct Entry<'a> {
    key: &'a str,
    valid: bool,
    #[serde(flatten)]
    details: Option<Details<'a>>,
}

#[derive(Serialize)]
struct Details<'a> {
    #[serde(rename = "type")]
    flag_type: FlagType,
    state: State,
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    tags: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    rollout_stage: Option<RolloutStage>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_map")]
    rollout_stage_map: Option<&'a [(String, RolloutStage)]>,
    sensitive: bool,
    high_impact: bool,
}

/// The summary's JSON, made once per registry: it reads every flag again, which the compiled form does not keep.
fn summary(loaded: &Loaded) -> Result<&[u8], Problem> {
    if let Some(made) = loaded.summary.get() {
        return Ok(made);
    }
    let made = write_summary(loaded, loaded.snapshot()?)
        .ok_or_else(|| Problem::new(ErrorCode::InternalError, "the registry's summary cannot be made"))?;
    Ok(loaded.summary.get_or_init(|| made))
}

/// None could only be if a document that was compiled could not be read a second time.
fn write_summary(loaded: &Loaded, snapshot: &Snapshot) -> Option<Vec<u8>> {
    let flags: Vec<Flag> =
        read_flags(loaded.redacted().ok()?.unwrap_or_else(|| loaded.document())).ok()?.into_iter().flatten().collect();
    let mut by_key: HashMap<&str, &Flag> = HashMap::new();
    for flag in flags.iter().filter(|flag| flag.state != State::Archived) {
        // As in the snapshot, the first of a repeated key counts.
        by_key.entry(&flag.key).or_insert(flag);
    }
    let entries: Vec<Entry<'_>> = snapshot
        .flags()
        .iter()
        .map(|compiled| {
            let valid = compiled.version().is_some();
            let flag = by_key.get(compiled.key()).filter(|_| valid);
            Entry { key: compiled.key(), valid, details: flag.map(|flag| Details::of(flag)) }
        })
        .collect();
    let summary = Summary {
        tenant: snapshot.tenant(),
        version: snapshot.version(),
        generated_at: snapshot.generated_at().map(format_rfc3339),
        count: entries.len(),
        flags: entries,
        warnings: snapshot.warnings(),
    };
    serde_json::to_vec(&summary).ok()
}

impl<'a> Details<'a> {
    fn of(flag: &'a Flag) -> Self {
        let stage = flag.stage.as_ref();
        Self {
            flag_type: flag.flag_type,
            state: flag.state,
            version: flag.version,
            description: flag.description.as_deref(),
            owner: flag.owner.as_deref(),
            tags: &flag.tags,
            rollout_stage: stage.map(|stage| stage.rollout_stage),
            rollout_stage_map: stage.map(|stage| stage.rollout_stage_map.as_slice()).filter(|map| !map.is_empty()),
            sensitive: flag.sensitive.as_ref().is_some_and(Sensitive::applies),
            high_impact: flag.high_impact,
        }
    }
}

fn as_map<S: Serializer>(map: &Option<&[(String, RolloutStage)]>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(map.unwrap_or_default().iter().map(|(env, stage)| (env, stage)))
}
