//! burgee's evaluation as an application would write it for itself: parsed structs, hash maps of the standard library, an answer that
//! borrows. It walks the steps of docs/evaluation.md that a flag without stages, prerequisites and distributions can take, with the
//! operators of the measurements, and the hash of everything before the unit computed when loaded.

use std::collections::{HashMap, HashSet};
use std::hint::black_box;
use std::rc::Rc;

use serde::Deserialize;

use crate::{Checked, Inputs, Person, Row, Shape, Task, load_row};

pub const NAME: &str = "hand-written";

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    tenant: String,
    flags: Vec<FlagJson>,
    #[serde(default)]
    overrides: Vec<OverrideJson>,
    #[serde(default)]
    kill_switches: Vec<KillSwitchJson>,
}

#[derive(Deserialize)]
struct FlagJson {
    key: String,
    #[serde(default = "on")]
    state: String,
    #[serde(default = "on")]
    default_variant: String,
    #[serde(default)]
    rules: Vec<RuleJson>,
    #[serde(default)]
    targets: TargetsJson,
    kill_switch: Option<String>,
    salt: Option<String>,
}

#[derive(Deserialize)]
struct RuleJson {
    id: String,
    when: Condition,
    percentage: Option<f64>,
    serve: ServeJson,
}

#[derive(Deserialize)]
struct ServeJson {
    variant: String,
}

#[derive(Default, Deserialize)]
struct TargetsJson {
    #[serde(default)]
    allow: Vec<AllowJson>,
    #[serde(default)]
    deny: HashSet<String>,
}

#[derive(Deserialize)]
struct AllowJson {
    variant: String,
    ids: Vec<String>,
}

#[derive(Deserialize)]
struct OverrideJson {
    scope: String,
    id: String,
    flag: String,
    variant: String,
    expires_at: Option<i64>,
}

#[derive(Deserialize)]
struct KillSwitchJson {
    category: String,
}

fn on() -> String {
    "on".into()
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum Scalar {
    Text(String),
    Number(f64),
    Boolean(bool),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Condition {
    All { all: Vec<Condition> },
    Any { any: Vec<Condition> },
    Not { not: Box<Condition> },
    In { attr: String, op: InOperator, values: Vec<Scalar> },
    Compare { attr: String, op: Operator, value: Scalar },
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum InOperator {
    In,
    NotIn,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Operator {
    Equals,
    NotEquals,
    Gte,
    Lt,
}

/// An attribute's value.
#[derive(Clone, Copy)]
#[expect(dead_code, reason = "the people of the measurements have texts alone")]
enum Value<'a> {
    Text(&'a str),
    Number(f64),
    Boolean(bool),
}

type Context<'a> = HashMap<&'a str, Value<'a>>;

impl Scalar {
    fn has_type_of(&self, value: Value<'_>) -> bool {
        matches!(
            (self, value),
            (Self::Text(_), Value::Text(_))
                | (Self::Number(_), Value::Number(_))
                | (Self::Boolean(_), Value::Boolean(_))
        )
    }

    fn equals(&self, value: Value<'_>) -> bool {
        match (self, value) {
            (Self::Text(a), Value::Text(b)) => a == b,
            (Self::Number(a), Value::Number(b)) => *a == b,
            (Self::Boolean(a), Value::Boolean(b)) => *a == b,
            _ => false,
        }
    }
}

impl Condition {
    fn matches(&self, context: &Context<'_>) -> bool {
        match self {
            Self::All { all } => all.iter().all(|part| part.matches(context)),
            Self::Any { any } => any.iter().any(|part| part.matches(context)),
            Self::Not { not } => !not.matches(context),
            Self::In { attr, op, values } => context.get(&**attr).is_some_and(|&value| {
                let is_in = values.iter().any(|item| item.equals(value));
                match op {
                    InOperator::In => is_in,
                    InOperator::NotIn => !is_in && values.iter().any(|item| item.has_type_of(value)),
                }
            }),
            Self::Compare { attr, op, value: wanted } => {
                context.get(&**attr).is_some_and(|&value| match (op, wanted, value) {
                    (Operator::Equals, wanted, value) => wanted.equals(value),
                    (Operator::NotEquals, wanted, value) => wanted.has_type_of(value) && !wanted.equals(value),
                    (Operator::Gte, Scalar::Number(wanted), Value::Number(value)) => value >= *wanted,
                    (Operator::Lt, Scalar::Number(wanted), Value::Number(value)) => value < *wanted,
                    _ => false,
                })
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Reason {
    UnknownFlag,
    KillSwitch,
    UserOverride,
    TenantOverride,
    Off,
    DenyList,
    AllowList,
    RuleMatch,
    NoBucketingUnit,
    Default,
}

struct Decision<'a> {
    value: Option<bool>,
    variant: Option<&'a str>,
    rule_id: Option<&'a str>,
    reason: Reason,
}

struct Variant {
    key: String,
    value: bool,
}

struct Rule {
    id: String,
    when: Condition,
    cut: u64,
    prefix: u32,
    variant: usize,
}

/// A variant's place, and when it ends.
type Override = (usize, Option<i64>);

struct Flag {
    variants: [Variant; 2],
    off: usize,
    fallback: usize,
    is_on: bool,
    is_killed: bool,
    user_overrides: HashMap<String, Override>,
    tenant_overrides: HashMap<String, Override>,
    deny: HashSet<String>,
    allow: HashMap<String, usize>,
    rules: Vec<Rule>,
}

struct Flags {
    all: Vec<Flag>,
    by_key: HashMap<String, usize>,
}

fn djb2_xor(text: &str, from: u32) -> u32 {
    text.encode_utf16().fold(from, |hash, unit| (hash << 5).wrapping_add(hash) ^ u32::from(unit))
}

fn fmix32(mut hash: u32) -> u32 {
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

fn variant_index(key: &str) -> usize {
    match key {
        "on" => 0,
        "off" => 1,
        _ => panic!("a boolean flag has no variant {key}"),
    }
}

fn id<'a>(context: &Context<'a>, name: &str) -> Option<&'a str> {
    match context.get(name) {
        Some(Value::Text(text)) if !text.is_empty() => Some(text),
        _ => None,
    }
}

fn unit<'a>(context: &Context<'a>) -> Option<&'a str> {
    id(context, "user_id").or_else(|| id(context, "project_id"))
}

impl Flags {
    fn parse(json: &[u8]) -> Self {
        let Document { tenant, flags, overrides, kill_switches } = serde_json::from_slice(json).expect("a document");
        let by_key: HashMap<String, usize> =
            flags.iter().enumerate().map(|(index, flag)| (flag.key.clone(), index)).collect();
        let mut all: Vec<Flag> = flags
            .into_iter()
            .map(|flag| {
                let prefix = djb2_xor(&format!("{tenant}|{}|", flag.salt.as_ref().unwrap_or(&flag.key)), 5381);
                let is_killed = kill_switches
                    .iter()
                    .any(|switch| switch.category == "*" || Some(&switch.category) == flag.kill_switch.as_ref());
                Flag {
                    variants: [Variant { key: "on".into(), value: true }, Variant { key: "off".into(), value: false }],
                    off: 1,
                    fallback: variant_index(&flag.default_variant),
                    is_on: flag.state == "on",
                    is_killed,
                    user_overrides: HashMap::new(),
                    tenant_overrides: HashMap::new(),
                    deny: flag.targets.deny,
                    allow: (flag.targets.allow.into_iter())
                        .flat_map(|AllowJson { variant, ids }| {
                            ids.into_iter().map(move |id| (id, variant_index(&variant)))
                        })
                        .collect(),
                    rules: (flag.rules.into_iter())
                        .map(|rule| Rule {
                            id: rule.id,
                            when: rule.when,
                            cut: rule.percentage.map_or(1 << 32, |percent| (percent / 100.0 * 2f64.powi(32)) as u64),
                            prefix,
                            variant: variant_index(&rule.serve.variant),
                        })
                        .collect(),
                }
            })
            .collect();
        for row in overrides {
            let Some(&index) = by_key.get(&row.flag) else { continue };
            let rows =
                if row.scope == "user" { &mut all[index].user_overrides } else { &mut all[index].tenant_overrides };
            rows.insert(row.id, (variant_index(&row.variant), row.expires_at));
        }
        Self { all, by_key }
    }

    fn find(&self, key: &str) -> Option<&Flag> {
        self.by_key.get(key).map(|&index| &self.all[index])
    }
}

fn evaluate<'a>(flag: Option<&'a Flag>, context: &Context<'_>, now: i64) -> Decision<'a> {
    match flag {
        Some(flag) => flag.evaluate(context, now),
        None => Decision { value: None, variant: None, rule_id: None, reason: Reason::UnknownFlag },
    }
}

impl Flag {
    fn evaluate(&self, context: &Context<'_>, now: i64) -> Decision<'_> {
        if self.is_killed {
            return self.serve(self.off, Reason::KillSwitch, None);
        }
        if let Some(variant) = overridden(&self.user_overrides, || id(context, "user_id"), now) {
            return self.serve(variant, Reason::UserOverride, None);
        }
        if let Some(variant) = overridden(&self.tenant_overrides, || id(context, "tenant_id"), now) {
            return self.serve(variant, Reason::TenantOverride, None);
        }
        if !self.is_on {
            return self.serve(self.off, Reason::Off, None);
        }
        if !self.deny.is_empty() && unit(context).is_some_and(|unit| self.deny.contains(unit)) {
            return self.serve(self.off, Reason::DenyList, None);
        }
        if !self.allow.is_empty()
            && let Some(&variant) = unit(context).and_then(|unit| self.allow.get(unit))
        {
            return self.serve(variant, Reason::AllowList, None);
        }
        let mut reason = Reason::Default;
        for rule in &self.rules {
            if !rule.when.matches(context) {
                continue;
            }
            if rule.cut < 1 << 32 {
                let Some(unit) = unit(context) else {
                    reason = Reason::NoBucketingUnit;
                    continue;
                };
                if u64::from(fmix32(djb2_xor(unit, rule.prefix))) >= rule.cut {
                    continue;
                }
            }
            return self.serve(rule.variant, Reason::RuleMatch, Some(&rule.id));
        }
        self.serve(self.fallback, reason, None)
    }

    fn serve<'a>(&'a self, variant: usize, reason: Reason, rule_id: Option<&'a str>) -> Decision<'a> {
        let Variant { key, value } = &self.variants[variant];
        Decision { value: Some(*value), variant: Some(key), rule_id, reason }
    }
}

fn overridden<'a>(rows: &HashMap<String, Override>, id: impl Fn() -> Option<&'a str>, now: i64) -> Option<usize> {
    if rows.is_empty() {
        return None;
    }
    let (variant, end) = *rows.get(id()?)?;
    end.is_none_or(|end| now < end).then_some(variant)
}

fn context(person: &Person) -> Context<'_> {
    person.attributes().map(|(name, value)| (name, Value::Text(value))).collect()
}

fn owned(person: &Person) -> Context<'static> {
    let person: &'static Person = Box::leak(Box::new(person.clone()));
    context(person)
}

fn is_on(flag: Option<&Flag>, context: &Context<'_>) -> bool {
    let Decision { value, .. } = black_box(evaluate(flag, context, 0));
    value == Some(true)
}

/// It is meant to equal burgee, person by person.
fn check_against_burgee(json: &[u8], flags: &Flags, task: &Task) {
    use burgee_core::{NamedContext, Request, Snapshot};
    let snapshot = Snapshot::parse(json).expect("a document");
    for key in task.keys.always.iter().chain(task.keys.rules.iter().take(10)) {
        for person in &task.people[..1000] {
            let other =
                (person.attributes()).fold(NamedContext::new(), |context, (name, value)| context.with(name, value));
            let other = snapshot.evaluate(snapshot.find(key), &other, &Request::at(0), &mut ());
            let own = evaluate(flags.find(key), &context(person), 0);
            assert_eq!(
                (own.value, own.variant),
                (Some(other.enabled), other.variant.map(|variant| &*variant.key)),
                "{key}, {person:?}"
            );
            assert_eq!(own.rule_id.is_some(), own.reason == Reason::RuleMatch);
        }
    }
}

pub fn rows(inputs: &Inputs, task: &Task) -> Vec<Row> {
    let json = inputs.document("burgee", task.shape);
    let flags = Rc::new(Flags::parse(&json));
    check_against_burgee(&json, &flags, task);
    let checked = Checked::new(NAME, task, |key, person| is_on(flags.find(key), &context(person)));
    let key = task.key().to_owned();
    match task.shape {
        Shape::Static | Shape::Rule => {
            let (by_handle, by_key, fresh) = (flags.clone(), flags.clone(), flags);
            let index = by_handle.by_key[&key];
            let fresh_key = key.clone();
            vec![
                checked.row([NAME, "flag handle, kept map", "handle"], owned, move |context| {
                    u64::from(is_on(by_handle.all.get(black_box(index)), context))
                }),
                checked.row([NAME, "key, kept map", "key"], owned, move |context| {
                    u64::from(is_on(by_key.find(black_box(&key)), context))
                }),
                checked.row([NAME, "key, fresh map", "fresh"], Person::clone, move |person| {
                    let context = context(person);
                    u64::from(is_on(fresh.find(black_box(&fresh_key)), black_box(&context)))
                }),
            ]
        }
        Shape::All(_) => {
            let (by_handle, by_key) = (flags.clone(), flags);
            let keys = task.keys.rules.clone();
            vec![
                checked.row([NAME, "flag handles, kept map", "handle"], owned, move |context| {
                    by_handle.all.iter().map(|flag| u64::from(is_on(Some(flag), context))).sum()
                }),
                checked.row([NAME, "keys, kept map", "key"], owned, move |context| {
                    keys.iter().map(|key| u64::from(is_on(by_key.find(key), context))).sum()
                }),
            ]
        }
        Shape::Load(_) => {
            let person = checked.people[0].clone();
            vec![load_row(
                [NAME, "serde_json, compiled"],
                move || Flags::parse(&json),
                move |flags| is_on(flags.find(&key), &context(&person)),
            )]
        }
    }
}
