//! One flag and all that decides it, found by the index and compiled alone.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::{Kind, LISTS, NUMBER, Packed, Span, entries};
use crate::fault::Fault;
use crate::snapshot::Snapshot;

/// A flag, the flags that its prerequisites lead to, the segments that these name, their overrides, and the kill switches that are engaged: places
/// in the JSON's lists, each once and in the lists' order.
#[derive(Debug)]
pub struct Closure<'p, B> {
    packed: &'p Packed<B>,
    flags: Vec<u32>,
    segments: Vec<u32>,
    overrides: Vec<u32>,
    switches: Vec<u32>,
}

impl<B: AsRef<[u8]>> Packed<B> {
    /// A flag with all that decides it, by its place.
    #[must_use]
    pub fn closure(&self, flag: u32) -> Closure<'_, B> {
        let mut closure = self.empty();
        closure.flags.push(flag);
        let mut is_known = Vec::new();
        // The list grows while it is worked off.
        let mut next = 0_usize;
        while let Some(place) = closure.flags.get(next).copied() {
            next = next.saturating_add(1);
            for (kind, target) in self.references(place) {
                match kind {
                    Kind::Segment => closure.segments.push(target),
                    Kind::Override => closure.overrides.push(target),
                    Kind::Flag => {
                        if is_known.is_empty() {
                            is_known = vec![false; self.flag_count()];
                            set(&mut is_known, flag);
                        }
                        if set(&mut is_known, target) {
                            closure.flags.push(target);
                        }
                    }
                }
            }
        }
        for places in [&mut closure.flags, &mut closure.segments, &mut closure.overrides] {
            places.sort_unstable();
            places.dedup();
        }
        let engaged = &self.layout.engaged;
        closure.switches = entries::<NUMBER>(self.part(engaged)).map(|[place]| place).collect();
        closure.switches.sort_unstable();
        closure
    }

    /// No flag at all: of it comes the snapshot that decides about flags that there are none of, and by which the JSON's beginning is known to be one.
    #[must_use]
    pub fn empty(&self) -> Closure<'_, B> {
        Closure { packed: self, flags: Vec::new(), segments: Vec::new(), overrides: Vec::new(), switches: Vec::new() }
    }
}

/// Marks a place, and says whether it was not marked before.
fn set(is_known: &mut [bool], place: u32) -> bool {
    let known = usize::try_from(place).ok().and_then(|place| is_known.get_mut(place));
    known.is_some_and(|known| !core::mem::replace(known, true))
}

impl<B: AsRef<[u8]>> Closure<'_, B> {
    /// Bytes of its text.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let entries = |texts: &Vec<&[u8]>| {
            let commas = texts.len().saturating_sub(1);
            texts.iter().map(|text| text.len()).fold(commas, usize::saturating_add)
        };
        let (parts, frame) = (self.parts(), self.packed.layout.frame);
        parts
            .iter()
            .zip(LISTS)
            .fold(frame, |sum, (texts, after)| sum.saturating_add(entries(texts)).saturating_add(after.len()))
    }

    /// Its text: a snapshot of these entries alone, which begins as the whole does.
    #[must_use]
    pub fn text(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(self.bytes());
        text.extend_from_slice(self.packed.json().get(..self.packed.layout.frame).unwrap_or_default());
        for (entries, after) in self.parts().into_iter().zip(LISTS) {
            for (index, entry) in entries.into_iter().enumerate() {
                if index > 0 {
                    text.push(b',');
                }
                text.extend_from_slice(entry);
            }
            text.extend_from_slice(after);
        }
        text
    }

    /// Compiles it. Warnings point to where the entries stand in the whole.
    ///
    /// # Errors
    /// As [`Snapshot::parse`]: the JSON is not what the index says.
    pub fn compile(&self) -> Result<Snapshot, Fault> {
        let mut snapshot = Snapshot::parse(&self.text())?;
        for warning in &mut snapshot.warnings {
            if let Some(pointer) = self.in_the_whole(&warning.pointer) {
                warning.pointer = pointer;
            }
        }
        Ok(snapshot)
    }

    /// The texts of the entries, list by list.
    fn parts(&self) -> [Vec<&[u8]>; 4] {
        let packed = self.packed;
        let layout = &packed.layout;
        let texts = |places: &[u32], span: &dyn Fn(u32) -> Option<Span>| {
            let spans = places.iter().filter_map(|place| span(*place));
            spans.map(|span| packed.span_text(span)).collect::<Vec<_>>()
        };
        [
            texts(&self.flags, &|place| packed.flag_span(place)),
            texts(&self.segments, &|place| packed.span(&layout.segments, place)),
            texts(&self.overrides, &|place| packed.span(&layout.overrides, place)),
            texts(&self.switches, &|place| packed.span(&layout.switches, place)),
        ]
    }

    /// A pointer into the text as a pointer into the whole.
    fn in_the_whole(&self, pointer: &str) -> Option<String> {
        let (list, rest) = pointer.strip_prefix('/')?.split_once('/')?;
        let places = match list {
            "flags" => &self.flags,
            "segments" => &self.segments,
            "overrides" => &self.overrides,
            "kill_switches" => &self.switches,
            _ => return None,
        };
        let (index, rest) = rest.split_at_checked(rest.find('/').unwrap_or(rest.len()))?;
        let place = places.get(index.parse::<usize>().ok()?)?;
        Some(format!("/{list}/{place}{rest}"))
    }
}
