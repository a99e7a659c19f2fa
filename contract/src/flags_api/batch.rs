//! `POST /api/flags/eval/batch`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use burgee_core::model::OverrideScope;
use burgee_core::{FlagIndex, InlineOverride, Json, Path, Value};
use serde_json::value::RawValue;

use super::answer::Answer;
use crate::caller::Caller;
use crate::envelope::{Data, Problem, Service, success};
use crate::http::{Request, Response};
use crate::identity::Identity;
use crate::json_body::{Object, items, object, text, value, wrong};
use crate::limits;
use crate::loaded::Served;
use crate::metrics::{Evaluations, Surface};

const ROOT: Path<'_> = Path::Root;

/// Evaluates the flags of the body `{context, flags[], overrides?: {user?, tenant?}}` in the order asked, repeats included. Members
/// that are not known are ignored, so that callers may send what later versions read.
///
/// # Errors
/// A body that cannot be read, that lacks a context, a user or flags, that has one of another type, or is past a limit.
#[inline(never)]
pub(crate) fn evaluate_batch(
    request: &Request<'_>,
    identity: &Identity,
    served: &Served<'_>,
    now: i64,
    service: Service<'_>,
) -> Result<Response, Problem> {
    let body = object(text(&request.body)?, &ROOT)?;
    body.check_unread(&["context", "flags", "overrides"], &ROOT)?;
    let caller = Caller::from_body(identity, &request.headers, context(&body)?)?;
    let keys = flags(&body)?;
    let overrides = overrides(&body)?;
    let evaluation = served.evaluation(now, Some(&overrides));
    let found = keys.iter().map(|key| served.loaded.find(key)).collect::<Result<Vec<_>, _>>()?;
    let of = |(key, found)| Answer::of(key, found, served, &caller, &evaluation);
    let answers: Vec<Answer<'_>> = keys.iter().map(AsRef::as_ref).zip(&found).map(of).collect();
    let evaluations = Evaluations::of(Surface::Api, answers.iter().map(Answer::reason));
    Ok(success(Data::Value(&answers), service).with("Cache-Control", "no-store").evaluated(evaluations))
}

/// The keys of the flags that a request asks for.
///
/// # Errors
/// The body cannot be read, or lacks flags.
pub(crate) fn keys_of_batch(request: &Request<'_>) -> Result<Vec<String>, Problem> {
    let body = object(text(&request.body)?, &ROOT)?;
    Ok(flags(&body)?.into_iter().map(Cow::into_owned).collect())
}

/// The members of `context`.
fn context<'a>(body: &Object<'a>) -> Result<Members<'a>, Problem> {
    members_of(required(body, "context", &Path::Name(&ROOT, "context"))?)
}

/// Names and values.
type Members<'a> = Vec<(Cow<'a, str>, Json<'a>)>;

/// The members of a body's `context`.
///
/// # Errors
/// It is no object, is too large, or holds what cannot be held.
pub(super) fn members_of(raw: &RawValue) -> Result<Members<'_>, Problem> {
    let path = Path::Name(&ROOT, "context");
    if raw.get().len() > burgee_core::limits::CONTEXT_BYTES {
        let limit = burgee_core::limits::CONTEXT_BYTES;
        return Err(wrong(&path, &format!("is larger than {limit} bytes (CONTEXT_BYTES)")));
    }
    let members = object(raw.get(), &path)?;
    members
        .into_members()
        .map(|(name, raw)| {
            let json = value(raw, &Path::Name(&path, &name))?;
            Ok((name, json))
        })
        .collect()
}

/// The strings of `flags`.
fn flags<'a>(body: &Object<'a>) -> Result<Vec<Cow<'a, str>>, Problem> {
    let path = Path::Name(&ROOT, "flags");
    let keys = items(required(body, "flags", &path)?, &path)?;
    if keys.len() > limits::BATCH_KEYS {
        return Err(wrong(&path, &format!("has more than {} items (BATCH_KEYS)", limits::BATCH_KEYS))
            .hint("ask in several requests, or evaluate in your own process with the npm package burgee"));
    }
    keys.into_iter()
        .enumerate()
        .map(|(index, raw)| {
            let path = Path::Index(&path, index);
            match value(raw, &path)? {
                Json::String(key) => Ok(key),
                _ => Err(wrong(&path, "must be a string: a flag's key")),
            }
        })
        .collect()
}

/// The request's own overrides, by flag. A sorted map, because the names are the caller's, and a hash could be attacked.
type Scope<'a> = BTreeMap<Cow<'a, str>, Json<'a>>;

#[derive(Default)]
struct Overrides<'a> {
    user: Scope<'a>,
    tenant: Scope<'a>,
}

fn overrides<'a>(body: &Object<'a>) -> Result<Overrides<'a>, Problem> {
    let path = Path::Name(&ROOT, "overrides");
    let Some(raw) = body.get("overrides") else { return Ok(Overrides::default()) };
    let scopes = object(raw.get(), &path)?;
    scopes.check_unread(&["user", "tenant"], &path)?;
    let scope = |name| -> Result<Scope<'a>, Problem> {
        let path = Path::Name(&path, name);
        let Some(raw) = scopes.get(name) else { return Ok(Scope::new()) };
        object(raw.get(), &path)?
            .into_members()
            .map(|(flag, raw)| {
                let json = value(raw, &Path::Name(&path, &flag))?;
                Ok((flag, json))
            })
            .collect()
    };
    Ok(Overrides { user: scope("user")?, tenant: scope("tenant")? })
}

impl burgee_core::Overrides for Overrides<'_> {
    /// An override as the evaluator takes it: `null` is none, and what is neither a boolean nor a variant's key is skipped there.
    fn inline(&self, scope: OverrideScope, _: FlagIndex, key: &str) -> InlineOverride<'_> {
        let scope = match scope {
            OverrideScope::User => &self.user,
            OverrideScope::Tenant => &self.tenant,
        };
        scope.get(key).map_or(InlineOverride::Absent, |json| Value::from(json).into())
    }
}

fn required<'a>(body: &Object<'a>, name: &str, path: &Path<'_>) -> Result<&'a RawValue, Problem> {
    body.get(name).ok_or_else(|| {
        wrong(path, "is missing").hint(r#"send {"context": {"user_id": "U-1"}, "flags": ["flags.registry_v1"]}"#)
    })
}
