//! When to fetch an issuer's keys: the state of one isolate's JWKS, as pure data.
//!
//! Keys that are younger than an hour are used. Older ones are used too, and one request is told to fetch them anew in the background;
//! past a day without an answer they are dropped. A `kid` that is not among them makes one fetch, which all who come meanwhile wait
//! for; after it there is none for a while, so that whoever makes up kids cannot make this service knock at the issuer's door. A
//! fetch that is never heard of again counts as lost. The time is a parameter, in ms since the epoch.

use std::sync::Arc;

use serde::Serialize;

use super::keys::{KeySet, KeysFault};
use crate::limits;

/// How things stand with the issuer's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum JwksState {
    /// They were never needed, or are just being fetched for the first time.
    Unused,
    /// They are held, and younger than an hour.
    Fresh,
    /// They are held, and the issuer has not answered since.
    Stale,
    /// None are held, and the issuer did not answer.
    Unreachable,
}

/// What to do for a request that needs keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Want {
    /// Use these.
    Keys(Arc<KeySet>),
    /// Fetch them, and report. No other request is told so meanwhile.
    Fetch,
    /// Another request fetches them: look again in a moment.
    Wait,
    /// There are none, or none that are newer, and this request does not fetch any.
    Nothing,
}

/// The issuer's keys, as far as they are known.
#[derive(Debug, Default)]
pub(super) struct Jwks {
    held: Option<Held>,
    /// When the fetch began that is under way.
    fetching: Option<i64>,
    /// Fetches that ended, however they did.
    ended: u64,
    failed_at: Option<i64>,
    /// When a fetch began that was made for an unknown `kid`.
    unknown_at: Option<i64>,
}

#[derive(Debug)]
struct Held {
    keys: Arc<KeySet>,
    fetched_at: i64,
}

/// Whether something was less than `ms` ago. What lies ahead, because the clock was set back, was just now.
fn is_within(at: Option<i64>, ms: i64, now: i64) -> bool {
    at.is_some_and(|at| now.saturating_sub(at) < ms)
}

impl Jwks {
    /// How many fetches have ended. A request remembers this when it comes, so that it can tell whether one ended since.
    pub(super) fn ended(&self) -> u64 {
        self.ended
    }

    /// For a request that needs keys.
    pub(super) fn want(&mut self, now: i64) -> Want {
        self.drop_old(now);
        match &self.held {
            Some(held) => Want::Keys(held.keys.clone()),
            None if self.is_fetching(now) => Want::Wait,
            None if is_within(self.failed_at, limits::JWKS_RETRY_MS, now) => Want::Nothing,
            None => self.begin(now),
        }
    }

    /// For a request whose `kid` is not among the keys; `since` is what [`Self::ended`] said when it came. [`Want::Keys`] has keys that
    /// are newer than the request, among which to look again.
    pub(super) fn want_newer(&mut self, since: u64, now: i64) -> Want {
        if self.ended != since {
            return self.held.as_ref().map_or(Want::Nothing, |held| Want::Keys(held.keys.clone()));
        }
        if self.is_fetching(now) {
            return Want::Wait;
        }
        if is_within(self.unknown_at, limits::JWKS_UNKNOWN_KID_MS, now) {
            return Want::Nothing;
        }
        self.unknown_at = Some(now);
        self.begin(now)
    }

    /// Whether to fetch the keys anew in the background. It is said to one request at a time.
    pub(super) fn wants_refresh(&mut self, now: i64) -> bool {
        self.drop_old(now);
        let is_old =
            self.held.as_ref().is_some_and(|held| !is_within(Some(held.fetched_at), limits::JWKS_FRESH_MS, now));
        let is_due = is_old && !self.is_fetching(now) && !is_within(self.failed_at, limits::JWKS_UNKNOWN_KID_MS, now);
        if is_due {
            self.begin(now);
        }
        is_due
    }

    /// What came of a fetch. Gives whether the keys are others than before.
    pub(super) fn report(&mut self, fetched: Result<KeySet, KeysFault>, now: i64) -> bool {
        self.fetching = None;
        self.ended = self.ended.saturating_add(1);
        match fetched {
            Ok(keys) => {
                self.failed_at = None;
                let is_new = self.held.as_ref().is_none_or(|held| *held.keys != keys);
                self.held = Some(Held { keys: Arc::new(keys), fetched_at: now });
                is_new
            }
            Err(_) => {
                self.failed_at = Some(now);
                false
            }
        }
    }

    /// How things stand.
    pub(super) fn state(&self, now: i64) -> JwksState {
        match &self.held {
            Some(held) if is_within(Some(held.fetched_at), limits::JWKS_FRESH_MS, now) => JwksState::Fresh,
            Some(held) if is_within(Some(held.fetched_at), limits::JWKS_KEPT_MS, now) => JwksState::Stale,
            None if self.failed_at.is_none() => JwksState::Unused,
            _ => JwksState::Unreachable,
        }
    }

    /// How many keys are held, and since when (ms since the epoch).
    pub(super) fn held(&self, now: i64) -> (usize, Option<i64>) {
        let held = self.held.as_ref().filter(|held| is_within(Some(held.fetched_at), limits::JWKS_KEPT_MS, now));
        (held.map_or(0, |held| held.keys.count()), held.map(|held| held.fetched_at))
    }

    fn begin(&mut self, now: i64) -> Want {
        self.fetching = Some(now);
        Want::Fetch
    }

    fn is_fetching(&self, now: i64) -> bool {
        is_within(self.fetching, limits::JWKS_LOST_MS, now)
    }

    fn drop_old(&mut self, now: i64) {
        if !self.held.as_ref().is_some_and(|held| is_within(Some(held.fetched_at), limits::JWKS_KEPT_MS, now)) {
            self.held = None;
        }
    }
}
