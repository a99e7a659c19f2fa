//! The registries that one process or isolate keeps: a slot for each tenant, and an end to how many.

use std::collections::BTreeMap;

use crate::freshness::Slot;
use crate::limits;

/// Slots by tenant, of which no more are kept than [`limits::TENANTS_KEPT`] and [`limits::DOCUMENTS_KEPT_BYTES`] allow.
///
/// Past either, slots are given up until it fits: first those that hold nothing, which come of tenants that do not exist, then
/// those that nobody asked for the longest. The slot in use is never given up.
#[derive(Debug)]
pub struct Slots<T> {
    by_tenant: BTreeMap<String, Entry<T>>,
    size: fn(&T) -> usize,
    uses: u64,
}

#[derive(Debug)]
struct Entry<T> {
    slot: Slot<T>,
    bytes: usize,
    used: u64,
}

impl<T: Clone> Slots<T> {
    /// No slots; `size` says how many bytes a value counts for.
    #[must_use]
    pub const fn new(size: fn(&T) -> usize) -> Self {
        Self { by_tenant: BTreeMap::new(), size, uses: 0 }
    }

    /// Runs `work` on a tenant's slot, which is a new one if none is kept.
    pub fn with<R>(&mut self, tenant: &str, work: impl FnOnce(&mut Slot<T>) -> R) -> R {
        self.uses = self.uses.saturating_add(1);
        // Looked for before it is made, so that a slot that is there costs no copy of its name.
        if !self.by_tenant.contains_key(tenant) {
            self.by_tenant.insert(tenant.to_owned(), Entry { slot: Slot::default(), bytes: 0, used: 0 });
        }
        let Some(entry) = self.by_tenant.get_mut(tenant) else { return work(&mut Slot::default()) };
        entry.used = self.uses;
        let result = work(&mut entry.slot);
        let bytes = entry.slot.held().map_or(0, self.size);
        let grew = bytes > entry.bytes;
        entry.bytes = bytes;
        if grew || self.by_tenant.len() > limits::TENANTS_KEPT {
            self.give_up();
        }
        result
    }

    fn give_up(&mut self) {
        while self.by_tenant.len() > limits::TENANTS_KEPT || self.bytes() > limits::DOCUMENTS_KEPT_BYTES {
            let others = self.by_tenant.iter().filter(|(_, entry)| entry.used != self.uses);
            let least = others.min_by_key(|(_, entry)| (entry.slot.held().is_some(), entry.used));
            let Some(tenant) = least.map(|(tenant, _)| tenant.clone()) else { return };
            self.by_tenant.remove(&tenant);
        }
    }

    fn bytes(&self) -> usize {
        self.by_tenant.values().fold(0, |sum, entry| sum.saturating_add(entry.bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{DOCUMENTS_KEPT_BYTES, TENANTS_KEPT};
    use proptest::prelude::*;

    fn slots() -> Slots<usize> {
        Slots::new(|bytes| *bytes)
    }

    fn holds(slots: &Slots<usize>, tenant: &str) -> bool {
        slots.by_tenant.get(tenant).is_some_and(|entry| entry.slot.held().is_some())
    }

    #[test]
    fn a_slot_is_found_again() {
        let mut slots = slots();
        slots.with("a", |slot| slot.store(1, 1, 0));
        slots.with("b", |slot| slot.store(2, 1, 0));
        assert_eq!(slots.with("a", |slot| slot.held().copied()), Some(1));
        assert_eq!(slots.with("b", |slot| slot.held().copied()), Some(2));
        assert_eq!(slots.with("c", |slot| slot.held().copied()), None);
    }

    #[test]
    fn names_of_nobody_push_nobody_out() {
        let mut slots = slots();
        slots.with("real", |slot| slot.store(1, 1, 0));
        for name in 0..10 * TENANTS_KEPT {
            slots.with(&format!("nobody-{name}"), |_| {});
        }
        assert!(holds(&slots, "real"));
        assert_eq!(slots.by_tenant.len(), TENANTS_KEPT);
    }

    #[test]
    fn who_was_asked_for_least_recently_goes_first() {
        let mut slots = slots();
        for name in 0..TENANTS_KEPT {
            slots.with(&format!("t{name}"), |slot| slot.store(1, 1, 0));
        }
        slots.with("t0", |_| {});
        slots.with("new", |slot| slot.store(1, 1, 0));
        assert!(holds(&slots, "t0") && holds(&slots, "new") && !holds(&slots, "t1"));
    }

    #[test]
    fn large_documents_leave_less_room() {
        let mut slots = slots();
        for name in ["a", "b", "c"] {
            slots.with(name, |slot| slot.store(DOCUMENTS_KEPT_BYTES / 2, 1, 0));
        }
        assert!(!holds(&slots, "a") && holds(&slots, "b") && holds(&slots, "c"));
        slots.with("b", |slot| slot.store(2 * DOCUMENTS_KEPT_BYTES, 1, 1));
        assert!(holds(&slots, "b") && !holds(&slots, "c"), "one that is larger is kept alone");
        slots.with("b", |slot| slot.store(1, 1, 2));
        slots.with("c", |slot| slot.store(1, 1, 2));
        assert!(holds(&slots, "b") && holds(&slots, "c"));
    }

    proptest! {
        /// Whatever is asked for: the limits hold, and what was just stored is there.
        #[test]
        fn limits_hold(steps in proptest::collection::vec((0..200_usize, 0..2 * DOCUMENTS_KEPT_BYTES / 3), 0..200)) {
            let mut slots = slots();
            for (tenant, bytes) in steps {
                let tenant = format!("t{tenant}");
                slots.with(&tenant, |slot| if bytes > 0 { slot.store(bytes, 1, 0) });
                prop_assert!(slots.by_tenant.len() <= TENANTS_KEPT);
                prop_assert!(slots.bytes() <= DOCUMENTS_KEPT_BYTES);
                prop_assert!(bytes == 0 || holds(&slots, &tenant));
            }
        }
    }
}
