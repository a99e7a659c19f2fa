//! Reading a flag.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::condition::Costs;
use super::rule::{prerequisites, rules};
use super::serve::{check_weights, serve, variant_key, weight};
use super::{key, optional, required, scalar, word};
use crate::fault::{Fault, FaultCode, Faults};
use crate::json::{Json, Node};
use crate::limits;
use crate::model::{
    AllowTarget, Bucketing, Flag, FlagType, RolloutStage, Scalar, Sensitive, Serve, Stage, State, Targets, Value,
    Variant, WeightedVariant,
};

/// Reads a flag from its place in a document, or gives all its faults. `segments` knows those that rules may name.
pub(crate) fn read_flag(node: &Node<'_>, segments: Costs<'_>) -> Result<Flag, Vec<Fault>> {
    let mut faults = Faults::default();
    let flag = if node.is_object(&mut faults) { fields(node, segments, &mut faults) } else { None };
    faults.finish(flag)
}

fn fields(node: &Node<'_>, segments: Costs<'_>, faults: &mut Faults) -> Option<Flag> {
    let key = required(node, "key", faults, key);
    let flag_type = match node.get("type") {
        Some(field) => flag_type(&field, faults).unwrap_or(FlagType::Boolean),
        None if has_bare_variants(node) => FlagType::String,
        None => FlagType::Boolean,
    };
    let state = optional(node, "state", faults, state).unwrap_or(State::On);
    let version = optional(node, "version", faults, |field, faults| field.version(faults)).unwrap_or(0);
    let description = optional(node, "description", faults, |field, faults| field.owned_string(faults));
    let owner = optional(node, "owner", faults, |field, faults| field.owned_string(faults));
    let tags = optional(node, "tags", faults, |field, faults| field.strings(faults)).unwrap_or_default();
    let created_at = optional(node, "created_at", faults, |field, faults| field.time(faults));
    let updated_at = optional(node, "updated_at", faults, |field, faults| field.time(faults));
    let (variants, weights) = variants(node, flag_type, faults);
    let off_variant = nullable_variant(node, "off_variant", &variants, false, faults);
    let default_variant = nullable_variant(node, "default_variant", &variants, true, faults);
    let metadata = optional(node, "metadata", faults, metadata).unwrap_or_default();
    let stage = stage(node, faults);
    let bucketing = optional(node, "bucketing", faults, bucketing);
    let bucket_by = optional(node, "bucket_by", faults, |field, faults| field.owned_non_empty(faults));
    let salt = optional(node, "salt", faults, |field, faults| field.owned_string(faults));
    let prerequisites = optional(node, "prerequisites", faults, prerequisites).unwrap_or_default();
    let targets = node.get("targets").and_then(|field| targets(&field, &variants, faults));
    let rules = node.get("rules").map(|field| rules(&field, &variants, segments, faults)).unwrap_or_default();
    let fallthrough = match (node.get("fallthrough"), weights) {
        (None, None) => None,
        (None, Some(weights)) => Some(weights.into_serve()),
        (Some(field), weights) => {
            if let Some(weights) = weights {
                let message = "must not be there beside fallthrough, which says what is served";
                faults.add_at(FaultCode::Duplicate, weights.pointer, message);
            }
            serve(&field, &variants, faults)
        }
    };
    let kill_switch = optional(node, "kill_switch", faults, category);
    let sensitive = optional(node, "sensitive", faults, sensitive);
    let high_impact = optional(node, "high_impact", faults, |field, faults| field.boolean(faults)).unwrap_or(false);
    Some(Flag {
        key: key?,
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
        prerequisites,
        targets,
        rules,
        fallthrough,
        kill_switch,
        sensitive,
        high_impact,
    })
}

fn flag_type(node: &Node<'_>, faults: &mut Faults) -> Option<FlagType> {
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
    word(node, faults, read, "must be one of boolean, string, integer, number, json")
}

fn state(node: &Node<'_>, faults: &mut Faults) -> Option<State> {
    let read = |text: &str| {
        Some(match text {
            "on" => State::On,
            "off" => State::Off,
            "archived" => State::Archived,
            _ => return None,
        })
    };
    word(node, faults, read, "must be one of on, off, archived")
}

fn bucketing(node: &Node<'_>, faults: &mut Faults) -> Option<Bucketing> {
    word(node, faults, Bucketing::parse, "must be one of djb2-xor, djb2-xor-fmix32")
}

fn rollout_stage(node: &Node<'_>, faults: &mut Faults) -> Option<RolloutStage> {
    let allowed = "must be one of draft, internal, staged_N (N from 1 to 99), full, paused, rolled_back";
    word(node, faults, RolloutStage::parse, allowed)
}

fn category(node: &Node<'_>, faults: &mut Faults) -> Option<String> {
    let category = node.owned_non_empty(faults)?;
    if category == "*" {
        node.fault(faults, FaultCode::InvalidValue, "must be a category; * stands for all flags already");
    }
    Some(category)
}

/// Whether the variants are keys alone, as the short form has them.
fn has_bare_variants(node: &Node<'_>) -> bool {
    match node.get("variants").map(|field| field.json) {
        Some(Json::Array(items)) => {
            let has_value = |item: &Json<'_>| match item {
                Json::Object(members) => members.iter().any(|(name, _)| name == "value"),
                _ => false,
            };
            !items.is_empty() && !items.iter().any(has_value)
        }
        _ => false,
    }
}

/// The weights that variants have in the short form.
struct Weights {
    /// Where the first of them stands.
    pointer: String,
    of: Vec<WeightedVariant>,
}

impl Weights {
    fn into_serve(self) -> Serve {
        Serve::Distribution { distribution: self.of, bucket_by: None, salt: None }
    }
}

/// The variants, with a boolean flag's implied ones written out, and their weights if they have any.
fn variants(node: &Node<'_>, flag_type: FlagType, faults: &mut Faults) -> (Vec<Variant>, Option<Weights>) {
    let Some(field) = node.get("variants") else {
        return (implied_variants(node, flag_type, faults), None);
    };
    let Some(items) = field.items(faults) else { return (Vec::new(), None) };
    if items.len() == 0 {
        return (implied_variants(node, flag_type, faults), None);
    }
    if items.len() > limits::VARIANTS {
        faults.add_limit(&field.path, limits::VARIANTS, "variants", "VARIANTS");
        return (Vec::new(), None);
    }
    let mut variants: Vec<Variant> = Vec::with_capacity(items.len());
    let mut weights = Vec::new();
    let mut first_weight = None;
    for item in items {
        if !item.is_object(faults) {
            continue;
        }
        let key = item.require("key", faults).and_then(|field| new_variant_key(&field, &variants, faults));
        // A json value may be null; in other types null is a value of the wrong type, not an absent one.
        let value = match item.get_nullable("value") {
            Some(field) => value(&field, flag_type, faults),
            None if flag_type == FlagType::String => key.clone().map(Value::String),
            None => required(&item, "value", faults, |_, _| None),
        };
        let weight_field = item.get("weight");
        if first_weight.is_none() {
            first_weight = weight_field.as_ref().map(|field| field.path.to_string());
        }
        let weight = weight_field.and_then(|field| weight(&field, faults)).unwrap_or(0.0);
        if let (Some(key), Some(value)) = (key, value) {
            weights.push(WeightedVariant { variant: key.clone(), weight });
            variants.push(Variant { key, value });
        }
    }
    let weights = first_weight.map(|pointer| {
        check_weights(&field, &weights, faults);
        Weights { pointer, of: weights }
    });
    (variants, weights)
}

fn implied_variants(node: &Node<'_>, flag_type: FlagType, faults: &mut Faults) -> Vec<Variant> {
    if flag_type != FlagType::Boolean {
        let path = crate::json::Path::Name(&node.path, "variants");
        faults.add(FaultCode::Missing, &path, "must list the values that the flag can have");
        return Vec::new();
    }
    [("on", true), ("off", false)]
        .map(|(key, value)| Variant { key: key.to_owned(), value: Value::Boolean(value) })
        .into()
}

fn new_variant_key(node: &Node<'_>, earlier: &[Variant], faults: &mut Faults) -> Option<String> {
    let key = node.owned_non_empty(faults)?;
    if key.chars().nth(limits::KEY_CHARS).is_some() {
        faults.add_limit(&node.path, limits::KEY_CHARS, "characters", "KEY_CHARS");
    }
    if earlier.iter().any(|variant| variant.key == key) {
        node.fault(faults, FaultCode::Duplicate, "must differ from the keys of the variants before it");
    }
    Some(key)
}

fn value(node: &Node<'_>, flag_type: FlagType, faults: &mut Faults) -> Option<Value> {
    match flag_type {
        FlagType::Boolean => node.boolean(faults).map(Value::Boolean),
        FlagType::String => node.owned_string(faults).map(Value::String),
        FlagType::Integer => node.integer(faults).map(Value::Integer),
        FlagType::Number => node.number(faults).map(Value::Number),
        FlagType::Json => {
            // What was parsed can be written again.
            let bytes = serde_json::to_string(node.json).map_or(0, |text| text.len());
            if bytes > limits::JSON_VALUE_BYTES {
                faults.add_limit(&node.path, limits::JSON_VALUE_BYTES, "bytes", "JSON_VALUE_BYTES");
            }
            Some(Value::Json(node.json.to_static()))
        }
    }
}

/// A field that names a variant, or no variant if it is null. Absent, it names a boolean flag's first variant of value `implied`.
#[inline(never)]
fn nullable_variant(
    node: &Node<'_>,
    name: &str,
    variants: &[Variant],
    implied: bool,
    faults: &mut Faults,
) -> Option<String> {
    match node.get_nullable(name) {
        Some(field) if matches!(field.json, Json::Null) => None,
        Some(field) => variant_key(&field, variants, faults),
        None => {
            let is_implied = |variant: &&Variant| matches!(variant.value, Value::Boolean(value) if value == implied);
            variants.iter().find(is_implied).map(|variant| variant.key.clone())
        }
    }
}

fn metadata(node: &Node<'_>, faults: &mut Faults) -> Option<Vec<(String, Scalar)>> {
    let mut metadata = Vec::new();
    for (name, field) in node.members(faults)? {
        metadata.extend(scalar(&field, faults).map(|value| (name.to_owned(), value)));
    }
    Some(metadata)
}

/// `stage`, or the short form at the flag's top level.
fn stage(node: &Node<'_>, faults: &mut Faults) -> Option<Stage> {
    let short_form = node.get("rollout_stage").or_else(|| node.get("rollout_stage_map"));
    let Some(field) = node.get("stage") else {
        short_form?;
        return stage_fields(node, faults);
    };
    if let Some(short_form) = short_form {
        short_form.fault(faults, FaultCode::Duplicate, "must not be there beside stage, which says the same");
    }
    if field.is_object(faults) { stage_fields(&field, faults) } else { None }
}

#[inline(never)]
fn stage_fields(node: &Node<'_>, faults: &mut Faults) -> Option<Stage> {
    let base = required(node, "rollout_stage", faults, rollout_stage);
    let mut rollout_stage_map = Vec::new();
    if let Some(map) = node.get("rollout_stage_map") {
        for (env, field) in map.members(faults)? {
            if let Some(stage) = rollout_stage(&field, faults) {
                rollout_stage_map.push((env.to_owned(), stage));
            }
        }
    }
    Some(Stage { rollout_stage: base?, rollout_stage_map })
}

#[inline(never)]
fn targets(node: &Node<'_>, variants: &[Variant], faults: &mut Faults) -> Option<Targets> {
    if !node.is_object(faults) {
        return None;
    }
    let mut targets = Targets::default();
    if let Some(allow) = node.get("allow") {
        for item in allow.items(faults)? {
            if !item.is_object(faults) {
                continue;
            }
            let variant = item.require("variant", faults).and_then(|field| variant_key(&field, variants, faults));
            let ids = required(&item, "ids", faults, |field, faults| field.strings(faults));
            if let (Some(variant), Some(ids)) = (variant, ids) {
                targets.allow.push(AllowTarget { variant, ids });
            }
        }
    }
    targets.deny = optional(node, "deny", faults, |field, faults| field.strings(faults)).unwrap_or_default();
    Some(targets)
}

fn sensitive(node: &Node<'_>, faults: &mut Faults) -> Option<Sensitive> {
    if !node.is_object(faults) {
        return None;
    }
    let boolean: super::Read<bool> = |field, faults| field.boolean(faults);
    let sensitive_flag = required(node, "sensitive_flag", faults, boolean);
    let requires_approval = required(node, "requires_approval", faults, boolean);
    let approval_matrix_row = optional(node, "approval_matrix_row", faults, |field, faults| field.owned_string(faults));
    Some(Sensitive { sensitive_flag: sensitive_flag?, requires_approval: requires_approval?, approval_matrix_row })
}
