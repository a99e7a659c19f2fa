//! Exposures: which variants were served how often. What counts them is a queue's consumer; here a batch is read.

use std::collections::BTreeMap;

use burgee_control::ExposureCount;
use burgee_core::{FaultCode, Json, Path};
use serde::{Deserialize, Serialize};

use crate::envelope::Problem;
use crate::http::Request;
use crate::limits;
use crate::route::{Plan, Route};
use crate::v1::Operation;
use crate::v1::input::{self, Faults, Fields};

/// A batch of exposures for a tenant's object, as a queue carries it: [`burgee_control::Command::CountExposures`] counts it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExposureBatch {
    /// The tenant.
    pub tenant: String,
    /// The batch's id: who hears of it twice counts it once.
    pub id: String,
    /// What was seen, each variant of a flag's version once.
    pub counts: Vec<ExposureCount>,
}

/// The batch that a request brings, to be put into the queue at a time (ms since the epoch) before [`crate::respond`] says that it was accepted. None where the
/// request is another, or [`crate::respond`] refuses it.
#[must_use]
pub fn exposure_batch(plan: &Plan<'_>, request: &Request<'_>, now: i64) -> Option<ExposureBatch> {
    let tenant = plan.tenant().filter(|_| plan.route() == Route::V1(Operation::CountExposures))?;
    read(request, now).ok().map(|(id, counts)| ExposureBatch { tenant: tenant.to_owned(), id, counts })
}

/// Reads `{"id", "exposures": [{"flag", "variant", "flag_version"?, "at"?, …}]}`: the members that the npm package's client sends, of which `unit`, `environment`,
/// `reason` and `rule_id` are not kept.
///
/// # Errors
/// The body's faults.
pub(super) fn read(request: &Request<'_>, now: i64) -> Result<(String, Vec<ExposureCount>), Problem> {
    let members = input::object(input::text_of(request)?)?;
    let mut faults = Faults::default();
    let fields = Fields::of(&members, &Path::Root);
    let id = fields.key("id", &mut faults);
    let items: &[Json<'_>] = match fields.need("exposures", &mut faults) {
        Some(Json::Array(items)) if (1..=limits::EXPOSURES).contains(&items.len()) => items,
        Some(_) => {
            let must = "must be a list of 1 to 1000 exposures (EXPOSURES)";
            fields.fault("exposures", FaultCode::InvalidValue, must, &mut faults);
            &[]
        }
        None => &[],
    };
    fields.no_others(&["id", "exposures"], &mut faults);
    let path = Path::Name(&Path::Root, "exposures");
    let mut sums: BTreeMap<(&str, &str, u64), (u64, i64)> = BTreeMap::new();
    for (place, item) in items.iter().enumerate() {
        let Some((seen, at)) = exposure(item, &Path::Index(&path, place), &mut faults) else { continue };
        // A client's clock may be wrong; nothing was seen in the future.
        let at = at.map_or(now, |at| at.min(now));
        let (count, last_at) = sums.entry(seen).or_insert((0, at));
        *count = count.saturating_add(1);
        *last_at = at.max(*last_at);
    }
    faults.none()?;
    let count = |((flag, variant, version), (count, last_at)): ((&str, &str, _), _)| ExposureCount {
        flag: flag.to_owned(),
        variant: variant.to_owned(),
        version,
        count,
        last_at,
    };
    Ok((id.unwrap_or_default().to_owned(), sums.into_iter().map(count).collect()))
}

/// What was seen, and when.
type Seen<'j> = ((&'j str, &'j str, u64), Option<i64>);

fn exposure<'j>(item: &'j Json<'j>, path: &Path<'_>, faults: &mut Faults) -> Option<Seen<'j>> {
    let Json::Object(members) = item else {
        faults.add(FaultCode::WrongType, path, "must be an object");
        return None;
    };
    let fields = Fields::of(members, path);
    let flag = fields.key("flag", faults);
    let variant = match fields.need("variant", faults) {
        Some(Json::String(variant)) if is_variant(variant) => Some(variant.as_ref()),
        Some(_) => {
            let must = "must be a variant's key, of 1 to 128 characters";
            fields.fault("variant", FaultCode::InvalidValue, must, faults);
            None
        }
        None => None,
    };
    let version = fields.count("flag_version", faults).unwrap_or(0);
    let at = fields.count("at", faults).and_then(|at| i64::try_from(at).ok());
    Some(((flag?, variant?, version), at))
}

/// Whether a variant can be called so: other than flags', variants' keys may be of any characters.
fn is_variant(key: &str) -> bool {
    !key.is_empty() && key.chars().count() <= burgee_core::limits::KEY_CHARS
}
