//! When to read a registry again: the state of one tenant's registry in one process or isolate, as pure data.
//!
//! A registry that was confirmed less than the soft TTL ago answers at once. An older one still answers at once. From three quarters of
//! the TTL on, one request is told to refresh it in the background, so that where requests come steadily none finds it past its time. A
//! refresh that fails keeps what is held, and is tried again one TTL later; one that is never heard of again counts as lost after
//! [`limits::REFRESH_LOST_MS`].
//!
//! Where nothing is held, one request loads it and the others look again every few milliseconds. A load that is never heard of again, because
//! its request ended, is taken over by the next who looks after [`limits::LOAD_LOST_MS`].
//!
//! Who knows that a version exists, because he carried the write that made it or was told of it, may not be answered from an older one:
//! [`Slot::want`], and the version that [`Slot::look`] is asked for. One of such requests reads and the others wait for it, as where nothing is held:
//! a write is followed by all requests of the isolate that carried it.

use serde::Serialize;

use crate::limits;
use crate::loaded::ReadFault;
use crate::readiness::Truth;

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
    /// The version that a write of this process or isolate made; 0 where it carried none.
    wanted: u64,
    /// Whether the tenant has an object that was written to.
    has_object: bool,
    truth: Truth,
    refresh: Refresh,
    /// When the last read began that succeeded, ms since the epoch.
    read_since: Option<i64>,
    fault: Option<ReadFault>,
}

#[derive(Debug)]
struct Held<T> {
    value: T,
    version: u64,
    confirmed_at: i64,
}

#[derive(Clone, Copy, Debug)]
enum Refresh {
    Idle,
    Running { since: i64 },
    Failed { at: i64 },
}

/// What a request does that finds nothing held, or only what is too old for it, and another loading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// When it began to wait, ms since the epoch.
    since: i64,
    /// The version that it knows of.
    needs: u64,
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
        let (refresh, truth) = (Refresh::Idle, Truth::Absent);
        Self { held: None, wanted: 0, has_object: false, truth, refresh, read_since: None, fault: None }
    }
}

impl<T: Clone> Slot<T> {
    /// Decides what to do for a request at a time (ms since the epoch), with the soft TTL in ms. `asked` is the version that the caller
    /// knows of; 0 where he knows of none.
    pub fn look(&mut self, now: i64, soft_ttl_ms: i64, asked: u64) -> Look<T> {
        if soft_ttl_ms == 0 {
            return Look::Read(Cache::Uncached);
        }
        let wanted = if self.failed_within(now, soft_ttl_ms) { 0 } else { self.wanted };
        let needs = asked.max(wanted);
        let held = match &self.held {
            Some(held) if held.version >= needs => held,
            _ => return self.load(now, Waiting { since: now, needs }),
        };
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
        // A read that began after it came is as good as one of its own, whatever it brought.
        let is_read = self.read_since.is_some_and(|since| since > waiting.since);
        match &self.held {
            Some(held) if held.version >= waiting.needs || is_read => {
                Look::Use { value: held.value.clone(), cache: Cache::Miss, refresh: false }
            }
            _ => self.load(now, waiting),
        }
    }

    /// Where nothing is held that will do: one request reads, the others wait for it, and share its failure.
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

    /// A write of this process or isolate made this version: what is older does not answer until a read for it has failed, and then
    /// until one soft TTL later.
    pub fn want(&mut self, version: u64) {
        if version > self.wanted {
            self.wanted = version;
            // A read that failed before this version was there says nothing of it.
            if matches!(self.refresh, Refresh::Failed { .. }) {
                self.refresh = Refresh::Idle;
            }
        }
    }

    /// The tenant's object was asked for its version.
    pub fn note(&mut self, newest: Newest) {
        self.truth = match newest {
            Newest::Version(0) => Truth::Absent,
            Newest::Version(_) => Truth::Reachable,
            Newest::Unreachable => Truth::Unreachable,
        };
        if let Newest::Version(version) = newest {
            self.has_object = version > 0;
        }
    }

    /// How it stood with the tenant's object when it was last asked. Of one that has never answered it is not known whether it holds anything.
    #[must_use]
    pub fn truth(&self) -> Truth {
        self.truth
    }

    /// Whether the tenant has an object that was written to, as far as is known: it then has an event stream.
    #[must_use]
    pub fn has_object(&self) -> bool {
        self.has_object || self.wanted > 0
    }

    fn failed_within(&self, now: i64, soft_ttl_ms: i64) -> bool {
        matches!(self.refresh, Refresh::Failed { at } if now.saturating_sub(at) < soft_ttl_ms)
    }

    /// Storage holds what is held, as of a time.
    pub fn confirm(&mut self, now: i64) {
        if let Some(held) = &mut self.held {
            held.confirmed_at = now;
        }
        self.settle();
    }

    /// Storage holds this version, as of a time.
    pub fn store(&mut self, value: T, version: u64, now: i64) {
        self.held = Some(Held { value, version, confirmed_at: now });
        self.settle();
    }

    fn settle(&mut self) {
        if let Refresh::Running { since } = self.refresh {
            self.read_since = Some(since);
        }
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

    /// The version of what is held.
    #[must_use]
    pub fn version(&self) -> Option<u64> {
        self.held.as_ref().map(|held| held.version)
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

/// What a tenant's object says of its snapshot's version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Newest {
    /// This is the version; 0 where nothing was ever written to the object, and published snapshots stand alone.
    Version(u64),
    /// It did not answer in time.
    Unreachable,
}

/// What a read of the published snapshot, and of the object's version beside it, comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// What is held is current.
    Keep,
    /// What was published is taken.
    Published,
    /// What was published is behind: the object itself is read.
    Object,
    /// What was published is older than what is held, and the object cannot say which is right: what is held goes on serving.
    Stale,
}

/// Decides between what is held, what is published, both by their versions, and what the object says.
#[must_use]
pub fn verdict(held: Option<u64>, published: Option<u64>, truth: Newest) -> Verdict {
    match truth {
        Newest::Version(0) => Verdict::Published,
        Newest::Version(version) if held == Some(version) => Verdict::Keep,
        Newest::Version(version) if published == Some(version) => Verdict::Published,
        Newest::Version(_) => Verdict::Object,
        Newest::Unreachable if held > published => Verdict::Stale,
        Newest::Unreachable => Verdict::Published,
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
        assert_eq!(slot.look(0, TTL, 0), Look::Read(Cache::Miss));
        slot.store(1, 1, 10);
        assert_eq!(slot.look(10, TTL, 0), used(1, Cache::Hit, false));
        assert_eq!(slot.look(3759, TTL, 0), used(1, Cache::Hit, false));
        assert_eq!(slot.look(3760, TTL, 0), used(1, Cache::Hit, true), "ahead of time");
        assert_eq!(slot.look(3761, TTL, 0), used(1, Cache::Hit, false), "one refresh at a time");
        assert_eq!(slot.look(5009, TTL, 0), used(1, Cache::Hit, false));
        assert_eq!(slot.look(5010, TTL, 0), used(1, Cache::Stale, false));
        slot.store(2, 1, 5020);
        assert_eq!(slot.look(5021, TTL, 0), used(2, Cache::Hit, false));
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
        assert_eq!(slot.look(0, TTL, 0), Look::Read(Cache::Miss));
        let waiting: Vec<_> = (0..200).map(|_| waits(slot.look(1, TTL, 0))).collect();
        for one in &waiting {
            assert_eq!(slot.look_again(5, *one), Look::Wait(*one));
        }
        slot.store(7, 1, 10);
        for one in &waiting {
            assert_eq!(slot.look_again(11, *one), used(7, Cache::Miss, false));
        }
    }

    #[test]
    fn a_write_is_followed_by_one_read_however_many_ask() {
        let mut slot = Slot::default();
        slot.store(1, 1, 0);
        slot.want(2);
        assert_eq!(slot.look(10, TTL, 0), Look::Read(Cache::Miss));
        let waiting: Vec<_> = (0..200).map(|_| waits(slot.look(11, TTL, 0))).collect();
        slot.store(2, 2, 20);
        for one in waiting {
            assert_eq!(slot.look_again(21, one), used(2, Cache::Miss, false));
        }
    }

    #[test]
    fn a_read_that_began_before_a_write_does_not_do_for_it() {
        let mut slot = Slot::default();
        slot.store(1, 1, 0);
        assert_eq!(slot.look(TTL, TTL, 0), used(1, Cache::Stale, true));
        slot.want(3);
        let (one, other) = (waits(slot.look(TTL + 1, TTL, 0)), waits(slot.look(TTL + 1, TTL, 0)));
        slot.store(2, 2, TTL + 2);
        assert_eq!(slot.look_again(TTL + 3, one), Look::Read(Cache::Miss));
        assert_eq!(slot.look_again(TTL + 3, other), Look::Wait(other));
        slot.store(3, 3, TTL + 4);
        assert_eq!(slot.look_again(TTL + 5, other), used(3, Cache::Miss, false));
    }

    #[test]
    fn a_version_that_there_is_not_yet_is_read_for_once_by_those_who_ask_together() {
        let mut slot = Slot::default();
        slot.store(1, 1, 0);
        assert_eq!(slot.look(10, TTL, 9), Look::Read(Cache::Miss));
        let (one, other) = (waits(slot.look(11, TTL, 9)), waits(slot.look(11, TTL, 9)));
        slot.confirm(20);
        assert_eq!(slot.look_again(21, one), Look::Read(Cache::Miss), "that read began before it came");
        slot.confirm(30);
        assert_eq!(slot.look_again(31, other), used(1, Cache::Miss, false));
        assert_eq!(slot.look(32, TTL, 9), Look::Read(Cache::Miss));
    }

    #[test]
    fn a_load_that_is_never_heard_of_again_is_taken_over_by_one() {
        let mut slot = Slot::default();
        assert_eq!(slot.look(0, TTL, 0), Look::Read(Cache::Miss));
        let (one, other) = (waits(slot.look(1, TTL, 0)), waits(slot.look(1, TTL, 0)));
        assert_eq!(slot.look_again(limits::LOAD_LOST_MS - 1, one), Look::Wait(one));
        assert_eq!(slot.look_again(limits::LOAD_LOST_MS, one), Look::Read(Cache::Miss));
        assert_eq!(slot.look_again(limits::LOAD_LOST_MS, other), Look::Wait(other));
        slot.store(7, 1, limits::LOAD_LOST_MS + 5);
        assert_eq!(slot.look_again(limits::LOAD_LOST_MS + 6, other), used(7, Cache::Miss, false));
    }

    #[test]
    fn those_who_waited_share_a_failure_and_who_comes_later_tries_again() {
        let mut slot = Slot::default();
        assert_eq!(slot.look(0, TTL, 0), Look::Read(Cache::Miss));
        let waiting = waits(slot.look(1, TTL, 0));
        slot.fail(ReadFault::missing("t"), 10);
        assert_eq!(slot.look_again(12, waiting), Look::Failed);
        assert_eq!(slot.look(12, TTL, 0), Look::Read(Cache::Miss));
        assert_eq!(slot.look_again(13, waiting), Look::Wait(waiting), "as good as the failure: it is tried again");
    }

    #[test]
    fn the_same_again_is_confirmed() {
        let mut slot = Slot::default();
        slot.store(1, 1, 0);
        assert_eq!(slot.look(TTL, TTL, 0), used(1, Cache::Stale, true));
        slot.confirm(TTL + 1);
        assert_eq!(slot.look(TTL + 2, TTL, 0), used(1, Cache::Hit, false));
        assert_eq!(slot.confirmed_at(), Some(TTL + 1));
    }

    #[test]
    fn a_failed_refresh_keeps_what_is_held_and_is_tried_again_one_ttl_later() {
        let mut slot = Slot::default();
        slot.store(1, 1, 0);
        assert_eq!(slot.look(TTL, TTL, 0), used(1, Cache::Stale, true));
        slot.fail(ReadFault::missing("t"), TTL + 10);
        assert!(slot.fault().is_some());
        assert_eq!(slot.look(TTL + 11, TTL, 0), used(1, Cache::Stale, false));
        assert_eq!(slot.look(2 * TTL + 10, TTL, 0), used(1, Cache::Stale, true));
        slot.confirm(2 * TTL + 20);
        assert!(slot.fault().is_none());
    }

    #[test]
    fn a_refresh_that_is_never_heard_of_again_does_not_block_the_next() {
        let mut slot = Slot::default();
        slot.store(1, 1, 0);
        assert_eq!(slot.look(TTL, TTL, 0), used(1, Cache::Stale, true));
        let lost = TTL + limits::REFRESH_LOST_MS;
        assert_eq!(slot.look(lost - 1, TTL, 0), used(1, Cache::Stale, false));
        assert_eq!(slot.look(lost, TTL, 0), used(1, Cache::Stale, true));
        assert_eq!(slot.look(lost + 1, TTL, 0), used(1, Cache::Stale, false));
    }

    #[test]
    fn without_a_ttl_nothing_is_cached() {
        let mut slot = Slot::default();
        slot.store(1, 1, 0);
        assert_eq!(slot.look(0, 0, 0), Look::Read(Cache::Uncached));
    }

    #[test]
    fn who_knows_of_a_version_is_not_answered_from_an_older_one() {
        let mut slot = Slot::default();
        slot.store(1, 7, 0);
        assert_eq!(slot.look(1, TTL, 7), used(1, Cache::Hit, false));
        assert_eq!(slot.look(1, TTL, 8), Look::Read(Cache::Miss), "the caller was told of 8");
        assert_eq!(slot.look(1, TTL, 0), used(1, Cache::Hit, false), "this one was not");
        slot.want(8);
        let waiting = waits(slot.look(1, TTL, 0));
        assert_eq!(slot.look_again(2, waiting), Look::Wait(waiting), "the isolate itself made 8");
        slot.want(3);
        waits(slot.look(2, TTL, 0)); // an older write's answer takes nothing back
        slot.store(2, 8, 2);
        assert_eq!(slot.look(3, TTL, 8), used(2, Cache::Hit, false));
    }

    #[test]
    fn a_version_that_cannot_be_had_keeps_nobody_waiting_twice() {
        let mut slot = Slot::default();
        slot.store(1, 7, 0);
        slot.want(8);
        slot.fail(ReadFault::missing("t"), 10);
        assert_eq!(slot.look(11, TTL, 0), used(1, Cache::Hit, false));
        assert_eq!(slot.look(10 + TTL, TTL, 0), Look::Read(Cache::Miss), "one TTL later it is tried again");
        slot.fail(ReadFault::missing("t"), 10 + TTL);
        slot.want(9);
        assert_eq!(
            slot.look(11 + TTL, TTL, 0),
            Look::Read(Cache::Miss),
            "what failed before 9 was there says nothing of it"
        );
    }

    #[test]
    fn what_the_object_said_last_is_its_state() {
        let mut slot = Slot::<u32>::default();
        assert_eq!((slot.truth(), slot.has_object()), (Truth::Absent, false), "nobody asks where there are no objects");
        for (newest, truth, has_object) in [
            (Newest::Unreachable, Truth::Unreachable, false),
            (Newest::Version(0), Truth::Absent, false),
            (Newest::Version(3), Truth::Reachable, true),
            (Newest::Unreachable, Truth::Unreachable, true),
            (Newest::Version(3), Truth::Reachable, true),
        ] {
            slot.note(newest);
            assert_eq!((slot.truth(), slot.has_object()), (truth, has_object), "{newest:?}");
        }
    }

    #[test]
    fn the_object_is_the_truth_and_published_snapshots_stand_in_for_it() {
        use super::{Newest::*, Verdict::*, verdict};
        for (held, published, truth, expected) in [
            (None, None, Version(0), Published),
            (None, Some(3), Version(0), Published),
            (Some(9), Some(3), Version(0), Published),
            (None, Some(3), Version(3), Published),
            (None, None, Version(3), Object),
            (None, Some(2), Version(3), Object),
            (Some(2), Some(3), Version(3), Published),
            (Some(2), Some(2), Version(3), Object),
            (Some(3), Some(2), Version(3), Keep),
            // Restored to a point in its past, the object has a lower version than what it published.
            (Some(5), Some(5), Version(3), Object),
            (None, Some(2), Unreachable, Published),
            (Some(2), Some(2), Unreachable, Published),
            (Some(2), Some(3), Unreachable, Published),
            (Some(3), Some(2), Unreachable, Stale),
            (Some(3), None, Unreachable, Stale),
            (None, None, Unreachable, Published),
        ] {
            assert_eq!(verdict(held, published, truth), expected, "{held:?} {published:?} {truth:?}");
        }
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
                    0 => match slot.look(now, TTL, 0) {
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
                    1 => { slot.store(value, 1, now); last = Some(value); running_since = None; }
                    2 => { slot.confirm(now); running_since = None; }
                    _ => { slot.fail(ReadFault::missing("t"), now); running_since = None; }
                }
            }
        }
    }
}
