//! Reading what a rule or a flag serves.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use super::{optional, required};
use crate::fault::{FaultCode, Faults};
use crate::json::Node;
use crate::model::{Serve, Variant, WeightedVariant};

/// The key of one of the flag's variants.
pub(super) fn variant_key(node: &Node<'_>, variants: &[Variant], faults: &mut Faults) -> Option<String> {
    let key = node.string(faults)?;
    if !variants.iter().any(|variant| variant.key == key) {
        node.fault(faults, FaultCode::UnknownReference, "must be the key of one of the flag's variants");
    }
    Some(key.to_owned())
}

pub(super) fn serve(node: &Node<'_>, variants: &[Variant], faults: &mut Faults) -> Option<Serve> {
    if !node.is_object(faults) {
        return None;
    }
    match (node.get("variant"), node.get("distribution")) {
        (Some(field), None) => variant_key(&field, variants, faults).map(|variant| Serve::Variant { variant }),
        (None, Some(field)) => {
            let mut distribution = Vec::new();
            for item in field.items(faults)? {
                if !item.is_object(faults) {
                    continue;
                }
                let variant = item.require("variant", faults).and_then(|field| variant_key(&field, variants, faults));
                let weight = required(&item, "weight", faults, weight);
                if let (Some(variant), Some(weight)) = (variant, weight) {
                    distribution.push(WeightedVariant { variant, weight });
                }
            }
            check_weights(&field, &distribution, faults);
            let bucket_by = optional(node, "bucket_by", faults, |field, faults| field.owned_non_empty(faults));
            let salt = optional(node, "salt", faults, |field, faults| field.owned_string(faults));
            Some(Serve::Distribution { distribution, bucket_by, salt })
        }
        _ => {
            node.fault(faults, FaultCode::InvalidValue, "must have either variant or distribution");
            None
        }
    }
}

/// Weights that cannot be shares of a whole are a fault at `node`.
pub(super) fn check_weights(node: &Node<'_>, weights: &[WeightedVariant], faults: &mut Faults) {
    let sum: f64 = weights.iter().map(|entry| entry.weight).sum();
    if !(sum > 0.0 && sum.is_finite()) {
        node.fault(faults, FaultCode::InvalidValue, "must have weights whose sum is greater than 0, and finite");
    }
}

pub(super) fn weight(node: &Node<'_>, faults: &mut Faults) -> Option<f64> {
    let weight = node.number(faults)?;
    if weight < 0.0 {
        node.fault(faults, FaultCode::InvalidValue, "must not be negative");
    }
    Some(weight)
}
