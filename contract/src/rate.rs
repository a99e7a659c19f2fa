//! Who asks too often: token buckets, as pure data.
//!
//! Each key (a client, a tenant) has a bucket that fills at the rate that is allowed and holds [`limits::RATE_BURST_S`] seconds of it. A
//! request takes one token; where there is none it is refused, and told when there will be. Buckets are one isolate's own: an isolate cannot
//! ask another without making every request wait for it, so a client that meets several isolates may be allowed as much by each.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, Ipv6Addr};

use crate::envelope::{ErrorCode, Problem};
use crate::limits;
use crate::route::{Plan, Route, Subject};
use crate::settings::Settings;

/// How many requests a second are answered, by one isolate. 0 allows as many as there come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// `FF_RATE_CLIENT`: of one client.
    pub client: u32,
    /// `FF_RATE_TENANT`: about one tenant, whoever asks.
    pub tenant: u32,
}

/// What has a bucket. Subjects of the two kinds of tokens are different people, though they may have one name.
#[derive(Hash)]
enum Key<'a> {
    Address(u128),
    Identity(&'a str),
    Principal(&'a str),
    Tenant(&'a str),
}

impl Key<'_> {
    fn hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        Hash::hash(self, &mut hasher);
        hasher.finish()
    }
}

/// The client that an address is; none where it is no address. An IPv6 client has a network of 64 bits to itself, and can ask from any address
/// in it (RFC 6177), so that the network counts.
fn client_of(address: &str) -> Option<Key<'static>> {
    let address: Ipv6Addr = match address.parse().ok()? {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    let whole = u128::from(address);
    let network = whole & !u128::from(u64::MAX);
    Some(Key::Address(if address.to_ipv4_mapped().is_some() { whole } else { network }))
}

/// Buckets by key. The longest unused go first where there are more than [`limits::RATE_KEYS`]; a full one that goes loses nothing.
#[derive(Debug, Default)]
pub struct Buckets {
    buckets: HashMap<u64, Bucket>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Thousandths of a token: whole numbers, so that nothing is lost to rounding.
    milli: i64,
    /// When that was so, ms since the epoch.
    at: i64,
}

/// One token, in the bucket's unit. As a bucket counts thousandths and the clock milliseconds, a rate per second is thousandths per millisecond.
const TOKEN: i64 = 1000;

impl Buckets {
    /// Takes what a request costs at a time (ms since the epoch): one of its client, and where it is let through one of its tenant. `address` is
    /// the IP address that it comes from, which counts where no token says who asks; what is no address has no bucket. Probes and preflights
    /// cost nothing.
    ///
    /// # Errors
    /// 429, with the time after which there will be enough.
    pub fn charge(&mut self, plan: &Plan<'_>, address: &str, now: i64) -> Result<(), Problem> {
        if matches!(plan.route(), Route::Preflight | Route::Live | Route::Ready) {
            return Ok(());
        }
        let rates = plan.settings.rates;
        let client = match plan.subject() {
            Some(Subject::Identity(subject)) => Some(Key::Identity(subject)),
            Some(Subject::Principal(subject)) => Some(Key::Principal(subject)),
            None => client_of(address),
        };
        self.take_for(client, rates.client, now).map_err(|wait_s| too_often("this client asks", wait_s))?;
        let tenant = plan.answered_tenant().map(Key::Tenant);
        self.take_for(tenant, rates.tenant, now).map_err(|wait_s| too_often("this tenant is asked about", wait_s))
    }

    /// Takes what it costs to verify a token that nobody knows yet, of the address that it comes from: whoever makes tokens up pays for them, too.
    ///
    /// # Errors
    /// As [`Self::charge`].
    pub fn charge_check(&mut self, settings: &Settings, address: &str, now: i64) -> Result<(), Problem> {
        let taken = self.take_for(client_of(address), settings.rates.client, now);
        taken.map_err(|wait_s| too_often("this client asks", wait_s))
    }

    fn take_for(&mut self, key: Option<Key<'_>>, per_second: u32, now: i64) -> Result<(), u32> {
        key.map_or(Ok(()), |key| self.take(key.hash(), per_second, now))
    }

    /// Takes a token for a request of `key` at a time (ms since the epoch). `per_second` is the rate; 0 allows everything.
    ///
    /// # Errors
    /// There is none; in so many whole seconds, at least one, there will be.
    pub fn take(&mut self, key: u64, per_second: u32, now: i64) -> Result<(), u32> {
        if per_second == 0 {
            return Ok(());
        }
        let rate = i64::from(per_second);
        let full = rate.saturating_mul(limits::RATE_BURST_S).saturating_mul(TOKEN);
        self.make_room(key);
        let bucket = self.buckets.entry(key).or_insert(Bucket { milli: full, at: now });
        // The clock may be set back; a bucket then neither fills nor empties.
        let elapsed = now.saturating_sub(bucket.at).max(0);
        bucket.milli = bucket.milli.saturating_add(elapsed.saturating_mul(rate)).min(full);
        bucket.at = now;
        if bucket.milli >= TOKEN {
            bucket.milli = bucket.milli.saturating_sub(TOKEN);
            return Ok(());
        }
        let missing = TOKEN.saturating_sub(bucket.milli);
        let wait_ms = missing.saturating_add(rate.saturating_sub(1)).checked_div(rate).unwrap_or(TOKEN);
        Err(u32::try_from(wait_ms.saturating_add(999).checked_div(1000).unwrap_or(1)).unwrap_or(u32::MAX).max(1))
    }

    /// Makes room for a key that is new: half of the buckets go, the longest unused, so that it is seldom needed.
    fn make_room(&mut self, key: u64) {
        if self.buckets.len() < limits::RATE_KEYS || self.buckets.contains_key(&key) {
            return;
        }
        let mut times: Vec<i64> = self.buckets.values().map(|bucket| bucket.at).collect();
        let middle = times.len().checked_div(2).unwrap_or(0);
        let (_, oldest_kept, _) = times.select_nth_unstable(middle);
        let oldest_kept = *oldest_kept;
        let mut among_equals = middle;
        self.buckets.retain(|_, bucket| match bucket.at.cmp(&oldest_kept) {
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Greater => true,
            // All may have been used in the same millisecond.
            std::cmp::Ordering::Equal => {
                among_equals = among_equals.saturating_sub(1);
                among_equals > 0
            }
        });
    }
}

fn too_often(who: &str, wait_s: u32) -> Problem {
    let problem = Problem::new(ErrorCode::RateLimited, format!("{who} too often"));
    problem.hint(format!("ask again in {wait_s} s")).with(|more| more.retry_after_s = Some(wait_s))
}

#[cfg(test)]
#[path = "rate_tests.rs"]
mod charges;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let mut buckets = Buckets::default();
        let burst = 10 * limits::RATE_BURST_S;
        for _ in 0..burst {
            assert_eq!(buckets.take(1, 10, 0), Ok(()));
        }
        assert_eq!(buckets.take(1, 10, 0), Err(1));
        assert_eq!(buckets.take(2, 10, 0), Ok(()), "another's bucket");
        assert_eq!(buckets.take(1, 10, 99), Err(1));
        assert_eq!(buckets.take(1, 10, 100), Ok(()));
        assert_eq!(buckets.take(1, 10, 100), Err(1));
    }

    #[test]
    fn nothing_is_refused_without_a_rate() {
        let mut buckets = Buckets::default();
        assert!((0..10_000).all(|_| buckets.take(1, 0, 0).is_ok()));
    }

    #[test]
    fn a_clock_that_is_set_back_neither_fills_nor_empties() {
        let mut buckets = Buckets::default();
        for _ in 0..limits::RATE_BURST_S {
            buckets.take(1, 1, 10_000).unwrap();
        }
        assert_eq!(buckets.take(1, 1, 0), Err(1));
        assert_eq!(buckets.take(1, 1, 1000), Ok(()), "a second after it was set back");
    }

    #[test]
    fn there_is_an_end_to_the_keys() {
        let mut buckets = Buckets::default();
        for key in 0..5 * limits::RATE_KEYS as u64 {
            buckets.take(key, 1, 0).unwrap();
            assert!(buckets.buckets.len() <= limits::RATE_KEYS);
        }
        let mut buckets = Buckets::default();
        let mut refused = 0;
        for key in 0..5 * limits::RATE_KEYS as u64 {
            buckets.take(key, 1, key as i64).unwrap();
            refused += u32::from(buckets.take(u64::MAX, 1, key as i64).is_err());
        }
        assert!(refused > 4 * limits::RATE_KEYS as u32, "who asks all the time keeps his bucket: {refused}");
    }

    proptest! {
        /// Whoever waits as long as he is told is let in, and in no stretch of time do more pass than the burst and the rate allow.
        #[test]
        fn who_waits_is_let_in(rate in 1..500_u32, gaps in proptest::collection::vec(0..3000_i64, 1..300)) {
            let mut buckets = Buckets::default();
            let (mut now, mut passed) = (0, 0);
            for gap in gaps {
                now += gap;
                match buckets.take(7, rate, now) {
                    Ok(()) => passed += 1,
                    Err(seconds) => {
                        now += i64::from(seconds) * 1000;
                        prop_assert_eq!(buckets.take(7, rate, now), Ok(()));
                        passed += 1;
                    }
                }
                prop_assert!(passed <= i64::from(rate) * limits::RATE_BURST_S + now * i64::from(rate) / 1000 + 1);
            }
        }
    }
}
