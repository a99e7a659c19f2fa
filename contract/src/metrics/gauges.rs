//! What tenants' objects report: values as they are, of which the last counts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How a tenant is doing, as its object says at a time. It reports after each change and when a snapshot has landed in KV; a report that
/// did not get through is made again, else the one before goes on being shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TenantReport {
    /// The tenant.
    pub tenant: String,
    /// When this is how it was, ms since the epoch. Of two reports the later one counts, in whichever order they come.
    pub at: i64,
    /// The version of the truth.
    pub snapshot_version: u64,
    /// Since when there is a change that is not in KV, ms since the epoch; none where all are.
    pub unpublished_since: Option<i64>,
    /// Flags that are on: neither off, archived nor deleted.
    pub active_flags: u64,
    /// Rollouts by status: `running`, `paused`, `done`, `cancelled`, `rolled_back`.
    pub rollouts: BTreeMap<String, u64>,
    /// What is served by those that are running or paused, 0 to 100, by the flag's key.
    pub percentages: BTreeMap<String, f64>,
}
