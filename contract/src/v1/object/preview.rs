//! `POST /v1/evaluate/preview`: a flag as it is stored now, or as it might be, evaluated with every step.
//!
//! What is evaluated is a snapshot of its own, of all that the flag needs and nothing else: the flags that are its prerequisites, the segments that they name, the
//! user's and his tenant's overrides, and the kill switches. So it is the evaluator that answers, and no second one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use burgee_control::{Change, Command, Draft, Store, Write as WriteMode, decide};
use burgee_core::model::{Condition, Flag, OverrideScope};
use burgee_core::time::parse_rfc3339;
use burgee_core::{
    Compared, ComparedValue, Decision, FaultCode, Json, Outcome, Path, Request as Evaluation, Snapshot, Source, Step,
    attribute,
};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::{Answer, Asked, json, refused};
use crate::envelope::{ErrorCode, Problem};
use crate::v1::evaluate::{Shown, User};
use crate::v1::input::{self, Faults, Fields, is_key};

/// Prerequisites are walked no deeper than evaluation does, so that a document's size is bounded.
const FLAGS: usize = 1 + burgee_core::limits::PREREQUISITE_WALKS as usize;

pub(super) fn answer(asked: &Asked<'_>, store: &dyn Store) -> Answer {
    let text = asked.document()?;
    let members = input::object(text)?;
    let mut faults = Faults::default();
    let body = Fields::of(&members, &Path::Root);
    let user = User::read(&body, &mut faults);
    let at = at(&body, &mut faults);
    let wanted = wanted(&body, &mut faults);
    body.no_others(&["flag_key", "flag", "user", "at"], &mut faults);
    faults.none()?;
    let (Some(user), Some(wanted)) = (user, wanted) else { return Err(Problem::invalid("the body lacks a member")) };

    let root = match wanted {
        Wanted::Stored(key) => stored(store, key)?.ok_or_else(crate::v1::evaluate::unknown)?,
        Wanted::Given(flag) => given(asked, store, flag)?,
    };
    let document = document(store, &root, &user)?;
    let snapshot = Snapshot::parse(document.as_bytes()).map_err(|fault| {
        Problem::new(ErrorCode::InternalError, "the stored flags cannot be evaluated")
            .with(|more| more.for_log = Some(fault.to_string()))
    })?;
    let context = user.context();
    let evaluation = Evaluation::at(at.unwrap_or(asked.moment.now));
    let (decision, steps) = snapshot.explain(snapshot.find(&root.key), &context, &evaluation);
    json(200, &Preview { key: &root.key, decision: &decision, steps: &steps, snapshot: &snapshot })
}

fn at(body: &Fields<'_, '_>, faults: &mut Faults) -> Option<i64> {
    let at = match body.get("at")? {
        Json::String(text) => parse_rfc3339(text),
        _ => None,
    };
    if at.is_none() {
        body.fault("at", FaultCode::InvalidValue, "must be a time as 2026-01-15T09:00:00Z (RFC 3339)", faults);
    }
    at
}

/// Which flag is previewed.
enum Wanted<'j> {
    Stored(&'j str),
    Given(&'j Json<'j>),
}

fn wanted<'j>(body: &Fields<'j, '_>, faults: &mut Faults) -> Option<Wanted<'j>> {
    match (body.get("flag_key"), body.get("flag")) {
        (Some(Json::String(key)), None) => Some(Wanted::Stored(key)),
        (Some(_), None) => {
            body.fault("flag_key", FaultCode::WrongType, "must be a string", faults);
            None
        }
        (None, Some(flag @ Json::Object(_))) => Some(Wanted::Given(flag)),
        (None, Some(_)) => {
            body.fault("flag", FaultCode::WrongType, "must be a flag's document", faults);
            None
        }
        (None, None) => {
            body.fault("flag_key", FaultCode::Missing, "or flag must be there", faults);
            None
        }
        (Some(_), Some(_)) => {
            body.fault("flag", FaultCode::InvalidValue, "must not be there beside flag_key", faults);
            None
        }
    }
}

/// A flag with what it names.
struct Node {
    key: String,
    document: String,
    prerequisites: Vec<String>,
    segments: Vec<String>,
}

fn stored(store: &dyn Store, key: &str) -> Result<Option<Node>, Problem> {
    let row = if is_key(key) { store.flag(key)? } else { None };
    let row = row.filter(|row| row.deleted_at.is_none() && row.archived_at.is_none());
    Ok(row.map(|row| Node {
        key: row.key,
        document: row.document,
        prerequisites: row.prerequisites,
        segments: row.segments,
    }))
}

/// A flag that is not saved, checked as a write of it would be. Its faults are told with pointers into the request's body.
fn given(asked: &Asked<'_>, store: &dyn Store, flag: &Json<'_>) -> Result<Node, Problem> {
    let text = serde_json::to_string(flag).unwrap_or_default();
    let draft = Draft { key: None, document: text.clone(), write: WriteMode::Upsert, expected: None };
    let changes = decide(store, &Command::PutFlag(draft), &asked.occasion()).map_err(|error| {
        let mut problem = refused(&error);
        if let Some(more) = &mut problem.more {
            more.faults.iter_mut().for_each(|fault| fault.pointer.insert_str(0, "/flag"));
        }
        problem
    })?;
    for change in changes {
        if let Change::PutFlag(row) = change {
            let (key, document) = (row.key, row.document);
            return Ok(Node { key, document, prerequisites: row.prerequisites, segments: row.segments });
        }
    }
    // It is as it is stored already, or it would wait for a second person: nothing is written, and it is read here.
    let costs = |key: &str| {
        let row = store.segment(key).ok().flatten().filter(|row| row.deleted_at.is_none());
        row.map(|row| row.cost)
    };
    let flag = Flag::read(&text, &costs).map_err(input::invalid)?;
    let mut segments = BTreeSet::new();
    flag.rules.iter().for_each(|rule| named_by(&rule.when, &mut segments));
    Ok(Node {
        document: serde_json::to_string(&flag).unwrap_or_default(),
        prerequisites: flag.prerequisites.into_iter().map(|prerequisite| prerequisite.flag).collect(),
        segments: segments.into_iter().collect(),
        key: flag.key,
    })
}

/// The segments that a condition names.
fn named_by(condition: &Condition, segments: &mut BTreeSet<String>) {
    match condition {
        Condition::All(conditions) | Condition::Any(conditions) => {
            conditions.iter().for_each(|condition| named_by(condition, segments));
        }
        Condition::Not(condition) => named_by(condition, segments),
        Condition::Segment(key) => drop(segments.insert(key.clone())),
        Condition::Attribute { .. } => {}
    }
}

/// The snapshot of all that a flag needs.
fn document(store: &dyn Store, root: &Node, user: &User<'_>) -> Result<String, Problem> {
    let mut flags = BTreeMap::from([(root.key.clone(), root.document.clone())]);
    let mut segments: BTreeSet<String> = root.segments.iter().cloned().collect();
    let mut to_do = root.prerequisites.clone();
    while let Some(key) = to_do.pop() {
        if flags.contains_key(&key) || flags.len() >= FLAGS {
            continue;
        }
        if let Some(node) = stored(store, &key)? {
            flags.insert(key, node.document);
            segments.extend(node.segments);
            to_do.extend(node.prerequisites);
        }
    }
    // Writing a flag anew under a deleted key takes the old one's rows away.
    let is_there = store.flag(&root.key)?.is_some_and(|row| row.deleted_at.is_none());
    let mut overrides = Vec::new();
    let ids = [(OverrideScope::User, attribute::USER_ID), (OverrideScope::Tenant, attribute::TENANT_ID)];
    for (scope, id) in ids.into_iter().filter_map(|(scope, name)| Some((scope, user.id(name)?))) {
        for key in flags.keys().filter(|key| *key != &root.key || is_there) {
            overrides.extend(store.override_row(scope, &id, key)?.map(|row| row.document));
        }
    }
    let mut rows = Vec::new();
    for key in &segments {
        let row = store.segment(key)?.filter(|row| row.deleted_at.is_none());
        rows.extend(row.map(|row| row.document));
    }
    let switches = store.kill_switches()?.into_iter().filter(|row| row.engaged);
    let switches: Vec<String> =
        switches.map(|row| serde_json::json!({"category": row.category, "engaged": true}).to_string()).collect();
    Ok(format!(
        "{{\"schema\":\"{}\",\"tenant\":\"{}\",\"version\":{},\"flags\":[{}],\"segments\":[{}],\"overrides\":[{}],\"kill_switches\":[{}]}}",
        burgee_core::model::SnapshotDocument::SCHEMA,
        store.tenant(),
        store.version()?,
        flags.into_values().collect::<Vec<_>>().join(","),
        rows.join(","),
        overrides.join(","),
        switches.join(","),
    ))
}

/// The answer: an evaluation, and how it came about.
struct Preview<'a> {
    key: &'a str,
    decision: &'a Decision<'a>,
    steps: &'a [Step<'a>],
    snapshot: &'a Snapshot,
}

impl Serialize for Preview<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let Self { key, decision, steps, snapshot } = self;
        Shown { key, decision: **decision, snapshot }.serialize_into(&mut map)?;
        map.serialize_entry("reason_chain", steps)?;
        map.serialize_entry("explanation", &explanation(key, decision, steps))?;
        map.end()
    }
}

/// The walk in words, a line for each step that had something to say.
fn explanation(key: &str, decision: &Decision<'_>, steps: &[Step<'_>]) -> String {
    let mut text = match decision.variant {
        Some(variant) => format!("{key} serves {}.\n", variant.key),
        None => format!("{key} serves nothing: the caller's default stands.\n"),
    };
    for step in steps.iter().filter(|step| step.outcome != Outcome::Absent) {
        text.push_str(&line(step));
        text.push('\n');
        for compared in &step.compared {
            text.push_str(&compared_line(compared));
            text.push('\n');
        }
    }
    text
}

/// One step.
fn line(step: &Step<'_>) -> String {
    let mut line = String::from("- ");
    line.push_str(match step.step {
        Source::UnknownFlag => "there is no such flag",
        Source::Sensitive => "who may be told of a sensitive flag",
        Source::KillSwitch => "kill switch",
        Source::InlineUserOverride | Source::InlineTenantOverride => "override of the request",
        Source::StoreUserOverride => "override of the user",
        Source::StoreTenantOverride => "override of the tenant",
        Source::Off => "the flag's state",
        Source::Prerequisite => "prerequisite",
        Source::Target => "target lists",
        Source::Rule => "rule",
        Source::StagedBucket | Source::RolloutStageMap => "stage",
        Source::DefaultDistribution => "fallthrough's distribution",
        Source::Default => "default",
    });
    let names = [step.category, step.prerequisite, step.rule_id];
    for name in names.into_iter().flatten() {
        let _ = write!(line, " {name}");
    }
    if let Some(stage) = step.rollout_stage {
        let stage = serde_json::to_string(&stage).unwrap_or_default();
        let _ = write!(line, " {}", stage.trim_matches('"'));
    }
    if let Some(env) = step.env {
        let _ = write!(line, " (of the environment {env})");
    }
    line.push_str(": ");
    line.push_str(match step.outcome {
        Outcome::Match => "it decides",
        Outcome::NoMatch => "does not match",
        Outcome::Absent => "there is none",
        Outcome::Expired => "its time is over",
        Outcome::UnknownVariant => "names a variant that the flag does not have",
        Outcome::NoBucketingUnit => "the context has nothing to bucket by",
        Outcome::NotInPercentage => "matches, and its percentage does not take the user in",
        Outcome::Met => "is met",
        Outcome::Permitted => "is permitted",
        Outcome::WrongType => "the attribute is of a type that cannot be compared so",
    });
    if let Some(served) = step.served {
        let _ = write!(line, ", it serves {served}");
    }
    if let (Some(bucket), Some(threshold)) = (step.bucket, step.threshold) {
        let bucket = serde_json::to_string(&bucket).unwrap_or_default();
        let _ = write!(line, " (bucket {bucket}, threshold {threshold})");
    }
    line
}

/// One comparison. The value that the user's attribute has is not told, only what it is compared with.
fn compared_line(compared: &Compared<'_>) -> String {
    let outcome = if compared.outcome == Outcome::Match { "yes" } else { "no" };
    if let Some(segment) = compared.segment {
        let by = compared.by.map_or_else(String::new, |by| format!(" by its {by}"));
        return format!("    in segment {segment}: {outcome}{by}");
    }
    let operator = compared.op.map_or_else(String::new, |op| {
        serde_json::to_string(&op).unwrap_or_default().trim_matches('"').replace('_', " ")
    });
    let value = match &compared.value {
        None => String::new(),
        Some(ComparedValue::Count { count }) => format!(" a list of {count}"),
        Some(value) => format!(" {}", serde_json::to_string(value).unwrap_or_default()),
    };
    format!("    {} {operator}{value}: {outcome}", compared.attr.unwrap_or_default())
}
