//! A packed registry: of its flags those are compiled that are asked for.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use burgee_core::packed::Packed;
use burgee_core::{Fault, FaultCode, Snapshot};

use super::Found;
use crate::limits;

/// A packed registry, and what of it is compiled.
#[derive(Debug)]
pub(super) struct Lazy {
    packed: Packed<Box<[u8]>>,
    /// Without flags: it answers for flags that there are none of, and says whose registry it is.
    empty: Snapshot,
    /// Made when something asks for all flags.
    whole: OnceLock<Result<Snapshot, Fault>>,
    kept: Mutex<Kept>,
}

impl Lazy {
    /// Checks the index, and the beginning of the JSON.
    ///
    /// # Errors
    /// Either is not what it must be, or they are not of one snapshot.
    pub(super) fn open(stored: Box<[u8]>) -> Result<Self, Fault> {
        let packed = Packed::open(stored)?;
        let empty = packed.empty().compile()?;
        let of_index = (packed.tenant(), packed.version(), packed.generated_at());
        if of_index != (empty.tenant(), empty.version(), empty.generated_at()) {
            let message = "must have an index and JSON of the same tenant, version and time".into();
            return Err(Fault { code: FaultCode::InvalidValue, pointer: String::new(), message });
        }
        Ok(Self { packed, empty, whole: OnceLock::new(), kept: Mutex::default() })
    }

    pub(super) fn packed(&self) -> &Packed<Box<[u8]>> {
        &self.packed
    }

    /// The snapshot without flags.
    pub(super) fn empty(&self) -> &Snapshot {
        &self.empty
    }

    /// Everything, compiled once.
    ///
    /// # Errors
    /// The JSON is not a snapshot.
    pub(super) fn whole(&self) -> Result<&Snapshot, Fault> {
        self.whole.get_or_init(|| Snapshot::parse(self.packed.json())).as_ref().map_err(Clone::clone)
    }

    /// Everything, if it is compiled.
    pub(super) fn whole_if_compiled(&self) -> Option<&Snapshot> {
        self.whole.get()?.as_ref().ok()
    }

    /// A flag by its key.
    ///
    /// # Errors
    /// The flag's text is not what the index says.
    pub(super) fn find(&self, key: &str) -> Result<Found<'_>, Fault> {
        if let Some(whole) = self.whole_if_compiled() {
            return Ok(Found::in_the_whole(whole, key));
        }
        let Some(place) = self.packed.find(key) else { return Ok(Found::in_the_whole(&self.empty, key)) };
        let kept = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(snapshot) = kept().get(place) {
            return Ok(Found::alone(snapshot, key));
        }
        let closure = self.packed.closure(place);
        let bytes = closure.bytes();
        // A flag that needs most of the others takes about as long alone, and the next one would again.
        if bytes > self.packed.json().len() / 2 {
            return Ok(Found::in_the_whole(self.whole()?, key));
        }
        let snapshot = Arc::new(closure.compile()?);
        kept().put(place, Compiled { snapshot: snapshot.clone(), bytes });
        Ok(Found::alone(snapshot, key))
    }

    /// Bytes that it counts for: what is stored, and the texts of what is compiled.
    pub(super) fn size(&self) -> usize {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).bytes();
        let whole = self.whole_if_compiled().map_or(0, |_| self.packed.json().len());
        self.packed.bytes().len().saturating_add(kept).saturating_add(whole)
    }
}

/// A flag that is compiled with what decides it.
#[derive(Debug)]
struct Compiled {
    snapshot: Arc<Snapshot>,
    /// Of its text.
    bytes: usize,
}

/// The compiled flags by their places: what was asked for last, in two generations of at most half of [`limits::FLAGS_KEPT_BYTES`]. When the recent
/// one is full it becomes the one before, and what that one had is given up.
#[derive(Debug, Default)]
struct Kept {
    recent: HashMap<u32, Compiled>,
    recent_bytes: usize,
    before: HashMap<u32, Compiled>,
    before_bytes: usize,
}

impl Kept {
    fn get(&mut self, place: u32) -> Option<Arc<Snapshot>> {
        if let Some(compiled) = self.recent.get(&place) {
            return Some(compiled.snapshot.clone());
        }
        let compiled = self.before.remove(&place)?;
        self.before_bytes = self.before_bytes.saturating_sub(compiled.bytes);
        let snapshot = compiled.snapshot.clone();
        self.put(place, compiled);
        Some(snapshot)
    }

    fn put(&mut self, place: u32, compiled: Compiled) {
        if self.recent_bytes.saturating_add(compiled.bytes) > limits::FLAGS_KEPT_BYTES / 2 {
            self.before = mem::take(&mut self.recent);
            self.before_bytes = mem::take(&mut self.recent_bytes);
        }
        // One that is larger than a generation may be is used, and not kept.
        if compiled.bytes <= limits::FLAGS_KEPT_BYTES / 2 {
            self.recent_bytes = self.recent_bytes.saturating_add(compiled.bytes);
            self.recent.insert(place, compiled);
        }
    }

    fn bytes(&self) -> usize {
        self.recent_bytes.saturating_add(self.before_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HALF: usize = limits::FLAGS_KEPT_BYTES / 2;

    fn compiled(bytes: usize) -> Compiled {
        Compiled { snapshot: Arc::new(Snapshot::parse(br#"{"flags": []}"#).unwrap()), bytes }
    }

    #[test]
    fn what_is_asked_for_stays_and_what_is_not_goes() {
        let mut kept = Kept::default();
        kept.put(0, compiled(HALF / 2));
        for place in 1..100 {
            kept.put(place, compiled(HALF / 2));
            assert!(kept.get(0).is_some(), "{place}");
        }
        assert!(kept.get(1).is_none() && kept.get(99).is_some());
        kept.put(100, compiled(HALF + 1));
        assert!(kept.get(100).is_none(), "too large to be kept");
    }

    proptest! {
        /// Whatever is asked for: the limit holds, and what was just compiled is there.
        #[test]
        fn the_limit_holds(steps in proptest::collection::vec((0..20_u32, 0..HALF), 0..100)) {
            let mut kept = Kept::default();
            for (place, bytes) in steps {
                if kept.get(place).is_none() {
                    kept.put(place, compiled(bytes));
                }
                prop_assert!(kept.get(place).is_some());
                prop_assert!(kept.bytes() <= limits::FLAGS_KEPT_BYTES);
                let all = kept.recent.values().chain(kept.before.values()).map(|compiled| compiled.bytes).sum::<usize>();
                prop_assert_eq!(all, kept.bytes());
            }
        }
    }
}
