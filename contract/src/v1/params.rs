//! The parameters of a query, checked against the table of operations.

use burgee_core::time::parse_rfc3339;

use super::input::is_key;
use crate::envelope::Problem;
use crate::operations::{Entry, Kind};
use crate::query::Query;

/// A query whose parameters are all what the table says.
#[derive(Debug)]
pub(super) struct Params<'a>(Query<'a>);

impl<'a> Params<'a> {
    /// Reads the query of an operation. What the table does not name is not looked at.
    ///
    /// # Errors
    /// 400, naming the parameter and what it must be.
    pub(super) fn read(entry: &Entry, query: &'a str) -> Result<Self, Problem> {
        let query = Query::parse(query)?;
        for parameter in entry.query {
            let Some(given) = query.first(parameter.name) else {
                if parameter.required {
                    return Err(Problem::invalid(format!("the parameter {} is missing", parameter.name)));
                }
                continue;
            };
            check(parameter.kind, given)
                .map_err(|must| Problem::invalid(format!("the parameter {} must be {must}", parameter.name)))?;
        }
        Ok(Self(query))
    }

    /// A parameter that is there and not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)
    }

    /// A parameter as a text of its own.
    pub(super) fn owned(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    /// A whole number.
    pub(super) fn integer(&self, name: &str) -> Option<i64> {
        self.get(name).and_then(|text| text.parse().ok())
    }

    /// A time, in ms since the epoch.
    pub(super) fn time(&self, name: &str) -> Option<i64> {
        self.get(name).and_then(parse_rfc3339)
    }
}

/// Whether a parameter is what it must be.
///
/// # Errors
/// What it must be.
fn check(kind: Kind, given: &str) -> Result<(), String> {
    let (is_right, must) = match kind {
        Kind::Text => (true, String::new()),
        Kind::Key => {
            (given.is_empty() || is_key(given), "made of A-Z a-z 0-9 . _ -, 128 characters at most".to_owned())
        }
        Kind::Integer(least, most) => {
            let is_written = !given.is_empty() && given.bytes().all(|byte| byte.is_ascii_digit());
            let number = given.parse().ok().filter(|number| (least..=most).contains(number));
            (is_written && number.is_some(), format!("a whole number from {least} to {most}"))
        }
        Kind::OneOf(words) => (words.contains(&given), format!("one of {}", words.join(", "))),
        Kind::Time => (parse_rfc3339(given).is_some(), "a time as 2026-01-15T09:00:00Z (RFC 3339)".to_owned()),
        Kind::PageToken => (!given.is_empty(), "the next_page_token of an answer".to_owned()),
    };
    if is_right { Ok(()) } else { Err(must) }
}
