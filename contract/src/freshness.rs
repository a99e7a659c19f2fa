//! When to read a registry again: the state of one tenant's registry in one process or isolate, as pure data.
//!
//! A registry that was confirmed less than the soft TTL ago answers at once. An older one still answers at once. From three quarters of
//! the TTL on, one request is told to refresh it in the background, so that where requests come steadily none finds it past its time. A
//! refresh that fails keeps what is held, and is tried again one TTL later; one that is never heard of again counts as lost after
//! [`limits::REFRESH_LOST_MS`].
//!
//! Where nothing is held, one request loads it and the others look again every few milliseconds. A load that is never heard of again, because
//! its request ended, is taken over by the next who looks after [`limits::LOAD_LOST_MS`].

use serde::Serialize;

use crate::limits;
use crate::loaded::ReadFault;

/// Where an answer's registry came from. `meta.cache` of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Cache {
    /// From storage, because nothing is cached (`FF_SOFT_TTL_MS=0`).
    Uncached,
    /// From memory, confirmed within the soft TTL.
    Hit,
    /// From storage, because memory held none.
    Miss,
    /// From memory, past the soft TTL: a refresh is under way, or it failed.
    Stale,
}

/// What is held of one tenant's registry. `T` is a handle that is cheap to clone.
#[derive(Debug)]
pub struct Slot<T> {
    held: Option<Held<T>>,
    refresh: Refresh,
    fault: Option<ReadFault>,
}

#[derive(Debug)]
struct Held<T> {
    value: T,
    confirmed_at: i64,
}

#[derive(Clone, Copy, Debug)]
enum Refresh {
    Idle,
    Running { since: i64 },
    Failed { at: i64 },
}

/// What a request does that finds nothing held, and another loading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// When it began to wait, ms since the epoch.
    since: i64,
}

/// What to do for a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look<T> {
    /// Read storage, tell the slot, and answer from what it then holds. The answer's cache is as given here.
    Read(Cache),
    /// Another request loads it: look again with [`Slot::look_again`], after a timer of one's own.
    Wait(Waiting),
    /// Another request loaded it meanwhile, in vain: answer with [`Slot::fault`].
    Failed,
    /// Answer from this.
    Use {
        /// What is held.
        value: T,
        /// [`Cache::Hit`] or [`Cache::Stale`]; [`Cache::Miss`] for one that waited for it.
        cache: Cache,
        /// Whether this request must also start a refresh. No other request is told so until it ends or is lost.
        refresh: bool,
    },
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self { held: None, refresh: Refresh::Idle, fault: None }
    }
}

impl<T: Clone> Slot<T> {
    /// Decides what to do for a request at a time (ms since the epoch), with the soft TTL in ms.
    pub fn look(&mut self, now: i64, soft_ttl_ms: i64) -> Look<T> {
        if soft_ttl_ms == 0 {
            return Look::Read(Cache::Uncached);
        }
        let Some(held) = &self.held else { return self.load(now, Waiting { since: now }) };
        let value = held.value.clone();
        let age = now.saturating_sub(held.confirmed_at);
        let cache = if age < soft_ttl_ms { Cache::Hit } else { Cache::Stale };
        let is_due = age >= soft_ttl_ms.saturating_sub(soft_ttl_ms / 4);
        let refresh = is_due
            && match self.refresh {
                Refresh::Idle => true,
                Refresh::Running { since } => now.saturating_sub(since) >= limits::REFRESH_LOST_MS,
                Refresh::Failed { at } => now.saturating_sub(at) >= soft_ttl_ms,
            };
        if refresh {
            self.refresh = Refresh::Running { since: now };
        }
        Look::Use { value, cache, refresh }
    }

    /// Decides again for a request that has waited.
    pub fn look_again(&mut self, now: i64, waiting: Waiting) -> Look<T> {
        match &self.held {
            Some(held) => Look::Use { value: held.value.clone(), cache: Cache::Miss, refresh: false },
            None => self.load(now, waiting),
        }
    }

    /// Where nothing is held: one request reads, the others wait for it, and share its failure.
    fn load(&mut self, now: i64, waiting: Waiting) -> Look<T> {
        match self.refresh {
            Refresh::Running { since } if now.saturating_sub(since) < limits::LOAD_LOST_MS => Look::Wait(waiting),
            Refresh::Failed { at } if at > waiting.since => Look::Failed,
            // It ended in the millisecond in which this request began: with whoever came before it.
            Refresh::Failed { at } if at == waiting.since && now > at => Look::Failed,
            Refresh::Idle | Refresh::Running { .. } | Refresh::Failed { .. } => {
                self.refresh = Refresh::Running { since: now };
                Look::Read(Cache::Miss)
            }
        }
    }

    /// Storage holds what is held, as of a time.
    pub fn confirm(&mut self, now: i64) {
        if let Some(held) = &mut self.held {
            held.confirmed_at = now;
        }
        self.refresh = Refresh::Idle;
        self.fault = None;
    }

    /// Storage holds this, as of a time.
    pub fn store(&mut self, value: T, now: i64) {
        self.held = Some(Held { value, confirmed_at: now });
        self.refresh = Refresh::Idle;
        self.fault = None;
    }

    /// Storage could not be read, or holds nothing that can be used. What is held stays.
    pub fn fail(&mut self, fault: ReadFault, now: i64) {
        self.refresh = Refresh::Failed { at: now };
        self.fault = Some(fault);
    }

    /// What is held.
    #[must_use]
    pub fn held(&self) -> Option<&T> {
        self.held.as_ref().map(|held| &held.value)
    }

    /// When storage was last known to hold it, ms since the epoch.
    #[must_use]
    pub fn confirmed_at(&self) -> Option<i64> {
        self.held.as_ref().map(|held| held.confirmed_at)
    }

    /// Why the last read failed; none where it did not.
    #[must_use]
    pub fn fault(&self) -> Option<&ReadFault> {
        self.fault.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TTL: i64 = 5000;

    fn used(value: u32, cache: Cache, refresh: bool) -> Look<u32> {
        Look::Use { value, cache, refresh }
    }

    #[test]
    fn miss_hit_stale_hit() {
        let mut slot = Slot::default();
        assert_eq!(slot.look(0, TTL), Look::Read(Cache::Miss));
        slot.store(1, 10);
        assert_eq!(slot.look(10, TTL), used(1, Cache::Hit, false));
        assert_eq!(slot.look(3759, TTL), used(1, Cache::Hit, false));
        assert_eq!(slot.look(3760, TTL), used(1, Cache::Hit, true), "ahead of time");
        assert_eq!(slot.look(3761, TTL), used(1, Cache::Hit, false), "one refresh at a time");
        assert_eq!(slot.look(5009, TTL), used(1, Cache::Hit, false));
        assert_eq!(slot.look(5010, TTL), used(1, Cache::Stale, false));
        slot.store(2, 5020);
        assert_eq!(slot.look(5021, TTL), used(2, Cache::Hit, false));
    }

    fn waits(look: Look<u32>) -> Waiting {
        match look {
            Look::Wait(waiting) => waiting,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_request_loads_and_the_others_wait_for_it() {
        let mut slot = Slot::default();
        assert_eq!(slot.look(0, TTL), Look::Read(Cache::Miss));
        let waiting: Vec<_> = (0..200).map(|_| waits(slot.look(1, TTL))).collect();
        for one in &waiting {
            assert_eq!(slot.look_again(5, *one), Look::Wait(*one));
        }
        slot.store(7, 10);
        for one in &waiting {
            assert_eq!(slot.look_again(11, *one), used(7, Cache::Miss, false));
        }
    }

    #[test]
    fn a_load_that_is_never_heard_of_again_is_taken_over_by_one() {
        let mut slot = Slot::default();
        assert_eq!(slot.look(0, TTL), Look::Read(Cache::Miss));
        let (one, other) = (waits(slot.look(1, TTL)), waits(slot.look(1, TTL)));
        assert_eq!(slot.look_again(limits::LOAD_LOST_MS - 1, one), Look::Wait(one));
        assert_eq!(slot.look_again(limits::LOAD_LOST_MS, one), Look::Read(Cache::Miss));
        assert_eq!(slot.look_again(limits::LOAD_LOST_MS, other), Look::Wait(other));
        slot.store(7, limits::LOAD_LOST_MS + 5);
        assert_eq!(slot.look_again(limits::LOAD_LOST_MS + 6, other), used(7, Cache::Miss, false));
    }

    #[test]
    fn those_who_waited_share_a_failure_and_who_comes_later_tries_again() {
        let mut slot = Slot::default();
        assert_eq!(slot.look(0, TTL), Look::Read(Cache::Miss));
        let waiting = waits(slot.look(1, TTL));
        slot.fail(ReadFault::missing("t"), 10);
        assert_eq!(slot.look_again(12, waiting), Look::Failed);
        assert_eq!(slot.look(12, TTL), Look::Read(Cache::Miss));
        assert_eq!(slot.look_again(13, waiting), Look::Wait(waiting), "as good as the failure: it is tried again");
    }

    #[test]
    fn the_same_again_is_confirmed() {
        let mut slot = Slot::default();
        slot.store(1, 0);
        assert_eq!(slot.look(TTL, TTL), used(1, Cache::Stale, true));
        slot.confirm(TTL + 1);
        assert_eq!(slot.look(TTL + 2, TTL), used(1, Cache::Hit, false));
        assert_eq!(slot.confirmed_at(), Some(TTL + 1));
    }

    #[test]
    fn a_failed_refresh_keeps_what_is_held_and_is_tried_again_one_ttl_later() {
        let mut slot = Slot::default();
        slot.store(1, 0);
        assert_eq!(slot.look(TTL, TTL), used(1, Cache::Stale, true));
        slot.fail(ReadFault::missing("t"), TTL + 10);
        assert!(slot.fault().is_some());
        assert_eq!(slot.look(TTL + 11, TTL), used(1, Cache::Stale, false));
        assert_eq!(slot.look(2 * TTL + 10, TTL), used(1, Cache::Stale, true));
        slot.confirm(2 * TTL + 20);
        assert!(slot.fault().is_none());
    }

    #[test]
    fn a_refresh_that_is_never_heard_of_again_does_not_block_the_next() {
        let mut slot = Slot::default();
        slot.store(1, 0);
        assert_eq!(slot.look(TTL, TTL), used(1, Cache::Stale, true));
        let lost = TTL + limits::REFRESH_LOST_MS;
        assert_eq!(slot.look(lost - 1, TTL), used(1, Cache::Stale, false));
        assert_eq!(slot.look(lost, TTL), used(1, Cache::Stale, true));
        assert_eq!(slot.look(lost + 1, TTL), used(1, Cache::Stale, false));
    }

    #[test]
    fn without_a_ttl_nothing_is_cached() {
        let mut slot = Slot::default();
        slot.store(1, 0);
        assert_eq!(slot.look(0, 0), Look::Read(Cache::Uncached));
    }

    proptest! {
        /// Whatever happens in whichever order: what was stored last is what answers, and refreshes do not overlap.
        #[test]
        fn answers_are_what_was_stored_last(steps in proptest::collection::vec((0..4_u8, 0..20_000_i64), 0..60)) {
            let mut slot = Slot::default();
            let (mut now, mut last, mut running_since) = (0, None, None);
            for (value, (step, wait)) in (0..).zip(steps) {
                now += wait;
                match step {
                    0 => match slot.look(now, TTL) {
                        Look::Read(cache) => {
                            prop_assert!(last.is_none() && cache == Cache::Miss);
                            prop_assert!(running_since.is_none_or(|since| now - since >= limits::LOAD_LOST_MS));
                            running_since = Some(now);
                        }
                        Look::Wait(_) => prop_assert!(last.is_none() && running_since.is_some_and(|since| now - since < limits::LOAD_LOST_MS)),
                        Look::Failed => prop_assert!(false, "it has not waited"),
                        Look::Use { value, refresh, .. } => {
                            prop_assert_eq!(Some(value), last);
                            if refresh {
                                prop_assert!(running_since.is_none_or(|since| now - since >= limits::REFRESH_LOST_MS));
                                running_since = Some(now);
                            }
                        }
                    },
                    1 => { slot.store(value, now); last = Some(value); running_since = None; }
                    2 => { slot.confirm(now); running_since = None; }
                    _ => { slot.fail(ReadFault::missing("t"), now); running_since = None; }
                }
            }
        }
    }
}
