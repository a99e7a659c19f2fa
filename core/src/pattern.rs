//! Regular expressions: compiled once, matched in linear time, within bounds on both.
//!
//! The syntax and the answers are those of the crate regex-lite, which the tests compare with. Only whether there is a match is ever
//! asked, so there are no captures, and which way to a match is preferred (`a*` or `a*?`) does not count: a pattern is an automaton
//! whose states are all followed at once.

use alloc::boxed::Box;

use crate::fault::FaultCode;
use crate::limits;
use crate::text::Text;
use program::Program;

mod class;
mod escape;
mod parse;
mod program;
#[cfg(test)]
mod random_tests;
mod search;
mod set;
#[cfg(test)]
mod tests;

/// A compiled regular expression, of the syntax of regex-lite.
#[derive(Debug)]
pub(crate) struct Pattern {
    text: Box<str>,
    program: Program,
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// `LimitExceeded` past [`limits::PATTERN_BYTES`], [`limits::PATTERN_INSTRUCTIONS`] or [`limits::PATTERN_DEPTH`], `InvalidValue` for
    /// what is no regular expression.
    pub(crate) fn new(text: &str) -> Result<Self, FaultCode> {
        if text.len() > limits::PATTERN_BYTES {
            return Err(FaultCode::LimitExceeded);
        }
        Ok(Self { text: text.into(), program: parse::parse(text)? })
    }

    /// How many instructions it is compiled to.
    pub(crate) fn instructions(&self) -> usize {
        self.program.code.len()
    }

    /// The pattern as it was written.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether there is a match in a text; none in a text with a lone surrogate, or of more than [`limits::MATCHED_BYTES`].
    pub(crate) fn finds(&self, text: Text<'_>) -> bool {
        text.as_bytes().len() <= limits::MATCHED_BYTES
            && text.as_str().is_some_and(|text| self.program.matches(text, || ()))
    }
}
