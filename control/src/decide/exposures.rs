//! Counting exposures.

use burgee_core::FaultCode;
use burgee_core::limits::KEY_CHARS;

use super::draft::fault;
use super::links::has_variant;
use super::work::Work;
use crate::change::Change;
use crate::error::Error;
use crate::rows::ExposureCount;

/// Adds up a batch. What is of no flag, or of no variant that its flag has, is left out: clients send it, and each would be a row.
pub(crate) fn count(work: &mut Work<'_>, id: &str, counts: &[ExposureCount]) -> Result<(), Error> {
    if id.is_empty() || id.chars().nth(KEY_CHARS).is_some() {
        let message = format!("must have 1 to {KEY_CHARS} characters (KEY_CHARS)");
        return Err(Error::Invalid(vec![fault(FaultCode::InvalidValue, "/id", message)]));
    }
    if work.state.has_batch(id)? {
        return Ok(());
    }
    let now = work.now();
    work.put(Change::PutBatch { id: id.to_owned(), at: now });
    for seen in counts.iter().filter(|seen| seen.count > 0) {
        let Some(row) = work.state.flag(&seen.flag)?.filter(|row| row.deleted_at.is_none()) else { continue };
        let is_known = seen.variant.is_empty() || has_variant(&Work::stored_flag(&row)?, &seen.variant);
        if is_known {
            // A client's clock may be wrong, and its version of another time.
            let version = if seen.version > row.version { 0 } else { seen.version };
            let last_at = seen.last_at.clamp(0, now.max(0));
            work.put(Change::AddExposures(ExposureCount { version, last_at, ..seen.clone() }));
        }
    }
    Ok(())
}
