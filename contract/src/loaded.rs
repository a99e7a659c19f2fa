//! A tenant's registry as it is kept: compiled, and as the bytes that were stored.

use std::sync::OnceLock;

use burgee_core::{Fault, Snapshot};
use serde::Serialize;

use crate::etag::fnv1a;
use crate::freshness::Cache;

/// A registry that was read from storage and compiled.
#[derive(Debug)]
pub struct Loaded {
    snapshot: Snapshot,
    document: Box<[u8]>,
    /// Made when it is first asked for, as is what follows: answers that are no entity tags need not wait for it.
    hash: OnceLock<u64>,
    /// A summary reads every flag again.
    pub(crate) summary: OnceLock<Vec<u8>>,
}

/// What came of reading storage again.
#[derive(Debug)]
pub enum Reading {
    /// The bytes are those of the registry that is held.
    Unchanged,
    /// They are others, and are compiled.
    New(Box<Loaded>),
}

impl Loaded {
    /// Compiles a document.
    ///
    /// # Errors
    /// As [`Snapshot::parse`].
    pub fn read(document: Vec<u8>) -> Result<Self, Fault> {
        let snapshot = Snapshot::parse(&document)?;
        Ok(Self { snapshot, document: document.into(), hash: OnceLock::new(), summary: OnceLock::new() })
    }

    /// Takes what storage gave for a tenant: bytes, nothing, or an error. Bytes that are held already are not compiled again.
    ///
    /// # Errors
    /// Storage could not be read, holds nothing, or holds a document that is refused.
    pub fn take(
        tenant: &str,
        stored: Result<Option<Vec<u8>>, String>,
        held: Option<&Self>,
    ) -> Result<Reading, ReadFault> {
        let document = stored.map_err(|error| ReadFault::unreadable(tenant, &error))?;
        let document = document.ok_or_else(|| ReadFault::missing(tenant))?;
        if held.is_some_and(|held| *held.document == *document) {
            return Ok(Reading::Unchanged);
        }
        Self::read(document)
            .map(|loaded| Reading::New(Box::new(loaded)))
            .map_err(|fault| ReadFault::refused(tenant, &fault))
    }

    /// The compiled registry.
    #[must_use]
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The stored bytes: JSON, by having been compiled.
    #[must_use]
    pub fn document(&self) -> &[u8] {
        &self.document
    }

    /// A hash of the stored bytes.
    #[must_use]
    pub fn hash(&self) -> u64 {
        *self.hash.get_or_init(|| fnv1a(&self.document))
    }
}

/// A registry for one answer, and how it was come by.
#[derive(Clone, Copy, Debug)]
pub struct Served<'a> {
    /// The registry.
    pub loaded: &'a Loaded,
    /// Where it came from.
    pub cache: Cache,
    /// When storage was last known to hold it, ms since the epoch.
    pub confirmed_at: i64,
    /// Why it could not be read since.
    pub fault: Option<&'a ReadFault>,
}

/// Why there is no newer registry, or none at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReadFault {
    /// The kind.
    pub code: ReadFaultCode,
    /// For people.
    pub message: String,
}

/// The kinds of [`ReadFault`]. The codes are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadFaultCode {
    /// Storage holds none.
    SnapshotMissing,
    /// Storage holds a document that cannot be used.
    SnapshotRefused,
    /// Storage did not answer.
    StorageUnreadable,
}

impl ReadFault {
    /// Storage holds none for the tenant.
    #[must_use]
    pub fn missing(tenant: &str) -> Self {
        let message = format!("there is no snapshot of tenant {tenant}");
        Self { code: ReadFaultCode::SnapshotMissing, message }
    }

    fn refused(tenant: &str, fault: &Fault) -> Self {
        let message = format!("the snapshot of tenant {tenant} is refused: {fault}");
        Self { code: ReadFaultCode::SnapshotRefused, message }
    }

    fn unreadable(tenant: &str, error: &str) -> Self {
        let message = format!("the snapshot of tenant {tenant} cannot be read: {error}");
        Self { code: ReadFaultCode::StorageUnreadable, message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &[u8] = br#"{"version": 7, "flags": []}"#;

    fn take(stored: Result<Option<&[u8]>, &str>, held: Option<&Loaded>) -> Result<Reading, ReadFault> {
        Loaded::take("acme", stored.map(|bytes| bytes.map(<[u8]>::to_vec)).map_err(str::to_owned), held)
    }

    #[test]
    fn unchanged_bytes_are_not_compiled_again() {
        let Ok(Reading::New(first)) = take(Ok(Some(DOCUMENT)), None) else { panic!("compiles") };
        assert_eq!(first.snapshot().version(), 7);
        assert_eq!(first.document(), DOCUMENT);
        assert!(matches!(take(Ok(Some(DOCUMENT)), Some(&first)), Ok(Reading::Unchanged)));
        let other = br#"{"version": 8, "flags": []}"#;
        assert!(matches!(take(Ok(Some(other)), Some(&first)), Ok(Reading::New(_))));
    }

    #[test]
    fn what_is_wrong_is_told_apart() {
        for (stored, code, text) in [
            (Ok(None), ReadFaultCode::SnapshotMissing, "no snapshot of tenant acme"),
            (Ok(Some(&b"{"[..])), ReadFaultCode::SnapshotRefused, "must be JSON"),
            (Ok(Some(&b"{}"[..])), ReadFaultCode::SnapshotRefused, "/flags: is missing"),
            (Err("down"), ReadFaultCode::StorageUnreadable, "cannot be read: down"),
        ] {
            let fault = take(stored, None).unwrap_err();
            assert_eq!(fault.code, code);
            assert!(fault.message.contains(text), "{}", fault.message);
        }
    }
}
