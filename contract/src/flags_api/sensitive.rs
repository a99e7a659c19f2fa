//! `POST /api/flags/sensitive-eval`.

use std::borrow::Cow;

use burgee_core::model::Sensitive;
use burgee_core::{Json, Path};
use serde::Serialize;
use serde_json::value::RawValue;

use super::answer::Answer;
use super::batch::members_of;
use crate::caller::Caller;
use crate::envelope::{Data, Problem, Service, success};
use crate::http::{Request, Response};
use crate::identity::Identity;
use crate::json_body::{object, text, value, wrong};
use crate::loaded::Served;
use crate::sensitive::{Gate, PolicyDecision, TtlState};

const ROOT: Path<'_> = Path::Root;

/// What a request asks for.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) key: Cow<'a, str>,
    context: Option<&'a RawValue>,
    /// The approval, where neither the token nor a header names one.
    pub(crate) approval_ref: Option<String>,
}

/// Reads the body `{key, context?, approval_ref?}`. Members that are not known are ignored.
///
/// # Errors
/// It cannot be read, lacks the key, or has a member of another type.
pub(crate) fn asked<'a>(request: &Request<'a>) -> Result<Asked<'a>, Problem> {
    let body = object(text(&request.body)?, &ROOT)?;
    body.check_unread(&["key", "context", "approval_ref"], &ROOT)?;
    let string = |name: &'static str| -> Result<Option<Cow<'a, str>>, Problem> {
        let path = Path::Name(&ROOT, name);
        match body.get(name).map(|raw| value(raw, &path)).transpose()? {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text)),
            Some(_) => Err(wrong(&path, "must be a string")),
        }
    };
    let key = string("key")?.ok_or_else(|| {
        wrong(&Path::Name(&ROOT, "key"), "is missing").hint(r#"send {"key": "ff.cm.advanced_policy", "context": {}}"#)
    })?;
    Ok(Asked { key, context: body.get("context"), approval_ref: string("approval_ref")?.map(Cow::into_owned) })
}

/// Evaluates one flag and says how it stands with its gate. A flag that is not sensitive has none.
///
/// # Errors
/// As [`asked`]; the context is wrong or names nobody; what is stored is broken where the flag stands.
#[inline(never)]
pub(crate) fn evaluate(
    request: &Request<'_>,
    identity: &Identity,
    served: &Served<'_>,
    now: i64,
    service: Service<'_>,
) -> Result<Response, Problem> {
    let asked = asked(request)?;
    let members = asked.context.map_or(Ok(Vec::new()), members_of)?;
    let caller = Caller::from_body(identity, &request.headers, members)?;
    let found = served.loaded.find(&asked.key)?;
    let sensitive = found.index.and_then(|index| found.snapshot().flag(index)?.sensitive());
    let answer = SensitiveAnswer {
        evaluation: Answer::of(&asked.key, &found, served, &caller, &served.evaluation(now, None)),
        sensitivity: Sensitivity::of(sensitive),
        gate: sensitive.map_or(GateReport::NOT_REQUIRED, |_| GateReport::of(served.gate, &asked.key)),
    };
    Ok(success(Data::Value(&answer), service).with("Cache-Control", "no-store"))
}

#[derive(Serialize)]
struct SensitiveAnswer<'a> {
    evaluation: Answer<'a>,
    sensitivity: Sensitivity<'a>,
    gate: GateReport<'a>,
}

#[derive(Serialize)]
struct Sensitivity<'a> {
    sensitive_flag: bool,
    requires_approval: bool,
    approval_matrix_row: Option<&'a str>,
}

impl<'a> Sensitivity<'a> {
    fn of(sensitive: Option<&'a Sensitive>) -> Self {
        Self {
            sensitive_flag: sensitive.is_some_and(|sensitive| sensitive.sensitive_flag),
            requires_approval: sensitive.is_some_and(|sensitive| sensitive.requires_approval),
            approval_matrix_row: sensitive.and_then(|sensitive| sensitive.approval_matrix_row.as_deref()),
        }
    }
}

/// What the gate decided, and of what.
#[derive(Serialize)]
struct GateReport<'a> {
    decision: GateDecision,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<burgee_core::Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl_state: Option<TtlState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    approval_ref: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum GateDecision {
    Policy(PolicyDecision),
    NotRequired(&'static str),
}

impl<'a> GateReport<'a> {
    const NOT_REQUIRED: Self =
        Self { decision: GateDecision::NotRequired("not_required"), reason: None, ttl_state: None, approval_ref: None };

    fn of(gate: &'a Gate, key: &str) -> Self {
        let (denial, told) = (gate.denial(key), gate.told(key));
        let decided = told.policy.map_or(PolicyDecision::Deny, |policy| policy.decision);
        Self {
            decision: GateDecision::Policy(if denial.is_some() { PolicyDecision::Deny } else { decided }),
            reason: denial.map(burgee_core::Denial::reason),
            ttl_state: told.ttl_state,
            approval_ref: told.approval_ref,
        }
    }
}
