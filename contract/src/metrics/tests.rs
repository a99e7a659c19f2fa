//! Sums of what isolates counted, and the text that they are shown as.

use super::*;
use crate::sensitive::BreakerState;
use proptest::prelude::*;

const NOW: i64 = 1_800_000_000_000;
const BUILD: Build<'_> = Build { service_version: "0.1.0", evaluator_version: "0.2.0" };

/// A line of the text: name, labels, value.
type Sample = (String, Vec<(String, String)>, f64);

/// Reads the text back, as strictly as the format is written down; types by family beside it.
fn parse(text: &str) -> (BTreeMap<String, String>, Vec<Sample>) {
    assert!(text.ends_with('\n'));
    let (mut types, mut samples) = (BTreeMap::new(), Vec::new());
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(types.insert(name.to_owned(), kind.to_owned()).is_none(), "{name} twice");
        } else if !line.starts_with("# HELP ") {
            samples.push(sample(line));
        }
    }
    (types, samples)
}

fn sample(line: &str) -> Sample {
    let end = line.find(['{', ' ']).unwrap();
    let (name, mut rest) = line.split_at(end);
    let mut labels = Vec::new();
    while let Some(label) = rest.strip_prefix(['{', ',']) {
        let (label, quoted) = label.split_once("=\"").unwrap();
        let (mut value, mut chars) = (String::new(), quoted.chars());
        loop {
            match chars.next().unwrap() {
                '"' => break,
                '\\' => value.push(match chars.next().unwrap() {
                    'n' => '\n',
                    escaped @ ('"' | '\\') => escaped,
                    other => panic!("\\{other} in {line}"),
                }),
                other => value.push(other),
            }
        }
        labels.push((label.to_owned(), value));
        rest = chars.as_str();
    }
    let value = rest.strip_prefix('}').unwrap_or(rest).strip_prefix(' ').unwrap();
    (name.to_owned(), labels, value.parse().unwrap())
}

/// The value of the one sample of this name and these labels.
fn value(samples: &[Sample], name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let same = |known: &[(String, String)]| {
        known.iter().map(|(label, text)| (label.as_str(), text.as_str())).eq(labels.iter().copied())
    };
    let mut found = samples.iter().filter(|(known, with, _)| known == name && same(with));
    let first = found.next().map(|(_, _, value)| *value);
    assert!(found.next().is_none(), "{name} {labels:?} twice");
    first
}

fn shown(totals: &Totals) -> Vec<Sample> {
    parse(&totals.render(NOW, &BUILD)).1
}

fn metrics(name: &str) -> Metrics {
    Metrics::new(name.to_owned())
}

#[test]
fn what_was_counted_is_shown() {
    let mut isolate = metrics("a");
    for (method, status, ms) in
        [("GET", 200, 0), ("GET", 200, 1), ("HEAD", 200, 3), ("GET", 503, 20_000), ("BREW", 405, -4)]
    {
        isolate.count_request("/readyz", method, status, ms);
    }
    isolate.count_evaluations(
        &Evaluations::of(Surface::Ofrep, [Reason::RuleMatch, Reason::Default, Reason::RuleMatch]),
        30,
    );
    isolate.count_evaluations(&Evaluations::default(), 30);
    isolate.count_cache(CacheState::Stale);
    isolate.count_read(ReadSource::Object, ReadResult::Failed);
    for result in [PolicyResult::Unreachable, PolicyResult::Unreachable, PolicyResult::NotAsked] {
        isolate.count_question(result);
    }
    isolate.count_breaker(BreakerState::Open);
    isolate.confirm("acme", NOW - 2500);
    isolate.confirm("acme", NOW - 9999);
    let mut totals = Totals::default();
    assert!(totals.apply(isolate.in_hand(NOW).unwrap(), NOW));

    let samples = shown(&totals);
    let of = |name: &str, labels: &[(&str, &str)]| value(&samples, name, labels);
    let requests =
        |method, status| of("http_requests_total", &[("path", "/readyz"), ("method", method), ("status", status)]);
    assert_eq!(
        ["GET", "HEAD", "other"].map(|method| (requests(method, "200"), requests(method, "405"))),
        [(Some(2.0), None), (Some(1.0), None), (None, Some(1.0))]
    );
    assert_eq!(requests("GET", "503"), Some(1.0));
    let duration = |bound| of("http_request_duration_seconds_bucket", &[("path", "/readyz"), ("le", bound)]);
    assert_eq!(
        ["0.001", "0.002", "0.005", "10", "+Inf"].map(duration),
        [Some(3.0), Some(3.0), Some(4.0), Some(4.0), Some(5.0)]
    );
    assert_eq!(of("http_request_duration_seconds_sum", &[("path", "/readyz")]), Some(20.004));
    assert_eq!(of("http_request_duration_seconds_count", &[("path", "/readyz")]), Some(5.0));
    let evaluations = |reason| of("burgee_flag_evaluations_total", &[("reason", reason), ("surface", "ofrep")]);
    assert_eq!(["rule_match", "default", "flag_off"].map(evaluations), [Some(2.0), Some(1.0), None]);
    for (surface, count, sum) in [("ofrep", 1.0, 0.03), ("api", 0.0, 0.0), ("v1", 0.0, 0.0)] {
        assert_eq!(of("burgee_evaluation_seconds_count", &[("surface", surface)]), Some(count));
        assert_eq!(of("burgee_evaluation_seconds_sum", &[("surface", surface)]), Some(sum));
    }
    for state in CacheState::ALL {
        let expected = if state == CacheState::Stale { 1.0 } else { 0.0 };
        assert_eq!(of("burgee_snapshot_cache_total", &[("state", state.name())]), Some(expected));
    }
    assert_eq!(of("burgee_snapshot_reads_total", &[("source", "object"), ("result", "failed")]), Some(1.0));
    assert_eq!(of("burgee_snapshot_reads_total", &[("source", "kv"), ("result", "new")]), Some(0.0));
    for (result, expected) in
        [("unreachable", 2.0), ("not_asked", 1.0), ("allow", 0.0), ("allow_with_warning", 0.0), ("deny", 0.0)]
    {
        assert_eq!(of("burgee_policy_questions_total", &[("result", result)]), Some(expected), "{result}");
    }
    for (state, expected) in [("open", 1.0), ("half_open", 0.0), ("closed", 0.0)] {
        assert_eq!(of("burgee_policy_breaker_total", &[("state", state)]), Some(expected), "{state}");
    }
    assert_eq!(of("burgee_snapshot_age_seconds", &[("tenant", "acme")]), Some(2.5));
    assert_eq!(of("burgee_isolates", &[]), Some(1.0));
    let versions = [("service_version", "0.1.0"), ("evaluator_version", "0.2.0")];
    assert_eq!(of("burgee_build_info", &versions), Some(1.0));
}

#[test]
fn every_family_has_help_and_a_type_and_every_sample_a_family() {
    let mut totals = Totals::default();
    totals.report(&TenantReport { tenant: "acme".to_owned(), ..TenantReport::default() }).unwrap();
    let text = totals.render(NOW, &BUILD);
    let (types, samples) = parse(&text);
    assert_eq!(types.len(), 16);
    for (name, kind) in &types {
        assert_eq!(text.matches(&format!("# HELP {name} ")).count(), 1, "{name}");
        assert!(name.ends_with("_total") == (kind == "counter"), "{name} is a {kind}");
    }
    for (name, labels, _) in samples {
        let parts = ["_bucket", "_sum", "_count"].iter().find_map(|part| name.strip_suffix(part));
        let family = parts.filter(|family| types.get(*family).is_some_and(|kind| kind == "histogram")).unwrap_or(&name);
        assert!(types.contains_key(family), "{name} {labels:?}");
    }
}

#[test]
fn tenants_are_shown_as_they_last_said() {
    let report = |at, version| TenantReport {
        tenant: "acme".to_owned(),
        at,
        snapshot_version: version,
        unpublished_since: (version == 2).then_some(NOW - 1250),
        active_flags: 10 * version,
        rollouts: BTreeMap::from([("running".to_owned(), 1), ("done".to_owned(), 4)]),
        percentages: BTreeMap::from([("new \"checkout\"\\\n".to_owned(), 12.5)]),
    };
    let mut totals = Totals::default();
    for (at, version) in [(5, 2), (4, 1)] {
        totals.report(&report(at, version)).unwrap();
    }
    let acme = ("tenant", "acme");
    let samples = shown(&totals);
    for (name, labels, expected) in [
        ("burgee_snapshot_version", vec![acme], 2.0),
        ("burgee_active_flags", vec![acme], 20.0),
        ("burgee_publish_lag_seconds", vec![acme], 1.25),
        ("burgee_rollouts", vec![acme, ("status", "running")], 1.0),
        ("burgee_rollouts", vec![acme, ("status", "done")], 4.0),
        ("burgee_rollout_percentage", vec![acme, ("flag", "new \"checkout\"\\\n")], 12.5),
    ] {
        assert_eq!(value(&samples, name, &labels), Some(expected), "{name}");
    }
    totals.report(&report(6, 3)).unwrap();
    assert_eq!(value(&shown(&totals), "burgee_publish_lag_seconds", &[acme]), Some(0.0));
}

#[test]
fn a_delta_stays_the_same_until_it_is_taken() {
    let mut isolate = metrics("a");
    assert_eq!(isolate.in_hand(NOW), None);
    isolate.count_cache(CacheState::Hit);
    let first = isolate.in_hand(NOW).unwrap().clone();
    isolate.count_cache(CacheState::Hit);
    assert_eq!(isolate.in_hand(NOW + 1), Some(&first));
    isolate.delivered();
    let second = isolate.in_hand(NOW + 2).unwrap().clone();
    assert_eq!((first.sequence, second.sequence, second.made_at), (1, 2, NOW + 2));
    assert_eq!(first.counts, second.counts);
    isolate.delivered();
    assert_eq!(isolate.in_hand(NOW + 3), None);
}

#[test]
fn a_delta_of_yesterday_is_not_taken_nor_is_one_forgotten_counted_again() {
    let mut isolate = metrics("a");
    isolate.count_cache(CacheState::Hit);
    let delta = isolate.in_hand(NOW).unwrap().clone();
    let mut totals = Totals::default();
    assert!(totals.apply(&delta, NOW));
    assert!(!totals.apply(&delta, NOW + DELTA_KEPT_MS), "it is remembered for as long as it could be taken");
    assert!(!totals.apply(&delta, NOW + DELTA_KEPT_MS + 1), "it is too old");
    let mut other = metrics("b");
    other.count_cache(CacheState::Hit);
    assert!(totals.apply(&other.in_hand(NOW + 3 * DELTA_KEPT_MS).unwrap().clone(), NOW + 3 * DELTA_KEPT_MS));
    assert_eq!(totals.isolates.keys().collect::<Vec<_>>(), ["b"], "who was not heard of is forgotten");
    assert!(!totals.apply(&delta, NOW + 3 * DELTA_KEPT_MS));
    assert_eq!(totals.counts.values().copied().collect::<Vec<_>>(), [2]);
}

#[test]
fn what_is_remembered_of_an_isolate_has_an_end() {
    let mut seen = Seen::default();
    // The first never comes.
    for sequence in 2..10_000 {
        assert!(seen.note(sequence));
        assert!(serde_json::to_string(&seen).unwrap().len() < 1000);
    }
    assert!(!seen.note(1) && !seen.note(2) && !seen.note(9999) && seen.note(10_000));
    assert_eq!(serde_json::to_string(&seen).unwrap(), r#"{"up_to":10000,"ahead":[]}"#);
}

#[test]
fn buckets_of_other_versions_and_families_that_are_not_known_do_no_harm() {
    let stored = r#"{"counts": {
        "[\"burgee_evaluation_seconds\",\"api\",\"0.003\"]": 2, "[\"burgee_evaluation_seconds\",\"api\",\"+Inf\"]": 1,
        "[\"burgee_evaluation_seconds\",\"api\",\"what\"]": 9, "[\"burgee_evaluation_seconds\",\"0.1\"]": 9,
        "[\"burgee_later_total\",\"x\"]": 9, "[\"http_requests_total\",\"/a\"]": 9, "nothing": 9, "[]": 9},
        "isolates": {"a": {"at": 0}}}"#;
    let samples = shown(&serde_json::from_str(stored).unwrap());
    let bucket = |bound| value(&samples, "burgee_evaluation_seconds_bucket", &[("surface", "api"), ("le", bound)]);
    assert_eq!(["0.002", "0.003", "0.005", "+Inf"].map(bucket), [Some(0.0), Some(2.0), Some(2.0), Some(3.0)]);
    assert_eq!(value(&samples, "burgee_isolates", &[]), Some(0.0));
    assert!(samples.iter().all(|(_, _, value)| *value < 9.0));
}

#[derive(Clone, Debug)]
enum Event {
    Request(usize, usize, u16, i64),
    Evaluations(usize, Vec<usize>, i64),
    Cache(usize),
    Read(usize, usize),
    Question(usize),
    Breaker(usize),
    HandOver,
}

const PATHS: [&str; 3] = ["/healthz", "(unknown)", "/ofrep/v1/evaluate/flags/{key}"];
const METHODS: [&str; 3] = ["GET", "POST", "other"];

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (0..3_usize, 0..3_usize, 200..204_u16, -5..20_000_i64)
            .prop_map(|(path, method, status, ms)| Event::Request(path, method, status, ms)),
        (0..3_usize, proptest::collection::vec(0..Reason::ALL.len(), 0..5), 0..20_000_i64)
            .prop_map(|(surface, reasons, ms)| Event::Evaluations(surface, reasons, ms)),
        (0..5_usize).prop_map(Event::Cache),
        (0..2_usize, 0..5_usize).prop_map(|(source, result)| Event::Read(source, result)),
        (0..5_usize).prop_map(Event::Question),
        (0..3_usize).prop_map(Event::Breaker),
        Just(Event::HandOver),
    ]
}

proptest! {
    /// Whatever several isolates count, however it is cut into deltas, and in whichever order and however often those come: the text shows
    /// what was counted.
    #[test]
    fn deltas_in_any_order_with_repeats_are_the_sum(
        events in proptest::collection::vec((0..3_usize, event()), 0..120),
        order in proptest::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let mut isolates = ["a", "b", "c"].map(metrics);
        let mut expected: BTreeMap<(String, Vec<String>), u64> = BTreeMap::new();
        let mut expect = |name: &str, labels: &[&str]| {
            *expected.entry((name.to_owned(), labels.iter().map(|text| (*text).to_owned()).collect())).or_default() += 1;
        };
        let mut deltas = Vec::new();
        for (at, event) in events {
            let isolate = &mut isolates[at];
            match event {
                Event::Request(path, method, status, ms) => {
                    isolate.count_request(PATHS[path], METHODS[method], status, ms);
                    expect("http_requests_total", &[PATHS[path], METHODS[method], &status.to_string()]);
                    expect("http_request_duration_seconds_count", &[PATHS[path]]);
                }
                Event::Evaluations(surface, reasons, ms) => {
                    let surface = Surface::ALL[surface];
                    let reasons: Vec<Reason> = reasons.into_iter().map(|reason| Reason::ALL[reason]).collect();
                    isolate.count_evaluations(&Evaluations::of(surface, reasons.iter().copied()), ms);
                    for reason in &reasons {
                        expect("burgee_flag_evaluations_total", &[&reason.name(), surface.name()]);
                    }
                    if !reasons.is_empty() {
                        expect("burgee_evaluation_seconds_count", &[surface.name()]);
                    }
                }
                Event::Cache(state) => {
                    isolate.count_cache(CacheState::ALL[state]);
                    expect("burgee_snapshot_cache_total", &[CacheState::ALL[state].name()]);
                }
                Event::Read(source, result) => {
                    let (source, result) = (ReadSource::ALL[source], ReadResult::ALL[result]);
                    isolate.count_read(source, result);
                    expect("burgee_snapshot_reads_total", &[source.name(), result.name()]);
                }
                Event::Question(result) => {
                    isolate.count_question(PolicyResult::ALL[result]);
                    expect("burgee_policy_questions_total", &[PolicyResult::ALL[result].name()]);
                }
                Event::Breaker(state) => {
                    isolate.count_breaker(BreakerState::ALL[state]);
                    expect("burgee_policy_breaker_total", &[BreakerState::ALL[state].name()]);
                }
                Event::HandOver => {
                    deltas.extend(isolate.in_hand(NOW).cloned());
                    isolate.delivered();
                }
            }
        }
        for isolate in &mut isolates {
            deltas.extend(isolate.in_hand(NOW).cloned());
        }

        // Some come several times, first; then all of them, backwards.
        let mut totals = Totals::default();
        let early: Vec<&Delta> = if deltas.is_empty() { vec![] } else { order.iter().map(|index| index.get(&deltas)).collect() };
        let mut taken = 0;
        for delta in early.into_iter().chain(deltas.iter().rev()) {
            // As it crosses from an isolate to the ledger.
            let delta: Delta = serde_json::from_str(&serde_json::to_string(delta).unwrap()).unwrap();
            taken += usize::from(totals.apply(&delta, NOW));
        }
        prop_assert_eq!(taken, deltas.len());

        let shown: BTreeMap<(String, Vec<String>), u64> = shown(&totals)
            .into_iter()
            .filter(|(name, _, value)| (name.ends_with("_total") || name.ends_with("_count")) && *value > 0.0)
            .map(|(name, labels, value)| ((name, labels.into_iter().map(|(_, text)| text).collect()), value as u64))
            .collect();
        prop_assert_eq!(shown, expected);
    }

    /// A histogram's buckets rise, the last of them is the count, and the sum is that of the times.
    #[test]
    fn buckets_hold_what_is_not_above_their_bound(times in proptest::collection::vec(0..20_000_i64, 1..50)) {
        let mut isolate = metrics("a");
        for ms in &times {
            isolate.count_request("/healthz", "GET", 200, *ms);
        }
        let mut totals = Totals::default();
        totals.apply(isolate.in_hand(NOW).unwrap(), NOW);
        let mut bounds = 0;
        for (name, labels, count) in shown(&totals) {
            if name == "http_request_duration_seconds_bucket" {
                let bound: f64 = labels[1].1.parse().unwrap();
                let expected = times.iter().filter(|ms| **ms as f64 / 1000.0 <= bound).count();
                prop_assert_eq!(count, expected as f64, "{}", bound);
                bounds += 1;
            } else if name == "http_request_duration_seconds_sum" {
                prop_assert!((count * 1000.0 - times.iter().sum::<i64>() as f64).abs() < 0.5);
            }
        }
        prop_assert_eq!(bounds, 14);
    }
}
