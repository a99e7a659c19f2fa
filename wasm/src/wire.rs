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
//! Only what the evaluation can read is written, most often one or two entries, so looking one up is a short scan. An attribute
//! has its id in the snapshot's table; inline overrides have ids of their own. Reading never fails: bytes that are not of this form end the scan.

use burgee_core::{Attribute, Context, InlineOverride, Text, Value};

/// The id of the inline override for the user.
pub const USER_OVERRIDE: u16 = 0xffff;
/// The id of the inline override for the tenant.
pub const TENANT_OVERRIDE: u16 = 0xfffe;

/// Lists in lists are read to this depth; what is deeper reads as an object, which equals nothing.
const LIST_DEPTH: u32 = 4;

/// A context as it was written into a buffer.
#[derive(Clone, Copy, Debug)]
pub struct WireContext<'a>(pub &'a [u8]);

impl<'a> WireContext<'a> {
    fn find(self, wanted: u16) -> Value<'a> {
        let mut reader = Reader(self.0);
        while let Some(id) = reader.u16() {
            if id == wanted {
                return reader.value(LIST_DEPTH).unwrap_or(Value::Absent);
            }
            if reader.skip().is_none() {
                break;
            }
        }
        Value::Absent
    }

    /// An inline override, by its id.
    pub fn inline_override(self, id: u16) -> InlineOverride<'a> {
        self.find(id).into()
    }
}

impl Context for WireContext<'_> {
    fn get(&self, attribute: &Attribute) -> Value<'_> {
        u16::try_from(attribute.id).map_or(Value::Absent, |id| self.find(id))
    }
}

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

    fn value(&mut self, depth: u32) -> Option<Value<'a>> {
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
                let count = self.length()?;
                match depth.checked_sub(1) {
                    Some(depth) => Value::List((0..count).map_while(|_| self.value(depth)).collect()),
                    None => {
                        (0..count).try_for_each(|_| self.skip())?;
                        Value::Object
                    }
                }
            }
            6 => Value::Object,
            _ => return None,
        })
    }

    fn skip(&mut self) -> Option<()> {
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
            5 => {
                let count = self.length()?;
                (0..count).try_for_each(|_| self.skip())?;
            }
            _ => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(id: u32) -> Attribute {
        Attribute { id, name: "any".into() }
    }

    #[test]
    fn finds_values_behind_others() {
        let bytes = [
            &[7, 0, 5, 2, 0, 0, 0, 3, 1, 1, 0, 0, 0, b'x'][..], // 7: [false, "x"]
            &[0, 0, 1, 2, 0, 0, 0, b'U', b'1'],                 // 0: "U1"
            &[1, 0, 2],                                         // 1: 41.0
            &41.0_f64.to_le_bytes(),
            &[0xff, 0xff, 4], // the user's override: true
        ]
        .concat();
        let context = WireContext(&bytes);
        assert_eq!(context.get(&attribute(7)), Value::List(vec![false.into(), "x".into()]));
        assert_eq!(context.get(&attribute(0)), "U1".into());
        assert_eq!(context.get(&attribute(1)), 41.0.into());
        assert_eq!(context.get(&attribute(2)), Value::Absent);
        assert_eq!(context.inline_override(USER_OVERRIDE), InlineOverride::Boolean(true));
        assert_eq!(context.inline_override(TENANT_OVERRIDE), InlineOverride::Absent);
    }

    #[test]
    fn any_bytes_can_be_read() {
        // Every truncation, and every single byte changed to every value, of a context that has all tags.
        let bytes =
            [0, 0, 5, 2, 0, 0, 0, 1, 1, 0, 0, 0, b'x', 5, 1, 0, 0, 0, 6, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 4];
        for end in 0..bytes.len() {
            WireContext(&bytes[..end]).get(&attribute(9));
        }
        for place in 0..bytes.len() {
            for byte in 0..=255 {
                let mut bytes = bytes;
                bytes[place] = byte;
                for id in 0..4 {
                    WireContext(&bytes).get(&attribute(id));
                }
            }
        }
    }
}
