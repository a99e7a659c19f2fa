//! What is counted, and how the sums of many isolates become one: `GET /metrics`.
//!
//! 1. Each isolate adds to its [`Metrics`], which is plain memory: a few additions per request.
//! 2. What was added since the last time becomes a [`Delta`] with the isolate's name and a number. It is kept until it is known to have
//!    been taken, and is the same until then.
//! 3. [`take`] adds a delta to a [`Ledger`], once, however often and in whichever order it comes.
//! 4. [`Totals`], which is a ledger in memory and what a stored one is read into, writes the Prometheus text format.
//!
//! Why so, and what can be lost: `docs/decisions/0014-totals-across-isolates.md`.

mod families;
mod gauges;
mod ledger;
mod policy;
mod render;
mod series;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use burgee_core::Reason;

use crate::freshness::Cache;
use crate::loaded::{ReadFault, ReadFaultCode, Reading};
use crate::sensitive::BreakerState;

pub use gauges::TenantReport;
pub use ledger::{DELTA_KEPT_MS, Delta, Ledger, Seen, Totals, take};
pub use policy::PolicyResult;
pub use render::{Build, CONTENT_TYPE};
pub use series::Series;

use series::Timing;

/// The label `surface`: whose form a request has that evaluates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Surface {
    /// `/api/flags`.
    #[default]
    Api,
    /// `/ofrep/v1`.
    Ofrep,
    /// `/v1`.
    V1,
}

impl Surface {
    /// All of them, by their numbers.
    pub const ALL: [Self; 3] = [Self::Api, Self::Ofrep, Self::V1];

    /// The label's value.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Ofrep => "ofrep",
            Self::V1 => "v1",
        }
    }
}

/// The evaluations of one answer, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evaluations {
    surface: Surface,
    // A snapshot has 10,000 flags at most, so one answer cannot have more.
    by_reason: [u16; Reason::ALL.len()],
}

impl Evaluations {
    /// The evaluations that ended for these reasons.
    #[must_use]
    pub fn of(surface: Surface, reasons: impl IntoIterator<Item = Reason>) -> Self {
        let mut evaluations = Self { surface, ..Self::default() };
        for reason in reasons {
            if let Some(count) = evaluations.by_reason.get_mut(reason as usize) {
                *count = count.saturating_add(1);
            }
        }
        evaluations
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.by_reason.iter().fold(0, |sum, count| sum.saturating_add(u64::from(*count)))
    }
}

/// The label `state` of `burgee_snapshot_cache_total`: where a request's registry came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheState {
    /// From memory, as current as wanted.
    Hit,
    /// From storage, because memory held none.
    Miss,
    /// From memory, past its time.
    Stale,
    /// From storage, because nothing is cached.
    Uncached,
    /// There was none anywhere.
    Unavailable,
}

impl CacheState {
    /// All of them, by their numbers.
    pub const ALL: [Self; 5] = [Self::Hit, Self::Miss, Self::Stale, Self::Uncached, Self::Unavailable];

    /// The label's value.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Stale => "stale",
            Self::Uncached => "uncached",
            Self::Unavailable => "unavailable",
        }
    }
}

impl From<Cache> for CacheState {
    fn from(cache: Cache) -> Self {
        match cache {
            Cache::Hit => Self::Hit,
            Cache::Miss => Self::Miss,
            Cache::Stale => Self::Stale,
            Cache::Uncached => Self::Uncached,
        }
    }
}

/// The label `source` of `burgee_snapshot_reads_total`: what was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadSource {
    /// The KV namespace that snapshots are published to.
    Kv,
    /// The tenant's Durable Object.
    Object,
    /// The static file of the platform's registry.
    File,
}

impl ReadSource {
    /// All of them, by their numbers.
    pub const ALL: [Self; 3] = [Self::Kv, Self::Object, Self::File];

    /// The label's value.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kv => "kv",
            Self::Object => "object",
            Self::File => "file",
        }
    }
}

/// The label `result` of `burgee_snapshot_reads_total`: what came of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadResult {
    /// Another snapshot than the one that was held.
    New,
    /// The one that is held.
    Unchanged,
    /// None.
    Missing,
    /// One that cannot be used.
    Refused,
    /// No answer.
    Failed,
}

impl ReadResult {
    /// All of them, by their numbers.
    pub const ALL: [Self; 5] = [Self::New, Self::Unchanged, Self::Missing, Self::Refused, Self::Failed];

    /// The label's value.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Unchanged => "unchanged",
            Self::Missing => "missing",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }

    /// What [`crate::Loaded::take`] made of it.
    #[must_use]
    pub fn of(read: &Result<Reading, ReadFault>) -> Self {
        match read {
            Ok(Reading::New(_)) => Self::New,
            Ok(Reading::Unchanged) => Self::Unchanged,
            Err(fault) => match fault.code {
                ReadFaultCode::SnapshotMissing => Self::Missing,
                ReadFaultCode::SnapshotRefused | ReadFaultCode::SnapshotOlder => Self::Refused,
                ReadFaultCode::StorageUnreadable | ReadFaultCode::SnapshotBehind => Self::Failed,
            },
        }
    }
}

/// The label `method`: callers can send any word.
fn method_label(method: &str) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.into_iter().find(|known| *known == method).unwrap_or("other")
}

/// What one isolate has counted and not yet handed over.
#[derive(Debug)]
pub struct Metrics {
    isolate: String,
    /// By path, method and status; how often is the timing's count.
    requests: BTreeMap<(&'static str, &'static str, u16), Timing>,
    evaluations: [[u64; Reason::ALL.len()]; Surface::ALL.len()],
    evaluating: [Timing; Surface::ALL.len()],
    cache: [u64; CacheState::ALL.len()],
    reads: [[u64; ReadResult::ALL.len()]; ReadSource::ALL.len()],
    questions: [u64; PolicyResult::ALL.len()],
    breaker: [u64; BreakerState::ALL.len()],
    /// When a tenant's snapshot was last found in storage, ms since the epoch.
    confirmed: BTreeMap<String, i64>,
    /// Of the delta that was made last.
    sequence: u64,
    in_hand: Option<Delta>,
}

impl Metrics {
    /// Nothing counted yet, in an isolate whose name no other has.
    #[must_use]
    pub fn new(isolate: String) -> Self {
        Self {
            isolate,
            requests: BTreeMap::new(),
            evaluations: Default::default(),
            evaluating: Default::default(),
            cache: Default::default(),
            reads: Default::default(),
            questions: Default::default(),
            breaker: Default::default(),
            confirmed: BTreeMap::new(),
            sequence: 0,
            in_hand: None,
        }
    }

    /// Counts a request that was answered: the template of its path ([`crate::Route::template`]), its method and status, and the
    /// milliseconds from its arrival to its answer.
    pub fn count_request(&mut self, path: &'static str, method: &str, status: u16, duration_ms: i64) {
        self.requests.entry((path, method_label(method), status)).or_default().add(duration_ms);
    }

    /// Counts the evaluations of a request that was answered, and the milliseconds from its arrival to its answer. A request without any
    /// counts nothing.
    pub fn count_evaluations(&mut self, evaluations: &Evaluations, duration_ms: i64) {
        let surface = evaluations.surface as usize;
        if evaluations.by_reason.iter().all(|count| *count == 0) {
            return;
        }
        if let Some(timing) = self.evaluating.get_mut(surface) {
            timing.add(duration_ms);
        }
        for (sum, count) in self.evaluations.get_mut(surface).into_iter().flatten().zip(evaluations.by_reason) {
            *sum = sum.saturating_add(u64::from(count));
        }
    }

    /// Counts a request that needed a registry.
    pub fn count_cache(&mut self, state: CacheState) {
        add_one(self.cache.get_mut(state as usize));
    }

    /// Counts a look at storage.
    pub fn count_read(&mut self, source: ReadSource, result: ReadResult) {
        add_one(self.reads.get_mut(source as usize).and_then(|results| results.get_mut(result as usize)));
    }

    /// Counts a question about a sensitive flag.
    pub fn count_question(&mut self, result: PolicyResult) {
        add_one(self.questions.get_mut(result as usize));
    }

    /// Counts that the breaker before the policy service came to a state.
    pub fn count_breaker(&mut self, state: BreakerState) {
        add_one(self.breaker.get_mut(state as usize));
    }

    /// A tenant's snapshot was found in storage at a time (ms since the epoch), new or not.
    pub fn confirm(&mut self, tenant: &str, at: i64) {
        match self.confirmed.get_mut(tenant) {
            Some(last) => *last = at.max(*last),
            None => drop(self.confirmed.insert(tenant.to_owned(), at)),
        }
    }

    /// What is to be handed over at a time (ms since the epoch): what was not yet taken the last time, unchanged, else what was counted
    /// since, as a delta of its own. None where there is nothing.
    pub fn in_hand(&mut self, now: i64) -> Option<&Delta> {
        if self.in_hand.is_none() {
            let counts = self.drain();
            let confirmed = std::mem::take(&mut self.confirmed);
            if !counts.is_empty() || !confirmed.is_empty() {
                self.sequence = self.sequence.saturating_add(1);
                let (isolate, sequence) = (self.isolate.clone(), self.sequence);
                self.in_hand = Some(Delta { isolate, sequence, made_at: now, counts, confirmed });
            }
        }
        self.in_hand.as_ref()
    }

    /// The delta in hand was taken.
    pub fn delivered(&mut self) {
        self.in_hand = None;
    }

    /// Everything that was counted, by series; none is zero.
    fn drain(&mut self) -> BTreeMap<Series, u64> {
        let mut counts = Counts::default();
        let mut durations: BTreeMap<&str, Timing> = BTreeMap::new();
        for ((path, method, status), timing) in std::mem::take(&mut self.requests) {
            counts.add(Series::counter(&families::REQUESTS, &[path, method, &status.to_string()]), timing.count());
            durations.entry(path).or_default().merge(&timing);
        }
        for (path, timing) in durations {
            counts.time(&families::REQUEST_SECONDS, path, &timing);
        }
        for (surface, by_reason) in Surface::ALL.into_iter().zip(std::mem::take(&mut self.evaluations)) {
            for (reason, count) in Reason::ALL.into_iter().zip(by_reason).filter(|(_, count)| *count > 0) {
                counts.add(Series::counter(&families::EVALUATIONS, &[&reason.name(), surface.name()]), count);
            }
        }
        for (surface, timing) in Surface::ALL.into_iter().zip(std::mem::take(&mut self.evaluating)) {
            counts.time(&families::EVALUATION_SECONDS, surface.name(), &timing);
        }
        for (state, count) in CacheState::ALL.into_iter().zip(std::mem::take(&mut self.cache)) {
            counts.add(Series::counter(&families::CACHE, &[state.name()]), count);
        }
        for (source, results) in ReadSource::ALL.into_iter().zip(std::mem::take(&mut self.reads)) {
            for (result, count) in ReadResult::ALL.into_iter().zip(results) {
                counts.add(Series::counter(&families::READS, &[source.name(), result.name()]), count);
            }
        }
        for (result, count) in PolicyResult::ALL.into_iter().zip(std::mem::take(&mut self.questions)) {
            counts.add(Series::counter(&families::POLICY_QUESTIONS, &[result.name()]), count);
        }
        for (state, count) in BreakerState::ALL.into_iter().zip(std::mem::take(&mut self.breaker)) {
            counts.add(Series::counter(&families::POLICY_BREAKER, &[state.name()]), count);
        }
        counts.0
    }
}

fn add_one(count: Option<&mut u64>) {
    if let Some(count) = count {
        *count = count.saturating_add(1);
    }
}

#[derive(Default)]
struct Counts(BTreeMap<Series, u64>);

impl Counts {
    fn add(&mut self, series: Series, count: u64) {
        if count > 0 {
            let sum = self.0.entry(series).or_default();
            *sum = sum.saturating_add(count);
        }
    }

    fn time(&mut self, family: &families::Family, label: &str, timing: &Timing) {
        for (series, count) in timing.parts(family, &[label]) {
            self.add(series, count);
        }
    }
}
