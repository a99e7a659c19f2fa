//! The state of a JWKS over time.

use proptest::prelude::*;
use serde_json::json;

use super::jwks::{Jwks, JwksState, Want};
use super::keys::{Fetched, KeySet, KeysFault};
use super::matrix_tests::{Issuer, NOW, check, jwk, jwks, token, verifier};
use super::{Looked, Next, Surface};
use crate::limits;

const HOUR: i64 = limits::JWKS_FRESH_MS;
const DAY: i64 = limits::JWKS_KEPT_MS;

fn keys(kid: &str) -> KeySet {
    KeySet::read(jwks(&[jwk(kid, "EdDSA")]).as_bytes()).unwrap()
}

fn fault() -> Result<KeySet, KeysFault> {
    KeySet::take(Fetched::Failed("down"))
}

fn loaded() -> Jwks {
    let mut jwks = Jwks::default();
    assert_eq!((jwks.want(0), jwks.state(0)), (Want::Fetch, JwksState::Unused));
    assert!(jwks.report(Ok(keys("a")), 0));
    jwks
}

#[test]
fn one_request_fetches_and_the_others_wait() {
    let mut jwks = Jwks::default();
    assert_eq!(jwks.want(0), Want::Fetch);
    for now in [0, 1, limits::JWKS_LOST_MS - 1] {
        assert_eq!(jwks.want(now), Want::Wait);
    }
    assert_eq!(jwks.want(limits::JWKS_LOST_MS), Want::Fetch, "who fetches is lost");
    jwks.report(Ok(keys("a")), 6_000);
    assert!(matches!(jwks.want(6_000), Want::Keys(_)));
}

#[test]
fn keys_are_fresh_for_an_hour_and_kept_for_a_day() {
    let mut jwks = loaded();
    assert!(!jwks.wants_refresh(HOUR - 1));
    assert_eq!(jwks.state(HOUR - 1), JwksState::Fresh);
    assert!(jwks.wants_refresh(HOUR) && !jwks.wants_refresh(HOUR), "one request is told");
    assert_eq!(jwks.state(HOUR), JwksState::Stale);
    assert!(matches!(jwks.want(HOUR), Want::Keys(_)), "nobody waits for it");
    jwks.report(fault(), HOUR);
    assert!(!jwks.wants_refresh(HOUR + 29_999) && jwks.wants_refresh(HOUR + 30_000), "not at once again");
    assert!(!jwks.report(Ok(keys("a")), HOUR + 30_000), "they are the same");
    assert_eq!((jwks.state(HOUR + 30_000), jwks.held(HOUR + 30_000)), (JwksState::Fresh, (1, Some(HOUR + 30_000))));

    let mut jwks = loaded();
    jwks.report(fault(), DAY - 1);
    assert!(matches!(jwks.want(DAY - 1), Want::Keys(_)));
    assert_eq!((jwks.state(DAY), jwks.held(DAY)), (JwksState::Unreachable, (0, None)));
    assert_eq!(jwks.want(DAY), Want::Nothing, "it was tried a moment ago");
    assert_eq!(jwks.want(DAY + limits::JWKS_RETRY_MS), Want::Fetch);
}

#[test]
fn an_issuer_that_is_down_is_not_asked_for_every_request() {
    let mut jwks = Jwks::default();
    assert_eq!(jwks.want(0), Want::Fetch);
    jwks.report(fault(), 2_000);
    assert_eq!(jwks.state(2_000), JwksState::Unreachable);
    for now in [2_000, 2_000 + limits::JWKS_RETRY_MS - 1] {
        assert_eq!(jwks.want(now), Want::Nothing);
    }
    assert_eq!(jwks.want(2_000 + limits::JWKS_RETRY_MS), Want::Fetch);
}

#[test]
fn an_unknown_kid_makes_one_fetch() {
    let mut jwks = loaded();
    let since = jwks.ended();
    assert_eq!(jwks.want_newer(since, 1_000), Want::Fetch);
    assert_eq!(jwks.want_newer(since, 1_000), Want::Wait);
    assert!(jwks.report(Ok(keys("b")), 1_100));
    assert!(matches!(jwks.want_newer(since, 1_100), Want::Keys(_)), "for all who waited");
    let since = jwks.ended();
    assert_eq!(jwks.want_newer(since, 1_100), Want::Nothing);
    assert_eq!(jwks.want_newer(since, 30_999), Want::Nothing);
    assert_eq!(jwks.want_newer(since, 31_000), Want::Fetch);
    jwks.report(fault(), 31_000);
    assert!(matches!(jwks.want(31_000), Want::Keys(_)), "a fetch that fails takes nothing away");
}

#[test]
fn two_hundred_made_up_kids_make_two_fetches() {
    let mut verifier = verifier(&[]);
    let set = jwks(&[jwk("a", "RS256")]);
    let made_up = |at: u32| token(json!({"kid": format!("made-up-{at}")}), json!({"exp": NOW / 1000 + 999}));
    let mut fetches = 0;
    for at in 0..200 {
        let (verdict, count, _) =
            check(&mut verifier, &made_up(at), Issuer::Answers(&set), true, NOW + i64::from(at) * 100);
        assert_eq!(verdict.unwrap_err().row().name(), "M-03");
        fetches += count;
    }
    assert_eq!(fetches, 2);
    // Of requests that come together one fetches, for all.
    let mut checks: Vec<_> = (0..200)
        .map(|at| match verifier.look(&made_up(at), Surface::Flags, NOW + 60_000) {
            Looked::Check(checking) => checking,
            Looked::Known(verdict) => panic!("{verdict:?}"),
        })
        .collect();
    let steps: Vec<_> = checks
        .iter_mut()
        .map(|checking| match checking.next(&mut verifier, NOW + 60_000) {
            Next::Fetch(_) => "fetch",
            Next::Wait(_) => "wait",
            step => panic!("{step:?}"),
        })
        .collect();
    assert_eq!((steps[0], steps.iter().filter(|step| **step == "wait").count()), ("fetch", 199));
}

#[test]
fn a_new_key_is_found_without_a_restart() {
    let mut verifier = verifier(&[]);
    let of = |kid: &str| token(json!({"kid": kid}), json!({"exp": NOW / 1000 + 999}));
    let (old, new) = (jwks(&[jwk("a", "RS256")]), jwks(&[jwk("a", "RS256"), jwk("b", "RS256")]));
    assert!(check(&mut verifier, &of("a"), Issuer::Answers(&old), true, NOW).0.is_ok());
    let (verdict, fetches, _) = check(&mut verifier, &of("b"), Issuer::Answers(&new), true, NOW + 1);
    assert!(verdict.is_ok_and(|identity| identity.is_verified()));
    assert_eq!(fetches, 1);
    // A token that does not name its key may be of a newer one too, but it asks once.
    let nameless = token(json!({"kid": "-"}), json!({"exp": NOW / 1000 + 999}));
    let (verdict, fetches, verifications) = check(&mut verifier, &nameless, Issuer::Answers(&new), false, NOW + 40_000);
    assert_eq!((verdict.unwrap_err().row().name(), fetches, verifications), ("M-04", 1, 4));
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Want,
    Newer,
    Refresh,
    Good,
    Bad,
    Pass(i64),
}

proptest! {
    /// However requests and reports come: there is at most one fetch at a time unless one is lost, none sooner than it may be, and keys are
    /// used for a day at most.
    #[test]
    fn the_issuer_is_spared_and_keys_end(steps in proptest::collection::vec(prop_oneof![
        Just(Step::Want), Just(Step::Newer), Just(Step::Refresh), Just(Step::Good), Just(Step::Bad),
        (0..4_000i64).prop_map(Step::Pass), (0..HOUR).prop_map(Step::Pass), (0..2 * DAY).prop_map(Step::Pass),
    ], 0..200)) {
        let mut jwks = Jwks::default();
        let mut now = 0;
        let mut running: Option<i64> = None;
        let mut fetched_at: Option<i64> = None;
        let mut unknown_at: Option<i64> = None;
        for step in steps {
            let begins = match step {
                Step::Pass(ms) => { now += ms; false }
                Step::Want => match jwks.want(now) {
                    Want::Keys(_) => { prop_assert!(fetched_at.is_some_and(|at| now - at < DAY)); false }
                    want => want == Want::Fetch,
                },
                Step::Newer => {
                    let is_fetch = jwks.want_newer(jwks.ended(), now) == Want::Fetch;
                    if is_fetch {
                        prop_assert!(unknown_at.is_none_or(|at| now - at >= 30_000));
                        unknown_at = Some(now);
                    }
                    is_fetch
                }
                Step::Refresh => jwks.wants_refresh(now),
                Step::Good | Step::Bad if running.is_none() => false,
                Step::Good => { jwks.report(Ok(keys("a")), now); fetched_at = Some(now); running = None; false }
                Step::Bad => { jwks.report(fault(), now); running = None; false }
            };
            if begins {
                prop_assert!(running.is_none_or(|at| now - at >= limits::JWKS_LOST_MS));
                running = Some(now);
            }
        }
    }
}
