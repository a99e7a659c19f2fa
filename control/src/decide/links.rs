//! What flags need of each other: prerequisites that exist, end, and are few enough to be walked.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use burgee_core::limits::{PREREQUISITE_DEPTH, PREREQUISITE_WALKS, PREREQUISITES};
use burgee_core::model::{Flag, OverrideVariant, Value, Variant};
use burgee_core::{Fault, FaultCode, Json};

use super::draft::{fault, member, names};
use super::work::{Work, is_live};
use crate::error::Error;
use crate::rows::OverrideRow;

/// Faults of references that are listed; more of one kind help nobody.
const FAULTS: usize = 200;

/// Levels to which a way is followed. Nothing that is stored is deeper than [`PREREQUISITE_DEPTH`]; the rest is for naming cycles within an import.
const WAY: usize = 64;

/// The faults of a flag's prerequisites: flags that are not there, variants that they do not have, flags that are named twice. `at` is the pointer
/// to the flag.
pub(crate) fn reference_faults(work: &Work<'_>, flag: &Json<'_>, at: &str, key: &str) -> Result<Vec<Fault>, Error> {
    let mut faults = Vec::new();
    let Json::Object(members) = flag else { return Ok(faults) };
    let Some(Json::Array(items)) = member(members, "prerequisites") else { return Ok(faults) };
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for (index, item) in items.iter().enumerate().take(PREREQUISITES) {
        let Json::Object(members) = item else { continue };
        let Some(Json::String(needed)) = member(members, "flag") else { continue };
        let pointer = format!("{at}/prerequisites/{index}");
        if !seen.insert(needed) {
            let message = "must differ from the flags of the prerequisites before it; one lists all the variants";
            faults.push(fault(FaultCode::Duplicate, format!("{pointer}/flag"), message));
            continue;
        }
        // A flag that needs itself is a cycle, and found as such.
        if needed == key {
            continue;
        }
        let row = match work.flag(needed)? {
            Some(row) if is_live(&row) => row,
            Some(row) if row.deleted_at.is_none() => {
                let message = "must name a flag that is not archived";
                faults.push(fault(FaultCode::UnknownReference, format!("{pointer}/flag"), message));
                continue;
            }
            _ => {
                let message = "must name a flag that exists";
                faults.push(fault(FaultCode::UnknownReference, format!("{pointer}/flag"), message));
                continue;
            }
        };
        let Some(Json::Array(variants)) = member(members, "variants") else { continue };
        let needed = Work::stored_flag(&row)?;
        for (place, variant) in variants.iter().enumerate() {
            if let Json::String(variant) = variant
                && !has_variant(&needed, variant)
            {
                let message = "must name a variant of that flag";
                faults.push(fault(FaultCode::UnknownReference, format!("{pointer}/variants/{place}"), message));
            }
            if faults.len() >= FAULTS {
                return Ok(faults);
            }
        }
    }
    Ok(faults)
}

pub(crate) fn has_variant(flag: &Flag, key: &str) -> bool {
    flag.variants.iter().any(|variant| variant.key == key)
}

/// Whether a flag has the variant that an override names.
pub(crate) fn serves(flag: &Flag, variant: &OverrideVariant) -> bool {
    match variant {
        OverrideVariant::Key(key) => has_variant(flag, key),
        OverrideVariant::Boolean(wanted) => {
            flag.variants.iter().any(|variant| matches!(variant.value, Value::Boolean(value) if value == *wanted))
        }
    }
}

/// The variant of a stored override row.
pub(crate) fn variant_of(row: &OverrideRow) -> Option<OverrideVariant> {
    let Ok(Json::Object(members)) = Json::parse(&row.document) else { return None };
    match member(&members, "variant")? {
        Json::Bool(value) => Some(OverrideVariant::Boolean(*value)),
        Json::String(key) => Some(OverrideVariant::Key(key.clone().into_owned())),
        _ => None,
    }
}

/// Refuses cycles among the prerequisites of these flags, and ways through them that are too many or too long, also for the flags that need them.
pub(crate) fn check_walks(work: &Work<'_>, keys: &[String]) -> Result<(), Error> {
    let mut walks = Walks { work, known: BTreeMap::new() };
    for key in keys {
        walks.of(key, &mut Vec::new())?;
    }
    let mut seen: BTreeSet<String> = keys.iter().cloned().collect();
    let mut next: Vec<String> = keys.to_vec();
    while let Some(key) = next.pop() {
        for dependent in work.dependents(&key)? {
            if seen.insert(dependent.clone()) {
                walks.of(&dependent, &mut Vec::new())?;
                next.push(dependent);
            }
        }
    }
    Ok(())
}

/// What evaluating a flag's prerequisites takes, as the evaluator counts it.
#[derive(Clone, Copy)]
struct Cost {
    walks: u32,
    depth: u32,
}

struct Walks<'w, 'a> {
    work: &'w Work<'a>,
    known: BTreeMap<String, Cost>,
}

impl Walks<'_, '_> {
    /// The cost of a flag to which `way` has led.
    fn of(&mut self, key: &str, way: &mut Vec<String>) -> Result<Cost, Error> {
        if let Some(start) = way.iter().position(|earlier| earlier == key) {
            let mut cycle = way.split_off(start);
            cycle.push(key.to_owned());
            return Err(Error::PrerequisiteCycle(cycle));
        }
        if let Some(cost) = self.known.get(key) {
            return Ok(*cost);
        }
        let mut cost = Cost { walks: 1, depth: 1 };
        if way.len() >= WAY {
            return Err(too_much(way.first().map_or(key, String::as_str), true));
        }
        if let Some(row) = self.work.flag(key)?.filter(is_live) {
            way.push(key.to_owned());
            for needed in &row.prerequisites {
                let of = self.of(needed, way)?;
                cost.walks = cost.walks.saturating_add(of.walks);
                cost.depth = cost.depth.max(of.depth.saturating_add(1));
            }
            way.pop();
        }
        if cost.depth > PREREQUISITE_DEPTH || cost.walks > PREREQUISITE_WALKS {
            return Err(too_much(key, cost.depth > PREREQUISITE_DEPTH));
        }
        self.known.insert(key.to_owned(), cost);
        Ok(cost)
    }
}

fn too_much(key: &str, is_deep: bool) -> Error {
    let (limit, message) = if is_deep {
        let message =
            format!("prerequisites of `{key}` would lie more than {PREREQUISITE_DEPTH} deep (PREREQUISITE_DEPTH)");
        ("PREREQUISITE_DEPTH", message)
    } else {
        let message =
            format!("prerequisites of `{key}` would take more than {PREREQUISITE_WALKS} walks (PREREQUISITE_WALKS)");
        ("PREREQUISITE_WALKS", message)
    };
    Error::LimitExceeded { limit, message }
}

/// Refuses that a flag goes out of use while others need it.
pub(crate) fn check_unneeded(work: &Work<'_>, key: &str) -> Result<(), Error> {
    let dependents = work.dependents(key)?;
    if dependents.is_empty() {
        return Ok(());
    }
    Err(Error::Conflict(format!("`{key}` is a prerequisite of {}; change them first", names(&dependents))))
}

/// Refuses that a flag loses variants which other flags or override rows name, or its type while other flags need it. `before` is what it was, and the
/// command's rows what all flags are. Rows that have expired go.
pub(crate) fn check_variants(work: &mut Work<'_>, before: &Flag, after: &Flag) -> Result<(), Error> {
    let key = after.key.as_str();
    let is_other_type = before.flag_type != after.flag_type;
    let boolean = |variant: &Variant| if let Value::Boolean(value) = variant.value { Some(value) } else { None };
    let stays = |old: &Variant| after.variants.iter().any(|new| new.key == old.key && boolean(new) == boolean(old));
    if !is_other_type && before.variants.iter().all(stays) {
        return Ok(());
    }
    let mut dependents = Vec::new();
    for dependent in work.dependents(key)? {
        let Some(row) = work.flag(&dependent)? else { continue };
        let needs = Work::stored_flag(&row)?.prerequisites;
        let mut needed = needs.iter().filter(|needed| needed.flag == key).flat_map(|needed| &needed.variants);
        if is_other_type || needed.any(|variant| !has_variant(after, variant)) {
            dependents.push(dependent);
        }
    }
    if !dependents.is_empty() {
        let what = if is_other_type { "the type" } else { "variants" };
        let keys = names(&dependents);
        return Err(Error::Conflict(format!(
            "{what} of `{key}` cannot change so: it is a prerequisite of {keys}; change them first"
        )));
    }
    let mut named = 0_usize;
    for row in work.overrides_of(key)? {
        if variant_of(&row).is_some_and(|variant| serves(after, &variant)) {
            continue;
        }
        if row.expires_at.is_some_and(|at| at <= work.now()) {
            super::overrides::remove(work, &row)?;
        } else {
            named = named.saturating_add(1);
        }
    }
    if named > 0 {
        let rows = if named == 1 {
            Cow::Borrowed("an override row names")
        } else {
            format!("{named} override rows name").into()
        };
        return Err(Error::Conflict(format!("{rows} variants that `{key}` would no longer have; remove them first")));
    }
    Ok(())
}
