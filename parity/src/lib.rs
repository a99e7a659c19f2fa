//! The native evaluator as the parity runners speak to it: JSON in, JSON out.
//!
//! JSON text cannot carry everything that JavaScript can. What it cannot is written by the runners as an object of one member:
//! `{"$utf16": [units]}` for a string with lone surrogates, `{"$number": "NaN" | "Infinity" | "-Infinity" | "-0"}` for such a number.

use burgee_core::model::OverrideScope;
use burgee_core::packed::{Packed, Rows};
use burgee_core::{
    DecisionJson, Denial, Documents, Fault, FlagIndex, InlineOverride, Json, NamedContext, Overrides, Permits, Request,
    Snapshot, Step, Text, Value, wtf8_from_utf16,
};
use serde::Deserialize;
use serde_json::value::RawValue;

/// A registry and what is asked of it.
#[derive(Deserialize)]
pub struct Case<'a> {
    /// The document, as it was written.
    #[serde(borrow)]
    pub registry: &'a RawValue,
    /// The requests.
    #[serde(borrow)]
    pub requests: Vec<CaseRequest<'a>>,
}

/// One request, as the npm package's `evaluate` takes it.
#[derive(Deserialize)]
pub struct CaseRequest<'a> {
    /// The flag's key: a string, or its `$utf16` form.
    #[serde(borrow)]
    pub key: Json<'a>,
    /// The context.
    #[serde(borrow, default = "no_members")]
    pub context: Json<'a>,
    /// Inline overrides: `{user?, tenant?}`.
    #[serde(borrow, default = "no_members")]
    pub overrides: Json<'a>,
    /// Which sensitive flags the caller may be told of, by key: `true`, or the reason why not. One that is not named is `auth_not_verified`.
    /// Absent: there is nobody who could say so.
    #[serde(borrow, default)]
    pub permits: Option<Json<'a>>,
    /// The time, ms since the epoch; the clock's where it does not say.
    #[serde(default)]
    pub now: Option<f64>,
}

fn no_members<'a>() -> Json<'a> {
    Json::Object(Vec::new())
}

/// Answers a case: `{"warnings": [{code, pointer}], "decisions": […]}` or `{"refused": {code, pointer}}`.
///
/// # Panics
/// A flag that is compiled alone, out of the packed form, is decided otherwise than in the whole.
#[must_use]
pub fn answer(case: &Case<'_>) -> serde_json::Value {
    match Snapshot::parse(case.registry.get().as_bytes()) {
        Err(Fault { code, pointer, .. }) => serde_json::json!({"refused": {"code": code, "pointer": pointer}}),
        Ok(snapshot) => {
            let warnings = snapshot.warnings().iter();
            let decisions = case.requests.iter().map(|request| decide(&snapshot, request));
            assert_alike_packed(case, &snapshot);
            serde_json::json!({
                "warnings": warnings
                    .map(|warning| serde_json::json!({"code": warning.code, "pointer": warning.pointer}))
                    .collect::<Vec<_>>(),
                "decisions": decisions.collect::<Vec<_>>(),
            })
        }
    }
}

/// Decides every request once more from the packed form of the entries that are not at fault, with the whole of them and with the flag alone.
fn assert_alike_packed(case: &Case<'_>, snapshot: &Snapshot) {
    let Ok(documents) = Documents::read(case.registry.get().as_bytes()) else { return };
    let rows = Rows::of(&documents);
    // An entry that its short form kept just within a limit is not written as canonical JSON by anybody.
    let Ok(packed) = rows.parts(snapshot.tenant(), snapshot.version(), snapshot.generated_at()).pack() else { return };
    let packed = Packed::open(packed).unwrap_or_else(|fault| panic!("what was packed is refused: {fault}"));
    let Ok(whole) = Snapshot::parse(packed.json()) else { return };
    for request in &case.requests {
        let key = text_of(&request.key).and_then(|key| String::from_utf8(key).ok()).unwrap_or_default();
        let closure = packed.find(&key).map_or_else(|| packed.empty(), |place| packed.closure(place));
        let alone = closure.compile().unwrap_or_else(|fault| panic!("{key} alone is refused: {fault}"));
        // The clock may go on between the two; what it changes is drawn far from today.
        assert_eq!(decide(&alone, request), decide(&whole, request), "{key} alone");
    }
}

/// Decides one request in full, as JSON.
#[must_use]
pub fn decide(snapshot: &Snapshot, request: &CaseRequest<'_>) -> serde_json::Value {
    let key = text_of(&request.key).unwrap_or_default();
    let key = Text::from_wtf8(&key);
    let mut context = NamedContext::new();
    for (name, value) in members(&request.context) {
        match value {
            Json::Array(items) => context.set_list(name.as_ref(), items.iter().map(value_of)),
            _ => context.set(name.as_ref(), value_of(value)),
        }
    }
    let overrides = Inline(&request.overrides);
    let now = request.now.unwrap_or_else(clock).floor() as i64;
    let permits = request.permits.as_ref().map(Permitted);
    let permits = permits.as_ref().map(|permits| permits as &dyn Permits);
    let request = Request { now, overrides: Some(&overrides), permits };
    let mut steps: Vec<Step<'_>> = Vec::new();
    let flag = key.as_str().and_then(|key| snapshot.find(key));
    let decision = snapshot.evaluate(flag, &context, &request, &mut steps);
    let flag_key = key.to_string_lossy();
    let json = DecisionJson { flag_key: &flag_key, decision: &decision, steps: &steps, explain: false };
    serde_json::to_value(json).unwrap_or_default()
}

/// The overrides of a request.
struct Inline<'a>(&'a Json<'a>);

impl Overrides for Inline<'_> {
    fn inline(&self, scope: OverrideScope, _: FlagIndex, key: &str) -> InlineOverride<'_> {
        let scope = match scope {
            OverrideScope::User => "user",
            OverrideScope::Tenant => "tenant",
        };
        let of_scope = members(self.0).iter().find(|(name, _)| name == scope);
        let of_flag = of_scope.and_then(|(_, by_flag)| members(by_flag).iter().find(|(flag, _)| flag == key));
        of_flag.map_or(InlineOverride::Absent, |(_, value)| value_of(value).into())
    }
}

/// The permits of a request.
struct Permitted<'a>(&'a Json<'a>);

impl Permits for Permitted<'_> {
    fn permit(&self, _: FlagIndex, key: &str) -> Result<(), Denial> {
        match members(self.0).iter().find(|(flag, _)| flag == key).map(|(_, permit)| permit) {
            Some(Json::Bool(true)) => Ok(()),
            Some(Json::String(reason)) => Err(match reason.as_ref() {
                "approval_expired" => Denial::ApprovalExpired,
                "policy_denied" => Denial::PolicyDenied,
                "admin_unreachable" => Denial::AdminUnreachable,
                _ => Denial::AuthNotVerified,
            }),
            _ => Err(Denial::AuthNotVerified),
        }
    }
}

/// The time, ms since the epoch, for requests that do not say.
fn clock() -> f64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0.0, |duration| duration.as_millis() as f64)
}

/// Keeps a text for as long as the process runs: values borrow, and a runner's process is short.
fn keep(text: Vec<u8>) -> &'static [u8] {
    Box::leak(text.into_boxed_slice())
}

fn members<'j, 'a>(json: &'j Json<'a>) -> &'j [(std::borrow::Cow<'a, str>, Json<'a>)] {
    match json {
        Json::Object(members) => members,
        _ => &[],
    }
}

/// The bytes, in generalised UTF-8, of a string or its `$utf16` form.
fn text_of(json: &Json<'_>) -> Option<Vec<u8>> {
    match json {
        Json::String(text) => Some(text.as_bytes().to_vec()),
        Json::Object(members) => match members.as_slice() {
            [(name, Json::Array(units))] if name == "$utf16" => {
                let units = units.iter().filter_map(|unit| u16::try_from(unit.as_safe_integer()?).ok());
                Some(wtf8_from_utf16(&units.collect::<Vec<_>>()))
            }
            _ => None,
        },
        _ => None,
    }
}

fn value_of<'j>(json: &'j Json<'j>) -> Value<'j> {
    if let Json::Object(members) = json {
        if let [(name, Json::String(number))] = members.as_slice()
            && name == "$number"
        {
            return Value::Number(number.parse().unwrap_or(f64::NAN));
        }
        return match text_of(json) {
            Some(text) => Value::Text(Text::from_wtf8(keep(text))),
            None => Value::Object,
        };
    }
    Value::from(json)
}

/// The UTF-16 code units of a JSON string as it is written, quotes included: what `serde_json` cannot give for lone surrogates.
#[must_use]
pub fn units_of_json_string(raw: &str) -> Vec<u16> {
    let mut units = Vec::new();
    let mut chars = raw.trim().trim_start_matches('"').trim_end_matches('"').chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            units.extend(char.encode_utf16(&mut [0; 2]).iter());
            continue;
        }
        units.push(match chars.next() {
            Some('u') => {
                let hex: String = chars.by_ref().take(4).collect();
                u16::from_str_radix(&hex, 16).unwrap_or(0)
            }
            Some('n') => 0x0a,
            Some('t') => 0x09,
            Some('r') => 0x0d,
            Some('b') => 0x08,
            Some('f') => 0x0c,
            // What is left are characters that stand for themselves, all of them ASCII.
            Some(other) => other as u16,
            None => break,
        });
    }
    units
}
