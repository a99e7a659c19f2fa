//! `POST /v1/evaluate` and `/v1/evaluate/batch`: decisions in the words of `/v1`.

use std::borrow::Cow;

use burgee_core::{Decision, FaultCode, Json, NamedContext, Path, Reason, Snapshot, Source, attribute};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::input::{self, Faults, Fields};
use crate::envelope::{ErrorCode, Problem};
use crate::http::{Request, Response};
use crate::limits;
use crate::loaded::{Found, Served};
use crate::metrics::{Evaluations, Surface};

/// Whom flags are evaluated for: the attributes, the user's id among them.
pub(super) struct User<'a>(Vec<(Cow<'a, str>, Json<'a>)>);

impl<'a> User<'a> {
    /// Reads the member `user` of a body: `{"id", "attributes"?}`.
    pub(super) fn read(body: &Fields<'_, '_>, faults: &mut Faults) -> Option<Self> {
        let path = Path::Name(&Path::Root, "user");
        let Json::Object(members) = body.need("user", faults)? else {
            faults.add(FaultCode::WrongType, &path, "must be an object");
            return None;
        };
        let fields = Fields::of(members, &path);
        let id = fields.need("id", faults).filter(|id| {
            let is_id = match id {
                Json::String(text) => !text.is_empty(),
                id => id.as_safe_integer().is_some(),
            };
            if !is_id {
                let must = "must be a string that is not empty, or an integer";
                fields.fault("id", FaultCode::InvalidValue, must, faults);
            }
            is_id
        });
        let mut attributes = Vec::new();
        match fields.get("attributes") {
            None => {}
            Some(Json::Object(members)) => {
                let others = members.iter().filter(|(name, _)| name != attribute::USER_ID);
                attributes.extend(others.map(|(name, value)| (Cow::Owned(name.to_string()), value.to_static())));
            }
            Some(_) => fields.fault("attributes", FaultCode::WrongType, "must be an object", faults),
        }
        fields.no_others(&["id", "attributes"], faults);
        if size_of(&attributes) > burgee_core::limits::CONTEXT_BYTES {
            faults.add(FaultCode::LimitExceeded, &path, "is larger than 65536 bytes (CONTEXT_BYTES)");
        }
        attributes.push((attribute::USER_ID.into(), id?.to_static()));
        Some(User(attributes))
    }

    /// The same as the evaluator takes it.
    pub(super) fn context(&'a self) -> NamedContext<'a> {
        NamedContext::from_members(&self.0)
    }

    /// An attribute that is an id, as text.
    pub(super) fn id(&self, name: &str) -> Option<String> {
        let found = self.0.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value)?;
        match found {
            Json::String(text) if !text.is_empty() => Some(text.to_string()),
            number => number.as_safe_integer().map(|id| id.to_string()),
        }
    }
}

/// Bytes of attributes as JSON, near enough.
fn size_of(attributes: &[(Cow<'_, str>, Json<'_>)]) -> usize {
    let bytes = |value: &Json<'_>| serde_json::to_vec(value).map_or(usize::MAX, |text| text.len());
    attributes.iter().fold(0, |sum, (name, value)| sum.saturating_add(name.len()).saturating_add(bytes(value)))
}

/// Evaluates one flag.
///
/// # Errors
/// The body's faults; 404 for a flag that there is not.
pub(super) fn one(request: &Request<'_>, served: Option<&Served<'_>>, now: i64) -> Result<Response, Problem> {
    let members = input::object(input::text_of(request)?)?;
    let mut faults = Faults::default();
    let body = Fields::of(&members, &Path::Root);
    let key = text(&body, "flag_key", &mut faults);
    let user = User::read(&body, &mut faults);
    body.no_others(&["flag_key", "user"], &mut faults);
    faults.none()?;
    let (Some(key), Some(user)) = (key, user) else { return Err(Problem::invalid("the body lacks a member")) };
    let context = user.context();
    let found = served.map(|served| served.loaded.find(key)).transpose()?;
    let shown = found.as_ref().zip(served).and_then(|(found, served)| decide(key, found, served, &context, now));
    let shown = shown.ok_or_else(unknown)?;
    Ok(answer(&shown)?.evaluated(Evaluations::of(Surface::V1, [shown.decision.reason])))
}

/// Evaluates some flags, in the order asked, repeats included.
///
/// # Errors
/// The body's faults.
pub(super) fn batch(request: &Request<'_>, served: Option<&Served<'_>>, now: i64) -> Result<Response, Problem> {
    #[derive(Serialize)]
    struct Results<'a> {
        results: Vec<Item<'a>>,
    }
    let members = input::object(input::text_of(request)?)?;
    let mut faults = Faults::default();
    let body = Fields::of(&members, &Path::Root);
    let keys = keys(&body, &mut faults);
    let user = User::read(&body, &mut faults);
    body.no_others(&["flag_keys", "user"], &mut faults);
    faults.none()?;
    let Some(user) = user else { return Err(Problem::invalid("the body lacks a user")) };
    let context = user.context();
    let look = |key| served.map(|served| served.loaded.find(key)).transpose();
    let found = keys.iter().map(|key| look(key)).collect::<Result<Vec<_>, _>>()?;
    let mut results = Vec::with_capacity(keys.len());
    for (key, found) in keys.iter().zip(&found) {
        let shown = found.as_ref().zip(served).and_then(|(found, served)| decide(key, found, served, &context, now));
        results.push(Item { key, shown });
    }
    // A key that is nobody's is an error here, and no evaluation.
    let reasons = results.iter().filter_map(|item| Some(item.shown.as_ref()?.decision.reason));
    let evaluations = Evaluations::of(Surface::V1, reasons);
    Ok(answer(&Results { results })?.evaluated(evaluations))
}

/// The decision about a flag that was looked for; none where there is no such flag.
fn decide<'a>(
    key: &'a str,
    found: &'a Found<'_>,
    served: &Served<'_>,
    context: &NamedContext<'_>,
    now: i64,
) -> Option<Shown<'a>> {
    let snapshot = found.snapshot();
    let decision = snapshot.evaluate(Some(found.index?), context, &served.evaluation(now, None), &mut ());
    Some(Shown { key, decision, snapshot })
}

fn text<'j>(body: &Fields<'j, '_>, name: &str, faults: &mut Faults) -> Option<&'j str> {
    match body.need(name, faults)? {
        Json::String(text) => Some(text),
        _ => {
            body.fault(name, FaultCode::WrongType, "must be a string", faults);
            None
        }
    }
}

fn keys<'j>(body: &Fields<'j, '_>, faults: &mut Faults) -> Vec<&'j str> {
    let path = Path::Name(&Path::Root, "flag_keys");
    let items = match body.need("flag_keys", faults) {
        None => return Vec::new(),
        Some(Json::Array(items)) if (1..=limits::BATCH_KEYS).contains(&items.len()) => items,
        Some(_) => {
            faults.add(FaultCode::InvalidValue, &path, "must be a list of 1 to 100 strings (BATCH_KEYS)");
            return Vec::new();
        }
    };
    let key = |(place, item): (usize, &'j Json<'j>)| match item {
        Json::String(key) => Some(key.as_ref()),
        _ => {
            faults.add(FaultCode::WrongType, &Path::Index(&path, place), "must be a string");
            None
        }
    };
    items.iter().enumerate().filter_map(key).collect()
}

pub(super) fn unknown() -> Problem {
    Problem::new(ErrorCode::NotFound, "the tenant has no flag of this key")
}

fn answer(value: &impl Serialize) -> Result<Response, Problem> {
    let body = serde_json::to_vec(value)
        .map_err(|_| Problem::new(ErrorCode::InternalError, "the answer cannot be written as JSON"))?;
    Ok(Response { body, ..Response::new(200) }
        .with("Content-Type", "application/json")
        .with("Cache-Control", "no-store"))
}

/// A decision as it is shown.
pub(super) struct Shown<'a> {
    pub(super) key: &'a str,
    pub(super) decision: Decision<'a>,
    pub(super) snapshot: &'a Snapshot,
}

impl Shown<'_> {
    /// Writes the members into an object that goes on.
    pub(super) fn serialize_into<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let decision = &self.decision;
        map.serialize_entry("flag_key", self.key)?;
        map.serialize_entry("value", &decision.variant.map(|variant| &variant.value))?;
        map.serialize_entry("variant", &decision.variant.map(|variant| &variant.key))?;
        map.serialize_entry("enabled", &decision.enabled)?;
        map.serialize_entry("reason", reason(decision))?;
        if let Some(rule) = decision.rule_id() {
            map.serialize_entry("rule_id", rule)?;
        }
        map.serialize_entry("details", &Details(decision))?;
        map.serialize_entry("flag_version", &decision.flag_version())?;
        map.serialize_entry("snapshot_version", &self.snapshot.version())
    }
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.serialize_into(&mut map)?;
        map.end()
    }
}

struct Details<'a>(&'a Decision<'a>);

impl Serialize for Details<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let decision = self.0;
        let mut map = serializer.serialize_map(None)?;
        if let Some(bucket) = decision.bucket {
            map.serialize_entry("bucket", &bucket)?;
        }
        if let Some(threshold) = decision.threshold {
            map.serialize_entry("threshold", &threshold)?;
        }
        if let Some(stage) = decision.stage {
            map.serialize_entry("stage", &stage)?;
        }
        if let Some(prerequisite) = decision.prerequisite() {
            map.serialize_entry("prerequisite", prerequisite)?;
        }
        map.serialize_entry("source", &decision.source)?;
        map.end()
    }
}

/// One of a batch: a decision, or that there is no such flag.
struct Item<'a> {
    key: &'a str,
    shown: Option<Shown<'a>>,
}

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Unknown<'a> {
            code: ErrorCode,
            detail: &'a str,
        }
        if let Some(shown) = &self.shown {
            return shown.serialize(serializer);
        }
        let problem = unknown();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("flag_key", self.key)?;
        map.serialize_entry("error", &Unknown { code: problem.code, detail: &problem.message })?;
        map.end()
    }
}

/// A decision's reason in the words of `/v1` (the design's table, section 5).
fn reason(decision: &Decision<'_>) -> &'static str {
    match (decision.source, decision.reason) {
        (Source::UnknownFlag, _) => "not_found",
        (Source::KillSwitch | Source::Off, _) | (Source::Target, Reason::DenyList) => "flag_off",
        (
            Source::InlineUserOverride
            | Source::InlineTenantOverride
            | Source::StoreUserOverride
            | Source::StoreTenantOverride,
            _,
        ) => "override",
        (Source::Sensitive, _) => "sensitive",
        (Source::Prerequisite, _) => "prerequisite_failed",
        (Source::Target | Source::Rule, _) => "rule_match",
        (Source::StagedBucket, _) => "percentage",
        (Source::DefaultDistribution, _) => "default_distribution",
        (Source::RolloutStageMap | Source::Default, _) => "default",
    }
}
