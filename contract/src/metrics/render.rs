//! The Prometheus text format, version 0.0.4.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::families::{self as family, Family, Kind};
use super::ledger::Totals;
use super::series::{Histogram, seconds};
use super::{CacheState, PolicyResult, ReadResult, ReadSource, Surface, TenantReport};
use crate::sensitive::BreakerState;

/// What the text is served as.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// An isolate counts as running for so many milliseconds after it was last heard of.
const RUNNING_MS: i64 = 60_000;

/// The versions that `burgee_build_info` shows.
#[derive(Clone, Copy, Debug)]
pub struct Build<'a> {
    /// The adapter's program.
    pub service_version: &'a str,
    /// The evaluator.
    pub evaluator_version: &'a str,
}

/// Counts by the values of labels, which for histograms the part follows.
type Rows = Vec<(Vec<String>, u64)>;

impl Totals {
    /// Writes all families at a time (ms since the epoch), each with its help and type. Series of families that this version does not
    /// know are left out.
    #[must_use]
    pub fn render(&self, now: i64, build: &Build<'_>) -> String {
        let mut rows: BTreeMap<String, Rows> = BTreeMap::new();
        for (series, count) in &self.counts {
            if let Some((name, texts)) = series.texts() {
                rows.entry(name).or_default().push((texts, *count));
            }
        }
        let rows = |family: &Family| rows.get(family.name).map(Vec::as_slice).unwrap_or_default();
        let surfaces = Surface::ALL.map(|surface| vec![surface.name()]);
        let states = CacheState::ALL.map(|state| vec![state.name()]);
        let reads = ReadSource::ALL.map(|source| ReadResult::ALL.map(|result| vec![source.name(), result.name()]));

        let results = PolicyResult::ALL.map(|result| vec![result.name()]);
        let breaker = BreakerState::ALL.map(|state| vec![state.name()]);

        let mut text = Text::default();
        text.counters(&family::REQUESTS, rows(&family::REQUESTS), &[]);
        text.histograms(&family::REQUEST_SECONDS, rows(&family::REQUEST_SECONDS), &[]);
        text.counters(&family::EVALUATIONS, rows(&family::EVALUATIONS), &[]);
        text.histograms(&family::EVALUATION_SECONDS, rows(&family::EVALUATION_SECONDS), &surfaces);
        text.counters(&family::CACHE, rows(&family::CACHE), &states);
        text.counters(&family::READS, rows(&family::READS), reads.as_flattened());
        text.counters(&family::POLICY_QUESTIONS, rows(&family::POLICY_QUESTIONS), &results);
        text.counters(&family::POLICY_BREAKER, rows(&family::POLICY_BREAKER), &breaker);
        self.gauges(&mut text, now);
        text.gauge(&family::BUILD_INFO, [(vec![build.service_version, build.evaluator_version], "1".to_owned())]);
        text.0
    }

    fn gauges(&self, text: &mut Text, now: i64) {
        let since = |at: i64| seconds(u64::try_from(now.saturating_sub(at)).unwrap_or(0));
        text.gauge(
            &family::SNAPSHOT_AGE,
            self.confirmed.iter().map(|(tenant, at)| (vec![tenant.as_str()], since(*at))),
        );
        let each = |value: fn(&TenantReport) -> u64| {
            self.reports.values().map(move |report| (vec![report.tenant.as_str()], value(report).to_string()))
        };
        text.gauge(&family::SNAPSHOT_VERSION, each(|report| report.snapshot_version));
        text.gauge(
            &family::PUBLISH_LAG,
            self.reports
                .values()
                .map(|report| (vec![report.tenant.as_str()], report.unpublished_since.map_or("0".to_owned(), since))),
        );
        text.gauge(&family::ACTIVE_FLAGS, each(|report| report.active_flags));
        let tenants = || self.reports.values();
        text.gauge(
            &family::ROLLOUTS,
            tenants().flat_map(|report| {
                let statuses = report.rollouts.iter();
                statuses.map(|(status, count)| (vec![report.tenant.as_str(), status], count.to_string()))
            }),
        );
        text.gauge(
            &family::ROLLOUT_PERCENTAGE,
            tenants().flat_map(|report| {
                let flags = report.percentages.iter();
                flags.map(|(flag, percentage)| (vec![report.tenant.as_str(), flag], percentage.to_string()))
            }),
        );
        let running = self.isolates.values().filter(|heard| now.saturating_sub(heard.at) < RUNNING_MS).count();
        text.gauge(&family::ISOLATES, [(vec![], running.to_string())]);
    }
}

/// A label's value between its quotation marks.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn head(&mut self, family: &Family) {
        let help = family.help.replace('\\', "\\\\").replace('\n', "\\n");
        let _ = writeln!(self.0, "# HELP {0} {help}\n# TYPE {0} {1}", family.name, family.kind.name());
    }

    /// `labels` and `values` go together; the values are callers' and flags' own texts, and are escaped.
    fn sample<'a>(&mut self, name: &str, labels: impl Iterator<Item = (&'a str, &'a str)>, value: &str) {
        let labels: Vec<String> = labels.map(|(label, text)| format!("{label}=\"{}\"", escaped(text))).collect();
        // Writing to a text does not fail.
        let _ = match labels.as_slice() {
            [] => writeln!(self.0, "{name} {value}"),
            labels => writeln!(self.0, "{name}{{{}}} {value}", labels.join(",")),
        };
    }

    /// Counters; those of `initial` are shown as 0 before they are counted, so that a rate over them has a beginning.
    fn counters(&mut self, family: &Family, rows: &[(Vec<String>, u64)], initial: &[Vec<&str>]) {
        debug_assert_eq!(family.kind, Kind::Counter, "{}", family.name);
        self.head(family);
        let mut all: BTreeMap<Vec<&str>, u64> = initial.iter().map(|labels| (labels.clone(), 0)).collect();
        for (labels, count) in rows.iter().filter(|(labels, _)| labels.len() == family.labels.len()) {
            all.insert(labels.iter().map(String::as_str).collect(), *count);
        }
        for (labels, count) in all {
            self.sample(family.name, family.labels.iter().copied().zip(labels), &count.to_string());
        }
    }

    fn histograms(&mut self, family: &Family, rows: &[(Vec<String>, u64)], initial: &[Vec<&str>]) {
        debug_assert_eq!(family.kind, Kind::Histogram, "{}", family.name);
        self.head(family);
        let mut all: BTreeMap<Vec<&str>, Histogram> =
            initial.iter().map(|labels| (labels.clone(), Histogram::empty())).collect();
        for (texts, count) in rows {
            let Some((part, labels)) = texts.split_last().filter(|(_, labels)| labels.len() == family.labels.len())
            else {
                continue;
            };
            let labels = labels.iter().map(String::as_str).collect();
            all.entry(labels).or_insert_with(Histogram::empty).put(part, *count);
        }
        for (labels, histogram) in all {
            let labels = || family.labels.iter().copied().zip(labels.iter().copied());
            for (bound, count) in histogram.cumulative() {
                let name = format!("{}_bucket", family.name);
                self.sample(&name, labels().chain([("le", bound)]), &count.to_string());
            }
            self.sample(&format!("{}_sum", family.name), labels(), &seconds(histogram.sum_ms));
            self.sample(&format!("{}_count", family.name), labels(), &histogram.count().to_string());
        }
    }

    fn gauge<'a>(&mut self, family: &Family, samples: impl IntoIterator<Item = (Vec<&'a str>, String)>) {
        debug_assert_eq!(family.kind, Kind::Gauge, "{}", family.name);
        self.head(family);
        for (values, value) in samples {
            self.sample(family.name, family.labels.iter().copied().zip(values), &value);
        }
    }
}
