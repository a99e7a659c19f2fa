//! Reading a flag.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::{Faults, key, list, owned_non_empty, owned_string, require};
use crate::fault::{Fault, FaultCode};
use crate::json::{Json, Node};
use crate::limits;
use crate::model::{
    AllowTarget, Bucketing, Flag, FlagType, RolloutStage, Scalar, Sensitive, Serve, Stage, State, Targets, Value,
    Variant, WeightedVariant,
};

/// Reads a flag from its place in a document, or gives all its faults.
///
/// The fields are read in the order in which `docs/evaluation.md` lists them, so the first fault is the same everywhere.
pub(crate) fn read_flag(node: &Node<'_>) -> Result<Flag, Vec<Fault>> {
    if !matches!(node.json, Json::Object(_)) {
        return Err(vec![node.wrong_type("an object")]);
    }
    let mut faults = Faults::default();
    let key = faults.required(node, "key", key);
    let flag_type = faults.optional(node, "type", flag_type).unwrap_or(FlagType::Boolean);
    let state = faults.optional(node, "state", state).unwrap_or(State::On);
    let version = faults.optional(node, "version", Node::version).unwrap_or(0);
    let description = faults.optional(node, "description", owned_string);
    let owner = faults.optional(node, "owner", owned_string);
    let tags = faults.optional(node, "tags", Node::strings).unwrap_or_default();
    let created_at = faults.optional(node, "created_at", Node::time);
    let updated_at = faults.optional(node, "updated_at", Node::time);
    let variants = variants(&mut faults, node, flag_type);
    let named = |field: &Node<'_>| variant_key(field, &variants);
    let first_of = |wanted: bool| {
        let found = variants.iter().find(|variant| matches!(variant.value, Value::Boolean(value) if value == wanted));
        found.map(|variant| variant.key.clone())
    };
    let off_variant = match node.get_nullable("off_variant") {
        Some(field) if *field.json == Json::Null => None,
        Some(field) => faults.note(named(&field)),
        None => first_of(false),
    };
    let default_variant = match node.get_nullable("default_variant") {
        Some(field) if *field.json == Json::Null => None,
        Some(field) => faults.note(named(&field)),
        None => first_of(true),
    };
    let metadata = faults.optional(node, "metadata", metadata).unwrap_or_default();
    let stage = stage(&mut faults, node);
    let bucketing = faults.optional(node, "bucketing", bucketing);
    let bucket_by = faults.optional(node, "bucket_by", owned_non_empty);
    let salt = faults.optional(node, "salt", owned_string);
    for name in ["prerequisites", "rules"] {
        faults.optional(node, name, unsupported);
    }
    let targets = faults.optional(node, "targets", |field| targets(field, &variants));
    let fallthrough = faults.optional(node, "fallthrough", |field| serve(field, &variants));
    let kill_switch = faults.optional(node, "kill_switch", category);
    let sensitive = faults.optional(node, "sensitive", sensitive);
    let high_impact = faults.optional(node, "high_impact", Node::boolean).unwrap_or(false);
    let flag = key.map(|key| Flag {
        key,
        flag_type,
        state,
        version,
        description,
        owner,
        tags,
        created_at,
        updated_at,
        variants,
        off_variant,
        default_variant,
        metadata,
        stage,
        bucketing,
        bucket_by,
        salt,
        prerequisites: Vec::new(),
        targets,
        rules: Vec::new(),
        fallthrough,
        kill_switch,
        sensitive,
        high_impact,
    });
    faults.finish(flag)
}

/// One of a field's allowed words.
fn word<T>(node: &Node<'_>, read: impl FnOnce(&str) -> Option<T>, allowed: &str) -> Result<T, Fault> {
    read(node.string()?).ok_or_else(|| node.fault(FaultCode::InvalidValue, format!("must be one of {allowed}")))
}

fn flag_type(node: &Node<'_>) -> Result<FlagType, Fault> {
    let read = |text: &str| {
        Some(match text {
            "boolean" => FlagType::Boolean,
            "string" => FlagType::String,
            "integer" => FlagType::Integer,
            "number" => FlagType::Number,
            "json" => FlagType::Json,
            _ => return None,
        })
    };
    word(node, read, "boolean, string, integer, number, json")
}

fn state(node: &Node<'_>) -> Result<State, Fault> {
    let read = |text: &str| {
        Some(match text {
            "on" => State::On,
            "off" => State::Off,
            "archived" => State::Archived,
            _ => return None,
        })
    };
    word(node, read, "on, off, archived")
}

fn bucketing(node: &Node<'_>) -> Result<Bucketing, Fault> {
    word(node, Bucketing::parse, "djb2-xor, djb2-xor-fmix32")
}

fn rollout_stage(node: &Node<'_>) -> Result<RolloutStage, Fault> {
    word(node, RolloutStage::parse, "draft, internal, staged_N (N from 1 to 99), full, paused, rolled_back")
}

fn category(node: &Node<'_>) -> Result<String, Fault> {
    match node.non_empty_string()? {
        "*" => Err(node.fault(FaultCode::InvalidValue, "must be a category; * stands for all flags already")),
        text => Ok(text.to_owned()),
    }
}

/// The variants, with a boolean flag's implied ones written out.
fn variants(faults: &mut Faults, node: &Node<'_>, flag_type: FlagType) -> Vec<Variant> {
    let mut variants: Vec<Variant> = Vec::new();
    let Some(field) = node.get("variants") else {
        return implied_variants(faults, node, flag_type);
    };
    let Some(items) = faults.note(field.items()) else { return variants };
    if items.len() == 0 {
        return implied_variants(faults, node, flag_type);
    }
    if items.len() > limits::VARIANTS {
        let message = format!("must have at most {} variants (VARIANTS)", limits::VARIANTS);
        faults.note::<()>(Err(field.fault(FaultCode::LimitExceeded, message)));
        return variants;
    }
    for item in items {
        if !matches!(item.json, Json::Object(_)) {
            faults.note::<()>(Err(item.wrong_type("an object with key and value")));
            continue;
        }
        let key = faults.required(&item, "key", |field| {
            let text = field.non_empty_string()?;
            if text.chars().count() > limits::KEY_CHARS {
                return Err(field.fault(FaultCode::LimitExceeded, "must be at most 128 characters (KEY_CHARS)"));
            }
            if variants.iter().any(|earlier| earlier.key == text) {
                return Err(field.fault(FaultCode::Duplicate, "must differ from the keys of the variants before it"));
            }
            Ok(text.to_owned())
        });
        // A json value may be null; in other types null is a value of the wrong type, not an absent one.
        let value = match item.get_nullable("value") {
            Some(field) => faults.note(value(&field, flag_type)),
            None => faults.note(require(&item, "value").and_then(|field| value(&field, flag_type))),
        };
        if let (Some(key), Some(value)) = (key, value) {
            variants.push(Variant { key, value });
        }
    }
    variants
}

fn implied_variants(faults: &mut Faults, node: &Node<'_>, flag_type: FlagType) -> Vec<Variant> {
    if flag_type != FlagType::Boolean {
        let mut fault = node.fault(FaultCode::Missing, "must list the values that the flag can have");
        fault.pointer.push_str("/variants");
        faults.note::<()>(Err(fault));
        return Vec::new();
    }
    [("on", true), ("off", false)]
        .map(|(key, value)| Variant { key: key.to_owned(), value: Value::Boolean(value) })
        .into()
}

fn value(node: &Node<'_>, flag_type: FlagType) -> Result<Value, Fault> {
    match flag_type {
        FlagType::Boolean => node.boolean().map(Value::Boolean),
        FlagType::String => node.string().map(|text| Value::String(text.to_owned())),
        FlagType::Integer => match node.json.as_safe_integer() {
            Some(integer) => Ok(Value::Integer(integer)),
            None => Err(node.wrong_type("an integer of at most 2^53 - 1 in size")),
        },
        FlagType::Number => node.number().map(Value::Number),
        FlagType::Json => {
            let text = serde_json::to_string(node.json)
                .and_then(RawValue::from_string)
                .map_err(|error| node.fault(FaultCode::InvalidJson, error.to_string()))?;
            if text.get().len() > limits::JSON_VALUE_BYTES {
                let message = format!("must be at most {} bytes (JSON_VALUE_BYTES)", limits::JSON_VALUE_BYTES);
                return Err(node.fault(FaultCode::LimitExceeded, message));
            }
            Ok(Value::Json(text))
        }
    }
}

fn variant_key(node: &Node<'_>, variants: &[Variant]) -> Result<String, Fault> {
    let text = node.string()?;
    if variants.iter().any(|variant| variant.key == text) {
        return Ok(text.to_owned());
    }
    Err(node.fault(FaultCode::UnknownReference, "must be the key of one of the flag's variants"))
}

fn metadata(node: &Node<'_>) -> Result<BTreeMap<String, Scalar>, Fault> {
    node.members()?
        .map(|(name, field)| {
            let scalar = match field.json {
                Json::Bool(value) => Scalar::Boolean(*value),
                Json::Integer(value) => Scalar::Integer(*value),
                Json::Number(value) => Scalar::Number(*value),
                Json::String(value) => Scalar::String(value.clone().into_owned()),
                _ => return Err(field.wrong_type("a string, a number, true or false")),
            };
            Ok((name.to_owned(), scalar))
        })
        .collect()
}

/// `stage`, or the short form at the flag's top level.
fn stage(faults: &mut Faults, node: &Node<'_>) -> Option<Stage> {
    let short_form = node.get("rollout_stage").or_else(|| node.get("rollout_stage_map"));
    let Some(field) = node.get("stage") else {
        short_form?;
        return faults.note(stage_object(node));
    };
    if let Some(short_form) = short_form {
        let message = "must not be there beside stage, which says the same";
        faults.note::<()>(Err(short_form.fault(FaultCode::Duplicate, message)));
    }
    if !matches!(field.json, Json::Object(_)) {
        faults.note::<()>(Err(field.wrong_type("an object with rollout_stage")));
        return None;
    }
    faults.note(stage_object(&field))
}

fn stage_object(node: &Node<'_>) -> Result<Stage, Fault> {
    let base = rollout_stage(&require(node, "rollout_stage")?)?;
    let rollout_stage_map = match node.get("rollout_stage_map") {
        Some(map) => map
            .members()?
            .map(|(env, stage)| Ok((env.to_owned(), rollout_stage(&stage)?)))
            .collect::<Result<_, Fault>>()?,
        None => Vec::new(),
    };
    Ok(Stage { rollout_stage: base, rollout_stage_map })
}

fn targets(node: &Node<'_>, variants: &[Variant]) -> Result<Targets, Fault> {
    if !matches!(node.json, Json::Object(_)) {
        return Err(node.wrong_type("an object with allow and deny"));
    }
    let allow = match node.get("allow") {
        Some(field) => field
            .items()?
            .map(|item| {
                if !matches!(item.json, Json::Object(_)) {
                    return Err(item.wrong_type("an object with variant and ids"));
                }
                let variant = variant_key(&require(&item, "variant")?, variants)?;
                let ids = list(&require(&item, "ids")?)?;
                Ok(AllowTarget { variant, ids })
            })
            .collect::<Result<_, Fault>>()?,
        None => Vec::new(),
    };
    let deny = match node.get("deny") {
        Some(field) => list(&field)?,
        None => Vec::new(),
    };
    Ok(Targets { allow, deny })
}

fn serve(node: &Node<'_>, variants: &[Variant]) -> Result<Serve, Fault> {
    if !matches!(node.json, Json::Object(_)) {
        return Err(node.wrong_type("an object with variant or distribution"));
    }
    match (node.get("variant"), node.get("distribution")) {
        (Some(variant), None) => Ok(Serve::Variant { variant: variant_key(&variant, variants)? }),
        (None, Some(field)) => {
            let distribution = field
                .items()?
                .map(|item| {
                    if !matches!(item.json, Json::Object(_)) {
                        return Err(item.wrong_type("an object with variant and weight"));
                    }
                    let variant = variant_key(&require(&item, "variant")?, variants)?;
                    let weight = require(&item, "weight")?;
                    match weight.number()? {
                        number if number >= 0.0 => Ok(WeightedVariant { variant, weight: number }),
                        _ => Err(weight.fault(FaultCode::InvalidValue, "must not be negative")),
                    }
                })
                .collect::<Result<Vec<_>, Fault>>()?;
            let sum: f64 = distribution.iter().map(|entry| entry.weight).sum();
            if !(sum > 0.0 && sum.is_finite()) {
                let message = "must have weights whose sum is greater than 0, and finite";
                return Err(field.fault(FaultCode::InvalidValue, message));
            }
            let bucket_by = node.get("bucket_by").map(|field| owned_non_empty(&field)).transpose()?;
            let salt = node.get("salt").map(|field| owned_string(&field)).transpose()?;
            Ok(Serve::Distribution { distribution, bucket_by, salt })
        }
        _ => Err(node.fault(FaultCode::InvalidValue, "must have either variant or distribution")),
    }
}

fn sensitive(node: &Node<'_>) -> Result<Sensitive, Fault> {
    if !matches!(node.json, Json::Object(_)) {
        return Err(node.wrong_type("an object with sensitive_flag and requires_approval"));
    }
    Ok(Sensitive {
        sensitive_flag: require(node, "sensitive_flag")?.boolean()?,
        requires_approval: require(node, "requires_approval")?.boolean()?,
        approval_matrix_row: node.get("approval_matrix_row").map(|field| owned_string(&field)).transpose()?,
    })
}

/// Steps that this version does not take must not be passed over in silence: a flag that needs them is off.
fn unsupported(node: &Node<'_>) -> Result<(), Fault> {
    match node.items()?.len() {
        0 => Ok(()),
        _ => Err(node.fault(FaultCode::Unsupported, "is not evaluated by this version, so the flag is off")),
    }
}
