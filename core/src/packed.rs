//! The packed form of a snapshot: an index, and after it the snapshot's JSON, byte for byte.
//!
//! Whoever holds it need not compile ten thousand flags to decide one. [`Packed::open`] looks at the index alone; [`Packed::closure`]
//! finds the text of one flag and of all that decides it, which [`Closure::compile`] compiles as [`Snapshot::parse`] would: the decision is
//! the one that the whole would give. [`Parts::pack`] writes the form from the canonical texts of the entries, without reading them.
//!
//! Numbers are little-endian. At the beginning stand [`MAGIC`] and a fixed head, then:
//!
//! | part | |
//! |---|---|
//! | tenant, signature, signature of the public form, what signed | UTF-8 |
//! | flags | start and length in the JSON, where its references end; in the JSON's order |
//! | flags by hash | hash of the key and place, by rising hash |
//! | segments, overrides, kill switches | start and length in the JSON |
//! | engaged | places of the kill switches that are engaged |
//! | references | of each flag its prerequisites, segments and overrides: the kind in the two highest bits, and the place |
//! | JSON | to the end |
//!
//! A flag's key is not in the index: the flag's own text begins with it, so that no index can pass one flag off as another.

mod closure;
mod pack;
mod rows;

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use core::ops::Range;

use crate::fault::{Fault, FaultCode};
use crate::limits;
#[cfg(doc)]
use crate::snapshot::Snapshot;

pub use closure::Closure;
pub use pack::{FlagPart, KillSwitchPart, OverridePart, Parts, SegmentPart, Signatures, sign};
pub use rows::Rows;

/// What the packed form begins with; the last byte counts changes of the form. No JSON text begins so.
pub const MAGIC: [u8; 8] = *b"\xB5burgee\x02";

/// Bytes of the fixed head, the magic included.
const HEAD: usize = 76;

/// What a canonical flag begins with, before its key.
const KEY_BEFORE: &[u8] = br#"{"key":""#;

/// What comes after the last of the JSON's flags, and of the other lists.
const LISTS: [&[u8]; 4] = [br#"],"segments":["#, br#"],"overrides":["#, br#"],"kill_switches":["#, b"]}"];

/// `generated_at` of a snapshot that does not say.
const NEVER: i64 = i64::MIN;

/// Bits of a reference that are its place.
const PLACE_BITS: u32 = 30;

/// What a reference leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Flag,
    Segment,
    Override,
}

/// Whether bytes claim to be of the packed form, in whichever version.
#[must_use]
pub fn is_packed(bytes: &[u8]) -> bool {
    MAGIC.split_last().is_some_and(|(_, name)| bytes.starts_with(name))
}

/// A snapshot in the packed form whose index has been checked. Its JSON has not been looked at.
#[derive(Clone, Debug)]
pub struct Packed<B> {
    bytes: B,
    layout: Layout,
}

/// Where the parts are. Ranges are of all bytes, and lie within them.
#[derive(Clone, Debug)]
struct Layout {
    version: u64,
    generated_at: i64,
    tenant: Range<usize>,
    signature: Range<usize>,
    public_signature: Range<usize>,
    signed_with: Range<usize>,
    flags: Range<usize>,
    by_hash: Range<usize>,
    segments: Range<usize>,
    overrides: Range<usize>,
    switches: Range<usize>,
    engaged: Range<usize>,
    references: Range<usize>,
    json: Range<usize>,
    /// Bytes of the JSON before its first flag.
    frame: usize,
}

/// Part of the JSON.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    len: u32,
}

/// Numbers of 32 bits in an entry of a table: of a flag, a flag by hash, a span, or a number alone.
const FLAG: usize = 3;
const HASHED: usize = 2;
const SPAN: usize = 2;
const NUMBER: usize = 1;

impl<B: AsRef<[u8]>> Packed<B> {
    /// Checks the index: that every part is there, and that every place and reference lies within what it is a place in.
    ///
    /// It takes time in the size of the index, whatever the JSON's. Any bytes may be given.
    ///
    /// # Errors
    /// What is wrong, and with which part.
    pub fn open(bytes: B) -> Result<Self, Fault> {
        let layout = Layout::read(bytes.as_ref())?;
        let packed = Self { bytes, layout };
        packed.check()?;
        Ok(packed)
    }

    /// All bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes.as_ref()
    }

    /// The snapshot's JSON.
    #[must_use]
    pub fn json(&self) -> &[u8] {
        self.part(&self.layout.json)
    }

    /// Whose flags these are, as the index has it.
    #[must_use]
    pub fn tenant(&self) -> &str {
        self.text(&self.layout.tenant)
    }

    /// The version of the whole, as the index has it.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.layout.version
    }

    /// When it was made, ms since the epoch, as the index has it.
    #[must_use]
    pub fn generated_at(&self) -> Option<i64> {
        Some(self.layout.generated_at).filter(|at| *at != NEVER)
    }

    /// The detached JWS over the JSON, if it is signed. It has not been verified.
    #[must_use]
    pub fn signature(&self) -> Option<&str> {
        Some(self.text(&self.layout.signature)).filter(|text| !text.is_empty())
    }

    /// The detached JWS over the form of the JSON that leaves the service, where that is another (values of sensitive flags are not in it) and is signed. It
    /// has not been verified.
    #[must_use]
    pub fn public_signature(&self) -> Option<&str> {
        Some(self.text(&self.layout.public_signature)).filter(|text| !text.is_empty())
    }

    /// What both were signed with, in the signer's words: its key, and the form that the second is over.
    #[must_use]
    pub fn signed_with(&self) -> Option<&str> {
        Some(self.text(&self.layout.signed_with)).filter(|text| !text.is_empty())
    }

    /// How many flags it has.
    #[must_use]
    pub fn flag_count(&self) -> usize {
        count(&self.layout.flags, FLAG)
    }

    /// The keys of the flags, in the JSON's order; none for a flag whose text does not begin with one.
    pub fn keys(&self) -> impl Iterator<Item = Option<&str>> {
        entries::<FLAG>(self.part(&self.layout.flags)).map(|[start, len, _]| {
            let text = self.span_text(Span { start, len }).strip_prefix(KEY_BEFORE)?;
            let key = text.get(..text.iter().position(|byte| *byte == b'"')?)?;
            core::str::from_utf8(key).ok()
        })
    }

    /// The place of the flag with this key.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<u32> {
        let hash = hash(key.as_bytes());
        let table = self.part(&self.layout.by_hash);
        let (mut low, mut high) = (0, self.flag_count());
        while low < high {
            let middle = low.midpoint(high);
            match entry::<HASHED>(table, middle) {
                Some([at, _]) if at < hash => low = middle.saturating_add(1),
                _ => high = middle,
            }
        }
        // Keys may share a hash, so that each of them is held against the text.
        (low..self.flag_count())
            .map_while(|index| entry::<HASHED>(table, index))
            .take_while(|[at, _]| *at == hash)
            .map(|[_, place]| place)
            .find(|place| self.has_key(*place, key))
    }

    fn has_key(&self, place: u32, key: &str) -> bool {
        let text = self.flag_span(place).and_then(|span| self.span_text(span).strip_prefix(KEY_BEFORE));
        text.and_then(|text| text.strip_prefix(key.as_bytes())).is_some_and(|rest| rest.first() == Some(&b'"'))
    }

    fn part(&self, range: &Range<usize>) -> &[u8] {
        self.bytes.as_ref().get(range.clone()).unwrap_or_default()
    }

    fn text(&self, range: &Range<usize>) -> &str {
        // It was UTF-8 when it was opened.
        core::str::from_utf8(self.part(range)).unwrap_or_default()
    }

    fn flag_span(&self, place: u32) -> Option<Span> {
        let [start, len, _] = entry::<FLAG>(self.part(&self.layout.flags), usize::try_from(place).ok()?)?;
        Some(Span { start, len })
    }

    fn span(&self, table: &Range<usize>, place: u32) -> Option<Span> {
        let [start, len] = entry::<SPAN>(self.part(table), usize::try_from(place).ok()?)?;
        Some(Span { start, len })
    }

    fn span_text(&self, span: Span) -> &[u8] {
        span.range().and_then(|range| self.json().get(range)).unwrap_or_default()
    }

    /// What a flag refers to.
    fn references(&self, place: u32) -> impl Iterator<Item = (Kind, u32)> {
        let flags = self.part(&self.layout.flags);
        let end = |place: usize| entry::<FLAG>(flags, place).and_then(|[.., end]| usize::try_from(end).ok());
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        let start = place.checked_sub(1).and_then(end).unwrap_or(0);
        let references = self.part(&self.layout.references);
        (start..end(place).unwrap_or(start)).filter_map(|at| Kind::split(entry::<NUMBER>(references, at)?[0]))
    }

    /// Runs through each table once, from its beginning to its end: in a new isolate this is the load, in code that has not been optimised yet.
    fn check(&self) -> Result<(), Fault> {
        let layout = &self.layout;
        for (part, name) in [
            (&layout.tenant, "tenant"),
            (&layout.signature, "signature"),
            (&layout.public_signature, "public signature"),
            (&layout.signed_with, "what signed"),
        ] {
            if core::str::from_utf8(self.part(part)).is_err() {
                return Err(fault(format!("the {name} must be UTF-8")));
            }
        }
        // Entries stand in the JSON in the order of their tables, and nothing overlaps. Sums of 32 bits fit into 64.
        let json_end = layout.json.len() as u64;
        let mut json_at = layout.frame as u64;
        let mut is_next = |start: u32, len: u32| {
            let end = u64::from(start).saturating_add(u64::from(len));
            let is_next = u64::from(start) >= json_at && end <= json_end;
            json_at = end;
            is_next
        };
        let not_next =
            |list: &str, place: usize| fault(format!("/{list}/{place} must lie in the JSON, after what is before it"));
        let count_of = |table: &Range<usize>, size: usize| u32::try_from(count(table, size)).unwrap_or(u32::MAX);
        let references_end = count_of(&layout.references, NUMBER);
        let mut references_at = 0;
        for (place, [start, len, end]) in entries::<FLAG>(self.part(&layout.flags)).enumerate() {
            if !is_next(start, len) {
                return Err(not_next("flags", place));
            }
            if end < references_at || end > references_end {
                return Err(fault(format!("the references of /flags/{place} must be in their table, in order")));
            }
            references_at = end;
        }
        let lists =
            [(&layout.segments, "segments"), (&layout.overrides, "overrides"), (&layout.switches, "kill_switches")];
        for (table, list) in lists {
            for (place, [start, len]) in entries::<SPAN>(self.part(table)).enumerate() {
                if !is_next(start, len) {
                    return Err(not_next(list, place));
                }
            }
        }
        let flags = count_of(&layout.flags, FLAG);
        let mut hash_at = 0;
        for (index, [hash, place]) in entries::<HASHED>(self.part(&layout.by_hash)).enumerate() {
            if hash < hash_at || place >= flags {
                return Err(fault(format!("entry {index} of the flags by hash must be a flag's place, in order")));
            }
            hash_at = hash;
        }
        let switches = count_of(&layout.switches, SPAN);
        if let Some(index) = entries::<NUMBER>(self.part(&layout.engaged)).position(|[place]| place >= switches) {
            return Err(fault(format!("entry {index} of the engaged must be a kill switch's place")));
        }
        let (segments, overrides) = (count_of(&layout.segments, SPAN), count_of(&layout.overrides, SPAN));
        let leads_nowhere = |[reference]: [u32; NUMBER]| match Kind::split(reference) {
            Some((Kind::Flag, place)) => place >= flags,
            Some((Kind::Segment, place)) => place >= segments,
            Some((Kind::Override, place)) => place >= overrides,
            None => true,
        };
        if let Some(index) = entries::<NUMBER>(self.part(&layout.references)).position(leads_nowhere) {
            return Err(fault(format!("reference {index} must lead to an entry")));
        }
        Ok(())
    }
}

impl Layout {
    fn read(bytes: &[u8]) -> Result<Self, Fault> {
        if !is_packed(bytes) {
            return Err(fault("must begin as a packed snapshot does"));
        }
        if !bytes.starts_with(&MAGIC) {
            return Err(fault("is packed in a form that this version does not read"));
        }
        if bytes.len() > limits::SNAPSHOT_BYTES {
            let message = format!("must have at most {} bytes (SNAPSHOT_BYTES)", limits::SNAPSHOT_BYTES);
            return Err(Fault { code: FaultCode::LimitExceeded, pointer: String::new(), message: message.into() });
        }
        let mut head = bytes.get(MAGIC.len()..HEAD).ok_or_else(|| fault("the head must be whole"))?.iter().copied();
        // The head is as long as these numbers are together, so that none of them is missing.
        let mut eight = || core::array::from_fn::<u8, 8, _>(|_| head.next().unwrap_or_default());
        let version = u64::from_le_bytes(eight());
        let generated_at = i64::from_le_bytes(eight());
        let mut four = || core::array::from_fn::<u8, 4, _>(|_| head.next().unwrap_or_default());
        let mut number = || usize::try_from(u32::from_le_bytes(four())).unwrap_or(usize::MAX);
        let frame = number();
        let mut end = Some(HEAD);
        let mut part = |size: usize| {
            let start = end.unwrap_or(usize::MAX);
            end = number().checked_mul(size).and_then(|len| start.checked_add(len));
            start..end.unwrap_or(usize::MAX)
        };
        let (tenant, signature, public_signature, signed_with) = (part(1), part(1), part(1), part(1));
        let flags = part(4 * FLAG);
        let by_hash = part(4 * HASHED);
        let (segments, overrides, switches) = (part(4 * SPAN), part(4 * SPAN), part(4 * SPAN));
        let (engaged, references) = (part(4 * NUMBER), part(4 * NUMBER));
        let json = part(1);
        if json.end != bytes.len() {
            return Err(fault("must be as long as its head says"));
        }
        if count(&by_hash, HASHED) != count(&flags, FLAG) {
            return Err(fault("must have as many flags by hash as flags"));
        }
        if frame > json.len() {
            return Err(fault("the frame must lie in the JSON"));
        }
        for (entries, limit, name) in [
            (count(&flags, FLAG), limits::FLAGS, "FLAGS"),
            (count(&segments, SPAN), limits::SEGMENTS, "SEGMENTS"),
            (count(&overrides, SPAN), limits::OVERRIDES, "OVERRIDES"),
            (count(&switches, SPAN), limits::LIST_ITEMS, "LIST_ITEMS"),
            (count(&engaged, NUMBER), limits::LIST_ITEMS, "LIST_ITEMS"),
        ] {
            if entries > limit {
                let message = format!("must have at most {limit} entries in each table ({name})");
                return Err(Fault { code: FaultCode::LimitExceeded, pointer: String::new(), message: message.into() });
            }
        }
        Ok(Self {
            version,
            generated_at,
            tenant,
            signature,
            public_signature,
            signed_with,
            flags,
            by_hash,
            segments,
            overrides,
            switches,
            engaged,
            references,
            json,
            frame,
        })
    }
}

impl Span {
    fn range(self) -> Option<Range<usize>> {
        let start = usize::try_from(self.start).ok()?;
        Some(start..start.checked_add(usize::try_from(self.len).ok()?)?)
    }
}

impl Kind {
    /// A reference to a place; none for a place that is too large to be one.
    fn reference(self, place: u32) -> Option<u32> {
        let kind: u32 = match self {
            Self::Flag => 0,
            Self::Segment => 1,
            Self::Override => 2,
        };
        (place >> PLACE_BITS == 0).then_some(kind << PLACE_BITS | place)
    }

    fn split(reference: u32) -> Option<(Self, u32)> {
        let kind = match reference >> PLACE_BITS {
            0 => Self::Flag,
            1 => Self::Segment,
            2 => Self::Override,
            _ => return None,
        };
        Some((kind, reference & !(u32::MAX << PLACE_BITS)))
    }
}

/// FNV-1a with 32 bits. The tenant chooses the keys, and would only slow its own look-ups down.
fn hash(key: &[u8]) -> u32 {
    key.iter().fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

/// How many entries of so many numbers a table has.
fn count(table: &Range<usize>, numbers: usize) -> usize {
    table.len().checked_div(numbers.saturating_mul(4)).unwrap_or(0)
}

/// An entry of a table.
fn entry<const NUMBERS: usize>(table: &[u8], index: usize) -> Option<[u32; NUMBERS]> {
    let size = NUMBERS.saturating_mul(4);
    let start = index.checked_mul(size)?;
    Some(numbers(table.get(start..start.checked_add(size)?)?))
}

/// All entries of a table.
fn entries<const NUMBERS: usize>(table: &[u8]) -> impl Iterator<Item = [u32; NUMBERS]> {
    table.chunks_exact(NUMBERS.saturating_mul(4)).map(numbers)
}

/// The numbers of an entry, which has as many.
fn numbers<const NUMBERS: usize>(entry: &[u8]) -> [u32; NUMBERS] {
    let (numbers, _) = entry.as_chunks();
    core::array::from_fn(|index| numbers.get(index).map_or(0, |bytes| u32::from_le_bytes(*bytes)))
}

fn fault(message: impl Into<Cow<'static, str>>) -> Fault {
    Fault { code: FaultCode::InvalidValue, pointer: String::new(), message: message.into() }
}

#[cfg(test)]
mod tests;
