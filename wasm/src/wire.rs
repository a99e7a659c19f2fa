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
//!
//! Only what the evaluation can read is written. Entries are read once, from one end to the other, into a table of
//! [`Slots`]. An attribute has its id in the snapshot's table. Behind the attributes stand inline overrides: an id of their own, the number of the flag
//! (u32), and the value. Reading never fails: bytes that are not of this form end the scan.
//!
//! A context that is evaluated once is mostly not written so, but told: `npm/src/told.ts` writes the slots themselves, and bytes only of texts that are
//! asked for.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use burgee_core::model::OverrideScope;
use burgee_core::{Attribute, Context, Continuation, Djb2, FlagIndex, InlineOverride, Overrides, Symbol, Text, Value};

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

/// A value, or where it stands. JavaScript writes them too, see `npm/src/told.ts`; so any numbers are a slot, and a kind that is not known is absent.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug)]
struct Slot {
    kind: u32,
    /// Of a text that was looked up; [`UNKNOWN`] for everything else.
    symbol: u32,
    /// What the kind says. A number is the two, the low half first.
    first: u32,
    second: u32,
}

/// Not there.
const ABSENT: u32 = 0;
/// A text that stands in the bytes, from the first place to the second.
const TEXT: u32 = 1;
const NUMBER: u32 = 2;
const FALSE: u32 = 3;
const TRUE: u32 = 4;
/// A list that stands in the bytes from the first place on.
const LIST: u32 = 5;
const OBJECT: u32 = 6;
/// A text that is not empty, of which nobody asks more than its symbol and the second hash continued by it, which is the first.
const TOLD: u32 = 7;

/// The symbol of what was not looked up, or is no text.
const UNKNOWN: u32 = u32::MAX;

/// What stands for a text that was only told. It is there, and an id; what it says, nobody asks.
const UNTOLD: &str = "\u{fffd}";

impl Slot {
    const ABSENT: Self = Self::of(ABSENT, 0, 0);

    const fn of(kind: u32, first: u32, second: u32) -> Self {
        Self { kind, symbol: UNKNOWN, first, second }
    }
}

impl<'a> WireContext<'a> {
    /// A context with the slots that were read from the same bytes.
    #[inline(always)]
    pub fn new(bytes: &'a [u8], slots: &'a Slots) -> Self {
        Self { bytes, slots }
    }

    /// The value of the attribute with this id. What is mostly asked for are symbols and hashes, so this is not inlined.
    #[inline(never)]
    fn slot(&self, id: u32) -> Value<'a> {
        let Some(Slot { kind, first, second, .. }) = self.slots.all.get(id as usize).copied() else {
            return Value::Absent;
        };
        match kind {
            TEXT => {
                let text = self.bytes.get(first as usize..second as usize);
                Value::Text(Text::from_wtf8(text.unwrap_or(&[])))
            }
            TOLD => UNTOLD.into(),
            NUMBER => Value::Number(f64::from_bits(u64::from(second) << 32 | u64::from(first))),
            FALSE => Value::Boolean(false),
            TRUE => Value::Boolean(true),
            LIST => Value::List,
            OBJECT => Value::Object,
            _ => Value::Absent,
        }
    }
}

impl Slots {
    /// Room for so many attributes.
    pub fn new(attributes: usize) -> Self {
        Self { all: vec![Slot::ABSENT; attributes].into_boxed_slice(), set: Vec::new(), user: None }
    }

    /// Where the first is, for JavaScript to write them.
    pub fn address(&mut self) -> *mut u8 {
        self.all.as_mut_ptr().cast()
    }

    /// Reads a context that is evaluated once, and that was not told.
    pub fn read(&mut self, bytes: &[u8]) {
        self.fill(bytes, &|_| Symbol::from_number(UNKNOWN));
    }

    /// Reads a context that is evaluated often; `symbol` gives texts their numbers.
    pub fn read_known(&mut self, bytes: &[u8], symbol: impl Fn(Text<'_>) -> Symbol) {
        self.fill(bytes, &symbol);
        let user = WireContext::new(bytes, self).slot(USER_ID);
        self.user = match user {
            Value::Text(user) if !user.as_bytes().is_empty() => Continuation::of(user),
            _ => None,
        };
    }

    /// One for both, which is smaller.
    #[inline(never)]
    fn fill(&mut self, bytes: &[u8], symbol: &dyn Fn(Text<'_>) -> Symbol) {
        for id in self.set.drain(..) {
            if let Some(slot) = self.all.get_mut(usize::from(id)) {
                *slot = Slot::ABSENT;
            }
        }
        let mut reader = Reader(bytes);
        while let Some(id) = reader.u16().filter(|id| *id < TENANT_OVERRIDE) {
            let place = |reader: &Reader<'_>| (bytes.len().saturating_sub(reader.0.len())) as u32;
            let start = place(&reader);
            let Some(value) = reader.value() else { break };
            let value = match value {
                Value::Absent => Slot::ABSENT,
                Value::Text(text) => {
                    let end = place(&reader);
                    Slot {
                        symbol: symbol(text).number(),
                        ..Slot::of(TEXT, end.saturating_sub(text.as_bytes().len() as u32), end)
                    }
                }
                Value::Number(number) => Slot::of(NUMBER, number.to_bits() as u32, (number.to_bits() >> 32) as u32),
                Value::Boolean(value) => Slot::of(if value { TRUE } else { FALSE }, 0, 0),
                Value::Object => Slot::of(OBJECT, 0, 0),
                Value::List => {
                    // Its items come next, and stay where they are.
                    reader = Reader(bytes.get(start as usize..).unwrap_or(&[]));
                    if reader.skip().is_none() {
                        break;
                    }
                    Slot::of(LIST, start, 0)
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
    fn hashed(&self, attribute: &Attribute, from: Djb2) -> Option<Djb2> {
        if attribute.id == USER_ID
            && let Some(user) = &self.slots.user
        {
            return Some(from.continued(user));
        }
        let slot = self.slots.all.get(attribute.id as usize)?;
        (slot.kind == TOLD && slot.second == from.finish()).then(|| Djb2::resume(slot.first))
    }

    #[inline(always)]
    fn symbol(&self, attribute: &Attribute) -> Option<Symbol> {
        let slot = self.slots.all.get(attribute.id as usize)?;
        (slot.symbol != UNKNOWN).then(|| Symbol::from_number(slot.symbol))
    }

    fn any_item(&self, attribute: &Attribute, is_wanted: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        let list = match self.slots.all.get(attribute.id as usize) {
            Some(Slot { kind: LIST, first, .. }) => self.bytes.get(*first as usize..).map(Reader),
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

    #[test]
    fn any_slot_can_be_read() {
        let bytes = [1, 5, 2, 0, 0, 0, 3];
        let some = [0, 1, 2, 5, 7, 8, u32::MAX];
        let mut read = 0;
        for kind in (0..10).chain([u32::MAX]) {
            for (first, second) in some.iter().flat_map(|first| some.map(|second| (*first, second))) {
                for symbol in [0, 1, UNKNOWN] {
                    let mut slots = Slots::new(2);
                    slots.all[1] = Slot { kind, symbol, first, second };
                    let context = WireContext::new(&bytes, &slots);
                    context.get(&attribute(1));
                    context.any_item(&attribute(1), &mut |_| false);
                    let hashed = context.hashed(&attribute(1), Djb2::resume(second));
                    assert_eq!(hashed, (kind == TOLD).then(|| Djb2::resume(first)));
                    assert_eq!(context.symbol(&attribute(1)), (symbol != UNKNOWN).then(|| Symbol::from_number(symbol)));
                    read += 1;
                }
            }
        }
        assert_eq!(read, 11 * 49 * 3);
    }
}
