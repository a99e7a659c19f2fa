//! Series by name, and times as counts of buckets: everything that is added up is a whole number under a name.

use serde::{Deserialize, Serialize};

use super::families::Family;

/// Upper bounds of the buckets, in milliseconds: as fine as the clock, and up to what a caller would wait.
const BOUNDS_MS: [u64; 13] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000];

/// The bound of the last bucket, as it is written.
const INFINITE: &str = "+Inf";

/// In place of a bound: the sum of all times, in milliseconds.
const SUM: &str = "sum";

/// The name of one number that is added up: the family, the labels' values and, of a histogram, the bucket's bound or the sum. It is a JSON
/// array of texts, so that no value can be taken for another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Series(String);

impl Series {
    /// The series of a name as it is stored.
    #[must_use]
    pub fn stored(name: String) -> Self {
        Self(name)
    }

    /// The name, as it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn counter(family: &Family, labels: &[&str]) -> Self {
        Self::of(std::iter::once(family.name).chain(labels.iter().copied()))
    }

    fn part(family: &Family, labels: &[&str], part: &str) -> Self {
        Self::of(std::iter::once(family.name).chain(labels.iter().copied()).chain([part]))
    }

    fn of<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        // Texts can always be written.
        Self(serde_json::to_string(&texts.collect::<Vec<_>>()).unwrap_or_default())
    }

    /// The family's name and the texts after it; none where it is not a name.
    pub(crate) fn texts(&self) -> Option<(String, Vec<String>)> {
        let mut texts: Vec<String> = serde_json::from_str(&self.0).ok()?;
        (!texts.is_empty()).then(|| (texts.remove(0), texts))
    }
}

/// Seconds of whole milliseconds, exactly.
pub(crate) fn seconds(ms: u64) -> String {
    let text = format!("{}.{:03}", ms / 1000, ms % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Times that were counted: how many fell into each bucket, the last of which has no bound, and their sum in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Timing {
    buckets: [u64; BOUNDS_MS.len() + 1],
    sum_ms: u64,
}

impl Timing {
    /// Counts a time. A clock that was set back shows a time below 0, which counts as 0.
    pub(crate) fn add(&mut self, ms: i64) {
        let ms = u64::try_from(ms).unwrap_or(0);
        let place = BOUNDS_MS.iter().position(|bound| ms <= *bound).unwrap_or(BOUNDS_MS.len());
        if let Some(count) = self.buckets.get_mut(place) {
            *count = count.saturating_add(1);
        }
        self.sum_ms = self.sum_ms.saturating_add(ms);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (sum, count) in self.buckets.iter_mut().zip(other.buckets) {
            *sum = sum.saturating_add(count);
        }
        self.sum_ms = self.sum_ms.saturating_add(other.sum_ms);
    }

    pub(crate) fn count(&self) -> u64 {
        self.buckets.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Its numbers under their names, zeros too.
    pub(crate) fn parts(&self, family: &Family, labels: &[&str]) -> Vec<(Series, u64)> {
        let bounds = BOUNDS_MS.into_iter().map(seconds).chain([INFINITE.to_owned()]);
        let buckets = bounds.zip(self.buckets).map(|(bound, count)| (Series::part(family, labels, &bound), count));
        buckets.chain([(Series::part(family, labels, SUM), self.sum_ms)]).collect()
    }
}

/// A histogram, as it is put together from the series of its parts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Histogram {
    /// Bounds, rising, as numbers and as they are written, with the counts of each alone.
    buckets: Vec<(f64, String, u64)>,
    pub(crate) sum_ms: u64,
}

impl Histogram {
    /// All buckets, empty.
    pub(crate) fn empty() -> Self {
        let mut histogram = Self::default();
        for bound in BOUNDS_MS.into_iter().map(seconds) {
            histogram.put(&bound, 0);
        }
        histogram.put(INFINITE, 0);
        histogram
    }

    /// Adds a part. Bounds of other versions have buckets of their own; what is no bound is passed over.
    pub(crate) fn put(&mut self, part: &str, count: u64) {
        if part == SUM {
            self.sum_ms = self.sum_ms.saturating_add(count);
            return;
        }
        let Ok(bound) = part.parse::<f64>() else { return };
        match self.buckets.binary_search_by(|(known, _, _)| known.total_cmp(&bound)) {
            Ok(at) => {
                if let Some((_, _, sum)) = self.buckets.get_mut(at) {
                    *sum = sum.saturating_add(count);
                }
            }
            Err(at) => self.buckets.insert(at, (bound, part.to_owned(), count)),
        }
    }

    /// The bounds as they are written, and how many times are not above each.
    pub(crate) fn cumulative(&self) -> impl Iterator<Item = (&str, u64)> {
        self.buckets.iter().scan(0_u64, |sum, (_, bound, count)| {
            *sum = sum.saturating_add(*count);
            Some((bound.as_str(), *sum))
        })
    }

    pub(crate) fn count(&self) -> u64 {
        self.cumulative().last().map_or(0, |(_, count)| count)
    }
}
