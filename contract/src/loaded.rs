//! A tenant's registry as it is kept: compiled, and as the bytes that were stored.

mod lazy;

use std::sync::{Arc, OnceLock};

use burgee_core::packed::is_packed;
use burgee_core::{Fault, FlagIndex, Overrides, Request as Evaluation, Snapshot, redact};
use serde::Serialize;

use self::lazy::Lazy;
use crate::backing::BackingState;
use crate::envelope::{ErrorCode, Problem};
use crate::etag::fnv1a;
use crate::freshness::Cache;
use crate::sensitive::Gate;
use crate::v1::signature::is_of_present_form;

/// A registry that was read from storage: JSON, which is compiled at once, or the packed form, of which a flag is compiled when it is first asked for.
#[derive(Debug)]
pub struct Loaded {
    form: Form,
    /// Made when it is first asked for, as is what follows: answers that are no entity tags need not wait for it.
    hash: OnceLock<u64>,
    /// A summary reads every flag again.
    pub(crate) summary: OnceLock<Vec<u8>>,
    redacted: OnceLock<Option<Vec<u8>>>,
}

#[derive(Debug)]
enum Form {
    Whole { snapshot: Snapshot, document: Box<[u8]> },
    Packed(Box<Lazy>),
}

/// What came of reading storage again.
#[derive(Debug)]
pub enum Reading {
    /// The bytes are those of the registry that is held.
    Unchanged,
    /// They are others, and can be used.
    New(Box<Loaded>),
}

/// A flag that was looked for, and the snapshot that decides it.
#[derive(Debug)]
pub struct Found<'a> {
    snapshot: Holder<'a>,
    /// Its place in that snapshot; none where there is no such flag.
    pub index: Option<FlagIndex>,
}

#[derive(Debug)]
enum Holder<'a> {
    Whole(&'a Snapshot),
    Alone(Arc<Snapshot>),
}

impl<'a> Found<'a> {
    #[inline]
    fn in_the_whole(snapshot: &'a Snapshot, key: &str) -> Self {
        Self { index: snapshot.find(key), snapshot: Holder::Whole(snapshot) }
    }

    fn alone(snapshot: Arc<Snapshot>, key: &str) -> Self {
        Self { index: snapshot.find(key), snapshot: Holder::Alone(snapshot) }
    }

    /// The snapshot. It may have no flags but this one and what decides it.
    #[inline]
    #[must_use]
    pub fn snapshot(&self) -> &Snapshot {
        match &self.snapshot {
            Holder::Whole(snapshot) => snapshot,
            Holder::Alone(snapshot) => snapshot,
        }
    }
}

impl Loaded {
    /// Reads a document in either form.
    ///
    /// # Errors
    /// JSON: as [`Snapshot::parse`]. The packed form: an index that is broken, or that is not the JSON's; what is wrong further on in the JSON shows
    /// when it is asked for.
    pub fn read(stored: Vec<u8>) -> Result<Self, Fault> {
        let form = if is_packed(&stored) {
            Form::Packed(Box::new(Lazy::open(stored.into())?))
        } else {
            Form::Whole { snapshot: Snapshot::parse(&stored)?, document: stored.into() }
        };
        Ok(Self { form, hash: OnceLock::new(), summary: OnceLock::new(), redacted: OnceLock::new() })
    }

    /// Takes what storage gave for a tenant: bytes, nothing, or an error. Bytes that are held already are not read again.
    ///
    /// # Errors
    /// Storage could not be read, holds nothing, or holds a document that is refused, or that is older than what is held of the same tenant.
    pub fn take(
        tenant: &str,
        stored: Result<Option<Vec<u8>>, String>,
        held: Option<&Self>,
    ) -> Result<Reading, ReadFault> {
        let stored = stored.map_err(|error| ReadFault::unreadable(tenant, &error))?;
        let stored = stored.ok_or_else(|| ReadFault::missing(tenant))?;
        if held.is_some_and(|held| *held.stored() == *stored) {
            return Ok(Reading::Unchanged);
        }
        let loaded = Self::read(stored).map_err(|fault| ReadFault::refused(tenant, &fault))?;
        match held {
            // Storage has copies, and one that is behind must not bring back what was removed.
            Some(held) if held.tenant() == loaded.tenant() && held.version() > loaded.version() => {
                Err(ReadFault::older(tenant, loaded.version(), held.version()))
            }
            _ => Ok(Reading::New(Box::new(loaded))),
        }
    }

    /// A flag by its key, ready to be evaluated; one that there is none of is evaluated too.
    ///
    /// # Errors
    /// The packed form is broken where the flag stands.
    #[inline]
    pub fn find(&self, key: &str) -> Result<Found<'_>, ReadFault> {
        match &self.form {
            Form::Whole { snapshot, .. } => Ok(Found::in_the_whole(snapshot, key)),
            Form::Packed(lazy) => lazy.find(key).map_err(|fault| self.refused(&fault)),
        }
    }

    /// The compiled registry. Of the packed form it is compiled the first time, which takes its time: those who need one flag ask for
    /// that by [`Loaded::find`].
    ///
    /// # Errors
    /// The packed form holds JSON that is refused.
    pub fn snapshot(&self) -> Result<&Snapshot, ReadFault> {
        match &self.form {
            Form::Whole { snapshot, .. } => Ok(snapshot),
            Form::Packed(lazy) => lazy.whole().map_err(|fault| self.refused(&fault)),
        }
    }

    /// As [`Loaded::snapshot`], if it is compiled already.
    #[must_use]
    pub fn snapshot_if_compiled(&self) -> Option<&Snapshot> {
        match &self.form {
            Form::Whole { snapshot, .. } => Some(snapshot),
            Form::Packed(lazy) => lazy.whole_if_compiled(),
        }
    }

    /// Whose registry it is.
    #[must_use]
    pub fn tenant(&self) -> &str {
        self.frame().tenant()
    }

    /// The registry's version.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.frame().version()
    }

    /// The detached JWS over [`Loaded::document`], where it was stored with one.
    #[must_use]
    pub fn signature(&self) -> Option<&str> {
        match &self.form {
            Form::Whole { .. } => None,
            Form::Packed(lazy) => lazy.packed().signature(),
        }
    }

    /// The detached JWS over the form of [`Loaded::document`] that leaves the service, where that is another and was stored with one. One
    /// that was made over another form than [`Loaded::redacted`] gives is none: its object signs anew.
    #[must_use]
    pub fn public_signature(&self) -> Option<&str> {
        let Form::Packed(lazy) = &self.form else { return None };
        let packed = lazy.packed();
        packed.public_signature().filter(|_| packed.signed_with().is_some_and(is_of_present_form))
    }

    /// The JSON, byte for byte as it was written. That of the packed form is JSON by its writer's word, until [`Loaded::snapshot`] has read it.
    #[must_use]
    pub fn document(&self) -> &[u8] {
        match &self.form {
            Form::Whole { document, .. } => document,
            Form::Packed(lazy) => lazy.packed().json(),
        }
    }

    /// A hash of the JSON.
    #[must_use]
    pub fn hash(&self) -> u64 {
        *self.hash.get_or_init(|| fnv1a(self.document()))
    }

    /// What of [`Loaded::document`] may leave the service, whoever asks; none where all of it may, because no flag is sensitive. It is made when it
    /// is first asked for.
    ///
    /// # Errors
    /// The packed form holds JSON that is refused.
    pub fn redacted(&self) -> Result<Option<&[u8]>, ReadFault> {
        let made = match self.redacted.get() {
            Some(made) => made,
            None => {
                let redacted = redact(self.document()).map_err(|fault| self.refused(&fault))?;
                self.redacted.get_or_init(|| redacted)
            }
        };
        Ok(made.as_deref())
    }

    /// Bytes that it counts for among what is kept.
    #[must_use]
    pub fn size(&self) -> usize {
        let stored = match &self.form {
            Form::Whole { document, .. } => document.len(),
            Form::Packed(lazy) => lazy.size(),
        };
        stored.saturating_add(self.redacted.get().and_then(Option::as_ref).map_or(0, Vec::len))
    }

    /// The bytes that were stored.
    fn stored(&self) -> &[u8] {
        match &self.form {
            Form::Whole { document, .. } => document,
            Form::Packed(lazy) => lazy.packed().bytes(),
        }
    }

    /// A snapshot that has the registry's tenant and version, if not its flags.
    fn frame(&self) -> &Snapshot {
        match &self.form {
            Form::Whole { snapshot, .. } => snapshot,
            Form::Packed(lazy) => lazy.empty(),
        }
    }

    fn refused(&self, fault: &Fault) -> ReadFault {
        ReadFault::refused(self.tenant(), fault)
    }
}

/// A registry for one answer, and how it was come by.
#[derive(Clone, Copy, Debug)]
pub struct Served<'a> {
    /// The registry.
    pub loaded: &'a Loaded,
    /// Where it is stored.
    pub backing: BackingState,
    /// Where it came from.
    pub cache: Cache,
    /// When storage was last known to hold it, ms since the epoch.
    pub confirmed_at: i64,
    /// Why it could not be read since.
    pub fault: Option<&'a ReadFault>,
    /// What the caller may be told of sensitive flags: [`crate::sensitive::CLOSED`] where nobody has verified who asks.
    pub gate: &'a Gate,
}

impl<'a> Served<'a> {
    /// An evaluation at a time (ms since the epoch), with the request's own overrides. Every surface evaluates with what this gives: so
    /// none is without the gate.
    pub(crate) fn evaluation<'r>(&self, now: i64, overrides: Option<&'r dyn Overrides>) -> Evaluation<'r>
    where
        'a: 'r,
    {
        Evaluation { now, overrides, permits: Some(self.gate) }
    }
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
    /// Storage holds an older one than there is.
    SnapshotBehind,
    /// Storage did not answer.
    StorageUnreadable,
    /// Storage holds an older version than is held: a copy that is behind.
    SnapshotOlder,
}

impl ReadFault {
    /// Storage holds none for the tenant.
    #[must_use]
    pub fn missing(tenant: &str) -> Self {
        let message = format!("there is no snapshot of tenant {tenant}");
        Self { code: ReadFaultCode::SnapshotMissing, message }
    }

    /// Storage holds an older one than there is, and who has the newer did not answer; why, in words.
    #[must_use]
    pub fn behind(tenant: &str, error: &str) -> Self {
        let message = format!("the snapshot of tenant {tenant} that can be read is not the newest: {error}");
        Self { code: ReadFaultCode::SnapshotBehind, message }
    }

    fn refused(tenant: &str, fault: &Fault) -> Self {
        let message = format!("the snapshot of tenant {tenant} is refused: {fault}");
        Self { code: ReadFaultCode::SnapshotRefused, message }
    }

    fn older(tenant: &str, stored: u64, held: u64) -> Self {
        let message = format!(
            "the snapshot of tenant {tenant} is of version {stored} in storage, which is older than version {held}, which is held"
        );
        Self { code: ReadFaultCode::SnapshotOlder, message }
    }

    fn unreadable(tenant: &str, error: &str) -> Self {
        let message = format!("the snapshot of tenant {tenant} cannot be read: {error}");
        Self { code: ReadFaultCode::StorageUnreadable, message }
    }
}

impl From<&ReadFault> for Problem {
    fn from(fault: &ReadFault) -> Self {
        Self::new(ErrorCode::RegistryUnavailable, fault.message.clone())
            .hint("publish a snapshot, and ask again; GET /readyz says when there is one")
    }
}

impl From<ReadFault> for Problem {
    fn from(fault: ReadFault) -> Self {
        Self::from(&fault)
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
        assert_eq!((first.version(), first.size()), (7, DOCUMENT.len()));
        assert_eq!(first.document(), DOCUMENT);
        assert!(matches!(take(Ok(Some(DOCUMENT)), Some(&first)), Ok(Reading::Unchanged)));
        let other = br#"{"version": 8, "flags": []}"#;
        assert!(matches!(take(Ok(Some(other)), Some(&first)), Ok(Reading::New(_))));
        // Of the same version anything may come, and of another tenant: this is about copies that are behind.
        for newer in [&br#"{"version": 7, "flags": [ ]}"#[..], br#"{"tenant": "other", "version": 6, "flags": []}"#] {
            assert!(matches!(take(Ok(Some(newer)), Some(&first)), Ok(Reading::New(_))));
        }
        let fault = take(Ok(Some(br#"{"version": 6, "flags": []}"#)), Some(&first)).unwrap_err();
        assert_eq!(fault.code, ReadFaultCode::SnapshotOlder);
        assert!(fault.message.contains("of version 6 in storage, which is older than version 7"), "{}", fault.message);
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

    const FLAGS: &[u8] = br#"{"flags": [
        {"key": "a", "prerequisites": [{"flag": "b", "variants": ["on"]}], "default_variant": "on"},
        {"key": "b", "default_variant": "on"}, {"key": "c", "state": "off"}, {"key": "d"}, {"key": "e"}, {"key": "f"}, {"key": "g"}
    ]}"#;

    fn packed(version: u64) -> Vec<u8> {
        let documents = burgee_core::Documents::read(FLAGS).unwrap();
        burgee_core::packed::Rows::of(&documents).parts("acme", version, None).pack().unwrap()
    }

    fn on(loaded: &Loaded, key: &str) -> Option<bool> {
        let found = loaded.find(key).unwrap();
        let (context, request) = (burgee_core::NamedContext::new(), burgee_core::Request::at(0));
        let decision = found.snapshot().evaluate(found.index, &context, &request, &mut ());
        decision.flag.map(|_| decision.enabled)
    }

    #[test]
    fn a_packed_flag_is_compiled_when_it_is_asked_for() {
        let Ok(Reading::New(loaded)) = take(Ok(Some(&packed(7))), None) else { panic!("opens") };
        assert_eq!((loaded.tenant(), loaded.version(), loaded.signature()), ("acme", 7, None));
        assert!(loaded.document().starts_with(br#"{"schema":"burgee.snapshot/1","tenant":"acme","version":7,"#));
        let before = loaded.size();
        assert_eq!((on(&loaded, "no.such"), loaded.size()), (None, before));
        assert_eq!((on(&loaded, "c"), on(&loaded, "b")), (Some(false), Some(true)));
        assert!(loaded.size() > before && loaded.snapshot_if_compiled().is_none());
        let after = loaded.size();
        assert_eq!((on(&loaded, "c"), loaded.size()), (Some(false), after), "kept");
        assert_eq!(loaded.snapshot().unwrap().flags().len(), 7);
        assert_eq!((on(&loaded, "a"), on(&loaded, "no.such")), (Some(true), None), "in the whole");
        assert_eq!(loaded.size(), after + loaded.document().len());
        assert!(matches!(take(Ok(Some(&packed(7))), Some(&loaded)), Ok(Reading::Unchanged)));
        assert!(matches!(take(Ok(Some(&packed(8))), Some(&loaded)), Ok(Reading::New(_))));
    }

    #[test]
    fn a_flag_that_needs_most_of_the_others_is_compiled_with_all() {
        let document =
            br#"{"flags": [{"key": "a", "prerequisites": [{"flag": "b", "variants": ["on"]}]}, {"key": "b"}]}"#;
        let documents = burgee_core::Documents::read(document).unwrap();
        let packed = burgee_core::packed::Rows::of(&documents).parts("acme", 1, None).pack().unwrap();
        let loaded = Loaded::read(packed).unwrap();
        assert_eq!(on(&loaded, "a"), Some(true));
        assert_eq!(loaded.snapshot_if_compiled().unwrap().flags().len(), 2);
    }

    #[test]
    fn a_signature_belongs_to_what_is_stored() {
        let signed = |with: &str| {
            let signatures = burgee_core::packed::Signatures { document: "h..s", public: "h..p", signed_with: with };
            Loaded::read(burgee_core::packed::sign(&packed(7), &signatures).unwrap()).unwrap()
        };
        let now = burgee_core::REDACTION;
        let loaded = signed(&format!("k/{now}"));
        assert_eq!((loaded.signature(), loaded.public_signature()), (Some("h..s"), Some("h..p")));
        // The whole is the same bytes whichever program reads it; what leaves of it is not.
        for other in
            [format!("k/{}", now - 1), format!("k/{}", now + 1), "k".to_owned(), "k/".to_owned(), String::new()]
        {
            let loaded = signed(&other);
            assert_eq!((loaded.signature(), loaded.public_signature()), (Some("h..s"), None), "{other}");
        }
        let unsigned = Loaded::read(packed(7)).unwrap();
        assert_eq!((loaded.document(), loaded.hash()), (unsigned.document(), unsigned.hash()));
        assert!(matches!(take(Ok(Some(&packed(7))), Some(&loaded)), Ok(Reading::New(_))));
    }

    #[test]
    fn what_is_broken_is_refused_at_once_or_where_it_is_asked_for() {
        let good = packed(7);
        let text = |bytes: &[u8]| take(Ok(Some(bytes)), None).unwrap_err();
        let mut other = good.clone();
        other[8] = 8;
        for (bytes, expected) in
            [(&good[..good.len() - 1], "as long as its head says"), (&other, "same tenant, version")]
        {
            let fault = text(bytes);
            assert_eq!(fault.code, ReadFaultCode::SnapshotRefused);
            assert!(fault.message.contains(expected), "{}", fault.message);
        }
        let mut broken = good.clone();
        let at = good.windows(9).position(|window| window == br#"{"key":"c"#).unwrap();
        broken[at + 10] = b'x';
        let loaded = Loaded::read(broken).unwrap();
        assert_eq!(on(&loaded, "d"), Some(true));
        for fault in [loaded.find("c").err(), loaded.snapshot().err()] {
            let fault = fault.unwrap();
            assert_eq!(fault.code, ReadFaultCode::SnapshotRefused);
            assert!(fault.message.contains("must be JSON"), "{}", fault.message);
        }
    }
}
