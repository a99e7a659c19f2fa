//! Reading conditions and segments, short forms included, into their one canonical form.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::{key, optional, required, scalar, word};
use crate::fault::{Fault, FaultCode, Faults};
use crate::json::{Json, Node, Path};
use crate::limits;
use crate::model::{Condition, Operator, Scalar, Segment};
use crate::pattern::Pattern;
use crate::semver::Version;
use crate::time::parse_rfc3339;

/// What the conditions of a segment cost; none of a segment that the document does not have.
pub(crate) type Costs<'s> = &'s dyn Fn(&str) -> Option<usize>;

/// What a condition may name beside attributes, which depends on where it stands.
#[derive(Clone, Copy)]
pub(crate) enum Scope<'s> {
    /// A rule's condition: any segment of which this knows what its conditions cost.
    Rule(Costs<'s>),
    /// A segment's condition.
    Segment,
}

/// The members that a condition may have.
const MEMBERS: [&str; 9] = ["attr", "op", "value", "values", "segment", "all", "any", "not", "percentage"];

/// Reads a condition that lies `depth` deep, 1 for the outermost.
pub(super) fn condition(node: &Node<'_>, scope: Scope<'_>, depth: usize, faults: &mut Faults) -> Option<Condition> {
    if depth > limits::CONDITION_DEPTH {
        return too_deep(node, faults);
    }
    if !node.is_object(faults) {
        return None;
    }
    let attr = node.get("attr");
    check_members(node, attr.as_ref(), matches!(scope, Scope::Rule(_)) && depth == 1, faults);
    let names = match attr.as_ref().map(|attr| attr.json) {
        Some(Json::Object(_)) => attr.as_ref().and_then(|attr| attr.members(faults)).map_or(0, Iterator::count),
        Some(_) => 1,
        None => 0,
    };
    let others = ["segment", "all", "any", "not"].map(|name| node.get(name));
    let count = others.iter().flatten().count().saturating_add(names);
    let is_wrapped = count != 1;
    let depth = depth.saturating_add(usize::from(count > 1));
    if depth > limits::CONDITION_DEPTH {
        return too_deep(node, faults);
    }
    let mut parts = Vec::with_capacity(count);
    if let Some(attr) = &attr {
        attribute(node, attr, &mut parts, faults);
    }
    let [segment, all, any, not] = &others;
    if let Some(field) = segment {
        parts.extend(segment_key(field, scope, faults).map(Condition::Segment));
    }
    let inner = depth.saturating_add(1);
    if let Some(field) = all {
        parts.extend(list(field, scope, inner, faults).map(Condition::All));
    }
    if let Some(field) = any {
        parts.extend(list(field, scope, inner, faults).map(Condition::Any));
    }
    if let Some(field) = not {
        parts.extend(condition(field, scope, inner, faults).map(|inner| Condition::Not(Box::new(inner))));
    }
    if is_wrapped { Some(Condition::All(parts)) } else { parts.pop() }
}

fn too_deep(node: &Node<'_>, faults: &mut Faults) -> Option<Condition> {
    faults.add_limit(&node.path, limits::CONDITION_DEPTH, "levels", "CONDITION_DEPTH");
    None
}

/// A member that is misspelt must not let everybody in, so there must be none that is unknown, and at least one.
fn check_members(node: &Node<'_>, attr: Option<&Node<'_>>, allows_percentage: bool, faults: &mut Faults) {
    let Some(members) = node.members(faults) else { return };
    let members: Vec<_> = members.filter(|(_, field)| !matches!(field.json, Json::Null)).collect();
    let mut is_empty = true;
    for (name, field) in &members {
        if !MEMBERS.contains(name) {
            let message = "must be one of attr, op, value, values, segment, all, any, not, percentage";
            field.fault(faults, FaultCode::InvalidValue, message);
        }
    }
    let names_attribute = attr.is_some_and(|attr| matches!(attr.json, Json::String(_)));
    for (name, field) in &members {
        match *name {
            "op" | "value" | "values" if !names_attribute => {
                field.fault(faults, FaultCode::InvalidValue, "must stand beside attr, the name of an attribute");
            }
            "percentage" if !allows_percentage => {
                let message = "must stand in a rule, or in the outermost object of its when";
                field.fault(faults, FaultCode::InvalidValue, message);
                is_empty = false;
            }
            "attr" | "segment" | "all" | "any" | "not" | "percentage" => is_empty = false,
            _ => {}
        }
    }
    if is_empty {
        node.fault(faults, FaultCode::InvalidValue, "must have at least one of attr, segment, all, any, not");
    }
}

fn list(node: &Node<'_>, scope: Scope<'_>, depth: usize, faults: &mut Faults) -> Option<Vec<Condition>> {
    Some(node.limited_items(faults)?.filter_map(|item| condition(&item, scope, depth, faults)).collect())
}

fn segment_key(node: &Node<'_>, scope: Scope<'_>, faults: &mut Faults) -> Option<String> {
    let Scope::Rule(costs) = scope else {
        node.fault(faults, FaultCode::InvalidValue, "must not be there: a segment does not refer to segments");
        return None;
    };
    let key = node.string(faults)?;
    if costs(key).is_none() {
        let message = "must be the key of a segment that the snapshot has, and that is not at fault";
        node.fault(faults, FaultCode::UnknownReference, message);
    }
    Some(key.to_owned())
}

/// A comparison, or those that the short form names.
fn attribute(node: &Node<'_>, attr: &Node<'_>, parts: &mut Vec<Condition>, faults: &mut Faults) {
    let Json::Object(_) = attr.json else {
        parts.extend(comparison(node, attr, faults));
        return;
    };
    let Some(members) = attr.members(faults) else { return };
    for (name, field) in members {
        if name.is_empty() {
            field.fault(faults, FaultCode::InvalidValue, "must have a name that is not empty");
        }
        let (op, values) = match field.json {
            Json::Array(_) => (Operator::In, scalars(&field, faults)),
            _ => (Operator::Equals, scalar(&field, faults).map(|value| Vec::from([value]))),
        };
        parts.extend(values.map(|values| Condition::Attribute { attr: name.to_owned(), op, values }));
    }
}

fn comparison(node: &Node<'_>, attr: &Node<'_>, faults: &mut Faults) -> Option<Condition> {
    let attr = attr.owned_non_empty(faults);
    let op = required(node, "op", faults, operator)?;
    let values = if op.takes_many() {
        let values = node.require("values", faults).and_then(|field| scalars(&field, faults))?;
        if op == Operator::Between {
            range(&node.get("values")?, &values, faults)?;
        }
        values
    } else {
        let value = match node.get("value") {
            None if op == Operator::Exists => Scalar::Boolean(true),
            _ => node.require("value", faults).and_then(|field| operand(&field, op, faults))?,
        };
        Vec::from([value])
    };
    Some(Condition::Attribute { attr: attr?, op, values })
}

fn operator(node: &Node<'_>, faults: &mut Faults) -> Option<Operator> {
    let allowed = "must be one of equals, not_equals, in, not_in, contains, starts_with, ends_with, matches, gt, gte, lt, lte, between, \
                   exists, semver_eq, semver_gt, semver_gte, semver_lt, semver_lte, before, after";
    word(node, faults, Operator::parse, allowed)
}

/// A list of scalars, at least one.
fn scalars(node: &Node<'_>, faults: &mut Faults) -> Option<Vec<Scalar>> {
    let items = node.limited_items(faults)?;
    if items.len() == 0 {
        node.fault(faults, FaultCode::InvalidValue, "must have at least one value");
        return None;
    }
    Some(items.filter_map(|item| scalar(&item, faults)).collect())
}

fn range(node: &Node<'_>, values: &[Scalar], faults: &mut Faults) -> Option<()> {
    let is_range = match values {
        [low, high] => low.as_f64().zip(high.as_f64()).is_some_and(|(low, high)| low <= high),
        _ => false,
    };
    if !is_range {
        node.fault(faults, FaultCode::InvalidValue, "must be two numbers, the first not greater than the second");
    }
    is_range.then_some(())
}

/// What an operator that takes one value compares with.
fn operand(node: &Node<'_>, op: Operator, faults: &mut Faults) -> Option<Scalar> {
    match op {
        Operator::Equals | Operator::NotEquals | Operator::Contains => scalar(node, faults),
        Operator::In | Operator::NotIn | Operator::Between => None,
        Operator::StartsWith | Operator::EndsWith => node.owned_string(faults).map(Scalar::String),
        Operator::Gt | Operator::Gte | Operator::Lt | Operator::Lte => {
            node.number(faults)?;
            scalar(node, faults)
        }
        Operator::Exists => node.boolean(faults).map(Scalar::Boolean),
        Operator::Matches => pattern(node, faults).map(Scalar::String),
        Operator::SemverEq | Operator::SemverGt | Operator::SemverGte | Operator::SemverLt | Operator::SemverLte => {
            let text = node.string(faults)?;
            if Version::parse(text).is_none() {
                node.fault(
                    faults,
                    FaultCode::InvalidValue,
                    "must be a version such as 1.4.0 or 2.0.0-beta.1 (semver.org 2.0.0)",
                );
                return None;
            }
            Some(Scalar::String(text.to_owned()))
        }
        Operator::Before | Operator::After => match node.json {
            Json::String(text) if parse_rfc3339(text).is_some() => Some(Scalar::String(text.clone().into_owned())),
            _ => node.time(faults).map(Scalar::Integer),
        },
    }
}

#[inline(never)]
fn pattern(node: &Node<'_>, faults: &mut Faults) -> Option<String> {
    let text = node.string(faults)?;
    if text.len() > limits::PATTERN_BYTES {
        faults.add_limit(&node.path, limits::PATTERN_BYTES, "bytes", "PATTERN_BYTES");
        return None;
    }
    match Pattern::new(text) {
        Ok(_) => Some(text.to_owned()),
        Err(code) => {
            let message = match code {
                FaultCode::LimitExceeded => {
                    "must be a smaller pattern: it repeats too much (PATTERN_INSTRUCTIONS) or nests too deep (PATTERN_DEPTH)"
                }
                _ => "must be a regular expression, without look-around and back-references",
            };
            node.fault(faults, code, message);
            None
        }
    }
}

/// What a condition costs to evaluate, see [`limits::CONDITION_COST`].
pub(super) fn cost(condition: &Condition, costs: Costs<'_>) -> usize {
    let inner = match condition {
        Condition::All(conditions) | Condition::Any(conditions) => {
            conditions.iter().fold(0, |sum: usize, condition| sum.saturating_add(cost(condition, costs)))
        }
        Condition::Not(condition) => cost(condition, costs),
        Condition::Segment(key) => costs(key).unwrap_or(0),
        Condition::Attribute { op: Operator::Matches, values, .. } => match values.as_slice() {
            [Scalar::String(text)] => Pattern::new(text).map_or(0, |pattern| pattern.instructions()),
            _ => 0,
        },
        Condition::Attribute { .. } => 0,
    };
    inner.saturating_add(1)
}

/// What the conditions of a segment cost.
pub(crate) fn segment_cost(segment: &Segment) -> usize {
    segment.conditions.as_ref().map_or(0, |condition| cost(condition, &|_| None))
}

/// Notes conditions, which stand at `path`, that cost too much.
pub(super) fn check_cost(cost: usize, path: &Path<'_>, faults: &mut Faults) {
    if cost > limits::CONDITION_COST {
        let what = "conditions, where a pattern counts its instructions and a segment its own conditions";
        faults.add_limit(path, limits::CONDITION_COST, what, "CONDITION_COST");
    }
}

/// Reads a segment from its place in a document, or gives all its faults.
#[inline(never)]
pub(crate) fn read_segment(node: &Node<'_>) -> Result<Segment, Vec<Fault>> {
    let mut faults = Faults::default();
    let segment = if node.is_object(&mut faults) { segment_fields(node, &mut faults) } else { None };
    faults.finish(segment)
}

fn segment_fields(node: &Node<'_>, faults: &mut Faults) -> Option<Segment> {
    let key = required(node, "key", faults, key);
    let name = optional(node, "name", faults, |field, faults| field.owned_string(faults));
    let conditions = super::either(node, "conditions", "criteria", faults).and_then(|field| {
        let condition = condition(&field, Scope::Segment, 1, faults)?;
        check_cost(cost(&condition, &|_| None), &field.path, faults);
        Some(condition)
    });
    let include = optional(node, "include", faults, |field, faults| field.strings(faults)).unwrap_or_default();
    let exclude = optional(node, "exclude", faults, |field, faults| field.strings(faults)).unwrap_or_default();
    Some(Segment { key: key?, name, conditions, include, exclude })
}
