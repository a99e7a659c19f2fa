//! Whether buckets can be trusted: even, independent of each other between flags, and never taking anybody out when a percentage rises.
//!
//! The samples are fixed, so the figures are the same in every run.

use burgee_core::{Djb2, NamedContext, Request, Snapshot, djb2_xor, fmix32, hash_bucket};
use serde_json::json;

const IDS: usize = 100_000;
const BUCKETS: usize = 100;

/// Of 99 degrees of freedom: an even spread is past it once in a thousand.
const CHI_SQUARE_99_9: f64 = 148.23;

/// Ids as people have them.
fn samples() -> [(&'static str, Vec<String>); 4] {
    let each = |make: &dyn Fn(usize) -> String| (0..IDS).map(make).collect::<Vec<_>>();
    [
        ("sequential", each(&|n| n.to_string())),
        ("padded", each(&|n| format!("user-{n:010}"))),
        ("uuid", each(&uuid)),
        ("e-mail", each(&|n| format!("{}.{}@example-{}.com", NAMES[n % 16], n / 7, n % 5))),
    ]
}

const NAMES: [&str; 16] = [
    "ada",
    "alan",
    "barbara",
    "claude",
    "dennis",
    "edsger",
    "frances",
    "grace",
    "hedy",
    "john",
    "katherine",
    "ken",
    "leslie",
    "margaret",
    "niklaus",
    "radia",
];

/// A version 4 UUID from splitmix64 of a number.
fn uuid(n: usize) -> String {
    let mut state = n as u64;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let (high, low) = (next(), next());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 48 & 0x3fff | 0x8000,
        low & 0xffff_ffff_ffff
    )
}

/// The hash of all that comes before the id, by the definition in the design's section 3.
fn prefix(flag: &str) -> Djb2 {
    Djb2::default().text(format!("acme|{flag}|").as_str().into())
}

/// The point of an id for a flag.
fn point(flag: &str, id: &str) -> u32 {
    fmix32(djb2_xor(format!("acme|{flag}|{id}").as_str().into()))
}

#[test]
fn a_hash_continues() {
    assert_eq!(fmix32(prefix("f").text("user-1".into()).finish()), point("f", "user-1"));
}

fn chi_square(counts: &[u32]) -> f64 {
    let expected = counts.iter().sum::<u32>() as f64 / counts.len() as f64;
    counts.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum()
}

#[test]
fn buckets_are_even() {
    let mut failures = Vec::new();
    for (kind, ids) in samples() {
        for flag in ["checkout.v1", "new-search", "a"] {
            let mut counts = [0; BUCKETS];
            let prefix = prefix(flag);
            for id in &ids {
                let point = fmix32(prefix.text(id.as_str().into()).finish());
                counts[((u64::from(point) * BUCKETS as u64) >> 32) as usize] += 1;
            }
            let chi_square = chi_square(&counts);
            if chi_square >= CHI_SQUARE_99_9 {
                failures.push(format!("{kind} ids of {flag}: chi-square {chi_square:.1}"));
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn flags_with_similar_keys_bucket_independently() {
    let flags: Vec<String> = (1..=50).map(|n| format!("checkout.v{n}")).collect();
    let mut failures = Vec::new();
    let mut pairs = 0;
    for (kind, ids) in samples() {
        // Who is in a 25 % rollout of each flag, one bit for each id.
        let members: Vec<Vec<u64>> = flags
            .iter()
            .map(|flag| {
                let prefix = prefix(flag);
                let is_in = |id: &String| fmix32(prefix.text(id.as_str().into()).finish()) < 1 << 30;
                let of_chunk = |ids: &[String]| {
                    ids.iter().enumerate().fold(0, |bits, (bit, id)| bits | u64::from(is_in(id)) << bit)
                };
                ids.chunks(64).map(of_chunk).collect()
            })
            .collect();
        let count = |bits: &[u64]| bits.iter().map(|word| word.count_ones()).sum::<u32>();
        for (one, other) in (0..50).flat_map(|one| (one + 1..50).map(move |other| (one, other))) {
            let both: u32 =
                members[one].iter().zip(&members[other]).map(|(one, other)| (one & other).count_ones()).sum();
            let share = |count: u32| f64::from(count) / IDS as f64;
            let (p, q) = (share(count(&members[one])), share(count(&members[other])));
            let phi = (share(both) - p * q) / (p * (1.0 - p) * q * (1.0 - q)).sqrt();
            pairs += 1;
            if phi.abs() >= 0.02 {
                failures.push(format!("{kind} ids of {} and {}: phi {phi:.3}", flags[one], flags[other]));
            }
        }
    }
    assert_eq!(pairs, 4 * 1225);
    assert!(failures.is_empty(), "{failures:#?}");
}

fn is_on(snapshot: &Snapshot, id: &str) -> bool {
    snapshot.evaluate(snapshot.find("f"), &NamedContext::new().with("user_id", id), &Request::at(0), &mut ()).enabled
}

fn with_percentage(percentage: f64) -> Snapshot {
    let rule = json!({"id": "r", "percentage": percentage, "serve": {"variant": "on"}});
    let document = json!({"tenant": "acme", "flags": [{"key": "f", "default_variant": "off", "rules": [rule]}]});
    Snapshot::parse(document.to_string().as_bytes()).unwrap()
}

#[test]
fn the_evaluator_buckets_by_the_definition() {
    let snapshot = with_percentage(25.0);
    for id in samples().iter().flat_map(|(_, ids)| &ids[..2000]) {
        assert_eq!(is_on(&snapshot, id), point("f", id) < 1 << 30, "{id}");
    }
}

#[test]
fn raising_a_percentage_only_adds() {
    let steps: Vec<Snapshot> = [0.0, 0.001, 1.0, 5.0, 25.0, 33.3, 50.0, 99.9, 100.0].map(with_percentage).into();
    for (_, ids) in samples() {
        for id in &ids[..2500] {
            let on: Vec<bool> = steps.iter().map(|snapshot| is_on(snapshot, id)).collect();
            assert!(on.is_sorted() && !on[0] && on[8], "{id} {on:?}");
        }
    }
}

#[test]
fn a_weight_of_one_in_a_hundred_thousand_is_honoured() {
    let distribution = json!([{"variant": "on", "weight": 1}, {"variant": "off", "weight": 99_999}]);
    let flag = json!({"key": "f", "fallthrough": {"distribution": distribution}});
    let snapshot = Snapshot::parse(json!({"tenant": "acme", "flags": [flag]}).to_string().as_bytes()).unwrap();
    let on = (0..1_000_000_u32).filter(|n| point("f", &n.to_string()) < 42_949).collect::<Vec<_>>();
    // Ten of a million are expected: 2 to 24 in all but one of ten thousand samples.
    assert!((2..=24).contains(&on.len()), "{}", on.len());
    for n in on {
        assert!(is_on(&snapshot, &n.to_string()), "{n}");
    }
}

#[test]
fn djb2_xor_is_that_of_evaluator_js() {
    assert_eq!(hash_bucket("bucket-low-1|syn.staged_25".into()), 4);
    let snapshot = Snapshot::parse(br#"{"flags": [{"key": "f", "rollout_stage": "staged_25"}]}"#).unwrap();
    for id in samples().iter().flat_map(|(_, ids)| &ids[..1000]) {
        assert_eq!(is_on(&snapshot, id), hash_bucket(format!("{id}|f").as_str().into()) < 25, "{id}");
    }
}
