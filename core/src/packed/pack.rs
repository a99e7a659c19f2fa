//! Writing the packed form.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{KEY_BEFORE, Kind, LISTS, MAGIC, NEVER, Packed, Span, fault, hash};
use crate::fault::{Fault, FaultCode};
use crate::limits;
use crate::model::SnapshotDocument;
use crate::snapshot::Index;
use crate::time::format_rfc3339;

/// What a snapshot is made of. The texts are canonical JSON without faults: they are put together, and not read. Lists keep their order, which is
/// that of the JSON.
#[derive(Clone, Debug, Default)]
pub struct Parts<'a> {
    /// Whose flags these are.
    pub tenant: &'a str,
    /// The version of the whole.
    pub version: u64,
    /// When it is made, ms since the epoch.
    pub generated_at: Option<i64>,
    /// The flags, without archived ones.
    pub flags: Vec<FlagPart<'a>>,
    /// The segments.
    pub segments: Vec<SegmentPart<'a>>,
    /// The stored overrides.
    pub overrides: Vec<OverridePart<'a>>,
    /// The kill switches.
    pub kill_switches: Vec<KillSwitchPart<'a>>,
}

/// A flag of [`Parts`].
#[derive(Clone, Copy, Debug)]
pub struct FlagPart<'a> {
    /// Its key.
    pub key: &'a str,
    /// Its canonical JSON, which begins with its key.
    pub document: &'a str,
    /// Keys of the flags that it needs. One that is missing here will be missing when the flag is compiled alone.
    pub prerequisites: &'a [String],
    /// Keys of the segments that its rules name. As with prerequisites.
    pub segments: &'a [String],
}

/// A segment of [`Parts`].
#[derive(Clone, Copy, Debug)]
pub struct SegmentPart<'a> {
    /// Its key.
    pub key: &'a str,
    /// Its canonical JSON.
    pub document: &'a str,
}

/// A stored override of [`Parts`].
#[derive(Clone, Copy, Debug)]
pub struct OverridePart<'a> {
    /// The key of the flag that it is for.
    pub flag: &'a str,
    /// Its canonical JSON.
    pub document: &'a str,
}

/// A kill switch of [`Parts`].
#[derive(Clone, Copy, Debug)]
pub struct KillSwitchPart<'a> {
    /// Whether it is engaged.
    pub engaged: bool,
    /// Its canonical JSON.
    pub document: &'a str,
}

impl Parts<'_> {
    /// Writes the packed form, unsigned.
    ///
    /// # Errors
    /// Two flags or two segments of one key, a flag whose text does not begin with its key, or more than a snapshot may have.
    pub fn pack(&self) -> Result<Vec<u8>, Fault> {
        for (entries, list, limit, name) in [
            (self.flags.len(), "flags", limits::FLAGS, "FLAGS"),
            (self.segments.len(), "segments", limits::SEGMENTS, "SEGMENTS"),
            (self.overrides.len(), "overrides", limits::OVERRIDES, "OVERRIDES"),
            (self.kill_switches.len(), "kill_switches", limits::LIST_ITEMS, "LIST_ITEMS"),
        ] {
            if entries > limit {
                return Err(too_large(format!("/{list}"), limit, "entries", name));
            }
        }
        let flags = places("flags", self.flags.iter().map(|flag| flag.key))?;
        let segments = places("segments", self.segments.iter().map(|segment| segment.key))?;
        let not_canonical = |flag: &FlagPart<'_>| {
            let rest = flag.document.as_bytes().strip_prefix(KEY_BEFORE);
            rest.and_then(|rest| rest.strip_prefix(flag.key.as_bytes())).is_none_or(|rest| rest.first() != Some(&b'"'))
        };
        if let Some(place) = self.flags.iter().position(not_canonical) {
            let message = "must be canonical JSON, which begins with the flag's key".into();
            return Err(Fault { code: FaultCode::InvalidValue, pointer: format!("/flags/{place}"), message });
        }
        let lists: [Vec<&str>; 4] = [
            self.flags.iter().map(|flag| flag.document).collect(),
            self.segments.iter().map(|segment| segment.document).collect(),
            self.overrides.iter().map(|row| row.document).collect(),
            self.kill_switches.iter().map(|switch| switch.document).collect(),
        ];
        let texts = lists.iter().flatten().fold(0_usize, |sum, text| sum.saturating_add(text.len()));
        if texts > limits::SNAPSHOT_BYTES {
            return Err(too_large(String::new(), limits::SNAPSHOT_BYTES, "bytes", "SNAPSHOT_BYTES"));
        }
        let (json, frame, spans) = self.json(&lists, texts);
        let index = self.index(&flags, &segments, spans);
        let packed = index.write(self, &json, frame);
        if packed.len() > limits::SNAPSHOT_BYTES {
            return Err(too_large(String::new(), limits::SNAPSHOT_BYTES, "bytes", "SNAPSHOT_BYTES"));
        }
        Ok(packed)
    }

    /// The JSON, how much of it comes before the first flag, and where the entries of each list stand.
    fn json(&self, lists: &[Vec<&str>; 4], texts: usize) -> (Vec<u8>, usize, [Vec<Span>; 4]) {
        let entries = lists.iter().fold(0_usize, |sum, list| sum.saturating_add(list.len()));
        let mut json = Vec::with_capacity(texts.saturating_add(entries).saturating_add(512));
        // Text can always be written.
        let tenant = serde_json::to_string(self.tenant).unwrap_or_default();
        let (schema, version) = (SnapshotDocument::SCHEMA, self.version);
        json.extend_from_slice(format!(r#"{{"schema":"{schema}","tenant":{tenant},"version":{version},"#).as_bytes());
        if let Some(at) = self.generated_at {
            json.extend_from_slice(format!(r#""generated_at":"{}","#, format_rfc3339(at)).as_bytes());
        }
        json.extend_from_slice(br#""flags":["#);
        let frame = json.len();
        let mut lists = lists.iter().zip(LISTS);
        let spans = core::array::from_fn(|_| {
            let (texts, after) = lists.next().map_or((&[][..], &[][..]), |(texts, after)| (texts, after));
            let mut spans = Vec::with_capacity(texts.len());
            for (index, text) in texts.iter().enumerate() {
                if index > 0 {
                    json.push(b',');
                }
                // The JSON is no longer than SNAPSHOT_BYTES, far below 2^32.
                spans.push(Span { start: number(json.len()), len: number(text.len()) });
                json.extend_from_slice(text.as_bytes());
            }
            json.extend_from_slice(after);
            spans
        });
        (json, frame, spans)
    }

    fn index(&self, flags: &Index, segments: &Index, spans: [Vec<Span>; 4]) -> Tables {
        let mut overrides: Vec<Vec<u32>> = self.flags.iter().map(|_| Vec::new()).collect();
        for (place, row) in self.overrides.iter().enumerate() {
            let of_flag =
                flags.get(row.flag.as_bytes()).and_then(|flag| overrides.get_mut(usize::try_from(flag).ok()?));
            if let Some(of_flag) = of_flag {
                of_flag.push(number(place));
            }
        }
        let mut references = Vec::new();
        let mut ends = Vec::with_capacity(self.flags.len());
        for (flag, overrides) in self.flags.iter().zip(&overrides) {
            let named = |index: &Index, kind: Kind, keys: &[String]| {
                let mut places: Vec<u32> = keys.iter().filter_map(|key| index.get(key.as_bytes())).collect();
                places.sort_unstable();
                places.dedup();
                places.into_iter().filter_map(move |place| kind.reference(place))
            };
            references.extend(named(flags, Kind::Flag, flag.prerequisites));
            references.extend(named(segments, Kind::Segment, flag.segments));
            references.extend(overrides.iter().filter_map(|place| Kind::Override.reference(*place)));
            ends.push(number(references.len()));
        }
        let hashes = self.flags.iter().map(|flag| hash(flag.key.as_bytes()));
        let mut by_hash: Vec<(u32, u32)> = hashes.zip(0..).collect();
        by_hash.sort_unstable();
        let engaged = (0..).zip(&self.kill_switches).filter(|(_, switch)| switch.engaged).map(|(place, _)| place);
        Tables { spans, ends, by_hash, engaged: engaged.collect(), references }
    }
}

/// The index, before it is written.
struct Tables {
    spans: [Vec<Span>; 4],
    /// Where the references of each flag end.
    ends: Vec<u32>,
    /// Hashes of keys and places.
    by_hash: Vec<(u32, u32)>,
    engaged: Vec<u32>,
    references: Vec<u32>,
}

impl Tables {
    fn write(self, parts: &Parts<'_>, json: &[u8], frame: usize) -> Vec<u8> {
        let [flags, segments, overrides, switches] = &self.spans;
        let mut packed = Vec::new();
        packed.extend_from_slice(&MAGIC);
        packed.extend_from_slice(&parts.version.to_le_bytes());
        packed.extend_from_slice(&parts.generated_at.unwrap_or(NEVER).to_le_bytes());
        let (tenant, unsigned) = (parts.tenant.len(), 0);
        let tables = [flags.len(), self.by_hash.len(), segments.len(), overrides.len(), switches.len()];
        let head = [frame, tenant, unsigned, unsigned, unsigned].into_iter().chain(tables);
        let head = head.chain([self.engaged.len(), self.references.len(), json.len()]);
        let mut put = |number: u32| packed.extend_from_slice(&number.to_le_bytes());
        head.for_each(|length| put(number(length)));
        packed.extend_from_slice(parts.tenant.as_bytes());
        let mut put = |number: u32| packed.extend_from_slice(&number.to_le_bytes());
        for (span, end) in flags.iter().zip(&self.ends) {
            [span.start, span.len, *end].into_iter().for_each(&mut put);
        }
        self.by_hash.iter().for_each(|(hash, place)| [*hash, *place].into_iter().for_each(&mut put));
        for span in [segments, overrides, switches].into_iter().flatten() {
            [span.start, span.len].into_iter().for_each(&mut put);
        }
        self.engaged.iter().chain(&self.references).copied().for_each(put);
        packed.extend_from_slice(json);
        packed
    }
}

/// What the packed form says of who signed it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signatures<'a> {
    /// A detached JWS over the JSON; empty where it is not signed.
    pub document: &'a str,
    /// A detached JWS over the form of the JSON that leaves the service; empty where that is the same, or is not signed.
    pub public: &'a str,
    /// What both are made with, in the signer's words: the key, and the form that the second is over. Readers of another form must be
    /// able to tell.
    pub signed_with: &'a str,
}

/// Puts signatures into the packed form, in place of those that may be there.
///
/// # Errors
/// Bytes that are not of the packed form, or that would become too many.
pub fn sign(packed: &[u8], signatures: &Signatures<'_>) -> Result<Vec<u8>, Fault> {
    let layout = Packed::open(packed)?.layout;
    // Where the three lengths stand in the head: after the magic, two numbers of eight bytes and two of four.
    const LENGTHS: core::ops::Range<usize> = 32..44;
    let texts = [signatures.document, signatures.public, signatures.signed_with];
    let total = texts.iter().fold(packed.len(), |total, text| total.saturating_add(text.len()));
    if total > limits::SNAPSHOT_BYTES {
        return Err(too_large(String::new(), limits::SNAPSHOT_BYTES, "bytes", "SNAPSHOT_BYTES"));
    }
    let mut signed = Vec::with_capacity(total);
    let pieces =
        [packed.get(..LENGTHS.start), packed.get(LENGTHS.end..layout.tenant.end), packed.get(layout.signed_with.end..)];
    let [Some(before), Some(between), Some(after)] = pieces else { return Err(fault("the head must be whole")) };
    signed.extend_from_slice(before);
    texts.iter().for_each(|text| signed.extend_from_slice(&number(text.len()).to_le_bytes()));
    signed.extend_from_slice(between);
    texts.iter().for_each(|text| signed.extend_from_slice(text.as_bytes()));
    signed.extend_from_slice(after);
    Ok(signed)
}

/// The places of keys, each of which must be there once.
fn places<'a>(list: &str, keys: impl Iterator<Item = &'a str>) -> Result<Index, Fault> {
    let mut places = Index::default();
    for (place, key) in (0..).zip(keys) {
        if places.insert(key.as_bytes(), place).is_some() {
            let message = Cow::Borrowed("must not have the key of an earlier entry");
            return Err(Fault { code: FaultCode::Duplicate, pointer: format!("/{list}/{place}"), message });
        }
    }
    Ok(places)
}

fn too_large(pointer: String, limit: usize, what: &str, name: &str) -> Fault {
    let message = format!("must have at most {limit} {what} ({name})").into();
    Fault { code: FaultCode::LimitExceeded, pointer, message }
}

/// A length as it is written: all of them are far below 2^32.
fn number(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
