//! Whom flags are evaluated for: the `context` of a request's body.

use std::borrow::Cow;
use std::collections::BTreeMap;

use burgee_core::{Attribute, Context, Json, Path, Value, attribute, limits};
use serde::Serialize;
use serde::ser::Serializer;

use super::refusal::{Code, Refusal};
use crate::envelope::Problem;
use crate::http::Body;
use crate::identity::{Claims, Identity};
use crate::json_body::{object, text, value, wrong};

const ROOT: Path<'_> = Path::Root;

/// What OpenFeature calls the targeting key: it is the user.
const TARGETING_KEY: &str = "targetingKey";

/// The attributes of a context by their names, each once, none of them null. The targeting key is `user_id`.
///
/// A sorted map: one flag set asks for the same names over and over, they are the caller's, so that a hash could be attacked,
/// and the same context has the same order however it was written.
#[derive(Debug, Default)]
pub(crate) struct RemoteContext<'a>(BTreeMap<Cow<'a, str>, Json<'a>>);

impl<'a> RemoteContext<'a> {
    /// Reads a body `{"context": {"targetingKey": "u1", …}}`. Without a body, and with a context that is absent or null, nobody
    /// is evaluated for. Of a repeated name the last counts; other members of the body are ignored.
    ///
    /// # Errors
    /// The body is not a JSON object or is past its limit (`PARSE_ERROR`); the context is not an object, is past its limit, holds
    /// what cannot be read, or has a targeting key that is not a string (`INVALID_CONTEXT`).
    pub(crate) fn read(body: &Body<'a>) -> Result<Self, Refusal> {
        let text = text(body).map_err(parse_error)?;
        if text.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        let path = Path::Name(&ROOT, "context");
        let mut context = None;
        for (name, raw) in object(text, &ROOT).map_err(parse_error)?.into_members() {
            if name == "context" {
                context = Some(raw);
            } else {
                // Of no use, but what cannot be held is refused wherever it stands.
                value(raw, &Path::Name(&ROOT, &name)).map_err(parse_error)?;
            }
        }
        let Some(raw) = context.filter(|raw| raw.get() != "null") else { return Ok(Self::default()) };
        if raw.get().len() > limits::CONTEXT_BYTES {
            let limit = limits::CONTEXT_BYTES;
            return Err(invalid(wrong(&path, &format!("is larger than {limit} bytes (CONTEXT_BYTES)"))));
        }
        let mut attributes = BTreeMap::new();
        for (name, raw) in object(raw.get(), &path).map_err(invalid)?.into_members() {
            let json = value(raw, &Path::Name(&path, &name)).map_err(invalid)?;
            attributes.insert(name, json);
        }
        attributes.retain(|_, json| *json != Json::Null);
        match attributes.remove(TARGETING_KEY) {
            None => {}
            // Nothing can be bucketed by it: it is as good as none.
            Some(Json::String(key)) if key.is_empty() => {}
            Some(key @ Json::String(_)) => {
                attributes.insert(attribute::USER_ID.into(), key);
            }
            Some(_) => return Err(invalid(wrong(&Path::Name(&path, TARGETING_KEY), "must be a string"))),
        }
        Ok(Self(attributes))
    }

    /// The same with what the caller's token says in place of what the body does.
    pub(crate) fn overruled_by(mut self, identity: &'a Identity) -> Self {
        for (name, value) in identity.claims().into_iter().flat_map(Claims::attributes) {
            self.0.insert(name.into(), Json::String(value.into()));
        }
        self
    }

    /// Whether it names a user, so that a missing unit is not for want of a targeting key.
    pub(crate) fn has_targeting_key(&self) -> bool {
        match self.0.get(attribute::USER_ID) {
            Some(Json::String(id)) => !id.is_empty(),
            Some(id) => id.as_safe_integer().is_some(),
            None => false,
        }
    }
}

fn parse_error(problem: Problem) -> Refusal {
    Refusal::new(Code::ParseError, problem)
}

fn invalid(problem: Problem) -> Refusal {
    Refusal::new(Code::InvalidContext, problem)
}

impl Context for RemoteContext<'_> {
    fn get(&self, attribute: &Attribute) -> Value<'_> {
        self.0.get(&*attribute.name).map_or(Value::Absent, Value::from)
    }

    fn any_item(&self, attribute: &Attribute, is_wanted: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        match self.0.get(&*attribute.name) {
            Some(Json::Array(items)) => items.iter().any(|item| is_wanted(item.into())),
            _ => false,
        }
    }
}

/// As JSON in one form, however it was written: names in order at every level.
impl Serialize for RemoteContext<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, json)| (name, InOrder(json))))
    }
}

struct InOrder<'a>(&'a Json<'a>);

impl Serialize for InOrder<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Json::Array(items) => serializer.collect_seq(items.iter().map(InOrder)),
            Json::Object(members) => {
                let sorted: BTreeMap<&str, InOrder<'_>> =
                    members.iter().map(|(name, json)| (name.as_ref(), InOrder(json))).collect();
                serializer.collect_map(sorted)
            }
            scalar => scalar.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::BODY_BYTES;

    fn read(body: &str) -> Result<RemoteContext<'_>, Refusal> {
        RemoteContext::read(&Body::Bytes(body.as_bytes()))
    }

    fn get<'c>(context: &'c RemoteContext<'_>, name: &str) -> Value<'c> {
        context.get(&Attribute { id: 0, name: name.into() })
    }

    #[test]
    fn the_targeting_key_is_the_user() {
        for (body, user) in [
            (r#"{"context": {"targetingKey": "u1"}}"#, Value::from("u1")),
            (r#"{"context": {"user_id": "u2"}}"#, "u2".into()),
            (r#"{"context": {"user_id": 7}}"#, 7.0.into()),
            (r#"{"context": {"targetingKey": "u1", "user_id": "u2"}}"#, "u1".into()),
            (r#"{"context": {"user_id": "u2", "targetingKey": "u1", "targetingKey": "u3"}}"#, "u3".into()),
            (r#"{"context": {"targetingKey": "", "user_id": "u2"}}"#, "u2".into()),
            (r#"{"context": {"targetingKey": null, "user_id": "u2"}}"#, "u2".into()),
        ] {
            let context = read(body).unwrap();
            assert_eq!(get(&context, "user_id"), user, "{body}");
            assert_eq!(get(&context, "targetingKey"), Value::Absent, "{body}");
            assert!(context.has_targeting_key(), "{body}");
        }
    }

    #[test]
    fn a_context_may_be_missing() {
        for body in ["", " \r\n\t", "{}", r#"{"context": null}"#, r#"{"context": {}}"#, r#"{"other": [1]}"#] {
            let context = read(body).unwrap();
            assert!(context.0.is_empty() && !context.has_targeting_key(), "{body}");
        }
        for body in
            [r#"{"context": {"user_id": ""}}"#, r#"{"context": {"user_id": true}}"#, r#"{"context": {"user_id": 0.5}}"#]
        {
            assert!(!read(body).unwrap().has_targeting_key(), "{body}");
        }
    }

    #[test]
    fn all_other_members_are_attributes_as_they_are() {
        let context =
            read(r#"{"context": {"a": 1, "b": [true, "x"], "c": {"d": 1}, "e": null, "a": "last"}}"#).unwrap();
        assert_eq!(get(&context, "a"), "last".into());
        assert_eq!(get(&context, "b"), Value::List);
        let list = Attribute { id: 0, name: "b".into() };
        assert!(context.any_item(&list, &mut |item| item == "x".into()));
        assert!(!context.any_item(&list, &mut |item| item == "y".into()));
        assert_eq!(get(&context, "c"), Value::Object);
        assert_eq!(get(&context, "e"), Value::Absent);
        assert_eq!(get(&context, "d"), Value::Absent);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_code_and_place() {
        let wide = format!(r#"{{"context": {{"a": "{}"}}}}"#, "x".repeat(limits::CONTEXT_BYTES));
        let deep = format!(r#"{{"context": {{"a": {}1{}}}}}"#, "[".repeat(200), "]".repeat(200));
        for (body, code, place) in [
            ("{", Code::ParseError, "the body must be JSON"),
            ("{} x", Code::ParseError, "the body must be JSON"),
            ("[]", Code::ParseError, "the body must be an object"),
            ("null", Code::ParseError, "the body must be an object"),
            (r#"{"\ud800": 1}"#, Code::ParseError, "the body must be JSON"),
            (r#"{"other": ["\ud800"]}"#, Code::ParseError, "/other cannot be read"),
            (r#"{"context": "u1"}"#, Code::InvalidContext, "/context must be an object"),
            (r#"{"context": []}"#, Code::InvalidContext, "/context must be an object"),
            (r#"{"context": {"targetingKey": 1}}"#, Code::InvalidContext, "/context/targetingKey must be a string"),
            (r#"{"context": {"targetingKey": {}}}"#, Code::InvalidContext, "/context/targetingKey must be a string"),
            (r#"{"context": {"a/b": ["\ud800"]}}"#, Code::InvalidContext, "/context/a~1b cannot be read"),
            (r#"{"context": {"\udc00": 1}}"#, Code::InvalidContext, "/context cannot be read"),
            (r#"{"context": {"n": 1e999}}"#, Code::InvalidContext, "/context/n cannot be read"),
            (&deep, Code::InvalidContext, "/context/a cannot be read"),
            (&wide, Code::InvalidContext, "/context is larger than 65536 bytes (CONTEXT_BYTES)"),
        ] {
            let refusal = read(body).unwrap_err();
            assert_eq!(refusal.code, code, "{place}");
            assert!(refusal.problem.message.starts_with(place), "expected {place}, got {}", refusal.problem.message);
        }
        let large = vec![b' '; BODY_BYTES + 1];
        for body in [Body::TooLarge, Body::Broken, Body::Bytes(&[0xff]), Body::Bytes(&large)] {
            assert_eq!(RemoteContext::read(&body).unwrap_err().code, Code::ParseError);
        }
    }

    #[test]
    fn one_form_however_it_was_written() {
        let form = |body| serde_json::to_string(&read(body).unwrap()).unwrap();
        let expected = r#"{"a":{"x":[{"p":1,"q":2}],"y":1},"user_id":"u1"}"#;
        for body in [
            r#"{"context": {"targetingKey": "u1", "a": {"x": [{"p": 1, "q": 2}], "y": 1}}}"#,
            r#"{"context": {"a": {"y": 1, "x": [{"q": 2, "p": 1}]}, "targetingKey": "u1", "n": null}}"#,
            r#"{"context": {"a": 1, "a": {"y": 0, "y": 1, "x": [{"q": 2, "p": 1}]}, "user_id": "u1"}}"#,
        ] {
            assert_eq!(form(body), expected, "{body}");
        }
    }
}
