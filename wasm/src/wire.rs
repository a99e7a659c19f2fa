//! How a context crosses the boundary: as bytes in the scratch buffer, written by `npm/src/wire.ts`.
//!
//! An entry is `id: u16, value`, a value is `tag: u8` and what the tag says, numbers are little-endian:
//!
//! | tag | value | then |
//! |---|---|---|
//! | 1 | text | `length: u32`, that many bytes of generalised UTF-8 |
//! | 2 | number | `f64` |
//! | 3, 4 | false, true | |
//! | 5 | list | `count: u32`, that many values |
//! | 6 | object | |
//! | 7 | text of at most 255 bytes | `length: u8`, that many bytes of generalised UTF-8 |
//!
//! Only what the evaluation can read is written, most often two or three entries. They are read once, from one end to the other, into a table of
//! [`Slots`]. An attribute has its id in the snapshot's table. Behind the attributes stand inline overrides: an id of their own, the number of the flag
//! (u32), and the value. Reading never fails: bytes that are not of this form end the scan.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use burgee_core::model::OverrideScope;
use burgee_core::{Attribute, Context, Continuation, FlagIndex, InlineOverride, Overrides, Symbol, Text, Value};

/// The id of the inline override for the user.
pub const USER_OVERRIDE: u16 = 0xffff;
/// The id of the inline override for the tenant.
pub const TENANT_OVERRIDE: u16 = 0xfffe;

/// The id of the user, the first of `burgee_core::attribute::KNOWN`.
const USER_ID: u32 = 0;

/// A context as it was written into a buffer.
#[derive(Clone, Copy, Debug)]
pub struct WireContext<'a> {
    bytes: &'a [u8],
    slots: &'a Slots,
}

/// The values of a context by their attributes' ids.
#[derive(Debug)]
pub struct Slots {
    all: Box<[Slot]>,
    /// The ids of those that are set, for a table that is used again.
    set: Vec<u16>,
    /// How the user is hashed, by whom most is bucketed; of a context that is evaluated often.
    user: Option<Continuation>,
}

/// Where a value stands, or what it is.
#[derive(Clone, Copy, Debug)]
enum Slot {
    Absent,
    /// A text, from one place to another.
    Text(u32, u32),
    /// A text whose number was looked up.
    Known(u32, u32, Symbol),
    Number(f64),
    Boolean(bool),
    /// A list, from this place on.
    List(u32),
    Object,
}

impl<'a> WireContext<'a> {
    /// A context with the slots that were read from the same bytes.
    #[inline(always)]
    pub fn new(bytes: &'a [u8], slots: &'a Slots) -> Self {
        Self { bytes, slots }
    }

    /// The value of the attribute with this id.
    #[inline(always)]
    fn slot(&self, id: u32) -> Value<'a> {
        match self.slots.all.get(id as usize).copied().unwrap_or(Slot::Absent) {
            Slot::Absent => Value::Absent,
            Slot::Text(start, end) | Slot::Known(start, end, _) => {
                Value::Text(Text::from_wtf8(self.bytes.get(start as usize..end as usize).unwrap_or(&[])))
            }
            Slot::Number(number) => Value::Number(number),
            Slot::Boolean(value) => Value::Boolean(value),
            Slot::List(_) => Value::List,
            Slot::Object => Value::Object,
        }
    }
}

impl Slots {
    /// Room for so many attributes.
    pub fn new(attributes: usize) -> Self {
        Self { all: vec![Slot::Absent; attributes].into_boxed_slice(), set: Vec::new(), user: None }
    }

    /// Reads a context that is evaluated once.
    #[inline]
    pub fn read(&mut self, bytes: &[u8]) {
        self.fill(bytes, |start, end, _| Slot::Text(start, end));
    }

    /// Reads a context that is evaluated often; `symbol` gives texts their numbers.
    pub fn read_known(&mut self, bytes: &[u8], symbol: impl Fn(Text<'_>) -> Symbol) {
        self.fill(bytes, |start, end, text| Slot::Known(start, end, symbol(text)));
        let user = WireContext::new(bytes, self).slot(USER_ID);
        self.user = match user {
            Value::Text(user) if !user.as_bytes().is_empty() => Continuation::of(user),
            _ => None,
        };
    }

    #[inline(always)]
    fn fill(&mut self, bytes: &[u8], slot_of: impl Fn(u32, u32, Text<'_>) -> Slot) {
        for id in self.set.drain(..) {
            if let Some(slot) = self.all.get_mut(usize::from(id)) {
                *slot = Slot::Absent;
            }
        }
        let mut reader = Reader(bytes);
        while let Some(id) = reader.u16().filter(|id| *id < TENANT_OVERRIDE) {
            let place = |reader: &Reader<'_>| (bytes.len().saturating_sub(reader.0.len())) as u32;
            let start = place(&reader);
            let Some(value) = reader.value() else { break };
            let value = match value {
                Value::Absent => Slot::Absent,
                Value::Text(text) => {
                    let end = place(&reader);
                    slot_of(end.saturating_sub(text.as_bytes().len() as u32), end, text)
                }
                Value::Number(number) => Slot::Number(number),
                Value::Boolean(value) => Slot::Boolean(value),
                Value::Object => Slot::Object,
                Value::List => {
                    // Its items come next, and stay where they are.
                    reader = Reader(bytes.get(start as usize..).unwrap_or(&[]));
                    if reader.skip().is_none() {
                        break;
                    }
                    Slot::List(start)
                }
            };
            if let Some(slot) = self.all.get_mut(usize::from(id)) {
                *slot = value;
                self.set.push(id);
            }
        }
    }
}

impl Context for WireContext<'_> {
    #[inline(always)]
    fn get(&self, attribute: &Attribute) -> Value<'_> {
        self.slot(attribute.id)
    }

    #[inline(always)]
    fn continuation(&self, attribute: &Attribute) -> Option<&Continuation> {
        if attribute.id == USER_ID { self.slots.user.as_ref() } else { None }
    }

    #[inline(always)]
    fn symbol(&self, attribute: &Attribute) -> Option<Symbol> {
        match self.slots.all.get(attribute.id as usize) {
            Some(Slot::Known(_, _, symbol)) => Some(*symbol),
            _ => None,
        }
    }

    fn any_item(&self, attribute: &Attribute, is_wanted: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        let list = match self.slots.all.get(attribute.id as usize) {
            Some(Slot::List(place)) => self.bytes.get(*place as usize..).map(Reader),
            _ => None,
        };
        let Some(mut reader) = list else { return false };
        let Some(count) = reader.list() else { return false };
        for _ in 0..count {
            let mut ahead = reader;
            match ahead.value() {
                Some(item) if is_wanted(item) => return true,
                Some(_) => {}
                None => return false,
            }
            if reader.skip().is_none() {
                return false;
            }
        }
        false
    }
}

impl Overrides for WireContext<'_> {
    fn inline(&self, scope: OverrideScope, flag: FlagIndex, _: &str) -> InlineOverride<'_> {
        let wanted = match scope {
            OverrideScope::User => USER_OVERRIDE,
            OverrideScope::Tenant => TENANT_OVERRIDE,
        };
        let mut reader = Reader(self.bytes);
        while let Some(id) = reader.u16() {
            let is_override = id >= TENANT_OVERRIDE;
            let of_flag = if is_override { reader.array().map(u32::from_le_bytes) } else { None };
            if id == wanted && of_flag == Some(flag.0) {
                return reader.value().unwrap_or(Value::Absent).into();
            }
            if reader.skip().is_none() {
                break;
            }
        }
        InlineOverride::Absent
    }
}

#[derive(Clone, Copy)]
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn length(&mut self) -> Option<usize> {
        usize::try_from(u32::from_le_bytes(self.array()?)).ok()
    }

    /// How many items the list has that comes next.
    fn list(&mut self) -> Option<usize> {
        let [tag] = self.array()?;
        if tag == 5 { self.length() } else { None }
    }

    /// The value that comes next. Of a list it takes the count alone.
    #[inline]
    fn value(&mut self) -> Option<Value<'a>> {
        let [tag] = self.array()?;
        Some(match tag {
            1 => {
                let length = self.length()?;
                Value::Text(Text::from_wtf8(self.take(length)?))
            }
            7 => {
                let [length] = self.array()?;
                Value::Text(Text::from_wtf8(self.take(usize::from(length))?))
            }
            2 => Value::Number(f64::from_le_bytes(self.array()?)),
            3 => Value::Boolean(false),
            4 => Value::Boolean(true),
            5 => {
                self.length()?;
                Value::List
            }
            6 => Value::Object,
            _ => return None,
        })
    }

    /// Passes over the value that comes next, lists in lists included, without recursion.
    fn skip(&mut self) -> Option<()> {
        let mut values = 1_usize;
        while let Some(rest) = values.checked_sub(1) {
            values = rest.saturating_add(self.skip_one()?);
        }
        Some(())
    }

    /// Passes over a value, and says how many follow that are its own.
    fn skip_one(&mut self) -> Option<usize> {
        let [tag] = self.array()?;
        match tag {
            1 => {
                let length = self.length()?;
                self.take(length)?;
            }
            7 => {
                let [length] = self.array()?;
                self.take(usize::from(length))?;
            }
            2 => {
                self.take(8)?;
            }
            3 | 4 | 6 => {}
            5 => return self.length(),
            _ => return None,
        }
        Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(id: u32) -> Attribute {
        Attribute { id, name: "any".into() }
    }

    /// The slots of a context that is read once, and of one that is kept; others were read into both before.
    fn read(bytes: &[u8], attributes: usize) -> [Slots; 2] {
        let mut slots = [Slots::new(attributes), Slots::new(attributes)];
        for bytes in [&[0, 0, 4, 2, 0, 3], bytes] {
            slots[0].read(bytes);
            slots[1].read_known(bytes, |_| Symbol::default());
        }
        slots
    }

    #[test]
    fn finds_values_behind_others() {
        let bytes = [
            &[7, 0, 5, 3, 0, 0, 0, 3, 5, 1, 0, 0, 0, 4, 1, 1, 0, 0, 0, b'x'][..], // 7: [false, [true], "x"]
            &[0, 0, 1, 2, 0, 0, 0, b'U', b'1'],                                   // 0: "U1"
            &[1, 0, 2],                                                           // 1: 41.0
            &41.0_f64.to_le_bytes(),
            &[3, 0, 7, 2, b'p', b'q'],    // 3: "pq", in its short form
            &[0xff, 0xff, 7, 0, 0, 0, 3], // the user's override of flag 7, whose number is not a tag: false
            &[0xff, 0xff, 9, 0, 0, 0, 3], // and of flag 9: false
            &[0xff, 0xff, 2, 0, 0, 0, 4], // and of flag 2: true
        ]
        .concat();
        for slots in read(&bytes, 8) {
            let context = WireContext::new(&bytes, &slots);
            assert_eq!(context.get(&attribute(7)), Value::List);
            let has = |wanted: Value<'_>| context.any_item(&attribute(7), &mut |item| item == wanted);
            assert!(has(false.into()) && has(Value::List) && has("x".into()) && !has(true.into()));
            assert!(!context.any_item(&attribute(0), &mut |_| true));
            assert_eq!(context.get(&attribute(0)), "U1".into());
            assert_eq!(context.get(&attribute(1)), 41.0.into());
            assert_eq!(context.get(&attribute(3)), "pq".into());
            assert_eq!(context.get(&attribute(2)), Value::Absent);
            assert_eq!(context.get(&attribute(900)), Value::Absent);
            let inline = |scope, flag| context.inline(scope, FlagIndex(flag), "");
            assert_eq!(inline(OverrideScope::User, 2), InlineOverride::Boolean(true));
            assert_eq!(inline(OverrideScope::User, 9), InlineOverride::Boolean(false));
            assert_eq!(inline(OverrideScope::User, 1), InlineOverride::Absent);
            assert_eq!(inline(OverrideScope::Tenant, 2), InlineOverride::Absent);
        }
    }

    #[test]
    fn any_bytes_can_be_read() {
        // Every truncation, and every single byte changed to every value, of a context that has all tags.
        let bytes = [
            0, 0, 5, 2, 0, 0, 0, 1, 1, 0, 0, 0, b'x', 5, 1, 0, 0, 0, 6, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 4, 0xff,
            0xff, 0, 0, 0, 0, 3,
        ];
        let read = |bytes: &[u8]| {
            for slots in read(bytes, 3) {
                let context = WireContext::new(bytes, &slots);
                for id in 0..4 {
                    context.get(&attribute(id));
                    context.any_item(&attribute(id), &mut |_| false);
                }
                context.inline(OverrideScope::Tenant, FlagIndex(0), "");
            }
        };
        for end in 0..bytes.len() {
            read(&bytes[..end]);
        }
        for place in 0..bytes.len() {
            for byte in 0..=255 {
                let mut bytes = bytes;
                bytes[place] = byte;
                read(&bytes);
            }
        }
    }
}
