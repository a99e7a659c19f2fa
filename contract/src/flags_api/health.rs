//! `GET /api/flags/health`.

use burgee_core::VERSION;
use burgee_core::time::format_rfc3339;
use serde::Serialize;

use crate::backing::BackingState;
use crate::envelope::{Data, Problem, Service, success};
use crate::freshness::Cache;
use crate::http::Response;
use crate::loaded::{ReadFault, Served};

#[derive(Serialize)]
struct Health<'a> {
    /// `ok`, or `degraded` while storage holds nothing newer that could be used.
    status: &'static str,
    evaluator_version: &'static str,
    tenant: &'a str,
    snapshot_version: u64,
    generated_at: Option<String>,
    /// Milliseconds since storage was last known to hold this snapshot.
    age_ms: i64,
    flag_count: usize,
    warning_count: usize,
    backing_state: BackingState,
    cache: Cache,
    /// Why the last refresh failed.
    refresh_fault: Option<&'a ReadFault>,
}

/// Says what is served, and how fresh it is. Without any registry there is no health: that is a 503 before it comes here.
///
/// # Errors
/// What is stored is broken somewhere.
#[inline(never)]
pub(crate) fn health(served: &Served<'_>, now: i64, service: Service<'_>) -> Result<Response, Problem> {
    let snapshot = served.loaded.snapshot()?;
    let health = Health {
        status: if served.fault.is_none() { "ok" } else { "degraded" },
        evaluator_version: VERSION,
        tenant: snapshot.tenant(),
        snapshot_version: snapshot.version(),
        generated_at: snapshot.generated_at().map(format_rfc3339),
        age_ms: now.saturating_sub(served.confirmed_at).max(0),
        flag_count: snapshot.flags().len(),
        warning_count: snapshot.warnings().len(),
        backing_state: served.backing,
        cache: served.cache,
        refresh_fault: served.fault,
    };
    Ok(success(Data::Value(&health), service).with("Cache-Control", "no-store"))
}
