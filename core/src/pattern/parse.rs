//! Reading a pattern, which compiles it as it goes.

use alloc::vec::Vec;

use super::escape::Escape;
use super::program::{Assertion, Builder, Program};
use super::set::Set;
use crate::fault::FaultCode;
use crate::limits;

pub(super) const INVALID: FaultCode = FaultCode::InvalidValue;

/// Compiles a pattern.
pub(super) fn parse(text: &str) -> Result<Program, FaultCode> {
    let mut parser =
        Parser { next: None, rest: text, flags: Flags(0), depth: 0, names: Vec::new(), program: Builder::default() };
    parser.bump();
    parser.alternatives()?;
    // What ends them but the end is a parenthesis that was not opened.
    if parser.next.is_none() { Ok(parser.program.finish()) } else { Err(INVALID) }
}

/// The flags that are set, one bit each.
#[derive(Clone, Copy)]
pub(super) struct Flags(u8);

impl Flags {
    pub(super) const CASE_INSENSITIVE: u8 = 1;
    const MULTI_LINE: u8 = 2;
    const DOT_TAKES_ALL: u8 = 4;
    const CRLF: u8 = 8;
    pub(super) const VERBOSE: u8 = 16;
    /// These two change nothing here: which match is preferred, and Unicode.
    const SWAP_GREED: u8 = 32;
    const UNICODE: u8 = 64;

    pub(super) fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }

    fn named(char: char) -> Option<u8> {
        Some(match char {
            'i' => Self::CASE_INSENSITIVE,
            'm' => Self::MULTI_LINE,
            's' => Self::DOT_TAKES_ALL,
            'R' => Self::CRLF,
            'x' => Self::VERBOSE,
            'U' => Self::SWAP_GREED,
            'u' => Self::UNICODE,
            _ => return None,
        })
    }
}

pub(super) struct Parser<'p> {
    /// The character that is to be read next, and what is behind it.
    pub(super) next: Option<char>,
    pub(super) rest: &'p str,
    pub(super) flags: Flags,
    /// The groups that are open.
    depth: usize,
    /// The names of groups.
    names: Vec<&'p str>,
    program: Builder,
}

impl<'p> Parser<'p> {
    /// Steps over one character.
    pub(super) fn bump(&mut self) {
        let mut chars = self.rest.chars();
        self.next = chars.next();
        self.rest = chars.as_str();
    }

    /// Steps over one character and what has no meaning behind it.
    pub(super) fn advance(&mut self) {
        self.bump();
        self.skip_blank();
    }

    /// Steps over white space and comments if the pattern is verbose.
    pub(super) fn skip_blank(&mut self) {
        while self.flags.has(Flags::VERBOSE) {
            self.skip_space();
            if self.next != Some('#') {
                return;
            }
            while self.next.is_some_and(|char| char != '\n') {
                self.bump();
            }
        }
    }

    pub(super) fn skip_space(&mut self) {
        while self.next.is_some_and(char::is_whitespace) {
            self.bump();
        }
    }

    /// Advances if this character is next, and says whether it was.
    pub(super) fn eat(&mut self, char: char) -> bool {
        let is_next = self.next == Some(char);
        if is_next {
            self.advance();
        }
        is_next
    }

    fn expect(&mut self, char: char) -> Result<(), FaultCode> {
        if self.eat(char) { Ok(()) } else { Err(INVALID) }
    }

    /// Sequences with `|` between them.
    fn alternatives(&mut self) -> Result<(), FaultCode> {
        let left = self.program.place();
        self.sequence()?;
        while self.eat('|') {
            let right = self.program.place();
            self.sequence()?;
            self.program.alternate(left, right)?;
        }
        Ok(())
    }

    /// Items with their repetitions, up to the end, a `|` or a `)`.
    fn sequence(&mut self) -> Result<(), FaultCode> {
        // Where the last item starts.
        let mut item = None;
        loop {
            self.skip_blank();
            let place = self.program.place();
            match self.next {
                None | Some('|' | ')') => return Ok(()),
                Some('*' | '+' | '?' | '{') => {
                    self.repetition(item.ok_or(INVALID)?)?;
                    continue;
                }
                Some('(') => {
                    // Flags are no item: a repetition behind them is of what is before.
                    if !self.group()? {
                        continue;
                    }
                }
                Some('[') => {
                    let set = self.class()?;
                    self.program.take(&set)?;
                }
                Some('\\') => match self.escape()? {
                    Escape::Char(char) => self.take(&Set::of(char))?,
                    Escape::Set(pairs, is_negated) => self.take(&Set::of_pairs(pairs, is_negated))?,
                    Escape::Assertion(assertion) => self.program.assert(assertion)?,
                },
                Some('.') => {
                    self.advance();
                    self.dot()?;
                }
                Some('^') => {
                    self.advance();
                    self.line([Assertion::TextStart, Assertion::LineStart, Assertion::CrlfLineStart])?;
                }
                Some('$') => {
                    self.advance();
                    self.line([Assertion::TextEnd, Assertion::LineEnd, Assertion::CrlfLineEnd])?;
                }
                Some(char) => {
                    self.advance();
                    self.take(&Set::of(char))?;
                }
            }
            item = Some(place);
        }
    }

    fn take(&mut self, set: &Set) -> Result<(), FaultCode> {
        if self.flags.has(Flags::CASE_INSENSITIVE) {
            self.program.take(&set.fold_case())
        } else {
            self.program.take(set)
        }
    }

    fn dot(&mut self) -> Result<(), FaultCode> {
        let except = if self.flags.has(Flags::DOT_TAKES_ALL) {
            ""
        } else if self.flags.has(Flags::CRLF) {
            "\n\n\r\r"
        } else {
            "\n\n"
        };
        self.program.take(&Set::of_pairs(except, true))
    }

    fn line(&mut self, [text, line, crlf]: [Assertion; 3]) -> Result<(), FaultCode> {
        self.program.assert(if !self.flags.has(Flags::MULTI_LINE) {
            text
        } else if self.flags.has(Flags::CRLF) {
            crlf
        } else {
            line
        })
    }

    fn repetition(&mut self, item: usize) -> Result<(), FaultCode> {
        let operator = self.next;
        self.bump();
        let (min, max) = match operator {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            _ => self.counts()?,
        };
        // Lazy or not, there is the same match. Behind a blank this would be a repetition of the repetition.
        if self.next == Some('?') {
            self.bump();
        }
        self.program.repeat(item, min, max)
    }

    /// The numbers of a counted repetition, and its closing brace.
    fn counts(&mut self) -> Result<(u32, Option<u32>), FaultCode> {
        self.skip_blank();
        let min = self.number()?;
        let mut max = Some(min);
        if self.eat(',') {
            max = if self.next == Some('}') { None } else { Some(self.number()?) };
        }
        self.expect('}')?;
        if max.is_none_or(|max| min <= max) { Ok((min, max)) } else { Err(INVALID) }
    }

    fn number(&mut self) -> Result<u32, FaultCode> {
        self.skip_space();
        let mut number = None;
        while let Some(digit) = self.next.and_then(|char| char.to_digit(10)) {
            let shifted = number.unwrap_or(0u32).checked_mul(10);
            number = Some(shifted.and_then(|shifted| shifted.checked_add(digit)).ok_or(INVALID)?);
            self.advance();
        }
        self.skip_space();
        number.ok_or(INVALID)
    }

    /// A group, or flags for the rest of the one that is open; says which.
    fn group(&mut self) -> Result<bool, FaultCode> {
        self.advance();
        let outer = self.flags;
        if self.next == Some('?') {
            self.bump();
            if self.next == Some('P') && self.rest.starts_with('<') {
                self.bump();
            }
            if self.next == Some('<') {
                self.name()?;
            } else if !self.flags()? {
                return Ok(false);
            }
        }
        self.depth = self.depth.saturating_add(1);
        if self.depth > limits::PATTERN_DEPTH {
            return Err(FaultCode::LimitExceeded);
        }
        self.alternatives()?;
        self.depth = self.depth.saturating_sub(1);
        // What is blank behind the group is so by the flags outside of it.
        if self.next != Some(')') {
            return Err(INVALID);
        }
        self.bump();
        self.flags = outer;
        Ok(true)
    }

    /// The name of a group, which serves nothing but must be right. Here alone more is taken than regex-lite takes: any character
    /// that is not ASCII. The tables that tell letters from others would be a quarter of all this.
    fn name(&mut self) -> Result<(), FaultCode> {
        let (name, rest) = self.rest.split_once('>').ok_or(INVALID)?;
        let is_valid = name.chars().enumerate().all(|(index, char)| match char {
            '_' | 'A'..='Z' | 'a'..='z' | '\u{80}'.. => true,
            '.' | '[' | ']' | '0'..='9' => index > 0,
            _ => false,
        });
        if !is_valid || name.is_empty() || self.names.contains(&name) {
            return Err(INVALID);
        }
        self.names.push(name);
        self.rest = rest;
        self.bump();
        Ok(())
    }

    /// Sets flags, and says whether they are for a group, which follows.
    fn flags(&mut self) -> Result<bool, FaultCode> {
        let mut named = 0;
        let mut removed = None;
        loop {
            let char = self.next.ok_or(INVALID)?;
            self.bump();
            match char {
                '-' if removed.is_none() => removed = Some(0),
                // Neither `(?)` nor a minus with nothing behind it.
                ')' if named == 0 => return Err(INVALID),
                ')' | ':' if removed == Some(0) => return Err(INVALID),
                ')' | ':' => {
                    self.flags.0 = (self.flags.0 | named) & !removed.unwrap_or(0);
                    return Ok(char == ':');
                }
                _ => {
                    let flag = Flags::named(char).filter(|flag| named & flag == 0).ok_or(INVALID)?;
                    named |= flag;
                    removed = removed.map(|removed| removed | flag);
                }
            }
        }
    }
}
