//! Adding up what isolates hand over, each delta once.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use serde::{Deserialize, Serialize};

use super::{Series, TenantReport};

/// What one isolate counted from one hand-over to the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delta {
    /// The isolate's name.
    pub isolate: String,
    /// 1 for its first, and one more for each after.
    pub sequence: u64,
    /// When it was made, ms since the epoch.
    pub made_at: i64,
    /// How much was added to which series.
    pub counts: BTreeMap<Series, u64>,
    /// When tenants' snapshots were last found in storage, ms since the epoch.
    pub confirmed: BTreeMap<String, i64>,
}

/// For how many milliseconds a ledger knows which deltas an isolate has handed over: a day. A delta that is older is not taken, because
/// nobody could say whether it was before; isolates live for hours, and try for as long as they are asked anything.
pub const DELTA_KEPT_MS: i64 = 24 * 60 * 60 * 1000;

/// Deltas of one isolate that may have been taken while one before them was not. An isolate hands over one after the other, so that there
/// are none; past this the first that is missing counts as lost.
const AHEAD: usize = 64;

/// Which deltas of an isolate have been taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// All up to this one.
    up_to: u64,
    /// And these, each above the one after it.
    ahead: BTreeSet<u64>,
}

impl Seen {
    /// Notes a delta by its number; false where it was noted before.
    pub fn note(&mut self, sequence: u64) -> bool {
        if sequence <= self.up_to || !self.ahead.insert(sequence) {
            return false;
        }
        if self.ahead.len() > AHEAD {
            self.up_to = self.ahead.first().copied().unwrap_or(self.up_to);
        }
        while let Some(first) = self.ahead.first().copied().filter(|first| *first <= self.up_to.saturating_add(1)) {
            self.up_to = first;
            self.ahead.remove(&first);
        }
        true
    }
}

/// Where sums are kept. What one call of [`take`] does to it is kept as a whole or not at all: that is the adapter's to see to.
pub trait Ledger {
    /// Why it cannot be read or written.
    type Error;

    /// What has been taken of an isolate, as [`Self::note`] was told last; the default where nothing was.
    ///
    /// # Errors
    /// It cannot be read.
    fn seen(&mut self, isolate: &str) -> Result<Seen, Self::Error>;

    /// Keeps what has been taken of an isolate, as of a time (ms since the epoch).
    ///
    /// # Errors
    /// It cannot be written.
    fn note(&mut self, isolate: &str, seen: &Seen, at: i64) -> Result<(), Self::Error>;

    /// Adds to a series, which is 0 where it is new.
    ///
    /// # Errors
    /// It cannot be written.
    fn add(&mut self, series: &Series, count: u64) -> Result<(), Self::Error>;

    /// A tenant's snapshot was found in storage at a time (ms since the epoch); the latest counts.
    ///
    /// # Errors
    /// It cannot be written.
    fn confirm(&mut self, tenant: &str, at: i64) -> Result<(), Self::Error>;

    /// Forgets isolates and snapshots that were not heard of since a time (ms since the epoch).
    ///
    /// # Errors
    /// It cannot be written.
    fn forget(&mut self, before: i64) -> Result<(), Self::Error>;

    /// Keeps a tenant's report, if it holds none that is later.
    ///
    /// # Errors
    /// It cannot be written.
    fn report(&mut self, report: &TenantReport) -> Result<(), Self::Error>;
}

/// Takes a delta at a time (ms since the epoch), and says whether it was added: it was not if it had been taken before, or is older than
/// [`DELTA_KEPT_MS`]. Either way it is done with.
///
/// # Errors
/// The ledger's; what was written so far must then be undone.
pub fn take<L: Ledger>(ledger: &mut L, delta: &Delta, now: i64) -> Result<bool, L::Error> {
    let oldest = now.saturating_sub(DELTA_KEPT_MS);
    ledger.forget(oldest)?;
    if delta.made_at < oldest {
        return Ok(false);
    }
    let mut seen = ledger.seen(&delta.isolate)?;
    let new = seen.note(delta.sequence);
    // Also where it is not new: an isolate must be remembered for as long as it may repeat itself.
    ledger.note(&delta.isolate, &seen, now)?;
    if new {
        for (series, count) in &delta.counts {
            ledger.add(series, *count)?;
        }
        for (tenant, at) in &delta.confirmed {
            ledger.confirm(tenant, *at)?;
        }
    }
    Ok(new)
}

/// The sums: a ledger in memory. JSON of a stored ledger's rows reads as one.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Totals {
    /// By series.
    pub counts: BTreeMap<Series, u64>,
    /// Isolates that were heard of.
    pub isolates: BTreeMap<String, Heard>,
    /// When tenants' snapshots were last found in storage, ms since the epoch.
    pub confirmed: BTreeMap<String, i64>,
    /// The last of each tenant.
    pub reports: BTreeMap<String, TenantReport>,
}

/// What is known of an isolate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Heard {
    /// What has been taken.
    #[serde(default)]
    pub seen: Seen,
    /// When something came last, ms since the epoch.
    pub at: i64,
}

impl Totals {
    /// [`take`]s a delta.
    pub fn apply(&mut self, delta: &Delta, now: i64) -> bool {
        match take(self, delta, now) {
            Ok(new) => new,
            Err(never) => match never {},
        }
    }
}

impl Ledger for Totals {
    type Error = Infallible;

    fn seen(&mut self, isolate: &str) -> Result<Seen, Infallible> {
        Ok(self.isolates.get(isolate).map(|heard| heard.seen.clone()).unwrap_or_default())
    }

    fn note(&mut self, isolate: &str, seen: &Seen, at: i64) -> Result<(), Infallible> {
        self.isolates.insert(isolate.to_owned(), Heard { seen: seen.clone(), at });
        Ok(())
    }

    fn add(&mut self, series: &Series, count: u64) -> Result<(), Infallible> {
        let sum = self.counts.entry(series.clone()).or_default();
        *sum = sum.saturating_add(count);
        Ok(())
    }

    fn confirm(&mut self, tenant: &str, at: i64) -> Result<(), Infallible> {
        let last = self.confirmed.entry(tenant.to_owned()).or_insert(at);
        *last = at.max(*last);
        Ok(())
    }

    fn forget(&mut self, before: i64) -> Result<(), Infallible> {
        self.isolates.retain(|_, heard| heard.at >= before);
        self.confirmed.retain(|_, at| *at >= before);
        Ok(())
    }

    fn report(&mut self, report: &TenantReport) -> Result<(), Infallible> {
        if self.reports.get(&report.tenant).is_none_or(|held| held.at <= report.at) {
            self.reports.insert(report.tenant.clone(), report.clone());
        }
        Ok(())
    }
}
