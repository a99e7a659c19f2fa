//! Reading an escape sequence.

use super::class::{DIGIT, SPACE, WORD};
use super::parse::{INVALID, Parser};
use super::program::Assertion;
use crate::fault::FaultCode;

/// What an escape sequence stands for.
pub(super) enum Escape {
    Char(char),
    /// What [`of_pairs`](super::set::Set::of_pairs) takes.
    Set(&'static str, bool),
    Assertion(Assertion),
}

/// What may stand in braces behind `\b`, and the brace that closes them.
const BOUNDARIES: [(&str, Assertion); 4] = [
    ("start}", Assertion::WordStart),
    ("end}", Assertion::WordEnd),
    ("start-half}", Assertion::WordStartHalf),
    ("end-half}", Assertion::WordEndHalf),
];

impl Parser<'_> {
    /// A backslash and what belongs to it.
    pub(super) fn escape(&mut self) -> Result<Escape, FaultCode> {
        self.bump();
        let char = self.next.ok_or(INVALID)?;
        self.bump();
        // A name in braces must follow at once.
        if char != 'b' {
            self.skip_blank();
        }
        Ok(match char {
            'a' => Escape::Char('\x07'),
            'f' => Escape::Char('\x0c'),
            'n' => Escape::Char('\n'),
            'r' => Escape::Char('\r'),
            't' => Escape::Char('\t'),
            'v' => Escape::Char('\x0b'),
            'x' => Escape::Char(self.hexadecimal(2)?),
            'u' => Escape::Char(self.hexadecimal(4)?),
            'U' => Escape::Char(self.hexadecimal(8)?),
            'd' | 'D' => Escape::Set(DIGIT, char == 'D'),
            's' | 'S' => Escape::Set(SPACE, char == 'S'),
            'w' | 'W' => Escape::Set(WORD, char == 'W'),
            'A' => Escape::Assertion(Assertion::TextStart),
            'z' => Escape::Assertion(Assertion::TextEnd),
            'b' => Escape::Assertion(self.boundary()?),
            'B' => Escape::Assertion(Assertion::NoWordBoundary),
            '<' => Escape::Assertion(Assertion::WordStart),
            '>' => Escape::Assertion(Assertion::WordEnd),
            _ if char.is_ascii() && !char.is_ascii_alphanumeric() => Escape::Char(char),
            _ => return Err(INVALID),
        })
    }

    /// The character of so many hexadecimal digits, or of any number of them in braces.
    fn hexadecimal(&mut self, digits: u32) -> Result<char, FaultCode> {
        let is_braced = self.eat('{');
        let mut code_point: u32 = 0;
        let mut count: u32 = 0;
        loop {
            let digit = self.next.and_then(|char| char.to_digit(16)).ok_or(INVALID)?;
            self.advance();
            // Saturated it is no character, just as what it would be.
            code_point = code_point.saturating_mul(16).saturating_add(digit);
            count = count.saturating_add(1);
            let is_last = if is_braced { self.eat('}') } else { count == digits };
            if is_last {
                return char::from_u32(code_point).ok_or(INVALID);
            }
        }
    }

    /// What `\b` stands for, which a name in braces may say.
    fn boundary(&mut self) -> Result<Assertion, FaultCode> {
        let start = (self.next, self.rest);
        if self.eat('{') {
            let inside = (self.next, self.rest);
            for (name, assertion) in BOUNDARIES {
                if name.chars().all(|char| self.eat(char)) {
                    return Ok(assertion);
                }
                (self.next, self.rest) = inside;
            }
            if matches!(self.next, Some('a'..='z' | 'A'..='Z' | '-')) {
                return Err(INVALID);
            }
        }
        // Braces with no name in them are a repetition.
        (self.next, self.rest) = start;
        Ok(Assertion::WordBoundary)
    }
}
