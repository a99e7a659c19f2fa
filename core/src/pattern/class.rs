//! Reading a character class.

use super::escape::Escape;
use super::parse::{Flags, INVALID, Parser};
use super::set::Set;
use crate::fault::FaultCode;

pub(super) const DIGIT: &str = "09";
pub(super) const SPACE: &str = "\t\r  ";
pub(super) const WORD: &str = "09AZ__az";

const NAMED: [(&str, &str); 14] = [
    ("alnum", "09AZaz"),
    ("alpha", "AZaz"),
    ("ascii", "\x00\x7f"),
    ("blank", "\t\t  "),
    ("cntrl", "\x00\x1f\x7f\x7f"),
    ("digit", DIGIT),
    ("graph", "!~"),
    ("lower", "az"),
    ("print", " ~"),
    ("punct", "!/:@[`{~"),
    ("space", SPACE),
    ("upper", "AZ"),
    ("word", WORD),
    ("xdigit", "09AFaf"),
];

impl Parser<'_> {
    /// A class in brackets.
    pub(super) fn class(&mut self) -> Result<Set, FaultCode> {
        let mut set = Set::default();
        self.advance();
        let is_negated = self.eat('^');
        // What would end it, or make a range, is a character at its start.
        while self.eat('-') {
            set.add('-', '-');
        }
        if set.ranges().is_empty() && self.eat(']') {
            set.add(']', ']');
        }
        while !self.eat(']') {
            match self.next {
                // Operators between classes and classes in classes are of other dialects.
                Some('&' | '-' | '~') if self.rest.chars().next() == self.next => return Err(INVALID),
                Some('[') => set.add_all(&self.named_class()?),
                _ => self.range(&mut set)?,
            }
        }
        if self.flags.has(Flags::CASE_INSENSITIVE) {
            set = set.fold_case();
        }
        Ok(if is_negated { set.complement() } else { set })
    }

    /// A character, a range of them, or an escaped class.
    fn range(&mut self, set: &mut Set) -> Result<(), FaultCode> {
        let (single, first) = self.member()?;
        if !self.is_at_range() {
            set.add_all(&single);
            return Ok(());
        }
        self.advance();
        match (first, self.member()?) {
            (Some(first), (_, Some(last))) if first <= last => set.add(first, last),
            _ => return Err(INVALID),
        }
        Ok(())
    }

    /// Whether what follows is a `-` that makes a range: not one that is last, or before another.
    fn is_at_range(&mut self) -> bool {
        if self.next != Some('-') {
            return false;
        }
        let here = (self.next, self.rest);
        self.bump();
        if self.flags.has(Flags::VERBOSE) {
            self.skip_space();
            // An oddity of regex-lite: it takes the start of a comment for what is behind it.
            if self.next == Some('#') {
                self.bump();
                self.skip_space();
            }
        }
        let is_range = !matches!(self.next, Some(']' | '-'));
        (self.next, self.rest) = here;
        is_range
    }

    /// A character or an escaped class, and the character if it may start or end a range.
    fn member(&mut self) -> Result<(Set, Option<char>), FaultCode> {
        let char = self.next.ok_or(INVALID)?;
        if char != '\\' {
            self.advance();
            return Ok((Set::of(char), Some(char)));
        }
        match self.escape()? {
            // An oddity of regex-lite: where case does not count, `\x61` and the like are two characters at once.
            Escape::Char(char) if self.flags.has(Flags::CASE_INSENSITIVE) && char.is_ascii_alphabetic() => {
                Ok((Set::of(char).fold_case(), None))
            }
            Escape::Char(char) => Ok((Set::of(char), Some(char))),
            Escape::Set(pairs, is_negated) => Ok((Set::of_pairs(pairs, is_negated), None)),
            Escape::Assertion(_) => Err(INVALID),
        }
    }

    /// A class with a name, such as `[:alpha:]` or `[:^alpha:]`.
    fn named_class(&mut self) -> Result<Set, FaultCode> {
        let name = self.rest.strip_prefix(':').ok_or(INVALID)?;
        let (is_negated, name) = name.strip_prefix('^').map_or((false, name), |name| (true, name));
        let is_prefix = |prefix: &str| name.strip_prefix(prefix)?.strip_prefix(":]");
        let mut found = NAMED.iter().filter_map(|(name, pairs)| Some((is_prefix(name)?, pairs)));
        let (rest, pairs) = found.next().ok_or(INVALID)?;
        self.rest = rest;
        self.advance();
        Ok(Set::of_pairs(pairs, is_negated))
    }
}
