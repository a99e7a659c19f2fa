//! Reading rules and prerequisites.

use alloc::string::String;
use alloc::vec::Vec;

use super::condition::{Costs, Scope, check_cost, condition, cost};
use super::{either, key, optional, required, serve};
use crate::fault::{FaultCode, Faults};
use crate::json::{Json, Node};
use crate::limits;
use crate::model::{Condition, Prerequisite, Rule, Variant};

/// Reads a flag's rules, and puts them in the order in which they are tried.
pub(super) fn rules(node: &Node<'_>, variants: &[Variant], segments: Costs<'_>, faults: &mut Faults) -> Vec<Rule> {
    let Some(items) = node.items(faults) else { return Vec::new() };
    if items.len() > limits::RULES {
        faults.add_limit(&node.path, limits::RULES, "rules", "RULES");
        return Vec::new();
    }
    let mut rules: Vec<(i64, Rule)> = Vec::with_capacity(items.len());
    for item in items {
        if item.is_object(faults) {
            let Some((order, rule)) = rule(&item, &rules, variants, Scope::Rule(segments), faults) else { continue };
            // Behind those of the same order. (Sorting would bring two sorting algorithms into the wasm module.)
            let place = rules.partition_point(|(earlier, _)| *earlier <= order);
            rules.insert(place, (order, rule));
        }
    }
    let total = rules.iter().fold(0, |sum: usize, (_, rule)| sum.saturating_add(cost(&rule.when, segments)));
    check_cost(total, &node.path, faults);
    rules.into_iter().map(|(_, rule)| rule).collect()
}

fn rule(
    node: &Node<'_>,
    earlier: &[(i64, Rule)],
    variants: &[Variant],
    scope: Scope<'_>,
    faults: &mut Faults,
) -> Option<(i64, Rule)> {
    let id = node.require("id", faults).and_then(|field| rule_id(&field, earlier, faults));
    let description = optional(node, "description", faults, |field, faults| field.owned_string(faults));
    let order = optional(node, "order", faults, |field, faults| field.integer(faults)).unwrap_or(0);
    let when = node.get("when");
    let condition = match &when {
        None => Some(Condition::All(Vec::new())),
        Some(field) => condition(field, scope, 1, faults),
    };
    let own = node.get("percentage");
    let inner = when.as_ref().and_then(|when| when.get("percentage"));
    let percentage = match (&own, &inner) {
        (Some(_), Some(inner)) => {
            inner.fault(
                faults,
                FaultCode::Duplicate,
                "must not be there beside the rule's percentage, which says the same",
            );
            None
        }
        (Some(field), None) | (None, Some(field)) => percentage(field, faults),
        (None, None) => None,
    };
    let bucket_by = optional(node, "bucket_by", faults, |field, faults| field.owned_non_empty(faults));
    let salt = optional(node, "salt", faults, |field, faults| field.owned_string(faults));
    let served = either(node, "serve", "rollout", faults);
    if served.is_none() {
        node.require("serve", faults);
    }
    let serve = served.and_then(|field| serve(&field, variants, faults));
    let rule = Rule { id: id?, description, when: condition?, percentage, bucket_by, salt, serve: serve? };
    Some((order, rule))
}

fn rule_id(node: &Node<'_>, earlier: &[(i64, Rule)], faults: &mut Faults) -> Option<String> {
    let id = node.owned_non_empty(faults)?;
    if id.chars().nth(limits::KEY_CHARS).is_some() {
        faults.add_limit(&node.path, limits::KEY_CHARS, "characters", "KEY_CHARS");
    }
    if earlier.iter().any(|(_, rule)| rule.id == id) {
        node.fault(faults, FaultCode::Duplicate, "must differ from the ids of the rules before it");
    }
    Some(id)
}

fn percentage(node: &Node<'_>, faults: &mut Faults) -> Option<f64> {
    let percentage = node.number(faults)?;
    if !(0.0..=100.0).contains(&percentage) {
        node.fault(faults, FaultCode::InvalidValue, "must be from 0 to 100");
    }
    Some(percentage)
}

/// Reads a flag's prerequisites.
pub(super) fn prerequisites(node: &Node<'_>, faults: &mut Faults) -> Option<Vec<Prerequisite>> {
    let items = node.items(faults)?;
    if items.len() > limits::PREREQUISITES {
        faults.add_limit(&node.path, limits::PREREQUISITES, "prerequisites", "PREREQUISITES");
        return None;
    }
    let mut prerequisites = Vec::with_capacity(items.len());
    for item in items {
        if !item.is_object(faults) {
            continue;
        }
        let flag = required(&item, "flag", faults, key);
        let variants = required(&item, "variants", faults, |field, faults| {
            if matches!(field.json, Json::Array(items) if items.is_empty()) {
                field.fault(faults, FaultCode::InvalidValue, "must name at least one variant");
            }
            field.strings(faults)
        });
        if let (Some(flag), Some(variants)) = (flag, variants) {
            prerequisites.push(Prerequisite { flag, variants });
        }
    }
    Some(prerequisites)
}
