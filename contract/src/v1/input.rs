//! Reading bodies: all faults of one are listed at once, each with its place.

use std::borrow::Cow;

use burgee_core::{Fault, FaultCode, Json, Path};

use crate::envelope::{ErrorCode, Problem};
use crate::http::{Body, Header, Request};
use crate::operations::{self, Media};

/// The members of an object, in the order written.
pub(super) type Members<'a> = Vec<(Cow<'a, str>, Json<'a>)>;

/// What is said of a key that is none.
pub(super) const KEY: &str = "must be 1 to 128 characters of A-Z a-z 0-9 . _ -";

/// Whether it is a key: of a flag, a segment, a gate.
pub(super) fn is_key(text: &str) -> bool {
    crate::settings::is_tenant(text)
}

/// Whether a body that is expected is missing.
pub(super) fn is_missing(request: &Request<'_>) -> bool {
    match request.body {
        Body::None => true,
        Body::Bytes(bytes) => bytes.trim_ascii().is_empty(),
        Body::TooLarge | Body::Broken => false,
    }
}

/// The text of a body, of a type and size that the operation takes.
///
/// # Errors
/// 415 for another type, 413 for one that is too large, 400 where it is missing, broke off or is not UTF-8.
pub(super) fn text<'a>(request: &Request<'a>, media: Media, limit: usize) -> Result<&'a str, Problem> {
    check_type(request, media)?;
    match request.body {
        Body::Bytes(bytes) if bytes.len() <= limit => {
            std::str::from_utf8(bytes).map_err(|_| Problem::invalid("the body is not UTF-8"))
        }
        Body::Bytes(_) | Body::TooLarge => {
            Err(Problem::new(ErrorCode::LimitExceeded, format!("the body is larger than {limit} bytes"))
                .with(|more| more.status = Some(413)))
        }
        Body::Broken => Err(Problem::invalid("the body broke off")),
        Body::None => Err(Problem::invalid("the body is missing")),
    }
}

/// The same for the operation that a request is of.
pub(super) fn text_of<'a>(request: &Request<'a>) -> Result<&'a str, Problem> {
    let body = operations::entry(crate::Route::of(request.method, request.path)).and_then(|entry| entry.body);
    let body = body.ok_or_else(|| Problem::new(ErrorCode::InternalError, "this operation has no body"))?;
    text(request, body.media, body.limit)
}

fn check_type(request: &Request<'_>, media: Media) -> Result<(), Problem> {
    let Some(given) = request.headers.get(Header::ContentType) else { return Ok(()) };
    let essence = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_json = essence == "application/json" || essence.starts_with("application/") && essence.ends_with("+json");
    match media {
        Media::Any => Ok(()),
        _ if is_json => Ok(()),
        Media::JsonOrForm if is_form(request) => Ok(()),
        _ => Err(Problem::new(ErrorCode::UnsupportedMediaType, "the body's type is not read here")
            .hint("send Content-Type: application/json")),
    }
}

/// Whether a body is a form.
pub(super) fn is_form(request: &Request<'_>) -> bool {
    let given = request.headers.get(Header::ContentType).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// Reads a JSON object.
///
/// # Errors
/// 400: the text is not JSON, or not an object.
pub(super) fn object(text: &str) -> Result<Members<'_>, Problem> {
    match Json::parse(text) {
        Ok(Json::Object(members)) => Ok(members),
        Ok(_) => Err(Problem::invalid("the body must be an object")),
        Err(error) => {
            Err(Problem::invalid(format!("the body must be JSON: {}", reason(&error))).hint(
                "strings must be well-formed Unicode, without lone surrogates; numbers must fit a double; at most 127 levels",
            ))
        }
    }
}

fn reason(error: &serde_json::Error) -> String {
    let place = format!("line {} column {}", error.line(), error.column());
    if error.is_eof() { format!("it ends at {place}") } else { format!("broken at {place}") }
}

/// A JSON object that may be missing.
///
/// # Errors
/// As [`text_of`] and [`object`].
pub(super) fn optional_object<'a>(request: &Request<'a>) -> Result<Members<'a>, Problem> {
    if is_missing(request) { Ok(Vec::new()) } else { object(text_of(request)?) }
}

/// The faults of a body.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    /// Notes a fault.
    pub(super) fn add(&mut self, code: FaultCode, path: &Path<'_>, message: &'static str) {
        // As many as a person could mend; a body can have a hundred thousand.
        if self.0.len() < 100 {
            self.0.push(Fault { code, pointer: path.to_string(), message: Cow::Borrowed(message) });
        }
    }

    /// That there is none.
    ///
    /// # Errors
    /// 422, with all of them.
    pub(super) fn none(self) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(invalid(self.0)) }
    }
}

/// The problem that a body's faults are.
pub(super) fn invalid(faults: Vec<Fault>) -> Problem {
    let message = match &*faults {
        [fault] => fault.to_string(),
        faults => format!("the body has {} faults; errors lists them", faults.len()),
    };
    Problem::new(ErrorCode::ValidationError, message).with(|more| more.faults = faults)
}

/// The members of an object that is read; `null` is as good as absent, and of a repeated name the last counts.
#[derive(Clone, Copy)]
pub(super) struct Fields<'j, 'p> {
    members: &'j [(Cow<'j, str>, Json<'j>)],
    path: &'p Path<'p>,
}

impl<'j, 'p> Fields<'j, 'p> {
    /// Of an object at a place.
    pub(super) fn of(members: &'j [(Cow<'j, str>, Json<'j>)], path: &'p Path<'p>) -> Self {
        Self { members, path }
    }

    /// A member.
    pub(super) fn get(&self, name: &str) -> Option<&'j Json<'j>> {
        let found = self.members.iter().rev().find(|(known, _)| known == name);
        found.map(|(_, value)| value).filter(|value| **value != Json::Null)
    }

    /// A member that must be there.
    pub(super) fn need(&self, name: &str, faults: &mut Faults) -> Option<&'j Json<'j>> {
        let found = self.get(name);
        if found.is_none() {
            self.fault(name, FaultCode::Missing, "is missing", faults);
        }
        found
    }

    /// Notes a fault of a member.
    pub(super) fn fault(&self, name: &str, code: FaultCode, message: &'static str, faults: &mut Faults) {
        faults.add(code, &Path::Name(self.path, name), message);
    }

    /// A key that must be there.
    pub(super) fn key(&self, name: &str, faults: &mut Faults) -> Option<&'j str> {
        match self.need(name, faults)? {
            Json::String(key) if is_key(key) => Some(key),
            Json::String(_) => {
                self.fault(name, FaultCode::InvalidValue, KEY, faults);
                None
            }
            _ => {
                self.fault(name, FaultCode::WrongType, KEY, faults);
                None
            }
        }
    }

    /// A text of at most so many bytes.
    pub(super) fn text(&self, name: &str, bytes: usize, faults: &mut Faults) -> Option<&'j str> {
        match self.get(name)? {
            Json::String(text) if text.len() <= bytes => Some(text),
            Json::String(_) => {
                self.fault(name, FaultCode::LimitExceeded, "is too long", faults);
                None
            }
            _ => {
                self.fault(name, FaultCode::WrongType, "must be a string", faults);
                None
            }
        }
    }

    /// A whole number that is not negative.
    pub(super) fn count(&self, name: &str, faults: &mut Faults) -> Option<u64> {
        let found = self.get(name)?;
        let count = found.as_safe_integer().and_then(|number| u64::try_from(number).ok());
        if count.is_none() {
            self.fault(name, FaultCode::InvalidValue, "must be a whole number from 0", faults);
        }
        count
    }

    /// Notes every member that is not one of these.
    pub(super) fn no_others(&self, names: &[&str], faults: &mut Faults) {
        for (name, _) in self.members.iter().filter(|(name, _)| !names.contains(&name.as_ref())) {
            self.fault(name, FaultCode::InvalidValue, "is not known here", faults);
        }
    }
}
